"""Runs that somebody asked to cancel while a worker was at them: the worker looks here, and ends them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import bindparam, delete, insert, select
from sqlmodel import Field

from .catalogue import assets
from .database.bell import Topic, ring
from .database.engine import BY_KEY, Row, Transaction, UtcTime, table_of
from .database.prepared import Prepared
from .runs import runs


class CancellationRow(Row, table=True):
    """Since when a run is to be canceled; there is none any more once it has ended."""

    __tablename__ = "cancellations"  # pyright: ignore[reportAssignmentType]
    __table_args__ = BY_KEY

    run_id: str = Field(foreign_key="runs.id", primary_key=True)
    asked_at: datetime = Field(sa_type=UtcTime)


cancellations = table_of(CancellationRow)

_ASKED = Prepared(
    select(cancellations.c.run_id, cancellations.c.asked_at, runs.c.worker)
    .join(runs, runs.c.id == cancellations.c.run_id)
    .join(assets, assets.c.id == runs.c.asset_id)
    .where(assets.c.project == bindparam("b_project"), runs.c.ended_at.is_(None))
)


def ask(tx: Transaction, run_id: str, *, now: datetime) -> datetime:
    """The worker of the run is told to cancel it; since when it is, which was earlier if somebody asked already."""
    ring(tx, Topic.WORKER)
    before = tx.execute(select(cancellations.c.asked_at).where(cancellations.c.run_id == run_id)).scalar()
    if before is None:
        tx.execute(insert(cancellations), {"run_id": run_id, "asked_at": now})
    return before or now


def asked(tx: Transaction, project: str) -> dict[str, datetime]:
    """The runs that are to be canceled and have not ended, since when; costs those."""
    return {run_id: at for run_id, at, _ in _ASKED.rows(tx, {"b_project": project})}


def forget(tx: Transaction, run_ids: Sequence[str]) -> None:
    """These have ended."""
    tx.execute(delete(cancellations).where(cancellations.c.run_id.in_(run_ids)))
