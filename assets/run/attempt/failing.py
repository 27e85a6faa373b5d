"""An attempt that ended with an error: its run is to be tried again, or fails. What decides is `assets/plan/retry.py`;
here it is asked and done, in the name of the attempt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from random import random
from typing import Any

from ....storage.errors import DatabaseFault
from ....storage.files.faults import lacks_room
from ....storage.meta import runs
from ....storage.meta.attempts import end_attempt, tried
from ....storage.meta.database.bell import Topic, ring
from ....storage.meta.database.engine import Transaction
from ....storage.meta.database.engine import now as moment_of
from ....storage.types import AttemptOutcome, RunState
from ...plan.clocks import Course, overdue
from ...plan.lifecycle import require
from ...plan.retry import Again, GivenUp, Tried, after_error, after_loss, after_prevention
from ..progress import Outcome
from ..project.inherited import retries_of, timeouts_of
from ..project.project import Project
from .assignment import Assignment
from .fencing import fence_of
from .publication import end, timed_out


def is_prevented(error: BaseException) -> bool:
    """Whether the machine did not let an attempt go on: a full disk, or a metadata store that cannot be used. That is
    no fault of the producer, and may be over in a moment."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, DatabaseFault) or lacks_room(seen):
            return True
        seen = seen.__cause__
    return False


def tried_so_far(tx: Transaction, run_id: str, *, failed: int = 0, lost: int = 0, prevented: int = 0) -> Tried:
    """How the run's tries have ended, and these besides, which have not been written down yet."""
    counts = tried(tx, run_id)
    return Tried(
        failed=counts.get(AttemptOutcome.FAILED, 0) + failed,
        lost=counts.get(AttemptOutcome.LOST, 0) + lost,
        prevented=counts.get(AttemptOutcome.PREVENTED, 0) + prevented,
    )


def fail(
    project: Project,
    work: Assignment,
    error: Mapping[str, Any],
    *,
    fresh: bool = False,
    prevented: bool = False,
    at: datetime | None = None,
) -> Again | GivenUp | None:
    """The attempt is over: its run waits for the next one, with its events and pins; or it fails, as `end` says. None,
    with nothing written, when the attempt was not the run's any more.

    With `fresh`, it is as if the run had never been, and there is no other attempt. `prevented`: by the machine, which
    counts in no budget.
    """
    after: Again | GivenUp = GivenUp()
    if not fresh:
        with project.store.read() as tx:
            after = _after(project, tx, work, error, prevented=prevented, now=at or moment_of(tx))
    if isinstance(after, Again):
        outcome = AttemptOutcome.PREVENTED if prevented else AttemptOutcome.FAILED
        return after if try_again(project, work, after, error, outcome=outcome, at=at) else None
    told = {**error, "gave_up": after.why} if after.why else error
    return after if end(project, work, RunState.FAILED, told, fresh=fresh, at=at) else None


def _after(
    project: Project, tx: Transaction, work: Assignment, error: Mapping[str, Any], *, prevented: bool, now: datetime
) -> Again | GivenUp:
    run = runs.run(tx, work.run_id)
    since = moment_of(tx) if run is None else run.created_at
    timeouts = timeouts_of(project, work.asset)
    if prevented:
        return after_prevention(tried_so_far(tx, work.run_id, prevented=1), now=now, timeouts=timeouts, since=since)
    return after_error(
        retries_of(project, work.asset),
        tried_so_far(tx, work.run_id, failed=1),
        error,
        now=now,
        drawn=random(),  # noqa: S311  no secret: it spreads load
        timeouts=timeouts,
        since=since,
    )


def try_again(
    project: Project,
    work: Assignment,
    after: Again,
    error: Mapping[str, Any],
    *,
    outcome: AttemptOutcome = AttemptOutcome.FAILED,
    at: datetime | None = None,
) -> bool:
    """The run waits until another try is due; False when it was not this attempt's any more."""
    new = require(RunState.RUNNING, RunState.UP_FOR_RETRY)
    with project.store.write() as tx:
        if not runs.advance(tx, work.run_id, old=RunState.RUNNING, new=new, fence=fence_of(work), retry_at=after.at):
            return False
        now = at or moment_of(tx)
        end_attempt(tx, work.run_id, number=work.attempt, outcome=outcome, now=now, error=error)
        run = runs.run(tx, work.run_id)
        if run is not None:
            project.announcer.retrying(tx, run, next_at=after.at, error=error, now=now)
        ring(tx, Topic.WORKER)
    return True


def after_loss_of(
    project: Project, tx: Transaction, run: runs.Run, now: datetime, *, prevented: bool = False
) -> Again | GivenUp:
    """What follows the attempt at which a run is, if that is lost now, or found to be `prevented` by the machine."""
    asset = project.catalogue.assets.get(run.asset)
    if prevented:
        tried = tried_so_far(tx, run.id, prevented=1)
        return after_prevention(tried, now=now, timeouts=timeouts_of(project, asset), since=run.created_at)
    return after_loss(
        retries_of(project, asset),
        tried_so_far(tx, run.id, lost=1),
        now=now,
        timeouts=timeouts_of(project, asset),
        since=run.created_at,
    )


def expired(project: Project, work: Assignment) -> Outcome | None:
    """What became of a run whose clock has run out before this attempt began: it has failed. None where none has, or
    somebody else has the run."""
    timeouts = timeouts_of(project, work.asset)
    if timeouts.queue is None and timeouts.total is None:
        return None
    with project.store.read() as tx:
        run, now = runs.run(tx, work.run_id), moment_of(tx)
    if run is None or run.state is not work.state:
        return None
    course = Course(state=run.state, planned_at=run.created_at, retry_at=run.retry_at)
    found = overdue(timeouts, course, now)
    if found is None:
        return None
    error = timed_out(f"{found.why} ({found.clock})")
    if not end(project, replace(work, attempt=work.attempt - 1), RunState.FAILED, error, old=work.state):
        return None
    return Outcome(
        asset=work.asset.name,
        run_id=work.run_id,
        state=RunState.FAILED,
        reason=work.reason,
        error=error,
        partition=work.partition,
    )
