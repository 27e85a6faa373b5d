"""Handing out runs: of those that wait, a worker takes as many as it has room for."""

from __future__ import annotations

from ....storage.errors import Bug
from ....storage.meta import runs
from ....storage.meta.waiting_runs import waiting
from ....storage.types import RunState
from ...plan.lifecycle import require
from ..project.project import Project


def claim_next(project: Project, worker: str, room: int) -> list[str]:
    """The ids of at most `room` runs that are queued for this worker from now on; of several workers that ask at once
    each run goes to one."""
    with project.store.read() as tx:
        if not waiting(tx, project.name, limit=1):
            return []
    with project.store.write() as tx:
        taken = waiting(tx, project.name, limit=room)
        for run_id, state in taken.items():
            if not runs.advance(tx, run_id, old=state, new=require(state, RunState.QUEUED), worker=worker):
                raise Bug(f"run {run_id} left {state} while nobody else could write")
    return list(taken)
