"""What becomes of a run whose process is gone, said by the worker that had handed it out: nobody else can say it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from time import monotonic
from typing import Literal

from ....storage.meta import cancellations, runs
from ....storage.meta.database.engine import now as moment_of
from ....storage.types import FINAL_STATES, AttemptOutcome, RunState
from ...plan.clocks import Course, first_to_end
from ..attempt.assignment import begun
from ..attempt.failing import fail
from ..attempt.publication import timed_out
from ..ending import cancel, sweep_run
from ..project.inherited import timeouts_of
from ..project.project import Project
from ..recovery import Death, lose


@dataclass(kw_only=True)
class Active:
    """A run that was handed out.

    Attributes
    ----------
    begun: when it was handed out, by `monotonic`.
    ends: when its clocks run out, by `monotonic`; None: never.
    asked: when it was asked to end, by `monotonic`; None: it was not.
    clock: which of its clocks that is, and how long it allows.
    late: whether it was killed because that had run out and it had not ended by itself.
    given_up: whether it was killed because the run had gone on without it.
    """

    run: runs.Run
    begun: float = field(default_factory=monotonic)
    ends: float | None = None
    clock: str = ""
    asked: float | None = None
    late: bool = False
    given_up: bool = False

    @property
    def ended_for(self) -> str:
        """Why its worker has killed it; "" where it has not."""
        if self.given_up:
            return "it was given up for lost"
        if self.asked is not None:
            return "somebody canceled it"
        return self.clock if self.late else ""


def handed_out(project: Project, run: runs.Run) -> Active:
    """The run is at work from now on, as long as its timeouts allow."""
    timeouts = timeouts_of(project, project.catalogue.assets.get(run.asset))
    if timeouts.run is None and timeouts.total is None:
        return Active(run=run)
    with project.store.read() as tx:
        now = moment_of(tx)
    course = Course(state=RunState.RUNNING, planned_at=run.created_at, started_at=now)
    ends = first_to_end(timeouts, course, now)
    if ends is None:
        return Active(run=run)
    left, clock = ends
    return Active(run=run, ends=monotonic() + left.total_seconds(), clock=clock)


def settle(project: Project, worker: str, one: Active, death: Death) -> Literal[AttemptOutcome.LOST] | RunState | None:
    """The process of a run is gone: it was canceled, is tried again, or has failed; nothing, if it had ended before.
    Where it stands then; that this try was lost, where the run had gone on without it."""
    with project.store.read() as tx:
        run = runs.run(tx, one.run.id)
        work = None if run is None or run.state is not RunState.RUNNING else begun(project, tx, run)
    lost = run is not None and (run.worker != worker or run.attempts > one.run.attempts + 1)
    if run is not None and run.state not in FINAL_STATES and not lost:
        if run.state is RunState.RUNNING and one.asked is not None:
            cancel(project, run, "somebody canceled it, and its process had to be killed")
        elif work is not None and one.late:
            error = {**timed_out(f"{death.why}; it did not end by itself"), "trace": death.tail}
            fail(project, replace(work, attempt=run.attempts), error)
            sweep_run(project, run)
        else:
            lose(project, run, death)
    if one.asked is not None:
        with project.store.write() as tx:
            cancellations.forget(tx, [one.run.id])
    if lost:
        return AttemptOutcome.LOST
    with project.store.read() as tx:
        after = runs.run(tx, one.run.id)
    return None if after is None else after.state
