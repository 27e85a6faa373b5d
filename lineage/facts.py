"""What happened in a run, in penstock's words: everything that an OpenLineage event says, before it is one.

Pure values. They are hashable, because what is rendered of them is remembered by them. They must never hold a secret:
each of them is sent to the outside.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from ..storage.manifest import Column

Change = Literal["created", "overwritten"]
"""What a publication did to its dataset: its first version, or another version than the head before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetFacts:
    """One version of a dataset, as read or as published; without a digest, the dataset that is to be written.

    Attributes
    ----------
    uri: absolute, after the data root was applied: `"file:///data/chunks.parquet"`, `"s3://corpus/models/ranker/"`.
    name: penstock's handle of the dataset.
    digest: of the version; None as long as there is none (START, FAIL and ABORT name their outputs without one).
    columns: of the version, or declared; None where the format has none.
    rows, size, files: of the version; size in bytes; None where not known.
    suffix: of every file (`".parquet"`), "/" for a directory, "" for data without files.
    kind: of the asset that makes it (`"model"`), None for what others write.
    change: of an output that was published; None for inputs and for what was confirmed.
    """

    uri: str
    name: str
    digest: str | None = None
    columns: tuple[Column, ...] | None = None
    rows: int | None = None
    size: int | None = None
    files: int | None = None
    suffix: str = ""
    kind: str | None = None
    description: str | None = None
    owners: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    licence: str | None = None
    change: Change | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceLocation:
    """Where a producer is written.

    Attributes
    ----------
    path: in its repository where there is one (`"flows/chunks.py"`), else absolute.
    line: the first line of the producer, from 1.
    url: of the file as people open it; worked out of the rest where it is None.
    repo_url: `"https://github.com/acme/corpus.git"` or `"git@github.com:acme/corpus.git"`.
    commit: the revision that is checked out, branch and tag its names.
    dirty: whether code of the run is not what the commit has.
    file: the absolute path on the machine of the run.
    """

    path: str
    line: int | None = None
    url: str | None = None
    repo_url: str | None = None
    commit: str | None = None
    branch: str | None = None
    tag: str | None = None
    dirty: bool = False
    file: str | None = None

    @property
    def version(self) -> str | None:
        """The commit, marked as by `git describe --dirty` if it is not the code: `5ec1…-dirty`."""
        return f"{self.commit}-dirty" if self.commit and self.dirty else self.commit


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFacts:
    """The asset whose run it is.

    Attributes
    ----------
    project: the namespace of the job; it is unique together with `asset`.
    kind: of the asset (`"model"`), None for plain data.
    engine_version: of penstock, `"0.1.0"`.
    """

    project: str
    asset: str
    engine_version: str
    description: str | None = None
    owners: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    kind: str | None = None
    source: SourceLocation | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ParentFacts:
    """The materialization or the run that this run is a part of.

    Attributes
    ----------
    run_id: a UUID; the id of the materialization.
    root: the outermost one; None where that is this one itself.
    """

    run_id: str
    project: str
    job: str
    root: ParentFacts | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorFacts:
    """Why a run failed: the message for a person, the trace for the one who mends it."""

    message: str
    trace: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFacts:
    """One run of one asset.

    Attributes
    ----------
    run_id: a UUID, the same in all events of the run.
    nominal_start, nominal_end: the interval (last tick, this tick] of a run that a tick caused, or the window of its
        partition, else None; aware.
    inputs: the pinned versions.
    outputs: what was published; before that, what is to be written.
    parameters: name and value, as text, sorted by name.
    reason: why the run was made (`"input_changed"`).
    partition: the key of what it makes, of an asset that has partitions.
    """

    run_id: str
    job: JobFacts
    parent: ParentFacts | None = None
    nominal_start: datetime | None = None
    nominal_end: datetime | None = None
    inputs: tuple[DatasetFacts, ...] = ()
    outputs: tuple[DatasetFacts, ...] = ()
    error: ErrorFacts | None = None
    parameters: tuple[tuple[str, str], ...] = ()
    reason: str | None = None
    partition: str | None = None
