"""`penstock why`: the decision, the condition as a tree, and the same at an earlier time."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import penstock as face
from penstock.storage.errors import UsageError

Call = Callable[..., Any]

PROJECT = """
from penstock import Cron, Dataset, Deadline, Version, asset, each, meta

docs = Dataset("warehouse://db/docs")
labels = Dataset("warehouse://db/labels")

@asset("both.json", on=(docs & labels) | Cron("0 3 * * *", tz="Europe/Berlin"))
def both(docs: Version, labels: Version) -> str:
    return docs.digest + labels.digest

@asset("large.json", on=docs.where(meta("rows") > 5), deadline=Deadline(Cron("0 6 * * *"), then="alert"))
def large(docs: Version) -> str:
    return docs.digest

@asset("one.json", on=docs, consume=each(docs))
def one(docs: Version) -> str:
    return docs.digest

raw = Dataset.match("warehouse://db/raw/*")

@asset("line.json", on=raw, consume=each(raw))
def line() -> int:
    return 1

@asset("broken.json", on=docs)
def broken(docs: Version) -> str:
    raise ValueError("no")
"""


@pytest.fixture
def told(tmp_path: Path, penstock: Call) -> Callable[..., Any]:
    """Commands in a project of its own, whose definitions are registered."""
    (tmp_path / "penstock.toml").write_text('project = "told"\ndefinitions = ["pipeline.py"]\n')
    (tmp_path / "pipeline.py").write_text(PROJECT)
    assert penstock(tmp_path, "materialize").code == 1  # nobody has told of a version of docs

    def call(*arguments: str, width: int | None = None) -> Any:
        return penstock(tmp_path, *arguments, width=width)

    return call


def test_what_is_there_and_what_lacks(told: Call) -> None:
    """At each leaf what it has and what it lacks; what a run would read; nothing was made yet."""
    assert told("event", "docs", "--version", "snap-1").code == 0
    said = told("why", "both").words
    assert "docs docs @1 snap-1" in said
    assert "both would be held: waiting for labels or cron 0 3 * * * Europe/Berlin" in said
    assert "all of does not hold: 1 of 2 holds" in said
    assert "docs holds: 1 pending, 1 may start a run" in said
    assert re.search(r"docs@1 changed \d s before, fresh", said)
    assert "labels does not hold: nothing is pending" in said
    assert "cron 0 3 * * * Europe/Berlin does not hold: no tick is due; next at " in said
    assert "labels labels no version" in said
    assert "Newest run" not in said
    assert "cannot be looked at" not in said


def test_the_datasets_of_a_pattern_wait_for_their_turn(told: Call) -> None:
    """The one whose event was told first holds, and pins it; the others are shown with what waits of them."""
    for name in ("b", "a", "b"):
        assert told("event", f"warehouse://db/raw/{name}").code == 0
    said = told("why", "line").words
    assert "line would be made" in said
    assert "warehouse://db/raw/b holds: 2 pending, 2 may start a run; it is the turn of warehouse://db/raw/b@1" in said
    assert "warehouse://db/raw/a does not hold: its turn is yet to come; 1 pending, 1 may start a run" in said


def test_narrowed_leaves_turns_and_what_came_back(told: Call) -> None:
    """A narrowed leaf says what counts and what it pins; under `each` the oldest has its turn; what a failed run gave
    back completes only, and names that run."""
    for rows in ("9", "1"):
        assert told("event", "docs", "--meta", f"rows={rows}").code == 0
    said = told("why", "large").words
    assert "large would be made: input changed (docs) and first build" in said
    assert "docs where rows > 5 holds: 2 pending, 1 counts, 1 may start a run; narrowed to docs@1" in said
    assert "not the newest" in said
    assert "Deadline (alert): deadline cron 0 6 * * * UTC, next at" in said
    assert "it is the turn of docs@1" in told("why", "one").words
    assert told("materialize", "--quiet", "-s", "broken").code == 1
    said = told("why", "broken").words
    assert "broken would be held: waiting for fresh news" in said
    assert re.search(r"docs@2 changed \d s before, completing only: returned by run", said)
    assert ": failed," in said
    assert "It took docs@1 (returned), docs@2 (returned)." in said


def test_what_is_stale_and_was_tried_says_when_it_may_start_a_run(tmp_path: Path, told: Call) -> None:
    """It holds, and completes: its last try is too young to be made again by time."""
    text = PROJECT.replace("asset, each, meta", "asset, each, meta, stale")
    (tmp_path / "pipeline.py").write_text(
        text.replace('"broken.json", on=docs', '"broken.json", on=docs | stale("7d")')
    )
    assert told("event", "docs").code == 0
    assert told("materialize", "--quiet", "-s", "broken").code == 1
    said = told("why", "broken").words
    assert "stale 7d holds: no run has succeeded yet; it completes and starts nothing: the newest try was at" in said
    assert "UTC; it may start a run at" in said


def test_the_same_as_it_was(told: Call) -> None:
    """Before and after an event, a run and a pause; in JSON with the same words. What had not happened is not shown."""
    moments: list[str] = []

    def note() -> None:
        time.sleep(0.002)
        moments.append(datetime.now(UTC).isoformat())
        time.sleep(0.002)

    note()
    assert told("event", "docs", "--meta", "rows=9").code == 0
    note()
    assert told("materialize", "--quiet", "-s", "large", "--only").code == 0
    note()
    assert told("pause", "large", "--why", "a rest").code == 0
    note()
    found = [told("why", "large", "--at", moment, "--json").json for moment in moments]
    assert [one["decision"] for one in found] == ["hold", "run", "hold", "hold"]
    assert [one["reason"]["text"] for one in found] == [
        "waiting for docs where rows > 5",
        "input changed (docs) and first build",
        "waiting for docs where rows > 5",
        "paused; a rest",
    ]
    assert [one["condition"]["pending"] is not None for one in found] == [False, True, False, False]
    assert [one["last"] is not None for one in found] == [False, False, True, True]
    assert [one["reads"][0]["number"] for one in found] == [None, 1, 1, 1]
    assert all(one["then"] for one in found)
    assert "Events from outside" not in told("why", "large", "--at", moments[1]).words
    assert "large would have been made at" in told("why", "large", "--at", moments[1]).words


@pytest.mark.parametrize(
    ("given", "why", "hint"),
    [
        ("2026-01-05T03:00", "has no zone", "2026-01-05T03:00:00Z"),
        ("soon", "is no time", "or -2h"),
        ("-soon", "is no length of time", "-2h"),
        ("2999-01-01T00:00Z", "lies in the future", "for now"),
        ("-52w", "asset both was not there at", "later time"),
        ("0001-01-01T00:00Z", "asset both was not there at", "later time"),
        ("0001-01-01T00:00+05:00", "has no place in the calendar", "Write e.g."),
    ],
)
def test_a_time_that_cannot_be_asked_for(told: Call, given: str, why: str, hint: str) -> None:
    """Each is told with the next step, and ends with code 2."""
    said = told("why", "both", "--at", given)
    assert said.code == 2
    assert why in " ".join(said.err.split())
    assert hint in " ".join(said.err.split())


def test_an_asset_that_is_not_there(told: Call) -> None:
    """The nearest name is offered, now and then."""
    for more in ((), ("--at", "-1s")):
        said = told("why", "boht", *more)
        assert (said.code, "Did you mean both?" in said.err) == (2, True)


@pytest.mark.parametrize("width", [80, 120])
def test_it_fits_the_terminal(told: Call, width: int) -> None:
    """No line is longer than the terminal is wide, and no event is lost beyond those that are named."""
    for _ in range(8):
        assert told("event", "docs").code == 0
    said = told("why", "both", width=width)
    assert max(len(line) for line in said.out.splitlines()) <= width
    assert "and 3 older" in said.words


def test_the_call_says_what_the_command_says(told: Call, tmp_path: Path) -> None:
    """`penstock.why`, now and at a time; a time without a zone is refused."""
    assert told("event", "docs").code == 0
    found = face.why(None, "both", project_folder=tmp_path)
    assert found.reason.text == told("why", "both", "--json").json["reason"]["text"]
    then = face.why(None, "both", at=datetime.now(UTC), project_folder=tmp_path)
    assert (then.reason, then.condition, then.reads) == (found.reason, found.condition, found.reads)
    with pytest.raises(UsageError, match="has no zone"):
        face.why(None, "both", at=datetime.now(), project_folder=tmp_path)  # noqa: DTZ005
    with pytest.raises(UsageError, match="in the future"):
        face.why(None, "both", at=datetime.now(UTC) + timedelta(days=1), project_folder=tmp_path)
