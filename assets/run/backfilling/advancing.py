"""Going on with a backfill, a step at a time: what comes next of it is planned, or what that waits for is told.

A chunk is gone through partition by partition, upstream first. What can be planned is what reads nothing that is not
seen to; of that the first is planned, together with what else of its asset can be. Once all of a chunk is seen to, the
cursor moves behind it. The cursor never moves past what is not done, and what is done is known from the runs: so
whoever comes after a crash makes the rest alone, and any number of processes may go on with one backfill.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any

from ....storage.errors import Bug
from ....storage.meta import catalogue, runs
from ....storage.meta.backfills import backfills, made
from ....storage.meta.backfills.backfills import Backfill
from ....storage.meta.database.engine import Transaction
from ....storage.meta.database.engine import now as moment_of
from ....storage.meta.partitions.states import failed_among
from ....storage.types import BackfillState, ReasonKind, Reprocess, RunState
from ...plan.backfills.choosing import Choice, Facts, choose
from ...plan.backfills.frontier import Frontier, Item
from ...plan.backfills.lifecycle import ended
from ...plan.backfills.scope import asset_ids
from ...plan.planner import Held, Plan, plan
from ...plan.state import Request
from ..planning.omitted import omitted_in_turn
from ..planning.record import Record, record
from ..planning.refusing import Refusals, fault
from ..planning.snapshot import AskedPartitions, Snapshot, load
from ..project.keys import known_at
from ..project.project import Project
from .chunks import AT_ONCE, Chunk, chunk_after
from .leaving import Left, left_of
from .suppressing import give_news_back
from .terms import Terms, is_declared, terms_of


class StepKind(Enum):
    """What a step came to."""

    PLANNED = "planned"  # runs were recorded, which somebody has to make
    WAITING = "waiting"  # for runs of it that have not ended
    MOVED = "moved"  # a chunk is done
    OVER = "over"  # it has ended, is paused or canceled


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of a backfill.

    Attributes
    ----------
    state: where it stands afterwards.
    record, snapshot: what was planned, and from what.
    held: what could not be made of a chunk that is done; spared: what of it was left alone, by asset and key.
    """

    kind: StepKind
    state: BackfillState
    record: Record | None = None
    snapshot: Snapshot | None = None
    held: tuple[Held, ...] = ()
    spared: Mapping[tuple[str, str], str] = field(default_factory=dict[tuple[str, str], str])


class _Stopped(Exception):
    """The backfill is paused or over, or has as many active runs as it may: nothing is recorded."""


_KEPT = 100
"""Reasons why partitions were held that are kept with a backfill; how many were is counted beyond that."""


def advance(project: Project, backfill_id: str, *, materialization_id: str | None) -> Step:
    """Plan what comes next of a backfill, or move its cursor, or end it.

    Parameters
    ----------
    materialization_id: what the runs are to be part of; None: they are for whoever comes first.

    Raises
    ------
    Bug: the same plan was refused again and again, while nobody changed anything it is about.
    """
    begun = look_at(project, backfill_id)
    return begun if isinstance(begun, Step) else begun.plan(materialization_id)


def look_at(project: Project, backfill_id: str, *, again: Collection[Item] = ()) -> Going | Step:
    """The chunk that a backfill has come to, to be gone through; the last step, where there is none any more.

    Parameters
    ----------
    again: partitions that are to be made once more, although a run of the backfill failed.
    """
    with project.store.read() as tx:
        row = backfills.backfill(tx, backfill_id)
        if row is None or row.state is not BackfillState.RUNNING:
            return Step(kind=StepKind.OVER, state=BackfillState.CANCELED if row is None else row.state)
        terms = terms_of(project, row)
        known = known_at(project, tx, moment_of(tx), named=terms.named)
        chunk = chunk_after(project, row, terms, known)
        failed = {} if chunk is None else _failed_before(project, tx, row, chunk)
    if chunk is None:
        return _end(project, row, terms)
    frontier = Frontier(chunk.reads)
    return Going(project=project, row=row, terms=terms, chunk=chunk, again=again, frontier=frontier, failed=failed)


