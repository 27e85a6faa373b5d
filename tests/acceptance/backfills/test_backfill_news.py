"""What the events of a backfill start downstream: nothing, the partitions within its range, or whatever waits."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from penstock import Daily, Dataset, Definitions, Hourly, Monthly, Partition, Weekly, asset
from penstock.assets.run.api import prepared
from penstock.assets.run.explaining.of_partition import why_partition
from penstock.storage.errors import Bug

pytestmark = pytest.mark.databases("sqlite", "postgresql")

DAYS = Daily(start="2026-01-01", end="2026-01-11")
LINKS = """
    SELECT a.name, c.partition, count(*) FROM consumptions c JOIN assets a ON a.id = c.asset_id
    WHERE c.outcome = 'suppressed' AND c.current GROUP BY a.name, c.partition ORDER BY a.name, c.partition
"""


@asset("hourly/{hour}.json", partitions=Hourly(start="2026-01-01", end="2026-01-11"))
def hourly(hour: Partition) -> str:
    """An hour."""
    return hour.key


@asset("daily/{day}.json", partitions=DAYS, on=hourly)
def daily(hourly: dict[str, str], day: Partition) -> int:
    """A day of hours."""
    return len(hourly)


@asset("shifted/{day}.json", partitions=DAYS, on=daily.offset(-1))
def shifted(daily: int, day: Partition) -> int:
    """What reads the day before."""
    return daily


@asset("monthly/{month}.json", partitions=Monthly(start="2026-01-01", end="2026-02-01"), on=daily.rollup(at_least=1))
def monthly(daily: dict[str, int]) -> int:
    """A month of days."""
    return len(daily)


@asset("total.json", on=daily)
def total(daily: dict[str, int]) -> int:
    """What has no partitions."""
    return len(daily)


@asset("half/{day}.json", partitions=DAYS)
def half(day: Partition) -> str:
    """What is made of nothing."""
    return day.key


@asset("daily/{day}.json", partitions=DAYS, on=half, name="daily")
def of_half(half: str) -> str:
    """What is made of it."""
    return half


GRAPH = (hourly, daily, shifted, monthly, total)
HALF_DAYS = (half, of_half)


def test_nothing_is_started(lab: Any, asking: Any, world: Any) -> None:
    """Each event is linked as suppressed for every consumer that the backfill does not make of it, partition by
    partition; planners then find nothing."""
    with world(lab, *GRAPH) as planners:
        asking(*GRAPH, select="+daily", partitions="2026-01-01..2026-01-02")
        assert planners.runs() == []
    assert len(asking.took()) == 50
    assert lab.rows(LINKS) == [
        ("monthly", "2026-01", 2), ("shifted", "2026-01-02", 1), ("shifted", "2026-01-03", 1), ("total", "", 2),
    ]  # fmt: skip
    assert lab.rows("SELECT count(*) FROM events") == [(50,)]
    result = lab.make(*GRAPH, select="hourly", partitions="2026-01-03T00..2026-01-03T23")
    below = [(one.asset, one.partition) for one in result.executed if one.asset != "hourly"]
    assert sorted(below) == [
        ("daily", "2026-01-03"), ("monthly", "2026-01"), ("shifted", "2026-01-04"), ("total", "")
    ], "what is made by hand is news as ever"  # fmt: skip


def test_only_the_partitions_within_are_started(lab: Any, asking: Any) -> None:
    """Each once, after what it reads; a day of which not all was asked for, the day after the range, the month and what
    has no partitions are not."""
    asking(*GRAPH, select="hourly", partitions="2026-01-01T00..2026-01-03T05", propagate="within")
    begun = asking.took()
    below = [one for one in begun if not one.startswith("hourly")]
    assert below == ["daily 2026-01-01", "daily 2026-01-02", "shifted 2026-01-02"]
    assert len(begun) == 24 * 2 + 6 + 3
    made = {(name, key) for name, key, _ in lab.rows(LINKS)}
    assert made == {
        ("daily", "2026-01-03"), ("shifted", "2026-01-03"), ("monthly", "2026-01"), ("total", "")
    }  # fmt: skip


def test_what_the_range_can_never_complete_does_not_fail_it(asking: Any) -> None:
    """A month of weeks of which the first began before the range: every day that was asked for is made. That the month
    is held is told, also by the next one; what is asked for itself and held is a failure as ever."""

    @asset("half/{day}.json", partitions=Daily(start="2026-01-01", end="2026-02-01"))
    def half(day: Partition) -> str:
        return day.key

    @asset("week/{week}.json", partitions=Weekly(start="2025-12-29", end="2026-02-02"), on=half)
    def week(half: dict[str, str]) -> int:
        return len(half)

    @asset("month/{month}.json", partitions=Monthly(start="2026-01-01", end="2026-02-01"), on=week)
    def month(week: dict[str, int]) -> int:
        return len(week)

    for made in (31 + 3, 0):
        asking.ended.clear()
        result = asking(half, week, month, select="half", partitions="2026-01-01..2026-01-31", propagate="within")
        assert len(asking.took()) == made
        assert (result.state, result.ok, result.backfill.held) == ("success", True, 0)
        assert "month 2026-01" in result.backfill.reasons
        (told,) = [one for one in asking.ended if one.state is None]
        assert (told.asset, told.partition, told.reason.kind.value) == ("month", "2026-01", "no_version")
        assert result.backfill.looked == result.backfill.total
    asked = asking(half, week, month, select="month", partitions="2026-01")
    assert (asked.state, asked.ok, asked.backfill.held) == ("failed", False, 1)


def test_what_is_made_already_is_started_by_news_within(asking: Any) -> None:
    """Once more where what it reads is another; where nothing changed it is skipped."""
    value = {"2026-01-01": 1}

    @asset("up/{day}.json", partitions=DAYS)
    def up(day: Partition) -> int:
        return value.get(day.key, 0)

    @asset("down/{day}.json", partitions=DAYS, on=up)
    def down(up: int) -> int:
        return up

    asking(up, down, partitions="2026-01-01..2026-01-02")
    asking.took()
    asking.ended.clear()
    value["2026-01-01"] = 5
    asking(up, down, select="up", partitions="2026-01-01..2026-01-02", reprocess="all", propagate="within")
    assert asking.took() == ["up 2026-01-01", "down 2026-01-01", "up 2026-01-02"]
    reasons = {(one.asset, one.partition): one.reason.text for one in asking.ended}
    assert reasons["down", "2026-01-01"] == "backfill and input changed (up)"
    assert reasons["down", "2026-01-02"].startswith("unchanged")


def test_all_of_it_is_news(lab: Any, asking: Any) -> None:
    """Nobody is linked; whoever waits is made once, after the backfill."""
    asking(*GRAPH, select="+daily", partitions="2026-01-01..2026-01-02", propagate="all")
    assert sorted(asking.took()[50:]) == ["monthly 2026-01", "shifted 2026-01-02", "shifted 2026-01-03", "total"]
    assert lab.rows(LINKS) == []
    assert lab.read("total.json").strip() == "2"


def test_what_a_backfill_suppressed_is_shown(lab: Any, asking: Any) -> None:
    """In the history of each event; a run that its backfill asked for says so."""
    asking(*GRAPH, select="+daily", partitions="2026-01-01")
    of_day = lab.rows(
        "SELECT outcome, current, count(*) FROM consumptions WHERE partition = '2026-01-01' GROUP BY 1, 2"
    )
    assert sorted((word, bool(current), count) for word, current, count in of_day) == [
        ("run", True, 24), ("suppressed", False, 24)
    ]  # fmt: skip
    assert lab.rows("SELECT DISTINCT outcome FROM consumptions WHERE current AND partition <> '2026-01-01'") == [
        ("suppressed",)
    ]
    (asked,) = lab.rows("SELECT id FROM backfills")
    assert lab.rows("SELECT DISTINCT backfill_id FROM runs") == [asked]


CURRENT = """
    SELECT c.partition, c.outcome FROM consumptions c JOIN assets a ON a.id = c.asset_id
    WHERE c.current AND a.name = 'daily' ORDER BY c.partition, c.outcome
