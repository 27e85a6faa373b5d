"""What a partition reads stays complete: datasets without partitions that fan out, and several that are joined."""

from __future__ import annotations

from typing import Any

import pytest

from penstock import Daily, Dataset, Partition, Static, Version, asset

pytestmark = pytest.mark.databases("sqlite", "postgresql")

RUNS = """
    SELECT r.partition FROM runs r JOIN assets a ON a.id = r.asset_id
    WHERE a.name = '{name}' AND r.state = 'success' ORDER BY r.id
"""


def made(lab: Any, name: str) -> list[str]:
    """The keys of an asset that were made, run by run."""
    return [key for (key,) in lab.rows(RUNS.format(name=name))]


def config_and_days(**fan: Any) -> tuple[Any, ...]:
    """Days of a source, and what reads them with a config that has no partitions."""
    config = Dataset("config")
    partitions = Daily(start="2024-01-01", end="2024-01-04")

    @asset("source/{day}.json", partitions=partitions)
    def source(day: Partition) -> str:
        return day.key

    leaf = config.fanout(fan["fanout"]) if fan else config

    @asset("joined/{day}.json", partitions=partitions, on=(source & config) if not fan else (source | leaf))
    def joined(source: str) -> str:
        return source

    return source, joined


def test_what_has_no_partitions_completes_each_and_starts_none(lab: Any, world: Any) -> None:
    """Days wait for the first config; a new one starts nothing."""
    things = config_and_days()
    with world(lab, *things) as planners:
        lab.make(*things, select="source", partitions="2024-01-01..2024-01-02")
        assert planners.runs() == []
        planners.tell("config", "1")
        assert planners.runs() == [("joined", "input_changed")] * 2
        assert planners.work() == ["success"] * 2
        planners.tell("config", "2")
        assert planners.runs() == []
        lab.make(*things, select="source", partitions="2024-01-03")
    assert made(lab, "joined") == ["2024-01-01", "2024-01-02", "2024-01-03"]


@pytest.mark.parametrize(("fanout", "keys"), [
    ("latest", ["2024-01-03"]), ("all", ["2024-01-01", "2024-01-02", "2024-01-03"]),
])  # fmt: skip
def test_a_fan_out_starts_the_latest_or_all(lab: Any, world: Any, fanout: str, keys: list[str]) -> None:
    """Once each, and never again by the same event."""
    things = config_and_days(fanout=fanout)
    with world(lab, *things) as planners:
        lab.make(*things, select="source", partitions="2024-01-01..2024-01-03")
        before = len(made(lab, "joined"))
        planners.tell("config", "1")
        planners.runs()
        rows = lab.rows("SELECT partition FROM runs WHERE state IN ('scheduled', 'skipped') ORDER BY partition")
        assert [key for (key,) in rows] == keys
        assert planners.runs() == []
    assert before == 3


@pytest.mark.parametrize(("fanout", "keys"), [
    ("latest", ["2024-01-03"]), ("all", ["2024-01-01", "2024-01-02", "2024-01-03"]),
])  # fmt: skip
def test_a_fan_out_starts_what_is_complete_without_other_news(
    lab: Any, world: Any, fanout: str, keys: list[str]
) -> None:
    """`source & config`: a day that has a version completes its partition, though its event was taken long ago."""
    config, partitions = Dataset("config"), Daily(start="2024-01-01", end="2024-01-04")

    @asset("source/{day}.json", partitions=partitions)
    def source(day: Partition) -> str:
        return day.key

    @asset("joined/{day}.json", partitions=partitions, on=source & config.fanout(fanout))
    def joined(source: str, config: Version) -> str:
        return source + config.digest

    with world(lab, source, joined) as planners:
        planners.tell("config", "1")
        planners.runs()
        lab.make(source, joined, select="source", partitions="2024-01-01..2024-01-03")
        assert len(made(lab, "joined")) == 3
        planners.tell("config", "2")
        planners.runs()
        rows = lab.rows("SELECT partition FROM runs WHERE state IN ('scheduled', 'skipped') ORDER BY partition")
        assert [key for (key,) in rows] == keys
        assert planners.work() == ["success"] * len(keys)
        assert planners.runs() == []


def test_a_part_that_is_published_again_makes_what_joins_it(lab: Any, world: Any) -> None:
    """Two roll-ups: what was complete stays complete, so that news of one is enough."""
    hours, days = Static("1", "2", name="hour"), Static("day", name="day")

    calls: list[int] = []

    @asset("left/{hour}.json", partitions=hours)
    def left() -> int:
        calls.append(1)
        return len(calls)

    @asset("right/{hour}.json", partitions=hours)
    def right() -> int:
        return 1

    @asset("both/{day}.json", partitions=days, on=left.all() & right.all())
    def both(left: dict[str, int], right: dict[str, int]) -> int:
        return len(left) + len(right)

    lab.make(left, right, both, select=("left", "right"), partitions="all")
    before = len(lab.events("both"))
    lab.make(left, right, both, select="left", partitions="2", force=True)
    assert before == 1
    with world(lab, left, right, both) as planners:
        planners.runs()
    assert lab.rows("SELECT count(*) FROM runs JOIN assets ON assets.id = asset_id WHERE name = 'both'") == [(2,)]
