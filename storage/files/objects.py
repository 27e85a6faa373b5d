"""Objects: the immutable files that versions are made of, named by their content.

`keep` moves staged files in; nothing ever changes an object; `sweep` alone removes one. An object appears under its
name with all its bytes on the disk, or not at all.
"""

from __future__ import annotations

import os
from contextlib import suppress

from ..errors import StorageFault
from ..manifest import FileEntry, Manifest
from .faults import faults
from .hashing import digest_of_file
from .layout import Place, object_path, object_suffix
from .staging import Staged


def keep(staged: Staged) -> None:
    """Every file of the staged output is an object, durable, and gone from staging. Repeating it changes nothing.

    An equal object that is there already is taken instead; its modification time becomes now, which is what protects
    it from a sweep until its version is recorded.

    Raises
    ------
    StorageFault: the disk is full, read-only, …; or the staged bytes are gone. What was moved stays an object without
        a version, to be swept; calling `keep` again goes on from there.
    """
    folder = staged.place.hidden
    with faults(dataset=staged.dataset, doing="keeping the bytes in", path=folder):
        shards: set[str] = set()
        for entry, path in zip(staged.manifest.files, staged.paths, strict=True):
            target = object_path(folder, entry.digest, object_suffix(staged.manifest.suffix, entry.path))
            if _is_there(target, entry.size):
                with suppress(FileNotFoundError):
                    os.unlink(path)  # noqa: PTH108
            else:
                _seal(path)
                _move(path, target, folder)
            shards.add(os.path.dirname(target))  # noqa: PTH120
        for shard in shards:
            sync_folder(shard)
    staged.prune()


def present(manifest: Manifest, place: Place) -> bool:
    """Whether every object of the version is there with its size; looks at no byte of them.

    Versions without objects (observed, or without files) are present.
    """
    return all(_size_of(path) == entry.size for entry, path in _objects(manifest, place))


def verify(manifest: Manifest, place: Place) -> list[str]:
    """The paths of the objects that are missing or no longer have the bytes they are named after; reads all of them.

    Raises
    ------
    StorageFault: a file is there and cannot be read.
    """
    damaged: list[str] = []
    for entry, path in _objects(manifest, place):
        try:
            if digest_of_file(path) != (entry.digest, entry.size):
                damaged.append(path)
        except FileNotFoundError:
            damaged.append(path)
        except OSError as error:
            raise StorageFault(f"{path} cannot be read to verify it: {error.strerror}") from error
    return damaged


def located(entry: FileEntry, manifest: Manifest, place: Place, *, dataset: str) -> str:
    """The local path of one object of a version, for reading.

    Raises
    ------
    StorageFault: it is missing, or has another size than the version says.
    """
    path = object_path(place.hidden, entry.digest, object_suffix(manifest.suffix, entry.path))
    size = _size_of(path)
    if size != entry.size:
        found = "is missing" if size is None else f"has {size} bytes instead of {entry.size}"
        raise StorageFault(
            f"dataset {dataset!r}: {entry.path or place.path!r} of version {manifest.digest[:12]} {found}: {path}",
            hint="Restore that file from a backup, or make the dataset again.",
        )
    return path


def _objects(manifest: Manifest, place: Place) -> list[tuple[FileEntry, str]]:
    return [
        (entry, object_path(place.hidden, entry.digest, object_suffix(manifest.suffix, entry.path)))
        for entry in manifest.files
        if ":" not in entry.digest
    ]


def _size_of(path: str) -> int | None:
    try:
        return os.stat(path).st_size  # noqa: PTH116
    except (FileNotFoundError, NotADirectoryError):
        return None


def _is_there(target: str, size: int) -> bool:
    """Whether an equal object stands; touches it first, so that a sweep that saw it as old spares it."""
    try:
        os.utime(target)
    except FileNotFoundError:
        return False
    return _size_of(target) == size


def _seal(path: str) -> None:
    """Read-only, dated now (a sweep spares what is new), and on the disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        mode = os.fstat(descriptor).st_mode
        if mode & 0o333:
            os.fchmod(descriptor, mode & 0o444)
        os.utime(descriptor)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _move(path: str, target: str, folder: str) -> None:
    try:
        os.rename(path, target)  # noqa: PTH104
    except FileNotFoundError:
        os.stat(path)  # noqa: PTH116 - the file itself may be what is missing
        make_shards(folder)
        os.rename(path, target)  # noqa: PTH104


def make_shards(folder: str) -> None:
    """`objects/00` … `objects/ff` are there: made once and together, so that no later `keep` waits for a folder."""
    for number in range(256):
        os.makedirs(f"{folder}/objects/{number:02x}", exist_ok=True)  # noqa: PTH103
    sync_folder(f"{folder}/objects")
    sync_folder(folder)


def sync_folder(path: str) -> None:
    """The names in a folder are on the disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
