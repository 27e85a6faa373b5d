"""What an annotation means, as a value: names in one spelling, whatever imported them.

`pl.LazyFrame`, `"LF"` behind `if TYPE_CHECKING: from polars import LazyFrame as LF`, and an alias of either all become
the form `polars.LazyFrame`. Nothing is imported for it: what is not loaded is told by the module's import statements.
"""

from __future__ import annotations

import ast
import importlib.util
import sys
import types
import typing
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, cast

from .text.source import SourceFile, file_of

_MISSING = object()
_DEPTH = 20  # aliases of aliases; more is a cycle
_AROUND = {"Annotated", "Required", "NotRequired", "ReadOnly"}
"""What stands around a type and says nothing of its form."""
_SPECIAL = {"Optional", "Union", "Literal", "Any", *_AROUND}


class Unresolved(Exception):
    """An annotation cannot be read; the text says which part of it and why."""


@dataclass(frozen=True, slots=True)
class Form:
    """One annotation or part of one.

    Attributes
    ----------
    name: dotted, `"polars.LazyFrame"`, `"builtins.list"`; or `"None"`, `"Union"`, `"Literal"`, `"Any"`,
        `"TypedDict"`.
    args: what stands in its brackets.
    values: of a `Literal`.
    found: the class itself, where it is loaded.
    """

    name: str
    args: tuple[Form, ...] = ()
    values: tuple[Any, ...] = ()
    found: Any = field(default=None, compare=False)


@dataclass(slots=True)
class Scope:
    """Where the names of an annotation are looked up: what a function closes over, its module, the builtins; then the
    import statements and aliases in its file, those under `if TYPE_CHECKING` among them."""

    nearby: dict[str, Any]
    module: dict[str, Any]
    filename: str
    _forms: dict[str, Form] = field(default_factory=dict[str, Form])

    def form_of(self, annotation: object) -> Form:
        """The form of an annotation, an object or text.

        Raises
        ------
        Unresolved: a name in it is known nowhere, or it is no type.
        """
        if not isinstance(annotation, str):
            return self._of_object(annotation, _DEPTH)
        known = self._forms.get(annotation)
        if known is None:
            known = self._forms[annotation] = self._of_text(annotation, _DEPTH)
        return known

    def _of_text(self, text: str, depth: int) -> Form:
        try:
            expression = ast.parse(text.strip(), mode="eval").body
        except SyntaxError:
            raise Unresolved(f"{text!r} is no Python expression") from None
        return self._of_node(expression, depth)

    def _of_node(self, node: ast.expr, depth: int) -> Form:
        match node:
            case ast.Constant(value=None):
                form = Form("None")
            case ast.Constant(value=str() as text):
                form = self._of_text(text, depth)
            case ast.Constant(value=value) if value is ...:
                form = Form("...")
            case ast.BinOp(left=left, op=ast.BitOr(), right=right):
                form = _union([self._of_node(left, depth), self._of_node(right, depth)])
            case ast.Subscript(value=base, slice=inside):
                form = self._of_subscript(base, inside, depth)
            case ast.Name() | ast.Attribute():
                form = self._of_name(node, depth)
            case ast.List(elts=items):  # Callable[[int], str]
                form = Form("list of types", tuple(self._of_node(item, depth) for item in items))
            case _:
                raise Unresolved(f"{ast.unparse(node)!r} is no type")
        return form

    def _of_subscript(self, base: ast.expr, inside: ast.expr, depth: int) -> Form:
        outer = self._of_name(base, depth)
        items = inside.elts if isinstance(inside, ast.Tuple) else [inside]
        if outer.name == "Literal":
            return Form("Literal", values=tuple(_literal(item) for item in items))
        if outer.name in _AROUND:
            return self._of_node(items[0], depth)
        args = [self._of_node(item, depth) for item in items]
        if outer.name in {"Optional", "Union"}:
            return _union([*args, Form("None")] if outer.name == "Optional" else args)
        return Form(outer.name, tuple(args), found=outer.found)

    def _of_name(self, node: ast.expr, depth: int) -> Form:
        chain = _chain(node)
        if depth == 0:
            raise Unresolved(f"{'.'.join(chain)} is an alias of itself")
        value = self._value(chain)
        if value is not _MISSING:
            return self._of_object(value, depth - 1)
        file = file_of(self.filename, self.module)
        dotted = _imported(file, chain, str(self.module.get("__package__") or "")) if file is not None else ""
        if dotted:
            value = _loaded(dotted)
            return _named(dotted) if value is _MISSING else self._of_object(value, depth - 1)
        alias = _alias(file, chain[0]) if file is not None and len(chain) == 1 else None
        if alias is None:
            raise Unresolved(f"the name {'.'.join(chain)} is known neither to the module nor to its imports")
        return self._of_node(alias, depth - 1)

    def _value(self, chain: tuple[str, ...]) -> object:
        value: object = _MISSING
        for names in (self.nearby, self.module, vars(sys.modules["builtins"])):
            value = names.get(chain[0], _MISSING)
            if value is not _MISSING:
                break
        for attribute in chain[1:]:
            if value is _MISSING:
                break
            value = getattr(value, attribute, _MISSING)
        return value

    def _of_object(self, value: object, depth: int) -> Form:
        if depth == 0:
            raise Unresolved("it is an alias of itself")
        if isinstance(value, str | typing.ForwardRef):
            return self._of_text(value if isinstance(value, str) else value.__forward_arg__, depth - 1)
        special = _special(value)
        if special is not None:
            return special
        if typing.get_origin(value) is not None:
            return self._of_generic(typing.get_origin(value), typing.get_args(value), depth - 1)
        if isinstance(value, type):
            return Form("TypedDict" if typing.is_typeddict(value) else _dotted(value), found=value)
        inner: object = getattr(value, "__supertype__", None) or getattr(value, "__value__", None)
        if inner is None:
            raise Unresolved(f"{_shown(value)} is no type")
        return self._of_object(inner, depth - 1)  # NewType, `type X = …`

    def _of_generic(self, origin: object, args: tuple[Any, ...], depth: int) -> Form:
        around = _special(origin)
        if around is not None and around.name in _AROUND:
            return self._of_object(args[0], depth)
        if origin is typing.Literal:
            return Form("Literal", values=args)
        inner = [self._of_argument(arg, depth) for arg in args]
        if origin is typing.Union or origin is types.UnionType:
            return _union(inner)
        return Form(_dotted(origin), tuple(inner), found=origin)

    def _of_argument(self, value: object, depth: int) -> Form:
        if value is ...:
            return Form("...")
        if isinstance(value, list):
            return Form("list of types", tuple(self._of_object(item, depth) for item in cast("list[object]", value)))
        return self._of_object(value, depth)


