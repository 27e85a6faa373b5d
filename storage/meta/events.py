"""Events, one row per publication, and their consumption: exactly once per consumer, held by a unique key.

What is pending for a consumer stands nowhere: it is what was published and is not linked. `PENDING` says so once, for
those who count it (`pending.py`) and those who take it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import (
    JSON,
    Column,
    ColumnElement,
    FromClause,
    Index,
    UniqueConstraint,
    and_,
    bindparam,
    case,
    exists,
    func,
    insert,
    literal,
    literal_column,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.exc import IntegrityError
from sqlmodel import Field

from ..errors import Bug
from ..types import ConsumptionOutcome, EventKind
from .catalogue import FORGOTTEN, datasets, subscriptions
from .database.bell import Topic, ring
from .database.engine import TEXT, WHOLE, Row, Transaction, UtcTime, table_of
from .database.prepared import Prepared, as_rows, sought_rows


class EventRow(Row, table=True):
    """ "Version V of dataset D was published." Append-only; `number` counts within the dataset.

    `at` is when it was published, as whoever published it says; `told_at` when that was recorded, None where a database
    is older than that column. `again_of`: the event of another dataset, an alias by then, that it tells again.
    """

    __tablename__ = "events"  # pyright: ignore[reportAssignmentType]
    __table_args__ = (
        UniqueConstraint("dataset_id", "number"),
        Index(
            "events_of_partitions",
            "dataset_id",
            "partition",
            "number",
            sqlite_where=text("partition <> ''"),
            postgresql_where=text("partition <> ''"),
        ),
    )

    id: int | None = Field(default=None, primary_key=True)
    dataset_id: int = Field(foreign_key="datasets.id")
    partition: str = ""
    number: int
    kind: str
    version_id: int | None = Field(default=None, foreign_key="versions.id", index=True)
    run_id: str | None = Field(default=None, foreign_key="runs.id", index=True)
    at: datetime = Field(sa_type=UtcTime)
    said: dict[str, Any] = Field(sa_column=Column("metadata", JSON, nullable=False))
    told_at: datetime | None = Field(default=None, sa_type=UtcTime)
    again_of: int | None = Field(default=None)


_RETURNED = f"outcome = '{ConsumptionOutcome.RETURNED}'"
"""Written as a text, so that the index is recognised."""


class ConsumptionRow(Row, table=True):
    """That a consumer took an event. At most one current row per consumer and event; older ones are history: an event
    with one that was returned can complete the consumer's condition and never start a run of it."""

    __tablename__ = "consumptions"  # pyright: ignore[reportAssignmentType]
    __table_args__ = (
        Index(
            "one_current_consumption",
            "asset_id",
            "partition",
            "event_id",
            unique=True,
            sqlite_where=text("current = 1"),
            postgresql_where=text("current"),
        ),
        Index(
            "returned_consumptions",
            "asset_id",
            "partition",
            "event_id",
            sqlite_where=text(_RETURNED),
            postgresql_where=text(_RETURNED),
        ),
    )

    id: int | None = Field(default=None, primary_key=True)
    asset_id: int = Field(foreign_key="assets.id")
    partition: str = ""
    event_id: int = Field(foreign_key="events.id")
    run_id: str | None = Field(default=None, foreign_key="runs.id", index=True)
    outcome: str
    current: bool = True
    at: datetime = Field(sa_type=UtcTime)


events = table_of(EventRow)
consumptions = table_of(ConsumptionRow)


