"""A producer says that there is nothing to be made: nothing is published, nothing fails, and nobody downstream runs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import polars as pl
import pytest

from penstock import Daily, Dataset, Output, Partition, Skip, asset, backfill
from penstock.assets.plan.reasons import Reason
from penstock.storage.types import BackfillState, RunState

pytestmark = pytest.mark.databases("sqlite", "postgresql")

Lab = Any
"""The fixture is a class of `conftest.py`, which no test can import."""

raw = Dataset("raw.txt")


@asset("clean.txt", on=raw)
def clean(raw: str) -> str | Skip:
    """Makes nothing of a text that begins with a dash; raises where it begins with two."""
    if raw.startswith("--"):
        raise Skip(raw.strip("- "))
    return Skip(raw.strip("- ")) if raw.startswith("-") else raw


@asset("long.txt", on=clean)
def long(clean: str) -> str:
    """Made of what is made."""
    return clean * 2


@asset("longer.txt", on=long)
def longer(long: str) -> str:
    """Two levels below."""
    return long * 2


@pytest.mark.parametrize("dashes", ["- ", "-- "])
def test_a_run_that_its_producer_skips_is_no_failure(lab: Lab, dashes: str) -> None:
    """Returned or raised: the run is skipped with the reason, its news is consumed, and what stood there stands."""
    lab.write("raw.txt", "a")
    assert lab.make(clean, long).ok
    lab.write("raw.txt", f"{dashes}nothing new")
    result = lab.make(clean, long)
    assert result.ok, [one.error for one in result.outcomes]
    skipped = result["clean"]
    assert (skipped.state, skipped.made, skipped.error) == (RunState.SKIPPED, (), None)
    assert skipped.told == "skipped by its producer: nothing new"
    assert lab.story(result)["long"] == "skipped: unchanged", "what it reads is what it was made from"
    assert (lab.read("clean.txt"), lab.events("clean")) == ("a", ["changed"])
    attempts = "SELECT a.outcome FROM attempts a JOIN runs r ON r.id = a.run_id WHERE r.state = 'skipped'"
    assert lab.rows(attempts) == [("skipped",)]
    assert lab.rows("SELECT why FROM omissions") == [("nothing new",)]
    taken = "SELECT c.outcome FROM consumptions c WHERE c.run_id = ? AND c.current"
    assert lab.rows(taken, skipped.run_id) == [("run",)]


def test_what_was_skipped_runs_at_the_next_news(lab: Lab) -> None:
    """What it took does not come back; the next news starts it."""
    for text in ("- no", "b"):
        lab.write("raw.txt", text)
        result = lab.make(clean)
    assert (result["clean"].state, lab.read("clean.txt")) == (RunState.SUCCESS, "b")


def test_what_reads_what_was_never_made_is_held_and_nothing_fails(lab: Lab) -> None:
    """On the first build: each below names what it lacks and why, and the materialization has not failed."""
    lab.write("raw.txt", "- too early")
    result = lab.make(clean, long, longer)
    assert result.ok
    reasons = {one.asset: one.reason.text for one in result.outcomes if one.state is None}
    assert reasons == {
        "long": "left out by its producer: clean; too early",
        "longer": "left out by its producer: long; for want of clean, too early",
    }
    lab.write("raw.txt", "b")
    assert lab.make(clean, long, longer).ok
    assert lab.read("longer.txt") == "bbbb"


def test_a_skipped_run_ends_a_row_of_failures(lab: Lab) -> None:
    """`pause_after` counts failures; a run that is skipped is none, however often."""

    @asset("ends.txt", on=raw, pause_after=2)
    def ends(raw: str) -> str:
        if raw.startswith("-"):
            raise Skip("nothing")
        raise ValueError(raw)

    for text, failures in (("a", 1), ("-", 0), ("--", 0), ("b", 1)):
        lab.write("raw.txt", text)
        lab.make(ends)
        assert lab.rows("SELECT failures FROM assets WHERE name = 'ends'") == [(failures,)]
    assert lab.rows("SELECT id FROM pauses") == []


def test_planners_and_workers_skip_too(lab: Lab, world: Any) -> None:
    """Of a planned run: skipped, consumed, and no news for what waits for it."""
    docs = Dataset("docs.txt")

    @asset("made.txt", on=docs)
    def made() -> str:
        raise Skip("not today")

    @asset("after.txt", on=made)
    def after() -> str:
        return "after"

    with world(lab, made, after) as one:
        one.tell()
        assert [name for name, _ in one.runs()] == ["made"]
        assert one.work() == ["skipped"]
        assert one.runs() == [], "nothing came back, and nobody heard of it"


def test_a_stream_may_find_that_there_is_nothing(lab: Lab) -> None:
    """Raised after the first frame: what was staged is gone, the head stands."""

    @asset("frames.parquet")
    def frames() -> Iterator[pl.DataFrame]:
        yield pl.DataFrame({"a": [1]})
        raise Skip("no more")

    result = lab.make(frames)
    assert (result.ok, result["frames"].told) == (True, "skipped by its producer: no more")
    assert not (lab.data / "frames.parquet").exists()
    assert not [path for path in (lab.data / ".penstock").rglob("*") if path.is_file()]


def test_a_partition_is_skipped_alone(lab: Lab) -> None:
    """Each key by itself; what reads it is held with its key and the reason."""
    days = Daily(start="2026-01-01")

    @asset("day/{day}.txt", partitions=days, name="day")
    def by_day(partition: Partition) -> str | Skip:
        return Skip("a holiday") if partition.key == "2026-01-02" else partition.key

    @asset("copy/{day}.txt", partitions=days)
    def copy(day: str) -> str:
        return day

    result = lab.make(by_day, copy, partitions="2026-01-01..2026-01-02")
    assert result.ok, [one.error for one in result.outcomes]
    assert result["day", "2026-01-02"].told == "skipped by its producer: a holiday"
    assert result["copy", "2026-01-01"].state is RunState.SUCCESS
    assert result["copy", "2026-01-02"].reason.text == "left out by its producer: day 2026-01-02; a holiday"


def test_a_backfill_of_what_is_skipped_has_not_failed(lab: Lab) -> None:
    """Every partition was looked at; what reads one that was never made is held, and so is what reads that."""
    days = Daily(start="2026-01-01")

    @asset("day/{day}.txt", partitions=days, name="day")
    def by_day(partition: Partition) -> str | Skip:
        return Skip("a holiday") if partition.key == "2026-01-02" else partition.key

    @asset("copy/{day}.txt", partitions=days)
    def copy(day: str) -> str:
        return day

    @asset("again/{day}.txt", partitions=days)
    def again(copy: str) -> str:
        return copy

    keys = "2026-01-01..2026-01-03"
    result = backfill([by_day, copy, again], partitions=keys, project_folder=lab.folder, **lab.places)
    assert (result.runs, result.backfill.state) == (
        {RunState.SUCCESS: 6, RunState.SKIPPED: 1},
        BackfillState.SUCCESS,
    )
    assert [Reason.from_plain(one).text for one in result.backfill.reasons.values()] == [
        "left out by its producer: day 2026-01-02; a holiday",
        "left out by its producer: copy 2026-01-02; for want of day 2026-01-02, a holiday",
    ]


@asset(outputs={"train": "train.txt", "validation": "validation.txt"}, on=raw)
def pairs(raw: str) -> Iterator[Output]:
    """Validation is made of a text with a comma; of one with a dash it is said why not."""
    yield Output("train", raw)
    if "," in raw:
        yield Output("validation", raw)
    elif "-" in raw:
        yield Output("validation", Skip("too few"))


@asset("scores.txt", on=pairs["validation"])
def scores(validation: str) -> str:
    """Made of validation."""
    return validation


@asset("both.txt", on=pairs["train"])
def both(train: str, validation: str) -> str:
    """Made of both."""
    return train + validation


@pytest.mark.parametrize(("text", "why"), [("a", ""), ("-", "too few")])
def test_an_output_that_is_left_out_is_told(lab: Lab, text: str, why: str) -> None:
    """Of a first build: the others are published, and what reads it is held, naming it."""
    lab.write("raw.txt", text)
    result = lab.make(pairs, scores, both)
    assert result.ok, lab.story(result)
    assert [one.dataset for one in result["pairs"].made] == ["train"]
    assert result["pairs"].told == f"left out: validation{f' ({why})' if why else ''}"
    reason = f"left out by its producer: validation{f'; {why}' if why else ''}"
    assert {one.asset: one.reason.text for one in result.outcomes if one.state is None} == {
        "scores": reason,
        "both": reason,
    }


def test_an_output_that_is_left_out_later_keeps_its_version(lab: Lab) -> None:
    """The head stays the older version: what is about it alone does not run, what reads both reads it."""
    lab.write("raw.txt", "a,")
    assert lab.make(pairs, scores, both).ok
    lab.write("raw.txt", "b")
    result = lab.make(pairs, scores, both)
    assert lab.story(result)["scores"] == "skipped: unchanged"
    assert (result["both"].state, lab.read("both.txt")) == (RunState.SUCCESS, "ba,")
    assert (lab.read("validation.txt"), lab.events("validation")) == ("a,", ["changed"])


def test_planners_start_nothing_of_what_was_left_out(lab: Lab, world: Any) -> None:
    """News of the output that was made starts its reader alone; one that reads the other too is held, naming it."""
    with world(lab, pairs, scores, both) as one:
        lab.write("raw.txt", "-")
        assert lab.make(pairs, scores, both, select="pairs", only=True).ok
        one.runs()
        held = {
            name: json.loads(reason)
            for name, reason in lab.rows("SELECT a.name, h.reason FROM holds h JOIN assets a ON a.id = h.asset_id")
        }
        assert (held["both"]["kind"], held["both"]["names"], held["both"]["detail"]) == (
            "left_out",
            ["validation"],
            "too few",
        )
        assert lab.rows("SELECT id FROM runs WHERE state = 'scheduled'") == []


def test_a_producer_that_leaves_out_everything_with_a_reason_skips(lab: Lab) -> None:
    """Without one it is a fault, as nobody knows whether it was meant."""

    @asset(outputs={"x": "x.txt", "y": "y.txt"})
    def xy() -> dict[str, Any]:
        return {"x": Skip("no x"), "y": Skip("no y")}

    @asset(outputs={"u": "u.txt", "v": "v.txt"})
    def uv() -> dict[str, Any]:
        return {}

    result = lab.make(xy, uv)
    assert result["xy"].told == "skipped by its producer: no x; no y"
    assert result["uv"].state is RunState.FAILED


def test_lineage_of_a_skipped_run_names_no_version(lab: Lab) -> None:
    """START, then ABORT with the reason: a COMPLETE would be taken for new versions of what START named."""
    lab.write("raw.txt", "- later")
    lab.make(clean)
    bodies = [json.loads(body) for (body,) in lab.rows("SELECT body FROM lineage_events ORDER BY id")]
    assert [one["eventType"] for one in bodies] == ["START", "ABORT"]
    assert bodies[1]["run"]["facets"]["errorMessage"]["message"] == "Skip: later"
    assert "version" not in bodies[1]["outputs"][0]["facets"]
