"""What partitions take: events, each by its id, and ticks; each once, held by unique keys."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import bindparam, func, insert, select

from ...types import ConsumptionOutcome
from ..database.engine import Transaction, UtcTime
from ..database.prepared import Prepared
from ..events import consumptions
from ..ticks import ticks


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


class TickTaken(NamedTuple):
    """That a partition of an asset takes a tick of a timetable, for a run or for none."""

    asset_id: int
    key: str
    timetable: str
    tick: datetime
    run_id: str | None


_TICKED = Prepared(insert(ticks))


def take_ticks(tx: Transaction, taken: Sequence[TickTaken], *, now: datetime) -> None:
    """These ticks are taken; one that is taken already violates the primary key."""
    if taken:
        _TICKED.run_many(
            tx,
            [
                {
                    "asset_id": one.asset_id,
                    "partition": one.key,
                    "timetable": one.timetable,
                    "tick": one.tick,
                    "run_id": one.run_id,
                    "noted_at": now,
                    "reason": None,
                }
                for one in taken
            ],
        )


_LAST = Prepared(
    select(func.max(ticks.c.tick)).where(
        ticks.c.asset_id == bindparam("b_asset"),
        ticks.c.partition == bindparam("b_key"),
        ticks.c.timetable == bindparam("b_timetable"),
        ticks.c.tick < bindparam("b_before", type_=UtcTime()),
    )
)


def last_tick_before(tx: Transaction, asset_id: int, key: str, timetable: str, before: datetime) -> datetime | None:
    """The last tick before a time that a partition has taken; with the key "", that partitions were selected by."""
    rows = _LAST.rows(tx, {"b_asset": asset_id, "b_key": key, "b_timetable": timetable, "b_before": before})
    return rows[0][0]
