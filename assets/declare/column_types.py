"""Types of columns as people write them, brought to one spelling: that of polars. Pure; imports no frame library.

Equal types are spelled equally, so that declarations can be compared as text: `"int64"`, `int`, `pl.Int64` and
`pa.int64()` are `Int64`. A type that takes arguments may be written without: `pl.Datetime` is any of them,
`pl.Datetime("us")` one.
"""

from __future__ import annotations

import ast
import datetime
import difflib
import types
import typing
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, cast

from ...storage.files.formats.spelling import ARGUMENTS, DEFAULTS

_WITHOUT_ARGUMENTS = (
    "Int8", "Int16", "Int32", "Int64", "Int128", "UInt8", "UInt16", "UInt32", "UInt64", "UInt128", "Float16", "Float32",
    "Float64", "Boolean", "String", "Binary", "Date", "Time", "Categorical", "Null",
)  # fmt: skip
TYPES = (*_WITHOUT_ARGUMENTS, *sorted(ARGUMENTS))
"""Every name that there is."""

_ALIASES = {
    "int": "Int64", "integer": "Int64", "long": "Int64", "bigint": "Int64", "smallint": "Int16", "tinyint": "Int8",
    "float": "Float64", "double": "Float64", "halffloat": "Float16", "bool": "Boolean", "str": "String",
    "text": "String", "utf8": "String", "varchar": "String", "large_string": "String", "string_view": "String",
    "bytes": "Binary", "blob": "Binary", "large_binary": "Binary", "binary_view": "Binary", "date32": "Date",
    "timestamp": "Datetime", "timedelta": "Duration", "category": "Categorical", "dictionary": "Categorical",
    "none": "Null", "tuple": "List", "large_list": "List", "dict": "Struct", "object": "Struct", "numeric": "Decimal",
}  # fmt: skip
"""How else a name is written, in small letters."""
_NAMED = {**{name.lower(): name for name in TYPES}, **_ALIASES}
_NAMED.update({f"{short}{bits}": f"{long}{bits}" for short, long in (("i", "Int"), ("u", "UInt"), ("f", "Float"))
               for bits in (8, 16, 32, 64, 128) if f"{long}{bits}" in TYPES})  # fmt: skip
_PYTHON: Mapping[object, str] = {
    int: "Int64", float: "Float64", bool: "Boolean", str: "String", bytes: "Binary", Decimal: "Decimal",
    datetime.date: "Date", datetime.datetime: "Datetime", datetime.time: "Time", datetime.timedelta: "Duration",
    list: "List", tuple: "List", dict: "Struct",
}  # fmt: skip
_LIBRARIES = {"pl", "polars", "pa", "pyarrow", "np", "numpy", "datetime", "decimal", "typing"}


class UnknownType(Exception):
    """There is no such type; the text is what was written, `hint` the names that there are, the nearest first."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        likeness = difflib.SequenceMatcher(b=text.lower())

        def distance(name: str) -> float:
            likeness.set_seq1(name.lower())
            return -likeness.ratio()

        nearest = difflib.get_close_matches(text.lower(), _NAMED, n=1, cutoff=0.7)
        likely = [_NAMED[name] for name in nearest]
        known = dict.fromkeys([*likely, *sorted(TYPES, key=distance)])
        guess = f"Did you mean {likely[0]!r}? " if likely else ""
        self.hint = f"{guess}There are: {', '.join(known)}; e.g. List(Int64), Datetime('us', 'UTC')."


def spelled(kind: object) -> str:
    """A type of a column, given as a polars, pyarrow or Python type or by a name, in the one spelling.

    >>> spelled("int64"), spelled(list[int]), spelled("Datetime('us')"), spelled("decimal(10, 2)")
    ('Int64', 'List(Int64)', "Datetime(time_unit='us', time_zone=None)", 'Decimal(precision=10, scale=2)')

    Raises
    ------
    UnknownType: there is none.
    """
    if isinstance(kind, str):
        return _of_text(kind)
    library = (kind if isinstance(kind, type) else type(kind)).__module__.partition(".")[0]
    if library == "polars":
        return _of_text(kind.__name__ if isinstance(kind, type) else str(kind))
    if library == "pyarrow":
        return _of_arrow(cast("Any", kind))
    if library == "numpy" and isinstance(kind, type):
        return _of_text(kind.__name__.rstrip("_"))
    return _of_python(kind)


def _of_text(text: str) -> str:
    try:
        return _of_node(ast.parse(text.strip(), mode="eval").body)
    except (SyntaxError, ValueError, RecursionError):
        raise UnknownType(text) from None


def _of_node(node: ast.expr) -> str:
    match node:
        case ast.Name(id=name):
            return _named(name)
        case ast.Attribute(value=ast.Name(id=library), attr=name) if library in _LIBRARIES:
            return _named(name)
        case ast.BinOp(left=left, op=ast.BitOr(), right=ast.Constant(value=None)):  # every column may have nulls
            return _of_node(left)
        case ast.Subscript(value=base, slice=inside):
            return _made(_of_node(base), inside.elts if isinstance(inside, ast.Tuple) else [inside], {}, node)
        case ast.Call(func=base, args=args, keywords=keywords):
            return _made(_of_node(base), args, {item.arg or "": item.value for item in keywords}, node)
        case _:
            raise UnknownType(ast.unparse(node))


def _named(name: str) -> str:
    found = _NAMED.get(name.lower())
    if found is None:
        raise UnknownType(name)
    return found


def _made(name: str, args: list[ast.expr], keywords: Mapping[str, ast.expr], node: ast.expr) -> str:
    """A type with its arguments, all of them, in polars' order."""
    names = ARGUMENTS.get(name, ())
    given = {**dict(zip(names, args, strict=False)), **keywords}
    if len(args) > len(names) or set(given) - set(names) or not given:
        raise UnknownType(ast.unparse(node))
    for key in names:
        if key not in given and key in DEFAULTS:
            given[key] = ast.parse(DEFAULTS[key], mode="eval").body
    match name, given:
        case "List", {"inner": inner}:
            return f"List({_of_node(inner)})"
        case "Array", {"inner": inner, "shape": shape}:
            size = _value(shape)
            return _array(_of_node(inner), cast("tuple[int, ...]", size) if isinstance(size, tuple) else (size,))
        case "Struct", {"fields": ast.Dict(keys=keys, values=values)}:
            fields = zip([_value(key) for key in keys if key is not None], map(_of_node, values), strict=True)
            return f"Struct({{{', '.join(f'{key!r}: {kind}' for key, kind in fields)}}})"
        case (("Datetime" | "Duration" | "Decimal" | "Enum"), _) if set(given) == set(names):
            return f"{name}({', '.join(f'{key}={_value(given[key])!r}' for key in names)})"
        case _:
            raise UnknownType(ast.unparse(node))


