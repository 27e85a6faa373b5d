"""The digest of a file's bytes, taken in bounded memory: after it was written, or while it is being written.

Never maps a file: a file that somebody truncates while it is mapped kills the process, and mapped pages count as its
memory.
"""

from __future__ import annotations

import os
import threading
from types import TracebackType

from blake3 import blake3

THREADS_FROM = 256 << 10
"""Bytes below which starting threads costs more than they save."""
_CHUNK = 1 << 20
_NEAR = 256 << 10
"""Bytes that are read and hashed by one processor while they are in its own cache: a fifth faster than 1 MiB."""
READ_AT_ONCE = 16 << 10
"""Bytes below which a file is read in one piece."""
_PAUSE = 0.01


def digest_of_file(path: str) -> tuple[str, int]:
    """The blake3 digest (64 hexadecimal digits) and the size in bytes of the file at `path`.

    Takes 1 MiB of memory, however large the file is.

    Raises
    ------
    OSError: it cannot be opened or read.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        first = os.read(descriptor, READ_AT_ONCE)
        if len(first) < READ_AT_ONCE:
            return blake3(first).hexdigest(), len(first)
        size = os.fstat(descriptor).st_size
        threads = blake3.AUTO if size >= THREADS_FROM else 1
        reader = _Reader(descriptor, min(_CHUNK, size + 1), threads=threads)
        reader.advance()
        return reader.digest, reader.size
    finally:
        os.close(descriptor)


class _Reader:
    """Hashes an open file from where it stopped to where the file ends now."""

    def __init__(self, descriptor: int, buffer: int, *, threads: int) -> None:
        self.size = 0
        self._descriptor = descriptor
        self._hasher = blake3(max_threads=threads)
        self._buffer = bytearray(buffer)

    def advance(self) -> None:
        view = memoryview(self._buffer)
        while count := os.preadv(self._descriptor, [self._buffer], self.size):
            self._hasher.update(view[:count])
            self.size += count

    @property
    def digest(self) -> str:
        return self._hasher.hexdigest()


class Follower:
    """Hashes a file behind a writer that only ever appends to it, so that little is left to do when it is written.

    Inside the `with`, a library writes the file at `path`; after it, `digest` and `size` are those of the whole file.
    Right only for writers that never go back: what they wrote once is read once.
    """

    def __init__(self, path: str) -> None:
        self.digest = ""
        self.size = 0
        self._path = path
        self._written = threading.Event()
        self._error: OSError | None = None
        self._thread = threading.Thread(target=self._follow, name="penstock-hash", daemon=True)

    def __enter__(self) -> Follower:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._written.set()
        self._thread.join()
        if error is None and self._error is not None:
            raise self._error

    def _follow(self) -> None:
        try:
            while not self._written.wait(_PAUSE) and not os.path.exists(self._path):
                pass
            descriptor = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
            try:
                self._hash(descriptor)
            finally:
                os.close(descriptor)
        except OSError as error:
            self._error = error

    def _hash(self, descriptor: int) -> None:
        reader = _Reader(descriptor, _NEAR, threads=1)  # the writer has work for the other processors
        while not self._written.wait(_PAUSE):
            reader.advance()
        reader.advance()
        self.digest, self.size = reader.digest, reader.size
