"""Ticks in every zone: they strictly increase, none is lost, none doubled, whatever the policies.

What is right is found by looking at a clock once a minute: it knows neither how a zone is asked for its rules nor how
an expression is searched.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

import pytest
from cronsim import CronSim
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from penstock.assets.declare.ticks.due import ticks
from penstock.assets.declare.ticks.timetables import Cron
from penstock.assets.declare.ticks.wall import WallTimes
from penstock.assets.declare.ticks.zone import changes, stretch_at
from penstock.storage.types import Fold, Gap

ZONES = sorted(available_timezones() - {"localtime"})
MINUTE = timedelta(minutes=1)
AROUND = timedelta(hours=30)
YEARS = range(1975, 2060)  # before, zones were ahead of UTC by odd seconds
zones = st.sampled_from(ZONES)
policies = st.tuples(st.sampled_from(list(Gap)), st.sampled_from(list(Fold)))


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """An expression, and the same in sets; None for `*`. A date (month, day) makes it rare: there is nothing around."""

    minutes: frozenset[int]
    hours: frozenset[int] | None
    weekdays: frozenset[int] | None = None
    date: tuple[int, int] | None = None

    @property
    def expression(self) -> str:
        """As cron has it: Sunday is 0."""
        days = None if self.weekdays is None else {(day + 1) % 7 for day in self.weekdays}
        month, day = self.date or ("*", "*")
        return f"{_listed(self.minutes)} {_listed(self.hours)} {day} {month} {_listed(days)}"

    def names(self, wall: datetime) -> bool:
        """Whether a wall-clock time is one of them."""
        return (
            wall.minute in self.minutes
            and (self.hours is None or wall.hour in self.hours)
            and (self.weekdays is None or wall.weekday() in self.weekdays)
            and (self.date is None or (wall.month, wall.day) == self.date)
        )


def _listed(numbers: frozenset[int] | set[int] | None) -> str:
    return "*" if numbers is None else ",".join(map(str, sorted(numbers)))


wanted = st.builds(
    Wanted,
    minutes=st.frozensets(st.integers(0, 59), min_size=1, max_size=4),
    hours=st.sampled_from([None, frozenset(range(24))])
    | st.frozensets(st.integers(0, 23) | st.integers(0, 3), min_size=1, max_size=4),
    weekdays=st.none() | st.frozensets(st.integers(0, 6), min_size=1, max_size=6),
)


@cache
def days_of_change(zone: str) -> list[datetime]:
    """Days on which the clocks of a zone change, by looking at them each midnight UTC; 2024-02-29 where none does."""
    clock, found = ZoneInfo(zone), list[datetime]()
    day = datetime(YEARS.start, 1, 1, tzinfo=UTC)
    while day.year < YEARS.stop:
        later = day + timedelta(days=1)
        if day.astimezone(clock).utcoffset() != later.astimezone(clock).utcoffset():
            found.append(day)
        day = later
    return found or [datetime(2024, 2, 29, tzinfo=UTC)]


@cache
def clock(zone: str, begin: datetime, end: datetime) -> dict[datetime, list[datetime]]:
    """What the clock on the wall shows each minute, and when."""
    info, shown = ZoneInfo(zone), dict[datetime, list[datetime]]()
    while begin <= end:
        shown.setdefault(begin.astimezone(info).replace(tzinfo=None), []).append(begin)
        begin += MINUTE
    return shown


def looking(
    zone: str, names: Callable[[datetime], bool], begin: datetime, end: datetime, *, gap: Gap, fold: Fold, star: bool
) -> list[datetime]:
    """The ticks within (begin, end], minute by minute."""
    shown = clock(zone, begin - AROUND, end + AROUND)
    found: set[datetime] = set()
    wall, until = min(shown), max(shown)
    seen, passed = shown[wall], wall
    while wall <= until:
        if wall in shown:
            seen, passed = shown[wall], wall
            if names(wall):
                found.update(seen if star or fold is Fold.BOTH else seen[:1] if fold is Fold.FIRST else seen[-1:])
        elif names(wall) and gap is not Gap.SKIP:  # left out: the last minute before it was `passed`
            found.add(seen[-1] + (MINUTE if gap is Gap.END else wall - passed))
        wall += MINUTE
    return sorted(moment for moment in found if begin < moment <= end)


@settings(max_examples=60, deadline=None)
@given(st.data(), zones, wanted, policies, st.booleans())
def test_around_a_change_of_the_clocks_ticks_are_what_a_clock_shows(
    data: st.DataObject, zone: str, want: Wanted, policy: tuple[Gap, Fold], off: bool
) -> None:
    """Forwards and backwards, with every policy, with and without days left out; none lost, none doubled."""
    gap, fold = policy
    day = data.draw(st.sampled_from(days_of_change(zone)))
    begin, end = day - timedelta(hours=14), day + timedelta(hours=38)
    if data.draw(st.booleans()):
        rare = day + timedelta(days=data.draw(st.integers(-1, 1)))
        want = replace(want, weekdays=None, date=(rare.month, rare.day))
    calendar = [f"{day:%Y-%m-%d}"] if off else []

    def names(wall: datetime) -> bool:
        return want.names(wall) and f"{wall:%Y-%m-%d}" not in calendar

    expected = looking(zone, names, begin, end, gap=gap, fold=fold, star=want.hours is None)
    cron = Cron(want.expression, tz=zone, gap=gap, fold=fold, calendar=calendar)
    assert list(ticks(cron, after=begin, until=end)) == expected
    assert backwards(cron, begin, end) == expected


@settings(max_examples=20, deadline=None)
@given(st.data(), zones, st.lists(wanted, min_size=2, max_size=3), policies)
def test_several_expressions_are_the_union_of_their_ticks(
    data: st.DataObject, zone: str, wants: list[Wanted], policy: tuple[Gap, Fold]
) -> None:
    """Each instant once, in order."""
    gap, fold = policy
    day = data.draw(st.sampled_from(days_of_change(zone)))
    begin, end = day - timedelta(hours=14), day + timedelta(hours=38)
    apart = [Cron(one.expression, tz=zone, gap=gap, fold=fold) for one in wants]
    expected = sorted({tick for one in apart for tick in ticks(one, after=begin, until=end)})
    cron = Cron(*(one.expression for one in wants), tz=zone, gap=gap, fold=fold)
    assert list(ticks(cron, after=begin, until=end)) == expected
    assert backwards(cron, begin, end) == expected


def backwards(cron: Cron, begin: datetime, end: datetime) -> list[datetime]:
    """The same ticks from the last to the first, told in order."""
    found: list[datetime] = []
    tick = cron.previous(end)
    while tick is not None and tick > begin:
        found.append(tick)
        tick = cron.previous(tick - timedelta(microseconds=1))
    return found[::-1]


@settings(max_examples=25, deadline=None)
@given(zones, st.integers(0, 23), st.integers(0, 59), st.integers(1975, 2050), policies)
@example("Pacific/Apia", 0, 0, 2005, (Gap.SHIFT, Fold.SECOND))
@example("Africa/Casablanca", 2, 30, 2020, (Gap.END, Fold.BOTH))
def test_over_ten_years_each_day_ticks_as_often_as_its_policies_say(
    zone: str, hour: int, minute: int, year: int, policy: tuple[Gap, Fold]
) -> None:
    """They strictly increase; each day has the occurrences that Python's own reading of the wall-clock time gives."""
    gap, fold = policy
    after, until = datetime(year, 1, 2, tzinfo=UTC), datetime(year + 10, 1, 2, tzinfo=UTC)
    cron = Cron(f"{minute} {hour} * * *", tz=zone, gap=gap, fold=fold)
    found = list(ticks(cron, after=after, until=until))
    assert all(one < later for one, later in pairwise(found))
    info, expected = ZoneInfo(zone), set[datetime]()
    wall = datetime(year, 1, 1, hour, minute) - timedelta(days=2)  # noqa: DTZ001
    while wall.year <= year + 10:
        first, second = (wall.replace(tzinfo=info, fold=side).astimezone(UTC) for side in (0, 1))
        if first > second:  # left out; the gap ends at its first instant that has the new offset
            shifted = {Gap.SHIFT: {first}, Gap.SKIP: set[datetime]()}
            expected |= shifted[gap] if gap in shifted else {end_of_gap(info, second - timedelta(days=1), first)}
        elif first < second:
            expected |= {Fold.FIRST: {first}, Fold.SECOND: {second}, Fold.BOTH: {first, second}}[fold]
        else:
            expected.add(first)
        wall += timedelta(days=1)
    assert found == sorted(tick for tick in expected if after < tick <= until)


