"""What recording a plan writes, in a few plain cases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from penstock.assets.plan.planner import Plan, plan
from penstock.assets.run.project import Project
from penstock.assets.run.record import record
from penstock.assets.run.snapshot import Snapshot, load
from penstock.storage.manifest import Manifest
from penstock.storage.meta import events, runs, versions
from penstock.storage.types import RunState

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
        last = events.last_ticks(tx, [(project.ids.assets["t"], "every 1h")])
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
