"""What recording a plan writes, in a few plain cases."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import delete, insert, text, update
from sqlalchemy.exc import IntegrityError

from penstock import Dataset
from penstock.assets.plan.planner import Plan, plan
from penstock.assets.plan.state import Request
from penstock.assets.run.planning.record import record
from penstock.assets.run.planning.snapshot import Snapshot, load
from penstock.assets.run.project.project import Project
from penstock.storage.manifest import Manifest
from penstock.storage.meta import events, pauses, runs, ticks, versions
from penstock.storage.types import Consume, RunState

pytestmark = pytest.mark.databases("sqlite", "postgresql")

START = datetime(2026, 3, 2, tzinfo=UTC)
NAMES = list("xyzwutp")  # see the conftest


def news(project: Project, uri: str, content: str, now: datetime) -> None:
    """A dataset is published."""
    dataset_id = project.ids.datasets[uri]
    with project.store.write() as tx:
        manifest = Manifest(suffix="", token=content)
        version = versions.keep_version(tx, dataset_id=dataset_id, manifest=manifest, held=True, now=now)
        events.publish_event(tx, dataset_id=dataset_id, version_id=version, run_id=None, metadata={}, now=now)


def planned(project: Project, now: datetime) -> tuple[Plan, Snapshot]:
    """What is to be done with every asset."""
    with project.store.read() as tx:
        snapshot = load(project, tx, NAMES)
    return plan(project.graph, snapshot.state, now), snapshot


def test_the_order_of_simultaneous_events_does_not_matter(kit: Any) -> None:
    """Two datasets published in one order or the other: the same runs, reasons, takes and confirmations."""
    found: list[list[tuple[Any, ...]]] = []
    for order in (("a.csv", "b.csv", "x.json"), ("x.json", "b.csv", "a.csv")):
        project = kit.open(kit.databases.fresh())
        for uri in order:
            news(project, uri, "A", START)
        decided, _ = planned(project, START + timedelta(hours=2))
        found.append(
            [(one.asset, one.state, one.reason, one.takes, one.ticks, one.key.digest) for one in decided.runs]
            + [(one.asset, one.reason) for one in decided.held]
        )
        project.store.close()
    assert found[0] == found[1]
    assert {name for name, *_ in found[0]} == set(NAMES)


def test_a_recorded_run_has_what_the_plan_gave_it(project: Project) -> None:
    """State, key, reason, pins, the interval of its tick, and the links to everything it took."""
    news(project, "a.csv", "A", START)
    now = START + timedelta(hours=2, minutes=10)
    decided, snapshot = planned(project, now)
    done = record(project, decided, snapshot, materialization_id=None, now=now)
    assert done is not None
    one = next(one for one in done.runs if one.planned.asset == "t")
    with project.store.read() as tx:
        run = runs.run(tx, one.id)
        pinned = runs.pinned(tx, one.id)
        last = ticks.last_ticks(tx, [(project.ids.assets["t"], "every 1h")])
    assert run is not None
    assert (run.asset, run.state, run.key) == ("t", RunState.SCHEDULED, one.planned.key.digest)
    assert run.reason == one.planned.reason.to_plain()
    assert run.made_from == one.planned.key.parts
    assert (run.nominal_start, run.nominal_end) == (START, START + timedelta(hours=2))
    assert [(pin.parameter, pin.uri) for pin in pinned] == [("a", "a.csv")]
    assert last[project.ids.assets["t"], "every 1h"] == START + timedelta(hours=2)


def test_a_tick_that_somebody_else_took_is_planned_anew(project: Project) -> None:
    """The asset is pure and its run is over before the slower planner records: nothing but the tick says so."""
    news(project, "b.csv", "A", START)
    now = START + timedelta(hours=1)
    slow, fast = planned(project, now), planned(project, now)
    done = record(project, *fast, materialization_id=None, now=now)
    assert done is not None
    with project.store.write() as tx:
        for one in done.runs:
            runs.advance(tx, one.id, old=RunState.SCHEDULED, new=RunState.CANCELED, ended_at=now)
            events.give_back(tx, asset_id=project.ids.assets[one.planned.asset], run_id=one.id)
    assert record(project, *slow, materialization_id=None, now=now) is None


def test_a_tick_that_is_older_than_what_was_taken_is_planned_anew(project: Project) -> None:
    """A planner that saw 01:00 writes after another took 02:00, into which 01:00 had coalesced: no key says so."""
    news(project, "b.csv", "A", START)
    slow = planned(project, START + timedelta(hours=1))
    now = START + timedelta(hours=2)
    done = record(project, *planned(project, now), materialization_id=None, now=now)
    assert done is not None
    with project.store.write() as tx:
        for one in done.runs:
            runs.advance(tx, one.id, old=RunState.SCHEDULED, new=RunState.CANCELED, ended_at=now)
        tx.execute(delete(runs.pins))
        tx.execute(update(runs.runs).values(state=RunState.SKIPPED))  # as if nothing had been planned
        asset_id = project.ids.assets["p"]
    only = Plan(runs=tuple(replace(run, takes=()) for run in slow[0].runs if run.asset == "p"))
    assert [run.ticks for run in only.runs] == [{"every 1h": START + timedelta(hours=1)}]
    assert record(project, only, slow[1], materialization_id=None, now=now) is None
    with project.store.write() as tx:
        tx.execute(delete(ticks.ticks).where(ticks.ticks.c.asset_id == asset_id))
    assert record(project, only, slow[1], materialization_id=None, now=now) is not None


def test_a_pause_that_came_in_between_stops_what_nobody_asked_for(project: Project) -> None:
    """What a person asked for is recorded all the same."""
    news(project, "a.csv", "A", START)
    now = START + timedelta(hours=1)
    decided, snapshot = planned(project, now)
    assert "x" in {run.asset for run in decided.runs}
    only = replace(decided, runs=tuple(run for run in decided.runs if run.asset == "x"), confirmations=(), missed=())
    with project.store.write() as tx:
        assert pauses.begin(tx, project.ids.assets["x"], why="", now=now)
    assert record(project, only, snapshot, materialization_id=None, now=now) is None
    asked = replace(snapshot, state=replace(snapshot.state, requests={"x": Request()}))
    assert record(project, only, asked, materialization_id=None, now=now) is not None


def test_a_run_that_came_and_went_in_between_is_seen(project: Project) -> None:
    """No event and no limit tells: the asset was tried since the snapshot, which staleness and deadlines count from."""
    news(project, "a.csv", "A", START)
    now = START + timedelta(hours=1)
    decided, snapshot = planned(project, now)
    only = Plan(runs=tuple(replace(run, takes=(), ticks={}) for run in decided.runs if run.asset == "x"))
    done = record(project, only, snapshot, materialization_id=None, now=now)
    assert done is not None
    with project.store.write() as tx:
        runs.advance(tx, done.runs[0].id, old=RunState.SCHEDULED, new=RunState.CANCELED, ended_at=now)
    assert record(project, only, snapshot, materialization_id=None, now=now) is None


def test_what_happens_beside_is_part_of_it(project: Project) -> None:
    """In the same transaction, also beside an empty plan; nothing of either stays when it raises or comes too late."""
    news(project, "a.csv", "A", START)
    now = START + timedelta(hours=1)
    decided, snapshot = planned(project, now)
    seen: list[str] = []

    def fail(tx: Any) -> None:
        assert tx.execute(text("SELECT count(*) FROM runs")).scalar_one() == len(decided.runs)
        raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"):
        record(project, decided, snapshot, materialization_id=None, now=now, beside=fail)
    for chosen in (Plan(), decided, decided):
        record(project, chosen, snapshot, materialization_id=None, now=now, beside=lambda _: seen.append("done"))
    assert seen == ["done", "done"]


def test_what_is_wrong_with_a_row_is_raised_and_not_tried_again(project: Project) -> None:
    """Only the keys of what is taken once say that somebody was faster; planning again would not help here."""
    news(project, "a.csv", "A", START)
    now = START + timedelta(hours=1)
    decided, snapshot = planned(project, now)
    with pytest.raises(IntegrityError):
        record(project, decided, snapshot, materialization_id="nobody began it", now=now)


def test_fifty_thousand_events_make_one_run(kit: Any) -> None:
    """They are counted by the database and linked by it: none of them is in this process. `latest` supersedes all but
    the newest."""
    project = kit.open(kit.databases.fresh(), kit.asset("x", "a.csv", on=Dataset("a.csv"), consume=Consume.LATEST))
    news(project, "a.csv", "A", START)
    with project.store.write() as tx:
        row = {"dataset_id": project.ids.datasets["a.csv"], "partition": "", "version_id": 1, "at": START}
        many = [{**row, "kind": "changed", "metadata": {}, "number": number} for number in range(2, 50_001)]
        tx.execute(insert(events.events), many)
        tx.execute(text("UPDATE datasets SET last_number = 50000 WHERE uri = 'a.csv'"))
    del many
    now = START + timedelta(hours=1)
    tracemalloc.start()
    with project.store.read() as tx:
        snapshot = load(project, tx, ["x"], now=now)
    decided = plan(project.graph, snapshot.state, now)
    assert record(project, decided, snapshot, materialization_id=None, now=now) is not None
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1_000_000
    with project.store.read() as tx:
        rows = tx.execute(text("SELECT outcome, count(*) FROM consumptions GROUP BY 1 ORDER BY 1")).all()
        assert load(project, tx, ["x"], now=now).state.assets["x"].leaves == {}
    assert [tuple(row) for row in rows] == [("run", 1), ("superseded", 49_999)]
    project.store.close()
