"""What people were told, and what is still to be told."""

from __future__ import annotations

from ...storage.errors import UsageError
from ...storage.meta import messages as sent
from ...storage.meta.database.engine import Store
from ...storage.meta.messages import Message, Unsent
from ...storage.settings import ProjectSettings
from .page import Page, cut


def messages(store: Store, *, name: str | None = None, limit: int = 50, offset: int = 0) -> Page[Message]:
    """Messages of the project of this store, newest first; to one destination if it is named."""
    with store.read() as tx:
        destination = None if name is None else f"{store.project}/{name}"
        found = sent.recent(tx, store.project, destination=destination, limit=limit + 1, offset=offset)
    return cut(found, offset=offset, limit=limit)


def unsent(store: Store) -> list[Unsent]:
    """What has not arrived, by destination."""
    with store.read() as tx:
        return sent.unsent(tx, store.project)


def named(settings: ProjectSettings, name: str | None) -> list[str]:
    """The destination of this name, or all of them.

    Raises
    ------
    UsageError: the settings name none, or not this one.
    """
    known = list(settings.values.notifications)
    if not known:
        raise UsageError(
            "the settings name nobody who is told",
            hint='Write e.g. [notifications.team] and url_env = "SLACK_URL" into penstock.toml.',
        )
    if name is not None and name not in known:
        raise UsageError(f"the settings name no destination {name!r}", hint=f"There is: {', '.join(known)}.")
    return known if name is None else [name]
