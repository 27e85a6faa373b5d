"""PostgreSQL: how it is opened, how a write transaction becomes the only one of its project, what its errors mean.

Nothing here knows a table. psycopg 3 is the one driver: `prepared.py` speaks to it directly. Nothing is set for a
session, everything for a transaction, so that a pooler such as PgBouncer may stand between.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any

from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, InternalError, OperationalError

from ...errors import DatabaseFault

NAMES = ("postgresql", "postgres")
READING: Mapping[str, Any] = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
"""Execution options of a transaction that reads: every statement sees the snapshot that the first one saw.

One that writes stays at READ COMMITTED: it waits for its lock first, and must then see what was committed meanwhile.
"""

SILENCE = 60  # seconds after which the server ends a write transaction whose process says nothing any more
PATIENCE = 90  # seconds that a writer waits: longer, so that one that hangs never stops the others


def opened(url: URL, json_serializer: Callable[[Any], str]) -> Engine:
    """An engine on psycopg; no connection is made yet.

    Raises
    ------
    DatabaseFault: the URL names another driver.
    """
    if url.drivername not in (*NAMES, "postgresql+psycopg"):
        raise DatabaseFault(
            f"the setting `database` names the driver {url.drivername}; penstock speaks to PostgreSQL through psycopg",
            hint="Write postgresql://user@host/name.",
        )
    wanted = {"connect_timeout": "10", "application_name": "penstock", **url.query}
    return create_engine(
        url.set(drivername="postgresql+psycopg", query=wanted),
        json_serializer=json_serializer,
        pool_size=8,
        pool_use_lifo=True,
        pool_pre_ping=True,  # a server that was restarted is noticed before a transaction begins
    )


def begin_alone(tx: Connection, project: str) -> None:
    """From now to its end this is the only write transaction of the project, as it is on SQLite.

    Waits for the one that is at work. What is read from now on stays true until the commit.
    """
    row = tx.exec_driver_sql(
        f"SELECT set_config('lock_timeout', '{PATIENCE}s', true), "
        f"set_config('idle_in_transaction_session_timeout', '{SILENCE}s', true), "
        f"pg_advisory_xact_lock({_number(f'project {project}')}), clock_timestamp()"
    ).one()
    tx.info[_CLOCK] = row[3].astimezone(UTC)


def begin_reading(tx: Connection) -> None:
    """Forget what this connection knew of the time."""
    tx.info.pop(_CLOCK, None)


def hold(tx: Connection, name: str) -> None:
    """Until the transaction ends nobody else holds this name, whatever the project; waits for who does."""
    tx.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_number(name)})")


def now(tx: Connection) -> datetime:
    """The database's time: of a write the moment when it became the only one, of a read that of its snapshot.

    It is the same however often it is asked in one transaction, and asked of the server at most once.
    """
    if _CLOCK not in tx.info:
        tx.info[_CLOCK] = tx.exec_driver_sql("SELECT now()").scalar_one().astimezone(UTC)
    found: datetime = tx.info[_CLOCK]
    return found


_CLOCK = "penstock.now"


def snapshot(tx: Connection) -> str:
    """Which transactions of the server this one sees: of two that see the same the answers are the same."""
    found: str = tx.exec_driver_sql("SELECT CAST(pg_current_snapshot() AS text)").scalar_one()
    return found


def _number(name: str) -> int:
    """Advisory locks are numbers of 64 bits. Two names that fell on one would only wait for each other."""
    return int.from_bytes(blake2b(f"penstock {name}".encode(), digest_size=8).digest(), "big", signed=True)


def shown(url: URL) -> str:
    """The URL as it may be printed: passwords stand in the query too, where SQLAlchemy leaves them."""
    return url.difference_update_query([key for key in url.query if "pass" in key.lower()]).render_as_string()


def message(error: DBAPIError, url: URL) -> str:
    """What the server or the driver said, in a line and without a password."""
    said = " ".join(str(error.orig).split())
    secrets = (url.password, *(value for key, value in url.query.items() if "pass" in key.lower()))
    for secret in secrets:
        said = said.replace(str(secret), "…") if secret else said
    return said


def remedy(error: DBAPIError) -> str | None:
    """The next step where the error says something of the database; None where it says something of a statement:
    a key that is there already, a value that does not fit."""
    state: str = getattr(error.orig, "sqlstate", None) or ""
    if state in _REMEDIES:
        return _REMEDIES[state]
    if not isinstance(error, OperationalError | InternalError):
        return None
    said = str(error.orig)
    return next((step for words, step in _UNCONNECTED.items() if words in said), _OTHERWISE)


_SOON = "The server is starting up, recovering or stopping: wait a moment, then try again."
# By SQLSTATE (PostgreSQL, appendix A): messages are in the language of the server.
_REMEDIES = {
    "25006": "Reading writes nothing. If this was to write: connect to the primary, not to a standby.",
    "25P03": f"This process said nothing for {SILENCE} s in a transaction: nothing of it stays. Try again.",
    "40001": "Another program changed the same rows: nothing of this stays. Try again.",
    "40P01": "Another program held rows that this one needed: nothing of this stays. Try again.",
    "42501": "Let the user make and change tables: GRANT CREATE, USAGE ON SCHEMA public TO …",
    "42703": "The database is of another penstock, or foreign: see `penstock db upgrade`.",
    "42P01": "The database is empty or foreign: `penstock db upgrade` prepares it.",
    "42P07": "Another program's tables are in the way: set `database` to one of penstock's own.",
    "53100": "Make room on the server's disk, then run the same command again: nothing is half-written.",
    "53300": "The server takes no more connections: end some, or raise its max_connections.",
    "55P03": f"Another process held the write lock for {PATIENCE} s; see `penstock status`, then try again.",
    "57P01": "The server was stopped or the session ended: nothing is half-written. Try again when it is back.",
    "57P03": _SOON,
}
# A connection that was not made has no SQLSTATE.
_UNCONNECTED = {
    "password": "Correct user and password: in the URL, in PGPASSWORD or in ~/.pgpass.",
    "authentication": "See what the server's pg_hba.conf asks of this user and host.",
    "pg_hba.conf": "See what the server's pg_hba.conf asks of this user and host.",
    "role": "Make the user on the server (`createuser`), or name another in the setting `database`.",
    "the database system": _SOON,
    "database": "Make the database on the server (`createdb`), or name another in the setting `database`.",
}
_OTHERWISE = "See that the server runs and can be reached, and that host and port in `database` are right; try again."


def require(tx: Connection) -> None:
    """The database can hold what penstock writes.

    Raises
    ------
    DatabaseFault: its encoding is not UTF-8: names and reasons could not be written.
    """
    encoding = tx.exec_driver_sql("SHOW server_encoding").scalar_one()
    if encoding != "UTF8":
        raise DatabaseFault(
            f"the PostgreSQL database {tx.engine.url.database} is encoded as {encoding}, penstock needs UTF8",
            hint="Make another: createdb --encoding=UTF8 --template=template0 …",
        )
