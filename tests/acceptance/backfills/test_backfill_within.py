"""A backfill with `propagate="within"` beside planners at work: what its events start lies within its range, once each,
and is made by itself."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import Any

import pytest

from penstock import Daily, Definitions, Partition, Weekly, asset
from penstock.assets.run.api import prepared
from penstock.assets.run.attempt.worker import attempt
from penstock.assets.run.explaining.of_partition import why_partition
from penstock.assets.run.recovery import unclaimed

pytestmark = pytest.mark.databases("sqlite", "postgresql")

DAYS = Daily(start="2026-01-01", end="2026-01-29")
RANGE = "2026-01-02..2026-01-15"
RUNS = """
    SELECT a.name, r.partition, count(*), count(r.backfill_id) FROM runs r JOIN assets a ON a.id = r.asset_id
    WHERE a.name <> 'raw' GROUP BY a.name, r.partition ORDER BY a.name, r.partition
"""
WITHIN = [
    *(("clean", f"2026-01-{day:02}", 1, 1) for day in range(2, 16)),
    *(("shifted", f"2026-01-{day:02}", 1, 1) for day in range(3, 16)),
    ("week", "2026-W02", 1, 1),
]  # fmt: skip
"""Asset, key, how many runs, and how many of these are of the backfill: the first week and the third do not lie within,
neither does the day after the last."""


def graph(meanwhile: Callable[[str], None] = lambda _: None) -> tuple[Any, ...]:
    """Days, days of these, the day after each, weeks, and what has no partitions."""

    @asset("raw/{day}.json", partitions=DAYS)
    def raw(day: Partition) -> str:
        meanwhile(day.key)
        return day.key

    @asset("clean/{day}.json", partitions=DAYS, on=raw)
    def clean(raw: str) -> str:
        meanwhile(raw)
        return raw

    @asset("shifted/{day}.json", partitions=DAYS, on=clean.offset(-1))
    def shifted(clean: str) -> str:
        return clean

    @asset("week/{week}.json", partitions=Weekly(start="2025-12-29"), on=clean.rollup(at_least=2))
    def week(clean: dict[str, str]) -> int:
        return len(clean)

    @asset("total.json", on=clean.all())
    def total(clean: dict[str, str]) -> int:
        return len(clean)

    return raw, clean, shifted, week, total


@contextmanager
def at_work(world: Any, lab: Any, *things: Any) -> Iterator[None]:
    """A planner and a worker that look at everything all the time."""
    over = Event()

    def work() -> None:
        with world(lab, *things, looked_at=False) as here:
            while not over.is_set():
                here.tick()
                here.work()

    beside = Thread(target=work)
    beside.start()
    try:
        yield
    finally:
        over.set()
        beside.join()


def test_passes_between_its_steps_start_nothing(lab: Any, asking: Any, world: Any) -> None:
    """A planner looks while each of its runs is made, when much of what is asked for is not there yet."""
    planned: list[Any] = []
    with world(lab, *graph()) as here:
        asking(*graph(lambda _: planned.extend(here.runs())), select="raw", partitions=RANGE, propagate="within")
        assert (planned, here.runs()) == ([], [])
    assert lab.rows(RUNS) == WITHIN


def test_planners_and_workers_beside_it_start_nothing(lab: Any, asking: Any, world: Any) -> None:
    """Another process plans and makes whatever is due: that it shares the backfill changes nothing."""
    with world(lab, *graph()) as here:
        with at_work(world, lab, *graph()):
            result = asking(*graph(), select="raw", partitions=RANGE, propagate="within")
        assert (result.state, result.backfill.spared) == ("success", 0)
        assert here.runs() == []
    assert lab.rows(RUNS) == WITHIN


def test_planners_that_go_on_with_it_make_the_same(lab: Any, asking: Any, world: Any) -> None:
    """Two passes at a time, and whatever is planned is made: as it is without anybody who waits for it."""
    with world(lab, *graph()) as here, world(lab, *graph()) as there:
        asking(*graph(), select="raw", partitions=RANGE, propagate="within", max_active_runs=3, later=True)
        while lab.rows("SELECT count(*) FROM backfills WHERE ended_at IS NULL") == [(1,)]:
            here.tick()
            there.tick()
            here.work()
        assert here.runs() == []
    assert lab.rows(RUNS) == WITHIN


def test_what_is_canceled_starts_nothing_more(lab: Any, asking: Any, world: Any) -> None:
    """The news of what was made stays suppressed, and whoever asks why is told by whom; before, that it makes this
    itself."""

    def notes() -> str:
        of_clean = why_partition(*prepared(Definitions(*graph()), lab.folder, lab.places), "clean", "2026-01-03")
        return " ".join(of_clean.notes)

    with world(lab, *graph()) as here:
        asked = asking(*graph(), select="raw", partitions=RANGE, propagate="within", later=True)
        here.tick()
        here.work()
        name = f"Backfill {asked.id[-8:]} kept its news of raw 2026-01-03 from"
        assert f"{name} planners: it makes this partition itself" in notes()
        asking.cancel(asked.id)
        assert here.runs() == []
    assert lab.rows(RUNS) == []
    assert f"{name} it: that starts nothing here" in notes()


def test_what_lacks_something_else_has_its_news_back(lab: Any, asking: Any, world: Any) -> None:
    """A partition within that the backfill leaves, because nobody has made what else it reads: it starts once that is
    there, by the news that came before."""

    @asset("raw/{day}.json", partitions=DAYS)
    def raw(day: Partition) -> str:
        return day.key

    @asset("codes.json")
    def codes() -> int:
        return 1

    @asset("clean/{day}.json", partitions=DAYS, on=raw)
    def clean(raw: str, codes: int) -> str:
        return raw * codes

    things = (raw, codes, clean)
    result = asking(*things, select="raw", partitions="2026-01-02..2026-01-03", propagate="within")
    assert (result.state, result.backfill.spared) == ("success", 2)
    with world(lab, *things, looked_at=False) as here:
        assert here.runs() == []
        lab.make(*things, select="codes", only=True)
        assert here.runs() == [("clean", "input_changed")] * 2


def test_what_is_at_work_meanwhile_has_its_news_back(
    lab: Any, asking: Any, world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run of a partition within that read what was there before the backfill: it is left alone, and what the backfill
    made makes the next one, when that has ended."""
    monkeypatch.setenv("RAW", "old")

    @asset("raw/{day}.json", partitions=DAYS)
    def raw(day: Partition) -> str:
        return os.environ["RAW"]

    @asset("clean/{day}.json", partitions=DAYS, on=raw)
    def clean(raw: str) -> str:
        return raw

    things = (raw, clean)
    with world(lab, *things) as here:
        lab.make(*things, select="raw", partitions="2026-01-02", only=True)
        assert here.runs() == [("clean", "input_changed")]
        monkeypatch.setenv("RAW", "new")
        asking(*things, select="raw", partitions="2026-01-02", reprocess="all", propagate="within", later=True)
        here.tick()
        for work in unclaimed(here.project, ["raw"]):
            attempt(here.project, work)
        assert here.runs() == []
        assert lab.rows("SELECT state, spared FROM backfills") == [("success", 1)]
        here.work()
        assert here.runs() == [("clean", "input_changed")]
        here.work()
    assert lab.read("clean/2026-01-02.json").strip() == '"new"'


def test_what_a_failure_holds_back_stays_so(lab: Any, asking: Any, world: Any) -> None:
    """Planners do not make the week without the day that failed; once that is made by hand they do, once."""
    broken = [True]

    @asset("clean/{day}.json", partitions=DAYS)
    def clean(day: Partition) -> str:
        if broken and day.key == "2026-01-07":
            raise OSError("no disk")
        return day.key

    @asset("week/{week}.json", partitions=Weekly(start="2025-12-29"), on=clean.rollup(at_least=2))
    def week(clean: dict[str, str]) -> int:
        return len(clean)

    things = (clean, week)
    result = asking(*things, select="clean", partitions=RANGE, propagate="within")
    assert result.state == "failed"
    broken.clear()
    with world(lab, *things, looked_at=False) as here:
        assert here.runs() == []
        lab.make(*things, select="clean", partitions="2026-01-07", only=True)
        assert here.runs() == [("week", "input_changed")]
    assert Counter(key for _, key, *_ in lab.rows(RUNS) if key.startswith("2026-W")) == {"2026-W02": 1}
