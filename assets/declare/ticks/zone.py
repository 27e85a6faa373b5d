"""Where wall-clock times lie in time: the clocks of IANA zones, and what becomes of times that they leave out or show
twice. zoneinfo says what the clocks show; when they change is found by asking it, once a year and zone.

Between two changes a wall-clock time is one instant, and both come in the same order. A search therefore goes from
stretch to stretch: in each it asks for the nearest time that the clocks show, and for those that they left out at its
beginning. Changes lie days apart and are a day at most (a test holds that against the database), so stretches overlap
nowhere.
"""

from __future__ import annotations

import difflib
from bisect import bisect_right
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from ....storage.errors import DefinitionError
from ....storage.types import Fold, Gap
from .wall import WallTimes

BEGIN = datetime(3, 1, 1, tzinfo=UTC)
END = datetime(9997, 1, 1, tzinfo=UTC)
"""Ticks lie from the one on and before the other: beyond, arithmetic on times fails."""
_LEAST = datetime.resolution
_SECOND = timedelta(seconds=1)
_DAY = timedelta(days=1)
_MARGIN = timedelta(days=2)  # a time and its instant lie nearer, whatever zone and policy: 16 hours and a day
_OF_THIS_MACHINE = frozenset({"localtime", "posix", "posixrules", "right"})  # names with another meaning on each


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """From one change of the clocks to the next, `start` included, `end` not.

    Attributes
    ----------
    before, offset, after: what the clocks are ahead of UTC before the stretch, in it and after it.
    """

    start: datetime
    end: datetime
    before: timedelta
    offset: timedelta
    after: timedelta


def first_tick(times: WallTimes, zone: str, gap: Gap, fold: Fold, at: datetime) -> datetime | None:
    """The first tick at or after `at`; None when there is none any more."""
    first = times.every_hour or fold is not Fold.SECOND
    second = times.every_hour or fold is not Fold.FIRST
    at = max(at, BEGIN)
    while at < END:
        here = stretch_at(zone, at)
        low, high = _wall(at, here.offset), _wall(here.end, here.offset if first else min(here.offset, here.after))
        if not second and here.before > here.offset:
            low = max(low, _wall(here.start, here.before))
        wall = times.at_or_after(low)
        found = _instant(wall, here.offset) if wall is not None and wall < high else None
        if here.offset > here.before and gap is not Gap.SKIP and at < here.start + (here.offset - here.before):
            missed = _first_missed(times, gap, here, at)
            if missed is not None and (found is None or missed < found):
                found = missed
        if found is not None:
            return found if found < END else None
        near = at >= here.end - _MARGIN  # times up to `low` may come once more after the change
        if wall is None and not near:
            return None
        far = wall is not None and not near and wall - _MARGIN > _wall(here.end, timedelta())
        at = _instant(wall, _MARGIN) if far and wall is not None else here.end
    return None


def last_tick(times: WallTimes, zone: str, gap: Gap, fold: Fold, at: datetime) -> datetime | None:
    """The last tick at or before `at`; None when there was none."""
    first = times.every_hour or fold is not Fold.SECOND
    second = times.every_hour or fold is not Fold.FIRST
    at = min(at, END - _LEAST)
    while at >= BEGIN:
        here = stretch_at(zone, at)
        high, low = _wall(at, here.offset), _wall(here.start, here.offset if second else max(here.before, here.offset))
        if not first and here.after < here.offset:
            high = min(high, _wall(here.end, here.after) - _LEAST)
        wall = times.at_or_before(high)
        found = _instant(wall, here.offset) if wall is not None and wall >= low else None
        if here.offset > here.before and gap is not Gap.SKIP:
            missed = _last_missed(times, gap, here, at)
            if missed is not None and (found is None or missed > found):
                found = missed
        if found is not None:
            return found if found >= BEGIN else None
        near = at < here.start + _MARGIN
        if wall is None and not near:
            return None
        far = wall is not None and not near and wall + _MARGIN < _wall(here.start, timedelta())
        at = _instant(wall, -_MARGIN) if far and wall is not None else here.start - _LEAST
    return None


def _first_missed(times: WallTimes, gap: Gap, here: Stretch, at: datetime) -> datetime | None:
    """The first tick at or after `at` for a time that the clocks left out at the beginning of the stretch."""
    if gap is Gap.END and at > here.start:
        return None
    wall = times.at_or_after(_wall(at, here.before))
    if wall is None or wall >= _wall(here.start, here.offset):
        return None
    return here.start if gap is Gap.END else _instant(wall, here.before)


