"""Checks: the bytes of each version that is held are there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import Any

from sqlalchemy import select

from ....storage.errors import PenstockError, UsageError
from ....storage.files.layout import Place, object_of
from ....storage.files.objects import present, verify
from ....storage.manifest import FileEntry, Manifest
from ....storage.meta.catalogue import datasets
from ....storage.meta.checking.check import Check, Found, of_partition
from ....storage.meta.database.engine import Transaction
from ....storage.meta.unsynced import unsynced
from ....storage.meta.versions import versions
from ....storage.settings import ProjectSettings
from ...declare.partitions.paths import path_of
from ...declare.partitions.plain import partitioning_from_plain
from ..project.lying import place_of

Tell = Callable[[int, int], None]
"""How many bytes of how many were looked at."""


class Looking(StrEnum):
    """How closely bytes are looked at."""

    SIZE = "size"  # that they are there, as many as there should be
    DIGEST = "digest"  # that they are the right ones: reads all of them


_HELD = (
    select(
        versions.c.id,
        versions.c.partition,
        versions.c.manifest,
        datasets.c.uri,
        datasets.c.name,
        datasets.c.declaration,
        versions.c.size,
    )
    .join(datasets, datasets.c.id == versions.c.dataset_id)
    .order_by(versions.c.id)
)


def checks(settings: ProjectSettings, looking: Looking, tell: Tell) -> tuple[Check, ...]:
    """Those of the versions of the project."""

    def find(tx: Transaction) -> Iterator[Found]:
        return _damaged(tx, settings, looking, tell)

    said = "there" if looking is Looking.SIZE else "there, and what they were"
    return (
        Check(
            name="bytes",
            rule=f"The bytes of each version that is held are {said}.",
            find=find,
            advice="Restore the file from a backup; of a head, `penstock materialize` of its asset makes it again.",
        ),
    )


def _damaged(tx: Transaction, settings: ProjectSettings, looking: Looking, tell: Tell) -> Iterator[Found]:
    kept = set(tx.execute(select(unsynced.c.version_id)).scalars())
    ours = _HELD.where(versions.c.held, datasets.c.project == settings.project)
    rows = tx.execute(ours.execution_options(yield_per=200))
    whole, seen, looked = _size(tx, settings), set[str](), 0
    for version_id, key, plain, uri, name, declaration, size in rows:
        manifest = Manifest.from_plain(plain)
        told = f"version {manifest.digest[:12]} of dataset {of_partition(name, key)}"
        if manifest.size != size:
            yield Found(told, f"its row says {size} bytes", f"{manifest.size}, as its files have together")
        if version_id in kept:  # the database has them, and puts them where they belong before anything is read
            continue
        try:
            place = _place(uri, key, declaration.get("partitions"), settings)
        except UsageError as error:
            yield Found(told, error.message, "a place by the definition and the settings of now", error.hint)
            continue
        files = [one for one in manifest.files if _is_new(seen, object_of(place.hidden, manifest, one))]
        for one in files:
            yield from _looked(manifest, one, place, told, looking)
            looked += one.size
            tell(looked, whole)


def _looked(manifest: Manifest, entry: FileEntry, place: Place, told: str, looking: Looking) -> Iterator[Found]:
    one = Manifest(suffix=manifest.suffix, files=(entry,))
    path = object_of(place.hidden, manifest, entry)
    try:
        sound = present(one, place) if looking is Looking.SIZE else not verify(one, place)
    except PenstockError as error:
        yield Found(told, error.message, "that it can be looked at", error.hint)
        return
    if not sound:
        expected = f"{entry.size} bytes" + ("" if looking is Looking.SIZE else f" with the digest {entry.digest[:12]}")
        wrong = "missing, or of another size" if looking is Looking.SIZE else "missing, or other bytes"
        yield Found(told, f"{path} is {wrong}", expected)


def _is_new(seen: set[str], path: str) -> bool:
    new = path not in seen
    seen.add(path)
    return new


def _size(tx: Transaction, settings: ProjectSettings) -> int:
    """So many bytes at most are to be looked at; what several versions share is counted for each."""
    sizes = select(versions.c.size).join(datasets, datasets.c.id == versions.c.dataset_id)
    return sum(tx.execute(sizes.where(versions.c.held, datasets.c.project == settings.project)).scalars())


def _place(uri: str, key: str, divided: dict[str, Any] | None, settings: ProjectSettings) -> Place:
    if divided is None or not key:
        return place_of(uri, settings)
    return place_of(uri, settings, path_of(uri, partitioning_from_plain(divided), key))
