"""What a materialization would do, before anything is done: the planner's own answers, carried downstream.

What is downstream of a run that would happen cannot be known before it has happened: its bytes may come out equal. So
the planner is asked twice: what it runs if they all do runs for certain; what it runs if none does is `possible`, with
the reason that it would have.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType

from ...storage.types import ReasonKind, RunState
from .graph import Graph
from .planner import Confirmation, Decision, Held, PlannedRun, decide
from .reasons import Reason
from .state import HeadState, LeafState, State


@dataclass(frozen=True, slots=True, kw_only=True)
class Foreseen:
    """What would become of one asset: `outcome` is `run`, `possible`, `skip` or `hold`."""

    asset: str
    outcome: str
    reason: Reason


@dataclass(kw_only=True)
class _News:
    """What would be published before an asset's turn comes, by URI of the dataset.

    `changed`: a version other than the head, for certain. `told`: an event for certain, perhaps only that it is
    confirmed. `possible`: perhaps another version. `removed`: observed to be gone.
    """

    changed: set[str]
    removed: frozenset[str]
    told: set[str] = field(default_factory=set[str])
    possible: set[str] = field(default_factory=set[str])

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
    resumed: Mapping[str, Reason] = MappingProxyType({}),
) -> list[Foreseen]:
    """What would become of every asset of the state, in the order of the graph.

    `moved` are URIs of observed datasets that differ from their heads, `removed` those that are gone: that would be
    recorded first. `resumed` are assets of which a run is left that would be tried again before anything else, and why.

    Without requests it is what a scheduler would do. With them it is one materialization: an asset that is neither
    requested nor reached by what would run is held, whatever is pending for it.
    """
    heads = {uri: head for uri, head in state.heads.items() if uri not in removed}
    state = replace(state, heads=heads)
    news = _News(changed=set(moved - removed), removed=removed, told=set(moved | removed))
    found: list[Foreseen] = []
    for name in graph.in_order(state.assets):
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
    heads = {**state.heads, **{one.uri: _TO_COME for one in asset.inputs if one.uri in changed}}
    leaves = dict(own.leaves)
    for uri in graph.leaves[name]:
        pending = own.leaves.get(uri, LeafState(count=0, newest=0, causes=0))
        if uri in removed:
            leaves[uri] = replace(pending, removed=pending.removed + 1, removals=pending.removals + 1)
        elif uri in changed:
            leaves[uri] = replace(
                pending, count=pending.count + 1, causes=pending.causes + 1, changed=pending.changed + 1
            )
        elif uri in confirmed:
            leaves[uri] = replace(pending, count=pending.count + 1, confirmed=pending.confirmed + 1)
    return decide(graph, replace(state, assets={name: replace(own, leaves=leaves)}, heads=heads), name, now)


_TO_COME = HeadState(version_id=0, event_id=0, number=0, digest="")
