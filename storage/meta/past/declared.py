"""What is declared now in short: for views of very many assets, and of one without reading the others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import func, select

from ...types import RunState
from ..catalogue import assets, datasets, definitions
from ..database.engine import Transaction
from ..runs import runs
from .history import Declared


def declared_asset(tx: Transaction, project: str, name: str) -> Declared | None:
    """The asset of this name; None where none is declared now."""
    query = (
        select(assets.c.id, assets.c.name, definitions.c.body, assets.c.registered_at, assets.c.succeeded_at)
        .join(definitions, definitions.c.asset_id == assets.c.id)
        .where(assets.c.project == project, assets.c.name == name, assets.c.removed_at.is_(None))
        .order_by(definitions.c.id.desc())
        .limit(1)
    )
    row = tx.execute(query).one_or_none()
    if row is None:
        return None
    return Declared(
        id=row.id,
        name=row.name,
        definition=row.body,
        registered_at=row.registered_at,
        succeeded_at=row.succeeded_at,
    )


def definitions_now(tx: Transaction, project: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Each asset that is declared now and its definition, by name; each as it is asked for, so that those of 10,000 are
    never held together."""
    newest = select(func.max(definitions.c.id)).where(definitions.c.asset_id == assets.c.id).correlate(assets)
    query = (
        select(assets.c.name, definitions.c.body)
        .join(definitions, definitions.c.id == newest.scalar_subquery())
        .where(assets.c.project == project, assets.c.removed_at.is_(None))
        .order_by(assets.c.name)
    )
    for row in tx.execute(query):
        yield row.name, row.body


def dataset_names(tx: Transaction, project: str) -> dict[str, str]:
    """What the datasets at each URI are called, of several there that which is still declared."""
    query = select(datasets.c.uri, datasets.c.name).where(datasets.c.project == project)
    query = query.order_by(datasets.c.removed_at.is_(None), datasets.c.name.desc(), datasets.c.id.desc())
    return {row.uri: row.name for row in tx.execute(query)}


def declared_names(tx: Transaction, project: str) -> dict[int, tuple[str, datetime | None]]:
    """The assets that are declared now, by id: name, and when it last published."""
    query = select(assets.c.id, assets.c.name, assets.c.succeeded_at).where(
        assets.c.project == project, assets.c.removed_at.is_(None)
    )
    return {number: (name, succeeded_at) for number, name, succeeded_at in tx.execute(query)}


def declaration_stamp(tx: Transaction, project: str) -> tuple[int | None, ...]:
    """What is another whenever an asset or a dataset is declared otherwise, anew, or no more."""
    newest = select(func.max(definitions.c.id)).join(assets, assets.c.id == definitions.c.asset_id)
    known = select(func.max(datasets.c.id), func.count(datasets.c.removed_at)).where(datasets.c.project == project)
    there = select(func.count(), func.count(assets.c.removed_at)).where(assets.c.project == project)
    rows = [tx.execute(one).one() for one in (newest.where(assets.c.project == project), known, there)]
    return tuple(value for row in rows for value in row)


def last_states(tx: Transaction, project: str) -> dict[int, RunState]:
    """The state of the newest run of every asset that is declared now, by asset id: cheaper than `last_runs`."""
    newest = select(runs.c.state).where(runs.c.asset_id == assets.c.id).order_by(runs.c.id.desc()).limit(1)
    query = select(assets.c.id, newest.correlate(assets).scalar_subquery().label("state")).where(
        assets.c.project == project, assets.c.removed_at.is_(None)
    )
    return {row.id: RunState(row.state) for row in tx.execute(query) if row.state is not None}
