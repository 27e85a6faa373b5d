"""A run that has ended is made again from what it had pinned, whatever is newer; the code is that of now."""

from __future__ import annotations

from typing import Any

import pytest

from penstock import Daily, Dataset, Dynamic, Hourly, Partition, UsageError, asset, rerun

pytestmark = pytest.mark.databases("sqlite", "postgresql")

DAYS = Daily(start="2026-01-01", end="2026-01-04")


def again(lab: Any, run_id: str, *things: Any, **options: Any) -> Any:
    """Rerun in the project of a lab."""
    return rerun(run_id, list(things), project_folder=lab.folder, **lab.places, **options)


def ids(lab: Any, name: str, state: str = "success") -> list[str]:
    """The runs of an asset, oldest first."""
    query = "SELECT r.id FROM runs r JOIN assets a ON a.id = r.asset_id WHERE a.name = ? AND r.state = ? ORDER BY r.id"
    return [run_id for (run_id,) in lab.rows(query, name, state)]


def test_it_reads_what_it_read_then(lab: Any) -> None:
    """The inputs have moved on; the rerun pins the old ones, publishes what they give, and its reason names the run.
    The next materialization finds that the inputs are others."""
    value = {"n": 1}

    @asset("up.json", on=None)
    def up() -> int:
        return value["n"]

    @asset("down.json", on=up)
    def down(up: int, *, factor: int = 1) -> int:
        return up * 10 * factor

    @asset("after.json", on=down)
    def after(down: int) -> int:
        return down

    things = (up, down, after)
    lab.make(*things, parameters={"down.factor": 3})
    value["n"] = 2
    lab.make(*things)
    assert lab.read("down.json").strip() == "20"
    first, _ = ids(lab, "down")
    done = again(lab, first[-8:], *things)
    assert done.ok
    assert not done.code_changed
    assert done.of == first
    assert done.outcome.reason.text == f"manual; rerun of run {first[-8:]}, from the same inputs"
    assert lab.read("down.json").strip() == "30"
    assert lab.read("after.json").strip() == "30", "what its news causes is made"
    pins = "SELECT event_id, version_id FROM pins WHERE run_id = ?"
    assert lab.rows(pins, done.outcome.run_id) == lab.rows(pins, first)
    assert lab.rows("SELECT count(*) FROM attempts WHERE run_id = ?", first) == [(1,)], "that run stays as it was"
    result = lab.make(*things)
    assert result["down"].reason.text == "input changed (up) and parameters changed (factor)"


def test_a_failed_run_is_mended_by_other_code(lab: Any) -> None:
    """It is said that the code is another; the events that the failed run gave back are taken by the new one."""

    @asset("up.json")
    def up() -> int:
        return 1

    @asset("down.json", on=up, name="down")
    def broken(up: int) -> int:
        raise ValueError("broken")

    @asset("down.json", on=up, name="down")
    def mended(up: int) -> int:
        return up + 1

    lab.make(up, broken)
    (failed,) = ids(lab, "down", "failed")
    assert again(lab, failed, up, broken, only=True).outcome.error["message"] == "broken"
    done = again(lab, failed, up, mended)
    assert done.ok
    assert done.code_changed
    assert "code changed" in done.outcome.reason.text
    outcomes = "SELECT outcome, current FROM consumptions ORDER BY id"
    assert [(outcome, bool(current)) for outcome, current in lab.rows(outcomes)] == [
        ("returned", False), ("returned", False), ("run", True)
    ]  # fmt: skip


def test_a_partition_is_made_again_from_its_partitions(lab: Any) -> None:
    """From the hours as they were, in their order; the others stay as they are."""
    value = {"n": 1}

    @asset("hourly/{hour}.json", partitions=Hourly(start="2026-01-01", end="2026-01-04"))
    def hourly(hour: Partition) -> int:
        return value["n"]

    @asset("daily/{day}.json", partitions=DAYS)
    def daily(hourly: dict[str, int], day: Partition) -> int:
        assert list(hourly) == sorted(hourly)
        return sum(hourly.values())

    lab.make(hourly, daily, partitions="2026-01-01..2026-01-02")
    (first, _) = ids(lab, "daily")
    value["n"] = 2
    lab.make(hourly, daily, select="hourly", partitions="2026-01-01T00..2026-01-01T23", force=True)
    lab.make(hourly, daily, select="daily", partitions="2026-01-01")
    assert lab.read("daily/2026-01-01.json").strip() == "48"
    done = again(lab, first, hourly, daily)
    assert done.ok
    assert done.outcome.partition == "2026-01-01"
    assert lab.read("daily/2026-01-01.json").strip() == "24"
    assert lab.rows("SELECT count(*) FROM pins WHERE run_id = ?", done.outcome.run_id) == [(24,)]


