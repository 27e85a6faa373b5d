"""Events, one row per publication, and their consumption: exactly once per consumer, held by a unique key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    Column,
    Index,
    UniqueConstraint,
    and_,
    bindparam,
    case,
    exists,
    func,
    insert,
    literal,
    select,
    text,
    update,
)
from sqlmodel import Field

from ..errors import Bug
from ..types import ConsumptionOutcome, EventKind
from .catalogue import datasets, subscriptions
from .engine import BY_KEY, TEXT, WHOLE, Row, Transaction, UtcTime, table_of
from .prepared import Listed, Prepared, among


class EventRow(Row, table=True):
    """ "Version V of dataset D was published." Append-only; `number` counts within the dataset."""

    __tablename__ = "events"  # pyright: ignore[reportAssignmentType]
    __table_args__ = (UniqueConstraint("dataset_id", "number"),)

    id: int | None = Field(default=None, primary_key=True)
    dataset_id: int = Field(foreign_key="datasets.id")
    partition: str = ""
    number: int
    kind: str
    version_id: int | None = Field(default=None, foreign_key="versions.id", index=True)
    run_id: str | None = Field(default=None, foreign_key="runs.id", index=True)
    at: datetime = Field(sa_type=UtcTime)
    said: dict[str, Any] = Field(sa_column=Column("metadata", JSON, nullable=False))


class ConsumptionRow(Row, table=True):
    """That a consumer took an event. At most one current row per consumer and event; older ones are history."""

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
    )

    id: int | None = Field(default=None, primary_key=True)
    asset_id: int = Field(foreign_key="assets.id")
    partition: str = ""
    event_id: int = Field(foreign_key="events.id")
    run_id: str | None = Field(default=None, foreign_key="runs.id", index=True)
    outcome: str
    current: bool = True
    at: datetime = Field(sa_type=UtcTime)


class TickRow(Row, table=True):
    """That a consumer took a tick of one of its timetables. Ticks never return."""

    __tablename__ = "ticks"  # pyright: ignore[reportAssignmentType]
    __table_args__ = BY_KEY

    asset_id: int = Field(foreign_key="assets.id", primary_key=True)
    partition: str = Field(default="", primary_key=True)
    timetable: str = Field(primary_key=True)
    tick: datetime = Field(sa_type=UtcTime, primary_key=True)
    run_id: str = Field(foreign_key="runs.id")


events = table_of(EventRow)
consumptions = table_of(ConsumptionRow)
ticks = table_of(TickRow)


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """What `publish_event` recorded."""

    event_id: int
    number: int
    kind: EventKind
    first: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """What is pending of one dataset for one consumer, in sums.

    Attributes
    ----------
    count: pending events; newest: the highest number among them.
    causes: `changed` (or `removed`) events that may start a run.
    confirmed: `confirmed` events that arrived since the consumer was last settled.
    """

    count: int
    newest: int
    causes: int
    confirmed: int


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
) -> Published:
    """Append the event that this version was published, and make it the head.

    The kind follows from the head before: the same version is `confirmed`, another one `changed`.
    """
    before = _LOCKED.first(tx, {"b_id": dataset_id})
    if before is None:
        raise Bug(f"dataset {dataset_id} is not registered")
    last_number, head = before
    kind = EventKind.CONFIRMED if head == version_id else EventKind.CHANGED
    number = last_number + 1
    event_id = _append(tx, dataset_id, number, kind, version_id=version_id, run_id=run_id, metadata=metadata, now=now)
    return Published(event_id=event_id, number=number, kind=kind, first=head is None)


def publish_removal(tx: Transaction, *, dataset_id: int, now: datetime) -> Published | None:
    """Append the event that an observed dataset is gone; None when it had no head. It has no version from then on."""
    before = _LOCKED.first(tx, {"b_id": dataset_id})
    if before is None or before[1] is None:
        return None
    number = before[0] + 1
    event_id = _append(tx, dataset_id, number, EventKind.REMOVED, version_id=None, run_id=None, metadata={}, now=now)
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
) -> int:
    _RAISED.run(tx, {"b_id": dataset_id, "b_number": number, "b_version": version_id})
    return _APPENDED.returned(
        tx,
        {
            "dataset_id": dataset_id,
            "partition": "",
            "number": number,
            "kind": kind,
            "version_id": version_id,
            "run_id": run_id,
            "at": now,
            "metadata": metadata,
        },
    )


def _taken(asset_id: Any) -> Any:
    """Whether the consumer has a current link to the event of the enclosing statement."""
    return exists().where(
        consumptions.c.asset_id == asset_id,
        consumptions.c.partition == "",
        consumptions.c.event_id == events.c.id,
        consumptions.c.current,
    )


_FRESH = events.c.number > subscriptions.c.completing
_PENDING = Listed(
    select(
        subscriptions.c.asset_id,
        subscriptions.c.dataset_id,
        func.count(),
        func.max(events.c.number),
        func.sum(case((and_(_FRESH, events.c.kind == EventKind.CHANGED), 1), else_=0)),
        func.sum(case((and_(_FRESH, events.c.kind == EventKind.CONFIRMED), 1), else_=0)),
    )
    .select_from(subscriptions)
    .join(events, and_(events.c.dataset_id == subscriptions.c.dataset_id, events.c.number > subscriptions.c.floor))
    .where(
        among(subscriptions.c.asset_id),
        events.c.kind != EventKind.REMOVED,
        ~_taken(subscriptions.c.asset_id),
    )
    .group_by(subscriptions.c.asset_id, subscriptions.c.dataset_id)
)


def pending(tx: Transaction, asset_ids: Sequence[int]) -> dict[tuple[int, int], Pending]:
    """What is pending for these consumers, by (asset id, dataset id); nothing pending is left out.

    Costs what is pending, not the history: settled events lie at or below the subscription's floor.
    """
    return {
        (asset_id, dataset_id): Pending(count=count, newest=newest, causes=causes, confirmed=confirmed)
        for asset_id, dataset_id, count, newest, causes, confirmed in _PENDING.rows(tx, asset_ids)
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What one consumer takes of one dataset: its pending events up to a number, which are `expected` many."""

    asset_id: int
    dataset_id: int
    up_to: int
    expected: int
    run_id: str | None
    outcome: ConsumptionOutcome


