"""The known cases: ticks, deadlines, staleness, quiet, and what is caught up after a while without a scheduler."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from penstock import Cron, Dataset, Every, all_of, meta
from penstock.assets.declare.conditions.leaves import stale
from penstock.assets.declare.policies import Deadline, each
from penstock.storage.types import Consume, ReasonKind, RunState

A, B = Dataset("A.json"), Dataset("B.json")
WEEKLY = Cron("0 1 * * 3") | (A & B)  # 2026-01-05 is a Monday
HOURLY = Cron("0 * * * *")


def ticks(story: Any, name: str) -> list[tuple[str, ...]]:
    """Of each run the ticks it took."""
    return [tuple(f"{tick:%d %H:%M}" for tick in run.ticks.values()) for run in story.of(name)]


@pytest.mark.parametrize("consume", [Consume.BATCH, Consume.LATEST])
def test_a_tick_takes_the_half_of_the_other_branch(declare: Any, tell: Any, took: Any, consume: Consume) -> None:
    """`Cron | (A & B)`: A on Tuesday makes nothing; Wednesday 01:00 makes a run that takes A; then B alone nothing."""
    x = declare("x", WEEKLY, consume=consume, reads=["A"])
    story = tell("2026-01-06T10:00Z A changed\nwait 15h", x)
    assert took(story, "x") == ["01:00 A@1"]
    assert ticks(story, "x") == [("07 01:00",)]
    assert story.runs[0].reason.kind is ReasonKind.TICK
    assert not tell("+1h B changed\nwait 1h", x, after=story).runs


def test_a_tick_leaves_the_half_of_the_other_branch(declare: Any, tell: Any, took: Any) -> None:
    """The same with `branch`: A stays pending, and B makes a run of both."""
    x = declare("x", WEEKLY, consume=Consume.BRANCH, reads=["A"])
    story = tell("2026-01-06T10:00Z A changed\nwait 15h\n+1h B changed", x)
    assert took(story, "x") == ["01:00", "02:00 A@1 B@1"]
    assert ticks(story, "x") == [("07 01:00",), ()]


@pytest.mark.parametrize("consume", [Consume.BATCH, Consume.BRANCH, Consume.LATEST])
def test_tick_and_news_at_one_instant_make_one_run(declare: Any, tell: Any, took: Any, consume: Consume) -> None:
    """Both branches due at once: one run, which names both reasons."""
    x = declare("x", WEEKLY, consume=consume)
    story = tell("2026-01-06T10:00Z A changed\n2026-01-07T01:00Z B changed\nwait 1h", x)
    assert took(story, "x") == ["01:00 A@1 B@1"]
    assert {story.runs[0].reason.kind, *story.runs[0].reason.also} >= {ReasonKind.INPUT_CHANGED, ReasonKind.TICK}


@pytest.mark.parametrize("consume", [Consume.BATCH, Consume.BRANCH, Consume.LATEST, each(A)])
def test_a_tick_waits_for_news_and_news_for_a_tick(declare: Any, tell: Any, took: Any, consume: Any) -> None:
    """`Cron & A`: A at 00:58 runs at 01:00; nothing at 02:00; A at 02:20 runs then, for the tick of 02:00."""
    script = "2026-01-05T00:30Z wait 28m\nA changed\nwait 82m\nA changed\nwait 30m"
    story = tell(script, declare("x", HOURLY & A, consume=consume))
    assert took(story, "x") == ["01:00 A@1", "02:20 A@2"]
    assert ticks(story, "x") == [("05 01:00",), ("05 02:00",)]


@pytest.mark.parametrize("catchup", ["latest", "all", "none", 2])
def test_ticks_that_wait_for_news_coalesce(declare: Any, tell: Any, took: Any, catchup: Any) -> None:
    """Three ticks without news, then A: one run, not three, for the newest; and the next news waits for the next tick,
    whatever is caught up."""
    x = declare("x", Cron("0 * * * *", catchup=catchup) & A)
    story = tell("2026-01-05T00:30Z wait 2h50m\nA changed\n+1m A changed\nwait 30m", x)
    assert took(story, "x") == ["03:20 A@1"]
    assert ticks(story, "x") == [("05 03:00",)]
    assert took(tell("wait 1h", x, after=story), "x") == ["04:00 A@2"]


def test_since_a_timetable_ignores_what_came_before_its_tick(declare: Any, tell: Any, took: Any) -> None:
    """`Cron & A.since(Cron)`: A at 00:58 is not enough at 01:00; A at 02:20 is, and both are taken."""
    x = declare("x", HOURLY & A.since(HOURLY))
    story = tell("2026-01-05T00:30Z wait 28m\nA changed\nwait 82m\nA changed\nwait 10m", x)
    assert took(story, "x") == ["02:20 A@1 A@2"]
    early = tell("2026-01-05T00:58Z A changed\nwait 10m", x)
    assert "the newest came before the tick of 2026-01-05 01:00 UTC" in early.held["x"].text


AWAY = """
    2026-01-05T00:30Z wait 1h
    scheduler stops
    wait 3h20m
    scheduler starts
    wait 20m
