"""The names that a definition reads from outside itself, with the scopes of Python as the language has them.

Bytecode would tell them too, but differently in every version, and without the attributes that follow a name.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, cast

_Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
Scope = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef | _Comprehension

IMPORTERS = frozenset({"import_module", "__import__"})
_BY_TEXT = {"getattr": 1, "import_module": 0, "__import__": 0}  # the argument that may name something as a text

Chain = tuple[str, ...]
"""A name with the attributes read from it: `helpers.cut` is `("helpers", "cut")`."""


@dataclass(frozen=True, slots=True, order=True)
class ImportedName:
    """What an import binds a name to: `from ..text import cut as c` binds c to `("text", "cut", 2)`.

    `attribute` is "" for `import module`; `level` counts the dots.
    """

    module: str
    attribute: str
    level: int


def imported_names(node: ast.Import | ast.ImportFrom) -> Iterator[tuple[str, ImportedName]]:
    """The names that an import binds, each with what it stands for; `import a.b` binds a.

    >>> list(imported_names(ast.parse("import a.b").body[0]))
    [('a', ImportedName(module='a', attribute='', level=0))]
    """
    for alias in node.names:
        if isinstance(node, ast.ImportFrom):
            yield alias.asname or alias.name, ImportedName(node.module or "", alias.name, node.level)
        elif alias.asname:
            yield alias.asname, ImportedName(alias.name, "", 0)
        else:
            top = alias.name.partition(".")[0]
            yield top, ImportedName(top, "", 0)


@dataclass(frozen=True, slots=True)
class Names:
    """The names that a definition reads from outside itself, sorted.

    Attributes
    ----------
    outer: chains to look up in its closure, its module and the builtins.
    imported: chains that start at an import inside it; the chain holds what follows the imported name.
    """

    outer: tuple[Chain, ...]
    imported: tuple[tuple[ImportedName, Chain], ...]


def names_of(node: Scope, *, decorators: bool = True) -> Names:
    """The names that a definition reads from outside itself. Annotations are not followed.

    Nor are the defaults of a function's own parameters: they were evaluated when it was made, and a loop variable among
    them (`i=i`) has moved on since. Without `decorators`, the definition's own do not count.

    >>> names_of(ast.parse("lambda x: helpers.cut(x, SIZE)", mode="eval").body).outer
    (('SIZE',), ('helpers', 'cut'))
    """
    found: set[tuple[ImportedName, Chain]] = set()
    around = _Reading(found)
    _enter(around, node)
    if not isinstance(node, ast.ClassDef):
        around.pending.clear()
    if decorators:
        around.pending += getattr(node, "decorator_list", [])
    return Names(tuple(sorted(around.run())), tuple(sorted(found)))


def names_in_module(tree: ast.Module) -> Names:
    """What a whole module reads through its own imports; the names that it binds itself are its text."""
    found: set[tuple[ImportedName, Chain]] = set()
    around = _Reading(found)
    around.pending += tree.body
    return Names(tuple(sorted(around.run())), tuple(sorted(found)))


def bound_in(node: ast.ClassDef) -> frozenset[str]:
    """The names that the body of a class binds, those that are only annotated among them.

    >>> sorted(bound_in(ast.parse("class A:\\n    x: int\\n    def f(self): y = 1").body[0]))
    ['f', 'x']
    """
    inside = _Reading(set(), is_class=True)
    inside.pending += node.body
    inside.run()
    return frozenset(inside.bound)


def names_in_annotations(node: Scope) -> tuple[Chain, ...]:
    """The names in the annotations of a function's parameters and of what it returns, those written as text too."""
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return ()
    arguments = node.args
    pending: list[ast.AST | None] = [node.returns]
    pending += [one.annotation for one in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
    found: set[Chain] = set()
    while pending:
        match pending.pop():
            case ast.Name(id=name):
                found.add((name,))
            case ast.Attribute() as one:
                reading = _Reading(set())
                _attribute(reading, one)
                found |= reading.reads
            case ast.Subscript(value=outer, slice=inside):
                pending.append(outer)
                if getattr(outer, "attr", getattr(outer, "id", "")) != "Literal":  # its texts are values
                    pending.append(inside)
            case ast.Constant(value=str() as text):
                try:
                    pending.append(ast.parse(text.strip(), mode="eval").body)
                except SyntaxError:
                    continue
            case None | ast.Constant():
                continue
            case one:
                pending += ast.iter_child_nodes(one)
    return tuple(sorted(found))


class _Reading:
    """One scope being read: what waits to be read, what it binds, reads and imports, and the scopes inside it."""

    __slots__ = ("binder", "bound", "found", "imports", "inner", "is_class", "outside", "pending", "reads")

    def __init__(self, found: set[tuple[ImportedName, Chain]], *, is_class: bool = False) -> None:
        self.found = found
        self.is_class = is_class
        self.binder = self  # `:=` in a comprehension binds in the function around it
        self.pending: list[ast.AST] = []
        self.bound: set[str] = set()
        self.outside: set[str] = set()
        self.reads: set[Chain] = set()
        self.imports: dict[str, list[ImportedName]] = {}
        self.inner: list[_Reading] = []

    def run(self) -> set[Chain]:
        """Read everything that waits; the chains that this scope does not bind itself."""
        pending = self.pending
        while pending:
            node = pending.pop()
            kind = node.__class__
            read = _READERS.get(kind)
            if read is not None:
                read(self, node)
                continue
            for name in _children.get(kind) or _children_of(kind):
                value: Any = getattr(node, name, None)
                if isinstance(value, list):  # whose members may be None: the key of `**rest`
                    pending += [one for one in cast("list[Any]", value) if isinstance(one, ast.AST)]
                elif isinstance(value, ast.AST):
                    pending.append(value)
        inner = [chain for scope in self.inner for chain in scope.run()]
        if self.is_class:  # functions in a class do not see its names
            return {*inner, *self._left(self.reads)}
        return self._left(self.reads.union(inner))

    def _left(self, chains: set[Chain]) -> set[Chain]:
        bound = self.bound - self.outside
        for chain in chains if self.imports else ():
            self.found.update((imported, chain[1:]) for imported in self.imports.get(chain[0], ()))
        return {chain for chain in chains if chain[0] not in bound}


_children: dict[type, tuple[str, ...]] = {}


def _children_of(kind: type[ast.AST]) -> tuple[str, ...]:
    return _children.setdefault(kind, tuple(name for name in kind._fields if name not in {"ctx", "op", "ops"}) or ("",))


def _enter(scope: _Reading, node: Any) -> None:
    """A scope inside another, with those of its parts that are evaluated outside of it."""
    inner = _Reading(scope.found, is_class=isinstance(node, ast.ClassDef))
    scope.inner.append(inner)
    if isinstance(node, ast.ClassDef):
        scope.pending += [*node.bases, *node.keywords]
        inner.pending += node.body
    elif isinstance(node, _Comprehension):
        inner.binder = scope.binder
        inner.pending += ast.iter_child_nodes(node)
    else:
        arguments: ast.arguments = node.args
        scope.pending += arguments.defaults
        scope.pending += [default for default in arguments.kw_defaults if default is not None]
        every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
        inner.bound.update([argument.arg for argument in every if argument is not None])
        inner.pending += [node.body] if isinstance(node, ast.Lambda) else node.body
    inner.bound.update([parameter.name for parameter in getattr(node, "type_params", ())])


def _definition(scope: _Reading, node: Any) -> None:
    scope.bound.add(node.name)
    scope.pending += node.decorator_list
    _enter(scope, node)


def _name(scope: _Reading, node: Any) -> None:
    if node.ctx.__class__ is ast.Load:
        scope.reads.add((node.id,))
    else:
        scope.bound.add(node.id)


def _attribute(scope: _Reading, node: Any) -> None:
    attributes: list[str] = []
    while isinstance(node, ast.Attribute):
        attributes.append(node.attr)
        node = node.value
    if isinstance(node, ast.Name):
        scope.reads.add((node.id, *reversed(attributes)))
    else:
        scope.pending.append(node)


def _call(scope: _Reading, node: Any) -> None:
    """A call; `getattr(module, "name")` and `import_module("name")` read what they would read in plain words."""
    called: Any = node.func
    kind = called.__class__
    name = called.id if kind is ast.Name else called.attr if kind is ast.Attribute else ""
    if name in _BY_TEXT and len(node.args) > _BY_TEXT[name]:
        text = getattr(node.args[_BY_TEXT[name]], "value", None)
        if isinstance(text, str) and name == "getattr" and text.isidentifier():
            scope.reads.add((name,))
            scope.pending += node.args[2:]
            _attribute(scope, ast.Attribute(node.args[0], text))
            return
        if isinstance(text, str) and name in IMPORTERS and text and not text.startswith("."):
            scope.found.add((ImportedName(text, "", 0), ()))
    scope.pending.append(called)
    scope.pending += node.args
    scope.pending += node.keywords


def _subscript(scope: _Reading, node: Any) -> None:
    key = constant_key(node)
    if key and isinstance(node.value, ast.Call) and getattr(node.value.func, "id", "") == "globals":
        scope.reads.add((key,))
    scope.pending += [node.value, node.slice]


def constant_key(node: ast.Subscript) -> str:
    """The text in the brackets of `x["text"]`; "" for anything else."""
    return node.slice.value if isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, str) else ""


