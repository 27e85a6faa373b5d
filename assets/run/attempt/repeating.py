"""The attempts of a run inline, one after the other, until it has ended: between two of them the process waits.

Ctrl-C, or SIGTERM, ends the wait at once and cancels the run. Killed while it waits, it leaves a run that the next
process takes over when it is due.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from time import monotonic, sleep

from ....storage.meta import runs
from ....storage.meta.attempts import attempts_of
from ....storage.meta.database.engine import now as moment_of
from ....storage.types import RunState
from ..progress import Listener, Outcome, Retrying, Started, silent
from ..project.project import Project
from .assignment import Assignment
from .failing import expired
from .publication import describe, end
from .worker import attempt

_LOOK = 1.0
"""Seconds between two looks at a run that is waited for: somebody may cancel it, or take it over."""


def attempts(
    project: Project,
    work: Assignment,
    *,
    anew: bool = False,
    rerun: bool = False,
    claimed: Callable[[], None] | None = None,
    tell: Listener = silent,
) -> Outcome | None:
    """Try the run until it has ended, with the same pins each time; None when another worker has it, or it was given
    up. `anew`, `rerun` and `claimed` are those of `attempt`.

    Raises
    ------
    KeyboardInterrupt: while it was at work or waited; the run is canceled.
    """
    if work.due is not None and not _wait(project, work, tell):
        return None
    while True:
        late = expired(project, work)
        if late is not None:
            return late
        outcome = attempt(project, work, anew=anew, rerun=rerun, claimed=claimed, tell=tell)
        if outcome is None or outcome.again is None:
            return outcome
        again = outcome.again
        work = replace(work, state=RunState.UP_FOR_RETRY, attempt=work.attempt + 1, due=again.at)
        if not _wait(project, work, tell, number=again.number, of=again.of):
            return None
        tell(Started(asset=work.asset.name, run_id=work.run_id, reason=work.reason, partition=work.partition))
        claimed = None


def _wait(
    project: Project, work: Assignment, tell: Listener, *, number: int | None = None, of: int | None = None
) -> bool:
    """Whether the run is still to be tried when it is due."""
    try:
        return _waited(project, work, tell, number=number, of=of)
    except BaseException as error:
        before = replace(work, attempt=work.attempt - 1)
        end(project, before, RunState.CANCELED, describe(error), old=RunState.UP_FOR_RETRY)
        raise


def _waited(project: Project, work: Assignment, tell: Listener, *, number: int | None, of: int | None) -> bool:
    with project.store.read() as tx:
        seconds = 0.0 if work.due is None else max((work.due - moment_of(tx)).total_seconds(), 0.0)
        last = attempts_of(tx, work.run_id)[-1:]
    until = monotonic() + seconds  # a clock of the wall that is set meanwhile changes nothing
    error = (last[0].error if last else None) or {}
    tell(
        Retrying(
            asset=work.asset.name,
            run_id=work.run_id,
            partition=work.partition,
            seconds=seconds,
            error=error,
            number=number,
            of=of,
        )
    )
    while True:
        with project.store.read() as tx:
            run = runs.run(tx, work.run_id)
        if run is None or run.state is not RunState.UP_FOR_RETRY or run.attempts != work.attempt - 1:
            return False
        left = until - monotonic()
        if left <= 0:
            return True
        sleep(min(left, _LOOK))
