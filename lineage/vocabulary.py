"""The classes of openlineage-python, without its client.

`openlineage.client` imports its client on import, and with it two HTTP libraries, YAML and more: 0.25 s for classes
that need 0.07. Here the package is registered so that its `__init__` runs when something of it is first asked for (the
first `from openlineage.client import OpenLineageClient` of a user's own code works as ever), and only the modules with
the classes are loaded.

Must never read configuration or the environment: what is emitted depends on facts alone.
"""

from __future__ import annotations

import importlib.util
import sys
from threading import RLock
from types import ModuleType

_PACKAGE = "openlineage.client"


class _OnDemand(ModuleType):
    """A package whose `__init__` runs when it is first asked for a name that it does not have yet."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._lock = RLock()
        self._asked = False

    def __getattr__(self, name: str) -> object:
        if name.startswith("__"):  # what the import system and inspection ask of every module
            raise AttributeError(name)
        with self._lock:  # other threads wait until it has run; this one may come back while it runs
            if not self._asked:
                self._asked = True
                self._run()
        try:
            return self.__dict__[name]
        except KeyError:
            raise AttributeError(f"module {_PACKAGE!r} has no attribute {name!r}") from None

    def _run(self) -> None:
        spec = self.__spec__
        assert spec is not None
        assert spec.loader is not None
        try:
            spec.loader.exec_module(self)
        except BaseException:
            self._asked = False
            raise


def _register() -> None:
    spec = None if _PACKAGE in sys.modules else importlib.util.find_spec(_PACKAGE)
    if spec is None or spec.submodule_search_locations is None:
        return  # loaded whole already; or not installed, and the imports below say so
    package = _OnDemand(_PACKAGE)
    package.__spec__ = spec
    package.__loader__ = spec.loader
    package.__package__ = _PACKAGE
    package.__path__ = list(spec.submodule_search_locations)
    package.__file__ = spec.origin
    sys.modules[_PACKAGE] = package
    sys.modules["openlineage"].__dict__["client"] = package


_register()

# `from openlineage.client import event_v2` would ask the package for the name, and run it whole.
import openlineage.client.event_v2 as event_v2  # noqa: E402, PLR0402
import openlineage.client.facet_v2 as facet_v2  # noqa: E402, PLR0402

__all__ = ["event_v2", "facet_v2"]
