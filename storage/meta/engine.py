"""Opening the metadata store, and its transactions. Nothing here knows a table.

SQLite in WAL mode is the default. A write transaction takes the write lock when it begins (`BEGIN IMMEDIATE`), so
what it has read stays true until it commits; a read transaction sees one consistent snapshot and blocks nobody.

`synchronous=NORMAL`: after a crash of the process nothing is lost; after a loss of power the last commits may be
missing, but never half of one, and never one without the commits before it.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from time import sleep
from typing import Any

from sqlalchemy import Connection, DateTime, Engine, MetaData, Table, create_engine, event
from sqlalchemy.engine import Dialect, make_url
from sqlalchemy.exc import ArgumentError, DatabaseError, NoSuchModuleError, OperationalError
from sqlalchemy.types import TypeDecorator
from sqlmodel import SQLModel

from ..errors import DatabaseFault, MissingExtra

Transaction = Connection
"""What the functions of this folder take first: an open transaction."""


class UtcTime(TypeDecorator[datetime]):
    """An aware UTC time; SQLite, which knows no zones, keeps it without one."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse naive times at the door; hand over UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise DatabaseFault(f"the time {value.isoformat()} has no zone", hint="Times are aware; this is a bug.")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give back aware UTC."""
        return value if value is None else value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Row(SQLModel):
    """What every table of ours inherits: a schema of its own, so that a user's tables may be called alike."""

    metadata = MetaData()


def table_of(model: type[Row]) -> Table:
    """The table behind a model, for statements on the hot path."""
    return model.__table__  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType, reportUnknownVariableType]


BY_KEY = {"sqlite_with_rowid": False}
"""Table option: rows lie in the order of their primary key, without a second tree beside it."""


class Store:
    """The metadata store of one project: a database and the project's name in it.

    Parameters
    ----------
    url: `"sqlite:////home/me/.penstock/penstock.db"` or another SQLAlchemy URL.
    project: namespace of names; several projects can share a database.

    Raises
    ------
    DatabaseFault: the URL cannot be read or the database cannot be opened; a password in it is never printed.
    """

    def __init__(self, url: str, *, project: str) -> None:
        self.project = project
        self.engine = _engine(url)
        self._writer = self.engine.execution_options(penstock_write=True)
        self.shown_url = self.engine.url.render_as_string(hide_password=True)

    @contextmanager
    def read(self) -> Generator[Transaction]:
        """One consistent snapshot; nothing can be written."""
        with self._faults(), self.engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def write(self) -> Generator[Transaction]:
        """One write transaction: commits at the end of the block, rolls back when it raises."""
        with self._faults(), self._writer.connect() as connection, connection.begin():
            yield connection

    def close(self) -> None:
        """Every connection is closed."""
        self.engine.dispose()

    @contextmanager
    def _faults(self) -> Generator[None]:
        try:
            yield
        except (DatabaseError, sqlite3.DatabaseError) as error:
            if type(error) not in _UNUSABLE:
                raise  # a violated constraint or a wrong statement says nothing of the database
            message = str(error.orig if isinstance(error, DatabaseError) else error)
            raise DatabaseFault(
                f"the metadata store {self.shown_url} cannot be used: {message}", hint=_remedy(message)
            ) from error


def sqlite_url(path: Path) -> str:
    """The URL of a SQLite file."""
    return f"sqlite:///{path}"


def _remedy(message: str) -> str:
    for words, remedy in _REMEDIES.items():
        if words in message:
            return remedy
    return "See that the database is there, reachable and writable, then try again."


# SQLite's own come from `_on_begin`: what a listener raises is not translated.
_UNUSABLE = (OperationalError, DatabaseError, sqlite3.OperationalError, sqlite3.DatabaseError)
_REMEDIES = {
    "database is locked": "Another process held the write lock for 60 s; see `penstock status`, then try again.",
    "readonly database": "Make the file and its folder writable, or set another `home`.",
    "unable to open": "See that its folder exists and can be written to, or set another `home`.",
    "disk is full": "Make room on the disk, then run the same command again: nothing is half-written.",
    "not a database": "The file is something else: set another `home` or `database`.",
    "malformed": "The file is damaged: restore it from a backup.",
    "no such table": "The database is empty or foreign: `penstock db upgrade` prepares it.",
}


def _engine(url: str) -> Engine:
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError) as error:  # ValueError: a port that is no number
        raise DatabaseFault(
            "the setting `database` is neither a path, `sqlite` nor a database URL",
            hint="Write e.g. postgresql+psycopg://user@host/name.",
        ) from error
    shown = parsed.render_as_string(hide_password=True)
    try:
        if parsed.get_backend_name() != "sqlite":
            return create_engine(parsed, json_serializer=_dumps, pool_pre_ping=True)
        engine = create_engine(
            parsed,
            json_serializer=_dumps,
            connect_args={"timeout": 60, "isolation_level": None},
            pool_size=8,
            # The connection used last knows the database best: every other has to read again what it wrote.
            pool_use_lifo=True,
        )
    except (NoSuchModuleError, ModuleNotFoundError) as error:
        raise MissingExtra(
            f"{shown} needs a database driver that is not installed: {error}",
            hint='For PostgreSQL: pip install "penstock[postgres]" and write postgresql+psycopg://…',
        ) from error
    event.listen(engine, "connect", _on_connect)
    event.listen(engine, "begin", _on_begin)
    return engine


_PRAGMAS = (
    "synchronous=NORMAL",
    "foreign_keys=ON",
    "cache_size=-65536",  # 64 MiB
    "wal_autocheckpoint=8000",  # pages, 32 MiB: a checkpoint writes each page once, however often it changed
)


def _on_connect(connection: sqlite3.Connection, _record: object) -> None:
    _to_wal(connection)
    for pragma in _PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")


def _to_wal(connection: sqlite3.Connection) -> None:
    """Of several processes that open a new file at once, one switches it; SQLite would not let the others wait."""
    for patience in (*[0.02] * 500, None):
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if patience is None or "locked" not in str(error):
                raise
            sleep(patience)
        else:
            return


def _on_begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get("penstock_write", False)
    driver: sqlite3.Connection = connection.connection.dbapi_connection  # pyright: ignore[reportAssignmentType]
    driver.execute(f"PRAGMA query_only={0 if writes else 1}")
    driver.execute("BEGIN IMMEDIATE" if writes else "BEGIN")


def _dumps(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
