"""Registering what is declared: ids stay, history stays, and consumers know what they have seen."""

from __future__ import annotations

from typing import Any

import pytest

from penstock.storage.meta import catalogue, events
from penstock.storage.meta.database.engine import Store
from penstock.storage.meta.pending import sums
from penstock.storage.types import ConsumptionOutcome

pytestmark = pytest.mark.databases("sqlite", "postgresql")

DEFINITIONS = "SELECT a.name, d.body FROM definitions d JOIN assets a ON a.id = d.asset_id ORDER BY d.id"


def settle(meta: Any, asset_id: int) -> None:
    """The consumer takes everything that is pending for it."""
    with meta.store.write() as tx:
        claims = [
            events.Claim(
                asset_id=asset_id,
                dataset_id=dataset,
                up_to=one.newest,
                expected=one.count,
                run_id=None,
                outcome=ConsumptionOutcome.CONFIRMED,
            )
            for (_, dataset), one in sums(tx, [asset_id]).items()
        ]
        assert events.consume(tx, claims, now=meta.now)


def test_registering_again_changes_nothing(meta: Any) -> None:
    """The same catalogue gives the same ids and leaves every table as it is, definitions and times included."""
    first = meta.declare("docs.csv", chunks="docs.csv", report="")
    before = {table: meta.rows(f"SELECT * FROM {table}") for table in ("projects", "assets", "datasets", "definitions")}
    assert meta.declare("docs.csv", chunks="docs.csv", report="") == first
    assert {table: meta.rows(f"SELECT * FROM {table}") for table in before} == before
    assert set(first.assets) == {"chunks", "report"}
    assert set(first.datasets) == {"docs.csv"}
    with meta.store.read() as tx:
        assert catalogue.ids(tx, "kb") == first
        assert catalogue.registered_digest(tx, "kb") == meta.rows("SELECT catalogue_digest FROM projects")[0][0]
        assert catalogue.registered_digest(tx, "unheard of") is None


def test_only_what_changed_gets_a_new_definition(meta: Any) -> None:
    """Each form that an asset had is kept, in order; an asset that stayed the same has one."""
    meta.declare(chunks="docs.csv", report="docs.csv")
    meta.declare(chunks="docs.csv", report="docs.csv labels.csv")
    found = [name for name, _ in meta.rows(DEFINITIONS)]
    assert found == ["chunks", "report", "report"]


def test_a_new_consumer_sees_the_newest_event_and_is_not_started_by_it(meta: Any) -> None:
    """Of three events the last one completes a condition; what comes later is a cause."""
    ids = meta.declare("docs.csv", "labels.csv")
    docs, labels = ids.datasets["docs.csv"], ids.datasets["labels.csv"]
    for content in ("one", "two", "two"):
        meta.publish(docs, content)
    ids = meta.declare(chunks="docs.csv labels.csv")
    chunks = ids.assets["chunks"]
    assert meta.pending(chunks) == {docs: (1, 0, 0)}
    with meta.store.read() as tx:
        assert sums(tx, [chunks])[chunks, docs].newest == 3
    meta.publish(docs, "three")
    meta.publish(labels, "first")
    assert meta.pending(chunks) == {docs: (2, 1, 0), labels: (1, 1, 0)}


def test_a_new_consumer_of_what_is_gone_has_nothing_pending(meta: Any) -> None:
    """The newest event says that there is nothing: it completes no condition."""
    docs = meta.declare("docs.csv").datasets["docs.csv"]
    meta.publish(docs, "one")
    with meta.store.write() as tx:
        assert events.publish_removal(tx, dataset_id=docs, now=meta.now) is not None
    assert meta.pending(meta.declare(chunks="docs.csv").assets["chunks"]) == {}


