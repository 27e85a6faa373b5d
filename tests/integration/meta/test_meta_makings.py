"""Edges as a walk asks for them: of versions that very many runs have read no more than is shown."""

from __future__ import annotations

from datetime import timedelta
from random import Random
from time import perf_counter
from typing import Any

import pytest
from sqlalchemy import insert, text

from penstock.lineage.graph.graph import Direction
from penstock.lineage.graph.walk import reach
from penstock.storage.meta.edges import edges
from penstock.storage.meta.past.makings import Edge, Named, StoredMakings
from penstock.storage.meta.runs import runs
from penstock.storage.types import RunState

pytestmark = pytest.mark.databases("sqlite", "postgresql")
VERSIONS, RUNS = 9, 60


@pytest.fixture
def woven(meta: Any) -> Any:
    """Nine versions, made again and again from older ones by sixty runs, one of which ends each minute."""
    draw = Random(7)
    ids = meta.declare("a.csv", x="a.csv")
    for number in range(VERSIONS):
        meta.publish(ids.datasets["a.csv"], f"content {number}")
    meta.numbers = [row[0] for row in meta.rows("SELECT id FROM versions ORDER BY id")]
    meta.edges = []
    with meta.store.write() as tx:
        for number in range(RUNS):
            ended = meta.now + timedelta(minutes=number)
            run = {
                "id": f"r{number:02}", "asset_id": ids.assets["x"], "partition": "", "state": RunState.SUCCESS.value,
                "key": str(number), "reason": {}, "made_from": {}, "attempts": 1, "created_at": meta.now,
                "ended_at": ended,
            }  # fmt: skip
            tx.execute(insert(runs), [run])
            place = draw.randint(1, VERSIONS - 1)
            read = draw.sample(meta.numbers[:place], draw.randint(1, min(place, 3)))
            made = [Edge(meta.numbers[place], one, run["id"]) for one in read]
            tx.execute(
                insert(edges),
                [{"run_id": by, "output_version_id": output, "input_version_id": one} for output, one, by in made],
            )
            meta.edges += [(ended, one) for one in made]
    return meta


@pytest.mark.parametrize("minutes", [None, 5, 31])
def test_edges_come_version_by_version_and_the_oldest_runs_first(woven: Any, minutes: int | None) -> None:
    """Those of the runs that had ended; and which versions have any is known without reading them."""
    until = None if minutes is None else woven.now + timedelta(minutes=minutes)
    there = [one for ended, one in woven.edges if until is None or ended <= until]
    asked = woven.numbers[::-2]
    with woven.store.read() as tx:
        found = StoredMakings(tx, until)
        into, out_of = list(found.into(asked)), list(found.out_of(asked))
        assert found.having_inputs(asked) == {one.output for one in into}
        assert found.having_outputs(asked) == {one.input for one in out_of}
    assert into == sorted(
        (one for one in there if one.output in asked), key=lambda one: (one.output, one.by, one.input)
    )
    assert out_of == sorted(
        (one for one in there if one.input in asked), key=lambda one: (one.input, one.by, one.output)
    )
    assert into
    assert out_of


def hub(meta: Any, readers: int) -> int:
    """A version that so many runs have read, each of which made another one; its id."""
    ids = meta.declare("a.csv", x="a.csv")
    dataset = ids.datasets["a.csv"]
    numbers = f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {readers + 1})"
    at = f"'{meta.now:%Y-%m-%d %H:%M:%S}.000000'"
    with meta.store.write() as tx:
        for filling in (
            "INSERT INTO versions (id, dataset_id, partition, digest, manifest, size, held, created_at) "
            f"{numbers} SELECT i, {dataset}, '', 'd' || i, '{{}}', 9, TRUE, {at} FROM n",
            "INSERT INTO runs (id, asset_id, partition, state, key, reason, made_from, attempts, created_at, ended_at) "
            f"{numbers} SELECT 'r' || (1000000 + i), {ids.assets['x']}, '', 'success', 'k', '{{}}', '{{}}', 1, {at}, "
            f"{at} FROM n",
            f"INSERT INTO edges (run_id, output_version_id, input_version_id) {numbers} "
            "SELECT 'r' || (1000000 + i), i, 1 FROM n WHERE i > 1",
        ):
            tx.execute(text(filling.replace(":", r"\:")))
    with meta.store.write() as tx:
        tx.execute(text("ANALYZE"))
    return 1


@pytest.mark.parametrize("depth", [1, 10])
def test_of_a_version_that_very_many_have_read_only_some_are_read(meta: Any, depth: int) -> None:
    """A hundred of 10,000 readers cost a small part of all of them."""
    root = Named(hub(meta, 10_000))

    def seconds(most: int) -> float:
        with meta.store.read() as tx:
            begin = perf_counter()
            found = reach(StoredMakings(tx), [root], Direction.DOWN, depth=depth, most=most)
            took = perf_counter() - begin
        assert len(found.nodes) == min(most, 10_001)
        assert [node.of for node in found.nodes if node.cut] == ([1] if most < 10_001 else [])
        return took

    few, whole = min(seconds(100) for _ in range(3)), min(seconds(100_000) for _ in range(2))
    assert few < whole / 4, (few, whole)
