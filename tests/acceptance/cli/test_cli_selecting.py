"""Selections on the command line, and what a process that was killed leaves for `status` and `runs` to show."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Call = Callable[..., Any]
PIPELINE = """
import os, signal, time
from pathlib import Path
from penstock import asset

@asset("z.json")
def z() -> int:
    if Path("deadly").exists():
        os.kill(os.getpid(), signal.SIGKILL)
    return 1

@asset("b.json", on=z)
def b(z: int) -> int:
    return z

@asset("a.json", on=b, tags=["last"])
def a(b: int) -> int:
    return b
"""


@pytest.fixture
def chain(tmp_path: Path) -> Path:
    """A project whose order is not that of the alphabet."""
    (tmp_path / "pipeline.py").write_text(PIPELINE)
    (tmp_path / "penstock.toml").write_text('definitions = ["pipeline.py"]\n')
    return tmp_path


def shown(said: Any) -> list[str]:
    """The first words of the rows of a table."""
    lines = said.out.splitlines()
    first = next(number for number, line in enumerate(lines) if line.startswith("─")) + 1
    return [line.split()[0] for line in lines[first : first + 3] if line and line.split()[0] in "zba"]


def test_names_are_selections(chain: Path, penstock: Call) -> None:
    """As arguments as with `--select`, and both together, in `materialize`, `plan`, `list` and `status`."""
    said = penstock(chain, "materialize", "z", "-s", "b", "--only", "--json").json
    assert [one["asset"] for one in said["assets"]] == ["z", "b"]
    assert penstock(chain, "materialize", "+tag:last", "--quiet").code == 0
    for command in ("plan", "list", "status"):
        assert shown(penstock(chain, command)) == ["z", "b", "a"], command
        assert shown(penstock(chain, command, "tag:last", "z")) == ["z", "a"], command
    for command in ("materialize", "plan", "list", "status"):
        said = penstock(chain, command, "zz")
        assert (said.code, "the selection 'zz' selects nothing: there is no asset 'zz'" in said.err) == (2, True)


SHARED = """
from penstock import Daily, Dataset, Partition, asset

raw = Dataset("raw/{day}.json", partitions=Daily(start="2026-01-01", end="2026-02-01"))

@asset("sums/{day}.json", partitions=raw.partitions, on=raw)
def sums(raw: object, day: Partition) -> str:
    return day.key

@asset("total.json", on=raw)
def total(raw: dict) -> int:
    return len(raw)

@asset("report.json", on=sums)
def report(sums: dict) -> int:
    return len(sums)
"""


def test_what_a_materialization_makes_besides_is_said(tmp_path: Path, penstock: Call) -> None:
    """By `plan` of a selection: what waits for the same data, and for that; by then it is made. Nothing besides where
    nothing is news."""
    (tmp_path / "penstock.toml").write_text('project = "shared"\ndefinitions = ["pipeline.py"]\n')
    (tmp_path / "pipeline.py").write_text(SHARED)
    (tmp_path / "data/raw").mkdir(parents=True)
    for day in (1, 2, 3):
        (tmp_path / f"data/raw/2026-01-0{day}.json").write_text("1")
    told = penstock(tmp_path, "plan", "total")
    assert "1 run. `penstock materialize` of these makes also what waits for the same data, or for them: " in told.words
    assert "sums (3), report (1)." in told.words
    assert penstock(tmp_path, "plan", "total", "--json").json["beside"] == {"sums": 3, "report": 1}
    assert penstock(tmp_path, "plan", "--json").json["beside"] == {}
    made = penstock(tmp_path, "materialize", "total", "--json").json["assets"]
    assert sorted(one["asset"] for one in made) == ["report", "sums", "sums", "sums", "total"]
    assert penstock(tmp_path, "plan", "total", "--json").json["beside"] == {}


def test_a_run_whose_process_is_gone_is_told_as_such(chain: Path, penstock: Call, shell: Call) -> None:
    """Left behind, not running, until the next materialization; what it took is the work, not the time between."""
    (chain / "deadly").touch()
    assert shell(chain, "penstock materialize z").code != 0
    (chain / "deadly").unlink()
    said = penstock(chain, "status")
    assert "1 running (1 left behind)" in said.words
    assert "Nothing is at work: `penstock up` starts it." in said.words
    assert "left behind" in said.out.splitlines()[4]
    assert "left behind: its process is gone (1 asset asked for)" in said.words
    assert "its process is gone; `penstock up`, or the next `penstock materialize`, tries it again" in said.words
    (gone,) = penstock(chain, "status", "--json").json["left_behind"]
    last = [one["last_run"] for one in penstock(chain, "status", "--json").json["assets"]]
    assert [one["id"] for one in last if one and one["left_behind"]] == [gone]
    assert "left behind" in penstock(chain, "runs").words
    assert penstock(chain, "runs", gone, "--json").json["left_behind"]
    time.sleep(2)
    assert penstock(chain, "materialize", "z", "--quiet").code == 0
    assert "left behind" not in penstock(chain, "status").words
    run = penstock(chain, "runs", gone, "--json").json
    assert [one["outcome"] for one in run["attempts"]] == ["lost", "success"]
    assert 0 < run["took"] < 2
    listed = penstock(chain, "runs", "--json").json["runs"]
    assert [one["took"] for one in listed if one["id"] == gone] == [run["took"]]


@pytest.mark.parametrize("command", [[], ["materialize"], ["db"], ["db", "upgrade"], ["trace"]])
def test_the_help_shows_no_type_of_a_flag(chain: Path, shell: Call, command: list[str]) -> None:
    """A flag takes no value; every exit code is told."""
    said = shell(chain, f"penstock {' '.join(command)} --help")
    assert said.code == 0
    assert "bool" not in said.out
    if not command:
        assert "130: stopped by Ctrl-C; 143: by SIGTERM" in " ".join(said.out.split())
