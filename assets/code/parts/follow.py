"""What a name in the code stands for: text, and an edge to each part of the project's own.

Own functions, classes, modules and the constants that are read become parts. Code of a library counts by its name; what
the project put into it (a function registered with its dispatcher, one in the place of its own) is followed all the
same. A wrapper from a library counts by its name, by the plain values that it was made with, and by what it wraps.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import FunctionType, MethodType, ModuleType
from typing import Any, cast

from ....storage.errors import stops
from ..ownership import Home, is_own, is_own_class, is_own_module, is_penstocks
from ..text.dynamic import NOTHING
from ..text.names import Chain, ImportedName, Names
from ..text.source import file_of
from .constants import CODE, Constant

_OF_THE_MODULE = frozenset(
    {"__file__", "__name__", "__path__", "__package__", "__spec__", "__loader__", "__cached__", "__doc__"}
    | {"__builtins__", "__annotations__", "__class__", "__debug__"}
)
_SIMPLE = (str, bytes, int, float, bool, type(None))


@dataclass(frozen=True, slots=True)
class Target:
    """Something that has a part of its own; `key` tells whether two are the same."""

    key: tuple[object, ...]
    label: str
    value: Any
    decorated: bool = False  # reached through a foreign wrapper: its decorators are known by their text alone

    @property
    def rank(self) -> tuple[object, ...]:
        """Its place among the members of a set that say the same: by name, then by line, then by what it was made
        with; the same in every process, and the module last, since code may move."""
        value = self.value
        if not isinstance(value, FunctionType):
            return (getattr(value, "__qualname__", ""), self.label, 0)
        code = value.__code__
        spot = next(((line, column) for line, _, column, _ in code.co_positions() if column), (0, 0))
        held = [content_of(cell) for cell in value.__closure__ or ()]
        made = ascii([one for one in (*held, *(value.__defaults__ or ())) if type(one) in _SIMPLE])
        return (value.__qualname__, self.label, code.co_firstlineno, spot, made)


class Follower:
    """Follows names and values from the code of one home."""

    def __init__(self, home: Home) -> None:
        self.home = home

    def walk(self) -> Constant:
        """A walk over a value whose edges are targets."""
        return Constant(self.refer, self.home.root)

    def owns_class(self, cls: type) -> bool:
        """Whether a class is the project's own."""
        return is_own_class(cls, self.home)

    def owns_module(self, module: ModuleType) -> bool:
        """Whether a module is the project's own."""
        return is_own_module(module, self.home)

    def read_globally(self, chain: Chain, namespace: dict[str, Any], walk: Constant) -> str:
        """What a chain that starts at a name of a module ends at."""
        name = chain[0]
        if name in _OF_THE_MODULE:
            return "of the module"  # `__file__`, `__name__`: where the code lies, not what it says
        value = namespace.get(name, NOTHING)
        if value is NOTHING:
            return "builtin or unbound"
        return self.through(value, chain[1:], namespace, name, walk)

    def through(self, value: object, rest: Chain, namespace: dict[str, Any] | None, name: str, walk: Constant) -> str:
        """What a chain of attributes ends at: through the project's own modules, no further than the first value."""
        left = list(rest)
        while isinstance(value, ModuleType):
            if not self.owns_module(value):
                return f"module {value.__name__}{self._replaced(value, left, walk)}"
            if not left or left[0] == "__dict__":
                return self.refer(value, walk) or ""
            namespace, name = vars(value), left.pop(0)
            value = _attribute(value, name)
            if value is NOTHING:
                return "unbound"
        text = self.refer(value, walk)
        if text is not None:
            if "__subclasses__" in left and isinstance(value, type):
                text += f" and {self.subclasses(value, walk)}"
            return text
        if namespace is None:
            return walk.spell(value)
        imported = self._imported(value, namespace, name)
        if imported:
            return imported
        module = str(namespace.get("__name__", ""))
        walk.edges.append(Target(("constant", module, name, id(value)), f"{module}.{name}", value))
        return "constant"

    def subclasses(self, cls: type, walk: Constant) -> str:
        """The project's own subclasses of a class, however deep, as far as they are loaded."""
        found: dict[type, None] = dict.fromkeys(type.__subclasses__(cls))
        for one in list(found):
            found |= dict.fromkeys(type.__subclasses__(one))
        own = [one for one in found if self.owns_class(one)]
        return f"subclasses {walk.spell(sorted(own, key=lambda one: (one.__qualname__, one.__module__)))}"

    def imports(
        self, names: Names, namespace: dict[str, Any], label: str, walk: Constant, missing: list[str]
    ) -> Iterator[str]:
        """What the imports inside a definition stand for; what cannot be imported is missing."""
        for source, chain in names.imported:
            name = absolute(source, namespace)
            if not self._is_own_import(name):
                yield f"import {name}.{source.attribute}.{'.'.join(chain)}"
                continue
            try:
                value: object = importlib.import_module(name)
            except BaseException as error:  # the project's module may raise anything
                if stops(error):
                    raise
                missing.append(f"{label} imports {name}, which raises {type(error).__name__}: it is not covered")
                continue
            rest = (source.attribute, *chain) if source.attribute else chain
            yield f"local {rest} {self.through(value, rest, None, name, walk)}"

    def refer(self, value: object, walk: Constant) -> str | None:
        """The text that stands for code, after an edge was added for what is the project's own; None for no code."""
        if isinstance(value, ModuleType):
            if not self.owns_module(value):
                return f"module {value.__name__}"
            walk.edges.append(Target(("module", id(value)), value.__name__, value))
            return "own module"
        if isinstance(value, type):
            if not self.owns_class(value):
                return f"class {value.__module__}.{value.__qualname__}"
            walk.edges.append(Target(("class", id(value)), f"{value.__module__}.{value.__qualname__}", value))
            return "own class"
        if isinstance(value, MethodType):
            return f"method {walk.spell(value.__func__)} of {walk.spell(value.__self__)}"
        return self._own_function(value, walk, decorated=False) or self._foreign(value, walk)

    # the project's own

    def is_own_function(self, value: object) -> bool:
        """Whether a value is a function of the project's own."""
        return isinstance(value, FunctionType) and is_own(value.__module__ or "", value.__code__.co_filename, self.home)

    def _own_function(self, value: object, walk: Constant, *, decorated: bool) -> str | None:
        if not isinstance(value, FunctionType) or not self.is_own_function(value):
            return None
        label = f"{value.__module__}.{value.__qualname__}"
        walk.edges.append(Target(("function", id(value), decorated), label, value, decorated))
        return "own function"

    def _is_own_import(self, name: str) -> bool:
        top = name.partition(".")[0]
        module = sys.modules.get(top)
        if module is not None:
            return self.owns_module(module)
        try:
            spec = importlib.util.find_spec(top)
        except (ImportError, ValueError):
            return False
        return spec is not None and is_own(top, spec.origin or "", self.home)

    # code of libraries

    def _replaced(self, module: ModuleType, left: list[str], walk: Constant) -> str:
        """What the project put in the place of a library's own, at the end of a chain through it."""
        value: object = module
        for name in left:
            if not isinstance(value, ModuleType):
                return ""
            value = vars(value).get(name)
        if self.is_own_function(value) or (isinstance(value, type) and self.owns_class(value)):
            return f" with {self.refer(value, walk)}"
        return self._registered(value, walk, every=False) if isinstance(value, FunctionType) else ""

    def _imported(self, value: object, namespace: dict[str, Any], name: str) -> str:
        """For an object that an installed library made and a module imported (`from polars import col`): its name."""
        if type(value).__module__ == "builtins" or self.owns_class(type(value)):
            return ""
        file = file_of(str(namespace.get("__file__") or ""), namespace)
        source = file.imports.get(name) if file is not None else None
        if source is None or source.level or not source.attribute:
            return ""
        module = sys.modules.get(source.module)
        if module is None or self.owns_module(module):
            return ""
        same = getattr(module, source.attribute, NOTHING) is value
        return f"import {source.module}.{source.attribute}" if same else ""

    def _foreign(self, value: object, walk: Constant) -> str | None:
        """A function of a library, or an object around a function (`lru_cache`, an asset), with what it wraps."""
        kind = type(value)
        held: dict[str, object] = getattr(value, "__dict__", {})
        inner: object = held.get("__wrapped__")
        if inner is not None:
            if self.owns_class(kind):
                return None
            told = self._own_function(inner, walk, decorated=not is_penstocks(kind))
            own = told is not None
            told = told or walk.spell(inner)
            if is_penstocks(kind):  # what `@asset` made of it is the definition, not the code
                return told
            by = f"{kind.__module__}.{kind.__qualname__}"
            if isinstance(value, FunctionType):  # its own names are those of what it wraps
                by = f"{value.__globals__.get('__name__')}.{value.__code__.co_qualname}"
                told += self._registered(value, walk, every=own)
            return f"wrapper {by} of {told}{_made_with(value, held)}"
        if not isinstance(value, CODE):
            return None
        name = f"{getattr(value, '__module__', None)}.{getattr(value, '__qualname__', kind.__qualname__)}"
        owner: object = getattr(value, "__self__", None)
        if owner is not None and not isinstance(owner, ModuleType):
            return f"function {name} of {walk.spell(owner)}"
        return f"function {name}"

    def _registered(self, value: FunctionType, walk: Constant, *, every: bool) -> str:
        """The implementations registered with a `functools.singledispatch` function, in whatever module; of a library's
        dispatcher those of the project alone, since which others are loaded changes from process to process."""
        if not is_dispatcher(value):
            return ""
        registry = cast("Mapping[type, object]", vars(value)["registry"])
        pairs = sorted(registry.items(), key=lambda pair: (pair[0].__qualname__, pair[0].__module__))
        told = [
            f"{walk.spell(cls)}: {walk.spell(implementation)}"
            for cls, implementation in pairs
            if every or self.is_own_function(implementation) or self.owns_class(cls)
        ]
        return f" registered {told}" if told else ""


