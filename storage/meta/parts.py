"""The parts of a running system: schedulers, workers and relays, each with its heartbeat and with what it does.

A part writes down that it lives every few seconds, by the clock of the store. One that was silent for too long is taken
for dead: what it was at is given to others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, delete, insert, select, update
from sqlmodel import Field

from ..types import PartKind, PartState
from .database.engine import BY_KEY, Row, Transaction, UtcTime, table_of
from .database.prepared import Prepared

SILENT = 30.0
"""Seconds after which a part that was not heard of is taken for dead."""


class PartRow(Row, table=True):
    """A process that serves a project. `name` is that of the process: `host/pid/start`; `problem` what a person should
    see to, such as definitions that do not load."""

    __tablename__ = "parts"  # pyright: ignore[reportAssignmentType]
    __table_args__ = BY_KEY

    project: str = Field(primary_key=True)
    name: str = Field(primary_key=True)
    kind: str
    state: str
    doing: str
    problem: str
    started_at: datetime = Field(sa_type=UtcTime)
    beat_at: datetime = Field(sa_type=UtcTime)


parts = table_of(PartRow)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A part as it last told of itself."""

    name: str
    kind: PartKind
    state: PartState
    doing: str
    problem: str
    started_at: datetime
    beat_at: datetime


_BEAT = Prepared(
    update(parts)
    .where(parts.c.project == bindparam("b_project"), parts.c.name == bindparam("b_name"))
    .values(
        state=bindparam("b_state"),
        doing=bindparam("b_doing"),
        problem=bindparam("b_problem"),
        beat_at=bindparam("b_now", type_=UtcTime()),
    )
)


def beat(
    tx: Transaction,
    project: str,
    name: str,
    *,
    kind: PartKind,
    state: PartState,
    doing: str = "",
    problem: str = "",
    now: datetime,
) -> None:
    """The part lives, and this is what it does."""
    told = {"state": state.value, "doing": doing, "problem": problem}
    row = {"b_project": project, "b_name": name, "b_now": now, **{f"b_{key}": value for key, value in told.items()}}
    if not _BEAT.run(tx, row):
        times = {"started_at": now, "beat_at": now}
        tx.execute(insert(parts), {"project": project, "name": name, "kind": kind.value, **told, **times})


def end(tx: Transaction, project: str, names: Sequence[str]) -> None:
    """These parts have ended, and nobody need know of them any more."""
    tx.execute(delete(parts).where(parts.c.project == project, parts.c.name.in_(names)))


def parts_of(tx: Transaction, project: str) -> list[Part]:
    """Every part that has not ended in order, the eldest of each kind first."""
    query = select(parts).where(parts.c.project == project).order_by(parts.c.kind, parts.c.started_at, parts.c.name)
    return [
        Part(
            name=row["name"],
            kind=PartKind(row["kind"]),
            state=PartState(row["state"]),
            doing=row["doing"],
            problem=row["problem"],
            started_at=row["started_at"],
            beat_at=row["beat_at"],
        )
        for row in tx.execute(query).mappings()
    ]
