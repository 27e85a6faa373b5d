"""How a partition would stand, had what is made before it other versions: what it reads and what is pending. Pure."""

from __future__ import annotations

from collections.abc import Collection, Container, Mapping
from dataclasses import dataclass, field, replace

from ...declare.catalogue import Asset
from ...declare.partitions.mapping.relation import Relation
from ...declare.partitions.partition import Known
from ..state import AssetState, HeadState, LeafState, PartitionsRead
from .standing import lack

TO_COME = HeadState(version_id=0, event_id=0, number=0, digest="")
"""A version that is still to be made: it equals none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unasked:
    """What is looked at of an asset with partitions although nobody asks for it.

    Attributes
    ----------
    keys: the partitions that news or ticks concern.
    perhaps: further ones, that only what is made before them may concern: told if it does.
    relations: URI → what its keys are for the asset, of the datasets that its condition names.
    parameters: URI → the parameter that reads it so; it may be read in other ways beside.
    known: the keys that there are.
    """

    keys: Collection[str] = ()
    perhaps: Collection[str] = ()
    relations: Mapping[str, Relation] = field(default_factory=dict[str, Relation])
    parameters: Mapping[str, str] = field(default_factory=dict[str, str])
    known: Known = field(default_factory=Known)

    def is_about(self, key: str) -> bool:
        """Whether nobody asks for this partition."""
        return key in self.keys or key in self.perhaps


def had_news(
    own: AssetState,
    asset: Asset,
    key: str,
    *,
    changed: Container[str],
    keys: Mapping[str, set[str]],
    unasked: Unasked | None,
) -> AssetState:
    """How a partition would stand, had these datasets without partitions, and these keys of others, another version.

    `unasked`: None for one that somebody asks for, whatever its condition says.
    """
    reads = coming_reads(asset, own, keys) if own.reads and keys else own.reads
    if unasked is None:
        return replace(own, reads=reads) if reads is not own.reads else own
    leaves, incomplete = dict(own.leaves), dict(own.incomplete)
    for uri, relation in unasked.relations.items():
        if relation.completing:
            if uri in changed:
                starts = relation.concerned("", unasked.known).index(key) is not None
                leaves[uri] = _another(leaves.get(uri), starts=starts)
            continue
        read, before = (one.get(unasked.parameters.get(uri, "")) for one in (reads, own.reads))
        fresh = keys.get(uri)
        if read is None or before is None or not fresh:
            continue
        if before.open or not fresh.isdisjoint((*before.heads, *before.lacking)):
            leaves[uri] = _another(leaves.get(uri), starts=True)
            incomplete[uri] = lack(relation, read, made=own.complete)  # also where nothing lacked: this comes late
        elif uri in incomplete:
            incomplete[uri] = lack(relation, read, made=own.complete)
    return replace(own, reads=reads, leaves=leaves, incomplete={uri: why for uri, why in incomplete.items() if why})


def _another(leaf: LeafState | None, *, starts: bool) -> LeafState:
    """What is pending, and one more change."""
    pending = leaf or LeafState(count=0, newest=0, causes=0)
    return pending._replace(count=pending.count + 1, causes=pending.causes + starts, changed=pending.changed + 1)


def coming_reads(asset: Asset, own: AssetState, keys: Mapping[str, set[str]]) -> dict[str, PartitionsRead]:
    """What is read, had these keys of these datasets another version."""
    uris, found = {one.parameter: one.uri for one in asset.inputs}, dict[str, PartitionsRead]()
    for parameter, read in own.reads.items():
        fresh = keys.get(uris[parameter], set())
        among = {*read.heads, *read.lacking}
        new = {key: TO_COME for key in (sorted(fresh) if read.open else among) if key in fresh}
        lacking = tuple(key for key in read.lacking if key not in new)
        found[parameter] = replace(read, heads={**read.heads, **new}, lacking=lacking)
    return found
