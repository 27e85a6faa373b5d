"""Why planners made no run of an asset: the newest answer of each, with the time from which it is the answer."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Column, bindparam, delete, insert, select, update
from sqlmodel import Field

from .catalogue import assets
from .database.engine import BY_KEY, Row, Transaction, UtcTime, table_of
from .database.prepared import Listed, Prepared, among


class HoldRow(Row, table=True):
    """That planners made no run of an asset since a time, and the stored reason."""

    __tablename__ = "holds"  # pyright: ignore[reportAssignmentType]
    __table_args__ = BY_KEY

    asset_id: int = Field(foreign_key="assets.id", primary_key=True)
    reason: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    since: datetime = Field(sa_type=UtcTime)


holds = table_of(HoldRow)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """Why planners made no run of an asset, and since when."""

    asset: str
    reason: Mapping[str, Any]
    since: datetime


_KNOWN = Listed(select(holds.c.asset_id, holds.c.reason).where(among(holds.c.asset_id)))
_BEGUN = Prepared(insert(holds))
_CHANGED = (
    update(holds)
    .where(holds.c.asset_id == bindparam("b_asset"))
    .values(reason=bindparam("b_reason", type_=JSON()), since=bindparam("b_now", type_=UtcTime()))
)


def note(tx: Transaction, reasons: Mapping[int, Mapping[str, Any]], made: Collection[int], *, now: datetime) -> None:
    """These assets are held for these reasons, by id, and of those that were `made` runs were planned. Writes what is
    another answer than before."""
    known = dict(_KNOWN.rows(tx, [*reasons, *made])) if reasons or made else {}
    new = [number for number in reasons if number not in known]
    if new:
        _BEGUN.run_many(tx, [{"asset_id": number, "reason": reasons[number], "since": now} for number in new])
    other = [number for number, reason in reasons.items() if number in known and known[number] != reason]
    if other:
        rows = [{"b_asset": number, "b_reason": dict(reasons[number]), "b_now": now} for number in other]
        tx.execute(_CHANGED, rows)
    gone = [{"b_asset": number} for number in made if number in known and number not in reasons]
    if gone:
        tx.execute(delete(holds).where(holds.c.asset_id == bindparam("b_asset")), gone)


def held(tx: Transaction, project: str, asset_ids: Sequence[int] | None = None) -> list[Hold]:
    """Why nothing was made of the assets of a project, or of these, by name."""
    query = (
        select(assets.c.name, holds.c.reason, holds.c.since)
        .join(assets, assets.c.id == holds.c.asset_id)
        .where(assets.c.project == project, assets.c.removed_at.is_(None))
        .order_by(assets.c.name)
    )
    if asset_ids is not None:
        query = query.where(holds.c.asset_id.in_(asset_ids))
    return [Hold(asset=name, reason=reason, since=since) for name, reason, since in tx.execute(query)]
