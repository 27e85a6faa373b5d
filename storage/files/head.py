"""Head: a dataset's own URI made equal to a version, for the outside world. Readers of ours never look there.

Nothing outside shares a file with the objects: a file is a copy that takes the place of the one before, a directory is
a folder of copies behind a link that is flipped. Every step can be done again, so a crash anywhere is healed by the
next call; nothing is synced for the same reason.

What stands at the URI and was not put there by `show` is foreign. A foreign file or link is moved to
`.penstock/aside/<dataset>/`, never destroyed; a foreign directory with something in it is refused. A small file is
known by its content: what is among the objects is ours, and nothing is lost when it goes. For what takes long to read,
`.penstock/heads/<dataset>` records what is put at the URI before it is put there.
"""

from __future__ import annotations

import json
import os
import shutil
import stat
import time
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, cast

from ..errors import StorageFault
from ..manifest import FileEntry, Manifest, digest_of
from .copying import copy_file
from .faults import faults
from .hashing import READ_AT_ONCE, digest_of_file
from .head_remote import compare_remote, show_remote
from .layout import Place, object_path, object_suffix
from .objects import located

_REMEMBERED = 1 << 20
"""Bytes from which a file is known by a record of its size, time and inode: reading it again would take longer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What `show` did.

    Attributes
    ----------
    changed: whether the URI had another content before.
    aside: where foreign content that stood in the way is now; "" when there was none.
    """

    changed: bool
    aside: str = ""


def show(manifest: Manifest, place: Place, *, dataset: str = "") -> Shown:
    """The dataset's URI has the content of the version; repeating it changes nothing.

    One call at a time for one dataset: the caller holds its lease.

    Raises
    ------
    StorageFault: it cannot be written; or a directory with content that nobody of us put there stands in the way.
    """
    name = dataset or place.path
    with faults(dataset=name, doing="writing", path=place.target, kept=True):
        if place.remote:
            changed, aside = show_remote(manifest, place)
            return Shown(changed=changed, aside=aside)
        os.makedirs(os.path.dirname(place.target), exist_ok=True)
        return _show_directory(manifest, place, name) if place.directory else _show_file(manifest, place, name)


class Standing(StrEnum):
    """What is at a dataset's URI, held against a version of it."""

    SHOWN = "shown"
    MISSING = "missing"
    CHANGED = "changed"
    SUSPECT = "perhaps changed"


def standing(manifest: Manifest, place: Place, *, read: bool) -> Standing:
    """Whether the dataset's URI still is what `show` made of it, or somebody else wrote there.

    Sizes, times and inodes that are as they were recorded are trusted. Where they differ, with `read` the content
    decides, and is recorded if it is the version's, so that it is read once; without, it is SUSPECT. A small file has
    no record and is always read.

    Raises
    ------
    StorageFault: it cannot be looked at.
    """
    with faults(dataset=place.path, doing="looking at", path=place.target):
        if place.remote:
            found = compare_remote(manifest, place)
            return Standing.SHOWN if found else Standing.MISSING if found is None else Standing.SUSPECT
        try:
            if not place.directory and manifest.files[0].size < min(READ_AT_ONCE, _REMEMBERED):
                return _small_standing(manifest.files[0], place.target)
            status = os.stat(place.target)
        except (FileNotFoundError, NotADirectoryError):
            return Standing.MISSING
        if place.directory:
            return _directory_standing(manifest, place, read=read)
        return _file_standing(manifest.files[0], place, status, read=read)


def _small_standing(entry: FileEntry, target: str) -> Standing:
    """Of a file that takes less time to read than to look at and then read."""
    descriptor = os.open(target, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)  # a pipe without a writer does not hold up
    try:
        content = os.read(descriptor, entry.size + 1)
    except IsADirectoryError:
        return Standing.CHANGED
    finally:
        os.close(descriptor)
    same = len(content) == entry.size and digest_of(content) == entry.digest
    return Standing.SHOWN if same else Standing.CHANGED


def _file_standing(entry: FileEntry, place: Place, status: os.stat_result, *, read: bool) -> Standing:
    if status.st_size != entry.size or not stat.S_ISREG(status.st_mode):
        return Standing.CHANGED
    if entry.size < _REMEMBERED:
        return Standing.SHOWN if digest_of_file(place.target)[0] == entry.digest else Standing.CHANGED
    record, here = f"{_heads(place)}.json", [entry.digest, entry.size, _stamp(status)]
    if here in _recorded(record) and _settled(status, record):
        return Standing.SHOWN
    if not read:
        return Standing.SUSPECT
    if digest_of_file(place.target)[0] != entry.digest:
        return Standing.CHANGED
    _write_record(record, [here])
    _date(record, status)
    return Standing.SHOWN


