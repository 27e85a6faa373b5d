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
from .partitions.coming import TO_COME, Unasked, coming_reads, had_news
from .planner import Confirmation, Decision, Held, PlannedRun, decide, decide_partition
from .reasons import Reason
from .state import LeafState, State


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
    confirmed. `possible`: perhaps another version. `heard`: news that the state has already. Of datasets with
    partitions `keys` are those that have their first version for certain, `possible_keys` these and those that perhaps
    have another.
    """

    heard: frozenset[str]
    changed: set[str] = field(default_factory=set[str])
    told: set[str] = field(default_factory=set[str])
    possible: set[str] = field(default_factory=set[str])
    keys: dict[str, set[str]] = field(default_factory=dict[str, set[str]])
    possible_keys: dict[str, set[str]] = field(default_factory=dict[str, set[str]])

    @property
    def at_most(self) -> set[str]:
        """What has another version, if everything that may turn out otherwise does."""
        return self.changed | self.possible

    @property
    def reaching(self) -> set[str]:
        """What brings those who wait for it into a wave, for certain."""
        return self.told | self.heard


def preview(
    graph: Graph,
    state: State,
    now: datetime,
    *,
    heard: frozenset[str] = frozenset(),
    resumed: Mapping[str, Mapping[str, Reason]] = MappingProxyType({}),
    unasked: Mapping[str, Unasked] = MappingProxyType({}),
) -> list[Foreseen]:
    """What would become of every asset of the state, in the order of the graph.

    `heard` are URIs of the datasets whose news, of a look a moment ago, the state has already. `resumed` are by asset
    and key, "" without partitions, of what a run is left that would be tried again before anything else, and why.
    `unasked` says, by asset, which of the partitions in the state nobody asks for: their conditions decide.

    Without requests it is what a scheduler would do. With them it is one materialization: an asset that is neither
    requested nor reached by what would run is held, whatever is pending for it.
    """
    news = _News(heard=heard)
    found: list[Foreseen] = []
    for name in graph.in_order(state.assets):
        again = resumed.get(name, {})
        several = list(_partitions_again(graph, name, again, news))
        planned = _partitions_foreseen(graph, state, name, now, news=news, unasked=unasked.get(name))
        several += [one for one in planned if one.partition not in again]
        if several:
            found += several
            continue
        foreseen, decision = _foreseen(graph, state, name, now, news)
        if "" in again:
            foreseen = Foreseen(asset=name, outcome="run", reason=again[""])
        outputs = graph.catalogue.assets[name].outputs
        if foreseen.outcome == "run":
            news.told.update(outputs)
            news.changed.update(uri for uri in outputs if uri not in state.heads)  # its first version is another one
        elif foreseen.outcome == "skip" and not isinstance(decision, Held) and decision.takes:
            news.told.update(outputs)
        if foreseen.outcome in ("run", "possible"):
            news.possible.update(outputs)
        found.append(foreseen)
    return found


def _foreseen(graph: Graph, state: State, name: str, now: datetime, news: _News) -> tuple[Foreseen, Decision]:
    """The planner's answers to the least and to the most that would be published: what it runs by the least runs."""
    leaves = graph.leaves[name]
    least = _decide(graph, state, name, now, changed=news.changed, confirmed=news.told)
    if (
        isinstance(least, PlannedRun)
        and least.state is RunState.SCHEDULED
        and _concerns(state, name, leaves, news.reaching)
    ):
        return Foreseen(asset=name, outcome="run", reason=least.reason), least
    most = _decide(graph, state, name, now, changed=news.at_most, confirmed=news.told)
    if not isinstance(most, Held) and not _concerns(state, name, leaves, news.reaching | news.possible):
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


def _partitions_again(graph: Graph, name: str, again: Mapping[str, Reason], news: _News) -> Iterator[Foreseen]:
    """The partitions of an asset of which a run is left that would be tried again; what they publish may be news."""
    for key, reason in again.items():
        if not key:
            continue
        for uri in graph.catalogue.assets[name].outputs:
            news.possible.add(uri)
            news.possible_keys.setdefault(uri, set()).add(key)
        yield Foreseen(asset=name, outcome="run", reason=reason, partition=key)


def _partitions_foreseen(
    graph: Graph, state: State, name: str, now: datetime, *, news: _News, unasked: Unasked | None
) -> Iterator[Foreseen]:
    """What would become of the partitions of an asset that are in the state; what they publish is news from then on."""
    asset = graph.catalogue.assets[name]
    outputs = asset.outputs
    least, most = (_with_news(state, asset, changed) for changed in (set(news.changed), news.at_most))
    for key, own in state.partitions.get(name, {}).items():
        beside = unasked if unasked is not None and unasked.is_about(key) else None
        stands = had_news(own, asset, key, changed=least.changed, keys=news.keys, unasked=beside)
        reached = stands.leaves != own.leaves
        decision = decide_partition(graph, least.of(beside), name, key, own=stands, now=now)
        certain = isinstance(decision, PlannedRun) and decision.state is RunState.SCHEDULED
        if not certain:
            stands = had_news(own, asset, key, changed=most.changed, keys=news.possible_keys, unasked=beside)
            decision = decide_partition(graph, most.of(beside), name, key, own=stands, now=now)
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
        if beside is not None and key in beside.perhaps and not reached and outcome in ("hold", "skip"):
            continue  # perhaps nobody will look at it
        if beside is not None and isinstance(decision, Held) and decision.idle:
            continue  # nothing is pending for it
        reason = Reason(kind=ReasonKind.CONFIRMED) if isinstance(decision, Confirmation) else decision.reason
        yield Foreseen(asset=name, outcome=outcome, reason=reason, partition=key)


@dataclass(frozen=True, slots=True, kw_only=True)
class _After:
    """The state, had the datasets `changed` another version: with what is asked for, and as if nothing were."""

    changed: set[str]
    asked: State
    alone: State

    def of(self, unasked: Unasked | None) -> State:
        """For a partition that nobody asks for, or for one that somebody does."""
        return self.asked if unasked is None else self.alone


def _with_news(state: State, asset: Asset, changed: set[str]) -> _After:
    fresh = {one.uri: TO_COME for one in asset.inputs if one.uri in changed}
    state = replace(state, heads={**state.heads, **fresh}) if fresh else state
    return _After(changed=changed, asked=state, alone=replace(state, requests={}))


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
) -> Decision:
    """The planner's answer, had these datasets changed and those been confirmed."""
    asset, own = graph.catalogue.assets[name], state.assets[name]
    if own.reads:
        keys = {uri: {_TO_COME_KEY} for uri in (one.uri for one in asset.inputs) if uri in changed}
        own = replace(own, reads=coming_reads(asset, own, keys))
    heads = {**state.heads, **{one.uri: TO_COME for one in asset.inputs if one.uri in changed}}
    leaves = dict(own.leaves)
    for uri in graph.leaves[name]:
        pending = own.leaves.get(uri, LeafState(count=0, newest=0, causes=0))
        if uri in changed:
            leaves[uri] = pending._replace(
                count=pending.count + 1, causes=pending.causes + 1, changed=pending.changed + 1
            )
        elif uri in confirmed:
            leaves[uri] = pending._replace(count=pending.count + 1, confirmed=pending.confirmed + 1)
    return decide(graph, replace(state, assets={name: replace(own, leaves=leaves)}, heads=heads), name, now)


_TO_COME_KEY = "…"
