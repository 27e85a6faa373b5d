"""JSON: one value per file.

Written in the one spelling that digests are taken over (sorted keys, UTF-8) with a newline at the end, so that equal
values give equal bytes, in whichever order their keys were inserted. What would not come back equal is refused: NaN
and infinities, keys that are no strings, objects that JSON does not know.

A text is a JSON value like any other, written in quotes: whoever has JSON as text already gives it as bytes.
"""

from __future__ import annotations

from io import FileIO
from typing import Any, NamedTuple, cast

import orjson

from ...json_text import parse
from ...manifest import Column, canonical_json
from ...types import ValueKind
from ..json_types import article
from .seam import Contents, Output, Source, Unfit
from .wellformed import require_json

_STRICT = orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_SUBCLASS


class Json:
    """`.json`"""

    def write(self, value: Any, kind: ValueKind, output: Output) -> tuple[Column, ...] | None:
        """Write one JSON value; as TEXT, one that is a text."""
        if kind is ValueKind.TEXT:
            require_text(value)
        output.write(encode(value) + b"\n")
        return None

    def read(self, source: Source, kind: ValueKind) -> Any:
        """The value, whatever it is: that it is a text is asked of it where the annotation is known."""
        with FileIO(source.path) as file:  # unbuffered: it is read in one go
            return parse(file.readall())

    def contents(self, source: Source) -> Contents:
        """JSON has neither rows nor columns."""
        if source.given:
            require_json(source.path)
        return Contents()


def require_text(value: Any) -> str:
    """The value, which is a `str`."""
    if not isinstance(value, str):
        raise Unfit(f"the value is {article(type(value).__name__)}, not a str")
    return value


def to_text(value: Any) -> bytes:
    """A `str` as UTF-8, newlines as they are."""
    try:
        return require_text(value).encode()
    except UnicodeEncodeError as error:
        raise Unfit(f"the text cannot be written as UTF-8: {error}") from error


def encode(value: Any) -> bytes:
    """Canonical JSON of a value, without a newline.

    >>> encode({"b": 1, "a": [True, None]})
    b'{"a":[true,null],"b":1}'

    Raises
    ------
    Unfit: something in it is no JSON; the text says where (`$.scores[3]`) and what.
    """
    try:
        orjson.dumps(value, option=_STRICT)  # far faster than the walk, and as strict, save for NaN
        return canonical_json(value)
    except (TypeError, ValueError, RecursionError) as error:
        try:
            trouble = _trouble(value, "$")
            if trouble is None:
                return canonical_json(value)
        except (TypeError, ValueError, RecursionError):
            trouble = _Trouble(str(error), _PLAIN)
        raise Unfit(f"the value is no JSON: {trouble.found}", hint=trouble.hint) from error


class _Trouble(NamedTuple):
    found: str
    hint: str


_PLAIN = "Give numbers, texts, booleans, None, and lists and dictionaries of them; a frame is kept as .parquet."


def _trouble(value: Any, where: str) -> _Trouble | None:
    """Where the first thing is that JSON cannot hold, and what it is; None where nothing is found."""
    if value is None or isinstance(value, bool | int):
        return None
    if isinstance(value, float):
        if value - value == 0:
            return None
        return _Trouble(f"{where} is {value!r}, which JSON cannot hold", "Write None in its place, or leave it out.")
    if isinstance(value, str):
        if value.isascii() or _is_unicode(value):
            return None
        return _Trouble(f"{where} is a text with a lone surrogate", "Decode it with the encoding that it has.")
    if isinstance(value, list | tuple):
        items = cast("list[Any]", value)
        return next(filter(None, (_trouble(item, f"{where}[{i}]") for i, item in enumerate(items))), None)
    if isinstance(value, dict):
        return _trouble_in_items(cast("dict[Any, Any]", value), where)
    return _foreign(value, where)


def _trouble_in_items(value: dict[Any, Any], where: str) -> _Trouble | None:
    for key, item in value.items():
        if not isinstance(key, str):
            return _Trouble(
                f"{where} has the key {key!r} of type {type(key).__name__}; JSON has text keys alone",
                f"Make the keys texts, as in {{str(key): value}}: here {str(key)!r}.",
            )
        if found := _trouble(item, f"{where}.{key}"):
            return found
    return None


def _foreign(value: Any, where: str) -> _Trouble:
    """A type that JSON does not know."""
    found = f"{where} is a {type(value).__module__}.{type(value).__qualname__}"
    if isinstance(value, set | frozenset):
        return _Trouble(found, "Give a sorted list of it: a set has no order.")
    if hasattr(value, "tolist"):  # numpy's scalars and arrays
        return _Trouble(found, "Call .tolist() on it.")
    return _Trouble(found, _PLAIN)


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
