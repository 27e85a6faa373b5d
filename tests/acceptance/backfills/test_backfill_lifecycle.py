"""A backfill is paused, resumed and canceled, goes on by itself, and shares no partition with another one."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import update

from penstock import Daily, Dynamic, Partition, Static, UsageError, asset
from penstock.storage.meta.backfills.backfills import backfills
from penstock.storage.types import BackfillState, RunState

pytestmark = pytest.mark.databases("sqlite", "postgresql")

DAYS = Daily(start="2026-01-01", end="2026-01-11")


@asset("daily/{day}.json", partitions=DAYS)
def daily(day: Partition) -> str:
    """A day."""
    return day.key


@asset("other.json")
def other() -> int:
    """What has nothing to do with it."""
    return 1


def keys_of(begun: list[str]) -> list[int]:
    """The days that were begun."""
    return [int(one[-2:]) for one in begun]


@pytest.mark.parametrize("word", ["pause", "cancel"])
def test_it_is_stopped_while_it_is_made(lab: Any, asking: Any, word: str) -> None:
    """The run that is being made goes on to its end; what was planned behind it is given up, and made when the backfill
    is resumed. A canceled one is not resumed, and another one may ask for the rest."""
    told: list[Any] = []

    @asset("daily/{day}.json", partitions=DAYS)
    def daily(day: Partition) -> str:
        if day.key == "2026-01-03" and not told:
            (number,) = lab.rows("SELECT id FROM backfills")
            told.append(getattr(asking, word)(number[0]))
        return day.key

    result = asking(daily, partitions="2026-01-01..2026-01-06")
    assert keys_of(asking.took()) == [1, 2, 3]
    assert told[0].given_up == 3
    assert not result.ok, "three of six are not made"
    if word == "pause":
        assert result.state == "paused"
        assert asking.resume(result.id[-8:], daily).state == "success"
    else:
        assert result.state == "canceled"
        with pytest.raises(UsageError, match="cannot be resumed: it is canceled already"):
            asking.resume(result.id, daily)
        assert asking(daily, partitions="2026-01-01..2026-01-06").state == "success"
    assert keys_of(asking.took()) == [4, 5, 6]
    assert lab.rows("SELECT count(*) FROM events") == [(6,)]


def test_what_was_made_by_hand_meanwhile_is_left_alone(lab: Any, asking: Any) -> None:
    """One that was given up by a pause and made by somebody else counts once, as left alone."""
    told: list[Any] = []

    @asset("daily/{day}.json", partitions=DAYS)
    def daily(day: Partition) -> str:
        if day.key == "2026-01-03" and not told:
            (number,) = lab.rows("SELECT id FROM backfills")
            told.append(asking.pause(number[0]))
        return day.key

    paused = asking(daily, partitions="2026-01-01..2026-01-06")
    assert paused.runs == {RunState.SUCCESS: 3, RunState.CANCELED: 3}
    assert lab.make(daily, partitions="2026-01-05").ok
    result = asking.resume(paused.id, daily)
    assert (result.state, result.runs, result.backfill.spared) == ("success", {RunState.SUCCESS: 5}, 1)


def test_what_cannot_be_changed_is_said(asking: Any) -> None:
    """Twice canceled, twice paused, ended; and what is no backfill, or several."""
    first = asking(daily, partitions="2026-01-01", later=True)
    second = asking(daily, partitions="2026-01-02", later=True)
    asking.pause(first.id)
    with pytest.raises(UsageError, match=f"backfill {first.id[-8:]} cannot be paused: it is paused already"):
        asking.pause(first.id)
    assert asking.cancel(first.id).backfill.state is BackfillState.CANCELED
    with pytest.raises(UsageError, match="cannot be canceled: it is canceled already") as caught:
        asking.cancel(first.id)
    assert "asks for partitions anew" in caught.value.hint
    assert asking.resume(second.id, daily).ok
    with pytest.raises(UsageError, match="cannot be paused: it has ended with success"):
        asking.pause(second.id)
    with pytest.raises(UsageError, match="there is no backfill 'zzz' in project lab"):
        asking.cancel("zzz")
    with pytest.raises(UsageError, match="2 backfills have an id that begins or ends with"):
        asking.cancel(first.id[:6])


def test_two_backfills_share_no_partition(asking: Any) -> None:
    """While one has not ended, another one is refused with the keys; beside each other they are fine."""
    first = asking(daily, partitions="2026-01-01..2026-01-05", later=True)
    with pytest.raises(UsageError) as caught:
        asking(daily, partitions="2026-01-05..2026-01-07", later=True)
    assert caught.value.message == f"backfill {first.id[-8:]}, which is running, is already of daily 2026-01-05"
    with pytest.raises(UsageError, match="of daily 2026-01-01, 2026-01-02, 2026-01-03 and 2 more"):
        asking(daily, partitions="all", later=True)
    beside = asking(daily, partitions="2026-01-06..2026-01-07")
    assert beside.state == "success"
    assert keys_of(asking.took()) == [6, 7]
    asking.pause(first.id)
    with pytest.raises(UsageError, match="which is paused, is already of"):
        asking(daily, partitions="2026-01-05", later=True)
    asking.cancel(first.id)
    assert asking(daily, partitions="2026-01-05").ok


def test_the_next_materialization_goes_on_with_it(lab: Any, asking: Any) -> None:
    """Whatever that is for; one that is paused is left alone."""
    running = asking(daily, partitions="2026-01-01..2026-01-03", later=True)
    paused = asking(daily, partitions="2026-01-04", later=True)
    asking.pause(paused.id)
    assert running.state == "running"
    result = lab.make(other, daily, select="other")
    assert result.backfills == {running.id: "success"}
    assert lab.rows("SELECT state FROM backfills ORDER BY id") == [("success",), ("paused",)]
    assert lab.rows("SELECT count(*) FROM events WHERE partition <> ''") == [(3,)]


def test_planners_go_on_with_it(lab: Any, asking: Any, world: Any) -> None:
    """A pass records what comes next, as many as may be active, for whoever comes first; the last one ends it."""
    asked = asking(daily, partitions="2026-01-01..2026-01-04", max_active_runs=3, later=True)
    with world(lab, daily, looked_at=False) as planners:
        assert [planners.tick().backfilled, planners.tick().backfilled] == [3, 0]
        assert lab.rows("SELECT DISTINCT backfill_id, state FROM runs") == [(asked.id, "scheduled")]
        assert planners.work() == ["success"] * 3
        assert planners.tick().backfilled == 1
        assert planners.work() == ["success"]
        assert planners.tick().backfilled == 0
    assert lab.rows("SELECT state, looked FROM backfills") == [("success", 4)]


def test_what_planners_recorded_is_made_inline(lab: Any, asking: Any, world: Any) -> None:
    """Whoever goes on with a backfill makes the runs that nobody has begun."""
    asked = asking(daily, partitions="2026-01-01..2026-01-04", max_active_runs=2, later=True)
    with world(lab, daily, looked_at=False) as planners:
        planners.tick()
    assert asking.resume(asked.id, daily).state == "success"
    assert keys_of(asking.took()) == [1, 2, 3, 4]


def test_a_cursor_that_an_earlier_version_wrote_begins_anew(lab: Any, asking: Any, world: Any) -> None:
    """It says no place in the order of now. What is done is known from the runs: only the rest is made."""
    asked = asking(daily, partitions="2026-01-01..2026-01-04", max_active_runs=2, later=True)
    with world(lab, daily, looked_at=False) as planners:
        assert planners.tick().backfilled == 2
        assert planners.work() == ["success"] * 2
        with planners.project.store.write() as tx:
            number = planners.project.ids.assets["daily"]
            tx.execute(update(backfills).values(cursor={"asset": number, "key": "2026-01-02"}))
    assert asking.resume(asked.id, daily).state == "success"
    assert keys_of(asking.took()) == [3, 4]
    assert lab.rows("SELECT looked, total FROM backfills") == [(4, 4)]


def test_dynamic_keys_appear_by_being_asked_for(asking: Any) -> None:
    """A key that nobody has made is as good as any other, and stays so until it is its turn."""

    @asset("raw/{customer}.txt", partitions=Dynamic(name="customer"))
    def raw(customer: Partition) -> str:
        return customer.key

    asked = asking(raw, partitions="globex,acme", later=True)
    assert asked.backfill.total == 2
    assert asking.resume(asked.id, raw).ok
    assert asking.took() == ["raw acme", "raw globex"]


def test_the_definition_moves_under_a_backfill(lab: Any, asking: Any) -> None:
    """Partitions that it has no more are held; the rest is made. While its asset is not declared it waits."""

    @asset("daily/{day}.json", partitions=Daily(start="2026-01-03", end="2026-01-11"))
    def later(day: Partition) -> str:
        return day.key

    later.name = "daily"
    asked = asking(daily, partitions="2026-01-01..2026-01-04", later=True)
    result = asking.resume(asked.id, later)
    assert (result.state, result.backfill.held) == ("failed", 2)
    assert keys_of(asking.took()) == [3, 4]
    gone = asking(daily, partitions="2026-01-01", later=True)
    with pytest.raises(UsageError, match=f"backfill {gone.id[-8:]} of daily is of assets that are not declared"):
        asking.resume(gone.id, other)
    lab.make(other)
    assert lab.rows("SELECT state FROM backfills WHERE ended_at IS NULL") == [("running",)]
    lab.make(other, daily, select="other")
    assert lab.rows("SELECT count(*) FROM backfills WHERE state = 'success'") == [(1,)]


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ("2026-01-05..2026-01-03", "runs backwards, from 2026-01-05 to 2026-01-03"),
        ("2026-02-01", "'2026-02-01' is not in daily in UTC, which ends with 2026-01-10"),
        ("2026-01-0é", "'2026-01-0é' is no key of daily in UTC"),
        ("2026/01/01", "'2026/01/01' is no key of daily in UTC"),
        ("eu", "'eu' is no key of daily in UTC"),
        ("", "a key is missing"),
    ],
)
def test_keys_that_there_are_not_are_refused(lab: Any, asking: Any, keys: str, said: str) -> None:
    """With what is wrong, before anything is recorded."""
    with pytest.raises(UsageError) as caught:
        asking(daily, partitions=keys)
    assert said in str(caught.value)
    assert lab.rows("SELECT count(*) FROM backfills") == [(0,)]


def test_the_future_is_refused_with_the_dates(asking: Any) -> None:
    """A window that is not over has no data; the last one that is over is named."""

    @asset("open/{day}.json", partitions=Daily(start="2026-01-01"))
    def endless(day: Partition) -> str:
        return day.key

    with pytest.raises(UsageError, match="'2399-01-01' is not over: its window ends at 2399-01-02") as caught:
        asking(endless, partitions="2026-01-01..2399-01-01")
    assert "The last one that is over is 20" in caught.value.hint


def test_what_makes_no_sense_is_refused(asking: Any) -> None:
    """Words that are none, no partitions, a limit of none; a key with a slash of named partitions."""

    @asset("regions/{region}.json", partitions=Static("eu", "us", name="region"))
    def regions() -> int:
        return 1

    for options, said in (
        ({"reprocess": "some"}, "reprocess='some' is no word for it"),
        ({"propagate": "maybe"}, "propagate='maybe' is no word for it"),
        ({"order": "sideways"}, "order='sideways' is no word for it"),
        ({"max_active_runs": 0}, "a backfill with max_active_runs=0 would make nothing"),
        ({"max_active_runs": "4"}, "max_active_runs='4' is of type str, and is a whole number"),
        ({"select": "other"}, "no asset of the selection has partitions"),
        ({"select": "regions", "partitions": "e/u"}, "the key 'e/u' of region"),
        ({"select": "regions", "partitions": "ür"}, "'ür' is no key of region"),
    ):
        with pytest.raises(UsageError) as caught:
            asking(daily, other, regions, **{"select": "daily", "partitions": "2026-01-01", **options})
        assert said in str(caught.value)
        assert caught.value.hint


def test_keys_are_selected_by_a_text(lab: Any, asking: Any) -> None:
    """What is none is refused with its type and what to write: a list as one text. Nothing is recorded."""
    keys = ["2026-01-01", "2026-01-03"]
    for given, said, hint in (
        (5, "partitions=5 is of type int", '"2026-01-01..2026-01-31"'),
        (keys, "is of type list", 'Write partitions="2026-01-01,2026-01-03"'),
        (None, "partitions=None is of type NoneType", '"last:7"'),
    ):
        for call in [asking] if given is None else [asking, lab.make]:
            with pytest.raises(UsageError, match="keys are selected by one text") as caught:
                call(daily, partitions=given)
            assert said in caught.value.message
            assert hint in caught.value.hint
    assert [one.partition for one in lab.make(daily, partitions=",".join(keys)).executed] == keys
    assert lab.rows("SELECT count(*) FROM backfills") == [(0,)]


@asset("sum.json", on=daily)
def sum_of_days(daily: dict[str, str]) -> int:
    """What has no partitions and reads the days."""
    return len(daily)


def test_what_a_materialization_held_is_told_as_it_stands_in_the_end(lab: Any, asking: Any) -> None:
    """What was asked for and lacked what the backfill then made is made after it; nothing is told as held that is made,
    and the materialization has succeeded."""
    asked = asking(daily, sum_of_days, select="daily", partitions="2026-01-01..2026-01-03", later=True)
    result = lab.make(daily, sum_of_days)
    assert result.backfills == {asked.id: "success"}
    assert result.ok
    assert lab.story(result) == {"sum_of_days": "success: first build"}
    assert lab.read("sum.json").strip() == "3"


def test_keys_that_were_held_are_told_as_they_stand_in_the_end(lab: Any, asking: Any) -> None:
    """By key: what the backfill made itself, and what was asked for and reads that."""

    @asset("up/{day}.json", partitions=DAYS)
    def up(day: Partition) -> str:
        return day.key

    @asset("down/{day}.json", partitions=DAYS)
    def down(up: str) -> str:
        return up

    @asset("below/{day}.json", partitions=DAYS)
    def below(down: str) -> str:
        return down

    asking(up, down, below, select=("up", "down"), partitions="2026-01-01..2026-01-02", later=True)
    result = lab.make(up, down, below, select=("down", "below"), partitions="2026-01-01..2026-01-03")
    said = {f"{one.asset} {one.partition}": f"{one.state}: {one.reason.kind.value}" for one in result.outcomes}
    assert said == {
        "down 2026-01-01": "success: backfill", "down 2026-01-02": "success: backfill",
        "down 2026-01-03": "None: no_version",
        "below 2026-01-01": "success: first_build", "below 2026-01-02": "success: first_build",
        "below 2026-01-03": "None: no_version",
    }  # fmt: skip
    assert not result.ok, "the third day of `up` was never made"


def test_a_backfill_that_fails_fails_the_materialization_that_goes_on_with_it(lab: Any, asking: Any) -> None:
    """Whatever that was for; the outcomes are those of what was asked for."""

    @asset("daily/{day}.json", partitions=DAYS)
    def daily() -> str:
        raise ValueError("no")

    asked = asking(daily, partitions="2026-01-01", later=True)
    result = lab.make(other, daily, select="other")
    assert (result.backfills, result.ok) == ({asked.id: "failed"}, False)
    assert lab.story(result) == {"other": "success: first build"}
