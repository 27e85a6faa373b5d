"""Events that are to start nothing: whoever waits for them is linked to them as if it had taken them.

A link is of a consumer: an asset, or one partition of it. So an event is no longer pending for those that are linked,
and is for everybody else.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import bindparam, select

from ...types import ConsumptionOutcome
from ..catalogue import assets, subscriptions
from ..database.engine import Transaction
from ..database.prepared import Prepared
from ..partitions.taking import Link, link_events

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