def end_of_gap(info: ZoneInfo, begin: datetime, end: datetime) -> datetime:
    """The first minute with the offset of the last."""
    while begin.astimezone(info).utcoffset() != end.astimezone(info).utcoffset():
        begin += MINUTE
    return begin


@settings(max_examples=100, deadline=None)
@given(
    zones,
    st.sampled_from(
        ["0 0 29 2 *", "@monthly", "30 2 * * 0", "0 0 * 2 1#5", "15 4 L 6,12 *", "* * * * *", "0 0 13 * 5"]
    ),
    st.datetimes(datetime(1900, 1, 1), datetime(2300, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    policies,
    st.sampled_from([[], ["sat", "sun"], ["12-25", "2024-02-29"]]),
)
def test_next_and_previous_say_the_same(
    zone: str, expression: str, moment: datetime, policy: tuple[Gap, Fold], calendar: list[str]
) -> None:
    """`previous(t) <= t < next(t)` with nothing between, however rare the days and however far the moment."""
    assume(calendar != ["sat", "sun"] or expression != "30 2 * * 0")  # nothing would be left
    cron = Cron(expression, tz=zone, gap=policy[0], fold=policy[1], calendar=calendar)
    last, coming = cron.previous(moment), cron.next(moment)
    assert last is not None
    assert coming is not None
    assert last <= moment < coming
    assert cron.next(last) == cron.next(coming - timedelta(microseconds=1)) == coming
    assert cron.previous(coming) == coming
    assert cron.previous(coming - timedelta(microseconds=1)) == cron.previous(last) == last


@pytest.mark.parametrize("slice_of", range(6))
def test_in_every_zone_the_hours_that_pass_all_tick(slice_of: int) -> None:
    """Ten years of each, at each change of its clocks, forwards and backwards: an hourly cron never rests for more than
    an hour (or what the clocks go back by half an hour besides), a daily one ticks at each of the days around."""
    for zone in ZONES[slice_of::6]:
        hourly, daily = Cron("0 * * * *", tz=zone), Cron("30 2 * * *", tz=zone)
        rest = 1.5 if zone in {"Australia/Lord_Howe", "Australia/LHI"} else 1
        for year in range(2018, 2028):
            for change, _ in changes(zone, year):
                begin, end = change - timedelta(hours=5), change + timedelta(hours=5)
                hours = list(ticks(hourly, after=begin, until=end))
                assert hours == backwards(hourly, begin, end)
                assert all(timedelta(0) < later - one <= timedelta(hours=rest) for one, later in pairwise(hours))
                days = list(ticks(daily, after=change - timedelta(hours=60), until=change + timedelta(hours=60)))
                assert len(days) == 5
                assert all(one < later for one, later in pairwise(days))


def test_changes_of_the_clocks_lie_days_apart_and_are_a_day_at_most() -> None:
    """What searching from stretch to stretch rests on, held against the zones as they are."""
    for zone in ZONES[::5]:
        for year in range(1990, 2040, 10):
            stretch = stretch_at(zone, datetime(year, 7, 1, tzinfo=UTC))
            assert stretch.end - stretch.start > timedelta(days=2)
            assert abs(stretch.offset - stretch.before) <= timedelta(days=1)
    for zone in ("Pacific/Apia", "Africa/Casablanca", "Africa/Freetown", "Asia/Gaza", "Antarctica/Troll"):
        found = [change for year in range(1930, 2080) for change in changes(zone, year)]
        assert all(later - one > timedelta(days=2) for (one, _), (later, _) in pairwise(found))


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.sampled_from(["*", "*/7", "0", "5-9", "1,3"])
        | st.sampled_from(["*", "1/9", "2-4/2"]),
        min_size=2, max_size=2,
    ),
    st.sampled_from(["*", "1", "31", "L", "LW", "*/5", "13,29"]),
    st.sampled_from(["*", "2", "*/4", "JAN-MAR", "9"]),
    st.sampled_from(["*", "0", "7", "MON-FRI", "5L", "1#2", "sun,3", "*/2"]),
    st.datetimes(datetime(1990, 1, 1), datetime(2050, 1, 1)),  # noqa: DTZ001
)  # fmt: skip
def test_searching_finds_the_times_that_cronsim_enumerates(
    times: list[str], day: str, month: str, weekday: str, wall: datetime
) -> None:
    """Without a zone there is nothing that the library leaves open, and the search by months agrees with its steps."""
    expression = f"{times[0]} {times[1]} {day} {month} {weekday}"
    if (day, month) in {("31", "2"), ("31", "9")}:
        return  # the library refuses it unless a weekday is enough
    found = WallTimes(expression)
    forwards, back = CronSim(expression, wall), CronSim(expression, wall, reverse=True)
    at: datetime | None = wall
    for _ in range(3):
        assert at is not None
        at = found.at_or_after(at + timedelta(microseconds=1))
        assert at == next(forwards)
    at = wall
    for _ in range(3):
        assert at is not None
        at = found.at_or_before(at - timedelta(microseconds=1))
        assert at == next(back)
