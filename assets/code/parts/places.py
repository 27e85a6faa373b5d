"""In which files the parts of a producer are written: those that have to be as a commit has them, for it to say which
code that was."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import FunctionType, ModuleType

from ..ownership import Home, is_own_module
from ..text.source import file_of
from .follow import Target, absolute


def places(target: Target, home: Home) -> Iterator[str]:
    """The files of a part, as far as they are known: that of its definition, and of a constant also those through which
    it was imported by its name."""
    value, kind = target.value, target.key[0]
    if isinstance(value, FunctionType):
        yield value.__code__.co_filename
    elif isinstance(value, ModuleType):
        yield from _file(value, home)
    elif kind == "constant":
        yield from _imported(str(target.key[1]), str(target.key[2]), home)
    elif kind != "annotations":
        yield from _file(sys.modules.get(getattr(value, "__module__", None) or ""), home)


def _file(module: ModuleType | None, home: Home) -> Iterator[str]:
    file = getattr(module, "__file__", None)
    if module is not None and isinstance(file, str) and is_own_module(module, home):
        yield file


def _imported(module_name: str, name: str, home: Home) -> Iterator[str]:
    seen: set[tuple[str, str]] = set()
    while (module_name, name) not in seen:
        seen.add((module_name, name))
        module = sys.modules.get(module_name)
        if module is None or not is_own_module(module, home):
            return
        yield from _file(module, home)
        text = file_of(getattr(module, "__file__", None) or "", vars(module))
        source = None if text is None else text.imports.get(name)
        if source is None or not source.attribute:
            return
        module_name, name = absolute(source, vars(module)), source.attribute
