"""penstock: declare datasets and the assets that make them; penstock makes them so, once, and remembers how.

This is the face: every public name, loaded when it is first asked for, so that `import penstock` loads neither a
frame library nor a database. It must never import anything of ours when it is loaded, nor hold logic of its own.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # never executed; relative, so that a type checker finds the files whatever the checkout is called
    from .assets.declare.asset import asset as asset
    from .assets.declare.asset import defaults as defaults
    from .assets.declare.asset import source as source
    from .assets.declare.conditions import all_of as all_of
    from .assets.declare.conditions import any_of as any_of
    from .assets.declare.conditions import n_of as n_of
    from .assets.declare.dataset import Dataset as Dataset
    from .assets.declare.definitions import Definitions as Definitions
    from .assets.declare.policies import RetryPolicy as RetryPolicy
    from .assets.declare.timetables import Cron as Cron
    from .assets.declare.timetables import Every as Every
    from .assets.declare.values import Opaque as Opaque
    from .assets.declare.values import Output as Output
    from .assets.declare.values import Version as Version
    from .assets.run.api import materialize as materialize
    from .assets.run.api import plan as plan
    from .assets.run.context import Context as Context
    from .storage.errors import DefinitionError as DefinitionError
    from .storage.errors import EnvironmentFault as EnvironmentFault
    from .storage.errors import PenstockError as PenstockError
    from .storage.errors import ProducerError as ProducerError
    from .storage.errors import UsageError as UsageError

__version__ = "0.1.0"

__all__ = [
    "Context",
    "Cron",
    "Dataset",
    "DefinitionError",
    "Definitions",
    "EnvironmentFault",
    "Every",
    "Opaque",
    "Output",
    "PenstockError",
    "ProducerError",
    "RetryPolicy",
    "UsageError",
    "Version",
    "all_of",
    "any_of",
    "asset",
    "defaults",
    "materialize",
    "n_of",
    "plan",
    "source",
]

_WHERE = {
    "Context": "penstock.assets.run.context:Context",
    "Cron": "penstock.assets.declare.timetables:Cron",
    "Dataset": "penstock.assets.declare.dataset:Dataset",
    "DefinitionError": "penstock.storage.errors:DefinitionError",
    "Definitions": "penstock.assets.declare.definitions:Definitions",
    "EnvironmentFault": "penstock.storage.errors:EnvironmentFault",
    "Every": "penstock.assets.declare.timetables:Every",
    "Opaque": "penstock.assets.declare.values:Opaque",
    "Output": "penstock.assets.declare.values:Output",
    "PenstockError": "penstock.storage.errors:PenstockError",
    "ProducerError": "penstock.storage.errors:ProducerError",
    "RetryPolicy": "penstock.assets.declare.policies:RetryPolicy",
    "UsageError": "penstock.storage.errors:UsageError",
    "Version": "penstock.assets.declare.values:Version",
    "all_of": "penstock.assets.declare.conditions:all_of",
    "any_of": "penstock.assets.declare.conditions:any_of",
    "asset": "penstock.assets.declare.asset:asset",
    "defaults": "penstock.assets.declare.asset:defaults",
    "materialize": "penstock.assets.run.api:materialize",
    "n_of": "penstock.assets.declare.conditions:n_of",
    "plan": "penstock.assets.run.api:plan",
    "source": "penstock.assets.declare.asset:source",
}


def __getattr__(name: str) -> object:
    """Load a public name the first time it is asked for; it is an ordinary attribute from then on."""
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, _, attribute = _WHERE[name].partition(":")
    value = globals()[name] = getattr(import_module(module), attribute)
    return value


def __dir__() -> list[str]:
    """Every public name, whether it is loaded or not."""
    return sorted({*globals(), *_WHERE})
