"""A portion of what is on the agenda: the first so many keys of its ranges. Pure.

Each pass takes one, so that a range of a hundred thousand keys keeps nobody else waiting, and how far it has come is
all that has to be remembered.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from ....storage.types import ANY_LINE
from ...declare.partitions.partition import Known, Partitioning, Place
from .concern import Awaited, keys_within, opens_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """A range to be looked at, of which so many keys were looked at before."""

    place: Place
    done: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Rest:
    """That so many keys of a range were looked at, and from when on the next is to be; None: at once."""

    done: int
    at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Portion:
    """What is looked at now.

    Attributes
    ----------
    keys: each once, in order.
    rests: for each range what is left of it; None: it was looked at to its end.
    later: partitions that cannot be started yet, each as a range of its own, and from when on they can.
    """

    keys: tuple[str, ...]
    rests: tuple[Rest | None, ...]
    later: tuple[tuple[Place, datetime], ...] = ()


def portion(
    partitions: Partitioning, ranges: Sequence[Range], *, known: Known, awaits: Awaited, now: datetime, limit: int
) -> Portion:
    """The first `limit` keys of these ranges, one range after the other.

    A range on one line ends where its keys cannot be started yet: the rest of it waits until the first of them can.

    >>> from penstock import Daily
    >>> days = Daily(start="2026-01-01")
    >>> year = Range(place=Place("", 1767225600, 1798761600))
    >>> noon = datetime(2026, 1, 5, 12, tzinfo=UTC)
    >>> found = portion(days, [year], known=Known(), awaits=None, now=noon, limit=2)
    >>> found.keys, found.rests
    (('2026-01-01', '2026-01-02'), (Rest(done=2, at=None),))
    """
    taken: dict[str, None] = {}
    rests: list[Rest | None] = []
    later: list[tuple[Place, datetime]] = []
    for one in ranges:
        if len(taken) >= limit:
            rests.append(Rest(done=one.done))
            continue
        done, rest = one.done, None
        for key in keys_within(partitions, one.place, known).walk(one.done):
            opens = opens_at(partitions, key, awaits)
            if opens is not None and opens > now:
                if one.place.line != ANY_LINE:
                    rest = Rest(done=done, at=opens)
                    break
                later.append((Place(key, 0, 0), opens))
            elif len(taken) >= limit:
                rest = Rest(done=done)
                break
            else:
                taken[key] = None
            done += 1
        rests.append(rest)
    return Portion(keys=tuple(taken), rests=tuple(rests), later=tuple(later))
