"""Taking a PATH value: which of its files can be moved from where they lie, and which must be copied.

Moved is only what lies in the run's own staging and in no other folder as well; everything else belongs to somebody.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from typing import Any, NoReturn

from ..errors import ValueMismatch
from .copying import copy_file
from .faults import faults
from .layout import Place, new_path, run_folder
from .walk import files_below


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """The files of a PATH value, each in staging now.

    Attributes
    ----------
    files: (path in the dataset, "" for a dataset of one file; path on disk), sorted.
    folders: the staging folders that hold them.
    """

    files: tuple[tuple[str, str], ...]
    folders: tuple[str, ...]


def taken(value: Any, *, place: Place, run_id: str, dataset: str) -> Taken:
    """Every file of the value lies in staging; what the producer wrote elsewhere is untouched.

    Raises
    ------
    ValueMismatch: the value is no path; nothing is there, or a file instead of a directory or the reverse; the
        directory is empty; something in it cannot be in a dataset.
    StorageFault: a file cannot be read or copied.
    """
    if not isinstance(value, os.PathLike):
        _refuse(dataset, place, f"the value is of type {type(value).__name__}", "Return a pathlib.Path.")
    source = os.path.realpath(os.fsdecode(value))
    own = run_folder(place, run_id)
    below = _below(source, os.path.realpath(own))
    folders = [f"{own}/{below.partition('/')[0]}"] if below else []
    files: list[tuple[str, str]] = []
    copies = new_path(place, run_id, "" if place.directory else place.suffix)
    with faults(dataset=dataset, doing="staging", path=source):
        for number, (relative, path) in enumerate(_found(source, place, dataset)):
            if below and _lies_here_alone(path):
                files.append((relative, path))
                continue
            target = f"{copies}/{number}" if place.directory else copies
            os.makedirs(os.path.dirname(target), exist_ok=True)  # noqa: PTH103, PTH120
            copy_file(path, target)
            files.append((relative, target))
    if place.directory:
        folders.append(copies)
    return Taken(files=tuple(files), folders=tuple(folders))


def _below(path: str, folder: str) -> str:
    """`path` relative to `folder`, "" where it is not below it."""
    return path[len(folder) + 1 :] if path.startswith(folder + "/") else ""


def _lies_here_alone(path: str) -> bool:
    found = os.lstat(path)  # noqa: PTH116
    return stat.S_ISREG(found.st_mode) and found.st_nlink == 1


def _found(source: str, place: Place, dataset: str) -> list[tuple[str, str]]:
    try:
        mode = os.stat(source).st_mode  # noqa: PTH116
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
    files = files_below(source, dataset=dataset)
    if not files:
        _refuse(dataset, place, f"the directory {source} has no file in it", "Write at least one.")
    return files


def _refuse(dataset: str, place: Place, found: str, hint: str) -> NoReturn:
    raise ValueMismatch(
        f"dataset {dataset!r}: {found}; the annotation says pathlib.Path and the suffix is {place.suffix!r}", hint=hint
    )
