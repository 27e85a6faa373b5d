"""Versions: the immutable content of datasets, each once; heads; what was observed of data that others write."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import JSON, Column, UniqueConstraint, and_, bindparam, case, insert, select, update
from sqlmodel import Field

from ..manifest import Manifest
from .catalogue import datasets
from .database.engine import BY_KEY, Row, Transaction, UtcTime, table_of
from .database.prepared import Listed, Prepared, among
from .events import events


class VersionRow(Row, table=True):
    """One content of one dataset. `held` says whether its bytes are among our objects."""

    __tablename__ = "versions"  # pyright: ignore[reportAssignmentType]
    __table_args__ = (UniqueConstraint("dataset_id", "partition", "digest"),)

    id: int | None = Field(default=None, primary_key=True)
    dataset_id: int = Field(foreign_key="datasets.id")
    partition: str = ""
    digest: str = Field(index=True)
    manifest: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    rows: int | None = None
    size: int = 0
    held: bool = True
    created_at: datetime = Field(sa_type=UtcTime)


class ObservationRow(Row, table=True):
    """What an observed dataset, or a partition of one, looked like the last time: its quick fingerprint and the version
    it stood for."""

    __tablename__ = "observations"  # pyright: ignore[reportAssignmentType]

    dataset_id: int = Field(foreign_key="datasets.id", primary_key=True)
    partition: str = Field(default="", primary_key=True)
    fingerprint: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    version_id: int | None = Field(default=None, foreign_key="versions.id")
    looked_at: datetime = Field(sa_type=UtcTime)


class PinRow(Row, table=True):
    """The version that a run reads for one of its parameters; of a dataset with partitions, one for each that it reads,
    under its key."""

    __tablename__ = "pins"  # pyright: ignore[reportAssignmentType]
    __table_args__ = BY_KEY

    run_id: str = Field(foreign_key="runs.id", primary_key=True)
    parameter: str = Field(primary_key=True)
    partition: str = Field(default="", primary_key=True)
    dataset_id: int = Field(foreign_key="datasets.id")
    version_id: int = Field(foreign_key="versions.id", index=True)
    event_id: int = Field(foreign_key="events.id")


versions = table_of(VersionRow)
pins = table_of(PinRow)
observations = table_of(ObservationRow)

NAMING = case((versions.c.size == 0, versions.c.manifest)).label("naming")
"""The manifest of a version that may have a name of its own, as data without files has; others are long."""


def token_of(naming: Mapping[str, Any] | None) -> str | None:
    """The version that those name themselves who write data without files; None of a version that has files."""
    return None if naming is None else Manifest.from_plain(naming).token


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The newest version of a dataset, or of the partition of it that has this key, and the event that published it."""

    dataset_id: int
    uri: str
    version_id: int
    event_id: int
    number: int
    digest: str
    manifest: Manifest
    held: bool
    at: datetime
    metadata: Mapping[str, Any]
    partition: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """The last look at an observed dataset, or at a partition of one."""

    fingerprint: Mapping[str, Any]
    version_id: int | None


_FOUND = Prepared(
    select(versions.c.id, versions.c.held).where(
        versions.c.dataset_id == bindparam("b_dataset"),
        versions.c.partition == bindparam("b_key"),
        versions.c.digest == bindparam("b_digest"),
    )
)
_KEPT = Prepared(insert(versions).returning(versions.c.id))


def keep_version(
    tx: Transaction,
    *,
    dataset_id: int,
    manifest: Manifest,
    held: bool,
    now: datetime,
    digest: str | None = None,
    partition: str = "",
) -> int:
    """The id of the version with this content of the dataset, or of this partition of it; recorded now if it is new.

    A version that was only observed becomes held when its bytes are kept.
    """
    digest = digest or manifest.digest
    found = _FOUND.first(tx, {"b_dataset": dataset_id, "b_key": partition, "b_digest": digest})
    if found is not None:
        version_id, was_held = found
        if held and not was_held:
            tx.execute(update(versions).where(versions.c.id == version_id).values(held=True))
        return int(version_id)
    return _KEPT.returned(
        tx,
        {
            "dataset_id": dataset_id,
            "partition": partition,
            "digest": digest,
            "manifest": manifest.to_plain(),
            "rows": manifest.rows,
            "size": manifest.size,
            "held": held,
            "created_at": now,
        },
    )


