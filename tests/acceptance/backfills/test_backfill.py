"""What a backfill makes, in which order, and what it leaves alone."""

from __future__ import annotations

import json
from typing import Any

import pytest

from penstock import Daily, Dataset, Hourly, Monthly, Partition, Static, Weekly, asset

pytestmark = pytest.mark.databases("sqlite", "postgresql")

DAYS = Daily(start="2026-01-01", end="2026-01-11")
FORTNIGHT = Daily(start="2026-01-05", end="2026-01-19")
WEEK = [f"daily 2026-01-{day:02}" for day in range(1, 6)]


@pytest.mark.parametrize(
    ("reprocess", "made"),
    [("missing", [1, 5]), ("failed", [1, 3, 5]), ("all", [1, 2, 3, 5])],
)
@pytest.mark.parametrize("order", ["forwards", "backwards"])
def test_which_partitions_are_made(lab: Any, asking: Any, reprocess: str, made: list[int], order: str) -> None:
    """Of five days the second is made, the third failed and the fourth is being made: that one is left alone."""
    broken, within = {"2026-01-03"}, list[Any]()

    @asset("daily/{day}.json", partitions=DAYS)
    def daily(day: Partition) -> str:
        if day.key in broken:
            raise ValueError("broken")
        if day.key == "2026-01-04":
            broken.clear()
            within.append(asking(daily, partitions="2026-01-01..2026-01-05", reprocess=reprocess, order=order))
        return day.key

    lab.make(daily, partitions="2026-01-02..2026-01-03")
    lab.make(daily, partitions="2026-01-04")
    (result,) = within
    expected = [f"daily 2026-01-{day:02}" for day in made]
    assert asking.took() == (expected if order == "forwards" else expected[::-1])
    assert result.ok
    assert result.state == "success"
    assert (result.backfill.looked, result.backfill.spared) == (5, 5 - len(made))
    reasons = {one.reason.kind.value for one in asking.ended}
    assert reasons == {"backfill"}
    (nonces,) = (
        lab.rows("SELECT count(*) FROM runs WHERE made_from LIKE '%nonce%'")
        if lab.url.startswith("sqlite")
        else lab.rows("SELECT count(*) FROM runs WHERE CAST(made_from AS TEXT) LIKE '%nonce%'")
    )
    assert nonces == (len(made) if reprocess == "all" else 0,)


def test_what_is_read_is_made_first_partition_by_partition(asking: Any) -> None:
    """Of several assets the keys are those of the last; each is made as soon as what it reads is there."""

    @asset("hourly/{hour}.json", partitions=Hourly(start="2026-01-01", end="2026-01-11"))
    def hourly(hour: Partition) -> str:
        return hour.key

    @asset("daily/{day}.json", partitions=DAYS, on=hourly)
    def daily(hourly: dict[str, str], day: Partition) -> int:
        return len(hourly)

    result = asking(hourly, daily, partitions="2026-01-01..2026-01-10")
    assert result.ok
    assert result.backfill.total == result.backfill.looked == 250
    begun = asking.took()
    assert len(begun) == len({*begun}) == 250
    for day in range(1, 11):
        hours = [f"hourly 2026-01-{day:02}T{hour:02}" for hour in range(24)]
        assert begun[25 * (day - 1) : 25 * day] == [*hours, f"daily 2026-01-{day:02}"]


