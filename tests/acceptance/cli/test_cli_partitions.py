"""Partitions on the command line: making them, and seeing which are made."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

PIPELINE = """
from penstock import Daily, Hourly, Partition, Static, asset

DAYS = Daily(start="2026-01-01", end="2026-01-04")
BROKEN = set()

@asset("hourly/{hour}.json", partitions=Hourly(start="2026-01-01", end="2026-01-04"))
def hourly(hour: Partition) -> list[str]:
    return [hour.key]

@asset("daily/{day}.json", partitions=DAYS)
def daily(hourly: dict[str, list[str]], day: Partition) -> int:
    if day.key == "2026-01-03":
        raise ValueError("no such day")
    return len(hourly)

@asset("regions/{region}.json", partitions=Static("eu", "us", name="region"))
def regions() -> int:
    return 1

@asset("count.json")
def counted(daily: dict[str, int]) -> int:
    return len(daily)
"""
Call = Callable[..., Any]


@pytest.fixture(scope="module")
def divided(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with partitions, of which nothing is made. Tests make what they need, of days of their own."""
    folder = tmp_path_factory.mktemp("divided")
    (folder / "pipeline.py").write_text(PIPELINE)
    (folder / "penstock.toml").write_text('project = "divided"\ndefinitions = ["pipeline.py"]\n')
    return folder


def test_partitions_are_made_and_shown(divided: Path, penstock: Call) -> None:
    """The summary names each key; in JSON it stands beside the asset. The second time they are skipped."""
    foreseen = penstock(divided, "materialize", "-s", "daily", "--partitions", "2026-01-01", "--dry-run")
    assert "daily 2026-01-01 hold input has no version: hourly 2026-01-01T00" in foreseen.words
    foreseen = penstock(
        divided, "materialize", "-s", "+daily", "--partitions", "2026-01-01", "--dry-run", "--json"
    ).json["assets"]
    foreseen = [one for one in foreseen if one["partition"]]
    assert [one["outcome"] for one in foreseen] == ["run"] * 25
    assert foreseen[-1]["partition"] == "2026-01-01"

    said = penstock(divided, "materialize", "-s", "+daily", "--partitions", "2026-01-01")
    assert said.code == 0, said.err
    assert "hourly 2026-01-01T00 … 2026-01-01T23 (24) changed" in said.words
    assert "daily 2026-01-01 changed" in said.words
    assert "25 changed" in said.words
    assert "hourly 2026-01-01T23: running, first build" in said.err

    again = penstock(divided, "materialize", "-s", "daily", "--partitions", "2026-01-01", "--json").json
    (one,) = again["assets"]
    assert (one["asset"], one["partition"], one["result"]) == ("daily", "2026-01-01", "skipped")

    runs = penstock(divided, "runs", "--asset", "daily", "--partition", "2026-01-01", "--json").json["runs"]
    assert [(run["partition"], run["state"]) for run in runs] == [("2026-01-01", "skipped"), ("2026-01-01", "success")]
    shown = penstock(divided, "runs", runs[-1]["id"]).words
    assert "of asset daily 2026-01-01: success" in shown
    assert "hourly 2026-01-01T05" in shown

    versions = penstock(divided, "versions", "hourly", "--partition", "2026-01-01T07", "--json").json["versions"]
    assert [(one["partition"], one["number"]) for one in versions] == [("2026-01-01T07", 8)]
    assert "2026-01-01T07" in penstock(divided, "versions", "hourly").words


