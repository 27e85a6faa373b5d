"""How partitions lie where what failed is told apart: each is in one stretch, as its own run and version say."""

from __future__ import annotations

from collections import Counter
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from penstock import Daily, Partition, Static, asset, materialize
from penstock.assets.declare.partitions.partition import Partitioning
from penstock.assets.declare.partitions.product import as_product
from penstock.storage.settings import ProjectSettings, read_settings
from penstock.ui.read.outline import outline
from penstock.ui.read.partitions import PartitionState
from penstock.ui.read.store import opened
from penstock.ui.read.stretches import laid

pytestmark = pytest.mark.databases("sqlite", "postgresql")

MADE, MISSING, FAILED = PartitionState.MADE, PartitionState.MISSING, PartitionState.FAILED
DAYS = Daily(start="2026-01-01", end="2026-01-13", name="key")
DIVIDED = {
    "days": DAYS,
    "words": Static("a", "b", "c", "d", "e", "f", name="key"),
    "days by region": DAYS * Static("eu", "us", name="region"),
}


@pytest.fixture
def site(tmp_path: Path, databases: Any) -> ProjectSettings:
    """A project of which nothing is made."""
    (tmp_path / "penstock.toml").write_text(f'project = "laid"\ndatabase = "{databases.fresh()}"\n')
    return read_settings(tmp_path)


def made(site: ProjectSettings, divided: Partitioning, keys: list[str], bad: set[str]) -> None:
    """These partitions are made, but the bad ones fail."""
    path = "".join(f"{{{one.name}}}/" for one in as_product(divided).dimensions)

    @asset(f"things/{path}x.json", partitions=divided)
    def things(one: Partition) -> str:
        if one.key in bad:
            raise ValueError(f"{one.key} is bad")
        return one.key

    materialize([things], partitions=",".join(keys), project_folder=site.folder)


def stretches(keys: list[str], states: dict[str, PartitionState], product: Any) -> list[tuple[str, str, str, int]]:
    """As somebody reads them off a list, line by line."""
    found: list[tuple[str, str, str, int]] = []
    for line in dict.fromkeys(product.place(key).line for key in keys):
        on = [key for key in keys if product.place(key).line == line]
        for state, its in groupby(on, key=lambda key: states.get(key, MISSING)):
            run = list(its)
            found.append((state.value, run[0], run[-1], len(run)))
    return found


@pytest.mark.parametrize("name", DIVIDED)
def test_what_failed_is_a_stretch_of_its_own(site: ProjectSettings, name: str) -> None:
    """Whether it was never made or was made before; pages with it are the whole, and each leads to its run."""
    divided, product = DIVIDED[name], as_product(DIVIDED[name])
    keys = list(product.select().walk())
    made(site, divided, keys[:4], set())
    made(site, divided, keys[1:6], {keys[2], keys[3], keys[5]})
    states = dict.fromkeys(keys[:5], MADE) | dict.fromkeys((keys[2], keys[3], keys[5]), FAILED)
    expected = stretches(keys, states, product)
    with opened(site) as store:
        found = laid(store, "things", limit=100)
        assert [(one.state.value, one.first, one.last, one.count) for one in found.stretches] == expected
        assert {state: many for state, many in found.counts.items() if many} == Counter(
            states.get(key, MISSING) for key in keys
        )
        assert (found.whole.first, found.whole.last) == (keys[0], keys[-1])
        failed = [one for one in found.stretches if one.state is FAILED]
        errors = [found.runs[one.first].error for one in failed]
        assert [one.message for one in errors if one] == [f"{one.first} is bad" for one in failed]
        paged: Counter[str] = Counter()
        first = None
        while page := laid(store, "things", limit=1, first=first):
            for one in page.stretches:
                paged[one.state.value] += one.count
            if (first := page.whole.following) is None:
                break
        assert paged == Counter(states.get(key, MISSING).value for key in keys)


def test_what_is_no_partition_any_more_is_not_broken(site: ProjectSettings) -> None:
    """A key that failed and was taken out of the definition counts nowhere; one that is still there does."""
    made(site, Static("a", "b", "c", name="key"), ["a", "b", "c"], {"b", "c"})
    with opened(site) as store:
        assert laid(store, "things").counts[FAILED] == 2
        made(site, Static("a", "b", name="key"), ["a"], {"b"})
        assert (laid(store, "things").counts[FAILED], outline(store).assets["things"].state) == (1, "failed")
        made(site, Static("a", name="key"), ["a"], set())
        found = laid(store, "things")
        assert (found.counts[FAILED], found.whole.total, [one.state for one in found.stretches]) == (0, 1, [MADE])
        assert outline(store).assets["things"].state == "success"
