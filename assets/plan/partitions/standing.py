"""How a partition stands towards its condition: what is pending of each dataset, and whether what it reads suffices.

Its condition is then evaluated as that of an asset is: this gives it the same facts. A roll-up is complete when all
that it reads has a version, or enough of it; what has no partitions completes every partition, with or without news.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from ....storage.types import Fanout, Late
from ...declare.conditions.leaves import DatasetLeaf
from ...declare.partitions.mapping.mappings import RollUp
from ...declare.partitions.mapping.relation import Relation
from ..narrow import Narrowing, Waiting
from ..state import AssetState, HeadState, LeafState, PartitionsRead


@dataclass(frozen=True, slots=True, kw_only=True)
class Upstream:
    """What one dataset of a condition has for one partition.

    Attributes
    ----------
    leaves: those of the condition that are about it.
    relation: what its keys are for the consumer.
    events: what is pending of it for the partition, oldest first.
    read: which of its partitions are read, and which have no version; None: it has no partitions.
    head: its newest version, where it has no partitions.
    """

    uri: str
    leaves: tuple[DatasetLeaf, ...]
    relation: Relation
    events: Sequence[Waiting] = ()
    read: PartitionsRead | None = None
    head: HeadState | None = None


def standing(own: AssetState, key: str, upstreams: Sequence[Upstream], now: datetime) -> AssetState:
    """How the partition stands, with what is pending for it."""
    leaves: dict[str, LeafState] = {}
    narrowed: dict[str, LeafState] = {}
    incomplete: dict[str, str] = {}
    ripe: list[datetime] = []
    for one in upstreams:
        found = _pending(one, now)
        if found is not None:
            leaves[one.uri] = found
        for leaf in one.leaves:
            state = _narrowed(leaf, one, now) if leaf.selective else None
            if state is not None:
                narrowed[leaf.label] = state
        why = "" if one.read is None else lack(one.relation, one.read, made=own.complete)
        if why:
            incomplete[one.uri] = why
            at = ripens_at(one.relation, key, made=own.complete)
            ripe += [at] if at is not None and at > now and found is not None else []
    return replace(own, leaves=leaves, narrowed=narrowed, incomplete=incomplete, ripens_at=min(ripe, default=None))


def lack(relation: Relation, read: PartitionsRead, *, made: bool) -> str:
    """Why what is there of what a partition reads does not suffice; "" when it does.

    >>> lack(Relation(upstream=UNPARTITIONED, consumer=UNPARTITIONED), PartitionsRead(heads={}), made=False)
    'nothing of what is read has a version'
    """
    said = relation.rollup or RollUp()
    if relation.rollup is not None and made and said.late is Late.IGNORE:
        return "it was made, and what comes late is ignored"
    if read.fault:
        return read.fault
    there, everything = len(read.heads), len(read.heads) + len(read.lacking)
    if relation.rollup is not None and made and said.late is Late.COMPLETE and read.lacking:
        return f"{there} of {everything}; it was made, and is made once more when all are there"
    if read.enough:
        return ""
    if not read.heads:
        return "nothing of what is read has a version"
    least = "" if read.least is None else f", and {read.least} are waited for"
    return f"{there} of {everything}{least}"


def ripens_at(relation: Relation, key: str, *, made: bool) -> datetime | None:
    """When those that are there are enough for a roll-up, whichever they are; None: never."""
    said = relation.rollup
    if said is None or said.after is None or (made and said.late is not Late.EACH):
        return None
    end = relation.consumer.partition(key).end
    return None if end is None else end + said.after


def least_of(relation: Relation, key: str, now: datetime | None) -> int | None:
    """With how many keys a roll-up is content; by and by with any."""
    said = relation.rollup
    if said is None:
        return None
    ripe = None if now is None else ripens_at(relation, key, made=False)
    return 1 if ripe is not None and now is not None and now >= ripe else said.at_least


def _pending(one: Upstream, now: datetime) -> LeafState | None:
    """All that is pending of a dataset. What has no partitions and no news holds by its head, and nothing is taken."""
    if not one.events:
        head = one.head
        if head is None or one.read is not None:
            return None
        return LeafState(count=1, newest=0, causes=0, newest_at=head.at)
    plain, gone = DatasetLeaf(uri=one.uri), DatasetLeaf(uri=one.uri, removal=True)
    there, removed = (Narrowing(leaf, now) for leaf in (plain, gone))
    for event in one.events:
        there.add(event)
        removed.add(event)
    found, taken = there.state(), removed.state()
    assert found is not None and taken is not None  # noqa: PT018
    return replace(found, pin=None, removed=taken.removed, removals=taken.removals)


def _narrowed(leaf: DatasetLeaf, one: Upstream, now: datetime) -> LeafState | None:
    """What counts for a leaf that asks each event; pinned to the newest that does, where one key alone is read."""
    sums = Narrowing(leaf, now)
    for event in one.events:
        sums.add(event)
    found = sums.state()
    single = one.read is None or one.read.single
    return found if found is None or single else replace(found, pin=None)


def fans_out_to(relation: Relation, key: str, arrived: datetime) -> bool:
    """Whether news of what has no partitions, that arrived then, may start this partition."""
    if relation.fanout is Fanout.NONE:
        return False
    timed = relation.consumer.timed
    if timed is None:
        return relation.fanout is Fanout.ALL or relation.concerned("").index(key) is not None
    end = relation.consumer.partition(key).end
    assert end is not None
    return end <= arrived
