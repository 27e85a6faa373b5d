"""Why partitions are held: kept as ranges when they are looked at, and told of an asset as one reason.

A pass looks at a partition whenever something concerns it, and at no other: so what is kept is the answer still, and
costs nothing until there is news.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from .....storage.meta.database.engine import Transaction
from .....storage.meta.partitions.holds import held_ranges, note
from .....storage.types import ReasonKind
from ....declare.catalogue import Asset
from ....declare.partitions.partition import Partitioning, Place
from ....declare.partitions.ranges import KeyRanges
from ....plan.partitions.held import held_reason
from ....plan.partitions.standing import IGNORED
from ....plan.planner import Held
from ....plan.reasons import Reason
from ....plan.state import AssetState

_RANGES = 200
"""So many ranges are read to be told."""


def keep_held(
    tx: Transaction,
    asset_id: int,
    partitions: Partitioning,
    looked: Iterable[str],
    held: Iterable[Held] = (),
) -> None:
    """Of the partitions that were looked at, these are held for something that has to come, and the others are not."""
    reasons = {one.partition: one.reason.keyless.to_plain() for one in held}
    note(tx, asset_id, {partitions.place(key): reasons.get(key) for key in looked})


def is_kept(held: Held, own: AssetState | None) -> bool:
    """Whether a partition is held for something that has to come: not for a run that has to end, which looks at it
    again by itself, nor for nothing."""
    ignored = own is not None and IGNORED in own.incomplete.values()
    return not (held.idle or ignored or held.reason.kind is ReasonKind.AT_LIMIT)


def held_of(tx: Transaction, asset_id: int, partitions: Partitioning, *, but: Collection[str] = ()) -> Reason | None:
    """What the partitions of an asset wait for that were held when they were looked at last; None where none was.

    Parameters
    ----------
    but: keys that are told of by themselves.
    """
    found = held_ranges(tx, asset_id, limit=_RANGES + 1)
    told = KeyRanges.of(partitions.place(key) for key in but)
    ranges = (
        (place, Reason.from_plain(one.reason))
        for one in found[:_RANGES]
        for place in KeyRanges.of([Place(one.line, one.start, one.end)]).subtract(told)
    )
    return held_reason(partitions, ranges, more=len(found) > _RANGES)


def held_of_asset(tx: Transaction, asset_id: int, asset: Asset, *, but: Collection[str] = ()) -> Reason | None:
    """The same of a declared asset; None of one without partitions."""
    return None if asset.partitions is None else held_of(tx, asset_id, asset.partitions, but=but)
