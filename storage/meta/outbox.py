"""The outbox: rendered lineage events, written in the transactions they tell of, and where they still have to go."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import (
    ColumnElement,
    Index,
    LargeBinary,
    and_,
    case,
    exists,
    func,
    insert,
    literal_column,
    select,
    text,
    update,
)
from sqlmodel import Field

from ..types import OutboxState
from .database.bell import Topic, ring
from .database.engine import BY_KEY, Row, Transaction, UtcTime, table_of
from .database.prepared import Prepared


class LineageEventRow(Row, table=True):
    """One OpenLineage event as it is sent: JSON in UTF-8. Kept, so that it can be sent again and exported."""

    __tablename__ = "lineage_events"  # pyright: ignore[reportAssignmentType]

    id: int | None = Field(default=None, primary_key=True)
    run_id: str = Field(foreign_key="runs.id", index=True)
    at: datetime = Field(sa_type=UtcTime)
    body: bytes = Field(sa_type=LargeBinary)


class OutboxRow(Row, table=True):
    """That an event is to go to a destination, and how that stands. `event_id` gives the order."""

    __tablename__ = "outbox"  # pyright: ignore[reportAssignmentType]
    __table_args__ = (
        Index(
            "outbox_pending",
            "destination",
            "event_id",
            sqlite_where=text("state = 'pending'"),
            postgresql_where=text("state = 'pending'"),
        ),
        Index(
            "outbox_pending_by_run",
            "destination",
            "run_id",
            "event_id",
            sqlite_where=text("state = 'pending'"),
            postgresql_where=text("state = 'pending'"),
        ),
        Index(
            "outbox_dead",
            "destination",
            "event_id",
            sqlite_where=text("state = 'dead'"),
            postgresql_where=text("state = 'dead'"),
        ),
        BY_KEY,
    )

    event_id: int = Field(foreign_key="lineage_events.id", primary_key=True)
    destination: str = Field(primary_key=True)
    run_id: str
    state: str = OutboxState.PENDING
    attempts: int = 0
    next_at: datetime = Field(sa_type=UtcTime)
    delivered_at: datetime | None = Field(default=None, sa_type=UtcTime)
    error: str | None = None


lineage_events = table_of(LineageEventRow)
outbox = table_of(OutboxRow)

# Written out, not bound: the partial indexes serve only statements that visibly ask for what they hold.
_PENDING: ColumnElement[str] = literal_column(f"'{OutboxState.PENDING}'")
_DEAD: ColumnElement[str] = literal_column(f"'{OutboxState.DEAD}'")


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """One event on its way to one destination; `id` is the event's."""

    id: int
    run_id: str
    body: bytes
    attempts: int


_KEPT = Prepared(insert(lineage_events).returning(lineage_events.c.id))
_ADDRESSED = Prepared(insert(outbox))


def append(tx: Transaction, *, run_id: str, body: bytes, at: datetime, destinations: Sequence[str]) -> None:
    """Keep the event, and address it to every destination."""
    event_id = _KEPT.returned(tx, {"run_id": run_id, "at": at, "body": body})
    if destinations:
        ring(tx, Topic.RELAY)
        _ADDRESSED.run_many(
            tx,
            [
                {
                    "event_id": event_id,
                    "destination": destination,
                    "run_id": run_id,
                    "state": OutboxState.PENDING.value,
                    "attempts": 0,
                    "next_at": at,
                }
                for destination in destinations
            ],
        )


def due(tx: Transaction, *, destination: str, now: datetime, limit: int) -> list[Parcel]:
    """What may be sent now, in order. An event waits while an earlier one of its run is postponed."""
    earlier = outbox.alias("earlier")
    blocked = exists().where(
        earlier.c.destination == destination,
        earlier.c.run_id == outbox.c.run_id,
        earlier.c.event_id < outbox.c.event_id,
        earlier.c.state == _PENDING,
        earlier.c.next_at > now,
    )
    query = (
        select(outbox.c.event_id, outbox.c.run_id, lineage_events.c.body, outbox.c.attempts)
        .join(lineage_events, lineage_events.c.id == outbox.c.event_id)
        .where(
            outbox.c.destination == destination,
            outbox.c.state == _PENDING,
            outbox.c.next_at <= now,
            ~blocked,
        )
        .order_by(outbox.c.event_id)
        .limit(limit)
    )
    return [
        Parcel(id=event_id, run_id=run_id, body=body, attempts=attempts)
        for event_id, run_id, body, attempts in tx.execute(query)
    ]


