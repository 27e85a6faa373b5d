"""The commands that make: what is printed where, what is made, and with which exit code."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ASSETS = ["lines", "words", "favourites"]
Call = Callable[..., Any]


def test_init_makes_a_project_that_runs(tmp_path: Path, penstock: Call) -> None:
    """Settings, definitions, input and what not to commit are there, the next step is said and works."""
    said = penstock(tmp_path, "init", "my shop")
    assert (said.code, said.err) == (0, "")
    assert "cd 'my shop'" in said.out
    assert "penstock materialize" in said.out
    made = {str(path.relative_to(tmp_path / "my shop")) for path in (tmp_path / "my shop").rglob("*") if path.is_file()}
    assert made == {"penstock.toml", "pipeline.py", "data/zen.txt", ".gitignore"}
    assert penstock(tmp_path / "my shop", "check").code == 0
    result = penstock(tmp_path / "my shop", "materialize", "--json")
    assert [one["result"] for one in result.json["assets"]] == ["changed"] * 3
    assert json.loads((tmp_path / "my shop" / "data" / "favourites.json").read_text())[0] == "better"


def test_init_overwrites_nothing(fresh: Path, penstock: Call) -> None:
    """Where one of its files is, none is written."""
    (fresh / "pipeline.py").unlink()
    (fresh / "penstock.toml").write_text("# mine")
    said = penstock(fresh, "init")
    assert said.code == 2
    assert "penstock.toml" in said.err
    assert (fresh / "penstock.toml").read_text() == "# mine"
    assert not (fresh / "pipeline.py").exists()


def test_materialize_tells_what_it_makes_and_why(fresh: Path, penstock: Call) -> None:
    """Progress on standard error, the table on standard output: asset, result, version, rows, size, time and why."""
    said = penstock(fresh, "materialize")
    assert said.code == 0
    assert said.err.splitlines()[0] == "looked at zen: new"
    assert "lines: running, first build" in said.err
    rows = [line.split() for line in said.out.splitlines()]
    assert " ".join(rows[0]) == "Looked at 1 source: zen new."
    assert rows[1] == ["asset", "result", "version", "rows", "size", "time", "why"]
    assert [(row[0], row[1], row[-2:]) for row in rows[3:6]] == [
        (name, "changed", ["first", "build"]) for name in ASSETS
    ]
    assert re.fullmatch(r"3 changed in \d+\.\d+ s\.", said.out.splitlines()[-1])


def test_a_second_materialize_executes_nothing_and_says_why(fresh: Path, penstock: Call) -> None:
    """Every asset is skipped as unchanged, with the version that stands; an edit runs exactly what it reaches."""
    first = penstock(fresh, "materialize", "--json").json
    second = penstock(fresh, "materialize", "--json").json
    assert [one["result"] for one in second["assets"]] == ["skipped"] * 3
    assert [one["reason"]["kind"] for one in second["assets"]] == ["unchanged"] * 3
    assert [one["outputs"][0]["digest"] for one in second["assets"]] == [
        one["outputs"][0]["digest"] for one in first["assets"]
    ]
    assert "Looked at 1 source (zen): nothing changed." in penstock(fresh, "materialize").words
    with (fresh / "data" / "zen.txt").open("a") as file:
        file.write("!\n")  # a line without a word
    third = penstock(fresh, "materialize").words
    assert "Looked at 1 source: zen changed." in third
    assert "words confirmed" in third
    assert "favourites skipped" in third


def test_a_dry_run_makes_nothing(fresh: Path, penstock: Call) -> None:
    """It says what would happen, in the order of the graph; no run, version or file comes of it."""
    said = penstock(fresh, "materialize", "--dry-run", "--json")
    assert [(one["asset"], one["outcome"]) for one in said.json["assets"]] == [(name, "run") for name in ASSETS]
    assert penstock(fresh, "runs", "--json").json["runs"] == []
    assert [path.name for path in (fresh / "data").iterdir()] == ["zen.txt"]
    shown = penstock(fresh, "materialize", "--dry-run", "-s", "lines", "--only").words
    assert "lines run first build" in shown
    assert "words" not in shown


def test_a_selection_a_parameter_and_force(fresh: Path, penstock: Call) -> None:
    """`--only` keeps to the selection, `--param` counts for this once and has the type of its default, `--force`
    makes what is up to date."""
    said = penstock(fresh, "materialize", "-s", "+words", "--only", "--json").json
    assert [one["asset"] for one in said["assets"]] == ["lines", "words"]
    said = penstock(fresh, "materialize", "-s", "favourites", "--param", "favourites.top=2", "--json").json
    assert said["assets"][0]["reason"]["kind"] == "first_build"
    assert len(json.loads((fresh / "data" / "favourites.json").read_text())) == 2
    forced = penstock(fresh, "materialize", "-s", "lines", "-s", "words", "--force", "--only", "--json").json
    assert [(one["asset"], one["result"]) for one in forced["assets"]] == [
        ("lines", "confirmed"),
        ("words", "confirmed"),
    ]


@pytest.mark.parametrize("only", [False, True])
def test_a_parameter_that_this_call_never_comes_to_is_refused(fresh: Path, penstock: Call, only: bool) -> None:
    """It would have no effect: what it is for is not selected, and nothing that is leads to it."""
    select = ["lines", "--only"] if only else ["favourites"]
    name = "favourites.top=2" if only else "other.size=1"
    (fresh / "pipeline.py").write_text((fresh / "pipeline.py").read_text() + OTHER)
    for dry in ([], ["--dry-run"]):
        said = penstock(fresh, "materialize", "-s", *select, "--param", name, *dry)
        assert said.code == 2
        asset = name.partition(".")[0]
        assert f"would have no effect: {asset} is not selected" in said.err
        assert f"Select {asset} too, or leave the parameter out." in said.err
    assert not list((fresh / "data").glob("*.parquet"))


OTHER = """
@asset("other.json")
def other(*, size: int = 0) -> int:
    return size
