"""The events, as readers ask for them: the newest first, with what became of each. Reads only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping, exists, func, or_, select

from ...manifest import Manifest
from ...types import ConsumptionOutcome, EventKind
from ..catalogue import aliases, assets, datasets
from ..database.engine import Transaction
from ..database.prepared import Listed, among
from ..events import consumptions, events
from ..subscribing import AWAITED
from ..versions import versions


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """What became of an event for one consumer; `current` is False where it was pending again later."""

    asset: str
    outcome: ConsumptionOutcome
    run_id: str | None
    current: bool
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Former:
    """An event of another dataset, an alias by now, that was told again."""

    dataset: str
    uri: str
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One event.

    Attributes
    ----------
    id: of all events of the store; those of a dataset have it in the order of their numbers.
    dataset, uri, partition, number: which it is; `partition` is "" of what has none.
    version: the token of data without files; digest: of the version; both None of a removal.
    run_id: the run that published it; None for what came from outside.
    matched: whether the dataset is declared now, or somebody waits for it by a pattern.
    links: what became of it, by consumer, oldest first; a consumer for which it is pending has none that is current.
    again_of: the event that it tells again; None: it is told for the first time.
    """

    id: int
    dataset: str
    uri: str
    number: int
    kind: EventKind
    digest: str | None
    version: str | None
    run_id: str | None
    at: datetime
    metadata: Mapping[str, Any]
    matched: bool
    links: tuple[Link, ...]
    partition: str = ""
    again_of: Former | None = None


_LINKS = Listed(
    select(
        consumptions.c.event_id,
        assets.c.name,
        consumptions.c.outcome,
        consumptions.c.run_id,
        consumptions.c.current,
        consumptions.c.at,
    )
    .join(assets, assets.c.id == consumptions.c.asset_id)
    .where(among(consumptions.c.event_id))
    .order_by(consumptions.c.id)
)


_MATCHED = or_(
    datasets.c.removed_at.is_(None),
    AWAITED,
    exists().where(aliases.c.project == datasets.c.project, aliases.c.uri == datasets.c.uri),
)
"""That a dataset is declared now, by its own URI or as another one of a dataset, or waited for by a pattern."""


_former = events.alias("former")
_alias = datasets.alias("alias")
_LATE = 5_000
"""Among so many of the newest events those that are wanted are looked for first."""


def recent_events(
    tx: Transaction,
    project: str,
    *,
    dataset_id: int | None = None,
    unmatched: bool = False,
    limit: int = 50,
    offset: int = 0,
    before: int | None = None,
) -> list[Event]:
    """Events, the newest first: of one dataset, or of all; with `unmatched`, of those that nobody declares or waits for
    by a pattern, and no asset wrote; `before` the one with this id, if one is given."""
    # SQLite would begin with the datasets, and sort all their events, wherever it may.
    by_id = tx.dialect.name == "sqlite" and dataset_id is None
    query = (
        select(
            events,
            datasets.c.name,
            datasets.c.uri,
            _MATCHED.label("matched"),
            versions.c.digest,
            versions.c.manifest,
            _alias.c.name.label("former_name"),
            _alias.c.uri.label("former_uri"),
            _former.c.number.label("former_number"),
        )
        .join(datasets, datasets.c.id == events.c.dataset_id)
        .outerjoin(versions, versions.c.id == events.c.version_id)
        .outerjoin(_former, _former.c.id == events.c.again_of)
        .outerjoin(_alias, _alias.c.id == _former.c.dataset_id)
        .where((datasets.c.project.concat("") if by_id else datasets.c.project) == project)
        .order_by(events.c.id.desc())
        .limit(limit)
        .offset(offset)
    )
    if dataset_id is not None:
        query = query.where(events.c.dataset_id == dataset_id).order_by(None).order_by(events.c.number.desc())
    if unmatched:
        query = query.where(~_MATCHED, datasets.c.producer_id.is_(None))
    if before is not None:
        query = query.where(events.c.id < before)
    rows: Sequence[RowMapping] = ()
    if dataset_id is None:  # by the index of ids: databases begin with the datasets, and sort all events, if they may
        late = before or tx.execute(select(func.max(events.c.id))).scalar() or 0
        rows = tx.execute(query.where(events.c.id > late - _LATE)).mappings().all()
    if len(rows) < limit:
        rows = tx.execute(query).mappings().all()
    links: dict[int, list[Link]] = {}
    for event_id, asset, outcome, run_id, current, at in _LINKS.rows(tx, [row["id"] for row in rows]) if rows else ():
        links.setdefault(event_id, []).append(
            Link(asset=asset, outcome=ConsumptionOutcome(outcome), run_id=run_id, current=current, at=at)
        )
    return [
        Event(
            id=row["id"],
            dataset=row["name"],
            uri=row["uri"],
            number=row["number"],
            kind=EventKind(row["kind"]),
            digest=row["digest"],
            version=None if row["manifest"] is None else Manifest.from_plain(row["manifest"]).token,
            run_id=row["run_id"],
            at=row["at"],
            metadata=row["metadata"],
            matched=bool(row["matched"]),
            links=tuple(links.get(row["id"], ())),
            partition=row["partition"],
            again_of=_former_of(row),
        )
        for row in rows
    ]


def _former_of(row: RowMapping) -> Former | None:
    if row["former_number"] is None:
        return None
    return Former(dataset=row["former_name"], uri=row["former_uri"], number=row["former_number"])
