"""Whether two spellings of column types go together. Reads text alone: imports no frame library, evaluates nothing."""

from __future__ import annotations

import ast
from itertools import starmap

ARGUMENTS = {
    "Array": ("inner", "shape"),
    "Datetime": ("time_unit", "time_zone"),
    "Decimal": ("precision", "scale"),
    "Duration": ("time_unit",),
    "Enum": ("categories",),
    "List": ("inner",),
    "Struct": ("fields",),
}
"""What the arguments of a type are called, in order."""
DEFAULTS = {"time_unit": "'us'", "time_zone": "None", "scale": "0"}
"""What an argument is that is left out."""
_SAME = {"Utf8": "String"}


def fits(found: str, declared: str) -> bool:
    """Whether a column of the type `found` is what was declared; a bare name stands for every type of that name.

    >>> fits("Datetime(time_unit='us', time_zone=None)", "Datetime('us')"), fits("List(Int64)", "List(Int32)")
    (True, False)
    >>> fits("Datetime(time_unit='us', time_zone=None)", "Datetime"), fits("Datetime", "Datetime('ms')")
    (True, False)
    """
    try:
        return _fits(ast.parse(found, mode="eval").body, ast.parse(declared, mode="eval").body)
    except (SyntaxError, ValueError, RecursionError):
        return found == declared


def _fits(found: ast.expr, declared: ast.expr) -> bool:
    match found, declared:
        case ast.Call(func=ast.Name(id=one)), ast.Name(id=other):
            return one == other
        case ast.Call(func=ast.Name(id=one)), ast.Call(func=ast.Name(id=other)):
            mine, theirs = _arguments(one, found), _arguments(other, declared)
            return one == other and mine.keys() == theirs.keys() and all(_fits(mine[key], theirs[key]) for key in mine)
        case ast.Dict(), ast.Dict():
            names = [[ast.dump(key) for key in each.keys if key is not None] for each in (found, declared)]
            return names[0] == names[1] and all(starmap(_fits, zip(found.values, declared.values, strict=True)))
        case ast.Name(id=one), ast.Name(id=other):
            return _SAME.get(one, one) == _SAME.get(other, other)
        case ast.Tuple(elts=[only]), ast.Constant():  # the shape of an array: (3,) is 3
            return _fits(only, declared)
        case _:
            return ast.dump(found) == ast.dump(declared)


def _arguments(name: str, call: ast.Call) -> dict[str, ast.expr]:
    """The arguments of a type by name, with the defaults of those that are left out."""
    names = ARGUMENTS.get(name, ())
    found = {key: ast.parse(text, mode="eval").body for key, text in DEFAULTS.items() if key in names}
    found.update(zip(names, call.args, strict=False))
    found.update({item.arg: item.value for item in call.keywords if item.arg is not None})
    return found
