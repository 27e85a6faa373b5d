"""How often a generator can yield, read from its code without calling it. What cannot be read is no fault."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable, Sequence
from typing import Any


def yields_in_turn(function: Callable[..., Any]) -> int:
    """The most `yield`s that one call can come to, a loop counted as one turn; 1 where the source cannot be read.

    Branches count apart: one that yields and returns, and what comes behind it, are two ways.
    """
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    except (OSError, TypeError, SyntaxError, ValueError):
        return 1
    found = next((node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)), None)
    if found is None:
        return 1
    through, ended = _block(found.body)
    return max(ended, through if through is not None else 0)


_Ways = tuple[int | None, int]
"""The most `yield`s on a way through to the end of a block (None: there is none), and on one that ends in it."""


def _block(body: Sequence[ast.stmt]) -> _Ways:
    sofar: int | None = 0
    most = 0
    for statement in body:
        if sofar is None:
            break
        through, ended = _statement(statement)
        most = max(most, sofar + ended)
        sofar = None if through is None else sofar + through
    return sofar, most


def _statement(node: ast.stmt) -> _Ways:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return 0, 0
    if isinstance(node, ast.Return | ast.Raise | ast.Break | ast.Continue):
        return None, _inside(node)
    if isinstance(node, ast.If):
        return _either(_inside(node.test), _block(node.body), _block(node.orelse))
    if isinstance(node, ast.Match):
        return _either(_inside(node.subject), (0, 0), *(_block(case.body) for case in node.cases))
    if isinstance(node, ast.With):
        return _either(sum(_inside(item.context_expr) for item in node.items), _block(node.body))
    if isinstance(node, ast.For | ast.While):
        return _either(0, (0, 0), _ended(_block(node.body)))
    if isinstance(node, ast.Try | ast.TryStar):
        return _try(node)
    return _inside(node), 0


def _try(node: ast.Try | ast.TryStar) -> _Ways:
    """What is yielded before an error is not known: a handler counts as a way of its own."""
    last, _ = _block(node.finalbody)
    ways = [_block([*node.body, *node.orelse]), *(_block(handler.body) for handler in node.handlers)]
    through, ended = _either(0, *ways)
    return None if through is None or last is None else through + last, ended + (last or 0)


def _either(before: int, *ways: _Ways) -> _Ways:
    through = [way for way, _ in ways if way is not None]
    return before + max(through) if through else None, before + max(ended for _, ended in ways)


def _ended(ways: _Ways) -> _Ways:
    """Of the body of a loop: a way that ends in it may go on behind it."""
    through, ended = ways
    return max(through or 0, ended), ended


def _inside(node: ast.AST) -> int:
    """The `yield`s of an expression, or of a statement without parts."""
    return sum(isinstance(one, ast.Yield | ast.YieldFrom) for one in ast.walk(node))
