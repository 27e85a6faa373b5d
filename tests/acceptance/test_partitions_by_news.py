"""News starts partitions: what an event of an upstream key concerns is planned when it is complete and has a cause."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from penstock import (
    Cron,
    Daily,
    Dataset,
    Dynamic,
    Hourly,
    Monthly,
    Partition,
    Static,
    Weekly,
    asset,
    pause,
    resume,
)
from penstock.assets.run.planning.partitions.portions import PORTION
from penstock.storage.errors import UsageError

pytestmark = pytest.mark.databases("sqlite", "postgresql")

RUNS = """
    SELECT r.partition FROM runs r JOIN assets a ON a.id = r.asset_id
    WHERE a.name = '{name}' AND r.state = 'success' ORDER BY r.id
"""
TWICE = """
    SELECT count(*) FROM (SELECT asset_id, partition, event_id FROM consumptions WHERE current
    GROUP BY asset_id, partition, event_id HAVING count(*) > 1) twice
"""


def made(lab: Any, name: str) -> list[str]:
    """The keys of an asset that were made, run by run."""
    return [key for (key,) in lab.rows(RUNS.format(name=name))]


class Hours:
    """An hourly asset in a zone, whose values can be set, and what reads it."""

    def __init__(self, lab: Any, *readers: Any, until: str, start: str, tz: str = "UTC") -> None:
        self.lab, self.value = lab, 0

        @asset("hourly/{hour}.json", partitions=Hourly(start=start, end=until, tz=tz))
        def hourly(hour: Partition) -> list[Any]:
            return [hour.key, self.value]

        self.things = (hourly, *(reader(hourly) for reader in readers))

    def make(self, keys: str, value: int = 0) -> Any:
        """These hours are made, with this value."""
        self.value = value
        return self.lab.make(*self.things, select="hourly", partitions=keys, force=True)


def days(start: str, until: str, tz: str = "UTC", **options: Any) -> Any:
    """A reader by day."""

    def reader(hourly: Any) -> Any:
        @asset("daily/{day}.json", partitions=Daily(start=start, end=until, tz=tz), on=hourly.rollup(**options))
        def daily(hourly: dict[str, list[Any]]) -> int:
            return sum(value for _, value in hourly.values())

        return daily

    return reader


@pytest.mark.parametrize(("late", "made_by"), [("each", [2, 3]), ("complete", [2, 4]), ("ignore", [2])])
def test_a_dimension_that_falls_away_is_rolled_up(lab: Any, late: str, made_by: list[int]) -> None:
    """A day is content with two of its four regions; what comes of the others is late, and does what that says."""
    regions = ("de", "fr", "it", "us")

    @asset("up/{day}/{region}.json", partitions=Daily(start="2026-01-01") * Static(*regions, name="region"))
    def up(key: Partition) -> str:
        return key.key

    @asset("down/{day}.json", partitions=Daily(start="2026-01-01"), on=up.rollup(at_least=2, late=late))
    def down(up: dict[str, str]) -> int:
        return len(up)

    found: list[int] = []
    for number, region in enumerate(regions[:3], 1):
        before = len(made(lab, "down"))
        lab.make(up, down, select="up", partitions=f"2026-01-02|{region}")
        found += [number] * (len(made(lab, "down")) - before)
    lab.make(up, down, select="up", partitions="2026-01-02|us", only=late == "each")
    found += [4] * (len(made(lab, "down")) - len(found))
    assert found == made_by
    assert json.loads(lab.read("down/2026-01-02.json")) == made_by[-1]


@pytest.mark.parametrize(("day", "until", "last"), [
    ("2024-03-09", "2024-03-10", "2024-03-09T23-05:00"), ("2024-03-10", "2024-03-11", "2024-03-10T23-04:00"),
    ("2024-11-03", "2024-11-04", "2024-11-03T23-05:00"),
])  # fmt: skip
def test_the_last_hour_of_a_day_makes_it_once(lab: Any, day: str, until: str, last: str) -> None:
    """24 of them, 23 or 25, as the day has in its zone."""
    zone = "America/New_York"
    hours = Hours(lab, days(day, until, zone), start=day, until=until, tz=zone)
    keys = [f"{day}T{hour:02}" for hour in range(23)]
    hours.make(f"{keys[0]}..{keys[-1]}")
    assert made(lab, "daily") == []
    hours.make(f"{day}T23")
    assert made(lab, "daily") == [day], last
    assert lab.rows(TWICE) == [(0,)]


def test_an_hour_that_is_published_again_makes_the_same_day_again(lab: Any) -> None:
    """A day that was complete stays complete; what says that nothing changed starts nothing."""
    hours = Hours(lab, days("2024-01-01", "2024-01-03"), start="2024-01-01", until="2024-01-03")
    hours.make("2024-01-01T00..2024-01-01T23")
    hours.make("2024-01-01T05", value=7)
    assert made(lab, "daily") == ["2024-01-01"] * 2
    assert json.loads(lab.read("daily/2024-01-01.json")) == 7
    hours.make("2024-01-01T05", value=7)
    assert made(lab, "daily") == ["2024-01-01"] * 2


@pytest.mark.parametrize(("late", "after_20", "at_the_end"), [("each", 4, 4), ("complete", 0, 1), ("ignore", 0, 0)])
def test_enough_hours_make_a_day_and_later_ones_what_is_said(
    lab: Any, late: str, after_20: int, at_the_end: int
) -> None:
    """The twentieth makes it; then one by one: a version each, one more when all are there, or none."""
    start, until = "2024-01-01", "2024-01-02"
    hours = Hours(lab, days(start, until, at_least=20, late=late), start=start, until=until)
    hours.make("2024-01-01T00..2024-01-01T18")
    assert made(lab, "daily") == []
    hours.make("2024-01-01T19")
    assert made(lab, "daily") == [start]
    for hour in (20, 21, 22):
        hours.make(f"2024-01-01T{hour}", value=hour)
    assert len(made(lab, "daily")) == 1 + min(after_20, 3)
    hours.make("2024-01-01T23", value=23)
    assert len(made(lab, "daily")) == 1 + at_the_end


def test_a_week_across_the_years_and_a_month_of_weeks(lab: Any) -> None:
    """A month waits for the week that is not there yet."""

    @asset("weekly/{week}.json", partitions=Weekly(start="2024-12-23", end="2025-02-10"))
    def weekly(week: Partition) -> str:
        return week.key

    @asset("monthly/{month}.json", partitions=Monthly(start="2025-01-01", end="2025-02-01"), on=weekly)
    def monthly(weekly: dict[str, str]) -> list[str]:
        return list(weekly)

    lab.make(weekly, monthly, select="weekly", partitions="2025-W01..2025-W04")
    assert made(lab, "monthly") == []
    lab.make(weekly, monthly, select="weekly", partitions="2025-W05")
    assert made(lab, "monthly") == ["2025-01"]
    assert json.loads(lab.read("monthly/2025-01.json")) == ["2025-W01", "2025-W02", "2025-W03", "2025-W04", "2025-W05"]


def test_a_tick_selects_the_last_closed_window(lab: Any, world: Any) -> None:
    """Once; the next tick selects the next one."""

    @asset("report/{day}.json", partitions=Daily(start="2024-01-01"), on=Cron("0 3 * * *", catchup="all"))
    def report(day: Partition) -> str:
        return day.key

    with world(lab, report) as planners:
        (begun,) = lab.rows("SELECT registered_at FROM timetables")[0]
        now = begun if isinstance(begun, datetime) else datetime.fromisoformat(f"{begun}+00:00")
        for days_later in (1, 1, 2):
            moment = datetime.fromordinal(now.date().toordinal() + days_later).replace(hour=4, tzinfo=UTC)
            planners.runs(at=moment)
        rows = lab.rows("SELECT partition, count(*) FROM runs GROUP BY partition ORDER BY partition")
        expected = [datetime.fromordinal(now.date().toordinal() + day).strftime("%Y-%m-%d") for day in (0, 1)]
        assert [row for row in rows if row[0] in expected] == [(key, 1) for key in expected]


def test_incomplete_partitions_delay_nobody_else(lab: Any, world: Any) -> None:
    """Six hundred that can never be complete: another consumer is planned by the first pass."""
    days_of = Daily(start="2024-01-01", end="2025-12-31")

    @asset("a/{day}.json", partitions=days_of)
    def a(day: Partition) -> str:
        return day.key

    @asset("b/{day}.json", partitions=days_of)
    def b(day: Partition) -> str:
        return day.key

    @asset("x/{day}.json", partitions=days_of, on=a & b)
    def x(a: str, b: str) -> str:
        return a

    @asset("y/{day}.json", partitions=days_of, on=a)
    def y(a: str) -> str:
        return a

    with world(lab, a, b, x, y) as planners:
        lab.make(a, b, x, y, select="a", partitions="2024-01-01..2025-08-22", only=True)
        planners.tick()
        rows = lab.rows("SELECT a.name, count(*) FROM runs r JOIN assets a ON a.id = r.asset_id GROUP BY a.name")
        assert dict(rows)["y"] == PORTION  # the first portion, whatever x waits for
        planners.runs()
        rows = lab.rows("SELECT a.name, count(*) FROM runs r JOIN assets a ON a.id = r.asset_id GROUP BY a.name")
        assert dict(rows) == {"a": 600, "y": 600}


def test_a_region_that_is_missing_holds_back_its_own_day(lab: Any) -> None:
    """Of a product of days and regions, rolled up by day."""
    regions = Static(*(f"r{number}" for number in range(10)), name="region")
    span = Daily(start="2024-01-01", end="2024-01-03")

    @asset("sales/{day}/{region}.json", partitions=span * regions)
    def sales(partition: Partition) -> str:
        return partition.key

    @asset("total/{day}.json", partitions=span, on=sales)
    def total(sales: dict[str, str]) -> int:
        return len(sales)

    lab.make(sales, total, select="sales", partitions="day=2024-01-01;region=all")
    first = [f"r{number}" for number in range(9)]
    lab.make(sales, total, select="sales", partitions=f"day=2024-01-02;region={','.join(first)}")
    assert made(lab, "total") == ["2024-01-01"]
    lab.make(sales, total, select="sales", partitions="day=2024-01-02;region=r9")
    assert made(lab, "total") == ["2024-01-01", "2024-01-02"]


def test_a_partition_that_is_being_made_takes_what_came_meanwhile_next(lab: Any, world: Any) -> None:
    """At its limit it stays on the agenda, and is planned when the run has ended."""
    span = Daily(start="2024-01-01", end="2024-01-03")
    value = [0]

    @asset("up/{day}.json", partitions=span)
    def up(day: Partition) -> int:
        return value[0]

    @asset("down/{day}.json", partitions=span, on=up)
    def down(up: int) -> int:
        return up

    with world(lab, up, down) as planners:
        for number in (1, 2):
            value[0] = number
            lab.make(up, down, select="up", partitions="2024-01-01", only=True)
            assert planners.runs() == ([("down", "input_changed")] if number == 1 else [])
        assert planners.work() == ["success"]
        assert planners.runs() == [("down", "input_changed")]
        assert planners.work() == ["success"]
        assert planners.runs() == []
    assert json.loads(lab.read("down/2024-01-01.json")) == 2


def test_a_pause_keeps_what_concerns_partitions(lab: Any, world: Any) -> None:
    """Nothing is planned while it lasts, and all of it afterwards."""
    span = Daily(start="2024-01-01", end="2024-01-03")

    @asset("up/{day}.json", partitions=span)
    def up(day: Partition) -> str:
        return day.key

    @asset("down/{day}.json", partitions=span, on=up)
    def down(up: str) -> str:
        return up

    with world(lab, up, down) as planners:
        pause("down", project_folder=lab.folder, **lab.places)
        lab.make(up, down, select="up", partitions="2024-01-01..2024-01-02", only=True)
        assert planners.runs() == []
        resume("down", project_folder=lab.folder, **lab.places)
        assert planners.runs() == [("down", "input_changed")] * 2


def test_a_dynamic_key_that_appears_by_an_event_makes_one_run(lab: Any, world: Any) -> None:
    """It is a key from its first event on; the same version once more starts nothing."""
    documents = Dataset("s3://corpus/{document}.pdf", partitions=Dynamic(name="document"))

    @asset("text/{document}.json", partitions=Dynamic(name="document"), on=documents)
    def text(document: Partition) -> str:
        return document.key

    with world(lab, documents, text) as planners:
        planners.tell("s3://corpus/{document}.pdf", "1", partition="report-7")
        assert planners.runs() == [("text", "input_changed")]
        assert planners.work() == ["success"]
        planners.tell("s3://corpus/{document}.pdf", "1", partition="report-7")
        assert planners.runs() == []
    assert made(lab, "text") == ["report-7"]


def test_an_event_of_a_partition_that_is_none_is_refused(lab: Any, world: Any) -> None:
    """With what would be one; and one of a dataset that has no partitions, or without its key."""
    days_of = Dataset("s3://logs/{day}/", partitions=Daily(start="2026-01-01"), name="logs")
    plain = Dataset("s3://corpus/docs.csv", name="docs")

    @asset("both.json", on=days_of & plain)
    def both() -> int:
        return 1

    with world(lab, both) as planners:
        for name, key, words in (
            ("logs", "2026-1-5", "is no key"), ("logs", "2999-01-01", "is not over"), ("logs", "a/b", "is no key"),
            ("logs", None, "says of none"), ("docs", "2026-01-05", "has no partitions"),
        ):  # fmt: skip
            with pytest.raises(UsageError, match=words):
                planners.tell(name, "1", partition=key)
        planners.tell("logs", "1", partition="2026-01-05")
        planners.tell("docs", "1")
        assert planners.runs() == [("both", "input_changed")]


def test_a_mapping_that_raises_stops_its_own_consumer_alone(lab: Any, world: Any) -> None:
    """The reason is stored, and told by a materialization; the other consumers of the same news go on."""
    span = Daily(start="2024-01-01", end="2024-01-05")

    def astray(key: str) -> list[str]:
        raise LookupError(f"nothing known of {key}")

    @asset("up/{day}.json", partitions=span)
    def up(day: Partition) -> str:
        return day.key

    @asset("lost/{day}.json", partitions=span, on=up.mapped(astray))
    def lost(up: dict[str, str]) -> str:
        return "lost"

    @asset("down/{day}.json", partitions=span, on=up)
    def down(up: str) -> str:
        return up

    with world(lab, up, lost, down) as planners:
        lab.make(up, lost, down, select="up", partitions="2024-01-01", only=True)
        assert planners.runs() == [("down", "input_changed")]
        ((reason,),) = lab.rows("SELECT reason FROM holds h JOIN assets a ON a.id = h.asset_id WHERE a.name = 'lost'")
        result = lab.make(up, lost, down, select="up", partitions="2024-01-02")
        assert result["down", "2024-01-02"].state == "success"
        assert "LookupError: nothing known of 2024-01-01" in result["lost"].reason.text
    assert "LookupError: nothing known of" in str(reason)


def test_what_a_planner_recorded_is_made_by_the_next_materialization(lab: Any, world: Any) -> None:
    """Partitions that were planned and not begun are not planned again."""
    span = Daily(start="2024-01-01", end="2024-01-04")

    @asset("up/{day}.json", partitions=span)
    def up(day: Partition) -> str:
        return day.key

    @asset("down/{day}.json", partitions=span, on=up)
    def down(up: str) -> str:
        return up

    with world(lab, up, down) as planners:
        lab.make(up, down, select="up", partitions="2024-01-01..2024-01-02", only=True)
        assert planners.runs() == [("down", "input_changed")] * 2
    lab.make(up, down, select="up", partitions="2024-01-03")
    assert made(lab, "down") == ["2024-01-01", "2024-01-02", "2024-01-03"]
    assert lab.rows(TWICE) == [(0,)]


def test_of_partitions_that_others_write_events_may_tell(lab: Any, world: Any) -> None:
    """Where no file lies, what was told of stays; nobody looks for a file that is called as the template is."""
    logs = Dataset("logs/{day}.csv", partitions=Daily(start="2026-01-01"))

    @asset("read/{day}.json", partitions=Daily(start="2026-01-01"), on=logs)
    def read(day: Partition) -> str:
        return day.key

    with world(lab, read) as planners:
        planners.tell("logs/{day}.csv", "1", partition="2026-01-05")
        result = lab.make(read)
    assert (result.ok, [one.news for one in result.looked]) == (True, ["unchanged"])
    assert [one.partition for one in result.executed] == ["2026-01-05"]
    assert lab.rows("SELECT count(*) FROM events WHERE partition = ''") == [(0,)]
