"""Whether bytes that somebody else wrote are JSON, lines of JSON, or text in UTF-8; and where they are not.

What a producer gives as bytes or as a path is looked into before it is published, so that no reader is the one who
finds it torn. What is small is parsed by the `json` module; what is larger goes piece by piece through the grammar of
RFC 8259, so that memory is bounded: by `SMALL` and by the longest single text in it. Nothing is kept of what is read.

Strict where the `json` module is lenient: NaN and infinities are no JSON, and JSON is UTF-8.
"""

from __future__ import annotations

import codecs
import json
import re
import sys
from collections.abc import Iterable, Iterator
from typing import BinaryIO, NoReturn

SMALL = 1 << 22
"""Bytes that are read, and parsed, at once; a value of Python takes some ten times as much."""
_TOKEN = 1 << 13
"""Longer than this is no number, no word and no sign."""
_DEPTH = 500
"""How deep values may be nested, where they are not parsed at once: the `json` module reads some 900."""


class Malformed(ValueError):
    """Bytes are not what their suffix says: what was found, and where."""

    def __init__(self, found: str, line: int, column: int) -> None:
        super().__init__(f"{found}: line {line} column {column}")


def require_json(path: str, *, at_once: int = SMALL) -> None:
    """The file holds one JSON value.

    Raises
    ------
    Malformed: it does not, or is no UTF-8.
    ValueError, RecursionError: Python cannot read a number, or values that are nested so deep.
    """
    with open(path, "rb") as file:
        beginning = file.read(at_once)
        if len(beginning) < at_once:
            _parse(beginning)
        else:
            _Walk(_pieces(beginning, file, at_once)).walk()


def require_json_lines(path: str, *, at_once: int = SMALL) -> None:
    """Each line of the file holds one JSON value, or nothing. Raises as `require_json` does."""
    with open(path, "rb") as file:
        number = 0
        while line := file.readline(at_once):
            number += 1
            if len(line) < at_once or line.endswith(b"\n"):
                if not line.isspace():
                    _parse(line, number)
            else:
                _Walk(_rest_of_line(line, file, at_once), number).walk()


def require_text(path: str, *, at_once: int = SMALL) -> None:
    """The file is UTF-8.

    Raises
    ------
    Malformed: it is not.
    """
    with open(path, "rb") as file:
        for _ in _decoded(_pieces(b"", file, at_once), 1):
            pass


def _pieces(beginning: bytes, file: BinaryIO, size: int) -> Iterator[bytes]:
    yield beginning
    while piece := file.read(size):
        yield piece


def _rest_of_line(beginning: bytes, file: BinaryIO, size: int) -> Iterator[bytes]:
    piece = beginning
    while piece:
        yield piece
        piece = b"" if piece.endswith(b"\n") else file.readline(size)


def _decoded(pieces: Iterable[bytes], line: int) -> Iterator[bytes]:
    """The pieces, each as long as all before it are UTF-8."""
    decoder, column = codecs.getincrementaldecoder("utf-8")(), 1
    for piece in pieces:
        try:
            decoder.decode(piece)
        except UnicodeDecodeError as error:
            # Of a character that began in the piece before, the decoder counts from there.
            _refuse_byte(error.object, error.start, line, column)
        yield piece
        line, column = _moved(piece, line, column)
    try:
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        _refuse_byte(error.object, error.start, line, column)


def _refuse_byte(data: bytes, at: int, line: int, column: int) -> NoReturn:
    raise Malformed(f"byte {data[at]:#04x} is no UTF-8", *_moved(data[:at], line, column)) from None


def _moved(data: bytes, line: int, column: int) -> tuple[int, int]:
    """Line and column, in bytes, behind `data`."""
    lines = data.count(b"\n")
    return line + lines, len(data) - data.rfind(b"\n") if lines else column + len(data)


def _constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is no JSON: write null, or leave it out")


_DECODER = json.JSONDecoder(parse_constant=_constant)


def _parse(data: bytes, line: int = 1) -> None:
    data = data.removeprefix(codecs.BOM_UTF8)
    try:
        _DECODER.decode(data.decode())
    except UnicodeDecodeError as error:
        _refuse_byte(data, error.start, line, 1)
    except json.JSONDecodeError as error:
        raise Malformed(error.msg, line + error.lineno - 1, error.colno) from None


def _held(pattern: bytes, many: bytes) -> bytes:
    """So many of them, of which nothing is given back once it is taken. Before Python 3.11.5 a possessive repeat of a
    group that may go back itself ends too early; what is right there too holds several times as much memory."""
    repeated = rb"(?:" + pattern + rb")" + many
    return repeated + rb"+" if sys.version_info >= (3, 11, 5) else rb"(?>" + repeated + rb")"


_STRING = rb'"' + _held(rb'[^"\\\x00-\x1f]++|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})', rb"*") + rb'"'
_NUMBER = rb"-?(?:0|[1-9][0-9]{0,4299}+)" + _held(rb"\.[0-9]++", rb"?") + _held(rb"[eE][+-]?[0-9]++", rb"?")
"""Python reads no longer integer."""
_SCALAR = rb"(?:" + _STRING + rb"|" + _NUMBER + rb"|true|false|null)"
_W = rb"[ \t\n\r]*+"


