"""Planning: `plan(graph, state, now) -> Plan`. Reads no clock, no database, no file; says the same to the same facts.

For each asset of the state, in this order: does anything ask for it (a request, or a condition that holds by a fresh
cause)? Can it run (inputs have versions, nothing upstream failed, below its limit)? Is it needed (the run key differs
from that of the head)? The answer is a run, a skip, a confirmation, or a reason why nothing happens.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from ...storage.types import Consume, ReasonKind, RunState
from ..declare.catalogue import Asset
from ..declare.conditions.leaves import dataset_leaves
from ..declare.policies import Each
from .case import Case
from .deadline import Missed, met, missed_deadline, overdue, reached
from .evaluate import Now, evaluate
from .graph import Graph
from .grounds import by_condition, by_request, failing, idle, lacking, lacking_input, unchanged
from .key import RunKey, digest_read, run_key
from .reasons import NAMING, Reason
from .state import AssetState, HeadState, State
from .taking import Taken, causes, covered_by, held_by, pins, starts_by, taken_ticks, takes
from .verdict import Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedRun:
    """A run to be recorded.

    Attributes
    ----------
    state: `scheduled`, or `skipped` when nothing changed.
    partition: the key of what it makes, of an asset that has partitions.
    pins: input parameter → the version it will read; `reads`: of a dataset that has partitions, those by their keys.
    takes: events, and `ticks` (label → instant), that it consumes.
    """

    asset: str
    state: RunState
    reason: Reason
    key: RunKey
    pins: Mapping[str, HeadState]
    takes: tuple[Taken, ...] = ()
    ticks: Mapping[str, datetime]
    partition: str = ""
    reads: Mapping[str, Mapping[str, HeadState]] = field(default_factory=dict[str, Mapping[str, HeadState]])


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmation:
    """The condition held by confirmed events alone: nothing runs, the asset's own outputs are confirmed.

    `ticks`: the deadline that it meets.
    """

    asset: str
    takes: tuple[Taken, ...]
    reason: Reason
    ticks: Mapping[str, datetime] = field(default_factory=dict[str, datetime])
    partition: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """Nothing happens with an asset, and why; `verdict` is its condition as a tree.

    `ticks`: the deadline that it meets all the same. `idle`: of a partition, that nothing is pending for it: whoever
    asks about it alone is told; `current`: of such a one, that it was made of what is there now.
    """

    asset: str
    reason: Reason
    verdict: Verdict | None = None
    ticks: Mapping[str, datetime] = field(default_factory=dict[str, datetime])
    partition: str = ""
    idle: bool = False
    current: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is to be done now; every asset of the state, or each of its partitions that are asked for, is in exactly one
    of the first three lists.

    Attributes
    ----------
    missed: deadlines that passed.
    wakeups: asset name → the next instant at which time alone may change the answer; `next_wakeup` is the first.
    ripening: the same of partitions, by asset and key.
    """

    runs: tuple[PlannedRun, ...] = ()
    confirmations: tuple[Confirmation, ...] = ()
    held: tuple[Held, ...] = ()
    missed: tuple[Missed, ...] = ()
    wakeups: Mapping[str, datetime] = field(default_factory=dict[str, datetime])
    ripening: Mapping[tuple[str, str], datetime] = field(default_factory=dict[tuple[str, str], datetime])

    @property
    def next_wakeup(self) -> datetime | None:
        """The first of the wakeups."""
        return min(self.wakeups.values(), default=None)


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
    decided = [one for name in graph.in_order(state.assets) for one in _decided(graph, state, name, now)]
    decisions = [decision for _, decision in decided]
    whole = [(case, decision) for case, decision in decided if case.asset.partitions is None]
    missed = (
        missed_deadline(case, decision.reason, now)
        for case, decision in whole
        if isinstance(decision, Held) and not decision.ticks  # others met theirs
    )
    wakeups = ((case.asset.name, _wakeup(case, now)) for case, _ in whole)
    ripening = (((one.asset, one.partition), _ripening(case)) for case, one in decided if case.partition)
    return Plan(
        runs=tuple(decision for decision in decisions if isinstance(decision, PlannedRun)),
        confirmations=tuple(decision for decision in decisions if isinstance(decision, Confirmation)),
        held=tuple(decision for decision in decisions if isinstance(decision, Held)),
        missed=tuple(one for one in missed if one is not None),
        wakeups={name: at for name, at in wakeups if at is not None},
        ripening={which: at for which, at in ripening if at is not None},
    )


def decide(graph: Graph, state: State, name: str, now: datetime) -> Decision:
    """What is to be done with one asset."""
    return _decide(_case(graph, state, name, now), now)


_ANY_TIME = datetime.min.replace(tzinfo=UTC)


def decide_partition(
    graph: Graph, state: State, name: str, key: str, *, own: AssetState, now: datetime = _ANY_TIME
) -> Decision:
    """What is to be done with one partition that stands so; of one that is asked for the time is of no account."""
    return _decide(_partition_case(graph, state, name, key, own=own, now=now), now)