HEAD_COLUMNS = (
    datasets.c.id.label("dataset_id"),
    datasets.c.uri,
    versions.c.id.label("version_id"),
    versions.c.digest,
    versions.c.manifest,
    versions.c.held,
    events.c.id.label("event_id"),
    events.c.number,
    events.c.at,
    events.c.metadata.label("said"),
    events.c.partition,
)
_HEADS = (
    select(*HEAD_COLUMNS)
    .join(versions, versions.c.id == datasets.c.head_version_id)
    .join(events, and_(events.c.dataset_id == datasets.c.id, events.c.number == datasets.c.last_number))
)
_HEADS_OF = Listed(_HEADS.where(among(datasets.c.id)))


def head_of(row: Sequence[Any]) -> Head:
    """From a row of `HEAD_COLUMNS`."""
    dataset_id, uri, version_id, digest, manifest, held, event_id, number, at, metadata, partition = row
    return Head(
        dataset_id=dataset_id,
        uri=uri,
        version_id=version_id,
        event_id=event_id,
        number=number,
        digest=digest,
        manifest=Manifest.from_plain(manifest),
        held=held,
        at=at,
        metadata=metadata,
        partition=partition,
    )


def heads(tx: Transaction, dataset_ids: Sequence[int]) -> dict[int, Head]:
    """The heads of these datasets, by dataset id; a dataset without a version is left out."""
    return {head.dataset_id: head for head in map(head_of, _HEADS_OF.rows(tx, dataset_ids))}


_PINNED_HEADS = Prepared(
    select(*HEAD_COLUMNS, pins.c.parameter)
    .select_from(pins)
    .join(datasets, datasets.c.id == pins.c.dataset_id)
    .join(versions, versions.c.id == pins.c.version_id)
    .join(events, events.c.id == pins.c.event_id)
    .where(pins.c.run_id == bindparam("b_run"), pins.c.partition == "")
)


def pinned_heads(tx: Transaction, run_id: str) -> dict[str, Head]:
    """What was pinned for a run of datasets without partitions, as it stood then, by parameter."""
    return {row[-1]: head_of(row[:-1]) for row in _PINNED_HEADS.rows(tx, {"b_run": run_id})}


def unshown(tx: Transaction, project: str) -> list[Head]:
    """Heads that their own URI was not made equal to yet: a publication that a crash interrupted."""
    rows = tx.execute(
        _HEADS.where(
            datasets.c.project == project,
            datasets.c.producer_id.is_not(None),
            datasets.c.removed_at.is_(None),
            datasets.c.shown_version_id.is_distinct_from(datasets.c.head_version_id),
        )
    )
    return [head_of(row) for row in rows]


_UNSHOWN_HEAD = _HEADS.where(
    datasets.c.id == bindparam("b_dataset"),
    datasets.c.shown_version_id.is_distinct_from(datasets.c.head_version_id),
)
_SHOWN = Prepared(
    update(datasets)
    .where(datasets.c.id == bindparam("b_dataset"), datasets.c.head_version_id == bindparam("b_version"))
    .values(shown_version_id=bindparam("b_version"))
)


def unshown_head(tx: Transaction, dataset_id: int) -> Head | None:
    """The head of a dataset, unless its own URI already shows it."""
    row = tx.execute(_UNSHOWN_HEAD, {"b_dataset": dataset_id}).first()
    return None if row is None else head_of(row)


_IS_HEAD = Prepared(
    select(datasets.c.id)
    .where(datasets.c.id == bindparam("b_dataset"), datasets.c.head_version_id == bindparam("b_version"))
    .with_for_update()
)


def is_head(tx: Transaction, dataset_id: int, version_id: int) -> bool:
    """Whether this version is the head; it stays so until the transaction ends: the dataset's row is locked."""
    return _IS_HEAD.first(tx, {"b_dataset": dataset_id, "b_version": version_id}) is not None


def mark_shown(tx: Transaction, dataset_id: int, version_id: int) -> bool:
    """Record that the URI shows this version; False when the head has moved on meanwhile."""
    return _SHOWN.run(tx, {"b_dataset": dataset_id, "b_version": version_id}) == 1


_BEHIND = Prepared(
    update(datasets)
    .where(datasets.c.id == bindparam("b_dataset"), datasets.c.head_version_id == bindparam("b_version"))
    .values(shown_version_id=None)
)


