"""Processes that plan and make what news of partitions started: killed with -9 between any two steps, and several at
once. Nothing is lost, and nothing is made twice."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from penstock import Daily, Definitions, Partition, asset
from penstock.assets.run.api import prepared
from penstock.assets.run.project.project import open_registered
from penstock.assets.run.tick import tick
from tests.integration.test_kill import STEP, Site, in_child, killed_at
from tests.integration.test_planners import forked

pytestmark = pytest.mark.databases("sqlite", "postgresql")

SPAN = Daily(start="2026-01-01", end="2026-01-04")
COARSER = {"sqlite": 1, "postgresql": 4}


@asset("up/{day}.json", partitions=SPAN)
def up(day: Partition) -> str:
    """A day."""
    return day.key


@asset("down/{day}.json", partitions=SPAN, on=up)
def down(up: str) -> str:
    """What news of it starts."""
    return up


def test_killed_at_any_step_each_partition_is_started_once(tmp_path: Path, databases: Any) -> None:
    """Hearing of the news, taking a portion of the agenda, recording, making and publishing."""
    things = Definitions(up, down)
    deaths, number = 0, 1
    while True:
        site = Site(tmp_path / str(number), databases)
        site.make(things, select="up", partitions="2026-01-01..2026-01-03", only=True)
        died = in_child(lambda: killed_at(number, lambda: site.make(things, select="down")))  # noqa: B023
        if died == 0:
            break
        assert died == -signal.SIGKILL
        deaths += 1
        assert site.damages() == []
        site.make(things, select="down")
        made = site.rows(
            "SELECT e.partition, count(*) FROM events e JOIN datasets d ON d.id = e.dataset_id "
            "WHERE d.name = 'down' GROUP BY e.partition ORDER BY e.partition"
        )
        assert made == [(f"2026-01-0{day}", 1) for day in (1, 2, 3)], number
        links = site.rows("SELECT partition, outcome FROM consumptions WHERE current ORDER BY partition")
        assert links == [(f"2026-01-0{day}", "run") for day in (1, 2, 3)], number
        assert site.rows("SELECT count(*) FROM partition_agenda") == [(0,)]
        assert not site.rows("SELECT id FROM runs WHERE ended_at IS NULL")
        assert site.damages() == []
        number += STEP * 25 * COARSER[databases.kind]
    assert deaths > 8 // COARSER[databases.kind]


@asset("many/{day}.json", partitions=Daily(start="2023-01-01", end="2026-01-01"))
def many(day: Partition) -> str:
    """A day of three years."""
    return day.key


@asset("planned/{day}.json", partitions=Daily(start="2023-01-01", end="2026-01-01"), on=many)
def planned(many: str) -> str:
    """What news of it starts."""
    return many


def test_several_planners_plan_each_partition_once(tmp_path: Path, databases: Any) -> None:
    """Four processes look at the same 250 partitions at once, portion by portion."""
    things, site = Definitions(many, planned), Site(tmp_path / "site", databases)
    site.make(things, select="many", partitions="2023-01-01..2023-09-07", only=True)
    children = [forked(lambda: _plan(site, things)) for _ in range(4)]
    assert [os.waitpid(child, 0)[1] for child in children] == [0] * 4
    _plan(site, things)
    runs = "SELECT r.partition FROM runs r JOIN assets a ON a.id = r.asset_id WHERE a.name = 'planned'"
    keys = [key for (key,) in site.rows(runs)]
    assert (len(keys), len({*keys})) == (250, 250)
    links = "SELECT count(*), count(DISTINCT partition), count(DISTINCT event_id) FROM consumptions WHERE current"
    assert site.rows(links) == [(250, 250, 250)]
    assert site.damages() == []
    assert site.rows("SELECT count(*) FROM partition_agenda") == [(0,)]


def _plan(site: Site, things: Definitions) -> None:
    """Passes until nothing is due."""
    known, definitions = prepared(things, site.folder, site.settings)
    with open_registered(known, definitions) as project:
        while True:
            done = tick(project)
            if done.next_at is None or done.next_at > done.at:
                return
