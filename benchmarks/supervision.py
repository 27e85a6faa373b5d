"""What `penstock up` costs and how fast it is, with the real processes: until it is ready, from a committed event to
the first line of a function, chains and crowds of runs, and what it takes when nothing happens.

    python benchmarks/supervision.py [--parts ready,latency,chain,crowd,idle] [--assets 10000] [--postgresql]
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Generator, Mapping
from contextlib import ExitStack, chdir, contextmanager
from functools import cached_property
from pathlib import Path
from time import monotonic, perf_counter, sleep, time_ns
from typing import Any

import psutil
from _figures import show
from _machine import show_memory
from _postgresql import Server
from sqlalchemy import func, select

from penstock import record_event
from penstock.assets.run.project.project import open_store
from penstock.storage.meta import runs
from penstock.storage.meta.database.engine import Store
from penstock.storage.settings import read_settings

COMMAND = Path(sys.executable).parent / "penstock"
TOLD = 200
"""Events of which the time is taken."""
PIPELINE = """
import time
from penstock import Dataset, asset

def made(name, on):
    def produce() -> int:
        return time.time_ns()
    return asset(f"{name}.json", name=name, on=on)(produce)

"""
CHAIN = """
def step(number, before):
    def produce() -> int:
        time.sleep(0.01)
        return time.time_ns()
    return asset(f"c{number}.json", name=f"c{number}", on=before)(produce)

chain = [step(0, Dataset("start.json"))]
for number in range(1, 40):
    chain.append(step(number, chain[-1]))
