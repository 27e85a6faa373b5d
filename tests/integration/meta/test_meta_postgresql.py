"""What only a database server can do: be away, refuse, be waited for, commit out of order, have a clock of its own."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from time import sleep
from typing import Any

import pytest
from sqlalchemy import insert, select, text

from penstock.storage.errors import DatabaseFault
from penstock.storage.manifest import Manifest
from penstock.storage.meta import events, standing, versions
from penstock.storage.meta.catalogue import datasets, projects
from penstock.storage.meta.database import postgresql
from penstock.storage.meta.database.engine import Store, hold, now
from penstock.storage.meta.database.migrate import prepare
from penstock.storage.meta.pending import sums
from penstock.storage.types import ConsumptionOutcome

pytestmark = pytest.mark.databases("postgresql")


def add(tx: Any, name: str) -> None:
    """A row."""
    tx.execute(insert(projects), {"name": name, "catalogue_digest": "", "registered_at": datetime.now(UTC)})


def look(store: Store) -> None:
    """A read."""
    with store.read() as tx:
        tx.execute(select(projects.c.name)).all()


def fault(url: str, do: Callable[[Store], object] = prepare) -> DatabaseFault:
    """What is told of a database, its password nowhere in it."""
    store = Store(url, project="kb")
    with pytest.raises(DatabaseFault) as caught:
        do(store)
    store.close()
    assert "s3cret" not in "".join(traceback.format_exception(caught.value)).replace(url, "the URL itself")
    assert store.shown_url in caught.value.message or "encoded" in caught.value.message
    assert caught.value.hint
    return caught.value


@contextmanager
def elsewhere(store: Store) -> Iterator[Any]:
    """A transaction of a program that does not wait for ours."""
    with store.engine.connect() as connection, connection.begin():
        yield connection


# --- what is told ----------------------------------------------------------------------------------------------------


def test_a_server_that_is_not_there_is_told(databases: Any, tmp_path: Any) -> None:
    """No port that anybody listens on, no socket: with what to look at, and soon."""
    for url in ("postgresql://me:s3cret@127.0.0.1:9/kb", f"postgresql://me:s3cret@/kb?host={tmp_path}"):
        assert "runs and can be reached" in fault(url).hint


def test_a_server_that_starts_up_is_waited_for(meta: Any, postgres: Any) -> None:
    """It is there, and so is the database: a moment later it takes connections."""
    with postgres.starting():
        found = fault(meta.url)
        while "starting up" not in found.message:  # until it listens at all
            found = fault(meta.url)
        assert found.hint == "The server is starting up, recovering or stopping: wait a moment, then try again."
    look(meta.store)


def test_a_database_and_a_user_that_are_not_there_are_told(meta: Any) -> None:
    """Each with the command that makes it."""
    assert "createdb" in fault(meta.url.replace("/test_", "/none_").replace("postgres@", "postgres:s3cret@")).hint
    assert "createuser" in fault(meta.url.replace("postgres@", "nobody:s3cret@")).hint


def test_a_password_that_is_wrong_is_told_and_not_shown(meta: Any, postgres: Any) -> None:
    """A server that asks for one: without, with a wrong one in either place, with the right one and no rights."""
    guest = meta.url.replace("postgres@", "guest@")
    with postgres.asking_for_passwords("guest", "r1ght"):
        assert "PGPASSWORD" in fault(guest).hint
        assert "PGPASSWORD" in fault(guest.replace("guest@", "guest:s3cret@")).hint
        assert "PGPASSWORD" in fault(f"{guest.replace('guest@', '')}&user=guest&password=s3cret").hint
        assert "GRANT" in fault(guest.replace("guest@", "guest:r1ght@"), look).hint


def test_an_encoding_that_cannot_hold_names_is_refused(databases: Any, postgres: Any) -> None:
    """Before a table is made."""
    url = databases.fresh(prepared=False)
    name = url.partition("?")[0].rpartition("/")[2]
    postgres.say(f"DROP DATABASE {name}", f"CREATE DATABASE {name} TEMPLATE template0 ENCODING LATIN1 LOCALE 'C'")
    found = fault(url)
    assert "LATIN1" in found.message
    assert "UTF8" in found.hint


def test_an_empty_database_says_how_to_prepare_it(databases: Any) -> None:
    """A table that is missing is no mystery."""
    assert "penstock db upgrade" in fault(databases.fresh(prepared=False), look).hint


def test_a_lock_that_is_never_given_up_is_told(meta: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """After its patience (90 s, here one) a writer gives up with a sentence and the next step."""
    monkeypatch.setattr(postgresql, "PATIENCE", 1)
    other = Store(meta.url, project="kb")
    with meta.store.write(), pytest.raises(DatabaseFault, match="lock timeout") as caught, other.write():
        raise AssertionError("two writers at once")
    other.close()
    assert "write lock" in caught.value.hint


def test_a_writer_that_hangs_does_not_stop_the_others(meta: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server ends its transaction after a while (60 s, here one); nothing of it stays, and it is told so."""
    monkeypatch.setattr(postgresql, "SILENCE", 1)

    def hang() -> None:
        with meta.store.write() as tx:
            add(tx, "gone")
            sleep(1.5)
            add(tx, "gone too")

    with pytest.raises(DatabaseFault) as caught:
        hang()
    assert "said nothing" in caught.value.hint
    with meta.store.write() as tx:
        add(tx, "kb")
    assert meta.rows("SELECT name FROM projects") == [("kb",)]


