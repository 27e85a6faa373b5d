"""Migrations and models say the same, and no database is touched that is not ours to touch."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import select, text

from penstock.storage import migrations
from penstock.storage.errors import DatabaseFault
from penstock.storage.meta import models, ticks
from penstock.storage.meta.database import migrate
from penstock.storage.meta.database.engine import Store
from penstock.storage.meta.database.migrate import NEWEST, Form, form, prepare, upgrade

SCRIPTS = Path(migrations.__file__).parent / "versions"


@pytest.fixture
def empty(tmp_path: Path, databases: Any) -> Iterator[Store]:
    """A store whose database is empty; a file is not there yet, in a folder whose name alembic could misread."""
    url = databases.fresh(prepared=False, file=tmp_path / "100 % ünfertig" / "penstock.db")
    store = Store(url, project="kb")
    yield store
    store.close()


def pretend(store: Store, revision: str) -> None:
    """Another penstock wrote it."""
    with store.write() as tx:
        tx.execute(text("UPDATE alembic_version SET version_num = :revision"), {"revision": revision})


@pytest.mark.databases("sqlite", "postgresql")
def test_the_migrations_lead_to_the_models(empty: Store) -> None:
    """Nothing is left to migrate, and every model is in the list that says so."""
    with empty.write() as tx:
        migrate.migrate(tx)
        context = MigrationContext.configure(tx, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, models.metadata()) == []
    assert {model.__table__.name for model in models.TABLES} == set(models.metadata().tables)  # type: ignore[attr-defined]


@pytest.mark.databases("sqlite", "postgresql")
def test_a_new_database_is_like_a_migrated_one(empty: Store, meta: Any) -> None:
    """To the letter, partial indexes, tables without rowid, collations and alembic's mark included, which a comparison
    of columns does not see."""
    with empty.write() as tx:
        migrate.migrate(tx)

    assert told(empty) == told(meta.store)


def test_the_newest_revision_is_that_of_the_newest_file() -> None:
    """And the files follow each other without a branch."""
    names = sorted(path.name for path in SCRIPTS.glob("[0-9]*.py"))
    assert names[-1].partition("_")[0] == NEWEST
    assert [name.partition("_")[0] for name in names] == [f"{number:04}" for number in range(1, len(names) + 1)]


@pytest.mark.databases("sqlite", "postgresql")
def test_an_empty_database_is_prepared(empty: Store) -> None:
    """It is current from then on; preparing it once more changes nothing."""
    assert form(empty) == (Form.EMPTY, None)
    prepare(empty)
    assert form(empty) == (Form.CURRENT, NEWEST)
    before = everything(empty)
    prepare(empty)
    assert everything(empty) == before


@pytest.mark.databases("sqlite", "postgresql")
def test_upgrading_twice_is_harmless(empty: Store) -> None:
    """The first tells what it did, the second that there was nothing to do."""
    assert upgrade(empty) == (None, NEWEST)
    before = everything(empty)
    assert upgrade(empty) == (NEWEST, NEWEST)
    assert everything(empty) == before


@pytest.mark.parametrize("refused", [prepare, upgrade])
def test_a_database_of_a_newer_penstock_is_refused_unchanged(meta: Any, refused: Any) -> None:
    """Byte for byte; the message names both forms."""
    pretend(meta.store, "9999")
    meta.store.close()
    before = digest(meta.path)
    with pytest.raises(DatabaseFault, match=f"form 9999, newer than {NEWEST}") as caught:
        refused(meta.store)
    meta.store.close()
    assert digest(meta.path) == before
    assert "pgrade penstock" in caught.value.hint


def test_an_older_database_asks_to_be_upgraded(meta: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not upgraded behind anybody's back: that is a command of its own."""
    newer = f"{int(NEWEST) + 1:04}"
    monkeypatch.setattr(migrate, "NEWEST", newer)
    meta.store.close()
    before = digest(meta.path)
    assert form(meta.store) == (Form.OLDER, NEWEST)
    with pytest.raises(DatabaseFault, match=f"form {NEWEST}, this penstock needs {newer}") as caught:
        prepare(meta.store)
    meta.store.close()
    assert digest(meta.path) == before
    assert "penstock db upgrade" in caught.value.hint


@pytest.mark.databases("sqlite", "postgresql")
def test_ticks_of_the_first_form_are_kept_without_a_time(empty: Store) -> None:
    """When they were noted was not kept then."""
    with empty.write() as tx:
        migrate.migrate(tx, "0001")
        tx.execute(text("INSERT INTO projects VALUES ('kb', '', :at)"), {"at": TICK})
        tx.execute(
            text(
                "INSERT INTO assets (id, project, name, definition_digest, registered_at, failures) "
                "VALUES (7, 'kb', 'chunks', '', :at, 0)"
            ),
            {"at": TICK},
        )
        tx.execute(text("INSERT INTO ticks VALUES (7, '', 'cron', :at, NULL)"), {"at": TICK})
    assert upgrade(empty) == ("0001", NEWEST)
    with empty.read() as tx:
        assert ticks.last_ticks(tx, [(7, "cron")]) == {(7, "cron"): datetime(2026, 1, 5, tzinfo=UTC)}
        assert tx.execute(select(ticks.ticks.c.noted_at)).scalars().all() == [None]


TICK = "2026-01-05 00:00:00"


@pytest.mark.databases("sqlite", "postgresql")
def test_a_migration_that_fails_leaves_the_database_as_it_was(empty: Store) -> None:
    """It is one transaction: a table that is in the way stops it before anything is made."""
    with empty.write() as tx:
        tx.execute(text("CREATE TABLE subscriptions (other INTEGER)"))
    before = everything(empty)
    with pytest.raises(DatabaseFault, match=r'subscriptions"? already exists'):
        upgrade(empty)
    assert everything(empty) == before
    assert form(empty) == (Form.EMPTY, None)


def told(store: Store) -> list[tuple[str, list[str], Any]]:
    """What makes the form of the database, whatever the spacing, the quotes and the order of a statement's lines;
    and its mark."""
    with store.read() as tx:
        mark = [tuple(row) for row in tx.execute(text("SELECT * FROM alembic_version"))]
    split = [
        (name, (sql or "").replace('"', "").replace(", CONSTRAINT", ",\nCONSTRAINT"))
        for _, name, sql in everything(store)
    ]
    return [
        (name, sorted(filter(None, (line.strip(" \t,") for line in sql.splitlines()))), mark) for name, sql in split
    ]


def everything(store: Store) -> list[tuple[Any, ...]]:
    """Every table, index and constraint of the database, with what makes it."""
    with store.read() as tx:
        return [tuple(row) for row in tx.execute(text(CATALOGUES[tx.dialect.name]))]


CATALOGUES = {
    "sqlite": "SELECT type, name, sql FROM sqlite_master ORDER BY name",
    "postgresql": """
        SELECT 'column', c.relname || '.' || a.attname,
            concat_ws(' ', format_type(a.atttypid, a.atttypmod), a.attnotnull, l.collname, pg_get_expr(adbin, adrelid))
        FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid AND c.relkind = 'r' AND a.attnum > 0
        JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = 'public'
        LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
        LEFT JOIN pg_collation l ON l.oid = a.attcollation
        UNION ALL SELECT 'index', indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'
        UNION ALL SELECT 'constraint', concat_ws(' ', c.conrelid::regclass, c.conname), pg_get_constraintdef(c.oid)
        FROM pg_constraint c JOIN pg_namespace n ON n.oid = c.connamespace AND n.nspname = 'public'
        ORDER BY 1, 2""",
}


def digest(path: Path) -> str:
    """Of the bytes of the file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
