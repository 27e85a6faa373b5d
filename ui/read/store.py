"""Opening the metadata store to read it. Must never make, migrate or write one: a question changes nothing."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from ...storage.meta.engine import Store, sqlite_url
from ...storage.meta.migrate import Form, form, prepare
from ...storage.meta.models import metadata
from ...storage.settings import ProjectSettings
from ...storage.uri import redacted


@contextmanager
def opened(settings: ProjectSettings) -> Generator[Store]:
    """The project's metadata store, closed at the end of the block.

    Where nothing was recorded yet it is an empty one, gone at the end: every question has its ordinary answer, nothing.

    Raises
    ------
    DatabaseFault: it cannot be opened, or another penstock wrote it; the hint says what to upgrade.
    """
    with ExitStack() as stack:
        store = _existing(settings)
        if store is None:
            store = _empty(settings, stack.enter_context(TemporaryDirectory(prefix="penstock-")))
        stack.callback(store.close)
        yield store


def recorded(settings: ProjectSettings) -> bool:
    """Whether there is a database to open; of one that is not a file, nobody knows before."""
    file = settings.database_url.removeprefix("sqlite:///")
    return file == settings.database_url or Path(file).exists()


def _existing(settings: ProjectSettings) -> Store | None:
    if not recorded(settings):
        return None
    store = Store(settings.database_url, project=settings.project)
    try:
        if form(store)[0] is Form.EMPTY:
            store.close()
            return None
        prepare(store)
    except BaseException:
        store.close()
        raise
    return store


def _empty(settings: ProjectSettings, folder: str) -> Store:
    store = Store(sqlite_url(Path(folder) / "empty.db"), project=settings.project)
    store.shown_url = redacted(settings.database_url)
    with store.write() as tx:
        metadata().create_all(tx)
    return store
