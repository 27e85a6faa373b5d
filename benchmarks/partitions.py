"""Partitions: what news costs that concerns one of a million, or a hundred thousand at once; what a status costs where
every second partition is missing, and what the database has to hold then of ten million.

    python benchmarks/partitions.py [--parts news,fragments,millions]

`millions` fills a database with five million ranges, which takes minutes: it is measured where it is asked for.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

from _figures import best_of, show
from sqlalchemy import insert, update

from penstock import Cron, Dataset, Definitions, Every, Windows, asset
from penstock.assets.run.api import prepared
from penstock.assets.run.project.project import Project, open_registered
from penstock.assets.run.telling.outside import record_in
from penstock.assets.run.tick import tick
from penstock.storage.meta.catalogue import datasets
from penstock.storage.meta.partitions.ranges import mark_made, partition_ranges
from penstock.ui.read.partitions import PartitionState, partitions

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


SECONDS = Windows(Every("1s"), start="2025-01-01", end="2025-04-27", name="second")
MILLION = Windows(Every("5m"), start="2016-01-01", end="2025-07-05", name="window")
CRONS = Windows(Cron("*/5 * * * *"), start="2016-01-01", end="2017-01-01", name="window")
CHUNK = 100_000


@asset("fragments/{window}.json", partitions=MILLION)
def fragments() -> int:
    """A million keys."""
    return 1


@asset("crons/{window}.json", partitions=CRONS)
def crons() -> int:
    """A hundred thousand keys, of a cron."""
    return 1


@asset("millions/{second}.json", partitions=SECONDS)
def millions() -> int:
    """Ten million keys."""
    return 1


def every_second(project: Project, uri: str, windows: Windows) -> int:
    """Every second partition of a dataset is there, each as a range of its own; how many keys it has."""
    keys = windows.select()
    _, first, end = windows.place(keys.at(0))
    length, number = end - first, project.ids.datasets[uri]
    with project.store.write() as tx:
        for chunk in range(0, keys.count, CHUNK):
            starts = (first + place * length for place in range(chunk, min(chunk + CHUNK, keys.count), 2))
            rows = [{"dataset_id": number, "line": "", "start": at, "end": at + length, "keys": 1} for at in starts]
            tx.execute(insert(partition_ranges), rows)
        there = update(datasets).where(datasets.c.id == number)
        tx.execute(there.values(partitions_made=(keys.count + 1) // 2))
    return keys.count


def news(folder: str) -> None:
    """What news costs."""
    with opened(folder, down, fanned, other) as project:
        tick(project)
        count = made(project)
        show(f"an event of one partition, of {count:,}", one_event(project), "ms", target=15)
        begun, rate, longest = many(project)
        show("an event that concerns 100,000: to its first runs", begun, "ms", target=100)
        show("… the longest pass, for which others wait", longest, "ms", target=100)
        show(f"… seconds for 10,000 runs, by the first {RECORDED:,}", 10_000 / rate, "s", target=1)
        seconds = best_of(3, lambda: partitions(project.store, "down", limit=1))
        show(f"counts of {count:,} partitions", 1000 * seconds, "ms", target=50)


def of_fragments(folder: str) -> None:
    """What a status costs."""
    with opened(folder, fragments, crons) as project:
        count = every_second(project, "fragments/{window}.json", MILLION)
        whole = best_of(3, lambda: partitions(project.store, "fragments", limit=1))
        show(f"counts of {count:,} partitions, every second missing", 1000 * whole, "ms", target=50)
        keys = MILLION.select()
        for name, place in (("first", 0), ("thousandth", 19_980), ("last", keys.count - 20)):
            key = keys.at(place)
            page = best_of(3, lambda at=key: partitions(project.store, "fragments", first=at))
            show(f"… and the {name} page of stretches, by its first key", 1000 * page, "ms", target=100)
        long = best_of(3, lambda: partitions(project.store, "fragments", limit=1_000))
        show("… and a page of a thousand stretches", 1000 * long, "ms", target=100)
        every_second(project, "crons/{window}.json", CRONS)
        long = best_of(3, lambda: partitions(project.store, "crons", limit=1_000))
        show("… and one of windows of a cron", 1000 * long, "ms", target=100)
        lacks = PartitionState.MISSING
        page = best_of(3, lambda: partitions(project.store, "fragments", state=lacks))
        show("… and the first page of those that are missing", 1000 * page, "ms", target=100)


def of_millions(folder: str) -> None:
    """What the database holds."""
    with opened(folder, millions) as project:
        count = every_second(project, "millions/{second}.json", SECONDS)
    size = sum(file.stat().st_size for file in Path(folder, "home").rglob("*.db"))
    show(f"database of {count:,} partitions, every second missing", size / 1e6, "MB", target=100)


def opened(folder: str, *assets: Any) -> AbstractContextManager[Project]:
    """A new project of these assets."""
    places = {"home": f"{folder}/home", "data_root": f"{folder}/data", "project": "bench"}
    known, definitions = prepared(Definitions(*assets), folder, places)
    return open_registered(known, definitions)


PARTS: dict[str, Callable[[str], None]] = {"news": news, "fragments": of_fragments, "millions": of_millions}
USUAL = "news,fragments"


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--parts", default=USUAL)
    for part in parser.parse_args().parts.split(","):
        with tempfile.TemporaryDirectory() as folder:
            PARTS[part](folder)


main()
