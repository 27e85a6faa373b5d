"""Opening the metadata store, and its transactions. Nothing here knows a table.

One promise on both databases: a write transaction is the only one of its project from its first moment, so what it
has read stays true until it commits; a read transaction sees one consistent snapshot and blocks nobody.

SQLite in WAL mode is the default; there the write lock is that of the file (`BEGIN IMMEDIATE`). `synchronous=NORMAL`:
after a crash of the process nothing is lost; after a loss of power the last commits may be missing, but never half of
one, and never one without the commits before it. What each of them needs stands in `sqlite.py` and `postgresql.py`.
"""

from __future__ import annotations

import json
import sqlite3
from collections import deque
from collections.abc import Callable, Generator, Iterable
from contextlib import AbstractContextManager, contextmanager, suppress
from datetime import UTC, datetime
from functools import lru_cache
from itertools import count
from pathlib import Path
from threading import Lock
from typing import Any, cast

import orjson
from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    DateTime,
    Engine,
    Integer,
    MetaData,
    String,
    Table,
)
from sqlalchemy.engine import URL, Dialect, make_url
from sqlalchemy.exc import ArgumentError, DatabaseError, DBAPIError, NoSuchModuleError, OperationalError
from sqlalchemy.types import TypeDecorator
from sqlmodel import AutoString, SQLModel

from ...errors import Bug, DatabaseFault, MissingExtra
from . import bell, postgresql, sqlite

Transaction = Connection
"""What the functions of this folder take first: an open transaction."""


class UtcTime(TypeDecorator[datetime]):
    """An aware UTC time. SQLite, which knows no times, keeps it as a text without its zone; that is read and written
    here by what Python has for it, several times faster than by SQLAlchemy's own."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Callable[..., Any]:
        """Refuse naive times at the door; hand over UTC."""
        return _as_text if dialect.name == "sqlite" else _as_known

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[..., Any]:
        """Give back aware UTC."""
        return _of_text if dialect.name == "sqlite" else _as_known


def _as_known(value: datetime | None) -> datetime | None:
    return None if value is None else _as_utc(value)


def _as_utc(value: datetime) -> datetime:
    if value.tzinfo is UTC:
        return value
    if value.tzinfo is None:
        raise DatabaseFault(f"the time {value.isoformat()} has no zone", hint="Times are aware; this is a bug.")
    return value.astimezone(UTC)


def _as_text(value: datetime | None) -> str | None:
    """`2026-01-05 10:00:00.000000`: texts in the order of their times."""
    return None if value is None else _text(_as_utc(value))


@lru_cache(maxsize=1024)  # what one transaction writes mostly happens at one moment
def _text(utc: datetime) -> str:
    return utc.isoformat(" ", "microseconds")[:26]


@lru_cache(maxsize=1024)
def _of_text(value: str | None) -> datetime | None:
    return None if value is None else datetime.fromisoformat(f"{value}+00:00")


class Row(SQLModel):
    """What every table of ours inherits: a schema of its own, so that a user's tables may be called alike."""

    metadata = MetaData()


WHOLE = Integer().with_variant(BigInteger(), "postgresql")
TEXT = String().with_variant(String(collation="C"), "postgresql")


def table_of(model: type[Row]) -> Table:
    """The table behind a model, for statements. Its numbers have 64 bits and its texts the order of their code points
    on PostgreSQL too, as on SQLite: sizes exceed 2 GiB, and a name or a prefix is found by the same order everywhere.
    """
    table = cast("Table", model.__table__)  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]
    for column in cast("Iterable[Column[Any]]", table.columns):
        if isinstance(column.type, Integer):
            column.type = WHOLE
        elif isinstance(column.type, AutoString):
            column.type = TEXT
    return table


BY_KEY = {"sqlite_with_rowid": False}
"""Table option: rows lie in the order of their primary key, without a second tree beside it."""


