"""Why an asset would run now, or not, from the store alone: by its registered definition, no code of the project."""

from __future__ import annotations

from datetime import datetime

from ...assets.run.explaining import why as explaining
from ...assets.run.explaining.why import Last as Last
from ...assets.run.explaining.why import Read as Read
from ...assets.run.explaining.why import Why, why_then
from ...storage.meta.database.engine import Store
from ...storage.settings import ProjectSettings


def why_at(_store: Store, settings: ProjectSettings, name: str, at: datetime) -> Why:
    """What the planner would have done with the asset at an earlier time, by the definition and the news of then.

    Raises
    ------
    UsageError: there is no such asset, or it was not there then.
    """
    return why_then(settings, name, at)


def why_registered(store: Store, settings: ProjectSettings, name: str) -> Why:
    """What the planner would do with the asset now, as far as the store knows: sources are not looked at, and what is
    said of run parameters and files is of its last success.

    Raises
    ------
    UsageError: there is no such asset, or it is declared no more.
    """
    return explaining.why_registered(store, settings, name)
