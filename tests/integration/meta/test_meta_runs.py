"""Runs, attempts, materializations, edges and leases: what is recorded, and who may change it."""

from __future__ import annotations

import sqlite3
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError

from penstock.storage.manifest import Manifest
from penstock.storage.meta import catalogue, edges, leases, materializations, runs, standing, versions
from penstock.storage.meta.attempts import attempts_of, begin_attempt, end_attempt, tried
from penstock.storage.types import AttemptOutcome, MaterializationState, RunState

pytestmark = pytest.mark.databases("sqlite", "postgresql")


def test_a_run_comes_back_as_it_was_recorded(meta: Any) -> None:
    """With its reason, the parts of its key and the interval it covers; one that ends at once has ended."""
    chunks = meta.declare(chunks="docs.csv").assets["chunks"]
    reason, parts = {"v": 1, "kind": "tick"}, {"inputs": {"ü": 1.5}, "n": None}
    covers = {"nominal_start": meta.now - timedelta(days=1), "nominal_end": meta.now}
    first = meta.run(chunks, reason=reason, made_from=parts, key="k", **covers)
    skipped = meta.run(chunks, RunState.SKIPPED)
    with meta.store.read() as tx:
        found, other = runs.run(tx, first), runs.run(tx, skipped)
        assert runs.run(tx, "nobody") is None
    assert found is not None
    assert (found.id, found.asset_id, found.asset, found.state) == (first, chunks, "chunks", RunState.SCHEDULED)
    assert (found.reason, found.made_from, found.key) == (reason, parts, "k")
    assert (found.nominal_start, found.nominal_end) == tuple(covers.values())
    assert (found.attempts, found.worker, found.started_at, found.ended_at, found.error) == (0, None, None, None, None)
    assert other is not None
    assert other.ended_at == other.created_at == meta.now


def test_a_run_moves_only_from_where_it_is(meta: Any) -> None:
    """Compare and set: who names another state is told False and has changed nothing."""
    run = meta.run(meta.declare(chunks="").assets["chunks"])
    with meta.store.write() as tx:
        assert runs.advance(tx, run, old=RunState.SCHEDULED, new=RunState.QUEUED)
        assert not runs.advance(tx, run, old=RunState.SCHEDULED, new=RunState.CANCELED, ended_at=meta.now)
        assert runs.advance(
            tx, run, old=RunState.QUEUED, new=RunState.RUNNING, worker="w", attempts=1, started_at=meta.now
        )
        assert not runs.advance(tx, "nobody", old=RunState.QUEUED, new=RunState.RUNNING)
        error = {"kind": "producer", "message": "no"}
        assert runs.advance(tx, run, old=RunState.RUNNING, new=RunState.FAILED, ended_at=meta.now, error=error)
        found = runs.run(tx, run)
    assert found is not None
    assert (found.state, found.worker, found.attempts) == (RunState.FAILED, "w", 1)
    assert found.started_at == found.ended_at == meta.now
    assert found.error == error


def test_active_runs_are_those_that_have_not_ended(meta: Any) -> None:
    """Counted per asset, also of 602 assets at once; an asset without one has none."""
    ids = meta.declare(chunks="", report="", **{f"a{number}": "" for number in range(600)})
    chunks, report = ids.assets["chunks"], ids.assets["report"]
    ended = meta.run(chunks)
    meta.run(chunks), meta.run(chunks, RunState.SKIPPED), meta.run(report)
    last = ids.assets["a599"]
    meta.run(last)
    with meta.store.write() as tx:
        runs.advance(tx, ended, old=RunState.SCHEDULED, new=RunState.CANCELED, ended_at=meta.now)
        courses = standing.courses(tx, list(ids.assets.values()))
        expected = {**dict.fromkeys(ids.assets.values(), 0), chunks: 1, report: 1, last: 1}
        assert {number: course.active for number, course in courses.items()} == expected
        assert len(runs.unfinished(tx, "kb")) == 3
        assert runs.unfinished(tx, "other") == []


