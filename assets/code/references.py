"""Functions by name: `"my_project.assets:chunks"`, what is stored of code and what a worker imports."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ...storage.errors import DefinitionError, named, stops

_NOTHING = object()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """Where a function is found.

    Attributes
    ----------
    module, qualname: `str(reference)` is `"module:qualname"`.
    obstacle: why another process cannot import it, as a sentence; "" when it can.
    """

    module: str
    qualname: str
    obstacle: str = ""

    @property
    def importable(self) -> bool:
        """Whether another process can import it."""
        return not self.obstacle

    def __str__(self) -> str:
        return f"{self.module}:{self.qualname}"


def reference(function: Callable[..., Any]) -> Reference:
    """The reference of a function, and whether it can be imported by it.

    What the name leads to may be the function, or something that wraps it (the asset of the same name).

    >>> from json import dumps
    >>> str(reference(dumps)), reference(dumps).importable, reference(lambda: 1).importable
    ('json:dumps', True, False)
    """
    module = str(getattr(function, "__module__", "") or "")
    qualname = str(getattr(function, "__qualname__", "") or "")
    return Reference(module=module, qualname=qualname, obstacle=_obstacle(function, module, qualname))


def resolve(text: str) -> Any:
    """The object that a reference names: the function, or what stands in its place in the module.

    Raises
    ------
    DefinitionError: the module cannot be imported or has no such name.
    """
    module, _, qualname = text.partition(":")
    try:
        found: Any = importlib.import_module(module)
    except BaseException as error:  # a user's module may raise anything
        if stops(error):
            raise
        raise DefinitionError(
            f"the code {text} cannot be imported: {named(error)}",
            hint=f"Make {module} importable here, as it was where the definitions were registered.",
        ) from error
    for name in qualname.split("."):
        found = getattr(found, name, _NOTHING)
        if found is _NOTHING:
            raise DefinitionError(
                f"the code {text} is not there: {module} has no {qualname}",
                hint="It was renamed or removed; register the definitions again.",
            )
    return found


def _obstacle(function: object, module: str, qualname: str) -> str:
    if not module or not qualname:
        return f"an object of type {type(function).__qualname__} has no name to import it by"
    if module == "__main__":
        return f"{qualname} is defined in the script that was started; move it to a module"
    if "<lambda>" in qualname:
        return f"a lambda in {module} has no name to import it by; write a function"
    if "<locals>" in qualname:
        return f"{qualname} is defined inside a function; move it to the top of {module}"
    found: Any = sys.modules.get(module, _NOTHING)
    for name in qualname.split("."):
        found = getattr(found, name, _NOTHING)
    for _ in range(100):
        if found is function:
            return ""
        found = getattr(found, "__wrapped__", _NOTHING)
        if found is _NOTHING:
            break
    return f"{module} has something else under the name {qualname}"
