"""Lineage: what `penstock trace` and `penstock impact` cost in a history of a million edges.

    python benchmarks/lineage_graph.py [--versions 100100] [--postgresql]

Layers of a hundred versions, each made from ten of the layer before by a run of its own; all of one dataset. Then one
version that very many runs have read, and one that as many runs have made.
"""

from __future__ import annotations

import argparse
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from _figures import best_of, show
from _postgresql import Server
from sqlalchemy import text

from penstock import Dataset, Definitions, asset
from penstock.assets.run.api import prepared
from penstock.assets.run.project.project import Project, open_registered
from penstock.ui.read.tracing import impact, trace

LAYER, INPUTS, OFTEN = 100, 10, 100_000
FIRST = 100_000_000
"""What the numbers in names are counted from, so that their texts have the order of the numbers."""
up = Dataset("up.json")


@asset("down.json", on=up)
def down(up: int) -> int:
    """What is made."""
    return up


def filled(project: Project, count: int) -> int:
    """So many versions, with their runs and events, and the edges between them; how many edges there are. One more was
    read by a hundred thousand runs, each of which made another; the last of these was made by as many runs again."""
    asset_id, dataset = project.ids.assets["down"], project.ids.datasets["down.json"]
    at = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
    run, hub = f"'r' || ({FIRST} + i)", count + 1
    most, last = count + OFTEN, count + 2 * OFTEN
    layers = f"{_numbers(LAYER + 1, count)}, m(j) AS (SELECT 0 UNION ALL SELECT j + 1 FROM m WHERE j < {INPUTS - 1})"
    source = f"((i - 1) / {LAYER} - 1) * {LAYER} + (i * 7 + j * 11) % {LAYER} + 1"
    edge = "INSERT INTO edges (run_id, output_version_id, input_version_id)"
    pin = "INSERT INTO pins (run_id, parameter, partition, dataset_id, version_id, event_id)"
    fillings = (
        "INSERT INTO versions (id, dataset_id, partition, digest, manifest, size, held, created_at) "
        f"{_numbers(1, most)} SELECT i, {dataset}, '', 'd' || ({FIRST} + i), '{{}}', 9, TRUE, '{at}' FROM n",
        "INSERT INTO runs (id, asset_id, partition, state, key, reason, made_from, attempts, created_at, ended_at) "
        f"{_numbers(1, last)} SELECT {run}, {asset_id}, '', 'success', 'k', '{{}}', '{{}}', 1, '{at}', '{at}' FROM n",
        "INSERT INTO events (id, dataset_id, partition, number, kind, version_id, run_id, at, metadata, told_at) "
        f"{_numbers(1, last)} SELECT i, {dataset}, '', i, CASE WHEN i > {most} THEN 'confirmed' ELSE 'changed' END, "
        f"CASE WHEN i > {most} THEN {most} ELSE i END, {run}, '{at}', '{{}}', '{at}' FROM n",
        f"{edge} {layers} SELECT {run}, i, {source} FROM n, m",
        f"{pin} {layers} SELECT {run}, 'up' || j, '', {dataset}, {source}, {source} FROM n, m",
        f"{edge} {_numbers(hub + 1, last)} SELECT {run}, CASE WHEN i > {most} THEN {most} ELSE i END, {hub} FROM n",
        f"{pin} {_numbers(hub + 1, last)} SELECT {run}, 'up', '', {dataset}, {hub}, {hub} FROM n",
        f"UPDATE datasets SET last_number = {last}, head_version_id = {most} WHERE id = {dataset}",
    )
    with project.store.write() as tx:
        for filling in fillings:
            tx.execute(text(filling.replace(":", r"\:")))
        edges = int(tx.execute(text("SELECT count(*) FROM edges")).scalar_one())
    with project.store.write() as tx:
        tx.execute(text("ANALYZE"))  # a history that has grown has been looked at; one that was poured in has not
    return edges


def _numbers(first: int, last: int) -> str:
    return f"WITH RECURSIVE n(i) AS (SELECT {first} UNION ALL SELECT i + 1 FROM n WHERE i < {last})"


def measured(folder: str, database: str, count: int) -> None:
    """Print the figures of one database."""
    places = {"home": f"{folder}/home", "data_root": f"{folder}/data", "project": "bench", "database": database}
    known, definitions = prepared(Definitions(down), Path(folder), places)
    with open_registered(known, definitions) as project:
        edges = filled(project, count)
        for most in (100, 1_000):
            for what, ask, root in (("trace", trace, f"down@{count}"), ("impact", impact, "down@1")):
                found = ask(project.store, root, most=most)
                took = best_of(3, lambda ask=ask, root=root, most=most: ask(project.store, root, most=most))
                name = f"{what} of {len(found.lines):,} versions, over {edges:,} edges"
                show(name, 1000 * took, "ms", target=200)
        for name, ask, root in (
            (f"impact of 1,000 of the versions that {OFTEN:,} runs made of one", impact, f"down@{count + 1}"),
            (f"trace of a version that {OFTEN:,} runs have made", trace, f"down@{count + OFTEN}"),
        ):
            took = best_of(3, lambda ask=ask, root=root: ask(project.store, root, most=1_000))
            show(name, 1000 * took, "ms", target=500)


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--versions", type=int, default=100_100)
    parser.add_argument("--postgresql", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        database = Server(f"{folder}/server").database("bench") if given.postgresql else "sqlite"
        measured(folder, database, given.versions)


if __name__ == "__main__":
    main()