def is_dispatcher(value: object) -> bool:
    """Whether a value is what `functools.singledispatch` makes of a function."""
    return (
        isinstance(value, FunctionType)
        and value.__globals__.get("__name__") == functools.__name__
        and value.__code__.co_qualname.startswith("singledispatch.")
        and isinstance(vars(value).get("registry"), Mapping)
    )


def content_of(cell: Any) -> object:
    """What a closure's cell holds."""
    try:
        return cell.cell_contents
    except ValueError:
        return "an empty cell"


def _made_with(value: object, held: dict[str, object]) -> str:
    """The plain values in the closure of a library's wrapper (`retry(times=3)(f)`), and those that were set on it."""
    told = {name: item for name, item in held.items() if type(item) in _SIMPLE and not name.startswith("__")}
    if isinstance(value, FunctionType) and not is_dispatcher(value):
        cells = zip(value.__code__.co_freevars, value.__closure__ or (), strict=True)
        contents = ((name, content_of(cell)) for name, cell in cells)
        told |= {name: item for name, item in contents if type(item) in _SIMPLE}
    return f" made with {sorted(told.items())!a}" if told else ""


def _attribute(module: ModuleType, name: str) -> object:
    """An attribute of a module, or its submodule of that name, imported if need be."""
    value: object = getattr(module, name, NOTHING)
    if value is NOTHING and hasattr(module, "__path__"):
        try:
            value = importlib.import_module(f"{module.__name__}.{name}")
        except ImportError:
            return NOTHING
    return value


def absolute(source: ImportedName, namespace: dict[str, Any]) -> str:
    """The name of the module that is imported from, seen from a module with this namespace."""
    if not source.level:
        return source.module
    try:
        return importlib.util.resolve_name("." * source.level + source.module, str(namespace.get("__package__") or ""))
    except ImportError:
        return source.module
