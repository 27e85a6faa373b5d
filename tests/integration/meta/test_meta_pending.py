"""What is pending, in sums and one by one, and what marks it: superseded, returned, released, taken twice."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import pytest
from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError

from penstock.storage.meta import events, pending, runs, versions
from penstock.storage.meta.catalogue import subscriptions
from penstock.storage.meta.pending import Pending, sums
from penstock.storage.meta.ticks import ticks
from penstock.storage.types import ConsumptionOutcome

pytestmark = pytest.mark.databases("sqlite", "postgresql")

LINKS = """SELECT e.number, c.run_id, c.outcome, c.current
    FROM consumptions c JOIN events e ON e.id = c.event_id ORDER BY c.id"""


def claim(asset: int, dataset: int, up_to: int, expected: int, run: str | None) -> events.Claim:
    """What a run takes of a dataset."""
    outcome = ConsumptionOutcome.RUN if run else ConsumptionOutcome.CONFIRMED
    return events.Claim(asset_id=asset, dataset_id=dataset, up_to=up_to, expected=expected, run_id=run, outcome=outcome)


def take(meta: Any, *claims: events.Claim) -> bool:
    """Consumed, or nothing happened."""
    with meta.store.write() as tx:
        done = events.consume(tx, claims, now=meta.now)
        if not done:
            tx.rollback()
        return done


def test_what_is_pending_is_told_in_sums(meta: Any) -> None:
    """How many, how many that start a run, how many confirmed, the newest number, the oldest and newest time."""
    ids = meta.declare(chunks="docs.csv labels.csv")
    chunks, docs = ids.assets["chunks"], ids.datasets["docs.csv"]
    meta.publish(docs, "A")
    first = meta.now
    for content in "ABBB":
        meta.publish(docs, content)
    with meta.store.write() as tx:
        events.publish_removal(tx, dataset_id=docs, now=meta.now)
    told = Pending(
        count=5,
        newest=5,
        causes=2,
        confirmed=3,
        changed=2,
        removed=0,
        removals=0,
        newest_at=meta.now,
        arrived_at=meta.now,
        oldest_at=first,
    )
    with meta.store.read() as tx:
        assert sums(tx, [chunks]) == {(chunks, docs): told}
        assert sums(tx, []) == {}
    with meta.store.write() as tx:
        tx.execute(update(subscriptions).values(removals=True))
        assert sums(tx, [chunks]) == {(chunks, docs): told._replace(newest=6, removed=1, removals=1)}
    run = meta.run(chunks)
    assert take(meta, claim(chunks, docs, 6, 6, run))
    with meta.store.write() as tx:
        events.give_back(tx, asset_id=chunks, run_id=run)
        stale = told._replace(newest=6, removed=1, causes=0, confirmed=0, oldest_at=None)
        assert sums(tx, [chunks]) == {(chunks, docs): stale}


def test_a_run_of_the_newest_supersedes_the_older(meta: Any) -> None:
    """All are taken and linked with the run; when it fails all come back."""
    ids = meta.declare(chunks="docs.csv")
    chunks, docs = ids.assets["chunks"], ids.datasets["docs.csv"]
    for content in "ABC":
        meta.publish(docs, content)
    run = meta.run(chunks)
    assert take(meta, claim(chunks, docs, 3, 3, run)._replace(about=3))
    assert meta.pending(chunks) == {}
    assert meta.rows(LINKS) == [(1, run, "superseded", 1), (2, run, "superseded", 1), (3, run, "run", 1)]
    with meta.store.write() as tx:
        assert events.give_back(tx, asset_id=chunks, run_id=run) == 3
    assert meta.pending(chunks) == {docs: (3, 0, 0)}


def test_what_one_run_gives_back_says_nothing_of_the_news_of_another(meta: Any) -> None:
    """Two runs are active: the later one fails, then the earlier one is undone. What that had is as fresh as before,
    although newer news is not; no mark of how far it went could tell."""
    ids = meta.declare(chunks="docs.csv")
    chunks, docs = ids.assets["chunks"], ids.datasets["docs.csv"]
    meta.publish(docs, "A")
    first = meta.run(chunks)
    assert take(meta, claim(chunks, docs, 1, 1, first))
    meta.publish(docs, "B")
    second = meta.run(chunks)
    assert take(meta, claim(chunks, docs, 2, 1, second))
    with meta.store.write() as tx:
        events.give_back(tx, asset_id=chunks, run_id=second)
        events.give_back(tx, asset_id=chunks, run_id=first, fresh=True)
        waiting = [(one.number, one.fresh) for one in pending.in_order(tx, chunks, docs)]
    assert waiting == [(1, True), (2, False)]
    assert meta.rows(LINKS) == [(1, first, "released", 0), (2, second, "returned", 0)]


def test_pending_events_are_read_one_by_one(meta: Any) -> None:
    """With metadata, version and freshness, of the pairs that were asked for alone; also more than are read at once,
    and also when nobody wants the rest."""
    ids = meta.declare(chunks="docs.csv labels.csv", report="docs.csv")
    chunks, docs, labels = ids.assets["chunks"], ids.datasets["docs.csv"], ids.datasets["labels.csv"]
    for number in range(1, 8):
        meta.publish(docs, "AB"[number % 2])
    meta.publish(labels, "A")
    with meta.store.write() as tx:
        version = tx.execute(select(versions.versions.c.id, versions.versions.c.digest).limit(1).order_by("id")).first()
        assert version is not None
        plain = {"dataset_id": docs, "partition": "", "version_id": version.id, "at": meta.now, "metadata": {"of": "C"}}
        tx.execute(insert(events.events), [{**plain, "number": n, "kind": "changed"} for n in range(8, 1501)])
    with meta.store.read() as tx:
        found = list(pending.each(tx, [(chunks, docs)]))
        assert sorted(one.number for one in found) == list(range(1, 1501))
        assert {(one.asset_id, one.dataset_id, one.fresh) for one in found} == {(chunks, docs, True)}
        with closing(pending.each(tx, [(chunks, docs), (ids.assets["report"], docs)])) as some:
            assert next(some).dataset_id == docs
        both = [(chunks, docs), (chunks, labels)]
        assert pending.first(tx, both, updates=False) == {pair: next(pending.in_order(tx, *pair)) for pair in both}
        assert pending.first(tx, [], updates=False) == {}
        assert pending.ahead(tx, both, updates=True) == {}
        ordered = pending.in_order(tx, chunks, docs)
        first = next(ordered)
        assert (first.number, first.metadata, first.version_id, first.digest) == (
            1,
            {"of": "B"},
            version.id,
            version.digest,
        )
        assert [one.number for one in ordered] == list(range(2, 1501))
        assert list(pending.each(tx, [])) == []


def test_what_may_start_a_run_stands_behind_what_may_not(meta: Any) -> None:
    """A, given back by a failed run; A confirmed; B. The oldest that may start one is B, or the confirmation where that
    may; before it lies the rest. For who has nothing that may, all lies before."""
    ids = meta.declare(chunks="docs.csv", report="docs.csv")
    chunks, docs = ids.assets["chunks"], ids.datasets["docs.csv"]
    mine, others = (chunks, docs), (ids.assets["report"], docs)
    meta.publish(docs, "A")
    for asset_id in (chunks, ids.assets["report"]):
        run = meta.run(asset_id)
        assert take(meta, claim(asset_id, docs, 1, 1, run))
        with meta.store.write() as tx:
            events.give_back(tx, asset_id=asset_id, run_id=run)
    meta.publish(docs, "A")
    with meta.store.read() as tx:
        assert pending.first(tx, [mine], updates=False) == {}
        assert [number for _, number in pending.ahead(tx, [mine], updates=False)[mine]] == [1, 2]
    meta.publish(docs, "B")
    assert take(meta, claim(ids.assets["report"], docs, 3, 3, meta.run(ids.assets["report"])))
    with meta.store.read() as tx:
        for updates, number, before in ((False, 3, [1, 2]), (True, 2, [1])):
            assert {pair: one.number for pair, one in pending.first(tx, [mine, others], updates=updates).items()} == {
                mine: number
            }
            found = pending.ahead(tx, [mine, others], updates=updates)
            assert {pair: [number for _, number in several] for pair, several in found.items()} == {mine: before}


def test_what_was_consumed_last_is_the_newest_version_that_was_taken(meta: Any) -> None:
    """Not one that is pending, nor a removal, nor what another consumer took; None before the first."""
    ids = meta.declare(chunks="docs.csv", report="docs.csv")
    chunks, docs = ids.assets["chunks"], ids.datasets["docs.csv"]
    for content in "ABC":
        meta.publish(docs, content)
    run = meta.run(chunks)
    assert take(meta, claim(chunks, docs, 2, 2, run))
    with meta.store.read() as tx:
        last = pending.consumed(tx, chunks, docs)
        assert last is not None
        assert (last.number, last.fresh, last.metadata) == (2, False, {"of": "B"})
        assert pending.consumed(tx, ids.assets["report"], docs) is None


def test_only_a_key_that_was_taken_says_that_somebody_was_faster(meta: Any) -> None:
    """An event or a tick that was taken; not a reference to nothing, a value that lacks, or another key."""
    ids = meta.declare(chunks="docs.csv")
    chunks, docs = ids.assets["chunks"], ids.datasets["docs.csv"]
    event = meta.publish(docs, "A")
    run = meta.run(chunks)
    link = {"asset_id": chunks, "partition": "", "event_id": event.event_id, "outcome": "run", "current": True}
    tick = {"asset_id": chunks, "partition": "", "timetable": "x", "tick": meta.now}
    wrong = [
        (events.consumptions, [{**link, "at": meta.now}] * 2, True),
        (ticks, [tick, tick], True),
        (events.consumptions, [{**link, "event_id": 99, "at": meta.now}], False),
        (events.consumptions, [{**link, "at": None}], False),
        (ticks, [{**tick, "tick": None}], False),
        (runs.pins, [{"run_id": run, "parameter": "d", "dataset_id": docs, "version_id": 1,
                      "event_id": event.event_id}] * 2, False),
    ]  # fmt: skip
    for table, rows, once in wrong:
        with pytest.raises(IntegrityError) as caught, meta.store.write() as tx:
            tx.execute(insert(table), rows)
        assert events.taken_already(caught.value) is once