def test_which_are_made_and_which_are_missing(divided: Path, penstock: Call) -> None:
    """Counts by state, and stretches of keys, a page at a time; what failed is named."""
    penstock(divided, "materialize", "-s", "hourly", "--partitions", "2026-01-03T00..2026-01-03T23", "-q")
    failed = penstock(divided, "materialize", "-s", "daily", "--partitions", "2026-01-03")
    assert failed.code == 1
    assert "daily 2026-01-03 failed: ValueError: no such day" in " ".join(failed.err.split())

    said = penstock(divided, "partitions", "daily").words
    assert "daily: daily in UTC, written by asset daily" in said
    assert "1 failed, 0 active" in said
    told = penstock(divided, "partitions", "daily", "--state", "failed", "--json").json
    assert told["stretches"] == [{"state": "failed", "first": "2026-01-03", "last": "2026-01-03", "count": 1}]
    assert told["total"] == 3
    first = penstock(divided, "partitions", "hourly", "--json", "--limit", "1").json
    rest = penstock(divided, "partitions", "hourly", "--json", "--from", first["next"]).json
    assert (first["more"], rest["more"], rest["next"]) == (True, False, None)
    assert f"There are more: --from {first['next']}" in penstock(divided, "partitions", "hourly", "-n", "1").words
    whole = [*first["stretches"], *rest["stretches"]]
    assert sum(one["count"] for one in whole) == first["total"] == 72
    assert first["counts"]["made"] == sum(one["count"] for one in whole if one["state"] == "made")
    missing = penstock(divided, "partitions", "regions", "--state", "missing", "--json").json["stretches"]
    assert [one["first"] for one in missing] == ["eu", "us"]


def test_what_cannot_be_asked_is_refused(divided: Path, penstock: Call) -> None:
    """With the next step: no partitions, no such key, nothing selected that has some."""
    for arguments, said in (
        (("partitions", "counted"), "dataset count has no partitions"),
        (("materialize", "-s", "counted", "--partitions", "all"), "no asset of the selection has partitions"),
        (("materialize", "-s", "daily", "--partitions", "2026-13-01"), "is no key of daily in UTC"),
        (("partitions", "daily", "--from", "2026-02-01"), "is not in daily in UTC"),
        (("materialize", "--partitions", "2026-01-01"), "Or select fewer assets: --select."),
        (
            ("why", "daily", "--partition", "2026-01-01", "--at", "-1h"),
            "why daily, partition 2026-01-01, answers for now",
        ),
    ):
        refused = penstock(divided, *arguments)
        assert refused.code == 2
        assert said in " ".join(refused.err.split())


def test_the_other_commands_know_partitions(divided: Path, penstock: Call) -> None:
    """They say what is waited for, and how many partitions there are."""
    penstock(divided, "materialize", "-s", "regions", "--partitions", "eu", "-q")
    waits = "waiting for somebody who names its keys (--partitions)"
    for asked in (("plan",), ("why", "daily"), ("materialize", "daily"), ("materialize", "daily", "--dry-run")):
        assert waits in penstock(divided, *asked).words
    status = penstock(divided, "status")
    assert status.code == 0
    assert "regions 1 partition" in status.words
    unseen = penstock(divided, "status", "--json").json["not_looked_at"]
    assert "regions" in unseen
    assert f"Not looked at for drift: the partitions of {', '.join(unseen)};" in status.words
    for arguments in (("list",), ("check",), ("trace", "count"), ("events",), ("clean", "--dry-run")):
        assert penstock(divided, *arguments).code in {0, 2}, arguments


HOURS = """
from penstock import Daily, Dataset, Hourly, asset

logs = Dataset("s3://logs/{hour}.csv", partitions=Hourly(start="2026-01-01"), name="logs")

@asset("day/{day}.json", partitions=Daily(start="2026-01-01"), on=logs)
def day() -> int:
    return 1
"""


