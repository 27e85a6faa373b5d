"""What the code of one function says by itself, whatever its closure, its defaults and its module hold.

From its syntax tree; where there is no source (typed at a prompt, generated, edited since it was loaded) from its
bytecode, which is as good within one version of Python.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from types import CodeType, FunctionType

from ....storage.manifest import digest_of
from ..ownership import is_penstocks
from .names import Chain, Names, names_in_annotations, names_of
from .source import FunctionNode, function_node
from .trees import digest_of_syntax, spelled_constant


@dataclass(frozen=True, slots=True)
class Shape:
    """What a function's code says.

    Attributes
    ----------
    text: equal for equal code.
    names: what it reads from outside itself.
    node: the syntax tree that `text` comes from; None for code without source.
    """

    text: str
    names: Names
    node: FunctionNode | None


_shapes: dict[tuple[int, bool], tuple[CodeType, Shape]] = {}  # by identity: equal code may have other annotations


def shape_of(function: FunctionType, *, decorated: bool) -> Shape:
    """What the code of a function says; functions made in a loop share it."""
    code = function.__code__
    known = _shapes.get((id(code), decorated))
    if known is not None and known[0] is code:
        return known[1]
    node = function_node(function)
    if node is None:
        names = tuple((name,) for name in sorted(_names_in(code)))
        shape = Shape(_bytecode(code), Names(names, ()), None)
    else:
        text = f"function {digest_of_syntax(node, without=('name', 'decorator_list'))}"
        names = names_of(node, decorators=False)
        for decorator in getattr(node, "decorator_list", []) if decorated else []:
            if not is_penstocks(function.__globals__.get(_root_name(decorator))):
                text += f" decorated {digest_of_syntax(decorator)}"
                names = _with(names, decorator)
        shape = Shape(text, names, node)
    _shapes[id(code), decorated] = (code, shape)
    return shape


_annotated: dict[int, tuple[CodeType, tuple[Chain, ...]]] = {}


def annotated(function: FunctionType) -> tuple[Chain, ...]:
    """The names in the annotations of a function, as they are written; none without source."""
    code = function.__code__
    known = _annotated.get(id(code))
    if known is None or known[0] is not code:
        node = function_node(function)
        known = _annotated[id(code)] = (code, () if node is None else names_in_annotations(node))
    return known[1]


def named(value: object) -> str:
    """The name that an object has of its own: of a class, of a special form (`typing.Any`); "" for none."""
    found = [getattr(value, name, None) for name in ("__name__", "_name")]
    return next((one for one in found if isinstance(one, str)), "")


def _with(names: Names, decorator: ast.expr) -> Names:
    """What a decorator reads too: its text alone would not tell that the constant in it has changed."""
    read = names_of(ast.Lambda(args=ast.arguments([], [], None, [], [], None, []), body=decorator))
    outer: set[Chain] = {*names.outer, *read.outer}
    return Names(tuple(sorted(outer)), tuple(sorted({*names.imported, *read.imported})))


def _bytecode(code: CodeType) -> str:
    """For code without source: its instructions, names and constants."""
    constants = [_bytecode(c) if isinstance(c, CodeType) else spelled_constant(c) for c in code.co_consts]
    return f"bytecode {digest_of(code.co_code)} {code.co_names} {code.co_varnames} {code.co_freevars} {constants}"


def _names_in(code: CodeType) -> set[str]:
    inner = (_names_in(constant) for constant in code.co_consts if isinstance(constant, CodeType))
    return {*code.co_names, *code.co_freevars}.union(*inner)


def _root_name(expression: ast.expr) -> str:
    at: ast.expr = expression
    while isinstance(at, ast.Attribute | ast.Call):
        at = at.func if isinstance(at, ast.Call) else at.value
    return at.id if isinstance(at, ast.Name) else ""
