"""The bell: a process that waits is woken when another has committed what it waits for, and need not ask all the time.

Whoever writes rings within its transaction; the bell is heard once that has committed, and not at all if it rolls back.
On PostgreSQL that is NOTIFY and LISTEN. Beside a SQLite file lies a folder with a named pipe for each process that
listens, and whoever has committed writes a byte into each. A ring may get lost (its process was killed between the
commit and the byte, a pooler swallows LISTEN, the system has no named pipes): whoever listens looks by itself now and
then, and never relies on the bell.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from time import monotonic
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

from sqlalchemy import Connection, text
from sqlalchemy.engine import URL

_CHANNEL = "penstock"
_RUNG = "penstock.rung"
_AGAIN = 5.0
"""Seconds between two tries to listen at a server that does not answer."""


class Topic(StrEnum):
    """Whom a ring is for."""

    PLANNER = "planner"  # there is something to plan
    WORKER = "worker"  # a run waits for a worker, or is to be canceled
    RELAY = "relay"  # lineage is to be sent, or people are to be told


def ring(tx: Connection, topic: Topic) -> None:
    """Whoever listens for the topic is woken when this transaction commits."""
    tx.info.setdefault(_RUNG, set()).add(topic)


def rung(tx: Connection) -> set[Topic]:
    """The topics that were rung for in this transaction, which are forgotten by that."""
    return tx.info.pop(_RUNG, None) or set()


def ring_server(tx: Connection, project: str) -> None:
    """On PostgreSQL, as the last thing of a transaction: the server tells those that listen when it commits."""
    for topic in rung(tx):
        tx.execute(_NOTIFY, {"channel": _CHANNEL, "payload": f"{project}/{topic}"})


_NOTIFY = text("SELECT pg_notify(:channel, :payload)")


def ring_pipes(folder: Path, topics: Iterable[Topic]) -> None:
    """On SQLite, when a transaction has committed: a byte for each process that listens."""
    try:
        names = os.listdir(folder)  # noqa: PTH208  thrice as fast, and with every commit
    except OSError:
        return  # nobody listens
    prefixes = tuple(f"{topic}." for topic in topics)
    for name in names:
        if name.startswith(prefixes):
            _ring(folder / name)


def _ring(pipe: Path) -> None:
    try:
        descriptor = os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
    except OSError as error:
        if isinstance(error, FileNotFoundError):
            return
        with suppress(OSError):  # ENXIO: nobody reads it any more, its process was killed
            pipe.unlink()
        return
    with suppress(BlockingIOError, BrokenPipeError):  # full: rung often enough; or killed since it was opened
        os.write(descriptor, b"!")
    os.close(descriptor)


def folder_of(url: URL) -> Path | None:
    """Where the named pipes of a SQLite file lie; None where there can be none."""
    if not url.database or url.database == ":memory:" or not hasattr(os, "mkfifo"):
        return None
    return Path(f"{url.database}-bells")


class Listener:
    """Listens for topics of a project, from the moment it is made to `close`.

    Use what `waitables` gives with `multiprocessing.connection.wait`, then ask `heard`.
    """

    def __init__(self, url: URL, project: str, *topics: Topic) -> None:
        self._url, self._project, self._topics = url, project, topics
        self._pipes: dict[int, Path] = {}
        self._server: Any = None
        self._tried = float("-inf")
        if url.get_backend_name() == "sqlite":
            self._open_pipes()
        else:
            self._listen()

    def waitables(self) -> list[int]:
        """Descriptors that can be read when the bell has rung; none where it cannot be heard."""
        if self._server is not None:
            return [self._server.fileno()]
        return list(self._pipes)

    def heard(self) -> bool:
        """Whether it has rung since the last call; waits for nothing."""
        if self._pipes:
            return any([_emptied(descriptor) for descriptor in self._pipes])  # noqa: C419  each is emptied
        if self._url.get_backend_name() == "sqlite":
            return False
        return self._notified()

    def close(self) -> None:
        """Nobody listens any more."""
        for descriptor, pipe in self._pipes.items():
            os.close(descriptor)
            pipe.unlink(missing_ok=True)
        self._pipes = {}
        if self._server is not None:
            self._server.close()
            self._server = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _open_pipes(self) -> None:
        folder = folder_of(self._url)
        if folder is None:
            return
        with suppress(OSError):  # a file system without named pipes: then it looks by itself
            folder.mkdir(exist_ok=True)
            for topic in self._topics:
                pipe = folder / f"{topic}.{os.getpid()}.{uuid4().hex[:8]}"
                os.mkfifo(pipe, 0o600)
                # For writing too: a pipe that nobody has open for writing can always be read, with nothing in it.
                self._pipes[os.open(pipe, os.O_RDWR | os.O_NONBLOCK)] = pipe

    def _listen(self) -> None:
        import psycopg  # noqa: PLC0415  an extra

        self._tried = monotonic()
        words = self._url.set(drivername="postgresql").render_as_string(hide_password=False)
        try:
            self._server = psycopg.connect(words, autocommit=True, connect_timeout=10)
            self._server.execute(f"LISTEN {_CHANNEL}")
        except psycopg.Error:
            self._server = None  # it is tried again; meanwhile whoever waits looks by itself

    def _notified(self) -> bool:
        import psycopg  # noqa: PLC0415  an extra

        if self._server is None:
            if monotonic() - self._tried < _AGAIN:
                return False
            self._listen()
            return self._server is not None  # what was told meanwhile nobody has heard
        wanted = {f"{self._project}/{topic}" for topic in self._topics}
        try:
            return any([one.payload in wanted for one in self._server.notifies(timeout=0)])  # noqa: C419  all are heard
        except psycopg.Error:
            self._server = None
            return True


def _emptied(descriptor: int) -> bool:
    found = False
    with suppress(BlockingIOError):
        while os.read(descriptor, 4096):
            found = True
    return found
