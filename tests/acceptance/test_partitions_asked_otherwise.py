"""A changed definition asks again for the partitions that were held by the former one, whatever of it changed."""

from __future__ import annotations

from typing import Any

import pytest

from penstock import Daily, Dataset, Definitions, Hourly, Partition, Static, Version, Weekly, asset, meta
from penstock.assets.run.api import prepared
from penstock.assets.run.explaining.of_partition import why_partition

pytestmark = pytest.mark.databases("sqlite", "postgresql")

HOURS = Dataset("warehouse://db/{hour}", partitions=Hourly(start="2026-01-01", end="2026-01-11"), name="hours")
DAYS = Dataset("warehouse://days/{day}", partitions=Daily(start="2026-01-01", end="2026-01-11"), name="days")
CONF = Dataset("warehouse://db/conf", name="conf")
PARTS = Daily(start="2026-01-01", end="2026-01-11", name="k")
LATER = Daily(start="2026-01-03", end="2026-01-11", name="k")
WEEKS = Weekly(start="2025-12-29", end="2026-01-12", name="k")


def nothing(key: str) -> list[str]:
    """A mapping by which an event concerns nobody."""
    return []


def consumer(on: Any, partitions: Any = PARTS, **options: Any) -> Any:
    """The consumer, when it is asked for so."""

    @asset("d/{k}.json", partitions=partitions, on=on, name="d", **options)
    def d(k: Partition) -> str:
        return k.key

    return d


def planned(here: Any) -> list[str]:
    """Passes until nothing more is due: the partitions that were planned."""
    found: list[str] = []
    while True:
        done = here.tick()
        found += [run.planned.partition for run in done.record.runs]
        if done.next_at is None or done.next_at > done.at:
            return found


def decided(lab: Any, thing: Any, key: str) -> str:
    """What `why` says of a partition."""
    known, definitions = prepared(Definitions(thing), lab.folder, lab.places)
    return str(why_partition(known, definitions, "d", key).decision)


def hours(here: Any, *which: int) -> None:
    """These hours of the first of January come."""
    for hour in which:
        here.tell("hours", partition=f"2026-01-01T{hour:02}")


DAILY = {
    "fewer are enough": (consumer(HOURS.rollup()), consumer(HOURS.rollup(at_least=3)), "2026-01-01"),
    "some time is enough": (consumer(HOURS.rollup()), consumer(HOURS.rollup(after="1h")), "2026-01-01"),
    "days become weeks": (consumer(HOURS.rollup()), consumer(HOURS.rollup(at_least=3), WEEKS), "2026-W01"),
}


@pytest.mark.parametrize("change", DAILY)
def test_a_window_that_has_enough_by_now_is_made(lab: Any, world: Any, change: str) -> None:
    """Three hours of a day are there and nothing more comes: the definition that is content with them makes it, in the
    next pass, as `why` and `plan` have said."""
    former, now, key = DAILY[change]
    with world(lab, former) as here:
        hours(here, 0, 1, 2)
        assert planned(here) == []
    assert decided(lab, now, key) == "run"
    assert [(one.partition, one.outcome) for one in lab.outlook(now).assets if one.partition] == [(key, "run")]
    with world(lab, now, looked_at=False) as here:
        assert planned(here) == [key]
        assert planned(here) == []
    assert lab.rows("SELECT count(*) FROM partition_holds") == [(0,)]


def test_what_was_held_is_another_partition_now(lab: Any, world: Any) -> None:
    """A day that was held is divided by regions, and is one again: what it was is no key in between."""
    regions = PARTS * Static("eu", "us", name="region")

    @asset("d/{k}-{region}.json", partitions=regions, on=HOURS.rollup(at_least=3), name="d")
    def divided(k: Partition) -> str:
        return k.key

    with world(lab, consumer(HOURS.rollup())) as here:
        hours(here, 0, 1)
        assert planned(here) == []
    with world(lab, divided, looked_at=False) as here:
        assert planned(here) == []
        hours(here, 2)
        assert planned(here) == ["2026-01-01|eu", "2026-01-01|us"]
    with world(lab, consumer(HOURS.rollup(at_least=3)), looked_at=False) as here:
        assert planned(here) == ["2026-01-01"]


SINGLE = {
    "one is enough": (consumer(DAYS.count(2)), consumer(DAYS), "2026-01-02"),
    "whatever it is": (consumer(DAYS.where(meta("x") > 3)), consumer(DAYS), "2026-01-02"),
    "from earlier on": (consumer(DAYS, LATER), consumer(DAYS), "2026-01-02"),
    "for the day after": (consumer(DAYS.mapped(nothing)), consumer(DAYS.offset(-1)), "2026-01-03"),
    "for itself": (consumer(DAYS.mapped(nothing)), consumer(DAYS), "2026-01-02"),
}


