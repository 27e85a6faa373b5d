"""Removing logs that are too old, or the oldest where all together are too large. Logs of runs at work are spared.

Runs are taken in the order of their ids, which is that of their planning, so that one id says which are gone.
"""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from ..errors import StorageFault
from .places import CLEANED, LogPlace
from .reading import cleaned_to


@dataclass(frozen=True, slots=True, kw_only=True)
class CleanedLogs:
    """How many files of logs were removed, or would be, and their bytes."""

    files: int = 0
    bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    """The logs of one run: `files` are names or URLs."""

    run_id: str
    day: str
    files: tuple[str, ...]
    bytes: int


def clean_logs(
    place: LogPlace, *, days: int, total: int, active: Collection[str], now: datetime, dry_run: bool = False
) -> CleanedLogs:
    """Remove the logs of runs that were planned more than so many days ago, and the oldest ones while all together have
    more bytes than `total`. Those of `active` runs stay. With `dry_run` nothing is removed.

    Raises
    ------
    StorageFault: one cannot be removed; what was removed before stays so.
    """
    oldest = (now - timedelta(days=days)).date().isoformat()
    try:
        kept = sorted(_kept(place), key=lambda one: one.run_id)
        size = sum(one.bytes for one in kept)
        gone: list[_Kept] = []
        for one in kept:
            if one.run_id in active:
                continue
            if one.day >= oldest and size <= total:
                break
            gone.append(one)
            size -= one.bytes
        if gone and not dry_run:
            _remove(place, gone)
    except OSError as error:
        raise StorageFault(
            f"the logs in {place.url or place.folder} cannot be removed: {error.strerror or error}",
            hint="Make the folder writable, or set `logs` to one that is.",
        ) from error
    return CleanedLogs(files=sum(len(one.files) for one in gone), bytes=sum(one.bytes for one in gone))


def _kept(place: LogPlace) -> Iterator[_Kept]:
    if place.url:
        several: dict[tuple[str, str], list[tuple[str, int]]] = {}
        for found in place.store().below(place.url):
            day, _, rest = found.path.partition("/")
            if rest:
                run_id = rest.partition("/")[0]
                several.setdefault((day, run_id), []).append((f"{place.url}/{found.path}", found.size))
        for (day, run_id), files in several.items():
            names = tuple(name for name, _ in files)
            yield _Kept(run_id=run_id, day=day, files=names, bytes=sum(size for _, size in files))
        return
    for folder in place.folder.glob("*/*"):
        if folder.is_dir():
            files = [(str(one), one.stat().st_size) for one in folder.iterdir()]
            names = tuple(name for name, _ in files)
            yield _Kept(run_id=folder.name, day=folder.parent.name, files=names, bytes=sum(size for _, size in files))


def _remove(place: LogPlace, gone: list[_Kept]) -> None:
    newest = max(cleaned_to(place), gone[-1].run_id)
    if place.url:
        store = place.store()
        store.write(f"{place.url}/{CLEANED}", newest.encode())
        for one in gone:
            for url in one.files:
                store.remove(url)
        return
    (place.folder / CLEANED).write_text(newest, encoding="ascii")  # first: what is gone is known to be
    for one in gone:
        shutil.rmtree(place.folder / one.day / one.run_id)
        with suppress(OSError):  # others of that day are left
            (place.folder / one.day).rmdir()