def _decided(graph: Graph, state: State, name: str, now: datetime) -> Iterator[tuple[Case, Decision]]:
    """An asset, or each of its partitions that are asked for, with what is to be done with it."""
    partitions = state.partitions.get(name)
    if not partitions:
        case = _case(graph, state, name, now)
        yield case, _decide(case, now)
        return
    alike: dict[int, tuple[Case, Decision]] = {}  # those that stand alike share their state
    for key, own in partitions.items():
        one = alike.get(id(own)) if own.made_from is None else None
        if one is None:
            case = _partition_case(graph, state, name, key, own=own, now=now)
            one = alike[id(own)] = case, _decide(case, now)
        yield one[0], _of(one[1], key)


def _of(decision: Decision, key: str) -> Decision:
    """The same of another partition that stands alike: nothing was made of either, so that all differs but the keys."""
    if decision.partition == key:
        return decision
    if isinstance(decision, PlannedRun):
        return replace(decision, partition=key, key=decision.key.of(key))
    return replace(decision, partition=key)


def _partition_case(graph: Graph, state: State, name: str, key: str, *, own: AssetState, now: datetime) -> Case:
    asset, request, verdict = graph.catalogue.assets[name], state.requests.get(name), None
    if asset.condition is not None and request is None:
        verdict = evaluate(asset.condition, own, Now(at=now, heads=state.heads, watched=state.watched))
    return Case(graph=graph, state=state, asset=asset, own=own, request=request, verdict=verdict, partition=key)


def _case(graph: Graph, state: State, name: str, now: datetime) -> Case:
    asset, own, request = graph.catalogue.assets[name], state.assets[name], state.requests.get(name)
    # Of a request whose condition has nothing to be taken, and that time alone does not change, it is of no account.
    timed = name in graph.timetables or name in graph.staling
    quiet = request is not None and not own.leaves and not timed
    verdict = None
    if asset.condition is not None and not quiet and asset.partitions is None:
        verdict = evaluate(asset.condition, own, Now(at=now, heads=state.heads, watched=state.watched))
    return Case(graph=graph, state=state, asset=asset, own=own, request=request, verdict=verdict)


def _decide(case: Case, now: datetime) -> Decision:
    asset, own = case.asset, case.own
    if asset.partitions is not None and not case.partition:
        return _held(case, own.astray or own.held or _unnamed(case))
    late = None
    if case.request is None:
        waits = _nothing_asks(case, now)
        # What holds meets its own.
        late = overdue(case, now) if isinstance(waits, Held) and not case.partition else None
        if waits is not None and late is None:
            return waits
    failed = failing(case)
    if failed:
        return _held(case, Reason(kind=ReasonKind.UPSTREAM_FAILED, names=failed))
    if own.unseen:
        return _held(case, Reason(kind=ReasonKind.UPSTREAM_FAILED, names=(asset.name,), detail=own.unseen))
    absent = lacking_input(case)
    if absent is not None:
        return _held(case, absent)
    if own.active >= asset.policies.max_active_runs:
        detail = f"{own.active} of {asset.policies.max_active_runs} active"
        held = _held(case, Reason(kind=ReasonKind.AT_LIMIT, detail=detail))
        return held if late is not None or case.partition else replace(held, ticks=reached(case, now))
    return _run(case, late, now)


def _unnamed(case: Case) -> Reason:
    """What an asset with partitions waits for where nobody says which of them are meant."""
    name, found = case.asset.name, [NAMING]
    found += ["for news of some"] if [*dataset_leaves(case.asset.condition)] else []
    found += ["for its time"] if name in case.graph.timetables or name in case.graph.staling else []
    waits = f"{', '.join(found[:-1])}, or {found[-1]}" if len(found) > 1 else NAMING
    return Reason(kind=ReasonKind.WAITING, detail=waits, unnamed=True)


def _held(case: Case, reason: Reason) -> Held:
    return Held(asset=case.asset.name, reason=reason, verdict=case.verdict, partition=case.partition)


def _nothing_asks(case: Case, now: datetime) -> Held | Confirmation | None:
    """Why the condition makes no run; None when it does."""
    asset, own, verdict = case.asset, case.own, case.verdict
    if verdict is None:
        detail = "somebody who asks for it: it has no condition"
        return _held(case, Reason(kind=ReasonKind.WAITING, detail=detail))
    if own.pause is not None:
        return _held(case, Reason(kind=ReasonKind.PAUSED, detail=own.pause.why))
    if not verdict.holds:
        return _held(case, lacking(case.graph, verdict))
    if causes(asset, verdict):
        return None
    seen = _seen(case, verdict)
    if own.complete and seen and _confirmed(asset, verdict) and _reads_what_it_was_made_from(case, verdict):
        names = tuple(sorted({case.graph.dataset_name(one.uri) for one in seen}))
        reason = Reason(kind=ReasonKind.CONFIRMED, names=names)
        return Confirmation(asset=asset.name, takes=seen, ticks=met(case, now), reason=reason, partition=case.partition)
    stale = next((leaf for leaf in verdict.supporting if leaf.leaf is None and leaf.why and not leaf.cause), None)
    if stale is not None and not seen:
        return _held(case, Reason(kind=ReasonKind.WAITING, detail=f"{stale.label} once more: {stale.why}"))
    if case.partition and not any(leaf.newest for leaf in own.leaves.values()):
        current = _reads_what_it_was_made_from(case, verdict)
        return replace(_held(case, idle(case, current=current)), idle=True, current=current)
    detail = "fresh news: what is pending can complete its condition, not start it"
    return _held(case, Reason(kind=ReasonKind.WAITING, detail=detail))


