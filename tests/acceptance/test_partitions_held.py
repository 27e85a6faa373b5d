"""Why partitions are held is kept when they are looked at, as ranges, and told as long as it is so."""

from __future__ import annotations

from typing import Any

import pytest

from penstock import Daily, Dataset, Definitions, Hourly, Partition, UsageError, Version, asset, why
from penstock.assets.run.api import prepared
from penstock.assets.run.explaining.why import why_now
from penstock.storage.meta.database.engine import Store
from penstock.storage.settings import read_settings
from penstock.ui.read.status import status

pytestmark = pytest.mark.databases("sqlite", "postgresql")

HOURS = Dataset("warehouse://db/{hour}", partitions=Hourly(start="2026-01-01", end="2026-03-01"), name="hours")
DAYS = Daily(start="2026-01-01", end="2026-03-01")


@asset("daily/{day}.json", partitions=DAYS, on=HOURS)
def daily(day: Partition) -> str:
    """A day of hours."""
    return day.key


ALL = "waiting for hours (1 of 24) in 2026-01-01..2026-02-28 (59)"


def tell(here: Any, day: str, *, hours: range = range(1)) -> None:
    """So many hours of a day come."""
    for hour in hours:
        here.tell("hours", partition=f"{day}T{hour:02}")


def days(count: int) -> list[str]:
    """The first days of the year."""
    return [f"2026-{1 + number // 31:02}-{1 + number % 31:02}" for number in range(count)]


def kept(lab: Any) -> list[tuple[Any, ...]]:
    """The ranges that are kept, in days since the year began: from, until before, what is waited for."""
    begin = 1767225600
    rows = lab.rows('SELECT start, "end", reason FROM partition_holds ORDER BY start')
    return [((start - begin) / 86400, (end - begin) / 86400, reason.count("1 of 24")) for start, end, reason in rows]


def told(lab: Any, *things: Any) -> dict[str, str]:
    """What `plan`, `why` and `status` say of the days."""
    settings = read_settings(lab.folder, **lab.places)
    store = Store(settings.database_url, project=settings.project)
    try:
        held = status(store).held
    finally:
        store.close()
    known, definitions = prepared(Definitions(*things), lab.folder, lab.places)
    return {
        "plan": next(one.reason.text for one in lab.outlook(*things).assets if one.asset == "daily"),
        "dry run": next(one.reason.text for one in lab.foresee_all(*things) if one.asset == "daily"),
        "why": why_now(known, definitions, "daily").reason.text,
        "status": held["daily"].text if "daily" in held else "",
    }


def test_what_incomplete_windows_wait_for_is_told_after_the_first_pass_too(lab: Any, world: Any) -> None:
    """Fifty-nine days that lack the same are one row, and one reason, for whoever asks; a pass without news touches
    nothing."""
    with world(lab, daily) as here:
        for day in days(59):
            tell(here, day)
        assert here.runs() == []
        assert kept(lab) == [(0, 59, 1)]
        assert told(lab, daily) == dict.fromkeys(("plan", "dry run", "why", "status"), ALL)
        before = lab.dump()
        assert here.runs() == []
        assert lab.dump() == before
    again = lab.make(daily)
    assert [(one.partition, one.reason.text) for one in again.outcomes] == [("", ALL)]
    assert told(lab, daily)["plan"] == ALL


def test_what_is_made_or_lacks_something_else_is_told_so(lab: Any, world: Any) -> None:
    """The range is divided by what became of a day in its middle; by news, or by hand."""
    with world(lab, daily) as here:
        for day in days(9):
            tell(here, day)
        here.runs()
        tell(here, "2026-01-03", hours=range(1, 2))
        here.runs()
        assert kept(lab) == [(0, 2, 1), (2, 3, 0), (3, 9, 1)]
        assert told(lab, daily)["status"] == (
            "waiting for hours (1 of 24) in 8 partitions from 2026-01-01 to 2026-01-09; hours (2 of 24) in 2026-01-03"
        )
        tell(here, "2026-01-03", hours=range(2, 24))
        outlook = {(one.partition, one.outcome): one.reason.text for one in lab.outlook(daily).assets}
        assert outlook["2026-01-03", "run"] == "input changed (hours) and first build"
        assert outlook["", "hold"].startswith("waiting for hours (1 of 24) in 8 partitions")
        assert here.runs() == [("daily", "input_changed")]
        assert kept(lab) == [(0, 2, 1), (3, 9, 1)]
    lab.make(daily, partitions="2026-01-05", force=True)
    assert kept(lab) == [(0, 2, 1), (3, 4, 1), (5, 9, 1)]


def test_inputs_without_a_version_are_told_without_their_keys(lab: Any, world: Any) -> None:
    """Each day lacks an input of its own, and all of them the same one: one row, one reason."""
    config = Dataset("warehouse://db/config", name="config")
    parts = Dataset("warehouse://db/parts/{day}", partitions=DAYS, name="parts")

    @asset("daily/{day}.json", partitions=DAYS, on=parts | config.fanout("all"), name="daily")
    def needing(parts: Version, day: Partition) -> str:
        return day.key

    with world(lab, needing) as here:
        here.tell("config")
        assert here.runs() == []
        assert len(kept(lab)) == 1
    assert told(lab, needing)["why"] == "waiting for a version of parts in 2026-01-01..2026-02-28 (59)"


def test_what_is_divided_otherwise_is_held_by_its_new_places(lab: Any, world: Any) -> None:
    """Its places are others: the former ones are forgotten, and those that the news concerns now are looked at."""
    with world(lab, daily) as here:
        tell(here, "2026-01-01")
        here.runs()
        assert kept(lab) == [(0, 1, 1)]

    @asset("daily/{day}.json", partitions=Daily(start="2026-01-01", tz="Asia/Kolkata"), on=HOURS, name="daily")
    def shifted(day: Partition) -> str:
        return day.key

    lab.make(shifted)
    ((start, end, _),) = kept(lab)
    assert (start, end) == (-5.5 / 24, 18.5 / 24)


def test_a_program_asks_why_of_one_partition(lab: Any, world: Any) -> None:
    """Now; which partitions there were at an earlier time, nobody knows."""
    places = {"project_folder": lab.folder, **lab.places}
    with world(lab, daily) as here:
        tell(here, "2026-01-02")
        here.tick()
    found = why([daily], daily, partition="2026-01-02", **places)
    assert (found.partition, found.decision) == ("2026-01-02", "hold")
    assert found.reason.text.startswith("waiting for hours (1 of 24")
    with pytest.raises(UsageError, match="answers for now alone"):
        why([daily], "daily", partition="2026-01-02", at="-1h", **places)
    with pytest.raises(UsageError, match="'x' is no key of daily in UTC"):
        why([daily], "daily", partition="x", **places)
