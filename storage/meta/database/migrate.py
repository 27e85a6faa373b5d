"""Which form the database has, and bringing it to the newest.

An empty database gets the newest form from the models at once; an older one goes through the migrations, for which
alembic is imported. A test holds that both ways lead to the same form.
"""

from __future__ import annotations

from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Any

from sqlalchemy import create_mock_engine, inspect, text

from ...errors import DatabaseFault
from ..models import metadata
from . import postgresql
from .engine import Store, Transaction, hold

NEWEST = "0025"
"""The revision that this penstock reads and writes; a test holds it against the migration files."""

_SCRIPTS = Path(__file__).parents[2] / "migrations"


class Form(StrEnum):
    """How the database stands to this penstock."""

    EMPTY = "empty"
    CURRENT = "current"
    OLDER = "older"
    NEWER = "newer"


def form(store: Store) -> tuple[Form, str | None]:
    """How the database stands, and its revision."""
    with store.read() as tx:
        return _form(tx)


def _form(tx: Transaction) -> tuple[Form, str | None]:
    if not inspect(tx).has_table("alembic_version"):
        return Form.EMPTY, None
    revision = tx.execute(text("SELECT version_num FROM alembic_version")).scalar()
    if revision == NEWEST:
        return Form.CURRENT, revision
    known = {path.name.split("_")[0] for path in (_SCRIPTS / "versions").glob("[0-9]*.py")}
    return (Form.OLDER if revision in known else Form.NEWER), revision


def prepare(store: Store) -> None:
    """Make an empty database ready; accept a current one.

    Raises
    ------
    DatabaseFault: as `require_form`. Nothing was changed.
    """
    if require_form(store) is Form.EMPTY:
        upgrade(store)


def require_form(store: Store) -> Form:
    """That of the database: it is empty, or as this penstock needs it.

    Raises
    ------
    DatabaseFault: it is older (upgrade it) or newer (upgrade penstock) than this penstock.
    """
    state, revision = form(store)
    if state is Form.OLDER:
        raise DatabaseFault(
            f"the metadata store {store.shown_url} has form {revision}, this penstock needs {NEWEST}",
            hint="Run `penstock db upgrade`. It is one transaction; back the file up first if you can.",
        )
    if state is Form.NEWER:
        raise _newer(store, revision)
    return state


def _newer(store: Store, revision: str | None) -> DatabaseFault:
    return DatabaseFault(
        f"the metadata store {store.shown_url} has form {revision}, newer than {NEWEST} which this penstock knows",
        hint="A newer penstock wrote it: upgrade penstock. Nothing was changed.",
    )


def upgrade(store: Store) -> tuple[str | None, str]:
    """Bring the database to the newest form; returns the revision before and after.

    Raises
    ------
    DatabaseFault: it is newer than this penstock.
    """
    state, before = form(store)
    if state is Form.NEWER:
        raise _newer(store, before)
    if state is not Form.CURRENT:
        with store.write() as tx:
            hold(tx, "form")  # the other projects of the database are to wait as well
            now, _ = _form(tx)  # another process may have been faster
            if now is Form.EMPTY:
                create(tx)
            elif now is Form.OLDER:
                migrate(tx)
    return before, NEWEST


def create(connection: Transaction) -> None:
    """The empty database has every table, and the mark that alembic looks for."""
    if connection.dialect.name == "postgresql":
        postgresql.require(connection)
    for statement in _statements(connection.dialect.name):  # a table in the way is none of ours
        connection.exec_driver_sql(statement)
    connection.execute(text(_MARK))
    connection.execute(text("INSERT INTO alembic_version (version_num) VALUES (:newest)"), {"newest": NEWEST})


@lru_cache(maxsize=2)
def _statements(dialect: str) -> tuple[str, ...]:
    """What makes every table, written once in a process: SQLAlchemy takes longer to write it than SQLite to do it."""
    written: list[str] = []

    def write(statement: Any, *_args: object, **_options: object) -> None:
        written.append(str(statement.compile(dialect=engine.dialect)))

    engine = create_mock_engine(f"{dialect}://", write)
    metadata().create_all(engine, checkfirst=False)
    return tuple(written)


_MARK = """
CREATE TABLE alembic_version (
    version_num VARCHAR(32) NOT NULL, CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
)
"""


def migrate(connection: Transaction, to: str = "head") -> None:
    """Every migration that the database has not had, in order, up to a revision; from none on for an empty one."""
    from alembic import command  # noqa: PLC0415  0.2 s, needed only when the form changes
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    config.attributes.update(connection=connection, metadata=metadata())
    command.upgrade(config, to)
