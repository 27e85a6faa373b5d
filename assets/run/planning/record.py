"""Recording a plan: runs, pins, reasons and consumption in one write transaction, or nothing at all.

What the plan was made from must still hold where it matters: otherwise somebody else was faster, `record` answers None,
and the caller loads a new snapshot and plans again. A write transaction is the only one of its project, so what is
looked at here stays true until it commits.

- What is consumed must still be pending. A unique key holds that whatever happens; the count of each claim tells it.
- The last tick of each timetable that is taken must be the one that was seen. The key of ticks does not suffice: of two
  planners one may be so late that what it takes is older than what was taken.
- No run of the asset was planned and none has succeeded meanwhile. So it is below its limit, a deadline is still
  missed, staleness still there, and what an unchanged input was compared with is still the head.
- The asset is not paused, unless a person asked.
- The asset has the definition that it had: what another one says, whoever knows it decides.
- The heads of outputs that are confirmed must be those that were seen.
- The heads of inputs may move: the run reads the versions that were pinned, as if it had been planned a moment sooner,
  and what has come since is pending for the next.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sqlalchemy.exc import IntegrityError

from ....storage.meta import events, giving_up, runs, standing, tallies
from ....storage.meta.backfills.suppressing import take_suppressed
from ....storage.meta.database.engine import Transaction
from ....storage.meta.partitions.heads import PartitionAt, publish_partition
from ....storage.meta.partitions.taking import Link, link_events
from ....storage.meta.ticks import TickTaken, consume_ticks, last_ticks
from ....storage.types import ConsumptionOutcome, EventKind, OnDeadline, ReasonKind, RunState
from ...declare.catalogue import Asset
from ...plan.deadline import Missed
from ...plan.graph import Graph
from ...plan.lifecycle import require
from ...plan.planner import Plan, PlannedRun
from ...plan.taking import Taken
from ..identity import new_ids
from ..notifying.announcing import About
from ..project.project import Project
from .partitions.keeping import keep_held
from .snapshot import Snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """A planned run under its id."""

    id: str
    planned: PlannedRun


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What was recorded: runs by their order in the plan, datasets that got an event of their own, deadlines that
    passed."""

    runs: tuple[Recorded, ...]
    confirmed: tuple[str, ...]
    missed: tuple[Missed, ...] = ()


class _Overtaken(Exception):
    """Something that the plan consumes is no longer pending."""


def record(
    project: Project,
    plan: Plan,
    snapshot: Snapshot,
    *,
    materialization_id: str | None,
    now: datetime,
    beside: Callable[[Transaction], None] | None = None,
    then: Callable[[Transaction, Record], None] | None = None,
    backfill_id: str | None = None,
) -> Record | None:
    """The plan as rows, with what `beside` does in the same transaction, and `then` with what was recorded; both do it
    for an empty plan too. None, with nothing written, when the facts that the plan was made from no longer hold."""
    met = any(one.ticks for one in plan.held)
    if beside is None and then is None and not met and not plan.runs and not plan.confirmations and not plan.missed:
        return Record(runs=(), confirmed=())
    try:
        with project.store.write() as tx:
            _require_as_seen(project, tx, plan, snapshot)
            done = _record(
                project, tx, plan, snapshot, materialization_id=materialization_id, backfill_id=backfill_id, now=now
            )
            if beside is not None:
                beside(tx)
            if then is not None:
                then(tx, done)
            return done
    except _Overtaken:
        return None
    except IntegrityError as error:
        if events.taken_already(error):
            return None
        raise