def _directory_standing(manifest: Manifest, place: Place, *, read: bool) -> Standing:
    folder = f"{_heads(place)}/{manifest.digest}"
    if os.path.realpath(place.target) != os.path.realpath(folder):
        return Standing.CHANGED
    record = f"{folder}.json"
    there = {path: f"{folder}/{path}" for path, _ in _stamps(folder)}
    if _is_intact(folder) and all(_settled(os.lstat(path), record) for path in there.values()):
        return Standing.SHOWN
    if sorted(there) != sorted(entry.path for entry in manifest.files):
        return Standing.CHANGED
    if not read:
        return Standing.SUSPECT
    if any(digest_of_file(there[entry.path])[0] != entry.digest for entry in manifest.files):
        return Standing.CHANGED
    _write_record(record, sorted(_stamps(folder)))
    return Standing.SHOWN


def _settled(status: os.stat_result, record: str) -> bool:
    """Whether a file was last changed when it was recorded, or before.

    Whoever writes to it can set the time of writing back, and keep size and inode; not the time of the last change.
    """
    return status.st_ctime_ns <= os.stat(record).st_mtime_ns


def _date(record: str, status: os.stat_result) -> None:
    """The record bears the time of the last change of the file that it is of, which is that of its rename."""
    os.utime(record, ns=(status.st_ctime_ns, status.st_ctime_ns))


def _heads(place: Place) -> str:
    return f"{place.hidden}/heads/{place.slug}"


# --- one file


def _show_file(manifest: Manifest, place: Place, dataset: str) -> Shown:
    entry, target = manifest.files[0], place.target
    standing = _standing(target)
    if standing is not None and stat.S_ISDIR(standing.st_mode):
        _refuse_directory(place, dataset)
    remembered = entry.size >= _REMEMBERED or (standing is not None and standing.st_size >= _REMEMBERED)
    record = _recorded(f"{_heads(place)}.json") if remembered else []
    mine = _recognised(place, standing, record, entry) if standing is not None else ""
    if standing is not None and mine == entry.digest:
        here = [entry.digest, entry.size, _stamp(standing)]
        if remembered and here not in record:
            _write_record(f"{_heads(place)}.json", [here])
        return Shown(changed=False)
    made = f"{os.path.dirname(target)}/.{place.slug}.penstock~"
    _remove(made)
    try:
        copy_file(located(entry, manifest, place, dataset=dataset), made)
    except BaseException:
        _remove(made)  # half a copy may be what keeps a disk full
        raise
    if remembered:
        new = [entry.digest, entry.size, _stamp(os.stat(made))]
        _write_record(f"{_heads(place)}.json", [*(each for each in record if mine and each[0] == mine), new])
    aside = "" if standing is None or mine else _set_aside(target, place)
    os.replace(made, target)
    if remembered:
        _date(f"{_heads(place)}.json", os.stat(target))
    return Shown(changed=True, aside=aside)


def _recognised(place: Place, standing: os.stat_result, record: list[Any], entry: FileEntry) -> str:
    """The digest of what stands there if we put it there, or if it is what is to be shown; "" if it is foreign."""
    if not stat.S_ISREG(standing.st_mode):
        return ""
    stamp = _stamp(standing)
    for known, _, known_stamp in record:
        if known_stamp == stamp:
            return str(known)
    candidates = {str(known): int(size) for known, size, _ in record} | {entry.digest: entry.size}
    if standing.st_size >= _REMEMBERED and standing.st_size not in candidates.values():
        return ""
    found, _ = digest_of_file(place.target)
    return found if found in candidates or _is_kept(found, place) else ""


def _is_kept(digest: str, place: Place) -> bool:
    """Whether the same bytes are among the objects: then they were ours, or are as good as ours."""
    return os.path.exists(object_path(place.hidden, digest, object_suffix(place.suffix, "")))


# --- a directory


def _show_directory(manifest: Manifest, place: Place, dataset: str) -> Shown:
    folder = f"{_heads(place)}/{manifest.digest}"
    link = os.path.relpath(os.path.realpath(folder), os.path.realpath(os.path.dirname(place.target)))
    standing = _standing(place.target)
    if standing is not None and stat.S_ISDIR(standing.st_mode):
        _refuse_directory(place, dataset)
    before = _folder_behind(standing, place)
    if before == os.path.realpath(folder) and _is_intact(folder):
        return Shown(changed=False)
    aside = ""
    if os.path.isdir(folder) and not _is_intact(folder):  # somebody wrote into it through the link
        aside = _set_aside(folder, place)
    if not os.path.isdir(folder):
        _copy_all(manifest, place, folder, dataset)
    if standing is not None and not before:
        aside = _set_aside(place.target, place)
    made = f"{os.path.dirname(place.target)}/.{place.slug}.penstock~"
    _remove(made)
    os.symlink(link, made)
    os.replace(made, place.target)
    if before and before != os.path.realpath(folder) and os.path.isdir(before) and not _is_intact(before):
        aside = _set_aside(before, place)
    return Shown(changed=True, aside=aside)


