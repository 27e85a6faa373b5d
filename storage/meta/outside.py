"""Events from outside: somebody who writes a dataset tells that there is a new version of it. Looks at no file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from difflib import get_close_matches
from functools import partial
from typing import Any
from uuid import uuid4

from sqlalchemy import RowMapping, insert, select

from .. import uri as uris
from ..errors import UsageError
from ..manifest import Manifest, canonical_json
from ..types import EventKind
from .catalogue import aliases, assets, datasets, projects
from .database.engine import Transaction
from .events import publish_event
from .partitions.heads import PartitionAt, publish_partition
from .subscribing import is_awaited, subscribe_to
from .versions import keep_version

Placed = Callable[[Mapping[str, Any], str], PartitionAt]
"""How a dataset is divided, as plain data, and a key → where that lies in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """An event that somebody outside told of, as it is recorded.

    Attributes
    ----------
    name, uri: of the dataset.
    number: of the event within the dataset.
    kind: `confirmed` when the version is that of the head, else `changed`.
    digest: of the version.
    version: the token that names it.
    partition: the key; "" of a dataset without partitions.
    matched: whether the dataset is declared, or a pattern means it; if not, the event is kept until it is.
    """

    name: str
    uri: str
    number: int
    kind: EventKind
    digest: str
    version: str
    at: datetime
    matched: bool
    partition: str = ""


def record_event(
    tx: Transaction,
    project: str,
    dataset: str,
    *,
    version: str | None = None,
    metadata: Mapping[str, Any] | None = None,
    at: datetime | None = None,
    partition: str | None = None,
    placed: Placed | None = None,
    now: datetime,
) -> Told:
    """Somebody published a version of a dataset that no asset writes, or of a partition of one.

    Parameters
    ----------
    dataset: the name of a declared dataset, or a URI, also of one that nobody has declared.
    version: what names the version; without it, it is one that was never there before.
    metadata: what is said of it, as JSON data.
    at: when it was published; without it, now.
    partition: the key, of a dataset that has partitions.
    placed: how they are declared, as plain data, and a key → where that lies; UsageError for what is no key.

    Raises
    ------
    UsageError: it is a bare name that no dataset bears; an asset writes it; the time is none, naive, before 1900 or in
        the future; version or metadata cannot be kept.
    InvalidURI: the dataset is none that is declared, and cannot be a URI.
    """
    moment, token = _moment(at, now), _token(version)
    said = dict(metadata or {})
    try:
        canonical_json(said)
    except (TypeError, ValueError) as error:
        raise UsageError(f"the metadata of an event are no JSON data: {error}", hint="Write e.g. rows=1000.") from error
    found = _found(tx, project, dataset)
    if found is None and is_bare(dataset):
        raise _unknown(tx, project, dataset)
    if found is None:
        found = _kept(tx, project, uris.normalise(dataset), now)
    elif found["producer"] is not None and found["removed_at"] is None:
        raise UsageError(
            f"dataset {found['name']} is written by asset {found['producer']}: what others write there is drift",
            hint=f"`penstock materialize -s {found['producer']}` makes it; `penstock status` shows drift.",
        )
    where = _where(found, partition, placed)
    manifest = Manifest(suffix="", token=token)
    key = "" if where is None else where.key
    version_id = keep_version(tx, dataset_id=found["id"], manifest=manifest, held=False, now=now, partition=key)
    publish = publish_event if where is None else partial(publish_partition, partition=where)
    event = publish(tx, dataset_id=found["id"], version_id=version_id, run_id=None, metadata=said, now=now, at=moment)
    return Told(
        name=found["name"],
        uri=found["uri"],
        number=event.number,
        kind=event.kind,
        digest=manifest.digest,
        version=token,
        at=moment,
        partition=key,
        matched=found["removed_at"] is None or is_awaited(tx, found["id"]),
    )


def _where(found: RowMapping, partition: str | None, placed: Placed | None) -> PartitionAt | None:
    """Which partition an event is about; None of a dataset without partitions."""
    declared = found["declaration"].get("partitions") if found["removed_at"] is None else None
    if declared is None and partition is not None:
        raise UsageError(
            f"dataset {found['name']} has no partitions, and the event says of {partition!r}",
            hint="Leave --partition out, or declare how it is divided: Dataset(…, partitions=…).",
        )
    if declared is None:
        return None
    if partition is None or placed is None:
        raise UsageError(
            f"dataset {found['name']} has partitions, and the event says of none",
            hint="Name the key: --partition KEY.",
        )
    return placed(declared, partition)


