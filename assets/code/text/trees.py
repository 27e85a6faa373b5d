"""What a syntax tree says, apart from how it is written: its digest.

The digest is taken over a walk of our own. `ast.dump` would do, but its text differs between versions of Python (fields
come, defaults are left out); here empty fields are never written, so that a new optional field changes nothing. What
does not count: positions, comments, docstrings and other bare constants, `pass`, the spelling of literals.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable
from typing import Any, cast

from ....storage.manifest import digest_of

_UNSAID = frozenset({"ctx", "kind", "type_comment", "type_ignores"})
_BLOCKS = frozenset({"body", "orelse", "finalbody"})


def digest_of_syntax(node: ast.AST, *, without: Iterable[str] = ()) -> str:
    """The digest of what a tree says; `without` names fields of the outermost node that do not count.

    >>> one = ast.parse("x = [1, 'a']  # why")
    >>> digest_of_syntax(one) == digest_of_syntax(ast.parse('x=[ 1,"a" ]'))
    True
    """
    out: list[str] = []
    pending: list[Any] = []  # a stack, since `a + b + …` nests as deep as it is long; text on it is written as it is
    _open(node, out, pending, frozenset(without))
    while pending:
        item = pending.pop()
        kind = item.__class__
        if kind is str:
            out.append(item)
        elif kind is ast.Name:
            out.append(f"(Name {item.id!a})")
        elif kind is ast.Constant:
            out.append(spelled_constant(item.value))
        elif kind is list:
            out.append("[")
            pending.append("]")
            pending.extend([one if isinstance(one, ast.AST) else ascii(one) for one in reversed(item)])
        else:
            _open(item, out, pending, None)
    return digest_of("".join(out).encode())


def spelled_constant(value: object) -> str:
    """The one spelling of a literal, with its type: `1`, `1.0` and `True` differ, as do `0.0` and `-0.0`."""
    if isinstance(value, int) and not isinstance(value, bool):
        return f"<int {value:x}>"  # decimal text of a huge number is refused by Python
    if isinstance(value, tuple | frozenset):  # the optimiser makes these; the parser does not
        items = [spelled_constant(item) for item in cast("Iterable[object]", value)]
        kind = "tuple" if isinstance(value, tuple) else "frozenset"
        return f"<{kind} {' '.join(items if kind == 'tuple' else sorted(items))}>"
    return f"<{type(value).__name__} {value!a}>"


_Clean = Callable[[list[Any]], list[Any]]
_plans: dict[type, tuple[str, tuple[tuple[str, str, _Clean | None], ...]]] = {}


def _plan(kind: type[ast.AST]) -> tuple[str, tuple[tuple[str, str, _Clean | None], ...]]:
    """How nodes of a kind are written: their head, and each field that counts, last first as the stack wants it."""
    fields: list[tuple[str, str, _Clean | None]] = []
    for name in reversed(kind._fields):
        if name not in _UNSAID:
            clean = _saying if name in _BLOCKS else _merged if kind is ast.JoinedStr else None
            fields.append((name, f" {name}=", clean))
    return _plans.setdefault(kind, (f"({kind.__name__}", tuple(fields)))


def _open(node: ast.AST, out: list[str], pending: list[Any], left_out: frozenset[str] | None) -> None:
    head, fields = _plans.get(node.__class__) or _plan(node.__class__)
    out.append(head)
    pending.append(")")
    for name, label, clean in fields:
        value: Any = getattr(node, name, None)
        if value is None or (left_out and name in left_out):
            continue
        if value.__class__ is list:
            if clean is not None:
                value = clean(value)
            if not value:
                continue
        elif not isinstance(value, ast.AST):
            value = ascii(value)
        pending.append(value)
        pending.append(label)


def _saying(block: list[Any]) -> list[Any]:
    """The statements of a block without docstrings, other bare constants and `pass`."""
    return [
        one
        for one in block
        if not (one.__class__ is ast.Pass or (one.__class__ is ast.Expr and one.value.__class__ is ast.Constant))
    ]


def _merged(values: list[Any]) -> list[Any]:
    """The pieces of an f-string; how its literal text is cut into pieces differs between versions of Python."""
    merged: list[Any] = []
    for value in values:
        if isinstance(value, ast.Constant):
            text = str(value.value)
            if merged and isinstance(merged[-1], ast.Constant):
                merged[-1] = ast.Constant(str(merged[-1].value) + text)
            elif text:
                merged.append(value)
        else:
            merged.append(value)
    return merged
