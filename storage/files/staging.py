"""Staging: a value that a producer gave becomes files and a manifest, which nobody else sees yet.

Nothing here publishes. What is staged is either kept (`objects.keep`) or discarded; what a dead process left is swept.
The hot path of a small value makes no `Path` objects and no folder: making one costs more than making the file.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import ProducerError, ValueMismatch
from ..manifest import Column, FileEntry, Manifest
from ..types import KIND_NAMES, JsonType, ValueKind
from .faults import blames_the_file, faults, is_full, said, storage_fault
from .formats.registry import ANY_FILE, RAW, FormatInfo, format_for, load
from .formats.seam import SMALL, Contents, Output, Source, Uncomputed, Unfit
from .hashing import digest_of_file
from .json_types import article, mismatch
from .layout import Place, new_path, object_path, object_suffix, run_folder
from .taking import taken


@dataclass(frozen=True, slots=True, kw_only=True)
class Staged:
    """One output of a run, hashed and waiting.

    Attributes
    ----------
    manifest: what the version will be.
    paths: where each file of the manifest lies now, in the manifest's order.
    folders: the staging folders that hold them, pruned when they are gone; none for a file that lies alone.
    sealed: whether they are read-only already, and on the disk unless `small`; not so what equals an object, or goes
        to a store.
    small: the bytes of its one file, where they are so few that nobody waits for the disk: whoever publishes it has the
        database keep them until then. None for all else.
    left_out: empty folders of a directory: a version is its files.
    """

    manifest: Manifest
    place: Place
    dataset: str
    paths: tuple[str, ...]
    folders: tuple[str, ...] = ()
    sealed: bool = False
    small: bytes | None = field(default=None, repr=False)
    left_out: tuple[str, ...] = ()

    def discard(self) -> None:
        """Nothing of it is left in staging. Repeating it, or calling it after `keep`, does no harm."""
        for path in self.paths:
            with suppress(FileNotFoundError):
                os.unlink(path)
        self.prune()

    def prune(self) -> None:
        """Empty folders are gone; files that belong to another output stay."""
        for top in self.folders:
            for folder, _, _ in os.walk(top, topdown=False):
                with suppress(OSError):
                    os.rmdir(folder)
            if "~" not in os.path.basename(top):  # it lies in the run's own folder, not in `staging` itself
                with suppress(OSError):
                    os.rmdir(os.path.dirname(top))


def output_path(place: Place, run_id: str, *, attempt: int = 1) -> Path:
    """Where a producer may write a PATH output itself, so that `stage` moves it instead of copying it.

    A directory for a directory dataset; for a file, a path with the dataset's own name in a folder that exists. The
    same arguments give the same path with what is in it: pass the number of the attempt, so that a second attempt
    does not find what a dead first one left.

    >>> output_path(Place(root="/data", path="models/ranker/"), "run-1")  # doctest: +SKIP
    PosixPath('/data/.penstock/staging/run-1/ranker-4f0c3bd2a1d7-1/ranker')

    Raises
    ------
    StorageFault: the folder cannot be made.
    """
    name = place.path.rstrip("/").rpartition("/")[2]
    path = Path(f"{run_folder(place, run_id)}/{place.slug}-{attempt}", name)
    with faults(dataset=place.path, doing="making", path=str(path)):
        (path if place.directory else path.parent).mkdir(parents=True, exist_ok=True)
    return path


def stage(
    value: Any,
    *,
    kind: ValueKind,
    place: Place,
    run_id: str,
    dataset: str,
    json: Sequence[JsonType] = (),
    annotation: str = "",
    allow_pickle: bool = False,
    attempt: int = 1,
) -> Staged:
    """The value is written to staging and hashed; nothing else has changed.

    `json` are the outermost types of which a JSON value or a text has to be one; () is any. `annotation` is what the
    producer is annotated with, for messages; "" for nothing. What lies in staging is named after the `attempt`, so that
    one that was given up for lost and comes back removes its own alone.

    What is given as it is (bytes, a text of a table, a file) is looked into: it is what its suffix says.

    A PATH below the run's own staging (`output_path`) is taken as it lies there; from anywhere else it is copied, and
    what the producer wrote stays its own.

    Raises
    ------
    ValueMismatch: value, annotation and suffix do not go together; the message names all three.
    ProducerError: the producer's lazy frame failed while it was computed.
    StorageFault: the disk is full, read-only, …
    Whatever a producer's generator raises comes out as it is. After any of them nothing that this call wrote is left.
    """
    suffix = place.suffix
    info = format_for(suffix) or RAW
    said = f"annotation {annotation}" if annotation else "no annotation"
    if value is None:
        raise ValueMismatch(f"dataset {dataset!r}: the producer returned None ({said})", hint="Return the value.")
    found = f"the value is {article(type(value).__name__)}, taken as {KIND_NAMES[kind]} ({said}),"
    check_kind(info, kind, dataset=dataset, place=place, allow_pickle=allow_pickle, writing=found)
    if kind is ValueKind.PATH:
        return _stage_path(value, info, said=said, place=place, run_id=run_id, dataset=dataset, attempt=attempt)
    path = new_path(place, run_id, suffix, attempt=attempt)
    given = kind is ValueKind.BYTES or (kind is ValueKind.TEXT and ValueKind.FRAME in info.writes)
    with _sentences(kind, info, said=said, dataset=dataset, place=place, path=path), _or_nothing(path):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        output = Output(path, spared=lambda digest, size: _is_object(place, digest, size))
        try:
            columns = load(RAW if kind is ValueKind.BYTES else info).write(value, kind, output)
            digest, size = output.finish()
            small = output.small
            if small is None and size <= SMALL and not output.sealed:  # a library wrote it
                small = Path(path).read_bytes()
        finally:
            output.close()
        if wrong := mismatch(value, json):  # after writing: what is no JSON at all is told by its format
            raise Unfit(wrong)
        contents = _contents(info, Source(path=path, columns=columns, given=given), kind)
    entry = FileEntry(path="", size=size, digest=digest, rows=contents.rows)
    manifest = Manifest(suffix=suffix, files=(entry,), columns=contents.columns)
    return Staged(
        manifest=manifest,
        place=place,
        dataset=dataset,
        paths=(path,),
        sealed=output.sealed,
        small=None if place.remote else small,
    )


def _is_object(place: Place, digest: str, size: int) -> bool:
    """Whether an equal object stands, so that what is staged will be thrown away and need not reach the disk. Should a
    sweep take the object meanwhile, `keep` finds none and brings to the disk what it then moves in."""
    if place.remote:  # the store keeps the bytes; what lies here is a copy
        return True
    try:
        return os.stat(object_path(place.hidden, digest, object_suffix(place.suffix, ""))).st_size == size
    except FileNotFoundError:
        return False


def check_kind(
    info: FormatInfo, kind: ValueKind, *, dataset: str, place: Place, allow_pickle: bool, writing: str = ""
) -> None:
    """The format of the place can take (`writing` says what) or give values of this kind, and settings allow it.

    Raises
    ------
    ValueMismatch: it cannot, or settings do not.
    """
    kinds = info.writes if writing else info.reads
    if kind not in kinds:
        allowed = ", ".join(sorted(KIND_NAMES[each] for each in kinds))
        raise ValueMismatch(
            f"dataset {dataset!r}: {writing or f'the annotation says {KIND_NAMES[kind]},'} but {place.path!r} is "
            f"{info.name}, which "
            f"{'takes' if writing else 'gives'} {allowed}",
            hint="Change the annotation, or the suffix of the URI.",
        )
    if info.opt_in and not allow_pickle and kind not in ANY_FILE:
        raise ValueMismatch(
            f"dataset {dataset!r}: {place.path!r} is {info.name}, which is off because reading it can run code",
            hint="Set `allow_pickle = true` in the settings if you trust everyone who writes there, "
            "or use another suffix.",
        )


@contextmanager
def _or_nothing(*paths: str) -> Generator[None]:
    """After an exception inside, the files are gone."""
    try:
        yield
    except BaseException:
        for path in paths:
            with suppress(OSError):
                os.unlink(path)
        raise


@contextmanager
def _sentences(
    kind: ValueKind, info: FormatInfo, *, said: str, dataset: str, place: Place, path: str
) -> Generator[None]:
    """Inside, what formats and the disk raise becomes what names the dataset; `said` tells of the annotation."""
    try:
        yield
    except Unfit as error:
        raise ValueMismatch(
            f"dataset {dataset!r}: {error} ({said}, suffix {place.suffix!r}, format {info.name})",
            hint=error.hint or "Return what the annotation says, or change the annotation or the suffix of the URI.",
        ) from error
    except Uncomputed as error:
        raise ProducerError(
            f"dataset {dataset!r}: what the producer returned failed while it was computed and written as "
            f"{info.name}: {error}",
            hint="Collect it in the producer to find the step that fails.",
        ) from error.__cause__
    except OSError as error:
        if kind in _RUNS_CODE and not is_full(error) and not _is_shut(os.path.dirname(path)):
            raise
        raise storage_fault(error, dataset=dataset, doing="writing", path=path) from error


def _is_shut(folder: str) -> bool:
    """Whether nothing can be written in a folder, or it cannot be made: then that is what went wrong."""
    while not os.path.lexists(folder):
        folder = os.path.dirname(folder)
    return not os.path.isdir(folder) or not os.access(folder, os.W_OK | os.X_OK, effective_ids=True)


_RUNS_CODE = frozenset({ValueKind.LAZY_FRAME, ValueKind.FRAMES})
"""Kinds whose producer still runs while they are written: an OSError may be of its own making."""


_GIVEN = {
    ValueKind.BYTES: "the bytes that were returned",
    ValueKind.TEXT: "the text that was returned",
    ValueKind.PATH: "the file that was returned",
}


def _contents(info: FormatInfo, source: Source, kind: ValueKind) -> Contents:
    try:
        return load(info).contents(source)
    except BaseException as error:
        if not blames_the_file(error):
            raise
        raise Unfit(
            f"{_GIVEN.get(kind, 'what was written')} cannot be read as {info.name}: {said(error)}",
            hint=f"Mend what writes it, or give the URI the suffix of what it is; {info.name} can also be written for "
            "you: return the value itself."
            if source.given
            else "",
        ) from error


def _stage_path(
    value: Any, info: FormatInfo, *, said: str, place: Place, run_id: str, dataset: str, attempt: int
) -> Staged:
    """Take the files where they lie or copy them, then hash what was taken."""
    entries: list[FileEntry] = []
    columns: tuple[Column, ...] | None = None
    with taken(value, place=place, run_id=run_id, dataset=dataset, attempt=attempt) as found:
        for relative, path in found.files:
            with _sentences(ValueKind.PATH, info, said=said, dataset=dataset, place=place, path=path):
                digest, size = digest_of_file(path)
                contents = Contents()
                if not place.directory:
                    contents = _contents(info, Source(path=path, given=True), ValueKind.PATH)
            columns = contents.columns
            entries.append(FileEntry(path=relative, size=size, digest=digest, rows=contents.rows))
    return Staged(
        manifest=Manifest(suffix=place.suffix, files=tuple(entries), columns=columns),
        place=place,
        dataset=dataset,
        paths=tuple(path for _, path in found.files),
        folders=found.folders,
        left_out=found.empty,
    )
