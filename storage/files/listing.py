"""What lies at a place now, where others write: every file that counts, with what changes when it is overwritten.

Reads no content, but for files of which a store says nothing else that would tell one content from another.
"""

from __future__ import annotations

import os
import stat
import time
import unicodedata
from collections.abc import Iterator
from dataclasses import replace

from .layout import Place
from .remote import Found, digest_at, remote_of

_SETTLED_NS = 2_000_000_000
"""A file that changed less than two seconds before it was hashed may change again without its time changing: clocks of
file systems are as coarse as that. It is hashed again next time."""
BYTES = "bytes:"
"""How the stamp of a file begins whose store gives neither etag nor time: the digest of its bytes follows."""
_TEMPORARY = ("~", ".tmp", ".part", ".partial", ".crdownload")


def listed(place: Place) -> list[Found]:
    """Every file that counts, sorted by path; none where nothing is there."""
    address = address_of(place)
    if place.remote:
        store = remote_of(place)
        if place.directory:
            found = [each for each in store.below(address) if each.path and counts(each.path)]
        else:
            one = store.look(address)
            found = [one] if one else []
        return [each if each.stamp else _hashed(each, place, address) for each in found]
    now = time.time_ns()
    if place.directory:
        return walked(address, now)
    try:
        status = os.stat(address)
    except FileNotFoundError:
        return []
    if not stat.S_ISREG(status.st_mode):
        raise NotADirectoryError(None, "it is not a file; a slash at the end of a URI marks a directory", address)
    return [seen("", status, now)]


def walked(folder: str, now: int) -> list[Found]:
    """Every file that counts below a folder of this machine, sorted by path; `now`: nanoseconds since 1970."""
    return sorted(_walk(folder, "", (os.path.realpath(folder),), now), key=lambda each: each.path)


def _hashed(found: Found, place: Place, address: str) -> Found:
    """A file of which its store says nothing that changes with it: its bytes say it."""
    digest, size = digest_at(f"{address}/{found.path}" if found.path else address, place)
    return replace(found, stamp=f"{BYTES}{digest}", size=size, settled=True)


def address_of(place: Place) -> str:
    """Where the dataset is: at its own address, or where that is written with other characters for the same letters.

    An identity is composed (NFC). A name from a Mac is often not, and file systems and stores compare bytes.
    """
    target = place.target
    if target.isascii():
        return target
    if place.remote:
        apart, store = unicodedata.normalize("NFD", target), remote_of(place)
        there = store.below if place.directory else store.look
        return apart if not there(target) and there(apart) else target
    return target if os.path.lexists(target) else _spelled(target)


def _spelled(target: str) -> str:
    """The path on this disk whose parts, composed, are those of `target`; that itself where there is none."""
    found = ""
    for part in target.strip("/").split("/"):
        following = f"{found}/{part}"
        if not os.path.lexists(following):
            try:
                names = sorted(os.listdir(found or "/"))
            except OSError:  # then nobody can say, and whoever opens it is told why
                return target
            wanted = unicodedata.normalize("NFC", part)
            same = next((name for name in names if unicodedata.normalize("NFC", name) == wanted), None)
            if same is None:
                return target
            following = f"{found}/{same}"
        found = following
    return found


def _walk(folder: str, prefix: str, above: tuple[str, ...], now: int) -> Iterator[Found]:
    try:
        entries = list(os.scandir(folder))
    except FileNotFoundError:
        return
    for entry in entries:
        relative = prefix + entry.name
        if not counts(entry.name):
            continue
        try:
            status = entry.stat()
        except FileNotFoundError:  # a link to nothing, or gone since
            continue
        if stat.S_ISREG(status.st_mode):
            yield seen(relative, status, now)
        elif stat.S_ISDIR(status.st_mode):
            real = os.path.realpath(entry.path)
            if real not in above:  # a link in a circle adds no file
                yield from _walk(entry.path, relative + "/", (*above, real), now)


def seen(path: str, status: os.stat_result, now: int) -> Found:
    """A file of this machine, by what the system says of it."""
    # Nobody can set the time of the last change: it tells what `cp -p` and `touch -r` hide from the time of writing.
    return Found(
        path=path,
        size=status.st_size,
        stamp=f"{status.st_mtime_ns}-{status.st_ctime_ns}-{status.st_ino}",
        settled=max(status.st_mtime_ns, status.st_ctime_ns) < now - _SETTLED_NS,
    )


def counts(path: str) -> bool:
    """Whether a file counts: neither it nor a folder above it is hidden or somebody's half-written file."""
    return not any(part.startswith(".") or part.endswith(_TEMPORARY) for part in path.split("/"))
