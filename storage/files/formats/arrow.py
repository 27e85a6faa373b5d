"""Arrow IPC files: uncompressed, so that readers map them instead of loading them.

Deterministic: fixed batches, and memory that says nothing of how the frame was made.
"""

from __future__ import annotations

import io
from typing import Any

import polars as pl
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
    """An equal frame whose memory says nothing of how it was made.

    An Arrow file is memory as it lies, and memory has more in it than the rows: what was computed behind nulls, bits
    behind the last row, text that no row points at any more. Parquet states the rows alone, and is read into new memory.
    """
    rows = io.BytesIO()
    frame.write_parquet(rows, compression="uncompressed", statistics=False)
    rows.seek(0)
    return pl.read_parquet(rows).rechunk()
