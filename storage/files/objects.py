"""Objects: the immutable files that versions are made of, named by their content.

`keep` moves staged files in; nothing ever changes an object; `sweep` alone removes one. An object appears under its
name with all its bytes, or not at all; and they are on the disk, unless they are so few that the database keeps them
until then. Those of a remote root are uploaded, and copied to this machine when somebody needs a file.
"""

from __future__ import annotations

import errno
import os
import threading
import time
from collections.abc import Iterable
from contextlib import suppress

from ..errors import StorageFault
from ..manifest import FileEntry, Manifest
from .copying import remove_tree
from .faults import faults
from .formats.seam import SMALL
from .hashing import digest_of_file
from .layout import Place, object_of
from .remote import digest_at, fetched, remote_of
from .staging import Staged

_OLD_SECONDS = 600.0
_FEW_SHARDS = 8


def keep(staged: Staged) -> None:
    """Every file of the staged output is an object, and gone from staging. Repeating it changes nothing.

    It is on the disk, unless it is small: whoever publishes it sees to that (`durable`).

    An equal object that is there already is taken instead; its modification time becomes now, which is what protects
    it from a sweep until its version is recorded.

    Raises
    ------
    StorageFault: the disk is full, read-only, …; or the staged bytes are gone. What was moved stays an object without
        a version, to be swept; calling `keep` again goes on from there.
    """
    folder = staged.place.hidden
    with faults(dataset=staged.dataset, doing="keeping the bytes in", path=folder):
        if staged.place.remote:
            _upload(staged)
        else:
            _take(staged, folder)
    staged.prune()


def _take(staged: Staged, folder: str) -> None:
    targets: list[str] = []
    for entry, path in zip(staged.manifest.files, staged.paths, strict=True):
        target = object_of(folder, staged.manifest, entry)
        if _is_there(target, entry.size) and _is_sound(target, entry, durable=staged.small is None):
            with suppress(FileNotFoundError):
                os.unlink(path)
        else:
            if staged.sealed:
                os.utime(path)  # a sweep spares what is new
            else:
                seal(path, durable=staged.small is None)
            put_in_place(path, target)
        targets.append(target)
    if staged.small is None:
        sync_names(targets)


def _upload(staged: Staged) -> None:
    """Each file is an object of the store, and this machine's copy of it."""
    place, store = staged.place, remote_of(staged.place)
    for entry, path in zip(staged.manifest.files, staged.paths, strict=True):
        url = object_of(place.hidden, staged.manifest, entry)
        there = store.look(url)
        if there is None or there.size != entry.size:
            store.put(path, url)
        elif time.time() - there.modified > _OLD_SECONDS:
            store.copy(url, f"{url}~")  # a store has no touch, and a sweep must see that it is wanted again
            store.copy(f"{url}~", url)
            store.remove(f"{url}~")
        with suppress(FileNotFoundError):
            seal(path, durable=False)
            put_in_place(path, object_of(place.local, staged.manifest, entry))


def present(manifest: Manifest, place: Place, *, dataset: str = "") -> bool:
    """Whether every object of the version is there with its size; looks at no byte of them.

    Versions without objects (observed, or without files) are present, wherever they are said to lie: no store is
    opened for them, and none need exist.

    Raises
    ------
    StorageFault: the root cannot be looked at; it names the `dataset`, by its path unless it has another name.
    """
    objects = _objects(manifest, place)
    if not objects:
        return True
    folder = place.hidden if place.remote else f"{place.hidden}/objects"
    with faults(dataset=dataset or place.path, doing="looking at", path=folder):
        if place.remote:
            store = remote_of(place)
            looked = ((entry, store.look(path)) for entry, path in objects)
            return all(found is not None and found.size == entry.size for entry, found in looked)
        return all(_size_of(path) == entry.size for entry, path in objects)


def stamps(manifest: Manifest, place: Place) -> tuple[tuple[int, int], ...]:
    """Size and time of each object as it lies on this machine, for `altered`; none for a remote root, or where one is
    missing."""
    try:
        statuses = [os.stat(path) for _, path in _objects(manifest, place)] if not place.remote else []
    except FileNotFoundError:
        return ()
    return tuple((status.st_size, status.st_mtime_ns) for status in statuses)


def altered(manifest: Manifest, place: Place, before: tuple[tuple[int, int], ...]) -> list[str]:
    """Objects of the version that somebody wrote to since `stamps` was asked. They are removed, so that the version
    counts as missing and is made again rather than read wrong. Only what looks different is hashed.
    """
    if stamps(manifest, place) in (before, ()):
        return []  # as it was, or gone: then whoever reads it next is told
    damaged = verify(manifest, place)
    for path in damaged:
        with suppress(FileNotFoundError):
            os.unlink(path)
    if damaged:
        remove_tree(f"{place.local}/views/{manifest.digest}")  # it has links to the same files
    return damaged


