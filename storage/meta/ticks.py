"""Ticks, as consumers took them: each once, held by a primary key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any, NamedTuple

from sqlalchemy import JSON, Column, bindparam, func, insert, or_, select, text
from sqlmodel import Field

from .catalogue import assets, timetables
from .database.engine import BY_KEY, TEXT, WHOLE, Row, Transaction, UtcTime, table_of
from .database.prepared import Prepared, as_rows, given_rows
from .runs import EXECUTED, runs


class TickRow(Row, table=True):
    """That a consumer took a tick of one of its timetables: for a run, or because it was given up, or a deadline that
    passed without one. Ticks never return. `noted_at`: when; None where a database is older than that column.
    `reason`: of a deadline that was missed, why there was no run."""

    __tablename__ = "ticks"  # pyright: ignore[reportAssignmentType]
    __table_args__ = BY_KEY

    asset_id: int = Field(foreign_key="assets.id", primary_key=True)
    partition: str = Field(default="", primary_key=True)
    timetable: str = Field(primary_key=True)
    tick: datetime = Field(sa_type=UtcTime, primary_key=True)
    run_id: str | None = Field(default=None, foreign_key="runs.id")
    noted_at: datetime | None = Field(default=None, sa_type=UtcTime)
    reason: dict[str, Any] | None = Field(default=None, sa_column=Column(JSON(none_as_null=True), nullable=True))


ticks = table_of(TickRow)


class TickTaken(NamedTuple):
    """That an asset, or a partition of it, takes a tick of a timetable: for a run, or for none."""

    asset_id: int
    run_id: str | None
    timetable: str
    tick: datetime
    partition: str = ""


def consume_ticks(
    tx: Transaction,
    taken: Sequence[TickTaken],
    *,
    reasons: Mapping[int, Mapping[str, Any]] = MappingProxyType({}),
    now: datetime,
) -> None:
    """Record what takes these ticks; one that is taken already violates the primary key.

    `reasons`: of the assets, by id, whose tick is a deadline that was missed, why.
    """
    if taken:
        _TICKED.run_many(
            tx,
            [
                {
                    **one._asdict(),
                    "noted_at": now,
                    "reason": None if one.run_id is not None else reasons.get(one.asset_id),
                }
                for one in taken
            ],
        )


_TICKED = Prepared(insert(ticks))
_wanted = given_rows("wanted", asset=WHOLE, timetable=TEXT)
_LAST_TICKS = Prepared(
    select(
        _wanted.c.asset,
        _wanted.c.timetable,
        select(func.max(ticks.c.tick))
        .where(ticks.c.asset_id == _wanted.c.asset, ticks.c.partition == "", ticks.c.timetable == _wanted.c.timetable)
        .correlate(_wanted)
        .scalar_subquery(),
    )
)


def last_ticks(tx: Transaction, wanted: Sequence[tuple[int, str]]) -> dict[tuple[int, str], datetime]:
    """The last tick that was taken, by (asset id, timetable), of these; one of which none was taken is left out.

    A seek for each: their key is in the order of their times.
    """
    rows = _LAST_TICKS.rows(tx, {"b_wanted": as_rows(wanted)}) if wanted else ()
    return {(asset_id, name): tick for asset_id, name, tick in rows if tick is not None}


_LAST_OF_KEY = Prepared(
    select(func.max(ticks.c.tick)).where(
        ticks.c.asset_id == bindparam("b_asset"),
        ticks.c.partition == bindparam("b_key"),
        ticks.c.timetable == bindparam("b_timetable"),
        ticks.c.tick < bindparam("b_before", type_=UtcTime()),
    )
)


def last_tick_before(tx: Transaction, asset_id: int, key: str, timetable: str, before: datetime) -> datetime | None:
    """The last tick before a time that a partition has taken; with the key "", that partitions were selected by."""
    rows = _LAST_OF_KEY.rows(tx, {"b_asset": asset_id, "b_key": key, "b_timetable": timetable, "b_before": before})
    return rows[0][0]


@dataclass(frozen=True, slots=True, kw_only=True)
class MissedTick:
    """A deadline that passed without a run, when that was noted, and why there was none."""

    asset_id: int
    timetable: str
    tick: datetime
    noted_at: datetime
    reason: Mapping[str, Any]


_others = ticks.alias("others")
_NEWEST = (
    select(func.max(_others.c.tick))
    .where(
        _others.c.asset_id == timetables.c.asset_id,
        _others.c.partition == "",
        _others.c.timetable == timetables.c.label,
    )
    .correlate(timetables)
    .scalar_subquery()
)
_TRIED = (
    select(func.max(runs.c.created_at))
    .where(runs.c.asset_id == timetables.c.asset_id, text(f"({EXECUTED})"))
    .correlate(timetables)
    .scalar_subquery()
)


def missed(tx: Transaction, project: str, name: str | None = None) -> list[MissedTick]:
    """The deadlines that were missed by the assets that are declared now, or by this one, and that nothing has met
    since: the newest tick of each, unless a run was planned after it had been noted. By the names of the assets."""
    query = (
        select(ticks.c.asset_id, ticks.c.timetable, ticks.c.tick, ticks.c.noted_at, ticks.c.reason)
        .select_from(timetables)
        .join(assets, assets.c.id == timetables.c.asset_id)
        .join(
            ticks,
            (ticks.c.asset_id == timetables.c.asset_id)
            & (ticks.c.partition == "")
            & (ticks.c.timetable == timetables.c.label)
            & (ticks.c.tick == _NEWEST),
        )
        .where(
            assets.c.project == project,
            assets.c.removed_at.is_(None),
            ticks.c.reason.is_not(None),
            or_(_TRIED.is_(None), ticks.c.noted_at > _TRIED),
        )
        .order_by(assets.c.name)
    )
    if name is not None:
        query = query.where(assets.c.name == name)
    return [MissedTick(**row) for row in tx.execute(query).mappings()]


_BEFORE = Prepared(
    select(
        ticks.c.tick,
        ticks.c.reason,
        ticks.c.noted_at,
        select(func.max(runs.c.created_at))
        .where(runs.c.asset_id == bindparam("b_asset"), text(f"({EXECUTED})"))
        .scalar_subquery(),
    )
    .where(
        ticks.c.asset_id == bindparam("b_asset"),
        ticks.c.partition == "",
        ticks.c.timetable == bindparam("b_timetable"),
        ticks.c.tick < bindparam("b_tick", type_=UtcTime()),
    )
    .order_by(ticks.c.tick.desc())
    .limit(1)
)


def missed_before(tx: Transaction, asset_id: int, timetable: str, tick: datetime) -> datetime | None:
    """The deadline before this one, if it was missed too and nothing has met it since: the lateness goes on. A seek."""
    found = _BEFORE.rows(tx, {"b_asset": asset_id, "b_timetable": timetable, "b_tick": tick})
    if not found:
        return None
    before, reason, noted_at, tried_at = found[0]
    return before if reason is not None and (tried_at is None or noted_at > tried_at) else None