def test_a_server_that_was_restarted_is_noticed(meta: Any) -> None:
    """Connections that are dead do not fail the next transaction."""
    look(meta.store)
    other = Store(meta.url, project="other")
    with other.write() as tx:
        tx.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE pid != pg_backend_pid() AND datname = current_database()"
            )
        )
    other.close()
    look(meta.store)
    with meta.store.write() as tx:
        add(tx, "kb")


# --- who waits for whom ----------------------------------------------------------------------------------------------


def test_the_writers_of_two_projects_do_not_wait_for_each_other(meta: Any) -> None:
    """Nor does anybody who reads; what both would make once, such as the tables, has a name of its own."""
    other = Store(meta.url, project="other")
    with meta.store.write() as tx, other.write() as beside:
        add(tx, "kb")
        add(beside, "other")
        look(other)
    held = threading.Event()

    def second() -> None:
        with other.write() as tx:
            hold(tx, "form")
            held.set()

    thread = threading.Thread(target=second)
    with meta.store.write() as tx:
        hold(tx, "form")
        thread.start()
        assert not held.wait(0.2)
    thread.join(10)
    assert held.is_set()
    other.close()


def test_times_are_the_servers_and_follow_the_order_of_commits(meta: Any) -> None:
    """Within a transaction time stands still; a writer that waited has the time at which its turn came."""
    found: dict[str, datetime] = {}

    def second() -> None:
        store = Store(meta.url, project="kb")
        with store.write() as tx:
            found["second"] = now(tx)
        store.close()

    thread = threading.Thread(target=second)
    with meta.store.write() as tx:
        thread.start()
        sleep(0.2)
        found["first"] = now(tx)
        late = tx.execute(text("SELECT clock_timestamp()")).scalar_one()
        assert now(tx) == found["first"]
    thread.join(10)
    assert found["first"] < late < found["second"]
    with meta.store.read() as tx:
        read = now(tx)
        assert read == now(tx) == tx.execute(text("SELECT now()")).scalar_one()
        assert read.tzinfo is UTC
    assert found["second"] < read


# --- what holds even for a program that does not wait ----------------------------------------------------------------


def publish(tx: Any, dataset_id: int, content: str) -> events.Published:
    """A version with this content is published."""
    at, manifest = datetime.now(UTC), Manifest(suffix="", token=content)
    version = versions.keep_version(tx, dataset_id=dataset_id, manifest=manifest, held=True, now=at)
    return events.publish_event(tx, dataset_id=dataset_id, version_id=version, run_id=None, metadata={}, now=at)


def take(meta: Any, asset: int) -> dict[int, int]:
    """Everything that is pending is taken by a run of its own: dataset → how many events."""
    run = meta.run(asset)
    with meta.store.write() as tx:
        found = sums(tx, [asset])
        claims = [
            events.Claim(
                asset_id=asset,
                dataset_id=dataset,
                up_to=one.newest,
                expected=one.count,
                run_id=run,
                outcome=ConsumptionOutcome.RUN,
            )
            for (_, dataset), one in found.items()
        ]
        assert events.consume(tx, claims, now=meta.now)
    return {dataset: one.count for (_, dataset), one in found.items()}


def test_what_commits_late_is_not_lost(meta: Any) -> None:
    """An event with the lower id commits after a later one was consumed: it is pending from its commit on."""
    ids = meta.declare(chunks="docs.csv labels.csv")
    docs, labels, chunks = ids.datasets["docs.csv"], ids.datasets["labels.csv"], ids.assets["chunks"]
    with elsewhere(meta.store) as late:
        slow = publish(late, docs, "slow")
        quick = meta.publish(labels, "quick")
        assert slow.event_id < quick.event_id
        assert take(meta, chunks) == {labels: 1}
        assert meta.pending(chunks) == {}
    assert meta.pending(chunks) == {docs: (1, 1, 0)}
    assert take(meta, chunks) == {docs: 1}
    assert meta.rows("SELECT count(*), count(DISTINCT event_id) FROM consumptions") == [(2, 2)]


def test_of_one_dataset_nothing_commits_out_of_order(meta: Any) -> None:
    """The dataset's row is locked from the number to the commit, also for whoever does not wait for the project."""
    docs = meta.declare("docs.csv").datasets["docs.csv"]
    order: list[int] = []

    def second() -> None:
        order.append(meta.publish(docs, "second").number)

    thread = threading.Thread(target=second)
    with elsewhere(meta.store) as tx:
        first = publish(tx, docs, "first").number
        thread.start()
        thread.join(0.2)
        assert order == []
    thread.join(10)
    assert [first, *order] == [1, 2]


