"""Which ticks are due: jitter and the rule for those that were missed. Pure: what was consumed, since when somebody
watches and what time it is are given.

A tick is *due* from its due moment on, which is the tick itself plus the asset's share of the jitter, until a run
consumes it. Of the ticks after the last consumed one (of an asset that consumed none: after its registration) that
are due, `catchup=` picks

- `"latest"`: the newest. The older ones coalesce into it.
- `"all"`: all of them.
- a number: so many of the newest. To an asset that has consumed none, also ticks from before its registration: whoever
  writes `catchup=3` asks for the last three.
- `"none"`: the newest, unless it was missed: its due moment lies at or before the moment from which the planner has
  been watching without a break. A tick that somebody saw becoming due stays due, for as long as its condition waits.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from hashlib import blake2b

from ....storage.types import Catchup
from .timetables import Timetable

GRACE = timedelta(minutes=1)
"""So much later than it was to look again a planner may come without having been away: it is started anew, say."""
_MICROSECOND = timedelta(microseconds=1)
_BITS = 64


def ticks(timetable: Timetable, *, after: datetime, until: datetime, limit: int | None = None) -> Iterator[datetime]:
    """The ticks later than `after` and not later than `until`, oldest first, at most `limit`; worked out as they are
    asked for.

    >>> from penstock import Every
    >>> day = datetime(2026, 1, 1, tzinfo=UTC)
    >>> [f"{tick:%H:%M}" for tick in ticks(Every("6h"), after=day, until=day + timedelta(days=1), limit=2)]
    ['06:00', '12:00']
    """
    tick = timetable.next(after)
    count = 0
    while tick is not None and tick <= until and (limit is None or count < limit):
        yield tick
        count += 1
        tick = timetable.next(tick)


def delay(timetable: Timetable, key: str) -> timedelta:
    """How much later than they are the ticks become due for the asset `key` (its name): from zero up to the jitter.

    It is worked out from both by a hash, so every process that ever asks has the same answer, and assets that share a
    timetable spread evenly.
    """
    if not timetable.jitter:
        return timedelta(0)
    share = int.from_bytes(blake2b(f"{key}\n{timetable.label}".encode(), digest_size=_BITS // 8).digest(), "big")
    return timedelta(microseconds=timetable.jitter // _MICROSECOND * share >> _BITS)


def due(
    timetable: Timetable,
    *,
    consumed: datetime | None,
    registered: datetime,
    now: datetime,
    key: str = "",
    watched: datetime | None = None,
    limit: int | None = None,
) -> tuple[datetime, ...]:
    """The ticks that are due at `now` and to be made up for, oldest first, by the rule above.

    Parameters
    ----------
    consumed: the last tick that a run consumed; None when none was.
    registered: when the timetable came into the asset's condition.
    key: the asset's name, which decides its share of the jitter.
    watched: since when the planner watches without a break, which `"none"` asks for; None: nothing was missed.
    limit: at most so many, the oldest: `"all"` after a year of minutes would be half a million.
    """
    latest = now - delay(timetable, key)
    since = registered if consumed is None else max(consumed, registered)
    match timetable.catchup:
        case Catchup.LATEST:
            found = _newest(timetable, 1, since, latest)
        case Catchup.NONE:
            seen = since if watched is None else max(since, watched - delay(timetable, key))
            found = _newest(timetable, 1, seen, latest)
        case Catchup.ALL:
            return tuple(ticks(timetable, after=since, until=latest, limit=limit))
        case int(number):
            found = _newest(timetable, number, consumed, latest)
    return found[:limit]


def next_due(timetable: Timetable, *, now: datetime, key: str = "") -> datetime | None:
    """The first due moment after `now`: when the planner has to look again; None when there is none any more."""
    later = delay(timetable, key)
    tick = timetable.next(now - later)
    return None if tick is None else tick + later


def _newest(timetable: Timetable, number: int, since: datetime | None, until: datetime) -> tuple[datetime, ...]:
    """So many of the newest ticks after `since` (None: however old) and not after `until`, oldest first."""
    found: list[datetime] = []
    tick = timetable.previous(until)
    while tick is not None and len(found) < number and (since is None or tick > since):
        found.append(tick)
        tick = timetable.previous(tick - datetime.resolution)
    return tuple(reversed(found))
