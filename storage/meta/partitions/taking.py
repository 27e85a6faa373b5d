"""What partitions take: events, each by its id; each once, held by a unique key."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import insert

from ...types import ConsumptionOutcome
from ..database.engine import Transaction
from ..database.prepared import Prepared
from ..events import consumptions


class Link(NamedTuple):
    """That a partition of an asset takes an event, for a run or for none."""

    asset_id: int
    key: str
    event_id: int
    run_id: str | None
    outcome: ConsumptionOutcome


_LINKED = Prepared(insert(consumptions))


def link_events(tx: Transaction, links: Sequence[Link], *, now: datetime) -> None:
    """These events are taken; one that is taken already violates the unique key."""
    if links:
        _LINKED.run_many(
            tx,
            [
                {
                    "asset_id": one.asset_id,
                    "partition": one.key,
                    "event_id": one.event_id,
                    "run_id": one.run_id,
                    "outcome": one.outcome.value,
                    "current": True,
                    "at": now,
                }
                for one in links
            ],
        )
