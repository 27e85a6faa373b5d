"""Messages: what destinations get, each of one notification or more, on its way until it is delivered, or refused for
good.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Index,
    RowMapping,
    bindparam,
    case,
    delete,
    func,
    insert,
    literal_column,
    select,
    text,
    update,
)
from sqlmodel import Field

from ..types import NotificationKind, OutboxState
from .catalogue import assets
from .database.bell import Topic, ring
from .database.engine import Row, Transaction, UtcTime, table_of
from .notifications import notifications


class MessageRow(Row, table=True):
    """What a destination gets. `kind`: the gravest of what it tells, or the only one; `count`: of how many
    happenings."""

    __tablename__ = "messages"  # pyright: ignore[reportAssignmentType]
    __table_args__ = (
        Index(
            "messages_pending",
            "destination",
            "id",
            sqlite_where=text("state = 'pending'"),
            postgresql_where=text("state = 'pending'"),
        ),
        Index("messages_delivered", "destination", "delivered_at"),
    )

    id: int | None = Field(default=None, primary_key=True)
    destination: str
    at: datetime = Field(sa_type=UtcTime)
    kind: str
    count: int
    subject: str
    body: str
    state: str = OutboxState.PENDING
    attempts: int = 0
    next_at: datetime = Field(sa_type=UtcTime)
    delivered_at: datetime | None = Field(default=None, sa_type=UtcTime)
    error: str | None = None


messages = table_of(MessageRow)

# Written out, not bound: the partial indexes serve only statements that visibly ask for what they hold.
_PENDING: ColumnElement[str] = literal_column(f"'{OutboxState.PENDING}'")


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message, and how it stands."""

    id: int
    destination: str
    at: datetime
    kind: NotificationKind
    count: int
    subject: str
    body: str
    state: OutboxState
    attempts: int
    next_at: datetime
    delivered_at: datetime | None
    error: str | None


def sent_since(tx: Transaction, destination: str, since: datetime) -> list[datetime]:
    """When messages arrived at a destination."""
    query = select(messages.c.delivered_at).where(
        messages.c.destination == destination, messages.c.delivered_at > since
    )
    return [at for at in tx.execute(query).scalars() if at is not None]


def last_told(tx: Transaction, destination: str, since: datetime) -> dict[tuple[NotificationKind, str, str], datetime]:
    """When a destination was last told, by kind, asset and how; what was told before `since` is left out."""
    rows = tx.execute(
        select(notifications.c.kind, assets.c.name, notifications.c.how, func.max(messages.c.delivered_at))
        .select_from(messages)
        .join(notifications, notifications.c.message_id == messages.c.id)
        .join(assets, assets.c.id == notifications.c.asset_id)
        .where(messages.c.destination == destination, messages.c.delivered_at > since)
        .group_by(notifications.c.kind, assets.c.name, notifications.c.how)
    )
    return {(NotificationKind(kind), asset, how): at for kind, asset, how, at in rows}


def compose(
    tx: Transaction,
    ids: Sequence[int],
    *,
    destination: str,
    kind: NotificationKind,
    subject: str,
    body: str,
    now: datetime,
) -> int:
    """A message tells these; its id."""
    row = {"destination": destination, "at": now, "kind": kind.value, "count": len(ids), "next_at": now}
    statement = insert(messages).values(
        **row, subject=_text(subject), body=_text(body), state=OutboxState.PENDING.value, attempts=0
    )
    message_id = tx.execute(statement.returning(messages.c.id)).scalar_one()
    for start in range(0, len(ids), 500):
        tx.execute(
            update(notifications).where(notifications.c.id.in_(ids[start : start + 500])).values(message_id=message_id)
        )
    return message_id


_PENDING_OF = (
    select(messages)
    .where(messages.c.destination == bindparam("b_destination"), messages.c.state == _PENDING)
    .order_by(messages.c.id)
    .limit(1)
)


def pending(tx: Transaction, destination: str) -> Message | None:
    """The first message that has not arrived; None where all have, or were refused."""
    row = tx.execute(_PENDING_OF, {"b_destination": destination}).mappings().first()
    return None if row is None else _message(row)


