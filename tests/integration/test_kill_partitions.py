"""A process that makes what news of partitions started is killed with -9 between any two steps: nothing is lost, and
nothing is made twice."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import pytest

from penstock import Daily, Definitions, Partition, asset
from tests.integration.test_kill import STEP, Site, in_child, killed_at

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
        number += STEP * 25 * COARSER[databases.kind]
    assert deaths > 8 // COARSER[databases.kind]
