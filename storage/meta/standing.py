"""How assets stand: since when they are there, what their heads were made from, and how far their runs have come.
Reads only; costs a few look-ups an asset, whatever its history.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import and_, func, select, text

from ..types import RunState
from .catalogue import assets
from .database.engine import Transaction
from .database.prepared import Listed, among
from .pauses import pauses
from .runs import EXECUTED, runs


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """How far the runs of an asset have come; of two moments with an equal course, none was planned and none ended with
    success in between.

    Attributes
    ----------
    definition: the digest of the definition that the asset was registered with last.
    active: how many have not ended; those of partitions, of which there may be very many, are asked for by their keys.
    newest: the newest that was to execute, and tried_at when it was planned; None before the first.
    head_run: the one that made the heads; succeeded_at when it did.
    pause: since when the asset is paused, why, and whether it paused itself; None while it is not.
    """

    definition: str
    active: int
    newest: str | None
    tried_at: datetime | None
    head_run: str | None
    succeeded_at: datetime | None
    pause: tuple[datetime, str, bool] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Since when an asset is registered, the parts of the run key that its heads were made from, and its runs."""

    registered_at: datetime
    made_from: Mapping[str, Any] | None
    course: Course


_others = runs.alias("others")
_tried = runs.alias("tried")
_COUNTED = (
    select(func.count())
    .where(_others.c.asset_id == assets.c.id, _others.c.ended_at.is_(None), _others.c.partition == "")
    .correlate(assets)
    .scalar_subquery()
    .label("active")
)
_NEWEST = (
    select(runs.c.id)
    .where(runs.c.asset_id == assets.c.id, text(f"({EXECUTED})"))
    .order_by(runs.c.created_at.desc(), runs.c.id.desc())
    .limit(1)
    .correlate(assets)
    .scalar_subquery()
)
_COURSE = (
    assets.c.definition_digest,
    _COUNTED,
    _tried.c.id,
    _tried.c.created_at,
    assets.c.head_run_id,
    assets.c.succeeded_at,
    pauses.c.since,
    pauses.c.why,
    pauses.c.failed,
)
_PAUSED = and_(pauses.c.asset_id == assets.c.id, pauses.c.until.is_(None))
_COURSES = Listed(
    select(assets.c.id, *_COURSE)
    .select_from(assets)
    .outerjoin(_tried, _tried.c.id == _NEWEST)
    .outerjoin(pauses, _PAUSED)
    .where(among(assets.c.id))
)
_heads = runs.alias("heads")
_STANDING = Listed(
    select(assets.c.id, *_COURSE, assets.c.registered_at, _heads.c.made_from)
    .select_from(assets)
    .outerjoin(_tried, _tried.c.id == _NEWEST)
    .outerjoin(pauses, _PAUSED)
    .outerjoin(_heads, _heads.c.id == assets.c.head_run_id)
    .where(among(assets.c.id))
)


def courses(tx: Transaction, asset_ids: Sequence[int]) -> dict[int, Course]:
    """How far the runs of these assets have come, by asset id."""
    return {row[0]: _course(row[1:]) for row in _COURSES.rows(tx, asset_ids)}


def standing(tx: Transaction, asset_ids: Sequence[int]) -> dict[int, Standing]:
    """How these assets stand, by id."""
    return {
        row[0]: Standing(course=_course(row[1:10]), registered_at=row[10], made_from=row[11])
        for row in _STANDING.rows(tx, asset_ids)
    }


def tries(tx: Transaction, asset_ids: Sequence[int]) -> dict[int, datetime]:
    """When the newest run of each of these assets was planned that was to execute and that nobody canceled, by id; an
    asset without one is left out."""
    return {number: at for number, at in _TRIES.rows(tx, asset_ids) if at is not None}


_TRIES = Listed(
    select(
        assets.c.id,
        select(runs.c.created_at)
        .where(runs.c.asset_id == assets.c.id, text(f"({EXECUTED})"), runs.c.state != RunState.CANCELED.value)
        .order_by(runs.c.created_at.desc(), runs.c.id.desc())
        .limit(1)
        .correlate(assets)
        .scalar_subquery(),
    ).where(among(assets.c.id))
)


def reasons(tx: Transaction, asset_ids: Sequence[int]) -> dict[int, Mapping[str, Any]]:
    """Why the newest run of each of these assets was made that was to execute, as it is stored, by id; an asset without
    one is left out."""
    return {number: reason for number, reason in _REASONS.rows(tx, asset_ids) if reason is not None}


_REASONS = Listed(
    select(assets.c.id, _tried.c.reason)
    .select_from(assets)
    .outerjoin(_tried, _tried.c.id == _NEWEST)
    .where(among(assets.c.id))
)


def _course(row: Sequence[Any]) -> Course:
    definition, active, newest, tried_at, head_run, succeeded_at, since, why, failed = row
    return Course(
        definition=definition,
        active=active,
        newest=newest,
        tried_at=tried_at,
        head_run=head_run,
        succeeded_at=succeeded_at,
        pause=None if since is None else (since, why, failed),
    )
