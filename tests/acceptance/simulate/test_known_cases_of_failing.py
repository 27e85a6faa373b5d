"""The known cases: what a run's end does to its events, what is confirmed, pauses, and definitions that change."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from penstock import Cron, Dataset, meta
from penstock.assets.declare.policies import each
from penstock.storage.types import Consume, ReasonKind, RunState

A, B, C, RAW = (Dataset(f"{name}.json") for name in ("A", "B", "C", "raw"))
MODES = [Consume.BATCH, Consume.BRANCH, Consume.LATEST]


@pytest.mark.parametrize("consume", MODES)
@pytest.mark.parametrize("ends", ["fails", "cancelled"])
def test_returned_events_complete_and_never_start(
    declare: Any, tell: Any, took: Any, consume: Consume, ends: str
) -> None:
    """`A & B`: after a run that failed, its A and B are pending again; news of B alone starts one with all of them."""
    x = declare("x", A & B, consume=consume)
    story = tell(f"2026-01-05T10:00Z A changed\nB changed\nx {ends}\nwait 10h", x)
    assert took(story, "x") == ["10:00 A@1 B@1"]
    assert "fresh news" in story.held["x"].text
    assert took(tell("+1h B changed", x, after=story), "x") == ["21:00 A@1 B@1 B@2"]


def test_a_broken_asset_runs_once_per_fresh_event(declare: Any, tell: Any, took: Any) -> None:
    """It does not loop, takes along what came back, and heals at the next news."""
    x = declare("x", A)
    story = tell("2026-01-05T10:00Z x breaks\nA changed\n+1h A changed\n+1h A changed\nwait 1d", x)
    assert took(story, "x") == ["10:00 A@1", "11:00 A@1 A@2", "12:00 A@1 A@2 A@3"]
    assert {run.state for run in story.runs} == {RunState.FAILED}
    healed = tell("x works\n+1h A changed", x, after=story)
    assert took(healed, "x") == ["13:00 A@1 A@2 A@3 A@4"]


def test_a_confirmation_after_a_failure_settles_nothing(declare: Any, tell: Any, took: Any) -> None:
    """What the failed run had to make is still to be made: that its input is confirmed does not say otherwise."""
    x, y = declare("x", A), declare("y", Dataset("x.json"))
    story = tell("2026-01-05T10:00Z A changed\n+1h A changed\nx fails\n+1h A confirmed\n+1h A changed", x, y)
    assert took(story, "x") == ["10:00 A@1", "11:00 A@2", "13:00 A@2 A@3 A@4"]
    assert not story.confirmations
    assert took(story, "y") == ["10:00 x@1", "13:00 x@2"]


POISON = """
    2026-01-05T10:00Z A changed
                      x takes 10m
                      x fails
    +1m A changed
    +1m A changed
    wait 1h
