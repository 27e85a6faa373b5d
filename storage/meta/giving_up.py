"""Giving up: what is pending for a consumer is linked by no run, and is pending no more."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import bindparam, func, insert, literal, select, update

from ..types import ConsumptionOutcome, EventKind
from .catalogue import FORGOTTEN, datasets, subscriptions
from .database.engine import TEXT, WHOLE, Transaction, UtcTime
from .database.prepared import Prepared
from .events import PENDING, consumptions, events

OF_ONE = (subscriptions.c.asset_id == bindparam("b_asset"), subscriptions.c.dataset_id == bindparam("b_dataset"))
"""The subscription of an asset to a dataset, as parameters of a statement."""
_GIVEN_UP = Prepared(
    insert(consumptions).from_select(
        ["asset_id", "partition", "event_id", "outcome", "current", "at"],
        select(
            subscriptions.c.asset_id,
            literal(""),
            events.c.id,
            bindparam("b_outcome", type_=TEXT),
            literal(True),
            bindparam("b_now", type_=UtcTime()),
        )
        .select_from(subscriptions)
        .join(events, PENDING)
        .where(
            subscriptions.c.asset_id == bindparam("b_asset", type_=WHOLE),
            subscriptions.c.dataset_id == bindparam("b_dataset", type_=WHOLE),
        ),
    )
)
_NEWEST = select(datasets.c.last_number).where(datasets.c.id == bindparam("b_dataset")).scalar_subquery()
_SETTLED = Prepared(update(subscriptions).where(*OF_ONE).values(floor=_NEWEST, summed=_NEWEST, **FORGOTTEN))


def give_up(tx: Transaction, pairs: Iterable[tuple[int, int]], *, outcome: ConsumptionOutcome, now: datetime) -> int:
    """Whatever is pending of these (asset id, dataset id) is linked with this outcome, by no run; how many events."""
    rows = [
        {"b_asset": asset, "b_dataset": dataset, "b_outcome": outcome.value, "b_now": now} for asset, dataset in pairs
    ]
    if not rows:
        return 0
    count = _GIVEN_UP.run_many(tx, rows)
    _SETTLED.run_many(tx, [{"b_asset": row["b_asset"], "b_dataset": row["b_dataset"]} for row in rows])
    return count


_NEXT = (
    select(func.min(events.c.number) - 1)
    .where(
        events.c.dataset_id == subscriptions.c.dataset_id,
        events.c.number > subscriptions.c.floor,
        events.c.kind != EventKind.REMOVED.value,
    )
    .correlate(subscriptions)
    .scalar_subquery()
)
_LAST = select(datasets.c.last_number).where(datasets.c.id == subscriptions.c.dataset_id).scalar_subquery()
_PASSED = (
    update(subscriptions)
    .where(
        subscriptions.c.asset_id == bindparam("b_asset"),
        subscriptions.c.partition == "",
        subscriptions.c.ended_at.is_(None),
        ~subscriptions.c.removals,
        subscriptions.c.floor < func.coalesce(_NEXT, _LAST),
    )
    .values(floor=func.coalesce(_NEXT, _LAST), summed=func.coalesce(_NEXT, _LAST), **FORGOTTEN)
)


def pass_removals(tx: Transaction, asset_ids: Iterable[int]) -> None:
    """Nothing is pending for these assets but removals for which their conditions do not ask: none of them will be, by
    another condition either. What comes behind an event that is there already, and is none, stays."""
    for asset_id in asset_ids:
        tx.execute(_PASSED, {"b_asset": asset_id})


def give_up_all(tx: Transaction, asset_id: int, *, outcome: ConsumptionOutcome, now: datetime) -> int:
    """Whatever is pending for an asset is linked with this outcome; how many events."""
    rows = tx.execute(
        select(subscriptions.c.dataset_id).where(
            subscriptions.c.asset_id == asset_id, subscriptions.c.ended_at.is_(None)
        )
    )
    return give_up(tx, [(asset_id, number) for (number,) in rows], outcome=outcome, now=now)
