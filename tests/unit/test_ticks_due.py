"""What is due: jitter, and the rule for ticks that were missed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.assets.declare.ticks.due import delay, due, next_due, ticks
from penstock.assets.declare.ticks.timetables import Cron, Every, Timetable

HOUR = timedelta(hours=1)
START = datetime(2026, 1, 5, tzinfo=UTC)  # when the asset was registered
RULES = ("latest", "all", "none", 1, 2, 5)


def at(hours: float) -> datetime:
    """So many hours after the registration."""
    return START + hours * HOUR


def hours(found: tuple[datetime, ...]) -> list[float]:
    """The ticks as hours after the registration."""
    return [(tick - START) / HOUR for tick in found]


@pytest.mark.parametrize(
    ("catchup", "expected"),
    [("latest", [9]), ("all", [6, 7, 8, 9]), ("none", [9]), (1, [9]), (3, [7, 8, 9]), (9, [6, 7, 8, 9])],
)
def test_of_four_ticks_the_rule_picks_oldest_first(catchup: str | int, expected: list[int]) -> None:
    """Consumed up to the fifth hour, asked at half past nine, nobody away meanwhile."""
    hourly = Cron("0 * * * *", catchup=catchup)
    assert hours(due(hourly, consumed=at(5), registered=START, now=at(9.5))) == expected
    assert due(hourly, consumed=at(9), registered=START, now=at(9.5)) == ()


@pytest.mark.parametrize(("watched", "expected"), [(8.5, [9]), (8.99, [9]), (9, []), (9.25, [])])
def test_with_none_a_missed_tick_is_not_made_up_for(watched: float, expected: list[int]) -> None:
    """Somebody who watches since before nine has seen it become due; somebody who came at nine or later has not."""
    hourly = Every("1h", catchup="none")
    assert hours(due(hourly, consumed=at(5), registered=START, now=at(9.5), watched=at(watched))) == expected


def test_with_none_a_tick_that_was_seen_waits_for_its_condition() -> None:
    """`Cron & D` fires when the news comes: the tick is due until it is consumed or the next one takes its place."""
    nightly = Cron("0 3 * * *", catchup="none")
    for now in (3.0, 4.0, 20.0, 26.9):
        assert hours(due(nightly, consumed=None, registered=START, now=at(now), watched=START)) == [3]
    assert hours(due(nightly, consumed=None, registered=START, now=at(27), watched=START)) == [27]


def test_a_new_asset_is_not_due_for_ticks_before_it_was_registered() -> None:
    """Unless the rule is a number, which asks for so many of the newest, whenever they were."""
    now = at(0.5)
    for catchup in ("latest", "all", "none"):
        assert due(Every("1h", catchup=catchup), consumed=None, registered=START, now=now) == ()
        assert due(Cron("0 * * * *", catchup=catchup), consumed=at(-9), registered=START, now=now) == ()
    assert hours(due(Every("1h", catchup=3), consumed=None, registered=START, now=now)) == [-2, -1, 0]
    assert due(Every("1h", catchup=3), consumed=at(0), registered=START, now=now) == ()


def test_years_of_minutes_are_looked_through_no_further_than_asked() -> None:
    """A limit gives the oldest, which is what is made next."""
    minutes = Cron("* * * * *", catchup="all")
    found = due(minutes, consumed=START - timedelta(days=3000), registered=START, now=at(24 * 3000), limit=2)
    assert hours(found) == [1 / 60, 2 / 60]


@given(
    st.sampled_from(RULES),
    st.sampled_from([None, "7m", "3h"]),
    st.none() | st.floats(-50, 50),
    st.floats(0, 60),
    st.none() | st.floats(-5, 60),
)
def test_due_is_what_looking_at_each_tick_finds(
    catchup: str | int, jitter: str | None, consumed: float | None, now: float, watched: float | None
) -> None:
    """The rule once more, over a list of all ticks there are."""
    timetable = Cron("0,20 */2 * * *", catchup=catchup, jitter=jitter)
    last = None if consumed is None else timetable.previous(at(consumed))
    later = delay(timetable, "a7")
    moment = at(now)
    ripe = [
        tick
        for tick in ticks(timetable, after=at(-200), until=moment)
        if tick + later <= moment and (last is None or tick > last)
    ]
    fresh = [tick for tick in ripe if tick > START]
    expected = {
        "latest": fresh[-1:],
        "all": fresh,
        "none": [tick for tick in fresh[-1:] if watched is None or tick + later > at(watched)],
    }.get(str(catchup), ripe[-catchup:] if isinstance(catchup, int) else None)
    found = due(
        timetable,
        consumed=last,
        registered=START,
        now=moment,
        key="a7",
        watched=None if watched is None else at(watched),
    )
    assert list(found) == expected


@given(st.sampled_from([Cron("0 3 * * *", jitter="10m"), Every("1h", jitter="50m")]), st.text(max_size=8))
def test_jitter_delays_by_less_than_it_says_and_moves_no_tick(timetable: Timetable, key: str) -> None:
    """Just before the due moment nothing is due; from then on the tick is, under its own time."""
    later = delay(timetable, key)
    assert timedelta(0) <= later < timetable.jitter
    moment = next_due(timetable, now=START, key=key)
    assert moment is not None
    tick = moment - later
    assert timetable.previous(tick) == tick

    def found(now: datetime) -> tuple[datetime, ...]:
        return due(timetable, consumed=None, registered=tick - timedelta(microseconds=1), now=now, key=key)

    assert found(moment - timedelta(microseconds=1)) == ()
    assert found(moment) == (tick,)


def test_jitter_is_the_same_in_every_process_and_spreads() -> None:
    """Known values, which never change; a thousand assets fill the ten minutes evenly."""
    nightly = Cron("0 3 * * *", jitter="10m")
    assert delay(nightly, "17") == timedelta(seconds=477.833894)
    assert delay(Every("1h", jitter="10m"), "17") == timedelta(seconds=25.817905)
    minutes = [int(delay(nightly, str(number)).total_seconds() // 60) for number in range(1000)]
    assert all(60 < minutes.count(minute) < 140 for minute in range(10))
    assert delay(Cron("0 3 * * *"), "17") == timedelta(0)


def test_the_next_due_moment_is_the_next_tick_without_jitter() -> None:
    """And there is none where there is no next tick."""
    assert next_due(Every("6h"), now=at(1)) == at(6)
    assert next_due(Cron("0 0 30 2 *"), now=at(1)) is None


def test_ticks_are_listed_in_order_between_two_moments() -> None:
    """The first moment excluded, the last included, no more than asked for."""
    every = Every("6h")
    assert hours(tuple(ticks(every, after=at(6), until=at(18)))) == [12, 18]
    assert hours(tuple(ticks(every, after=at(5), until=at(30), limit=3))) == [6, 12, 18]
    assert (
        tuple(ticks(every, after=at(6), until=at(5))) == tuple(ticks(every, after=at(6), until=at(50), limit=0)) == ()
    )
