"""A planner that outlives a dataset's move to another URI and its return."""

from __future__ import annotations

from typing import Any

import pytest

from penstock import Dataset, Version, asset

pytestmark = pytest.mark.databases("sqlite", "postgresql")

HERE = Dataset("warehouse://db/here")
MOVED = Dataset("warehouse://db/moved", aliases=["warehouse://db/here"])
OTHER = Dataset("warehouse://db/other")


def readers(of: Dataset) -> tuple[Any, Any]:
    """An asset that waits for this dataset, and one that reads it only and waits for another."""

    @asset("waits.json", on=of, inputs={"it": of})
    def waits(it: Version) -> str:
        return it.digest

    @asset("reads.json", on=OTHER, inputs={"it": of})
    def reads(it: Version) -> str:
        return it.digest

    return waits, reads


@pytest.mark.parametrize("news", ["here", "other"])
def test_a_planner_knows_a_dataset_that_moved_and_came_back(lab: Any, world: Any, news: str) -> None:
    """It plans by what the dataset is registered as now, also if it has heard nothing of it itself: nothing is held for
    want of a version that is there."""
    with world(lab, *readers(HERE)) as old:
        for name in ("here", "other"):
            old.tell(name, "1")
        old.runs()
        old.work()
        with world(lab, *readers(MOVED)) as new:
            new.runs()
        with world(lab, *readers(HERE)) as back:
            back.tell("here", "2")
            if news == "other":
                back.runs()
                back.work()
                back.tell("other", "2")
            made = old.runs()
            assert len(made) == 1, made
            assert old.work() == ["success"]
            assert back.runs() == []
