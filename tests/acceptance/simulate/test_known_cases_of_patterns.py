"""The known cases: datasets of a pattern, of which each event has a run of its own."""

from __future__ import annotations

from typing import Any

import pytest

from penstock import Cron, Dataset, Deadline, meta
from penstock.assets.declare.policies import each
from penstock.storage.types import ReasonKind

A = Dataset("A.json")
RAW = Dataset.match("raw/*.json")
LINE = """
    2026-01-05T10:00Z x takes 10m
                      raw/fr.json changed
                      raw/de.json changed
    +1m raw/fr.json changed
    +1m raw/de.json changed
    +1m raw/es.json changed
"""
IN_ORDER = [
    "10:00 raw/de.json@1",
    "10:10 raw/fr.json@1",
    "10:20 raw/fr.json@2",
    "10:30 raw/de.json@2",
    "10:40 raw/es.json@1",
]


def test_events_of_a_pattern_are_taken_one_by_one(declare: Any, tell: Any, took: Any) -> None:
    """In the order in which they were told, whatever dataset they are of; of those that came together, by URI; each
    once."""
    story = tell(f"{LINE}wait 1h", declare("x", RAW, consume=each(RAW), reads=()))
    assert took(story, "x") == IN_ORDER
    assert [run.reason.names for run in story.runs[1:3]] == [("raw/fr.json",)] * 2


def test_a_dataset_that_is_read_is_pinned_in_its_turn(declare: Any, tell: Any) -> None:
    """`de` is an input beside the pattern: the run of an event of it reads the version that it published,
    and others read its newest."""
    x = declare("x", RAW, consume=each(RAW), reads=["raw/de"])
    lines = ["raw/de.json changed", "+1m raw/de.json changed", "+1m raw/fr.json changed", "+1m raw/de.json changed"]
    story = tell("\n".join(["2026-01-05T10:00Z x takes 10m", *lines, "wait 1h"]), x)
    assert [run.consumed for run in story.runs] == [("de@1",), ("de@2",), ("raw/fr.json@1",), ("de@3",)]
    assert [run.pins["raw/de"] for run in story.runs[:3]] == ["de@1", "de@2", "de@3"]
    assert story.runs[3].reason.kind is ReasonKind.UNCHANGED, "the run before has read it"


def test_what_stands_beside_a_pattern_only_completes(declare: Any, tell: Any, took: Any) -> None:
    """`raw & A`: nothing before A is there; then a run for each event of the pattern, and A stays."""
    x = declare("x", RAW & A, consume=each(RAW), reads=())
    waiting = tell(f"{LINE}wait 1h", x)
    assert not waiting.runs
    assert waiting.held["x"].text == "waiting for A"
    story = tell("A changed\nwait 1h", x, after=waiting)
    assert [line.split()[1] for line in took(story, "x")] == [line.split()[1] for line in IN_ORDER]
    assert took(tell("A changed\n+1h raw/de.json changed", x, after=story), "x") == ["13:03 raw/de.json@3"]


GRADED = """
    2026-01-05T10:00Z x takes 10m
                      raw/de.json changed rows=1
                      raw/fr.json changed rows=9
    +1m raw/de.json changed rows=9
    +1m raw/fr.json changed rows=1
    +1m raw/fr.json changed rows=9
    wait 1h
"""


def test_what_does_not_count_is_taken_along(declare: Any, tell: Any, took: Any) -> None:
    """`raw.where(rows > 5)`: the turn is that of the first event that counts; with it go those that lie before it
    and do not, of whatever dataset."""
    story = tell(GRADED, declare("x", RAW.where(meta("rows") > 5), consume=each(RAW), reads=()))
    assert took(story, "x") == [
        "10:00 raw/de.json@1 raw/fr.json@1",
        "10:10 raw/de.json@2",
        "10:20 raw/fr.json@2 raw/fr.json@3",
    ]


