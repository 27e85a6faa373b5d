"""Several values as one: frames and tables of partitions one behind the other, with their keys as a column if asked.

Columns are brought together by their names; a column that one of them lacks is null there, and types are widened.
The libraries are loaded when a value needs them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from importlib import import_module
from typing import Any

from ..errors import ValueMismatch
from ..types import ValueKind


def joined(
    values: Iterable[tuple[str, Any]], kind: ValueKind, *, column: str | None = None, name: str = "several"
) -> Any:
    """The values of these keys as one value of the form, in their order; `column` is added in front and holds the key.

    An iterator of frames is read as it is consumed.

    Parameters
    ----------
    name: what messages call the input.

    Raises
    ------
    ValueMismatch: one of the values has a column of that name already.
    """
    if kind is ValueKind.FRAMES:
        return _one_by_one(values, column, name)
    if kind is ValueKind.TABLE:
        pa = import_module("pyarrow")
        tables = [_keyed_table(pa, table, key, column, name) for key, table in values]
        return pa.concat_tables(tables, promote_options="permissive")
    pl, lazy = import_module("polars"), kind is ValueKind.LAZY_FRAME
    return pl.concat([_keyed(pl, frame, key, column, name, lazy=lazy) for key, frame in values], how="diagonal_relaxed")


def _one_by_one(values: Iterable[tuple[str, Any]], column: str | None, name: str) -> Iterator[Any]:
    pl = import_module("polars")
    for key, frames in values:
        for frame in frames:
            yield _keyed(pl, frame, key, column, name)


def _keyed(pl: Any, frame: Any, key: str, column: str | None, name: str, *, lazy: bool = False) -> Any:
    if column is None:
        return frame
    _require_free(column, frame.collect_schema().names() if lazy else frame.columns, name, key)
    return frame.select(pl.lit(key).alias(column), pl.all())


def _keyed_table(pa: Any, table: Any, key: str, column: str | None, name: str) -> Any:
    if column is None:
        return table
    _require_free(column, table.column_names, name, key)
    return table.add_column(0, column, pa.array([key] * table.num_rows, pa.string()))


def _require_free(column: str, there: Sequence[str], name: str, key: str) -> None:
    """Nothing is called as the column of keys is to be."""
    if column in there:
        raise ValueMismatch(
            f"input {name} {key} has a column {column!r} already, and keyed({column!r}) is to add one of that name",
            hint=f"Choose another: keyed({f'{column}_key'!r}). It has: {', '.join(there)}.",
        )
