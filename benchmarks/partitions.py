"""Partitions: what news costs that concerns one of a million, or a hundred thousand at once, and what a status costs.

python benchmarks/partitions.py
"""

from __future__ import annotations

import tempfile
from statistics import median
from time import perf_counter

from _figures import best_of, show

from penstock import Dataset, Definitions, Every, Windows, asset
from penstock.assets.run.api import prepared
from penstock.assets.run.project.project import Project, open_project
from penstock.assets.run.telling.outside import record_in
from penstock.assets.run.tick import tick
from penstock.storage.meta.partitions.ranges import mark_made
from penstock.ui.read.partitions import partitions

WINDOWS = Windows(Every("5m"), start="2016-01-01", end="2026-01-01", name="window")
RECORDED = 3_000
FEW = Windows(Every("5m"), start="2025-01-01", end="2025-12-14", name="window")
up = Dataset("s3://up/{window}.csv", partitions=WINDOWS, name="up")
config = Dataset("s3://config/config.csv", name="config")


@asset("down/{window}.json", partitions=WINDOWS, on=up)
def down() -> int:
    """What is made of one window."""
    return 1


@asset("fanned/{window}.json", partitions=FEW, on=config.fanout("all"))
def fanned() -> int:
    """Whatever a config concerns."""
    return 1


@asset("other.json", on=config)
def other() -> int:
    """Another consumer of the same news."""
    return 1


def made(project: Project) -> int:
    """Everything that is declared of `down` is there, as one that has run for ten years; how many they are."""
    with project.store.write() as tx:
        keys = WINDOWS.select()
        first, last = WINDOWS.place(keys.at(0)), WINDOWS.place(keys.at(keys.count - 1))
        mark_made(tx, dataset_id=project.ids.datasets["down/{window}.json"], line="", start=first.start, end=last.end)
    return keys.count


def one_event(project: Project) -> float:
    """Milliseconds from the commit of an event of one partition to the commit of its run."""
    keys, took = WINDOWS.select(), list[float]()
    for number in range(50):
        record_in(project.store, "up", partition=keys.at(20_000 * number))
        start = perf_counter()
        assert len(tick(project).record.runs) == 1
        took.append(perf_counter() - start)
    return 1000 * median(took)


def many(project: Project) -> tuple[float, float, float]:
    """Milliseconds to the first runs of an event that concerns 100,000 partitions; how many runs are recorded in a
    second; and the milliseconds of the longest pass, for which another consumer waits at most."""
    record_in(project.store, "config")
    start = perf_counter()
    first = tick(project).record.runs
    took = [perf_counter() - start]
    assert {run.planned.asset for run in first} == {"fanned", "other"}
    count = len(first)
    while count < RECORDED:
        begun = perf_counter()
        count += len(tick(project).record.runs)
        took.append(perf_counter() - begun)
    return 1000 * took[0], count / sum(took), 1000 * max(took)


def main() -> None:
    """Print the figures."""
    with tempfile.TemporaryDirectory() as folder:
        places = {"home": f"{folder}/home", "data_root": f"{folder}/data", "project": "bench"}
        known, definitions = prepared(Definitions(down, fanned, other), folder, places)
        with open_project(known, definitions) as project:
            tick(project)
            count = made(project)
            show(f"an event of one partition, of {count:,}", one_event(project), "ms", target=15)
            begun, rate, longest = many(project)
            show("an event that concerns 100,000: to its first runs", begun, "ms", target=100)
            show("… the longest pass, for which others wait", longest, "ms", target=100)
            show(f"… seconds for 10,000 runs, by the first {RECORDED:,}", 10_000 / rate, "s", target=1)
            seconds = best_of(3, lambda: partitions(project.store, "down", limit=1))
            show(f"counts of {count:,} partitions", 1000 * seconds, "ms", target=50)


main()