def test_what_came_before_a_tick_has_no_turn(declare: Any, tell: Any, took: Any) -> None:
    """`raw.since(cron)`: an event before the last tick does not count, and goes with the next in the line."""
    x = declare("x", RAW.since(Cron("0 11 * * *")) & A, consume=each(RAW), reads=())
    script = "2026-01-05T10:30Z raw/de.json changed\nraw/fr.json changed\n+1h raw/fr.json changed\n+1h A changed"
    story = tell(script, x)
    assert took(story, "x") == ["12:30 raw/de.json@1 raw/fr.json@1 raw/fr.json@2"]
    assert story.runs[0].superseded == ("raw/de.json@1", "raw/fr.json@1")
    assert took(tell("+1h raw/de.json changed", x, after=story), "x") == ["13:30 raw/de.json@2"]


def test_a_poison_event_of_a_pattern_stops_its_asset(declare: Any, tell: Any, took: Any) -> None:
    """Every dataset waits until it is resumed; then that event is tried again, and the others follow in order."""
    x = declare("x", RAW, consume=each(RAW), reads=())
    story = tell(f"{LINE}x fails\nwait 1h", x)
    assert took(story, "x") == IN_ORDER[:1]
    assert story.held["x"].kind is ReasonKind.PAUSED
    resumed = tell("resume x\nwait 2h", x, after=story)
    assert [line.split()[1] for line in took(resumed, "x")] == [line.split()[1] for line in IN_ORDER]
    dropped = tell("resume x drop\n+1h raw/fr.json changed", x, after=story)
    assert took(dropped, "x") == ["12:03 raw/fr.json@3"]


@pytest.mark.parametrize("ends", ["fails", "cancelled"])
def test_a_poison_event_of_a_pattern_is_skipped(declare: Any, tell: Any, ends: str) -> None:
    """`on_error="skip"`: the run that failed or was canceled keeps the event, and the next one is taken."""
    x = declare("x", RAW, consume=each(RAW, on_error="skip"), reads=())
    story = tell(f"{LINE}x {ends}\nwait 1h", x)
    assert [run.consumed[0] for run in story.runs] == [line.split()[1] for line in IN_ORDER]
    assert [f"{run.at:%M}" for run in story.runs] == ["00", "03", "13", "23", "33"]


def test_a_new_queue_begins_with_the_next_event_of_any_dataset(declare: Any, tell: Any, took: Any) -> None:
    """What was there before has no run of its own, unless it builds; of a dataset that nobody knew every event has."""
    script = "2026-01-05T10:00Z raw/fr.json changed\nraw/de.json changed\nraw/de.json changed\n+1h x registered\n"
    more = "+1h raw/de.json changed\nraw/es.json changed"
    story = tell(script + more, declare("x", RAW, consume=each(RAW), reads=()))
    assert took(story, "x") == ["12:00 raw/de.json@3", "12:00 raw/es.json@1"]
    built = tell(script + more, declare("x", RAW, consume=each(RAW), on_register="build", reads=()))
    assert took(built, "x") == [
        "11:00 raw/de.json@2",
        "11:00 raw/fr.json@1",
        "12:00 raw/de.json@3",
        "12:00 raw/es.json@1",
    ]


def test_a_queue_may_begin_and_end_with_another_definition(declare: Any, tell: Any, took: Any) -> None:
    """What is pending stays so when a batch becomes a queue, and when a queue becomes a batch."""
    batch, queue = declare("x", RAW & A, reads=()), declare("x", RAW & A, consume=each(RAW), reads=())
    script = "2026-01-05T10:00Z raw/fr.json changed\nraw/de.json changed\n+1m raw/de.json changed"
    story = tell("+1h A changed\nx takes 1m\nwait 90s", queue, after=tell(script, batch))
    assert took(story, "x") == ["11:01 raw/de.json@1", "11:02 raw/fr.json@1"]
    assert took(tell("wait 1h", batch, after=story), "x") == ["11:03 A@1 raw/de.json@2"]


