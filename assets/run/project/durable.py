"""What was published without waiting for the disk gets there, and what a loss of power took is made good.

Small objects are published with their bytes in the database (`storage.meta.unsynced`). Every so often, and when a
project is closed, they are synced together and the database lets go of their bytes. A process that dies leaves rows:
whoever opens the project next sees to them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Container
from contextlib import suppress
from dataclasses import dataclass

from ....storage.errors import StorageFault
from ....storage.files.durable import restore, small_object, sync
from ....storage.files.layout import Place
from ....storage.files.root import root_id
from ....storage.meta.database.engine import Store, Transaction
from ....storage.meta.partitions.heads import mark_partition_behind
from ....storage.meta.unsynced import Unsynced, forget, left
from ....storage.meta.versions import mark_behind
from ..identity import here

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


def make_good(store: Store, place_of: Callable[[str], Place], *, used: Container[str]) -> int:
    """See to what processes left that died; the number of objects that had lost their bytes and were written again.
    `place_of` says where the dataset of a URI lies, `used` has the URIs of those that are declared.

    What a process that lives has published it brings to the disk itself. What lies under another root than that of now,
    which may be a disk that is not mounted, is left for when that is there again. What the URIs show was not synced
    either: it is shown again. A root that cannot be written keeps its rows, unless bytes are lost there.

    Raises
    ------
    StorageFault: an object of a dataset that is used is torn or gone, and cannot be written again: nobody may go on
        with what is there instead.
    """
    with store.read() as tx:
        found = [one for one in left(tx, store.project) if here(one.holder) is None]
    places = {one.uri: place_of(one.uri) for one in found}
    mine = [one for one in found if _is_of(one, places[one.uri])]
    if not mine:
        return 0
    with store.write() as tx:  # first: whoever is killed or stopped from here on leaves the rows, and this with them
        for one in mine:
            _show_again(tx, one)
    waiting: dict[str, list[Waiting]] = {}
    restored = 0
    for one in mine:
        path = small_object(one.manifest, place := places[one.uri])
        try:
            restored += restore(path, one.content, manifest=one.manifest, place=place)
        except StorageFault:
            if one.uri in used:
                raise
            continue
        waiting.setdefault(place.hidden, []).append(Waiting(one.row, one.version_id, path))
    for several in waiting.values():
        with suppress(StorageFault):  # what is there is right, and the database has it too
            secure(store, several)
    return restored


def _is_of(one: Unsynced, place: Place) -> bool:
    """Whether bytes that wait are for the root at which the dataset lies now."""
    if place.remote:
        return False
    if one.root.startswith("/"):  # recorded when a root was known by its path alone
        return os.path.realpath(one.root) == os.path.realpath(place.hidden)
    return root_id(place.hidden) == one.root


def _show_again(tx: Transaction, one: Unsynced) -> None:
    if one.partition:
        mark_partition_behind(tx, one.dataset_id, one.partition, one.version_id)
    else:
        mark_behind(tx, one.dataset_id, one.version_id)
