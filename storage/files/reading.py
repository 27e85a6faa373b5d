"""Reading a version: always its immutable objects, never what stands at the dataset's URI."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any

from ..errors import StorageFault, ValueMismatch
from ..manifest import Manifest
from ..types import KIND_NAMES, ValueKind
from .copying import copy_file, remove_tree
from .faults import blames_the_file, faults, said
from .formats.registry import RAW, FormatInfo, format_for, load
from .formats.seam import Source
from .layout import Place, object_of
from .objects import located, present
from .remote import polars_options
from .staging import check_kind

_counter = count()


def read(manifest: Manifest, *, kind: ValueKind, place: Place, dataset: str, allow_pickle: bool = False) -> Any:
    """The version in the form `kind`.

    A LazyFrame is a scan, nothing is loaded; an iterator of frames reads as it is consumed; a PATH is a read-only file,
    or a read-only directory of hard links.

    Raises
    ------
    StorageFault: bytes are missing, of another size, or not of their format; the message names the dataset, the
        digest and the path.
    ValueMismatch: the format does not give this kind, or settings do not allow it.
    """
    if not manifest.files:
        raise ValueMismatch(
            f"dataset {dataset!r}: version {manifest.digest[:12]} has no files; the annotation says {KIND_NAMES[kind]}",
            hint="Annotate the parameter with penstock.Version and open the data by its own means.",
        )
    info = format_for(manifest.suffix) or RAW
    check_kind(info, kind, dataset=dataset, place=place, allow_pickle=allow_pickle)
    if manifest.suffix == "/":
        paths = [located(entry, manifest, place, dataset=dataset) for entry in manifest.files]
        return _view(manifest, paths, f"{place.local}/views/{manifest.digest}", dataset)
    if kind is ValueKind.LAZY_FRAME and info.scans_urls and (options := polars_options(place)) is not None:
        return _scanned(manifest, place, info, options, dataset)
    path = located(manifest.files[0], manifest, place, dataset=dataset)
    if kind is ValueKind.PATH:
        return Path(path)
    return opened(Source(path=path, columns=manifest.columns), manifest, info, kind, dataset=dataset)


def opened(source: Source, manifest: Manifest, info: FormatInfo, kind: ValueKind, *, dataset: str) -> Any:
    """One file as a value.

    Raises
    ------
    StorageFault: it cannot be read as its format. An iterator of frames raises it when it comes to what is torn; of a
        lazy frame only the beginning was looked at.
    """
    with _readable(source, manifest, info, dataset):
        value = load(RAW if kind is ValueKind.BYTES else info).read(source, kind)
    return _guarded(value, source, manifest, info, dataset) if kind is ValueKind.FRAMES else value


def _guarded(
    frames: Iterator[Any], source: Source, manifest: Manifest, info: FormatInfo, dataset: str
) -> Iterator[Any]:
    while True:
        with _readable(source, manifest, info, dataset):
            frame = next(frames, None)
        if frame is None:
            return
        yield frame


class _readable:  # noqa: N801  as `faults`, and for the same reason a class
    """Inside, whatever a library says of a torn file becomes a StorageFault that names the dataset."""

    __slots__ = ("_dataset", "_info", "_manifest", "_source")

    def __init__(self, source: Source, manifest: Manifest, info: FormatInfo, dataset: str) -> None:
        self._source, self._manifest, self._info, self._dataset = source, manifest, info, dataset

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if error is None or not blames_the_file(error):
            return
        raise StorageFault(
            f"dataset {self._dataset!r}: version {self._manifest.digest[:12]} cannot be read as {self._info.name}: "
            f"{self._source.path}: {said(error)}",
            hint="The file is torn or of another format: mend its source, or make the dataset again. A parameter "
            "annotated pathlib.Path takes the file as it is.",
        ) from error


def _scanned(manifest: Manifest, place: Place, info: FormatInfo, options: dict[str, str], dataset: str) -> Any:
    """A lazy frame over the object where it lies, so that only what a query needs is fetched."""
    if not present(manifest, place):
        located(manifest.files[0], manifest, place, dataset=dataset)  # says what is missing
    entry = manifest.files[0]
    url = object_of(place.hidden, manifest, entry)
    source = Source(path=url, columns=manifest.columns, storage_options=options)
    return opened(source, manifest, info, ValueKind.LAZY_FRAME, dataset=dataset)


def _view(manifest: Manifest, paths: list[str], view: str, dataset: str) -> Path:
    """A directory of read-only hard links to the files, built aside and renamed, so that it is whole or not there."""
    with faults(dataset=dataset, doing="making a view in", path=view):
        if not _is_whole(view, manifest, paths):
            made = f"{view}~{os.getpid()}-{next(_counter)}"
            try:
                for entry, path in zip(manifest.files, paths, strict=True):
                    _link(path, f"{made}/{entry.path}")
                _protect(made)
                _swap_in(made, view)
            finally:
                remove_tree(made)
    return Path(view)


def _link(path: str, target: str) -> None:
    os.makedirs(os.path.dirname(target), exist_ok=True)
    try:
        os.link(path, target)
    except OSError:  # too many links to one object, or a file system without them
        copy_file(path, target)


def _is_whole(view: str, manifest: Manifest, paths: list[str]) -> bool:
    try:
        return all(
            os.path.samefile(f"{view}/{entry.path}", path)
            or os.stat(f"{view}/{entry.path}").st_size == entry.size  # a copy
            for entry, path in zip(manifest.files, paths, strict=True)
        )
    except (FileNotFoundError, NotADirectoryError):
        return False


def _protect(folder: str) -> None:
    """Nobody adds a file to a view: it would be there for the next reader."""
    for parent, _, _ in os.walk(folder):
        os.chmod(parent, os.stat(parent).st_mode & 0o555)


def _swap_in(made: str, view: str) -> None:
    try:
        os.rename(made, view)
    except OSError:
        old = f"{made}-old"  # another process was quicker, or somebody damaged the view
        os.rename(view, old)
        os.rename(made, view)
        remove_tree(old)
