"""The log of one attempt while it is written: appended at least every half second, and never larger than its limit.

The beginning, up to half of the limit, stays. Of what follows the end is kept, in one or two files beside it, each up
to a quarter of the limit; when the attempt ends they are joined, with a line that says how much was left out between.
What is written faster than it can be kept is left out in memory already: a producer that prints a gigabyte costs the
time to read it from the pipe. Whoever dies in between leaves files that can be read (see `reading.py`).

No file is made while nothing is written. A disk that is full ends the log, never the attempt: see `Sink.fault`.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from contextlib import suppress
from pathlib import Path
from time import time

from ..errors import PenstockError
from ..types import LogStream
from .flushing import INTERVAL, later
from .lines import Mask, Piece, Splitter, head_of, note, unmasked, written
from .places import LogPlace

CHUNK = 16 * 1024
"""Bytes that are looked at at once."""
TOGETHER = 0.001
"""Seconds: what one stream gives within them has one time, and costs little."""


SHOWN = 128 * 1024
"""Bytes that are written at most every half second of an attempt that writes faster than can be kept: enough to follow
it, and to see its end should everything be killed. At its real end more of it is there."""


class Sink:
    """Takes what an attempt writes; may be used by several threads.

    Parameters
    ----------
    limit: bytes of the file, about: a few lines more may be kept.
    mask: is given every text before it is written.

    Attributes
    ----------
    fault: why the log ends early, or could not be brought to its place; "" while all is well.
    """

    def __init__(self, place: LogPlace, run_id: str, attempt: int, *, limit: int, mask: Mask = unmasked) -> None:
        self._place, self._run, self._attempt = place, run_id, attempt
        self._mask = mask
        self._end = _End(place.file(run_id, attempt), limit // 4)
        self._room = limit // 2  # what the beginning may still take
        self._most = limit // 4  # what waits in memory
        self._pid = os.getpid()
        self._lock = threading.RLock()  # of what waits; a handler of signals may print in the middle
        self._writing = threading.RLock()  # of the files
        self._batch, self._stream, self._at = bytearray(), LogStream.STDOUT, 0.0  # what came together, and when
        self._splitters: dict[LogStream, Splitter] = {}
        self._pending: deque[Piece] = deque()
        self._weight = 0
        self._dropped = False
        self._offset = 0
        self._flushed = 0.0
        self._promised = self._closed = False
        self._file: int | None = None
        self.fault = ""

    def write(self, stream: LogStream, data: bytes) -> None:
        """Take bytes of a stream, which end wherever they do; those of `log` are as `penstock.assets.execute.records`
        writes them. After `close`, and in a forked child, nothing is taken."""
        if self._closed or os.getpid() != self._pid:
            return
        moment = time()
        with self._lock:
            batch = self._batch
            if batch and stream is self._stream and 0 <= moment - self._at < TOGETHER and len(batch) < CHUNK:
                batch += data  # its end is promised already
                return
            self._split()
            self._stream, self._at = stream, moment
            self._batch += data
            if len(data) >= CHUNK:
                self._split()
            flush = self._due(moment)
        if flush:
            self.flush()

    def flush(self) -> None:
        """What has come is in the file."""
        if os.getpid() != self._pid:
            return
        with self._writing:
            with self._lock:
                self._split()
                self._promised = False
                if not self._pending:
                    return
                pieces, self._pending, self._weight = self._pending, deque(), 0
                gap, self._dropped = self._dropped, False
                self._flushed = time()
                if gap and not self._closed:
                    pieces = _last(pieces, SHOWN)
            if self.fault:
                return
            try:
                self._keep(pieces, gap=gap)
            except OSError as error:
                self.fault = f"its log ends early: {error.strerror or error} ({self._place.file(self._run, 1).parent})"

    def close(self) -> None:
        """Nothing is taken any more; the log is whole, and where it belongs. Calling it again does nothing."""
        with self._lock:
            if self._closed or os.getpid() != self._pid:
                return
            self._split()
            for stream, splitter in self._splitters.items():
                self._take(time(), stream, splitter.rest())
            self._closed = True
        self.flush()
        if self._file is None:
            return
        try:
            self._end.join(self._file)
        except OSError as error:
            self.fault = self.fault or f"the end of its log could not be joined: {error.strerror or error}"
        os.close(self._file)
        if self._place.url:
            self._bring()

    def _split(self) -> None:
        """Cut what was collected into lines."""
        data = bytes(self._batch)
        self._batch.clear()
        if not data:
            return
        splitter = self._splitters.setdefault(self._stream, Splitter())
        for start in range(0, len(data), CHUNK):
            self._take(self._at, self._stream, splitter.feed(data[start : start + CHUNK]))

    def _take(self, moment: float, stream: LogStream, whole: bytes) -> None:
        if not whole:
            return
        piece = Piece(moment, stream, self._offset, whole)
        self._offset += len(whole)
        self._pending.append(piece)
        self._weight += piece.weight
        while self._room <= 0 and self._weight > self._most and len(self._pending) > 1:
            self._weight -= self._pending.popleft().weight
            self._dropped = True

    def _due(self, moment: float) -> bool:
        """Whether to write now; if something waits and it is not time yet, it will be written in time."""
        if not self._pending and not self._batch:
            return False
        if not 0 <= moment - self._flushed < INTERVAL or (self._room > 0 and self._weight > self._most):
            return True
        if not self._promised:
            self._promised = True
            later(self.flush)
        return False

    def _keep(self, pieces: deque[Piece], *, gap: bool) -> None:
        """Write them; `gap`: something before them was left out."""
        lines = [line for piece in pieces for line in written(piece, self._mask)]
        begin = 0
        while self._room > 0 and begin < len(lines):
            self._room -= len(lines[begin][1])
            begin += 1
        if begin:
            self._append(b"".join(raw for _, raw in lines[:begin]))
        if self._room <= 0 and self._end.after is None:
            after = pieces[-1].offset + len(pieces[-1].data)  # where what comes next begins
            self._end.after = lines[begin][0] if begin < len(lines) else after
        if begin < len(lines):
            self._end.keep(lines[begin:], pieces[-1].at, gap=gap)

    def _append(self, raw: bytes) -> None:
        if self._file is None:
            path = self._place.file(self._run, self._attempt)
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC, 0o644)
            raw = head_of(self._run, self._attempt) + raw
        _write(self._file, raw)

    def _bring(self) -> None:
        local = self._place.file(self._run, self._attempt)
        try:
            self._place.store().put(str(local), self._place.url_of(self._run, self._attempt))
        except (OSError, PenstockError) as error:
            self.fault = self.fault or f"its log stays at {local}: {error}"
            return
        with suppress(OSError):
            local.unlink()
            local.parent.rmdir()


def _last(pieces: deque[Piece], most: int) -> deque[Piece]:
    """The last ones, of at most so many bytes; one at least."""
    kept: deque[Piece] = deque()
    weight = 0
    while pieces and (not kept or weight + pieces[-1].weight <= most):
        kept.appendleft(pieces.pop())
        weight += kept[0].weight
    return kept


class _End:
    """The end of what an attempt wrote, in one or two files of at most `most` bytes each; `after` is the offset up to
    which the beginning has everything, None before that is full."""

    def __init__(self, log: Path, most: int) -> None:
        self._log, self._most = log, most
        self._files: list[Path] = []
        self._room = 0
        self.after: int | None = None

    def keep(self, lines: list[tuple[int, bytes]], at: float, *, gap: bool) -> None:
        """Put these after what is there, or instead of it where something was left out between."""
        total, first = 0, len(lines)
        while first and total + len(lines[first - 1][1]) <= self._most:
            first -= 1
            total += len(lines[first][1])
        if first == len(lines):  # one that is longer than all of it
            first, total = len(lines) - 1, len(lines[-1][1])
        if first or gap or total > self._room or not self._files:
            stays = [] if first or gap else self._files[-1:]
            goes = [one for one in self._files if one not in stays]
            new = self._begin(lines[first][0], at)
            self._files = [*stays, new]
            for one in goes:
                one.unlink()
            self._room = self._most
        with self._files[-1].open("ab") as file:
            file.write(b"".join(raw for _, raw in lines[first:]))
        self._room -= total

    def _begin(self, offset: int, at: float) -> Path:
        """A file that begins with how much is left out before it, should it be the first that is left."""
        assert self.after is not None, "the beginning is full"
        path = self._log.with_name(f"{self._log.stem}.end-{offset:018}")
        path.write_bytes(note(at, self.after, f"{offset - self.after:,} bytes of the attempt were left out here"))
        return path

    def join(self, file: int) -> None:
        """Bring it all behind the beginning; where nothing lies between, nothing says so."""
        for number, one in enumerate(self._files):
            with one.open("rb") as end:
                said = end.readline()
                if not number and int(one.name.rpartition("-")[2]) > (self.after or 0):
                    _write(file, said)
                _write(file, end.read())
        for one in self._files:
            one.unlink()


def _write(file: int, raw: bytes) -> None:
    left = memoryview(raw)
    while left:
        left = left[os.write(file, left) :]
