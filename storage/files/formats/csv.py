"""CSV: rows without types, for people and other programs; the first line names the columns.

The file says nothing of types, so a version does: it is read as its writer had it. A file that others wrote, or a
producer as text, is inferred from its first 16 MiB. Types that do not come back equal are refused when writing.

CSV is UTF-8 here. Any bytes make a table of some sort to polars, so what is no text is refused before it sees them.
"""

from __future__ import annotations

import csv
import os
from dataclasses import replace
from typing import Any, cast

import polars as pl
import polars.selectors as cs

from ...manifest import Column
from ...types import ValueKind
from . import frames
from .dtypes import schema_of
from .seam import Contents, Output, Source

_UNHELD = (pl.Binary, pl.Duration, pl.List, pl.Array, pl.Struct, pl.Object)


class Csv:
    """`.csv`"""

    def write(self, value: Any, kind: ValueKind, output: Output) -> tuple[Column, ...] | None:
        """Sink the frame in streaming mode, in order; or a text as it is."""
        return frames.write_lines(value, kind, output, pl.LazyFrame.sink_csv, holds=_holds)

    def read(self, source: Source, kind: ValueKind) -> Any:
        """Scan it with the columns of its version; or the text as it stands."""
        return frames.read_lines(source, kind, _scan)

    def contents(self, source: Source) -> Contents:
        """Rows counted; columns as their writer stated them, else inferred."""
        if source.given:
            return _looked_into(source)
        return frames.stated_or_inferred(source, _scan, _rows)


def _holds(dtype: pl.DataType) -> bool:
    return not isinstance(dtype, _UNHELD)


def _rows(source: Source, columns: tuple[Column, ...]) -> int:
    """Counted by reading the first column as text, piece by piece.

    Not by `pl.len()`, nor by the length of a column, which becomes that: for it polars maps the whole file, or copies
    it to a temporary one first.
    """
    texts = tuple(Column(name=column.name, type="String") for column in columns)
    scan = _scan(replace(source, columns=texts, foreign=True))
    counted = scan.select(pl.nth(0).count() + pl.nth(0).null_count()).collect(engine="streaming")
    return cast("int", counted.item())


def _looked_into(source: Source) -> Contents:
    """Rows and columns of what a producer gave as it is, every field of which has been read.

    Raises
    ------
    ValueError: it is no CSV; the text says which line is not like the first, where one is.
    polars.exceptions.PolarsError: else, as polars says it: a field that is not of the type that its column began with.
    """
    try:
        columns = frames.columns_of(_scan(source).collect_schema())
        scan = _scan(replace(source, columns=columns, foreign=True))
        counted = scan.select(pl.all().count() + pl.all().null_count()).collect(engine="streaming")
    except pl.exceptions.PolarsError as error:
        if os.path.getsize(source.path) == 0:
            raise ValueError("it is empty, and the first line of a CSV names its columns") from error
        if uneven := _uneven(source.path):
            raise ValueError(uneven) from error
        raise
    return Contents(rows=cast("int", counted.row(0)[0]), columns=columns)


def _uneven(path: str) -> str:
    """The first line that has more fields than the first one, or no end; "" where there is none."""
    with open(path, encoding="utf-8", errors="replace", newline="") as file:
        rows = csv.reader(file, strict=True)
        try:
            width = len(next(rows, ()))
            for row in rows:
                if len(row) > width:
                    return f"line {rows.line_num} has {len(row)} fields, and the first line names {width} columns"
        except csv.Error as error:
            return f"line {rows.line_num}: {error}"
    return ""


def _scan(source: Source) -> pl.LazyFrame:
    schema = schema_of(source.columns)
    if schema is None:
        beginning = frames.beginning(source.path)
        _require_text(source.path, beginning)
        schema = dict(pl.scan_csv(beginning, infer_schema_length=None).collect_schema())
    untyped = [name for name, dtype in schema.items() if dtype == pl.Null]  # the reader knows no type of nulls alone
    read_as = {name: pl.String() if name in untyped else dtype for name, dtype in schema.items()}
    # The header is skipped, not read: polars does not undo the quoting of a name and would not find it in the schema.
    scan = pl.scan_csv(source.address, glob=False, schema=read_as, has_header=False, skip_rows=1)
    return scan.with_columns(cs.by_name(untyped).cast(pl.Null))


def _require_text(path: str, beginning: bytes) -> None:
    """What is inferred from is text with a first line that can name columns.

    A single NUL further down may be somebody's data and is left to polars; at the end of a file it is what a crash of
    a machine leaves of bytes that did not reach the disk.

    Raises
    ------
    ValueError: it is not; the text says what was found, and where.
    """
    if beginning.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise ValueError("it is UTF-16; CSV is read as UTF-8 alone, so save it as UTF-8")
    header = beginning.lstrip(b"\r\n").partition(b"\n")[0]
    if b"\0" in header:
        raise ValueError("its first line has NUL bytes, so it is binary or UTF-16; CSV is text in UTF-8")
    try:
        beginning.decode()
    except UnicodeDecodeError as error:
        line = beginning.count(b"\n", 0, error.start) + 1
        raise ValueError(
            f"byte {beginning[error.start]:#04x} at offset {error.start} (line {line}) is no UTF-8, and CSV is read as "
            "UTF-8 alone; if it is text in another encoding (Latin-1, Windows-1252), save it as UTF-8"
        ) from error
    if _last(path, 8) == bytes(8):
        raise ValueError("it ends in NUL bytes: its end was never written")


def _last(path: str, count: int) -> bytes:
    with open(path, "rb") as file:
        file.seek(-min(count, file.seek(0, os.SEEK_END)), os.SEEK_END)
        return file.read(count)
