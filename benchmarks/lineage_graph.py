"""Lineage: what `penstock trace` and `penstock impact` cost in a history of a million edges.

    python benchmarks/lineage_graph.py [--versions 100100] [--postgresql]

Layers of a hundred versions, each made from ten of the layer before by a run of its own; all of one dataset.
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

LAYER, INPUTS = 100, 10
up = Dataset("up.json")


@asset("down.json", on=up)
def down(up: int) -> int:
    """What is made."""
    return up


def filled(project: Project, count: int) -> int:
    """So many versions, with their runs and events, and the edges between them; how many edges there are."""
    ids, at = project.ids, datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
    asset_id, dataset = ids.assets["down"], ids.datasets["down.json"]
    numbers = f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})"
    fillings = (
        "INSERT INTO versions (id, dataset_id, partition, digest, manifest, size, held, created_at) "
        f"{numbers} SELECT i, {dataset}, '', 'd' || (100000000 + i), '{{}}', 9, TRUE, '{at}' FROM n",
        "INSERT INTO runs (id, asset_id, partition, state, key, reason, made_from, attempts, created_at, ended_at) "
        f"{numbers} SELECT 'r' || (100000000 + i), {asset_id}, '', 'success', 'k', '{{}}', '{{}}', 1, '{at}', '{at}' "
        "FROM n",
        "INSERT INTO events (id, dataset_id, partition, number, kind, version_id, run_id, at, metadata, told_at) "
        f"{numbers} SELECT i, {dataset}, '', i, 'changed', i, 'r' || (100000000 + i), '{at}', '{{}}', '{at}' FROM n",
        f"INSERT INTO edges (run_id, output_version_id, input_version_id) {numbers}, "
        f"m(j) AS (SELECT 0 UNION ALL SELECT j + 1 FROM m WHERE j < {INPUTS - 1}) "
        f"SELECT 'r' || (100000000 + i), i, ((i - 1) / {LAYER} - 1) * {LAYER} + (i * 7 + j * 11) % {LAYER} + 1 "
        f"FROM n, m WHERE i > {LAYER}",
        f"INSERT INTO pins (run_id, parameter, partition, dataset_id, version_id, event_id) {numbers}, "
        f"m(j) AS (SELECT 0 UNION ALL SELECT j + 1 FROM m WHERE j < {INPUTS - 1}) "
        f"SELECT 'r' || (100000000 + i), 'up' || j, '', {dataset}, v, v FROM (SELECT i, j, "
        f"((i - 1) / {LAYER} - 1) * {LAYER} + (i * 7 + j * 11) % {LAYER} + 1 AS v FROM n, m WHERE i > {LAYER}) read",
        f"UPDATE datasets SET last_number = {count}, head_version_id = {count} WHERE id = {dataset}",
    )
    with project.store.write() as tx:
        for filling in fillings:
            tx.execute(text(filling.replace(":", r"\:")))
        edges = int(tx.execute(text("SELECT count(*) FROM edges")).scalar_one())
    with project.store.write() as tx:
        tx.execute(text("ANALYZE"))  # a history that has grown has been looked at; one that was poured in has not
    return edges


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