def verify(manifest: Manifest, place: Place) -> list[str]:
    """The paths of the objects that are missing or no longer have the bytes they are named after; reads all of them.

    Raises
    ------
    StorageFault: a file is there and cannot be read.
    """
    damaged: list[str] = []
    for entry, path in _objects(manifest, place):
        with faults(dataset=place.path, doing="reading", path=path):
            try:
                found = digest_at(path, place)
            except FileNotFoundError:
                found = None
        if found != (entry.digest, entry.size):
            damaged.append(path)
    return damaged


def located(entry: FileEntry, manifest: Manifest, place: Place, *, dataset: str) -> str:
    """The local path of one object of a version, for reading; fetched first where the root is remote.

    Raises
    ------
    StorageFault: it is missing, or has another size or content than the version says.
    """
    path = object_of(place.local, manifest, entry)
    with faults(dataset=dataset, doing="reading", path=path):
        size = _size_of(path)
        if size == entry.size:
            return path
        if place.remote and (found := _fetched(entry, manifest, place, path)):
            return found
    lies_at = object_of(place.hidden, manifest, entry)
    wrong = "is missing" if size is None else f"has {size} bytes instead of {entry.size}"
    raise StorageFault(
        f"dataset {dataset!r}: {entry.path or place.path!r} of version {manifest.digest[:12]} (digest "
        f"{entry.digest[:12]}) {wrong}: {lies_at}",
        hint="Restore that file from a backup, or make the dataset again.",
    )


def _fetched(entry: FileEntry, manifest: Manifest, place: Place, path: str) -> str:
    """Download an object to `path`, checking its bytes on the way; "" where the store does not have it."""
    url = object_of(place.hidden, manifest, entry)
    aside = f"{path}~{os.getpid()}-{threading.get_ident()}"
    try:
        with fetched(url, aside, place) as found:
            if found != (entry.digest, entry.size):
                return ""
            os.chmod(aside, 0o444)
            os.replace(aside, path)
    except FileNotFoundError:
        return ""
    return path


def _objects(manifest: Manifest, place: Place) -> list[tuple[FileEntry, str]]:
    folder = place.hidden
    return [(entry, object_of(folder, manifest, entry)) for entry in manifest.files if ":" not in entry.digest]


def _size_of(path: str) -> int | None:
    try:
        return os.stat(path).st_size
    except (FileNotFoundError, NotADirectoryError):
        return None


def _is_there(target: str, size: int) -> bool:
    """Whether an equal object stands; touches it first, so that a sweep that saw it as old spares it."""
    try:
        os.utime(target)
    except FileNotFoundError:
        return False
    return _size_of(target) == size


def _is_sound(target: str, entry: FileEntry, *, durable: bool) -> bool:
    """Whether an object that stands can be relied on. A small one may be what a process left that died before it
    published: nobody has brought it to the disk, and no row has its bytes. So it is looked into, and with `durable`
    synced."""
    if entry.size > SMALL:
        return True
    sound = digest_of_file(target)[0] == entry.digest
    if sound and durable:
        seal(target)
    return sound


def seal(path: str, *, durable: bool = True) -> None:
    """Read-only, dated now (a sweep spares what is new), and on the disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        mode = os.fstat(descriptor).st_mode
        if mode & 0o333:
            os.fchmod(descriptor, mode & 0o444)
        os.utime(descriptor)
        if durable:
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def put_in_place(path: str, target: str) -> None:
    """A file becomes the object of this path, whose folder is made where it is missing."""
    try:
        os.rename(path, target)
    except FileNotFoundError:
        os.stat(path)  # the file itself may be what is missing
        _make_shard(os.path.dirname(target))
        os.rename(path, target)


def _make_shard(shard: str) -> None:
    """The folder is there that an object is to lie in.

    One by one while there are few, so that a small project does not wait for folders that it never needs; then all that
    are missing at once: each for itself would have to be synced, which costs more than the object that needs it.
    """
    objects = os.path.dirname(shard)
    os.makedirs(objects, exist_ok=True)
    many = len(os.listdir(objects)) >= _FEW_SHARDS
    for name in [f"{number:02x}" for number in range(256)] if many else [os.path.basename(shard)]:
        with suppress(FileExistsError):
            os.mkdir(f"{objects}/{name}")


def sync_names(paths: Iterable[str]) -> None:
    """The names of these objects are on the disk, with those of the folders that they lie in: of the shards, and of
    `objects`, which others may have made without waiting for the disk. What is there already costs next to nothing."""
    names = {os.path.dirname(path) for path in paths}
    for _ in range(3):
        for folder in sorted(names):
            _sync_folder(folder)
        names = {os.path.dirname(folder) for folder in names}


def _sync_folder(path: str) -> None:
    """The names in a folder are on the disk, where the file system can promise it for a folder."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in {errno.EINVAL, errno.ENOTSUP}:  # some network file systems
            raise
    finally:
        os.close(descriptor)
