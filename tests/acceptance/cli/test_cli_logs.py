"""`penstock logs`, and progress in `penstock status`: what is shown, while a run is at work and after, and what is told
where there is nothing."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Call = Callable[..., Any]
PROGRAM = str(Path(sys.executable).parent / "penstock")
PIPELINE = """
import logging, sys, time
from pathlib import Path
from penstock import Context, asset

@asset("talk.json")
def talk(ctx: Context) -> int:
    print("one \\x1b[31mred")
    print("two", file=sys.stderr)
    ctx.log.warning("three")
    return 1

@asset("mute.json")
def mute() -> int:
    return 1

@asset("fall.json")
def fall() -> int:
    print("before")
    raise ValueError("no")

@asset("slow.json")
def slow(ctx: Context) -> int:
    ctx.progress(3, total=10, unit="pages", text="fetching")
    print("begun", flush=True)
    while not Path("go").exists():
        time.sleep(0.05)
    print("done")
    return 1
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project whose assets print."""
    (tmp_path / "pipeline.py").write_text(PIPELINE, encoding="utf-8")
    (tmp_path / "penstock.toml").write_text('definitions = ["pipeline.py"]\n', encoding="utf-8")
    return tmp_path


def texts(out: str) -> list[str]:
    """The lines without their times."""
    return [" ".join(line.split()[1:]) for line in out.splitlines()]


def test_the_newest_run_of_an_asset_is_shown(project: Path, penstock: Call) -> None:
    """By the asset's name or the run's id; nothing in it steers the terminal."""
    made = penstock(project, "materialize", "talk", "--json").json
    run_id = made["assets"][0]["run"]
    said = penstock(project, "logs", "talk")
    assert said.code == 0
    assert texts(said.out) == ["stdout one red", "stderr two", "warning three"]
    assert penstock(project, "logs", run_id[-8:]).out == said.out
    assert texts(penstock(project, "logs", "talk", "--tail", "1").out) == ["warning three"]
    assert texts(penstock(project, "logs", "talk", "--stream", "stderr").out) == ["stderr two"]
    plain = [json.loads(line) for line in penstock(project, "logs", "talk", "--json").out.splitlines()]
    assert [(one["stream"], one["level"], one["text"]) for one in plain][2] == ("log", "warning", "three")


def test_a_failure_is_shown_at_the_end(project: Path, penstock: Call) -> None:
    """The stored error with its traceback."""
    assert penstock(project, "materialize", "fall").code == 1
    lines = penstock(project, "logs", "fall").out.splitlines()
    assert lines[0].endswith("before")
    assert lines[1] == "failed: ValueError: no"
    assert lines[-1] == "ValueError: no"


def test_where_there_is_nothing_it_is_said_why(project: Path, penstock: Call) -> None:
    """No such run, none that has begun, one that wrote nothing, and no such attempt."""
    penstock(project, "materialize", "mute")
    said = penstock(project, "logs", "mute")
    assert (said.code, said.out) == (0, "")
    assert said.err.startswith("Run ")
    assert "of mute wrote nothing." in said.err
    assert "no run of talk has begun yet" in penstock(project, "logs", "talk").err
    said = penstock(project, "logs", "nope")
    assert said.err.startswith("Error: there is no run and no asset 'nope' in project ")
    assert "`penstock runs` shows the runs, `penstock list` the assets." in said.err
    assert "Did you mean talk?" in penstock(project, "logs", "talks").err
    assert "had 1 attempt, there is no attempt 2" in penstock(project, "logs", "mute", "--attempt", "2").err


def test_logs_that_were_removed_are_told_as_such(project: Path, penstock: Call) -> None:
    """`penstock clean` removes the oldest while all are too large."""
    penstock(project, "materialize", "talk")
    (project / "penstock.toml").write_text(
        'definitions = ["pipeline.py"]\nlog_total = 4096\nlog_limit = 8192\n', encoding="utf-8"
    )
    (log,) = (project / ".penstock" / "logs").glob("*/*/1.log")
    with log.open("a", encoding="utf-8") as file:
        file.write("x" * 5000)
    assert penstock(project, "clean", "--json", "--dry-run").json["logs"] == {"files": 1, "bytes": log.stat().st_size}
    assert penstock(project, "clean").code == 0
    assert not log.exists()
    assert "is gone: `penstock clean` removed" in penstock(project, "logs", "talk").err


def test_a_run_at_work_is_followed_and_its_progress_shown(project: Path, penstock: Call) -> None:
    """`-f` shows what comes until the run ends; `status` how far it says that it is."""
    making = subprocess.Popen([PROGRAM, "materialize", "slow", "-q"], cwd=project)
    try:
        until = time.monotonic() + 60
        while penstock(project, "logs", "slow").code and time.monotonic() < until:
            time.sleep(0.2)
        following = subprocess.Popen([PROGRAM, "logs", "slow", "-f"], cwd=project, stdout=subprocess.PIPE, text=True)
        assert following.stdout is not None
        first = following.stdout.readline() + following.stdout.readline()
        assert "begun" in first
        assert "3 of 10 pages (30 %), fetching" in penstock(project, "status").words
        (said,) = penstock(project, "status", "--json").json["progress"].values()
        assert (said["done"], said["total"], said["unit"], said["text"]) == (3.0, 10.0, "pages", "fetching")
        (project / "go").touch()
        rest, _ = following.communicate(timeout=60)
        assert rest.rstrip().endswith("done")
        assert making.wait(timeout=60) == 0
    finally:
        (project / "go").touch()
        making.wait(timeout=60)
    assert penstock(project, "status", "--json").json["progress"] == {}


def test_a_run_that_nobody_is_at_is_said_to_be_left_behind(project: Path, penstock: Call) -> None:
    """It is followed all the same: whoever makes it anew may come any moment."""
    maker = subprocess.Popen([PROGRAM, "materialize", "slow", "--quiet"], cwd=project)
    while "begun" not in penstock(project, "logs", "slow").out:
        time.sleep(0.1)
    maker.kill()
    maker.wait()
    follower = subprocess.Popen([PROGRAM, "logs", "slow", "-f"], cwd=project, stderr=subprocess.PIPE, text=True)
    assert follower.stderr is not None
    assert "Left behind: its process is gone; `penstock up`" in follower.stderr.readline()
    assert follower.poll() is None
    (project / "go").touch()
    assert penstock(project, "materialize", "slow", "--quiet").code == 0
    assert follower.wait(30) == 0
    follower.stderr.close()
