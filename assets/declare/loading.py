"""Which assets were declared while a module was being loaded: also those that its names do not lead to, such as all but
the last that a loop makes.

An asset belongs to the innermost module whose own lines are being run when it is declared, whichever function of
another module makes it. What is declared later, by a function that somebody calls, belongs to none, and neither does
what a script or a notebook declares by itself: it is done there again and again, and its names say what counts.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from types import FrameType, ModuleType
from typing import Any
from weakref import WeakKeyDictionary

_declared: WeakKeyDictionary[ModuleType, tuple[Any, list[Any]]] = WeakKeyDictionary()
"""Module → what it was loaded by, which is another when it is reloaded, and the assets that were declared since."""


def note(asset: Any) -> None:
    """An asset is declared: from now on `declared_in` has it among those of its module."""
    module = _being_loaded(sys._getframe(1))  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
    if module is None:
        return
    by, known = _declared.get(module, (None, []))
    if by is not module.__spec__:
        by, known = module.__spec__, []
    known.append(asset)
    _declared[module] = by, known


def declared_in(module: ModuleType) -> Sequence[Any]:
    """The assets that were declared while a module was loaded, in that order."""
    by, known = _declared.get(module, (None, []))
    return known if by is module.__spec__ else ()


def _being_loaded(frame: FrameType | None) -> ModuleType | None:
    """The module whose own lines a frame, or the innermost around it, runs; None where it is a script."""
    while frame is not None and frame.f_code.co_name != "<module>":
        frame = frame.f_back
    if frame is None:
        return None
    name = str(frame.f_globals.get("__name__", ""))
    module = sys.modules.get(name)
    return module if module is not None and name != "__main__" and vars(module) is frame.f_globals else None
