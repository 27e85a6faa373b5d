"""What is confirmed while a partition is being made is passed on when it was made: downstream waits for no half that
stayed the same."""

from __future__ import annotations

from typing import Any

import pytest

from penstock import Dataset, Partition, Static, Version, asset

pytestmark = pytest.mark.databases("sqlite", "postgresql")

CONFIG = Dataset("warehouse://db/config")
RAW = Dataset("warehouse://db/raw/{region}", name="raw", partitions=Static("eu", "us", name="region"))


def things(on: Any, reads: Dataset, *, fails: bool = False, limit: int = 1) -> tuple[Any, ...]:
    """Two regions that news makes, and what waits for either's news, confirmed or not."""
    regions = Static("eu", "us", name="region")

    @asset("made/{region}.json", partitions=regions, on=on, inputs={"a": reads}, max_active_runs=limit)
    def made(a: Version, region: Partition) -> str:
        if fails:
            raise ValueError(region.key)
        return region.key + a.digest

    @asset("behind/{region}.json", partitions=regions, on=made.updated())
    def behind(made: str) -> str:
        return made

    return made, behind


WAYS = {"fanned": (CONFIG.fanout("all"), CONFIG), "keyed": (RAW, RAW)}


@pytest.mark.parametrize("way", sorted(WAYS))
@pytest.mark.parametrize("looked", [True, False])
@pytest.mark.parametrize("limit", [1, 2])
def test_a_confirmation_of_what_is_being_made_is_passed_on_once(
    lab: Any, world: Any, way: str, looked: bool, limit: int
) -> None:
    """By the pass after the run has ended, whether or not one came before; and never again."""
    on, reads = WAYS[way]

    def tell(version: str) -> None:
        if way == "fanned":
            here.tell("config", version)
        else:
            for region in ("eu", "us"):
                here.tell("raw", version, partition=region)

    with world(lab, *things(on, reads, limit=limit)) as here:
        tell("1")
        assert [one for one, _ in here.runs()] == ["made"] * 2
        tell("1")
        if looked:
            assert here.runs() == []
        assert lab.events("made") == []
        assert here.work() == ["success"] * 2
        assert [one for one, _ in here.runs()] == ["behind"] * 2
        assert lab.events("made") == ["changed"] * 2 + ["confirmed"] * 2
        assert here.work() == ["success"] * 2
        here.runs()
        assert here.runs() == []
        assert lab.events("made") == ["changed"] * 2 + ["confirmed"] * 2


def test_what_failed_confirms_nothing(lab: Any, world: Any) -> None:
    """The partition was not made of what is confirmed."""
    with world(lab, *things(*WAYS["fanned"], fails=True)) as here:
        here.tell("config", "1")
        assert len(here.runs()) == 2
        here.tell("config", "1")
        assert here.runs() == []
        assert here.work() == ["failed"] * 2
        assert here.runs() == []
        assert lab.events("made") == []