def _require_as_seen(project: Project, tx: Transaction, plan: Plan, snapshot: Snapshot) -> None:
    """Raise when what no key protects is not as it was in the snapshot any more."""
    met = [one for one in plan.held if one.ticks]
    concerned = (*plan.runs, *plan.confirmations, *plan.missed, *met)
    numbers = {one.asset: project.ids.assets[one.asset] for one in concerned}
    started = [one.asset for one in (*plan.runs, *plan.missed, *met)]
    courses = standing.courses(tx, list(numbers.values())) if numbers else {}
    for name in started:
        course = courses.get(numbers[name])
        if course is None or (name in snapshot.courses and not _as_seen(course, snapshot.courses[name])):
            raise _Overtaken
    at_work = _at_work(tx, plan, numbers)
    for run in plan.runs:
        active = at_work.get((run.asset, run.partition), 0) if run.partition else courses[numbers[run.asset]].active
        if active >= project.catalogue.assets[run.asset].policies.max_active_runs:
            raise _Overtaken
    for name, number in numbers.items():
        before = snapshot.courses.get(name)
        if before is not None and number in courses and courses[number].definition != before.definition:
            raise _Overtaken
        if name not in snapshot.state.requests and number in courses and courses[number].pause is not None:
            raise _Overtaken
    # What partitions take is protected by its key.
    taken = [(one.asset, one.label) for one in _ticks(plan) if not one.partition]
    last = last_ticks(tx, [(numbers[name], label) for name, label in taken])
    for name, label in taken:
        if last.get((numbers[name], label)) != snapshot.state.assets[name].ticks.get(label):
            raise _Overtaken


def _at_work(tx: Transaction, plan: Plan, numbers: Mapping[str, int]) -> dict[tuple[str, str], int]:
    """How many runs have not ended of the partitions of which the plan makes one, by asset and key."""
    return {
        (name, key): active
        for name, some in _keys(plan).items()
        for key, active in runs.active_among(tx, numbers[name], some).items()
    }


def _keys(plan: Plan) -> dict[str, list[str]]:
    """The partitions of which the plan makes a run, by asset."""
    keys: dict[str, list[str]] = {}
    for run in plan.runs:
        if run.partition:
            keys.setdefault(run.asset, []).append(run.partition)
    return keys


def _as_seen(course: standing.Course, before: standing.Course) -> bool:
    return (course.newest, course.head_run) == (before.newest, before.head_run)


class _Tick(NamedTuple):
    """A tick that the plan takes, for a run or for none."""

    asset: str
    partition: str
    label: str
    run_id: str | None
    tick: datetime


def _ticks(plan: Plan, recorded: Sequence[Recorded] = ()) -> Iterator[_Tick]:
    """Every tick that the plan takes."""
    ids = {(one.planned.asset, one.planned.partition): one.id for one in recorded}
    for one in (*plan.runs, *plan.confirmations, *plan.held):
        for label, tick in one.ticks.items():
            yield _Tick(one.asset, one.partition, label, ids.get((one.asset, one.partition)), tick)
    for missed in plan.missed:
        yield _Tick(missed.asset, "", missed.label, None, missed.tick)


