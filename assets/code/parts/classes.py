"""What a class says: its text, and what of it does not stand there.

Attributes set after the class statement or by a decorator, registries filled later, methods put in place of others,
bases and a metaclass that a function handed in: they count by what the class holds now. What Python and libraries keep
in a class for themselves does not.
"""

from __future__ import annotations

import ast
import sys
from collections import deque
from collections.abc import Iterator, Mapping
from enum import Enum
from functools import partial, singledispatchmethod
from inspect import unwrap
from types import FunctionType, GetSetDescriptorType, MemberDescriptorType
from typing import Any

from ..text.names import bound_in
from ..text.source import function_node
from .constants import BUILTIN_DATA, DESCRIPTORS, Constant, inside, spelled_class
from .follow import Follower, content_of

_SLOTS = (MemberDescriptorType, GetSetDescriptorType)
_KEPT = frozenset({"_abc_impl", "__annotate__", "__annotate_func__"})
_DATA: tuple[type, ...] = (*BUILTIN_DATA, bool, type(None), deque, Mapping, Enum, partial, singledispatchmethod)


def spelled_members(cls: type, nodes: tuple[ast.ClassDef, ...], walk: Constant, follower: Follower) -> Iterator[str]:
    """What a class holds beside its text, a line each, in the order of the names."""
    bases = [base for base in cls.__bases__ if follower.owns_class(base)]
    if bases or follower.owns_class(type(cls)):
        yield f"bases {walk.spell(bases)} made by {walk.spell(type(cls))}"
    bound = frozenset[str]().union(*map(bound_in, nodes))
    text = {id(one) for node in nodes for one in ast.walk(node)}
    plain = _is_plain(cls, follower)
    if nodes and issubclass(cls, Enum):
        yield f"members {walk.quietly([(name, member.value) for name, member in cls.__members__.items()])}"
    for name, value in sorted(vars(cls).items()):
        if _is_machinery(cls, name, value) or not (plain or name in bound or not name.startswith("_")):
            continue
        functions = _functions(value)
        if functions:
            if not (name in bound and _all_stand_in(functions, text)) and _counts(name, functions, follower):
                yield f"method {name} {walk.spell(value)}"
        elif _is_data(value, follower):
            yield f"attribute {name} {walk.spell(value) if plain else walk.quietly(value)}"
        elif name not in bound and plain:  # set from outside: by value, whatever it is
            yield f"attribute {name} {walk.quietly(value) if name.startswith('_') else walk.spell(value)}"


def _is_machinery(cls: type, name: str, value: object) -> bool:
    """Whether Python keeps an attribute for itself, or the text of the class tells it: slots, members of an enum."""
    if isinstance(value, _SLOTS) or name in _KEPT or type(value).__name__ == "_tuplegetter":
        return True
    if issubclass(cls, Enum):
        return name in cls.__members__ or (name.startswith("_") and not _functions(value))
    return name.startswith("__") and not _functions(value)


def spelled_without_text(cls: type, walk: Constant, follower: Follower) -> list[str] | None:
    """What a class says that a call has made; None where that cannot be told in full."""
    text = spelled_class(cls, walk)
    if not _is_plain(cls, follower):
        return None if text is None else [text]
    text = text or f"class {cls.__qualname__} of {walk.spell(cls.__bases__)}"
    return [text, *spelled_members(cls, (), walk, follower)]


def names_around(cls: type) -> dict[str, Any]:
    """The names that the body of a class sees: those of its module, and those its methods close over."""
    methods = [
        one
        for item in vars(cls).values()
        for one in _functions(item)
        if getattr(one, "__module__", "") == cls.__module__
    ]
    module = sys.modules.get(cls.__module__)
    namespace = dict(methods[0].__globals__ if methods else vars(module) if module is not None else {})
    for method in methods:
        cells = zip(method.__code__.co_freevars, method.__closure__ or (), strict=True)
        namespace |= {name: content_of(cell) for name, cell in cells if name != "__class__"}
    return namespace


def asks_for_subclasses(nodes: tuple[ast.ClassDef, ...]) -> bool:
    """Whether the methods of a class look at its subclasses, which are then part of what it does."""
    return any(isinstance(one, ast.Attribute) and one.attr == "__subclasses__" for n in nodes for one in ast.walk(n))


def _functions(value: Any) -> list[FunctionType]:
    """The functions in an attribute of a class: its own, or those in a property, a class method and the like."""
    if isinstance(value, FunctionType):
        return [value]
    if isinstance(value, DESCRIPTORS) and not isinstance(value, singledispatchmethod):
        return [one for one in inside(value) if isinstance(one, FunctionType)]
    return []


def _is_data(value: object, follower: Follower) -> bool:
    """Whether an attribute is a value of Python's own kinds or an object of the project: no class, nothing that a
    library keeps there for itself."""
    kind: type = type(value)
    if follower.owns_class(kind):
        return not isinstance(value, type)
    return isinstance(value, _DATA) and kind.__module__.partition(".")[0] in sys.stdlib_module_names


def _all_stand_in(functions: list[FunctionType], inside_text: set[int]) -> bool:
    """Whether the functions, or what they wrap, stand in the text of the class: then it tells them."""
    below = [unwrap(function) for function in functions]
    return all(isinstance(one, FunctionType) and id(function_node(one)) in inside_text for one in below)


def _counts(name: str, functions: list[FunctionType], follower: Follower) -> bool:
    """Of what was put into a class, not what Python generates: `__init__` and `__eq__` of a dataclass."""
    if not (name.startswith("_") and name.endswith("_")):
        return True
    return any(follower.is_own_function(one) and not one.__code__.co_filename.startswith("<") for one in functions)


def _is_plain(cls: type, follower: Follower) -> bool:
    """Whether nothing but the project and the standard library has put something into a class."""
    return all(
        base.__module__.partition(".")[0] in sys.stdlib_module_names or follower.owns_class(base)
        for base in (*cls.__mro__, type(cls))
    )
