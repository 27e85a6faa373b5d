"""After a crash: runs whose process is gone are tried again with the same pins, or ended with a reason.

Only a process of this host can be known to be gone. Runs of other hosts are left to them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ...storage.meta import materializations, runs
from ...storage.meta.database.bell import Topic, ring
from ...storage.meta.database.engine import Transaction
from ...storage.meta.database.engine import now as moment_of
from ...storage.meta.waiting_runs import at_work
from ...storage.types import AttemptOutcome, MaterializationState, ReasonKind, RunState
from ..plan.lifecycle import require
from ..plan.reasons import Reason
from .attempt.assignment import Assignment, begun, resume
from .attempt.delivery import send
from .attempt.publication import close, facts_at_the_end, last_word, stopped
from .attempt.sweeping import sweep_outputs
from .identity import gone
from .project.project import Project
from .project.trial import Trial, on_trial
from .tidying import tidy

MAX_LOST = 3
"""A run that lost so many workers fails for good: it may be what kills them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftBehind:
    """What dead processes left behind, as `recover` would see to it.

    Attributes
    ----------
    resumed: by asset and key, "" without partitions, of what a run would be tried again, and why it was made.
    given_up: the runs that would be ended, their events given back.
    """

    resumed: Mapping[str, Mapping[str, Reason]]
    given_up: tuple[runs.Run, ...]


def left_behind(project: Project) -> LeftBehind:
    """What `recover` would try again, and what it would end; nothing is written."""
    resumed: dict[str, dict[str, Reason]] = {}
    given_up: list[runs.Run] = []
    with project.store.read() as tx:
        if not _left(project, tx):
            return LeftBehind(resumed=resumed, given_up=())
    with on_trial(project) as trial:
        for run in _left(trial.project, trial.tx):
            if _resumed(trial.project, trial.tx, run) is None:
                given_up.append(run)
                continue
            why = Reason.from_plain(run.reason).text
            again = Reason(kind=ReasonKind.RETRY, detail=f"its process is gone; it was made for: {why}")
            resumed.setdefault(run.asset, {})[run.partition] = again
    return LeftBehind(resumed=resumed, given_up=tuple(given_up))


@contextmanager
def as_if_given_up(project: Project, left: LeftBehind, *, writing: bool = False) -> Generator[Trial]:
    """A trial in which what would be given up is ended already; with `writing` more can be written in it."""
    with on_trial(project, writing=writing or bool(left.given_up)) as trial:
        for run in left.given_up:
            moment = moment_of(trial.tx)
            new, fresh = _given_up(run), not _is_lost(run)
            _close(trial.project, trial.tx, run, new, stopped(""), fresh=fresh, now=moment)
        yield trial


def recover(project: Project) -> list[Assignment]:
    """What dead processes left behind, ready to be tried again; what cannot be tried again is ended.

    A run is tried again with the same pins, unless its asset is gone or its code has changed: then it is ended, and
    its events are pending again as if it had never been. First is cleaned up what their resources left over.
    """
    tidy(project)
    with project.store.read() as tx:
        left = [(run, _resumed(project, tx, run)) for run in _left(project, tx)]
        dead = [one.id for one in materializations.unfinished(tx, project.name) if gone(one.worker)]
    assignments: list[Assignment] = []
    for run, work in left:
        if work is None:
            _give_up(project, run)
        elif run.state is not RunState.RUNNING:
            assignments.append(work)
        elif _retry(project, run):
            assignments.append(work.again())
    _end_materializations(project, dead)
    return assignments


def _resumed(project: Project, tx: Transaction, run: runs.Run) -> Assignment | None:
    """The assignment of a run that is to be tried again; None when it is to be ended."""
    return None if _is_lost(run) else resume(project, tx, run)


def _is_lost(run: runs.Run) -> bool:
    return run.attempts >= MAX_LOST


def _sweep(project: Project, run: runs.Run) -> None:
    """Nothing is left of what the dead attempt staged."""
    asset = project.catalogue.assets.get(run.asset)
    if asset is not None:
        sweep_outputs(project, asset, run.id)


def _left(project: Project, tx: Transaction) -> list[runs.Run]:
    """The runs that nobody is at any more, and those that wait to be tried again; oldest first."""
    unfinished = runs.unfinished(tx, project.name)
    owners = materializations.by_id(tx, {run.materialization_id for run in unfinished if run.materialization_id})
    return [run for run in unfinished if run.state is RunState.UP_FOR_RETRY or _abandoned(run, owners)]


def _abandoned(run: runs.Run, owners: Mapping[str, materializations.Materialization]) -> bool:
    """Whether nobody is at the run any more: its worker, or before it had one, the materialization that planned it."""
    if run.worker is not None:
        return gone(run.worker)
    owner = owners.get(run.materialization_id or "")
    return owner is not None and (owner.ended_at is not None or gone(owner.worker))


def unclaimed(project: Project, names: Collection[str]) -> list[Assignment]:
    """Runs of these assets that a planner recorded for whoever comes first, ready to be tried; one whose code or inputs
    are others by now is given up, as if it had never been."""
    with project.store.read() as tx:
        left = [
            (run, resume(project, tx, run))
            for run in runs.unfinished(tx, project.name)
            if run.asset in names and run.state is RunState.SCHEDULED and run.materialization_id is None
        ]
    assignments: list[Assignment] = []
    for run, work in left:
        if work is None:
            superseded(project, run)
        else:
            assignments.append(work)
    return assignments


