"""The digest of a constant: any value that code reads from a closure, a default or its module.

One rule for each kind of value, and none of them ever looks at a memory address or at the order of a set:

- plain values by type and text; tuples, lists and dicts in their order; sets sorted;
- instances by their class and their state: every field of a dataclass and whatever else was set on it, and what a
  subclass of `list`, `set`, `str`, … holds besides; what `cached_property` keeps is no state. Fields that do not count
  for equality may be handles and caches: they count where they can be told, and are not missed where they cannot;
- enum members by class and name; properties, class methods and the like by the functions in them;
- paths and texts that begin with the folder the project is imported from count relative to it;
- functions, classes and modules by what the caller makes of them (`refer`): own ones become edges;
- everything else by what it would give to pickle, walked by these same rules (an array: its bytes). What gives nothing
  (a lock, a connection) is missing: the walk says so by name and the fingerprint is not complete.

A class may say itself what counts of it, by a method `__penstock_constant__()`; a secret gives its name there.
Values are digested, never kept. A dict filled from a set has another order in every process, and so has its digest.
"""

from __future__ import annotations

import copyreg
import pickle
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum
from functools import WRAPPER_ASSIGNMENTS, cached_property, partialmethod, singledispatchmethod
from inspect import get_annotations
from pathlib import PurePath
from types import (
    BuiltinFunctionType,
    FunctionType,
    MappingProxyType,
    MethodType,
    MethodWrapperType,
    ModuleType,
    WrapperDescriptorType,
)
from typing import Any, cast
from uuid import UUID
from weakref import WeakSet

from ....storage.manifest import digest_of

_PLAIN = (int, float, complex, bool, bytes, bytearray, type(None), type(Ellipsis), type(NotImplemented), range, slice)
_BY_TEXT = (date, datetime, time, timedelta, timezone, Decimal, UUID)
DESCRIPTORS: tuple[type, ...] = (
    property,
    staticmethod,
    classmethod,
    cached_property,
    partialmethod,
    singledispatchmethod,
)
CODE = (FunctionType, MethodType, BuiltinFunctionType, MethodWrapperType, WrapperDescriptorType, ModuleType, type)
BUILTIN_DATA: tuple[type, ...] = (str, bytes, bytearray, int, float, complex, list, tuple, dict, set, frozenset)
_COPIED = frozenset(WRAPPER_ASSIGNMENTS)
_BUDGET = 1_000_000  # values in one constant; beyond it, digesting takes longer than a user waits for
_LONG = 256  # bytes; longer ones are digested on their own before they go into the text

Refer = Callable[[object, "Constant"], str | None]
"""Asked of every value that may be code: the text that stands for it (after adding edges), or None if it is none."""


