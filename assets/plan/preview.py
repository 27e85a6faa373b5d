"""What a materialization would do, before anything is done: the planner's own answers, carried downstream.

What is downstream of a run that would happen cannot be known before it has happened: its bytes may come out equal.
Such an asset is `possible`, with the names of what it depends on.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType

from ...storage.types import ReasonKind, RunState
from .graph import Graph
from .planner import Confirmation, Decision, Held, PlannedRun, decide
from .reasons import Reason
from .state import AssetState, HeadState, LeafState, State


@dataclass(frozen=True, slots=True, kw_only=True)
class Foreseen:
    """What would become of one asset: `outcome` is `run`, `possible`, `skip` or `hold`."""

    asset: str
    outcome: str
    reason: Reason


_TO_COME = HeadState(version_id=0, event_id=0, number=0, digest="")


def preview(
    graph: Graph,
    state: State,
    now: datetime,
    *,
    moved: frozenset[str] = frozenset(),
    resumed: Mapping[str, Reason] = MappingProxyType({}),
) -> list[Foreseen]:
    """What would become of every asset of the state, in the order of the graph.

    `moved` are URIs of observed datasets that differ from their heads: they would be recorded first. `resumed` are
    assets of which a run is left that would be tried again before anything else, and why.

    Without requests it is what a scheduler would do. With them it is one materialization: an asset that is neither
    requested nor reached by what would run is held, whatever is pending for it.
    """
    moving = set(moved)  # datasets that would be published anew, or may
    confirmed: set[str] = set()  # datasets that would be published once more, unchanged
    found: list[Foreseen] = []
    for name in graph.in_order(state.assets):
        own = _assuming(state.assets[name], graph.leaves[name], moving, confirmed)
        outcome, decision = _foresee(graph, state, name, now, moved=moved, moving=moving, assumed=own)
        if name in resumed:
            outcome = Foreseen(asset=name, outcome="run", reason=resumed[name])
        outputs = graph.catalogue.assets[name].outputs
        if outcome.outcome in ("run", "possible"):
            moving.update(outputs)
        elif not isinstance(decision, Held) and decision.takes:
            confirmed.update(outputs)
        found.append(outcome)
    return found


def _foresee(
    graph: Graph,
    state: State,
    name: str,
    now: datetime,
    *,
    moved: Container[str],
    moving: Container[str],
    assumed: AssetState,
) -> tuple[Foreseen, Decision]:
    asset, own = graph.catalogue.assets[name], state.assets[name]
    fed = tuple(sorted({graph.dataset_name(one.uri) for one in asset.inputs if one.uri in moving}))
    heads = {**{one.uri: _TO_COME for one in asset.inputs if one.uri in moving}, **state.heads}
    decision = decide(graph, replace(state, assets={name: assumed}, heads=heads), name, now)
    reached = assumed is not own
    if state.requests and not (name in state.requests or reached or isinstance(decision, Held)):
        # It has pending news from before; a wave plans what is asked for and what its own news concerns, nothing else.
        decision = Held(asset=name, reason=Reason(kind=ReasonKind.WAITING, detail="a wave that reaches it"))
    if fed and isinstance(decision, PlannedRun):
        if not own.complete or own.made_from is None:
            return Foreseen(asset=name, outcome="run", reason=decision.reason), decision
        # What was observed has changed for certain; what is made anew may come out as it was.
        certain = any(one.uri in moved for one in asset.inputs)
        changed = Reason(kind=ReasonKind.INPUT_CHANGED, names=fed)
        if name in state.requests and _whatever_comes(decision):
            reason = _together(changed, decision.reason) if certain else decision.reason
            return Foreseen(asset=name, outcome="run", reason=reason), decision
        return Foreseen(asset=name, outcome="run" if certain else "possible", reason=changed), decision
    match decision:
        case PlannedRun(state=RunState.SKIPPED):
            outcome, reason = "skip", decision.reason
        case PlannedRun():
            outcome, reason = "possible" if reached and name not in state.requests else "run", decision.reason
        case Confirmation():
            outcome, reason = "skip", Reason(kind=ReasonKind.CONFIRMED)
        case Held():
            outcome, reason = "hold", decision.reason
    return Foreseen(asset=name, outcome=outcome, reason=reason), decision


def _whatever_comes(decision: PlannedRun) -> bool:
    """Whether it has to run also if all its inputs come out as they were: forced, other code, other parameters, …"""
    kinds = {decision.reason.kind, *decision.reason.also}
    return decision.state is RunState.SCHEDULED and kinds != {ReasonKind.INPUT_CHANGED}


def _together(changed: Reason, other: Reason) -> Reason:
    """Why it runs, if its inputs have changed besides: that bytes are missing, or a first build, says all alone, and
    that it was forced is said of nothing else."""
    match other.kind:
        case ReasonKind.INPUT_CHANGED:
            return replace(other, names=tuple(sorted({*other.names, *changed.names})))
        case ReasonKind.CODE_CHANGED | ReasonKind.PARAMETERS_CHANGED:
            return replace(other, kind=changed.kind, also=(other.kind, *other.also), names=changed.names)
        case ReasonKind.MANUAL:
            return changed
        case _:
            return other


def _assuming(own: AssetState, leaves: Iterable[str], moving: Container[str], confirmed: Container[str]) -> AssetState:
    """The state, had these datasets changed and those been confirmed."""
    news: dict[str, LeafState] = {}
    for uri in leaves:
        pending = own.leaves.get(uri, LeafState(count=0, newest=0, causes=0))
        if uri in moving:
            news[uri] = replace(pending, count=pending.count + 1, causes=pending.causes + 1)
        elif uri in confirmed:
            news[uri] = replace(pending, count=pending.count + 1, confirmed=pending.confirmed + 1)
    return replace(own, leaves={**own.leaves, **news}) if news else own
