"""The graph of datasets as assets are declared, and who consumes a version; now and at a time, on each database.

raw ──→ doubled ──→ evens ──→ report        at first `report` read `doubled`; now `late` reads `evens` by hand
 (and whatever matches raw/*.json → collected)
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from penstock import Dataset, asset, materialize, pause, record_event, resume
from penstock.lineage.graph.graph import Direction
from penstock.storage.errors import UsageError
from penstock.storage.settings import read_settings
from penstock.ui.read.datasets import Consumers, DatasetTrace, consumers, datasets
from penstock.ui.read.store import opened
from penstock.ui.read.tracing import impact

pytestmark = pytest.mark.databases("sqlite", "postgresql")
raw = Dataset("raw.json", licence="CC0-1.0")


@asset("doubled.json", on=raw)
def doubled(raw: list[int]) -> list[int]:
    """Twice each number."""
    return [2 * number for number in raw]


@asset("evens.json", on=doubled)
def evens(doubled: list[int]) -> list[int]:
    """Those that are still even when halved."""
    return [number for number in doubled if number % 4 == 0]


@asset("report.json", name="report", on=doubled)
def first_report(doubled: list[int]) -> int:
    """How many there are of them."""
    return len(doubled)


@asset("report.json", name="report", on=evens)
def report(evens: list[int], doubled: list[int]) -> int:
    """How many are even, of how many."""
    return len(evens) + len(doubled)


@asset("late.json")
def late(evens: list[int]) -> list[int]:
    """Made by hand."""
    return evens


@asset("collected.json", on=Dataset.match("raw/*.json"))
def collected() -> int:
    """Whatever came."""
    return 1


class Story:
    """Two sets of definitions, and the moments before, between and after them."""

    def __init__(self, folder: Path, database: str) -> None:
        self.folder = folder
        self.places = {"project": "story", "home": str(folder / "home"), "data_root": str(folder), "database": database}
        self.before = datetime.now(UTC) - timedelta(days=1)
        (folder / "raw.json").write_text(json.dumps([1, 2]))
        materialize([doubled, evens, first_report], project_folder=folder, **self.places)
        pause("evens", project_folder=folder, **self.places)
        self.between = datetime.now(UTC)
        resume("evens", project_folder=folder, **self.places)
        (folder / "raw.json").write_text(json.dumps([1, 2, 4]))
        materialize([doubled, evens, report, late, collected], select=["report"], project_folder=folder, **self.places)

    def ask(self, text: str, direction: Direction = Direction.DOWN, **asked: Any) -> DatasetTrace:
        """The graph of datasets from one of them on."""
        with opened(read_settings(self.folder, **self.places)) as store:
            return datasets(store, text, direction, **asked)

    def consumers(self, text: str, *, depth: int = 1000, as_of: datetime | None = None) -> Consumers:
        """Who consumes what a text means."""
        with opened(read_settings(self.folder, **self.places)) as store:
            return consumers(store, impact(store, text, depth=depth, as_of=as_of), depth=depth)


@pytest.fixture
def story(tmp_path: Path, databases: Any) -> Story:
    """The story, told."""
    return Story(tmp_path, databases.fresh())


def drawn(found: DatasetTrace) -> dict[str, tuple[int, str | None]]:
    """Dataset → how far it is, and who makes it."""
    return {one.name: (one.node.depth, one.asset) for one in found.lines}


def test_datasets_are_followed_both_ways(story: Story) -> None:
    """As they are declared now, whether or not anything was made so."""
    assert drawn(story.ask("raw")) == {
        "raw": (0, None),
        "doubled": (1, "doubled"),
        "evens": (2, "evens"),
        "report": (2, "report"),
        "late": (3, "late"),
    }
    up = story.ask("late", Direction.UP)
    assert drawn(up) == {"late": (0, "late"), "evens": (1, "evens"), "doubled": (2, "doubled"), "raw": (3, None)}
    assert {one.name: one.licence for one in up.lines if one.licence} == {"raw": "CC0-1.0"}
    assert {link.by for link in up.graph.links} == {"late", "evens", "doubled"}


def test_the_graph_of_then_is_that_of_the_definitions_of_then(story: Story) -> None:
    """What was declared since is no part of it, and what was declared otherwise is as it was."""
    assert drawn(story.ask("doubled", as_of=story.between)) == {
        "doubled": (0, "doubled"),
        "evens": (1, "evens"),
        "report": (1, "report"),
    }
    links = story.ask("report", Direction.UP, as_of=story.between).graph.links
    assert len(links) == 2  # from doubled alone, and that from raw
    with pytest.raises(UsageError, match=r"no asset that is declared at .* makes, reads or waits for late"):
        story.ask("late", as_of=story.between)
    with pytest.raises(UsageError, match="no asset that is declared at"):
        story.ask("raw", as_of=story.before)
    with pytest.raises(UsageError, match="no dataset 'nothing'"):
        story.ask("nothing")


def test_ways_and_limits(story: Story) -> None:
    """All ways to another dataset, from either end; at most so many steps and datasets, which is told."""
    ways = story.ask("doubled", to="report")
    assert drawn(ways).keys() == {"doubled", "evens", "report"}
    assert len(ways.graph.links) == 3
    assert drawn(story.ask("report", Direction.UP, to="doubled")).keys() == {"doubled", "evens", "report"}
    assert story.ask("report", to="raw").lines == ()
    assert drawn(story.ask("raw", depth=1)).keys() == {"raw", "doubled"}
    assert story.ask("raw", depth=1).graph.is_cut
    assert story.ask("raw", most=2).graph.is_cut
    with pytest.raises(UsageError, match="no way between raw and report was found among the 2 datasets"):
        story.ask("raw", to="report", depth=1)


def test_a_pattern_finds_what_is_known_to_match(story: Story) -> None:
    """Also what nobody declares, once somebody has told of it."""
    record_event("raw/a.json", project_folder=story.folder, **story.places)
    assert drawn(story.ask("raw/a.json")).keys() == {"a", "collected"}
    (found,) = story.consumers("raw/a.json").items
    assert (found.asset, found.reads, found.waits) == ("collected", (), ("a",))


def test_who_consumes_a_version_now(story: Story) -> None:
    """What each reads of it and which news may start it, and whether its newest version was made from this one."""
    found = {one.asset: one for one in story.consumers("doubled@1").items}
    assert list(found) == ["evens", "report", "late"]
    assert (found["report"].depth, found["report"].reads, found["report"].waits) == (
        1,
        ("doubled", "evens"),
        ("evens",),
    )
    assert (found["late"].depth, found["late"].reads, found["late"].waits) == (2, ("evens",), ())
    assert {name: one.made_from_it for name, one in found.items()} == {"evens": False, "report": False, "late": False}
    newer = {one.asset: one.made_from_it for one in story.consumers("doubled").items}
    assert newer == {"evens": True, "report": True, "late": False}
    near = story.consumers("raw", depth=1)
    assert [(one.asset, one.made_from_it) for one in near.items] == [("doubled", True)]
    assert near.datasets.graph.is_cut
    assert story.consumers("report").items == ()


def test_who_consumed_it_then(story: Story) -> None:
    """By the definitions, and the pauses, of then."""
    found = {one.asset: one for one in story.consumers("doubled", as_of=story.between).items}
    assert list(found) == ["evens", "report"]
    assert found["report"].reads == ("doubled",)
    assert {name: one.paused for name, one in found.items()} == {"evens": True, "report": False}
    assert not any(one.paused for one in story.consumers("doubled").items)
