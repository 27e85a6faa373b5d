"""How a partition stands towards its condition: what is pending of each dataset, and whether what it reads suffices.

Its condition is then evaluated as that of an asset is: this gives it the same facts. What it reads is complete when all
of it has a version, or as much as its roll-up is content with, with or without news; a cause is news that is pending.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property

from ....storage.types import EventKind, Fanout, Late
from ...declare.conditions.leaves import DatasetLeaf
from ...declare.partitions.mapping.mappings import RollUp
from ...declare.partitions.mapping.relation import Relation
from ..narrow import Waiting, narrowed
from ..state import AssetState, HeadState, LeafState, PartitionsRead


@dataclass(frozen=True, kw_only=True)  # no slots: partitions for which the same is pending share one, and its sums
class Upstream:
    """What one dataset of a condition has for a partition, or for all of which that is the same.

    Attributes
    ----------
    leaves: those of the condition that are about it.
    relation: what its keys are for the consumer.
    events: what is pending of it for the partition, oldest first.
    read: which of its partitions are read, and which have no version; None: it has no partitions.
    head: its newest version, where it has no partitions.
    at: when this is so.
    """

    uri: str
    at: datetime
    leaves: tuple[DatasetLeaf, ...]
    relation: Relation
    events: Sequence[Waiting] = ()
    read: PartitionsRead | None = None
    head: HeadState | None = None

    @cached_property
    def pending(self) -> LeafState | None:
        """All that is pending of it. Without news it holds by the versions that are there, and nothing is taken."""
        if not self.events:
            heads = [] if self.head is None else [self.head]
            there = heads if self.read is None else list(self.read.heads.values())
            newest_at = max((one.at for one in there if one.at is not None), default=None)
            return LeafState(count=1, newest=0, causes=0, newest_at=newest_at) if there else None
        removals = [event for event in self.events if event.kind is EventKind.REMOVED]
        found = narrowed(DatasetLeaf(uri=self.uri), self.events, self.at)
        assert found is not None, "there are events"
        return found._replace(pin=None, removed=len(removals), removals=sum(event.fresh for event in removals))

    @cached_property
    def narrowed(self) -> dict[str, LeafState]:
        """What counts for each leaf that asks each event, by its label; pinned to the newest that does, where one key
        alone is read."""
        single = self.read is None or self.read.single
        sums = ((leaf.label, narrowed(leaf, self.events, self.at)) for leaf in self.leaves if leaf.selective)
        found = {label: state for label, state in sums if state is not None}
        return found if single else {label: state._replace(pin=None) for label, state in found.items()}


def standing(
    own: AssetState,
    key: str,
    upstreams: Sequence[Upstream],
    now: datetime,
    *,
    selected: Mapping[str, tuple[datetime, ...]] | None = None,
) -> AssetState:
    """How the partition stands, with what is pending for it and the ticks that select it."""
    leaves: dict[str, LeafState] = {}
    counts: dict[str, LeafState] = {}
    incomplete: dict[str, str] = {}
    ripe: list[datetime] = []
    for one in upstreams:
        if one.pending is not None:
            leaves[one.uri] = one.pending
        counts |= one.narrowed
        made = own.complete and bool(one.events)  # what was enough for it stays so: only news may come late
        why = "" if one.read is None else lack(one.relation, one.read, made=made)
        if why:
            incomplete[one.uri] = why
            at = ripens_at(one.relation, key, made=made)
            ripe += [at] if at is not None and at > now and one.events else []
    return replace(
        own,
        leaves=leaves,
        narrowed=counts,
        incomplete=incomplete,
        ripens_at=min(ripe, default=None),
        selected=selected,
    )


IGNORED = "it was made, and what comes late is ignored"
"""What of a dataset is pending, and will never be asked for."""


def lack(relation: Relation, read: PartitionsRead, *, made: bool) -> str:
    """Why what is there of what a partition reads does not suffice; "" when it does.

    >>> lack(Relation(upstream=UNPARTITIONED, consumer=UNPARTITIONED), PartitionsRead(heads={}), made=False)
    'nothing of what is read has a version'
    """
    said = relation.rollup or RollUp()
    if relation.rollup is not None and made and said.late is Late.IGNORE:
        return IGNORED
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
