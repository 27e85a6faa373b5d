"""NDJSON: one JSON value a line; as a frame, one object a line.

As a frame it is written and read by polars, with the types of its version as for CSV. As JSON it is a list, one item a
line, each in the canonical spelling. One text is no list of items: whoever has the lines as text already gives them as
bytes. NaN and infinities are refused: JSON cannot hold them.
"""

from __future__ import annotations

import json
from typing import Any, cast

import polars as pl
import polars.selectors as cs

from ...manifest import Column
from ...types import ValueKind
from ..json_types import article
from . import frames
from .dtypes import schema_of
from .json import encode
from .seam import Contents, Output, Source, Unfit
from .wellformed import require_json_lines

_UNHELD = (pl.Binary, pl.Duration, pl.Time, pl.Object, pl.UInt128)
_SMALL = (pl.Int8, pl.Int16, pl.UInt8, pl.UInt16)
_READ_AS: dict[type[pl.DataType], pl.DataType] = {**dict.fromkeys(_SMALL, pl.Int64()), pl.Decimal: pl.String()}
"""What polars' reader must be told instead of a type it does not know; the column is cast afterwards."""


class NdJson:
    """`.ndjson`, `.jsonl`"""

    def write(self, value: Any, kind: ValueKind, output: Output) -> tuple[Column, ...] | None:
        """Sink the frame in streaming mode, in order; or write a list item by item."""
        if kind is ValueKind.JSON:
            _write_items(value, output)
            return None
        return frames.write_lines(value, kind, output, _sink, holds=_holds)

    def read(self, source: Source, kind: ValueKind) -> Any:
        """Scan it with the columns of its version; or the list of its lines."""
        if kind is ValueKind.JSON:
            with open(source.path, "rb") as file:
                return [json.loads(line) for line in file if line.strip()]
        return frames.read_lines(source, kind, _scan)

    def contents(self, source: Source) -> Contents:
        """Rows counted; columns as their writer stated them, else inferred."""
        if source.given:
            require_json_lines(source.path)
        return frames.stated_or_inferred(source, _scan, _rows)


def _write_items(value: Any, output: Output) -> None:
    if not isinstance(value, list | tuple):
        raise Unfit(f"the value is {article(type(value).__name__)}, not a list; each of its items becomes a line")
    for item in cast("list[Any]", value):
        output.write(encode(item) + b"\n")
    output.write(b"")  # an empty list is an empty file


def _sink(frame: pl.LazyFrame, path: str, **settings: Any) -> None:
    frame.map_batches(_finite, streamable=True).sink_ndjson(path, **settings)


def _finite(frame: pl.DataFrame) -> pl.DataFrame:
    for series in frame:
        if series.dtype.is_float() and not (series.is_finite().all()):
            raise Unfit(
                f"its column {series.name!r} has NaN or an infinity, which JSON cannot hold; fill it first",
                hint=f"pl.col({series.name!r}).fill_nan(None) makes nulls of NaN, which JSON has.",
            )
    return frame


def _holds(dtype: pl.DataType) -> bool:
    if isinstance(dtype, pl.List | pl.Array):
        return _holds_inside(dtype.inner)
    if isinstance(dtype, pl.Struct):
        return all(_holds_inside(field.dtype) for field in dtype.fields)
    return not isinstance(dtype, _UNHELD)


def _holds_inside(dtype: Any) -> bool:
    return _holds(dtype) and not isinstance(dtype, tuple(_READ_AS))


def _rows(source: Source, _: tuple[Column, ...]) -> int:
    with open(source.path, "rb") as file:
        return sum(not line.isspace() for line in file)


def _scan(source: Source) -> pl.LazyFrame:
    schema = schema_of(source.columns)
    if schema is None:
        schema = dict(pl.scan_ndjson(frames.beginning(source.path), infer_schema_length=None).collect_schema())
    read_as = {name: _READ_AS.get(type(dtype), dtype) for name, dtype in schema.items()}
    cast_back = [cs.by_name(name).cast(dtype) for name, dtype in schema.items() if read_as[name] is not dtype]
    return pl.scan_ndjson(source.url, schema=read_as).with_columns(cast_back)