def _failed_before(project: Project, tx: Transaction, row: Backfill, chunk: Chunk) -> dict[str, set[str]]:
    """Of what a chunk reads and was seen to before it, what failed: that holds back whatever reads it."""
    failed: dict[str, set[str]] = {}
    for name, keys in chunk.before.items():
        states = made.states_of(tx, row.id, project.ids.assets[name], sorted(keys))
        failed[name] = {key for key, state in states.items() if state is RunState.FAILED}
    return failed


def unfinished(project: Project, tx: Transaction) -> list[Backfill]:
    """The backfills that wait for somebody who makes their partitions, and whose assets are declared here, oldest
    first."""
    left = [row for row in backfills.unfinished(tx, project.name) if row.state is BackfillState.RUNNING]
    return [row for row in left if is_declared(project, row)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """What came of planning backfills: how many runs were recorded, and what stopped one of them, if anything did."""

    runs: int
    broken: Bug | None = None


def plan_backfills(project: Project) -> Planned:
    """Record what comes next of every backfill that is running, for whoever comes first. A backfill of which runs have
    not ended waits for these; one whose plan is refused again and again stops none but itself. One of an asset that is
    registered with another definition is left to those who know that: it says which of its keys are partitions."""
    found, broken = 0, None
    with project.store.read() as tx:
        left = [row.id for row in unfinished(project, tx) if _is_ours(project, tx, row)]
    for backfill_id in left:
        try:
            step = advance(project, backfill_id, materialization_id=None)
            while step.kind is StepKind.MOVED or (step.record is not None and not _scheduled(step.record)):
                step = advance(project, backfill_id, materialization_id=None)
        except Bug as error:
            broken = error
            continue
        found += 0 if step.record is None else len(step.record.runs)
    return Planned(runs=found, broken=broken)


def _is_ours(project: Project, tx: Transaction, row: Backfill) -> bool:
    """Whether every asset that a backfill is of is registered as it is defined here."""
    registered = catalogue.definitions_of(tx, asset_ids(row.scope))
    return all(project.decides_for(one, digest) for one, digest in registered.items())


def _scheduled(record: Record) -> bool:
    """Whether somebody has something to make of it; what is unchanged is skipped at once."""
    return any(one.planned.state is RunState.SCHEDULED for one in record.runs)


@dataclass(kw_only=True)
class Going:
    """One chunk that a process goes through. What other processes make of it meanwhile is seen when it is looked at
    anew."""

    project: Project
    row: Backfill
    terms: Terms
    chunk: Chunk
    again: Collection[Item]
    frontier: Frontier
    held: list[Held] = field(default_factory=list[Held])
    spared: dict[Item, str] = field(default_factory=dict[Item, str])
    failed: dict[str, set[str]] = field(default_factory=dict[str, set[str]])
    refusals: Refusals = field(default_factory=Refusals)

    def plan(self, materialization_id: str | None) -> Step:
        """Plan the first partitions that can be, and what else of their asset can be; or the end of the chunk.

        Raises
        ------
        Bug: as `advance`.
        """
        while not self.frontier.over:
            if self.frontier.first is None:
                return self._step(StepKind.WAITING)
            step = self._portion(materialization_id)
            if step is not None:
                return step
        return self._move()

    def ended(self, name: str, key: str, state: RunState) -> None:
        """A run of one of its partitions has ended so."""
        if state is RunState.FAILED:
            self.failed.setdefault(name, set()).add(key)
        self.frontier.see_to(name, [key])

    def _portion(self, materialization_id: str | None) -> Step | None:
        """A portion on one snapshot: planned, or waiting; None when nothing of it was to be made, or somebody was
        faster."""
        with self.project.store.read() as tx:
            room = self._room(tx)
            if room is not None and room <= 0:
                return self._step(StepKind.WAITING)
            name, keys = self.frontier.take(AT_ONCE)
            choice = self._choice(tx, name, keys)
            snapshot = self._load(tx, name, choice.make) if choice.make else None
        self.spared |= {(name, key): why for key, why in choice.spared.items()}
        self.frontier.see_to(name, (*choice.done, *choice.spared))
        if snapshot is None:
            return None
        decided = plan(self.project.graph, snapshot.state, snapshot.at)
        return self._record(name, choice.make, decided, snapshot, room=room, materialization_id=materialization_id)

    def _record(
        self,
        name: str,
        keys: Sequence[str],
        decided: Plan,
        snapshot: Snapshot,
        *,
        room: int | None,
        materialization_id: str | None,
    ) -> Step | None:
        """What was decided of a portion is recorded, as much as may be active; what is held is seen to."""
        now, later = decided.runs[:room], decided.runs[len(decided.runs[:room]) :]
        done: Record | None = None
        if now:
            try:
                done = record(
                    self.project,
                    replace(decided, runs=now, missed=()),
                    snapshot,
                    materialization_id=materialization_id,
                    now=snapshot.at,
                    beside=self._require_running,
                    backfill_id=self.row.id,
                )
            except _Stopped:
                self.frontier.give_back(name, keys)
                return self._step(StepKind.WAITING)
            if done is None:
                self.frontier.give_back(name, keys)
                if self.refusals.endless(decided):
                    raise fault({name: decided})
                return None
        self.held += decided.held
        active = {run.partition for run in decided.runs if run.state is RunState.SCHEDULED}
        self.frontier.give_back(name, (run.partition for run in later))
        left = {run.partition for run in later}
        self.frontier.see_to(name, (key for key in keys if key not in active and key not in left))
        return None if done is None else replace(self._step(StepKind.PLANNED), record=done, snapshot=snapshot)

    def _room(self, tx: Transaction) -> int | None:
        """How many more runs may be active; None: any number."""
        most = self.row.max_active_runs
        return None if most is None else most - made.count_active(tx, self.row.id)

    def _choice(self, tx: Transaction, name: str, keys: Sequence[str]) -> Choice:
        """What is to be done with these keys."""
        project, ids, part = self.project, self.project.ids, self.terms.scope[name]
        number, outputs = ids.assets[name], project.catalogue.assets[name].outputs
        again = {key for key in keys if (name, key) in self.again}
        own = made.states_of(tx, self.row.id, number, keys)
        own = {key: state for key, state in own.items() if key not in again}
        self.failed.setdefault(name, set()).update(key for key, state in own.items() if state is RunState.FAILED)
        rest = [key for key in keys if key not in own or own[key] is RunState.CANCELED]
        asks = rest and self.row.reprocess is not Reprocess.ALL and not part.news
        facts = Facts(
            made=made.made_among(tx, [ids.datasets[uri] for uri in outputs], rest) if asks else (),
            failed=failed_among(tx, number, rest) - again if asks else (),
            active=runs.active_among(tx, number, rest),
            own=own,
        )
        return choose(keys, self.row.reprocess, facts, news=part.news)

    def _load(self, tx: Transaction, name: str, keys: Sequence[str]) -> Snapshot:
        """How the partitions that are to be made stand, in the snapshot in which they were chosen: whoever plans the
        asset meanwhile is noticed when they are recorded."""
        forced = self.row.reprocess is Reprocess.ALL and not self.terms.scope[name].news
        assets = self.project.catalogue.assets
        omitted = (omitted_in_turn(assets[one.asset], one.partition, one.reason) for one in self.held)
        return load(
            self.project,
            tx,
            [name],
            requests={name: Request(nonce=self.row.id if forced else None, backfill=True)},
            partitions=AskedPartitions(keys={name: keys}, named=self.terms.named, failed=self.failed),
            left_out={which: why for each in omitted for which, why in each.items()},
        )

    def _require_running(self, tx: Transaction) -> None:
        """Within the transaction that records runs, and after them."""
        limit = self.row.max_active_runs
        if backfills.state_of(tx, self.row.id) is not BackfillState.RUNNING:
            raise _Stopped
        if limit is not None and made.count_active(tx, self.row.id) > limit:
            raise _Stopped

    def _move(self) -> Step:
        scope = self.terms.scope
        # Nobody asked for these, or their producers said that there is nothing to be made: they are no failure.
        left = [one for one in self.held if scope[one.asset].news or one.reason.kind is ReasonKind.LEFT_OUT]
        lacking = [one for one in self.held if one not in left]
        # What failed upstream holds back is not started by the rest of what it reads; it has news once that is made.
        free = [one for one in left if one.reason.detail or one.reason.kind is not ReasonKind.UPSTREAM_FAILED]
        freed = [*((one.asset, one.partition) for one in free), *self.spared]
        with self.project.store.write() as tx:
            done = _moved(
                tx,
                self.row,
                cursor=self.chunk.cursor,
                looked=self.chunk.count,
                held=[*lacking, *left],
                count=len(lacking),
                spared=len(self.spared) + len(left),
            )
            if done:
                give_news_back(self.project, tx, self.row.id, (one for one in freed if scope[one[0]].news))
        return replace(self._step(StepKind.MOVED), held=tuple(self.held), spared=self.spared)

    def _step(self, kind: StepKind) -> Step:
        return Step(kind=kind, state=self.row.state)


def _end(project: Project, row: Backfill, terms: Terms) -> Step:
    """Everything was looked at: it has ended, well or not. What is no partition any more is held."""
    with project.store.write() as tx:
        left = sorted(left_of_scope(project, tx, row, terms), key=lambda one: one.lasting.news)
        count, spared = (sum(one.count for one in left if one.lasting.news is news) for news in (False, True))
        held = tuple(
            Held(asset=one.asset, reason=one.lasting.reason, partition=key) for one in left for key in one.keys
        )[: _room(row)]
        looked = max(0, row.total - row.looked)  # what is gone has no place in a chunk
        if terms.gone and not _moved(tx, row, cursor=row.cursor, looked=looked, held=held, count=count, spared=spared):
            return Step(kind=StepKind.MOVED, state=row.state)  # somebody else has: look again
        failed = made.tally(made.counts_of(tx, row.id))[RunState.FAILED]
        state = ended(failed=failed, held=row.held + count)
        if not backfills.change(tx, row.id, old=row.state, new=state, ended_at=moment_of(tx)):
            state = backfills.state_of(tx, row.id) or row.state
    return Step(kind=StepKind.OVER, state=state, held=held)


def left_of_scope(project: Project, tx: Transaction, row: Backfill, terms: Terms) -> Iterator[Left]:
    """What a backfill was asked for, is no partition any more, and was not seen to, asset by asset."""
    ids, assets = project.ids, project.catalogue.assets
    for name, gone in terms.gone.items():
        datasets = [ids.datasets[uri] for uri in assets[name].outputs]
        found = left_of(tx, row, gone, asset=name, asset_id=ids.assets[name], dataset_ids=datasets)
        if found is not None:
            yield found


def _room(row: Backfill) -> int:
    """How many more reasons are kept with a backfill."""
    return max(0, _KEPT - len(row.reasons))


def _moved(
    tx: Transaction,
    row: Backfill,
    *,
    cursor: Mapping[str, Any] | None,
    looked: int,
    held: Sequence[Held],
    count: int,
    spared: int = 0,
) -> bool:
    """So many were looked at, of which `count` are held that were asked for, and others, the first for these reasons;
    False when somebody was faster."""
    return backfills.move(
        tx,
        row,
        cursor=cursor,
        looked=looked,
        spared=spared,
        held=count,
        reasons={f"{one.asset} {one.partition}": one.reason.to_plain() for one in held[: _room(row)]},
    )
