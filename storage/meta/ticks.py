"""Ticks, as consumers took them: each once, held by a primary key."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import bindparam, func, insert, select
from sqlmodel import Field

from .database.engine import BY_KEY, Row, Transaction, UtcTime, table_of
from .database.prepared import Prepared


class TickRow(Row, table=True):
    """That a consumer took a tick of one of its timetables: for a run, or because it was given up, or a deadline that
    passed without one. Ticks never return. `noted_at`: when; None where a database is older than that column."""

    __tablename__ = "ticks"  # pyright: ignore[reportAssignmentType]
    __table_args__ = BY_KEY

    asset_id: int = Field(foreign_key="assets.id", primary_key=True)
    partition: str = Field(default="", primary_key=True)
    timetable: str = Field(primary_key=True)
    tick: datetime = Field(sa_type=UtcTime, primary_key=True)
    run_id: str | None = Field(default=None, foreign_key="runs.id")
    noted_at: datetime | None = Field(default=None, sa_type=UtcTime)


ticks = table_of(TickRow)


def consume_ticks(tx: Transaction, taken: Sequence[tuple[int, str | None, str, datetime]], *, now: datetime) -> None:
    """Link (asset id, run id, timetable, instant) ticks; one that is taken already violates the primary key."""
    if taken:
        _TICKED.run_many(
            tx,
            [
                {
                    "asset_id": asset_id,
                    "partition": "",
                    "timetable": name,
                    "tick": tick,
                    "run_id": run_id,
                    "noted_at": now,
                }
                for asset_id, run_id, name, tick in taken
            ],
        )


_TICKED = Prepared(insert(ticks))
_LAST_TICK = Prepared(
    select(func.max(ticks.c.tick)).where(
        ticks.c.asset_id == bindparam("b_asset"), ticks.c.partition == "", ticks.c.timetable == bindparam("b_timetable")
    )
)


def last_ticks(tx: Transaction, wanted: Sequence[tuple[int, str]]) -> dict[tuple[int, str], datetime]:
    """The last tick that was taken, by (asset id, timetable), of these; one of which none was taken is left out.

    A seek for each: their key is in the order of their times.
    """
    found: dict[tuple[int, str], datetime] = {}
    for asset_id, name in wanted:
        (row,) = _LAST_TICK.rows(tx, {"b_asset": asset_id, "b_timetable": name})
        if row[0] is not None:
            found[asset_id, name] = row[0]
    return found
