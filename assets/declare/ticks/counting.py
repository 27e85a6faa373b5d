"""How many ticks lie between two instants, and the tick so many further on, without going through them.

Between two changes of the clocks the ticks are wall-clock times, and these are counted by the calendar: a month has so
many days of each kind, a day so many times. What a change leaves out or shows twice is looked at by itself. The years
and months of UTC are counted once and kept; a question adds them up: it costs the years and not the ticks.
"""

from __future__ import annotations

from bisect import bisect_left
from calendar import monthrange
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import pairwise

from ....storage.types import Fold, Gap
from .timetables import Cron, Every
from .wall import wall_times
from .zone import BEGIN, END, Stretch, stretch_at

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MINUTE = timedelta(minutes=1)
_LEAST = datetime.resolution
_FIRST, _LAST = 1600 * 12, 3000 * 12  # months, counted from year 0: a tick further on is not looked for


def count(timetable: Cron | Every, begin: datetime, end: datetime) -> int:
    """How many ticks lie at or after `begin` and before `end`.

    >>> count(Cron("*/5 * * * *"), datetime(2016, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC))
    1052064
    """
    begin, end = max(begin, BEGIN), min(end, END)
    if begin >= end:
        return 0
    if isinstance(timetable, Every):
        return _whole(end - _EPOCH, timetable.interval) - _whole(begin - _EPOCH, timetable.interval)
    return _tally(timetable.expressions, timetable.tz, timetable.gap, timetable.fold, timetable.calendar).count(
        begin, end
    )


def shifted(timetable: Cron | Every, tick: datetime, by: int) -> datetime | None:
    """The tick that comes `by` ticks after this one, before it where `by` is negative; None when there is none
    within the years 1600 to 2999.

    >>> shifted(Cron("@daily"), datetime(2024, 2, 28, tzinfo=UTC), 2).isoformat()
    '2024-03-01T00:00:00+00:00'
    """
    if isinstance(timetable, Every):
        try:
            found = tick + by * timetable.interval
        except OverflowError:
            return None
        return found if _FIRST <= _month(found) < _LAST else None
    return _tally(timetable.expressions, timetable.tz, timetable.gap, timetable.fold, timetable.calendar).shifted(
        tick, by
    )


