"""Parquet: the usual format of frames. States rows, columns and types in the file.

Deterministic: a fixed number of rows per group, a fixed compression, and pages so large that a group's column is one
page: polars cuts pages by an estimate that depends on how a nested column happens to lie in memory.
"""

from __future__ import annotations

from typing import Any

import polars as pl
import pyarrow.parquet

from ...manifest import Column
from ...types import ValueKind
from . import frames
from .seam import Contents, Output, Source

pq: Any = pyarrow.parquet  # states no types
SETTINGS: dict[str, Any] = {
    "compression": "zstd",
    "compression_level": 3,
    "statistics": True,
    "row_group_size": 1 << 17,
    "data_page_size": 1 << 30,
    "maintain_order": True,
    "engine": "streaming",
}
"""What `sink_parquet` is told: everything that decides the bytes."""


class Parquet:
    """`.parquet`"""

    def write(self, value: Any, kind: ValueKind, output: Output) -> tuple[Column, ...] | None:
        """Sink the frame in streaming mode, in order."""

        def write(frame: pl.LazyFrame) -> None:
            with output.appended():
                frame.sink_parquet(output.path, **SETTINGS)

        return frames.sink(value, kind, write, holds=frames.everything)

    def read(self, source: Source, kind: ValueKind) -> Any:
        """Scan it; a table is read by pyarrow, which knows types that polars does not."""
        if kind is ValueKind.TABLE:
            with pq.ParquetFile(source.path) as file:
                return file.read()
        return frames.read(_scan(source), kind)

    def contents(self, source: Source) -> Contents:
        """Rows and columns as the footer states them."""
        scan = _scan(source)
        return Contents(rows=frames.rows_in(scan), columns=frames.columns_of(scan.collect_schema()))


def _scan(source: Source) -> pl.LazyFrame:
    # glob and hive off: a `*` or `year=2024` in a name is a name
    return pl.scan_parquet(
        source.address, glob=False, hive_partitioning=False, storage_options=dict(source.storage_options) or None
    )