def test_an_asset_stands_on_the_success_behind_its_head(meta: Any) -> None:
    """What its heads were made from, since when it is registered, and how many of its runs are active."""
    ids = meta.declare(chunks="", report="")
    chunks, report = ids.assets["chunks"], ids.assets["report"]
    registered = meta.now
    success, last, _ = meta.run(chunks), meta.run(chunks), meta.run(chunks, RunState.SKIPPED)
    with meta.store.write() as tx:
        runs.advance(tx, success, old=RunState.SCHEDULED, new=RunState.QUEUED, ended_at=meta.now)
        catalogue.record_success(tx, asset_id=chunks, run_id=success, now=meta.now)
        head = runs.run(tx, success)
        tried = runs.run(tx, last)
        assert head is not None
        assert tried is not None
        definitions = catalogue.registered_definitions(tx, "kb")
        course = standing.Course(
            definition=definitions[chunks],
            active=1,
            newest=last,
            tried_at=tried.created_at,
            head_run=success,
            succeeded_at=meta.now,
        )
        never = standing.Course(
            definition=definitions[report], active=0, newest=None, tried_at=None, head_run=None, succeeded_at=None
        )
        assert standing.standing(tx, [chunks, report]) == {
            chunks: standing.Standing(registered_at=registered, made_from={"n": 1}, course=course),
            report: standing.Standing(registered_at=registered, made_from=None, course=never),
        }
        assert standing.courses(tx, [chunks, report]) == {chunks: course, report: never}
        assert standing.standing(tx, []) == {}


def test_a_run_that_was_skipped_when_it_was_planned_was_no_try(meta: Any) -> None:
    """One that its producer skipped was: else what is stale would be tried without end."""
    chunks = meta.declare(chunks="").assets["chunks"]
    for _ in range(3):
        meta.run(chunks, RunState.SKIPPED)
    with meta.store.read() as tx:
        assert standing.courses(tx, [chunks])[chunks].newest is None
    run = meta.run(chunks, RunState.RUNNING)
    with meta.store.write() as tx:
        runs.advance(tx, run, old=RunState.RUNNING, new=RunState.SKIPPED, attempts=1, ended_at=meta.now)
    meta.run(chunks, RunState.SKIPPED)
    with meta.store.read() as tx:
        assert standing.courses(tx, [chunks])[chunks].newest == run


def test_runs_are_found_newest_first_and_by_what_is_asked(meta: Any) -> None:
    """By asset, state and materialization, in pages, by the beginning of the id, and counted by state."""
    ids = meta.declare(chunks="", report="")
    found = [meta.run(ids.assets[name]) for name in ("chunks", "report", "chunks")]
    meta.run(ids.assets["report"], RunState.SKIPPED)
    with meta.store.read() as tx:
        recent = [run.id for run in runs.recent(tx, "kb")]
        assert recent == ["run4", *reversed(found)]
        assert [run.id for run in runs.recent(tx, "kb", limit=2, offset=1)] == recent[1:3]
        assert [run.id for run in runs.recent(tx, "kb", asset="chunks")] == ["run3", "run1"]
        assert [run.id for run in runs.recent(tx, "kb", state=RunState.SKIPPED)] == ["run4"]
        assert runs.recent(tx, "kb", materialization_id="none") == []
        assert runs.recent(tx, "other") == []
        assert runs.count_by_state(tx, "kb") == {RunState.SCHEDULED: 3, RunState.SKIPPED: 1}


def test_a_run_is_moved_only_in_the_name_of_the_attempt_that_it_is_at(meta: Any) -> None:
    """Whoever names another number, or another worker, is told that it lost."""
    run = meta.run(meta.declare(chunks="").assets["chunks"])
    move = {"old": RunState.RUNNING, "new": RunState.SUCCESS}
    with meta.store.write() as tx:
        assert runs.advance(tx, run, old=RunState.SCHEDULED, new=RunState.RUNNING, worker="w2", attempts=2)
        assert not runs.advance(tx, run, **move, fence=runs.Fence(1, "w2"))
        assert not runs.advance(tx, run, **move, fence=runs.Fence(2, "w1"))
        assert runs.advance(tx, run, **move, fence=runs.Fence(2, "w2"))


