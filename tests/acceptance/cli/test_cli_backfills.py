"""Backfills on the command line: asking for one, looking at it, stopping it and going on."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

PIPELINE = """
import time
from pathlib import Path
from penstock import Daily, Hourly, Partition, asset

@asset("hourly/{hour}.json", partitions=Hourly(start="2026-01-01", end="2026-03-01"))
def hourly(hour: Partition) -> str:
    return hour.key

@asset("daily/{day}.json", partitions=Daily(start="2026-01-01", end="2026-03-01"), on=hourly)
def daily(hourly: dict[str, str], day: Partition) -> int:
    if day.key == "2026-01-03":
        raise ValueError("no such day")
    return len(hourly)

@asset("slow/{day}.json", partitions=Daily(start="2026-01-01", end="2026-03-01"))
def slow(day: Partition) -> str:
    time.sleep(0 if Path("quick").exists() else 0.2)
    return day.key

@asset("total.json", on=daily)
def total(daily: dict[str, int]) -> int:
    return len(daily)
"""
PROGRAM = str(Path(sys.executable).parent / "penstock")
Call = Callable[..., Any]


@pytest.fixture
def divided(tmp_path: Path) -> Path:
    """A project with partitions, of which nothing is made."""
    (tmp_path / "pipeline.py").write_text(PIPELINE)
    (tmp_path / "penstock.toml").write_text('project = "divided"\ndefinitions = ["pipeline.py"]\n')
    return tmp_path


def test_what_would_be_made_is_shown_first(divided: Path, penstock: Call) -> None:
    """How many of each asset, and the first of them with their reasons; nothing is recorded."""
    asked = ("backfill", "create", "+daily", "total", "--partitions", "2026-01-01..2026-01-31", "--dry-run")
    said = penstock(divided, *asked, "--limit", "25")
    assert said.code == 0, said.err
    assert "hourly 744 0 0 0 744" in said.words
    assert "daily 31 0 0 0 31" in said.words
    assert "hourly 2026-01-01T00 run backfill and first build" in said.words
    assert "hourly 2026-01-01T23 run backfill and first build daily 2026-01-01 run backfill" in said.words
    assert "total left out: no partitions." in said.words
    assert "775 partitions would be made. These are the first; there are 750 more partitions: --limit." in said.words
    told = penstock(divided, *asked, "--json", "--limit", "1").json
    assert (told["total"], told["look"], told["left_out"]) == (775, 775, ["total"])
    assert {one["outcome"] for one in told["foreseen"]} == {"run"}
    assert not (divided / ".penstock").exists(), "nothing was recorded"


def test_what_would_be_held_back_is_not_said_to_be_made(divided: Path, penstock: Call) -> None:
    """Nobody asks for the hours of which these days are made."""
    said = penstock(divided, "backfill", "create", "daily", "--partitions", "2026-01-01..2026-01-04", "--dry-run")
    assert "4 partitions would be looked at: 4 would be held back." in said.words


def test_the_sum_of_a_preview_is_that_of_its_rows(divided: Path, penstock: Call) -> None:
    """What is unchanged would be skipped, and is not counted among what would be made; of what is not shown nothing is
    said but how many there are."""
    (divided / "quick").touch()
    asked = ("backfill", "create", "hourly", "daily", "--partitions")
    penstock(divided, *asked, "2026-01-01..2026-01-02", "-q")
    news = ("backfill", "create", "hourly", "--propagate", "within", "--dry-run", "--partitions")
    said = penstock(divided, *news, "2026-01-01T00..2026-01-02T23", "--limit", "2")
    assert "daily 2026-01-01 skip unchanged" in said.words
    assert "2 partitions would be looked at: 2 would be skipped as unchanged." in said.words
    said = penstock(divided, *news, "2026-01-01T00..2026-01-04T23", "--limit", "4")
    assert "52 partitions would be looked at: of the 4 shown 2 would be made, 2 would be skipped" in said.words
    assert "there are 48 more partitions: --limit." in said.words
    said = penstock(divided, *news, "2026-01-01T00..2026-01-04T23", "--limit", "200")
    assert "52 partitions would be looked at: 50 would be made, 2 would be skipped as unchanged." in said.words


def test_a_backfill_is_made_and_shown(divided: Path, penstock: Call) -> None:
    """A line for each partition as it is made, then what became of all; what failed is named, and the exit code 1."""
    said = penstock(divided, "backfill", "create", "+daily", "--partitions", "2026-01-01..2026-01-04")
    assert said.code == 1
    assert "hourly 2026-01-01T00: running, backfill and first build" in said.err
    assert re.search(r"Backfill \w{8}: failed, 99 made, 1 failed of 100 in ", said.words)
    assert "daily 2026-01-03 failed: ValueError: no such day" in " ".join(said.err.split())

    (listed,) = penstock(divided, "backfill", "list", "--json").json["backfills"]
    assert (listed["state"], listed["looked"], listed["total"]) == ("failed", 100, 100)
    assert listed["runs"] == {"success": 99, "failed": 1}
    assert "100 of 100 99 made, 1 failed" in penstock(divided, "backfill", "list").words
    assert penstock(divided, "backfill", "list", "--state", "running", "--json").json["backfills"] == []

    shown = penstock(divided, "backfill", "show", listed["id"][-6:])
    assert "keys 2026-01-01..2026-01-04" in shown.words
    assert "hourly 96 made" in shown.words
    assert penstock(divided, "backfill", "show", listed["id"], "--json").json["by_asset"]["hourly"] == {"success": 96}
    (run,) = penstock(divided, "runs", "--state", "failed", "--json").json["runs"]
    assert f"backfill {listed['id']}" in penstock(divided, "runs", run["id"]).words
    assert penstock(divided, "runs", run["id"], "--json").json["backfill_id"] == listed["id"]

    again = penstock(divided, "backfill", "create", "+daily", "--partitions", "2026-01-01..2026-01-04", "--json").json
    assert (again["state"], again["spared"], again["runs"]) == ("success", 100, {})
    held = penstock(divided, "backfill", "create", "daily", "--partitions", "2026-02-01")
    assert held.code == 1
    assert "daily 2026-02-01 held: input has no version: hourly 2026-02-01T00" in " ".join(held.err.split())


def test_nothing_that_it_made_is_told_as_waiting(divided: Path, penstock: Call) -> None:
    """What its own runs read they took; a day that is up to date says so, and what would make it again."""
    penstock(divided, "backfill", "create", "hourly", "daily", "--partitions", "2026-01-01..2026-01-02")
    said = penstock(divided, "events", "hourly", "--limit", "1")
    assert "daily (run" in said.words
    assert "suppressed" not in said.words
    assert "total (suppressed)" in penstock(divided, "events", "daily").words
    assert "daily 2026-01-0" not in penstock(divided, "plan").words
    said = penstock(divided, "why", "daily", "--partition", "2026-01-02")
    assert "waiting for news of hourly; it is up to date" in said.words
    assert "hourly holds: nothing is pending" in said.words
    penstock(divided, "backfill", "create", "hourly", "--partitions", "2026-01-04T00..2026-01-04T23")
    said = penstock(divided, "why", "daily", "--partition", "2026-01-04")
    assert "waiting for news of hourly; what is there is to start nothing" in said.words
    assert "kept its news of hourly 2026-01-04T00, hourly 2026-01-04T01, " in said.words
    again = ("backfill", "create", "hourly", "--partitions", "2026-01-02T00..2026-01-02T23", "--reprocess", "all")
    pipeline = divided / "pipeline.py"
    pipeline.write_text(pipeline.read_text().replace("return hour.key", "return hour.key + '!'"))
    assert penstock(divided, *again).code == 0
    said = penstock(divided, "why", "daily", "--partition", "2026-01-02")
    assert "hourly; what has changed since it was made is to start nothing" in said.words


def test_it_is_recorded_paused_resumed_and_canceled(divided: Path, penstock: Call) -> None:
    """Each is said in a sentence, and in JSON; what cannot be is refused with the next step."""
    (divided / "quick").touch()
    keys = ("--partitions", "2026-01-01..2026-01-03")
    said = penstock(divided, "backfill", "create", "slow", *keys, "--later", "--max-active-runs", "2")
    assert "of 3 partitions is recorded. The next materialization makes them" in said.words
    (listed,) = penstock(divided, "backfill", "list", "--json").json["backfills"]
    part = listed["id"][-8:]
    refused = penstock(divided, "backfill", "create", "slow", *keys)
    assert refused.code == 2
    assert f"backfill {part}, which is running, is already of slow 2026-01-01" in " ".join(refused.err.split())
    assert penstock(divided, "backfill", "pause", part, "--json").json == {
        "backfill": listed["id"], "state": "paused", "given_up": 0
    }  # fmt: skip
    assert "cannot be paused: it is paused already" in penstock(divided, "backfill", "pause", part).err
    resumed = penstock(divided, "backfill", "resume", part)
    assert resumed.code == 0, resumed.err
    assert f"Backfill {part}: success, 3 made of 3 in" in resumed.words
    assert "cannot be canceled: it has ended with success" in penstock(divided, "backfill", "cancel", part).err
    other = penstock(divided, "backfill", "create", "slow", "--partitions", "2026-01-04", "--later", "--json").json
    assert f"Backfill {other['id'][-8:]} is canceled." in penstock(divided, "backfill", "cancel", other["id"]).words
    assert "it is canceled already" in penstock(divided, "backfill", "cancel", other["id"]).err
    for arguments, what in (
        (("create", "slow"), "does not say which partitions"),
        (("create", "slow", "--partitions", "2026-02-05..2026-02-01"), "it runs backwards"),
        (("show", "nothing"), "there is no backfill 'nothing'"),
        (("create", "total", "--partitions", "all"), "no asset of the selection has partitions"),
    ):
        refused = penstock(divided, "backfill", *arguments)
        assert refused.code == 2, arguments
        assert what in " ".join(refused.err.split())


@pytest.mark.parametrize(("word", "done"), [("pause", "paused"), ("cancel", "canceled")])
@pytest.mark.parametrize("command", ["create", "resume"])
def test_who_waits_for_one_that_somebody_stops_is_told(
    divided: Path, penstock: Call, word: str, done: str, command: str
) -> None:
    """Exit code 1, for what was asked for is not made, and a sentence with what is made and the next step."""
    asked = ["create", "slow", "--partitions", "2026-01-01..2026-01-20"]
    if command == "resume":
        asked = ["resume", penstock(divided, "backfill", *asked, "--later", "--json").json["id"]]
    waiting = subprocess.Popen(
        [PROGRAM, "backfill", *asked], cwd=divided, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert waiting.stderr is not None
    for line in waiting.stderr:
        if "2026-01-03: running" in line:
            break
    (listed,) = penstock(divided, "backfill", "list", "--json").json["backfills"]
    assert penstock(divided, "backfill", word, listed["id"]).code == 0
    out, err = waiting.communicate(timeout=60)
    assert waiting.returncode == 1, err
    (listed,) = penstock(divided, "backfill", "list", "--json").json["backfills"]
    said, made = " ".join(err.split()), listed["runs"]["success"]
    assert f"Backfill {listed['id'][-8:]} {done} by somebody else, {made} of 20 made. `penstock backfill" in said
    assert f": {done}, " in out
    assert 3 <= made < 20


@pytest.mark.parametrize(("stop", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_stopped_by_hand_it_stays_running(divided: Path, penstock: Call, stop: signal.Signals, code: int) -> None:
    """The run at work is canceled, what was planned is as if it had never been, and the next command makes the rest."""
    asked = [PROGRAM, "backfill", "create", "slow", "--partitions", "2026-01-01..2026-01-20"]
    process = subprocess.Popen(asked, cwd=divided, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stderr is not None
    for line in process.stderr:
        if "2026-01-03: running" in line:
            time.sleep(0.05)
            process.send_signal(stop)
            break
    _, err = process.communicate(timeout=60)
    assert process.returncode == code, err
    assert "stays running: `penstock backfill resume" in " ".join(err.split())
    (listed,) = penstock(divided, "backfill", "list", "--json").json["backfills"]
    assert listed["state"] == "running"
    assert listed["looked"] == listed["runs"]["success"] == 2, "the cursor lags behind; what is told does not"
    told = penstock(divided, "materialize", "total", "--only", "--dry-run").words
    assert "2026-01-01..2026-01-20, is gone on with: 18 of its 20 partitions are left." in told
    (divided / "quick").touch()
    assert penstock(divided, "materialize", "total", "--only", "-q").code in {0, 1}
    (listed,) = penstock(divided, "backfill", "list", "--json").json["backfills"]
    assert (listed["state"], listed["runs"]) == ("success", {"success": 20})


def test_a_run_is_made_again(divided: Path, penstock: Call) -> None:
    """A sentence, or JSON, of what came of it; if it failed once more, the exit code is 1."""
    penstock(divided, "backfill", "create", "+daily", "--partitions", "2026-01-02..2026-01-03", "-q")
    runs = penstock(divided, "runs", "--asset", "daily", "--json").json["runs"]
    states = {run["partition"]: run["id"] for run in runs}
    said = penstock(divided, "rerun", states["2026-01-02"])
    assert said.code == 0, said.err
    part = states["2026-01-02"][-8:]
    assert f"Run {part} of daily 2026-01-02 was made again: confirmed, daily" in said.words
    told = penstock(divided, "rerun", states["2026-01-03"][-8:], "--only", "--json")
    assert told.code == 1
    assert (told.json["of"], told.json["state"], told.json["code_changed"]) == (states["2026-01-03"], "failed", False)
    source = divided / "pipeline.py"
    source.write_text(source.read_text().replace("return len(hourly)", "return len(hourly) + 1"))
    assert "Another code: the producer" in penstock(divided, "rerun", states["2026-01-02"]).words
    assert "there is no run 'nothing'" in penstock(divided, "rerun", "nothing").err
