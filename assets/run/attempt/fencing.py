"""Fencing: what an attempt does to its run names the attempt and the worker. One that was given up for lost and comes
back finds another there, and can do nothing but say so."""

from __future__ import annotations

from ....storage.errors import ProducerError
from ....storage.meta import runs
from ....storage.meta.runs import Fence
from ....storage.types import FINAL_STATES
from ..identity import worker_name
from ..project.project import Project
from .assignment import Assignment


class TooLate(ProducerError):
    """The attempt was given up for lost before it ended, and the run has gone on without it."""

    kind = "too_late"


def fence_of(work: Assignment) -> Fence:
    """The fence of an attempt that this process has claimed."""
    return Fence(work.attempt, worker_name())


def lost_to(project: Project, work: Assignment) -> ProducerError:
    """Why an attempt could not end its run: what has become of that meanwhile."""
    with project.store.read() as tx:
        run = runs.run(tx, work.run_id)
    title = f"{work.asset.name} {work.partition}".rstrip()
    if run is None or (run.state in FINAL_STATES and run.attempts == work.attempt):
        return ProducerError(f"run {work.run_id} of {title} was ended by somebody else; nothing is published")
    if run.attempts == work.attempt:
        goes_on = "the run is to be tried again"
    elif run.state in FINAL_STATES:
        goes_on = f"attempt {run.attempts} has ended it: {run.state}"
    else:
        goes_on = f"attempt {run.attempts} is at work"
    return TooLate(
        f"attempt {work.attempt} of run {work.run_id} of {title} came back too late: it was given up for lost, and "
        f"{goes_on}; nothing of it is published",
        hint=f"`penstock runs {work.run_id}` shows the attempts.",
    )
