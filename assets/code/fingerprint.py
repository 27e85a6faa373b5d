"""The code fingerprint: equal as long as the code that makes a dataset says the same.

A fingerprint is taken over a graph of *parts*: the producer, every function and class of the project's own that it
reaches, and every constant that they read. Each part has a digest of what it says itself; the whole adds how they refer
to each other, by number, so that moving a helper to another module changes nothing, and recursion is just an edge.

What counts: syntax (annotations too: they decide what is handed in), defaults, closure values, the module constants
that are read, by value. What does not: comments, docstrings, formatting, the producer's own name, decorators that were
applied after it (`@asset(…)`; its keywords are the definition, not the code). Code of an installed distribution or the
standard library counts by its name; a wrapper from there counts by its name, the decorator's text and what it wraps.

Must never keep a value: parts hold names and digests.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any, cast

from ...storage.manifest import canonical_json, digest_of
from .constants import CODE, Constant, spelled_class
from .names import Chain, ImportedName, Names, names_of
from .ownership import Home, home_of, is_own, is_own_class, is_own_module, is_penstocks
from .shapes import shape_of
from .source import class_nodes, file_of, uncollected
from .syntax import digest_of_syntax

_NOTHING = object()


@dataclass(frozen=True, slots=True, kw_only=True)
class Fingerprint:
    """The fingerprint of a producer.

    Attributes
    ----------
    digest: 64 hexadecimal digits; the same in every process and on every machine.
    parts: (name, digest) of the producer and of everything of the project's own that it reaches, in the order met;
        two fingerprints are compared part by part to say what changed: `helpers.cut`, `assets.SIZE`.
    missing: what could not be covered, each a sentence; a change there goes unnoticed.
    """

    digest: str
    parts: tuple[tuple[str, str], ...]
    missing: tuple[str, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether everything that the producer reads is covered by its source or its value."""
        return not self.missing


def fingerprint(function: object) -> Fingerprint:
    """The code fingerprint of one producer: a function, a partial, a bound method or a callable object.

    Imports the project's own modules that the producer imports inside itself, since it would when called.

    >>> def double(x): return 2 * x
    >>> len(fingerprint(double).digest)
    64
    """
    return fingerprints([function])[0]


def fingerprints(functions: Iterable[object]) -> list[Fingerprint]:
    """The fingerprints of many producers; what they share is read once."""
    readers: dict[Home, _Reader] = {}
    found: list[Fingerprint] = []
    with uncollected():
        for function in functions:
            home = _home(function)
            found.append(readers.setdefault(home, _Reader(home)).fingerprint(function))
    return found


def _home(function: object) -> Home:
    inner: Any = function
    while not isinstance(inner, FunctionType | MethodType):
        step: object = getattr(inner, "__wrapped__", None) or getattr(inner, "func", None)
        if not callable(step):
            inner = getattr(cast("object", inner).__class__, "__call__", None)  # noqa: B004  the method itself is wanted
            break
        inner = step
    inner = inspect.unwrap(inner) if isinstance(inner, FunctionType) else inner
    code: object = getattr(inner, "__code__", None)
    return home_of(inner.__module__ or "", code.co_filename) if isinstance(code, CodeType) else Home()


@dataclass(frozen=True, slots=True)
class _Target:
    """Something that has a part of its own; `key` tells whether two are the same."""

    key: tuple[object, ...]
    label: str
    value: Any
    decorated: bool = False  # reached through a foreign wrapper: its decorators are known by their text alone


@dataclass(frozen=True, slots=True)
class _Part:
    digest: str
    edges: tuple[_Target, ...]
    missing: tuple[str, ...]


_OF_THE_MODULE = frozenset(
    {"__file__", "__name__", "__path__", "__package__", "__spec__", "__loader__", "__cached__", "__doc__"}
    | {"__builtins__", "__annotations__", "__class__", "__debug__"}
)


