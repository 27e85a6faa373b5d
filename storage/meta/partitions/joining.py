"""Joining, for consumers with partitions: a dataset without partitions turns out to be another one, because that has it
as an alias, and each partition stands to the newest event of that one as it stood to the newest of the former.

What was told before the newest is not told again of them: a partition reads the newest version in any case.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import bindparam, exists, insert, select, update

from ..catalogue import FORGOTTEN, subscriptions
from ..database.engine import WHOLE, Transaction
from ..events import consumptions, events
from . import agenda


class Moved(NamedTuple):
    """A consumer with partitions that goes on with another dataset.

    Attributes
    ----------
    former: id of the newest event of the dataset that it waited for; event, number: the newest of the one that this is.
    starts: whether the former may start its partitions.
    """

    asset_id: int
    own: int
    former: int
    event: int
    number: int
    starts: bool


def moving(tx: Transaction, same: Mapping[int, int], asset_ids: Collection[int]) -> list[Moved]:
    """Which of these assets wait for a dataset that turned out to be another one, for which they have never waited.
    After what is told again was told, and before subscriptions change. `same`: dataset id → id of what it is now."""
    if not same or not asset_ids:
        return []
    waits = subscriptions.c.asset_id, subscriptions.c.dataset_id, subscriptions.c.completing, subscriptions.c.ended_at
    rows = tx.execute(
        select(*waits).where(
            subscriptions.c.dataset_id.in_(sorted({*same, *same.values()})),
            subscriptions.c.asset_id.in_(sorted(asset_ids)),
            subscriptions.c.partition == "",
        )
    ).all()
    there = {(asset_id, dataset_id) for asset_id, dataset_id, _, _ in rows}
    newest = {number: tx.execute(_NEWEST, {"b_dataset": number}).first() for number in {*same, *same.values()}}
    found: dict[tuple[int, int], Moved] = {}
    for asset_id, other, completing, ended_at in rows:
        own = same.get(other)
        if own is None or ended_at is not None or (asset_id, own) in there:
            continue
        former, now = newest[other], newest[own]
        before = found.get((asset_id, own))
        if former is not None and now is not None and (before is None or before.former < former.id):
            starts = former.number > completing
            found[asset_id, own] = Moved(asset_id, own, former.id, now.id, now.number, starts)
    return list(found.values())


_NEWEST = (
    select(events.c.id, events.c.number)
    .where(events.c.dataset_id == bindparam("b_dataset"), events.c.partition == "", events.c.version_id.is_not(None))
    .order_by(events.c.number.desc())
    .limit(1)
)
_later = consumptions.alias("later")
_COPIED = insert(consumptions).from_select(
    ["asset_id", "partition", "event_id", "run_id", "outcome", "current", "at"],
    select(
        consumptions.c.asset_id,
        consumptions.c.partition,
        bindparam("b_event", type_=WHOLE),
        consumptions.c.run_id,
        consumptions.c.outcome,
        consumptions.c.current,
        consumptions.c.at,
    )
    .where(
        consumptions.c.asset_id == bindparam("b_asset"),
        consumptions.c.event_id == bindparam("b_former"),
        consumptions.c.partition != "",
        ~exists().where(
            _later.c.asset_id == consumptions.c.asset_id,
            _later.c.partition == consumptions.c.partition,
            _later.c.event_id == bindparam("b_event", type_=WHOLE),
        ),
    )
    .order_by(consumptions.c.id),
)
_BEGINS = (
    update(subscriptions)
    .where(
        subscriptions.c.asset_id == bindparam("b_asset"),
        subscriptions.c.dataset_id == bindparam("b_own"),
        subscriptions.c.partition == "",
    )
    .values(completing=bindparam("b_completing"), **FORGOTTEN)
)


def go_on(tx: Transaction, moved: Sequence[Moved]) -> None:
    """What each partition made of the former event it made of the newest; for those that made nothing of it, that is
    news, if the former was. After subscriptions have changed."""
    for one in moved:
        it = {"b_asset": one.asset_id, "b_own": one.own}
        tx.execute(_COPIED, {"b_asset": one.asset_id, "b_former": one.former, "b_event": one.event})
        if one.starts and tx.execute(_BEGINS, {**it, "b_completing": one.number - 1}).rowcount:
            agenda.hear(tx, one.asset_id, {one.own: one.number - 1})
