"""Types of columns as text and back: what a version says of its columns, so that CSV and NDJSON are read as they were
written. Parses a closed list of names; evaluates nothing.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any, cast

import polars as pl

from ...manifest import Column

_SIMPLE: dict[str, pl.DataType] = {
    str(dtype()): dtype()
    for dtype in (
        *(pl.Int8, pl.Int16, pl.Int32, pl.Int64, pl.Int128),
        *(pl.UInt8, pl.UInt16, pl.UInt32, pl.UInt64, pl.UInt128),
        *(
            pl.Float16,
            pl.Float32,
            pl.Float64,
            pl.Boolean,
            pl.String,
            pl.Binary,
            pl.Date,
            pl.Time,
            pl.Null,
            pl.Categorical,
        ),
    )
}
_MADE: dict[str, Callable[..., pl.DataType]] = {
    "Datetime": pl.Datetime,
    "Duration": pl.Duration,
    "Decimal": pl.Decimal,
    "Enum": pl.Enum,
    "List": pl.List,
    "Array": pl.Array,
    "Struct": pl.Struct,
}


def schema_of(columns: tuple[Column, ...] | None) -> dict[str, pl.DataType] | None:
    """The polars schema of columns; None where there are none or a type is unknown to this polars."""
    if columns is None:
        return None
    types = {column.name: dtype_of(column.type) for column in columns}
    return None if None in types.values() else cast("dict[str, pl.DataType]", types)


def dtype_of(text: str) -> pl.DataType | None:
    """The type whose `str` is `text`; None where it is unknown.

    >>> dtype_of("List(Struct({'a': Int64}))")
    List(Struct({'a': Int64}))
    """
    try:
        return cast("pl.DataType", _value(ast.parse(text, mode="eval").body))
    except (SyntaxError, KeyError, TypeError, ValueError, RecursionError):
        return None


def _value(node: ast.expr) -> Any:
    match node:
        case ast.Constant():
            return node.value
        case ast.Name():
            return _SIMPLE[node.id]
        case ast.List():
            return [_value(item) for item in node.elts]
        case ast.Tuple():
            return tuple(_value(item) for item in node.elts)
        case ast.Dict():
            return {
                _value(cast("ast.expr", key)): _value(item) for key, item in zip(node.keys, node.values, strict=True)
            }
        case ast.Call(func=ast.Name(id=name)):
            arguments = [_value(item) for item in node.args]
            return _MADE[name](*arguments, **{str(item.arg): _value(item.value) for item in node.keywords})
        case _:
            raise KeyError(ast.dump(node))
