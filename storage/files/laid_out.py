"""What lies where a template says, `logs/date={day}/part.parquet`: every path that has something in each placeholder.

One listing of a store, or a walk of the folders that the template leads to; no question for what is not there. What a
placeholder stands for is not known here, so that more can be found than there are partitions.
"""

from __future__ import annotations

import errno
import os
import re
import stat
import time
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from .faults import faults
from .layout import Place
from .listing import address_of, counts, seen, walked
from .remote import Found, remote_of

_HOLE = re.compile(r"\{[A-Za-z_][A-Za-z0-9_]*\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Lying:
    """What lies at one path.

    Attributes
    ----------
    path: relative to the root, composed (NFC), as `Place.path` would be; with a slash at its end where the template has
        one.
    files: every file that counts, by path below it.
    error: why nobody can tell what is there; then `files` is empty.
    odd: what else than data lies there, as the end of a sentence about it; then `files` is empty, too.
    """

    path: str
    files: list[Found]
    error: OSError | None = None
    odd: str = ""


def laid_out(place: Place, *, dataset: str = "") -> list[Lying]:
    """What lies where the path of `place`, a template, leads to, sorted by path.

    Raises
    ------
    StorageFault: the folder that holds them cannot be looked at.
    """
    parts = place.path.rstrip("/").split("/")
    first = next((number for number, part in enumerate(parts) if _HOLE.search(part)), len(parts))
    steps = [_step(part) for part in parts[first:]]
    base = "/".join(parts[:first])
    folder = replace(place, path=f"{base}/") if base else None
    target = place.root if folder is None else folder.target
    with faults(dataset=dataset or place.path, doing="looking at", path=target):
        address = target if folder is None else address_of(folder)
        above = f"{base}/" if base else ""
        found = _stored(place, address, steps) if place.remote else _walked(place, address, steps)
        return sorted((replace(one, path=above + one.path) for one in found), key=lambda one: one.path)


_Step = re.Pattern[str] | str
"""A part of a path: what it matches, or what it is called."""


def _step(part: str) -> _Step:
    if not _HOLE.search(part):
        return part
    return re.compile(".+".join(map(re.escape, _HOLE.split(part))), re.DOTALL)


def _fits(step: _Step, name: str) -> bool:
    return name == step if isinstance(step, str) else step.fullmatch(name) is not None


def _stored(place: Place, address: str, steps: Sequence[_Step]) -> Iterator[Lying]:
    """Of one listing of everything below."""
    together: dict[str, list[Found]] = {}
    for one in remote_of(place).below(address):
        parts = unicodedata.normalize("NFC", one.path).split("/")
        fitting = len(parts) > len(steps) if place.directory else len(parts) == len(steps)
        if fitting and counts(one.path) and all(map(_fits, steps, parts)):
            head, below = "/".join(parts[: len(steps)]), "/".join(one.path.split("/")[len(steps) :])
            together.setdefault(f"{head}/" if place.directory else head, []).append(replace(one, path=below))
    for path, files in together.items():
        yield Lying(path=path, files=files)


def _walked(place: Place, address: str, steps: Sequence[_Step]) -> Iterator[Lying]:
    """Folder by folder, into those alone that fit."""
    now = time.time_ns()
    level: list[tuple[str, str]] = [(address, "")]  # where it is, and how it is called
    for step in steps[:-1]:
        level = [
            (f"{folder}/{name}", f"{called}{composed}/")
            for folder, called in level
            for name, composed in _names(folder, step)
        ]
    for folder, called in level:
        for name, composed in _named(folder, steps[-1]):
            path, at = called + composed, f"{folder}/{name}"
            try:
                files = _files(place, at, now)
            except OSError as error:
                yield Lying(path=f"{path}/" if place.directory else path, files=[], error=error)
                continue
            odd = "" if files else _odd(place, at)
            if files or odd:
                yield Lying(path=f"{path}/" if place.directory else path, files=files, odd=odd)


def _named(folder: str, step: _Step) -> Iterable[tuple[str, str]]:
    """What fits in a folder; its name itself where it has only one, without a look at the others."""
    return [(step, step)] if isinstance(step, str) and step.isascii() else _names(folder, step)


def _names(folder: str, step: _Step) -> Iterator[tuple[str, str]]:
    """How what fits in a folder is called, there and composed."""
    if isinstance(step, str) and step.isascii():
        if os.path.isdir(f"{folder}/{step}"):
            yield step, step
        return
    try:
        names = os.listdir(folder)
    except (FileNotFoundError, NotADirectoryError):  # gone since, or a file where others have a folder
        return
    for name in names:
        composed = unicodedata.normalize("NFC", name)
        if counts(name) and _fits(step, composed):
            yield name, composed


def _files(place: Place, path: str, now: int) -> list[Found]:
    """The files of one partition; none where nothing is there."""
    try:
        status = os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return []
    if place.directory:
        return walked(path, now) if stat.S_ISDIR(status.st_mode) else []
    if stat.S_ISDIR(status.st_mode):
        raise NotADirectoryError(errno.EISDIR, "it is a folder; a slash at the end of a URI marks a directory", path)
    return [seen("", status, now)] if stat.S_ISREG(status.st_mode) else []


def _odd(place: Place, path: str) -> str:
    """What lies where no data do; "" where nothing does, or an empty folder."""
    if os.path.islink(path) and not os.path.exists(path):
        return "it is a link to what is not there"
    return "it is a file, and a folder is expected" if place.directory and os.path.isfile(path) else ""
