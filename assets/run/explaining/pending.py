"""What is pending, as `why` shows it."""

from __future__ import annotations

from collections.abc import Iterable

from ....storage.meta.database.engine import Transaction
from ....storage.meta.past import links
from ....storage.meta.pending import PendingEvent
from ...plan.explain import News


def news_of(tx: Transaction, asset_id: int, events: Iterable[PendingEvent], *, partition: str = "") -> list[News]:
    """Pending events of an asset, or of one partition of it, each with the run that gave it back last."""
    found = list(events)
    returned = links.returned_by(tx, asset_id, [one.event_id for one in found], partition=partition)
    return [
        News(
            number=one.number,
            kind=one.kind,
            at=one.at,
            fresh=one.fresh,
            returned_by=returned.get(one.event_id),
            partition=one.partition,
        )
        for one in found
    ]