@pytest.mark.parametrize("change", SINGLE)
def test_an_event_without_effect_has_one_by_the_changed_definition(lab: Any, world: Any, change: str) -> None:
    """What came and started nothing starts what it concerns now, once."""
    former, now, key = SINGLE[change]
    with world(lab, former) as here:
        here.tell("days", partition="2026-01-02")
        assert planned(here) == []
    assert decided(lab, now, key) == "run"
    with world(lab, now, looked_at=False) as here:
        assert planned(here) == [key]
        assert planned(here) == []


@pytest.mark.parametrize("late", ["ignore", "complete"])
def test_what_was_late_is_made_by_a_policy_that_asks_for_it(lab: Any, world: Any, late: str) -> None:
    """A day was made of three hours, and the fourth was not asked for: `each` makes it once more."""
    with world(lab, consumer(HOURS.rollup(at_least=3, late=late))) as here:
        hours(here, 0, 1, 2)
        assert planned(here) == ["2026-01-01"]
        here.work()
        hours(here, 3)
        assert planned(here) == []
    now = consumer(HOURS.rollup(at_least=3, late="each"))
    assert decided(lab, now, "2026-01-01") == "run"
    with world(lab, now, looked_at=False) as here:
        assert planned(here) == ["2026-01-01"]


def test_a_day_is_made_by_whoever_registers_the_change(lab: Any, world: Any) -> None:
    """A materialization of something else registers the definition, and makes what is due by it."""

    @asset("h/{hour}.json", partitions=Hourly(start="2026-01-01", end="2026-01-11"))
    def h(hour: Partition) -> str:
        return hour.key

    lab.make(h, consumer(h.rollup()), select="h", partitions="2026-01-01T00..2026-01-01T02")
    made = lab.make(h, consumer(h.rollup(at_least=3)), select="h", partitions="2026-01-02T00")
    assert [(one.partition, one.state) for one in made.outcomes if one.asset == "d" and one.state] == [
        ("2026-01-01", "success")
    ]


def test_other_code_asks_nothing_again(lab: Any, world: Any) -> None:
    """What starts an asset is the same: nothing that was held or taken is looked at again."""

    @asset("d/{k}.json", partitions=PARTS, on=HOURS.rollup(), name="d")
    def recoded(k: Partition) -> str:
        return k.key + " once more"

    with world(lab, consumer(HOURS.rollup())) as here:
        hours(here, 0, 1, 2)
        planned(here)
        held = lab.rows("SELECT * FROM partition_holds")
    with world(lab, recoded, looked_at=False) as here:
        assert held == lab.rows("SELECT * FROM partition_holds")
        assert lab.rows("SELECT * FROM partition_agenda") == []
        assert planned(here) == []


def test_what_is_made_is_not_made_again(lab: Any, world: Any) -> None:
    """What the former definition has made is not made again by one that asks the same of it."""
    with world(lab, consumer(DAYS)) as here:
        for day in (2, 3, 4):
            here.tell("days", partition=f"2026-01-{day:02}")
        assert planned(here) == ["2026-01-02", "2026-01-03", "2026-01-04"]
        here.work()
    with world(lab, consumer(DAYS | CONF), looked_at=False) as here:
        assert planned(here) == []


def test_what_is_made_reads_other_days_now(lab: Any, world: Any) -> None:
    """Days that were made of themselves are made of the day before: what another day has taken of that is news here,
    although both are looked at together; `why` has said so."""
    with world(lab, consumer(DAYS)) as here:
        for day in (2, 3, 4):
            here.tell("days", partition=f"2026-01-{day:02}")
        assert planned(here) == ["2026-01-02", "2026-01-03", "2026-01-04"]
        here.work()
    now, keys = consumer(DAYS.offset(-1)), ["2026-01-03", "2026-01-04", "2026-01-05"]
    assert [decided(lab, now, key) for key in ("2026-01-02", *keys)] == ["hold", "run", "run", "run"]
    told = [(one.partition, one.last, one.outcome) for one in lab.outlook(now).assets if one.partition]
    assert ("2026-01-05", "", "run") in told
    with world(lab, now, looked_at=False) as here:
        assert planned(here) == keys
        here.work()
        assert planned(here) == []


def test_what_lacked_an_input_is_made_without_it(lab: Any, world: Any) -> None:
    """A day that lacked an input is made by a definition that does without."""

    @asset("d/{k}.json", partitions=PARTS, on=DAYS, name="d", inputs={"conf": CONF})
    def former(conf: Version, k: Partition) -> str:
        return k.key

    with world(lab, former) as here:
        here.tell("days", partition="2026-01-02")
        assert planned(here) == []
    with world(lab, consumer(DAYS), looked_at=False) as here:
        assert planned(here) == ["2026-01-02"]
