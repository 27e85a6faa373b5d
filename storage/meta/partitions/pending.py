"""What is pending for partitions of a consumer: of each of them, the events of the upstream keys that it reads. Reads
only.

A partition has no subscription of its own, and no row before it has taken something: what is pending for it is what is
newer than the newest event of an upstream key that it has taken, and what a failed run gave back although another has
taken something newer. Costs that, and a look-up for each upstream key.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, and_, bindparam, case, exists, func, literal_column, or_, select, text

from ...types import ConsumptionOutcome, EventKind
from ..catalogue import subscriptions
from ..database.engine import TEXT, WHOLE, Transaction, UtcTime
from ..database.prepared import Prepared, as_rows, given_rows
from ..events import ARRIVED, consumptions, events
from ..pending import PendingEvent, columns_of, pending_event
from ..versions import versions


class Asked(NamedTuple):
    """A key of the consumer, a dataset, and an upstream key of it; None: whichever."""

    key: str
    dataset_id: int
    upstream: str | None


class PendingOfKey(NamedTuple):
    """An event that is pending for a partition."""

    key: str
    event: PendingEvent


_ASSET = bindparam("b_asset", type_=WHOLE)
_earlier = events.alias("earlier")
_RETURNED: ColumnElement[str] = literal_column(f"'{ConsumptionOutcome.RETURNED}'")  # in the words of the index
_SUPPRESSED = consumptions.c.outcome == ConsumptionOutcome.SUPPRESSED.value
_KEYED = text("events.partition <> ''")


def _taken(event: ColumnElement[Any], key: ColumnElement[Any], *further: ColumnElement[bool]) -> ColumnElement[bool]:
    taken = exists().where(
        consumptions.c.asset_id == _ASSET,
        consumptions.c.partition == key,
        consumptions.c.event_id == event,
        *further,
    )
    return taken.correlate_except(consumptions)  # however deep it stands: otherwise any of the keys would do


_first = events.alias("first")
_ARRIVED: ColumnElement[datetime] = case(
    (
        and_(events.c.again_of.is_not(None), events.c.told_at <= subscriptions.c.since),
        select(func.coalesce(_first.c.told_at, _first.c.at))
        .where(_first.c.id == events.c.again_of)
        .correlate(events)
        .scalar_subquery(),
    ),
    else_=ARRIVED,
)
"""When an event was there for a consumer: what was told again of a dataset as it turned out to be another one was there
before, for whoever waited for that and goes on with this."""


def _columns(key: ColumnElement[Any]) -> tuple[ColumnElement[Any], ...]:
    fresh = and_(
        events.c.number > subscriptions.c.completing,
        ~_taken(events.c.id, key, consumptions.c.outcome == _RETURNED),
    )
    return (key, events.c.dataset_id, *columns_of(case((fresh, 1), else_=0), _ARRIVED))


def _statement(*, any_key: bool, returned: bool) -> Prepared:
    """What is newer than the newest that was taken; or what was given back of what is not.

    What is suppressed is neither pending nor taken: it hides nothing that came before it."""
    columns = {"key": TEXT, "dataset": WHOLE} if any_key else {"key": TEXT, "dataset": WHOLE, "upstream": TEXT}
    asked = given_rows("asked", **columns)
    ours, before = [events.c.dataset_id == asked.c.dataset], [_earlier.c.dataset_id == asked.c.dataset]
    if not any_key:
        ours += [events.c.partition == asked.c.upstream, _KEYED]
        before += [_earlier.c.partition == asked.c.upstream, text("earlier.partition <> ''")]
    newest = (
        select(_earlier.c.number)
        .where(*before, _taken(_earlier.c.id, asked.c.key, consumptions.c.current, ~_SUPPRESSED))
        .order_by(_earlier.c.number.desc())
        .limit(1)
        .correlate(asked)
        .scalar_subquery()
    )
    taken = func.coalesce(newest, 0)
    if returned:
        ours += [
            events.c.number <= taken,
            _taken(events.c.id, asked.c.key, consumptions.c.outcome == _RETURNED),
            ~_taken(events.c.id, asked.c.key, consumptions.c.current),
        ]
    else:
        ours += [events.c.number > taken, ~_taken(events.c.id, asked.c.key, consumptions.c.current, _SUPPRESSED)]
    return Prepared(
        select(*_columns(asked.c.key))
        .select_from(asked)
        .join(
            subscriptions,
            and_(
                subscriptions.c.asset_id == _ASSET,
                subscriptions.c.partition == "",
                subscriptions.c.dataset_id == asked.c.dataset,
            ),
        )
        .join(
            events,
            and_(
                *ours,
                events.c.number > subscriptions.c.floor,
                or_(events.c.kind != EventKind.REMOVED, subscriptions.c.removals),
            ),
        )
        .outerjoin(versions, versions.c.id == events.c.version_id)
        .where(subscriptions.c.ended_at.is_(None))
        .order_by(events.c.number)
    )


_OF_KEYS, _OF_ANY = (
    tuple(_statement(any_key=any_key, returned=returned) for returned in (True, False)) for any_key in (False, True)
)
_GIVEN_BACK = Prepared(
    select(consumptions.c.partition)
    .where(consumptions.c.asset_id == _ASSET, consumptions.c.outcome == _RETURNED, text("partition <> ''"))
    .distinct()
)


def pending_of_keys(tx: Transaction, asset_id: int, asked: Sequence[Asked]) -> Iterator[PendingOfKey]:
    """The events that are pending for these partitions of an asset, those of a dataset oldest first."""
    each = [tuple(one) for one in asked if one.upstream is not None]
    whole = [one[:2] for one in asked if one.upstream is None]
    failed = {row[0] for row in _GIVEN_BACK.rows(tx, {"b_asset": asset_id})}
    for (returned, newer), some in ((_OF_KEYS, each), (_OF_ANY, whole)):
        for statement, rows in ((returned, [one for one in some if one[0] in failed]), (newer, some)):
            if rows:  # what was given back is older than what is new
                found = statement.rows(tx, {"b_asset": asset_id, "b_asked": as_rows(rows)})
                yield from (_of_key(asset_id, row) for row in found)


def _newest_statement(*further: ColumnElement[bool]) -> Prepared:
    return Prepared(
        select(*_columns(literal_column("''")))
        .select_from(subscriptions)
        .join(events, events.c.dataset_id == subscriptions.c.dataset_id)
        .outerjoin(versions, versions.c.id == events.c.version_id)
        .where(
            subscriptions.c.asset_id == _ASSET,
            subscriptions.c.partition == "",
            subscriptions.c.dataset_id == bindparam("b_dataset", type_=WHOLE),
            subscriptions.c.ended_at.is_(None),
            events.c.number > subscriptions.c.completing,
            events.c.number > subscriptions.c.floor,
            bindparam("b_before", type_=UtcTime()) > _ARRIVED,
            *further,
        )
        .order_by(events.c.number.desc())
        .limit(1)
    )


_NEWEST = _newest_statement(events.c.kind != EventKind.REMOVED)
_CHANGED = _newest_statement(events.c.kind == EventKind.CHANGED)
_links = given_rows("links", key=TEXT, event=WHOLE)
_LINKED = Prepared(
    select(
        _links.c.key,
        case((_taken(_links.c.event, _links.c.key, consumptions.c.current), 1), else_=0),
        case((_taken(_links.c.event, _links.c.key, consumptions.c.outcome == _RETURNED), 1), else_=0),
    )
)
"""Asked link by link: joined, SQLite would go through all that were ever made to the event."""


_SINCE = Prepared(
    select(_links.c.key)
    .select_from(_links)
    .join(
        events,
        and_(
            events.c.dataset_id == bindparam("b_dataset", type_=WHOLE),
            events.c.number > bindparam("b_above", type_=WHOLE),
        ),
    )
    .where(_taken(events.c.id, _links.c.key, consumptions.c.current))
    .distinct()
)
"""The keys that have taken something above a number; asked of those alone that have not taken what bears it."""


def newest_for_keys(
    tx: Transaction, asset_id: int, dataset_id: int, before: Mapping[str, datetime]
) -> dict[str, list[PendingEvent]]:
    """Key → what is pending for it of a dataset without partitions, of what arrived before the time of the key: the
    newest event, and where that confirms, before it the newest that changed something and has not been taken since.
    None, where the newest was taken, or came before the consumer was there."""
    found: dict[str, list[PendingEvent]] = {}
    for at in set(before.values()):
        newest = _newest(_NEWEST, tx, asset_id, dataset_id, at)
        if newest is None:
            continue
        pending = _of_those(tx, asset_id, [key for key, until in before.items() if until == at], newest)
        found |= {key: [one] for key, one in pending.items()}
        changed = None
        if pending and newest.kind is EventKind.CONFIRMED:
            changed = _newest(_CHANGED, tx, asset_id, dataset_id, at)
        if changed is not None:
            earlier = _of_those(tx, asset_id, list(pending), changed)
            asked = as_rows([(key, changed.event_id) for key in earlier])
            above = {"b_asset": asset_id, "b_dataset": dataset_id, "b_above": changed.number, "b_links": asked}
            since = {row[0] for row in _SINCE.rows(tx, above)} if earlier else set[str]()
            found |= {key: [one, *found[key]] for key, one in earlier.items() if key not in since}
    return found


def _of_those(tx: Transaction, asset_id: int, keys: Sequence[str], event: PendingEvent) -> dict[str, PendingEvent]:
    """Those of the keys for which the event is pending, each with it as it stands to it."""
    links = as_rows([(key, event.event_id) for key in keys])
    linked = _LINKED.rows(tx, {"b_asset": asset_id, "b_links": links})
    return {key: replace(event, fresh=False) if returned else event for key, taken, returned in linked if not taken}


def _newest(
    statement: Prepared, tx: Transaction, asset_id: int, dataset_id: int, before: datetime
) -> PendingEvent | None:
    rows = statement.rows(tx, {"b_asset": asset_id, "b_dataset": dataset_id, "b_before": before})
    return replace(_of_key(asset_id, rows[0]).event, fresh=True) if rows else None


def _of_key(asset_id: int, row: Sequence[Any]) -> PendingOfKey:
    return PendingOfKey(key=row[0], event=pending_event((asset_id, *row[1:])))


class KeyTold(NamedTuple):
    """That an event of a dataset with partitions came: its number, its key, and when it arrived."""

    number: int
    key: str
    arrived_at: datetime


_TOLD = Prepared(
    select(events.c.number, events.c.partition, case((subscriptions.c.since.is_(None), ARRIVED), else_=_ARRIVED))
    .select_from(events)
    .outerjoin(
        subscriptions,
        and_(
            subscriptions.c.asset_id == _ASSET,
            subscriptions.c.partition == "",
            subscriptions.c.dataset_id == events.c.dataset_id,
            subscriptions.c.ended_at.is_(None),
        ),
    )
    .where(events.c.dataset_id == bindparam("b_dataset"), events.c.number > bindparam("b_above"))
    .order_by(events.c.number)
    .limit(bindparam("b_limit"))
)


def keys_told(tx: Transaction, asset_id: int, dataset_id: int, *, above: int, limit: int) -> list[KeyTold]:
    """So many of the events of a dataset above a number, oldest first, as they are for an asset that reads it."""
    asked = {"b_asset": asset_id, "b_dataset": dataset_id, "b_above": above, "b_limit": limit}
    return [KeyTold(*row) for row in _TOLD.rows(tx, asked)]