"""


def test_a_poison_event_stops_its_asset(declare: Any, tell: Any, took: Any) -> None:
    """`each(A)`: it is paused, the failed run keeps the event, and resuming tries that event again, then the others."""
    x = declare("x", A, consume=each(A))
    story = tell(POISON, x)
    assert took(story, "x") == ["10:00 A@1"]
    assert story.held["x"].kind is ReasonKind.PAUSED
    assert took(tell("resume x\nwait 1h", x, after=story), "x") == ["11:02 A@1", "11:12 A@2", "11:22 A@3"]
    dropped = tell("resume x drop\n+1h A changed", x, after=story)
    assert took(dropped, "x") == ["12:02 A@4"]


def test_a_poison_event_is_kept_by_who_was_paused_meanwhile(declare: Any, tell: Any, took: Any) -> None:
    """Paused by hand while the run was at work: resumed, it tries the event of that run again, and then the
    others."""
    x = declare("x", A, consume=each(A))
    story = tell("2026-01-05T10:00Z x takes 10m\nx fails\nA changed\n+1m A changed\npause x\nwait 1h", x)
    assert story.held["x"].text == "paused; by hand"
    assert took(tell("resume x\nwait 1h", x, after=story), "x") == ["11:01 A@1", "11:11 A@2"]


@pytest.mark.parametrize(("ends", "state"), [("fails", RunState.FAILED), ("cancelled", RunState.CANCELED)])
def test_a_poison_event_is_skipped(declare: Any, tell: Any, took: Any, ends: str, state: RunState) -> None:
    """`each(A, on_error="skip")`: the run that failed or was canceled keeps the event, and the next one is taken."""
    x = declare("x", A, consume=each(A, on_error="skip"))
    story = tell(POISON.replace("fails", ends), x)
    assert took(story, "x") == ["10:00 A@1", "10:10 A@2", "10:20 A@3"]
    assert [run.state for run in story.runs] == [state, RunState.SUCCESS, RunState.SUCCESS]


def test_too_many_failures_pause_an_asset(declare: Any, tell: Any, took: Any) -> None:
    """`pause_after=2`: paused with the reason; what comes meanwhile is kept, and starts it when it is resumed."""
    x = declare("x", A, pause_after=2)
    story = tell("2026-01-05T10:00Z x breaks\nA changed\n+1h A changed\n+1h A changed", x)
    assert took(story, "x") == ["10:00 A@1", "11:00 A@1 A@2"]
    assert story.held["x"].text.startswith("paused; 2 failed in a row")
    assert took(tell("x works\n+1h resume x", x, after=story), "x") == ["13:00 A@1 A@2 A@3"]


@pytest.mark.parametrize("ends", ["skipped", "unchanged"])
def test_a_run_that_gives_nothing_new_has_consumed(declare: Any, tell: Any, took: Any, ends: str) -> None:
    """Skipped by its producer, or the same bytes: nothing comes back; the same bytes are told downstream."""
    x, y = declare("x", A), declare("y", Dataset("x.json"))
    story = tell(f"2026-01-05T10:00Z A changed\n+1h A changed\nx {ends}\n+1h A changed", x, y)
    assert took(story, "x") == ["10:00 A@1", "11:00 A@2", "12:00 A@3"]
    assert [run.at.hour for run in story.of("y")] == [10, 12]
    assert [one.consumed for one in story.confirmations] == ([("x@2",)] if ends == "unchanged" else [])


@pytest.mark.parametrize("consume", MODES)
def test_one_half_changed_and_the_other_confirmed_make_one_run(
    declare: Any, tell: Any, took: Any, consume: Consume
) -> None:
    """`train & validation` from one source: only train came out anew, and the model does not wait for ever."""
    train, validation = declare("train", RAW), declare("validation", RAW)
    model = declare("model", Dataset("train.json") & Dataset("validation.json"), consume=consume)
    below = declare("below", Dataset("model.json"))
    script = "2026-01-05T10:00Z raw changed\n+1h raw changed\nvalidation unchanged"
    story = tell(script, train, validation, model, below)
    assert took(story, "model") == ["10:00 train@1 validation@1", "11:00 train@2 validation@2"]
    assert [one.asset for one in story.confirmations] == []
    again = tell("+1h raw changed\ntrain unchanged\nvalidation unchanged", train, validation, model, below, after=story)
    assert [run.asset for run in again.runs] == ["train", "validation"]
    assert [(one.asset, one.consumed) for one in again.confirmations] == [
        ("model", ("train@3", "validation@3")),
        ("below", ("model@3",)),
    ]


def test_a_confirmed_source_reaches_everything_downstream(declare: Any, tell: Any) -> None:
    """Nothing runs, and every asset below has been told."""
    names = ["raw", "a", "b", "c"]
    chain = [declare(below, Dataset(f"{above}.json")) for above, below in pairwise(names)]
    story = tell("2026-01-05T10:00Z raw changed\n+1h raw confirmed", *chain)
    assert [run.asset for run in story.runs] == ["a", "b", "c"]
    assert [one.asset for one in story.confirmations] == ["a", "b", "c"]


def test_a_confirmation_swallows_no_change(declare: Any, tell: Any, took: Any) -> None:
    """`A | (B & C)`, of which A is read: A is confirmed while a change of B waits. Nothing is read, so B waits on."""
    x = declare("x", A | (B & C), reads=["A"])
    story = tell("2026-01-05T10:00Z A changed\n+1h B changed\n+1h A confirmed\n+1h C changed", x)
    assert [one.consumed for one in story.confirmations] == [("A@2",)]
    assert took(story, "x") == ["10:00 A@1", "13:00 B@1 C@1"]
    assert story.runs[1].state is RunState.SKIPPED, "what it reads is what it was made from"


def test_what_completes_a_queue_confirms_nothing(declare: Any, tell: Any, took: Any) -> None:
    """`A | B` with `each(A)`: B is never taken, so that its confirmation says nothing, least of all again and again."""
    x = declare("x", A | B, consume=each(A))
    story = tell("2026-01-05T10:00Z A changed\nB changed\n+1h B confirmed\n+1h A confirmed\n+1h A changed", x)
    assert took(story, "x") == ["10:00 A@1", "13:00 A@3"]
    assert [one.consumed for one in story.confirmations] == [("A@2",)]


def test_what_may_start_nothing_has_no_run_of_its_own(declare: Any, tell: Any, took: Any) -> None:
    """`A & B` with `each(A)`: a confirmation goes with the change behind it, which the run is about; and what a failed
    run gave back before each event had one of its own."""
    x = declare("x", A & B, consume=each(A))
    story = tell("2026-01-05T10:00Z A changed\n+1m A confirmed\n+1m A changed\n+1m B changed", x)
    assert took(story, "x") == ["10:03 A@1", "10:03 A@2 A@3"]
    assert [run.superseded for run in story.runs] == [(), ("A@2",)]
    assert story.runs[1].pins["A"] == "A@3"
    before = tell("2026-01-05T10:00Z x fails\nA changed\nB changed\n+1m A confirmed", declare("x", A & B))
    assert took(before, "x") == ["10:00 A@1 B@1"]
    then = tell("+1h x fails\nA changed\n+1m resume x\nwait 1h", x, after=before)
    assert took(then, "x") == ["11:01 A@1 A@2 A@3", "11:02 A@1 A@2 A@3"], "what stops it is tried again, as it was"
    assert then.runs[1].superseded == ("A@1", "A@2")


def test_what_stands_alone_and_may_start_nothing_waits(declare: Any, tell: Any, took: Any) -> None:
    """`each(A, on_error="skip")`: after a poison event its confirmation starts nothing, and goes with the next."""
    x = declare("x", A, consume=each(A, on_error="skip"))
    poison = tell("2026-01-05T10:00Z x fails\nA changed\n+1m A confirmed\n+1m A confirmed", x)
    assert took(poison, "x") == ["10:00 A@1"]
    assert not poison.confirmations
    assert took(tell("+1h A changed", x, after=poison), "x") == ["11:02 A@2 A@3 A@4"]


def test_updated_starts_a_run_by_a_confirmation(declare: Any, tell: Any, took: Any) -> None:
    """`A.updated()`: it runs though nothing changed; as its key is that of its head, it is skipped."""
    x = declare("x", A.updated())
    story = tell("2026-01-05T10:00Z A changed\n+1h A confirmed", x)
    assert took(story, "x") == ["10:00 A@1", "11:00 A@2"]
    assert [run.reason.kind for run in story.runs] == [ReasonKind.INPUT_CHANGED, ReasonKind.UNCHANGED]


@pytest.mark.parametrize("consume", MODES)
def test_a_paused_consumer_keeps_its_events(declare: Any, tell: Any, took: Any, consume: Consume) -> None:
    """Resumed, it has one run with all that came; with `drop` it has none, and waits for news."""
    x = declare("x", A, consume=consume)
    story = tell("2026-01-05T10:00Z pause x\n+1h A changed\n+1h A changed", x)
    assert story.held["x"].text == "paused; by hand"
    assert took(tell("+1h resume x", x, after=story), "x") == ["13:00 A@1 A@2"]
    assert took(tell("+1h resume x drop\n+1h A changed", x, after=story), "x") == ["14:00 A@3"]
    dropping = declare("x", A, consume=consume, on_resume="drop")
    assert took(tell("+1h resume x\n+1h A changed", dropping, after=story), "x") == ["14:00 A@3"]


def test_what_a_pause_dropped_starts_nothing_by_a_later_condition(declare: Any, tell: Any, took: Any) -> None:
    """A removal for which the condition did not ask goes with the rest; kept, it is pending once one asks for it."""
    waiting, removed = declare("x", A, reads=()), declare("x", A.removed(), reads=())
    story = tell("2026-01-05T10:00Z pause x\n+1h A changed\n+1h A removed", waiting)
    dropped = tell("+1h resume x drop", waiting, after=story)
    assert not tell("wait 1h", removed, after=dropped).runs
    assert took(tell("+1h resume x", removed, after=story), "x") == ["13:00 A@1 A@2"]


def test_ticks_of_a_pause_are_caught_up_or_dropped(declare: Any, tell: Any) -> None:
    """A pause over three ticks: one run for the newest when it is resumed, none when that drops."""
    x = declare("x", Cron("0 * * * *"), reads=())
    story = tell("2026-01-05T10:30Z pause x\nwait 3h10m", x)
    assert not story.runs
    (run,) = tell("resume x", x, after=story).runs
    assert [tick.hour for tick in run.ticks.values()] == [13]
    assert not tell("resume x drop", x, after=story).runs


@pytest.mark.parametrize("consume", MODES)
def test_a_new_asset_waits_for_news_and_then_has_its_other_half(
    declare: Any, tell: Any, took: Any, consume: Consume
) -> None:
    """Of what was there it has the newest, which only completes."""
    x = declare("x", A & B, consume=consume)
    script = "2026-01-05T10:00Z A changed\nA changed\nB changed\n+1h x registered\nwait 1h\n"
    story = tell(script, x)
    assert not story.runs
    assert took(tell("+1h B changed", x, after=story), "x") == ["13:00 A@2 B@1 B@2"]


def test_a_new_asset_builds_from_what_is_there_where_it_says_so(declare: Any, tell: Any, took: Any) -> None:
    """`on_register="build"`: the newest change of each leaf starts it, with what was confirmed since."""
    x = declare("x", A & B, on_register="build")
    story = tell("2026-01-05T10:00Z A changed\nA changed\nA confirmed\nB changed\n+1h x registered\nwait 1h", x)
    assert took(story, "x") == ["11:00 A@2 A@3 B@1"]


def test_a_new_leaf_of_an_old_asset_only_completes(declare: Any, tell: Any, took: Any) -> None:
    """`on_register="build"` is about assets that are new; and what was closed is not there any more when it is named
    again."""
    story = tell("2026-01-05T10:00Z A changed\nB changed", declare("x", A, on_register="build"), declare("y", B))
    both = declare("x", B, on_register="build")
    story = tell("wait 1h", both, declare("y", B), after=story)
    assert not story.of("x")
    story = tell("+1h A changed", declare("x", A, on_register="build"), declare("y", B), after=story)
    assert took(story, "x") == ["12:00 A@1 A@2"]


GRADED = "2026-01-05T10:00Z A acc=0.5\n+1h A changed acc=0.95\n+1h A changed acc=0.4\n+1h x registered\n"
GOOD = A.where(meta("acc") > 0.9)


def test_a_new_asset_begins_with_the_newest_event_that_counts(declare: Any, tell: Any, took: Any) -> None:
    """Narrowed by what metadata say or by time: it has its other half once the rest comes; building, it starts at once;
    and where nothing counts, nothing holds."""
    script = GRADED.replace("A acc", "A changed acc")
    new = tell(script + "+1h B changed", declare("x", GOOD & B))
    assert took(new, "x") == ["14:00 A@2 A@3 B@1"]
    assert new.runs[0].pins["A"] == "A@2"
    built = tell(script, declare("x", GOOD, on_register="build"))
    assert took(built, "x") == ["13:00 A@2 A@3"]
    assert built.runs[0].pins == {"A": "A@2"}
    best = A.where(meta("acc") > 0.99)
    assert not tell(script + "+1h B changed", declare("x", best & B)).runs
    assert not tell(script, declare("x", best, on_register="build")).runs
    since = declare("x", A.since(Cron("30 11 * * *")) & B)
    assert took(tell(script + "+1h B changed", since), "x") == ["14:00 A@3 B@1"]


def test_a_leaf_that_is_new_begins_with_the_newest_event_that_counts(declare: Any, tell: Any, took: Any) -> None:
    """A condition that comes to name a dataset has the newest of it that counts, as a new asset has."""
    script = "2026-01-05T10:00Z A changed acc=0.95\n+1h A changed acc=0.4"
    y = declare("y", A)
    before = tell(script, declare("x", B), y)
    assert took(tell("+1h B changed", declare("x", GOOD & B), y, after=before), "x") == ["12:00 A@1 A@2 B@1"]


def test_a_new_queue_begins_with_the_next_event(declare: Any, tell: Any, took: Any) -> None:
    """`each(A)`: what was there before has no run of its own, and is in nobody's way."""
    x = declare("x", A, consume=each(A))
    story = tell("2026-01-05T10:00Z A changed\n+1h x registered\n+1h A changed\nA changed", x)
    assert took(story, "x") == ["12:00 A@2", "12:00 A@3"]