def _folder_behind(standing: os.stat_result | None, place: Place) -> str:
    """The folder under `heads/` that the URI's link leads to; "" where what stands there is no link of ours."""
    if standing is None or not stat.S_ISLNK(standing.st_mode):
        return ""
    real = os.path.realpath(place.target)
    return real if os.path.dirname(real) == os.path.realpath(_heads(place)) else ""


def folders_behind(place: Place) -> Iterator[str]:
    """The folders under `heads/` of a root that no dataset's URI points at any more."""
    for heads in sorted(Path(place.hidden, "heads").glob("*/uri")):
        current = os.path.realpath(Path(place.root, heads.read_text(encoding="utf-8")))
        for folder in sorted(heads.parent.iterdir()):
            if folder.is_dir() and str(folder.resolve()) != current:
                yield str(folder)


def let_go(folder: str, place: Place) -> None:
    """A head's folder is gone; if somebody wrote into it, it is in `aside/` instead."""
    if not folder.endswith("~") and not _is_intact(folder):
        aside = f"{place.hidden}/aside/{os.path.basename(os.path.dirname(folder))}"
        _move_to(aside, folder, "")
    else:
        shutil.rmtree(folder)
    _remove(f"{folder}.json")


def _copy_all(manifest: Manifest, place: Place, folder: str, dataset: str) -> None:
    """`folder` has a copy of every file; it appears whole, after the record of what is in it."""
    made = f"{folder}~"
    shutil.rmtree(made, ignore_errors=True)
    try:
        for entry in manifest.files:
            path = f"{made}/{entry.path}"
            os.makedirs(os.path.dirname(path), exist_ok=True)
            copy_file(located(entry, manifest, place, dataset=dataset), path)
    except BaseException:
        shutil.rmtree(made, ignore_errors=True)  # as above
        raise
    _write_record(f"{folder}.json", sorted(_stamps(made)))
    with open(f"{_heads(place)}/uri", "w", encoding="utf-8") as file:  # for the sweep
        file.write(place.path.rstrip("/"))
    os.rename(made, folder)


def _is_intact(folder: str) -> bool:
    """Whether the folder has what was recorded, untouched."""
    return os.path.isdir(folder) and sorted(_stamps(folder)) == _recorded(f"{folder}.json")


def _stamps(folder: str) -> Iterator[list[Any]]:
    for parent, _, names in os.walk(folder):
        for name in names:
            path = f"{parent}/{name}"
            yield [path[len(folder) + 1 :], _stamp(os.lstat(path))]


# --- both


def _standing(target: str) -> os.stat_result | None:
    """What stands at the URI, a link not followed; an empty directory is taken away and counts as nothing."""
    try:
        standing = os.lstat(target)
        if stat.S_ISDIR(standing.st_mode) and not os.listdir(target):
            os.rmdir(target)
            return None
    except FileNotFoundError:
        return None
    return standing


def _refuse_directory(place: Place, dataset: str) -> None:
    raise StorageFault(
        f"dataset {dataset!r}: {place.target} is a directory with something in it that penstock did not put there",
        hint='Move it away, then run again; or say publish="none" and leave the URI to others. The version is kept.',
    )


def _set_aside(path: str, place: Place) -> str:
    return _move_to(f"{place.hidden}/aside/{place.slug}", path, object_suffix(place.suffix, ""))


def _move_to(folder: str, path: str, ending: str) -> str:
    os.makedirs(folder, exist_ok=True)
    aside = f"{folder}/{time.time_ns()}{ending}"
    os.rename(path, aside)
    return aside


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        return


def _stamp(status: os.stat_result) -> str:
    """Size, time and inode: a rename keeps them, a write changes them."""
    return f"{status.st_size}-{status.st_mtime_ns}-{status.st_ino}"


def _recorded(path: str) -> list[Any]:
    """What was recorded; nothing where there is none or it is torn: then contents are compared."""
    try:
        with open(path, "rb") as file:
            found = json.load(file)
    except (FileNotFoundError, ValueError):
        return []
    return cast("list[Any]", found) if isinstance(found, list) else []


def _write_record(path: str, record: list[Any]) -> None:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(f"{path}~", "w", encoding="utf-8") as file:
        json.dump(record, file)
    os.replace(f"{path}~", path)
