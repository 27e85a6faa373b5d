"""Why partitions are held, of all of an asset in one reason. Pure.

Which they are is known as ranges, each with the reason of its partitions: what is told are the reasons, with how many
partitions each of them holds and which.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ....storage.types import ReasonKind
from ...declare.partitions.partition import Known, Partitioning, Place
from ..reasons import Reason
from .concern import keys_within

_TOLD = 3
"""So many reasons are told; of the others, how many partitions they hold."""


def held_reason(
    partitions: Partitioning, ranges: Iterable[tuple[Place, Reason]], *, more: bool = False
) -> Reason | None:
    """What the partitions in these ranges wait for; None where no partition lies in them. `more`: there are further
    ranges, of which nobody has looked how many.

    >>> from penstock import Daily
    >>> year = Place("", 1767225600, 1798761600)
    >>> lack = Reason(kind=ReasonKind.WAITING, detail="hours (1 of 24)")
    >>> held_reason(Daily(start="2026-01-01"), [(year, lack)]).text
    'waiting for hours (1 of 24) in 2026-01-01..2026-12-31 (365)'
    """
    found: dict[str, list[_Stretch]] = {}
    for place, reason in ranges:
        stretch = _stretch(partitions, place)
        if stretch is not None:
            found.setdefault(_awaited(reason), []).append(stretch)
    if not found:
        return None
    told = [f"{what} in {_shown(several)}" for what, several in list(found.items())[:_TOLD]]
    others = sum(count for several in list(found.values())[_TOLD:] for _, _, count in several)
    told += [f"something else in {'at least ' if more else ''}{others} more"] if others else ["more"] if more else []
    return Reason(kind=ReasonKind.WAITING, detail="; ".join(told), unnamed=True)


_Stretch = tuple[str, str, int]
"""The first key, the last, and how many they are."""


def _stretch(partitions: Partitioning, place: Place) -> _Stretch | None:
    keys = keys_within(partitions, place, Known())
    count = keys.count
    return None if not count else (_first(keys.walk()), _first(keys.walk(count - 1)), count)


def _first(keys: Iterator[str]) -> str:
    return next(keys)


def _shown(several: list[_Stretch]) -> str:
    first, last, count = several[0][0], several[-1][1], sum(count for _, _, count in several)
    if count == 1:
        return first
    return f"{first}..{last} ({count:,})" if len(several) == 1 else f"{count:,} partitions from {first} to {last}"


def _awaited(reason: Reason) -> str:
    """What a partition waits for that is held for this reason."""
    match reason.kind:
        case ReasonKind.WAITING:
            return reason.text.removeprefix("waiting for ")
        case ReasonKind.NO_VERSION | ReasonKind.LEFT_OUT:
            return f"a version of {', '.join(reason.names)}"
        case ReasonKind.SETTLING:
            return f"quiet {reason.detail}"
        case _:
            return f"the end of this: {reason.text},"
