"""Backfills: which partitions somebody asked for, under which terms, and how far they have come. One row each, however
many partitions it is of.

What its places and its cursor mean is not known here; `steps` counts how often the cursor was moved, so that of two
processes that go on with one backfill only one moves it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Column, Index, RowMapping, bindparam, insert, select, text, update
from sqlmodel import Field

from ...types import BackfillState, Propagate, Reprocess
from ..database.bell import Topic, ring
from ..database.engine import Row, Transaction, UtcTime, table_of
from ..database.prepared import Prepared


class BackfillRow(Row, table=True):
    """What was asked for, and how far it has come.

    `selection` and `keys` are what somebody wrote; `scope` are the places that this meant then. `spared` counts the
    partitions that were left alone, `held` those that were asked for and could not be made; `reasons` has why, of the
    first of either that were held.
    """

    __tablename__ = "backfills"  # pyright: ignore[reportAssignmentType]
    __table_args__ = (
        Index("backfills_by_time", "project", "created_at", "id"),
        Index(
            "unfinished_backfills",
            "project",
            "ended_at",
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
    )

    id: str = Field(primary_key=True)
    project: str
    selection: list[str] = Field(sa_column=Column(JSON, nullable=False))
    keys: str
    scope: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    total: int
    reprocess: str
    propagate: str
    backwards: bool = False
    max_active_runs: int | None = None
    state: str
    cursor: dict[str, Any] | None = Field(default=None, sa_column=Column(JSON(none_as_null=True), nullable=True))
    steps: int = 0
    looked: int = 0
    spared: int = 0
    held: int = 0
    reasons: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    created_at: datetime = Field(sa_type=UtcTime)
    ended_at: datetime | None = Field(default=None, sa_type=UtcTime)


backfills = table_of(BackfillRow)


@dataclass(frozen=True, slots=True, kw_only=True)
class Backfill:
    """A recorded backfill, as its row has it; times are UTC."""

    id: str
    project: str
    selection: tuple[str, ...]
    keys: str
    scope: Mapping[str, Any]
    total: int
    reprocess: Reprocess
    propagate: Propagate
    backwards: bool
    max_active_runs: int | None
    state: BackfillState
    cursor: Mapping[str, Any] | None
    steps: int
    looked: int
    spared: int
    held: int
    reasons: Mapping[str, Any]
    created_at: datetime
    ended_at: datetime | None


def begin(
    tx: Transaction,
    *,
    id: str,  # noqa: A002
    project: str,
    selection: Sequence[str],
    keys: str,
    scope: Mapping[str, Any],
    total: int,
    reprocess: Reprocess,
    propagate: Propagate,
    backwards: bool,
    max_active_runs: int | None,
    now: datetime,
) -> None:
    """Record that a backfill was asked for; it is running from now on."""
    ring(tx, Topic.PLANNER)
    tx.execute(
        insert(backfills),
        {
            "id": id,
            "project": project,
            "selection": list(selection),
            "keys": keys,
            "scope": dict(scope),
            "total": total,
            "reprocess": reprocess.value,
            "propagate": propagate.value,
            "backwards": backwards,
            "max_active_runs": max_active_runs,
            "state": BackfillState.RUNNING.value,
            "steps": 0,
            "looked": 0,
            "spared": 0,
            "held": 0,
            "reasons": {},
            "created_at": now,
        },
    )


def backfill(tx: Transaction, backfill_id: str) -> Backfill | None:
    """One backfill; None when there is none with this id."""
    row = tx.execute(select(backfills).where(backfills.c.id == backfill_id)).mappings().first()
    return None if row is None else _backfill(row)


def ids_like(tx: Transaction, project: str, part: str, *, limit: int = 10) -> list[str]:
    """Ids of backfills of a project that begin or end with a text, newest first."""
    column = backfills.c.id
    like = column.startswith(part, autoescape=True) | column.endswith(part, autoescape=True)
    query = select(column).where(backfills.c.project == project, like).order_by(column.desc()).limit(limit)
    return list(tx.execute(query).scalars())


def recent(
    tx: Transaction, project: str, *, state: BackfillState | None = None, limit: int, offset: int = 0
) -> list[Backfill]:
    """The backfills of a project, or those in one state, newest first."""
    query = select(backfills).where(backfills.c.project == project)
    if state is not None:
        query = query.where(backfills.c.state == state.value)
    query = query.order_by(backfills.c.created_at.desc(), backfills.c.id.desc()).limit(limit).offset(offset)
    return [_backfill(row) for row in tx.execute(query).mappings()]


_UNFINISHED = Prepared(
    select(backfills)
    .where(backfills.c.project == bindparam("b_project"), backfills.c.ended_at.is_(None))
    .order_by(backfills.c.created_at, backfills.c.id)
)
_COLUMNS = tuple(backfills.c.keys())


def unfinished(tx: Transaction, project: str) -> list[Backfill]:
    """Those that are running or paused, oldest first."""
    rows = _UNFINISHED.rows(tx, {"b_project": project})
    return [_backfill(dict(zip(_COLUMNS, row, strict=True))) for row in rows]


_STATE = Prepared(select(backfills.c.state).where(backfills.c.id == bindparam("b_id")))


def state_of(tx: Transaction, backfill_id: str) -> BackfillState | None:
    """Where it stands; None when there is none with this id."""
    found = _STATE.first(tx, {"b_id": backfill_id})
    return None if found is None else BackfillState(found[0])


def change(
    tx: Transaction, backfill_id: str, *, old: BackfillState, new: BackfillState, ended_at: datetime | None
) -> bool:
    """Move it from one state to another; False when it is not in the old one any more."""
    ring(tx, Topic.PLANNER)
    done = tx.execute(
        update(backfills)
        .where(backfills.c.id == backfill_id, backfills.c.state == old.value)
        .values(state=new.value, ended_at=ended_at)
    )
    return done.rowcount == 1


def move(
    tx: Transaction,
    seen: Backfill,
    *,
    cursor: Mapping[str, Any] | None,
    looked: int,
    spared: int,
    held: int,
    reasons: Mapping[str, Any],
) -> bool:
    """Everything up to the cursor has been seen to: so many partitions, of which some were left alone and some held.
    False when it is not where it was `seen`, or is not running any more."""
    done = tx.execute(
        update(backfills)
        .where(
            backfills.c.id == seen.id,
            backfills.c.steps == seen.steps,
            backfills.c.state == BackfillState.RUNNING.value,
        )
        .values(
            cursor=None if cursor is None else dict(cursor),
            steps=seen.steps + 1,
            looked=seen.looked + looked,
            spared=seen.spared + spared,
            held=seen.held + held,
            reasons={**seen.reasons, **reasons},
        )
    )
    return done.rowcount == 1


def _backfill(row: Mapping[str, Any] | RowMapping) -> Backfill:
    return Backfill(
        id=row["id"],
        project=row["project"],
        selection=tuple(row["selection"]),
        keys=row["keys"],
        scope=row["scope"],
        total=row["total"],
        reprocess=Reprocess(row["reprocess"]),
        propagate=Propagate(row["propagate"]),
        backwards=row["backwards"],
        max_active_runs=row["max_active_runs"],
        state=BackfillState(row["state"]),
        cursor=row["cursor"],
        steps=row["steps"],
        looked=row["looked"],
        spared=row["spared"],
        held=row["held"],
        reasons=row["reasons"],
        created_at=row["created_at"],
        ended_at=row["ended_at"],
    )
