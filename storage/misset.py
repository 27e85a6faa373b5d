"""What is wrong with settings, as sentences: the key, what was found, what is expected, the nearest that is known.

Pure. Must never repeat a value that may hold a secret.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from .defaults import keys_at

_SECRET = frozenset({"storage_options", "headers", "url", "database", "data_root", "roots", "logs"})
"""Keys whose values are shown by their kind alone."""
_EXPECTED = {
    "list_type": 'a list, e.g. ["…"]',
    "dict_type": "a table",
    "model_type": "a table",
    "model_attributes_type": "a table",
    "string_type": "a text in quotes",
    "path_type": "a path in quotes",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
}
_UNKNOWN = ("extra_forbidden", "no_such_attribute")
NO_JSON = object()
"""Stands for the text of a variable that should hold JSON and does not. The text may be a secret, and is not kept."""


def sentences(
    faults: Sequence[ErrorDetails],
    known: Iterable[str],
    kinds: Mapping[str, type[BaseModel]],
    variables: Mapping[str, str],
    tables: Mapping[str, type[BaseModel]],
) -> Iterator[str]:
    """Each fault in a line: `definitions: found "p.py", expected a list, e.g. ["…"]`.

    Parameters
    ----------
    known: the settings there are.
    kinds: type of a lineage destination → what it takes.
    variables: setting → the environment variable that gives it, where one does.
    tables: setting that holds tables by name → what each takes.
    """
    for fault in faults:
        place = [str(part) for part in fault["loc"]]
        kind = place.pop(2) if len(place) > 2 and place[0] == "lineage" and place[2] in kinds else ""
        variable = variables.get(place[0], "")
        if fault["input"] is NO_JSON:
            said = f"{variable} should hold JSON, as lists and tables do in variables, and does not; e.g. '[\"…\"]'"
        elif fault["type"] in _UNKNOWN and place[0] == "policies" and len(place) > 1:
            keys = keys_at(place)
            said = "there is no such policy" + (_meant(nearest(place[-1], keys)) or f"; there are {', '.join(keys)}")
        elif fault["type"] in _UNKNOWN:
            inner = kinds.get(kind) or (tables.get(place[0]) if len(place) > 1 else None)
            said = _unknown(place[-1], list(inner.model_fields) if inner else list(known), kind)
        elif fault["type"] == "missing":
            said = f"is missing; a destination of type {kind} needs it" if kind else "is missing"
        elif fault["type"] == "union_tag_not_found":
            said = f"has no type; expected {_types(kinds)}"
        elif fault["type"] == "union_tag_invalid":
            found = fault["input"].get("type")
            said = f"found {_shown(found)}, expected {_types(kinds)}{_meant(nearest(str(found), kinds))}"
        else:
            value = _kind(fault["input"]) if _SECRET.intersection(place) else _shown(fault["input"])
            said = f"found {value}{f' in {variable}' if variable else ''}, expected {_expected(fault)}"
        yield f"{'.'.join(place)}: {said}"


def nearest(name: str, known: Iterable[str]) -> str:
    """The known name that was probably meant; "" where none is near."""
    return next(iter(get_close_matches(name, list(known), n=1, cutoff=0.7)), "")


def _unknown(name: str, known: Sequence[str], kind: str) -> str:
    what = f"a destination of type {kind} has no such key" if kind else "there is no such setting"
    return what + (_meant(nearest(name, known)) or f"; there are {', '.join(known)}")


def _meant(near: str) -> str:
    return f"; did you mean {near}?" if near else ""


def _expected(fault: ErrorDetails) -> str:
    limits = fault.get("ctx", {})
    match fault["type"]:
        case "value_error":
            return fault["msg"].removeprefix("Value error, ")
        case "enum":
            return f"one of {limits['expected']}"
        case "greater_than":
            return f"more than {limits['gt']:g}"
        case "greater_than_equal":
            return f"at least {limits['ge']:g}"
        case "less_than_equal":
            return f"at most {limits['le']:g}"
        case other:
            return _EXPECTED.get(other) or fault["msg"]


def _types(kinds: Iterable[str]) -> str:
    return "type " + " or ".join(f'"{one}"' for one in kinds)


def _shown(value: Any) -> str:
    """The value as TOML spells it, where it is short; else its kind."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if isinstance(value, str | bool | int | float) and len(text) <= 60 else _kind(value)


def _kind(value: Any) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return "a text"
        case int() | float():
            return "a number"
        case list() | tuple():
            return "a list"
        case dict():
            return "a table"
        case _:
            return type(value).__name__
