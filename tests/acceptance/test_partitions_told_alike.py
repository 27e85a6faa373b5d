"""Partitions, and two datasets that say the same version and turn out to be one: what is pending stays pending."""

from __future__ import annotations

from typing import Any

import pytest

from penstock import Dataset, Partition, Static, Version, asset

pytestmark = pytest.mark.databases("sqlite", "postgresql")

EARLY, LATE = Dataset("warehouse://db/early"), Dataset("warehouse://db/late")
BOTH = Dataset("warehouse://db/late", aliases=["warehouse://db/early"])
REGIONS = Static("eu", "us", name="region")


def fanned(on: Dataset, how: str = "all", name: str = "fanned") -> Any:
    """An asset whose partitions news of this dataset makes."""

    @asset(f"{name}/{{region}}.json", name=name, partitions=REGIONS, on=on.fanout(how), inputs={"a": on})
    def fanned(a: Version, region: Partition) -> str:
        return region.key + a.digest

    return fanned


@pytest.mark.parametrize(("how", "made"), [("all", 2), ("latest", 1)])
@pytest.mark.parametrize("told", [
    ("late", "early"), ("late", "late", "early"), ("late", "early", "early"), ("early", "late"),
    ("early", "late", "late"), ("early", "early", "late", "late"),
])  # fmt: skip
def test_what_is_pending_is_made_of_what_both_say(
    lab: Any, world: Any, how: str, made: int, told: tuple[str, ...]
) -> None:
    """Whichever was told first, and whether it was confirmed: of the version that the dataset has already, once."""
    with world(lab, fanned(EARLY, how), LATE) as here:
        for name in told:
            here.tell(name, "1")
    with world(lab, fanned(BOTH, how), looked_at=False) as here:
        assert len(here.runs()) == made
        assert here.work() == ["success"] * made
        assert here.runs() == []
        here.tell("late", "1")
        assert here.runs() == []
        here.tell(BOTH.uri, "2")
        assert len(here.runs()) == made


@pytest.mark.parametrize("told", [
    ("late", "early"), ("late", "early", "early"), ("late", "late", "early"), ("late", "early", "late"),
    ("early", "late"), ("early", "late", "late"), ("early", "early", "late"),
])  # fmt: skip
@pytest.mark.parametrize("state", ["success", "scheduled", "failed", "confirmed"])
def test_what_was_made_of_it_stays_made(lab: Any, world: Any, told: tuple[str, ...], state: str) -> None:
    """Nothing is made twice, not of a run that is recorded and made only afterwards, nor of one that failed, nor where
    the version was confirmed since."""
    fails = [state == "failed"]

    def consumer(on: Dataset) -> Any:
        @asset("fanned/{region}.json", partitions=REGIONS, on=on.fanout("all"), inputs={"a": on})
        def fanned(a: Version, region: Partition) -> str:
            if fails[0]:
                raise ValueError("no")
            return region.key + a.digest

        return fanned

    with world(lab, consumer(EARLY), LATE) as here:
        for name in told:
            here.tell(name, "1")
        assert len(here.runs()) == 2
        if state != "scheduled":
            assert len(here.work()) == 2
        assert here.runs() == []
        if state == "confirmed":
            here.tell("early", "1")
    with world(lab, consumer(BOTH), looked_at=False) as here:
        assert here.runs() == []
        if state == "scheduled":  # of another definition: as if they had never been
            assert here.work() == []
            assert len(here.runs()) == 2
            assert here.work() == ["success"] * 2
        assert here.runs() == []
        here.tell("late", "2")
        assert len(here.runs()) == 2


@pytest.mark.parametrize("back", [False, True])
def test_who_waited_for_it_before_goes_on_with_the_other_as_well(lab: Any, world: Any, back: bool) -> None:
    """An asset that waited for the one, then for the other, and then for both as one, keeps what is pending."""
    with world(lab, fanned(LATE), EARLY) as here:
        here.tell("late", "1")
        assert len(here.runs()) == 2
        assert here.work() == ["success"] * 2
    with world(lab, fanned(EARLY), LATE) as here:
        here.tell("early", "2")
        if back:
            here.tell("late", "2")
    with world(lab, fanned(BOTH), looked_at=False) as here:
        assert len(here.runs()) == 2
        assert here.work() == ["success"] * 2
        assert here.runs() == []


@pytest.mark.parametrize("told", [("early", "late"), ("late", "early")])
def test_who_waited_for_the_dataset_already_hears_nothing_new(lab: Any, world: Any, told: tuple[str, ...]) -> None:
    """What is told again for the sake of others, with or without partitions, is no news for who has that version: a
    partition that failed by it is not tried again."""

    def two(of_plain: Dataset, of_mine: Dataset) -> tuple[Any, ...]:
        @asset("plain.json", on=of_plain, inputs={"a": of_plain})
        def plain(a: Version) -> str:
            return a.digest

        @asset("mine/{region}.json", partitions=REGIONS, on=of_mine.fanout("all"), inputs={"a": of_mine})
        def mine(a: Version, region: Partition) -> str:
            raise ValueError(region.key)

        return plain, mine

    with world(lab, *two(EARLY, LATE)) as here:
        here.tell("late", "1")
        assert [one for one, _ in here.runs()] == ["mine"] * 2
        assert here.work() == ["failed"] * 2
        assert here.runs() == []
        for name in told:
            here.tell(name, "1")
    with world(lab, *two(BOTH, BOTH), looked_at=False) as here:
        assert [one for one, _ in here.runs()] == ["plain"]
