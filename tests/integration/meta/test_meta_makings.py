"""What was made from versions as a walk asks for it: of what very many runs have read no more than is shown."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from sqlalchemy import insert, text

from penstock.lineage.graph.walk import impact
from penstock.storage.meta.edges import edges
from penstock.storage.meta.past.makings import Named, Reading, StoredMakings
from penstock.storage.meta.runs import runs
from penstock.storage.meta.versions import pins
from penstock.storage.types import RunState

pytestmark = pytest.mark.databases("sqlite", "postgresql")
VERSIONS, RUNS = 9, 60


@pytest.fixture
def woven(meta: Any) -> Any:
    """Nine versions, made again and again from one to three older ones by sixty runs, one of which ends each minute."""
    draw = Random(7)
    ids = meta.declare("a.csv", x="a.csv")
    dataset = ids.datasets["a.csv"]
    for number in range(VERSIONS):
        meta.publish(dataset, f"content {number}")
    told = meta.rows("SELECT version_id, id FROM events ORDER BY id")
    meta.numbers = [version for version, _ in told]
    meta.readings = []
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
            read = draw.sample(told[:place], draw.randint(1, min(place, 3)))
            made = meta.numbers[place]
            tx.execute(
                insert(edges),
                [{"run_id": run["id"], "output_version_id": made, "input_version_id": one} for one, _ in read],
            )
            tx.execute(
                insert(pins),
                [
                    {
                        "run_id": run["id"], "parameter": f"p{which}", "partition": "", "dataset_id": dataset,
                        "version_id": one, "event_id": event,
                    }
                    for which, (one, event) in enumerate(read)
                ],
            )  # fmt: skip
            meta.readings += [(ended, Reading(one, event, run["id"], made)) for one, event in read]
    return meta


@pytest.mark.parametrize("minutes", [None, 5, 31])
def test_readings_come_version_by_version_and_the_oldest_runs_first(woven: Any, minutes: int | None) -> None:
    """Those of the runs that had ended; and which publications have any is known without reading them."""
    until = None if minutes is None else woven.now + timedelta(minutes=minutes)
    there = [one for ended, one in woven.readings if until is None or ended <= until]
    asked = woven.numbers[::-2]
    with woven.store.read() as tx:
        found = list(StoredMakings(tx, until).readings(asked))
        assert StoredMakings(tx, until).were_read(asked) == {(one.input, one.event) for one in found}
    assert found == sorted(
        (one for one in there if one.input in asked), key=lambda one: (one.input, one.by, one.output)
    )
    assert found


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
            "INSERT INTO events (id, dataset_id, partition, number, kind, version_id, run_id, at, metadata, told_at) "
            f"{numbers} SELECT i, {dataset}, '', i, 'changed', i, 'r' || (1000000 + i), {at}, '{{}}', {at} FROM n",
            f"INSERT INTO edges (run_id, output_version_id, input_version_id) {numbers} "
            "SELECT 'r' || (1000000 + i), i, 1 FROM n WHERE i > 1",
            f"INSERT INTO pins (run_id, parameter, partition, dataset_id, version_id, event_id) {numbers} "
            f"SELECT 'r' || (1000000 + i), 'up', '', {dataset}, 1, 1 FROM n WHERE i > 1",
        ):
            tx.execute(text(filling.replace(":", r"\:")))
    with meta.store.write() as tx:
        tx.execute(text("ANALYZE"))
    return 1


@dataclass(frozen=True)
class Counting(StoredMakings):
    """What is read from the store is counted."""

    taken: list[Reading] = field(default_factory=list[Reading])

    def readings(self, versions: Collection[int]) -> Iterator[Reading]:
        """As they are asked for."""
        for one in super().readings(versions):
            self.taken.append(one)
            yield one


@pytest.mark.parametrize("depth", [1, 10])
def test_of_a_version_that_very_many_have_read_only_some_are_read(meta: Any, depth: int) -> None:
    """A hundred of 10,000 readers cost a small part of all of them."""
    root = Named(hub(meta, 10_000))
    for most in (100, 100_000):
        with meta.store.read() as tx:
            known = Counting(tx)
            found = impact(known, [root], depth=depth, most=most)
        assert len(found.nodes) == min(most, 10_001)
        assert [node.of for node in found.nodes if node.cut] == ([1] if most < 10_001 else [])
        assert len(known.taken) == (500 if most == 100 else 10_000)