def test_attempts_are_counted_and_end_with_an_outcome(meta: Any) -> None:
    """Each has its worker and times; a number is begun once."""
    run = meta.run(meta.declare(chunks="").assets["chunks"])
    with meta.store.write() as tx:
        for number, outcome in ((1, AttemptOutcome.LOST), (2, AttemptOutcome.SUCCESS)):
            begin_attempt(tx, run, number=number, worker=f"w{number}", now=meta.now)
            error = {"message": "gone"} if outcome is AttemptOutcome.LOST else None
            end_attempt(tx, run, number=number, outcome=outcome, now=meta.now, error=error, exit_code=-9, signal=9)
        assert tried(tx, run) == {AttemptOutcome.LOST: 1, AttemptOutcome.SUCCESS: 1}
        lost, made = attempts_of(tx, run)
    assert (lost.error, lost.exit_code, lost.signal) == ({"message": "gone"}, -9, 9)
    assert (made.error, made.exit_code, made.signal) == (None, None, None)
    assert meta.rows("SELECT number, worker, outcome FROM attempts ORDER BY number") == [
        (1, "w1", "lost"),
        (2, "w2", "success"),
    ]
    with pytest.raises((IntegrityError, sqlite3.IntegrityError), match="attempts"), meta.store.write() as tx:
        begin_attempt(tx, run, number=2, worker="w3", now=meta.now)


def test_edges_join_every_output_with_every_input_once(meta: Any) -> None:
    """Two parameters that read one version make one edge; a run without inputs makes none."""
    ids = meta.declare("docs.csv", chunks="")
    run = meta.run(ids.assets["chunks"])
    found: list[int] = []
    with meta.store.write() as tx:
        for content in "ABCD":
            manifest = Manifest(suffix="", token=content)
            docs = ids.datasets["docs.csv"]
            found.append(versions.keep_version(tx, dataset_id=docs, manifest=manifest, held=True, now=meta.now))
        a, b, c, d = found
        edges.record_edges(tx, run_id=run, outputs=[c, d], inputs=[a, b, a])
        edges.record_edges(tx, run_id=run, outputs=[a], inputs=[])
    query = "SELECT output_version_id, input_version_id, run_id FROM edges ORDER BY 1, 2"
    assert meta.rows(query) == [(c, a, run), (c, b, run), (d, a, run), (d, b, run)]


def test_a_materialization_begins_and_ends(meta: Any) -> None:
    """What it selected, what it held back and why; what has not ended is found."""
    meta.declare(chunks="")
    with meta.store.write() as tx:
        for number in (1, 2):
            materializations.begin(
                tx, id=f"m{number}", project="kb", worker="w", selection=["chunks"], now=meta.now + timedelta(number)
            )
        assert [one.id for one in materializations.unfinished(tx, "kb")] == ["m1", "m2"]
        held = {"report": {"kind": "no_version"}}
        materializations.end(tx, id="m1", state=MaterializationState.FAILED, held=held, now=meta.now)
        assert [one.id for one in materializations.unfinished(tx, "kb")] == ["m2"]
        assert materializations.unfinished(tx, "other") == []
        newest, older = materializations.latest(tx, "kb", limit=5)
        assert materializations.latest(tx, "kb") == [newest]
        assert materializations.by_id(tx, ["m1", "nobody"]) == {"m1": older}
    assert (newest.id, newest.state, newest.ended_at) == ("m2", MaterializationState.RUNNING, None)
    assert (older.state, older.held, older.selection) == (MaterializationState.FAILED, held, ["chunks"])
    assert older.ended_at == meta.now


def test_a_lease_has_one_holder_until_it_expires(meta: Any) -> None:
    """Its holder may prolong it; another gets it when the time is over or it was given up; a stranger frees nothing."""
    hour, now = timedelta(hours=1), meta.now

    def acquire(holder: str, at: Any) -> bool:
        with meta.store.write() as tx:
            return leases.acquire(tx, "relay", holder=holder, now=at, length=hour)

    assert acquire("a", now)
    assert not acquire("b", now)
    assert acquire("a", now + hour / 2)
    assert not acquire("b", now + hour)
    assert acquire("b", now + hour * 1.5)
    assert not acquire("a", now + hour * 1.5)
    with meta.store.write() as tx:
        leases.release(tx, "relay", holder="a")
        assert leases.holder_of(tx, "relay") == "b"
        leases.release(tx, "relay", holder="b")
        assert leases.holder_of(tx, "relay") is None
        assert leases.acquire(tx, "other", holder="a", now=now, length=hour)
    assert acquire("a", now)
