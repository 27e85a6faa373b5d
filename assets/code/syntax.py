"""What a syntax tree says, apart from how it is written: its digest, and the names that it reads from outside.

The digest is taken over a walk of our own. `ast.dump` would do, but its text differs between versions of Python (fields
come, defaults are left out); here empty fields are never written, so that a new optional field changes nothing. What
does not count: positions, comments, docstrings and other bare constants, `pass`, the spelling of literals.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, cast

from ...storage.manifest import digest_of

_UNSAID = frozenset({"ctx", "kind", "type_comment", "type_ignores"})
_NOTHING: frozenset[str] = frozenset()
_BLOCKS = frozenset({"body", "orelse", "finalbody"})
_Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
_Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
Scope = _Function | ast.ClassDef | _Comprehension

Chain = tuple[str, ...]
"""A name with the attributes read from it: `helpers.cut` is `("helpers", "cut")`."""


def digest_of_syntax(node: ast.AST, *, without: Iterable[str] = ()) -> str:
    """The digest of what a tree says; `without` names fields of the outermost node that do not count.

    >>> one = ast.parse("x = [1, 'a']  # why")
    >>> digest_of_syntax(one) == digest_of_syntax(ast.parse('x=[ 1,"a" ]'))
    True
    """
    out: list[str] = []
    left_out: frozenset[str] = frozenset(without)
    pending: list[Any] = [node]  # a stack, since `a + b + …` nests as deep as it is long
    while pending:
        item = pending.pop()
        if isinstance(item, str):
            out.append(item)
        elif isinstance(item, list):
            pending.append("]")
            pending.extend(_spelled(one) for one in reversed(cast("list[Any]", item)))
            out.append("[")
        elif isinstance(item, ast.Constant):
            out.append(spelled_constant(item.value))
        else:
            out.append(f"({type(item).__name__}")
            pending.append(")")
            for name, value in reversed(_fields(item, left_out)):
                pending.append(_spelled(value))
                pending.append(f" {name}=")
            left_out = _NOTHING
    return digest_of("".join(out).encode())


def spelled_constant(value: object) -> str:
    """The one spelling of a literal, with its type: `1`, `1.0` and `True` differ, as do `0.0` and `-0.0`."""
    if isinstance(value, int) and not isinstance(value, bool):
        return f"<int {value:x}>"  # decimal text of a huge number is refused by Python
    if isinstance(value, tuple | frozenset):  # the optimiser makes these; the parser does not
        items = [spelled_constant(item) for item in cast("Iterable[object]", value)]
        return f"<{type(value).__name__} {' '.join(items if isinstance(value, tuple) else sorted(items))}>"  # pyright: ignore[reportUnknownArgumentType]
    return f"<{type(value).__name__} {value!a}>"


def _fields(node: ast.AST, left_out: frozenset[str]) -> list[tuple[str, Any]]:
    said: list[tuple[str, Any]] = []
    for name in node._fields:
        value: Any = getattr(node, name, None)
        if name in _UNSAID or name in left_out:
            continue
        if isinstance(value, list):
            if name in _BLOCKS:
                value = [statement for statement in cast("list[Any]", value) if not _says_nothing(statement)]
            elif isinstance(node, ast.JoinedStr):
                value = _merged(node.values)
        if value is not None and value != []:
            said.append((name, cast("Any", value)))
    return said


def _says_nothing(statement: Any) -> bool:
    """A docstring, any other bare constant, `pass`."""
    return isinstance(statement, ast.Pass) or (
        isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
    )


def _merged(values: list[ast.expr]) -> list[Any]:
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


def _spelled(value: Any) -> Any:
    """What goes on the stack: nodes and lists are still to be walked, the rest is text already."""
    return cast("Any", value) if isinstance(value, ast.AST | list) else ascii(value)


@dataclass(frozen=True, slots=True, order=True)
class LocalImport:
    """One name bound by an import inside a function: `from ..text import cut as c` is `("text", "cut", 2)`.

    `attribute` is "" for `import module`; `level` counts the dots.
    """

    module: str
    attribute: str
    level: int


@dataclass(frozen=True, slots=True)
class Names:
    """The names that a definition reads from outside itself, sorted.

    Attributes
    ----------
    outer: chains to look up in its closure, its module and the builtins.
    imported: chains that start at an import inside it; the chain holds what follows the imported name.
    """

    outer: tuple[Chain, ...]
    imported: tuple[tuple[LocalImport, Chain], ...]


def names_of(node: Scope, *, decorators: bool = True) -> Names:
    """The names that a definition reads from outside itself. Annotations are not followed.

    Nor are the defaults of a function's own parameters: they were evaluated when it was made, and a loop variable among
    them (`i=i`) has moved on since. Without `decorators`, the definition's own do not count.

    >>> names_of(ast.parse("lambda x: helpers.cut(x, SIZE)", mode="eval").body).outer
    (('SIZE',), ('helpers', 'cut'))
    """
    found: set[tuple[LocalImport, Chain]] = set()
    around = _Reading(found)
    around.enter(node)
    if not isinstance(node, ast.ClassDef):
        around.pending.clear()
    if decorators:
        around.pending += getattr(node, "decorator_list", [])
    return Names(tuple(sorted(around.run())), tuple(sorted(found)))


class _Reading:
    """One scope being read: what it binds, what it reads, what it imports."""

    def __init__(
        self, found: set[tuple[LocalImport, Chain]], *, is_class: bool = False, function: _Reading | None = None
    ) -> None:
        self.found = found
        self.is_class = is_class
        self.binder = function or self  # `:=` in a comprehension binds in the function around it
        self.pending: list[ast.AST] = []
        self.bound: set[str] = set()
        self.outside: set[str] = set()
        self.reads: set[Chain] = set()
        self.imports: dict[str, list[LocalImport]] = {}
        self.inner: list[_Reading] = []

    def run(self) -> set[Chain]:
        """Read everything that waits; the chains that this scope does not bind itself."""
        while self.pending:
            self._read(self.pending.pop())
        free: set[Chain] = set()
        for inner in self.inner:
            free |= inner.run()
        if not self.is_class:  # functions in a class do not see its names
            free |= self.reads
            return self._left(free)
        return free | self._left(self.reads)

    def _left(self, chains: set[Chain]) -> set[Chain]:
        bound = self.bound - self.outside
        for chain in chains:
            for imported in self.imports.get(chain[0], ()):
                self.found.add((imported, chain[1:]))
        return {chain for chain in chains if chain[0] not in bound}

    def enter(self, node: Scope) -> None:
        """A scope inside this one, with those of its parts that are evaluated out here."""
        comprehension = isinstance(node, _Comprehension)
        inner = _Reading(
            self.found, is_class=isinstance(node, ast.ClassDef), function=self.binder if comprehension else None
        )
        self.inner.append(inner)
        if isinstance(node, ast.ClassDef):
            self.pending += [*node.bases, *node.keywords]
            inner.pending += node.body
        elif isinstance(node, _Comprehension):
            inner.pending += ast.iter_child_nodes(node)
        else:
            arguments = node.args
            self.pending += [
                *arguments.defaults,
                *(default for default in arguments.kw_defaults if default is not None),
            ]
            every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
            inner.bound |= {argument.arg for argument in every if argument is not None}
            inner.pending += node.body if isinstance(node.body, list) else [node.body]
        inner.bound |= {parameter.name for parameter in getattr(node, "type_params", [])}

    def _read(self, node: ast.AST) -> None:
        match node:
            case ast.Name(id=name, ctx=ast.Load()):
                self.reads.add((name,))
            case ast.Name(id=name):
                self.bound.add(name)
            case ast.Attribute():
                self._attribute(node)
            case ast.NamedExpr(target=ast.Name(id=name), value=value):
                self.binder.bound.add(name)
                self.bound.add(name)
                self.pending.append(value)
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                self.bound.add(node.name)
                self.pending += node.decorator_list
                self.enter(node)
            case ast.Lambda() | ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
                self.enter(node)
            case ast.Import() | ast.ImportFrom():
                self._import(node)
            case ast.AugAssign(target=ast.Name(id=name)):
                self.reads.add((name,))
                self.pending += [node.target, node.value]
            case ast.AnnAssign(target=target, value=value):
                self.pending += [target] if value is None else [target, value]
            case _:
                self._bind(node)
                self.pending += ast.iter_child_nodes(node)

    def _attribute(self, node: ast.Attribute) -> None:
        attributes: list[str] = []
        at: ast.expr = node
        while isinstance(at, ast.Attribute):
            attributes.append(at.attr)
            at = at.value
        if isinstance(at, ast.Name):
            self.reads.add((at.id, *reversed(attributes)))
        else:
            self.pending.append(at)

    def _bind(self, node: ast.AST) -> None:
        """Names that are bound, or declared to be bound elsewhere, by other nodes than `Name`."""
        if isinstance(node, ast.Global | ast.Nonlocal):
            self.outside |= {*node.names}
        bound = node.rest if isinstance(node, ast.MatchMapping) else None
        if isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar):
            bound = node.name
        if bound:
            self.bound.add(bound)

    def _import(self, node: ast.Import | ast.ImportFrom) -> None:
        for alias in node.names:
            if isinstance(node, ast.ImportFrom):
                local, imported = alias.name, LocalImport(node.module or "", alias.name, node.level)
            elif alias.asname:
                local, imported = alias.name, LocalImport(alias.name, "", 0)
            else:
                local = alias.name.partition(".")[0]
                imported = LocalImport(local, "", 0)
            local = alias.asname or local
            self.bound.add(local)
            self.imports.setdefault(local, []).append(imported)