class Store:
    """The metadata store of one project: a database and the project's name in it.

    Parameters
    ----------
    url: `"sqlite:////home/me/.penstock/penstock.db"` or `"postgresql://me@host/penstock"`.
    project: namespace of names; several projects can share a database.
    cache: MiB of a SQLite file that each connection, one for each transaction at a time, may keep in memory.

    Raises
    ------
    DatabaseFault: the URL cannot be read or the database cannot be opened; a password in it is never printed.
    MissingExtra: the driver for PostgreSQL is not installed.
    """

    def __init__(self, url: str, *, project: str, cache: int = 64) -> None:
        self.project = project
        self._url = _parsed(url)
        self.shown_url = postgresql.shown(self._url)
        self.engine = _engine(self._url, self.shown_url, cache)
        self._served = self.engine.dialect.name == "postgresql"
        self._reader = self.engine.execution_options(**postgresql.READING) if self._served else self.engine
        self._kept: deque[Connection] = deque()
        self._marking = Lock()
        self._marker: Connection | None = None
        self._marker_id = 0
        self._closed = False
        self.is_read_only = False
        self._bells = None if self._served else bell.folder_of(self._url)

    def listener(self, *topics: bell.Topic) -> bell.Listener:
        """What hears when another process has committed something of these topics."""
        return bell.Listener(self._url, self.project, *topics)

    def read(self) -> AbstractContextManager[Transaction]:
        """One consistent snapshot; nothing can be written."""
        return self._of_server(writing=False) if self._served else self._of_file("BEGIN", writing=False)

    def write(self) -> AbstractContextManager[Transaction]:
        """One write transaction, the only one of the project: commits at the end of the block, rolls back when it
        raises. It waits until the one at work is done.

        Raises
        ------
        DatabaseFault: the store is one to be read only, such as a copy of what cannot be written.
        """
        if self.is_read_only:
            raise DatabaseFault(
                f"the metadata store {self.shown_url} cannot be written by this process",
                hint="Ask whoever owns it, or go where it can be written.",
            )
        return self._of_server(writing=True) if self._served else self._of_file("BEGIN IMMEDIATE", writing=True)

    def mark(self) -> str:
        """Another one once anybody has committed something: as long as it is the same, what was read since stands.

        It costs a look at the head of SQLite's log, and a small question to a server.
        """
        if self._served:
            with self.read() as tx:
                return postgresql.snapshot(tx)
        with self._marking:
            if self._marker is None or self._marker.closed:
                self._marker, self._marker_id = self._free(), next(_markers)
            driver: Any = self._marker.connection.dbapi_connection
            try:  # SQLite counts for each connection what all others have committed
                return f"{self._marker_id}/{driver.execute('PRAGMA data_version').fetchone()[0]}"
            except sqlite3.DatabaseError as error:
                self._tell(error)
                raise

    @contextmanager
    def _of_server(self, *, writing: bool) -> Generator[Transaction]:
        engine, pool = self.engine if writing else self._reader, self.engine.pool
        try:
            with engine.connect() as connection, connection.begin():
                if writing:
                    postgresql.begin_alone(connection, self.project)
                else:
                    postgresql.begin_reading(connection)
                yield connection
                if writing:
                    bell.ring_server(connection, self.project)
        except DBAPIError as error:
            self._tell(error)
            raise
        finally:
            if self._closed:  # only now: before, this connection was not back in its pool
                pool.dispose()
                self.close()

    @contextmanager
    def _of_file(self, begin: str, *, writing: bool) -> Generator[Transaction]:
        """A transaction on SQLite. Connections are kept open between two: to take one from SQLAlchemy's pool and give
        it back costs more than the transaction itself. The one that was used last is taken first: it knows the
        database best, every other has to read again what it wrote. That is why readers have no connection of their
        own; nor are they told `PRAGMA query_only`, after which SQLite compiles every statement anew: what they wrote
        is rolled back, and refused."""
        connection = self._free()
        try:
            with connection.begin() as transaction:
                driver: sqlite3.Connection = connection.connection.dbapi_connection  # pyright: ignore[reportAssignmentType]
                driver.execute(begin)
                before = driver.total_changes
                yield connection
                changes = driver.total_changes - before
                if not writing:
                    transaction.rollback()
        except BaseException as error:
            connection.close()  # whatever state it is in
            self._tell(error)
            raise
        topics = bell.rung(connection)
        self._kept.append(connection)
        if self._closed:
            self.close()
        if topics and self._bells is not None:
            bell.ring_pipes(self._bells, topics)
        if changes and not writing:
            raise Bug("something was written in a read-only transaction; it was rolled back")

    def close(self) -> None:
        """Every connection is closed; one of a thread that is late, once its transaction has ended."""
        self._closed = True
        with self._marking:
            if self._marker is not None:
                self._kept.append(self._marker)
                self._marker = None
        with suppress(IndexError):  # two threads may close at once
            while True:
                kept = self._kept.pop()
                kept.detach()  # it may be of a pool that nobody closes any more
                kept.close()
        self.engine.dispose()

    @property
    def is_closed(self) -> bool:
        """Whether it was closed: what is asked of it from then on would open it anew."""
        return self._closed

    def _free(self) -> Connection:
        try:
            return self._kept.pop()
        except IndexError:
            pass
        try:
            return self.engine.connect()
        except (DBAPIError, sqlite3.DatabaseError) as error:
            self._tell(error)
            raise

    def _tell(self, error: BaseException) -> None:
        """Raise what an error says of the database; a violated constraint or a wrong statement says nothing of it."""
        found = self._found(error) if isinstance(error, (DBAPIError, sqlite3.DatabaseError)) else None
        if found is not None:
            raise DatabaseFault(
                f"the metadata store {self.shown_url} cannot be used: {found[0]}", hint=found[1]
            ) from error

    def _found(self, error: DBAPIError | sqlite3.DatabaseError) -> tuple[str, str] | None:
        """What an error says of the database, and the next step."""
        if self._served and isinstance(error, DBAPIError):
            step = postgresql.remedy(error)
            return None if step is None else (postgresql.message(error, self._url), step)
        if type(error) not in _UNUSABLE:
            return None
        message = str(error.orig if isinstance(error, DBAPIError) else error)
        return message, sqlite.remedy(message)