def mark_delivered(tx: Transaction, ids: Sequence[int], *, destination: str, at: datetime) -> None:
    """These events have arrived."""
    for start in range(0, len(ids), 500):
        tx.execute(
            update(outbox)
            .where(outbox.c.destination == destination, outbox.c.event_id.in_(ids[start : start + 500]))
            .values(state=OutboxState.DELIVERED.value, delivered_at=at, attempts=outbox.c.attempts + 1, error=None)
        )


def postpone(tx: Transaction, event_id: int, *, destination: str, until: datetime, error: str) -> None:
    """The event could not be sent; try again at `until`."""
    tx.execute(
        update(outbox)
        .where(outbox.c.destination == destination, outbox.c.event_id == event_id)
        .values(next_at=until, attempts=outbox.c.attempts + 1, error=_text(error))
    )


def bury(tx: Transaction, event_id: int, *, destination: str, error: str) -> None:
    """The destination refused the event for good."""
    tx.execute(
        update(outbox)
        .where(outbox.c.destination == destination, outbox.c.event_id == event_id)
        .values(state=OutboxState.DEAD.value, attempts=outbox.c.attempts + 1, error=_text(error))
    )


def revive(tx: Transaction, *, destination: str, now: datetime) -> int:
    """What the destination refused for good is to be sent again, as if it had never been; says how much that is."""
    found = tx.execute(
        update(outbox)
        .where(outbox.c.destination == destination, outbox.c.state == _DEAD)
        .values(state=OutboxState.PENDING.value, attempts=0, next_at=now)
    )
    ring(tx, Topic.RELAY)
    return found.rowcount


def _text(error: str) -> str:
    """What a server answered may hold anything; PostgreSQL keeps no NUL in a text."""
    return error.replace("\0", "\ufffd")


def is_waiting(tx: Transaction, *, destination: str) -> bool:
    """Whether anything is still to be sent to a destination."""
    query = select(outbox.c.event_id).where(outbox.c.destination == destination, outbox.c.state == _PENDING)
    return tx.execute(query.limit(1)).first() is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Undelivered:
    """How much is on its way to one destination, how much was refused, and one of the errors."""

    destination: str
    pending: int
    dead: int
    error: str | None


def undelivered(tx: Transaction) -> list[Undelivered]:
    """What has not arrived, by destination."""
    waiting, dead = (
        func.sum(case((outbox.c.state == state, 1), else_=0)) for state in (OutboxState.PENDING, OutboxState.DEAD)
    )
    rows = tx.execute(
        select(outbox.c.destination, waiting, dead, func.max(outbox.c.error))
        .where(and_(outbox.c.state != OutboxState.DELIVERED))
        .group_by(outbox.c.destination)
        .order_by(outbox.c.destination)
    )
    return [Undelivered(destination=d, pending=p, dead=x, error=e) for d, p, x, e in rows]


def bodies(tx: Transaction, *, run_id: str | None = None) -> Iterator[bytes]:
    """Every kept event, oldest first; of one run if it is named."""
    query = select(lineage_events.c.body).order_by(lineage_events.c.id).execution_options(yield_per=500)
    if run_id is not None:
        query = query.where(lineage_events.c.run_id == run_id)
    return iter(tx.execute(query).scalars())


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """Where an event stands on its way to one destination, after so many attempts; `error` is the last answer."""

    destination: str
    state: OutboxState
    attempts: int
    error: str | None


def told_of(tx: Transaction, run_id: str) -> list[tuple[bytes, tuple[Way, ...]]]:
    """The kept events of a run, oldest first, each with where it stands on its way to whom."""
    ways: dict[int, list[Way]] = {}
    query = select(outbox.c.event_id, outbox.c.destination, outbox.c.state, outbox.c.attempts, outbox.c.error)
    events = select(lineage_events.c.id).where(lineage_events.c.run_id == run_id)
    query = query.where(outbox.c.event_id.in_(events)).order_by(outbox.c.event_id, outbox.c.destination)
    for event_id, destination, state, attempts, error in tx.execute(query):
        way = Way(destination=destination, state=OutboxState(state), attempts=attempts, error=error)
        ways.setdefault(event_id, []).append(way)
    kept = select(lineage_events.c.id, lineage_events.c.body).where(lineage_events.c.run_id == run_id)
    return [(body, tuple(ways.get(number, ()))) for number, body in tx.execute(kept.order_by(lineage_events.c.id))]
