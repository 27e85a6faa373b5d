"""Small objects reach the disk together: to sync each as it comes would cost more than to make it.

Until then the database has their bytes too, recorded in the transaction that names them: what a loss of power takes
from a file is made good from there.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from ..manifest import Manifest
from .copying import remove_tree
from .faults import faults
from .layout import Place, object_of
from .objects import put_in_place, seal, sync_names

_FEW = 16


def small_object(manifest: Manifest, place: Place) -> str:
    """The path of the one object of a version that is kept small: `/data/.penstock/objects/ab/ab12….json`."""
    (entry,) = manifest.files
    return object_of(place.hidden, manifest, entry)


def sync(paths: Sequence[str]) -> None:
    """These objects are on the disk under their names; one that is gone is passed over.

    A few are synced one by one. Of many the file system that they lie on is, once, where the system can do that
    (Linux): all that waits to be written goes to the disk in one go, also what others wrote.

    Raises
    ------
    StorageFault: the disk is full, or failing.
    """
    together = _file_system_syncing() if len(paths) > _FEW else None
    if together is None:
        _sync_each(paths)
        return
    for objects in sorted({os.path.dirname(os.path.dirname(path)) for path in paths}):
        with faults(dataset="", doing="bringing to the disk", path=objects), suppress(FileNotFoundError):
            together(objects)


def _sync_each(paths: Sequence[str]) -> None:
    there: list[str] = []
    for path in paths:
        with faults(dataset="", doing="bringing to the disk", path=path), suppress(FileNotFoundError):
            seal(path)
            there.append(path)
    if there:
        with faults(dataset="", doing="bringing to the disk", path=os.path.dirname(there[0])):
            sync_names(there)


def restore(path: str, content: bytes, *, manifest: Manifest, place: Place) -> bool:
    """The object at this path has these bytes; whether it had to be written again. Like any small object it is on the
    disk once it is synced.

    Raises
    ------
    StorageFault: it cannot be read or written.
    """
    with faults(dataset=place.path, doing="restoring", path=path):
        with suppress(FileNotFoundError):
            if Path(path).read_bytes() == content:
                return False
        aside = f"{path}~{os.getpid()}-{threading.get_ident()}"  # a sweep takes what is called so for torn
        os.makedirs(os.path.dirname(path), exist_ok=True)
        Path(aside).write_bytes(content)
        seal(aside, durable=False)
        put_in_place(aside, path)
        remove_tree(f"{place.local}/views/{manifest.digest}")  # it has links to what stood there
    return True


def _file_system_syncing() -> Callable[[str], None] | None:
    """What syncs the file system of a folder; None where the system has no such call."""
    import ctypes  # noqa: PLC0415  some milliseconds that nobody else needs

    libc = ctypes.CDLL(None, use_errno=True)
    call = getattr(libc, "syncfs", None)
    if call is None:
        return None

    def synced(folder: str) -> None:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            if call(descriptor) != 0:
                number = ctypes.get_errno()
                raise OSError(number, os.strerror(number), folder)
        finally:
            os.close(descriptor)

    return synced
