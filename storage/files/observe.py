"""Data that others write: looked at by fingerprint, read in place, and copied if it is to be held.

A fingerprint is quick (sizes and times); the manifest that goes with it states content. A file that was only touched
has another fingerprint and the same manifest. Nothing here is ever written to where others write.

On a store an etag stands for the content. Where there is none the content is fetched and hashed: when its time is
another or too young to be trusted, and at every look where the store gives no time either.

Of a directory, names that begin with "." or end in "~", ".tmp", ".part", ".partial" or ".crdownload" do not count, nor
does what lies in folders named so: they are somebody's half-written or hidden files, and `.penstock`. Links are
followed; what is neither file nor folder does not count.
"""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

from ..errors import StorageFault
from ..manifest import (
    Column,
    FileEntry,
    Manifest,
    canonical_json,
    columns_from_plain,
    columns_to_plain,
    digest_of,
    require_form,
)
from ..types import FORMAT_VERSION, ValueKind
from .copying import copy_file
from .faults import blames_the_file, faults
from .formats.registry import RAW, format_for, load
from .formats.seam import Contents, Source
from .hashing import digest_of_file
from .layout import Place, new_path
from .listing import BYTES, address_of, listed
from .objects import keep
from .reading import opened
from .remote import Found, digest_at, polars_options, remote_of
from .staging import Staged, check_kind