def _record(
    project: Project,
    tx: Transaction,
    plan: Plan,
    snapshot: Snapshot,
    *,
    materialization_id: str | None,
    backfill_id: str | None,
    now: datetime,
) -> Record:
    ids = new_ids(len(plan.runs))
    recorded = tuple(Recorded(id=one, planned=run) for one, run in zip(ids, plan.runs, strict=True))
    new = [_row(project, one, snapshot, backfill_id) for one in recorded]
    runs.insert_runs(tx, new, materialization_id=materialization_id, now=now)
    if not events.consume(tx, _claims(project, plan, snapshot, recorded), now=now):
        raise _Overtaken
    skipped = [project.ids.assets[one.asset] for one in plan.missed if one.then is OnDeadline.SKIP]
    giving_up.pass_removals(tx, skipped)
    ticks = [
        TickTaken(project.ids.assets[one.asset], one.run_id, one.label, one.tick, one.partition)
        for one in _ticks(plan, recorded)
    ]
    reasons = {project.ids.assets[one.asset]: one.reason.to_plain() for one in plan.missed}
    consume_ticks(tx, ticks, reasons=reasons, now=now)
    for one in plan.missed:
        about = About(asset=one.asset, asset_id=project.ids.assets[one.asset])
        project.announcer.late(tx, about, label=one.label, deadline=one.tick, why=one.reason.text, now=now)
    link_events(tx, _links(project, plan, snapshot, recorded), now=now)
    for name, keys in _keys(plan).items():
        partitions = project.catalogue.assets[name].partitions
        assert partitions is not None, name
        keep_held(tx, project.ids.assets[name], partitions, keys)
    if backfill_id is not None:  # what it reads it has seen, also what is to start nothing
        take_suppressed(tx, list(_read(project, recorded)), now=now)
    tallies.remember(tx, snapshot.tallies)  # after what is taken: of that nothing is to be remembered
    confirmed: list[str] = []
    for one in recorded:
        if one.planned.state is RunState.SKIPPED and one.planned.takes:
            # News that changed nothing travels on as `confirmed`, so that nobody downstream waits for it for ever.
            it = one.planned
            confirmed += _confirm(project, tx, it.asset, it.partition, snapshot, run_id=one.id, now=now)
    for it in plan.confirmations:
        confirmed += _confirm(project, tx, it.asset, it.partition, snapshot, run_id=None, now=now)
    return Record(runs=recorded, confirmed=tuple(confirmed), missed=plan.missed)


def interval(graph: Graph, run: PlannedRun, snapshot: Snapshot) -> tuple[datetime | None, datetime | None]:
    """The interval (last consumed tick, this tick] that a run covers; or the window of its
    partition; (None, None) when it has neither.

    Of the timetables of the condition; of the deadline where that alone made the run. A tick of the one says nothing of
    what the other has covered.
    """
    partitions = graph.catalogue.assets[run.asset].partitions
    if run.partition and partitions is not None:
        window = partitions.partition(run.partition)
        return window.start, window.end
    reason, own = run.reason, snapshot.state.assets[run.asset]
    if reason.tick is None:
        return None, None
    labels = {timetable.label for timetable in graph.timetables.get(run.asset, ())}
    by_deadline = ReasonKind.TICK not in (reason.kind, *reason.also)
    before = [tick for label, tick in own.ticks.items() if (label in labels) != by_deadline]
    return min(max(before, default=own.registered_at), reason.tick), reason.tick


def _row(project: Project, one: Recorded, snapshot: Snapshot, backfill_id: str | None) -> runs.NewRun:
    """A run to be recorded. One that is skipped has the key of the run that made the head, and so its parts and pins:
    they are not written again."""
    run = one.planned
    asset = project.catalogue.assets[run.asset]
    pins = () if run.state is RunState.SKIPPED else tuple(_pins(project, asset, run))
    start, end = interval(project.graph, run, snapshot)
    return runs.NewRun(
        id=one.id,
        asset_id=project.ids.assets[run.asset],
        state=require(None, run.state),
        key=run.key.digest,
        reason=run.reason.to_plain(),
        made_from={} if run.state is RunState.SKIPPED else run.key.parts,
        pins=pins,
        nominal_start=start,
        nominal_end=end,
        partition=run.partition,
        backfill_id=backfill_id,
    )


def _pins(project: Project, asset: Asset, run: PlannedRun) -> Iterator[runs.Pin]:
    for used in asset.inputs:
        heads = run.reads.get(used.parameter, {})
        if used.parameter in run.pins:
            heads = {"": run.pins[used.parameter], **heads}
        number = project.ids.datasets[used.uri]
        for key, head in heads.items():
            yield runs.Pin(used.parameter, number, head.version_id, head.event_id, key)


def _read(project: Project, recorded: Sequence[Recorded]) -> Iterator[tuple[int, str, int, str]]:
    """The events whose versions runs of partitions read: asset id, key, event id and run id of each."""
    for one in recorded:
        asset = project.catalogue.assets[one.planned.asset]
        for pin in _pins(project, asset, one.planned):
            yield project.ids.assets[asset.name], one.planned.partition, pin.event_id, one.id


