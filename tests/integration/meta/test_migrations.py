"""Migrations and models say the same, and no database is touched that is not ours to touch."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text

from penstock.storage import migrations
from penstock.storage.errors import DatabaseFault
from penstock.storage.meta import migrate, models
from penstock.storage.meta.engine import Store, sqlite_url
from penstock.storage.meta.migrate import NEWEST, Form, form, prepare, upgrade

SCRIPTS = Path(migrations.__file__).parent / "versions"


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Store]:
    """A store whose database is not there yet, in a folder whose name alembic could misread."""
    folder = tmp_path / "100 % ünfertig"
    folder.mkdir()
    store = Store(sqlite_url(folder / "penstock.db"), project="kb")
    yield store
    store.close()


def pretend(store: Store, revision: str) -> None:
    """Another penstock wrote it."""
    with store.write() as tx:
        tx.execute(text("UPDATE alembic_version SET version_num = :revision"), {"revision": revision})


def test_the_migrations_lead_to_the_models(empty: Store) -> None:
    """Nothing is left to migrate, and every model is in the list that says so."""
    with empty.write() as tx:
        migrate.migrate(tx)
        context = MigrationContext.configure(tx, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, models.metadata()) == []
    assert {model.__table__.name for model in models.TABLES} == set(models.metadata().tables)  # type: ignore[attr-defined]


def test_a_new_database_is_like_a_migrated_one(empty: Store, meta: Any) -> None:
    """To the letter, partial indexes, tables without rowid and alembic's mark included, which a comparison of columns
    does not see."""
    with empty.write() as tx:
        migrate.migrate(tx)

    assert told(empty) == told(meta.store)


def test_the_newest_revision_is_that_of_the_newest_file() -> None:
    """And the files follow each other without a branch."""
    names = sorted(path.name for path in SCRIPTS.glob("[0-9]*.py"))
    assert names[-1].partition("_")[0] == NEWEST
    assert [name.partition("_")[0] for name in names] == [f"{number:04}" for number in range(1, len(names) + 1)]


def test_an_empty_database_is_prepared(empty: Store) -> None:
    """It is current from then on; preparing it once more changes nothing."""
    assert form(empty) == (Form.EMPTY, None)
    prepare(empty)
    assert form(empty) == (Form.CURRENT, NEWEST)
    before = everything(empty)
    prepare(empty)
    assert everything(empty) == before


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
    monkeypatch.setattr(migrate, "NEWEST", "0002")
    meta.store.close()
    before = digest(meta.path)
    assert form(meta.store) == (Form.OLDER, NEWEST)
    with pytest.raises(DatabaseFault, match=f"form {NEWEST}, this penstock needs 0002") as caught:
        prepare(meta.store)
    meta.store.close()
    assert digest(meta.path) == before
    assert "penstock db upgrade" in caught.value.hint


def test_a_migration_that_fails_leaves_the_database_as_it_was(empty: Store) -> None:
    """It is one transaction: a table that is in the way stops it before anything is made."""
    with empty.write() as tx:
        tx.execute(text("CREATE TABLE subscriptions (other INTEGER)"))
    before = everything(empty)
    with pytest.raises(DatabaseFault, match="subscriptions already exists"):
        upgrade(empty)
    assert everything(empty) == before
    assert form(empty) == (Form.EMPTY, None)


def told(store: Store) -> list[tuple[str, list[str], Any]]:
    """What makes the form of the database, whatever the spacing and the order of a statement's lines, and its mark."""
    with store.read() as tx:
        mark = tx.execute(text("SELECT * FROM alembic_version")).all()
    split = [(name, (sql or "").replace(", CONSTRAINT", ",\nCONSTRAINT")) for _, name, sql in everything(store)]
    return [
        (name, sorted(filter(None, (line.strip(" \t,") for line in sql.splitlines()))), mark) for name, sql in split
    ]


def everything(store: Store) -> list[tuple[Any, ...]]:
    """Every table and index of the database."""
    with store.read() as tx:
        return [tuple(row) for row in tx.execute(text("SELECT type, name, sql FROM sqlite_master ORDER BY name"))]


def digest(path: Path) -> str:
    """Of the bytes of the file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
