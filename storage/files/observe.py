"""Data that others write: looked at by fingerprint, read in place, and copied if it is to be held.

A fingerprint is quick (sizes and times); the manifest that goes with it states content. A file that was only touched
has another fingerprint and the same manifest. Nothing here is ever written to where others write.

Of a directory, names that begin with "." or end in "~", ".tmp", ".part", ".partial" or ".crdownload" do not count, nor
does what lies in folders named so: they are somebody's half-written or hidden files, and `.penstock`. Links are
followed; what is neither file nor folder does not count.
"""

from __future__ import annotations

import os
import shutil
import stat
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

from ..errors import DatabaseFault, StorageFault
from ..manifest import Column, FileEntry, Manifest, canonical_json, digest_of
from ..types import FORMAT_VERSION, ValueKind
from .copying import copy_file
from .faults import blames_the_file, faults
from .formats.registry import RAW, format_for, load
from .formats.seam import Contents, Source
from .hashing import digest_of_file
from .layout import Place, new_path
from .objects import keep
from .reading import opened
from .remote import Found, polars_options, remote_of
from .staging import Staged, check_kind

_TRIES = 5
_SETTLED_NS = 2_000_000_000
"""A file that changed less than two seconds before it was hashed may change again without its time changing: clocks of
file systems are as coarse as that. It is hashed again next time."""
_TEMPORARY = ("~", ".tmp", ".part", ".partial", ".crdownload")


class Moved(StorageFault):
    """Data that others write is no longer what was pinned: look again and pin anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One file as it was seen.

    Attributes
    ----------
    path: below the dataset, "" for a dataset of one file.
    stamp: what changes when the file is overwritten: its times and its inode, or a store's etag.
    digest, rows: of its content, when it had that stamp.
    settled: whether an equal stamp can be trusted to mean equal content.
    """

    path: str
    size: int
    stamp: str
    digest: str
    rows: int | None = None
    settled: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Fingerprint:
    """What a dataset looked like, file by file, sorted by path."""

    files: tuple[Seen, ...] = ()
    columns: tuple[Column, ...] | None = None

    def to_plain(self) -> dict[str, Any]:
        """JSON-ready; `from_plain` gives an equal fingerprint back."""
        return {
            "v": FORMAT_VERSION,
            "files": [[f.path, f.size, f.stamp, f.digest, f.rows, f.settled] for f in self.files],
            "columns": None if self.columns is None else [[c.name, c.type] for c in self.columns],
        }

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Self:
        """The fingerprint that `to_plain` wrote.

        Raises
        ------
        DatabaseFault: it was written in a newer form than this penstock reads.
        """
        if plain.get("v") != FORMAT_VERSION:
            raise DatabaseFault(
                f"a fingerprint is written in form {plain.get('v')!r}, this penstock reads form {FORMAT_VERSION}",
                hint="Upgrade penstock to the version that wrote it.",
            )
        columns = plain["columns"]
        return cls(
            files=tuple(
                Seen(path=p, size=s, stamp=t, digest=d, rows=r, settled=k) for p, s, t, d, r, k in plain["files"]
            ),
            columns=None if columns is None else tuple(Column(name=n, type=t) for n, t in columns),
        )

    def manifest(self, suffix: str) -> Manifest:
        """The content that was seen."""
        entries = (FileEntry(path=f.path, size=f.size, digest=f.digest, rows=f.rows) for f in self.files)
        return Manifest(suffix=suffix, files=tuple(entries), columns=self.columns)


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """What is at a place: its fingerprint, and its content as a manifest; None where nothing is there."""

    fingerprint: Fingerprint
    manifest: Manifest | None


def observe(place: Place, previous: Fingerprint | None, *, dataset: str = "") -> Observation:
    """What is at the place now. Only files whose stamp is not that of `previous` are read.

    A directory without files counts as nothing there, as on an object store.

    Raises
    ------
    StorageFault: it cannot be read, or is overwritten faster than it can be read.
    """
    name = dataset or place.path
    known = {seen.path: seen for seen in previous.files if seen.settled} if previous is not None else {}
    with faults(dataset=name, doing="looking at", path=place.target):
        for attempt in range(_TRIES):
            if attempt:
                time.sleep(0.02 * 2**attempt)
            try:
                before = _listed(place)
                fingerprint = _fingerprint(place, before, known, None if previous is None else previous.columns)
                if still(fingerprint, place):
                    return Observation(
                        fingerprint=fingerprint, manifest=fingerprint.manifest(place.suffix) if before else None
                    )
            except FileNotFoundError:  # gone between the listing and the reading
                continue
    raise StorageFault(
        f"dataset {name!r}: {place.target} changed each of the {_TRIES} times it was looked at",
        hint="Wait until its writer is done, then try again.",
    )


