"""Partitions that wait for something else than news of what they read: they come back when it has come, and until then
nobody looks at them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from penstock import Daily, Dataset, Hourly, Partition, Static, Version, asset, pause, resume
from penstock.assets.run.attempt.worker import attempt
from penstock.assets.run.recovery import unclaimed

pytestmark = pytest.mark.databases("sqlite", "postgresql")

CONFIG = Dataset("warehouse://db/config")
DAYS = Daily(start="2026-01-01", end="2026-01-08")
HOURS = Hourly(start="2026-01-01", end="2026-01-16")
MANY = 15 * 24
"""More than one pass looks at."""


def planned(here: Any) -> list[str]:
    """Passes until nothing more is due, which takes a few: which partitions were planned."""
    found: list[str] = []
    for _ in range(30):
        done = here.tick()
        found += [run.planned.partition for run in done.record.runs]
        if done.next_at is None or done.next_at > done.at:
            return found
    raise AssertionError("a planner does not come to rest")


def of_config(producer: Any = lambda: 1) -> Any:
    """Every hour, by any news of the config."""
    return asset("every/{hour}.json", name="every", partitions=HOURS, on=CONFIG.fanout("all"))(producer)


def agenda(lab: Any) -> int:
    """How many rows the agenda of partitions has."""
    return int(lab.rows("SELECT count(*) FROM partition_agenda")[0][0])


def test_what_is_paused_is_not_looked_at(lab: Any, world: Any) -> None:
    """Its range stays a row; when it is resumed, all of it is planned."""
    places = {"project_folder": lab.folder, **lab.places}
    with world(lab, of_config()) as here:
        pause("every", **places)
        here.tell("config")
        assert planned(here) == []
        assert agenda(lab) == 1
        assert here.tick().planned == 0
        resume("every", **places)
        assert len(planned(here)) == MANY
        assert agenda(lab) == 0


def test_what_waits_for_the_end_of_its_run_is_looked_at_then(lab: Any, world: Any) -> None:
    """Not when another run ends, and not once more before."""
    with world(lab, of_config()) as here:
        here.tell("config", "1")
        assert len(planned(here)) == MANY
        here.tell("config", "2")
        assert planned(here) == []
        assert (agenda(lab), here.tick().planned) == (MANY, 0)
        first, *_ = unclaimed(here.project, ["every"])
        outcome = attempt(here.project, first)
        assert outcome is not None
        assert planned(here) == [first.partition]
        assert agenda(lab) == MANY - 1


def test_what_lacks_a_first_version_is_looked_at_when_it_is_there(lab: Any, world: Any) -> None:
    """An input without partitions that the condition does not name."""

    @asset("up/{day}.json", partitions=DAYS)
    def up() -> int:
        return 1

    @asset("down/{day}.json", partitions=DAYS, on=up)
    def down(up: int, config: Version) -> str:
        return f"{up} {config.digest}"

    settings = Dataset(CONFIG.uri)
    with world(lab, up, down, settings) as here:
        lab.make(up, down, settings, select="up", partitions="2026-01-02..2026-01-04", only=True)
        assert planned(here) == []
        here.tell("config")
        assert planned(here) == ["2026-01-02", "2026-01-03", "2026-01-04"]
        assert agenda(lab) == 0


def test_what_lacks_a_partition_is_looked_at_when_that_is_there(lab: Any, world: Any) -> None:
    """Of an input with partitions that the condition does not name: day by day, and the others are left alone."""

    @asset("up/{day}.json", partitions=DAYS)
    def up() -> int:
        return 1

    @asset("labels/{day}.json", partitions=DAYS)
    def labels() -> int:
        return 1

    @asset("down/{day}.json", partitions=DAYS, on=up)
    def down(up: int, labels: int) -> int:
        return up + labels

    with world(lab, up, labels, down) as here:
        lab.make(up, labels, down, select="up", partitions="2026-01-02..2026-01-04", only=True)
        assert planned(here) == []
        lab.make(up, labels, down, select="labels", partitions="2026-01-03", only=True)
        assert planned(here) == ["2026-01-03"]


@pytest.mark.parametrize("last", ["today", "before"])
def test_what_is_read_in_two_ways_is_waited_for_as_the_condition_says(lab: Any, world: Any, last: str) -> None:
    """Whatever the order of the parameters: the plain day concerns the same day, which waits for the one before."""

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
    with world(lab, up, down) as here:
        lab.make(up, down, select="up", partitions="2026-01-03..2026-01-04", only=True)
        assert planned(here) == ["2026-01-04"]
        assert here.work() == ["success"]
        assert json.loads(lab.read("down/2026-01-04.json")) == ["2026-01-04", "2026-01-03"]
        lab.make(up, down, select="up", partitions="2026-01-02", only=True)
        assert planned(here) == ["2026-01-03"]
        assert here.work() == ["success"]
        lab.make(up, down, select="up", partitions="2026-01-04", only=True, force=True)
        assert planned(here) == []


def test_what_one_has_taken_is_news_for_another_that_is_looked_at_with_it(lab: Any, world: Any) -> None:
    """A day concerns two regions: one takes it, the other lacks what it reads. When both have something new to read in
    one pass, the day is news for the second still."""
    days = Dataset("warehouse://days/{day}", partitions=DAYS, name="days")
    rates = Dataset("warehouse://rates/{region}", partitions=Static("eu", "us", name="region"), name="rates")

    @asset("down/{day}/{region}.json", partitions=DAYS * Static("eu", "us", name="region"), on=days)
    def down(days: Version, rates: Version) -> int:
        return 1

    with world(lab, down, days, rates) as here:
        here.tell("rates", partition="eu")
        here.tell("days", partition="2026-01-03")
        assert planned(here) == ["2026-01-03|eu"]
        assert here.work() == ["success"]
        here.tell("rates", partition="eu")
        here.tell("rates", partition="us")
        assert planned(here) == ["2026-01-03|us"]


def test_a_run_that_never_began_is_planned_again(lab: Any, world: Any) -> None:
    """Its code has changed since: it is given up as if it had never been, and its partition is looked at once more."""

    @asset("up/{day}.json", partitions=DAYS)
    def up(day: Partition) -> str:
        return day.key

    def down_of(text: str) -> Any:
        return asset("down/{day}.json", name="down", partitions=DAYS, on=up)(lambda up: f"{up} {text}")

    with world(lab, up, down_of("before")) as here:
        lab.make(up, down_of("before"), select="up", partitions="2026-01-02..2026-01-03", only=True)
        assert planned(here) == ["2026-01-02", "2026-01-03"]
    with world(lab, up, down_of("after")) as here:
        assert here.work() == []
        assert planned(here) == ["2026-01-02", "2026-01-03"]
        assert here.work() == ["success", "success"]
    assert "after" in lab.read("down/2026-01-02.json")


def test_what_was_published_under_another_division_stops_nobody(lab: Any, world: Any) -> None:
    """Days that are hours by now: their news concerns nobody, and that of hours is heard."""

    def up_by(partitions: Any, template: str) -> Any:
        return asset(template, name="up", partitions=partitions)(lambda: 1)

    hours = Hourly(start="2026-01-01", end="2026-01-08", name="day")
    before = up_by(DAYS, "up/{day}.json")
    lab.make(before, partitions="2026-01-02")
    after = up_by(hours, "up/{day}.json")

    @asset("down/{day}.json", partitions=hours, on=after, on_register="build")
    def down(up: int) -> int:
        return up

    with world(lab, after, down, looked_at=False) as here:
        assert planned(here) == []
        lab.make(after, down, select="up", partitions="2026-01-02T03", only=True)
        assert planned(here) == ["2026-01-02T03"]
        assert lab.rows("SELECT count(*) FROM holds") == [(0,)]


def test_what_an_older_run_gives_back_is_pending_beside_what_a_newer_one_took(lab: Any, world: Any) -> None:
    """Two runs of one day at once: the first fails when the second has taken what came later. What the first gave back
    starts nothing, and goes with the next news, once."""
    wire = Dataset("warehouse://db/{day}", partitions=Daily(start="2026-01-01"), name="wire")
    calls: list[int] = []

    @asset("down/{day}.json", partitions=Daily(start="2026-01-01"), on=wire, max_active_runs=2)
    def down(day: Partition) -> str:
        calls.append(1)
        if len(calls) == 1:
            raise ValueError("not yet")
        return day.key

    taken = """
        SELECT e.number FROM consumptions c JOIN events e ON e.id = c.event_id
        WHERE c.current AND c.run_id = (SELECT max(id) FROM runs) ORDER BY e.number
    """
    with world(lab, down) as planners:
        for version in ("1", "2"):
            planners.tell("wire", version, partition="2026-01-05")
            assert planned(planners) == ["2026-01-05"]
        assert planners.work() == ["failed", "success"]
        assert planned(planners) == []
        planners.tell("wire", "3", partition="2026-01-05")
        assert planned(planners) == ["2026-01-05"]
        assert lab.rows(taken) == [(1,), (3,)]
        assert planners.work() == ["success"]
        planners.tell("wire", "4", partition="2026-01-05")
        assert planned(planners) == ["2026-01-05"]
        assert lab.rows(taken) == [(4,)]


def test_what_is_held_is_told(lab: Any, world: Any) -> None:
    """By a pass and by a materialization, key by key with the reason; nobody asked for it, so nothing has failed."""
    span = Daily(start="2026-01-01", end="2026-01-03")

    @asset("hours/{hour}.json", partitions=Hourly(start="2026-01-01", end="2026-01-03"))
    def hours() -> int:
        return 1

    @asset("days/{day}.json", partitions=span, on=hours.rollup())
    def days(hours: dict[str, int]) -> int:
        return len(hours)

    with world(lab, hours, days) as here:
        result = lab.make(hours, days, select="hours", partitions="2026-01-02T00..2026-01-02T22")
        assert result.ok
        assert result["days", "2026-01-02"].state is None
        assert result["days", "2026-01-02"].reason.text == "waiting for hours (23 of 24)"
        lab.make(hours, days, select="hours", partitions="2026-01-01T00", only=True)
        (held,) = here.tick().held
        assert (held.asset, held.partition, held.reason.text) == ("days", "2026-01-01", "waiting for hours (1 of 24)")
        result = lab.make(hours, days)
        assert result.ok