"""


def test_a_parameter_of_which_nothing_came_is_told(fresh: Path, penstock: Call) -> None:
    """What it is for got no news, or is confirmed; where it ran, or is up to date with it, nothing is said."""
    note = "Parameter: favourites.top had no effect: there was no run of favourites; `penstock materialize favourites "
    note += "--param favourites.top=…` makes one."
    given = ("--param", "favourites.top=2")
    assert note not in penstock(fresh, "materialize", *given).words
    assert note not in penstock(fresh, "materialize", *given).words
    assert note in penstock(fresh, "materialize", "-s", "lines", *given).words
    assert note in penstock(fresh, "materialize", "-s", "lines", *given, "--dry-run").words
    said = penstock(fresh, "materialize", "-s", "lines", "--force", *given, "--json").json
    assert said["unused_parameters"] == ["favourites.top"]
    (fresh / "data" / "zen.txt").write_text("another text\n")
    said = penstock(fresh, "materialize", "-s", "lines", "--param", "favourites.top=1", "--json").json
    assert said["unused_parameters"] == []


def test_a_failure_is_told_with_its_place_and_the_next_step(broken: Path, penstock: Call) -> None:
    """Exit code 1; what does not depend on it is made, what does is held; the message is harmless, the trace is one
    command away."""
    said = penstock(broken, "materialize")
    assert said.code == 1
    assert "bad failed first build" in " ".join(re.sub(r"\d+\.\d+ s", "", said.out).split())
    assert "after held upstream failed: bad" in said.words
    assert "parts → head changed" in said.words
    assert "parts → tail" in said.words
    assert re.search(r"bad failed: ValueError: no \[bold\]use\ufffd \(\S+pipeline\.py:12\)", said.err)
    assert "Traceback" not in said.err
    (step,) = re.findall(r"^penstock (runs \w+) shows", said.err, re.MULTILINE)
    detail = penstock(broken, *step.split())
    assert 'raise ValueError("no ' in detail.out
    assert "\x1b" not in detail.out + said.out + said.err
    assert "Traceback" in penstock(broken, "materialize", "--traceback").err
    assert "ValueError: no [bold]use" in penstock(broken, "status").out


def test_quiet_shows_errors_alone(broken: Path, penstock: Call) -> None:
    """With --quiet a success says nothing and a failure says what failed."""
    done = penstock(broken, "materialize", "-q", "-s", "lines", "--only")
    assert (done.code, done.out, done.err) == (0, "", "")
    said = penstock(broken, "materialize", "-q")
    assert (said.code, said.out) == (1, "")
    assert said.err.startswith("bad failed: ")


def test_the_json_of_a_failure_is_complete(broken: Path, penstock: Call) -> None:
    """State, reasons, the error with its trace, and each of several outputs."""
    said = penstock(broken, "materialize", "--json")
    assert said.code == 1
    assert said.json["state"] == "failed"
    by_name = {one["asset"]: one for one in said.json["assets"]}
    assert by_name["bad"]["error"]["type"] == "ValueError"
    assert by_name["after"]["reason"]["names"] == ["bad"]
    assert by_name["after"]["run"] is None
    assert [one["dataset"] for one in by_name["parts"]["outputs"]] == ["head", "tail"]
    assert set(by_name["parts"]["outputs"][0]) == {"dataset", "uri", "digest", "kind", "rows", "size"}


def test_json_stands_alone_whatever_the_project_prints(fresh: Path, shell: Call) -> None:
    """What definitions, producers and their subprocesses print goes to standard error."""
    (fresh / "pipeline.py").write_text(
        "import subprocess\nfrom penstock import asset\nprint('imported')\n"
        "@asset('a.json')\ndef a() -> int:\n    print('called')\n    subprocess.run(['echo', 'child'])\n    return 1\n"
    )
    said = shell(fresh, "penstock materialize --json")
    assert said.json["state"] == "success"
    assert {"imported", "called", "child"} <= set(said.err.split())


def test_lineage_that_waits_is_told_and_is_no_part_of_the_time(fresh: Path, penstock: Call) -> None:
    """How much, for whom and why, and what becomes of it; a destination that works is not mentioned."""
    toml = (fresh / "penstock.toml").read_text()
    dead = '[lineage.dead]\ntype = "http"\nurl = "http://127.0.0.1:9"\n'
    file = '[lineage.file]\ntype = "file"\npath = "l.ndjson"\n'
    (fresh / "penstock.toml").write_text(toml + dead + file)
    said = penstock(fresh, "materialize")
    assert said.code == 0
    name = penstock(fresh, "config", "--json").json[0]["value"]
    assert said.out.splitlines()[-1] == (
        f"Lineage: 6 events wait for {name}/dead (http://127.0.0.1:9/api/v1/lineage: Connection refused); "
        "the next materialization sends them."
    )
    assert [one["pending"] for one in penstock(fresh, "materialize", "--json").json["undelivered"]] == [6]
    assert len((fresh / "l.ndjson").read_text().splitlines()) == 6


HELD = """
from penstock import asset

@asset("first.json")
def first() -> int:
    raise ValueError("not today")

@asset("second.json")
def second(first: int, *, top: int = 1) -> int:
    return top

@asset("third.json")
def third(second: int) -> int:
    return second
"""


def test_a_parameter_of_what_was_held_is_told_with_what_held_it(fresh: Path, penstock: Call) -> None:
    """It was asked for: the next step is to mend what failed, and to give the parameter again."""
    (fresh / "pipeline.py").write_text(HELD)
    said = penstock(fresh, "materialize", "+second", "--param", "second.top=8", width=250).words
    assert "second.top had no effect: second was held (upstream failed: first); once that is mended, `penstock" in said
    assert "`penstock materialize second --param second.top=…` makes it." in said


def test_an_input_that_was_never_made_is_told_with_the_next_step(fresh: Path, penstock: Call) -> None:
    """`+second` makes what it reads; where that was asked for and failed, nothing is added."""
    (fresh / "pipeline.py").write_text(HELD)
    note = "Input: first was never made; `penstock materialize +second` makes what second reads, and then second."
    said = penstock(fresh, "materialize", "second", width=250)
    assert (said.code, note in said.words) == (1, True)
    assert "was never made" not in penstock(fresh, "materialize", "+second", width=250).words