def _last_missed(times: WallTimes, gap: Gap, here: Stretch, at: datetime) -> datetime | None:
    """The last tick at or before `at` for a time that the clocks left out at the beginning of the stretch."""
    over = _wall(here.start, here.offset) - _LEAST
    wall = times.at_or_before(over if gap is Gap.END else min(over, _wall(at, here.before)))
    if wall is None or wall < _wall(here.start, here.before):
        return None
    return here.start if gap is Gap.END else _instant(wall, here.before)


def stretch_at(zone: str, at: datetime) -> Stretch:
    """The stretch that an instant lies in. Changes more than a year away are not looked for: it ends without one."""
    starts, stretches = _stretches(zone, at.year)
    return stretches[bisect_right(starts, at) - 1]


@lru_cache(maxsize=4096)
def _stretches(zone: str, year: int) -> tuple[list[datetime], list[Stretch]]:
    begin, end = datetime(year - 1, 1, 1, tzinfo=UTC), datetime(year + 2, 1, 1, tzinfo=UTC)
    offset = _ahead(zone, begin - _SECOND)
    points = [(begin, offset)] + [change for one in (year - 1, year, year + 1) for change in changes(zone, one)]
    stretches: list[Stretch] = []
    before = offset
    for number, (start, offset) in enumerate(points):
        until, after = points[number + 1] if number + 1 < len(points) else (end, offset)
        stretches.append(Stretch(start=start, end=until, before=before, offset=offset, after=after))
        before = offset
    return [stretch.start for stretch in stretches], stretches


@lru_cache(maxsize=4096)
def changes(zone: str, year: int) -> tuple[tuple[datetime, timedelta], ...]:
    """When the clocks of a zone change within a year of UTC, and what they are ahead of UTC from then on."""
    found: list[tuple[datetime, timedelta]] = []
    at, end = datetime(year, 1, 1, tzinfo=UTC) - _SECOND, datetime(year + 1, 1, 1, tzinfo=UTC) - _SECOND
    offset = _ahead(zone, at)
    while at < end:
        later = min(at + _DAY, end)
        ahead = _ahead(zone, later)
        if ahead != offset:
            found.append((_change_between(zone, at, later), ahead))
        at, offset = later, ahead
    return tuple(found)


def _change_between(zone: str, old: datetime, new: datetime) -> datetime:
    """The second from which the clocks show what they show at `new`, and not what they show at `old`."""
    before = _ahead(zone, old)
    while new - old > _SECOND:
        middle = old + timedelta(seconds=(new - old) // _SECOND // 2)
        if _ahead(zone, middle) == before:
            old = middle
        else:
            new = middle
    return new


def _ahead(zone: str, at: datetime) -> timedelta:
    return at.astimezone(zone_of(zone)).utcoffset() or timedelta()


def _wall(instant: datetime, ahead: timedelta) -> datetime:
    return (instant + ahead).replace(tzinfo=None)


def _instant(wall: datetime, ahead: timedelta) -> datetime:
    return (wall - ahead).replace(tzinfo=UTC)


@lru_cache(maxsize=1024)
def zone_of(name: str) -> ZoneInfo:
    """The zone of that name; KeyError, ValueError or OSError when there is none."""
    if name.partition("/")[0] in _OF_THIS_MACHINE:
        raise KeyError(name)
    return ZoneInfo(name)


def read_zone(key: str, given: Any) -> str:
    """The name of a zone, when the IANA database has it.

    Raises
    ------
    DefinitionError: it has not; the hint gives the nearest names.
    """
    try:
        zone_of(given)
    except (AttributeError, KeyError, TypeError, ValueError, OSError) as error:
        near = _nearest(given) if isinstance(given, str) else []
        hint = f"Did you mean {' or '.join(map(repr, near))}?" if near else 'An example is "Europe/Berlin".'
        raise DefinitionError(
            f"{key}={given!r}: no such time zone", hint=f"Use a name of the IANA database. {hint}"
        ) from error
    return given


def _nearest(name: str) -> list[str]:
    """Up to two names of zones that are spelled nearly so, or whose last part is."""
    known = sorted(available_timezones() - _OF_THIS_MACHINE)
    spelled = {one.rpartition("/")[2].casefold(): one for one in known} | {one.casefold(): one for one in known}
    found = difflib.get_close_matches(name.strip().replace(" ", "_").casefold(), spelled, n=2, cutoff=0.75)
    return list(dict.fromkeys(spelled[one] for one in found))