def _claims(project: Project, plan: Plan, snapshot: Snapshot, recorded: Sequence[Recorded]) -> list[events.Claim]:
    """Everything that the plan takes, each dataset once for an asset: what a run takes is not given up besides."""
    taken: dict[tuple[str, str], events.Claim] = {}

    def take(asset: str, takes: Iterable[Taken], run_id: str | None, outcome: ConsumptionOutcome) -> None:
        number = project.ids.assets[asset]
        for uri, newest, count, about in takes:
            dataset = snapshot.datasets.get(uri) or project.ids.datasets[uri]
            taken.setdefault((asset, uri), events.Claim(number, dataset, newest, count, run_id, outcome, about))

    for one in recorded:
        if not one.planned.partition:
            take(one.planned.asset, one.planned.takes, one.id, ConsumptionOutcome.RUN)
    for confirmation in plan.confirmations:
        if not confirmation.partition:
            take(confirmation.asset, confirmation.takes, None, ConsumptionOutcome.CONFIRMED)
    for missed in plan.missed:
        take(missed.asset, missed.takes, None, ConsumptionOutcome.DROPPED)
    return list(taken.values())


def _links(project: Project, plan: Plan, snapshot: Snapshot, recorded: Sequence[Recorded]) -> list[Link]:
    """What partitions take, event by event."""
    runs_of = [(one.planned, one.id, ConsumptionOutcome.RUN) for one in recorded if one.planned.partition]
    others = [(one, None, ConsumptionOutcome.CONFIRMED) for one in plan.confirmations if one.partition]
    return [
        Link(
            asset_id=project.ids.assets[decision.asset],
            key=decision.partition,
            event_id=event.event_id,
            run_id=run_id,
            outcome=outcome if taken.about in (None, event.number) else ConsumptionOutcome.SUPERSEDED,
        )
        for decision, run_id, outcome in (*runs_of, *others)
        for taken in decision.takes
        for event in snapshot.events.get((decision.asset, decision.partition, taken.uri), ())
        if event.number <= taken.newest
    ]


def _confirm(
    project: Project, tx: Transaction, asset: str, key: str, snapshot: Snapshot, *, run_id: str | None, now: datetime
) -> list[str]:
    """The heads of the asset's outputs, or of a partition of them, published once more as `confirmed`."""
    if key:
        return _confirm_partition(project, tx, asset, key, snapshot, run_id=run_id, now=now)
    outputs = [uri for uri in project.catalogue.assets[asset].outputs if uri in snapshot.heads]
    for uri in outputs:
        head = snapshot.heads[uri]
        event = events.publish_event(
            tx,
            dataset_id=head.dataset_id,
            version_id=head.version_id,
            run_id=run_id,
            metadata=head.metadata,
            now=now,
        )
        if event.number != head.number + 1:
            raise _Overtaken
    return outputs


def _confirm_partition(
    project: Project, tx: Transaction, asset: str, key: str, snapshot: Snapshot, *, run_id: str | None, now: datetime
) -> list[str]:
    declared = project.catalogue.assets[asset]
    outputs = [uri for uri in declared.outputs if (uri, key) in snapshot.partitions]
    for uri in outputs:
        head = snapshot.partitions[uri, key]
        assert declared.partitions is not None, asset
        line, start, end = declared.partitions.place(key)
        event = publish_partition(
            tx,
            dataset_id=head.dataset_id,
            partition=PartitionAt(key=key, line=line, start=start, end=end),
            version_id=head.version_id,
            run_id=run_id,
            metadata=head.metadata,
            now=now,
            made=False,
        )
        if event.kind is not EventKind.CONFIRMED:
            raise _Overtaken
    return outputs
