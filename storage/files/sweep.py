"""Sweep: remove what no version and no run needs any more.

Who calls it states what is needed; nothing younger than the grace period goes, because what is being published is
needed before anybody can say so. Never touches `aside/`: what is there belongs to somebody.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from .copying import remove, remove_tree
from .faults import faults
from .head import folders_behind, let_go
from .layout import Place
from .remote import remote_of

Live = AbstractSet[tuple[str, str]] | Callable[[str, str], bool]


@dataclass(slots=True)
class Swept:
    """What was removed, or with `dry_run` would be: files and their bytes. Folders of links count as no bytes."""

    files: int = 0
    bytes: int = 0

    def add(self, files: int, size: int) -> None:
        """Count something more."""
        self.files += files
        self.bytes += size


def sweep(
    root: str,
    *,
    live: Live,
    active_runs: AbstractSet[str],
    older_than: timedelta,
    now: datetime,
    dry_run: bool = False,
    storage_options: Mapping[str, Any] | None = None,
    cache: str = "",
    bare: bool = False,
) -> Swept:
    """Under `<root>/.penstock` there is nothing left that is older than the grace period and not needed.

    Parameters
    ----------
    live: the (digest, suffix) of every object of every version that is kept (`layout.object_keys`), as a set, or as a
        question that is asked of each candidate just before it goes.
    active_runs: ids of runs that may still stage or keep something.
    older_than: the grace period; an hour is plenty, it must be longer than a publication takes.
    now: aware.
    bare: a remote root holds nothing of ours: its store is not opened, and what lies on this machine is swept alone.

    Raises
    ------
    StorageFault: something cannot be looked at or removed. What was removed before stays so; sweep again.
    """
    place = Place(root=root, path="-", storage_options=dict(storage_options or {}), cache=cache)
    cutoff = (now - older_than).timestamp()
    is_live = live if callable(live) else _member_of(live)
    swept = Swept()
    with faults(dataset="", doing="sweeping", path=place.hidden):
        _sweep_staging(place.local, active_runs, cutoff, swept, dry_run=dry_run)
        kept = _sweep_objects(place.local, is_live, cutoff, swept, dry_run=dry_run)
        _sweep_folders(f"{place.local}/views", kept, cutoff, swept, dry_run=dry_run)
        if place.remote and not active_runs:
            _sweep_folders(f"{place.local}/seen", set(), cutoff, swept, dry_run=dry_run)
        if place.remote and not bare:
            _sweep_remote(place, is_live, cutoff, swept, dry_run=dry_run)
        elif not place.remote:
            _sweep_heads(place, cutoff, swept, dry_run=dry_run)
    return swept


def sweep_run(place: Place, run_id: str, *, attempt: int | None = None) -> None:
    """Nothing that this run staged is left, however it ended; other runs are not touched. With `attempt`, other
    attempts of the run are not either: one of them may be at work.

    Raises
    ------
    StorageFault: staging cannot be looked at.
    """
    with faults(dataset=place.path, doing="sweeping", path=place.local):
        for entry in _entries(f"{place.local}/staging"):
            run, file, rest = entry.name.partition("~")
            if run != run_id:
                continue
            if attempt is None or (file and rest.partition("-")[0] == str(attempt)):
                remove(entry.path)
            elif not file:
                _sweep_folders_of(entry.path, attempt)


def _sweep_folders_of(folder: str, attempt: int) -> None:
    """What an attempt wrote into the folder of its run is gone, and so is that where it is empty then."""
    for entry in _entries(folder):
        if entry.name.rpartition("-")[2] == str(attempt):
            remove(entry.path)
    with suppress(OSError):
        os.rmdir(folder)


def _member_of(live: AbstractSet[tuple[str, str]]) -> Callable[[str, str], bool]:
    def is_live(digest: str, suffix: str) -> bool:
        return (digest, suffix) in live

    return is_live


def _sweep_staging(folder: str, active: AbstractSet[str], cutoff: float, swept: Swept, *, dry_run: bool) -> None:
    for entry in _entries(f"{folder}/staging"):
        run = entry.name.partition("~")[0]
        if run in active or entry.stat(follow_symlinks=False).st_mtime >= cutoff:
            continue
        swept.add(*_weight(entry.path))
        if not dry_run:
            remove(entry.path)


def _sweep_objects(
    folder: str, is_live: Callable[[str, str], bool], cutoff: float, swept: Swept, *, dry_run: bool
) -> set[int]:
    """Remove dead objects; gives the inodes of those that stay."""
    kept: set[int] = set()
    for shard in _entries(f"{folder}/objects"):
        for entry in _entries(shard.path):
            path = _put_back(entry.path) if entry.name.endswith("~") and not dry_run else entry.path
            with suppress(FileNotFoundError):  # another sweep was quicker
                status = os.stat(path)
                name, torn, _ = os.path.basename(path).partition("~")
                digest, dot, suffix = name.partition(".")
                wanted = status.st_mtime >= cutoff or (not torn and is_live(digest, dot + suffix))
                if not wanted and (dry_run or _removed(path, cutoff)):
                    swept.add(1, status.st_size)
                else:
                    kept.add(status.st_ino)
    return kept


def _removed(path: str, cutoff: float) -> bool:
    """Remove an object unless somebody keeps the same content just now.

    `keep` touches an object that it finds. The object is first taken from under its name: a `keep` that comes later
    finds none and makes a new one; one that came before has touched it, which is seen here, and it is put back.
    """
    aside = f"{path}~"
    os.rename(path, aside)
    if os.stat(aside).st_mtime >= cutoff:
        _put_back(aside)
        return False
    os.unlink(aside)
    return True


def _put_back(aside: str) -> str:
    """An object that a sweep took from under its name, this one or one that died there, stands under it again."""
    original = aside[:-1]
    with suppress(FileExistsError):
        os.link(aside, original)
    os.unlink(aside)
    return original


def _sweep_folders(folder: str, kept: set[int], cutoff: float, swept: Swept, *, dry_run: bool) -> None:
    """Remove folders of links to objects of which one is gone, or that nobody finished."""
    for entry in _entries(folder):
        if entry.stat(follow_symlinks=False).st_mtime >= cutoff:
            continue
        if "~" not in entry.name and all(status.st_ino in kept for status in _files(entry.path)):
            continue
        swept.add(_weight(entry.path)[0], 0)
        if not dry_run:
            remove_tree(entry.path)


def _sweep_heads(place: Place, cutoff: float, swept: Swept, *, dry_run: bool) -> None:
    for folder in folders_behind(place):
        if os.stat(folder).st_mtime < cutoff:
            swept.add(*_weight(folder))
            if not dry_run:
                let_go(folder, place)


def _sweep_remote(
    place: Place, is_live: Callable[[str, str], bool], cutoff: float, swept: Swept, *, dry_run: bool
) -> None:
    """A store cannot take an object from under its name in one step, so here the grace period alone protects it."""
    store = remote_of(place)
    for found in store.below(f"{place.hidden}/objects"):
        url = f"{place.hidden}/objects/{found.path}"
        name, torn, _ = found.path.rpartition("/")[2].partition("~")
        digest, dot, suffix = name.partition(".")
        if found.modified >= cutoff or (not torn and is_live(digest, dot + suffix)):
            continue
        again = None if dry_run else store.look(url)
        if again is not None and again.modified >= cutoff:
            continue
        swept.add(1, found.size)
        if not dry_run:
            store.remove(url)


def _entries(folder: str) -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            yield from list(entries)
    except FileNotFoundError:
        return


def _files(folder: str) -> Iterator[os.stat_result]:
    for parent, _, names in os.walk(folder):
        for name in names:
            with suppress(FileNotFoundError):
                yield os.lstat(f"{parent}/{name}")


def _weight(path: str) -> tuple[int, int]:
    if not os.path.isdir(path):
        return 1, os.lstat(path).st_size
    statuses = list(_files(path))
    return len(statuses), sum(status.st_size for status in statuses)