class Constant:
    """One walk over one value.

    Attributes
    ----------
    edges: own functions and classes that were met, in order, as `refer` added them.
    missing: what has no digest, as words: `"a lock"`.
    """

    def __init__(self, refer: Refer, root: str = "") -> None:
        self.refer = refer
        self.root = root
        self.edges: list[object] = []
        self.missing: list[str] = []
        self._left = _BUDGET
        self._open: dict[int, int] = {}  # the values around this one: a cycle is told by how far back it leads
        self._kept: dict[type, frozenset[str]] = {}  # class → its cached properties

    def spell(self, value: object) -> str:
        """One line that says what `value` is; equal lines for equal values, in every process.

        >>> Constant(lambda value, walk: None).spell({3, 1, 2})
        'set{int 1,int 2,int 3}'
        """
        self._left -= 1
        if self._left < 0:
            return self._without("a value of more than a million parts")
        kind = type(value)
        if kind is str:
            return self._text(cast("str", value))
        if kind in _PLAIN:
            return self._plain(value)
        if id(value) in self._open:
            return f"^{len(self._open) - self._open[id(value)]}"
        self._open[id(value)] = len(self._open)
        try:
            return self._compound(value)
        except RecursionError:
            return self._without("a value nested too deeply")
        finally:
            del self._open[id(value)]

    def quietly(self, value: object) -> str:
        """As `spell`, and what has no digest is not missed."""
        known = len(self.missing)
        text = self.spell(value)
        del self.missing[known:]
        return text

    def _without(self, what: str) -> str:
        if what not in self.missing:
            self.missing.append(what)
        return "missing"

    def _text(self, text: str) -> str:
        if self.root and text.startswith(self.root) and text[len(self.root) : len(self.root) + 1] in {"", "/"}:
            return f"str under root {text[len(self.root) :]!a}"
        return f"str {text!a}" if len(text) < _LONG else f"str {digest_of(text.encode('utf-8', 'surrogatepass'))}"

    def _plain(self, value: object) -> str:
        if isinstance(value, bytes | bytearray):
            return f"{type(value).__name__} {digest_of(value) if len(value) > _LONG else bytes(value)!a}"  # pyright: ignore[reportArgumentType]
        if isinstance(value, int):
            return f"{type(value).__name__} {value:x}"
        if isinstance(value, slice):
            bounds = cast("slice[object, object, object]", value)
            return f"slice {self.spell((bounds.start, bounds.stop, bounds.step))}"
        return f"{type(value).__name__} {value!a}"

    def _compound(self, value: object) -> str:
        if isinstance(value, Enum):
            name: str | None = value.name  # None for a sum of flags that has none
            told = self._state({key: item for key, item in vars(value).items() if not key.startswith("_")})
            return f"{self._class(type(value))}.{name or self.spell(value.value)}{told}"
        if isinstance(value, CODE) or "__wrapped__" in getattr(value, "__dict__", ()):
            code = self.refer(value, self)
            if code is not None:
                return code
        return self._container(value) or self._leaf(value) or self._object(value)

    def _container(self, value: object) -> str | None:
        kind = type(value)
        if kind in {tuple, list}:
            return f"{kind.__name__}[{self._all(cast('Iterable[object]', value))}]"
        if isinstance(value, set | frozenset):
            told = self._state(self._beside(cast("object", value))) if kind not in {set, frozenset} else ""
            return f"{self._class(kind)}{{{self._sorted(cast('Iterable[object]', value))}}}{told}"
        if kind is WeakSet:
            return f"WeakSet{{{self._sorted(cast('Iterable[object]', value))}}}"
        if kind is dict or isinstance(value, MappingProxyType):
            return f"dict{{{self._pairs(cast('Mapping[object, object]', value).items())}}}"
        return None

    def _leaf(self, value: object) -> str | None:
        if isinstance(value, PurePath):
            told = self._state(self._beside(value))
            kind = "" if type(value).__module__.partition(".")[0] == "pathlib" else self._class(type(value))
            return f"path {kind}{self._text(str(value))}{told}"
        if isinstance(value, datetime | time) and type(value) in _BY_TEXT:  # one offset may be that of many zones
            return f"{type(value).__name__} {value!s} {value.fold} {self.spell(value.tzinfo)}"
        if type(value) in _BY_TEXT:
            return f"{type(value).__name__} {value!s}"
        if isinstance(value, DESCRIPTORS):
            return f"{type(value).__name__}({self._all(inside(value))})"
        if isinstance(value, memoryview | pickle.PickleBuffer):
            return f"buffer {digest_of(bytes(cast('memoryview', value)))}"
        return None

    def _class(self, kind: type) -> str:
        return self.spell(kind) if kind.__module__ != "builtins" else kind.__qualname__

    def _all(self, values: Iterable[object]) -> str:
        return ",".join(self.spell(value) for value in values)

    def _sorted(self, values: Iterable[object]) -> str:
        """The members of a set in the order of their text; edges in that order too."""
        told: list[tuple[str, list[object]]] = []
        edges = self.edges
        for value in values:
            self.edges = []
            told.append((self.spell(value), self.edges))
        told.sort(key=lambda one: (one[0], [getattr(edge, "rank", ()) for edge in one[1]]))
        self.edges = edges + [edge for _, found in told for edge in found]
        return ",".join(text for text, _ in told)

    def _pairs(self, pairs: Iterable[tuple[object, object]]) -> str:
        return ",".join(f"{self.spell(key)}:{self.spell(item)}" for key, item in pairs)

    def _object(self, value: object) -> str:
        kind = type(value)
        own_word: Callable[[], object] | None = getattr(kind, "__penstock_constant__", None)
        if own_word is not None:
            return f"{self._class(kind)} says {self.spell(cast('Any', value).__penstock_constant__())}"
        if hasattr(kind, "__dataclass_fields__") and not _holds_data(value):
            return self._dataclass(cast("Any", value), kind)
        try:
            registered = copyreg.dispatch_table.get(kind)
            reduced: Any = value.__reduce_ex__(5) if registered is None else registered(value)
        except Exception as error:  # whatever a foreign class raises, it has no value to compare
            return self._without(f"{_worded(kind)} ({type(error).__name__} when asked for its value)")
        if isinstance(reduced, str):
            return f"global {kind.__module__}.{reduced}"
        maker, arguments, state, items, pairs = (*reduced, None, None, None)[:5]
        parts = [self.spell(maker), self.spell(arguments)]
        if state is None and _holds_data(value):  # a Counter gives its items alone
            state = self._beside(value) or None
        if isinstance(state, dict):  # what functools.wraps copied into it is told by the function itself
            unsaid = _COPIED | self._cached(kind)
            state = {
                key: item for key, item in cast("dict[object, object]", state).items() if key not in unsaid
            } or None
        if state is not None:
            parts.append(f"state {self.spell(state)}")
        if items is not None:
            parts.append(f"items [{self._all(items)}]")
        if pairs is not None:
            parts.append(f"pairs {{{self._pairs(pairs)}}}")
        return f"{self._class(kind)}({' '.join(parts)})"

    def _dataclass(self, value: Any, kind: type) -> str:
        told = [(f.name, getattr(value, f.name, None)) for f in fields(value) if f.compare]
        others = {f.name: getattr(value, f.name, None) for f in fields(value) if not f.compare}
        beside = {key: item for key, item in self._beside(value).items() if key not in dict(told)} | others
        return f"{self._class(kind)}({self._pairs(told)}){self._state(beside)}"

    def _beside(self, value: object) -> dict[str, object]:
        """What was set on an object, without what its cached properties keep there."""
        held: dict[str, object] = getattr(value, "__dict__", {})
        cached = self._cached(type(value)) if held else ()
        return {key: item for key, item in held.items() if key not in cached}

    def _cached(self, kind: type) -> frozenset[str]:
        known = self._kept.get(kind)
        if known is None:
            every = [pair for base in kind.__mro__ for pair in vars(base).items()]
            known = frozenset(name for name, item in every if isinstance(item, cached_property))
            self._kept[kind] = known
        return known

    def _state(self, beside: dict[str, object]) -> str:
        return f" with {self.quietly(beside)}" if beside else ""


