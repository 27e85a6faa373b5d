"""Opening the metadata store to read it. Must never make, migrate or write one: a question changes nothing."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from datetime import datetime

from ...storage.meta.database.engine import Store
from ...storage.meta.database.engine import now as moment_of
from ...storage.meta.database.looking import identity, to_look, to_watch
from ...storage.meta.database.looking import recorded as is_recorded
from ...storage.meta.database.migrate import require_form as require_form
from ...storage.settings import ProjectSettings


@contextmanager
def opened(settings: ProjectSettings) -> Generator[Store]:
    """The project's metadata store, closed at the end of the block; see `to_look`.

    Raises
    ------
    DatabaseFault: it cannot be opened, or another penstock wrote it; the hint says what to upgrade.
    """
    with to_look(settings.database_url, project=settings.project) as store:
        yield store


@contextmanager
def watched(settings: ProjectSettings) -> Generator[Store]:
    """The same to be kept open, where something was recorded; see `to_watch`.

    Raises
    ------
    DatabaseFault: nothing was recorded yet; or as `opened`.
    """
    with to_watch(settings.database_url, project=settings.project) as store:
        yield store


def file_of(settings: ProjectSettings) -> tuple[int, ...] | None:
    """Which file the database is, if it is one and there: another one in its place is another."""
    return identity(settings.database_url)


def recorded(settings: ProjectSettings) -> bool:
    """Whether there is a database to open; of one that is not a file, nobody knows before."""
    return is_recorded(settings.database_url)


def now_of(store: Store) -> datetime:
    """The time as the store has it."""
    with store.read() as tx:
        return moment_of(tx)
