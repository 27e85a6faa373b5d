"""What SQLite needs: how a file is opened, and what its errors ask for."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from time import sleep
from typing import Any

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import URL

from ...json_text import parse


def opened(url: URL, dumps: Callable[[Any], str], cache: int) -> Engine:
    """An engine whose connections are ready to use; each may keep `cache` MiB of the file in memory."""
    engine = create_engine(
        url,
        json_serializer=dumps,
        json_deserializer=parse,
        connect_args={"timeout": 60, "isolation_level": None},
        pool_size=8,
    )

    def on_connect(connection: sqlite3.Connection, _record: object) -> None:
        _to_wal(connection)
        for pragma in (*_PRAGMAS, f"cache_size=-{1024 * cache}"):
            connection.execute(f"PRAGMA {pragma}")

    event.listen(engine, "connect", on_connect)
    return engine


_PRAGMAS = (
    "synchronous=NORMAL",
    "foreign_keys=ON",
    "wal_autocheckpoint=2000",  # pages, 8 MiB: each is written back once, however often it changed; none waits long
)


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


def remedy(message: str) -> str:
    """The next step after an error."""
    for words, remedy in _REMEDIES.items():
        if words in message:
            return remedy
    return "See that the database is there, reachable and writable, then try again."


_REMEDIES = {
    "database is locked": "Another process held the write lock for 60 s; see `penstock status`, then try again.",
    "readonly database": "Make the file, what lies beside it as -wal and -shm, and the folder writable, or set another "
    "`home`.",
    "unable to open": "See that its folder exists and can be written to, or set another `home`.",
    "disk is full": "Make room on the disk, then run the same command again: nothing is half-written.",
    "disk I/O error": "So a full disk answers, or a failing one: make room, then run the same command again.",
    "not a database": "The file is something else: set another `home` or `database`.",
    "malformed": "The file is damaged: restore it from a backup.",
    "no such table": "The database is empty or foreign: `penstock db upgrade` prepares it.",
}
