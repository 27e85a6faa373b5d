"""A backfill is paused, resumed or canceled; also while another process makes its partitions, which is told by its runs
being gone when it comes to them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ....storage.meta import runs
from ....storage.meta.backfills import backfills
from ....storage.meta.backfills.backfills import Backfill
from ....storage.meta.database.engine import Store, Transaction
from ....storage.meta.database.engine import now as moment_of
from ....storage.meta.past.naming import backfill_named, short_name
from ....storage.types import AttemptOutcome, BackfillState, RunState
from ...plan.backfills.lifecycle import FINAL, require
from ..attempt.publication import close, stopped


@dataclass(frozen=True, slots=True, kw_only=True)
class Controlled:
    """A backfill whose state was changed; `given_up` are the runs of it that nobody had begun."""

    backfill: Backfill
    given_up: int


def change(store: Store, part: str, new: BackfillState) -> Controlled:
    """The backfill that `part` names is paused, running again or canceled from now on. What it has planned and nobody
    has begun is given up; what is being made goes on to its end.

    Raises
    ------
    UsageError: there is no such backfill, or it cannot go there from where it stands.
    """
    with store.write() as tx:
        return change_with(tx, store.project, part, new)


def change_with(tx: Transaction, project: str, part: str, new: BackfillState) -> Controlled:
    """`change` in a transaction."""
    row = backfill_named(tx, project, part)
    require(short_name(row.id), row.state, new)
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
            partition=run.partition,
        )
    return len(waiting)