def still(fingerprint: Fingerprint, place: Place) -> bool:
    """Whether the place looks as it did; reads no content.

    Raises
    ------
    StorageFault: it cannot be looked at.
    """
    with faults(dataset=place.path, doing="looking at", path=place.target):
        return [(f.path, f.size, f.stamp) for f in _listed(place)] == [
            (f.path, f.size, f.stamp) for f in fingerprint.files
        ]


def read_observed(
    manifest: Manifest,
    fingerprint: Fingerprint,
    *,
    kind: ValueKind,
    place: Place,
    dataset: str,
    allow_pickle: bool = False,
) -> Any:
    """What is at the place, in the form `kind`, if it still looks as it did when `manifest` was made.

    Forms that are read now are checked after the reading too. A lazy frame, an iterator and a path are read by the
    producer: call `still` when it is done.

    Raises
    ------
    Moved: it no longer looks as it did.
    StorageFault: it cannot be read.
    ValueMismatch: the format does not give this kind, or settings do not allow it.
    """
    info = format_for(manifest.suffix) or RAW
    check_kind(info, kind, dataset=dataset, place=place, allow_pickle=allow_pickle, writing=False)
    _require_still(fingerprint, place, dataset)
    if place.remote:
        value = _read_remote(manifest, fingerprint, kind, place, dataset)
    elif kind is ValueKind.PATH:
        value = Path(place.target)
    else:
        source = Source(path=place.target, columns=manifest.columns, foreign=True)
        value = opened(source, manifest, info, kind, dataset=dataset)
    if kind not in _READ_LATER:
        _require_still(fingerprint, place, dataset)
    return value


_READ_LATER = frozenset({ValueKind.LAZY_FRAME, ValueKind.FRAMES, ValueKind.PATH})


def capture(manifest: Manifest, place: Place, *, fingerprint: Fingerprint, dataset: str) -> Observation:
    """The bytes are objects: the version is held, whatever becomes of the place.

    Gives the observation with the digests of the content. For local files that is what was given; for a store it
    replaces its etags, and observing with this fingerprint next time gives them again as long as the etags stay.

    Raises
    ------
    Moved: the place no longer looks as it did.
    StorageFault: it cannot be read, or the objects not be written.
    """
    _require_still(fingerprint, place, dataset)
    folder = new_path(place, "capture")
    with faults(dataset=dataset, doing="copying", path=place.target):
        os.makedirs(folder)
        paths = [f"{folder}/{number}" for number in range(len(fingerprint.files))]
        try:
            held = _copied(fingerprint, place, paths)
            if not place.remote and held.manifest(place.suffix).digest != manifest.digest:
                raise _moved(place, dataset)
            _require_still(fingerprint, place, dataset)
            version = held.manifest(place.suffix)
            keep(Staged(manifest=version, place=place, dataset=dataset, paths=tuple(paths), folders=(folder,)))
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    return Observation(fingerprint=held, manifest=version)


def _copied(fingerprint: Fingerprint, place: Place, paths: list[str]) -> Fingerprint:
    """Copy each file to its path; gives the fingerprint with the digests of the copies."""
    files: list[Seen] = []
    columns = fingerprint.columns
    for seen, path in zip(fingerprint.files, paths, strict=True):
        source = f"{place.target}/{seen.path}" if seen.path else place.target
        if place.remote:
            remote_of(place).get(source, path)
        else:
            copy_file(source, path)
        digest, size = digest_of_file(path)
        contents = Contents(rows=seen.rows, columns=columns)
        if place.remote and not place.directory:
            contents = _contents(place, path)
            columns = contents.columns
        files.append(replace(seen, digest=digest, size=size, rows=contents.rows))
    return Fingerprint(files=tuple(files), columns=columns)