class _Reader:
    """Reads parts, each once."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self._parts: dict[tuple[object, ...], tuple[_Target, _Part]] = {}  # holds the values, so that ids stay theirs

    def fingerprint(self, function: object) -> Fingerprint:
        root = self._root(function)
        order: list[_Target] = [root]
        number = {root.key: 0}
        parts: list[_Part] = []
        for target in order:  # grows
            part = self._part(target)
            parts.append(part)
            for edge in part.edges:
                if edge.key not in number:
                    number[edge.key] = len(order)
                    order.append(edge)
        whole = [[part.digest, [number[edge.key] for edge in part.edges]] for part in parts]
        return Fingerprint(
            digest=digest_of(canonical_json(whole)),
            parts=tuple((target.label, part.digest) for target, part in zip(order, parts, strict=True)),
            missing=tuple(dict.fromkeys(sentence for part in parts for sentence in part.missing)),
        )

    def _root(self, function: object) -> _Target:
        walk = Constant(self._refer, self.home.root)
        if self._refer(function, walk) == "own function":
            return cast("_Target", walk.edges[0])
        named = function if hasattr(function, "__qualname__") else type(function)
        return _Target(("root", id(function)), f"{named.__module__}.{getattr(named, '__qualname__', '')}", function)

    def _part(self, target: _Target) -> _Part:
        known = self._parts.get(target.key)
        if known is None:
            known = self._parts[target.key] = (target, self._read(target))
        return known[1]

    def _read(self, target: _Target) -> _Part:
        walk = Constant(self._refer, self.home.root)
        missing: list[str] = []
        if target.key[0] == "function":
            texts = self._function(target, walk, missing)
        elif target.key[0] == "class":
            texts = self._class(target, walk, missing)
        elif target.key[0] == "module":
            texts = self._module(target, missing)
        else:
            texts = [walk.spell(target.value)]
        missing += [f"{target.label} holds {what}: a change of it goes unnoticed" for what in walk.missing]
        return _Part(digest_of("\n".join(texts).encode()), tuple(cast("list[_Target]", walk.edges)), tuple(missing))

    # what each kind of part says

    def _function(self, target: _Target, walk: Constant, missing: list[str]) -> list[str]:
        function = cast("FunctionType", target.value)
        shape = shape_of(function, decorated=target.decorated)
        if not shape.has_source:
            missing.append(f"{target.label} has no source: its bytecode counts, which other versions of Python change")
        cells = {
            name: _content(cell)
            for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
        }
        texts = [shape.text]
        texts.append(f"defaults {walk.spell(function.__defaults__)} {walk.spell(_sorted(function.__kwdefaults__))}")
        read = {chain[0] for chain in shape.names.outer}
        texts += [f"closure {name} {walk.spell(value)}" for name, value in cells.items() if name not in read]
        namespace = function.__globals__
        for chain in shape.names.outer:
            if chain[0] in cells:
                texts.append(f"closure {chain} {self._through(cells[chain[0]], chain[1:], None, chain[0], walk)}")
            else:
                texts.append(f"global {chain} {self._global(chain, namespace, walk)}")
        texts += self._imports(shape.names, namespace, target.label, walk, missing)
        return texts

    def _class(self, target: _Target, walk: Constant, missing: list[str]) -> list[str]:
        cls = cast("type", target.value)
        nodes = class_nodes(cls)
        if not nodes:
            text = spelled_class(cls, walk)
            if text is None:
                missing.append(f"{target.label} has no source: a change of it goes unnoticed")
            return [text or f"class {cls.__qualname__}"]
        namespace = _around(cls)
        texts: list[str] = []
        for node in nodes:
            names = names_of(node)
            texts.append(f"class {digest_of_syntax(node)}")
            texts += [f"global {chain} {self._global(chain, namespace, walk)}" for chain in names.outer]
            texts += self._imports(names, namespace, target.label, walk, missing)
        return texts

    def _module(self, target: _Target, missing: list[str]) -> list[str]:
        module = cast("ModuleType", target.value)
        file = file_of(getattr(module, "__file__", None) or "", vars(module))
        if file is None:
            missing.append(f"{target.label} is used as a value and has no source: a change of it goes unnoticed")
        return [f"module {digest_of_syntax(file.tree) if file is not None else module.__name__}"]

    # what a name stands for

    def _global(self, chain: Chain, namespace: dict[str, Any], walk: Constant) -> str:
        name = chain[0]
        if name in _OF_THE_MODULE:
            return "of the module"  # `__file__`, `__name__`: where the code lies, not what it says
        value = namespace.get(name, _NOTHING)
        if value is _NOTHING:
            return "builtin or unbound"
        return self._through(value, chain[1:], namespace, name, walk)

    def _through(self, value: object, rest: Chain, namespace: dict[str, Any] | None, name: str, walk: Constant) -> str:
        """What a chain of attributes ends at: through the project's own modules, no further than the first value."""
        left = list(rest)
        while isinstance(value, ModuleType):
            if not is_own_module(value, self.home) or not left:
                return self._refer(value, walk) or ""
            namespace, name = vars(value), left.pop(0)
            value = _attribute(value, name)
            if value is _NOTHING:
                return "unbound"
        text = self._refer(value, walk)
        if text is not None:
            return text
        if namespace is None:
            return walk.spell(value)
        imported = self._imported(value, namespace, name)
        if imported:
            return imported
        module = str(namespace.get("__name__", ""))
        walk.edges.append(_Target(("constant", module, name, id(value)), f"{module}.{name}", value))
        return "constant"

    def _imported(self, value: object, namespace: dict[str, Any], name: str) -> str:
        """For an object that an installed library made and a module imported (`from polars import col`): its name."""
        if type(value).__module__ == "builtins" or is_own_class(type(value), self.home):
            return ""
        file = file_of(str(namespace.get("__file__") or ""), namespace)
        source = file.imports.get(name) if file is not None else None
        if source is None or source.level or not source.attribute:
            return ""
        module = sys.modules.get(source.module)
        if module is None or is_own_module(module, self.home):
            return ""
        same = getattr(module, source.attribute, _NOTHING) is value
        return f"import {source.module}.{source.attribute}" if same else ""

    def _imports(
        self, names: Names, namespace: dict[str, Any], label: str, walk: Constant, missing: list[str]
    ) -> list[str]:
        """What the imports inside a function stand for."""
        texts: list[str] = []
        for source, chain in names.imported:
            absolute = _absolute(source, namespace)
            if not self._is_own_import(absolute):
                texts.append(f"import {absolute}.{source.attribute}.{'.'.join(chain)}")
                continue
            try:
                value: object = importlib.import_module(absolute)
            except Exception as error:  # the project's module may raise anything
                missing.append(f"{label} imports {absolute}, which raises {type(error).__name__}: it is not covered")
                continue
            rest = (source.attribute, *chain) if source.attribute else chain
            texts.append(f"local {rest} {self._through(value, rest, None, absolute, walk)}")
        return texts

    def _is_own_import(self, absolute: str) -> bool:
        top = absolute.partition(".")[0]
        module = sys.modules.get(top)
        if module is not None:
            return is_own_module(module, self.home)
        try:
            spec = importlib.util.find_spec(top)
        except (ImportError, ValueError):
            return False
        return spec is not None and is_own(top, spec.origin or "", self.home)

    def _refer(self, value: object, walk: Constant) -> str | None:
        """The text that stands for code, after an edge was added for what is the project's own; None for no code."""
        if isinstance(value, ModuleType):
            if not is_own_module(value, self.home):
                return f"module {value.__name__}"
            walk.edges.append(_Target(("module", id(value)), value.__name__, value))
            return "own module"
        if isinstance(value, type):
            if not is_own_class(value, self.home):
                return f"class {value.__module__}.{value.__qualname__}"
            walk.edges.append(_Target(("class", id(value)), f"{value.__module__}.{value.__qualname__}", value))
            return "own class"
        if isinstance(value, MethodType):
            return f"method {walk.spell(value.__func__)} of {walk.spell(value.__self__)}"
        return self._own_function(value, walk, decorated=False) or self._foreign(value, walk)

    def _own_function(self, value: object, walk: Constant, *, decorated: bool) -> str | None:
        if not isinstance(value, FunctionType):
            return None
        if not is_own(value.__module__ or "", value.__code__.co_filename, self.home):
            return None
        label = f"{value.__module__}.{value.__qualname__}"
        walk.edges.append(_Target(("function", id(value), decorated), label, value, decorated))
        return "own function"

    def _foreign(self, value: object, walk: Constant) -> str | None:
        """A function of a library, or an object around a function (`lru_cache`, an asset), with what it wraps."""
        kind = type(value)
        inner: object = getattr(value, "__dict__", {}).get("__wrapped__")
        if inner is not None:
            if is_own_class(kind, self.home):
                return None
            told = self._own_function(inner, walk, decorated=not is_penstocks(kind)) or walk.spell(inner)
            if is_penstocks(kind):  # what `@asset` made of it is the definition, not the code
                return told
            by = f"{kind.__module__}.{kind.__qualname__}"
            if isinstance(value, FunctionType):  # its own names are those of what it wraps
                by = f"{value.__globals__.get('__name__')}.{value.__code__.co_qualname}"
            return f"wrapper {by} of {told}"
        if not isinstance(value, CODE):
            return None
        name = f"{getattr(value, '__module__', None)}.{getattr(value, '__qualname__', kind.__qualname__)}"
        owner: object = getattr(value, "__self__", None)
        if owner is not None and not isinstance(owner, ModuleType):
            return f"function {name} of {walk.spell(owner)}"
        return f"function {name}"