def _whole(length: timedelta, interval: timedelta) -> int:
    """How many multiples of the interval lie before it, from zero on; negative for those behind it."""
    return -(-length // interval)


@lru_cache(maxsize=1024)
def _tally(expressions: tuple[str, ...], zone: str, gap: Gap, fold: Fold, calendar: tuple[str, ...]) -> _Tally:
    return _Tally(expressions, zone, gap, fold, calendar)


class _Tally:
    """The ticks of one timetable, counted a month of UTC at a time, each month once."""

    def __init__(
        self, expressions: tuple[str, ...], zone: str, gap: Gap, fold: Fold, calendar: tuple[str, ...]
    ) -> None:
        self._times = [wall_times(one, calendar) for one in expressions]
        self._everyone = frozenset(range(len(self._times)))
        self._zone, self._gap, self._fold = zone, gap, fold
        self._months: dict[int, int] = {}
        self._years: dict[int, int] = {}
        self._walls: dict[tuple[frozenset[int], int, int], list[frozenset[int]]] = {}
        self._sums: dict[tuple[frozenset[int], int, int], int] = {}
        self._days: dict[frozenset[int], list[int]] = {frozenset(): []}

    def count(self, begin: datetime, end: datetime) -> int:
        first, last = _month(begin), _month(end)
        if first == last:
            return self._between(begin, end)
        total = self._between(begin, _start(first + 1)) + self._between(_start(last), end)
        month = first + 1
        while month < last:
            whole = month % 12 == 0 and month + 12 <= last
            total += self._year(month // 12) if whole else self._month(month)
            month += 12 if whole else 1
        return total

    def shifted(self, tick: datetime, by: int) -> datetime | None:
        month = _month(tick)
        left = self._between(_start(month), tick) + by  # counted from the beginning of that month
        while left < 0:
            month -= 1
            if month < _FIRST:
                return None
            whole = month % 12 == 11 and -left > self._year(month // 12)
            left += self._year(month // 12) if whole else self._month(month)
            month -= 11 if whole else 0
        while left >= (here := self._month(month)):
            whole = month % 12 == 0 and left >= self._year(month // 12)
            left -= self._year(month // 12) if whole else here
            month += 12 if whole else 1
            if month >= _LAST:
                return None
        return self._nth(month, left)

    def _nth(self, month: int, number: int) -> datetime:
        """The tick of a month that has so many before it there."""
        begin = _start(month)
        low, high = 0, (_start(month + 1) - begin) // timedelta(seconds=1)
        while high - low > 1:
            middle = (low + high) // 2
            if self._between(begin, begin + timedelta(seconds=middle)) <= number:
                low = middle
            else:
                high = middle
        return begin + timedelta(seconds=low)

    def _year(self, year: int) -> int:
        if year not in self._years:
            self._years[year] = self._between(_start(year * 12), _start(year * 12 + 12))
        return self._years[year]

    def _month(self, month: int) -> int:
        if month not in self._months:
            self._months[month] = self._between(_start(month), _start(month + 1))
        return self._months[month]

    def _between(self, begin: datetime, end: datetime) -> int:
        total = 0
        while begin < end:
            here = stretch_at(self._zone, begin)
            until = min(end, here.end)
            total += self._within(here, begin, until)
            begin = until
        return total

    def _within(self, here: Stretch, begin: datetime, end: datetime) -> int:
        """The ticks in a part of one stretch: the times that its clock shows, and those left out at its beginning."""
        spans = [self._span(number, here, begin, end) for number in range(len(self._times))]
        marks = sorted({mark for span in spans for mark in span})
        total = 0
        for low, high in pairwise(marks):
            active = frozenset(n for n, span in enumerate(spans) if span[0] <= low and high <= span[1])
            total += self._named(active, low, high) if active else 0
        for tick in self._missed(here, begin, end):
            wall = _wall(tick, here.offset)
            active = frozenset(n for n, span in enumerate(spans) if span[0] <= wall < span[1])
            total += not self._named(active, wall, wall + _LEAST)
        return total

    def _span(self, number: int, here: Stretch, begin: datetime, end: datetime) -> tuple[datetime, datetime]:
        """From when on, and until when, the clock's times are ticks of one expression: of two, one may not count."""
        every = self._times[number].every_hour
        low, high = _wall(begin, here.offset), _wall(end, here.offset)
        if not every and self._fold is Fold.FIRST and here.before > here.offset:
            low = max(low, _wall(here.start, here.before))
        if not every and self._fold is Fold.SECOND and here.after < here.offset:
            high = min(high, _wall(here.end, here.after))
        return low, max(low, high)

    def _missed(self, here: Stretch, begin: datetime, end: datetime) -> set[datetime]:
        """The ticks of the times that the clocks left out where the stretch begins; a change is a day at most."""
        width = here.offset - here.before
        if width <= timedelta(0) or self._gap is Gap.SKIP or begin >= here.start + width:
            return set()
        over = _wall(here.start, here.offset)
        if self._gap is Gap.END:
            some = self._named(self._everyone, _wall(here.start, here.before), over)
            return {here.start} if some and begin <= here.start < end else set()
        found: set[datetime] = set()
        for times in self._times:
            wall = times.at_or_after(_wall(here.start, here.before))
            while wall is not None and wall < over:
                found.add((wall - here.before).replace(tzinfo=UTC))
                wall = times.at_or_after(wall + _MINUTE)
        return {tick for tick in found if begin <= tick < end}

    def _named(self, active: frozenset[int], low: datetime, high: datetime) -> int:
        """How many wall-clock times at or after `low` and before `high` at least one of these expressions names."""
        total = self._before(active, high) - self._before(active, low)
        year, month = low.year, low.month
        while (year, month) < (high.year, high.month):
            total += self._sum(active, year, month)
            year, month = (year, month + 1) if month < 12 else (year + 1, 1)
        return total

    def _before(self, active: frozenset[int], wall: datetime) -> int:
        """How many such times the month of `wall` has before it."""
        if wall.day == 1 and not (wall.hour or wall.minute or wall.second or wall.microsecond):
            return 0
        minute = wall.hour * 60 + wall.minute + bool(wall.second or wall.microsecond)
        if len(active) == 1:
            some, day = self._days_of_one(active, wall.year, wall.month), self._of_day(active)
            place = bisect_left(some, wall.day)
            today = bisect_left(day, minute) if place < len(some) and some[place] == wall.day else 0
            return place * len(day) + today
        days = self._by_day(active, wall.year, wall.month)
        return sum(len(self._of_day(day)) for day in days[: wall.day - 1]) + bisect_left(
            self._of_day(days[wall.day - 1]), minute
        )

    def _sum(self, active: frozenset[int], year: int, month: int) -> int:
        if len(active) == 1:
            return len(self._days_of_one(active, year, month)) * len(self._of_day(active))
        key = (active, year, month)
        if key not in self._sums:
            self._sums[key] = sum(len(self._of_day(day)) for day in self._by_day(active, year, month))
        return self._sums[key]

    def _days_of_one(self, active: frozenset[int], year: int, month: int) -> tuple[int, ...]:
        return self._times[next(iter(active))].days(year, month)

    def _by_day(self, active: frozenset[int], year: int, month: int) -> list[frozenset[int]]:
        """For each day of a month, which of the expressions name times on it."""
        key = (active, year, month)
        if key not in self._walls:
            named = {number: {*self._times[number].days(year, month)} for number in active}
            self._walls[key] = [
                frozenset(number for number in active if day in named[number])
                for day in range(1, monthrange(year, month)[1] + 1)
            ]
        return self._walls[key]

    def _of_day(self, active: frozenset[int]) -> list[int]:
        """The minutes of a day at which at least one of the expressions ticks."""
        if active not in self._days:
            self._days[active] = sorted(
                {minute for number in active for minute in self._times[number].minutes_of_day()}
            )
        return self._days[active]


def ticks_between(
    timetable: Cron | Every, begin: datetime, end: datetime, *, backwards: bool = False
) -> Iterator[datetime]:
    """The ticks at or after `begin` and before `end`, worked out as they are asked for.

    >>> day = datetime(2026, 1, 1, tzinfo=UTC)
    >>> [f"{tick:%H}" for tick in ticks_between(Every("6h"), day, day + timedelta(days=1), backwards=True)]
    ['18', '12', '06', '00']
    """
    if begin >= end:
        return
    tick = timetable.previous(end - _LEAST) if backwards else timetable.next(begin - _LEAST)
    while tick is not None and begin <= tick < end:
        yield tick
        tick = timetable.previous(tick - _LEAST) if backwards else timetable.next(tick)


def _month(at: datetime) -> int:
    return at.year * 12 + at.month - 1


def _start(month: int) -> datetime:
    return datetime(month // 12, month % 12 + 1, 1, tzinfo=UTC)


def _wall(instant: datetime, ahead: timedelta) -> datetime:
    return (instant + ahead).replace(tzinfo=None)
