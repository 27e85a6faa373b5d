"""Opening the store and its transactions, on real files and between real connections."""

from __future__ import annotations

import sqlite3
import sys
import threading
import traceback
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import event, insert, select
from sqlalchemy.exc import IntegrityError, StatementError

from penstock.storage.errors import Bug, DatabaseFault, MissingExtra
from penstock.storage.meta.catalogue import projects
from penstock.storage.meta.database.engine import Store, sqlite_url
from penstock.storage.meta.database.migrate import prepare

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


def add(tx: Any, name: str, at: datetime = NOW) -> None:
    """A row."""
    tx.execute(insert(projects), {"name": name, "catalogue_digest": "", "registered_at": at})


def names(store: Store) -> list[str]:
    """The rows."""
    with store.read() as tx:
        return sorted(tx.execute(select(projects.c.name)).scalars())


def impatient(store: Store, milliseconds: int) -> Store:
    """The same store, whose connections wait only so long for a lock."""
    event.listen(store.engine, "connect", lambda driver, _: driver.execute(f"PRAGMA busy_timeout={milliseconds}"))
    return store


def test_the_file_is_in_wal_mode_with_its_rules_on(meta: Any) -> None:
    """Readers never wait for a writer, foreign keys hold, and a crash of the process loses nothing."""
    assert meta.rows("PRAGMA journal_mode") == [("wal",)]
    assert meta.rows("PRAGMA foreign_keys") == [(1,)]
    assert meta.rows("PRAGMA synchronous") == [(1,)]


def test_what_lies_beside_the_file_takes_little_room(meta: Any) -> None:
    """It is written back before it fills a small disk, while the store is open: of 40 MiB that were written one after
    the other never more than 10 lie beside the file."""
    beside = meta.path.with_name(f"{meta.path.name}-wal")
    sizes: list[int] = []
    for number in range(40):
        with meta.store.write() as tx:
            tx.execute(
                insert(projects), {"name": "x" * 2**20 + str(number), "catalogue_digest": "", "registered_at": NOW}
            )
            tx.execute(projects.delete())
        sizes.append(beside.stat().st_size)
    assert 2**20 < max(sizes) < 10 * 2**20


@pytest.mark.databases("sqlite", "postgresql")
@pytest.mark.databases("sqlite", "postgresql")
def test_a_mark_is_another_once_anybody_has_committed(meta: Any) -> None:
    """Also by this store itself; what only reads, and what was rolled back, leaves it as it is on SQLite, where nobody
    else counts. It outlives what it was asked through, and none is that of another store."""
    other = Store(meta.url, project="kb")
    before = other.mark()
    with meta.store.write() as tx:
        add(tx, "kb")
        if not other._served:
            assert other.mark() == before
    seen = other.mark()
    assert seen != before
    assert names(other) == ["kb"]
    with suppress(ZeroDivisionError), meta.store.write() as tx:
        add(tx, "second")
        raise ZeroDivisionError
    if not other._served:
        assert other.mark() == seen != meta.store.mark()
    seen = other.mark()
    with other.write() as tx:
        add(tx, "third")
    assert other.mark() != seen
    other.close()


def test_what_raises_in_a_write_leaves_nothing(meta: Any) -> None:
    """All of a transaction or none of it, and the error of the block comes through as it is."""

    def half() -> None:
        with meta.store.write() as tx:
            add(tx, "gone")
            raise KeyError("the block's own")

    with pytest.raises(KeyError, match="the block's own"):
        half()
    assert names(meta.store) == []


@pytest.mark.databases("sqlite", "postgresql")
def test_a_reader_sees_one_snapshot_while_others_write(meta: Any) -> None:
    """What is committed meanwhile is seen by the next transaction."""
    with meta.store.read() as tx:
        assert tx.execute(select(projects.c.name)).all() == []
        with meta.store.write() as other:
            add(other, "meanwhile")
        assert tx.execute(select(projects.c.name)).all() == []
    assert names(meta.store) == ["meanwhile"]


@pytest.mark.databases("sqlite", "postgresql")
def test_a_read_cannot_write(meta: Any) -> None:
    """It would have to wait for the lock with facts that may be outdated by then; afterwards writing works again."""
    with pytest.raises((Bug, DatabaseFault), match="read-only transaction"), meta.store.read() as tx:
        add(tx, "gone")
    assert names(meta.store) == []
    with meta.store.write() as tx:
        add(tx, "kb")
    assert names(meta.store) == ["kb"]


@pytest.mark.databases("sqlite", "postgresql")
def test_a_second_writer_waits_until_the_first_is_done(meta: Any) -> None:
    """It holds the lock from its first moment, so that what it has read stays true; the other then proceeds."""
    begun, order = threading.Event(), []

    def second() -> None:
        store = Store(meta.url, project="kb")
        begun.set()
        with store.write() as tx:
            order.append(f"second sees {[name for (name,) in tx.execute(select(projects.c.name))]}")
            add(tx, "second")
        store.close()

    thread = threading.Thread(target=second)
    with meta.store.write() as tx:
        thread.start()
        assert begun.wait(10)
        thread.join(0.2)
        add(tx, "first")
        order.append("first is done")
    thread.join(10)
    assert order == ["first is done", "second sees ['first']"]
    assert names(meta.store) == ["first", "second"]


def test_a_lock_that_is_never_given_up_is_told(meta: Any) -> None:
    """After its patience (60 s, here 50 ms) a writer gives up with a sentence and the next step."""
    other = impatient(Store(meta.url, project="kb"), 50)
    with meta.store.write(), pytest.raises(DatabaseFault, match="database is locked") as caught, other.write():
        raise AssertionError("two writers at once")
    other.close()
    assert str(meta.path) in caught.value.message
    assert "write lock" in caught.value.hint


