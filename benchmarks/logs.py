"""What a flood costs: a warm process prints 1 GiB in lines of 100 bytes, which are dropped, and kept in 10 MiB.

Beside the two times: the processor time and the memory of the process that reads, and the bytes that are kept.

    python benchmarks/logs.py [--mib 1024]
"""

from __future__ import annotations

import argparse
import os
import resource
import tempfile
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from multiprocessing.connection import wait
from pathlib import Path
from time import perf_counter

from _figures import show

from penstock.assets.execute.executor import Job, Returned, Wrote
from penstock.assets.execute.processes import Processes
from penstock.storage.logs.places import LogPlace
from penstock.storage.logs.sink import Sink
from penstock.storage.types import LogStream

LIMIT = 10 * 1024 * 1024
RUN = "01a21ff0-bad5-7000-909d-59475a768353"


LINE = b"x" * 99 + b"\n"


@contextmanager
def job() -> Generator[Job]:
    """Prints so many MiB."""
    yield _print


def _print(mib: str) -> None:
    lines = LINE * 655  # what a pipe takes at once
    for _ in range(int(mib) * 1024 * 1024 // len(lines)):
        os.write(1, lines)


def printed(mib: int, sink: Sink | None) -> Mapping[str, float]:
    """Seconds until everything was read, processor seconds and MiB of memory that the reader took."""
    executor = Processes(job, size=1)
    while not executor.is_ready():
        wait(executor.waitables(), 1)
        executor.reports()
    before = resource.getrusage(resource.RUSAGE_SELF)
    start = perf_counter()
    executor.start(str(mib))
    over = False
    while not over:
        wait(executor.waitables(), 1)
        for one in executor.reports():
            over = over or isinstance(one, Returned)
            if isinstance(one, Wrote) and sink is not None:
                sink.write(LogStream(one.stream), one.data)
    if sink is not None:
        sink.close()
    seconds = perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_SELF)
    executor.close()
    return {
        "seconds": seconds,
        "processor": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        "memory": (after.ru_maxrss - before.ru_maxrss) / 1024,
    }


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--mib", type=int, default=1024)
    mib = parser.parse_args().mib
    show(f"{mib} MiB read and dropped", printed(mib, None)["seconds"], "s", target=None)
    with tempfile.TemporaryDirectory() as folder:
        found = printed(mib, Sink(LogPlace(folder=Path(folder)), RUN, 1, limit=LIMIT))
        size = sum(one.stat().st_size for one in Path(folder).rglob("*") if one.is_file()) / 1024**2
    show(f"{mib} MiB into a log", found["seconds"], "s", target=None)
    show("processor time of the reader", found["processor"], "s", target=None)
    show("memory of the reader", found["memory"], "MiB", target=64)
    show("size of the log", size, "MiB", target=11)


if __name__ == "__main__":
    main()
