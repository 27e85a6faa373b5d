"""Handing out runs: of those that wait, a worker takes as many as it has room for."""

from __future__ import annotations

from ....storage.errors import Bug
from ....storage.meta import runs
from ....storage.meta.waiting_runs import Waiting, waiting
from ....storage.types import RunState
from ...plan.lifecycle import require
from ..project.project import Project
from ..project.registering import registered
from ..recovery import superseded

_LOOKED_AT = 500
"""So many waiting runs are looked at, at most, for those that a worker can make."""


def claim_next(project: Project, worker: str, room: int) -> list[str]:
    """The ids of at most `room` runs that are queued for this worker from now on; of several workers that ask at once
    each run goes to one. What was planned with other code is left to those that have it."""
    with project.store.read() as tx:
        if not any(_is_ours(project, one) for one in waiting(tx, project.name, limit=_LOOKED_AT)):
            return []
    with project.store.write() as tx:
        found = [one for one in waiting(tx, project.name, limit=_LOOKED_AT) if _is_ours(project, one)][:room]
        for one in found:
            if not runs.advance(tx, one.id, old=one.state, new=require(one.state, RunState.QUEUED), worker=worker):
                raise Bug(f"run {one.id} left {one.state} while nobody else could write")
    return [one.id for one in found]


def give_up_others(project: Project) -> int:
    """Waiting runs that were planned with other code than what is registered are ended as if they had never been, so
    that they are planned anew; how many those were. Nothing, where other definitions than ours are registered."""
    with project.store.read() as tx:
        if registered(tx, project.name, project.reading.plain) is None:
            return 0
        others = [one.id for one in waiting(tx, project.name, limit=_LOOKED_AT) if not _is_ours(project, one)]
        found = [run for one in others if (run := runs.run(tx, one)) is not None]
    for run in found:
        superseded(project, run)
    return len(found)


def _is_ours(project: Project, one: Waiting) -> bool:
    asset = project.catalogue.assets.get(one.asset)
    return asset is not None and asset.code == one.code
