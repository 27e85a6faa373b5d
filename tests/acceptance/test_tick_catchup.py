"""Ticks that were missed: what is made up for, at once and one after the other, and what nobody makes up for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from penstock import Cron, Dataset, Every, Version, asset, pause, resume

pytestmark = pytest.mark.databases("sqlite", "postgresql")

Lab = Any
"""The fixture is a class of `conftest.py`, which no test can import."""


@pytest.mark.parametrize(("catchup", "made"), [("latest", 1), (2, 2), ("all", 3)])
def test_ticks_that_are_made_up_for_do_not_wait_for_the_next(
    lab: Lab, world: Any, catchup: str | int, made: int
) -> None:
    """One after the other at once, though each changes nothing, so that no end of a run asks for the one after."""

    @asset("length.json", on=Cron("0 * * * *", catchup=catchup), pure=True)
    def length(docs: Version) -> int:
        return len(docs.digest)

    with world(lab, Dataset("docs.txt", name="docs"), length) as here:
        here.tell(version="1")
        begun = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
        while here.runs(begun):
            here.work()
        assert len(here.runs(begun + timedelta(hours=3))) == made
        assert here.said("SELECT DISTINCT state FROM runs WHERE state <> 'success'") == [("skipped",)]
        assert here.runs(begun + timedelta(hours=3)) == []


@pytest.mark.parametrize("declared", [False, True])
@pytest.mark.parametrize("catchup", ["latest", "all", 3])
def test_dropped_ticks_are_made_up_for_by_nobody(lab: Lab, world: Any, catchup: str | int, declared: bool) -> None:
    """Whatever is caught up with: an asset that is resumed and drops what came waits for the next tick."""
    policy = {"on_resume": "drop"} if declared else {}
    steady = asset("steady.json", name="steady", on=Every("1h", catchup=catchup), **policy)(lambda: 1)
    options = {"project_folder": lab.folder, **lab.places}
    with world(lab, steady, looked_at=False) as here:
        pause(steady, **options)
        resume(steady, drop=None if declared else True, **options)
        begun = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
        assert here.runs() == []
        assert here.runs(begun + timedelta(hours=1)) == [("steady", "tick")]
        assert here.runs(begun + timedelta(hours=1)) == []
