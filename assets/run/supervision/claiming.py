"""Handing out runs: of those that wait, a worker takes as many as may start, and as it has room for."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass
from datetime import datetime

from ....storage.meta import runs
from ....storage.meta.catalogue import registered_digest
from ....storage.meta.database.engine import Transaction
from ....storage.meta.waiting_runs import Waiting, next_retry, waiting
from ...plan.dispatch import Chosen
from ..attempt.assignment import resume
from ..attempt.failing import expired
from ..dispatching import claim, look
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
    Nobody is kept from writing while it is looked who may start, nor where nobody may. Up to `ahead` of them are there
    for when there is room again."""
    with project.store.read() as tx:
        seen = look(project, tx, room=room, ahead=ahead)
        if not seen.chosen.runs:
            return Handed(next_at=_next(project, tx, seen.chosen))
    with project.store.write() as tx:
        chosen = claim(project, tx, worker=worker, room=room, ahead=ahead, seen=seen)
        found = tuple(run for one in chosen.runs if (run := runs.run(tx, one)) is not None)
        return Handed(runs=found, next_at=_next(project, tx, chosen))


def _next(project: Project, tx: Transaction, chosen: Chosen) -> datetime | None:
    """When a token comes for which somebody waits, or a run is due to be tried again."""
    return min((one for one in (next_retry(tx, project.name), chosen.next_at) if one is not None), default=None)


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


def with_clocks(project: Project) -> frozenset[str]:
    """The assets whose runs may wait for so long only."""
    clocks = {name: timeouts_of(project, asset) for name, asset in project.catalogue.assets.items()}
    return frozenset(name for name, one in clocks.items() if one.queue is not None or one.total is not None)


def expire_waiting(project: Project, clocked: Set[str]) -> int:
    """Runs of the assets `with_clocks` that have waited longer than these allow have failed; how many those were."""
    if not clocked:
        return 0
    with project.store.read() as tx:
        late = [
            work
            for one in waiting(tx, project.name, limit=_LOOKED_AT)
            if one.asset in clocked and (run := runs.run(tx, one.id)) and (work := resume(project, tx, run))
        ]
    return sum(expired(project, work) is not None for work in late)


def _is_ours(project: Project, one: Waiting) -> bool:
    asset = project.catalogue.assets.get(one.asset)
    return asset is not None and asset.code == one.code