def test_two_who_take_the_same_at_once_are_told(meta: Any) -> None:
    """The unique key of the links says so, whatever either has read before."""
    ids = meta.declare(chunks="docs.csv")
    docs, chunks = ids.datasets["docs.csv"], ids.assets["chunks"]
    meta.publish(docs, "one")
    first, second = meta.run(chunks), meta.run(chunks)
    plain: dict[str, Any] = {"asset_id": chunks, "dataset_id": docs, "up_to": 1, "expected": 1}
    claims = {run: events.Claim(**plain, outcome=ConsumptionOutcome.RUN, run_id=run) for run in (first, second)}
    told: list[str] = []

    def late() -> None:
        try:
            with meta.store.write() as tx:
                told.append(str(events.consume(tx, [claims[second]], now=meta.now)))
        except Exception as error:  # the test looks at what it is
            told.append(type(error).__name__)

    thread = threading.Thread(target=late)
    with elsewhere(meta.store) as tx:
        assert events.consume(tx, [claims[first]], now=meta.now)
        thread.start()
        thread.join(0.2)
        assert told == []
    thread.join(10)
    assert told == ["IntegrityError"]
    assert meta.rows("SELECT run_id FROM consumptions") == [(first,)]


def test_a_deadlock_with_another_program_is_told(meta: Any) -> None:
    """One of the two is ended by the server; ours says that nothing stays and what to do."""
    ids = meta.declare("a.csv", "b.csv")
    a, b = ids.datasets["a.csv"], ids.datasets["b.csv"]
    told: list[BaseException] = []

    def ours() -> None:
        try:
            with meta.store.write() as tx:
                publish(tx, b, "ours")
                publish(tx, a, "ours")
        except DatabaseFault as error:
            told.append(error)

    thread = threading.Thread(target=ours)
    with elsewhere(meta.store) as tx:
        tx.execute(text("SET LOCAL deadlock_timeout = '10s'"))  # so that it is ours that finds out
        publish(tx, a, "theirs")
        thread.start()
        sleep(0.3)
        publish(tx, b, "theirs")
    thread.join(10)
    assert "deadlock detected" in str(told[0])
    assert "Try again" in str(told[0])
    assert meta.rows("SELECT count(*) FROM events") == [(2,)]


# --- what is kept ----------------------------------------------------------------------------------------------------


def test_sizes_and_numbers_have_64_bits(meta: Any) -> None:
    """A version of 5 TiB with 3 billion rows comes back as it was."""
    docs = meta.declare("docs.csv").datasets["docs.csv"]
    with meta.store.write() as tx:
        manifest = Manifest(suffix="", token="big")
        versions.keep_version(tx, dataset_id=docs, manifest=manifest, held=True, now=meta.now)
        tx.execute(versions.versions.update().values(rows=3_000_000_000, size=5 << 40))
        tx.execute(datasets.update().values(last_number=1 << 40))
    assert meta.rows("SELECT rows, size FROM versions") == [(3_000_000_000, 5 << 40)]
    assert meta.publish(docs, "next").number == (1 << 40) + 1


def test_names_are_in_the_order_of_their_code_points(meta: Any) -> None:
    """As on SQLite, whatever the server's language: capitals first, accents last."""
    meta.declare("b.csv", "a.csv", "B.csv", "é.csv", "_.csv")
    assert [name for (name,) in meta.rows("SELECT name FROM datasets ORDER BY name")] == ["B", "_", "a", "b", "é"]


def test_values_come_back_in_the_types_of_their_columns(meta: Any) -> None:
    """JSON with integers of any size, times aware and UTC, truth as truth: past SQLAlchemy too."""
    ids = meta.declare(chunks="docs.csv")
    docs, chunks = ids.datasets["docs.csv"], ids.assets["chunks"]
    odd = {"big": 1 << 70, "text": "ü\n\u0000", "none": None, "list": [1.5, True]}
    with meta.store.write() as tx:
        manifest = Manifest(suffix="", token="x")
        version = versions.keep_version(tx, dataset_id=docs, manifest=manifest, held=False, now=meta.now)
        events.publish_event(tx, dataset_id=docs, version_id=version, run_id=None, metadata=odd, now=meta.now)
    with meta.store.read() as tx:
        head = versions.heads(tx, [docs, 17])[docs]
        found = standing.standing(tx, [chunks])[chunks]
        assert versions.heads(tx, []) == {}
    assert (head.metadata, head.held, head.at) == (odd, False, meta.now)
    assert head.at.tzinfo is UTC
    assert (found.made_from, found.course.active) == (None, 0)
    assert found.registered_at.utcoffset() == timedelta(0)
