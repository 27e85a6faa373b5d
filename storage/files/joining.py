"""Several values as one: frames and tables of partitions one behind the other, with their keys as a column if asked.

Columns are brought together by their names; a column that one of them lacks is null there, and types are widened.
The libraries are loaded when a value needs them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from importlib import import_module
from typing import Any

from ..types import ValueKind


def joined(values: Iterable[tuple[str, Any]], kind: ValueKind, *, column: str | None = None) -> Any:
    """The values of these keys as one value of the form, in their order; `column` is added in front and holds the key.

    An iterator of frames is read as it is consumed.
    """
    if kind is ValueKind.FRAMES:
        return _one_by_one(values, column)
    if kind is ValueKind.TABLE:
        pa = import_module("pyarrow")
        tables = [_keyed_table(pa, table, key, column) for key, table in values]
        return pa.concat_tables(tables, promote_options="permissive")
    pl = import_module("polars")
    return pl.concat([_keyed(pl, frame, key, column) for key, frame in values], how="diagonal_relaxed")


def _one_by_one(values: Iterable[tuple[str, Any]], column: str | None) -> Iterator[Any]:
    pl = import_module("polars")
    for key, frames in values:
        for frame in frames:
            yield _keyed(pl, frame, key, column)


def _keyed(pl: Any, frame: Any, key: str, column: str | None) -> Any:
    return frame if column is None else frame.select(pl.lit(key).alias(column), pl.all())


def _keyed_table(pa: Any, table: Any, key: str, column: str | None) -> Any:
    return table if column is None else table.add_column(0, column, pa.array([key] * table.num_rows, pa.string()))
