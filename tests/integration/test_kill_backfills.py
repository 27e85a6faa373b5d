"""A process that makes a backfill is killed with -9 in the middle: the next one makes the rest, and only the rest."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from time import sleep
from typing import Any

import pytest

from penstock import Daily, Definitions, Partition, asset, backfill, resume_backfill
from penstock.assets.run.progress import Outcome
from tests.integration.test_kill import STEP, Site, in_child, killed_at

pytestmark = pytest.mark.databases("sqlite", "postgresql")

KEYS = "2026-01-01..2026-07-19"
COUNT = 200
COARSER = {"sqlite": 1, "postgresql": 4}


@asset("up/{day}.json", partitions=Daily(start="2026-01-01", end="2026-07-20"))
def up(day: Partition) -> str:
    """A day; each making of it is noted in a file outside."""
    with Path(os.environ["NOTED"]).open("a", encoding="utf-8") as noted:
        noted.write(f"{day.key}\n")
    if day.key == os.environ.get("DEADLY"):
        os.kill(os.getpid(), signal.SIGKILL)
    return day.key


@asset("down/{day}.json", partitions=Daily(start="2026-01-01", end="2026-07-20"), on=up)
def down(up: str) -> str:
    """What reads it."""
    return up


class Backfilled(Site):
    """A project in which two assets are backfilled."""

    things = Definitions(up, down)

    def ask(self, **options: Any) -> Any:
        """Ask for a backfill here."""
        return backfill(self.things, **{"partitions": KEYS, **options}, **self.settings)

    def noted(self) -> list[str]:
        """Which days were made, in order, also by whoever died of it."""
        return Path(os.environ["NOTED"]).read_text(encoding="utf-8").split()


@pytest.fixture
def site(tmp_path: Path, databases: Any, monkeypatch: pytest.MonkeyPatch) -> Backfilled:
    """An empty project."""
    monkeypatch.setenv("NOTED", str(tmp_path / "noted"))
    (tmp_path / "noted").touch()
    return Backfilled(tmp_path / "site", databases)


@pytest.mark.parametrize("reprocess", ["missing", "all"])
@pytest.mark.parametrize("by", ["materialize", "resume"])
def test_killed_in_the_middle_the_rest_is_made(
    site: Backfilled, monkeypatch: pytest.MonkeyPatch, reprocess: str, by: str
) -> None:
    """Of 200 partitions the 120th kills its process while it is made. Every other one is made once; that one is tried
    again, by the next materialization, whatever that is for, or by whoever resumes the backfill."""
    monkeypatch.setenv("DEADLY", "2026-04-30")
    assert in_child(lambda: site.ask(select="up", reprocess=reprocess)) == -signal.SIGKILL
    assert len(site.noted()) == 120
    assert site.rows("SELECT state FROM backfills") == [("running",)]
    monkeypatch.delenv("DEADLY")
    if by == "materialize":
        site.make(site.things, select="down", partitions="2026-01-01", only=True)
    else:
        ((number,),) = site.rows("SELECT id FROM backfills")
        assert resume_backfill(number, site.things, **site.settings).state == "success"
    noted = site.noted()
    assert noted.count("2026-04-30") == 2
    assert len(noted) == COUNT + 1
    assert len({*noted}) == COUNT
    assert site.rows("SELECT state, looked FROM backfills") == [("success", COUNT)]
    assert site.rows("SELECT count(*) FROM events WHERE partition <> '' AND kind = 'changed'")[0][0] >= COUNT
    query = "SELECT count(*), count(DISTINCT partition) FROM runs WHERE backfill_id IS NOT NULL AND state = 'success'"
    assert site.rows(query) == [(COUNT, COUNT)]
    assert site.damages() == []
    assert not site.rows("SELECT id FROM runs WHERE ended_at IS NULL")


def test_what_another_process_took_over_is_not_made_by_hand(site: Backfilled, monkeypatch: pytest.MonkeyPatch) -> None:
    """A materialization has seen what a dead backfill left, and somebody resumes that before it comes to it: a run that
    is claimed elsewhere is left to whoever claimed it, and nobody has asked for its partition here."""
    monkeypatch.setenv("DEADLY", "2026-01-10")
    assert in_child(lambda: site.ask(select="up", partitions="2026-01-01..2026-01-20")) == -signal.SIGKILL
    monkeypatch.delenv("DEADLY")
    ((number,),) = site.rows("SELECT id FROM backfills")
    resumed: list[str] = []

    def resume(progress: Any) -> None:
        if isinstance(progress, Outcome) and not resumed:  # the run that was at work when its process died
            resumed.append(progress.partition)
            assert resume_backfill(number, site.things, **site.settings).state == "success"

    site.make(site.things, select="up", partitions="2026-01-02", only=True, listener=resume)
    assert resumed == ["2026-01-10"]
    days = sorted([*(f"2026-01-{day:02}" for day in range(1, 21)), "2026-01-02", "2026-01-10"])
    assert sorted(site.noted()) == days
    assert site.rows("SELECT partition FROM runs WHERE backfill_id IS NULL") == [("2026-01-02",)]
    assert not site.rows("SELECT id FROM runs WHERE ended_at IS NULL")
    assert site.damages() == []


def test_killed_at_any_step_every_partition_is_made_once(
    tmp_path: Path, databases: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between any two calls of functions with effects, recording the backfill and moving its cursor included."""
    monkeypatch.setenv("NOTED", os.devnull)
    deaths, number, step = 0, 1, STEP * 40 * COARSER[databases.kind]
    while True:
        site = Backfilled(tmp_path / str(number), databases)
        died = in_child(
            lambda: killed_at(number, lambda: site.ask(partitions="2026-01-01..2026-01-03", max_active_runs=1))  # noqa: B023
        )
        if died == 0:
            break
        assert died == -signal.SIGKILL
        deaths += 1
        if site.prepared() and site.rows("SELECT id FROM backfills"):
            site.make(site.things, select="down", partitions="2026-06-01", only=True)
            assert site.rows("SELECT state, looked, spared, held FROM backfills") == [("success", 6, 0, 0)]
            events = site.rows("SELECT dataset_id, partition, count(*) FROM events GROUP BY dataset_id, partition")
            assert [count for _, _, count in events] == [1] * 6
            links = site.rows("SELECT outcome, partition FROM consumptions WHERE current ORDER BY partition")
            assert links == [("run", f"2026-01-0{day}") for day in (1, 2, 3)]
            assert not site.rows("SELECT partition FROM partition_heads WHERE shown_version_id IS NULL")
            assert site.damages() == []
        number += step
    assert deaths > 8 // COARSER[databases.kind]


