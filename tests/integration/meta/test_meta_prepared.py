"""Statements that go past SQLAlchemy: parameters, results and errors are as if they had not, on both databases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from sqlalchemy import bindparam, insert, literal, select, update
from sqlalchemy.exc import IntegrityError

from penstock.storage.errors import Bug, DatabaseFault
from penstock.storage.meta.catalogue import datasets, definitions, projects
from penstock.storage.meta.database.prepared import Listed, Prepared, among
from penstock.storage.meta.outbox import lineage_events
from penstock.storage.meta.versions import versions

pytestmark = pytest.mark.databases("sqlite", "postgresql")

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
ADDED = Prepared(insert(projects))


def project(name: str, digest: str = "") -> dict[str, Any]:
    """A row."""
    return {"name": name, "catalogue_digest": digest, "registered_at": NOON}


def test_rows_are_written_and_counted(meta: Any) -> None:
    """One or many; what a statement does not reach counts nothing."""
    changed = Prepared(
        update(projects).where(projects.c.name == bindparam("b_name")).values(catalogue_digest=bindparam("b_digest"))
    )
    with meta.store.write() as tx:
        assert ADDED.run(tx, project("a")) == 1
        assert ADDED.run_many(tx, [project("b"), project("c"), project("d")]) == 3
        assert changed.run(tx, {"b_name": "a", "b_digest": "100 % 'quoted' \\ ü"}) == 1
        assert changed.run_many(tx, [{"b_name": name, "b_digest": "x"} for name in "bcnone"]) == 2
    assert meta.rows("SELECT catalogue_digest FROM projects ORDER BY name")[0] == ("100 % 'quoted' \\ ü",)


def test_parameters_may_stand_in_any_order_and_more_than_once(meta: Any) -> None:
    """Also beside values that the statement brings itself."""
    query = Prepared(
        select(literal("fixed"), bindparam("b_two", type_=versions.c.id.type), projects.c.name).where(
            projects.c.name == bindparam("b_one"), projects.c.name != "nobody", projects.c.name >= bindparam("b_one")
        )
    )
    with meta.store.write() as tx:
        ADDED.run(tx, project("a"))
        assert tuple(query.first(tx, {"b_one": "a", "b_two": 2}) or ()) == ("fixed", 2, "a")
        assert tuple(query.first(tx, {"b_two": 3, "b_one": "a"}) or ()) == ("fixed", 3, "a")
        assert query.first(tx, {"b_two": 3, "b_one": "b"}) is None
        with pytest.raises(Bug, match="returned nothing"):
            query.returned(tx, {"b_two": 3, "b_one": "b"})


def test_an_error_is_the_one_that_sqlalchemy_would_raise(meta: Any) -> None:
    """A key that is there already, alone or among many; a statement that only reads may not write."""
    with meta.store.write() as tx:
        ADDED.run(tx, project("a"))
    with pytest.raises(IntegrityError), meta.store.write() as tx:
        ADDED.run(tx, project("a"))
    with pytest.raises(IntegrityError), meta.store.write() as tx:
        ADDED.run_many(tx, [project("b"), project("a")])
    with pytest.raises((Bug, DatabaseFault), match="read-only transaction"), meta.store.read() as tx:
        ADDED.run(tx, project("c"))
    assert meta.rows("SELECT name FROM projects") == [("a",)]


def test_values_of_every_type_come_back_as_they_were(meta: Any) -> None:
    """Times in whatever zone, JSON, truth, bytes; nothing as nothing."""
    ids = meta.declare("docs.csv", chunks="docs.csv")
    docs, chunks = ids.datasets["docs.csv"], ids.assets["chunks"]
    run = meta.run(chunks)
    berlin = NOON.astimezone(timezone(timedelta(hours=1))) + timedelta(microseconds=7)
    plain = {"dataset_id": docs, "partition": "", "size": 1, "created_at": berlin}
    kept = Prepared(insert(versions).returning(versions.c.id))
    with meta.store.write() as tx:
        odd = {"n": [1, 2.5, 1 << 70], "ü": {"none": None}}
        one = kept.returned(tx, {**plain, "digest": "d1", "manifest": odd, "rows": None, "held": True})
        two = kept.returned(tx, {**plain, "digest": "d2", "manifest": {}, "rows": 7, "held": False})
        body = Prepared(insert(lineage_events)).run(tx, {"run_id": run, "at": NOON, "body": b"\x00\xff{}"})
        assert body == 1
    told = Listed(
        select(versions.c.manifest, versions.c.rows, versions.c.held, versions.c.created_at)
        .where(among(versions.c.id))
        .order_by(versions.c.digest)
    )
    bodies = Listed(select(lineage_events.c.body).where(among(lineage_events.c.id)))
    with meta.store.read() as tx:
        found = list(told.rows(tx, [two, one, 999]))
        assert [bytes(body) for (body,) in bodies.rows(tx, range(5))] == [b"\x00\xff{}"]
    at = NOON + timedelta(microseconds=7)
    assert found == [(odd, None, True, at), ({}, 7, False, at)]
    assert all(isinstance(held, bool) and created.tzinfo is UTC for _, _, held, created in found)


def test_a_list_may_be_empty_or_long(meta: Any) -> None:
    """It is one parameter, whatever its length."""
    ids = meta.declare(*(f"{number}.csv" for number in range(50)), chunks="")
    names = Listed(select(datasets.c.name).where(among(datasets.c.id)))
    with meta.store.read() as tx:
        assert list(names.rows(tx, [])) == []
        assert len(list(names.rows(tx, list(range(70_000))))) == 50
        assert list(names.rows(tx, [ids.datasets["7.csv"]] * 3)) == [("7",)]
        assert list(Listed(select(definitions.c.body).where(among(definitions.c.id))).rows(tx, [1])) == [
            ({"name": "chunks", "waits": ""},)
        ]
