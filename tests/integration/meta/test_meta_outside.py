"""Events from outside: what they become, what is refused, and what is kept for a dataset that nobody declares."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from penstock.storage.errors import InvalidURI, UsageError
from penstock.storage.meta import outside, subscribing
from penstock.storage.meta.past import eventlog

pytestmark = pytest.mark.databases("sqlite", "postgresql")


def tell(meta: Any, dataset: str, **said: Any) -> outside.Told:
    """An event from outside, now."""
    with meta.store.write() as tx:
        return outside.record_event(tx, "kb", dataset, **{"now": meta.now, **said})


def known(meta: Any, **asked: Any) -> list[tuple[str, int, str, bool]]:
    """Dataset, number, kind and whether it is declared, newest first."""
    with meta.store.read() as tx:
        found = eventlog.recent_events(tx, "kb", **asked)
    return [(one.uri, one.number, one.kind.value, one.matched) for one in found]


def test_another_version_is_changed_and_the_same_is_confirmed(meta: Any) -> None:
    """By name or by URI; one without a version was never there before."""
    meta.declare("docs.csv")
    told = [("docs", "1"), ("./docs.csv", "1"), ("docs", "2"), ("docs", None), ("docs", None), ("docs", "2")]
    kinds = [tell(meta, name, version=version).kind for name, version in told]
    assert kinds == ["changed", "confirmed", "changed", "changed", "changed", "changed"]
    assert meta.rows("SELECT head_version_id FROM datasets") == meta.rows(
        "SELECT version_id FROM events ORDER BY number DESC LIMIT 1"
    )


def test_metadata_and_time_are_kept(meta: Any) -> None:
    """The time may lie in the past; the order of events is that in which they were told."""
    meta.declare("docs.csv")
    before = meta.now - timedelta(days=3)
    tell(meta, "docs", version="1")
    told = tell(meta, "docs", version="2", metadata={"rows": 3}, at=before)
    with meta.store.read() as tx:
        newest = eventlog.recent_events(tx, "kb")[0]
    assert (newest.at, newest.metadata, newest.version) == (before, {"rows": 3}, "2")
    assert told.number == 2


@pytest.mark.parametrize(
    "value", [2**63, -(2**70), 0.1, "1234567890123456789012", {"deep": [10**25, 1.5, None]}], ids=str
)
def test_values_of_metadata_come_back_as_they_were(meta: Any, value: object) -> None:
    """An integer beyond 64 bits is no float when it is read again."""
    meta.declare("docs.csv")
    tell(meta, "docs", version="1", metadata={"value": value})
    with meta.store.read() as tx:
        found = eventlog.recent_events(tx, "kb")[0].metadata["value"]
    assert (found, type(found)) == (value, type(value))
    assert str(found) == str(value)


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"at": "future"}, "lies in the future"),
        ({"at": "naive"}, "has no zone"),
        ({"at": "zero"}, "is before 1900"),
        ({"at": "2026-01-01T00:00Z"}, "is of type str, and no datetime"),
        ({"version": " "}, "version of an event is empty"),
        ({"version": 3}, "the version 3 of an event is of type int, and no text"),
        ({"metadata": {"a": object()}}, "no JSON data"),
        ({"metadata": {"a": float("nan")}}, "no JSON data"),
    ],
)
def test_what_cannot_be_kept_is_refused(meta: Any, said: dict[str, Any], why: str) -> None:
    """And nothing is written."""
    meta.declare("docs.csv")
    times = {"future": meta.now + timedelta(seconds=1), "naive": meta.now.replace(tzinfo=None)}
    times["zero"] = datetime.min.replace(tzinfo=timezone(timedelta(hours=5)))
    with pytest.raises(UsageError, match=why):
        tell(meta, "docs", **{key: times.get(value, value) if key == "at" else value for key, value in said.items()})
    assert known(meta) == []


def test_what_an_asset_writes_is_refused_by_any_of_its_names(meta: Any) -> None:
    """It would be drift; the hint says what to do instead."""
    ids = meta.declare("docs.csv", chunks="docs.csv")
    with meta.store.write() as tx:
        tx.exec_driver_sql(f"UPDATE datasets SET producer_id = {ids.assets['chunks']}")
    for name in ("docs", "docs.csv"):
        with pytest.raises(UsageError, match=r"written by asset chunks: .* drift") as refused:
            tell(meta, name, version="1")
        assert "penstock materialize -s chunks" in refused.value.hint


def test_what_nobody_declares_is_kept_until_somebody_does(meta: Any) -> None:
    """Shown as unmatched, also in a project without any definitions; declared, its newest event begins a consumer."""
    tell(meta, "s3://raw/docs.csv", version="1")
    told = tell(meta, "s3://raw//docs.csv", version="2")
    assert not told.matched
    assert known(meta, unmatched=True) == [
        ("s3://raw/docs.csv", 2, "changed", False),
        ("s3://raw/docs.csv", 1, "changed", False),
    ]
    ids = meta.declare(chunks="s3://raw/docs.csv")
    assert meta.pending(ids.assets["chunks"]) == {ids.datasets["s3://raw/docs.csv"]: (1, 0, 0)}
    assert known(meta, unmatched=True) == []
    assert tell(meta, "s3://raw/docs.csv", version="2").kind == "confirmed"


def test_what_a_pattern_means_is_matched(meta: Any) -> None:
    """Nobody declares the dataset, and yet somebody waits for it; until that asset is no part of the catalogue."""
    ids = meta.declare(chunks="docs.csv", other="docs.csv")
    with meta.store.write() as tx:
        wanted = subscribing.Wanted(
            asset_id=ids.assets["chunks"], datasets=frozenset(), patterns=frozenset({"s3://raw/*.csv"})
        )
        subscribing.subscribe(tx, "kb", [wanted], now=meta.now)
    assert tell(meta, "s3://raw/docs.csv", version="1").matched
    assert not tell(meta, "s3://elsewhere/docs.csv", version="1").matched
    assert [uri for uri, _, _, _ in known(meta, unmatched=True)] == ["s3://elsewhere/docs.csv"]
    assert [matched for _, _, _, matched in known(meta)] == [False, True]
    meta.declare(other="docs.csv")
    assert [uri for uri, _, _, _ in known(meta, unmatched=True)] == ["s3://elsewhere/docs.csv", "s3://raw/docs.csv"]


def test_what_is_no_uri_is_refused(meta: Any) -> None:
    """With the words of every other URI."""
    with pytest.raises(InvalidURI):
        tell(meta, "s3://me:secret@raw/docs.csv", version="1")
    assert known(meta) == []


def test_the_log_says_what_became_of_each_event(meta: Any) -> None:
    """Its links by consumer; of one dataset alone, if asked; page by page."""
    ids = meta.declare("labels.csv", chunks="docs.csv")
    chunks, docs = ids.assets["chunks"], ids.datasets["docs.csv"]
    for number in range(3):
        tell(meta, "docs", version=str(number))
    tell(meta, "labels", version="1")
    run = meta.run(chunks)
    with meta.store.write() as tx:
        from_now = meta.now
        tx.exec_driver_sql(
            f"INSERT INTO consumptions (asset_id, partition, event_id, run_id, outcome, current, at) "
            f"SELECT {chunks}, '', id, '{run}', 'run', {'true' if 'postgres' in meta.url else 1}, at "
            f"FROM events WHERE dataset_id = {docs} AND number = 2"
        )
    with meta.store.read() as tx:
        found = eventlog.recent_events(tx, "kb", dataset_id=docs, limit=2)
    assert [(one.number, [(link.asset, link.outcome, link.run_id) for link in one.links]) for one in found] == [
        (3, []),
        (2, [("chunks", "run", run)]),
    ]
    assert from_now >= found[0].at
    assert [number for _, number, _, _ in known(meta, limit=2, offset=1)] == [3, 2]
