"""Taking a PATH value: its files, which of them can be moved from where they lie, and which must be copied.

Moved is only what lies in the run's own staging and in no other folder as well; everything else belongs to somebody.
A directory is its files: empty folders in it are not kept, and a directory without any file is refused. Links to files
and folders inside the directory are followed; nothing may lead out of it.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NoReturn, cast

from ..errors import ValueMismatch
from .copying import copy_file, remove
from .faults import faults
from .layout import Place, new_path, run_folder


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """The files of a PATH value, each in staging now.

    Attributes
    ----------
    files: (path in the dataset, "" for a dataset of one file; path on disk), sorted.
    folders: the staging folders that hold them.
    empty: folders in it that have nothing in them, so that they are left out; sorted.
    """

    files: tuple[tuple[str, str], ...]
    folders: tuple[str, ...]
    empty: tuple[str, ...] = ()


@contextmanager
def taken(value: Any, *, place: Place, run_id: str, dataset: str, attempt: int = 1) -> Generator[Taken]:
    """Every file of the value lies in staging; what the producer wrote elsewhere is untouched.

    If anything fails inside the `with`, what was copied is gone again.

    Raises
    ------
    ValueMismatch: the value is no path; nothing is there, or a file instead of a directory or the reverse; the
        directory is empty; something in it cannot be in a dataset.
    StorageFault: a file cannot be read or copied.
    """
    if not isinstance(value, os.PathLike):
        _refuse(dataset, place, f"the value is of type {type(value).__name__}", "Return a pathlib.Path.")
    source = os.path.realpath(os.fsdecode(cast("os.PathLike[str]", value)))
    own = run_folder(place, run_id)
    below = _below(source, os.path.realpath(own))
    _require_own_work(source, os.path.realpath(own), below, place=place, dataset=dataset)
    copies = new_path(place, run_id, "" if place.directory else place.suffix, attempt=attempt)
    folders = [copies] if place.directory else []
    if below:
        folders.insert(0, f"{own}/{below.partition('/')[0]}")
    empty: list[str] = []
    try:
        with faults(dataset=dataset, doing="staging", path=source):
            files = [
                (relative, path if below and _lies_here_alone(path) else _copied(path, copies, number, place))
                for number, (relative, path) in enumerate(_found(source, place, dataset, empty))
            ]
        yield Taken(files=tuple(files), folders=tuple(folders), empty=tuple(sorted(empty)))
    except BaseException:
        remove(copies)
        raise


def _require_own_work(source: str, own: str, below: str, *, place: Place, dataset: str) -> None:
    """What was returned is not a folder that staging lies in, or is made of: its files are not the producer's."""
    if source == own or _below(own, source) or (below and "/" not in below):
        _refuse(
            dataset,
            place,
            f"{source} is not ctx.output but a folder around {'it' if below or source == own else 'all staging'}",
            "Return ctx.output itself, or a path below it; or a folder of your own, which is copied.",
        )


def _copied(path: str, copies: str, number: int, place: Place) -> str:
    target = f"{copies}/{number}" if place.directory else copies
    os.makedirs(os.path.dirname(target), exist_ok=True)
    copy_file(path, target)
    return target


def _below(path: str, folder: str) -> str:
    """`path` relative to `folder`, "" where it is not below it."""
    folder = folder.rstrip("/")
    return path[len(folder) + 1 :] if path.startswith(folder + "/") else ""


def _lies_here_alone(path: str) -> bool:
    found = os.lstat(path)
    return stat.S_ISREG(found.st_mode) and found.st_nlink == 1


def _found(source: str, place: Place, dataset: str, empty: list[str]) -> list[tuple[str, str]]:
    """The files at the source; folders without anything in them are added to `empty`."""
    try:
        mode = os.stat(source).st_mode
    except (FileNotFoundError, NotADirectoryError):
        _refuse(dataset, place, f"nothing is at {source}", "Write it before you return its path.")
    if stat.S_ISDIR(mode) != place.directory:
        what = "directory" if stat.S_ISDIR(mode) else "file"
        _refuse(
            dataset, place, f"{source} is a {what}", "A slash at the end of a URI marks a directory; add or remove it."
        )
    if not place.directory:
        if not stat.S_ISREG(mode):
            _refuse(dataset, place, f"{source} is no regular file", "Write a file.")
        return [("", source)]
    files = sorted(_walk(source, "", above=(source,), place=place, dataset=dataset, empty=empty))
    if not files:
        _refuse(dataset, place, f"the directory {source} has no file in it", "Write at least one.")
    return files


def _walk(
    folder: str, prefix: str, *, above: tuple[str, ...], place: Place, dataset: str, empty: list[str]
) -> Iterator[tuple[str, str]]:
    with os.scandir(folder) as entries:
        nothing = True
        for entry in entries:
            nothing = False
            relative = prefix + entry.name
            if not _is_text(relative):
                _refuse(dataset, place, f"{relative!r} has a name that is not UTF-8", "Rename it.")
            if entry.is_symlink():
                _check_link(entry.path, relative, above[0], place, dataset)
            mode = entry.stat().st_mode
            if stat.S_ISREG(mode):
                yield relative, entry.path
            elif stat.S_ISDIR(mode):
                real = os.path.realpath(entry.path)
                if real in above:
                    _refuse(dataset, place, f"{relative!r} is a link that leads in a circle", "Remove it.")
                deeper = (*above, real)
                yield from _walk(entry.path, relative + "/", above=deeper, place=place, dataset=dataset, empty=empty)
            else:
                _refuse(
                    dataset, place, f"{relative!r} is a {_special(mode)}", "A dataset holds files and folders alone."
                )
        if nothing:
            empty.append(prefix)


def _check_link(path: str, relative: str, top: str, place: Place, dataset: str) -> None:
    real = os.path.realpath(path)
    if real != top and not real.startswith(top + "/"):
        _refuse(dataset, place, f"{relative!r} is a link out of the directory, to {real}", "Copy the file instead.")
    if not os.path.exists(real):
        _refuse(dataset, place, f"{relative!r} is a link to {real}, which does not exist", "Remove it.")


def _refuse(dataset: str, place: Place, found: str, hint: str) -> NoReturn:
    raise ValueMismatch(
        f"dataset {dataset!r}: {found}; the annotation says pathlib.Path and the suffix is {place.suffix!r}", hint=hint
    )


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:  # os gives undecodable bytes as lone surrogates
        return False
    return True


def _special(mode: int) -> str:
    kinds = {stat.S_IFIFO: "pipe", stat.S_IFSOCK: "socket", stat.S_IFCHR: "device", stat.S_IFBLK: "device"}
    return kinds.get(stat.S_IFMT(mode), "special file")
