"""What a materialization would do, before anything is done: the planner's own answers, carried downstream.

What is downstream of a run that would happen cannot be known before it has happened: its bytes may come out equal.
Such an asset is `possible`, with the names of what it depends on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from ...storage.types import ReasonKind, RunState
from ..declare.conditions import dataset_leaves
from .evaluate import evaluate
from .graph import Graph
from .planner import Confirmation, Held, PlannedRun, decide
from .reasons import Reason
from .state import AssetState, HeadState, LeafState, State


@dataclass(frozen=True, slots=True, kw_only=True)
class Foreseen:
    """What would become of one asset: `outcome` is `run`, `possible`, `skip` or `hold`."""

    asset: str
    outcome: str
    reason: Reason


_TO_COME = HeadState(version_id=0, event_id=0, number=0, digest="")


def preview(graph: Graph, state: State, now: datetime, *, moved: frozenset[str] = frozenset()) -> list[Foreseen]:
    """What would become of every asset of the state, in the order of the graph.

    `moved` are URIs of observed datasets that differ from their heads: they would be recorded first.

    An asset that is neither requested nor reached by what would run is held with the planner's reason.
    """
    # dataset URI → what would make it anew: an asset, or for an observed dataset itself
    moving = {uri: graph.dataset_name(uri) for uri in moved}
    found: list[Foreseen] = []
    for name in graph.in_order(state.assets):
        outcome = _foresee(graph, state, name, now, moving)
        if outcome.outcome in ("run", "possible"):
            moving.update(dict.fromkeys(graph.catalogue.assets[name].outputs, name))
        found.append(outcome)
    return found


def _foresee(graph: Graph, state: State, name: str, now: datetime, moving: Mapping[str, str]) -> Foreseen:
    asset, own = graph.catalogue.assets[name], state.assets[name]
    fed = sorted({moving[one.uri] for one in asset.inputs if one.uri in moving})
    assumed = _assuming(own, [leaf.uri for leaf in dataset_leaves(asset.condition) if leaf.uri in moving])
    heads = {**{one.uri: _TO_COME for one in asset.inputs if one.uri in moving}, **state.heads}
    hypothetical = replace(state, assets={name: assumed}, heads=heads)
    decision = decide(graph, hypothetical, name, now)
    moved = assumed is not own and asset.condition is not None and evaluate(asset.condition, assumed, now).holds
    if fed and (name in state.requests or moved) and not isinstance(decision, Held):
        if own.complete and own.made_from is not None:
            return Foreseen(
                asset=name, outcome="possible", reason=Reason(kind=ReasonKind.INPUT_CHANGED, names=tuple(fed))
            )
        return Foreseen(asset=name, outcome="run", reason=Reason(kind=ReasonKind.FIRST_BUILD, names=tuple(fed)))
    match decision:
        case PlannedRun(state=RunState.SKIPPED):
            return Foreseen(asset=name, outcome="skip", reason=decision.reason)
        case PlannedRun():
            return Foreseen(asset=name, outcome="possible" if moved else "run", reason=decision.reason)
        case Confirmation():
            return Foreseen(asset=name, outcome="skip", reason=Reason(kind=ReasonKind.CONFIRMED))
        case Held():
            return Foreseen(asset=name, outcome="hold", reason=decision.reason)


def _assuming(own: AssetState, uris: list[str]) -> AssetState:
    """The state, had these datasets changed."""
    if not uris:
        return own
    news = LeafState(count=1, newest=0, causes=1)
    return replace(own, leaves={**own.leaves, **{uri: own.leaves.get(uri, news) for uri in uris}})
