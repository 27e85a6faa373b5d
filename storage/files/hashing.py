"""The digest of a file's bytes, taken in bounded memory.

Never maps a file: a file that somebody truncates while it is mapped kills the process, and mapped pages count as its
memory.
"""

from __future__ import annotations

import os

from blake3 import blake3

_CHUNK = 1 << 20
THREADS_FROM = 256 << 10  # below, starting threads costs more than they save


def digest_of_file(path: str) -> tuple[str, int]:
    """The blake3 digest (64 hexadecimal digits) and the size in bytes of the file at `path`.

    Takes one chunk of memory (1 MiB), however large the file is.

    Raises
    ------
    OSError: it cannot be opened or read.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return _digest_of(descriptor)
    finally:
        os.close(descriptor)


def _digest_of(descriptor: int) -> tuple[str, int]:
    expected = os.fstat(descriptor).st_size
    hasher = blake3(max_threads=blake3.AUTO if expected >= THREADS_FROM else 1)
    buffer = bytearray(min(_CHUNK, expected + 1))
    view = memoryview(buffer)
    size = 0
    while count := os.readv(descriptor, [buffer]):
        hasher.update(view[:count])
        size += count
    return hasher.hexdigest(), size