def _listed(open_: bytes, item: bytes, close: bytes) -> bytes:
    return open_ + _W + _held(item + _W + _held(rb"," + _W + item + _W, rb"*"), rb"?") + close


_KEY = _STRING + _W + rb":" + _W


def _nested(levels: int) -> bytes:
    """A value in which others are nested so many times at most."""
    if not levels:
        return _SCALAR
    inner = _nested(levels - 1)
    items = (_SCALAR, _listed(rb"\[", inner, rb"\]"), _listed(rb"\{", _KEY + inner, rb"\}"))
    return rb"(?:" + rb"|".join(items) + rb")"


_FLAT = _nested(3)
"""What is taken in one step: far faster than from sign to sign."""
_NEXT = _W + rb"," + _W
_SPACE = re.compile(_W)
_ONE = re.compile(_SCALAR + rb"(?=[ \t\n\r,\]}])")
_LAST = re.compile(_SCALAR)
_NAME = re.compile(_KEY)
_RUN = {
    b"[": re.compile(_held(_FLAT + _NEXT, rb"+")),
    b"{": re.compile(_held(_KEY + _FLAT + _NEXT, rb"+")),
}
"""What is followed by a comma, as far as it goes: of a list, and of an object."""
_UNFINISHED = re.compile(_STRING + _W + rb"\Z|" + _STRING[:-1] + rb"(?:\\(?:u[0-9a-fA-F]{0,3})?)?\Z")
_CLOSES = {b"[": b"]", b"{": b"}"}


class _Walk:
    """One JSON value, whose bytes come in pieces."""

    def __init__(self, pieces: Iterable[bytes], line: int = 1) -> None:
        self.pieces = _decoded(pieces, line)
        self.data = next(self.pieces, b"").removeprefix(codecs.BOM_UTF8)
        self.at = 0
        self.ended = False
        self.line, self.column = line, 1
        self.open: list[bytes] = []

    def walk(self) -> None:
        """To the end, or to what is no JSON."""
        expected = "value"
        while expected:
            self.at = self.end_of(_SPACE)
            if self.at == len(self.data) and not self.ended:
                self.more()
            elif expected == "end" and self.at == len(self.data):
                expected = ""
            else:
                expected = self.step(expected) or self.stuck(expected)

    def step(self, expected: str) -> str:
        """What is expected behind the next token; "" where there is none."""
        sign, inside = self.data[self.at : self.at + 1], self.open[-1] if self.open else b""
        if expected == "comma":
            return self.separated(sign, inside)
        if expected == "first" and sign == _CLOSES[inside]:
            return self.closed()
        if expected in ("first", "next") and self.passes(_RUN[inside]):
            return "next"
        if inside == b"{" and expected != "value":
            return "value" if self.passes(_NAME) else ""
        if expected == "end":
            return ""
        if sign in _CLOSES and len(self.open) < _DEPTH:
            self.open.append(sign)
            self.at += 1
            return "first"
        if self.passes(_ONE) or (self.ended and self.last()):
            return self.behind()
        return ""

    def separated(self, sign: bytes, inside: bytes) -> str:
        if sign == b",":
            self.at += 1
            return "next"
        return self.closed() if sign == _CLOSES[inside] else ""

    def closed(self) -> str:
        self.at += 1
        self.open.pop()
        return self.behind()

    def behind(self) -> str:
        return "comma" if self.open else "end"

    def end_of(self, pattern: re.Pattern[bytes]) -> int:
        found = pattern.match(self.data, self.at)
        return self.at if found is None else found.end()

    def passes(self, pattern: re.Pattern[bytes]) -> bool:
        before, self.at = self.at, self.end_of(pattern)
        return self.at > before

    def last(self) -> bool:
        """Whether all that is left is one value."""
        found = _LAST.fullmatch(self.data, self.at)
        self.at = self.at if found is None else found.end()
        return found is not None

    def stuck(self, expected: str) -> str:
        """Read on, where a token may go on; else it is the fault."""
        left = len(self.data) - self.at
        if not self.ended and (left < _TOKEN or _UNFINISHED.match(self.data, self.at)):
            self.more()
            return expected
        raise Malformed(self.found(expected), *_moved(self.data[: self.at], self.line, self.column))

    def found(self, expected: str) -> str:
        if not self.data[self.at :]:
            return "it ends within a value"
        if self.data[self.at : self.at + 1] == b'"' and expected not in ("comma", "end"):
            return "Unterminated or invalid text"
        if self.data[self.at : self.at + 1] in _CLOSES and len(self.open) == _DEPTH:
            return f"Values are nested more than {_DEPTH} deep"
        return {"comma": "Expecting ',' delimiter", "end": "Extra data"}.get(expected, "Expecting value or name")

    def more(self) -> None:
        """As much again as is left to be looked at, so that a long text is not read through too often."""
        self.line, self.column = _moved(self.data[: self.at], self.line, self.column)
        left = self.data[self.at :]
        parts, count = [left], 0
        while count < max(len(left), 1) and not self.ended:
            piece = next(self.pieces, b"")
            self.ended = not piece
            parts.append(piece)
            count += len(piece)
        self.data, self.at = b"".join(parts), 0
