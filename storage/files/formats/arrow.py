"""Arrow IPC files: uncompressed, so that readers map them instead of loading them.

Such a file is memory as it lies, and memory has more in it than rows: what was computed behind a null, bits behind the
last row. Flat columns are brought to new memory without it, so that equal columns make equal bytes. Nested columns are
written as they lie: there, equal frames that were made in different ways can differ in bytes. Parquet has no such
limit.
"""

from __future__ import annotations

from typing import Any

import polars as pl
import polars.selectors as cs
import pyarrow

from ...manifest import Column
from ...types import ValueKind
from . import frames
from .seam import Contents, Output, Source

pa: Any = pyarrow  # states no types
BATCH_ROWS = 1 << 17


class Arrow:
    """`.arrow`, `.feather`"""

    def write(self, value: Any, kind: ValueKind, output: Output) -> tuple[Column, ...] | None:
        """Sink the frame in streaming mode, in order, in the oldest dialect: any Arrow library reads it."""

        def write(frame: pl.LazyFrame) -> None:
            with output.appended():
                frame.map_batches(_settled, streamable=True).sink_ipc(
                    output.path,
                    compression="uncompressed",
                    compat_level=pl.CompatLevel.oldest(),
                    record_batch_size=BATCH_ROWS,
                    maintain_order=True,
                    engine="streaming",
                )

        return frames.sink(value, kind, write, holds=frames.everything)

    def read(self, source: Source, kind: ValueKind) -> Any:
        """Scan it; a table is mapped by pyarrow, which knows types that polars does not."""
        if kind is ValueKind.TABLE:
            with pa.OSFile(source.path) if source.foreign else pa.memory_map(source.path) as file:
                return pa.ipc.open_file(file).read_all()
        return frames.read(_scan(source), kind)

    def contents(self, source: Source) -> Contents:
        """Rows and columns as the footer states them."""
        scan = _scan(source)
        return Contents(rows=frames.rows_in(scan), columns=frames.columns_of(scan.collect_schema()))


def _scan(source: Source) -> pl.LazyFrame:
    return pl.scan_ipc(source.address, glob=False, hive_partitioning=False)


def _settled(frame: pl.DataFrame) -> pl.DataFrame:
    """An equal frame whose flat columns lie in new memory, with zeros behind nulls and behind the last row."""
    flat = [
        name for name, dtype in frame.schema.items() if not dtype.is_nested() and not isinstance(dtype, _WITHOUT_ZERO)
    ]
    zeroed = frame.with_columns(_zero_behind_nulls(cs.by_name(name)).alias(name) for name in flat)
    # Eight rows of nulls, a bit each, so that the last byte of a bitmap ends with theirs and not with anything else.
    byte = pl.DataFrame({name: [None] * 8 for name in frame.columns}, schema=frame.schema)
    return pl.concat([zeroed, byte]).rechunk()[: frame.height]


_WITHOUT_ZERO = (pl.Categorical, pl.Enum, pl.Null)


def _zero_behind_nulls(column: pl.Expr) -> pl.Expr:
    return pl.when(column.is_null()).then(None).otherwise(column.fill_null(strategy="zero"))
