"""Heads of partitions, and the ranges in which they are made: beside plain Python, on both databases."""

from __future__ import annotations

import random
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from penstock.assets.declare.partitions.partition import Place
from penstock.assets.declare.partitions.ranges import KeyRanges
from penstock.storage.manifest import Manifest
from penstock.storage.meta import events, runs, versions
from penstock.storage.meta.database import migrate
from penstock.storage.meta.database.engine import Store
from penstock.storage.meta.partitions import heads, holds, ranges, states
from penstock.storage.meta.partitions.pending import newest_for_keys
from penstock.storage.meta.partitions.taking import Link, link_events
from penstock.storage.types import ConsumptionOutcome, EventKind, RunState

pytestmark = pytest.mark.databases("sqlite", "postgresql")


def publish(meta: Any, dataset_id: int, key: str, content: str, run_id: str | None = None) -> events.Published:
    """A version with this content of the partition with this number for a key is published."""
    meta.now += timedelta(minutes=1)
    manifest = Manifest(suffix="", token=content)
    with meta.store.write() as tx:
        version = versions.keep_version(
            tx, dataset_id=dataset_id, manifest=manifest, held=True, now=meta.now, partition=key
        )
        return heads.publish_partition(
            tx,
            dataset_id=dataset_id,
            partition=heads.PartitionAt(key=key, line="", start=int(key), end=int(key) + 1),
            version_id=version,
            run_id=run_id,
            metadata={},
            now=meta.now,
        )


def test_partitions_have_heads_of_their_own(meta: Any) -> None:
    """Numbers count within the dataset, kinds follow from the partition's own head; the dataset has none."""
    days = meta.declare("days").datasets["days"]
    found = [publish(meta, days, *one) for one in (("1", "a"), ("2", "a"), ("1", "b"), ("2", "a"), ("1", "a"))]
    assert [(one.number, one.kind, one.first) for one in found] == [
        (1, EventKind.CHANGED, True),
        (2, EventKind.CHANGED, True),
        (3, EventKind.CHANGED, False),
        (4, EventKind.CONFIRMED, False),
        (5, EventKind.CHANGED, False),
    ]
    with meta.store.read() as tx:
        stand = heads.partition_heads_of(tx, days, ["1", "2", "3"])
        assert {key: (one.head.number, one.head.partition) for key, one in stand.items()} == {
            "1": (5, "1"),
            "2": (4, "2"),
        }
        assert {key: one.number for key, one in heads.digests_of(tx, days).items()} == {"1": 5, "2": 4}
        assert heads.digests_of(tx, days, ["3"]) == {}
        assert list(heads.heads_made(tx, days)) == [("1", None), ("2", None)]
        assert versions.heads(tx, [days]) == {}
        assert ranges.ranges_of(tx, days, limit=10) == [ranges.Range("", 1, 3, 2)]
    assert meta.rows("SELECT count(*) FROM versions") == [(3,)]


def test_what_is_not_shown_is_found(meta: Any) -> None:
    """Until it is marked; a head that has moved on cannot be marked any more."""
    days = meta.declare("days", chunks="days").datasets["days"]
    with meta.store.write() as tx:
        tx.execute(text("UPDATE datasets SET producer_id = (SELECT id FROM assets)"))
    publish(meta, days, "1", "a")
    publish(meta, days, "2", "a")
    with meta.store.write() as tx:
        one, two = heads.unshown_partitions(tx, "kb")
        assert heads.mark_partition_shown(tx, days, "1", one.version_id)
        assert not heads.mark_partition_shown(tx, days, "2", one.version_id)
        assert heads.is_partition_head(tx, days, "2", two.version_id)
        assert not heads.is_partition_head(tx, days, "1", two.version_id)
        assert heads.unshown_partition(tx, days, "1") is None
        assert heads.unshown_partition(tx, days, "2") == two
        assert heads.unshown_partitions(tx, "kb") == [two]
        assert heads.unshown_partitions(tx, "other") == []
    publish(meta, days, "1", "b")
    with meta.store.read() as tx:
        assert [head.partition for head in heads.unshown_partitions(tx, "kb")] == ["2", "1"]


