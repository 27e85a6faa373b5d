"""What became of single events for one consumer. Reads only."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select

from ...types import ConsumptionOutcome
from ..database.engine import Transaction
from ..database.prepared import Listed, among
from ..events import consumptions


def returned_by(tx: Transaction, asset_id: int, event_ids: Sequence[int], *, partition: str = "") -> dict[int, str]:
    """The run of an asset, or of one partition of it, that gave back each of these events last, by event id; one that
    no run gave back is left out."""
    rows = _RETURNED.rows(tx, event_ids, assets=[asset_id]) if event_ids else ()
    return {event_id: run_id for event_id, run_id, key in rows if run_id is not None and key == partition}


_RETURNED = Listed(
    select(consumptions.c.event_id, consumptions.c.run_id, consumptions.c.partition)
    .where(
        among(consumptions.c.event_id),
        among(consumptions.c.asset_id, "assets"),
        consumptions.c.outcome == ConsumptionOutcome.RETURNED.value,
    )
    .order_by(consumptions.c.id)
)
