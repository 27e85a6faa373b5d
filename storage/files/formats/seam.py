"""The seam: what a format is to the rest of `files`, and what it is given to write to and to read from.

Imports no frame library, so that JSON alone costs nothing.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import quote

from blake3 import blake3

from ...manifest import Column
from ...types import ValueKind
from ..hashing import THREADS_FROM, Follower, digest_of_file

SMALL = 16 * 1024
"""Bytes up to which a file is small: the database keeps a copy until it is on the disk, which takes it less time than a
sync of the file would."""


class Unfit(Exception):
    """The value cannot be written in this format; the text says what was found and what was expected.

    `hint` is the next step, where it is another than to return what the annotation says.
    """

    def __init__(self, text: str, *, hint: str = "") -> None:
        super().__init__(text)
        self.hint = hint


class Uncomputed(Exception):
    """The producer's lazy frame failed while it was computed; the cause says how."""


class Output:
    """One new file: written through `write`, or by a library that wants its `path`.

    Bytes that go through `write` are hashed on their way. Of a few of them (`SMALL`) a copy stays in `small`; more are
    on the disk when it is finished, unless they need not be: `spared` is asked with their digest and size. The file is
    `sealed` then: read-only, and on the disk unless it is small. One that a library writes is hashed when it is
    finished, or behind the library inside `with output.appended():`.
    """

    __slots__ = ("_descriptor", "_follower", "_hasher", "_size", "_spared", "path", "sealed", "small")

    def __init__(self, path: str, *, spared: Callable[[str, int], bool] | None = None) -> None:
        self.path = path
        self._spared = spared
        self._descriptor = -1
        self._follower: Follower | None = None
        self._hasher: blake3 | None = None
        self._size = 0
        self.sealed = False
        self.small: bytes | None = None

    def write(self, data: bytes | bytearray | memoryview) -> int:
        """Append to the file; gives the number of bytes, so that `pickle.dump` takes it as a file."""
        view = memoryview(data)
        count = view.nbytes
        if self._hasher is None:
            self._hasher = blake3(max_threads=blake3.AUTO if len(data) >= THREADS_FROM else 1)
            self._descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o444)
            self.small = b""
        self._hasher.update(data)
        if self.small is not None:
            self.small = self.small + bytes(data) if len(self.small) + count <= SMALL else None
        while view.nbytes:
            view = view[os.write(self._descriptor, view) :]
        self._size += count
        return count

    def appended(self) -> Follower:
        """Inside it, a library writes the file at `path` from its beginning to its end and never goes back."""
        self._follower = Follower(self.path)
        return self._follower

    def finish(self) -> tuple[str, int]:
        """The digest and the size of what was written; nothing can be written afterwards."""
        if self._follower is not None and self._follower.size == os.stat(self.path).st_size:
            return self._follower.digest, self._follower.size
        if self._hasher is None:
            return digest_of_file(self.path)
        digest = self._hasher.hexdigest()
        if self.small is not None:
            self.sealed = True
        elif self._spared is None or not self._spared(digest, self._size):
            os.fsync(self._descriptor)  # here, where it is open: opening it again costs as much
            self.sealed = True
        self.close()
        return digest, self._size

    def close(self) -> None:
        """Let go of the file, finished or not."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One file to read.

    Attributes
    ----------
    path: a local path; for LAZY_FRAME it may be a URL that polars reads by itself.
    columns: names and types that its writer stated, for formats that do not state them in the file.
    storage_options: in polars' spelling, for a URL.
    foreign: others may write to it at any moment. It must not be mapped into memory then: a file that is cut short
        while it is mapped kills the process.
    given: a producer gave it as bytes, as text or as a path, so that nobody has looked at it yet.
    """

    path: str
    columns: tuple[Column, ...] | None = None
    storage_options: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    foreign: bool = False
    given: bool = False

    @property
    def address(self) -> str:
        """What polars is to open: it maps a path, and reads a `file://` URL piece by piece."""
        return self.url if self.foreign and self.path.startswith("/") else self.path

    @property
    def url(self) -> str:
        """The path as a URL, in which `*` and `[` are no patterns."""
        return f"file://{quote(self.path)}" if self.path.startswith("/") else self.path


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What a file says of itself, as far as its format can say it."""

    rows: int | None = None
    columns: tuple[Column, ...] | None = None


class Format(Protocol):
    """One kind of file. BYTES and PATH are not its business: they are the same for every file."""

    def write(self, value: Any, kind: ValueKind, output: Output) -> tuple[Column, ...] | None:
        """Write the value; equal values give equal bytes. Gives the columns where the value has them.

        Raises
        ------
        Unfit: the value is not what `kind` says, or cannot be written in this format.
        """
        ...

    def read(self, source: Source, kind: ValueKind) -> Any:
        """The value in the form `kind`. Any error that this raises means that the file cannot be read."""
        ...

    def contents(self, source: Source) -> Contents:
        """Rows and columns of a file, from its bytes (and the columns that its writer stated).

        A format that states neither gives `Contents()`. Any error means that the file is not of this format. Of a file
        that is `given`, all is looked at, in bounded memory: what no reader could read must not be published. What its
        own `write` wrote need not be read again.
        """
        ...