def _holds_data(value: object) -> bool:
    """Whether a value is of a builtin's kind, or of a subclass, which holds items beside its state."""
    return isinstance(value, BUILTIN_DATA)


def inside(descriptor: object) -> list[object]:
    """What a property, a class method and the like are made of."""
    names = ("__func__", "fget", "fset", "fdel", "func", "args", "keywords", "dispatcher")
    held = [getattr(descriptor, name, None) for name in names]
    return [one for one in held if one is not None]


def spelled_class(cls: type, walk: Constant) -> str | None:
    """What a class says that was made by a call (`namedtuple`, `Enum("Colour", …)`, `TypedDict("Row", …)`); None where
    that cannot be told."""
    kind: Any = cls
    if issubclass(kind, Enum):
        return f"enum {cls.__qualname__} {walk.spell([(member.name, member.value) for member in kind])}"
    told = {name: getattr(kind, name) for name in ("_fields", "_field_defaults", "__total__") if hasattr(kind, name)}
    if is_dataclass(kind):
        told["fields"] = [(f.name, str(f.type), f.default is not MISSING and f.default) for f in fields(kind)]
    if not told:
        return None
    annotations = {name: str(annotation) for name, annotation in get_annotations(cls).items()}
    return f"class {cls.__qualname__} {walk.spell(told)} {walk.spell(annotations)}"


def _worded(kind: type) -> str:
    return f"a value of type {kind.__module__}.{kind.__qualname__}"