def _special(value: object) -> Form | None:
    if value is None or value is type(None):
        return Form("None")
    name = getattr(value, "_name", None) or getattr(value, "__name__", None)
    if getattr(value, "__module__", "") in {"typing", "typing_extensions"} and name in _SPECIAL:
        return Form(name) if typing.get_origin(value) is None else None
    return None


def _named(dotted: str) -> Form:
    """The form of a name whose module is not loaded."""
    head, _, last = dotted.rpartition(".")
    return Form(last if head in {"typing", "typing_extensions"} and last in _SPECIAL else dotted)


def _union(forms: list[Form]) -> Form:
    flat: list[Form] = []
    for form in forms:
        flat.extend(form.args if form.name == "Union" else (form,))
    return Form("Union", tuple(dict.fromkeys(flat)))


def _dotted(value: object) -> str:
    return f"{getattr(value, '__module__', '')}.{getattr(value, '__qualname__', '') or getattr(value, '__name__', '')}"


def _shown(value: object) -> str:
    """Words for what stands where a type should: never a text with a memory address."""
    return f"{value!r}" if isinstance(value, int | float | tuple | dict) else f"a {type(value).__qualname__}"


def _literal(node: ast.expr) -> object:
    try:
        return ast.literal_eval(node)
    except ValueError:
        raise Unresolved(f"{ast.unparse(node)!r} is no literal") from None


def _chain(node: ast.expr) -> tuple[str, ...]:
    attributes: list[str] = []
    at = node
    while isinstance(at, ast.Attribute):
        attributes.append(at.attr)
        at = at.value
    if not isinstance(at, ast.Name):
        raise Unresolved(f"{ast.unparse(node)!r} is no type")
    return (at.id, *reversed(attributes))


def _imported(file: SourceFile, chain: tuple[str, ...], package: str) -> str:
    """The dotted name that a chain stands for by the imports of its file, or "" if none binds it."""
    source = file.imports.get(chain[0])
    if source is None:
        return ""
    module = source.module
    if source.level:
        try:
            module = importlib.util.resolve_name("." * source.level + module, package)
        except ImportError:
            return ""
    return ".".join(part for part in (module, source.attribute, *chain[1:]) if part)


def _loaded(dotted: str) -> object:
    """What a dotted name stands for, as far as it is loaded already; names of penstock's face would load more."""
    parts = dotted.split(".")
    if parts[0] == "penstock":
        return _MISSING
    for count in range(len(parts) - 1, 0, -1):
        value: object = sys.modules.get(".".join(parts[:count]), _MISSING)
        if value is not _MISSING:
            for attribute in parts[count:]:
                value = getattr(value, attribute, _MISSING)
            return value
    return _MISSING


def _alias(file: SourceFile, name: str) -> ast.expr | None:
    """What a name is assigned in a file without being run: `if TYPE_CHECKING: Rows = list[dict]`."""
    for node in _assignments(file.tree.body):
        match node:
            case ast.Assign(targets=[ast.Name(id=target)], value=value) if target == name:
                return value
            case ast.AnnAssign(target=ast.Name(id=target), value=value) if target == name:
                return value
            case _:
                if getattr(getattr(node, "name", None), "id", "") == name:  # `type Rows = …`, since 3.12
                    return cast("Any", node).value
    return None


def _assignments(block: list[ast.stmt]) -> Iterator[ast.stmt]:
    for node in block:
        yield node
        if isinstance(node, ast.If):
            yield from _assignments(node.body)