"""


_ENDED = select(func.count()).select_from(runs.runs).where(runs.runs.c.ended_at.is_not(None))


class Kept:
    """A project in a folder that `penstock up` keeps at work."""

    def __init__(
        self, folder: Path, database: str, body: str, *options: str, environment: Mapping[str, str] | None = None
    ) -> None:
        self.folder, self._opened = folder, ExitStack()
        text = 'project = "kept"\ndefinitions = ["pipeline.py"]\n' + (f'database = "{database}"\n' if database else "")
        (folder / "penstock.toml").write_text(f"{text}[app]\nport = 0\n")  # several may be at work on a machine
        (folder / "pipeline.py").write_text(body)
        self.output = folder / "up.log"
        begun = monotonic()
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [COMMAND, "up", *options],
                cwd=folder,
                stdout=output,
                stderr=output,
                env={**os.environ, **(environment or {})},
            )
        self.until(lambda: "  ready in " in self.output.read_text() or self.process.poll() is not None)
        assert self.process.poll() is None, self.output.read_text()
        self.ready_in = monotonic() - begun

    def until(self, holds: Callable[[], Any], *, seconds: float = 300, pause: float = 0.005) -> Any:
        """What it gives once that is true."""
        end = monotonic() + seconds
        while not (found := holds()):
            assert monotonic() < end, self.output.read_text()[-4000:]
            sleep(pause)
        return found

    def ended(self) -> int:
        """How many runs have ended."""
        with self._store.read() as tx:
            return tx.execute(_ENDED).scalar_one()

    @cached_property
    def _store(self) -> Store:
        """Held open: to open it at each look would take a good part of what is measured."""
        return self._opened.enter_context(open_store(read_settings(self.folder)))

    def down(self) -> None:
        """End it in order."""
        self._opened.close()
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)

    def delivered(self) -> int:
        """How many lineage events have arrived."""
        file = self.folder / ".penstock" / "lineage.ndjson"
        return file.read_bytes().count(b"\n") if file.exists() else 0

    def made(self, name: str) -> int:
        """What an asset gave last; 0 before the first."""
        file = self.folder / "data" / f"{name}.json"
        try:
            return int(json.loads(file.read_text()))
        except (FileNotFoundError, ValueError):
            return 0

    def tree(self) -> list[psutil.Process]:
        """Every process of it."""
        own = psutil.Process(self.process.pid)
        return [own, *own.children(recursive=True)]


@contextmanager
def kept(database: str, body: str, *options: str) -> Generator[Kept]:
    """It is at work inside the block. Its folder stays until everything is measured: for minutes after thousands of
    files were deleted, ext4 takes 1 ms for each new one instead of 0.05."""
    one = Kept(Path(tempfile.mkdtemp(dir=".")).absolute(), database, body, *options)
    try:
        yield one
    finally:
        one.down()


def crowd_of(count: int) -> str:
    """So many assets, each on a dataset of its own."""
    return f'{PIPELINE}crowd = [made(f"m{{n}}", Dataset(f"s{{n}}.json")) for n in range({count})]\n'


def ready(database: str, count: int) -> None:
    """From the command to `ready`."""
    with kept(database, crowd_of(10)) as small:
        show("penstock up, 10 assets: ready", small.ready_in, "s", target=2.5)
    with kept(database, crowd_of(count)) as large:
        show(f"penstock up, {count:,} assets: ready, the first time", large.ready_in, "s", target=None)


def latency(database: str, count: int) -> None:
    """From the commit of an event to the first line of its consumer, one at a time."""
    draw, found = random.Random(7), []
    with kept(database, crowd_of(count)) as one:
        for number in range(TOLD + 20):
            name = draw.randrange(count)
            before = one.made(f"m{name}")
            record_event(f"s{name}.json", project_folder=one.folder)
            committed = time_ns()
            begun = one.until(lambda name=name, before=before: (now := one.made(f"m{name}")) != before and now)
            if number >= 20:  # the first warm what is warm from then on
                found.append((begun - committed) / 1e6)
            sleep(draw.random() * 0.1)
    factor = 2 if database else 1
    across = statistics.quantiles(found, n=100)
    show(f"event to first line, {count:,} assets: median", statistics.median(found), "ms", target=20 * factor)
    show(f"event to first line, {count:,} assets: 99th percentile", across[98], "ms", target=80 * factor)


def chain(database: str, _: int) -> None:
    """Forty assets of 10 ms, one after the other."""
    with kept(database, PIPELINE + CHAIN) as one:
        for round_ in range(3):
            start = perf_counter()
            before = one.made("c39")
            record_event("start.json", project_folder=one.folder)
            one.until(lambda before=before: one.made("c39") != before)
            show(f"40 sequential assets of 10 ms, round {round_ + 1}", perf_counter() - start, "s", target=1.5)


def crowd(database: str, _: int) -> None:
    """A thousand independent runs on two workers: all ended, all lineage delivered."""
    body = f'{PIPELINE}crowd = [made(f"m{{n}}", Dataset("start.json")) for n in range(1000)]\n'
    with kept(database, body, "--workers", "2", "--slots", "1") as one:
        start = perf_counter()
        record_event("start.json", project_folder=one.folder)
        one.until(lambda: one.ended() >= 1000, pause=0.1)
        took = perf_counter() - start
        one.until(lambda: one.delivered() >= 2000, pause=0.1)
        with_lineage = perf_counter() - start
    show("1,000 runs on two workers, the target is 120 a second", took, "s", target=1000 / 120)
    show("the same until the last lineage event has arrived", with_lineage, "s", target=1000 / 120)


def idle(database: str, count: int) -> None:
    """What it takes when nothing happens, with two warm workers."""
    show_memory(2.5)
    for many in (10, count):
        with kept(database, crowd_of(many), "--workers", "1", "--slots", "2") as one:
            record_event("s0.json", project_folder=one.folder)
            one.until(lambda one=one: one.made("m0"))
            sleep(10)
            before, start = sum(_processor(each) for each in one.tree()), monotonic()
            sleep(30)
            share = (sum(_processor(each) for each in one.tree()) - before) / (monotonic() - start)
            memory = sum(each.memory_full_info().pss for each in one.tree()) / 1024**2
        show(f"idle with {many:,} assets: of a core", share * 100, "%", target=1)
        show(f"idle with {many:,} assets: proportional memory of the tree", memory, "MiB", target=350)


def _processor(one: psutil.Process) -> float:
    times = one.cpu_times()
    return times.user + times.system


PARTS: dict[str, Callable[[str, int], None]] = {
    "ready": ready,
    "latency": latency,
    "chain": chain,
    "crowd": crowd,
    "idle": idle,
}


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--parts", default=",".join(PARTS))
    parser.add_argument("--assets", type=int, default=10_000)
    parser.add_argument("--postgresql", action="store_true")
    wanted = parser.parse_args()
    with ExitStack() as stack:
        stack.enter_context(chdir(stack.enter_context(tempfile.TemporaryDirectory(dir="."))))
        server = Server(stack.enter_context(tempfile.TemporaryDirectory())) if wanted.postgresql else None
        for number, part in enumerate(wanted.parts.split(",")):
            PARTS[part]("" if server is None else server.database(f"kept{number}"), wanted.assets)


if __name__ == "__main__":
    main()
