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
    from .assets.declare.conditions.leaves import stale as stale
    from .assets.declare.conditions.predicates import meta as meta
    from .assets.declare.conditions.tree import all_of as all_of
    from .assets.declare.conditions.tree import any_of as any_of
    from .assets.declare.conditions.tree import n_of as n_of
    from .assets.declare.dataset import Dataset as Dataset
    from .assets.declare.definitions import Definitions as Definitions
    from .assets.declare.limits import RateLimit as RateLimit
    from .assets.declare.limits import Slots as Slots
    from .assets.declare.partitions.grains import Daily as Daily
    from .assets.declare.partitions.grains import Hourly as Hourly
    from .assets.declare.partitions.grains import Monthly as Monthly
    from .assets.declare.partitions.grains import Weekly as Weekly
    from .assets.declare.partitions.named import Dynamic as Dynamic
    from .assets.declare.partitions.named import Static as Static
    from .assets.declare.partitions.partition import Partition as Partition
    from .assets.declare.partitions.windows import Windows as Windows
    from .assets.declare.policies import Deadline as Deadline
    from .assets.declare.policies import each as each
    from .assets.declare.resource import Leftover as Leftover
    from .assets.declare.resource import resource as resource
    from .assets.declare.retrying import RetryPolicy as RetryPolicy
    from .assets.declare.retrying import Timeouts as Timeouts
    from .assets.declare.secret import Secret as Secret
    from .assets.declare.ticks.timetables import Cron as Cron
    from .assets.declare.ticks.timetables import Every as Every
    from .assets.declare.values import Opaque as Opaque
    from .assets.declare.values import Output as Output
    from .assets.declare.values import Skip as Skip
    from .assets.declare.values import Version as Version
    from .assets.run.api import materialize as materialize
    from .assets.run.api import plan as plan
    from .assets.run.attempt.context import Context as Context
    from .assets.run.backfilling.api import backfill as backfill
    from .assets.run.backfilling.api import cancel_backfill as cancel_backfill
    from .assets.run.backfilling.api import pause_backfill as pause_backfill
    from .assets.run.backfilling.api import resume_backfill as resume_backfill
    from .assets.run.explaining.api import why as why
    from .assets.run.rerunning import rerun as rerun
    from .assets.run.telling.outside import record_event as record_event
    from .assets.run.telling.pausing import pause as pause
    from .assets.run.telling.pausing import resume as resume
    from .storage.errors import DefinitionError as DefinitionError
    from .storage.errors import EnvironmentFault as EnvironmentFault
    from .storage.errors import PenstockError as PenstockError
    from .storage.errors import ProducerError as ProducerError
    from .storage.errors import UsageError as UsageError

__version__ = "0.1.0"

__all__ = [
    "Context",
    "Cron",
    "Daily",
    "Dataset",
    "Deadline",
    "DefinitionError",
    "Definitions",
    "Dynamic",
    "EnvironmentFault",
    "Every",
    "Hourly",
    "Leftover",
    "Monthly",
    "Opaque",
    "Output",
    "Partition",
    "PenstockError",
    "ProducerError",
    "RateLimit",
    "RetryPolicy",
    "Secret",
    "Skip",
    "Slots",
    "Static",
    "Timeouts",
    "UsageError",
    "Version",
    "Weekly",
    "Windows",
    "all_of",
    "any_of",
    "asset",
    "backfill",
    "cancel_backfill",
    "defaults",
    "each",
    "materialize",
    "meta",
    "n_of",
    "pause",
    "pause_backfill",
    "plan",
    "record_event",
    "rerun",
    "resource",
    "resume",
    "resume_backfill",
    "source",
    "stale",
    "why",
]

_WHERE = {
    "Context": "penstock.assets.run.attempt.context:Context",
    "Cron": "penstock.assets.declare.ticks.timetables:Cron",
    "Daily": "penstock.assets.declare.partitions.grains:Daily",
    "Dataset": "penstock.assets.declare.dataset:Dataset",
    "Deadline": "penstock.assets.declare.policies:Deadline",
    "DefinitionError": "penstock.storage.errors:DefinitionError",
    "Definitions": "penstock.assets.declare.definitions:Definitions",
    "Dynamic": "penstock.assets.declare.partitions.named:Dynamic",
    "EnvironmentFault": "penstock.storage.errors:EnvironmentFault",
    "Every": "penstock.assets.declare.ticks.timetables:Every",
    "Hourly": "penstock.assets.declare.partitions.grains:Hourly",
    "Leftover": "penstock.assets.declare.resource:Leftover",
    "Monthly": "penstock.assets.declare.partitions.grains:Monthly",
    "Opaque": "penstock.assets.declare.values:Opaque",
    "Output": "penstock.assets.declare.values:Output",
    "Partition": "penstock.assets.declare.partitions.partition:Partition",
    "PenstockError": "penstock.storage.errors:PenstockError",
    "ProducerError": "penstock.storage.errors:ProducerError",
    "RateLimit": "penstock.assets.declare.limits:RateLimit",
    "RetryPolicy": "penstock.assets.declare.retrying:RetryPolicy",
    "Secret": "penstock.assets.declare.secret:Secret",
    "Skip": "penstock.assets.declare.values:Skip",
    "Slots": "penstock.assets.declare.limits:Slots",
    "Static": "penstock.assets.declare.partitions.named:Static",
    "Timeouts": "penstock.assets.declare.retrying:Timeouts",
    "UsageError": "penstock.storage.errors:UsageError",
    "Version": "penstock.assets.declare.values:Version",
    "Weekly": "penstock.assets.declare.partitions.grains:Weekly",
    "Windows": "penstock.assets.declare.partitions.windows:Windows",
    "all_of": "penstock.assets.declare.conditions.tree:all_of",
    "any_of": "penstock.assets.declare.conditions.tree:any_of",
    "asset": "penstock.assets.declare.asset:asset",
    "backfill": "penstock.assets.run.backfilling.api:backfill",
    "cancel_backfill": "penstock.assets.run.backfilling.api:cancel_backfill",
    "defaults": "penstock.assets.declare.asset:defaults",
    "each": "penstock.assets.declare.policies:each",
    "materialize": "penstock.assets.run.api:materialize",
    "meta": "penstock.assets.declare.conditions.predicates:meta",
    "n_of": "penstock.assets.declare.conditions.tree:n_of",
    "pause": "penstock.assets.run.telling.pausing:pause",
    "pause_backfill": "penstock.assets.run.backfilling.api:pause_backfill",
    "plan": "penstock.assets.run.api:plan",
    "record_event": "penstock.assets.run.telling.outside:record_event",
    "rerun": "penstock.assets.run.rerunning:rerun",
    "resource": "penstock.assets.declare.resource:resource",
    "resume": "penstock.assets.run.telling.pausing:resume",
    "resume_backfill": "penstock.assets.run.backfilling.api:resume_backfill",
    "source": "penstock.assets.declare.asset:source",
    "stale": "penstock.assets.declare.conditions.leaves:stale",
    "why": "penstock.assets.run.explaining.api:why",
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