def is_bare(dataset: str) -> bool:
    """Whether it reads as a name and not as the URI of anything: kept as a URI it would be one that nobody means.

    >>> is_bare("docs"), is_bare("docs.json"), is_bare("raw/docs"), is_bare("s3://corpus/docs")
    (True, False, False, False)
    """
    return not any(sign in dataset for sign in "/.:")


def is_known(tx: Transaction, project: str, dataset: str) -> bool:
    """Whether this is the name, the URI or an alias of a dataset that the store knows."""
    return _found(tx, project, dataset) is not None


def _unknown(tx: Transaction, project: str, dataset: str) -> UsageError:
    names = list(tx.execute(select(datasets.c.name).where(datasets.c.project == project)).scalars())
    near = get_close_matches(dataset, names, n=3)
    hint = f"Did you mean {' or '.join(near)}? " if near else ""
    if not names:
        hint = (
            "No definitions have been registered yet: `penstock materialize` registers them, and "
            "`penstock event` reads them itself. "
        )
    return UsageError(
        f"no dataset of project {project} is called {dataset!r}",
        hint=f"{hint}What nobody has declared is told by its URI, e.g. s3://corpus/{dataset}.parquet.",
    )


_EARLIEST = datetime(1900, 1, 1, tzinfo=UTC)
"""No event is older. The year 1, which programs have for no time, has no place in some zones: it could not be told."""


def _token(version: object) -> str:
    if version is None:
        return str(uuid4())
    if not isinstance(version, str):
        raise UsageError(
            f"the version {version!r} of an event is of type {type(version).__name__}, and no text",
            hint=f'Write e.g. version="{version}".',
        )
    if not version.strip():
        raise UsageError("the version of an event is empty", hint="Leave it out for a version of its own.")
    return version


def _moment(at: object, now: datetime) -> datetime:
    if at is None:
        return now
    if not isinstance(at, datetime):
        raise UsageError(
            f"the time {at!r} of an event is of type {type(at).__name__}, and no datetime",
            hint="Give a datetime with a zone, e.g. datetime.now(UTC), or datetime.fromisoformat(…) of a text.",
        )
    if at.tzinfo is None:
        raise UsageError(
            f"the time {at.isoformat()} of an event has no zone", hint=f"Write e.g. {at.isoformat()}Z for UTC."
        )
    if at < _EARLIEST:
        raise UsageError(
            f"the time {at.isoformat()} of an event is before {_EARLIEST.year}, as if it had none",
            hint="Say when it was published, or leave the time out for now.",
        )
    if at > now:
        raise UsageError(
            f"the time {at.isoformat()} of an event lies in the future; it is {now.isoformat(timespec='seconds')}",
            hint="An event says what has happened. Leave the time out for now.",
        )
    return at


_DATASETS = (
    select(
        datasets.c.id,
        datasets.c.name,
        datasets.c.uri,
        datasets.c.declaration,
        datasets.c.removed_at,
        assets.c.name.label("producer"),
    )
    .select_from(datasets)
    .outerjoin(assets, assets.c.id == datasets.c.producer_id)
)


def _found(tx: Transaction, project: str, dataset: str) -> RowMapping | None:
    """The dataset of this name, or at this URI or alias; declared ones first."""
    ours = _DATASETS.where(datasets.c.project == project)
    named = tx.execute(ours.where(datasets.c.name == dataset, datasets.c.removed_at.is_(None))).mappings().first()
    if named is not None:
        return named
    uri = uris.normalise(dataset)
    alias = select(aliases.c.dataset_id).where(aliases.c.project == project, aliases.c.uri == uri)
    return (
        tx.execute(ours.where(datasets.c.id.in_(alias))).mappings().first()
        or tx.execute(ours.where(datasets.c.uri == uri)).mappings().first()
    )


def _kept(tx: Transaction, project: str, uri: str, now: datetime) -> RowMapping:
    """A dataset that nobody has declared: its events are kept, and whoever waits for a pattern hears of them."""
    if tx.execute(select(projects.c.name).where(projects.c.name == project)).first() is None:
        tx.execute(insert(projects), {"name": project, "catalogue_digest": "", "registered_at": now})
    tx.execute(
        insert(datasets),
        {
            "project": project,
            "uri": uri,
            "name": uris.name_of(uri),
            "declaration": {},
            "last_number": 0,
            "planned_number": 0,
            "removed_at": now,
        },
    )
    found = tx.execute(_DATASETS.where(datasets.c.project == project, datasets.c.uri == uri)).mappings().one()
    subscribe_to(tx, project, found["id"], uri, now=now)
    return found