@pytest.mark.parametrize("most", [None, 1, 2])
@pytest.mark.parametrize("order", ["forwards", "backwards"])
def test_several_assets_go_on_together(asking: Any, order: str, most: int | None) -> None:
    """A day of each asset, then the next day; a week when its days are done; whichever end it begins at, and however
    many runs may be active. Assets that nothing connects keep step as well."""

    @asset("raw/{day}.json", partitions=FORTNIGHT)
    def raw(day: Partition) -> str:
        return day.key

    @asset("clean/{day}.json", partitions=FORTNIGHT)
    def clean(raw: str) -> str:
        return raw

    @asset("weekly/{week}.json", partitions=Weekly(start="2026-01-05", end="2026-01-19"))
    def weekly(raw: dict[str, str], clean: dict[str, str]) -> int:
        return len(raw) + len(clean)

    @asset("alone/{day}.json", partitions=FORTNIGHT)
    def alone(day: Partition) -> str:
        return day.key

    days = [f"2026-01-{day:02}" for day in range(5, 19)]
    days, weeks = (days, ["W02", "W03"]) if order == "forwards" else (days[::-1], ["W03", "W02"])
    expected = list[str]()
    for number, day in enumerate(days, 1):
        expected += [f"{name} {day}" for name in ("raw", "alone", "clean")]
        if number % 7 == 0:
            expected.append(f"weekly 2026-{weeks.pop(0)}")
    options = {"partitions": "all", "order": order, "max_active_runs": most}
    result = asking(raw, clean, alone, weekly, select=["clean", "raw", "weekly"], **options)
    assert asking.took() == [one for one in expected if not one.startswith("alone")]
    assert (result.state, result.backfill.looked) == ("success", 30)
    again = asking(raw, clean, alone, reprocess="all", **options)
    begun = asking.took()
    assert [one for one in begun if one.endswith(days[0])] == begun[:3]
    assert sorted(begun) == sorted(one for one in expected if not one.startswith("weekly"))
    assert again.ok


def test_what_reads_other_days_comes_behind_them(asking: Any) -> None:
    """One that reads the day after brings that along, in front; one that reads the day before finds it made."""

    @asset("raw/{day}.json", partitions=DAYS)
    def raw(day: Partition) -> str:
        return day.key

    @asset("ahead/{day}.json", partitions=DAYS, inputs={"raw": raw.offset(1)})
    def ahead(raw: str) -> str:
        return raw

    @asset("behind/{day}.json", partitions=DAYS, inputs={"ahead": ahead.offset(-1)})
    def behind(ahead: str) -> str:
        return ahead

    result = asking(raw, ahead, behind, partitions="2026-01-02..2026-01-04")
    days = [tuple(one.split(" 2026-01-0")) for one in asking.took()]
    assert days == [("raw", "2"), ("ahead", "1"), ("raw", "3"), ("ahead", "2"), ("behind", "2"), ("raw", "4"),
                    ("ahead", "3"), ("behind", "3"), ("behind", "4")]  # fmt: skip
    assert result.ok


def test_named_partitions_keep_their_order(asking: Any) -> None:
    """Without windows each key of the definition is made through all assets, and then the next one."""
    regions = Static("us", "eu", "asia", name="region")

    @asset("raw/{region}.json", partitions=regions)
    def raw(region: Partition) -> str:
        return region.key

    @asset("clean/{region}.json", partitions=regions)
    def clean(raw: str) -> str:
        return raw

    asking(raw, clean, partitions="all")
    assert asking.took() == [f"{name} {region}" for region in ("us", "eu", "asia") for name in ("raw", "clean")]


def test_a_chunk_knows_what_failed_before_it(asking: Any) -> None:
    """A month whose first hours failed is held for these, although a hundred others were looked at since."""

    @asset("hourly/{hour}.json", partitions=Hourly(start="2026-01-01", end="2026-02-01"))
    def hourly(hour: Partition) -> str:
        if hour.key == "2026-01-01T05":
            raise ValueError("no such hour")
        return hour.key

    @asset("monthly/{month}.json", partitions=Monthly(start="2026-01-01", end="2026-02-01"))
    def monthly(hourly: dict[str, str]) -> int:
        return len(hourly)

    result = asking(hourly, monthly, partitions="2026-01")
    (held,) = result.backfill.reasons.values()
    assert (held["kind"], held["names"]) == ("upstream_failed", ["hourly 2026-01-01T05"])
    assert (result.backfill.looked, result.backfill.total, result.backfill.held) == (745, 745, 1)


def test_a_data_triggered_consumer_is_backfilled(lab: Any, asking: Any) -> None:
    """What its condition waits for makes no difference, an unpartitioned dataset in it included."""
    lab.write("config.json", "7")

    @asset("config.json")
    def config() -> int:
        return 7

    @asset("up/{day}.json", partitions=DAYS)
    def up() -> int:
        return 1

    @asset("down/{day}.json", partitions=DAYS, on=up & config)
    def down(up: int, config: int) -> int:
        return up + config

    lab.make(config, select="config")
    lab.make(up, select="up", partitions="2026-01-01..2026-01-03")
    result = asking(config, up, down, select="down", partitions="2026-01-01..2026-01-03")
    assert result.ok
    assert asking.took() == [f"down 2026-01-0{day}" for day in (1, 2, 3)]
    assert json.loads(lab.read("down/2026-01-03.json")) == 8


