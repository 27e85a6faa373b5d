"""The beginning of the data of a version, read from its own objects: a table, a text, or the names of files.

Loads no code of the project, so what only user code can read (a pickle) is told by its size alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from ...assets.declare.partitions.paths import path_of
from ...assets.declare.partitions.plain import partitioning_from_plain
from ...assets.run.project.lying import place_of
from ...storage.errors import UsageError
from ...storage.files.formats.registry import RAW, format_for
from ...storage.files.layout import Place
from ...storage.files.reading import read
from ...storage.manifest import Manifest
from ...storage.meta.database.engine import Store
from ...storage.meta.versions import kept
from ...storage.settings import ProjectSettings
from ...storage.types import ValueKind

_TEXT = 20_000
"""Bytes of a text that are shown."""
_FETCHED = 64 * 1024 * 1024
"""Bytes of a file on an object store that are fetched for it at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What a version holds, of one kind.

    Attributes
    ----------
    columns: name and type, where the format has them.
    frame: the first rows, of a table; cells are what polars reads.
    text: the beginning of a text; `cut` says whether there is more.
    files: name and bytes of the first files, of a directory, which has `files_count`.
    said: why nothing of the data is shown, where nothing is.
    """

    columns: tuple[tuple[str, str], ...] = ()
    frame: pl.DataFrame | None = None
    text: str | None = None
    cut: bool = False
    files: tuple[tuple[str, int], ...] = ()
    files_count: int = 0
    said: str = ""


def sample(store: Store, settings: ProjectSettings, version_id: int, *, rows: int = 50) -> Sample:
    """The first `rows` rows of a version, or what there is instead.

    Raises
    ------
    UsageError: there is no such version.
    StorageFault: its bytes are gone, or are not what they should be; the message names the path.
    """
    with store.read() as tx:
        found = kept(tx, store.project, version_id)
    if found is None:
        raise UsageError(f"there is no version {version_id} in project {store.project}", hint="Reload the page.")
    manifest = found.manifest
    columns = tuple((one.name, one.type) for one in manifest.columns or ())
    if not manifest.files:
        return Sample(said=f"It is data without files, which its producer called {manifest.token}.")
    if manifest.suffix == "/":
        files = tuple((one.path, one.size) for one in manifest.files[:rows])
        return Sample(files=files, files_count=len(manifest.files))
    divided = found.declaration.get("partitions")
    path = ""
    if found.partition and divided is not None:
        path = path_of(found.uri, partitioning_from_plain(divided), found.partition)
    place = place_of(found.uri, settings, path)
    info = format_for(manifest.suffix) or RAW
    if ValueKind.LAZY_FRAME in info.reads:
        scan: Any = read(manifest, kind=ValueKind.LAZY_FRAME, place=place, dataset=found.dataset)
        return Sample(columns=columns, frame=scan.head(rows).collect())
    return _text(manifest, place, found.dataset)


def _text(manifest: Manifest, place: Place, dataset: str) -> Sample:
    if place.remote and manifest.size > _FETCHED:
        return Sample(said="It lies on an object store and is too large to be fetched for a look.")
    path: Path = read(manifest, kind=ValueKind.PATH, place=place, dataset=dataset)
    with path.open("rb") as file:
        data = file.read(_TEXT + 1)
    begin = data[:_TEXT]
    try:
        text = begin.decode()
    except UnicodeDecodeError as error:
        if error.start < len(begin) - 4 or len(data) <= _TEXT:  # not merely cut within a character
            return Sample(said=f"It is no text ({manifest.suffix or 'a file without a suffix'}).")
        text = begin[: error.start].decode()
    if "\0" in text:
        return Sample(said=f"It is no text ({manifest.suffix or 'a file without a suffix'}).")
    return Sample(text=text, cut=len(data) > _TEXT)