def together(made: Any, processes: int) -> None:
    """So many processes do the same at once."""
    children: list[int] = []
    for _ in range(processes):
        child = os.fork()
        if child == 0:
            try:
                made()
            finally:
                os._exit(0)
        children.append(child)
    for child in children:
        os.waitpid(child, 0)


@pytest.mark.parametrize("limit", [None, 3])
def test_several_processes_make_one_backfill(site: Backfilled, limit: int | None) -> None:
    """Each partition is made once, by whoever comes first, and never more at once than may be active."""
    asked = site.ask(partitions="2026-01-01..2026-02-09", max_active_runs=limit, later=True)
    together(lambda: resume_backfill(asked.id, site.things, **site.settings), 3)
    assert site.rows("SELECT state, looked, spared, held FROM backfills") == [("success", 80, 0, 0)]
    assert site.rows("SELECT state, count(*) FROM runs GROUP BY state") == [("success", 80)]
    assert len(site.noted()) == len({*site.noted()}) == 40
    runs = site.rows("SELECT started_at, ended_at FROM runs")
    most = max(sum(start <= other < end for start, end in runs) for other, _ in runs)
    assert most <= min(limit or 3, 3)


@asset("slow/{day}.json", partitions=Daily(start="2026-01-01", end="2026-07-20"))
def slow() -> int:
    """What takes its time."""
    sleep(0.3)
    return 1


@pytest.mark.parametrize("limit", [None, 2])
def test_several_processes_share_what_one_of_them_planned(site: Backfilled, limit: int | None) -> None:
    """A run that is planned and not begun is made by whoever is free, so that as many are made at once as may be."""
    site.things = Definitions(slow)
    asked = site.ask(partitions="2026-01-01..2026-01-12", max_active_runs=limit, later=True)
    together(lambda: resume_backfill(asked.id, site.things, **site.settings), 3)
    runs = site.rows("SELECT started_at, ended_at, worker FROM runs")
    assert len(runs) == 12
    most = max(sum(start <= other < end for start, end, _ in runs) for other, _, _ in runs)
    assert most == (limit or 3)
    assert len({worker for _, _, worker in runs}) >= most
    assert site.rows("SELECT state, looked, spared, held FROM backfills") == [("success", 12, 0, 0)]
