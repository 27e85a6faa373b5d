"""What a run takes and reads: pending events, ticks and pins, by the way an asset consumes (semantics §4)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from ...storage.types import Consume
from ..declare.catalogue import Asset
from ..declare.policies import Each
from .state import AssetState, HeadState, LeafState, State
from .verdict import Verdict

NONE = 0
"""No event has this number."""


class Taken(NamedTuple):
    """Pending events of one dataset that a decision consumes: all up to number `newest`, which are `count`.

    `about`: only the one with this number is what the run is about, with `NONE` no one; the others are linked as
    superseded. None: all are.
    """

    uri: str
    newest: int
    count: int  # pyright: ignore[reportIncompatibleMethodOverride]  nobody asks the tuple to count
    about: int | None = None


def takes(asset: Asset, own: AssetState, verdict: Verdict | None) -> tuple[Taken, ...]:
    """The events that a run takes, by URI.

    `batch` and `latest`: everything that is pending of the condition. `branch`: of the datasets by which it holds.
    `each(D)`: the event whose turn it is, and those before it in the line, which can start nothing. Aligned datasets:
    up to the version that is pinned.
    """
    mode = asset.policies.consume
    if isinstance(mode, Each):
        passed = (
            Taken(uri=uri, newest=leaf.newest, count=leaf.upto, about=NONE) for uri, leaf in sorted(own.ahead.items())
        )
        return (*_taken(next_of(mode, own, verdict), supersedes=True), *passed)
    if verdict is None:
        chosen = {}
    elif mode is Consume.BRANCH:
        return held_by(own, verdict)
    else:
        held = _held(verdict)
        chosen = {uri: _limited(own, uri, held.get(uri)) for uri in own.leaves}
    return _taken(chosen, supersedes=mode is not Consume.BATCH)


def covered_by(asset: Asset, own: AssetState, uris: Collection[str]) -> tuple[Taken, ...]:
    """All that is pending of these datasets, of which the newest version is read: it has been seen."""
    chosen = {uri: leaf for uri, leaf in own.leaves.items() if uri in uris}
    return _taken(chosen, supersedes=asset.policies.consume is Consume.LATEST)


def held_by(own: AssetState, verdict: Verdict) -> tuple[Taken, ...]:
    """The events of the datasets by which a condition holds."""
    return _taken({uri: _limited(own, uri, leaf) for uri, leaf in _held(verdict).items()})


def next_of(mode: Each, own: AssetState, verdict: Verdict | None) -> dict[str, LeafState]:
    """Under `each(D)`, what is pending of D up to the event that is next, by its URI, of a pattern by that of the one
    dataset whose turn it is; where nothing may start a run, all that is pending: of the leaves that hold, or else of
    all. Empty where nothing is pending."""
    held = {} if verdict is None else _held(verdict)
    found = {uri: _limited(own, uri, leaf) for uri, leaf in held.items() if mode.is_about(uri)}
    found = found or {uri: leaf for uri, leaf in own.leaves.items() if mode.is_about(uri)}
    return {uri: leaf for uri, leaf in found.items() if leaf is not None}


def _taken(chosen: Mapping[str, LeafState | None], *, supersedes: bool = False) -> tuple[Taken, ...]:
    return tuple(
        Taken(uri, leaf.newest, count, _read(leaf) if supersedes else None)
        for uri, leaf in sorted(chosen.items())
        if leaf is not None and (count := _pending(leaf))
    )


def _held(verdict: Verdict) -> dict[str, LeafState]:
    """Of each dataset by which it holds, the leaf that takes most: one without a pin, or the one with the newest."""
    found: dict[str, LeafState] = {}
    for leaf in verdict.supporting:
        if leaf.leaf is not None:
            known = found.get(leaf.uri)
            if known is None or (known.pin is not None and (leaf.leaf.pin is None or leaf.leaf.newest > known.newest)):
                found[leaf.uri] = leaf.leaf
    return found


def everything(own: AssetState) -> tuple[Taken, ...]:
    """All that is pending for an asset."""
    pending = {**own.leaves, **own.queue}
    return tuple(Taken(uri=uri, newest=leaf.newest, count=_pending(leaf)) for uri, leaf in sorted(pending.items()))


def taken_ticks(asset: Asset, verdict: Verdict | None) -> dict[str, datetime]:
    """The ticks that a run takes, by timetable: of every due one, or under `branch` of those by which it holds.

    Where time alone makes the condition hold, missed ticks are made up for one after the other, the oldest first; ticks
    that wait for data coalesce into the newest.
    """
    if verdict is None:
        return {}
    leaves = verdict.supporting if asset.policies.consume is Consume.BRANCH else verdict.leaves()
    return {leaf.label: leaf.ticks[0] if verdict.timed else leaf.ticks[-1] for leaf in leaves if leaf.ticks}


def pins(asset: Asset, state: State, verdict: Verdict | None, own: AssetState | None = None) -> dict[str, HeadState]:
    """Parameter → the version it reads: the newest, or what the leaves by which the condition holds narrow it to.

    Of several leaves of one dataset that hold, the newest pin wins; a leaf that is not narrowed pins the head. Under
    `each(D)` D is read as its next event published it.
    """
    heads = state.heads
    if verdict is None and own is None:
        return {one.parameter: heads[one.uri] for one in asset.inputs if one.uri in heads}
    narrowed: dict[str, HeadState] = {}
    for leaf in _supporting(verdict):
        pin = None if leaf.leaf is None else leaf.leaf.pin or heads.get(leaf.uri)
        if pin is not None and pin.number >= (narrowed[leaf.uri].number if leaf.uri in narrowed else 0):
            narrowed[leaf.uri] = pin
    mode = asset.policies.consume
    following = next_of(mode, own, verdict) if isinstance(mode, Each) and own is not None else {}
    narrowed |= {uri: leaf.pin for uri, leaf in following.items() if leaf.pin is not None}
    found = ((one.parameter, narrowed.get(one.uri) or heads.get(one.uri)) for one in asset.inputs)
    return {parameter: head for parameter, head in found if head is not None}


def causes(asset: Asset, verdict: Verdict | None) -> list[Verdict]:
    """The leaves that may start a run, of those by which the condition holds; under `each(D)`, those of D alone."""
    found = [leaf for leaf in _supporting(verdict) if leaf.cause]
    return [leaf for leaf in found if starts_by(asset, leaf)] if isinstance(asset.policies.consume, Each) else found


def starts_by(asset: Asset, leaf: Verdict) -> bool:
    """Whether the asset may be started by this leaf at all: by any, or under `each(D)` by those of D alone."""
    mode = asset.policies.consume
    return not isinstance(mode, Each) or (bool(leaf.uri) and mode.is_about(leaf.uri))


def _supporting(verdict: Verdict | None) -> Sequence[Verdict]:
    return () if verdict is None else verdict.supporting


def _limited(own: AssetState, uri: str, leaf: LeafState | None) -> LeafState | None:
    """All that is pending of a dataset, or what a leaf with a pin limits it to."""
    return own.leaves.get(uri) if leaf is None or leaf.pin is None else leaf


def _read(leaf: LeafState) -> int:
    """Number of the event that a run reads: the one that the leaf is pinned to, or the newest."""
    return leaf.newest if leaf.pin is None else leaf.pin.number


def _pending(leaf: LeafState) -> int:
    return leaf.upto if leaf.pin is not None else leaf.upto or leaf.count + leaf.removed
