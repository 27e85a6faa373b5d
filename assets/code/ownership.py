"""Whose code is it: the project's own, which is read, or an installed distribution's, which counts by its name.

Own is what does not lie in the standard library, in `site-packages` or in penstock itself, and what has no file at all
(a notebook). A project that is itself installed owns its top-level package. The versions of distributions are part of
a run's environment, not of its code.
"""

from __future__ import annotations

import sys
import sysconfig
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import ModuleType

_PACKAGE = Path(__file__).resolve().parents[2]
_PENSTOCK = (*(f"{_PACKAGE / room}/" for room in ("assets", "lineage", "storage", "ui")), f"{_PACKAGE / '__init__.py'}")
_LIBRARIES = [Path(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib")]
_STANDARD = tuple({f"{path}/" for folder in _LIBRARIES for path in (folder, folder.resolve())})
_INSTALLED = ("/site-packages/", "/dist-packages/")


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """Where the code of one producer is at home.

    Attributes
    ----------
    package: folder (with its last slash) or file of an installed project's top-level package; "" if not installed.
    root: the folder that its modules are imported from; paths below it count relative to it, so that a checkout
        elsewhere is the same code. "" where there is no file.
    """

    package: str = ""
    root: str = ""


@lru_cache(maxsize=4096)
def home_of(module: str, filename: str) -> Home:
    """The home of code in this module and file."""
    path = Path(filename)
    if not filename or filename.startswith("<") or not path.is_absolute():
        return Home()
    parts = [] if module == "__main__" else module.split(".")
    names = [*path.parts[1:-1], path.stem]
    if path.stem == "__init__" and names[-len(parts) - 1 : -1] == parts:
        parts = [*parts, "__init__"]
    if names[-len(parts) :] != parts:
        parts = [path.stem]
    root = path.parents[len(parts) - 1]
    package = ""
    if _is_installed(filename):
        package = str(path) if len(parts) == 1 else f"{root / parts[0]}/"
    return Home(package=package, root=str(root) if len(root.parts) > 1 else "")


@lru_cache(maxsize=65536)
def is_own(module: str, filename: str, home: Home) -> bool:
    """Whether code of this module and file is the project's own, seen from a producer that is at home in `home`."""
    if home.package and filename.startswith(home.package):
        return True
    top = module.partition(".")[0]
    if not filename or filename.startswith("<"):
        around = getattr(sys.modules.get(module), "__file__", None)  # code that a library generates is the library's
        if around and not around.startswith("<"):
            return is_own(module, around, home)
        return top not in sys.stdlib_module_names and top != "penstock"
    if top == "penstock" and filename.startswith(_PENSTOCK):
        return False
    return not (_is_installed(filename) or filename.startswith((*_STANDARD, *_PENSTOCK)))


def is_own_module(module: ModuleType, home: Home) -> bool:
    """Whether a module is the project's own."""
    return is_own(module.__name__, getattr(module, "__file__", None) or "", home)


def is_own_class(cls: type, home: Home) -> bool:
    """Whether a class is the project's own."""
    name: object = getattr(cls, "__module__", "")
    module = sys.modules.get(name) if isinstance(name, str) else None
    return is_own_module(module, home) if module is not None else False


def is_penstocks(thing: object) -> bool:
    """Whether a module, class or function is penstock's."""
    name = thing.__name__ if isinstance(thing, ModuleType) else getattr(thing, "__module__", "")
    return isinstance(name, str) and name.partition(".")[0] == "penstock"


def _is_installed(filename: str) -> bool:
    return any(part in filename for part in _INSTALLED)
