"""The wall-clock times that a cron expression names, on no clock in particular: nothing is missing, nothing twice.

What the syntax means is cronsim's, day by day. Searching is ours: it jumps from month to month that has such a day, so
that 29 February is as near as the next minute. It must not know of zones; `zone.py` places these times on clocks.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from calendar import monthrange
from datetime import MAXYEAR, MINYEAR, date, datetime, timedelta
from functools import lru_cache

from .days import NO_DAYS, days_off
from .expression import fields_of, parsed

_MINUTE = timedelta(minutes=1)
_CYCLE = 400  # years after which dates fall on the same weekdays again: a day that did not come by then never comes


class WallTimes:
    """The times of one expression, without the days that are left out, in order.

    Attributes
    ----------
    every_hour: whether the hour field begins with `*`: it means each hour that passes, whatever the clocks call it.
    """

    __slots__ = ("_cronsim", "_hours", "_kinds", "_minutes", "_months", "_off", "_open", "every_hour")

    def __init__(self, expression: str, calendar: tuple[str, ...] = ()) -> None:
        minute, hour, day, month, weekday = fields_of(expression)
        # The month is read apart: a day that its months never have is no fault of syntax, and cronsim says it is.
        self._cronsim = parsed((minute, hour, day, "*", weekday))
        self._minutes = sorted(self._cronsim.minutes)
        self._hours = sorted(self._cronsim.hours)
        self._months = sorted(parsed(("*", "*", "*", month, "*")).months)
        self._off = days_off(calendar) if calendar else NO_DAYS
        self._kinds: dict[tuple[int, int], tuple[int, ...]] = {}  # what months of one length and first weekday have
        self._open: dict[tuple[int, int], tuple[int, ...]] = {}  # what is left of single months
        self.every_hour = hour.startswith("*")

    def minutes_of_day(self) -> list[int]:
        """The times of a day that has any, in minutes after midnight, in order."""
        return [hour * 60 + minute for hour in self._hours for minute in self._minutes]

    def at_or_after(self, wall: datetime) -> datetime | None:
        """The first time at or after `wall`; None when there is none any more."""
        if wall.second or wall.microsecond:
            wall = wall.replace(second=0, microsecond=0) + _MINUTE
        days = self.days(wall.year, wall.month)
        place = bisect_left(days, wall.day)
        if place < len(days) and days[place] == wall.day:
            hour, minute = self._from(wall.hour, wall.minute)
            if hour >= 0:
                return wall.replace(hour=hour, minute=minute)
            place += 1
        if place < len(days):
            return datetime(wall.year, wall.month, days[place], self._hours[0], self._minutes[0])  # noqa: DTZ001
        turn = bisect_right(self._months, wall.month)
        for year in range(wall.year, min(MAXYEAR, max(wall.year, self._off.last_year) + _CYCLE) + 1):
            for month in self._months[turn:]:
                days = self.days(year, month)
                if days:
                    return datetime(year, month, days[0], self._hours[0], self._minutes[0])  # noqa: DTZ001
            turn = 0
        return None

    def at_or_before(self, wall: datetime) -> datetime | None:
        """The last time at or before `wall`; None when there was none."""
        days = self.days(wall.year, wall.month)
        place = bisect_left(days, wall.day)
        if place < len(days) and days[place] == wall.day:
            hour, minute = self._until(wall.hour, wall.minute)
            if hour >= 0:
                return datetime(wall.year, wall.month, wall.day, hour, minute)  # noqa: DTZ001
        if place > 0:
            return datetime(wall.year, wall.month, days[place - 1], self._hours[-1], self._minutes[-1])  # noqa: DTZ001
        turn = bisect_left(self._months, wall.month)
        for year in range(wall.year, max(MINYEAR, min(wall.year, self._off.first_year) - _CYCLE) - 1, -1):
            for month in reversed(self._months[:turn]):
                days = self.days(year, month)
                if days:
                    return datetime(year, month, days[-1], self._hours[-1], self._minutes[-1])  # noqa: DTZ001
            turn = len(self._months)
        return None

    def _from(self, hour: int, minute: int) -> tuple[int, int]:
        """The first time of a day from hour and minute on; (-1, -1) when there is none."""
        place = bisect_left(self._hours, hour)
        if place < len(self._hours) and self._hours[place] == hour:
            turn = bisect_left(self._minutes, minute)
            if turn < len(self._minutes):
                return hour, self._minutes[turn]
            place += 1
        return (self._hours[place], self._minutes[0]) if place < len(self._hours) else (-1, -1)

    def _until(self, hour: int, minute: int) -> tuple[int, int]:
        """The last time of a day up to hour and minute; (-1, -1) when there is none."""
        place = bisect_right(self._hours, hour)
        if place > 0 and self._hours[place - 1] == hour:
            turn = bisect_right(self._minutes, minute)
            if turn > 0:
                return hour, self._minutes[turn - 1]
            place -= 1
        return (self._hours[place - 1], self._minutes[-1]) if place > 0 else (-1, -1)

    def days(self, year: int, month: int) -> tuple[int, ...]:
        """The days of one month that have such times."""
        if month not in self._months:
            return ()
        kind = monthrange(year, month)
        days = self._kinds.get(kind)
        if days is None:
            days = tuple(day for day in range(1, kind[1] + 1) if self._cronsim.match_day(date(year, month, day)))
            self._kinds[kind] = days
        if self._off is NO_DAYS:
            return days
        left = self._open.get((year, month))
        if left is None:
            left = tuple(day for day in days if not self._off.has(year, month, day))
            self._open[year, month] = left
        return left


@lru_cache(maxsize=4096)
def wall_times(expression: str, calendar: tuple[str, ...]) -> WallTimes:
    """The times of an expression, read once."""
    return WallTimes(expression, calendar)
