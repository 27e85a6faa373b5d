"""News of a dataset without partitions that is confirmed before anyone looks makes the partitions all the same."""

from __future__ import annotations

from typing import Any

import pytest

from penstock import Dataset, Partition, Static, Version, asset

pytestmark = pytest.mark.databases("sqlite", "postgresql")

CONFIG = Dataset("warehouse://db/config")


def fanned(how: Any, *, reads: bool) -> Any:
    """An asset whose partitions news of the config makes, with the config as input or without."""
    regions = Static("eu", "us", name="region")
    if not reads:

        @asset("fanned/{region}.json", partitions=regions, on=CONFIG.fanout(how))
        def fanned(region: Partition) -> str:
            return region.key

        return fanned

    @asset("fanned/{region}.json", partitions=regions, on=CONFIG.fanout(how), inputs={"config": CONFIG})
    def fanned_of(region: Partition, config: Version) -> str:
        return region.key + config.digest

    return fanned_of


@pytest.mark.parametrize("reads", [True, False])
@pytest.mark.parametrize(("how", "made"), [("all", 2), ("latest", 1)])
def test_a_change_that_is_confirmed_before_the_next_pass_makes_partitions(
    lab: Any, world: Any, how: str, made: int, reads: bool
) -> None:
    """Told 2 and 2 again, they are made of 2, once; what is confirmed thereafter makes nothing."""
    with world(lab, fanned(how, reads=reads)) as here:
        here.tell("config", "1")
        assert len(here.runs()) == made
        here.work()
        here.tell("config", "2")
        here.tell("config", "2")
        assert len(here.runs()) == made
        assert here.work() == ["success"] * made
        assert here.runs() == []
        here.tell("config", "2")
        assert here.runs() == []
        here.tell("config", "3")
        assert len(here.runs()) == made
