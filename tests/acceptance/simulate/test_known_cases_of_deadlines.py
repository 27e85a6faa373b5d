"""The known cases: what meets a deadline, and what does not."""

from __future__ import annotations

from typing import Any

import pytest

from penstock import Cron, Dataset
from penstock.assets.declare.policies import Deadline

A, B = Dataset("A.json"), Dataset("B.json")
MORNING = Cron("0 6 * * *")
PAUSED = """
2026-01-05T07:00Z A changed
wait 1h
pause x
2026-01-06T07:00Z resume x
wait 1h
B changed
"""
AT_LIMIT = """
2026-01-05T07:00Z x takes 30h
A changed
+1h A changed
2026-01-06T07:00Z wait 1h
2026-01-06T14:00Z wait 1h
"""


@pytest.mark.parametrize("then", ["alert", "run", "skip"])
def test_a_deadline_that_passes_in_a_pause_takes_nothing(declare: Any, tell: Any, took: Any, then: str) -> None:
    """Resumed plainly, what came before and within the pause is pending, and the rest completes it."""
    x = declare("x", A & B, reads=["A"], deadline=Deadline(MORNING, then=then))
    story = tell(PAUSED, x)
    assert not story.missed
    assert took(story, "x") == ["08:00 A@1 B@1"]


def test_a_run_that_a_deadline_made_meets_none_of_a_later_definition(declare: Any, tell: Any) -> None:
    """Its timetable is another one by then: the first deadline of that is missed as any is."""
    x = declare("x", A & B, reads=["A"], deadline=Deadline(MORNING, then="run"))
    story = tell("2026-01-05T05:00Z A changed\nwait 2h", x)
    assert ["deadline" in run.reason.text for run in story.runs] == [True]
    x = declare("x", A & B, reads=["A"], deadline=Deadline(Cron("0 9 * * *")))
    later = tell("2026-01-05T07:00Z wait 3h", x, after=story)
    assert [f"{one.tick:%d %H}" for one in later.missed] == ["05 09"]


def test_a_deadline_before_the_pause_is_missed(declare: Any, tell: Any) -> None:
    """And so is the first after it."""
    x = declare("x", A & B, deadline=Deadline(MORNING))
    story = tell("2026-01-05T05:00Z wait 2h\npause x\nwait 26h\nresume x\nwait 1d", x)
    assert [one.tick.day for one in story.missed] == [5, 7]


@pytest.mark.parametrize("then", ["alert", "run", "skip"])
def test_what_holds_and_waits_for_a_run_meets_its_deadline(declare: Any, tell: Any, took: Any, then: str) -> None:
    """A run goes on for thirty hours; what came meanwhile is not given up at six, and makes the next run. That has the
    news as its reason alone."""
    x = declare("x", A, deadline=Deadline(MORNING, then=then))
    story = tell(AT_LIMIT, x)
    assert not story.missed
    assert took(story, "x") == ["07:00 A@1", "13:00 A@2"]
    assert [run.reason.text for run in story.runs] == [
        "input changed (A) and first build",
        "input changed: A",
    ]
    assert not any(run.ticks for run in story.runs)


@pytest.mark.parametrize("then", ["alert", "run"])
def test_what_held_at_the_deadline_has_met_it(declare: Any, tell: Any, took: Any, then: str) -> None:
    """Also if it does not hold any more once there is room for a run."""
    x = declare("x", A & B.fresh("20h"), reads=["A"], deadline=Deadline(MORNING, then=then))
    script = "2026-01-05T07:00Z x takes 2d\nB changed\nA changed\n+12h A changed\n2026-01-06T02:00Z B confirmed"
    story = tell(f"{script}\n2026-01-07T05:00Z wait 59m", x)
    assert not story.missed
    assert took(story, "x") == ["07:00 A@1"]
    later = tell("wait 26h", x, after=story)
    assert [one.tick.day for one in later.missed] == ([7, 8] if then == "alert" else [])


def test_a_run_for_a_deadline_does_not_meet_the_next(declare: Any, tell: Any, took: Any) -> None:
    """Planned ten minutes after it because nobody looked, it is for the deadline that it took; so there is one for the
    next. A run that news makes meets the one that follows."""
    x = declare("x", A & B, reads=["A"], deadline=Deadline(MORNING, then="run"))
    late = "2026-01-05T07:00Z A changed\n2026-01-06T05:00Z scheduler stops\n+70m scheduler starts"
    story = tell(f"{late}\nwait 24h", x)
    assert [(run.at.day, run.ticks[f"deadline {MORNING.label}"].day) for run in story.runs] == [(6, 6), (7, 7)]
    assert [run.reason.kind for run in story.runs] == ["deadline", "deadline"]
    story = tell("2026-01-07T12:00Z B changed\nA changed\nwait 24h", x, after=story)
    assert [(run.at.day, run.reason.kind) for run in story.runs] == [(7, "input_changed")]


def test_a_run_for_a_deadline_that_fails_is_made_again_at_the_next(declare: Any, tell: Any) -> None:
    """Each missed deadline has one run, whatever becomes of it."""
    x = declare("x", A & B, reads=["A"], deadline=Deadline(MORNING, then="run"))
    story = tell("2026-01-05T07:00Z x breaks\nA changed\nwait 3d", x)
    assert [(run.at.day, run.state) for run in story.runs] == [(6, "failed"), (7, "failed"), (8, "failed")]


def test_a_missed_deadline_says_why(declare: Any, tell: Any) -> None:
    """What it waited for, then; and what was given up."""
    x = declare("x", A & B, deadline=Deadline(MORNING, then="skip"))
    story = tell("2026-01-05T07:00Z A changed\nwait 2d", x)
    assert [one.reason.text for one in story.missed] == ["waiting for B", "waiting for A and B"]
    assert "2026-01-06 06:00  x      deadline missed  waiting for B; gave up A@1" in story.text


@pytest.mark.parametrize(
    "before", ["A changed\n+1m A removed\nwait 2d", "A changed\nB changed\n+1m A removed\nwait 2d"]
)
def test_a_removal_that_nobody_asked_for_is_given_up_too(declare: Any, tell: Any, took: Any, before: str) -> None:
    """As where an asset is resumed with `drop`: a condition that asks for removals later begins with those to come,
    whether or not something else was pending."""
    deadline = Deadline(MORNING, then="skip")
    story = tell(f"2026-01-05T07:00Z {before}", declare("x", A & B, reads=["B"], deadline=deadline))
    assert [one.tick.day for one in story.missed]
    later = tell("wait 1h\nA changed\n+1h A removed", declare("x", A.removed(), reads=[]), after=story)
    assert took(later, "x") == ["09:01 A@3 A@4"]
