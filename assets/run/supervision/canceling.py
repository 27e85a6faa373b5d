"""Canceling a run, wherever it stands.

Nobody is at it: it is ended at once. A worker is at it: that is asked, and ends its process with everything that this
has started; whoever is at it in a `materialize` of this machine gets SIGTERM, which ends that in order.
"""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass
from enum import StrEnum

from ....storage.errors import UsageError
from ....storage.meta import cancellations, parts, runs
from ....storage.meta.database.engine import now as moment_of
from ....storage.types import FINAL_STATES, RunState
from ..ending import cancel
from ..identity import gone, here
from ..project.project import Project

BY_HAND = "somebody canceled it"


class Asked(StrEnum):
    """What asking for the end of a run came to."""

    ENDED = "ended"  # it is canceled
    OVER = "over"  # it had ended before
    WORKER = "worker"  # its worker ends it
    PROCESS = "process"  # the process that makes it was told to end


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancellation:
    """What became of asking: `run` is how it stood then."""

    run: runs.Run
    asked: Asked


def ask_to_cancel(project: Project, run_id: str) -> Cancellation:
    """The run is canceled, or whoever is at it is asked to end it.

    Raises
    ------
    UsageError: there is no such run, or a process of another machine makes it that nobody can ask.
    """
    with project.store.read() as tx:
        run = runs.run(tx, run_id)
        at = {one.name for one in parts.parts_of(tx, project.name)}
    if run is None:
        raise UsageError(f"there is no run {run_id}", hint="`penstock runs` lists them.")
    if run.state in FINAL_STATES:
        return Cancellation(run=run, asked=Asked.OVER)
    if run.state not in (RunState.RUNNING, RunState.QUEUED) or run.worker is None or gone(run.worker):
        cancel(project, run, BY_HAND)
        return Cancellation(run=run, asked=Asked.ENDED)
    if run.worker in at:
        with project.store.write() as tx:
            cancellations.ask(tx, run_id, now=moment_of(tx))
        return Cancellation(run=run, asked=Asked.WORKER)
    pid = here(run.worker)
    if pid is None:
        raise UsageError(
            f"run {run_id} of {run.asset} is made by a process of another machine: {run.worker}",
            hint="Stop it there: it is no worker that could be asked from here.",
        )
    os.kill(pid, signal.SIGTERM)
    return Cancellation(run=run, asked=Asked.PROCESS)


def carry_out(project: Project) -> None:
    """Runs that are to be canceled and that nobody is at any more are ended: their worker gave them back meanwhile."""
    with project.store.read() as tx:
        wanted = cancellations.asked(tx, project.name)
        found = [run for one in wanted if (run := runs.run(tx, one)) is not None]
    for run in found:
        if run.state not in (RunState.RUNNING, RunState.QUEUED):
            cancel(project, run, BY_HAND)
            with project.store.write() as tx:
                cancellations.forget(tx, [run.id])
