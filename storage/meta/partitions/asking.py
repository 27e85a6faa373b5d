"""Asking again: an asset with partitions is started by other events than before, so whatever came since it is there is
heard of once more, and what was held is looked at.

Nothing is taken twice by it: what is pending for a partition follows from what that has taken. What is made and has
nothing pending is looked at and left alone.
"""

from __future__ import annotations

from sqlalchemy import and_, bindparam, insert, literal, select, update

from ..agenda import AT_ONCE
from ..catalogue import subscriptions
from ..database.engine import WHOLE, Transaction, UtcTime
from ..database.prepared import Prepared
from .agenda import partition_agenda, partition_news
from .holds import forget, partition_holds

_ASSET = bindparam("b_asset", type_=WHOLE)
_HELD = partition_holds.c.asset_id == _ASSET
_THERE = (
    select(partition_agenda.c.start)
    .where(
        partition_agenda.c.asset_id == partition_holds.c.asset_id,
        partition_agenda.c.line == partition_holds.c.line,
        partition_agenda.c.start == partition_holds.c.start,
        partition_agenda.c.end == partition_holds.c.end,
    )
    .correlate(partition_holds)
    .exists()
)
_ENTERED = Prepared(
    insert(partition_agenda).from_select(
        ["asset_id", "line", "start", "end", "done", "at", "touched"],
        select(
            partition_holds.c.asset_id,
            partition_holds.c.line,
            partition_holds.c.start,
            partition_holds.c.end,
            literal(0),
            bindparam("b_at", type_=UtcTime()),
            literal(0),
        ).where(_HELD, ~_THERE),
    )
)
"""One that is there is due already: `renew` has put it first."""
_BEGINS = (
    select(subscriptions.c.completing)
    .where(
        subscriptions.c.asset_id == partition_news.c.asset_id,
        subscriptions.c.dataset_id == partition_news.c.dataset_id,
        subscriptions.c.partition == "",
        subscriptions.c.ended_at.is_(None),
        subscriptions.c.completing < partition_news.c.number,
    )
    .correlate(partition_news)
)
_UNHEARD = Prepared(
    update(partition_news)
    .where(and_(partition_news.c.asset_id == _ASSET, _BEGINS.exists()))
    .values(number=_BEGINS.scalar_subquery())
)


def ask_again(tx: Transaction, asset_id: int) -> None:
    """What was held of an asset is on its agenda, and why is forgotten; it has heard of what was there before it, and
    of nothing that came since. After `agenda.renew`, and after its subscriptions have changed."""
    _ENTERED.run(tx, {"b_asset": asset_id, "b_at": AT_ONCE})
    forget(tx, asset_id)
    _UNHEARD.run(tx, {"b_asset": asset_id})
