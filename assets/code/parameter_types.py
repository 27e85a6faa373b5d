"""The types that run parameters may have, and whether a default is of its type. No library is loaded for it."""

from __future__ import annotations

import datetime as time
import math
from dataclasses import dataclass
from enum import Enum
from typing import Any, Literal, Optional, Union, cast

from .forms import Form

_SCALARS: dict[str, type] = {
    "builtins.int": int,
    "builtins.float": float,
    "builtins.str": str,
    "builtins.bool": bool,
    "datetime.date": time.date,
    "datetime.datetime": time.datetime,
    "datetime.timedelta": time.timedelta,
}
_CONTAINERS: dict[str, type] = {"builtins.list": list, "builtins.dict": dict}


@dataclass(frozen=True, slots=True, kw_only=True)
class RunParameter:
    """A keyword-only parameter of a producer.

    Attributes
    ----------
    annotation: as it is written; "" for none.
    type: what values are turned into: a class, `Literal[…]`, `list[int]`, `X | None`; `Any` where nothing is known.
    default: the value in the code; an int where a float is annotated counts as that float.
    """

    name: str
    annotation: str = ""
    type: Any = Any
    default: Any = None


def run_parameter(name: str, annotation: str, form: Form | None, default: object) -> tuple[RunParameter, str]:
    """A run parameter, and why its type or default will not do ("" when it will).

    Without an annotation the default tells the type.
    """
    if form is None:
        kind, why = (Any, "") if annotation else _type_of_default(default)
        return RunParameter(name=name, annotation=annotation, type=kind, default=default), why
    try:
        kind = type_of(form)
    except TypeError as error:
        return RunParameter(name=name, annotation=annotation, default=default), f"whose type {error}"
    if type(default) is int and not fits(default, _without_floats(form)):
        default = float(default)
    why = "" if fits(default, form) else "whose default is not of its type"
    why = why or ("" if _has_plain(default) else "whose default has no JSON form")
    return RunParameter(name=name, annotation=annotation, type=kind, default=default), why


def type_of(form: Form) -> Any:
    """The type that a form stands for, as an object.

    Raises
    ------
    TypeError: it is no type of a run parameter.
    """
    if form.name in {"Any", "None"}:
        return Any if form.name == "Any" else None
    if form.name == "Literal":
        return Literal[form.values]
    if form.name == "Union":
        inner = [type_of(arg) for arg in form.args]
        return Optional[inner[0]] if len(inner) == 1 else Union[tuple(inner)]  # noqa: UP007, UP045  made at run time
    if form.name in _SCALARS:
        return _SCALARS[form.name]
    if form.name in _CONTAINERS:
        container: Any = _CONTAINERS[form.name]
        return container[tuple(type_of(arg) for arg in form.args)] if form.args else container
    if isinstance(form.found, type) and issubclass(form.found, Enum):
        return form.found
    raise TypeError(f"{form.name} is none of a run parameter")


def fits(value: object, form: Form) -> bool:
    """Whether a value is of a form, as it stands: True is no int, 1 is a float."""
    if form.name == "Union":
        return any(fits(value, arg) for arg in form.args)
    if form.name == "None":
        return value is None
    if form.name == "Literal":
        return any(value == one and type(value) is type(one) for one in form.values)
    if form.name == "builtins.float":
        return isinstance(value, int | float) and not isinstance(value, bool)
    if form.name in {"builtins.int", "datetime.date"}:  # a bool is an int and a datetime a date, to Python
        return type(value) is _SCALARS[form.name]
    if form.name == "builtins.list":
        return isinstance(value, list) and all(fits(one, form.args[0]) for one in _items(value) if form.args)
    if form.name == "builtins.dict":
        values = _items(cast("dict[Any, Any]", value).values()) if isinstance(value, dict) else []
        return isinstance(value, dict) and all(fits(one, form.args[1]) for one in values if len(form.args) > 1)
    wanted = _SCALARS.get(form.name, form.found)
    return wanted is None or isinstance(value, wanted)


def plain_value(value: object) -> Any:
    """A value of a run parameter as JSON data: what keys are made of and what is stored.

    Enum members by value, dates and times as ISO text, durations in seconds.

    >>> plain_value(time.timedelta(minutes=1)), plain_value([time.date(2026, 1, 2)])
    (60.0, ['2026-01-02'])

    Raises
    ------
    TypeError: it has no JSON form (a float that is no number, an object).
    """
    if isinstance(value, Enum):
        return plain_value(value.value)
    if isinstance(value, time.timedelta):
        return value.total_seconds()
    if isinstance(value, time.date):
        return value.isoformat()
    if isinstance(value, list):
        return [plain_value(item) for item in _items(value)]
    if isinstance(value, dict):
        return {_key(key): plain_value(item) for key, item in cast("dict[object, object]", value).items()}
    if value is None or isinstance(value, str | int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    raise TypeError(f"{value!r} has no JSON form")


def _key(key: object) -> str:
    if isinstance(key, str):
        return key
    raise TypeError(f"the key {key!r} is no text")


def _has_plain(value: object) -> bool:
    try:
        plain_value(value)
    except TypeError:
        return False
    return True


def _without_floats(form: Form) -> Form:
    """The form with every alternative but float, to see whether an int is one of those."""
    args = tuple(arg for arg in form.args if arg.name != "builtins.float")
    return Form("Union", args if form.name == "Union" else () if form.name == "builtins.float" else (form,))


def _items(values: Any) -> list[object]:
    return list(values)


def _type_of_default(default: object) -> tuple[Any, str]:
    kind = type(default)
    if default is None:
        return Any, ""
    if kind in {*_SCALARS.values(), *_CONTAINERS.values()} or isinstance(default, Enum):
        return kind, "" if _has_plain(default) else "whose default has no JSON form"
    return Any, f"whose type {kind.__module__}.{kind.__qualname__} is none of a run parameter"
