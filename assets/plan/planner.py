"""Planning: `plan(graph, state, now) -> Plan`. Reads no clock, no database, no file; says the same to the same facts.

For each asset of the state, in this order: does anything ask for it (a request, or a condition that holds by a fresh
cause)? Can it run (inputs have versions, nothing upstream failed, below its limit)? Is it needed (the run key differs
from that of the head)? The answer is a run, a skip, a confirmation, or a reason why nothing happens.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from ...storage.types import ReasonKind, RunState
from ..declare.catalogue import Asset
from .evaluate import Verdict, evaluate
from .graph import Graph
from .key import RunKey, difference, run_key
from .reasons import Reason
from .state import AssetState, HeadState, State


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """Pending events of one dataset that a decision consumes: all up to `newest`, which are `count`."""

    uri: str
    newest: int
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedRun:
    """A run to be recorded.

    Attributes
    ----------
    state: `scheduled`, or `skipped` when nothing changed.
    pins: input parameter → the head it will read.
    takes: events, and `ticks` (label → instant), that it consumes.
    """

    asset: str
    state: RunState
    reason: Reason
    key: RunKey
    pins: Mapping[str, HeadState]
    takes: tuple[Taken, ...] = ()
    ticks: Mapping[str, datetime]


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmation:
    """The condition held by confirmed events alone: nothing runs, the asset's own outputs are confirmed."""

    asset: str
    takes: tuple[Taken, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """Nothing happens with an asset, and why; `verdict` is its condition as a tree."""

    asset: str
    reason: Reason
    verdict: Verdict | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is to be done now; every asset of the state is in exactly one of the three lists.

    `next_wakeup` is the next instant at which time alone may change the answer.
    """

    runs: tuple[PlannedRun, ...] = ()
    confirmations: tuple[Confirmation, ...] = ()
    held: tuple[Held, ...] = ()
    next_wakeup: datetime | None = None


def settled(graph: Graph, decided: Plan) -> Plan:
    """Of a plan over several levels, the skips that nothing else in it can change.

    An asset that is unchanged, takes no news and has nothing upstream in the plan that may publish stays unchanged,
    whatever becomes of the others. So a graph in which nothing is to be done is planned at once, not level by level.
    """
    loud = {decision.asset for decision in (*decided.confirmations, *decided.held)}
    skips: list[PlannedRun] = []
    for run in sorted(decided.runs, key=lambda run: graph.depth[run.asset]):
        upstream = graph.upstream[run.asset]
        if run.state is RunState.SKIPPED and not run.takes and loud.isdisjoint(upstream):
            skips.append(run)
        else:
            loud.add(run.asset)
    return Plan(runs=tuple(skips))


Decision = PlannedRun | Confirmation | Held


def plan(graph: Graph, state: State, now: datetime) -> Plan:
    """What is to be done with the assets of `state` at `now`; its cost is that of these assets alone."""
    decisions = [decide(graph, state, name, now) for name in graph.in_order(state.assets)]
    wakeups = [
        tick
        for name in state.assets
        for timetable in graph.timetables.get(name, ())
        if (tick := timetable.next(now)) is not None
    ]
    return Plan(
        runs=tuple(decision for decision in decisions if isinstance(decision, PlannedRun)),
        confirmations=tuple(decision for decision in decisions if isinstance(decision, Confirmation)),
        held=tuple(decision for decision in decisions if isinstance(decision, Held)),
        next_wakeup=min(wakeups, default=None),
    )


def decide(graph: Graph, state: State, name: str, now: datetime) -> Decision:
    """What is to be done with one asset."""
    asset, own = graph.catalogue.assets[name], state.assets[name]
    requested = name in state.requests
    quiet = requested and not own.leaves and name not in graph.timetables  # its condition has nothing to take
    verdict = None if asset.condition is None or quiet else evaluate(asset.condition, own, now)
    if not requested:
        idle = _nothing_asks(graph, state, asset, own, verdict)
        if idle is not None:
            return idle
    failed = sorted(state.failed.intersection(graph.upstream[name])) if requested else []
    if failed:
        return Held(asset=name, reason=Reason(kind=ReasonKind.UPSTREAM_FAILED, names=tuple(failed)), verdict=verdict)
    absent = [one for one in asset.inputs if one.uri not in state.heads and not one.optional]
    if absent:
        names = tuple(sorted(graph.dataset_name(one.uri) for one in absent))
        return Held(asset=name, reason=Reason(kind=ReasonKind.NO_VERSION, names=names), verdict=verdict)
    if own.active >= asset.policies.max_active_runs:
        detail = f"{own.active} of {asset.policies.max_active_runs} active"
        return Held(asset=name, reason=Reason(kind=ReasonKind.AT_LIMIT, detail=detail), verdict=verdict)
    return _run(graph, state, asset, own, verdict)


def _nothing_asks(
    graph: Graph, state: State, asset: Asset, own: AssetState, verdict: Verdict | None
) -> Held | Confirmation | None:
    """Why the condition makes no run; None when it does."""
    if verdict is None:
        detail = "somebody who asks for it: it has no condition"
        return Held(asset=asset.name, reason=Reason(kind=ReasonKind.WAITING, detail=detail))
    if not verdict.holds:
        lacking = tuple(_named(graph, label) for label in verdict.lacking())
        detail = verdict.lack(lambda label: _named(graph, label))
        return Held(
            asset=asset.name, reason=Reason(kind=ReasonKind.WAITING, names=lacking, detail=detail), verdict=verdict
        )
    held = list(verdict.supporting())
    if any(leaf.cause for leaf in held):
        return None
    confirmed = any(leaf.leaf is not None and leaf.leaf.confirmed for leaf in held)
    if own.complete and confirmed and _reads_what_it_was_made_from(asset, own, state):
        return Confirmation(asset=asset.name, takes=_takes(verdict))
    reason = Reason(
        kind=ReasonKind.WAITING, detail="fresh news: what is pending can complete its condition, not start it"
    )
    return Held(asset=asset.name, reason=reason, verdict=verdict)


def _reads_what_it_was_made_from(asset: Asset, own: AssetState, state: State) -> bool:
    """Whether the head is of the current inputs. After a failed run it is not: its news came back, completing only,
    and must not be settled by a confirmation."""
    now = {one.parameter: state.heads[one.uri].digest for one in asset.inputs if one.uri in state.heads}
    return own.made_from is not None and own.made_from.get("inputs") == now


def _run(graph: Graph, state: State, asset: Asset, own: AssetState, verdict: Verdict | None) -> PlannedRun:
    request = state.requests.get(asset.name)
    pins = {one.parameter: state.heads[one.uri] for one in asset.inputs if one.uri in state.heads}
    key = run_key(
        asset,
        graph.catalogue,
        parameters=state.parameters.get(asset.name, {}),
        inputs={parameter: head.digest for parameter, head in pins.items()},
        probe=own.probe,
        environment=state.environment,
        nonce=request.nonce if request else None,
    )
    if request is None:
        assert verdict is not None, "without a request only a condition makes a run"
        takes, ticks = _takes(verdict), {leaf.label: leaf.tick for leaf in verdict.leaves() if leaf.tick is not None}
    else:
        # By hand: what the pins cover has been seen; ticks and datasets that are not read stay pending.
        read = {one.uri for one in asset.inputs if one.parameter in pins}
        takes, ticks = tuple(taken for taken in _takes(verdict) if taken.uri in read), {}
    if _unchanged(asset, own, key, by_tick=request is None and _by_tick(verdict)):
        news = () if request else _causes(graph, verdict)
        reason = Reason(kind=ReasonKind.UNCHANGED, names=news, detail=_WHY_UNCHANGED[asset.source])
        return PlannedRun(
            asset=asset.name, state=RunState.SKIPPED, reason=reason, key=key, pins=pins, takes=takes, ticks=ticks
        )
    reason = _by_request(graph, asset, own, key) if request else _by_condition(graph, own, verdict)
    return PlannedRun(
        asset=asset.name, state=RunState.SCHEDULED, reason=reason, key=key, pins=pins, takes=takes, ticks=ticks
    )


_WHY_UNCHANGED = {
    False: "same inputs, code and parameters",
    True: "same probe, code and parameters",  # of a source
}


def _unchanged(asset: Asset, own: AssetState, key: RunKey, *, by_tick: bool) -> bool:
    """Whether making the asset again could give nothing new: semantics §4, "Unchanged"."""
    if by_tick and not asset.policies.pure:
        return False
    if not asset.inputs and not asset.source:
        return False
    return own.complete and own.present and own.made_from == key.parts


def _by_request(graph: Graph, asset: Asset, own: AssetState, key: RunKey) -> Reason:
    """Why what a person asks for is not up to date."""
    if not own.complete or own.made_from is None:
        return Reason(kind=ReasonKind.FIRST_BUILD)
    if not own.present:
        return Reason(kind=ReasonKind.MISSING, names=tuple(sorted(graph.dataset_name(uri) for uri in asset.outputs)))
    found = difference(own.made_from, key.parts)
    if not found.kinds:
        return Reason(kind=ReasonKind.MANUAL, detail="it has no inputs, so it is made whenever it is asked for")
    uris = {one.parameter: one.uri for one in asset.inputs}
    names = tuple(sorted(graph.dataset_name(uris[name]) if name in uris else name for name in found.inputs))
    return Reason(kind=found.kinds[0], also=found.kinds[1:], names=names, parameters=tuple(sorted(found.parameters)))


def _by_condition(graph: Graph, own: AssetState, verdict: Verdict | None) -> Reason:
    assert verdict is not None, "without a request only a condition makes a run"
    causes = [leaf for leaf in verdict.supporting() if leaf.cause]
    ticks = [leaf.tick for leaf in causes if leaf.tick is not None]
    news = [leaf for leaf in causes if leaf.leaf is not None]
    kinds: list[ReasonKind] = []
    if any(leaf.leaf is not None and leaf.leaf.causes for leaf in news):
        kinds.append(ReasonKind.INPUT_CHANGED)
    elif news:
        kinds.append(ReasonKind.INPUT_UPDATED)
    if ticks:
        kinds.append(ReasonKind.TICK)
    if not own.complete:
        kinds.append(ReasonKind.FIRST_BUILD)
    names = tuple(sorted({_named(graph, leaf.label) for leaf in news}))
    return Reason(kind=kinds[0], also=tuple(kinds[1:]), names=names, tick=max(ticks, default=None))


def _takes(verdict: Verdict | None) -> tuple[Taken, ...]:
    """Under `batch`, every pending event of the condition, whichever branch held."""
    found = {
        leaf.label: Taken(uri=leaf.label, newest=leaf.leaf.newest, count=leaf.leaf.count)
        for leaf in (verdict.leaves() if verdict is not None else ())
        if leaf.leaf is not None
    }
    return tuple(found[uri] for uri in sorted(found))


def _by_tick(verdict: Verdict | None) -> bool:
    """Whether time is among what makes the condition hold; a due tick of a branch that does not hold is not."""
    return verdict is not None and any(leaf.tick is not None for leaf in verdict.supporting())


def _causes(graph: Graph, verdict: Verdict | None) -> tuple[str, ...]:
    """Names of the datasets and timetables whose news asked for a run."""
    held = verdict.supporting() if verdict is not None else ()
    return tuple(sorted({_named(graph, leaf.label) for leaf in held if leaf.cause}))


def _named(graph: Graph, label: str) -> str:
    dataset = graph.catalogue.datasets.get(label)
    return label if dataset is None else dataset.name
