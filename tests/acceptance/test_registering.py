"""Definitions are registered with what somebody records: what is refused registers nothing, and what is made says what
changed definitions leave before it begins."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from penstock import Daily, Hourly, Partition, asset, backfill, pause_backfill, rerun, resume_backfill
from penstock.assets.run.progress import Progress, Started
from penstock.assets.run.project.foretold import Foretold
from penstock.storage.errors import UsageError

pytestmark = pytest.mark.databases("sqlite", "postgresql")

DAYS = Daily(start="2026-01-01", end="2026-02-01", name="time")
HOURS = Hourly(start="2026-01-01", end="2026-02-01", name="time")
LATER = Daily(start="2026-01-03", end="2026-02-01", name="time")
MADE = "2026-01-01..2026-01-04"


def sales(partitions: Any) -> Any:
    """An asset that is divided so."""

    @asset("sales/{time}.json", partitions=partitions)
    def sales(time: Partition, *, factor: int = 1) -> int:
        return factor * len(time.key)

    return sales


class Story:
    """A project in which four days are made and a backfill of two more is paused."""

    def __init__(self, lab: Any) -> None:
        self.lab = lab
        self.heard: list[Progress] = []
        self.options: dict[str, Any] = {"project_folder": lab.folder, **lab.places}
        result = lab.make(sales(DAYS), partitions=MADE)
        self.runs = {one.partition: one.run_id for one in result.outcomes}
        keys = "2026-01-05..2026-01-06"
        self.paused = backfill([sales(DAYS)], partitions=keys, later=True, **self.options).id
        pause_backfill(self.paused, **self.options)

    def do(self, what: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        """Call this with what it needs to work here."""
        return what(*arguments, listener=self.heard.append, **self.options, **options)

    def make(self, divided: Any, **options: Any) -> Any:
        """Materialize the asset, divided so."""
        return self.lab.make(sales(divided), listener=self.heard.append, **options)


@pytest.fixture
def story(lab: Any) -> Story:
    """What has happened before the definition is edited."""
    return Story(lab)


REFUSED: dict[str, Callable[[Story], Any]] = {
    "a selection of nothing": lambda one: one.make(HOURS, select="nosuch"),
    "keys of the old kind": lambda one: one.make(HOURS, partitions="2026-01-01"),
    "no keys at all": lambda one: one.make(HOURS, partitions="nope"),
    "an unknown parameter": lambda one: one.make(HOURS, parameters={"sales.zz": 1}),
    "a parameter of the wrong type": lambda one: one.make(HOURS, parameters={"sales.factor": "x"}),
    "a rerun of no run": lambda one: one.do(rerun, "0000", [sales(HOURS)]),
    "a rerun of what is no partition any more": lambda one: one.do(rerun, one.runs["2026-01-01"], [sales(HOURS)]),
    "a backfill of keys of the old kind": lambda one: one.do(backfill, [sales(HOURS)], partitions=MADE),
    "a backfill backwards in time": lambda one: one.do(
        backfill, [sales(HOURS)], partitions="2026-01-04T00..2026-01-01T00"
    ),
    "a backfill that another one forbids": lambda one: one.do(
        backfill, [sales(LATER)], partitions="2026-01-06..2026-01-07"
    ),
    "going on with no backfill": lambda one: one.do(resume_backfill, "0000", [sales(HOURS)]),
}


@pytest.mark.parametrize("refused", REFUSED)
def test_what_is_refused_registers_nothing(story: Story, refused: str) -> None:
    """Not a row is another than before, and nothing is said of what the definitions would leave."""
    before = story.lab.dump()
    with pytest.raises(UsageError):
        REFUSED[refused](story)
    assert story.lab.dump() == before
    assert story.heard == []


MAKING: dict[str, Callable[[Story], Any]] = {
    "a materialization": lambda one: one.make(LATER, partitions="2026-01-07"),
    "a materialization of nothing": lambda one: one.make(LATER, only=True),
    "a rerun": lambda one: one.do(rerun, one.runs["2026-01-04"], [sales(LATER)], only=True),
    "a backfill": lambda one: one.do(backfill, [sales(LATER)], partitions="2026-01-08..2026-01-09"),
    "a backfill for later": lambda one: one.do(backfill, [sales(LATER)], partitions="2026-01-08", later=True),
    "going on with a backfill": lambda one: one.do(resume_backfill, one.paused, [sales(LATER)]),
}


@pytest.mark.parametrize("making", MAKING)
def test_what_makes_something_says_what_the_definitions_leave_first(story: Story, making: str) -> None:
    """Once, before its first run; and what begins later with the first partition has two that are none any more."""
    MAKING[making](story)
    first, *rest = story.heard
    assert isinstance(first, Foretold)
    (told,) = first.redivided
    assert (told.kept, told.shifted, told.left) == (2, 0, 2)
    assert not any(isinstance(one, Foretold) for one in rest)
    story.heard.clear()
    MAKING["a materialization"](story)
    assert not any(isinstance(one, Foretold) for one in story.heard)


def test_it_is_said_before_anything_is_written(story: Story) -> None:
    """Whoever stops there, such as a listener that raises, has registered nothing."""
    before = story.lab.dump()

    def stop(progress: Progress) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        story.lab.make(sales(HOURS), partitions="2026-01-01T00", listener=stop)
    assert story.lab.dump() == before


def test_where_everything_stays_nothing_is_said(story: Story) -> None:
    """Of a definition that has more partitions than before."""
    assert story.make(Daily(start="2026-01-01", end="2027-01-01", name="time"), partitions="2026-01-07").ok
    assert isinstance(story.heard[0], Started)
