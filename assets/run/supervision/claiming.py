"""Handing out runs: of those that wait, a worker takes as many as may start, and as it has room for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ....storage.meta import runs
from ....storage.meta.catalogue import registered_digest
from ....storage.meta.waiting_runs import Waiting, next_retry, waiting
from ..attempt.assignment import resume
from ..attempt.failing import expired
from ..dispatching import claim
from ..ending import superseded
from ..project.inherited import timeouts_of
from ..project.project import Project

_LOOKED_AT = 500
"""So many waiting runs are looked at, at most, for those that a worker can make."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Handed:
    """What a worker is to make.

    Attributes
    ----------
    runs: in the order in which they start; their attempts begin now.
    next_at: when to look again although nothing rings: a token comes then, or a run is due to be tried again.
    """

    runs: tuple[runs.Run, ...] = ()
    next_at: datetime | None = None


def claim_next(project: Project, worker: str, room: int, ahead: int = 0) -> Handed:
    """The runs that are queued for this worker from now on; of several workers that ask at once each run goes to one.
    Nobody is kept from writing where nothing waits. Up to `ahead` of them are there for when there is room again."""
    with project.store.read() as tx:
        if not waiting(tx, project.name, limit=1):
            return Handed(next_at=next_retry(tx, project.name))
    with project.store.write() as tx:
        chosen = claim(project, tx, worker=worker, room=room, ahead=ahead)
        found = tuple(run for one in chosen.runs if (run := runs.run(tx, one)) is not None)
        due = [one for one in (next_retry(tx, project.name), chosen.next_at) if one is not None]
    return Handed(runs=found, next_at=min(due, default=None))


def give_up_others(project: Project) -> int:
    """Waiting runs that were planned with other code than what is registered are ended as if they had never been, so
    that they are planned anew; how many those were. Nothing, where other definitions than ours are registered."""
    with project.store.read() as tx:
        if registered_digest(tx, project.name) != project.reading.plain.digest:
            return 0
        others = [one.id for one in waiting(tx, project.name, limit=_LOOKED_AT) if not _is_ours(project, one)]
        found = [run for one in others if (run := runs.run(tx, one)) is not None]
    for run in found:
        superseded(project, run)
    return len(found)


def expire_waiting(project: Project) -> int:
    """Runs that have waited longer than their clocks allow have failed; how many those were."""
    with project.store.read() as tx:
        late = [
            work
            for one in waiting(tx, project.name, limit=_LOOKED_AT)
            if _has_clock(project, one) and (run := runs.run(tx, one.id)) and (work := resume(project, tx, run))
        ]
    return sum(expired(project, work) is not None for work in late)


def _has_clock(project: Project, one: Waiting) -> bool:
    asset = project.catalogue.assets.get(one.asset)
    if asset is None:
        return False
    clocks = timeouts_of(project, asset)
    return clocks.queue is not None or clocks.total is not None


def _is_ours(project: Project, one: Waiting) -> bool:
    asset = project.catalogue.assets.get(one.asset)
    return asset is not None and asset.code == one.code
