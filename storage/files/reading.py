"""Reading a version: always its immutable objects, never what stands at the dataset's URI."""

from __future__ import annotations

import os
import shutil
from itertools import count
from pathlib import Path
from typing import Any

from ..errors import StorageFault
from ..manifest import Manifest
from ..types import ValueKind
from .copying import copy_file
from .faults import faults
from .formats.registry import RAW, FormatInfo, format_for, load
from .formats.seam import Source
from .layout import Place, object_path, object_suffix
from .objects import located
from .staging import Staged, check_kind

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
    info = format_for(manifest.suffix) or RAW
    check_kind(info, kind, dataset=dataset, place=place, allow_pickle=allow_pickle, writing=False)
    if manifest.suffix == "/":
        return _view(manifest, place, dataset)
    path = located(manifest.files[0], manifest, place, dataset=dataset)
    if kind is ValueKind.PATH:
        return Path(path)
    return opened(Source(path=path, columns=manifest.columns), manifest, info, kind, dataset=dataset)


def read_staged(staged: Staged, *, kind: ValueKind, allow_pickle: bool = False) -> Any:
    """A staged output in the form `kind`, for checks before it is published; a PATH must not be written to."""
    manifest, place, dataset = staged.manifest, staged.place, staged.dataset
    info = format_for(manifest.suffix) or RAW
    check_kind(info, kind, dataset=dataset, place=place, allow_pickle=allow_pickle, writing=False)
    if manifest.suffix == "/":
        raise NotImplementedError
    path = staged.paths[0]
    if kind is ValueKind.PATH:
        return Path(path)
    return opened(Source(path=path, columns=manifest.columns), manifest, info, kind, dataset=dataset)


def opened(source: Source, manifest: Manifest, info: FormatInfo, kind: ValueKind, *, dataset: str) -> Any:
    """One file as a value.

    Raises
    ------
    StorageFault: it cannot be read as its format.
    """
    try:
        return load(RAW if kind is ValueKind.BYTES else info).read(source, kind)
    except MemoryError:
        raise
    except Exception as error:  # whatever a library says of a torn file
        raise StorageFault(
            f"dataset {dataset!r}: version {manifest.digest[:12]} cannot be read as {info.name}: {source.path}: {error}",
            hint="The file is torn or of another format: mend its source, or make the dataset again.",
        ) from error


def _view(manifest: Manifest, place: Place, dataset: str) -> Path:
    """`views/<digest>/`: hard links to the objects, built aside and renamed, so that it is whole or not there."""
    view = f"{place.local}/views/{manifest.digest}"
    with faults(dataset=dataset, doing="making a view in", path=view):
        if not _is_whole(view, manifest, place):
            made = f"{view}~{os.getpid()}-{next(_counter)}"
            try:
                _link_all(made, manifest, place, dataset)
                _swap_in(made, view)
            finally:
                shutil.rmtree(made, ignore_errors=True)
    return Path(view)


def _link_all(folder: str, manifest: Manifest, place: Place, dataset: str) -> None:
    for entry in manifest.files:
        source = located(entry, manifest, place, dataset=dataset)
        target = f"{folder}/{entry.path}"
        os.makedirs(os.path.dirname(target), exist_ok=True)  # noqa: PTH103, PTH120
        try:
            os.link(source, target)  # noqa: PTH200
        except OSError:  # too many links to one object, or a file system without them
            copy_file(source, target)


def _is_whole(view: str, manifest: Manifest, place: Place) -> bool:
    try:
        return all(os.stat(f"{view}/{e.path}").st_size == e.size for e in manifest.files)  # noqa: PTH116
    except (FileNotFoundError, NotADirectoryError):
        return False


def _swap_in(made: str, view: str) -> None:
    try:
        os.rename(made, view)  # noqa: PTH104
    except OSError:
        old = f"{made}-old"  # another process was quicker, or somebody damaged the view
        os.rename(view, old)  # noqa: PTH104
        os.rename(made, view)  # noqa: PTH104
        shutil.rmtree(old, ignore_errors=True)
