"""Telling of events from outside, as a program does. Loads no code of the project and looks at no file."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from ....storage.errors import UsageError
from ....storage.meta import catalogue, outside
from ....storage.meta.database.engine import Store, Transaction
from ....storage.meta.database.engine import now as moment_of
from ....storage.meta.outside import Told
from ....storage.meta.partitions.heads import PartitionAt
from ....storage.settings import read_settings
from ...declare.dataset import Dataset
from ...declare.partitions.appearing import appeared
from ...declare.partitions.partition import Known
from ...declare.partitions.plain import partitioning_from_plain
from ..project.project import open_store


def record_event(
    dataset: str | Dataset,
    *,
    version: str | None = None,
    metadata: Mapping[str, Any] | None = None,
    at: datetime | None = None,
    partition: str | None = None,
    project_folder: str | Path | None = None,
    **settings: Any,
) -> Told:
    """Somebody published a version of a dataset that no asset writes: whoever waits for it hears of it.

    An event of a dataset that nobody declares is kept; it counts once the dataset is declared.

    Parameters
    ----------
    dataset: its name or URI, or the `Dataset`.
    version: what names the version, e.g. a snapshot id. The version that the dataset has already is `confirmed`,
        another one `changed`. Without it, it is one that was never there before.
    metadata: what is said of it, as JSON data; conditions can ask for it: `docs.where(meta("rows") > 1000)`.
    at: when it was published, aware, since 1900 and not in the future; without it, now.
    partition: the key, of a dataset that has partitions: `"2026-01-05"`. A dynamic key appears with its first event.
    project_folder, settings: as `materialize` takes them.

    Returns
    -------
    Told: the event; `matched` is False when nobody declares the dataset, and no pattern means it.

    Raises
    ------
    UsageError: no dataset bears this bare name, which may be because no definitions have been registered yet; an asset
        writes the dataset; the time is no datetime, has no zone, is before 1900 or in the future; the version is no
        text; there is no such partition.

    >>> record_event("s3://corpus/docs.parquet", version="snap-0042", metadata={"rows": 1000})  # doctest: +SKIP
    """
    name = dataset if isinstance(dataset, str) else dataset.uri
    known = read_settings(None if project_folder is None else Path(project_folder), **settings)
    with open_store(known) as store:
        return record_in(store, name, version=version, metadata=metadata, at=at, partition=partition)


def record_in(
    store: Store,
    dataset: str,
    *,
    version: str | None = None,
    metadata: Mapping[str, Any] | None = None,
    at: datetime | None = None,
    partition: str | None = None,
) -> Told:
    """`record_event` in an open store."""
    with store.write() as tx:
        return record_within(tx, store.project, dataset, version=version, metadata=metadata, at=at, partition=partition)


def record_within(
    tx: Transaction,
    project: str,
    dataset: str,
    *,
    version: str | None = None,
    metadata: Mapping[str, Any] | None = None,
    at: datetime | None = None,
    partition: str | None = None,
) -> Told:
    """`record_event` in a write transaction."""
    now = moment_of(tx)
    return outside.record_event(
        tx,
        project,
        dataset,
        version=version,
        metadata=metadata,
        at=at,
        partition=partition,
        placed=partial(_placed, now),
        now=now,
    )


def is_bare(dataset: str) -> bool:
    """Whether a text is a name, and cannot be the URI of a dataset that nobody declares."""
    return outside.is_bare(dataset)


def asks_definitions(store: Store, dataset: str) -> bool:
    """Whether the definitions may say what is meant: of a name that is not known, and before any were registered."""
    with store.read() as tx:
        if outside.is_known(tx, store.project, dataset):
            return False
        return outside.is_bare(dataset) or not catalogue.registered_digest(tx, store.project)


def _placed(now: datetime, declared: Mapping[str, Any], key: str) -> PartitionAt:
    """Where a key lies in what is declared so; a dynamic one appears by being named."""
    partitions = partitioning_from_plain(declared)
    place = partitions.place(key)
    named = {name: tuple(keys) for name, keys in appeared(partitions, [place.line]).items()}
    fault = partitions.fault(key, Known(keys=named, until=now))
    if fault is not None:
        raise UsageError(fault.message, hint=fault.hint)
    return PartitionAt(key=key, line=place.line, start=place.start, end=place.end)