_WAITING = (
    select(events.c.id, func.count().over().label("found"))
    .join(
        subscriptions,
        and_(subscriptions.c.dataset_id == events.c.dataset_id, subscriptions.c.asset_id == bindparam("b_asset")),
    )
    .where(
        events.c.dataset_id == bindparam("b_dataset"),
        events.c.number > subscriptions.c.floor,
        events.c.number <= bindparam("b_up_to"),
        events.c.kind != EventKind.REMOVED,
        ~_taken(bindparam("b_asset")),
    )
    .subquery()
)
_LINKED = Prepared(
    insert(consumptions).from_select(
        ["asset_id", "partition", "event_id", "run_id", "outcome", "current", "at"],
        select(
            bindparam("b_asset", type_=WHOLE),
            literal(""),
            _WAITING.c.id,
            bindparam("b_run", type_=TEXT),
            bindparam("b_outcome", type_=TEXT),
            literal(True),
            bindparam("b_now", type_=UtcTime()),
        ).where(_WAITING.c.found == bindparam("b_expected")),  # all of a claim or nothing: the sum then tells
    )
)
_SETTLED = Prepared(
    update(subscriptions)
    .where(
        subscriptions.c.asset_id == bindparam("b_asset"),
        subscriptions.c.partition == "",
        subscriptions.c.dataset_id == bindparam("b_dataset"),
        subscriptions.c.floor < bindparam("b_up_to"),
    )
    .values(floor=bindparam("b_up_to"))
)


def consume(tx: Transaction, claims: Sequence[Claim], *, now: datetime) -> bool:
    """Link the pending events of every claim to its consumer, and settle them.

    Returns False when other than the expected number of events were pending: somebody else was faster. Then nothing
    of this transaction may be kept; the caller rolls back and plans again.
    """
    if not claims:
        return True
    rows = [
        {
            "b_asset": claim.asset_id,
            "b_dataset": claim.dataset_id,
            "b_up_to": claim.up_to,
            "b_expected": claim.expected,
            "b_run": claim.run_id,
            "b_outcome": claim.outcome.value,
            "b_now": now,
        }
        for claim in claims
    ]
    if _LINKED.run_many(tx, rows) != sum(claim.expected for claim in claims):
        return False
    keys = ("b_asset", "b_dataset", "b_up_to")
    _SETTLED.run_many(tx, [{key: row[key] for key in keys} for row in rows])
    return True


def give_back(tx: Transaction, *, asset_id: int, run_id: str, fresh: bool = False) -> int:
    """Make the events of a run that failed for good or was canceled pending again; how many.

    They can complete a condition but no longer start a run, unless `fresh`: then it is as if the run had never been.
    """
    rows = tx.execute(
        select(events.c.dataset_id, func.min(events.c.number), func.max(events.c.number))
        .join(consumptions, consumptions.c.event_id == events.c.id)
        .where(consumptions.c.run_id == run_id, consumptions.c.current)
        .group_by(events.c.dataset_id)
    ).all()
    for dataset_id, lowest, highest in rows:
        tx.execute(
            update(subscriptions)
            .where(subscriptions.c.asset_id == asset_id, subscriptions.c.dataset_id == dataset_id)
            .values(
                floor=case((subscriptions.c.floor >= lowest, lowest - 1), else_=subscriptions.c.floor),
                **(
                    {}
                    if fresh
                    else {
                        "completing": case(
                            (subscriptions.c.completing < highest, highest), else_=subscriptions.c.completing
                        )
                    }
                ),
            )
        )
    done = tx.execute(
        update(consumptions)
        .where(consumptions.c.run_id == run_id, consumptions.c.current)
        .values(current=False, outcome=ConsumptionOutcome.RETURNED)
    )
    return done.rowcount


def consume_ticks(tx: Transaction, taken: Sequence[tuple[int, str, str, datetime]]) -> None:
    """Link (asset id, run id, timetable, instant) ticks; one that is taken already violates the primary key."""
    if taken:
        tx.execute(
            insert(ticks),
            [
                {"asset_id": asset_id, "partition": "", "timetable": name, "tick": tick, "run_id": run_id}
                for asset_id, run_id, name, tick in taken
            ],
        )


_LAST_TICK = select(func.max(ticks.c.tick)).where(
    ticks.c.asset_id == bindparam("b_asset"), ticks.c.partition == "", ticks.c.timetable == bindparam("b_timetable")
)


def last_ticks(tx: Transaction, wanted: Sequence[tuple[int, str]]) -> dict[tuple[int, str], datetime]:
    """The last tick that was taken, by (asset id, timetable), of these; one of which none was taken is left out.

    A seek for each: their key is in the order of their times.
    """
    found: dict[tuple[int, str], datetime] = {}
    for asset_id, name in wanted:
        tick = tx.execute(_LAST_TICK, {"b_asset": asset_id, "b_timetable": name}).scalar()
        if tick is not None:
            found[asset_id, name] = tick
    return found
