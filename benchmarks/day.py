"""A day in an hour: `penstock up` under a clock that runs 24 times as fast (libfaketime), with assets on timetables,
what follows from them, failures that are tried again, and partitions. After each slice: how many runs there were, what
the parts hold in memory, and how large database and logs are. What counts is what each further run costs.

    apt-get install faketime
    python benchmarks/day.py [--minutes 60] [--speed 24]
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from time import sleep

from _figures import show
from supervision import COMMAND, Kept

SLICES = 6
PIPELINE = """
import time
from penstock import Context, Cron, Every, Hourly, RetryPolicy, asset

AGAIN = RetryPolicy(3, delay="10s")

def ticking(number):
    def produce() -> dict[str, float]:
        print("made at", time.time())
        return {"at": time.time()}
    return asset(f"t{number}.json", name=f"t{number}", on=Every("5m"))(produce)

def following(number):
    def produce(ctx: Context) -> dict[str, float]:
        if ctx.attempt == 1 and time.time() % 10 < 1:
            raise OSError("busy")
        return {"at": time.time()}
    return asset(f"f{number}.json", name=f"f{number}", on=ticks[number], retries=AGAIN)(produce)

ticks = [ticking(number) for number in range(8)]
behind = [following(number) for number in range(8)]

@asset("hours/{hour}.json", partitions=Hourly(start="2026-01-01"), on=Cron("0 * * * *"))
def hours() -> float:
    return time.time()
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """How it stands: runs that have ended, bytes of memory (PSS) of the tree, of the database, and of everything else
    that was written."""

    runs: int
    memory: int
    database: int
    files: int


def state_of(one: Kept) -> State:
    """How it stands now."""
    hidden = one.folder / ".penstock"
    base = sum(each.stat().st_size for each in hidden.glob("penstock.db*"))
    rest = sum(each.stat().st_size for each in one.folder.rglob("*") if each.is_file() and each.parent != hidden)
    memory = sum(each.memory_full_info().pss for each in one.tree())
    return State(runs=one.ended(), memory=memory, database=base, files=rest)


def library() -> Path:
    """Where libfaketime is.

    Raises
    ------
    SystemExit: nowhere.
    """
    found = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
    if not found:
        raise SystemExit("libfaketime is not installed: apt-get install faketime")
    return found[0]


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--speed", type=int, default=24)
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=".") as folder:
        scaled = {"LD_PRELOAD": str(library()), "FAKETIME": f"+0 x{wanted.speed}"}
        one = Kept(Path(folder).absolute(), "", PIPELINE, environment=scaled)
        try:
            sleep(min(60.0, wanted.minutes * 60 / SLICES))  # what is loaded once is loaded by then
            states = [state_of(one)]
            for number in range(SLICES):
                sleep(wanted.minutes * 60 / SLICES)
                states.append(state_of(one))
                before, now = states[-2:]
                count = max(now.runs - before.runs, 1)
                about = f"slice {number + 1}, {count:,} runs"
                show(f"{about}: memory of the tree", now.memory / 1024**2, "MiB", target=None)
                show(f"{about}: database, a run", (now.database - before.database) / count / 1024, "KiB", target=None)
                show(f"{about}: other files, a run", (now.files - before.files) / count / 1024, "KiB", target=None)
            first, last = states[1], states[-1]
            show("memory at the end, of that after the first slice", last.memory / first.memory, "", target=1.1)
            early, late = (_per_run(states[at], states[at + 1]) for at in (1, SLICES - 1))
            show("database growth a run at the end, of that early on", late / early, "", target=1.1)
        finally:
            one.down()
        checked = subprocess.run([COMMAND, "db", "check"], cwd=folder, check=False, stdout=subprocess.DEVNULL)
        print("penstock db check:", "nothing is wrong" if checked.returncode == 0 else "WRONG", flush=True)


def _per_run(before: State, now: State) -> float:
    return (now.database - before.database) / max(now.runs - before.runs, 1)


if __name__ == "__main__":
    main()
