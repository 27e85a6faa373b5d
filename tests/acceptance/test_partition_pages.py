"""Pages of partitions: one after the other they are the whole, and the whole is what each key says."""

from __future__ import annotations

import random
from itertools import groupby
from typing import Any

import pytest

from penstock import Cron, Daily, Every, Hourly, Static, Windows, asset
from penstock.assets.declare.partitions.product import as_product
from penstock.storage.errors import UsageError
from penstock.storage.meta.partitions.ranges import mark_made
from penstock.ui.read.partitions import PartitionState, Stretch, partitions

pytestmark = pytest.mark.databases("sqlite", "postgresql")

REGIONS = tuple(f"r{number:03}" for number in range(90))
DIVIDED = {
    "windows": Windows(Every("5m"), start="2025-01-01", end="2025-01-02", name="key"),
    "crons": Windows(Cron("*/7 1-3 * * *", tz="Europe/Berlin"), start="2025-03-29", end="2025-04-01", name="key"),
    "days by region": Daily(start="2025-01-01", end="2025-01-08", tz="America/New_York")
    * Static(*reversed(REGIONS), name="region"),
    "regions": Static(*reversed(REGIONS), name="region"),
    "two windows": Daily(start="2025-01-01", end="2025-01-04") * Hourly(start="2025-01-01", end="2025-01-01T03"),
}


def told(keys: list[str], made: set[str], product: Any) -> list[Stretch]:
    """The stretches of keys, line by line, as somebody would read them off a list."""
    lines = list(dict.fromkeys(product.place(key).line for key in keys))
    found = list[Stretch]()
    for line in lines:
        on = [key for key in keys if product.place(key).line == line]
        for there, its in groupby(on, key=made.__contains__):
            run = list(its)
            state = PartitionState.MADE if there else PartitionState.MISSING
            found.append(Stretch(state=state, first=run[0], last=run[-1], count=len(run)))
    return found


@pytest.mark.parametrize("share", [0.02, 0.5, 1.0])
@pytest.mark.parametrize("name", DIVIDED)
def test_pages_are_the_whole(lab: Any, world: Any, name: str, share: float) -> None:
    """Of all and of what is missing; lines in the order in which they are declared,
    whether each holds much or little."""
    divided, product, choice = DIVIDED[name], as_product(DIVIDED[name]), random.Random(name)
    path = "".join(f"{{{one.name}}}/" for one in product.dimensions)
    keys = list(product.select().walk())
    made = {key for key in keys if choice.random() < share}

    @asset(f"things/{path}x.json", partitions=divided)
    def things() -> int:
        return 1

    with world(lab, things, looked_at=False) as project:
        store, number = project.project.store, project.project.ids.datasets[f"things/{path}x.json"]
        with store.write() as tx:
            for key in sorted(made, key=lambda _: choice.random()):
                line, start, end = product.place(key)
                mark_made(tx, dataset_id=number, line=line, start=start, end=end)
        whole = partitions(store, "things", limit=10_000)
        expected = told(keys, made, product)
        assert list(whole.stretches) == expected
        assert (whole.counts[PartitionState.MADE], whole.following) == (len(made), None)
        for state in (None, PartitionState.MISSING):
            wanted = [one for one in expected if state in (None, one.state)]
            size = max(1, len(wanted) // 5)
            by_key, first = list[Stretch](), None
            while page := partitions(store, "things", state=state, limit=size, first=first):
                by_key += page.stretches
                if (first := page.following) is None:
                    break
            assert by_key == wanted
        inside = next((one for one in expected if one.count > 2), None)
        if inside is not None:
            on = [key for key in keys if product.place(key).line == product.place(inside.first).line]
            second = on[on.index(inside.first) + 1]
            (cut,) = partitions(store, "things", limit=1, first=second).stretches
            assert (cut.first, cut.last, cut.count) == (second, inside.last, inside.count - 1)
        with pytest.raises(UsageError, match="is no key of"):
            partitions(store, "things", first="x")
