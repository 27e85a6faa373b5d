"""The definitions that an asset has had, each from its time on. Reads only."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select

from ..catalogue import aliases, assets, datasets, definitions
from ..database.engine import Transaction
from ..versions import chunks


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """One definition, as plain data, and since when it was that of the asset."""

    digest: str
    body: Mapping[str, Any]
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """An asset with every form that it has had, oldest first; `removed_at`: since when it is declared no more."""

    id: int
    registered_at: datetime
    removed_at: datetime | None
    forms: tuple[Form, ...]


def forms_of(tx: Transaction, project: str, name: str) -> Course | None:
    """The asset of this name, also one that is declared no more; None when there was none."""
    found = tx.execute(
        select(assets.c.id, assets.c.registered_at, assets.c.removed_at).where(
            assets.c.project == project, assets.c.name == name
        )
    ).first()
    if found is None:
        return None
    recorded = tx.execute(
        select(definitions.c.digest, definitions.c.body, definitions.c.recorded_at)
        .where(definitions.c.asset_id == found.id)
        .order_by(definitions.c.recorded_at, definitions.c.id)
    )
    return Course(
        id=found.id,
        registered_at=found.registered_at,
        removed_at=found.removed_at,
        forms=tuple(Form(digest=digest, body=body, since=since) for digest, body, since in recorded),
    )


def aliased(tx: Transaction, project: str, uris: Collection[str]) -> dict[str, str]:
    """Those of the URIs that are others of a dataset's → its own."""
    found: dict[str, str] = {}
    for chunk in chunks(sorted(uris)):
        query = select(aliases.c.uri, datasets.c.uri.label("own")).join(datasets, datasets.c.id == aliases.c.dataset_id)
        rows = tx.execute(query.where(aliases.c.project == project, aliases.c.uri.in_(chunk)))
        found |= {row.uri: row.own for row in rows}
    return found


def aliases_of(tx: Transaction, project: str) -> dict[str, str]:
    """The other URIs of datasets → their own."""
    query = select(aliases.c.uri, datasets.c.uri.label("own")).join(datasets, datasets.c.id == aliases.c.dataset_id)
    return {row.uri: row.own for row in tx.execute(query.where(aliases.c.project == project))}
