"""Commands: what people ask for in the app, and what became of it. One row each.

Whoever asks writes a row and rings; a scheduler carries it out. `steps` counts what was done for it: every change names
the count that it saw, in the transaction that does what the command asks for, so that of several schedulers one does
it, and one that dies in between has done nothing. What the arguments mean is not known here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Column, Index, RowMapping, bindparam, insert, select, text, update
from sqlmodel import Field

from ..errors import UsageError
from ..types import CommandKind, CommandState
from .database.bell import Topic, ring
from .database.engine import Row, Transaction, UtcTime, table_of
from .database.prepared import Prepared


class CommandRow(Row, table=True):
    """What somebody asks for. `key` is chosen by whoever asks: asked again under the same, it is the same command.
    `about`: the asset by name, the run or the backfill by id. `remaining`: of one at work, what is still to be done;
    `outcome`: what was made, or the error; `worker`: the scheduler that did the last of it."""

    __tablename__ = "commands"  # pyright: ignore[reportAssignmentType]
    __table_args__ = (
        Index("one_command", "project", "key", unique=True),
        Index("commands_by_age", "project", "id"),
        Index("commands_about", "project", "about", "id"),
        Index(
            "unfinished_commands",
            "project",
            "ended_at",
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
    )

    id: int | None = Field(default=None, primary_key=True)
    project: str
    key: str
    kind: str
    about: str
    arguments: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    asked_by: str
    asked_at: datetime = Field(sa_type=UtcTime)
    state: str
    steps: int = 0
    remaining: dict[str, Any] | None = Field(default=None, sa_column=Column(JSON(none_as_null=True), nullable=True))
    outcome: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    worker: str | None = None
    ended_at: datetime | None = Field(default=None, sa_type=UtcTime)


commands = table_of(CommandRow)


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A command as its row has it; times are UTC."""

    id: int
    project: str
    key: str
    kind: CommandKind
    about: str
    arguments: Mapping[str, Any]
    asked_by: str
    asked_at: datetime
    state: CommandState
    steps: int
    remaining: Mapping[str, Any] | None
    outcome: Mapping[str, Any]
    worker: str | None
    ended_at: datetime | None


def ask(
    tx: Transaction,
    project: str,
    *,
    key: str,
    kind: CommandKind,
    about: str,
    arguments: Mapping[str, Any],
    asked_by: str,
    now: datetime,
) -> int:
    """The id of the command, which schedulers are woken for; that of the one before, asked under the same key.

    Raises
    ------
    UsageError: something else was asked for under this key.
    """
    query = select(commands).where(commands.c.project == project, commands.c.key == key)
    before = tx.execute(query).mappings().first()
    if before is not None:
        if (before["kind"], before["about"], before["arguments"]) != (kind.value, about, dict(arguments)):
            raise UsageError(
                f"{kind.value} of {about!r} was asked under the key {key!r}, which stands for {before['kind']} of "
                f"{before['about']!r}",
                hint="Ask under a key of its own for each thing that is asked for.",
            )
        return before["id"]
    ring(tx, Topic.PLANNER)
    row = {
        "project": project,
        "key": key,
        "kind": kind.value,
        "about": about,
        "arguments": dict(arguments),
        "asked_by": asked_by,
        "asked_at": now,
        "state": CommandState.WAITING.value,
        "steps": 0,
        "outcome": {},
    }
    return tx.execute(insert(commands).values(row).returning(commands.c.id)).scalar_one()


_UNFINISHED = Prepared(
    select(commands)
    .where(commands.c.project == bindparam("b_project"), commands.c.ended_at.is_(None))
    .order_by(commands.c.id)
)
_COLUMNS = tuple(commands.c.keys())


def unfinished(tx: Transaction, project: str) -> list[Command]:
    """Those that wait or are at work, in the order in which they were asked; costs these."""
    rows = _UNFINISHED.rows(tx, {"b_project": project})
    return [_command(dict(zip(_COLUMNS, row, strict=True))) for row in rows]


def command(tx: Transaction, project: str, command_id: int) -> Command | None:
    """One command; None when there is none with this id."""
    query = select(commands).where(commands.c.project == project, commands.c.id == command_id)
    row = tx.execute(query).mappings().first()
    return None if row is None else _command(row)


def recent(
    tx: Transaction, project: str, *, about: str | None = None, limit: int = 50, offset: int = 0
) -> list[Command]:
    """Commands, newest first; of one asset, run or backfill, those that name it."""
    query = select(commands).where(commands.c.project == project)
    if about is not None:
        query = query.where(commands.c.about == about)
    query = query.order_by(commands.c.id.desc()).limit(limit).offset(offset)
    return [_command(row) for row in tx.execute(query).mappings()]


def go_on(
    tx: Transaction, seen: Command, *, remaining: Mapping[str, Any], outcome: Mapping[str, Any], worker: str
) -> bool:
    """It is at work, and this remains of it; False when it is not as it was seen any more."""
    at_work = CommandState.AT_WORK
    return _change(tx, seen, state=at_work, remaining=dict(remaining), outcome=outcome, worker=worker, ended_at=None)


def end(
    tx: Transaction, seen: Command, state: CommandState, *, outcome: Mapping[str, Any], worker: str, now: datetime
) -> bool:
    """It has ended so; False when it is not as it was seen any more."""
    return _change(tx, seen, state=state, remaining=None, outcome=outcome, worker=worker, ended_at=now)


def _change(tx: Transaction, seen: Command, *, state: CommandState, outcome: Mapping[str, Any], **values: Any) -> bool:
    changed = tx.execute(
        update(commands)
        .where(commands.c.id == seen.id, commands.c.ended_at.is_(None), commands.c.steps == seen.steps)
        .values(state=state.value, steps=seen.steps + 1, outcome=dict(outcome), **values)
    )
    return changed.rowcount == 1


def _command(row: Mapping[str, Any] | RowMapping) -> Command:
    return Command(
        id=row["id"],
        project=row["project"],
        key=row["key"],
        kind=CommandKind(row["kind"]),
        about=row["about"],
        arguments=row["arguments"],
        asked_by=row["asked_by"],
        asked_at=row["asked_at"],
        state=CommandState(row["state"]),
        steps=row["steps"],
        remaining=row["remaining"],
        outcome=row["outcome"],
        worker=row["worker"],
        ended_at=row["ended_at"],
    )