def _read_remote(manifest: Manifest, fingerprint: Fingerprint, kind: ValueKind, place: Place, dataset: str) -> Any:
    """Through a copy on this machine that is named after what was seen; polars scans parquet on S3 without one."""
    info = format_for(manifest.suffix) or RAW
    if kind is ValueKind.LAZY_FRAME and info.scans_urls and (options := polars_options(place)) is not None:
        source = Source(path=place.target, columns=manifest.columns, storage_options=options)
        return opened(source, manifest, info, kind, dataset=dataset)
    stamps = canonical_json([[f.path, f.size, f.stamp] for f in fingerprint.files])
    folder = f"{place.local}/seen/{digest_of(place.target.encode() + stamps)}"
    last = place.path.rstrip("/").rpartition("/")[2]
    with faults(dataset=dataset, doing="fetching", path=place.target):
        if not os.path.isdir(folder):
            made = f"{folder}~{os.getpid()}-{threading.get_ident()}"
            for seen in fingerprint.files:
                path = f"{made}/{last}/{seen.path}" if seen.path else f"{made}/{last}"
                os.makedirs(os.path.dirname(path), exist_ok=True)
                remote_of(place).get(f"{place.target}/{seen.path}" if seen.path else place.target, path)
            _require_still(fingerprint, place, dataset)
            with suppress(OSError):  # another process was quicker
                os.rename(made, folder)
            shutil.rmtree(made, ignore_errors=True)
    path = f"{folder}/{last}"
    if kind is ValueKind.PATH:
        return Path(path)
    return opened(Source(path=path, columns=manifest.columns), manifest, info, kind, dataset=dataset)


def _require_still(fingerprint: Fingerprint, place: Place, dataset: str) -> None:
    if not still(fingerprint, place):
        raise _moved(place, dataset)


def _moved(place: Place, dataset: str) -> Moved:
    return Moved(
        f"dataset {dataset!r}: {place.target} is no longer what was pinned: it was overwritten since it was looked at",
        hint='Run again: it is looked at anew. `capture="copy"` keeps the bytes of what was seen.',
    )


def _fingerprint(
    place: Place, found: list[Found], known: Mapping[str, Seen], columns: tuple[Column, ...] | None
) -> Fingerprint:
    files: list[Seen] = []
    for each in found:
        seen = known.get(each.path)
        if seen is not None and (seen.size, seen.stamp) == (each.size, each.stamp):
            files.append(seen)
            continue
        columns = None
        if place.remote:
            files.append(Seen(path=each.path, size=each.size, stamp=each.stamp, digest=each.stamp))
            continue
        path = f"{place.target}/{each.path}" if each.path else place.target
        digest, size = digest_of_file(path)
        contents = Contents() if place.directory else _contents(place, path)
        columns = contents.columns
        files.append(
            Seen(path=each.path, size=size, stamp=each.stamp, digest=digest, rows=contents.rows, settled=each.settled)
        )
    return Fingerprint(files=tuple(files), columns=columns)


def _contents(place: Place, path: str) -> Contents:
    """Rows and columns; nothing where the file is torn: a version all the same, and its readers are told."""
    try:
        return load(format_for(place.suffix) or RAW).contents(Source(path=path, foreign=True))
    except BaseException as error:  # whatever a library says of a torn file
        if not blames_the_file(error):
            raise
        return Contents()


def _listed(place: Place) -> list[Found]:
    """Every file that counts, sorted by path; none where nothing is there."""
    if place.remote:
        store = remote_of(place)
        if place.directory:
            return [each for each in store.below(place.target) if each.path and _counts(each.path)]
        found = store.look(place.target)
        return [found] if found else []
    now = time.time_ns()
    if place.directory:
        return sorted(_walk(place.target, "", (os.path.realpath(place.target),), now), key=lambda each: each.path)
    try:
        status = os.stat(place.target)
    except FileNotFoundError:
        return []
    if not stat.S_ISREG(status.st_mode):
        raise NotADirectoryError(None, "it is not a file; a slash at the end of a URI marks a directory", place.target)
    return [_seen("", status, now)]


def _walk(folder: str, prefix: str, above: tuple[str, ...], now: int) -> Iterator[Found]:
    try:
        entries = list(os.scandir(folder))
    except FileNotFoundError:
        return
    for entry in entries:
        relative = prefix + entry.name
        if not _counts(entry.name):
            continue
        try:
            status = entry.stat()
        except FileNotFoundError:  # a link to nothing, or gone since
            continue
        if stat.S_ISREG(status.st_mode):
            yield _seen(relative, status, now)
        elif stat.S_ISDIR(status.st_mode):
            real = os.path.realpath(entry.path)
            if real not in above:  # a link in a circle adds no file
                yield from _walk(entry.path, relative + "/", (*above, real), now)


def _seen(path: str, status: os.stat_result, now: int) -> Found:
    # Nobody can set the time of the last change: it tells what `cp -p` and `touch -r` hide from the time of writing.
    return Found(
        path=path,
        size=status.st_size,
        stamp=f"{status.st_mtime_ns}-{status.st_ctime_ns}-{status.st_ino}",
        settled=max(status.st_mtime_ns, status.st_ctime_ns) < now - _SETTLED_NS,
    )


def _counts(path: str) -> bool:
    return not any(part.startswith(".") or part.endswith(_TEMPORARY) for part in path.split("/"))
