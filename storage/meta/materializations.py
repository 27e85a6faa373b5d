"""Materializations: one call of `materialize`, what it selected, and what it left undone and why."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Column, Index, insert, select, text, update
from sqlalchemy import Row as ResultRow
from sqlmodel import Field

from ..types import MaterializationState
from .database.engine import Row, Transaction, UtcTime, table_of


class MaterializationRow(Row, table=True):
    """`held` maps asset names to the stored reason why they were not made."""

    __tablename__ = "materializations"  # pyright: ignore[reportAssignmentType]
    __table_args__ = (
        Index("materializations_by_time", "project", "started_at", "id"),
        Index(
            "unfinished_materializations",
            "project",
            "ended_at",
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
    )

    id: str = Field(primary_key=True)
    project: str
    worker: str
    state: str
    selection: list[str] = Field(sa_column=Column(JSON, nullable=False))
    held: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    started_at: datetime = Field(sa_type=UtcTime)
    ended_at: datetime | None = Field(default=None, sa_type=UtcTime)


materializations = table_of(MaterializationRow)


@dataclass(frozen=True, slots=True, kw_only=True)
class Materialization:
    """A recorded materialization."""

    id: str
    state: MaterializationState
    worker: str
    selection: Sequence[str]
    held: Mapping[str, Any]
    started_at: datetime
    ended_at: datetime | None


def begin(tx: Transaction, *, id: str, project: str, worker: str, selection: Sequence[str], now: datetime) -> None:  # noqa: A002
    """Record that a materialization began."""
    tx.execute(
        insert(materializations),
        {
            "id": id,
            "project": project,
            "worker": worker,
            "state": MaterializationState.RUNNING,
            "selection": list(selection),
            "held": {},
            "started_at": now,
        },
    )


def end(
    tx: Transaction,
    *,
    id: str,  # noqa: A002
    state: MaterializationState,
    held: Mapping[str, Any],
    now: datetime,
) -> None:
    """Record how it ended, and which assets it held back and why."""
    tx.execute(
        update(materializations)
        .where(materializations.c.id == id)
        .values(state=state.value, held=dict(held), ended_at=now)
    )


def latest(tx: Transaction, project: str, *, limit: int = 1) -> list[Materialization]:
    """The newest materializations, newest first."""
    rows = tx.execute(
        select(materializations)
        .where(materializations.c.project == project)
        .order_by(materializations.c.started_at.desc(), materializations.c.id.desc())
        .limit(limit)
    )
    return [_materialization(row) for row in rows]


def unfinished(tx: Transaction, project: str) -> list[Materialization]:
    """Those that have not ended: at work, or left behind by a crash."""
    rows = tx.execute(
        select(materializations).where(materializations.c.project == project, materializations.c.ended_at.is_(None))
    )
    return [_materialization(row) for row in rows]


def by_id(tx: Transaction, ids: Collection[str]) -> dict[str, Materialization]:
    """These materializations, by id; one that is not there is left out."""
    rows = tx.execute(select(materializations).where(materializations.c.id.in_(list(ids))))
    return {row.id: _materialization(row) for row in rows}


def _materialization(row: ResultRow[Any]) -> Materialization:
    return Materialization(
        id=row.id,
        state=MaterializationState(row.state),
        worker=row.worker,
        selection=row.selection,
        held=row.held,
        started_at=row.started_at,
        ended_at=row.ended_at,
    )
