"""What was published without waiting for the disk gets there, and what a loss of power took is made good.

Small objects are published with their bytes in the database (`storage.meta.unsynced`). Every so often, and when a
project is closed, they are synced together and the database lets go of their bytes. A process that dies leaves rows:
whoever opens the project next sees to them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ....storage.files.durable import restore, small_object, sync
from ....storage.files.layout import Place
from ....storage.meta.database.engine import Store, Transaction
from ....storage.meta.partitions.heads import mark_partition_behind
from ....storage.meta.unsynced import Unsynced, forget, left
from ....storage.meta.versions import mark_behind

MANY = 512
"""How many small objects of a process may wait for the disk: their bytes are 8 MiB at the most."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A small object that may not be on the disk: the row that has its bytes, its version, and where it lies."""

    row: int
    version_id: int
    path: str


def secure(store: Store, waiting: list[Waiting]) -> None:
    """What waits is on the disk, and the database lets go of its bytes; the list is empty then.

    Raises
    ------
    StorageFault: the disk is full, or failing; the bytes stay in the database.
    """
    if waiting:
        sync([one.path for one in waiting])
        with store.write() as tx:
            forget(tx, [(one.row, one.version_id) for one in waiting])
        waiting.clear()


def make_good(store: Store, place_of: Callable[[str], Place]) -> int:
    """See to what processes left that died, and to what others have just published; the number of objects that had
    lost their bytes and were written again. `place_of` says where the dataset of a URI lies.

    What lies under another root than that of now is left for when that is used again, unless the root has been moved.
    Where bytes were lost, so may have been what the URIs show: they are shown again.

    Raises
    ------
    StorageFault: an object cannot be read or written.
    """
    with store.read() as tx:
        found = left(tx, store.project)
    seen: list[Unsynced] = []
    waiting: list[Waiting] = []
    restored = 0
    for one in found:
        place = place_of(one.uri)
        if place.remote or (place.hidden != one.root and Path(one.root).is_dir()):
            continue
        path = small_object(one.manifest, place)
        restored += restore(path, one.content, manifest=one.manifest, place=place)
        seen.append(one)
        waiting.append(Waiting(one.row, one.version_id, path))
    if restored:
        with store.write() as tx:
            for one in seen:
                _show_again(tx, one)
    secure(store, waiting)
    return restored


def _show_again(tx: Transaction, one: Unsynced) -> None:
    if one.partition:
        mark_partition_behind(tx, one.dataset_id, one.partition, one.version_id)
    else:
        mark_behind(tx, one.dataset_id, one.version_id)
