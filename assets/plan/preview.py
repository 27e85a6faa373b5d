"""What a materialization would do, before anything is done: the planner's own answers, carried downstream.

What is downstream of a run that would happen cannot be known before it has happened: its bytes may come out equal. So
the planner is asked twice: what it runs if they all do runs for certain; what it runs if none does is `possible`, with
the reason that it would have.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType

from ...storage.types import ReasonKind, RunState
from ..declare.catalogue import Asset
from .graph import Graph
from .planner import Confirmation, Decision, Held, PlannedRun, decide, decide_partition
from .reasons import Reason
from .state import AssetState, HeadState, LeafState, PartitionsRead, State


@dataclass(frozen=True, slots=True, kw_only=True)
class Foreseen:
    """What would become of one asset, or of partitions of it.

    Attributes
    ----------
    outcome: `run`, `possible`, `skip` or `hold`.
    partition: the key, of a partition; of several one after the other, the first.
    last: of several, the last.
    count: how many they are.
    """

    asset: str
    outcome: str
    reason: Reason
    partition: str = ""
    last: str = ""
    count: int = 1


@dataclass(kw_only=True)
class _News:
    """What would be published before an asset's turn comes, by URI of the dataset.

    `changed`: a version other than the head, for certain. `told`: an event for certain, perhaps only that it is
    confirmed. `possible`: perhaps another version. `removed`: observed to be gone. Of datasets with partitions `keys`
    are those that have their first version for certain, `possible_keys` these and those that perhaps have another.
    """

    changed: set[str]
    removed: frozenset[str]
    told: set[str] = field(default_factory=set[str])
    possible: set[str] = field(default_factory=set[str])
    keys: dict[str, set[str]] = field(default_factory=dict[str, set[str]])
    possible_keys: dict[str, set[str]] = field(default_factory=dict[str, set[str]])

    @property
    def at_most(self) -> set[str]:
        """What has another version, if everything that may turn out otherwise does."""
        return self.changed | self.possible


def preview(
    graph: Graph,
    state: State,
    now: datetime,
    *,
    moved: frozenset[str] = frozenset(),
    removed: frozenset[str] = frozenset(),
    told: frozenset[str] = frozenset(),
    resumed: Mapping[str, Reason] = MappingProxyType({}),
) -> list[Foreseen]:
    """What would become of every asset of the state, in the order of the graph.

    `moved` are URIs of observed datasets that differ from their heads, `removed` those that are gone: that would be
    recorded first. `told` are those whose news the state has already. `resumed` are assets of which a run is left that
    would be tried again before anything else, and why.

    Without requests it is what a scheduler would do. With them it is one materialization: an asset that is neither
    requested nor reached by what would run is held, whatever is pending for it.
    """
    heads = {uri: head for uri, head in state.heads.items() if uri not in removed}
    state = replace(state, heads=heads)
    news = _News(changed=set(moved - removed), removed=removed, told=set(moved | removed | told))
    found: list[Foreseen] = []
    for name in graph.in_order(state.assets):
        if state.partitions.get(name):
            found += _partitions_foreseen(graph, state, name, news)
            continue
        foreseen, decision = _foreseen(graph, state, name, now, news)
        if name in resumed:
            foreseen = Foreseen(asset=name, outcome="run", reason=resumed[name])
        outputs = graph.catalogue.assets[name].outputs
        if foreseen.outcome == "run":
            news.told.update(outputs)
            news.changed.update(uri for uri in outputs if uri not in heads)  # what is its first version is another one
        elif foreseen.outcome == "skip" and not isinstance(decision, Held) and decision.takes:
            news.told.update(outputs)
        if foreseen.outcome in ("run", "possible"):
            news.possible.update(outputs)
        found.append(foreseen)
    return found


def _foreseen(graph: Graph, state: State, name: str, now: datetime, news: _News) -> tuple[Foreseen, Decision]:
    """The planner's answers to the least and to the most that would be published: what it runs by the least runs."""
    leaves = graph.leaves[name]
    least = _decide(graph, state, name, now, changed=news.changed, confirmed=news.told, removed=news.removed)
    if (
        isinstance(least, PlannedRun)
        and least.state is RunState.SCHEDULED
        and _concerns(state, name, leaves, news.told)
    ):
        return Foreseen(asset=name, outcome="run", reason=least.reason), least
    most = _decide(graph, state, name, now, changed=news.at_most, confirmed=news.told, removed=news.removed)
    if not isinstance(most, Held) and not _concerns(state, name, leaves, news.told | news.possible):
        # It has pending news from before; a wave plans what is asked for and what its own news concerns, nothing else.
        most = Held(asset=name, reason=Reason(kind=ReasonKind.WAITING, detail="a wave that reaches it"))
    match most:
        case PlannedRun(state=RunState.SKIPPED):
            return Foreseen(asset=name, outcome="skip", reason=most.reason), most
        case PlannedRun():
            return Foreseen(asset=name, outcome="possible", reason=most.reason), least
        case Confirmation():
            return Foreseen(asset=name, outcome="skip", reason=Reason(kind=ReasonKind.CONFIRMED)), most
        case Held():
            return Foreseen(asset=name, outcome="hold", reason=most.reason), most