def test_a_file_that_may_only_be_read_is_told_when_writing(meta: Any) -> None:
    """Reading works; writing names the file and says what to do."""
    meta.store.close()
    store = Store(f"sqlite:///file:{meta.path}?mode=ro&uri=true", project="kb")
    assert names(store) == []
    with pytest.raises(DatabaseFault, match="attempt to write a readonly database") as caught, store.write() as tx:
        add(tx, "kb")
    store.close()
    assert "Make the file, what lies beside it as -wal and -shm, and the folder writable" in caught.value.hint


@pytest.mark.parametrize("write", [False, True])
def test_a_file_that_is_no_database_is_told(tmp_path: Path, write: bool) -> None:
    """And not touched."""
    path = tmp_path / "notes.txt"
    path.write_text("remember the milk " * 100)
    store = Store(sqlite_url(path), project="kb")
    with (
        pytest.raises(DatabaseFault, match="file is not a database") as caught,
        store.write() if write else store.read(),
    ):
        raise AssertionError("opened")
    store.close()
    assert str(path) in caught.value.message
    assert "something else" in caught.value.hint
    assert path.read_text().startswith("remember the milk")


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    """No database is made somewhere else instead."""
    store = Store(sqlite_url(tmp_path / "gone" / "penstock.db"), project="kb")
    with pytest.raises(DatabaseFault, match="unable to open database file") as caught:
        prepare(store)
    store.close()
    assert "folder" in caught.value.hint


def test_an_empty_database_says_how_to_prepare_it(tmp_path: Path) -> None:
    """A table that is missing is no mystery."""
    store = Store(sqlite_url(tmp_path / "penstock.db"), project="kb")
    with pytest.raises(DatabaseFault, match="no such table: projects") as caught:
        names(store)
    store.close()
    assert "penstock db upgrade" in caught.value.hint


@pytest.mark.databases("sqlite", "postgresql")
def test_a_broken_rule_is_not_blamed_on_the_database(meta: Any) -> None:
    """A key that is there already comes through as what it is, for whoever raced for it."""
    with meta.store.write() as tx:
        add(tx, "kb")
    with pytest.raises(IntegrityError), meta.store.write() as tx:
        add(tx, "kb")


@pytest.mark.parametrize(
    "url",
    [
        "postgresql+psycopg://me:s3cret@db/kb",
        "mysql+nodriver://me:s3cret@db/kb",
        "nothing://me:s3cret@db/kb",
        "//me:s3cret@db/kb",
        "postgresql+psycopg://me:s3cret@db:port/kb",
        "postgresql://db/kb?user=me&password=s3cret",
        "postgresql+asyncpg://me:s3cret@db/kb",
    ],
)
def test_a_password_is_never_printed(url: str) -> None:
    """Whatever is wrong with a URL: no driver, no dialect, no URL at all, a port that is none."""
    try:
        shown = Store(url, project="kb").shown_url
    except (DatabaseFault, MissingExtra) as error:
        shown = "".join(traceback.format_exception(error))
    assert "s3cret" not in shown.replace(url, "the line of this test")


def test_a_driver_that_is_not_installed_is_named_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """The extra, spelled out."""
    monkeypatch.setitem(sys.modules, "psycopg", None)  # Python then says that there is none
    with pytest.raises(MissingExtra, match="driver that is not installed") as caught:
        Store("postgresql://db/kb", project="kb")
    assert 'pip install "penstock[postgres]"' in caught.value.hint


@pytest.mark.databases("sqlite", "postgresql")
def test_times_come_back_aware_and_in_utc(meta: Any) -> None:
    """Whatever zone they were given in; a time without a zone is refused at the door."""
    berlin = timezone(timedelta(hours=1))
    with meta.store.write() as tx:
        add(tx, "kb", datetime(2026, 3, 2, 13, 0, 0, 123456, tzinfo=berlin))
    with meta.store.read() as tx:
        found = tx.execute(select(projects.c.registered_at)).scalar_one()
    assert found == datetime(2026, 3, 2, 12, 0, 0, 123456, tzinfo=UTC)
    assert found.tzinfo is UTC
    with pytest.raises(StatementError, match="has no zone"), meta.store.write() as tx:
        add(tx, "naive", datetime(2026, 3, 2))  # noqa: DTZ001


@pytest.mark.databases("sqlite", "postgresql")
def test_projects_share_a_database(meta: Any) -> None:
    """A store is a project's view; closing one leaves the others alone."""
    other = Store(meta.url, project="other")
    with other.write() as tx:
        add(tx, other.project)
    other.close()
    assert names(meta.store) == ["other"]


@pytest.mark.databases("sqlite", "postgresql")
@pytest.mark.parametrize("begun", ["before", "after"])
def test_a_thread_that_is_late_leaves_no_connection_open(meta: Any, begun: str) -> None:
    """The store was closed while a thread was in a transaction, or before it began one: nobody closes it after that."""
    store, drivers = Store(meta.url, project="kb"), list[Any]()
    event.listen(store.engine, "connect", lambda driver, _: drivers.append(driver))
    entered, goes_on = threading.Event(), threading.Event()

    def late() -> None:
        if begun == "after":
            goes_on.wait(10)
        with store.write() as tx:
            entered.set()
            goes_on.wait(10)
            add(tx, "late")

    thread = threading.Thread(target=late)
    thread.start()
    if begun == "before":
        assert entered.wait(10)
    store.close()
    goes_on.set()
    thread.join(10)
    assert names(meta.store) == ["late"]
    assert [is_open(one) for one in drivers] == [False]


def is_open(driver: Any) -> bool:
    """Whether a driver's connection can still be used."""
    try:
        driver.execute("SELECT 1")
    except (sqlite3.ProgrammingError, psycopg.OperationalError):
        return False
    return True
