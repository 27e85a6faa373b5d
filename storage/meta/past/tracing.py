"""What is known of versions and runs that lineage leads to: asked for all of them together. Reads only."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import bindparam, func, select

from ...manifest import Manifest
from ...types import RunState
from ..catalogue import assets, datasets
from ..database.engine import TEXT, Transaction
from ..database.prepared import Prepared, as_rows, sought_rows
from ..events import ARRIVED, events
from ..outbox import lineage_events
from ..runs import runs
from ..versions import chunks, versions
from .makings import Named


def metadata_of(tx: Transaction, named: Collection[Named]) -> dict[Named, Mapping[str, Any]]:
    """What was said of each of these versions by the event that published it under this number."""
    found: dict[Named, Mapping[str, Any]] = {}
    for chunk in chunks(sorted(one for one in named if one.number is not None)):
        query = select(events.c.version_id, events.c.number, events.c.metadata.label("said")).where(
            events.c.version_id.in_({one.version for one in chunk}), events.c.number.in_({one.number for one in chunk})
        )
        found |= {Named(row.version_id, row.number): row.said for row in tx.execute(query)}
    return {one: found[one] for one in named if one in found}


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFacts:
    """A run that made something: of which asset, when, and with which run parameters."""

    asset: str
    state: RunState
    created_at: datetime
    ended_at: datetime | None
    partition: str
    parameters: Mapping[str, Any]


def run_facts(tx: Transaction, run_ids: Collection[str]) -> dict[str, RunFacts]:
    """These runs, by id."""
    found: dict[str, RunFacts] = {}
    for chunk in chunks(sorted(run_ids)):
        query = (
            select(
                runs.c.id,
                assets.c.name,
                runs.c.state,
                runs.c.created_at,
                runs.c.ended_at,
                runs.c.partition,
                runs.c.made_from,
            )
            .join(assets, assets.c.id == runs.c.asset_id)
            .where(runs.c.id.in_(chunk))
        )
        for run_id, asset, state, created_at, ended_at, partition, made_from in tx.execute(query):
            found[run_id] = RunFacts(
                asset=asset,
                state=RunState(state),
                created_at=created_at,
                ended_at=ended_at,
                partition=partition,
                parameters=cast("dict[str, Any]", made_from or {}).get("parameters") or {},
            )
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeFacts:
    """Where the code of a run lay, as its lineage says it; None for what that does not say."""

    commit: str | None
    url: str | None


def code_facts(tx: Transaction, run_ids: Collection[str]) -> dict[str, CodeFacts]:
    """The code of these runs, by run id: what their newest lineage event has in its facet `sourceCodeLocation`."""
    found: dict[str, CodeFacts] = {}
    for chunk in chunks(sorted(run_ids)):
        newest = (
            select(func.max(lineage_events.c.id))
            .where(lineage_events.c.run_id.in_(chunk))
            .group_by(lineage_events.c.run_id)
        )
        query = select(lineage_events.c.run_id, lineage_events.c.body).where(lineage_events.c.id.in_(newest))
        for run_id, body in tx.execute(query):
            facet = json.loads(body).get("job", {}).get("facets", {}).get("sourceCodeLocation", {})
            found[run_id] = CodeFacts(commit=facet.get("version"), url=facet.get("url"))
    return found


def declarations(tx: Transaction, version_ids: Collection[int]) -> dict[int, Mapping[str, Any]]:
    """What the dataset of each of these versions is declared as, as plain data."""
    found: dict[int, Mapping[str, Any]] = {}
    for chunk in chunks(sorted(version_ids)):
        query = select(versions.c.id, datasets.c.declaration).join(datasets, datasets.c.id == versions.c.dataset_id)
        found |= {row[0]: row[1] for row in tx.execute(query.where(versions.c.id.in_(chunk)))}
    return found


def manifests(tx: Transaction, version_ids: Collection[int]) -> dict[int, Manifest]:
    """What each of these versions consists of."""
    found: dict[int, Manifest] = {}
    for chunk in chunks(sorted(version_ids)):
        query = select(versions.c.id, versions.c.manifest).where(versions.c.id.in_(chunk))
        found |= {number: Manifest.from_plain(plain) for number, plain in tx.execute(query)}
    return found


def heads_among(tx: Transaction, version_ids: Collection[int], *, until: datetime | None = None) -> set[int]:
    """Those of the versions that are the newest of their dataset, or of their partition of it; or were it then."""
    latest = (
        select(events.c.version_id)
        .where(events.c.dataset_id == versions.c.dataset_id, events.c.partition == versions.c.partition)
        .correlate(versions)
        .order_by(events.c.number.desc())
        .limit(1)
    )
    latest = latest if until is None else latest.where(until >= ARRIVED)
    found: set[int] = set()
    for chunk in chunks(sorted(version_ids)):
        query = select(versions.c.id).where(versions.c.id.in_(chunk), versions.c.id == latest.scalar_subquery())
        found |= {number for (number,) in tx.execute(query)}
    return found


def made_by(tx: Transaction, run_id: str) -> list[Named]:
    """The versions that a run published, as it did, oldest first."""
    query = select(events.c.version_id, events.c.number).where(
        events.c.run_id == run_id, events.c.version_id.is_not(None)
    )
    return [Named(*row) for row in tx.execute(query.order_by(events.c.id))]


def newest_until(tx: Transaction, dataset_id: int, until: datetime) -> int | None:
    """The version that was the newest of a dataset at a time; None where it had none."""
    query = (
        select(events.c.version_id)
        .where(events.c.dataset_id == dataset_id, until >= ARRIVED)
        .order_by(events.c.number.desc())
        .limit(1)
    )
    return tx.execute(query).scalar()


def shared_names(tx: Transaction, project: str, names: Collection[str]) -> set[str]:
    """Those of the names that several datasets of a project have: of one that has moved, and is remembered where it was
    too."""
    asked = {"b_project": project, "b_names": as_rows([(name,) for name in names])}
    return {name for (name,) in _SHARED.rows(tx, asked)}


_names = sought_rows("names", called=TEXT)
# By the index of names: SQLite would go through all datasets of the project, where it may.
_SHARED = Prepared(
    select(datasets.c.name)
    .where(datasets.c.project.concat("") == bindparam("b_project"), datasets.c.name.in_(select(_names.c.called)))
    .group_by(datasets.c.name)
    .having(func.count() > 1)
)
