"""What a producer that is called in this process prints and logs, kept while it still reaches the terminal.

`sys.stdout`, `sys.stderr` and records of the root logger are heard, of the thread that calls the producer. What C code
writes, what other processes and threads write, is not: an executor that gives an attempt a process of its own hears
these too, and tells `attempt` so, which then listens to nothing here.
"""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager
from threading import get_ident
from typing import Any

from ....storage.logs.sink import Sink
from ....storage.masking import mask
from ....storage.types import LogStream
from ...execute.records import lines_of
from ..progress import Listener, Progress
from ..project.project import Project
from .assignment import Assignment


class Kept:
    """The log of an attempt inline; its sink is there once something is written.

    Attributes
    ----------
    fault: why the log ends early; "" while all is well.
    """

    def __init__(self, project: Project, work: Assignment) -> None:
        self._project, self._work = project, work
        self._sink: Sink | None = None
        self.fault = ""
        self.quiet = False  # what is said now was kept already

    def write(self, stream: LogStream, data: bytes) -> None:
        """Keep it."""
        if self._sink is None:
            limit = self._project.settings.values.log_limit
            work = self._work
            self._sink = Sink(self._project.logs, work.run_id, work.attempt, limit=limit, mask=mask)
        self._sink.write(stream, data)

    def aside(self, tell: Listener) -> Listener:
        """The listener, whose own words are none of the producer's."""

        def told(progress: Progress) -> None:
            self.quiet = True
            try:
                tell(progress)
            finally:
                self.quiet = False

        return told

    def close(self) -> None:
        """The log is whole."""
        if self._sink is not None:
            self._sink.close()
            self.fault = self._sink.fault


class _Tee:
    """A standard stream that is heard; everything but writing is that of the stream itself."""

    def __init__(self, stream: Any, name: LogStream) -> None:
        self._stream, self._name = stream, name

    def write(self, text: Any) -> int:
        """Keep what the listening thread writes, and write it."""
        log = _ears.logs.get(get_ident())
        if log is not None and not log.quiet:
            log.write(self._name, text.encode("utf-8", "backslashreplace") if isinstance(text, str) else bytes(text))
        return self._stream.write(text)

    def writelines(self, lines: Any) -> None:
        """Write each."""
        for line in lines:
            self.write(line)

    @property
    def buffer(self) -> _Tee:
        """Bytes that are written past the encoding are heard too."""
        return _Tee(self._stream.buffer, self._name)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class _Heard(logging.Handler):
    """Keeps the records of the listening thread; and tells them as `logging` does where nobody has set it up."""

    def emit(self, record: logging.LogRecord) -> None:
        log = _ears.logs.get(get_ident())
        if log is None:
            _as_before(record, self)
            return
        try:
            log.write(LogStream.LOG, lines_of(record))
        except Exception:
            self.handleError(record)
        log.quiet = True
        try:
            _as_before(record, self)
        finally:
            log.quiet = False


def _as_before(record: logging.LogRecord, own: logging.Handler) -> None:
    """Our handler hides from `logging` that it has none: what it writes then is written here."""
    last = logging.lastResort
    if last is None or record.levelno < last.level:
        return
    logger: logging.Logger | None = logging.getLogger(record.name)
    while logger is not None:
        if any(one is not own for one in logger.handlers):
            return
        logger = logger.parent if logger.propagate else None
    last.handle(record)


class _Ears:
    """The one pair of streams and the one handler of this process, there while an attempt listens: `logs` by thread."""

    def __init__(self) -> None:
        self.logs: dict[int, Kept] = {}
        self._lock = threading.Lock()
        self._handler = _Heard()
        self._streams: list[tuple[str, Any, _Tee]] = []

    def listen(self, log: Kept) -> None:
        """What this thread writes goes into the log."""
        with self._lock:
            if not self.logs:
                self._streams = [
                    (name, stream, _Tee(stream, LogStream(name)))
                    for name in ("stdout", "stderr")
                    if (stream := getattr(sys, name)) is not None
                ]
                for name, _, tee in self._streams:
                    setattr(sys, name, tee)
                logging.getLogger().addHandler(self._handler)
            self.logs[get_ident()] = log

    def stop(self) -> None:
        """What this thread writes is not kept any more."""
        with self._lock:
            self.logs.pop(get_ident(), None)
            if not self.logs:
                logging.getLogger().removeHandler(self._handler)
                for name, stream, tee in self._streams:
                    if getattr(sys, name) is tee:  # a producer may have put another one there
                        setattr(sys, name, stream)
                self._streams = []


_ears = _Ears()


@contextmanager
def kept_inline(project: Project, work: Assignment) -> Generator[Kept]:
    """Inside, what this thread prints and logs is kept as the log of the attempt. No file is made while it writes
    nothing. A producer that is called within a producer is heard as its own attempt."""
    log = Kept(project, work)
    outer = _ears.logs.get(get_ident())
    _ears.listen(log)
    try:
        yield log
    finally:
        if outer is None:
            _ears.stop()
        else:
            _ears.listen(outer)
        log.close()


@contextmanager
def kept_elsewhere(project: Project, work: Assignment) -> Generator[Kept]:
    """Inside, nothing is listened to: whoever started this process hears it."""
    yield Kept(project, work)