@pytest.mark.parametrize("seed", range(6))
def test_ranges_are_those_of_a_plain_set(meta: Any, seed: int) -> None:
    """Whatever the order, and where the windows of two definitions lie across each other; keys are counted."""
    days = meta.declare("days").datasets["days"]
    random_ = random.Random(seed)
    width = 1 if seed < 4 else 3
    places = sorted({(random_.choice(["", "eu"]), random_.randrange(40), random_.randint(1, width)) for _ in range(50)})
    random_.shuffle(places)
    told = KeyRanges.of([])
    with meta.store.write() as tx:
        for number, (line, start, length) in enumerate(places, 1):
            ranges.mark_made(tx, dataset_id=days, line=line, start=start, end=start + length)
            told = told.add(line, start, start + length)
            assert ranges.count_made(tx, days) == number
        found = ranges.ranges_of(tx, days, limit=1000)
        assert [Place(*one[:3]) for one in found] == [*told]
        assert all(width > 1 or one.keys == one.end - one.start for one in found)
        paged = list[ranges.Range]()
        while page := ranges.ranges_of(tx, days, after=(paged[-1].line, paged[-1].start) if paged else None, limit=3):
            paged += page
        assert paged == found
        for line in ("", "eu", "us"):
            start = random_.randrange(-2, 42)
            end = start + random_.randrange(8)
            assert ranges.covers(tx, days, line, start, end) == told.covers(line, start, end)
            shared = KeyRanges.of([(line, start, end)]).intersect(told)
            cut = [
                (line, max(one.start, start), min(one.end, end)) for one in ranges.on_line(tx, days, line, start, end)
            ]
            assert [*KeyRanges.of(cut)] == [*shared]
        assert ranges.lines_of(tx, days) == sorted({line for line, _, _ in places})


BOUNDS = st.tuples(st.sampled_from(["", "eu"]), st.integers(0, 30), st.integers(1, 3))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.tuples(st.booleans(), BOUNDS, st.integers(0, 9)), max_size=25))
def test_the_count_is_the_sum_of_the_ranges(meta: Any, steps: list[tuple[bool, tuple[str, int, int], int]]) -> None:
    """Whatever is made and gone in whichever order, also where the windows of two definitions lie across each other and
    a definition counts other keys than were made; another dataset is left alone, and what is undone never counted."""
    meta.count += 100
    this, other = (meta.declare(f"d{meta.count}").datasets[f"d{meta.count}"], meta.declare("other").datasets["other"])

    def counts(tx: Any) -> tuple[int, int]:
        """As it stands in the row, and the sum over the ranges."""
        return ranges.count_made(tx, this), sum(one.keys for one in ranges.ranges_of(tx, this, limit=1000))

    with meta.store.write() as tx:
        for makes, (line, start, length), held in steps:
            at = {"dataset_id": this, "line": line, "start": start, "end": start + length}
            if makes:
                ranges.mark_made(tx, **at)
            else:
                ranges.mark_gone(tx, **at, counted=lambda low, high, most=held: min(high - low, most))
            stands, summed = counts(tx)
            assert stands == summed
        assert ranges.counts_made(tx, [this, other]) == ({this: summed} if (summed := counts(tx)[1]) else {})
    with meta.store.write() as tx:
        ranges.mark_made(tx, dataset_id=this, line="us", start=0, end=1)
        tx.rollback()
    with meta.store.read() as tx:
        stands, summed = counts(tx)
        assert stands == summed


LOOKED = st.dictionaries(
    st.tuples(st.sampled_from(["", "eu"]), st.integers(0, 12)), st.sampled_from([None, "a", "b"]), min_size=1
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(LOOKED, max_size=12))
def test_why_partitions_are_held_is_as_told_last(meta: Any, steps: list[dict[tuple[str, int], str | None]]) -> None:
    """Whatever is looked at in whichever order: each partition is held for the reason that was told of it last, or not;
    what meets and is held for the same is one range; another asset is left alone."""
    days, other = meta.declare("raw", days="raw", other="raw").assets.values()
    told: dict[tuple[str, int], str] = {}
    with meta.store.write() as tx:
        holds.note(tx, other, {("", 0, 1): {"kind": "other"}})
        for step in steps:
            looked = {(line, at, at + 1): None if why is None else {"kind": why} for (line, at), why in step.items()}
            holds.note(tx, days, looked)
            told = {place: why for place, why in {**told, **step}.items() if why is not None}
            found = holds.held_ranges(tx, days, limit=100)
            spread = {(one.line, at): one.reason["kind"] for one in found for at in range(one.start, one.end)}
            assert spread == told
            pairs = [(one, two) for one, two in pairwise(found) if (one.line, one.end) == (two.line, two.start)]
            assert not any(one.reason == two.reason for one, two in pairs)
        assert [one[:3] for one in holds.held_ranges(tx, other, limit=2)] == [("", 0, 1)]
        holds.forget(tx, days)
        assert holds.assets_held(tx) == {other}
        tx.rollback()


