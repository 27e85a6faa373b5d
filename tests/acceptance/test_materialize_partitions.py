"""Assets with partitions are made by hand, key by key: what is read, what is skipped, and what is held."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pytest

from penstock import Context, Daily, Dynamic, Hourly, Monthly, Partition, Static, Version, asset
from penstock.assets.run.progress import Result

pytestmark = pytest.mark.databases("sqlite", "postgresql")

NEW_YORK = {"tz": "America/New_York"}
DAYS = Daily(start="2026-01-01", end="2026-01-08")


def states(result: Result) -> Counter[tuple[str, str]]:
    """How many of each asset ended how; what did not run is held."""
    return Counter((one.asset, "held" if one.state is None else one.state.value) for one in result.outcomes)


def hours_and_days(around: str, until: str, config: str = "1") -> list[Any]:
    """Hourly from a config, daily from its hours, and all days in one."""

    @asset("config.json")
    def settings() -> int:
        return int(config)

    @asset("hourly/{hour}.parquet", partitions=Hourly(start=around, end=until, **NEW_YORK))
    def hourly(config: int, hour: Partition) -> pl.DataFrame:
        return pl.DataFrame({"hour": [hour.key], "config": [config]})

    @asset("daily/{day}.parquet", partitions=Daily(start=around, end=until, **NEW_YORK))
    def daily(hourly: pl.LazyFrame) -> pl.LazyFrame:
        return hourly.select(pl.len().alias("hours"))

    @asset("total.json")
    def total(daily: pl.DataFrame) -> list[int]:
        return daily["hours"].to_list()

    return [settings, hourly, daily, total]


@pytest.mark.parametrize(("day", "until", "hours"), [
    ("2024-03-09", "2024-03-10", 24), ("2024-03-10", "2024-03-11", 23), ("2024-11-03", "2024-11-04", 25),
])  # fmt: skip
def test_a_day_reads_its_hours(lab: Any, day: str, until: str, hours: int) -> None:
    """As many as it has in its zone; each hour and each day is a run of its own, and the second call skips all."""
    things = hours_and_days(day, until)
    result = lab.make(*things, partitions=day)
    assert result.ok, [(one.error, one.reason.text) for one in result.outcomes if one.error]
    assert states(result) == {
        ("settings", "success"): 1, ("hourly", "success"): hours, ("daily", "success"): 1, ("total", "success"): 1
    }  # fmt: skip
    assert lab.read("total.json").strip() == f"[{hours}]"
    assert (lab.data / f"daily/{day}.parquet").exists()
    again = lab.make(*things, select="hourly+", partitions=day)
    assert {state for _, state in states(again)} == {"skipped"}


def test_one_hour_that_is_made_again_re_makes_just_its_day(lab: Any) -> None:
    """What nothing changed for is skipped, key by key; the day says why it was made."""
    value = {"2026-01-02T05": 1}

    @asset("hourly/{hour}.json", partitions=Hourly(start="2026-01-01", end="2026-01-04"))
    def hourly(hour: Partition) -> int:
        return value.get(hour.key, 0)

    @asset("daily/{day}.json", partitions=Daily(start="2026-01-01", end="2026-01-04"))
    def daily(hourly: dict[str, int], day: Partition) -> int:
        assert list(hourly) == sorted(hourly)
        return sum(hourly.values())

    first = lab.make(hourly, daily, partitions="2026-01-01..2026-01-03")
    assert states(first) == {("hourly", "success"): 72, ("daily", "success"): 3}
    value["2026-01-02T05"] = 7
    hour = lab.make(hourly, daily, select="hourly", partitions="2026-01-02T05")
    assert states(hour) == {("hourly", "success"): 1}
    second = lab.make(hourly, daily, select="daily", partitions="all")
    assert states(second) == {("daily", "skipped"): 2, ("daily", "success"): 1}
    assert second["daily", "2026-01-02"].reason.text == "input changed: hourly"
    assert lab.read("daily/2026-01-02.json").strip() == "7"


def test_every_partition_has_its_run_its_event_and_its_version(lab: Any) -> None:
    """The key stands in the run, its pins, the event and the version; equal bytes of two keys are two versions."""

    @asset("up/{day}.json", partitions=DAYS)
    def up() -> int:
        return 1

    @asset("down/{day}.txt", partitions=DAYS)
    def down(up: int, day: Partition) -> str:
        assert day.start is not None
        return day.start.isoformat()

    lab.make(up, down, partitions="2026-01-01..2026-01-02")
    runs = lab.rows("SELECT a.name, r.partition FROM runs r JOIN assets a ON a.id = r.asset_id ORDER BY r.id")
    keys = ["2026-01-01", "2026-01-02"]
    assert runs == [(name, key) for name in ("up", "down") for key in keys]
    assert lab.rows("SELECT partition FROM pins ORDER BY partition") == [(key,) for key in keys]
    events = lab.rows(
        "SELECT e.partition, e.number, e.kind FROM events e JOIN datasets d ON d.id = e.dataset_id "
        "WHERE d.name = 'up' ORDER BY e.number"
    )
    assert events == [(keys[0], 1, "changed"), (keys[1], 2, "changed")]
    assert lab.rows("SELECT count(*), count(DISTINCT digest) FROM versions WHERE partition <> ''") == [(4, 3)]
    assert lab.rows("SELECT count(*) FROM edges") == [(2,)]
    assert lab.rows("SELECT line, keys FROM partition_ranges") == [("", 2)] * 2
    assert lab.rows("SELECT count(*) FROM partition_heads WHERE shown_version_id = version_id") == [(4,)]
    assert lab.rows("SELECT count(*) FROM datasets WHERE head_version_id IS NOT NULL") == [(0,)]
    assert lab.read("down/2026-01-02.txt") == "2026-01-02T00:00:00+00:00"
    nominal = lab.rows("SELECT nominal_start FROM runs WHERE partition = '2026-01-02'")
    assert {str(start)[:10] for (start,) in nominal} == {"2026-01-02"}


def test_a_product_is_rolled_up_by_day(lab: Any) -> None:
    """A region that is missing holds back its own day alone."""
    regions = Static("eu", "us", name="region")

    @asset("sales/{day}/{region}.json", partitions=DAYS * regions)
    def sales(part: Partition) -> dict[str, Any]:
        return dict(part.parts)

    @asset("daily/{day}.json", partitions=DAYS)
    def daily(sales: dict[str, Any]) -> list[str]:
        return list(sales)

    made = lab.make(sales, daily, select="sales", partitions="day=2026-01-01..2026-01-02;region=eu")
    assert states(made) == {("sales", "success"): 2}
    lab.make(sales, daily, select="sales", partitions="2026-01-01|us")
    result = lab.make(sales, daily, select="daily", partitions="2026-01-01..2026-01-02")
    assert states(result) == {("daily", "success"): 1, ("daily", "held"): 1}
    assert result["daily", "2026-01-02"].reason.text == "input has no version: sales 2026-01-02|us"
    assert not result.ok
    assert lab.read("daily/2026-01-01.json").strip() == '["2026-01-01|eu","2026-01-01|us"]'
    whole = lab.make(sales, daily, partitions="2026-01-02")
    assert states(whole) == {("sales", "success"): 2, ("daily", "success"): 1}


def test_a_dynamic_key_appears_when_it_is_named(lab: Any) -> None:
    """From then on it is one of those that there are."""
    customers = Dynamic(name="customer")

    @asset("raw/{customer}.txt", partitions=customers)
    def raw(customer: Partition) -> str:
        return customer.key

    @asset("report/{customer}.txt", partitions=customers)
    def report(raw: str) -> str:
        return raw.upper()

    result = lab.make(raw, report, partitions="globex,acme")
    assert states(result) == {("raw", "success"): 2, ("report", "success"): 2}
    again = lab.make(raw, report, select="report", partitions="all")
    assert [one.partition for one in again.outcomes] == ["acme", "globex"]
    assert lab.read("report/acme.txt") == "ACME"


def test_what_is_read_of_several_partitions(lab: Any) -> None:
    """Frames and tables are one behind the other in the order of the keys, JSON and versions go by key."""

    @asset("up/{day}.parquet", partitions=DAYS)
    def up(day: Partition) -> pl.DataFrame:
        return pl.DataFrame({"day": [day.key]})

    @asset("lazy.json", inputs={"lazy": up, "frame": up, "table": up, "frames": up, "by_key": up})
    def down(
        lazy: pl.LazyFrame,
        frame: pl.DataFrame,
        table: pa.Table,
        frames: Iterator[pl.DataFrame],
        by_key: Mapping[str, Version],
    ) -> list[list[str]]:
        found = [lazy.collect()["day"], frame["day"], table["day"].to_pylist(), pl.concat(frames)["day"]]
        assert all(one.digest for one in by_key.values())
        return [*map(list, found), list(by_key)]

    lab.make(up, select="up", partitions="2026-01-05")
    result = lab.make(up, down, partitions="2026-01-01..2026-01-02")
    assert result.ok, result["down"].error
    (read,) = {str(one) for one in json.loads(lab.read("lazy.json"))}
    assert read == "['2026-01-01', '2026-01-02', '2026-01-05']"


def test_the_key_is_a_column_where_that_is_asked(lab: Any) -> None:
    """`keyed("day")` at the input, in every form of a frame."""

    @asset("up/{day}.parquet", partitions=DAYS)
    def up() -> pl.DataFrame:
        return pl.DataFrame({"x": [1]})

    @asset("down.json", inputs={"lazy": up.keyed("day"), "table": up.keyed("d"), "frames": up.keyed("day")})
    def down(lazy: pl.LazyFrame, table: pa.Table, frames: Iterator[pl.DataFrame]) -> list[Any]:
        return [lazy.collect().rows(), table.to_pylist(), [frame.rows() for frame in frames]]

    result = lab.make(up, down, partitions="2026-01-01")
    assert result.ok, [(one.error, one.reason.text) for one in result.outcomes if one.error]
    assert lab.read("down.json").strip() == '[[["2026-01-01",1]],[{"d":"2026-01-01","x":1}],[[["2026-01-01",1]]]]'


@pytest.mark.parametrize("form", [pl.DataFrame, pl.LazyFrame, pa.Table, Iterator[pl.DataFrame]])
def test_a_column_that_is_there_already_takes_no_keys(lab: Any, form: Any) -> None:
    """The sentence names the input, its partition and `keyed`, and the columns that there are, in every form."""

    @asset("up/{day}.parquet", partitions=DAYS)
    def up() -> pl.DataFrame:
        return pl.DataFrame({"n": [1], "m": [2]})

    def down(up: Any) -> int:
        return len(list(up))

    down.__annotations__["up"] = form
    below = asset("down.json", inputs={"up": up.keyed("n")})(down)
    error = lab.make(up, below, partitions="2026-01-01")["down"].error
    assert error["message"] == (
        "input up 2026-01-01 has a column 'n' already, and keyed('n') is to add one of that name"
    )
    assert error["hint"] == "Choose another: keyed('n_key'). It has: n, m."


def test_a_day_reads_the_day_before_and_the_last_month(lab: Any) -> None:
    """One partition is read as its annotation says; the first has none before it, and takes None where it may."""
    days = Daily(start="2026-01-30", end="2026-02-03")

    @asset("months/{month}.txt", partitions=Monthly(start="2025-12-01", end="2026-02-01"))
    def months(month: Partition) -> str:
        return month.key

    @asset("up/{day}.txt", partitions=days)
    def up(day: Partition) -> str:
        return day.key

    @asset("down/{day}.txt", partitions=days, inputs={"before": up.offset(-1), "month": months.last()})
    def down(before: str | None, month: Path, day: Partition) -> str:
        return f"{before} {month.read_text()}"

    assert lab.make(months, up, down, partitions="all").ok
    shown = [lab.read(f"down/{day}.txt") for day in ("2026-01-30", "2026-01-31", "2026-02-02")]
    assert shown == ["None 2025-12", "2026-01-30 2026-01", "2026-02-01 2026-01"]


def test_at_least_so_many_are_enough(lab: Any) -> None:
    """With fewer the day is held; the reason names some of what is missing and says how many more."""

    @asset("hourly/{hour}.json", partitions=Hourly(start="2026-01-01", end="2026-01-03"))
    def hourly() -> int:
        return 1

    @asset("daily/{day}.json", partitions=Daily(start="2026-01-01", end="2026-01-03"), on=hourly.rollup(at_least=20))
    def daily(hourly: dict[str, int]) -> int:
        return len(hourly)

    lab.make(hourly, daily, select="hourly", partitions="2026-01-01T00..2026-01-01T18")
    few = lab.make(hourly, daily, select="daily", partitions="2026-01-01")
    assert few["daily", "2026-01-01"].reason.text == (
        "input has no version: hourly 2026-01-01T19, hourly 2026-01-01T20, hourly 2026-01-01T21; and 2 more"
    )
    lab.make(hourly, daily, select="hourly", partitions="2026-01-01T19")
    assert lab.make(hourly, daily, select="daily", partitions="2026-01-01").ok
    assert lab.read("daily/2026-01-01.json").strip() == "20"


def countries_of(region: str) -> list[str]:
    """The countries of a region."""
    return {"eu": ["de", "fr"], "us": ["us"]}.get(region, [])


@pytest.mark.parametrize("mapping", [countries_of, {"eu": ["de", "fr"], "us": ["us"]}])
def test_a_mapping_says_what_a_key_reads(lab: Any, mapping: Any) -> None:
    """A function of the project, or a table: only the regions are made that the countries read."""
    countries = Static("de", "fr", "us", name="country")

    @asset("scores/{region}.json", partitions=Static("eu", "us", "asia", name="region"))
    def scores(region: Partition) -> list[str]:
        return [region.key]

    @asset("country/{country}.json", partitions=countries, inputs={"scores": scores.mapped(mapping)})
    def country(scores: dict[str, list[str]]) -> list[str]:
        return list(scores)

    result = lab.make(scores, country, partitions="de,fr")
    assert [(one.asset, one.partition) for one in result.outcomes] == [
        ("scores", "eu"), ("country", "de"), ("country", "fr")
    ]  # fmt: skip
    assert lab.read("country/fr.json").strip() == '["eu"]'


def test_several_outputs_of_a_partition_are_published_together(lab: Any) -> None:
    """One that is left out keeps its head; each has its own path."""
    both = {"2026-01-01": True}

    @asset(outputs={"even": "even/{day}.json", "odd": "odd/{day}.json"}, partitions=DAYS)
    def split(day: Partition) -> dict[str, int]:
        return {"even": 2, "odd": 1} if both.get(day.key) else {"even": 4}

    first = lab.make(split, partitions="2026-01-01..2026-01-02")
    assert [[made.dataset for made in one.made] for one in first.outcomes] == [["even", "odd"], ["even"]]
    both.clear()
    assert lab.make(split, partitions="2026-01-01").ok
    assert (lab.read("even/2026-01-01.json").strip(), lab.read("odd/2026-01-01.json").strip()) == ("4", "1")
    assert not (lab.data / "odd/2026-01-02.json").exists()


def test_a_producer_may_write_files_of_its_partition(lab: Any) -> None:
    """`ctx.output` is a folder of this partition; an input that is one partition can be taken as a path."""

    @asset("model/{day}/", partitions=DAYS)
    def model(day: Partition, ctx: Context) -> Path:
        (ctx.output / "card.txt").write_text(day.key)
        return ctx.output

    @asset("card/{day}.txt", partitions=DAYS)
    def card(model: Path) -> str:
        return (model / "card.txt").read_text()

    assert lab.make(model, card, partitions="2026-01-01..2026-01-02").ok
    assert lab.read("card/2026-01-02.txt") == lab.read("model/2026-01-02/card.txt") == "2026-01-02"
