"""The files of a directory, sorted, with what must not be in a dataset refused.

A directory is its files: empty folders in it are not kept, and a directory without any file is as good as none, on a
disk as on an object store. Links to files and folders inside the directory are followed; nothing leads out of it.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator

from ..errors import ValueMismatch


def files_below(folder: str, *, dataset: str) -> list[tuple[str, str]]:
    """(path relative to the folder with forward slashes, path to open) of every file, sorted by the former.

    Raises
    ------
    ValueMismatch: a link leads out of the folder or in a circle or nowhere; a socket, pipe or device is in it; a name
        is not UTF-8.
    OSError: something cannot be read.
    """
    top = os.path.realpath(folder)
    return sorted(_walk(folder, "", top, (top,), dataset))


def _walk(folder: str, prefix: str, top: str, above: tuple[str, ...], dataset: str) -> Iterator[tuple[str, str]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            relative = prefix + entry.name
            if not _is_text(relative):
                _refuse(dataset, relative, "has a name that is not UTF-8", "Rename it.")
            if entry.is_symlink():
                _check_link(entry.path, relative, top, dataset)
            mode = entry.stat().st_mode
            if stat.S_ISREG(mode):
                yield relative, entry.path
            elif stat.S_ISDIR(mode):
                real = os.path.realpath(entry.path)
                if real in above:
                    _refuse(dataset, relative, "is a link that leads in a circle", "Remove it.")
                yield from _walk(entry.path, relative + "/", top, (*above, real), dataset)
            else:
                _refuse(dataset, relative, f"is a {_special(mode)}", "A dataset holds files and folders alone.")


def _check_link(path: str, relative: str, top: str, dataset: str) -> None:
    real = os.path.realpath(path)
    if not real.startswith(top + "/"):
        _refuse(dataset, relative, f"is a link that leads out of the directory, to {real}", "Copy the file instead.")
    if not os.path.exists(real):  # noqa: PTH110 - no Path is needed
        _refuse(dataset, relative, f"is a link to {real}, which does not exist", "Remove it.")


def _refuse(dataset: str, relative: str, what: str, hint: str) -> None:
    raise ValueMismatch(f"dataset {dataset!r}: {relative!r} in the directory {what}", hint=hint)


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:  # os gives undecodable bytes as lone surrogates
        return False
    return True


def _special(mode: int) -> str:
    kinds = {stat.S_IFIFO: "pipe", stat.S_IFSOCK: "socket", stat.S_IFCHR: "device", stat.S_IFBLK: "device"}
    return kinds.get(stat.S_IFMT(mode), "special file")
