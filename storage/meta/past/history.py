"""What happened, as readers ask for it: joins over several nouns, never on the path of a run. Reads only."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, Select, func, or_, select, union

from ...manifest import Manifest
from ...types import ConsumptionOutcome, EventKind, RunState
from ..catalogue import assets, datasets, definitions
from ..database.engine import Transaction
from ..events import consumptions, events
from ..runs import runs
from ..ticks import ticks
from ..versions import NAMING, chunks, token_of, versions


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A dataset as registered; `producer` is the asset that writes it, `removed` since when it is not declared."""

    id: int
    uri: str
    name: str
    producer: str | None
    declaration: Mapping[str, Any]
    head_version_id: int | None
    events: int
    removed_at: datetime | None


_DATASETS = (
    select(
        datasets.c.id,
        datasets.c.uri,
        datasets.c.name,
        assets.c.name.label("producer"),
        datasets.c.declaration,
        datasets.c.head_version_id,
        datasets.c.last_number.label("events"),
        datasets.c.removed_at,
    )
    .select_from(datasets)
    .outerjoin(assets, assets.c.id == datasets.c.producer_id)
)


def known_datasets(tx: Transaction, project: str) -> list[Known]:
    """Every dataset that was ever registered, by name; those that are still declared come first among equals."""
    return _known(tx, datasets.c.project == project)


def datasets_called(tx: Transaction, project: str, text: str) -> list[Known]:
    """Those of them with this name or URI, and those that the asset of this name writes; in the same order."""
    ids = select(datasets.c.id)  # each by an index of its own
    written = ids.join(assets, assets.c.id == datasets.c.producer_id)
    called = union(
        ids.where(datasets.c.name == text),
        ids.where(datasets.c.project == project, datasets.c.uri == text),
        written.where(assets.c.project == project, assets.c.name == text),
    )
    return _known(tx, datasets.c.project.concat("") == project, datasets.c.id.in_(called))


def datasets_at(tx: Transaction, project: str, uris: Collection[str]) -> list[Known]:
    """Those of them with one of these URIs; in the same order within some hundreds."""
    found: list[Known] = []
    for chunk in chunks(sorted(uris)):
        found += _known(tx, datasets.c.project == project, datasets.c.uri.in_(chunk))
    return found


def _known(tx: Transaction, *those: ColumnElement[bool]) -> list[Known]:
    query = _DATASETS.where(*those).order_by(datasets.c.name, datasets.c.removed_at.is_not(None), datasets.c.id)
    return [Known(**row) for row in tx.execute(query).mappings()]


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """An asset with its newest definition, as `assets/declare/plain.py` wrote it."""

    id: int
    name: str
    definition: Mapping[str, Any]
    registered_at: datetime
    succeeded_at: datetime | None


