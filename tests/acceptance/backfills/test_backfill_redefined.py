"""A backfill is of the keys that there were when it was asked for, whatever becomes of the definition meanwhile."""

from __future__ import annotations

from typing import Any

import pytest

from penstock import Daily, Hourly, Monthly, Partition, Static, UsageError, Version, asset

pytestmark = pytest.mark.databases("sqlite", "postgresql")

DAYS = Daily(start="2026-01-01", end="2026-01-05", name="w")
HOURS = Hourly(start="2026-01-01", end="2026-01-05", name="w")


def graph(partitions: Any, below: Any = None) -> tuple[Any, Any]:
    """Two assets that are divided so, one of which reads the other."""

    @asset("a/{w}.json", partitions=partitions)
    def a(w: Partition) -> str:
        return w.key

    @asset("b/{w}.json", partitions=below or partitions, on=a)
    def b(a: Version, w: Partition) -> str:
        return w.key

    return a, b


@pytest.mark.parametrize(("before", "now"), [(DAYS, HOURS), (HOURS, DAYS)], ids=["to hours", "to days"])
def test_nothing_is_made_instead_of_what_was_asked_for(lab: Any, asking: Any, before: Any, now: Any) -> None:
    """Days that became hours are no partitions any more, nor are hours that became days: none is made, each is held,
    and the backfill ends and says so. The new ones can be asked for at once."""
    total = before.select().count * 2
    asked = asking(*graph(before), partitions="all", later=True)
    assert asked.backfill.total == total
    result = lab.make(*graph(now), select="a", partitions=None)
    assert result.backfills == {asked.id: "failed"}
    assert lab.rows("SELECT count(*) FROM runs") == [(0,)]
    assert lab.rows("SELECT state, looked, held FROM backfills") == [("failed", total, total)]
    with pytest.raises(UsageError, match="it has ended, with failures"):
        asking.resume(asked.id, *graph(now))
    assert asking(*graph(now), partitions="2026-01-01" if now is DAYS else "2026-01-01T00").ok


def test_what_is_a_partition_still_is_gone_on_with(lab: Any, asking: Any) -> None:
    """Half way a start is moved: what the definition has is made, what it has no more is held with the reason, and what
    was made before counts as made."""
    days = Daily(start="2026-01-01", end="2026-01-07", name="w")
    stop: list[str] = []

    @asset("a/{w}.json", partitions=days)
    def a(w: Partition) -> str:
        if w.key == "2026-01-02" and not stop:
            stop.append(w.key)
            (found,) = lab.rows("SELECT id FROM backfills")
            asking.pause(found[0])
        return w.key

    first = asking(a, partitions="all")
    assert asking.took() == ["a 2026-01-01", "a 2026-01-02"]
    later = graph(Daily(start="2026-01-04", end="2026-01-06", name="w"))[0]
    result = asking.resume(first.id, later)
    assert asking.took() == ["a 2026-01-04", "a 2026-01-05"]
    assert result.state == "failed"
    assert (result.backfill.total, result.backfill.looked, result.backfill.held) == (6, 6, 2)
    assert result.runs == {"success": 4}
    assert [*result.backfill.reasons] == ["a 2026-01-03", "a 2026-01-06"]
    held = "waiting for a definition that has this partition: daily in UTC still, between other bounds or of other keys"
    assert [one.reason.text for one in asking.ended if one.state is None] == [held] * 2


def test_what_only_the_missing_ones_read_is_made_all_the_same(asking: Any) -> None:
    """The days of the one were to be made for the days of the other, which became months: they were asked for."""
    asked = asking(*graph(DAYS), partitions="all", later=True)
    months = Monthly(start="2026-01-01", end="2026-02-01", name="w")
    result = asking.resume(asked.id, *graph(DAYS, months))
    assert asking.took() == [f"a 2026-01-0{day}" for day in (1, 2, 3, 4)]
    assert (result.state, result.backfill.looked, result.backfill.held) == ("failed", 8, 4)


def test_what_nobody_asked_for_is_no_failure_when_it_is_gone(asking: Any) -> None:
    """The days of the one that news was to start within the range became months: told, and all that was asked for is
    made."""
    asked = asking(*graph(DAYS), select="a", partitions="all", propagate="within", later=True)
    months = Monthly(start="2026-01-01", end="2026-02-01", name="w")
    result = asking.resume(asked.id, *graph(DAYS, months))
    assert asking.took() == [f"a 2026-01-0{day}" for day in (1, 2, 3, 4)]
    assert (result.state, result.ok) == ("success", True)
    assert (result.backfill.looked, result.backfill.held, result.backfill.spared) == (8, 0, 4)
    assert [*result.backfill.reasons] == [f"b 2026-01-0{day}" for day in (1, 2, 3, 4)]


def test_made_already_is_not_missed(lab: Any, asking: Any) -> None:
    """Of `missing`, a key that is made needs nothing, whether or not it is a partition any more."""
    lab.make(*graph(DAYS), select="a", partitions="2026-01-01..2026-01-04")
    asked = asking(*graph(DAYS), select="a", partitions="all", later=True)
    assert asking.resume(asked.id, *graph(HOURS)).state == "success"
    assert asking.took() == []


def test_static_keys_come_and_go(asking: Any) -> None:
    """One that is taken away is held; one that is new was not asked for; the order is that of then."""
    asked = asking(*graph(Static("eu", "us", "asia", name="w")), select="a", partitions="all", later=True)
    result = asking.resume(asked.id, *graph(Static("asia", "africa", "eu", name="w")))
    assert asking.took() == ["a eu", "a asia"]
    assert [*result.backfill.reasons] == ["a us"]


def test_an_asset_without_partitions_any_more(asking: Any) -> None:
    """Nothing of it is left, and the backfill does not wait for ever."""

    @asset("a.json")
    def a() -> int:
        return 1

    asked = asking(*graph(DAYS), select="a", partitions="all", later=True)
    result = asking.resume(asked.id, a)
    assert (result.state, result.backfill.held) == ("failed", 4)
    assert "daily in UTC when it was asked for, undivided now" in asking.ended[-1].reason.text


def test_a_planner_ends_it_too(lab: Any, asking: Any, world: Any) -> None:
    """A pass records nothing of it."""
    asking(*graph(DAYS), partitions="all", later=True)
    with world(lab, *graph(HOURS), looked_at=False) as planners:
        assert planners.tick().backfilled == 0
    assert lab.rows("SELECT state, held FROM backfills") == [("failed", 8)]
    assert lab.rows("SELECT count(*) FROM runs") == [(0,)]


def test_a_planner_with_the_former_definition_leaves_it_alone(lab: Any, asking: Any, world: Any) -> None:
    """What is a partition by the definition that is registered is not held by the former one: who knows it makes it."""
    with world(lab, *graph(DAYS)) as old:
        asking(*graph(HOURS), partitions="2026-01-01T00..2026-01-01T01", later=True)
        assert old.tick().backfilled == 0
        assert lab.rows("SELECT state, held FROM backfills") == [("running", 0)]
    with world(lab, *graph(HOURS), looked_at=False) as new:
        assert new.tick().backfilled == 2