def mark_behind(tx: Transaction, dataset_id: int, version_id: int) -> None:
    """Record that nobody knows what the URI shows of this version, if it is the head: it is shown again."""
    _BEHIND.run(tx, {"b_dataset": dataset_id, "b_version": version_id})


_OBSERVED = select(observations.c.partition, observations.c.fingerprint, observations.c.version_id)
_LOOKED_AT = (observations.c.dataset_id == bindparam("b_dataset"), observations.c.partition == bindparam("b_key"))
_OBSERVATION = Prepared(_OBSERVED.where(*_LOOKED_AT))
_SEEN_BEFORE = Prepared(select(observations.c.dataset_id).where(*_LOOKED_AT))
_FIRST_SEEN = Prepared(insert(observations))
_SEEN_AGAIN = Prepared(
    update(observations)
    .where(*_LOOKED_AT)
    .values(
        fingerprint=bindparam("b_fingerprint", type_=JSON()),
        version_id=bindparam("b_version"),
        looked_at=bindparam("b_now", type_=UtcTime()),
    )
)


def observation(tx: Transaction, dataset_id: int, partition: str = "") -> Observation | None:
    """The last look at an observed dataset, or at this partition of it; None before the first."""
    rows = _OBSERVATION.rows(tx, {"b_dataset": dataset_id, "b_key": partition})
    return next((Observation(fingerprint=one, version_id=version) for _, one, version in rows), None)


def observations_of(tx: Transaction, dataset_id: int) -> dict[str, Observation]:
    """The last look at each partition of an observed dataset that was ever seen, by key."""
    rows = tx.execute(_OBSERVED.where(observations.c.dataset_id == dataset_id))
    return {key: Observation(fingerprint=fingerprint, version_id=version) for key, fingerprint, version in rows}


def remember_observation(
    tx: Transaction,
    dataset_id: int,
    *,
    fingerprint: Mapping[str, Any],
    version_id: int | None,
    now: datetime,
    partition: str = "",
) -> None:
    """This is how the observed dataset, or this partition of it, looks now."""
    it, plain = {"b_dataset": dataset_id, "b_key": partition}, dict(fingerprint)
    if _SEEN_BEFORE.first(tx, it) is None:
        row = {"dataset_id": dataset_id, "partition": partition, "version_id": version_id, "looked_at": now}
        _FIRST_SEEN.run(tx, {**row, "fingerprint": plain})
    else:
        _SEEN_AGAIN.run(tx, {**it, "b_fingerprint": plain, "b_version": version_id, "b_now": now})


def tokens(tx: Transaction, version_ids: Sequence[int]) -> dict[int, str]:
    """Version id → what its data, which has no files, was told to be; versions with files are left out."""
    found: dict[int, str] = {}
    for chunk in chunks(version_ids):
        rows = tx.execute(select(versions.c.id, versions.c.manifest).where(versions.c.id.in_(chunk)))
        for number, manifest in rows:
            token = Manifest.from_plain(manifest).token
            found |= {} if token is None else {number: token}
    return found


def live_manifests(tx: Transaction) -> Iterable[Manifest]:
    """Every manifest of the database, whose objects must not be swept, one at a time."""
    for (plain,) in tx.execute(select(versions.c.manifest).where(versions.c.held).execution_options(yield_per=500)):
        yield Manifest.from_plain(plain)


_Value = TypeVar("_Value")


def chunks(values: Sequence[_Value], size: int = 500) -> Iterable[Sequence[_Value]]:
    """The values in runs short enough for one statement."""
    for start in range(0, len(values), size):
        yield values[start : start + size]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A version with the dataset, or the partition of it, whose it is."""

    uri: str
    dataset: str
    declaration: Mapping[str, Any]
    partition: str
    manifest: Manifest


def kept(tx: Transaction, project: str, version_id: int) -> Kept | None:
    """The version with this id; None where the project has none."""
    query = (
        select(datasets.c.uri, datasets.c.name, datasets.c.declaration, versions.c.partition, versions.c.manifest)
        .join(datasets, datasets.c.id == versions.c.dataset_id)
        .where(versions.c.id == version_id, datasets.c.project == project)
    )
    row = tx.execute(query).one_or_none()
    if row is None:
        return None
    return Kept(
        uri=row.uri,
        dataset=row.name,
        declaration=row.declaration,
        partition=row.partition,
        manifest=Manifest.from_plain(row.manifest),
    )
