"""Bringing a metadata store to the form that this penstock reads and writes."""

from __future__ import annotations

from ....storage.meta.database.engine import Store
from ....storage.meta.database.looking import recorded
from ....storage.meta.database.migrate import NEWEST, upgrade
from ....storage.settings import ProjectSettings
from .project import open_store


def upgrade_store(settings: ProjectSettings) -> tuple[str | None, str]:
    """The store has the newest form; gives the forms before and after. None before: there was none, and one is made.

    Raises
    ------
    DatabaseFault: it cannot be opened, or is newer than this penstock.
    """
    if not recorded(settings.database_url):
        with open_store(settings):
            return None, NEWEST
    store = Store(settings.database_url, project=settings.project)
    try:
        return upgrade(store)
    finally:
        store.close()
