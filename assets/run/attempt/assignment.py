"""An assignment: one run with everything that its attempt needs, so that an attempt asks the store for nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from ....storage.meta import runs, versions
from ....storage.meta.database.engine import Transaction
from ....storage.meta.partitions.heads import pinned_partitions
from ....storage.meta.versions import Head
from ....storage.types import RunState
from ...declare.catalogue import Asset
from ...plan.reasons import Reason
from ..planning.record import Recorded, interval
from ..planning.snapshot import Snapshot
from ..project.keys import in_order
from ..project.project import Project


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """One run.

    Attributes
    ----------
    state: in which it is now.
    attempt: the number of the attempt to come, from 1.
    partition: the key of what is made, of an asset that has partitions.
    inputs: parameter → what is pinned for it.
    several: parameter → key → what is pinned for it, in the order of the keys, where it reads several partitions.
    backfill_id: the backfill that asked for it, where one did.
    due: not before when it is tried again, where it waits for that; None: at once.
    """

    run_id: str
    asset: Asset
    state: RunState
    attempt: int
    reason: Reason
    made_from: Mapping[str, Any]
    inputs: Mapping[str, Head]
    materialization_id: str | None
    nominal: tuple[datetime | None, datetime | None]
    partition: str = ""
    several: Mapping[str, Mapping[str, Head]] = field(default_factory=dict[str, Mapping[str, Head]])
    backfill_id: str | None = None
    due: datetime | None = None

    @property
    def read(self) -> tuple[Head, ...]:
        """Every version that is read."""
        return (*self.inputs.values(), *(head for heads in self.several.values() for head in heads.values()))

    def again(self) -> Assignment:
        """The same run, waiting for another attempt."""
        return replace(self, state=RunState.UP_FOR_RETRY)


def assign(
    project: Project, one: Recorded, snapshot: Snapshot, *, materialization_id: str, backfill_id: str | None = None
) -> Assignment:
    """The assignment of a run that was just recorded from this snapshot."""
    asset, run = project.catalogue.assets[one.planned.asset], one.planned
    inputs = {used.parameter: snapshot.heads.get(used.uri) for used in asset.inputs if used.parameter in run.pins}
    pinned = {name: head for name, head in inputs.items() if head and head.event_id == run.pins[name].event_id}
    if len(pinned) < len(inputs):  # narrowed to what is not the newest: the snapshot has no manifests of those
        with project.store.read() as tx:
            pinned = versions.pinned_heads(tx, one.id)
    several: dict[str, Mapping[str, Head]] = {}
    if run.reads:
        with project.store.read() as tx:
            single, several = _partitions(project, tx, one.id, asset)
        pinned = {**pinned, **single}
    return Assignment(
        run_id=one.id,
        asset=asset,
        state=run.state,
        attempt=1,
        reason=run.reason,
        made_from=run.key.parts,
        inputs=pinned,
        materialization_id=materialization_id,
        nominal=interval(project.graph, run, snapshot),
        partition=run.partition,
        several=several,
        backfill_id=backfill_id,
    )


def resume(project: Project, tx: Transaction, run: runs.Run) -> Assignment | None:
    """The assignment of a run that an earlier process left behind, with the same pins; None when it cannot be
    resumed because its asset is gone, or its code or what it reads is another by now."""
    work = begun(project, tx, run)
    if work is None or run.made_from.get("code") != work.asset.code:
        return None
    return work if reads_the_same(work, run) else None


def reads_the_same(work: Assignment, run: runs.Run) -> bool:
    """Whether the asset still reads by each parameter what the run had pinned for it."""
    bound = {used.parameter: used.uri for used in work.asset.inputs}
    pinned = {parameter: head.uri for parameter, head in work.inputs.items()}
    pinned |= {parameter: next(iter(heads.values())).uri for parameter, heads in work.several.items()}
    return pinned.keys() == run.made_from.get("inputs", {}).keys() and pinned.items() <= bound.items()


def begun(project: Project, tx: Transaction, run: runs.Run) -> Assignment | None:
    """What an earlier process was to do in a run, as far as it is still declared; None when its asset is gone."""
    asset = project.catalogue.assets.get(run.asset)
    if asset is None:
        return None
    pins = versions.pinned_heads(tx, run.id)
    single, several = _partitions(project, tx, run.id, asset) if asset.name in project.reading.divided else ({}, {})
    pins = {**pins, **single}
    inputs = {parameter: head for parameter, head in pins.items() if head.uri in project.catalogue.datasets}
    return Assignment(
        run_id=run.id,
        asset=asset,
        state=run.state,
        attempt=run.attempts + 1,
        reason=Reason.from_plain(run.reason),
        made_from=run.made_from,
        inputs=inputs,
        materialization_id=run.materialization_id,
        nominal=(run.nominal_start, run.nominal_end),
        partition=run.partition,
        several=several,
        backfill_id=run.backfill_id,
        due=run.retry_at if run.state is RunState.UP_FOR_RETRY else None,
    )


def _partitions(
    project: Project, tx: Transaction, run_id: str, asset: Asset
) -> tuple[dict[str, Head], dict[str, Mapping[str, Head]]]:
    """What was pinned of datasets with partitions: where one is read, and where several are."""
    single: dict[str, Head] = {}
    several: dict[str, Mapping[str, Head]] = {}
    pinned = pinned_partitions(tx, run_id)
    for used in asset.inputs:
        partitions, heads = project.catalogue.datasets[used.uri].partitions, pinned.get(used.parameter)
        if partitions is None or not heads:
            continue
        if project.reading.relation(asset, used).single:
            (single[used.parameter],) = heads.values()
        else:
            several[used.parameter] = {key: heads[key] for key in in_order(partitions, heads)}
    return single, several