def test_a_partition_says_what_it_waits_for(tmp_path: Path, penstock: Call) -> None:
    """Events of its hours are told from outside; it counts them, and is planned when all are there."""
    (tmp_path / "penstock.toml").write_text('project = "logs"\ndefinitions = ["pipeline.py"]\n')
    (tmp_path / "pipeline.py").write_text(HOURS)
    for hour in range(23):
        told = penstock(tmp_path, "event", "logs", "--version", "1", "--partition", f"2026-01-05T{hour:02}")
        assert told.code == 0, told.err
    assert "logs 2026-01-05T22 changed: event 23" in told.out
    assert "waiting for logs (23 of 24)" in penstock(tmp_path, "why", "day", "--partition", "2026-01-05").out
    assert penstock(tmp_path, "event", "logs", "--partition", "2026-01-05T23").code == 0
    found = json.loads(penstock(tmp_path, "why", "day", "--partition", "2026-01-05", "--json").out)
    assert (found["decision"], found["partition"]) == ("run", "2026-01-05")
    for key, words in (("2026-13-05", "is no key of daily"), ("1999-01-05", "2026-01-01")):
        said = penstock(tmp_path, "why", "day", "--partition", key)
        assert said.code == 2
        assert words in said.err
    assert penstock(tmp_path, "event", "logs", "--partition", "2026-01-05").code == 2
    assert penstock(tmp_path, "why", "day", "--partition", "2026-01-05", "--at", "-1h").code == 2


OBSERVED = """
from penstock import Daily, Dataset, asset

DAYS = Daily(start="2026-01-01", end="2026-02-01")
logs = Dataset("logs/{day}.txt", partitions=DAYS, name="logs")

@asset("sizes/{day}.json", partitions=DAYS, on=logs)
def sizes(logs: str) -> int:
    return len(logs)
"""


FAILING = """
from penstock import Daily, Partition, asset

DAYS = Daily(start="2026-01-01", end="2026-01-03")

@asset("up/{day}.json", partitions=DAYS)
def up(day: Partition) -> str:
    return day.key

@asset("down/{day}.json", partitions=DAYS, on=up)
def down(up: str) -> str:
    raise ValueError(up)
"""


def test_what_a_failed_run_of_a_partition_gave_back_is_told(tmp_path: Path, penstock: Call) -> None:
    """With the run that did, and not as something that was there before."""
    (tmp_path / "penstock.toml").write_text('project = "failing"\ndefinitions = ["pipeline.py"]\n')
    (tmp_path / "pipeline.py").write_text(FAILING)
    said = penstock(tmp_path, "materialize", "up", "--partitions", "2026-01-01..2026-01-02")
    assert said.code == 1
    runs = penstock(tmp_path, "runs", "--asset", "down", "--partition", "2026-01-02", "--json").json["runs"]
    told = penstock(tmp_path, "why", "down", "--partition", "2026-01-02", "--json").json
    assert [one["returned_by"] for one in told["condition"]["pending"]["news"]] == [runs[0]["id"]]
    assert "completing only: returned by run" in penstock(tmp_path, "why", "down", "--partition", "2026-01-02").words


def test_what_others_write_is_looked_at_foreseen_and_shown(tmp_path: Path, penstock: Call) -> None:
    """Day by day: before it is made as one stretch, then what was found, and which partitions there are."""
    (tmp_path / "penstock.toml").write_text('project = "observed"\ndefinitions = ["pipeline.py"]\n')
    (tmp_path / "pipeline.py").write_text(OBSERVED)
    (tmp_path / "data/logs").mkdir(parents=True)
    for day in (1, 2, 3):
        (tmp_path / f"data/logs/2026-01-0{day}.txt").write_text("x" * day)
    (tmp_path / "data/logs/today.txt").write_text("x")
    planned = penstock(tmp_path, "plan")
    assert "sizes 2026-01-01..2026-01-03 (3) run" in planned.words
    assert "3 runs." in planned.words
    assert "sizes 2026-01-01..2026-01-03 (3) run" in penstock(tmp_path, "materialize", "--dry-run").words
    made = penstock(tmp_path, "materialize")
    assert made.code == 0, made.err
    assert "logs 3 new; 1 path is no partition of it: logs/today.txt" in made.words
    assert "3 made, 28 missing" in penstock(tmp_path, "partitions", "logs").words


