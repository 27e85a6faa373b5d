"""Pauses: while one lasts, nothing of its asset is started by its condition. They are kept, with their ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Index, bindparam, insert, select, text, update
from sqlmodel import Field

from .catalogue import assets
from .database.engine import Row, Transaction, UtcTime, table_of
from .database.prepared import Listed, Prepared, among
from .events import consumptions


class PauseRow(Row, table=True):
    """That an asset is paused, or was: from `since` to `until`. At most one pause an asset lasts.

    `failed`: it paused itself. `run_id`: the run whose failure stopped it under `each`, also one that failed while the
    asset was paused already: that run still has its event.
    """

    __tablename__ = "pauses"  # pyright: ignore[reportAssignmentType]
    __table_args__ = (
        Index(
            "one_current_pause",
            "asset_id",
            unique=True,
            sqlite_where=text("until IS NULL"),
            postgresql_where=text("until IS NULL"),
        ),
        Index("pauses_by_asset", "asset_id", "since"),
    )

    id: int | None = Field(default=None, primary_key=True)
    asset_id: int = Field(foreign_key="assets.id")
    since: datetime = Field(sa_type=UtcTime)
    until: datetime | None = Field(default=None, sa_type=UtcTime)
    why: str
    failed: bool = False
    run_id: str | None = Field(default=None, foreign_key="runs.id")


pauses = table_of(PauseRow)


@dataclass(frozen=True, slots=True, kw_only=True)
class Paused:
    """One pause; `until` is None while it lasts."""

    asset_id: int
    since: datetime
    until: datetime | None
    why: str
    failed: bool
    run_id: str | None


_COLUMNS = (pauses.c.asset_id, pauses.c.since, pauses.c.until, pauses.c.why, pauses.c.failed, pauses.c.run_id)
_CURRENT = Listed(select(*_COLUMNS).where(among(pauses.c.asset_id), pauses.c.until.is_(None)))
_IS_PAUSED = Prepared(select(pauses.c.id).where(pauses.c.asset_id == bindparam("b_asset"), pauses.c.until.is_(None)))
_BEGUN = Prepared(insert(pauses))
_STOPPED = (
    update(pauses)
    .where(pauses.c.asset_id == bindparam("b_asset"), pauses.c.until.is_(None), pauses.c.run_id.is_(None))
    .values(run_id=bindparam("b_run"))
)
_ENDED = (
    update(pauses)
    .where(pauses.c.asset_id == bindparam("b_asset"), pauses.c.until.is_(None))
    .values(until=bindparam("b_now"))
    .returning(*_COLUMNS)
)


def current(tx: Transaction, asset_ids: Sequence[int]) -> dict[int, Paused]:
    """The pauses that last, by asset id; an asset that is not paused is left out."""
    return {row[0]: _paused(row) for row in _CURRENT.rows(tx, asset_ids)}


def history(tx: Transaction, asset_id: int) -> list[Paused]:
    """Every pause of an asset, oldest first."""
    rows = tx.execute(select(*_COLUMNS).where(pauses.c.asset_id == asset_id).order_by(pauses.c.since, pauses.c.id))
    return [_paused(row) for row in rows]


def begin(
    tx: Transaction, asset_id: int, *, why: str, now: datetime, failed: bool = False, run_id: str | None = None
) -> bool:
    """The asset is paused from now on; False when it was already, with the reason of then. Which run stopped it is
    remembered all the same: its event is to be pending again when that pause is over."""
    if _IS_PAUSED.first(tx, {"b_asset": asset_id}) is not None:
        if run_id is not None:
            tx.execute(_STOPPED, {"b_asset": asset_id, "b_run": run_id})
        return False
    _BEGUN.run(tx, {"asset_id": asset_id, "since": now, "why": why, "failed": failed, "run_id": run_id})
    return True


def end(tx: Transaction, asset_id: int, *, now: datetime) -> Paused | None:
    """The asset is not paused any more; the pause that is over, or None when there was none."""
    row = tx.execute(_ENDED, {"b_asset": asset_id, "b_now": now}).first()
    return None if row is None else _paused(row)


def has_taken(tx: Transaction, run_id: str) -> bool:
    """Whether a run took events."""
    return _TAKEN.first(tx, {"b_run": run_id}) is not None


_TAKEN = Prepared(
    select(consumptions.c.id).where(consumptions.c.run_id == bindparam("b_run"), consumptions.c.current).limit(1)
)
_FAILED = Prepared(
    update(assets)
    .where(assets.c.id == bindparam("b_asset"))
    .values(failures=assets.c.failures + 1)
    .returning(assets.c.failures)
)


def count_failure(tx: Transaction, asset_id: int) -> int:
    """One more run of the asset failed for good: how many did in a row."""
    return _FAILED.returned(tx, {"b_asset": asset_id})


def forgive(tx: Transaction, asset_id: int) -> None:
    """The row of failures is over."""
    tx.execute(update(assets).where(assets.c.id == asset_id).values(failures=0))


def _paused(row: Sequence[object]) -> Paused:
    return Paused(**dict(zip(("asset_id", "since", "until", "why", "failed", "run_id"), row, strict=True)))  # pyright: ignore[reportArgumentType]
