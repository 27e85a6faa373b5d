"""What a run takes and reads: pending events, ticks and pins, by the way an asset consumes (semantics §4)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from ...storage.types import Consume
from ..declare.catalogue import Asset
from ..declare.policies import Each
from .state import AssetState, HeadState, LeafState, State
from .verdict import Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """Pending events of one dataset that a decision consumes: all up to number `newest`, which are `count`.

    `supersedes`: only the newest of them is what the run is about; the others are linked as superseded.
    """

    uri: str
    newest: int
    count: int
    supersedes: bool = False


def takes(asset: Asset, own: AssetState, verdict: Verdict | None) -> tuple[Taken, ...]:
    """The events that a run, or a confirmation, takes, by URI.

    `batch` and `latest`: everything that is pending of the condition. `branch`: of the datasets by which it holds.
    `each(D)`: the oldest event of D. Aligned datasets: up to the version that is pinned.
    """
    mode = asset.policies.consume
    held = {leaf.uri: leaf.leaf for leaf in _supporting(verdict) if leaf.leaf is not None}
    if isinstance(mode, Each):
        chosen = {mode.uri: own.leaves[mode.uri]} if mode.uri in own.leaves else {}
    elif mode is Consume.BRANCH:
        chosen = {uri: _whole(own, uri, leaf) for uri, leaf in held.items()}
    else:
        chosen = {uri: _whole(own, uri, held.get(uri)) for uri in own.leaves} if verdict is not None else {}
    return tuple(
        Taken(uri=uri, newest=leaf.newest, count=_pending(leaf), supersedes=mode is Consume.LATEST)
        for uri, leaf in sorted(chosen.items())
    )


def everything(own: AssetState) -> tuple[Taken, ...]:
    """All that is pending for an asset."""
    return tuple(Taken(uri=uri, newest=leaf.newest, count=_pending(leaf)) for uri, leaf in sorted(own.leaves.items()))


def taken_ticks(asset: Asset, verdict: Verdict | None) -> dict[str, datetime]:
    """The ticks that a run takes, by timetable: of every due one, or under `branch` of those by which it holds.

    Where time alone makes the condition hold, missed ticks are made up for one after the other, the oldest first; ticks
    that wait for data coalesce into the newest.
    """
    if verdict is None:
        return {}
    holding = list(verdict.supporting())
    alone = all(leaf.ticks for leaf in holding)
    leaves = holding if asset.policies.consume is Consume.BRANCH else verdict.leaves()
    return {leaf.label: leaf.ticks[0] if alone else leaf.ticks[-1] for leaf in leaves if leaf.ticks}


def pins(asset: Asset, state: State, verdict: Verdict | None) -> dict[str, HeadState]:
    """Parameter → the version it reads: the newest, or what the leaves by which the condition holds narrow it to."""
    narrowed: dict[str, HeadState] = {}
    for leaf in _supporting(verdict):
        pin = None if leaf.leaf is None else leaf.leaf.pin
        if pin is not None and pin.number >= (narrowed[leaf.uri].number if leaf.uri in narrowed else 0):
            narrowed[leaf.uri] = pin
    heads: Mapping[str, HeadState] = {**state.heads, **narrowed}
    return {one.parameter: heads[one.uri] for one in asset.inputs if one.uri in heads}


def causes(asset: Asset, verdict: Verdict | None) -> list[Verdict]:
    """The leaves that may start a run, of those by which the condition holds; under `each(D)`, those of D alone."""
    mode = asset.policies.consume
    only = mode.uri if isinstance(mode, Each) else None
    return [leaf for leaf in _supporting(verdict) if leaf.cause and only in (None, leaf.uri)]


def _supporting(verdict: Verdict | None) -> list[Verdict]:
    return [] if verdict is None else list(verdict.supporting())


def _whole(own: AssetState, uri: str, leaf: LeafState | None) -> LeafState:
    """All that is pending of a dataset, or what a leaf limits it to."""
    return leaf if leaf is not None and leaf.upto else own.leaves[uri]


def _pending(leaf: LeafState) -> int:
    return leaf.upto or leaf.count + leaf.removed