def _confirmed(asset: Asset, verdict: Verdict) -> bool:
    """Whether it holds by what says that nothing changed; under `each(D)`, of D: the others complete and are not taken,
    so that they would confirm it again and again."""
    found = (leaf for leaf in verdict.supporting if leaf.leaf is not None and leaf.leaf.confirmed)
    return any(starts_by(asset, leaf) for leaf in found)


def _seen(case: Case, verdict: Verdict) -> tuple[Taken, ...]:
    """What a confirmation takes: the events by which the condition holds, which all say that nothing changed. Nothing
    is read, so what is pending beside them, a change perhaps, has not been seen."""
    if isinstance(case.asset.policies.consume, Each):
        return takes(case.asset, case.own, verdict)
    return held_by(case.own, verdict)


def _reads_what_it_was_made_from(case: Case, verdict: Verdict) -> bool:
    """Whether the head is of the current inputs. After a failed run it is not: its news came back, completing only,
    and must not be settled by a confirmation."""
    made_from = case.own.made_from
    now = _digests(case, pins(case.asset, case.state, verdict, case.own))
    return made_from is not None and made_from.get("inputs") == now


def _digests(case: Case, read: Mapping[str, HeadState]) -> dict[str, str]:
    """Parameter → what stands for what it reads in a run key."""
    found = {parameter: head.digest for parameter, head in read.items() if parameter not in case.own.reads}
    several = ((parameter, digest_read(one)) for parameter, one in case.own.reads.items())
    return found | {parameter: digest for parameter, digest in several if digest is not None}


def _run(case: Case, late: datetime | None, now: datetime) -> PlannedRun:
    asset, request, verdict = case.asset, case.request, case.verdict
    read = pins(asset, case.state, None if request else verdict, None if request else case.own)
    key = run_key(
        asset,
        case.graph,
        parameters=case.state.parameters.get(asset.name, {}),
        inputs=_digests(case, read),
        probe=case.own.probe,
        environment=case.state.environment,
        nonce=request.nonce if request else None,
        partition=case.partition,
    )
    taken, ticks = _by_hand(case, read) if request else (takes(asset, case.own, verdict), taken_ticks(asset, verdict))
    if not request and late is not None and asset.policies.deadline is not None:
        ticks = {**ticks, asset.policies.deadline.label: late}
    reason = unchanged(case, key, late)
    planned = RunState.SCHEDULED if reason is None else RunState.SKIPPED
    if reason is None:
        reason = by_request(case, key) if request else by_condition(case, ticks, late)
    elif not request:
        ticks = {**ticks, **met(case, now)}
    return PlannedRun(
        asset=asset.name,
        state=planned,
        reason=reason,
        key=key,
        pins={parameter: head for parameter, head in read.items() if parameter not in case.own.reads},
        takes=taken,
        ticks=ticks,
        partition=case.partition,
        reads={parameter: one.heads for parameter, one in case.own.reads.items() if one.heads},
    )


def _by_hand(case: Case, read: Mapping[str, HeadState]) -> tuple[tuple[Taken, ...], Mapping[str, datetime]]:
    """What the pins cover has been seen; ticks, and datasets that are not read, stay pending."""
    if not case.own.leaves or case.asset.policies.consume not in (Consume.BATCH, Consume.LATEST):
        return (), {}
    covered = {one.uri for one in case.asset.inputs if one.parameter in read or one.parameter in case.own.reads}
    return covered_by(case.asset, case.own, covered), {}


def _wakeup(case: Case, now: datetime) -> datetime | None:
    """When time alone may next change what is to be done with the asset."""
    deadline = case.asset.policies.deadline
    moments = (
        None if case.verdict is None else case.verdict.until,
        None if deadline is None else deadline.timetable.next(now),
    )
    return min((moment for moment in moments if moment is not None), default=None)


def _ripening(case: Case) -> datetime | None:
    """When time alone may next change what is to be done with a partition that nobody asks for."""
    moments = () if case.verdict is None or not case.partition else (case.verdict.until, case.own.ripens_at)
    return min((moment for moment in moments if moment is not None), default=None)
