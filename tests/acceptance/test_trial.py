"""Who asks what would be made registers nothing: definitions are tried in a transaction that is undone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from penstock import Daily, Dataset, Definitions, Hourly, Partition, asset, plan, why
from penstock.assets.run.api import prepared
from penstock.assets.run.backfilling.creating import Asked, foresee_backfill
from penstock.assets.run.explaining.of_partition import why_partition
from penstock.assets.run.project.project import open_project
from penstock.assets.run.project.trial import on_trial
from penstock.ui.read.partitions import partitions_in

pytestmark = pytest.mark.databases("sqlite", "postgresql")

DOCS = Dataset("docs.txt", name="docs")
MOVED = Dataset("texts/docs.txt", name="docs", aliases=["docs.txt"])


def graph(docs: Dataset, name: str, previously: str | None, partitions: Any) -> list[Any]:
    """An asset of this name that reads documents lying there, and one that is divided so."""

    @asset("words.json", name=name, previously=previously, on=docs)
    def words(docs: str) -> int:
        return len(docs)

    @asset("sales/{time}.json", partitions=partitions)
    def sales(time: Partition) -> str:
        return time.key

    return [words, sales]


BEFORE = graph(DOCS, "words", None, Daily(start="2026-01-01", end="2026-02-01", name="time"))
AFTER = graph(MOVED, "count", "words", Hourly(start="2026-01-01", end="2026-02-01", name="time"))


def backfill(lab: Any) -> Any:
    """A dry run of one."""
    known, definitions = prepared(Definitions(*AFTER), lab.folder, lab.places)
    with open_project(known, definitions, planning=True) as project:
        return foresee_backfill(project, Asked(names=["sales"], keys="2026-01-01T00..2026-01-01T03"))


def of_partition(lab: Any) -> Any:
    """What one hour waits for."""
    return why_partition(*prepared(Definitions(*AFTER), lab.folder, lab.places), "sales", "2026-01-01T00")


def which_partitions(lab: Any) -> Any:
    """Which hours are made."""
    known, definitions = prepared(Definitions(*AFTER), lab.folder, lab.places)
    with open_project(known, definitions, planning=True) as project, on_trial(project) as trial:
        return partitions_in(trial.tx, project.name, "sales")


ASKING: dict[str, Callable[[Any], Any]] = {
    "the outlook": lambda lab: lab.outlook(*AFTER),
    "a dry run": lambda lab: lab.foresee_all(*AFTER),
    "plan": lambda lab: plan(AFTER, project_folder=lab.folder, **lab.places),
    "why": lambda lab: why(AFTER, "count", project_folder=lab.folder, **lab.places),
    "why of a partition": of_partition,
    "a dry run of a backfill": backfill,
    "which partitions are made": which_partitions,
}


@pytest.mark.parametrize("asking", ASKING)
@pytest.mark.parametrize("before", [False, True])
def test_nothing_is_written_by_asking(lab: Any, asking: str, before: bool) -> None:
    """Of definitions that are new or changed, whoever asks: not a row, however often."""
    lab.write("docs.txt", "a b")
    lab.write("texts/docs.txt", "a b")
    if before:
        assert lab.make(*BEFORE, select="words").ok
    dump = lab.dump()
    first = ASKING[asking](lab)
    assert lab.dump() == dump
    assert type(ASKING[asking](lab)) is type(first)
    assert lab.dump() == dump


def test_what_is_asked_about_are_the_definitions_as_they_would_be_registered(lab: Any) -> None:
    """An asset with a former name has what was made under that, a dataset that has moved what was seen of it: nothing
    would run; once it has other content, its reader would. And so it comes."""
    lab.write("docs.txt", "a b")
    lab.write("texts/docs.txt", "a b")
    assert lab.make(*BEFORE, select="words").ok
    found = {one.asset: one for one in lab.outlook(*AFTER).assets}
    assert (found["count"].outcome, found["count"].reason.text) == ("hold", "waiting for docs")
    assert lab.foresee(*AFTER, select=("count",))["count"].outcome == "skip"
    assert why(AFTER, "count", project_folder=lab.folder, **lab.places).last is not None
    lab.write("texts/docs.txt", "a b c")
    found = {one.asset: one for one in lab.outlook(*AFTER).assets}
    assert (found["count"].outcome, found["count"].reason.text) == ("run", "input changed: docs")
    assert lab.foresee(*AFTER, select=("count",))["count"].reason.text == "input changed: docs"
    assert lab.make(*AFTER, select="count")["count"].reason.text == "input changed: docs"