def test_ranges_of_before_are_counted(tmp_path: Any, databases: Any) -> None:
    """A database of before the count has it after the upgrade."""
    store = Store(databases.fresh(prepared=False, file=tmp_path / "penstock.db"), project="kb")
    at = {"at": "2026-01-05 00:00:00+00:00" if databases.kind == "postgresql" else "2026-01-05 00:00:00.000000"}
    with store.write() as tx:
        migrate.migrate(tx, "0010")
        tx.execute(text("INSERT INTO projects VALUES ('kb', '', :at)"), at)
        for number, uri in ((3, "days"), (4, "none")):
            tx.execute(
                text(
                    "INSERT INTO datasets (id, project, uri, name, declaration, last_number, planned_number) "
                    f"VALUES ({number}, 'kb', '{uri}', '{uri}', '{{}}', 0, 0)"
                )
            )
        tx.execute(text("INSERT INTO partition_ranges VALUES (3, '', 0, 5, 5), (3, 'eu', 7, 9, 2)"))
    migrate.upgrade(store)
    with store.read() as tx:
        assert ranges.counts_made(tx, [3, 4]) == {3: 7}
    store.close()


def test_long_lines_are_read_in_order_whatever_the_page(meta: Any) -> None:
    """More ranges than are read at once; and many short lines beside long ones."""
    days = meta.declare("days").datasets["days"]
    long = 2 * (ranges._FEW + ranges._MANY) + 3
    with meta.store.write() as tx:
        rows = [("", place, place + 1) for place in range(0, 2 * long, 2)]
        rows += [(f"s{number:04}", 0, 1) for number in range(0, 700, 3)]
        rows += [("s0301", place, place + 1) for place in range(10, 900, 3)]
        tx.execute(
            ranges.partition_ranges.insert(),
            [{"dataset_id": days, "line": line, "start": start, "end": end, "keys": 1} for line, start, end in rows],
        )
    places = [("", 1, 2 * long - 1), *((f"s{number:04}", 0, 500) for number in reversed(range(700)))]
    with meta.store.read() as tx:
        found = [(place, [one[:3] for one in there]) for place, there in ranges.on_places(tx, days, places)]
    by_line = {place[0]: [row for row in rows if row[0] == place[0]] for place in places}
    assert [place for place, _ in found] == places
    for (line, low, high), there in found:
        assert there == sorted(row for row in by_line[line] if row[1] < high and row[2] > low), line


def test_a_partition_counts_as_failed_until_it_is_made(meta: Any) -> None:
    """Its last run says so; one that was canceled says nothing. What is active is counted by key."""
    chunks = meta.declare("days", chunks="days").assets["chunks"]
    for key, state in (
        ("1", RunState.FAILED), ("1", RunState.FAILED), ("2", RunState.FAILED), ("2", RunState.SUCCESS),
        ("3", RunState.FAILED), ("3", RunState.CANCELED), ("4", RunState.SCHEDULED), ("5", RunState.SUCCESS),
    ):  # fmt: skip
        meta.run(chunks, state, partition=key)
    meta.run(chunks, RunState.FAILED)
    with meta.store.read() as tx:
        assert states.count_failed(tx, chunks) == 2
        assert states.failed_partitions(tx, chunks, limit=9) == ["1", "3"]
        assert states.failed_partitions(tx, chunks, limit=1) == ["1"]
        assert states.failed_partitions(tx, chunks, limit=9, first="2") == ["3"]
        assert runs.active_partitions(tx, chunks) == {"4": 1}
        assert runs.active_among(tx, chunks, ["5", "4", "9", "1"]) == {"4": 1}
        assert runs.active_among(tx, chunks, []) == runs.active_among(tx, chunks, ["5"]) == {}


def test_the_newest_event_before_a_time_is_pending_for_each_key_that_has_not_taken_it(meta: Any) -> None:
    """Each key by its own time; one that was given back is not fresh, and one that was taken is not there."""
    ids = meta.declare("config.csv", chunks="config.csv")
    chunks, config = ids.assets["chunks"], ids.datasets["config.csv"]
    since, first, between, second = meta.now, meta.publish(config, "1"), meta.now, meta.publish(config, "2")
    late, early = meta.now + timedelta(seconds=1), between + timedelta(seconds=1)
    keys = {"new": late, "took": late, "gave back": late, "early": early, "took early": early, "before": since}
    run = meta.run(chunks, partition="took")
    with meta.store.write() as tx:
        taken = [("took", second, run), ("gave back", second, run), ("took early", first, run)]
        links = [Link(chunks, key, event.event_id, by, ConsumptionOutcome.RUN) for key, event, by in taken]
        link_events(tx, links, now=meta.now)
        tx.execute(text("UPDATE consumptions SET current = :no, outcome = 'returned' WHERE partition = 'gave back'"),
                   {"no": False})  # fmt: skip
        found = newest_for_keys(tx, chunks, config, keys)
        assert newest_for_keys(tx, chunks, config, {}) == {}
    assert {key: [(one.number, one.fresh) for one in some] for key, some in found.items()} == {
        "new": [(2, True)],
        "gave back": [(2, False)],
        "early": [(1, True)],
    }


