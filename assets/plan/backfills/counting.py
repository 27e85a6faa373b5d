"""How many partitions a backfill would make, and how many it would leave alone: from ranges, not key by key."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from ....storage.errors import UsageError
from ....storage.types import FINAL_STATES, BackfillState, Reprocess, RunState
from ...declare.partitions.partition import Known, Partitioning, Place
from ...declare.partitions.ranges import KeyRanges
from .scope import Part, count_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Of one asset: how many partitions a backfill is of, and what would become of them; each is counted once, in the
    first that holds.

    Attributes
    ----------
    total: all of them; `look` and the others add up to it.
    look: would be looked at: made, skipped where nothing has changed, or held back.
    active: have an active run, and would be left alone.
    failed: their last run failed, and would be left alone.
    made: are made, and would be left alone.
    """

    total: int
    look: int
    active: int = 0
    failed: int = 0
    made: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Stand:
    """How the partitions of an asset stand: the places of those that are made, and the keys whose last run failed, and
    of which a run has not ended."""

    made: KeyRanges
    failed: Collection[str]
    active: Collection[str]


def counts(partitions: Partitioning, part: Part, stand: Stand, reprocess: Reprocess, known: Known) -> Counts:
    """What would become of the partitions of one asset; costs the ranges, and what failed or is active.

    >>> from penstock import Daily
    >>> from penstock.assets.declare.partitions.partition import Place
    >>> days, asked = Daily(start="1970-01-01"), KeyRanges.of([Place("", 0, 5 * 86400)])
    >>> stand = Stand(made=KeyRanges.of([Place("", 86400, 2 * 86400)]), failed=["1970-01-03"], active=["1970-01-04"])
    >>> found = counts(days, Part(asked=asked, divided=days), stand, Reprocess.MISSING, Known())
    >>> found.look, found.active, found.failed, found.made
    (2, 1, 1, 1)
    """
    active = _among(partitions, part.asked, stand.active)
    every = part.news or reprocess is Reprocess.ALL
    failed = KeyRanges({}) if every else _among(partitions, part.asked, stand.failed).subtract(active)
    made = KeyRanges({}) if every else part.asked.intersect(stand.made).subtract(active.union(failed))
    total = count_of(partitions, part.asked, known)
    spared = {
        "active": count_of(partitions, active, known),
        "failed": 0 if reprocess is Reprocess.FAILED else count_of(partitions, failed, known),
        "made": count_of(partitions, made, known),
    }
    return Counts(total=total, look=total - sum(spared.values()), **spared)


def seen_to(looked: int, *, of: int, runs: Mapping[RunState, int], others: int) -> int:
    """How many partitions a backfill has seen to, as far as that is known: its cursor lags behind its runs by a chunk.

    Parameters
    ----------
    looked: how many lie before the cursor; of: how many it is of.
    runs: of how many of its partitions the newest run is in each state.
    others: how many lie before the cursor and have no run: they were left alone, or held.

    >>> seen_to(0, of=200, runs={RunState.SUCCESS: 51, RunState.SCHEDULED: 49}, others=0)
    51
    """
    ended = sum(number for state, number in runs.items() if state in FINAL_STATES and state is not RunState.CANCELED)
    return min(max(looked, ended + others), of)


def told_of(runs: Mapping[RunState, int], state: BackfillState) -> dict[RunState, int]:
    """Of how many partitions of a backfill the newest run is in each state, as it is told when that has ended: one of
    which a run was canceled, by a pause, was looked at once more, and what was not made then counts as left alone or
    held.

    >>> told_of({RunState.SUCCESS: 5, RunState.CANCELED: 1}, BackfillState.SUCCESS)
    {<RunState.SUCCESS: 'success'>: 5}
    """
    if state not in {BackfillState.SUCCESS, BackfillState.FAILED}:
        return dict(runs)
    return {one: number for one, number in runs.items() if one is not RunState.CANCELED}


def _among(partitions: Partitioning, asked: KeyRanges, keys: Collection[str]) -> KeyRanges:
    """The places of those of these keys that are asked for; what is no key any more is none of them."""
    places: list[Place] = []
    for key in keys:
        try:
            place = partitions.place(key)
        except UsageError:
            continue
        if asked.contains(place):
            places.append(place)
    return KeyRanges.of(places)
