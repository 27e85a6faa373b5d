"""Recording a plan: runs, pins, reasons and consumption in one write transaction, or nothing at all.

What the plan consumes must still be pending, and its assets still below their limits: otherwise somebody else was
faster, `record` answers None, and the caller loads a new snapshot and plans again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.exc import IntegrityError

from ...storage.meta import events, runs
from ...storage.meta.engine import Transaction
from ...storage.types import ConsumptionOutcome, RunState
from ..plan.lifecycle import require
from ..plan.planner import Plan, PlannedRun
from ..plan.taking import Taken
from .identity import new_id
from .project import Project
from .snapshot import Snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """A planned run under its id."""

    id: str
    planned: PlannedRun


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What was recorded: runs by their order in the plan, and the datasets that got an event of their own."""

    runs: tuple[Recorded, ...]
    confirmed: tuple[str, ...]


class _Overtaken(Exception):
    """Something that the plan consumes is no longer pending."""


def record(
    project: Project, plan: Plan, snapshot: Snapshot, *, materialization_id: str | None, now: datetime
) -> Record | None:
    """The plan as rows; None, with nothing written, when the facts it was made from no longer hold."""
    if not plan.runs and not plan.confirmations:
        return Record(runs=(), confirmed=())
    try:
        with project.store.write() as tx:
            return _record(project, tx, plan, snapshot, materialization_id=materialization_id, now=now)
    except (_Overtaken, IntegrityError):  # a tick or an event that somebody else took violates its key
        return None


def _record(
    project: Project, tx: Transaction, plan: Plan, snapshot: Snapshot, *, materialization_id: str | None, now: datetime
) -> Record:
    numbers = {run.asset: project.ids.assets[run.asset] for run in plan.runs}
    active = runs.active(tx, list(numbers.values()))
    for run in plan.runs:
        if active.get(numbers[run.asset], 0) >= project.catalogue.assets[run.asset].policies.max_active_runs:
            raise _Overtaken
    recorded = [Recorded(id=new_id(), planned=run) for run in plan.runs]
    runs.insert_runs(
        tx, [_row(project, one, snapshot) for one in recorded], materialization_id=materialization_id, now=now
    )
    claims = [
        claim
        for one in recorded
        for claim in _claims(project, one.planned.asset, one.planned.takes, one.id, ConsumptionOutcome.RUN)
    ]
    for confirmation in plan.confirmations:
        claims += _claims(project, confirmation.asset, confirmation.takes, None, ConsumptionOutcome.CONFIRMED)
    if not events.consume(tx, claims, now=now):
        raise _Overtaken
    events.consume_ticks(
        tx,
        [
            (numbers[one.planned.asset], one.id, label, tick)
            for one in recorded
            for label, tick in one.planned.ticks.items()
        ],
    )
    confirmed: list[str] = []
    for one in recorded:
        if one.planned.state is RunState.SKIPPED and one.planned.takes:
            # News that changed nothing travels on as `confirmed`, so that nobody downstream waits for it for ever.
            confirmed += _confirm(project, tx, one.planned.asset, snapshot, run_id=one.id, now=now)
    for confirmation in plan.confirmations:
        confirmed += _confirm(project, tx, confirmation.asset, snapshot, run_id=None, now=now)
    return Record(runs=tuple(recorded), confirmed=tuple(confirmed))


def interval(run: PlannedRun, snapshot: Snapshot) -> tuple[datetime | None, datetime | None]:
    """The interval (last consumed tick, this tick] that a run covers; (None, None) when no tick is its cause."""
    tick, own = run.reason.tick, snapshot.state.assets[run.asset]
    if tick is None:
        return None, None
    return min(max(own.ticks.values(), default=own.registered_at), tick), tick


def _row(project: Project, one: Recorded, snapshot: Snapshot) -> runs.NewRun:
    """A run to be recorded. One that is skipped has the key of the run that made the head, and so its parts and pins:
    they are not written again."""
    run, heads = one.planned, snapshot.heads
    asset = project.catalogue.assets[run.asset]
    pins = tuple(
        runs.Pin(
            parameter=used.parameter,
            dataset_id=heads[used.uri].dataset_id,
            version_id=heads[used.uri].version_id,
            event_id=heads[used.uri].event_id,
        )
        for used in asset.inputs
        if used.parameter in run.pins and run.state is not RunState.SKIPPED
    )
    start, end = interval(run, snapshot)
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
    )


def _claims(
    project: Project, asset: str, takes: tuple[Taken, ...], run_id: str | None, outcome: ConsumptionOutcome
) -> list[events.Claim]:
    return [
        events.Claim(
            asset_id=project.ids.assets[asset],
            dataset_id=project.ids.datasets[taken.uri],
            up_to=taken.newest,
            expected=taken.count,
            run_id=run_id,
            outcome=outcome,
        )
        for taken in takes
    ]


def _confirm(
    project: Project, tx: Transaction, asset: str, snapshot: Snapshot, *, run_id: str | None, now: datetime
) -> list[str]:
    """The heads of the asset's outputs, published once more as `confirmed`."""
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
