"""Days that a timetable leaves out, as plain data: dates, days of every year, weekdays."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import MAXYEAR, MINYEAR, date, datetime
from hashlib import blake2b
from typing import Any, cast

from ....storage.errors import DefinitionError

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_NAMES = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_LEAP_YEAR = "2000-"
_SHOWN = 4  # so many days are spelled in a label; of more, their digest


@dataclass(frozen=True, slots=True, kw_only=True)
class DaysOff:
    """Which days are left out; from `first_year` to `last_year`, also single dates."""

    weekdays: frozenset[int] = frozenset()
    yearly: frozenset[tuple[int, int]] = frozenset()
    dates: frozenset[tuple[int, int, int]] = frozenset()
    first_year: int = MAXYEAR
    last_year: int = MINYEAR

    def has(self, year: int, month: int, day: int) -> bool:
        """Whether that day is left out."""
        return (
            (month, day) in self.yearly
            or (year, month, day) in self.dates
            or (bool(self.weekdays) and date(year, month, day).weekday() in self.weekdays)
        )


NO_DAYS = DaysOff()


def read_days(key: str, given: Any) -> tuple[str, ...]:
    """The days that are named, each once, in one order: weekdays, days of every year, dates.

    >>> read_days("calendar", ["2026-04-03", "Sunday", "sat", "12-25"])
    ('sat', 'sun', '12-25', '2026-04-03')

    Raises
    ------
    DefinitionError: one of them is no day; the message names it.
    """
    several = isinstance(given, Iterable) and not isinstance(given, str)
    days = {_day(key, one) for one in (cast("Iterable[Any]", given) if several else (cast("Any", given),))}
    # A shorter spelling names a wider kind of day; within a kind, the order of the week or of the year.
    return tuple(sorted(days, key=lambda day: (len(day), WEEKDAYS.index(day) if day in WEEKDAYS else 0, day)))


def days_off(calendar: tuple[str, ...]) -> DaysOff:
    """What the texts of `read_days` leave out."""
    dates = [date.fromisoformat(day) for day in calendar if len(day) == len("2026-12-25")]
    return DaysOff(
        weekdays=frozenset(WEEKDAYS.index(day) for day in calendar if day in WEEKDAYS),
        yearly=frozenset((int(day[:2]), int(day[3:])) for day in calendar if len(day) == len("12-25")),
        dates=frozenset((day.year, day.month, day.day) for day in dates),
        first_year=min((day.year for day in dates), default=MAXYEAR),
        last_year=max((day.year for day in dates), default=MINYEAR),
    )


def shown(calendar: tuple[str, ...]) -> str:
    """The days as a part of a label; different days are shown differently.

    >>> shown(("sat", "sun"))
    'sat,sun'
    """
    text = ",".join(calendar)
    if len(calendar) <= _SHOWN:
        return text
    return f"{len(calendar)} days ({blake2b(text.encode(), digest_size=6).hexdigest()})"


def _day(key: str, given: Any) -> str:
    if isinstance(given, date) and not isinstance(given, datetime):
        return given.isoformat()
    if isinstance(given, str):
        text = given.strip().lower()
        if text in WEEKDAYS:
            return text
        if text in _NAMES:
            return WEEKDAYS[_NAMES.index(text)]
        if (len(text) == len("12-25") and _is_date(_LEAP_YEAR + text)) or _is_date(text):
            return text
    raise DefinitionError(
        f"{key}={given!r} is no day that could be left out",
        hint='Write dates ("2026-12-25"), days of every year ("12-25") or weekdays ("sat"): calendar=["sat", "sun"].',
    )


def _is_date(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text  # "20261225" and "2026-W52-5" are other spellings
    except ValueError:
        return False