"""


def test_why_names_the_backfill_that_kept_the_news(lab: Any, asking: Any) -> None:
    """As long as what it made is not read: with the key that it made, and what makes the partition all the same; a
    partition that it did not concern, and one that was made since, have no such note."""

    def notes(day: str) -> str:
        return " ".join(why_partition(*prepared(Definitions(*HALF_DAYS), lab.folder, lab.places), "daily", day).notes)

    lab.make(*HALF_DAYS, partitions="2026-01-01..2026-01-02")
    assert notes("2026-01-01") == ""
    asked = asking(*HALF_DAYS, select="half", partitions="2026-01-03..2026-01-04")
    kept = f"Backfill {asked.id[-8:]} kept its news of half 2026-01-03 from it: that starts nothing here"
    assert kept in notes("2026-01-03")
    assert "`penstock materialize daily --partitions 2026-01-03` makes it all the same" in notes("2026-01-03")
    assert notes("2026-01-01") == notes("2026-01-05") == ""
    lab.make(*HALF_DAYS, select="daily", partitions="2026-01-03")
    assert notes("2026-01-03") == ""
    asking(*HALF_DAYS, select="daily", partitions="2026-01-04")
    assert notes("2026-01-04") == ""


@pytest.mark.parametrize("propagate", ["none", "within"])
def test_what_a_backfill_made_itself_is_not_told_as_held(lab: Any, asking: Any, propagate: str) -> None:
    """Its own runs have taken what they read: nothing is left waiting, and nobody is told of a partition that is."""
    asking(*HALF_DAYS, partitions="2026-01-01..2026-01-02", propagate=propagate)
    assert lab.rows(CURRENT) == [("2026-01-01", "run"), ("2026-01-02", "run")]
    assert [(one.asset, one.partition) for one in lab.outlook(*HALF_DAYS).assets if one.partition] == []
    again = lab.make(*HALF_DAYS)
    assert [(one.asset, one.partition) for one in again.outcomes if one.partition] == []


def test_what_a_run_took_that_failed_can_complete_and_start_nothing(lab: Any, asking: Any) -> None:
    """A run of the backfill that fails for good gives back what it read, completing only; no planner tries again."""
    broken, value = [True], ["first"]

    @asset("up/{day}.json", partitions=DAYS)
    def up(day: Partition) -> str:
        return value[0]

    @asset("daily/{day}.json", partitions=DAYS, on=up)
    def daily(up: str) -> str:
        if broken:
            raise OSError("no disk")
        return up

    asking(up, daily, partitions="2026-01-01")
    assert lab.rows(CURRENT) == []
    broken.clear()
    assert lab.make(up, daily).executed == ()
    value[0] = "second"
    lab.make(up, daily, select="up", partitions="2026-01-01", force=True)
    assert lab.rows(CURRENT) == [("2026-01-01", "run")] * 2


def test_what_a_canceled_run_had_taken_is_suppressed_as_before(lab: Any, asking: Any, world: Any) -> None:
    """A run that nobody began is as if it had never been: what it read starts nothing, then as before."""
    with world(lab, *HALF_DAYS) as here:
        asked = asking(*HALF_DAYS, partitions="2026-01-01", later=True)
        here.tick()
        here.work()
        here.tick()
        assert lab.rows(CURRENT) == [("2026-01-01", "run")]
        asking.cancel(asked.id)
        assert lab.rows(CURRENT) == [("2026-01-01", "suppressed")]
        assert here.runs() == []
    assert lab.make(*HALF_DAYS, select="daily", partitions="2026-01-01").executed != ()


@pytest.mark.databases("sqlite")
def test_a_plan_that_is_refused_for_ever_is_told_and_stops_nobody_else(lab: Any, asking: Any, world: Any) -> None:
    """The database takes every event of `down` a moment before `down` does. The backfill does not try without end: it
    says which asset that is; a pass plans everything else all the same."""

    @asset("up/{day}.json", partitions=DAYS)
    def up(day: Partition) -> str:
        return day.key

    @asset("down/{day}.json", partitions=DAYS, on=up)
    def down(up: str) -> str:
        return up

    @asset("beside/{day}.json", partitions=DAYS, on=up)
    def beside(up: str) -> str:
        return up

    with world(lab, up, down, beside, looked_at=False) as here:
        lab.make(up, down, beside, select="up", partitions="2026-01-01", only=True)
        with here.project.store.write() as tx:
            columns = "asset_id, partition, event_id, outcome, current, at"
            taken = ", ".join(f"NEW.{column}" for column in columns.split(", "))
            it = f"NEW.asset_id = {here.project.ids.assets['down']}"
            insert = f"BEGIN INSERT INTO consumptions ({columns}) VALUES ({taken}); END"
            tx.execute(text(f"CREATE TRIGGER faster BEFORE INSERT ON consumptions WHEN {it} {insert}"))
        asked = asking(up, down, beside, select="down", partitions="2026-01-01", reprocess="all", later=True)
        with pytest.raises(Bug, match=r"refused 100 times in a row.* down: .*; takes 1 of up/\{day\}.json"):
            here.tick()
        planned = "SELECT a.name FROM runs r JOIN assets a ON a.id = r.asset_id WHERE r.ended_at IS NULL"
        assert lab.rows(planned) == [("beside",)]
        with pytest.raises(Bug, match="down: backfill"):
            asking.resume(asked.id, up, down, beside)


@asset("other/{day}.json", partitions=DAYS)
def other(day: Partition) -> str:
    """What is another each time."""
    return uuid4().hex


@asset("joined/{day}.json", partitions=DAYS, on=other & Dataset("config.json", name="config"), inputs={"other": other})
def joined(other: str) -> str:
    """What waits for two."""
    return other


@pytest.mark.parametrize("propagate", ["none", "within"])
def test_what_was_news_before_a_backfill_is_news_after_it(lab: Any, asking: Any, world: Any, propagate: str) -> None:
    """A day that waits for the rest of its condition when what it has heard of is made again: it is made once that is
    there, from what the backfill made, and nothing is told as kept from it any more."""
    things = (other, joined)
    with world(lab, *things) as here:
        asking(*things, select="other", partitions="2026-01-03..2026-01-04", propagate="all")
        asking(*things, select="other", partitions="2026-01-03", propagate=propagate, reprocess="all")
        here.tell("config")
        here.tick()
        here.work()
        assert lab.rows(READ) == [("2026-01-03", 3), ("2026-01-04", 2)]
        assert here.runs() == []
    notes = why_partition(*prepared(Definitions(*things), lab.folder, lab.places), "joined", "2026-01-03").notes
    assert notes == ()


READ = """
    SELECT r.partition, e.number FROM runs r JOIN assets a ON a.id = r.asset_id JOIN pins p ON p.run_id = r.id
    JOIN events e ON e.id = p.event_id WHERE a.name = 'joined' ORDER BY r.partition
"""
