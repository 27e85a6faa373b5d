"""Opening the metadata store without leaving a trace where it lies: for questions, and for plans.

Must never make or migrate the store of a project. Where a SQLite file cannot be written (a read-only mount, a full
disk) even reading it needs care, for a reader of a WAL database writes beside it: such a file is opened as one that
nobody changes, or copied if a write-ahead log lies beside it.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote

from ...errors import DatabaseFault
from ...uri import redacted
from ..models import metadata
from .engine import Store, sqlite_url
from .migrate import Form, form, prepare

_FILE = "sqlite:///"
_LITTLE = 8
"""MiB of the file that each of several connections keeps in memory: the operating system has it too, and the app, which
looks for months, has a connection for each visitor that asks at the same time."""


def recorded(url: str) -> bool:
    """Whether there is a database to open; of one that is not a file, nobody knows before."""
    return not url.startswith(_FILE) or _file(url).exists()


def identity(url: str) -> tuple[int, ...] | None:
    """Which file the database is: another one in its place has another, and so has one that cannot be written, and of
    which a copy may be read, when others have written it. None of what is no file, or not there."""
    if not url.startswith(_FILE):
        return None
    try:
        found = _file(url).stat()
        files = () if _writable(url) else [one for one in (_file(url), _log(url)) if one.exists()]
        changed = [one.stat().st_mtime_ns for one in files]
    except OSError:
        return None
    return found.st_dev, found.st_ino, *changed


@contextmanager
def to_watch(url: str, *, project: str) -> Generator[Store]:
    """The store, for questions over and over; closed at the end of the block.

    Raises
    ------
    DatabaseFault: nothing was recorded yet; or as `to_look`.
    """
    with ExitStack() as stack:
        store = _existing(url, project, stack) if recorded(url) else None
        if store is None:
            raise DatabaseFault(
                f"the project {project} has no database yet: {redacted(url)}",
                hint="Start `penstock up` in its folder, or make something with `penstock materialize`. If it had one, "
                "see where that went.",
            )
        yield store


@contextmanager
def to_look(url: str, *, project: str) -> Generator[Store]:
    """The store, for questions; closed at the end of the block.

    Where nothing was recorded yet it is an empty one, gone at the end: every question has its ordinary answer, nothing.

    Raises
    ------
    DatabaseFault: it cannot be opened, or another penstock wrote it; the hint says what to upgrade.
    """
    with ExitStack() as stack:
        store = _existing(url, project, stack) if recorded(url) else None
        yield store or _empty(url, project, stack)


@contextmanager
def to_plan(url: str, *, project: str) -> Generator[Store]:
    """A store in which definitions can be registered, for plans; closed at the end of the block.

    That of the project, if it is there and can be written. Else one that is gone at the end: a copy, or an empty one.

    Raises
    ------
    DatabaseFault: it cannot be opened, or another penstock wrote it; the hint says what to upgrade.
    """
    with ExitStack() as stack:
        if not recorded(url):
            yield _empty(url, project, stack)
            return
        store, _ = _read(url, project, stack, otherwise=_copy)
        prepare(store)
        yield store


def _existing(url: str, project: str, stack: ExitStack) -> Store | None:
    """The store of the project; None where it has no tables yet."""
    store, state = _read(url, project, stack, otherwise=_unchanging, cache=_LITTLE)
    store.is_read_only = not _writable(url)
    if state is Form.EMPTY:
        return None
    prepare(store)
    return store


def _read(
    url: str, project: str, stack: ExitStack, *, otherwise: Callable[[str, ExitStack], str], cache: int = 64
) -> tuple[Store, Form]:
    """The store and its form; where SQLite can write nothing beside its file, by the URL that `otherwise` gives."""
    if _writable(url):
        try:
            store = _opened(url, url, project, stack, cache=cache)
            return store, form(store)[0]
        except DatabaseFault:
            if not url.startswith(_FILE):
                raise
    store = _opened(otherwise(url, stack), url, project, stack, cache=cache)
    return store, form(store)[0]


def _opened(url: str, shown: str, project: str, stack: ExitStack, *, cache: int = 64) -> Store:
    store = Store(url, project=project, cache=cache)
    stack.callback(store.close)
    if url != shown:
        store.shown_url = redacted(shown)
    return store


def _empty(url: str, project: str, stack: ExitStack) -> Store:
    folder = stack.enter_context(TemporaryDirectory(prefix="penstock-"))
    store = _opened(sqlite_url(Path(folder) / "empty.db"), url, project, stack)
    with store.write() as tx:
        metadata().create_all(tx)  # without the mark of a form: it is none of the project's
    return store


def _file(url: str) -> Path:
    return Path(url.removeprefix(_FILE))


def _log(url: str) -> Path:
    """Where SQLite keeps what is committed and not yet in the file itself."""
    file = _file(url)
    return file.with_name(f"{file.name}-wal")


def _writable(url: str) -> bool:
    return not url.startswith(_FILE) or (os.access(_file(url), os.W_OK) and os.access(_file(url).parent, os.W_OK))


def _unchanging(url: str, stack: ExitStack) -> str:
    """The URL of a file that SQLite reads without a lock and without a file beside it."""
    log = _log(url)
    if log.exists() and log.stat().st_size:
        return _copy(url, stack)
    return f"{_FILE}file:{quote(str(_file(url)))}?immutable=1&uri=true"


def _copy(url: str, stack: ExitStack) -> str:
    """The URL of a copy, gone at the end.

    Raises
    ------
    DatabaseFault: it cannot be read, or there is no room for a copy.
    """
    folder = Path(stack.enter_context(TemporaryDirectory(prefix="penstock-")))
    try:
        for file in (_file(url), _log(url)):
            if file.exists():
                shutil.copyfile(file, folder / file.name)
    except OSError as error:
        raise DatabaseFault(
            f"the metadata store {redacted(url)} cannot be written, and a copy of it cannot be made in {folder}: "
            f"{error.strerror}",
            hint="Make room, or set TMPDIR to a folder that has some.",
        ) from error
    return sqlite_url(folder / _file(url).name)
