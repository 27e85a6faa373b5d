"""What is said of partitions: held, skipped, foreseen, refused; drift, lineage, and what is made of news."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from penstock import Daily, Definitions, Hourly, Partition, Static, asset
from penstock.assets.run.api import prepared
from penstock.assets.run.attempt.worker import attempt
from penstock.assets.run.project.project import open_registered
from penstock.assets.run.recovery import unclaimed
from penstock.assets.run.tick import tick
from penstock.storage.errors import DefinitionError, UsageError
from penstock.storage.types import RunState
from tests.acceptance.test_materialize_partitions import DAYS, states

pytestmark = pytest.mark.databases("sqlite", "postgresql")


def test_a_key_that_fails_holds_back_what_reads_it_alone(lab: Any) -> None:
    """The other days are made; what reads all of them is held. Made once, all is well."""
    broken = {"2026-01-02"}

    @asset("up/{day}.json", partitions=DAYS)
    def up(day: Partition) -> int:
        if day.key in broken:
            raise ValueError(day.key)
        return 1

    @asset("down/{day}.json", partitions=DAYS)
    def down(up: int) -> int:
        return up

    @asset("sum.json")
    def total(down: dict[str, int]) -> int:
        return sum(down.values())

    result = lab.make(up, down, total, partitions="2026-01-01..2026-01-03")
    assert states(result) == {
        ("up", "success"): 2, ("up", "failed"): 1, ("down", "success"): 2, ("down", "held"): 1, ("total", "held"): 1
    }  # fmt: skip
    assert result["down", "2026-01-02"].reason.text == "upstream failed: up 2026-01-02"
    assert result["total"].reason.text == "upstream failed: down 2026-01-02"
    broken.clear()
    assert lab.make(up, down, total, partitions="2026-01-01..2026-01-03").ok
    assert lab.read("sum.json").strip() == "3"


def test_force_makes_every_key_again(lab: Any) -> None:
    """What comes out equal is confirmed."""

    @asset("one.json")
    def one() -> int:
        return 1

    @asset("up/{day}.json", partitions=DAYS)
    def up(one: int) -> int:
        return one

    lab.make(one, up, partitions="last:2")
    forced = lab.make(one, up, select="up", partitions="last:2", force=True)
    assert [(out.partition, out.made[0].kind) for out in forced.outcomes] == [
        ("2026-01-06", "confirmed"),
        ("2026-01-07", "confirmed"),
    ]


def test_without_keys_nothing_of_it_is_made(lab: Any) -> None:
    """The reason says what is missing; what reads it whole has no version to read."""

    @asset("up/{day}.json", partitions=DAYS)
    def up() -> int:
        return 1

    result = lab.make(up)
    assert states(result) == {("up", "held"): 1}
    assert "names its keys" in result["up"].reason.text


def test_keys_that_cannot_be_meant_are_refused(lab: Any) -> None:
    """Nothing is recorded: a key outside, one to come, and keys where nothing has partitions."""

    @asset("one.json")
    def one() -> int:
        return 1

    @asset("up/{day}.json", partitions=Daily(start="2026-01-01"))
    def up() -> int:
        return 1

    for text, said in (("2025-12-31", "begins with 2026-01-01"), ("2150-01-01", "is not over"), ("x", "no key")):
        with pytest.raises(UsageError, match=said):
            lab.make(up, partitions=text)
    with pytest.raises(UsageError, match="no asset of the selection has partitions"):
        lab.make(one, up, select="one", partitions="2026-01-01")
    assert lab.rows("SELECT count(*) FROM materializations") == [(0,)]


def test_a_uri_that_was_deleted_shows_its_partition_again(lab: Any) -> None:
    """When the partition is skipped; what somebody else wrote there is told, with its own path."""

    @asset("one.json")
    def one() -> int:
        return 1

    @asset("up/{day}.txt", partitions=DAYS)
    def up(one: int, day: Partition) -> str:
        return day.key

    lab.make(one, up, partitions="2026-01-01..2026-01-02")
    (lab.data / "up/2026-01-01.txt").unlink()
    (lab.data / "up/2026-01-02.txt").unlink()
    lab.write("up/2026-01-02.txt", "foreign")
    result = lab.make(one, up, select="up", partitions="2026-01-01..2026-01-02")
    assert lab.read("up/2026-01-01.txt") == "2026-01-01"
    assert "drift: up/2026-01-02.txt" in result["up", "2026-01-02"].warning


def test_bytes_that_are_gone_are_made_again(lab: Any) -> None:
    """Of the partition that lost them, and of no other."""

    @asset("one.json")
    def one() -> int:
        return 1

    @asset("up/{day}.txt", partitions=DAYS)
    def up(one: int, day: Partition) -> str:
        return day.key

    lab.make(one, up, partitions="2026-01-01..2026-01-02")
    (digest,) = {path for path in lab.data.glob(".penstock/objects/*/*") if "2026-01-01" in path.read_text()}
    digest.unlink()
    result = lab.make(one, up, select="up", partitions="2026-01-01..2026-01-02")
    assert states(result) == {("up", "success"): 1, ("up", "skipped"): 1}
    assert result["up", "2026-01-01"].reason.text == "missing: up"


def test_lineage_names_the_template_and_tells_the_key(lab: Any) -> None:
    """One dataset, whichever partition; of several that are read one input, with the rows of all."""

    @asset("up/{day}.parquet", partitions=DAYS)
    def up() -> pl.DataFrame:
        return pl.DataFrame({"x": [1, 2]})

    @asset("down.parquet")
    def down(up: pl.LazyFrame) -> pl.LazyFrame:
        return up

    lab.make(up, down, partitions="2026-01-01..2026-01-02")
    events = [json.loads(body) for (body,) in lab.rows("SELECT body FROM lineage_events ORDER BY id")]
    ups = [one for one in events if one["job"]["name"] == "up"]
    assert {one["outputs"][0]["name"].rpartition("/up/")[2] for one in ups} == {"{day}.parquet"}
    told = [{tag["key"]: tag["value"] for tag in one["run"]["facets"]["tags"]["tags"]}["partition"] for one in ups]
    assert told == ["2026-01-01"] * 2 + ["2026-01-02"] * 2
    assert ups[0]["run"]["facets"]["nominalTime"]["nominalStartTime"].startswith("2026-01-01")
    (read,) = events[-1]["inputs"]
    assert read["inputFacets"]["inputStatistics"]["rowCount"] == 4


def test_what_cannot_be_read_is_told_before_anything_runs(lab: Any) -> None:
    """Several partitions as one path."""

    @asset("up/{day}.txt", partitions=DAYS)
    def up() -> str:
        return ""

    @asset("down.txt")
    def down(up: Path) -> str:
        return ""

    with pytest.raises(DefinitionError, match="takes a Path, and it reads several partitions"):
        lab.make(up, down)


def test_what_would_be_made_is_foreseen(lab: Any) -> None:
    """Key by key: what is missing runs, with what it reads; what reads what is made again may turn out equal."""
    value = {"now": 1}

    @asset("hourly/{hour}.json", partitions=Hourly(start="2026-01-01", end="2026-01-02"))
    def hourly() -> int:
        return value["now"]

    @asset("daily/{day}.json", partitions=Daily(start="2026-01-01", end="2026-01-02"))
    def daily(hourly: dict[str, int]) -> int:
        return len(hourly)

    @asset("total.json")
    def total(daily: dict[str, int]) -> int:
        return len(daily)

    def told(**options: Any) -> Counter[tuple[str, str]]:
        return Counter((one.asset, one.outcome) for one in lab.foresee_all(hourly, daily, total, **options))

    assert told(partitions="2026-01-01") == {("hourly", "run"): 24, ("daily", "run"): 1, ("total", "run"): 1}
    assert told(select=["daily"], partitions="2026-01-01") == {("daily", "hold"): 1, ("total", "hold"): 1}
    lab.make(hourly, daily, total, partitions="2026-01-01")
    assert told(select=["daily", "total"], partitions="2026-01-01") == {("daily", "skip"): 1, ("total", "skip"): 1}
    assert told(partitions="2026-01-01") == {("hourly", "run"): 24, ("daily", "possible"): 1, ("total", "possible"): 1}


def test_a_consumer_without_partitions_waits_for_their_news(lab: Any) -> None:
    """An event with a key counts for it: it is made in the wave, once for all of them."""

    @asset("up/{day}.json", partitions=DAYS)
    def up(day: Partition) -> list[str]:
        return [day.key]

    @asset("newest.json", on=up, inputs={"day": up.last()})
    def newest(day: list[str]) -> list[str]:
        return day

    @asset("count.json", on=up)
    def counted(up: dict[str, list[str]]) -> int:
        return len(up)

    result = lab.make(up, newest, counted, select="up", partitions="2026-01-01..2026-01-07")
    assert states(result) == {("up", "success"): 7, ("newest", "success"): 1, ("counted", "success"): 1}
    assert (lab.read("newest.json").strip(), lab.read("count.json").strip()) == ('["2026-01-07"]', "7")


def test_a_planner_starts_partitions_and_what_reads_them_all(lab: Any) -> None:
    """News of a partition makes a run of the same one downstream, and one of whoever has none; each once."""

    @asset("up/{day}.json", partitions=DAYS)
    def up() -> int:
        return 1

    @asset("down/{day}.json", partitions=DAYS, on=up)
    def down(up: int) -> int:
        return up

    @asset("count.json", on=up)
    def counted(up: dict[str, int]) -> int:
        return len(up)

    lab.make(up, down, counted, select="up", partitions="2026-01-01..2026-01-02", only=True)
    known, definitions = prepared(Definitions(up, down, counted), lab.folder, lab.places)
    with open_registered(known, definitions) as project:
        done = tick(project)
        assert [(run.planned.asset, list(run.planned.reads["up"])) for run in done.record.runs] == [
            ("counted", ["2026-01-01", "2026-01-02"]), ("down", ["2026-01-01"]), ("down", ["2026-01-02"])
        ]  # fmt: skip
        assert tick(project).planned == 0
        (work,) = unclaimed(project, ["counted"])
        outcome = attempt(project, work)
    assert outcome is not None
    assert outcome.state is RunState.SUCCESS
    assert lab.read("count.json").strip() == "2"


def test_a_mapping_that_raises_holds_its_own_consumer(lab: Any) -> None:
    """The reason says what it raised; whoever else reads the same is made."""

    def torn(region: str) -> list[str]:
        raise KeyError(region)

    regions = Static("eu", "us", name="region")

    @asset("up/{region}.json", partitions=regions)
    def up() -> int:
        return 1

    @asset("one/{region}.json", partitions=regions, inputs={"up": up.mapped(torn)})
    def one(up: dict[str, int]) -> int:
        return 1

    @asset("two/{region}.json", partitions=regions)
    def two(up: int) -> int:
        return up

    result = lab.make(up, one, two, partitions="eu")
    assert states(result) == {("up", "success"): 1, ("one", "held"): 1, ("two", "success"): 1}
    assert result["one", "eu"].reason.text == "upstream failed: up; its mapping raised KeyError: 'eu'"
    assert not result.ok
