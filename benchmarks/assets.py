"""What an asset costs: trivial assets, a small JSON value each, with history, versions and lineage durable.

Chain, fan-out and dense layers (ten inputs each) of 100, 1,000 and 5,000 assets, in one process, inline, on SQLite and
local files; then a second pass in which nothing is to be done. Every figure is that of one materialization in a process
of its own, without imports and definitions: the fastest of several rounds, in which shapes and sizes take turns, which
is what the machine can do when nobody else uses it; the slowest stands beside it.

    python benchmarks/assets.py [--sizes 100,1000,5000] [--shapes chain,fan-out,dense] [--rounds 3]
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from time import perf_counter
from typing import Any

from _figures import show

from penstock import Definitions, all_of, asset, materialize, source
from penstock.assets.declare.asset import AssetFunction

WIDTH = 10


def upstream(shape: str, number: int) -> list[int]:
    """The numbers of the assets that this one reads; the first ones read none."""
    if shape == "chain":
        return [number - 1] if number else []
    if shape == "fan-out":
        return [0] if number else []
    layer = number // WIDTH
    return list(range((layer - 1) * WIDTH, layer * WIDTH)) if layer else []


def definitions(shape: str, count: int) -> Definitions:
    """So many assets in this shape; those that read nothing are sources whose probe never changes."""
    made: list[AssetFunction] = []
    for number in range(count):
        needs = [made[one] for one in upstream(shape, number)]
        if needs:
            made.append(joined(number, needs))
        else:
            made.append(source(f"a{number}.json", name=f"a{number}", probe=lambda: 0)(root(number)))
    return Definitions(made)


def root(number: int):
    """A producer without inputs."""

    def produce() -> dict[str, int]:
        return {"number": number, "sum": 1}

    return produce


def joined(number: int, needs: list[AssetFunction]) -> AssetFunction:
    """An asset that adds up its inputs, whose parameters carry the names of what it reads."""
    names = ", ".join(f"{one.name}: dict" for one in needs)
    space: dict[str, Any] = {"number": number}
    adds = " + ".join(f"{one.name}['sum']" for one in needs)
    exec(f"def produce({names}) -> dict: return {{'number': number, 'sum': ({adds}) % 1000}}", space)
    return asset(f"a{number}.json", name=f"a{number}", on=all_of(*needs))(space["produce"])


def measure(shape: str, count: int, folder: str) -> Mapping[str, float]:
    """Milliseconds an asset of a first pass, and seconds of a second one; what was made stays in the folder."""
    known = definitions(shape, count)
    start = perf_counter()
    known.resolve()
    resolved = perf_counter() - start
    place = {"home": f"{folder}/home", "data_root": f"{folder}/data", "project": "bench"}
    start = perf_counter()
    first = materialize(known, **place)
    made = perf_counter() - start
    assert len(first.executed) == count, first
    start = perf_counter()
    second = materialize(known, **place)
    idle = perf_counter() - start
    assert not second.executed, second
    return {"definitions": resolved, "asset": 1000 * made / count, "second": idle}


def measured(shape: str, count: int, folder: str) -> Mapping[str, float]:
    """The same in a process of its own, which has done a small materialization first, so that it has its imports."""
    command = [sys.executable, __file__, "--one", shape, str(count), f"{folder}/{shape}-{count}"]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--one", nargs=3, metavar=("SHAPE", "COUNT", "FOLDER"))
    parser.add_argument("--sizes", default="100,1000,5000")
    parser.add_argument("--shapes", default="chain,fan-out,dense")
    parser.add_argument("--rounds", type=int, default=3)
    wanted = parser.parse_args()
    if wanted.one:
        shape, count, folder = wanted.one
        measure("chain", 20, f"{folder}/warm")
        print(json.dumps(measure(shape, int(count), f"{folder}/measured")))
        return
    sizes, shapes = [int(size) for size in wanted.sizes.split(",")], wanted.shapes.split(",")
    rounds: dict[tuple[str, int], list[Mapping[str, float]]] = {(each, size): [] for each in shapes for size in sizes}
    # Nothing is removed before the end: ext4 looks past every inode that was freed in the last minutes when it makes a
    # file, so that a measurement would pay for the one before it.
    with tempfile.TemporaryDirectory(dir=".") as folder:
        for number in range(wanted.rounds):
            for (shape, count), found in rounds.items():
                found.append(measured(shape, count, f"{folder}/{number}"))
    for shape in shapes:
        tell(shape, {count: rounds[shape, count] for count in sizes})


def tell(shape: str, rounds: Mapping[int, Sequence[Mapping[str, float]]]) -> None:
    """Print the figures of one shape, of the rounds of each size."""
    for count, found in rounds.items():
        made, idle = [one["asset"] for one in found], [one["second"] for one in found]
        show(f"{shape}, {count} assets: an asset", min(made), "ms", target=5, wish=3, slowest=max(made))
        show(f"{shape}, {count} assets: a second pass, all of it", min(idle), "s", target=1, slowest=max(idle))
    if 1000 in rounds and 5000 in rounds:
        large, small = (min(one["asset"] for one in rounds[count]) for count in (5000, 1000))
        show(f"{shape}: an asset at 5000, against 1000", large / small, "times", target=1.2)


if __name__ == "__main__":
    main()