def _walrus(scope: _Reading, node: Any) -> None:
    scope.binder.bound.add(node.target.id)
    scope.bound.add(node.target.id)
    scope.pending.append(node.value)


def _augmented(scope: _Reading, node: Any) -> None:
    if isinstance(node.target, ast.Name):
        scope.reads.add((node.target.id,))
    scope.pending += [node.target, node.value]


def _annotated(scope: _Reading, node: Any) -> None:
    scope.pending += [node.target] if node.value is None else [node.target, node.value]


def _import(scope: _Reading, node: Any) -> None:
    for local, imported in imported_names(node):
        scope.bound.add(local)
        scope.imports.setdefault(local, []).append(imported)


def _outside(scope: _Reading, node: Any) -> None:
    scope.outside.update(node.names)


def _handler(scope: _Reading, node: Any) -> None:
    scope.bound.add(node.name)
    scope.pending += node.body if node.type is None else [node.type, *node.body]


def _capture(scope: _Reading, node: Any) -> None:
    scope.bound.add(getattr(node, "name", None) or getattr(node, "rest", None) or "")
    scope.pending += ast.iter_child_nodes(node)


_READERS: dict[type, Callable[[_Reading, Any], None]] = {
    ast.Name: _name,
    ast.Attribute: _attribute,
    ast.Call: _call,
    ast.Subscript: _subscript,
    ast.FunctionDef: _definition,
    ast.AsyncFunctionDef: _definition,
    ast.ClassDef: _definition,
    ast.Lambda: _enter,
    ast.ListComp: _enter,
    ast.SetComp: _enter,
    ast.DictComp: _enter,
    ast.GeneratorExp: _enter,
    ast.NamedExpr: _walrus,
    ast.AugAssign: _augmented,
    ast.AnnAssign: _annotated,
    ast.Import: _import,
    ast.ImportFrom: _import,
    ast.Global: _outside,
    ast.Nonlocal: _outside,
    ast.ExceptHandler: _handler,
    ast.MatchAs: _capture,
    ast.MatchStar: _capture,
    ast.MatchMapping: _capture,
}
