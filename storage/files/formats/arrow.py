"""Arrow IPC files: uncompressed, so that readers map them instead of loading them.

Deterministic for flat types: what lies in memory behind a null is written too, so it is set to zero first. Behind nulls
inside nested types it stays as it lies: there, equal frames that were made in different ways can differ in bytes.
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
            with pa.memory_map(source.path) as file:
                return pa.ipc.open_file(file).read_all()
        return frames.read(_scan(source.path), kind)

    def contents(self, path: str, columns: tuple[Column, ...] | None) -> Contents:
        """Rows and columns as the footer states them."""
        scan = _scan(path)
        return Contents(rows=frames.rows_in(scan), columns=frames.columns_of(scan.collect_schema()))


def _scan(path: str) -> pl.LazyFrame:
    return pl.scan_ipc(path, glob=False, hive_partitioning=False)


def _settled(frame: pl.DataFrame) -> pl.DataFrame:
    """An equal frame whose memory says nothing of how it was made: zeros behind nulls, no bits behind the last row."""
    flat = [name for name, dtype in frame.schema.items() if _has_zero(dtype)]
    zeroed = frame.with_columns(_zero_behind_nulls(cs.by_name(name)).alias(name) for name in flat)
    return zeroed.select(pl.all().gather(pl.int_range(pl.len())))  # the same rows in new memory


def _has_zero(dtype: pl.DataType) -> bool:
    return dtype.is_numeric() or dtype.is_temporal() or dtype == pl.Boolean


def _zero_behind_nulls(column: pl.Expr) -> pl.Expr:
    return pl.when(column.is_null()).then(None).otherwise(column.fill_null(strategy="zero"))
