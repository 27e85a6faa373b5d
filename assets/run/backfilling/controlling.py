"""A backfill is paused, resumed or canceled; also while another process makes its partitions, which is told by its runs
being gone when it comes to them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ....storage.errors import UsageError
from ....storage.meta import runs
from ....storage.meta.backfills import backfills
from ....storage.meta.backfills.backfills import Backfill
from ....storage.meta.database.engine import Store, Transaction
from ....storage.meta.database.engine import now as moment_of
from ....storage.types import AttemptOutcome, BackfillState, RunState
from ...plan.backfills.lifecycle import FINAL, require
from ..attempt.publication import close, stopped


@dataclass(frozen=True, slots=True, kw_only=True)
class Controlled:
    """A backfill whose state was changed; `given_up` are the runs of it that nobody had begun."""

    backfill: Backfill
    given_up: int


def find(tx: Transaction, project: str, part: str) -> Backfill:
    """The backfill whose id is `part`, or begins or ends with it.

    Raises
    ------
    UsageError: there is none, or there are several; the hint names them.
    """
    ids = backfills.ids_like(tx, project, part.lower()) if part else []
    if not ids:
        raise UsageError(
            f"there is no backfill {part!r} in project {project}", hint="`penstock backfill list` shows them."
        )
    if len(ids) > 1 and part.lower() not in ids:
        several = f"{len(ids)} backfills" if len(ids) < 10 else "Ten backfills or more"
        raise UsageError(
            f"{several} have an id that begins or ends with {part!r}",
            hint=f"Write more of one of them: {', '.join(ids[:3])}{', …' if len(ids) > 3 else ''}.",
        )
    found = backfills.backfill(tx, part.lower() if part.lower() in ids else ids[0])
    assert found is not None, "it was found in this very snapshot"
    return found


def named(backfill_id: str) -> str:
    """What people call a backfill: the end of its id, which is random."""
    return backfill_id[-8:]


def change(store: Store, part: str, new: BackfillState) -> Controlled:
    """The backfill that `part` names is paused, running again or canceled from now on. What it has planned and nobody
    has begun is given up; what is being made goes on to its end.

    Raises
    ------
    UsageError: there is no such backfill, or it cannot go there from where it stands.
    """
    with store.write() as tx:
        row = find(tx, store.project, part)
        require(named(row.id), row.state, new)
        moment = moment_of(tx)
        backfills.change(tx, row.id, old=row.state, new=new, ended_at=moment if new in FINAL else None)
        given_up = 0 if new is BackfillState.RUNNING else _give_up(tx, row, _WHY[new])
        found = backfills.backfill(tx, row.id)
    assert found is not None, "it was changed in this very transaction"
    return Controlled(backfill=found, given_up=given_up)


_WHY: Mapping[BackfillState, str] = {
    BackfillState.PAUSED: "its backfill was paused before anybody began it",
    BackfillState.CANCELED: "its backfill was canceled before anybody began it",
}


def _give_up(tx: Transaction, row: Backfill, why: str) -> int:
    """The runs of a backfill that nobody has begun are canceled, as if they had never been; how many."""
    left = [run for run in runs.unfinished(tx, row.project) if run.backfill_id == row.id]
    waiting = [run for run in left if run.state is RunState.SCHEDULED]
    for run in waiting:
        close(
            tx,
            run_id=run.id,
            asset_id=run.asset_id,
            attempt=run.attempts,
            old=run.state,
            new=RunState.CANCELED,
            outcome=AttemptOutcome.CANCELED,
            error=stopped(why),
            policies=None,
            fresh=True,
            now=moment_of(tx),
        )
    return len(waiting)
