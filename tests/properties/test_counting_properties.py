"""Counting ticks in closed form gives what going through them gives, in odd zones and with every policy."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import available_timezones

from hypothesis import example, given, settings
from hypothesis import strategies as st

from penstock.assets.declare.ticks.counting import count, shifted, ticks_between
from penstock.assets.declare.ticks.timetables import Cron, Every
from penstock.storage.types import Fold, Gap

ODD = [
    "Australia/Lord_Howe",
    "America/Havana",
    "Pacific/Apia",
    "Africa/Casablanca",
    "Antarctica/Casey",
    "America/New_York",
    "Asia/Kolkata",
]
zones = st.sampled_from(ODD) | st.sampled_from(sorted(available_timezones() - {"localtime"}))
parts = st.sampled_from(
    ["0 * * * *", "*/30 * * * *", "0 0 * * *", "30 2 * * *", "15 0-3 * * 1-5", "0 0 1 * *", "0 0 * * 1", "7 1,2 29 2 *"]
)
crons = st.builds(
    lambda expressions, tz, gap, fold, calendar: Cron(*expressions, tz=tz, gap=gap, fold=fold, calendar=calendar),
    st.lists(parts, min_size=1, max_size=3),
    zones,
    st.sampled_from(Gap),
    st.sampled_from(Fold),
    st.sampled_from([(), ("sat", "12-25"), ("2024-11-03",)]),
)
timetables = crons | st.builds(Every, st.integers(60, 10**6).map(lambda n: timedelta(seconds=n)))
instants = st.datetimes(datetime(1905, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC)) | st.builds(  # noqa: DTZ001
    lambda day, seconds: datetime.fromisoformat(day).replace(tzinfo=UTC) + timedelta(seconds=seconds),
    st.sampled_from(["2024-03-10", "2024-11-03", "2011-12-30", "2023-10-01", "2024-04-07", "2024-02-28"]),
    st.integers(-90_000, 180_000),
)


@settings(max_examples=80)
@given(timetables, instants, st.timedeltas(timedelta(0), timedelta(days=500)))
@example(Cron("0 0 * * *", tz="Pacific/Apia", gap="end"), datetime(2011, 12, 1, tzinfo=UTC), timedelta(days=60))
def test_the_count_is_that_of_going_through_them(timetable: Cron | Every, begin: datetime, length: timedelta) -> None:
    """Whatever the clocks do in between."""
    length = min(length, timedelta(days=40)) if timetable.next(begin) and _dense(timetable) else length
    found = list(ticks_between(timetable, begin, begin + length))
    assert count(timetable, begin, begin + length) == len(found)
    assert list(ticks_between(timetable, begin, begin + length, backwards=True)) == found[::-1]


@settings(max_examples=60)
@given(timetables, instants, st.integers(0, 3000))
def test_the_tick_so_many_further_on_has_so_many_before_it(timetable: Cron | Every, at: datetime, number: int) -> None:
    """And as many back from there is where one began."""
    number = min(number, 20) if not _dense(timetable) else number
    tick = timetable.next(at)
    assert tick is not None
    later = shifted(timetable, tick, number)
    assert later is not None
    assert timetable.previous(later) == later
    assert count(timetable, tick, later) == number
    assert shifted(timetable, later, -number) == tick


def _dense(timetable: Cron | Every) -> bool:
    return isinstance(timetable, Every) or any(one.split()[1] == "*" for one in timetable.expressions)


def test_where_the_calendar_ends_there_is_no_tick() -> None:
    """Beyond the years that have ticks the answer is none, not an error."""
    first = datetime(2026, 1, 1, tzinfo=UTC)
    assert shifted(Cron("@yearly"), first, 10**5) is None
    assert shifted(Cron("@yearly"), first, -(10**5)) is None
    assert shifted(Every("1d"), first, 10**9) is None
    assert count(Cron("@yearly"), first, first) == 0
