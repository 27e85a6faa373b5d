"""How the keys of time windows are written, one spelling for each grain, and when the window that a key names begins.

A key is the wall-clock time at which its window begins, cut to the grain. A time that the clocks show twice has the
offset appended at both occurrences (`2024-11-03T01-0400`, `2024-11-03T01-0500`). Reading asks the clock and writes the
answer again: only what comes out as it went in is a key, so that each window has one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from ..ticks.zone import stretch_at, zone_of

_OFFSET = r"(?:[+-]\d{4}(?:\d\d)?)?"


@dataclass(frozen=True, slots=True, kw_only=True)
class Spelling:
    """How one grain is written.

    Attributes
    ----------
    pattern: what its keys look like, without the offset.
    offsets: whether an ambiguous time has its offset; a day begins once, whatever the clocks do.
    example, word: for messages; what has no word is called after its timetable.
    """

    pattern: str
    example: str
    write: Callable[[datetime], str]
    read: Callable[[str], datetime]
    offsets: bool = False
    word: str = ""

    @property
    def whole(self) -> str:
        """The pattern of a key, offset and all."""
        return self.pattern + (_OFFSET if self.offsets else "")


def _week(wall: datetime) -> str:
    year, week, _ = wall.isocalendar()
    return f"{year:04}-W{week:02}"


def _day(wall: datetime) -> str:
    return wall.date().isoformat()


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day)  # noqa: DTZ001  a time on the wall


def _window(wall: datetime) -> str:
    return f"{_day(wall)}T{wall.hour:02}{wall.minute:02}" + (f"{wall.second:02}" if wall.second else "")


SPELLINGS = {
    "hour": Spelling(
        word="hourly",
        pattern=r"\d{4}-\d\d-\d\dT\d\d",
        example="2026-01-05T07",
        write=lambda wall: f"{_day(wall)}T{wall.hour:02}",
        read=datetime.fromisoformat,
        offsets=True,
    ),
    "day": Spelling(
        word="daily",
        pattern=r"\d{4}-\d\d-\d\d",
        example="2026-01-05",
        write=_day,
        read=lambda text: _midnight(date.fromisoformat(text)),
    ),
    "week": Spelling(
        word="weekly",
        pattern=r"\d{4}-W\d\d",
        example="2026-W01",
        write=_week,
        read=lambda text: _midnight(date.fromisocalendar(int(text[:4]), int(text[6:]), 1)),
    ),
    "month": Spelling(
        word="monthly",
        pattern=r"\d{4}-\d\d",
        example="2026-01",
        write=lambda wall: f"{wall.year:04}-{wall.month:02}",
        read=lambda text: _midnight(date(int(text[:4]), int(text[5:]), 1)),
    ),
    "window": Spelling(
        pattern=r"\d{4}-\d\d-\d\dT\d{4}(?:\d\d)?",
        example="2026-01-05T0730",
        write=_window,
        read=datetime.fromisoformat,
        offsets=True,
    ),
}
"""Grain → how it is written; the grains are the words that name a dimension where nobody does."""


def written(spelling: Spelling, zone: str, start: datetime) -> str:
    """The key of the window that begins at an instant.

    >>> written(SPELLINGS["hour"], "America/New_York", datetime(2024, 11, 3, 6, tzinfo=UTC))
    '2024-11-03T01-0500'
    """
    local = start.astimezone(zone_of(zone))
    text = spelling.write(local)
    if not spelling.offsets or local.utcoffset() == local.replace(fold=1 - local.fold).utcoffset():
        return text
    return text + _offset(local.utcoffset() or timedelta(0))


def beginnings(spelling: Spelling, zone: str, key: str) -> Iterator[datetime]:
    """The instants at which the window of a key may begin: when the clock shows its time, or where the gap ends that
    leaves it out. None for what is written otherwise or is in no calendar.

    >>> [f"{at:%H:%M}" for at in beginnings(SPELLINGS["day"], "Europe/Berlin", "2026-01-05")]
    ['23:00', '23:00', '01:00']
    """
    match = re.fullmatch(f"({spelling.pattern}){_OFFSET}", key, re.ASCII)
    if match is None:
        return
    try:
        wall = spelling.read(match[1]).replace(tzinfo=zone_of(zone))
        yield (first := wall.astimezone(UTC))
        yield (second := wall.replace(fold=1).astimezone(UTC))
        yield stretch_at(zone, max(first, second)).start
    except (ValueError, OverflowError):
        return


def _offset(ahead: timedelta) -> str:
    sign, seconds = ("-" if ahead < timedelta(0) else "+"), int(abs(ahead).total_seconds())
    minutes, rest = divmod(seconds, 60)
    return f"{sign}{minutes // 60:02}{minutes % 60:02}" + (f"{rest:02}" if rest else "")