def _around(cls: type) -> dict[str, Any]:
    """The names that the body of a class sees: those of its module, and those its methods close over."""
    methods = [
        item for item in vars(cls).values() if isinstance(item, FunctionType) and item.__module__ == cls.__module__
    ]
    module = sys.modules.get(cls.__module__)
    namespace = dict(methods[0].__globals__ if methods else vars(module) if module is not None else {})
    for method in methods:
        cells = zip(method.__code__.co_freevars, method.__closure__ or (), strict=True)
        namespace |= {name: _content(cell) for name, cell in cells if name != "__class__"}
    return namespace


def _content(cell: Any) -> object:
    try:
        return cell.cell_contents
    except ValueError:
        return "an empty cell"


def _sorted(mapping: dict[str, Any] | None) -> dict[str, Any] | None:
    return None if mapping is None else dict(sorted(mapping.items()))


def _attribute(module: ModuleType, name: str) -> object:
    """An attribute of a module, or its submodule of that name, imported if need be."""
    value: object = getattr(module, name, _NOTHING)
    if value is _NOTHING and hasattr(module, "__path__"):
        try:
            value = importlib.import_module(f"{module.__name__}.{name}")
        except ImportError:
            return _NOTHING
    return value


def _absolute(source: ImportedName, namespace: dict[str, Any]) -> str:
    if not source.level:
        return source.module
    try:
        return importlib.util.resolve_name("." * source.level + source.module, str(namespace.get("__package__") or ""))
    except ImportError:
        return source.module
