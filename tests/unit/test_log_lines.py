"""Lines of a log: cut out of chunks, written, masked, read again."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from penstock.storage.logs.lines import LONGEST, Piece, Splitter, head_of, read_line, written
from penstock.storage.types import LogStream

GOLDEN = Path(__file__).parent.parent / "golden" / "attempt.log"
RUN = "01a21ff0-bad5-7000-909d-59475a768353"
AT = datetime(2026, 1, 5, 3, tzinfo=UTC).timestamp()


def texts(data: bytes, stream: LogStream = LogStream.STDOUT, mask=lambda text: text) -> list[str]:
    """The texts of the lines that are written of a piece."""
    found = [read_line(raw) for _, raw in written(Piece(AT, stream, 0, data), mask)]
    return [one.text for one in found if one is not None]


@given(st.lists(st.binary(max_size=40), max_size=20))
def test_lines_do_not_depend_on_where_chunks_end(chunks: list[bytes]) -> None:
    """Cut anywhere, the same bytes give the same lines, and none is lost."""
    splitter, whole = Splitter(), b"".join(chunks)
    found = b"".join(splitter.feed(chunk) for chunk in chunks) + splitter.rest()
    assert found == whole + (b"\n" if whole and not whole.endswith(b"\n") else b"")


def test_a_log_is_written_as_it_always_was() -> None:
    """The golden file is what was persisted by form 1, and is read."""
    pieces = [
        Piece(AT + 0.25, LogStream.STDOUT, 0, b"fetched 3 pages\n"),
        Piece(AT + 0.75, LogStream.LOG, 16, b"warning page 2 is empty\n"),
    ]
    assert GOLDEN.read_bytes() == head_of(RUN, 1) + b"".join(raw for one in pieces for _, raw in written(one))
    lines = [read_line(raw) for raw in GOLDEN.read_bytes().splitlines(keepends=True)]
    assert [None if one is None else (one.stream, one.level, one.offset, one.text) for one in lines] == [
        None,
        ("stdout", "", 0, "fetched 3 pages"),
        ("log", "warning", 16, "page 2 is empty"),
    ]


def test_what_a_bar_of_progress_went_back_over_is_not_kept() -> None:
    """A carriage return leaves what a terminal would show; one before the break is a part of it."""
    assert texts(b" 10 %\r 20 %\r100 %\nnext\r\n") == ["100 %", "next"]


def test_a_bar_without_a_break_costs_no_memory() -> None:
    """What goes on and on in one line is held back up to its newest state."""
    splitter = Splitter()
    assert b"".join(splitter.feed(b"\r%3d %%" % (number % 100)) for number in range(40_000)) == b""
    assert len(splitter.rest()) <= LONGEST + 1


def test_a_line_that_never_ends_is_cut() -> None:
    """A megabyte without a break is lines of 64 KiB."""
    splitter = Splitter()
    found = b"".join(splitter.feed(b"x" * 10_000) for _ in range(100)) + splitter.rest()
    assert found.count(b"x") == 1_000_000
    assert max(len(line) for line in found.split(b"\n")) <= LONGEST + 10_000
    assert max(len(one) for one in texts(b"x" * 200_000 + b"\n")) == LONGEST


def test_what_is_no_text_is_told_byte_by_byte() -> None:
    """Bytes that are no UTF-8 stay readable."""
    assert texts(b"caf\xe9 \xc3\xa9\n") == ["caf\\xe9 é"]


def test_a_secret_of_several_lines_is_masked() -> None:
    """The mask sees all that came together."""
    secret = "BEGIN\nKEY"
    assert texts(b"a BEGIN\nKEY b\nc\n", mask=lambda text: text.replace(secret, "***")) == ["a *** b", "c"]


def test_a_line_that_was_cut_off_is_none() -> None:
    """What a crash left without its break is passed over."""
    assert read_line(b"2026-01-05T03:00:00.250000Z stdout - 0 fetch") is None
