"""CSV: rows without types, for people and other programs; the first line names the columns.

The file says nothing of types, so a version does: it is read as its writer had it. A file that others wrote, or a
producer as text, is inferred from its first 16 MiB. Types that do not come back equal are refused when writing.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import polars as pl
import polars.selectors as cs

from ...manifest import Column
from ...types import ValueKind
from . import frames
from .dtypes import schema_of
from .json import to_text
from .seam import Contents, Output, Source

_UNHELD = (pl.Binary, pl.Duration, pl.List, pl.Array, pl.Struct, pl.Object)


class Csv:
    """`.csv`"""

    def write(self, value: Any, kind: ValueKind, output: Output) -> tuple[Column, ...] | None:
        """Sink the frame in streaming mode, in order; or a text as it is."""
        if kind is ValueKind.TEXT:
            output.write(to_text(value))
            return None

        def write(frame: pl.LazyFrame) -> None:
            with output.appended():
                frame.sink_csv(output.path, check_extension=False, maintain_order=True, engine="streaming")

        return frames.sink(value, kind, write, holds=_holds)

    def read(self, source: Source, kind: ValueKind) -> Any:
        """Scan it with the columns of its version; or the text as it stands."""
        if kind is ValueKind.TEXT:
            with open(source.path, "rb") as file:
                return file.read().decode()
        return frames.read(_scan(source), kind)

    def contents(self, source: Source) -> Contents:
        """Rows counted; columns as their writer stated them, else inferred."""
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


def _scan(source: Source) -> pl.LazyFrame:
    schema = schema_of(source.columns)
    if schema is None:
        schema = dict(pl.scan_csv(frames.beginning(source.path), infer_schema_length=None).collect_schema())
    untyped = [name for name, dtype in schema.items() if dtype == pl.Null]  # the reader knows no type of nulls alone
    read_as = {name: pl.String() if name in untyped else dtype for name, dtype in schema.items()}
    # The header is skipped, not read: polars does not undo the quoting of a name and would not find it in the schema.
    scan = pl.scan_csv(source.address, glob=False, schema=read_as, has_header=False, skip_rows=1)
    return scan.with_columns(cs.by_name(untyped).cast(pl.Null))