"""


@pytest.mark.parametrize(
    ("catchup", "expected"),
    [
        ("latest", [("05 01:00",), ("05 04:00",), ("05 05:00",)]),
        ("all", [("05 01:00",), ("05 02:00",), ("05 03:00",), ("05 04:00",), ("05 05:00",)]),
        ("none", [("05 01:00",), ("05 05:00",)]),
        (2, [("05 01:00",), ("05 03:00",), ("05 04:00",), ("05 05:00",)]),
    ],
)
def test_missed_ticks_are_made_up_for_as_declared(declare: Any, tell: Any, catchup: Any, expected: Any) -> None:
    """While the scheduler was away, 02:00, 03:00 and 04:00 passed."""
    x = declare("x", Cron("0 * * * *", catchup=catchup), reads=())
    if catchup == 2:  # asks for the last two, also from before the asset was there
        expected = [("04 23:00",), ("05 00:00",), *expected]
    assert ticks(tell(AWAY, x), "x") == expected


@pytest.mark.parametrize(("catchup", "at_once"), [("latest", 1), ("all", 3), (2, 2)])
def test_ticks_that_are_made_up_for_fill_the_room_for_runs(declare: Any, tell: Any, catchup: Any, at_once: int) -> None:
    """Three may be active: as many of those that were missed begin together."""
    x = declare("x", Cron("0 * * * *", catchup=catchup), reads=(), max_active_runs=3)
    runs = tell(f"2026-01-05T00:30Z x takes 30m\n{AWAY}", x).of("x")
    begun = [run.at for run in runs]
    assert max(begun.count(at) for at in begun if at.hour == 4) == at_once


def test_a_scheduler_that_was_away_for_a_moment_has_missed_nothing(declare: Any, tell: Any) -> None:
    """It looked again within a minute of when it should have; or there was nothing to look at."""
    x = declare("x", Cron("0 * * * *", catchup="none"), reads=())
    script = "2026-01-05T00:30Z wait 29m\nscheduler stops\nwait {}\nscheduler starts\nwait 5m"
    assert ticks(tell(script.format("90s"), x), "x") == [("05 01:00",)]
    assert ticks(tell(script.format("150s"), x), "x") == []


def test_ticks_are_caught_up_one_by_one_though_there_is_news_besides(declare: Any, tell: Any, took: Any) -> None:
    """`Cron(catchup="all") | A`: time alone can make it true, so that news hides no tick."""
    x = declare("x", Cron("0 * * * *", catchup="all") | A)
    story = tell("2026-01-05T00:30Z A changed\nscheduler stops\nwait 3h\nscheduler starts", x)
    assert took(story, "x") == ["03:30 A@1", "03:30", "03:30"]
    assert ticks(story, "x") == [("05 01:00",), ("05 02:00",), ("05 03:00",)]


def test_ticks_never_return(declare: Any, tell: Any) -> None:
    """A run by a tick that fails is not made again for that tick."""
    x = declare("x", HOURLY, reads=())
    story = tell("2026-01-05T00:30Z x fails\nwait 2h", x)
    assert [(run.state, f"{run.at:%H:%M}") for run in story.runs] == [
        (RunState.FAILED, "01:00"),
        (RunState.SUCCESS, "02:00"),
    ]


def test_two_sources_that_change_shortly_after_each_other_make_one_run(declare: Any, tell: Any, took: Any) -> None:
    """`(A | B).settle("5s")`: quiet is waited for, and the reason says until when."""
    x = declare("x", (A | B).settle("5s"))
    story = tell("2026-01-05T10:00Z A changed\n+2s B changed", x)
    assert story.held["x"].text == "settling; until 2026-01-05 10:00:07 UTC"
    story = tell("2026-01-05T10:00Z A changed\n+2s B changed\nwait 1m", x)
    assert [(run.at.second, run.consumed) for run in story.runs] == [(7, ("A@1", "B@1"))]


def test_quiet_is_that_of_all_that_waits_its_turn(declare: Any, tell: Any) -> None:
    """`each(A)`: no event has its run before nothing has come for so long."""
    script = "2026-01-05T10:00Z A changed\n+20s A changed\n+20s A changed\nwait 1h"
    for leaf in (A, A.where(meta("rows") != 1)):
        x = declare("x", leaf.settle("30s"), consume=each(A))
        story = tell(script.replace("changed", "changed rows=2"), x)
        assert [f"{run.at:%M:%S} {run.pins['A']}" for run in story.runs] == ["01:10 A@1", "01:10 A@2", "01:10 A@3"]


def test_a_source_that_never_rests_fires_at_max_wait(declare: Any, tell: Any) -> None:
    """News each 2 s: after 20 s it is made use of all the same, and again; by default after 20 times the quiet time."""
    script = "2026-01-05T10:00Z A changed\n" + "+2s A changed\n" * 60
    story = tell(script, declare("x", A.settle("5s", max_wait="20s")))
    assert [(run.at - story.runs[0].at).total_seconds() for run in story.runs] == [0, 22, 44, 66, 88]
    assert story.runs[0].at == datetime(2026, 1, 5, 10, 0, 20, tzinfo=UTC)
    slow = tell(script, declare("x", A.settle("5s")))
    assert [run.at.isoformat() for run in slow.runs] == ["2026-01-05T10:01:40+00:00"]


def test_patience_begins_when_the_other_half_is_there(declare: Any, tell: Any) -> None:
    """`(A & B).settle`: A waited for hours, which says nothing of B: quiet is waited for once B comes too."""
    x = declare("x", (A & B).settle("30s", max_wait="1m"))
    story = tell("2026-01-05T08:00Z A changed\n+2h B changed\n+10s B changed\n+10s B changed\nwait 5m", x)
    assert [(f"{run.at:%H:%M:%S}", run.consumed) for run in story.runs] == [("10:00:50", ("A@1", "B@1", "B@2", "B@3"))]
    restless = "2026-01-05T08:00Z A changed\n+2h B changed\n" + "+10s B changed\n" * 12
    assert f"{tell(restless, x).runs[0].at:%H:%M:%S}" == "10:01:00"


def test_stale_runs_once_in_its_time(declare: Any, tell: Any) -> None:
    """`stale("7d")` with a producer that keeps giving the same bytes: a run at first, then one in 7 days, no loop."""
    x = declare("x", stale("7d"), reads=())
    story = tell("2026-01-05T10:00Z x gives version=same\nwait 30d", x)
    assert [run.at for run in story.runs] == [
        datetime(2026, 1, 5, 10, tzinfo=UTC) + timedelta(days=7) * n for n in range(5)
    ]
    assert all(run.reason.kind is ReasonKind.STALE for run in story.runs)
    assert [event.kind for event in story.events] == ["changed", *["confirmed"] * 4]


def test_stale_executes_though_ticks_of_a_pure_asset_do_not(declare: Any, tell: Any) -> None:
    """`pure=True` lets a tick be skipped when nothing changed; what is stale is made, or it would be stale for ever."""
    x = declare("x", stale("2d") | Cron("0 12 * * *"), reads=["A"], pure=True)
    story = tell("2026-01-05T10:00Z A changed\nwait 5d", x)
    assert [(run.at.day, run.state) for run in story.runs] == [
        (5, RunState.SUCCESS),
        (5, RunState.SKIPPED),
        (6, RunState.SKIPPED),
        (7, RunState.SUCCESS),
        (7, RunState.SKIPPED),
        (8, RunState.SKIPPED),
        (9, RunState.SUCCESS),
        (9, RunState.SKIPPED),
    ]


def test_stale_and_broken_does_not_loop(declare: Any, tell: Any) -> None:
    """An asset that fails is not stale again at once."""
    story = tell("2026-01-05T10:00Z x breaks\nwait 15d", declare("x", stale("7d"), reads=()))
    assert [run.at.day for run in story.runs] == [5, 12, 19]


def test_stale_and_broken_is_healed_by_news(declare: Any, tell: Any, took: Any) -> None:
    """`stale("7d") & A`: after a failure it is still stale, and starts nothing; the next news of A does."""
    x = declare("x", stale("7d") & A)
    story = tell("2026-01-05T10:00Z x fails\nA changed\n+1d A changed\n+1d A changed\nwait 1d", x)
    assert took(story, "x") == ["10:00 A@1", "10:00 A@1 A@2"]
    assert story.held["x"].text == "waiting for stale 7d"
    alone = tell("2026-01-05T10:00Z x fails\nwait 1h", declare("x", stale("7d"), reads=()))
    assert alone.held["x"].text == "waiting for stale 7d once more: the newest try was at 2026-01-05 10:00 UTC"


def test_a_canceled_run_leaves_it_stale(declare: Any, tell: Any) -> None:
    """It was never made, or not for so long: the next pass makes it; one that its producer skipped is a try."""
    x = declare("x", stale("7d"), reads=())
    story = tell("2026-01-05T10:00Z x takes 1h\nx cancelled\nwait 10d", x)
    assert [(run.at.day, run.at.hour, run.state) for run in story.runs] == [
        (5, 10, RunState.CANCELED),
        (5, 11, RunState.SUCCESS),
        (12, 12, RunState.SUCCESS),
    ]
    skipped = tell("2026-01-05T10:00Z x skipped\nwait 10d", x)
    assert [run.at.day for run in skipped.runs] == [5, 12]


def test_stale_counts_from_the_last_success(declare: Any, tell: Any) -> None:
    """`A | stale("2d")`: news in between put it off; what is confirmed is no execution."""
    x = declare("x", A | stale("2d"))
    story = tell("2026-01-05T10:00Z A changed\n+36h A changed\n+12h A confirmed\nwait 50h", x)
    assert [(run.at.day, run.at.hour) for run in story.runs] == [(5, 10), (6, 22), (8, 22)]
    assert [one.at.day for one in story.confirmations] == [7]


def test_fresh_completes_and_starts_nothing(declare: Any, tell: Any, took: Any) -> None:
    """`A & B.fresh("12h")`: A runs while B is fresh; else once B is confirmed, which is news of its age alone."""
    x = declare("x", A & B.fresh("12h"))
    story = tell("2026-01-05T00:00Z B changed\n+1h A changed\n+12h A changed\n+1h B confirmed", x)
    assert took(story, "x") == ["01:00 A@1", "14:00 A@2"]
    late = tell("2026-01-05T00:00Z B changed\n+13h A changed", x)
    assert late.held["x"].text == "waiting for B fresh 12h (its newest event is 13h old)"


DAILY = "2026-01-05T07:00Z A changed\nwait 26h\n2026-01-07T05:30Z A changed\nB changed\nwait 25h"


def test_a_deadline_alerts(declare: Any, tell: Any, took: Any) -> None:
    """By 06:00 each day: told where no run was made since the deadline before; a run meets it."""
    x = declare("x", A & B, deadline=Deadline(Cron("0 6 * * *")))
    story = tell(DAILY, x)
    assert took(story, "x") == ["05:30 A@1 A@2 B@1"]
    assert [(one.tick.day, one.dropped) for one in story.missed] == [(6, ()), (8, ())]


def test_a_deadline_runs_with_what_is_there(declare: Any, tell: Any, took: Any) -> None:
    """`then="run"`: at the deadline it is made from what there is, once."""
    x = declare("x", A & B, reads=["A"], deadline=Deadline(Cron("0 6 * * *"), then="run"))
    story = tell(DAILY, x)
    assert took(story, "x") == ["06:00 A@1", "05:30 A@2 B@1", "06:00"]
    assert [run.reason.kind for run in story.runs] == ["deadline", "input_changed", "deadline"]


def test_a_deadline_gives_up_what_waits(declare: Any, tell: Any, took: Any) -> None:
    """`then="skip"`: what is pending is dropped; news after it begin anew."""
    x = declare("x", A & B, deadline=Deadline(Cron("0 6 * * *"), then="skip"))
    story = tell(DAILY, x)
    assert [(one.tick.day, one.dropped) for one in story.missed] == [(6, ("A@1",)), (8, ())]
    assert took(story, "x") == ["05:30 A@2 B@1"]


def test_a_deadline_that_passes_in_a_pause_is_not_missed_where_that_drops(declare: Any, tell: Any) -> None:
    """Nor is one that passed before it was declared."""
    x = declare("x", A & B, deadline=Deadline(Cron("0 6 * * *")))
    story = tell("2026-01-05T07:00Z pause x\nwait 24h\nresume x drop\nwait 24h", x)
    assert [one.tick.day for one in story.missed] == [7]
    story = tell("2026-01-05T05:00Z wait 2h", declare("x", A & B))
    assert not tell("wait 1h", x, after=story).missed


def test_a_deadline_gives_up_all_that_waits_for_its_turn(declare: Any, tell: Any, took: Any) -> None:
    """Under `each`, not the next event alone, and not only what counts."""
    x = declare("x", A.where(meta("rows") > 5) & B, consume=each(A), deadline=Deadline(Cron("0 6 * * *"), then="skip"))
    news = "2026-01-05T07:00Z A changed\nA changed rows=9\nA changed rows=8\nA changed rows=1\nwait 1d\nB changed"
    story = tell(f"{news}\n+1h A changed rows=7", x)
    assert [one.dropped for one in story.missed] == [("A@1", "A@2", "A@3", "A@4")]
    assert took(story, "x") == ["08:00 A@5"]


@pytest.mark.parametrize("then", ["alert", "run", "skip"])
def test_what_holds_at_the_deadline_meets_it(declare: Any, tell: Any, took: Any, then: str) -> None:
    """News at the instant of the deadline itself: a run, of everything, and nothing is missed or dropped."""
    x = declare("x", A & B, reads=["A"], deadline=Deadline(Cron("0 6 * * *"), then=then))
    story = tell("2026-01-05T07:00Z A changed\n2026-01-06T06:00Z B changed\nwait 10m", x)
    assert took(story, "x") == ["06:00 A@1 B@1"]
    assert not story.missed


def test_a_confirmation_meets_a_deadline(declare: Any, tell: Any, took: Any) -> None:
    """On the 6th the condition holds by what says that nothing changed: by the 7th it has, by the 8th it has not."""
    x = declare("x", A, deadline=Deadline(Cron("0 6 * * *")))
    story = tell("2026-01-05T07:00Z A changed\n2026-01-06T07:00Z A confirmed\nwait 2d", x)
    assert [one.at.day for one in story.confirmations] == [6]
    assert [one.tick.day for one in story.missed] == [8]


@pytest.mark.parametrize("then", ["alert", "run", "skip"])
def test_what_is_unchanged_meets_a_deadline(declare: Any, tell: Any, took: Any, then: str) -> None:
    """A change that is taken back before anybody looks: the run is skipped, and the next morning nothing is missed."""
    x = declare("x", A, deadline=Deadline(Cron("0 6 * * *"), then=then))
    story = tell(TAKEN_BACK, x)
    assert [(run.at.day, run.state) for run in story.runs] == [(5, RunState.SUCCESS), (6, RunState.SKIPPED)]
    assert not story.missed
    assert [one.tick.day for one in tell("wait 1d", x, after=story).missed] == ([] if then == "run" else [8])


TAKEN_BACK = (
    "2026-01-05T07:00Z A changed version=1\n2026-01-06T07:00Z A changed version=2\nA changed version=1\nwait 1d"
)


def test_every_counts_from_the_epoch_and_jitter_delays(declare: Any, tell: Any) -> None:
    """Ticks of `Every("6h")` are those of the clock; with jitter the run comes later, for the same tick."""
    x = declare("x", Every("6h", jitter="10m"), reads=())
    story = tell("2026-01-05T01:00Z wait 1d", x, alike=False)  # each delays by a part of its own
    assert ticks(story, "x") == [("05 06:00",), ("05 12:00",), ("05 18:00",), ("06 00:00",)]
    late = {run.at - tick for run in story.runs for tick in run.ticks.values()}
    assert len(late) == 1
    assert timedelta(0) < min(late) < timedelta(minutes=10)


def test_a_condition_of_time_and_quiet_and_both_halves(declare: Any, tell: Any, took: Any) -> None:
    """Nested without limit: `(Cron & A).settle("5m") | all_of(A, B, within="1m")`."""
    x = declare("x", (HOURLY & A).settle("5m") | all_of(A, B, within="1m"), reads=["A"])
    story = tell("2026-01-05T00:59Z A changed\nwait 10m\n+1h A changed\n+30s B changed\nwait 10m", x)
    assert took(story, "x") == ["01:04 A@1", "02:09 A@2 B@1"]


def test_jitter_is_of_the_name_of_an_asset(declare: Any, tell: Any) -> None:
    """Each at its own part of the half hour, in whichever database, and in a simulation."""
    assets = [declare(name, Cron("0 * * * *", jitter="30m"), reads=()) for name in ("x", "y")]
    story = tell("2026-01-05T10:30Z wait 1h", *assets)
    assert [(run.asset, f"{run.at:%H:%M:%S}") for run in story.runs] == [("x", "11:05:20"), ("y", "11:16:26")]
