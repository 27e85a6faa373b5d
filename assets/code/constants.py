"""The digest of a constant: any value that code reads from a closure, a default or its module.

One rule for each kind of value, and none of them ever looks at a memory address or at the order of a set:

- plain values by type and text; tuples, lists and dicts in their order; sets sorted;
- dataclasses by the fields that count for equality; enum members by class and name;
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
from functools import WRAPPER_ASSIGNMENTS
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

from ...storage.manifest import digest_of

_PLAIN = (int, float, complex, bool, bytes, bytearray, type(None), type(Ellipsis), type(NotImplemented), range, slice)
_BY_TEXT = (date, datetime, time, timedelta, timezone, Decimal, UUID)
CODE = (FunctionType, MethodType, BuiltinFunctionType, MethodWrapperType, WrapperDescriptorType, ModuleType, type)
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
            return f"{self._class(type(value))}.{value.name}"
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
            return f"{self._class(kind)}{{{self._sorted(cast('Iterable[object]', value))}}}"
        if kind is dict or isinstance(value, MappingProxyType):
            return f"dict{{{self._pairs(cast('Mapping[object, object]', value).items())}}}"
        return None

    def _leaf(self, value: object) -> str | None:
        if isinstance(value, PurePath):
            return f"path {self._text(str(value))}"
        if type(value) in _BY_TEXT:
            return f"{type(value).__name__} {value!s}"
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
        told.sort(key=lambda one: (one[0], [getattr(edge, "__qualname__", "") for edge in one[1]]))
        self.edges = edges + [edge for _, found in told for edge in found]
        return ",".join(text for text, _ in told)

    def _pairs(self, pairs: Iterable[tuple[object, object]]) -> str:
        return ",".join(f"{self.spell(key)}:{self.spell(item)}" for key, item in pairs)

    def _object(self, value: object) -> str:
        kind = type(value)
        own_word: Callable[[], object] | None = getattr(kind, "__penstock_constant__", None)
        if own_word is not None:
            return f"{self._class(kind)} says {self.spell(cast('Any', value).__penstock_constant__())}"
        if is_dataclass(value):
            told = [(f.name, getattr(value, f.name, None)) for f in fields(value) if f.compare]
            return f"{self._class(kind)}({self._pairs(told)})"
        try:
            registered = copyreg.dispatch_table.get(kind)
            reduced: Any = value.__reduce_ex__(5) if registered is None else registered(value)
        except Exception as error:  # whatever a foreign class raises, it has no value to compare
            return self._without(f"{_worded(kind)} ({type(error).__name__} when asked for its value)")
        if isinstance(reduced, str):
            return f"global {kind.__module__}.{reduced}"
        maker, arguments, state, items, pairs = (*reduced, None, None, None)[:5]
        parts = [self.spell(maker), self.spell(arguments)]
        if isinstance(state, dict):  # what functools.wraps copied into it is told by the function itself
            state = {key: item for key, item in cast("dict[object, object]", state).items() if key not in _COPIED}
        if state is not None:
            parts.append(f"state {self.spell(state)}")
        if items is not None:
            parts.append(f"items [{self._all(items)}]")
        if pairs is not None:
            parts.append(f"pairs {{{self._pairs(pairs)}}}")
        return f"{self._class(kind)}({' '.join(parts)})"


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
