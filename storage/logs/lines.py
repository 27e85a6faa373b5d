"""Lines of a log: bytes as they come, cut into whole lines; how a line is written to the file; how it is read again.

Pure: the time is given. A log is a text file, so that `tail -f` and `grep` serve. Its first line says what it is of;
each further one is `TIME STREAM LEVEL OFFSET TEXT`, with one space between, and the text is the rest:

    # penstock log 1: run 01a21ff0-bad5-7000-909d-59475a768353, attempt 1
    2026-01-05T03:00:00.250000Z stdout - 0 fetched 3 pages
    2026-01-05T03:00:00.750000Z log warning 16 page 2 is empty

The offset is how many bytes of whole lines the attempt had written before, on all streams together: it only grows, so
that whoever reads while it is written knows what is new, and how much a gap left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

from ..types import LogStream

FORM = 1
"""Version of the form of a log; stands in its first line."""
LONGEST = 64 * 1024
"""Bytes: what goes on longer without a line break is broken here."""
OVERHEAD = 56
"""Bytes that time, stream, level and offset add to a line, about."""
EMPTY = "-"
"""Stands for the level where there is none."""

Mask = Callable[[str], str]
"""Text → the text without its secrets."""


def unmasked(text: str) -> str:
    """The text as it is."""
    return text


class Piece(NamedTuple):
    """Whole lines that one stream gave at once.

    `at`: seconds since 1970; `offset`: of its first byte. In a piece of the stream `log` each line begins with its
    level and a space.
    """

    at: float
    stream: LogStream
    offset: int
    data: bytes

    @property
    def weight(self) -> int:
        """Bytes that it takes in the file, about."""
        return len(self.data) + OVERHEAD * self.data.count(b"\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of a log; `level` is "" of what was printed."""

    at: datetime
    stream: LogStream
    level: str
    offset: int
    text: str


class Splitter:
    """Whole lines of one stream, out of chunks of bytes that end wherever they do.

    >>> one = Splitter()
    >>> one.feed(b"a\\nb"), one.feed(b"c"), one.feed(b"\\nd"), one.rest()
    (b'a\\n', b'', b'bc\\n', b'd\\n')
    """

    def __init__(self) -> None:
        self._open = bytearray()

    def feed(self, data: bytes) -> bytes:
        """What has become whole with this chunk; each line has its break. At most `LONGEST` bytes are held back."""
        end = data.rfind(b"\n") + 1
        if end:
            whole = bytes(self._open) + data[:end] if self._open else data[:end]
            self._open[:] = data[end:]
            return whole
        self._open += data
        if len(self._open) <= LONGEST:
            return b""
        # A bar of progress goes back to the beginning of its line again and again: what it had shown is gone.
        back = self._open.rfind(b"\r", 0, len(self._open) - 1) + 1
        del self._open[:back]
        return self.rest() if len(self._open) > LONGEST else b""

    def rest(self) -> bytes:
        """What is held back, as a line; b"" when nothing is."""
        whole = bytes(self._open) + b"\n" if self._open else b""
        self._open.clear()
        return whole


def head_of(run_id: str, attempt: int) -> bytes:
    """The first line of a log."""
    return f"# penstock log {FORM}: run {run_id}, attempt {attempt}\n".encode()


def written(piece: Piece, mask: Mask = unmasked) -> Iterator[tuple[int, bytes]]:
    """The lines of a piece as they are written, each with its offset.

    What is no UTF-8 is written as `\\xff`. Of what a carriage return goes back over, the last is kept: what a terminal
    would show. `mask` is given all lines of the piece at once, since a secret may have several; where it changes
    anything, the offsets count lines.
    """
    plain = piece.data.decode("utf-8", "backslashreplace")
    text = mask(plain)
    kept = text == plain
    stamp, offset = _stamp(piece.at), piece.offset
    lines = text.removesuffix("\n").split("\n")
    for line in lines:
        level, shown = EMPTY, line
        if piece.stream is LogStream.LOG:
            level, _, shown = line.partition(" ")
        if "\r" in shown:
            shown = shown.rstrip("\r").rpartition("\r")[2]
        for start in range(0, len(shown) or 1, LONGEST):
            head = f"{stamp} {piece.stream.value} {level or EMPTY} {offset + start} "
            yield offset + start, f"{head}{shown[start : start + LONGEST]}\n".encode("utf-8", "backslashreplace")
        offset += 1 + ((len(line) if line.isascii() else len(line.encode("utf-8", "replace"))) if kept else 0)


def note(at: float, offset: int, text: str) -> bytes:
    """A line that penstock itself writes into a log."""
    return f"{_stamp(at)} {LogStream.NOTE.value} {EMPTY} {offset} {text}\n".encode()


def read_line(raw: bytes) -> Line | None:
    """A line as it was written; None where it is none: the first one, or one that was cut off by a crash."""
    parts = raw.decode("utf-8", "replace").rstrip("\n").split(" ", 4)
    if not raw.endswith(b"\n") or len(parts) != 5:
        return None
    at, stream, level, offset, text = parts
    try:
        return Line(
            at=datetime.fromisoformat(at),
            stream=LogStream(stream),
            level="" if level == EMPTY else level,
            offset=int(offset),
            text=text,
        )
    except ValueError:
        return None


def _stamp(at: float) -> str:
    """Seconds since 1970 as a text of one width, so that lines stand below each other."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