def _array(inner: str, shape: tuple[int, ...]) -> str:
    """An array of arrays is one of more dimensions."""
    match ast.parse(inner, mode="eval").body:
        case ast.Call(func=ast.Name(id="Array"), args=[deeper], keywords=[ast.keyword(value=sizes)]):
            return f"Array({ast.unparse(deeper)}, shape={(*shape, *_value(sizes))!r})"
        case _:
            return f"Array({inner}, shape={shape!r})"


def _value(node: ast.expr) -> Any:
    """What is no type in the arguments of one; `us` in `datetime[us]` is a text, too."""
    return node.id if isinstance(node, ast.Name) else ast.literal_eval(node)


def _of_python(kind: object) -> str:
    origin, args = typing.get_origin(kind), typing.get_args(kind)
    if origin is None:
        if not isinstance(kind, type) or kind not in _PYTHON:
            raise UnknownType(kind.__qualname__ if isinstance(kind, type) else repr(kind))
        return _PYTHON[kind]
    inner = [arg for arg in args if arg is not type(None) and arg is not ...]
    if origin in (typing.Union, types.UnionType) and len(inner) == 1:
        return spelled(inner[0])
    if origin in (list, tuple) and len(inner) == 1:
        return f"List({spelled(inner[0])})"
    raise UnknownType(str(kind))


_ARROW: Mapping[str, Callable[[Any], str]] = {
    "ListType": lambda kind: f"List({_of_arrow(kind.value_type)})",
    "LargeListType": lambda kind: f"List({_of_arrow(kind.value_type)})",
    "FixedSizeListType": lambda kind: _array(_of_arrow(kind.value_type), (kind.list_size,)),
    "StructType": lambda kind: f"Struct({{{', '.join(f'{field.name!r}: {_of_arrow(field.type)}' for field in kind)}}})",
    "TimestampType": lambda kind: f"Datetime(time_unit={_unit(kind)!r}, time_zone={kind.tz!r})",
    "DurationType": lambda kind: f"Duration(time_unit={_unit(kind)!r})",
    "Decimal128Type": lambda kind: f"Decimal(precision={kind.precision}, scale={kind.scale})",
    "DictionaryType": lambda _: "Categorical",
}
"""What a type of pyarrow's is for polars, by the name of its class; the others are told by what they print."""
_ARROW_NAMES = {"float": "Float32", "date32[day]": "Date", "date64[ms]": "Datetime(time_unit='ms', time_zone=None)",
                "time32[s]": "Time", "time32[ms]": "Time", "time64[us]": "Time", "time64[ns]": "Time"}  # fmt: skip


def _of_arrow(kind: Any) -> str:
    made = _ARROW.get(type(kind).__name__)
    return made(kind) if made is not None else _ARROW_NAMES.get(str(kind)) or _of_text(str(kind))


def _unit(kind: Any) -> str:
    """polars has no seconds, and takes them as milliseconds."""
    return "ms" if kind.unit == "s" else str(kind.unit)