def test_what_the_newest_event_confirms_is_pending_with_it(meta: Any) -> None:
    """For each key that has taken neither that change nor anything since; one that was given back is not fresh."""
    ids = meta.declare("config.csv", chunks="config.csv")
    chunks, config = ids.assets["chunks"], ids.datasets["config.csv"]
    events = [meta.publish(config, content) for content in ("1", "2", "2", "2")]
    late = meta.now + timedelta(seconds=1)
    run = meta.run(chunks, partition="took")
    with meta.store.write() as tx:
        taken = [("took", events[1]), ("later", events[2]), ("newest", events[3]), ("gave back", events[1])]
        link_events(
            tx, [Link(chunks, key, one.event_id, run, ConsumptionOutcome.RUN) for key, one in taken], now=meta.now
        )
        tx.execute(text("UPDATE consumptions SET current = :no, outcome = 'returned' WHERE partition = 'gave back'"),
                   {"no": False})  # fmt: skip
        keys = dict.fromkeys(("new", "took", "later", "newest", "gave back"), late)
        found = newest_for_keys(tx, chunks, config, keys)
    assert {key: [(one.number, one.kind, one.fresh) for one in some] for key, some in found.items()} == {
        "new": [(2, "changed", True), (4, "confirmed", True)],
        "took": [(4, "confirmed", True)],
        "later": [(4, "confirmed", True)],
        "gave back": [(2, "changed", False), (4, "confirmed", True)],
    }


def test_one_parameter_pins_several_partitions(meta: Any) -> None:
    """By their keys, beside what has no partitions."""
    known = meta.declare("days", "docs", chunks="days docs")
    days, docs = known.datasets["days"], known.datasets["docs"]
    meta.publish(docs, "A")
    for key in ("1", "2"):
        publish(meta, days, key, f"content {key}")
    with meta.store.read() as tx:
        there = heads.digests_of(tx, days)
        whole = versions.heads(tx, [docs])[docs]
    pins = [
        runs.Pin(parameter="days", dataset_id=days, version_id=one.version_id, event_id=one.event_id, partition=key)
        for key, one in there.items()
    ]
    pins.append(runs.Pin(parameter="docs", dataset_id=docs, version_id=whole.version_id, event_id=whole.event_id))
    run = meta.run(known.assets["chunks"], partition="9", pins=tuple(pins))
    with meta.store.read() as tx:
        assert versions.pinned_heads(tx, run) == {"docs": whole}
        (found,) = heads.pinned_partitions(tx, run).values()
        assert {key: head.manifest.token for key, head in found.items()} == {"1": "content 1", "2": "content 2"}
        assert [(one.parameter, one.partition) for one in runs.pinned(tx, run)] == [
            ("days", "1"),
            ("days", "2"),
            ("docs", ""),
        ]
        assert [one.partition for one in runs.recent(tx, "kb", partition="9")] == ["9"]


def test_pins_of_before_are_kept(tmp_path: Any, databases: Any) -> None:
    """They are those of datasets without partitions."""
    store = Store(databases.fresh(prepared=False, file=tmp_path / "penstock.db"), project="kb")
    at = {"at": "2026-01-05 00:00:00+00:00" if databases.kind == "postgresql" else "2026-01-05 00:00:00.000000"}
    with store.write() as tx:
        migrate.migrate(tx, "0002")
        for statement in (
            "INSERT INTO projects VALUES ('kb', '', :at)",
            "INSERT INTO assets (id, project, name, definition_digest, registered_at, failures) "
            "VALUES (7, 'kb', 'chunks', '', :at, 0)",
            "INSERT INTO datasets (id, project, uri, name, declaration, last_number, planned_number) "
            "VALUES (3, 'kb', 'docs', 'docs', '{}', 1, 0)",
            "INSERT INTO versions (id, dataset_id, partition, digest, manifest, size, held, created_at) "
            "VALUES (5, 3, '', 'd', '{}', 0, true, :at)",
            "INSERT INTO events (id, dataset_id, partition, number, kind, version_id, at, metadata) "
            "VALUES (4, 3, '', 1, 'changed', 5, :at, '{}')",
            "INSERT INTO runs (id, asset_id, partition, state, key, reason, made_from, attempts, created_at) "
            "VALUES ('r', 7, '', 'success', 'k', '{}', '{}', 1, :at)",
            "INSERT INTO pins VALUES ('r', 'docs', 3, 5, 4)",
        ):
            tx.execute(text(statement), at if ":at" in statement else {})
    migrate.upgrade(store)
    with store.read() as tx:
        assert tx.execute(text("SELECT run_id, parameter, partition, version_id FROM pins")).all() == [
            ("r", "docs", "", 5)
        ]
    store.close()
