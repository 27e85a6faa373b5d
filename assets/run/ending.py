"""Runs that nobody is at are ended: given up, canceled, or as if they had never been. Whoever calls has decided so."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ...storage.meta import runs
from ...storage.meta.database.engine import Transaction
from ...storage.meta.database.engine import now as moment_of
from ...storage.meta.runs import Fence
from ...storage.types import AttemptOutcome, RunState
from .attempt.assignment import begun
from .attempt.delivery import send
from .attempt.publication import close, facts_at_the_end, last_word, stopped
from .attempt.sweeping import sweep_outputs
from .project.project import Project

SUPERSEDED = "its code or what it reads has changed since"
OTHERS = "its process ended, and its code or what it reads has changed since"


def end_run(
    project: Project,
    run: runs.Run,
    new: RunState,
    error: Mapping[str, Any],
    *,
    fresh: bool,
    exit_code: int | None = None,
    signal: int | None = None,
) -> None:
    """End a run that nobody is at, give its events back, and say so in lineage if it had started; an asset that is no
    longer declared has nothing more to say. `exit_code` and `signal` are how the process of its attempt ended."""
    with project.store.read() as tx:
        work = begun(project, tx, run) if run.attempts else None
    facts = None if work is None else facts_at_the_end(project, work, error)
    with project.store.write() as tx:
        moment = moment_of(tx)
        if not close_run(project, tx, run, new, error, fresh=fresh, now=moment, exit_code=exit_code, signal=signal):
            return
        if run.state is RunState.RUNNING:
            sweep_run(project, run)
        if facts is not None:
            send(project, tx, run.id, last_word(facts, new, moment))


def close_run(
    project: Project,
    tx: Transaction,
    run: runs.Run,
    new: RunState,
    error: Mapping[str, Any],
    *,
    fresh: bool,
    now: datetime,
    exit_code: int | None = None,
    signal: int | None = None,
) -> bool:
    """The part of it that is written in one transaction; False when somebody else saw to the run."""
    asset = project.catalogue.assets.get(run.asset)
    return close(
        tx,
        run_id=run.id,
        asset_id=run.asset_id,
        attempt=run.attempts,
        old=run.state,
        new=new,
        outcome=AttemptOutcome.CANCELED if new is RunState.CANCELED else AttemptOutcome.LOST,
        error=error,
        policies=None if asset is None else asset.policies,
        fresh=fresh,
        now=now,
        partition=run.partition,
        fence=Fence(run.attempts, run.worker),
        exit_code=exit_code,
        signal=signal,
        asset=run.asset,
        announcer=project.announcer,
    )


def superseded(project: Project, run: runs.Run) -> None:
    """A run whose code or inputs are others by now is ended as if it had never been."""
    end_run(project, run, RunState.CANCELED, stopped(SUPERSEDED), fresh=True)


def cancel(project: Project, run: runs.Run, why: str) -> None:
    """A run that nobody is at is canceled; its events are pending again, and start nothing."""
    end_run(project, run, RunState.CANCELED, stopped(why), fresh=False)


def release(project: Project, materialization_id: str) -> None:
    """Runs that a materialization planned and did not come to are canceled; their events are pending as before."""
    with project.store.read() as tx:
        left = [run for run in runs.unfinished(tx, project.name) if run.materialization_id == materialization_id]
    for run in left:
        if run.state is RunState.SCHEDULED:
            why = stopped("the materialization that planned it was stopped")
            end_run(project, run, RunState.CANCELED, why, fresh=True)


def sweep_run(project: Project, run: runs.Run) -> None:
    """Nothing is left of what the dead attempt staged."""
    asset = project.catalogue.assets.get(run.asset)
    if asset is not None:
        sweep_outputs(project, asset, run.id)
