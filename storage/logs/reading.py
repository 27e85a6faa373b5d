"""Reading a log: of an attempt that has ended, of one at work, and of one whose process died. Changes nothing."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from ..types import LogStream
from .lines import Line, read_line
from .places import CLEANED, LogPlace

_LAST = 256 * 1024
"""Bytes at the end of a file in which its last lines are looked for."""


class LogReader:
    """Reads the log of one attempt, also while it is written: each line once.

    Attributes
    ----------
    found: whether anything has been read.
    """

    def __init__(self, place: LogPlace, run_id: str, attempt: int) -> None:
        self._place, self._run, self._attempt = place, run_id, attempt
        self._file = place.file(run_id, attempt)
        self._position = 0  # bytes of the file on this machine that were read
        self._last = -1  # offset of the last line that was
        self.found = False

    def more(self) -> Iterator[Line]:
        """The lines that have come since the last time, oldest first.

        Raises
        ------
        OSError: it is at a URL that cannot be asked. MissingExtra: nobody knows its protocol.
        """
        raw = self._new()
        ends = self._ends()
        yield from self._lines(raw)
        for number, (begin, raw) in enumerate(ends):
            said, _, rest = raw.partition(b"\n")
            line = read_line(said + b"\n")
            if line is None:
                continue
            if not number and begin > max(line.offset, self._last):
                # Whoever has read of the end already has missed other lines than those that the note counts.
                told = line if line.offset > self._last else replace(line, text="lines were left out here")
                yield told
            yield from self._lines(rest)

    def _new(self) -> bytes:
        """Whole lines of the file that were not read before."""
        try:
            with self._file.open("rb") as file:
                file.seek(self._position)
                raw = file.read()
        except FileNotFoundError:
            return b"" if not self._place.url else self._brought()
        raw = raw[: raw.rfind(b"\n") + 1]
        self._position += len(raw)
        return raw

    def _brought(self) -> bytes:
        return self._place.store().read(self._place.url_of(self._run, self._attempt)) or b""

    def _ends(self) -> list[tuple[int, bytes]]:
        """The files of the end, each with the offset at which it begins; read after the beginning: what is joined in
        between is read at the next time."""
        found: list[tuple[int, bytes]] = []
        for path in sorted(self._file.parent.glob(f"{self._file.stem}.end-*")):
            with suppress(FileNotFoundError):
                found.append((int(path.name.rpartition("-")[2]), path.read_bytes()))
        return found

    def _lines(self, raw: bytes) -> Iterator[Line]:
        for one in raw.splitlines(keepends=True) if raw.isascii() else (f"{x}\n".encode() for x in _split(raw)):
            self.found = True
            line = read_line(one)
            if line is not None and line.offset > self._last:
                self._last = line.offset
                yield line


def _split(raw: bytes) -> list[str]:
    return raw.decode("utf-8", "replace").split("\n")[:-1]


def tail_of(place: LogPlace, run_id: str, attempt: int, *, lines: int = 20) -> tuple[str, ...]:
    """The last lines that an attempt wrote, without time and stream: what goes with its error. Costs the end of a file
    of this machine; () when nothing was written, or nothing is here any more."""
    path = place.file(run_id, attempt)
    last: deque[str] = deque(maxlen=lines)
    for one in (path, *sorted(path.parent.glob(f"{path.stem}.end-*"))):
        for raw in _last_of(one).split(b"\n"):
            line = read_line(raw + b"\n")
            if line is not None and line.stream is not LogStream.NOTE:
                last.append(line.text)
    return tuple(last)


def _last_of(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - _LAST))
            raw = file.read()
    except OSError:
        return b""
    return raw if size <= _LAST else raw[raw.find(b"\n") + 1 :]


def cleaned_to(place: LogPlace) -> str:
    """The id of the newest run whose log was removed for its age or size; "" when none was."""
    try:
        if place.url:
            return (place.store().read(f"{place.url}/{CLEANED}") or b"").decode().strip()
        return (place.folder / CLEANED).read_text(encoding="ascii").strip()
    except FileNotFoundError:
        return ""
