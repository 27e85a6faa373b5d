"""How far the attempts at work say that they are: one row a run that has said it, gone when the run has ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Float, bindparam, delete, insert, select, update
from sqlmodel import Field

from .database.engine import Row, Transaction, UtcTime, table_of
from .database.prepared import Prepared


class ProgressRow(Row, table=True):
    """The newest word of a run."""

    __tablename__ = "progress"  # pyright: ignore[reportAssignmentType]

    run_id: str = Field(foreign_key="runs.id", primary_key=True)
    done: float = Field(sa_type=Float)
    total: float | None = Field(default=None, sa_type=Float)
    unit: str = ""
    text: str = ""
    at: datetime = Field(sa_type=UtcTime)


progress = table_of(ProgressRow)


@dataclass(frozen=True, slots=True, kw_only=True)
class Advance:
    """How far a run is: so much `done` of `total`, where that is known, in `unit`; `text` is what it does now."""

    done: float
    total: float | None = None
    unit: str = ""
    text: str = ""
    at: datetime


_UPDATED = Prepared(
    update(progress)
    .where(progress.c.run_id == bindparam("b_run"))
    .values(
        done=bindparam("b_done"),
        total=bindparam("b_total"),
        unit=bindparam("b_unit"),
        text=bindparam("b_text"),
        at=bindparam("b_at"),
    )
)
_FORGOTTEN = Prepared(delete(progress).where(progress.c.run_id == bindparam("b_run")))


def note_progress(tx: Transaction, run_id: str, one: Advance) -> None:
    """A run is so far; only whoever is at it may say so."""
    values = {"done": one.done, "total": one.total, "unit": one.unit, "text": one.text, "at": one.at}
    if not _UPDATED.run(tx, {"b_run": run_id, **{f"b_{name}": value for name, value in values.items()}}):
        tx.execute(insert(progress), {"run_id": run_id, **values})


def forget_progress(tx: Transaction, run_id: str) -> None:
    """The run has ended; nothing happens where it never said how far it was."""
    _FORGOTTEN.run(tx, {"b_run": run_id})


def progress_of(tx: Transaction, run_ids: Sequence[str]) -> Mapping[str, Advance]:
    """How far these runs are, those that have said it."""
    found: dict[str, Advance] = {}
    for start in range(0, len(run_ids), 500):
        query = select(progress).where(progress.c.run_id.in_(run_ids[start : start + 500]))
        for row in tx.execute(query).mappings():
            found[row["run_id"]] = Advance(**{name: row[name] for name in ("done", "total", "unit", "text", "at")})
    return found