def test_quiet_is_waited_for_over_all_datasets_of_a_queue(declare: Any, tell: Any, took: Any) -> None:
    """`raw.settle("30s")`: whoever's turn it is, the last that arrived decides."""
    x = declare("x", RAW.settle("30s"), consume=each(RAW), reads=())
    script = "2026-01-05T10:00Z raw/de.json changed\n+20s raw/fr.json changed\n+20s raw/es.json changed\nwait 1h"
    story = tell(script, x)
    assert [f"{run.at:%M:%S}" for run in story.runs] == ["01:10"] * 3
    assert [run.consumed for run in story.runs] == [("raw/de.json@1",), ("raw/fr.json@1",), ("raw/es.json@1",)]


def test_confirmations_of_a_queue_are_taken_in_their_turn(declare: Any, tell: Any, took: Any) -> None:
    """What says that nothing changed confirms where nothing else is pending; before a change it goes with that, and
    behind it, it waits."""
    x = declare("x", RAW, consume=each(RAW), reads=())
    story = tell("2026-01-05T10:00Z raw/de.json changed\n+1h raw/de.json confirmed", x)
    assert took(story, "x") == ["10:00 raw/de.json@1"]
    assert [one.consumed for one in story.confirmations] == [("raw/de.json@2",)]
    script = "+1h x takes 1m\nraw/de.json changed\n+1s raw/de.json confirmed\nraw/fr.json changed\nwait 1h"
    busy = tell(script, x, after=story)
    assert [run.consumed for run in busy.runs] == [("raw/de.json@3",), ("raw/de.json@4", "raw/fr.json@1")]
    assert [run.superseded for run in busy.runs] == [(), ("raw/de.json@4",)]
    script = "+1h x takes 1m\nraw/es.json changed\n+1s raw/de.json changed\n+1s raw/fr.json confirmed\nwait 1h"
    behind = tell(script, x, after=busy)
    assert [run.consumed for run in behind.runs] == [("raw/es.json@1",), ("raw/de.json@5",)]
    assert [one.consumed for one in behind.confirmations] == [("raw/fr.json@2",)]


def test_what_was_given_back_has_no_run_of_its_own_in_a_queue(declare: Any, tell: Any, took: Any) -> None:
    """Two datasets whose runs failed under `batch`; then each event is taken singly: those two go with the first that
    is fresh. Of a poison event that was skipped, the confirmation does."""
    batch, queue = declare("x", RAW, reads=()), declare("x", RAW, consume=each(RAW), reads=())
    script = "2026-01-05T10:00Z x breaks\nraw/fr.json changed\nraw/de.json changed\n+1m x works"
    story = tell("+1h raw/es.json changed\n+1m raw/fr.json changed", queue, after=tell(script, batch))
    assert took(story, "x") == ["11:01 raw/de.json@1 raw/es.json@1 raw/fr.json@1", "11:02 raw/fr.json@2"]
    assert story.runs[0].superseded == ("raw/de.json@1", "raw/fr.json@1")
    assert story.runs[0].reason.names == ("raw/es.json",)
    skipping = declare("x", RAW, consume=each(RAW, on_error="skip"), reads=())
    poison = tell("2026-01-05T10:00Z x fails\nraw/de.json changed", skipping)
    told = tell("+1m raw/de.json confirmed\n+1m raw/fr.json changed", skipping, after=poison)
    assert took(told, "x") == ["10:02 raw/de.json@2 raw/fr.json@1"]
    assert told.runs[0].superseded == ("raw/de.json@2",), "of the poison there is no second run"


def test_a_deadline_gives_up_the_whole_queue(declare: Any, tell: Any, took: Any) -> None:
    """`then="skip"`: what waits behind the event whose turn it is goes too."""
    x = declare("x", RAW & A, consume=each(RAW), reads=(), deadline=Deadline(Cron("0 12 * * *"), then="skip"))
    story = tell(f"{LINE}wait 3h", x)
    assert [one.dropped for one in story.missed] == [
        ("raw/de.json@1", "raw/de.json@2", "raw/es.json@1", "raw/fr.json@1", "raw/fr.json@2")
    ]
    assert took(tell("+1h A changed\nraw/de.json changed", x, after=story), "x") == ["14:03 raw/de.json@3"]
