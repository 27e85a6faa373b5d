"""What hashing and keeping add to writing a big frame, and whether memory grows with it.

    python benchmarks/big_frame.py [GIB] [--rounds N] [--folder FOLDER]

Pairs of (polars' own `sink_parquet` alone, `stage` + `keep` of the same lazy frame), each in a process of its own, in
turns, so that a slow minute of the machine hits both alike. Prints each figure beside its target. The frame is
incompressible: eight columns of random 64-bit integers.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import polars as pl
from _figures import show

from penstock.storage.files.formats.parquet import SETTINGS
from penstock.storage.files.layout import Place
from penstock.storage.files.objects import keep
from penstock.storage.files.staging import stage
from penstock.storage.types import ValueKind

ROWS_PER_GIB = (1 << 30) // (8 * 8)
BLOCK = 1 << 20
TARGET_RATIO = 1.20
TARGET_GROWTH = 0.10


def big_frame(gib: float) -> pl.LazyFrame:
    """`gib` GiB of incompressible parquet, of which 64 MiB are in memory."""
    columns = [pl.Series(f"c{i}", range(BLOCK)).hash(seed=i) for i in range(8)]
    block = pl.DataFrame(columns)
    whole, rest = divmod(int(gib * ROWS_PER_GIB), BLOCK)
    return pl.concat([block.lazy()] * whole + ([block[:rest].lazy()] if rest else []))


def measure(what: str, gib: float, folder: Path) -> None:
    """Do it once in this process; print seconds, bytes on disk and peak memory as JSON."""
    frame = big_frame(gib)
    started = time.perf_counter()
    if what == "sink":
        target = folder / "sink.parquet"
        frame.sink_parquet(target, **SETTINGS)
        size = target.stat().st_size
    else:
        place = Place(root=str(folder), path="big.parquet")
        staged = stage(frame, kind=ValueKind.LAZY_FRAME, place=place, run_id="bench", dataset="big")
        keep(staged)
        size = staged.manifest.size
    seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"seconds": seconds, "size": size, "peak": peak}))


def once(what: str, gib: float, parent: Path) -> dict[str, float]:
    """Measure in a new process and a new folder, which is gone afterwards."""
    folder = Path(tempfile.mkdtemp(dir=parent, prefix=".bench-"))
    try:
        command = [sys.executable, __file__, str(gib), "--child", what, "--folder", str(folder)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        return json.loads(done.stdout)
    finally:
        shutil.rmtree(folder)


def main() -> None:
    """Measure, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("gib", nargs="?", type=float, default=2.1)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--folder", type=Path, default=Path.cwd())
    parser.add_argument("--child", choices=["sink", "keep"], help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        measure(given.child, given.gib, given.folder)
        return
    once("sink", given.gib / 4, given.folder)  # the disk and the page cache awake
    rounds = [
        (once("sink", given.gib, given.folder), once("keep", given.gib, given.folder)) for _ in range(given.rounds)
    ]
    small = once("keep", given.gib / 4, given.folder)
    sink = statistics.median(alone["seconds"] for alone, _ in rounds)
    kept = statistics.median(ours["seconds"] for _, ours in rounds)
    ratio = statistics.median(ours["seconds"] / alone["seconds"] for alone, ours in rounds)
    peak = max(ours["peak"] for _, ours in rounds)
    growth = peak / small["peak"] - 1
    size = rounds[0][1]["size"] / (1 << 30)
    print(f"a frame of {size:.2f} GiB of incompressible parquet, medians of {given.rounds} rounds")
    show("sink_parquet alone", sink, "s", target=None)
    show("stage + keep", kept, "s", target=None)
    show("stage + keep / sink_parquet alone", ratio, "times", target=TARGET_RATIO)
    show("peak memory at a quarter of the size", small["peak"] / (1 << 20), "MiB", target=None)
    show("peak memory", peak / (1 << 20), "MiB", target=None)
    show("growth of peak memory from a quarter to the whole", growth * 100, "%", target=TARGET_GROWTH * 100)


if __name__ == "__main__":
    main()