TICKING = """
from penstock import Cron, Daily, Partition, Static, asset

@asset("nightly/{day}/{region}.json", on=Cron("0 3 * * *"),
       partitions=Daily(start="2026-01-01") * Static("eu", "us", name="region"))
def nightly(day: Partition) -> str:
    return day.key
"""


def test_what_ticks_select_is_foretold(tmp_path: Path, penstock: Call) -> None:
    """Tick by tick, the day that is over by then, with whatever else its keys have."""
    (tmp_path / "penstock.toml").write_text('project = "ticking"\ndefinitions = ["pipeline.py"]\n')
    (tmp_path / "pipeline.py").write_text(TICKING)
    told = penstock(tmp_path, "plan", "--until", "+3d", "--json").json["selected"]
    assert [one["count"] for one in told] == [2, 2, 2]
    for one in told:
        before = datetime.fromisoformat(one["at"]) - timedelta(days=1)
        assert (one["first"], one["last"]) == (f"{before:%Y-%m-%d}|eu", f"{before:%Y-%m-%d}|us")
    assert f"nightly {told[0]['first']}..{told[0]['last']} (2)" in penstock(tmp_path, "plan", "--until", "+3d").words


RIPENING = """
from penstock import Daily, Dataset, Hourly, asset

hours = Dataset("hours/{hour}.json", partitions=Hourly(start="2026-01-01"))
joined = hours.rollup(after="1d")

@asset("days/{day}.json", partitions=Daily(start="2026-01-01"), on=joined, inputs={"hours": joined})
def days(hours: dict) -> list:
    return sorted(hours)
"""


def test_what_time_alone_makes_due_is_foretold(tmp_path: Path, penstock: Call) -> None:
    """A day of which an hour is there, a day after it is over; not where that is later."""
    (tmp_path / "penstock.toml").write_text('project = "ripening"\ndefinitions = ["pipeline.py"]\n')
    (tmp_path / "pipeline.py").write_text(RIPENING)
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    (tmp_path / "data/hours").mkdir(parents=True)
    (tmp_path / f"data/hours/{today - timedelta(hours=1):%Y-%m-%dT%H}.json").write_text("1")
    assert penstock(tmp_path, "materialize").code == 0
    (told,) = penstock(tmp_path, "plan", "--until", "+2d", "--json").json["selected"]
    assert (told["asset"], told["first"], told["count"], told["by"]) == (
        "days",
        f"{today - timedelta(days=1):%Y-%m-%d}",
        1,
        "time",
    )
    assert datetime.fromisoformat(told["at"]) == today + timedelta(days=1)
    assert "what they waited for is over" in penstock(tmp_path, "plan", "--until", "+2d").words
    assert penstock(tmp_path, "plan", "--until", "+1m", "--json").json["selected"] == []


GIVEN = """
from penstock import Daily, Dataset, asset

logs = Dataset("logs/{day}.json", partitions=Daily(start="2026-01-01", end="2026-01-04"))

@asset("scaled/{day}.json", partitions=Daily(start="2026-01-01", end="2026-01-04"), on=logs)
def scaled(logs: int, *, factor: int = 1) -> int:
    return logs * factor
"""


def test_a_run_parameter_is_given_to_partitions_that_news_starts(tmp_path: Path, penstock: Call) -> None:
    """As to those that are asked for by their keys."""
    (tmp_path / "penstock.toml").write_text('project = "given"\ndefinitions = ["pipeline.py"]\n')
    (tmp_path / "pipeline.py").write_text(GIVEN)
    (tmp_path / "data/logs").mkdir(parents=True)
    (tmp_path / "data/logs/2026-01-02.json").write_text("3")
    made = penstock(tmp_path, "materialize", "--param", "scaled.factor=7")
    assert made.code == 0, made.err
    assert (tmp_path / "data/scaled/2026-01-02.json").read_text() == "21\n"
