"""Definitions that come and change: what a new consumer begins with, what stays, what is closed, what patterns find."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest

from penstock.storage.manifest import canonical_json, digest_of
from penstock.storage.meta import agenda, catalogue, outside, registration
from penstock.storage.meta.past import eventlog

pytestmark = pytest.mark.databases("sqlite", "postgresql")


def register(meta: Any, wanted: Mapping[str, Mapping[str, Any]], *uris: str, aliases: Any = None) -> catalogue.Ids:
    """These assets with everything that can be said of them, and these datasets."""
    other = aliases or {}
    found = [
        registration.AssetDeclaration(
            name=name,
            previously=None,
            digest=digest_of(canonical_json([name, {key: list(map(str, [value])) for key, value in said.items()}])),
            body={"name": name},
            **{"waits_for": (), **said},
        )
        for name, said in wanted.items()
    ]
    named = dict.fromkeys([*uris, *(uri for one in found for uri in one.waits_for)])
    datasets = [
        registration.DatasetDeclaration(
            uri=uri, name=uri.partition(".")[0], producer=None, declaration={"uri": uri}, aliases=other.get(uri, ())
        )
        for uri in named
    ]
    with meta.store.write() as tx:
        return registration.register(
            tx,
            "kb",
            digest=digest_of(repr([wanted, uris, aliases]).encode()),
            wanted_datasets=datasets,
            wanted_assets=found,
            now=meta.now,
        )


def tell(meta: Any, uri: str, version: str) -> outside.Told:
    """An event from outside."""
    with meta.store.write() as tx:
        return outside.record_event(tx, "kb", uri, version=version, now=meta.now)


def test_a_new_consumer_begins_with_the_newest_as_completing_only(meta: Any) -> None:
    """Of three events the last is pending, and it is no cause; what comes after it is one."""
    docs = meta.declare("docs.csv").datasets["docs.csv"]
    for content in "abc":
        meta.publish(docs, content)
    chunks = register(meta, {"chunks": {"waits_for": ("docs.csv",)}}).assets["chunks"]
    assert meta.pending(chunks) == {docs: (1, 0, 0)}
    meta.publish(docs, "d")
    assert meta.pending(chunks) == {docs: (2, 1, 0)}


def test_a_consumer_that_builds_begins_with_a_cause(meta: Any) -> None:
    """The newest change is one, also where it has been confirmed since; of a dataset without an event there is none."""
    docs = meta.declare("docs.csv").datasets["docs.csv"]
    for content in "abb":
        meta.publish(docs, content)
    ids = register(meta, {"chunks": {"waits_for": ("docs.csv", "empty.csv"), "builds": True}})
    assert meta.pending(ids.assets["chunks"]) == {docs: (2, 1, 1)}


def test_building_is_for_the_new_not_for_the_changed(meta: Any) -> None:
    """A dataset that comes into the condition of an asset that is there begins as completing only."""
    ids = meta.declare("docs.csv", "labels.csv")
    meta.publish(ids.datasets["labels.csv"], "a")
    register(meta, {"chunks": {"waits_for": ("docs.csv",), "builds": True}}, "labels.csv")
    found = register(meta, {"chunks": {"waits_for": ("docs.csv", "labels.csv"), "builds": True}})
    assert meta.pending(found.assets["chunks"]) == {ids.datasets["labels.csv"]: (1, 0, 0)}


def test_one_run_for_each_event_begins_with_the_next(meta: Any) -> None:
    """What only completes would be in the way of every event after it."""
    docs = meta.declare("docs.csv").datasets["docs.csv"]
    meta.publish(docs, "a")
    chunks = register(meta, {"chunks": {"waits_for": ("docs.csv",), "each": "docs.csv"}}).assets["chunks"]
    assert meta.pending(chunks) == {}
    meta.publish(docs, "b")
    assert meta.pending(chunks) == {docs: (1, 1, 0)}


def test_what_is_no_longer_named_is_closed_and_kept(meta: Any) -> None:
    """Its pending events are linked as closed, later ones are not pending; the leaf that stays keeps its progress; when
    it comes back it begins as new."""
    ids = register(meta, {"chunks": {"waits_for": ("a.csv", "b.csv")}})
    chunks, a, b = ids.assets["chunks"], ids.datasets["a.csv"], ids.datasets["b.csv"]
    for dataset in (a, b, b):
        meta.publish(dataset, f"{meta.now}")
    register(meta, {"chunks": {"waits_for": ("a.csv",)}}, "b.csv")
    meta.publish(b, "later")
    assert meta.pending(chunks) == {a: (1, 1, 0)}
    assert meta.rows("SELECT outcome, count(*) FROM consumptions GROUP BY outcome") == [("closed", 2)]
    assert meta.rows("SELECT count(*) FROM subscriptions WHERE ended_at IS NOT NULL") == [(1,)]
    register(meta, {"chunks": {"waits_for": ("b.csv", "a.csv")}})
    assert meta.pending(chunks) == {a: (1, 1, 0), b: (1, 0, 0)}
    meta.publish(b, "news")
    assert meta.pending(chunks)[b] == (2, 1, 0)


def test_a_timetable_has_the_time_at_which_it_came(meta: Any) -> None:
    """One that stays keeps its time, also over a change of another; one that went and came has that of its return."""
    chunks = register(meta, {"chunks": {"timetables": ("daily",)}}).assets["chunks"]
    began = meta.now

    def known() -> dict[str, datetime]:
        with meta.store.read() as tx:
            return {label: at for (_, label), at in catalogue.timetables_since(tx, [chunks]).items()}

    meta.declare("tick.csv")  # time goes on
    register(meta, {"chunks": {"timetables": ("daily", "hourly")}})
    assert known() == {"daily": began, "hourly": meta.now}
    later = meta.now
    register(meta, {"chunks": {"timetables": ("hourly",)}})
    meta.declare("tock.csv")
    register(meta, {"chunks": {"timetables": ("hourly", "daily")}})
    assert known() == {"daily": meta.now, "hourly": later}


def test_whoever_is_new_or_changed_is_on_the_agenda(meta: Any) -> None:
    """And nobody else."""

    def due() -> set[int]:
        with meta.store.write() as tx:
            found = agenda.due(tx, "kb", now=meta.now)
            agenda.settle(tx, found, {})
            return set(found.touched)

    ids = register(meta, {"a": {}, "b": {}})
    assert due() == set(ids.assets.values())
    assert due() == set()
    register(meta, {"a": {}, "b": {"timetables": ("daily",)}})
    assert due() == {ids.assets["b"]}


def test_a_pattern_waits_for_what_is_known_and_for_what_comes(meta: Any) -> None:
    """Declared or not, with one star for one part of a path; what is there completes, what comes is a cause."""
    old = tell(meta, "s3://raw/de/docs.csv", "1")
    ids = register(meta, {"chunks": {"patterns": ("s3://raw/*/docs.csv",)}}, "s3://raw/fr/docs.csv")
    chunks = ids.assets["chunks"]
    known = {uri: number for number, uri in meta.rows("SELECT id, uri FROM datasets")}
    assert meta.pending(chunks) == {known[old.uri]: (1, 0, 0)}
    tell(meta, "s3://raw/fr/docs.csv", "1")
    tell(meta, "s3://raw/it/docs.csv", "1")
    tell(meta, "s3://raw/it/deep/docs.csv", "1")
    known = {uri: number for number, uri in meta.rows("SELECT id, uri FROM datasets")}
    assert meta.pending(chunks) == {
        known["s3://raw/de/docs.csv"]: (1, 0, 0),
        known["s3://raw/fr/docs.csv"]: (1, 1, 0),
        known["s3://raw/it/docs.csv"]: (1, 1, 0),
    }


def test_a_pattern_that_goes_closes_what_it_found(meta: Any) -> None:
    """Nothing is pending any more, and nobody new is subscribed."""
    chunks = register(meta, {"chunks": {"patterns": ("s3://raw/*",)}}).assets["chunks"]
    tell(meta, "s3://raw/a", "1")
    register(meta, {"chunks": {}})
    tell(meta, "s3://raw/a", "2")
    tell(meta, "s3://raw/b", "1")
    assert meta.pending(chunks) == {}
    assert meta.rows("SELECT outcome FROM consumptions") == [("closed",)]


def test_a_dataset_under_an_alias_keeps_its_history(meta: Any) -> None:
    """Declared at another URI, with its old one as an alias, it is the same row, with its events and its consumers."""
    ids = register(meta, {"chunks": {"waits_for": ("old.csv",)}})
    chunks, docs = ids.assets["chunks"], ids.datasets["old.csv"]
    meta.publish(docs, "a")
    moved = register(meta, {"chunks": {"waits_for": ("new.csv",)}}, aliases={"new.csv": ("old.csv",)})
    assert moved.datasets == {"new.csv": docs}
    assert meta.pending(chunks) == {docs: (1, 1, 0)}
    assert tell(meta, "old.csv", "b").uri == "new.csv"
    assert meta.pending(chunks) == {docs: (2, 2, 0)}


def test_two_datasets_that_turn_out_to_be_one(meta: Any) -> None:
    """Both have events: what was told last of either is the newest of the one, whoever waits for it hears of it, and
    nothing is left that nobody declares; told once, however often it is registered."""
    wanted = {"chunks": {"waits_for": ("new.csv",)}}
    ids = register(meta, wanted)
    chunks, docs = ids.assets["chunks"], ids.datasets["new.csv"]
    for uri in ("new.csv", "old.csv"):
        meta.now += timedelta(minutes=1)
        tell(meta, uri, uri)
    assert meta.pending(chunks) == {docs: (1, 1, 0)}
    for number in range(2):
        register(meta, {**wanted, f"other{number}": {"waits_for": ("new.csv",)}}, aliases={"new.csv": ("old.csv",)})
        assert meta.pending(chunks) == {docs: (2, 2, 0)}
    with meta.store.read() as tx:
        assert eventlog.recent_events(tx, "kb", unmatched=True) == []
        found = eventlog.recent_events(tx, "kb", dataset_id=docs)
    assert [(one.number, one.version) for one in found] == [(2, "old.csv"), (1, "new.csv")]
    tell(meta, "new.csv", "3")
    register(meta, wanted, aliases={"new.csv": ("older.csv",)})
    tell(meta, "oldest.csv", "0")
    assert meta.pending(chunks)[docs][0] == 3