def _partitions_foreseen(graph: Graph, state: State, name: str, news: _News) -> Iterator[Foreseen]:
    """What would become of the partitions of an asset that are asked for; what they publish is news from then on."""
    asset = graph.catalogue.assets[name]
    outputs = asset.outputs
    at_least, at_most = (_with_news(state, asset, changed) for changed in (news.changed, news.at_most))
    for key, own in state.partitions[name].items():
        decision = decide_partition(graph, at_least, name, key, own=_reading(asset, own, news.keys))
        certain = isinstance(decision, PlannedRun) and decision.state is RunState.SCHEDULED
        if not certain:
            decision = decide_partition(graph, at_most, name, key, own=_reading(asset, own, news.possible_keys))
        outcome = "hold"
        if isinstance(decision, PlannedRun):
            outcome = "skip" if decision.state is RunState.SKIPPED else "run" if certain else "possible"
            for uri in outputs if outcome != "skip" else ():
                news.possible.add(uri)
                news.possible_keys.setdefault(uri, set()).add(key)
                if certain and not own.complete:
                    news.keys.setdefault(uri, set()).add(key)
                    news.changed.add(uri)
                    news.told.add(uri)
        reason = Reason(kind=ReasonKind.CONFIRMED) if isinstance(decision, Confirmation) else decision.reason
        yield Foreseen(asset=name, outcome=outcome, reason=reason, partition=key)


def _with_news(state: State, asset: Asset, changed: Container[str]) -> State:
    """The state, had these datasets another version."""
    fresh = {one.uri: _TO_COME for one in asset.inputs if one.uri in changed}
    return replace(state, heads={**state.heads, **fresh}) if fresh else state


def _reading(asset: Asset, own: AssetState, keys: Mapping[str, set[str]]) -> AssetState:
    """How a partition stands, had these keys of these datasets another version."""
    return replace(own, reads=_reads(asset, own, keys)) if own.reads and keys else own


def _reads(asset: Asset, own: AssetState, keys: Mapping[str, set[str]]) -> dict[str, PartitionsRead]:
    """What is read, had these keys of these datasets another version."""
    uris, found = {one.parameter: one.uri for one in asset.inputs}, dict[str, PartitionsRead]()
    for parameter, read in own.reads.items():
        fresh = keys.get(uris[parameter], set())
        among = {*read.heads, *read.lacking}
        new = {key: _TO_COME for key in (sorted(fresh) if read.open else among) if key in fresh}
        lacking = tuple(key for key in read.lacking if key not in new)
        found[parameter] = replace(read, heads={**read.heads, **new}, lacking=lacking)
    return found


def _concerns(state: State, name: str, leaves: Iterable[str], told: Container[str]) -> bool:
    return not state.requests or name in state.requests or any(uri in told for uri in leaves)


def _decide(
    graph: Graph,
    state: State,
    name: str,
    now: datetime,
    *,
    changed: Container[str],
    confirmed: Container[str],
    removed: Container[str],
) -> Decision:
    """The planner's answer, had these datasets changed, those been confirmed and those been removed."""
    asset, own = graph.catalogue.assets[name], state.assets[name]
    if own.reads:
        keys = {uri: {_TO_COME_KEY} for uri in (one.uri for one in asset.inputs) if uri in changed}
        own = replace(own, reads=_reads(asset, own, keys))
    heads = {**state.heads, **{one.uri: _TO_COME for one in asset.inputs if one.uri in changed}}
    leaves = dict(own.leaves)
    for uri in graph.leaves[name]:
        pending = own.leaves.get(uri, LeafState(count=0, newest=0, causes=0))
        if uri in removed:
            leaves[uri] = pending._replace(removed=pending.removed + 1, removals=pending.removals + 1)
        elif uri in changed:
            leaves[uri] = pending._replace(
                count=pending.count + 1, causes=pending.causes + 1, changed=pending.changed + 1
            )
        elif uri in confirmed:
            leaves[uri] = pending._replace(count=pending.count + 1, confirmed=pending.confirmed + 1)
    return decide(graph, replace(state, assets={name: replace(own, leaves=leaves)}, heads=heads), name, now)


_TO_COME_KEY = "…"
_TO_COME = HeadState(version_id=0, event_id=0, number=0, digest="")
