"""What is planned of partitions by time, by mappings that are no simple roll-ups, and of what was there before."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from penstock import Cron, Daily, Dataset, Hourly, Monthly, Partition, Version, Weekly, asset

pytestmark = pytest.mark.databases("sqlite", "postgresql")

DAYS = Daily(start="2026-01-01", end="2026-01-08")


def planned(here: Any, at: datetime | None = None) -> list[str]:
    """Passes until nothing more is due: which partitions were planned."""
    found: list[str] = []
    while True:
        done = here.tick(at)
        found += [run.planned.partition for run in done.record.runs]
        if done.next_at is None or done.next_at > done.at:
            return found


def test_after_a_while_those_that_are_there_are_enough(lab: Any, world: Any) -> None:
    """The moment is on the agenda: nothing has to come for it."""
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    first = today - timedelta(days=1)

    @asset("hourly/{hour}.json", partitions=Hourly(start=f"{first:%Y-%m-%d}"))
    def hourly() -> int:
        return 1

    days = Daily(start=f"{first:%Y-%m-%d}")

    @asset("daily/{day}.json", partitions=days, on=hourly.rollup(after="100h"))
    def daily(hourly: dict[str, int]) -> int:
        return len(hourly)

    with world(lab, hourly, daily) as here:
        lab.make(hourly, daily, select="hourly", partitions=f"{first:%Y-%m-%d}T03", only=True)
        done = here.tick()
        ripe = today + timedelta(hours=100)
        assert (done.record.runs, done.next_at) == ((), ripe)
        assert planned(here, ripe - timedelta(seconds=1)) == []
        assert planned(here, ripe) == [f"{first:%Y-%m-%d}"]
        assert here.work() == ["success"]
        assert lab.read(f"daily/{first:%Y-%m-%d}.json").strip() == "1"


def test_months_wait_for_the_week_that_reaches_over_their_end(lab: Any, world: Any) -> None:
    """Weeks across years, and February of a leap year."""

    @asset("weeks/{week}.json", partitions=Weekly(start="2023-12-25", end="2024-03-11"))
    def weeks() -> int:
        return 1

    @asset("months/{month}.json", partitions=Monthly(start="2024-01-01", end="2024-03-01"), on=weeks.rollup())
    def months(weeks: dict[str, int]) -> list[str]:
        return list(weeks)

    with world(lab, weeks, months) as here:
        lab.make(weeks, months, select="weeks", partitions="2024-W01..2024-W04", only=True)
        assert planned(here) == []
        lab.make(weeks, months, select="weeks", partitions="2024-W05", only=True)
        assert planned(here) == ["2024-01"]
        lab.make(weeks, months, select="weeks", partitions="2024-W06..2024-W09", only=True)
        assert planned(here) == ["2024-02"]


@pytest.mark.parametrize("zone", ["Asia/Kolkata", "Australia/Lord_Howe"])
def test_windows_of_zones_with_halves_of_hours(lab: Any, world: Any, zone: str) -> None:
    """A day of Lord Howe on which the clocks change by half an hour reads the hours that overlap it."""
    days = Daily(start="2024-04-06", end="2024-04-08", tz=zone)
    hours = Hourly(start="2024-04-05", end="2024-04-08", tz="UTC")

    @asset("hourly/{hour}.json", partitions=hours)
    def hourly() -> int:
        return 1

    @asset("daily/{day}.json", partitions=days, on=hourly.rollup())
    def daily(hourly: dict[str, int]) -> int:
        return len(hourly)

    with world(lab, hourly, daily) as here:
        lab.make(hourly, daily, select="hourly", partitions="2024-04-05T12..2024-04-07T13", only=True)
        expected = ["2024-04-06"] if zone == "Asia/Kolkata" else ["2024-04-06", "2024-04-07"]
        assert planned(here) == expected


def test_news_after_its_tick_fires_for_that_tick(lab: Any, world: Any) -> None:
    """`Cron & D`: the tick waits with its window for the news of it."""
    now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    days = Daily(start=f"{now - timedelta(days=3):%Y-%m-%d}")

    @asset("raw/{day}.json", partitions=days)
    def raw(day: Partition) -> str:
        return day.key

    @asset("daily/{day}.json", partitions=days, on=Cron("0 * * * *") & raw)
    def daily(raw: str) -> str:
        return raw

    yesterday = f"{now - timedelta(days=1):%Y-%m-%d}"
    with world(lab, raw, daily) as here:
        later = now + timedelta(hours=1)
        if later.hour == 0:
            pytest.skip("the day ends within this hour")
        assert planned(here, later) == []
        lab.make(raw, daily, select="raw", partitions=yesterday, only=True)
        assert planned(here, later) == [yesterday]


def test_a_long_fan_out_is_looked_at_in_portions(lab: Any, world: Any) -> None:
    """A row holds it, with how far it has come; others are planned beside it, in the same pass."""
    config = Dataset("warehouse://db/config")
    hours = Hourly(start="2026-01-01", end="2026-03-01")
    every = asset("e/{hour}.json", name="every", partitions=hours, on=config.fanout("all"))(lambda: 1)

    @asset("other.json", on=config)
    def other(config: Version) -> str:
        return config.digest

    with world(lab, every, other) as here:
        here.tell("config", "1")
        done = here.tick()
        assert {run.planned.asset for run in done.record.runs} == {"every", "other"}
        first = sum(run.planned.asset == "every" for run in done.record.runs)
        assert lab.rows("SELECT done FROM partition_agenda") == [(first,)]
        found = {run.planned.partition for run in done.record.runs}
        while done.next_at is not None and done.next_at <= done.at:
            done = here.tick()
            more = [run.planned.partition for run in done.record.runs]
            assert found.isdisjoint(more)
            found |= {*more}
        assert len(found - {""}) == 59 * 24
        assert lab.rows("SELECT count(*) FROM partition_agenda") == [(0,)]


def test_what_was_there_before_the_consumer_only_completes(lab: Any, world: Any) -> None:
    """A new asset starts nothing for days that were published before; asked to build, it does."""

    @asset("up/{day}.json", partitions=DAYS)
    def up() -> int:
        return 1

    down = asset("down/{day}.json", name="down", partitions=DAYS, on=up)(lambda up: up)
    lab.make(up, select="up", partitions="2026-01-02..2026-01-03")
    built = asset("built/{day}.json", name="built", partitions=DAYS, on=up, on_register="build")(lambda up: up)
    with world(lab, up, down, built, looked_at=False) as here:
        assert planned(here) == ["2026-01-02", "2026-01-03"]
        assert lab.rows("SELECT DISTINCT asset_id FROM runs WHERE partition <> '' ORDER BY 1") == [(1,), (3,)]


def test_a_failed_key_heals_at_its_next_news(lab: Any, world: Any) -> None:
    """Its events come back and start nothing by themselves."""
    value, broken = lab.folder / "value", lab.folder / "broken"  # files: the definitions stay what they are
    value.write_text("1")
    broken.touch()

    @asset("up/{day}.json", partitions=DAYS)
    def up(day: Partition) -> int:
        return int(value.read_text()) if day.key == "2026-01-02" else 0

    @asset("down/{day}.json", partitions=DAYS, on=up)
    def down(up: int) -> int:
        assert not broken.exists(), "broken"
        return up

    with world(lab, up, down) as here:
        lab.make(up, down, select="up", partitions="2026-01-02..2026-01-03", only=True)
        assert len(planned(here)) == 2
        assert here.work() == ["failed", "failed"]
        assert planned(here) == []
        broken.unlink()
        value.write_text("2")
        lab.make(up, down, select="up", partitions="2026-01-02", only=True, force=True)
        assert planned(here) == ["2026-01-02"]