def declared_assets(tx: Transaction, project: str) -> list[Declared]:
    """The assets that are declared now, by name."""
    newest = select(definitions.c.asset_id, func.max(definitions.c.id).label("id")).group_by(definitions.c.asset_id)
    newest = newest.subquery()
    query = (
        select(assets.c.id, assets.c.name, definitions.c.body, assets.c.registered_at, assets.c.succeeded_at)
        .join(newest, newest.c.asset_id == assets.c.id)
        .join(definitions, definitions.c.id == newest.c.id)
        .where(assets.c.project == project, assets.c.removed_at.is_(None))
        .order_by(assets.c.name)
    )
    return [
        Declared(id=number, name=name, definition=body, registered_at=registered_at, succeeded_at=succeeded_at)
        for number, name, body, registered_at, succeeded_at in tx.execute(query)
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class LastRun:
    """The newest run of an asset; `error` is None unless it failed."""

    id: str
    asset_id: int
    state: RunState
    reason: Mapping[str, Any]
    created_at: datetime
    ended_at: datetime | None
    worker: str | None
    error: Mapping[str, Any] | None


def last_runs(tx: Transaction, asset_ids: Sequence[int]) -> dict[int, LastRun]:
    """The newest run of each of these assets, by asset id. Run ids sort by age."""
    found: dict[int, LastRun] = {}
    for chunk in chunks(asset_ids):
        newest = (
            select(runs.c.id)
            .where(runs.c.asset_id == assets.c.id)
            .order_by(runs.c.id.desc())
            .limit(1)
            .correlate(assets)
            .scalar_subquery()
        )
        query = select(runs).join(assets, runs.c.id == newest).where(assets.c.id.in_(chunk))
        for row in tx.execute(query):
            found[row.asset_id] = LastRun(
                id=row.id,
                asset_id=row.asset_id,
                state=RunState(row.state),
                reason=row.reason,
                created_at=row.created_at,
                ended_at=row.ended_at,
                worker=row.worker,
                error=row.error,
            )
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """An event with what it published. A `removed` event has no version; an observation has no run. Data without files
    has a `token`, the version that those name who write it; its `rows` are what its metadata say, and its `size` is
    None."""

    dataset_id: int
    dataset: str
    uri: str
    number: int
    kind: EventKind
    at: datetime
    run_id: str | None
    metadata: Mapping[str, Any]
    version_id: int | None
    digest: str | None
    rows: int | None
    size: int | None
    held: bool | None
    partition: str = ""
    token: str | None = None


_PUBLICATIONS = (
    select(
        datasets.c.id.label("dataset_id"),
        datasets.c.name.label("dataset"),
        datasets.c.uri,
        events.c.partition,
        events.c.number,
        events.c.kind,
        events.c.at,
        events.c.run_id,
        events.c.metadata.label("said"),
        versions.c.id.label("version_id"),
        versions.c.digest,
        versions.c.rows,
        versions.c.size,
        versions.c.held,
        NAMING,
    )
    .select_from(events)
    .join(datasets, datasets.c.id == events.c.dataset_id)
    .outerjoin(versions, versions.c.id == events.c.version_id)
)


def _publication(row: RowMapping) -> Publication:
    values = {key: one for key, one in _named(row).items() if key not in ("said", "kind")}
    values["rows"] = rows_of(row["rows"], row["said"])
    return Publication(**values, kind=EventKind(row["kind"]), metadata=row["said"])


def _named(row: RowMapping) -> dict[str, Any]:
    """With the token of data without files, whose size is not known."""
    token = token_of(row["naming"])
    values = {key: row[key] for key in row if key != "naming"}
    return values | {"token": token, "size": row["size"] if token is None else None}


def rows_of(rows: int | None, metadata: Mapping[str, Any]) -> int | None:
    """The rows of a version; of data without files, those that its metadata say under `rows`, if they are a number."""
    said = metadata.get("rows") if rows is None else rows
    return said if isinstance(said, int) and not isinstance(said, bool) else None


def publications(
    tx: Transaction,
    dataset_id: int,
    *,
    partition: str | None = None,
    limit: int,
    offset: int = 0,
    before: int | None = None,
) -> list[Publication]:
    """What was published of a dataset, or of one partition of it, newest first; `before` a number, if one is given."""
    query = _PUBLICATIONS.where(events.c.dataset_id == dataset_id).order_by(events.c.number.desc())
    if partition is not None:
        query = query.where(events.c.partition == partition)
    if before is not None:
        query = query.where(events.c.number < before)
    return [_publication(row) for row in tx.execute(query.limit(limit).offset(offset)).mappings()]


def publication(tx: Transaction, dataset_id: int, number: int) -> Publication | None:
    """The event of a dataset with this number; None when there is none."""
    query = _PUBLICATIONS.where(events.c.dataset_id == dataset_id, events.c.number == number)
    row = tx.execute(query).mappings().first()
    return None if row is None else _publication(row)


def head_publications(tx: Transaction, dataset_ids: Sequence[int]) -> dict[int, Publication]:
    """The newest publication of each of these datasets that has one, by dataset id."""
    found: dict[int, Publication] = {}
    for chunk in chunks(dataset_ids):
        query = _PUBLICATIONS.where(
            datasets.c.id.in_(chunk),
            events.c.number == datasets.c.last_number,
            datasets.c.head_version_id.is_not(None),
        )
        found.update((row["dataset_id"], _publication(row)) for row in tx.execute(query).mappings())
    return found


def published_by(tx: Transaction, run_id: str) -> list[Publication]:
    """What a run published, by dataset name."""
    query = _PUBLICATIONS.where(events.c.run_id == run_id).order_by(datasets.c.name)
    return [_publication(row) for row in tx.execute(query).mappings()]


@dataclass(frozen=True, slots=True, kw_only=True)
class Consumed:
    """An event that a run took; `returned` when the run ended without success."""

    dataset: str
    uri: str
    number: int
    kind: EventKind
    at: datetime
    outcome: ConsumptionOutcome


def consumed_by(tx: Transaction, run_id: str) -> list[Consumed]:
    """The events that a run took, by dataset name and number."""
    rows = tx.execute(
        select(datasets.c.name, datasets.c.uri, events.c.number, events.c.kind, events.c.at, consumptions.c.outcome)
        .select_from(consumptions)
        .join(events, events.c.id == consumptions.c.event_id)
        .join(datasets, datasets.c.id == events.c.dataset_id)
        .where(consumptions.c.run_id == run_id, consumptions.c.outcome != ConsumptionOutcome.SUPPRESSED.value)
        .order_by(datasets.c.name, events.c.number)
    )
    return [
        Consumed(dataset=name, uri=uri, number=number, kind=EventKind(kind), at=at, outcome=ConsumptionOutcome(outcome))
        for name, uri, number, kind, at, outcome in rows
    ]


def ticks_of(tx: Transaction, run_id: str) -> dict[str, datetime]:
    """The ticks that a run took: timetable → instant."""
    rows = tx.execute(select(ticks.c.timetable, ticks.c.tick).where(ticks.c.run_id == run_id))
    return dict(rows.all())


def has_versions(tx: Transaction) -> bool:
    """Whether the store names any version at all, of any project."""
    return tx.execute(select(versions.c.id).limit(1)).first() is not None


def unended(tx: Transaction) -> set[str]:
    """The ids of the runs of every project that have not ended."""
    return set(tx.execute(select(runs.c.id).where(runs.c.ended_at.is_(None))).scalars())


def run_ids(tx: Transaction, project: str, part: str) -> list[str]:
    """The ids of the runs that begin or end with `part`, at most ten. An id ends in random digits. A whole one is found
    by its key, a part of one among all."""
    ours = select(runs.c.id).join(assets, assets.c.id == runs.c.asset_id).where(assets.c.project == project)
    if tx.execute(ours.where(runs.c.id == part)).first() is not None:
        return [part]
    alike = or_(runs.c.id.startswith(part, autoescape=True), runs.c.id.endswith(part, autoescape=True))
    return list(tx.execute(ours.where(alike).order_by(runs.c.id).limit(10)).scalars())


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionFacts:
    """A version with the dataset it is of. Data without files has a `token`, the version that those name who write it;
    its `size` is None."""

    id: int
    dataset: str
    uri: str
    producer: str | None
    digest: str
    rows: int | None
    size: int | None
    held: bool
    created_at: datetime
    token: str | None = None


_VERSIONS = (
    select(
        versions.c.id,
        datasets.c.name.label("dataset"),
        datasets.c.uri,
        assets.c.name.label("producer"),
        versions.c.digest,
        versions.c.rows,
        versions.c.size,
        versions.c.held,
        versions.c.created_at,
        NAMING,
    )
    .select_from(versions)
    .join(datasets, datasets.c.id == versions.c.dataset_id)
    .outerjoin(assets, assets.c.id == datasets.c.producer_id)
)


def version_facts(tx: Transaction, version_ids: Sequence[int]) -> dict[int, VersionFacts]:
    """These versions, by id."""
    found: dict[int, VersionFacts] = {}
    for chunk in chunks(version_ids):
        rows = tx.execute(_VERSIONS.where(versions.c.id.in_(chunk))).mappings()
        found.update((row["id"], VersionFacts(**_named(row))) for row in rows)
    return found


def versions_by_digest(tx: Transaction, project: str, prefix: str, *, dataset: int | None = None) -> list[VersionFacts]:
    """The versions whose digest begins with `prefix`, of one dataset if it is named; at most ten."""
    query = _VERSIONS.where(datasets.c.project == project, versions.c.digest.startswith(prefix, autoescape=True))
    if dataset is not None:
        query = query.where(datasets.c.id == dataset)
    return _facts_of(tx, query)


def versions_called(tx: Transaction, dataset: int, token: str) -> list[VersionFacts]:
    """The versions of a dataset that those who write it call so, one for each partition that has one; at most ten."""
    digest = Manifest(suffix="", token=token).digest
    return _facts_of(tx, _VERSIONS.where(versions.c.dataset_id == dataset, versions.c.digest == digest))


def _facts_of(tx: Transaction, query: Select[*tuple[Any, ...]]) -> list[VersionFacts]:
    rows = tx.execute(query.order_by(versions.c.id).limit(10)).mappings()
    return [VersionFacts(**_named(row)) for row in rows]