def deliver(tx: Transaction, message_id: int, *, at: datetime) -> None:
    """The message has arrived."""
    _become(tx, message_id, OutboxState.DELIVERED, delivered_at=at, error=None)


def postpone(tx: Transaction, message_id: int, *, until: datetime, error: str) -> None:
    """It could not be sent; try again at `until`."""
    _become(tx, message_id, OutboxState.PENDING, next_at=until, error=_text(error))


def bury(tx: Transaction, message_id: int, *, error: str) -> None:
    """It will never be taken."""
    _become(tx, message_id, OutboxState.DEAD, error=_text(error))


def dig_up(tx: Transaction, destination: str, *, now: datetime) -> int:
    """What the destination had refused for good, or not taken for a day, is on its way again, as if it were composed
    now; how many messages that are."""
    buried = messages.c.destination == destination, messages.c.state == OutboxState.DEAD.value
    again = {"state": OutboxState.PENDING.value, "attempts": 0, "at": now, "next_at": now}
    ring(tx, Topic.RELAY)
    return tx.execute(update(messages).where(*buried).values(**again)).rowcount


def clear(tx: Transaction, destination: str, *, before: datetime, dry_run: bool = False) -> int:
    """Messages that arrived before that are forgotten, with what they told; how many those are."""
    old = select(messages.c.id).where(messages.c.destination == destination, messages.c.delivered_at < before)
    ids = list(tx.execute(old).scalars())
    for start in range(0, 0 if dry_run else len(ids), 500):
        some = ids[start : start + 500]
        tx.execute(delete(notifications).where(notifications.c.message_id.in_(some)))
        tx.execute(delete(messages).where(messages.c.id.in_(some)))
    return len(ids)


def _become(tx: Transaction, message_id: int, state: OutboxState, **values: Any) -> None:
    statement = update(messages).where(messages.c.id == message_id)
    tx.execute(statement.values(state=state.value, attempts=messages.c.attempts + 1, **values))


def recent(
    tx: Transaction, project: str, *, destination: str | None = None, limit: int = 50, offset: int = 0
) -> list[Message]:
    """Messages to the destinations of a project, newest first."""
    query = select(messages).order_by(messages.c.id.desc()).limit(limit).offset(offset)
    query = (
        query.where(messages.c.destination == destination)
        if destination is not None
        else query.where(messages.c.destination.startswith(f"{project}/", autoescape=True))
    )
    return [_message(row) for row in tx.execute(query).mappings()]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsent:
    """How a destination stands: how many happenings wait to be told, how many messages are on their way, how many were
    refused for good, and the last error."""

    destination: str
    waiting: int
    pending: int
    dead: int
    error: str | None


def unsent(tx: Transaction, project: str) -> list[Unsent]:
    """What the destinations of a project have not got, by destination; those that have got everything are left out."""
    mine = f"{project}/"
    waits = dict(
        tx.execute(
            select(notifications.c.destination, func.count())
            .where(notifications.c.message_id.is_(None), notifications.c.destination.startswith(mine, autoescape=True))
            .group_by(notifications.c.destination)
        ).all()
    )
    pending_, dead = (
        func.sum(case((messages.c.state == state, 1), else_=0)) for state in (OutboxState.PENDING, OutboxState.DEAD)
    )
    rows = tx.execute(
        select(messages.c.destination, pending_, dead, func.max(messages.c.error))
        .where(
            messages.c.state.in_([OutboxState.PENDING.value, OutboxState.DEAD.value]),
            messages.c.destination.startswith(mine, autoescape=True),
        )
        .group_by(messages.c.destination)
    )
    stuck = {destination: (p, d, error) for destination, p, d, error in rows}
    return [
        Unsent(destination=one, waiting=waits.get(one, 0), pending=p, dead=d, error=error)
        for one in sorted({*waits, *stuck})
        for p, d, error in [stuck.get(one, (0, 0, None))]
    ]


def _text(given: str) -> str:
    """PostgreSQL keeps no NUL in a text."""
    return given.replace("\0", "\ufffd")


def _message(row: RowMapping) -> Message:
    given: dict[str, Any] = {**row}
    return Message(kind=NotificationKind(given.pop("kind")), state=OutboxState(given.pop("state")), **given)
