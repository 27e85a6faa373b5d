"""What a backfill would come to, as the app tells it from the store alone: as the command line counts it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from penstock import Daily, Definitions, Dynamic, Partition, asset, materialize
from penstock.assets.run.backfilling.creating import Asked, foresee_backfill
from penstock.assets.run.project.project import open_project
from penstock.storage.errors import UsageError
from penstock.storage.settings import ProjectSettings, read_settings
from penstock.storage.types import Reprocess
from penstock.ui.read.foreseen import foreseen
from penstock.ui.read.store import opened

pytestmark = pytest.mark.databases("sqlite", "postgresql")


@asset("day/{day}.json", partitions=Daily(start="2026-01-01", end="2026-02-01"))
def day(day: Partition) -> int:
    """A day; on some it fails."""
    if day.key.endswith("3"):
        raise ValueError("no such day")
    return 1


@asset("of/{customer}.json", partitions=Dynamic(name="customer"))
def customers(customer: Partition) -> str:
    """What is of a customer."""
    return customer.key


@asset("whole.json")
def whole() -> int:
    """Without partitions."""
    return 1


THINGS = [day, customers, whole]


@pytest.fixture
def site(tmp_path: Path, databases: Any) -> ProjectSettings:
    """Some days are made, two have failed, and there are two customers."""
    (tmp_path / "penstock.toml").write_text(f'project = "seen"\ndatabase = "{databases.fresh()}"\n')
    materialize(THINGS, select="day", partitions="2026-01-01..2026-01-13", project_folder=tmp_path)
    materialize(THINGS, select="customers", partitions="acme,globex", project_folder=tmp_path)
    materialize(THINGS, select="whole", project_folder=tmp_path)
    return read_settings(tmp_path)


@pytest.mark.parametrize("which", list(Reprocess))
@pytest.mark.parametrize(
    ("name", "keys"),
    [("day", "2026-01-02..2026-01-20"), ("day", "all"), ("day", "2026-01-03"), ("customers", "all"),
     ("customers", "acme,new")],
)  # fmt: skip
def test_it_is_what_the_command_line_counts(site: ProjectSettings, name: str, keys: str, which: Reprocess) -> None:
    """Of all that is selected, what is looked at and what is left alone, and why."""
    with open_project(site, Definitions(THINGS), planning=True) as project:
        known = foresee_backfill(project, Asked(names=[name], keys=keys, reprocess=which)).counts[name]
    with opened(site) as store:
        assert foreseen(store, name, keys, which).counts == known


def test_its_first_and_last_key_are_told(site: ProjectSettings) -> None:
    """And how many of them are in which state."""
    with opened(site) as store:
        found = foreseen(store, "day", "2026-01-02..2026-01-20")
    assert (found.first, found.last) == ("2026-01-02", "2026-01-20")
    assert (found.counts.total, found.counts.look, found.counts.made, found.counts.failed) == (19, 7, 10, 2)


@pytest.mark.parametrize(
    ("name", "keys", "said"),
    [
        ("day", "garbage..x", r"garbage\.\.x\n *\^"),
        ("day", "2027-01-01", "is no key of daily|is not in daily"),
        ("whole", "all", "has no partitions"),
        ("nobody", "all", "there is no asset 'nobody'"),
    ],
)
def test_what_cannot_be_selected_is_refused(site: ProjectSettings, name: str, keys: str, said: str) -> None:
    """As it would be when it is asked for, with where in the text."""
    with opened(site) as store, pytest.raises(UsageError, match=said):
        foreseen(store, name, keys)
