"""Run parameters from outside: text from a command line or settings into the type that the producer declares.

Loaded only when a parameter is given or handed in, since pydantic is loaded for it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import timedelta
from enum import Enum
from functools import lru_cache
from types import FunctionType
from typing import Any

from pydantic import TypeAdapter, ValidationError

from ...storage.errors import UsageError
from .annotations import signature
from .kinds import shown
from .parameter_types import RunParameter, plain_value

_NOTHING = object()
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_DURATION = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|s|m|h|d|w))+")
_DURATION_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d|w)")


def coerce(function: Callable[..., Any], parameter: str, value: object, *, plain: bool = False) -> Any:
    """A value for a run parameter of `function`, in the type that it declares.

    Text is read as JSON where that fits (`5`, `true`, `[1, 2]`, `null`), else as it stands; durations may be written
    `"12h"`, enum members by value or name.

    Parameters
    ----------
    plain: give JSON data (what keys are made of and what is stored) instead of the typed value; without it, `value`
        is such data and text in it stays text wherever the type allows.

    Raises
    ------
    UsageError: there is no such parameter, or the value is not of its type.

    >>> def train(pairs, *, epochs: int = 3): ...
    >>> coerce(train, "epochs", "5"), coerce(train, "epochs", 5, plain=True)
    (5, 5)
    """
    # objects with `__call__` may have no hash, and are few
    declared = _declared_once(function) if isinstance(function, FunctionType) else _declared(function)
    if parameter not in declared:
        raise UsageError(
            f"{_title(function)} has no run parameter {parameter!r}",
            hint=f"It has: {', '.join(declared) or 'none'}.",
        )
    wanted = declared[parameter]
    readings = [_json(value), value] if plain else [value, _json(value)]
    for reading in (*readings, _duration(value, wanted), _member(value, wanted)):
        if reading is not _NOTHING:
            found = _typed(wanted, reading)
            if found is not _NOTHING:
                return _plain(function, wanted, found) if plain else found
    raise _refusal(function, wanted, value)


def _title(function: Callable[..., Any]) -> str:
    return str(getattr(function, "__name__", type(function).__name__))


def _declared(function: Callable[..., Any]) -> dict[str, RunParameter]:
    return {one.name: one for one in signature(function).parameters}


_declared_once = lru_cache(maxsize=8192)(_declared)


@lru_cache(maxsize=1024)
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def _typed(wanted: RunParameter, value: object) -> object:
    try:
        found: object = _adapter(wanted.type).validate_python(value)
    except ValidationError:
        return _NOTHING
    # pydantic takes True for 1 and "1" for True; a person who wrote one meant it
    if isinstance(value, bool) and isinstance(found, int | float) and not isinstance(found, bool):
        return _NOTHING
    return found


def _json(value: object) -> object:
    """What text says as JSON; a quoted text is left as it stands."""
    if not isinstance(value, str):
        return _NOTHING
    try:
        found: object = json.loads(value)
    except ValueError:
        return _NOTHING
    return _NOTHING if isinstance(found, str) else found


def _duration(value: object, wanted: RunParameter) -> object:
    """`"1h30m"` as pydantic does not read it; written as `assets/declare/durations.py` has it, which lies above."""
    if "timedelta" not in shown(wanted.type) or not isinstance(value, str) or not _DURATION.fullmatch(value.strip()):
        return _NOTHING
    return timedelta(seconds=sum(float(number) * _UNITS[unit] for number, unit in _DURATION_PART.findall(value)))


def _member(value: object, wanted: RunParameter) -> object:
    """A member of an enum by its name, `FAST` or `Mode.FAST`."""
    kind: object = wanted.type
    if isinstance(kind, type) and issubclass(kind, Enum) and isinstance(value, str):
        return kind.__members__.get(value.rpartition(".")[2], _NOTHING)
    return _NOTHING


def _plain(function: Callable[..., Any], wanted: RunParameter, found: object) -> Any:
    try:
        return plain_value(found)
    except TypeError:
        raise _refusal(function, wanted, found) from None


def _refusal(function: Callable[..., Any], wanted: RunParameter, value: object) -> UsageError:
    kind = wanted.annotation or shown(wanted.type)
    members = ""
    if isinstance(wanted.type, type) and issubclass(wanted.type, Enum):
        members = f" ({', '.join(str(member.value) for member in wanted.type)})"
    return UsageError(
        f"run parameter {_title(function)}.{wanted.name} is {kind}{members}, and {value!r} is no such value",
        hint=f"Its default is {wanted.default!r}; write a value of the same kind, lists and dicts as JSON.",
    )