def test_what_cannot_be_made_again_is_refused(lab: Any) -> None:
    """Skipped, gone, reading something else, being made, or no run at all; with the next step, and nothing recorded."""
    told: list[str] = []

    @asset("up.json", name="up")
    def up() -> int:
        return 1

    @asset("down.json", name="down")
    def down(up: int) -> int:
        if told:
            with pytest.raises(UsageError, match="down is being made: 1 of 1 runs are active"):
                again(lab, told.pop(), up, down)
        return up

    @asset("down.json", name="down")
    def other() -> int:
        return 1

    lab.make(up, down)
    lab.make(up, down)
    (skipped,) = ids(lab, "down", "skipped")
    (made,) = ids(lab, "down")
    before = lab.rows("SELECT count(*) FROM runs")
    for run_id, things, said in (
        (skipped, (up, down), "was skipped: it pinned nothing"),
        (made, (up,), "is not declared any more"),
        (made, (up, other), "asset down reads other datasets by now than run"),
        ("zzz", (up, down), "there is no run 'zzz' in project lab"),
        ("down", (up, down), "there is no run 'down' in project lab"),
    ):
        with pytest.raises(UsageError, match=said) as caught:
            again(lab, run_id, *things)
        assert caught.value.hint
    assert lab.rows("SELECT count(*) FROM runs") == before
    told.append(made)
    lab.make(up, down, force=True, select="down")
    assert not told


@pytest.mark.parametrize(
    ("now", "said"),
    [
        (
            Daily(start="2026-01-02", end="2026-01-04"),
            "'2026-01-01' is not in daily in UTC, which begins with 2026-01-02",
        ),
        (Hourly(start="2026-01-01", end="2026-01-04"), "'2026-01-01' is no key of hourly in UTC"),
        (
            Daily(start="2025-12-30", end="2026-01-04", tz="Asia/Kolkata"),
            "means another window in daily in Asia/Kolkata",
        ),
        (None, "daily has no partitions any more"),
    ],
)
def test_a_partition_that_is_none_any_more_is_not_made_again(lab: Any, now: Any, said: str) -> None:
    """Nothing could read it, and `materialize` refuses the key, too: nothing is published; the next step is told."""

    @asset("daily/{day}.json", partitions=DAYS)
    def daily() -> int:
        return 1

    path = "daily.json" if now is None else f"daily/{{{now.name}}}.json"

    @asset(path, name="daily", partitions=now)
    def later() -> int:
        return 1

    lab.make(daily, partitions="2026-01-01")
    (made,) = ids(lab, "daily")
    with pytest.raises(UsageError) as caught:
        again(lab, made, later)
    assert "daily 2026-01-01 cannot be made again: the definition of daily is another by now" in caught.value.message
    assert said in caught.value.message
    assert "`penstock partitions daily` shows which there are" in caught.value.hint
    assert lab.rows("SELECT count(*) FROM events") == [(1,)]
    assert again(lab, made, daily).ok


def test_a_dynamic_partition_is_made_again(lab: Any) -> None:
    """Its key is one because it was made, or tried."""

    @asset("raw/{customer}.json", partitions=Dynamic(name="customer"))
    def raw(customer: Partition) -> str:
        return customer.key

    lab.make(raw, partitions="acme")
    assert again(lab, ids(lab, "raw")[0], raw).ok


@pytest.mark.parametrize("looked", [False, True])
@pytest.mark.parametrize("word", ["overwritten", "deleted"])
def test_an_observed_partition_that_is_another_by_now_is_told_as_that(lab: Any, word: str, looked: bool) -> None:
    """Whether or not anybody has looked since: no rerun can read those bytes, for they were not kept."""
    raw = Dataset("raw/{day}.json", partitions=DAYS)

    @asset("read/{day}.json", partitions=DAYS, on=raw)
    def read(raw: list[int]) -> int:
        return len(raw)

    path = lab.write("raw/2026-01-01.json", "[1]")
    lab.make(read)
    if word == "deleted":
        path.unlink()
    else:
        path.write_text("[1, 2, 3]")
    if looked:
        lab.make(read)
    error = again(lab, ids(lab, "read")[0], read).outcome.error
    said = f"input raw 2026-01-01 is not what was pinned any more: others have {word} it since"
    assert error["message"] == said
    back = ", once it is back" if word == "deleted" else " now"
    assert f"no rerun can read them: `penstock materialize` makes it from what is there{back}." in error["hint"]


def test_an_observed_input_that_is_another_by_now_is_told_as_that(lab: Any) -> None:
    """Its bytes were not kept, so that no rerun can help; the hint names what does."""
    raw = Dataset("raw.json")

    @asset("read.json", on=raw)
    def read(raw: list[int]) -> int:
        return len(raw)

    lab.write("raw.json", "[1]")
    lab.make(read)
    lab.write("raw.json", "[1, 2, 3]")
    lab.make(read)
    done = again(lab, ids(lab, "read")[0], read)
    assert not done.ok
    error = done.outcome.error
    assert error["message"] == "input raw is not what was pinned any more: others have overwritten it since"
    assert "no rerun can read them: `penstock materialize` makes it from what is there now" in error["hint"]
