"""A process that makes partitions is killed with -9 between any two steps: every key is made once, and none is lost."""

from __future__ import annotations

import os
import signal
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from penstock import Daily, Definitions, Hourly, Partition, asset
from penstock.assets.run.api import prepared
from penstock.assets.run.attempt.sweeping import sweep_roots
from penstock.assets.run.project.project import open_project
from tests.integration.test_kill import STEP, Site, calls_of, in_child, killed_at

pytestmark = pytest.mark.databases("sqlite", "postgresql")

COARSER = {"sqlite": 1, "postgresql": 8}
DAY = "2026-01-05"


@asset("config.json")
def config() -> int:
    """What every hour is made from."""
    return 1


@asset("hourly/{hour}.json", partitions=Hourly(start=f"{DAY}T00:00", end=f"{DAY}T03:00"))
def hourly(config: int, hour: Partition) -> list[Any]:
    """Three hours."""
    return [hour.key, config]


@asset("daily/{day}.json", partitions=Daily(start="2026-01-01", end="2026-01-06"))
def daily(hourly: dict[str, list[Any]]) -> list[str]:
    """The day of these hours."""
    return list(hourly)


DEFINITIONS = Definitions(config, hourly, daily)
HOURS = [f"{DAY}T{hour:02}" for hour in range(3)]


class Divided(Site):
    """A project with partitions; making it makes one day and its hours."""

    def make(self, things: Any = None, **options: Any) -> Any:
        """Materialize here."""
        return super().make(DEFINITIONS if things is None else things, partitions=DAY, **options)


def check_healed(site: Divided) -> None:
    """A later materialization ends what was begun: each key has one event, one version, one range, and its URI."""
    result = site.make()
    assert result.ok, result
    made = Counter(
        site.rows("SELECT a.name, r.partition FROM runs r JOIN assets a ON a.id = r.asset_id WHERE r.state = 'success'")
    )
    assert {one for one in made if one[1]} == {*(("hourly", key) for key in HOURS), ("daily", DAY)}
    assert {count for (name, _), count in made.items() if name != "config"} == {1}
    assert not site.rows("SELECT id FROM runs WHERE ended_at IS NULL")
    events = site.rows("SELECT d.name, e.partition FROM events e JOIN datasets d ON d.id = e.dataset_id")
    assert Counter(one for one in events if one[1]) == Counter([*(("hourly", key) for key in HOURS), ("daily", DAY)])
    ranges = site.rows(
        'SELECT d.name, p."end" - p.start, p.keys FROM partition_ranges p JOIN datasets d ON d.id = p.dataset_id'
    )
    assert sorted(ranges) == [("daily", 86400, 1), ("hourly", 10800, 3)]
    assert not site.rows("SELECT partition FROM partition_heads WHERE shown_version_id IS NULL")
    for key in HOURS:
        assert key in (site.folder / "data" / "hourly" / f"{key}.json").read_text()
    assert HOURS[-1] in (site.folder / "data" / "daily" / f"{DAY}.json").read_text()
    known, definitions = prepared(DEFINITIONS, site.folder, site.settings)
    with open_project(known, definitions) as project:
        sweep_roots(project.store, known, older_than=timedelta(0))
    objects = [path for path in (site.folder / "data" / ".penstock" / "objects").rglob("*") if path.is_file()]
    assert len(objects) == 5, "one object a version, and no orphan is left"


def test_killed_at_any_step_every_key_is_made_once(tmp_path: Path, databases: Any) -> None:
    """Killed at every so many calls of a function with effects, the next materialization makes the rest alone."""
    whole = Divided(tmp_path / "whole", databases)
    total = calls_of(whole)
    check_healed(whole)
    deaths, step = 0, STEP * max(1, total // 300) * COARSER[databases.kind]
    for number in range(1, total, step):
        site = Divided(tmp_path / str(number), databases)
        deaths += in_child(lambda: killed_at(number, site.make)) == -signal.SIGKILL  # noqa: B023
        check_healed(site)
    assert deaths > 10 // COARSER[databases.kind]


def test_a_key_that_keeps_killing_its_process_fails_alone(tmp_path: Path, databases: Any) -> None:
    """After three lost workers its run is not tried again, and the other keys are made."""

    @asset("poison/{day}.txt", partitions=Daily(start="2026-01-01", end="2026-01-06"))
    def poison(day: Partition) -> str:
        if day.key == "2026-01-02":
            os.kill(os.getpid(), signal.SIGKILL)
        return day.key

    site = Site(tmp_path / "poison", databases)
    for _ in range(3):
        assert in_child(lambda: site.make([poison], partitions="2026-01-01..2026-01-03")) == -signal.SIGKILL
    in_child(lambda: site.make([poison], partitions="2026-01-03"))
    states = site.rows("SELECT partition, state, attempts FROM runs ORDER BY created_at, id")
    assert ("2026-01-02", "failed", 3) in states
    assert ("2026-01-03", "success", 1) in states