def test_what_cannot_be_made_is_held_and_said(asking: Any) -> None:
    """A day whose hour failed is held with the reason; the others are made, and the backfill has failed."""

    @asset("hourly/{hour}.json", partitions=Hourly(start="2026-01-01", end="2026-01-11"))
    def hourly(hour: Partition) -> str:
        if hour.key == "2026-01-02T05":
            raise ValueError("no such hour")
        return hour.key

    @asset("daily/{day}.json", partitions=DAYS)
    def daily(hourly: dict[str, str], day: Partition) -> int:
        return len(hourly)

    result = asking(hourly, daily, partitions="2026-01-01..2026-01-03")
    assert not result.ok
    assert result.state == "failed"
    assert result.runs == {"success": 73, "failed": 1}
    assert result.backfill.held == 1
    (held,) = result.backfill.reasons.items()
    assert held[0] == "daily 2026-01-02"
    assert held[1]["kind"] == "upstream_failed"
    assert held[1]["names"] == ["hourly 2026-01-02T05"]
    assert [one.partition for one in result.failed] == ["2026-01-02T05"]


@pytest.mark.parametrize("order", ["forwards", "backwards"])
def test_a_product_goes_by_its_windows(asking: Any, order: str) -> None:
    """All regions of a day, then those of the next; or from the last day to the first."""

    @asset("sales/{region}/{day}.json", partitions=Static("us", "eu", name="region") * DAYS)
    def sales(part: Partition) -> str:
        return part.key

    result = asking(sales, partitions="day=2026-01-01..2026-01-03", order=order)
    assert result.ok
    expected = [f"sales {region}|2026-01-0{day}" for day in (1, 2, 3) for region in ("us", "eu")]
    assert asking.took() == (expected if order == "forwards" else expected[::-1])


def test_a_month_that_is_not_asked_for_is_not_made(asking: Any) -> None:
    """Assets that are not selected are no part of it; nor are those without partitions."""

    @asset("daily/{day}.json", partitions=DAYS)
    def daily(day: Partition) -> str:
        return day.key

    @asset("monthly/{month}.json", partitions=Monthly(start="2026-01-01", end="2026-02-01"), on=daily)
    def monthly(daily: dict[str, str]) -> int:
        return len(daily)

    @asset("total.json", on=daily)
    def total(daily: dict[str, str]) -> int:
        return len(daily)

    asking(daily, monthly, total, select=["daily", "total"], partitions="2026-01-01..2026-01-05")
    assert asking.took() == WEEK


def test_no_more_runs_are_active_than_it_may_have(lab: Any, asking: Any) -> None:
    """Counted in the store, where every process sees it: with one at a time each run is recorded by itself."""
    active: list[tuple[int]] = []

    @asset("daily/{day}.json", partitions=DAYS)
    def daily(day: Partition) -> str:
        active.extend(lab.rows("SELECT count(*) FROM runs WHERE ended_at IS NULL"))
        return day.key

    asking(daily, partitions="2026-01-01..2026-01-05", max_active_runs=1)
    assert active == [(1,)] * 5
    active.clear()
    asking(daily, partitions="2026-01-06..2026-01-10")
    assert active == [(count,) for count in (5, 4, 3, 2, 1)]


def test_an_input_that_moves_is_read_anew(lab: Any, asking: Any) -> None:
    """What others overwrite while a day is made: that day and the rest read what is there then."""
    path, source = lab.write("source.txt", "old"), Dataset("source.txt")

    @asset("daily/{day}.txt", partitions=DAYS, inputs={"source": source})
    def daily(source: str, day: Partition) -> str:
        if day.key == "2026-01-02" and source == "old":
            path.write_text("new and longer")
        return source

    result = asking(source, daily, partitions="2026-01-01..2026-01-04")
    assert [lab.read(f"daily/2026-01-0{day}.txt") for day in (1, 2, 3, 4)] == ["old", *["new and longer"] * 3]
    assert result.state == "success", result.failed