def unbegun(project: Project, backfill_id: str) -> Assignment | None:
    """The first run of a backfill that nobody has begun, whichever process planned it, ready to be tried: whoever
    claims it makes it. None when there is none. One whose code or inputs are others here is left to who planned it."""
    with project.store.read() as tx:
        left = (
            run
            for run in runs.unfinished(tx, project.name)
            if run.backfill_id == backfill_id and run.state is RunState.SCHEDULED
        )
        return next((work for run in left if (work := resume(project, tx, run)) is not None), None)


def superseded(project: Project, run: runs.Run) -> None:
    """A run whose code or inputs are others by now is ended as if it had never been."""
    _end(project, run, RunState.CANCELED, "its code or what it reads has changed since", fresh=True)


def cancel(project: Project, run: runs.Run, why: str) -> None:
    """A run that nobody is at is canceled; its events are pending again, and start nothing."""
    _end(project, run, RunState.CANCELED, why, fresh=False)


def lost(project: Project, run: runs.Run, *, canceled: bool = False) -> None:
    """The worker of a run is gone: it is given back, tried again, or ended."""
    if run.state is RunState.QUEUED:
        with project.store.write() as tx:
            new = require(run.state, RunState.SCHEDULED)
            runs.advance(tx, run.id, old=run.state, new=new, attempt=run.attempts, worker=None)
            ring(tx, Topic.WORKER)
    if run.state is not RunState.RUNNING:
        return
    if canceled:
        cancel(project, run, "somebody canceled it, and its worker had to be killed")
        return
    with project.store.read() as tx:
        work = _resumed(project, tx, run)
    if work is None:
        _give_up(project, run)
    else:
        _retry(project, run)


def reclaim(project: Project, is_silent: Callable[[str], bool]) -> int:
    """The runs of workers that are gone, or silent, are given back, tried again or ended; how many those were. What a
    dead materialization has planned is for workers."""
    with project.store.read() as tx:
        mine = [one for one in at_work(tx, project.name) if one.worker is not None]
        dead = [one.id for one in mine if gone(one.worker or "") or is_silent(one.worker or "")]
        over = [one.id for one in materializations.unfinished(tx, project.name) if gone(one.worker)]
        found = [run for one in dead if (run := runs.run(tx, one)) is not None]
    for run in found:
        lost(project, run)
    _end_materializations(project, over)
    return len(found)


def _end_materializations(project: Project, ids: Collection[str]) -> None:
    if not ids:
        return
    with project.store.write() as tx:
        for one in ids:
            materializations.end(tx, id=one, state=MaterializationState.FAILED, held={}, now=moment_of(tx))
        ring(tx, Topic.WORKER)


def release(project: Project, materialization_id: str) -> None:
    """Runs that a materialization planned and did not come to are canceled; their events are pending as before."""
    with project.store.read() as tx:
        left = [run for run in runs.unfinished(tx, project.name) if run.materialization_id == materialization_id]
    for run in left:
        if run.state is RunState.SCHEDULED:
            _end(project, run, RunState.CANCELED, "the materialization that planned it was stopped", fresh=True)


def _retry(project: Project, run: runs.Run) -> bool:
    """The lost attempt is over and the run waits for another; False when somebody else saw to it."""
    with project.store.write() as tx:
        new = require(run.state, RunState.UP_FOR_RETRY)
        if not runs.advance(tx, run.id, old=run.state, new=new, attempt=run.attempts):
            return False
        runs.end_attempt(tx, run.id, number=run.attempts, outcome=AttemptOutcome.LOST, now=moment_of(tx))
        ring(tx, Topic.WORKER)
        _sweep(project, run)  # before anybody else can claim it
    return True


def _give_up(project: Project, run: runs.Run) -> None:
    """End a run that cannot be tried again, and give its events back."""
    message = (
        f"its process ended without a word {run.attempts} times"
        if _is_lost(run)
        else "its process ended, and its code or what it reads has changed since"
    )
    _end(project, run, _given_up(run), message, fresh=not _is_lost(run))


def _given_up(run: runs.Run) -> RunState:
    return RunState.FAILED if run.state is RunState.RUNNING else RunState.CANCELED


def _end(project: Project, run: runs.Run, new: RunState, message: str, *, fresh: bool) -> None:
    """End a run that nobody is at, give its events back, and say so in lineage if it had started; an asset that is no
    longer declared has nothing more to say."""
    error = stopped(message)
    with project.store.read() as tx:
        work = begun(project, tx, run) if run.attempts else None
    facts = None if work is None else facts_at_the_end(project, work, error)
    with project.store.write() as tx:
        moment = moment_of(tx)
        if not _close(project, tx, run, new, error, fresh=fresh, now=moment):
            return
        if run.state is RunState.RUNNING:
            _sweep(project, run)
        if facts is not None:
            send(project, tx, run.id, last_word(facts, new, moment))


def _close(
    project: Project,
    tx: Transaction,
    run: runs.Run,
    new: RunState,
    error: Mapping[str, Any],
    *,
    fresh: bool,
    now: datetime,
) -> bool:
    asset = project.catalogue.assets.get(run.asset)
    return close(
        tx,
        run_id=run.id,
        asset_id=run.asset_id,
        attempt=run.attempts,
        old=run.state,
        new=new,
        outcome=AttemptOutcome.LOST,
        error=error,
        policies=None if asset is None else asset.policies,
        fresh=fresh,
        now=now,
        partition=run.partition,
    )