def test_a_changed_condition_keeps_the_progress_of_what_stays(meta: Any) -> None:
    """What was fresh stays fresh, what was consumed stays consumed, what is new is seeded, what left is forgotten."""
    ids = meta.declare("a.csv", "b.csv", "c.csv", chunks="a.csv b.csv")
    a, b, c = (ids.datasets[uri] for uri in ("a.csv", "b.csv", "c.csv"))
    chunks = ids.assets["chunks"]
    for dataset in (a, b, c):
        meta.publish(dataset, "one")
    settle(meta, chunks)
    meta.publish(a, "two")
    meta.publish(b, "two")
    meta.declare("a.csv", "b.csv", "c.csv", chunks="a.csv c.csv")
    assert meta.pending(chunks) == {a: (1, 1, 0), c: (1, 0, 0)}
    meta.declare("a.csv", "b.csv", "c.csv", chunks="a.csv b.csv")
    assert meta.pending(chunks) == {a: (1, 1, 0), b: (1, 0, 0)}


def test_a_renamed_asset_keeps_its_id_and_everything_behind_it(meta: Any) -> None:
    """`previously=` moves the name: what is pending, its runs and its definitions stay its own."""
    old = meta.declare(passages="docs.csv")
    docs, asset = old.datasets["docs.csv"], old.assets["passages"]
    meta.publish(docs, "one")
    run = meta.run(asset)
    new = meta.declare(chunks__was__passages="docs.csv")
    assert new.assets == {"chunks": asset}
    assert meta.pending(asset) == {docs: (1, 1, 0)}
    assert meta.rows("SELECT asset_id FROM runs WHERE id = :id", id=run) == [(asset,)]
    assert len(meta.rows(DEFINITIONS)) == 2
    assert meta.declare(chunks__was__passages="docs.csv labels.csv").assets == {"chunks": asset}


def test_a_removed_asset_can_be_renamed_back_to_life(meta: Any) -> None:
    """Even after a time in which neither name was declared."""
    asset = meta.declare(passages="docs.csv").assets["passages"]
    assert meta.declare("docs.csv").assets == {}
    assert meta.declare(chunks__was__passages="docs.csv").assets == {"chunks": asset}


def test_previously_means_nothing_when_that_name_was_never_there(meta: Any) -> None:
    """A fresh clone registers renamed assets as new ones."""
    assert set(meta.declare(chunks__was__passages="docs.csv").assets) == {"chunks"}


def test_what_is_removed_and_returns_is_the_same(meta: Any) -> None:
    """Its id, its head and its progress; what came meanwhile is pending."""
    ids = meta.declare(chunks="docs.csv", report="docs.csv")
    chunks, docs = ids.assets["chunks"], ids.datasets["docs.csv"]
    meta.publish(docs, "one")
    settle(meta, chunks)
    less = meta.declare("docs.csv", report="docs.csv")
    assert set(less.assets) == {"report"}
    assert meta.rows("SELECT name FROM assets WHERE removed_at IS NOT NULL") == [("chunks",)]
    meta.publish(docs, "two")
    again = meta.declare(chunks="docs.csv", report="docs.csv")
    assert again == ids
    assert meta.rows("SELECT count(*) FROM assets WHERE removed_at IS NOT NULL") == [(0,)]
    assert meta.pending(chunks) == {docs: (1, 1, 0)}


def test_a_dataset_that_is_removed_and_returns_keeps_its_head(meta: Any) -> None:
    """Nothing of its history is lost while nobody declares it."""
    docs = meta.declare("docs.csv").datasets["docs.csv"]
    meta.publish(docs, "one")
    assert meta.declare("labels.csv").datasets.keys() == {"labels.csv"}
    assert meta.declare("docs.csv").datasets == {"docs.csv": docs}
    assert meta.publish(docs, "one").kind == "confirmed"


def test_projects_do_not_see_each_other(meta: Any) -> None:
    """Equal names are different things, and an event of one project is none of another's."""
    ours = meta.declare(chunks="docs.csv")
    docs = ours.datasets["docs.csv"]
    meta.publish(docs, "one")
    store = meta.store
    meta.store = Store(meta.url, project="other")
    theirs = meta.declare(chunks="docs.csv")
    meta.store.close()
    meta.store = store
    assert theirs.assets["chunks"] != ours.assets["chunks"]
    assert theirs.datasets["docs.csv"] != docs
    assert meta.pending(theirs.assets["chunks"]) == {}
    assert meta.declare("docs.csv").assets == {}
    with meta.store.read() as tx:
        assert catalogue.ids(tx, "other") == theirs
