"""Events that are to start nothing: whoever waits for them is linked to them as if it had taken them.

A link is of a consumer: an asset, or one partition of it. So an event is no longer pending for those that are linked,
and is for everybody else. A run that a backfill plans afterwards and that reads such an event takes it all the same:
the link is history then, and names the run. Given up as if it had never been, that leaves the event as it found it.
What a backfill leaves alone although its news may start it is given that back: the link is history, and names none.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import and_, bindparam, select, update

from ...types import ConsumptionOutcome
from ..catalogue import assets, subscriptions
from ..database.engine import TEXT, WHOLE, Transaction
from ..database.prepared import Prepared, as_rows, given_rows
from ..events import consumptions, events
from ..partitions.taking import Link, link_events
from ..runs import runs
from ..versions import pins

_WAITING = Prepared(
    select(subscriptions.c.asset_id)
    .join(assets, assets.c.id == subscriptions.c.asset_id)
    .where(
        subscriptions.c.dataset_id == bindparam("b_dataset"),
        subscriptions.c.partition == "",
        subscriptions.c.ended_at.is_(None),
        assets.c.removed_at.is_(None),
    )
)


def waiting_for(tx: Transaction, dataset_id: int) -> list[int]:
    """The ids of the assets whose condition waits for a dataset."""
    return [number for (number,) in _WAITING.rows(tx, {"b_dataset": dataset_id})]


def suppress(tx: Transaction, consumers: Sequence[tuple[int, str]], event_id: int, *, now: datetime) -> None:
    """An event that was published in this transaction is pending for none of these consumers: asset ids and keys, ""
    for one without partitions."""
    link_events(
        tx, [Link(number, key, event_id, None, ConsumptionOutcome.SUPPRESSED) for number, key in consumers], now=now
    )


class Suppressed(NamedTuple):
    """An event that is to start nothing of a consumer: the dataset by its id, the key that it is about, "" without one,
    and the backfill that published it."""

    dataset_id: int
    key: str
    backfill_id: str


_reader = runs.alias("reader")
_READ = (
    select(pins.c.run_id)
    .join(_reader, _reader.c.id == pins.c.run_id)
    .where(
        _reader.c.asset_id == bindparam("b_asset"),
        _reader.c.partition == bindparam("b_key", type_=TEXT),
        pins.c.event_id == events.c.id,
    )
    .correlate(events)
    .exists()
)
_KEPT = Prepared(
    select(events.c.dataset_id, events.c.partition, runs.c.backfill_id)
    .select_from(consumptions)
    .join(events, events.c.id == consumptions.c.event_id)
    .join(runs, runs.c.id == events.c.run_id)
    .where(
        consumptions.c.asset_id == bindparam("b_asset"),
        consumptions.c.partition == bindparam("b_key", type_=TEXT),
        consumptions.c.current,
        consumptions.c.outcome == ConsumptionOutcome.SUPPRESSED.value,
        ~_READ,
    )
    .order_by(events.c.id)
)


def suppressed_for(tx: Transaction, asset_id: int, key: str) -> list[Suppressed]:
    """The events that are suppressed for a partition of an asset and that no run of it has read since, oldest first.
    Costs them."""
    return [Suppressed(*row) for row in _KEPT.rows(tx, {"b_asset": asset_id, "b_key": key})]


_read = given_rows("read", asset=WHOLE, key=TEXT, event=WHOLE, run=TEXT)
_SUPPRESSED = consumptions.c.outcome == ConsumptionOutcome.SUPPRESSED.value
_FOUND = Prepared(
    select(consumptions.c.id, _read.c.asset, _read.c.key, _read.c.event, _read.c.run)
    .select_from(_read)
    .join(
        consumptions,
        and_(
            consumptions.c.asset_id == _read.c.asset,
            consumptions.c.partition == _read.c.key,
            consumptions.c.event_id == _read.c.event,
            consumptions.c.current,
            _SUPPRESSED,
        ),
    )
)
_PASSED_ON = Prepared(
    update(consumptions)
    .where(consumptions.c.id == bindparam("b_id"))
    .values(current=False, run_id=bindparam("b_taker", type_=TEXT))
)


def take_suppressed(tx: Transaction, read: Sequence[tuple[int, str, int, str]], *, now: datetime) -> None:
    """Of the events that runs read, those that were suppressed for their consumers are taken by the runs: asset id,
    key, event id and run id of each."""
    rows = _FOUND.rows(tx, {"b_read": as_rows(list(read))}) if read else ()
    if rows:
        _PASSED_ON.run_many(tx, [{"b_id": row[0], "b_taker": row[-1]} for row in rows])
        taken = ((asset_id, key, event_id, run_id) for _, asset_id, key, event_id, run_id in rows)
        link_events(tx, [Link(*one, ConsumptionOutcome.RUN) for one in taken], now=now)


_SUPPRESSED_AGAIN = Prepared(
    update(consumptions)
    .where(consumptions.c.run_id == bindparam("b_run"), _SUPPRESSED)
    .values(current=True, run_id=None)
)


def suppress_again(tx: Transaction, run_id: str) -> None:
    """What a run had taken although it was suppressed, and has given back as if it had never been, is suppressed as
    before."""
    _SUPPRESSED_AGAIN.run(tx, {"b_run": run_id})


_OF_BACKFILL = (
    select(events.c.id)
    .join(runs, runs.c.id == events.c.run_id)
    .where(events.c.id == consumptions.c.event_id, runs.c.backfill_id == bindparam("b_backfill"))
    .correlate(consumptions)
    .exists()
)
_UNSUPPRESSED = Prepared(
    update(consumptions)
    .where(
        consumptions.c.asset_id == bindparam("b_asset"),
        consumptions.c.partition == bindparam("b_key", type_=TEXT),
        consumptions.c.current,
        _SUPPRESSED,
        _OF_BACKFILL,
    )
    .values(current=False, outcome=ConsumptionOutcome.RELEASED.value)
)


def unsuppress(tx: Transaction, backfill_id: str, asset_id: int, key: str) -> int:
    """What a backfill has suppressed for a partition of an asset, and no run of it has taken, is pending again as it
    was before; how many events."""
    return _UNSUPPRESSED.run(tx, {"b_backfill": backfill_id, "b_asset": asset_id, "b_key": key})
