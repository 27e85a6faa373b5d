"""Partitions, and two datasets that turn out to be one by an alias."""

from __future__ import annotations

from typing import Any

import pytest

from penstock import Dataset, Partition, Static, Version, asset, pause, resume

pytestmark = pytest.mark.databases("sqlite", "postgresql")

EARLY, LATE = Dataset("warehouse://db/early"), Dataset("warehouse://db/late")
BOTH = Dataset("warehouse://db/late", aliases=["warehouse://db/early"])


def fanned(on: Dataset) -> Any:
    """An asset whose partitions news of this dataset makes, all of them."""

    @asset("fanned/{region}.json", partitions=Static("eu", "us", name="region"), on=on.fanout("all"), inputs={"a": on})
    def fanned(a: Version, region: Partition) -> str:
        return region.key + a.digest

    return fanned


@pytest.mark.parametrize("last", ["early", "late"])
@pytest.mark.parametrize("planned", [False, True])
def test_partitions_go_on_with_what_turned_out_to_be_the_same(lab: Any, world: Any, planned: bool, last: str) -> None:
    """News of a dataset that becomes an alias makes every partition that had not been made of it, whether or not a pass
    had heard of it, and whichever of the two was told last; what was made of the newest is not made again."""
    with world(lab, fanned(EARLY), LATE) as here:
        for name in ("early", "late"):
            here.tell(name, "1")
        assert len(here.runs()) == 2
        assert here.work() == ["success"] * 2
        pause("fanned", project_folder=lab.folder, **lab.places)
        here.tell("early", "2")
        if last == "late":
            here.tell("late", "2")
        if planned:
            here.runs()
    with world(lab, fanned(BOTH)) as here:
        assert here.runs() == []
        resume("fanned", project_folder=lab.folder, **lab.places)
        assert len(here.runs()) == 2
        assert here.work() == ["success"] * 2
        assert here.runs() == []
        here.tell("late", "3")
        assert len(here.runs()) == 2


def test_partitions_that_were_made_of_an_alias_stay_made(lab: Any, world: Any) -> None:
    """Nothing is pending, and nothing is made, while a run is recorded that nobody has begun; it is of another
    definition, and is ended as if it had never been: then they are made, once."""
    with world(lab, fanned(EARLY), LATE) as here:
        for name in ("late", "early"):
            here.tell(name, "1")
        assert len(here.runs()) == 2
    with world(lab, fanned(BOTH)) as here:
        assert here.runs() == []
        assert here.work() == []
        assert len(here.runs()) == 2
        assert here.work() == ["success"] * 2
        assert here.runs() == []