_markers = count(1)


def now(tx: Transaction) -> datetime:
    """The time, by the clock that every process of the project shares: PostgreSQL's own, which stands still within a
    transaction and never goes back from one write to the next; with SQLite that of this machine."""
    return postgresql.now(tx) if tx.dialect.name == "postgresql" else datetime.now(UTC)


def hold(tx: Transaction, name: str) -> None:
    """Until the transaction ends nobody else holds this name, of whatever project; on SQLite nobody else writes."""
    if tx.dialect.name == "postgresql":
        postgresql.hold(tx, name)


def sqlite_url(path: Path) -> str:
    """The URL of a SQLite file."""
    return f"sqlite:///{path}"


# SQLite's own come from the statements that begin a transaction: they go past SQLAlchemy.
_UNUSABLE = (OperationalError, DatabaseError, sqlite3.OperationalError, sqlite3.DatabaseError)


def _parsed(url: str) -> URL:
    try:
        return make_url(url)
    except (ArgumentError, ValueError) as error:  # ValueError: a port that is no number
        raise DatabaseFault(
            "the setting `database` is neither a path, `sqlite` nor a database URL",
            hint="Write e.g. postgresql://user@host/name.",
        ) from error


def _engine(url: URL, shown: str, cache: int) -> Engine:
    backend = url.get_backend_name()
    try:
        if backend in postgresql.NAMES:
            return postgresql.opened(url, _dumps)
        if backend != "sqlite":
            raise DatabaseFault(
                f"{shown} is a database that penstock does not know: {backend}",
                hint="Set `database` to `sqlite`, the path of a file, or postgresql://user@host/name.",
            )
        return sqlite.opened(url, _dumps, cache)
    except (NoSuchModuleError, ModuleNotFoundError) as error:
        raise MissingExtra(
            f"{shown} needs a database driver that is not installed: {error}",
            hint='For PostgreSQL: pip install "penstock[postgres]"',
        ) from error


def _dumps(value: Any) -> str:
    try:
        return orjson.dumps(value).decode()
    except TypeError:  # integers beyond 64 bits
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