ARRIVED = func.coalesce(events.c.told_at, events.c.at)
"""When an event was there for whoever waits for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """What `publish_event` recorded; `known`: whether the version was the head already, whatever kind is told."""

    event_id: int
    number: int
    kind: EventKind
    first: bool
    known: bool = False


_LOCKED = Prepared(
    select(datasets.c.last_number, datasets.c.head_version_id)
    .where(datasets.c.id == bindparam("b_id"))
    .with_for_update()  # SQLite has one writer at a time and says nothing here
)
_RAISED = Prepared(
    update(datasets)
    .where(datasets.c.id == bindparam("b_id"))
    .values(last_number=bindparam("b_number"), head_version_id=bindparam("b_version"))
)
_APPENDED = Prepared(insert(events).returning(events.c.id))


def publish_event(
    tx: Transaction,
    *,
    dataset_id: int,
    version_id: int,
    run_id: str | None,
    metadata: Mapping[str, Any],
    now: datetime,
    at: datetime | None = None,
    kind: EventKind | None = None,
) -> Published:
    """Append the event that this version was published, and make it the head; `at`: when, if that was before now.

    The kind follows from the head before: the same version is `confirmed`, another one `changed`. What is told again
    may say its `kind`.
    """
    before = _LOCKED.first(tx, {"b_id": dataset_id})
    if before is None:
        raise Bug(f"dataset {dataset_id} is not registered")
    last_number, head = before
    known, number = head == version_id, last_number + 1
    kind = kind or (EventKind.CONFIRMED if known else EventKind.CHANGED)
    event_id = _append(
        tx, dataset_id, number, kind, version_id=version_id, run_id=run_id, metadata=metadata, now=now, at=at or now
    )
    return Published(event_id=event_id, number=number, kind=kind, first=head is None, known=known)


def publish_removal(tx: Transaction, *, dataset_id: int, now: datetime) -> Published | None:
    """Append the event that an observed dataset is gone; None when it had no head. It has no version from then on."""
    before = _LOCKED.first(tx, {"b_id": dataset_id})
    if before is None or before[1] is None:
        return None
    number = before[0] + 1
    event_id = _append(
        tx, dataset_id, number, EventKind.REMOVED, version_id=None, run_id=None, metadata={}, now=now, at=now
    )
    return Published(event_id=event_id, number=number, kind=EventKind.REMOVED, first=False)


def _append(
    tx: Transaction,
    dataset_id: int,
    number: int,
    kind: EventKind,
    *,
    version_id: int | None,
    run_id: str | None,
    metadata: Mapping[str, Any],
    now: datetime,
    at: datetime,
) -> int:
    _RAISED.run(tx, {"b_id": dataset_id, "b_number": number, "b_version": version_id})
    ring(tx, Topic.PLANNER)
    return _APPENDED.returned(
        tx,
        {
            "dataset_id": dataset_id,
            "partition": "",
            "number": number,
            "kind": kind,
            "version_id": version_id,
            "run_id": run_id,
            "at": at,
            "metadata": metadata,
            "told_at": now,
        },
    )


def _linked(*further: ColumnElement[bool], event: FromClause = events) -> ColumnElement[bool]:
    """Whether the consumer of the subscription has such a link to the event of the enclosing statement; SQLAlchemy
    looks one statement up for them unless told, and would ask whether any consumer has one."""
    mine = (consumptions.c.asset_id == subscriptions.c.asset_id, consumptions.c.partition == "")
    return exists().where(*mine, consumptions.c.event_id == event.c.id, *further).correlate(subscriptions, event)


def _pending(above: ColumnElement[int], event: FromClause = events) -> ColumnElement[bool]:
    return and_(
        event.c.dataset_id == subscriptions.c.dataset_id,
        event.c.number > above,
        or_(event.c.kind != EventKind.REMOVED, subscriptions.c.removals),
        subscriptions.c.ended_at.is_(None),
        ~_linked(consumptions.c.current, event=event),
    )


PENDING = _pending(subscriptions.c.floor)
"""That an event is pending for the consumer of a subscription. Costs what is pending: what is settled is not sought."""

UNSUMMED = _pending(subscriptions.c.summed)
"""That an event is pending, and in no tally: the same where there is none."""

_WAS_RETURNED = consumptions.c.outcome == literal_column(f"'{ConsumptionOutcome.RETURNED}'")  # in the index's words


def _fresh(event: FromClause = events) -> ColumnElement[bool]:
    return and_(event.c.number > subscriptions.c.completing, ~_linked(_WAS_RETURNED, event=event))


FRESH = _fresh()
"""That an event may start a run of this consumer: it came after the consumer, and no failed run gave it back."""

_others = events.alias("others")


def starting(*kinds: EventKind) -> ColumnElement[int]:
    """The lowest number of these kinds that is pending and may start a run of the consumer; NULL where none may."""
    of_kind = or_(*(_others.c.kind == kind for kind in kinds))
    found = select(_others.c.number).where(_pending(subscriptions.c.floor, _others), of_kind, _fresh(_others))
    return found.order_by(_others.c.number).limit(1).correlate(subscriptions).scalar_subquery()


TAKEN = _linked(consumptions.c.current)
"""That this consumer has taken an event."""


class Claim(NamedTuple):
    """What one consumer takes of one dataset: its pending events up to a number, which are `expected` many.

    `about`: all but the one with this number are linked as superseded; None: none is.
    """

    asset_id: int
    dataset_id: int
    up_to: int
    expected: int
    run_id: str | None
    outcome: ConsumptionOutcome
    about: int | None = None


_CLAIMS = sought_rows(
    "claims", asset=WHOLE, dataset=WHOLE, up_to=WHOLE, expected=WHOLE, run=TEXT, outcome=TEXT, about=WHOLE
)


_found = select(func.count()).where(_pending(subscriptions.c.floor, _others), _others.c.number <= _CLAIMS.c.up_to)
_LINKED = Prepared(
    insert(consumptions).from_select(
        ["asset_id", "partition", "event_id", "run_id", "outcome", "current", "at"],
        select(
            _CLAIMS.c.asset,
            literal(""),
            events.c.id,
            _CLAIMS.c.run,
            case(
                (or_(_CLAIMS.c.about.is_(None), _CLAIMS.c.about == events.c.number), _CLAIMS.c.outcome),
                else_=literal(ConsumptionOutcome.SUPERSEDED.value),
            ),
            literal(True),
            bindparam("b_now", type_=UtcTime()),
        )
        .select_from(_CLAIMS)
        .join(
            subscriptions,
            and_(
                subscriptions.c.asset_id == _CLAIMS.c.asset,
                subscriptions.c.partition == "",
                subscriptions.c.dataset_id == _CLAIMS.c.dataset,
                _CLAIMS.c.expected == _found.correlate(subscriptions, _CLAIMS).scalar_subquery(),
            ),
        )
        .join(events, and_(PENDING, events.c.number <= _CLAIMS.c.up_to)),
    )
)
"""Link what is pending to its consumers: all of a claim or nothing, which the number of links then tells. What a claim
would take is counted before it is taken: to count what was joined, both would have to be sorted by claims."""
_SETTLED = Prepared(
    update(subscriptions)
    .where(
        subscriptions.c.asset_id == _CLAIMS.c.asset,
        subscriptions.c.partition == "",
        subscriptions.c.dataset_id == _CLAIMS.c.dataset,
        subscriptions.c.floor < _CLAIMS.c.up_to,
    )
    .values(floor=_CLAIMS.c.up_to, summed=_CLAIMS.c.up_to, **FORGOTTEN)
)


def consume(tx: Transaction, claims: Sequence[Claim], *, now: datetime) -> bool:
    """Link the pending events of every claim to its consumer, and settle them.

    Returns False when other than the expected number of events were pending: somebody else was faster. Then nothing
    of this transaction may be kept; the caller rolls back and plans again.
    """
    if not claims:
        return True
    rows = as_rows(
        [
            (
                claim.asset_id,
                claim.dataset_id,
                claim.up_to,
                claim.expected,
                claim.run_id,
                claim.outcome.value,
                claim.about,
            )
            for claim in claims
        ]
    )
    if _LINKED.run(tx, {"b_claims": rows, "b_now": now}) != sum(claim.expected for claim in claims):
        return False
    _SETTLED.run(tx, {"b_claims": rows})
    return True


def give_back(tx: Transaction, *, asset_id: int, run_id: str, fresh: bool = False) -> int:
    """Make the events of a run that failed for good or was canceled pending again; how many.

    They can complete a condition but no longer start a run, unless `fresh`: then it is as if the run had never been,
    and what could start one before still can. Each event is marked by itself: another run's failure changes nothing.
    """
    lowest = (
        select(events.c.dataset_id, func.min(events.c.number))
        .join(consumptions, consumptions.c.event_id == events.c.id)
        .where(consumptions.c.run_id == run_id, consumptions.c.current)
        .group_by(events.c.dataset_id)
    )
    for dataset_id, number in tx.execute(lowest).all():
        floor = case((subscriptions.c.floor >= number, number - 1), else_=subscriptions.c.floor)
        tx.execute(
            update(subscriptions)
            .where(subscriptions.c.asset_id == asset_id, subscriptions.c.dataset_id == dataset_id)
            .values(floor=floor, summed=floor, **FORGOTTEN)
        )
    outcome = ConsumptionOutcome.RELEASED if fresh else ConsumptionOutcome.RETURNED
    of_run = update(consumptions).where(consumptions.c.run_id == run_id, consumptions.c.current)
    done = tx.execute(of_run.values(current=False, outcome=outcome))
    return done.rowcount


_ONCE = {
    "23505": ("one_current_consumption", "ticks_pkey"),  # PostgreSQL, by the names of the keys
    "SQLITE_CONSTRAINT_UNIQUE": ("consumptions.event_id",),  # by their columns
    "SQLITE_CONSTRAINT_PRIMARYKEY": ("ticks.tick",),
}
"""Kind of error → how it names the keys by which an event and a tick are taken once."""


def taken_already(error: IntegrityError) -> bool:
    """Whether an error says that somebody else took an event or a tick, and not that a statement is wrong."""
    kind = getattr(error.orig, "sqlstate", None) or getattr(error.orig, "sqlite_errorname", "")
    return any(key in str(error.orig) for key in _ONCE.get(kind, ()))
