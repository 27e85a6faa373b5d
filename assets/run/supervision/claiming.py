"""Handing out runs: of those that wait, a worker takes as many as may start, and as it has room for."""

from __future__ import annotations

from dataclasses import replace

from ....storage.meta import runs
from ....storage.meta.waiting_runs import Waiting, next_retry, waiting
from ...plan.dispatch import Chosen
from ..dispatching import claim
from ..ending import superseded
from ..project.project import Project
from ..project.registering import registered

_LOOKED_AT = 500
"""So many waiting runs are looked at, at most, for those that a worker can make."""


def claim_next(project: Project, worker: str, room: int) -> Chosen:
    """The runs that are queued for this worker from now on; of several workers that ask at once each run goes to one.
    Nobody is kept from writing where nothing waits. With it, when to look again although nothing rings."""
    with project.store.read() as tx:
        if not waiting(tx, project.name, limit=1):
            return Chosen(runs=(), held={}, next_at=next_retry(tx, project.name))
    with project.store.write() as tx:
        chosen = claim(project, tx, worker=worker, room=room)
        due = next_retry(tx, project.name)
        return chosen if due is None else replace(chosen, next_at=min(due, chosen.next_at or due))


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
