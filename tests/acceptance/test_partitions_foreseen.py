"""Which partitions news and ticks will make, before they are made: as stretches, and nothing is written by asking."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from penstock import Cron, Daily, Dataset, Hourly, Partition, asset
from penstock.assets.plan.preview import Foreseen
from penstock.assets.run.api import outlook
from penstock.storage.types import ReasonKind
from tests.acceptance.test_partitions_observed import DAYS, sums, total, write

pytestmark = pytest.mark.databases("sqlite", "postgresql")


def said(foreseen: list[Foreseen] | tuple[Foreseen, ...], name: str) -> list[tuple[str, str, str, int]]:
    """What would become of partitions of an asset: first, last, word, how many."""
    return [(one.partition, one.last, one.outcome, one.count) for one in foreseen if one.asset == name]


def test_what_a_look_finds_is_foreseen_partition_by_partition(lab: Any, world: Any) -> None:
    """As the planner will see it once that is recorded; what was planned then is what was foreseen."""
    for day in (1, 2, 3, 5):
        write(lab, day, day)
    with world(lab, sums, total) as here:
        before = lab.dump()
        found = outlook(here.project)
        assert (found.changed, found.removed) == (("logs",), ())
        assert said(found.assets, "sums") == [("2026-01-01", "2026-01-05", "run", 4)]
        assert said(found.assets, "total") == [("", "", "run", 1)]
        assert said(tuple(lab.foresee_all(sums, total)), "sums") == [("2026-01-01", "2026-01-05", "run", 4)]
        assert lab.dump() == before
        result = lab.make(sums, total)
        assert [one.partition for one in result.executed if one.partition] == [
            f"2026-01-0{day}" for day in (1, 2, 3, 5)
        ]
        assert said(outlook(here.project).assets, "sums")[0][2] == "hold"
        (lab.data / "logs/date=2026-01-03/part.csv").unlink()
        found = outlook(here.project)
        assert [one.outcome for one in found.assets if one.asset == "sums"] == ["hold"]


def test_what_news_concerns_and_lacks_more_is_held(lab: Any, world: Any) -> None:
    """A roll-up that is not complete says what it waits for; one that is runs."""
    hours = Dataset("warehouse://db/{hour}", partitions=Hourly(start="2026-01-01", end="2026-02-01"), name="hours")

    @asset("daily/{day}.json", partitions=DAYS, on=hours)
    def daily(day: Partition) -> str:
        return day.key

    with world(lab, daily) as here:
        for hour in range(24):
            here.tell("hours", partition=f"2026-01-01T{hour:02}")
        here.tell("hours", partition="2026-01-02T00")
        found = outlook(here.project).assets
        assert said(found, "daily") == [("2026-01-01", "", "run", 1), ("2026-01-02", "", "hold", 1)]
        assert "1 of 24" in found[-1].reason.text
        assert [name for name, _ in here.runs()] == ["daily"]


def test_a_stretch_is_of_those_that_lie_in_it(lab: Any) -> None:
    """What has news and what a publication may concern are planned one behind the other, and told in the order of their
    windows."""

    @asset("a/{day}.json", partitions=DAYS)
    def a(day: Partition) -> str:
        return day.key

    @asset("b/{day}.json", partitions=DAYS, on=a)
    def b(a: str) -> str:
        return a

    lab.make(a, b, select="b", partitions="2026-01-01", only=True)
    for day in (2, 4):
        lab.make(a, b, select="a", partitions=f"2026-01-0{day}", only=True)
    found = lab.foresee_all(a, b, select=["a"], partitions="2026-01-03")
    kinds = [(one.partition, one.last, one.count) for one in found if one.asset == "b"]
    assert kinds == [("2026-01-02", "2026-01-04", 3)]


def test_a_long_range_is_counted(lab: Any, world: Any) -> None:
    """News of what has no partitions concerns every hour of two years: some are planned, the others counted."""
    config = Dataset("warehouse://db/config")
    hours = Hourly(start="2024-01-01", end="2026-01-01")

    @asset("every/{hour}.json", partitions=hours, on=config.fanout("all"))
    def every(hour: Partition) -> str:
        return hour.key

    with world(lab, every) as here:
        here.tell("config")
        first, rest = (one for one in outlook(here.project).assets if one.asset == "every")
        assert (first.partition, first.outcome, first.count) == ("2024-01-01T00", "run", 200)
        assert (rest.outcome, rest.count) == ("possible", 731 * 24 - 200)


def test_what_a_tick_selects_is_foreseen(lab: Any, world: Any) -> None:
    """The last window that is over, with the reason."""

    @asset("nightly/{day}.json", partitions=Daily(start="2026-01-01"), on=Cron("* * * * *", catchup=1))
    def nightly(day: Partition) -> str:
        return day.key

    with world(lab, nightly, looked_at=False) as here:
        (one,) = outlook(here.project).assets
        yesterday = f"{datetime.now(UTC) - timedelta(days=1):%Y-%m-%d}"
        assert (one.partition, one.outcome, one.reason.kind) == (yesterday, "run", ReasonKind.TICK)
        assert here.said("SELECT asset_id FROM ticks") == []
        assert [run.planned.partition for run in here.tick().record.runs] == [yesterday]


@pytest.mark.parametrize("last", ["today", "before"])
def test_what_is_read_in_two_ways_is_foreseen_as_it_is_waited_for(lab: Any, last: str) -> None:
    """Whatever the order of the parameters: a day starts itself, and the next one where that lacked it."""

    @asset("up/{day}.json", partitions=DAYS)
    def up(day: Partition) -> str:
        return day.key

    def ending_before(today: str, before: str) -> list[str]:
        return [today, before]

    def ending_today(before: str, today: str) -> list[str]:
        return [today, before]

    down = asset("down/{day}.json", name="down", partitions=DAYS, on=up, inputs={"today": up, "before": up.offset(-1)})(
        ending_before if last == "before" else ending_today
    )
    lab.make(up, down, select="up", partitions="2026-01-03..2026-01-04")
    for day, starts in (("2026-01-05", "2026-01-05"), ("2026-01-02", "2026-01-03")):
        foreseen = lab.foresee_all(up, down, select=["up"], partitions=day)
        assert [one.partition for one in foreseen if one.asset == "down" and one.outcome == "run"] == [starts]
        made = lab.make(up, down, select="up", partitions=day)
        assert [one.partition for one in made.executed if one.asset == "down"] == [starts]