def test_a_renamed_asset_keeps_its_history(declare: Any, tell: Any, took: Any) -> None:
    """`previously=`: what is pending stays pending, what was taken stays taken, and it is not built anew."""
    script = "2026-01-05T10:00Z A changed\nB changed\n+1h A changed"
    story = tell(script, declare("old", A & B))
    assert took(story, "old") == ["10:00 A@1 B@1"]
    new = declare("new", A & B, previously="old")
    later = tell("+1h B changed", new, after=story)
    assert took(later, "new") == ["12:00 A@2 B@2"]
    assert ReasonKind.FIRST_BUILD not in later.runs[0].reason.also


def test_a_changed_condition_keeps_the_progress_of_the_leaves_that_stay(declare: Any, tell: Any, took: Any) -> None:
    """`A & B` becomes `A & C`: the pending A counts on, B is closed, C begins with what is there as completing only."""
    story = tell("2026-01-05T10:00Z C.json changed\nA changed\n+1h B changed\n+1h A changed", declare("x", A & B))
    assert took(story, "x") == ["11:00 A@1 B@1"]
    other = declare("x", A & C)
    assert took(tell("wait 1h", other, after=story), "x") == ["12:00 A@2 C@1"]
    back = tell("+1h B changed", declare("x", A & B), after=tell("wait 1h", other, after=story))
    assert not back.of("x"), "what was closed does not come back"


def test_no_run_before_every_input_has_a_version(declare: Any, tell: Any, took: Any) -> None:
    """`A` starts it, and it reads B too: A waits, with that reason, until B is there, which need not be a leaf."""
    x = declare("x", A, reads=["A", "B"])
    story = tell("2026-01-05T10:00Z A changed", x)
    assert story.held["x"].text == "input has no version: B"
    assert took(tell("+1h B changed", x, after=story), "x") == ["11:00 A@1"]


def test_an_event_that_nobody_declared_is_kept_as_unmatched(declare: Any, tell: Any) -> None:
    """It concerns nobody, and is shown."""
    story = tell("2026-01-05T10:00Z s3://elsewhere/x.json changed\nA changed", declare("x", A))
    assert story.unmatched == ("s3://elsewhere/x.json@1",)
    assert "nobody waits for: s3://elsewhere/x.json@1" in story.text