_TRIES = 5


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
            "columns": columns_to_plain(self.columns),
        }

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Self:
        """The fingerprint that `to_plain` wrote.

        Raises
        ------
        DatabaseFault: it was written in a newer form than this penstock reads.
        """
        require_form(plain, "a fingerprint")
        return cls(
            files=tuple(
                Seen(path=p, size=s, stamp=t, digest=d, rows=r, settled=k) for p, s, t, d, r, k in plain["files"]
            ),
            columns=columns_from_plain(plain["columns"]),
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
    with faults(dataset=name, doing="looking at", path=place.target):
        for attempt in range(_TRIES):
            if attempt:
                time.sleep(0.02 * 2**attempt)
            try:
                before = listed(place)
                fingerprint = _fingerprint(place, before, previous)
                if _is_what_was_fetched(before) or still(fingerprint, place):
                    return Observation(
                        fingerprint=fingerprint, manifest=fingerprint.manifest(place.suffix) if before else None
                    )
            except FileNotFoundError:  # gone between the listing and the reading
                continue
    raise StorageFault(
        f"dataset {name!r}: {place.target} changed each of the {_TRIES} times it was looked at",
        hint="Wait until its writer is done, then try again.",
    )


def observe_listed(place: Place, found: list[Found], previous: Fingerprint | None, *, dataset: str = "") -> Observation:
    """What is at a place of which a listing has just told every file. Where the stamps are those of `previous`, or are
    etags, nothing more is asked; any other file is looked at as `observe` does.

    Raises
    ------
    StorageFault: as `observe`.
    """
    fingerprint = previous if previous is not None and looks_settled(previous, found) else None
    if fingerprint is None and found and all(one.stamp.startswith("etag:") for one in found):
        fingerprint = _fingerprint(place, found, previous)
    if fingerprint is None:
        return observe(place, previous, dataset=dataset)
    return Observation(fingerprint=fingerprint, manifest=fingerprint.manifest(place.suffix))


def looks_settled(fingerprint: Fingerprint, found: list[Found]) -> bool:
    """Whether files look as they did, and could not look so with another content."""
    seen = fingerprint.files
    same = len(found) == len(seen) and all(map(_alike, seen, found))
    return same and bool(seen) and all(one.settled for one in seen)


def still(fingerprint: Fingerprint, place: Place) -> bool:
    """Whether the place looks as it did; reads no content.

    Raises
    ------
    StorageFault: it cannot be looked at.
    """
    with faults(dataset=place.path, doing="looking at", path=place.target):
        try:
            found = listed(place)
        except FileNotFoundError:  # gone since it was listed
            return False
        return len(found) == len(fingerprint.files) and all(map(_alike, fingerprint.files, found))


def is_gone(place: Place) -> bool:
    """Whether nothing lies at the place any more.

    Raises
    ------
    StorageFault: it cannot be looked at.
    """
    with faults(dataset=place.path, doing="looking at", path=place.target):
        try:
            return not listed(place)
        except FileNotFoundError:
            return True


def _alike(seen: Seen, found: Found) -> bool:
    """Whether a file looks as it was seen; an etag is enough where a web server does not say a size."""
    return (seen.path, seen.stamp) == (found.path, found.stamp) and (
        seen.size == found.size or found.stamp.startswith("etag:")
    )


def _is_what_was_fetched(found: list[Found]) -> bool:
    """Whether it was told by one whole copy, so that there is no later moment at which it could have been another."""
    return len(found) == 1 and found[0].stamp.startswith(BYTES)


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
    check_kind(info, kind, dataset=dataset, place=place, allow_pickle=allow_pickle)
    if place.remote:
        return _read_remote(manifest, fingerprint, kind, place, dataset)
    _require_still(fingerprint, place, dataset)
    target = address_of(place)
    if kind is ValueKind.PATH:
        value = Path(target)
    else:
        source = Source(path=target, columns=manifest.columns, foreign=True)
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
    address = address_of(place)
    for seen, path in zip(fingerprint.files, paths, strict=True):
        source = f"{address}/{seen.path}" if seen.path else address
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
    options = polars_options(place) if kind is ValueKind.LAZY_FRAME and info.scans_urls else None
    if options is not None:
        _require_still(fingerprint, place, dataset)
        source = Source(path=address_of(place), columns=manifest.columns, storage_options=options)
        return opened(source, manifest, info, kind, dataset=dataset)
    seen = canonical_json([[f.path, f.size, f.digest] for f in fingerprint.files])
    folder = f"{place.local}/seen/{digest_of(place.target.encode() + seen)}"
    last = place.path.rstrip("/").rpartition("/")[2]
    with faults(dataset=dataset, doing="fetching", path=place.target):
        if os.path.isdir(folder):
            _require_still(fingerprint, place, dataset)
        else:
            made = f"{folder}~{os.getpid()}-{threading.get_ident()}"
            try:
                _fetch(fingerprint, place, f"{made}/{last}", dataset)
                with suppress(OSError):  # another process was quicker
                    os.rename(made, folder)
            finally:
                shutil.rmtree(made, ignore_errors=True)
    path = f"{folder}/{last}"
    if kind is ValueKind.PATH:
        return Path(path)
    return opened(Source(path=path, columns=manifest.columns), manifest, info, kind, dataset=dataset)


def _fetch(fingerprint: Fingerprint, place: Place, target: str, dataset: str) -> None:
    """Every file that was seen is at `target` on this machine, or below it, with the bytes that it had then: they say
    it themselves where the digest is theirs, else the store must say the same of them before and after."""
    stated = all(":" not in seen.digest for seen in fingerprint.files)
    if not stated:
        _require_still(fingerprint, place, dataset)
    address = address_of(place)
    for seen in fingerprint.files:
        path = f"{target}/{seen.path}" if seen.path else target
        os.makedirs(os.path.dirname(path), exist_ok=True)
        try:
            remote_of(place).get(f"{address}/{seen.path}" if seen.path else address, path)
        except FileNotFoundError as error:
            raise _moved(place, dataset) from error
        if ":" not in seen.digest and digest_of_file(path)[0] != seen.digest:
            raise _moved(place, dataset)
    if not stated:
        _require_still(fingerprint, place, dataset)


def _require_still(fingerprint: Fingerprint, place: Place, dataset: str) -> None:
    if not still(fingerprint, place):
        raise _moved(place, dataset)


def _moved(place: Place, dataset: str) -> Moved:
    return Moved(
        f"dataset {dataset!r}: {place.target} is no longer what was pinned: it was overwritten since it was looked at",
        hint='Run again: it is looked at anew. `capture="copy"` keeps the bytes of what was seen.',
    )


def _fingerprint(place: Place, found: list[Found], previous: Fingerprint | None) -> Fingerprint:
    known = {} if previous is None else {seen.path: seen for seen in previous.files}
    columns = None if previous is None else previous.columns
    files: list[Seen] = []
    address = address_of(place) if found else place.target
    for each in found:
        seen = known.get(each.path)
        if seen is not None and seen.settled and _alike(seen, each):
            files.append(seen)
            continue
        path = f"{address}/{each.path}" if each.path else address
        if each.stamp.startswith("etag:"):
            digest, size = each.stamp, each.size
        elif each.stamp.startswith(BYTES):
            digest, size = each.stamp.removeprefix(BYTES), each.size
        else:
            digest, size = digest_at(path, place)
        if place.remote and seen is not None and seen.digest == digest:  # what was read of these bytes, stays
            files.append(replace(seen, stamp=each.stamp, settled=each.settled))
            continue
        contents = Contents() if place.remote or place.directory else _contents(place, path)
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
