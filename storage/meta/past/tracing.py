"""What is known of versions and runs that lineage leads to: asked for all of them together. Reads only."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import func, select

from ...manifest import Manifest
from ...types import EventKind, RunState
from ..catalogue import assets, datasets
from ..database.engine import Transaction
from ..events import events
from ..outbox import lineage_events
from ..runs import runs
from ..versions import chunks, pins, versions

_TOLD_AT = func.coalesce(events.c.told_at, events.c.at)
"""When an event was recorded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """An event that published a version; `run_id` is None for what others wrote."""

    number: int
    partition: str
    run_id: str | None
    at: datetime
    kind: EventKind


def published(
    tx: Transaction, version_ids: Collection[int], *, until: datetime | None = None
) -> dict[int, list[Published]]:
    """The events that published each of these versions, by then if a time is given; oldest first."""
    found: dict[int, list[Published]] = defaultdict(list)
    for chunk in chunks(sorted(version_ids)):
        query = select(
            events.c.version_id, events.c.number, events.c.partition, events.c.run_id, events.c.at, events.c.kind
        ).where(events.c.version_id.in_(chunk))
        query = query if until is None else query.where(until >= _TOLD_AT)
        for version_id, number, partition, run_id, at, kind in tx.execute(query.order_by(events.c.id)):
            found[version_id].append(
                Published(number=number, partition=partition, run_id=run_id, at=at, kind=EventKind(kind))
            )
    return found


def metadata_of(
    tx: Transaction, version_ids: Collection[int], *, until: datetime | None = None
) -> dict[int, Mapping[str, Any]]:
    """What was said of each of these versions by the event that published it last, by then if a time is given."""
    found: dict[int, Mapping[str, Any]] = {}
    for chunk in chunks(sorted(version_ids)):
        query = select(events.c.version_id, events.c.metadata.label("said")).where(events.c.version_id.in_(chunk))
        query = query if until is None else query.where(until >= _TOLD_AT)
        found |= {row.version_id: row.said for row in tx.execute(query.order_by(events.c.id))}
    return found


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
    newest = events.alias("newest")
    found: set[int] = set()
    for chunk in chunks(sorted(version_ids)):
        latest = (
            select(func.max(newest.c.number))
            .where(newest.c.dataset_id == versions.c.dataset_id, newest.c.partition == versions.c.partition)
            .correlate(versions)
        )
        if until is not None:
            latest = latest.where(func.coalesce(newest.c.told_at, newest.c.at) <= until)
        query = (
            select(versions.c.id)
            .join(events, events.c.version_id == versions.c.id)
            .where(versions.c.id.in_(chunk), events.c.number == latest.scalar_subquery())
        )
        found |= {number for (number,) in tx.execute(query)}
    return found


def made_by(tx: Transaction, run_id: str) -> list[int]:
    """The versions that a run published, oldest first."""
    query = select(events.c.version_id).where(events.c.run_id == run_id, events.c.version_id.is_not(None))
    return list(dict.fromkeys(number for (number,) in tx.execute(query.order_by(events.c.id))))


def pinned_by(tx: Transaction, run_id: str) -> list[int]:
    """The versions that a run reads."""
    return [number for (number,) in tx.execute(select(pins.c.version_id).where(pins.c.run_id == run_id).distinct())]


def newest_until(tx: Transaction, dataset_id: int, until: datetime) -> int | None:
    """The version that was the newest of a dataset at a time; None where it had none."""
    query = (
        select(events.c.version_id)
        .where(events.c.dataset_id == dataset_id, until >= _TOLD_AT)
        .order_by(events.c.number.desc())
        .limit(1)
    )
    return tx.execute(query).scalar()
