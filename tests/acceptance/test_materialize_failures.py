"""A producer fails, or somebody stops it: nothing is lost, nothing loops, and the rest of the wave is made."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from penstock import Dataset, Output, asset
from penstock.assets.run.progress import Outcome, Started
from penstock.storage.types import RunState

pytestmark = pytest.mark.databases("sqlite", "postgresql")

Lab = Any
"""The fixture is a class of `conftest.py`, which no test can import."""

raw, other_raw = Dataset("raw.txt"), Dataset("other_raw.txt")


@asset("upper.txt", on=raw)
def upper(raw: str) -> str:
    """Case of letters in the raw text is nothing to it."""
    return raw.upper()


@asset("other.txt", on=other_raw)
def other(other_raw: str) -> str:
    """Another branch."""
    return other_raw


def fragile(switch: Path, error: type[BaseException] = ZeroDivisionError) -> Any:
    """Waits for `upper`, and raises as long as there is a file at `switch`."""

    def fragile(upper: str) -> str:
        if switch.exists():
            raise error("it is broken")
        return upper

    return asset("fragile.txt", on=upper)(fragile)


@asset("after.txt")
def after(fragile: str) -> str:
    """Made when it is asked for."""
    return fragile


@asset("last.txt", on=after)
def last(after: str, other: str) -> str:
    """Two levels below what breaks."""
    return after + other


class Broken:
    """A project of two branches, one of which breaks at a switch."""

    def __init__(self, lab: Lab, error: type[BaseException] = ZeroDivisionError) -> None:
        self.lab = lab
        self.switch = lab.folder / "broken"
        self.all = (upper, other, fragile(self.switch, error), after, last)
        lab.write("raw.txt", "a")
        lab.write("other_raw.txt", "o")

    def make(self, **options: Any) -> Any:
        """One materialization."""
        return self.lab.make(*self.all, **options)

    def story(self, **options: Any) -> dict[str, str]:
        """What came of it."""
        return self.lab.story(self.make(**options))


@pytest.fixture
def broken(lab: Lab) -> Broken:
    """Made once while it was whole; then an edit, and the switch is thrown."""
    found = Broken(lab)
    assert found.make().ok
    found.switch.touch()
    lab.write("raw.txt", "b")
    return found


# --- failing ---------------------------------------------------------------------------------------------------------


def test_a_failure_holds_back_what_is_asked_for_below_it_and_nothing_else(broken: Broken) -> None:
    """The other branch is made; below, each says which upstream it was; all heads stay as they were."""
    broken.lab.write("other_raw.txt", "p")
    result = broken.make()
    assert not result.ok
    assert broken.lab.story(result) == {
        "upper": "success: input changed: raw",
        "other": "success: input changed: other_raw",
        "fragile": "failed: input changed: upper",
        "after": "held: upstream failed: fragile",
        "last": "held: upstream failed: after",
    }
    assert broken.lab.read("fragile.txt") == "A"
    assert broken.lab.read("last.txt") == "Ao"
    state, held = broken.lab.rows("SELECT state, held FROM materializations WHERE id = ?", result.id)[0]
    assert state == "failed"
    assert {name: reason["kind"] for name, reason in json.loads(held).items()} == {
        "after": "upstream_failed",
        "last": "upstream_failed",
    }


def test_a_failure_is_kept_with_its_trace(broken: Broken) -> None:
    """What was raised, where, and that its one attempt failed."""
    outcome = broken.make()["fragile"]
    assert outcome.error is not None
    assert (outcome.error["type"], outcome.error["message"]) == ("ZeroDivisionError", "it is broken")
    assert "test_materialize_failures.py" in outcome.error["trace"]
    assert "materialize.py" not in outcome.error["trace"].replace("test_materialize", "")
    stored, ended = broken.lab.rows("SELECT error, ended_at FROM runs WHERE id = ?", outcome.run_id)[0]
    assert json.loads(stored) == dict(outcome.error)
    assert ended is not None
    assert broken.lab.rows("SELECT number, outcome FROM attempts WHERE run_id = ?", outcome.run_id) == [(1, "failed")]


def test_the_next_pass_tries_again_what_is_asked_for(broken: Broken) -> None:
    """Nothing has to be said or cleared: what failed is made, and so is what it held back."""
    broken.make()
    broken.switch.unlink()
    assert broken.story() == {
        "other": "skipped: unchanged",
        "upper": "skipped: unchanged",
        "fragile": "success: input changed: upper",
        "after": "success: input changed: fragile",
        "last": "success: input changed: after",
    }
    assert broken.lab.read("last.txt") == "Bo"


def test_a_broken_asset_does_not_loop(broken: Broken) -> None:
    """Its events are pending again, but start nothing; confirmed news of `upper` neither starts nor settles them."""
    assert broken.story(select="upper")["fragile"] == "failed: input changed: upper"
    broken.lab.write("raw.txt", "B")
    broken.switch.unlink()
    held = broken.make(select="upper")["fragile"]
    assert held.state is None
    assert "fresh news" in held.reason.text
    assert broken.lab.read("fragile.txt") == "A"
    assert broken.lab.events("fragile") == ["changed"]
    broken.lab.write("raw.txt", "c")
    assert broken.story(select="upper")["fragile"] == "success: input changed: upper"


def test_a_broken_asset_heals_at_the_next_news(broken: Broken) -> None:
    """It takes what the failed run gave back along with the new event."""
    failed = broken.make(select="upper")["fragile"]
    broken.switch.unlink()
    broken.lab.write("raw.txt", "c")
    healed = broken.make(select="upper")["fragile"]
    assert (healed.state, healed.reason.text) == (RunState.SUCCESS, "input changed: upper")
    assert broken.lab.read("fragile.txt") == "C"
    links = broken.lab.rows(
        "SELECT k.run_id, k.outcome, k.current FROM consumptions k JOIN assets a ON a.id = k.asset_id "
        "WHERE a.name = 'fragile' AND k.run_id IN (?, ?) ORDER BY k.id",
        failed.run_id,
        healed.run_id,
    )
    assert links == [(failed.run_id, "returned", 0), (healed.run_id, "run", 1), (healed.run_id, "run", 1)]


def test_half_of_a_wave_that_failed_completes_the_other_half(lab: Lab) -> None:
    """`upper & other`: what a failed run gave back still completes the condition at news of the other half."""
    switch = lab.folder / "broken"

    @asset("pair.txt", on=upper & other)
    def pair(upper: str, other: str) -> str:
        if switch.exists():
            raise ValueError("it is broken")
        return upper + other

    lab.write("raw.txt", "a")
    lab.write("other_raw.txt", "o")
    assert lab.make(upper, other, pair).ok
    switch.touch()
    lab.write("raw.txt", "b")
    lab.write("other_raw.txt", "p")
    assert lab.story(lab.make(upper, other, pair, select=["upper", "other"]))["pair"].startswith("failed")
    switch.unlink()
    lab.write("other_raw.txt", "q")
    assert lab.story(lab.make(upper, other, pair, select="other"))["pair"] == "success: input changed: other"
    assert lab.read("pair.txt") == "Bq"


def test_what_a_producer_gave_before_it_failed_is_gone(lab: Lab) -> None:
    """A stream that breaks in the middle, the second of two outputs that breaks: nothing is published or left."""

    @asset("stream.parquet")
    def stream() -> Iterator[pl.DataFrame]:
        yield pl.DataFrame({"n": range(300_000)})
        raise OSError("the connection was lost")

    @asset(outputs={"first": "first.json", "second": "second.json"})
    def pair() -> Iterator[Output]:
        yield Output("first", [1])
        raise OSError("the connection was lost")

    result = lab.make(stream, pair)
    assert {one.asset: one.state for one in result.outcomes} == {"stream": "failed", "pair": "failed"}
    assert "the connection was lost" in message(result["stream"])
    assert lab.rows("SELECT count(*) FROM events") == lab.rows("SELECT count(*) FROM versions") == [(0,)]
    assert [path.name for path in lab.data.iterdir()] == [".penstock"]
    assert [path for path in lab.data.rglob("*") if path.is_file()] == []


def message(outcome: Outcome) -> str:
    """Of a failed outcome."""
    assert outcome.error is not None
    return outcome.error["message"]


def test_an_input_that_moves_under_a_run_holds_nothing_back(lab: Lab) -> None:
    """The run is made anew on what is there now, and what is asked for below it is made of that."""
    file = lab.write("raw.txt", "first")

    def restless(raw: str) -> str:
        if raw == "first":
            file.write_text("second one")
        return raw

    moved = asset("moved.txt", name="moved", on=raw)(restless)
    below = asset("below.txt", name="below", on=moved, inputs={"text": moved})(_same)
    result = lab.make(moved, below)
    assert result.ok, lab.story(result)
    assert lab.story(result)["below"] == "success: first build"
    assert lab.read("below.txt") == "second one"


def test_news_is_not_lost_when_an_input_is_touched_under_the_run_that_it_caused(lab: Lab) -> None:
    """Nobody asked for the consumer, and there is no other content to be news: the run is made anew all the same."""
    file = lab.write("raw.txt", "first")
    touched = lab.folder / "touched"

    def restless(raw: str) -> str:
        if not touched.exists():
            touched.touch()
            os.utime(file, ns=(1, 1))
        return raw

    consumer = asset("out.txt", name="consumer", on=raw)(restless)
    assert lab.make(upper, consumer, select="upper").ok
    touched.unlink(missing_ok=True)
    lab.write("raw.txt", "second")
    result = lab.make(upper, consumer, select="upper")
    assert result.ok, lab.story(result)
    assert lab.story(result)["consumer"].startswith("success: input changed")
    assert lab.read("out.txt") == "second"


def _same(text: str) -> str:
    return text


# --- stopping --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [KeyboardInterrupt])
def test_a_stop_in_a_producer_cancels_its_run_and_goes_on_up(lab: Lab, error: type[BaseException]) -> None:
    """Run and materialization are canceled, nothing is published, staging is empty; what was made before stays."""
    stopped = Broken(lab, error)
    stopped.switch.touch()
    with pytest.raises(error):
        stopped.make()
    states = dict(lab.rows("SELECT a.name, r.state FROM runs r JOIN assets a ON a.id = r.asset_id"))
    assert states == {"upper": "success", "other": "success", "fragile": "canceled"}
    assert lab.rows("SELECT state FROM materializations") == [("canceled",)]
    assert lab.rows("SELECT outcome FROM attempts WHERE outcome != 'success'") == [("canceled",)]
    assert lab.events("fragile") == []
    assert not list(lab.data.glob(".penstock/staging/*"))
    stopped.switch.unlink()
    assert stopped.story() == {
        "other": "skipped: unchanged",
        "upper": "skipped: unchanged",
        "fragile": "success: first build",
        "after": "success: first build",
        "last": "success: first build",
    }


class Odd(BaseException):
    """What nobody calls a fault."""


class Mute(Exception):
    """An error that cannot say what is wrong."""

    def __str__(self) -> str:
        raise RuntimeError("no text")


@pytest.mark.parametrize("error", [asyncio.CancelledError, GeneratorExit, SystemExit, Odd, Mute])
def test_whatever_a_producer_raises_fails_its_run_and_nothing_else(lab: Lab, error: type[BaseException]) -> None:
    """Also what is no `Exception`, and what has no text: the error is kept, the rest of the wave is made."""

    def raises() -> list[int]:
        raise error

    broken, other = asset("a_broken.json", name="a_broken")(raises), asset("b_other.json", name="b_other")(lambda: [2])
    result = lab.make(broken, other)
    assert [one.state for one in result.outcomes] == [RunState.FAILED, RunState.SUCCESS]
    kept = result["a_broken"].error
    assert kept is not None
    assert kept["type"] == error.__name__
    assert "raises" in kept["trace"]
    assert lab.rows("SELECT state FROM materializations") == [("failed",)]


def test_what_was_planned_beside_a_stopped_run_is_not_left_behind(lab: Lab) -> None:
    """Two runs of one level, the first is stopped: the second never began, and is made by the next pass."""
    switch = lab.folder / "broken"
    switch.touch()

    def first() -> list[int]:
        if switch.exists():
            raise KeyboardInterrupt
        return [1]

    one, two = asset("a_one.json", name="a_one")(first), asset("b_two.json", name="b_two")(lambda: [2])
    with pytest.raises(KeyboardInterrupt):
        lab.make(one, two)
    assert lab.rows("SELECT a.name, r.state, r.attempts FROM runs r JOIN assets a ON a.id = r.asset_id ORDER BY 1") == [
        ("a_one", "canceled", 1),
        ("b_two", "canceled", 0),
    ]
    switch.unlink()
    assert lab.story(lab.make(one, two)) == {"a_one": "success: first build", "b_two": "success: first build"}


def test_news_that_a_stopped_wave_did_not_come_to_is_still_news(lab: Lab) -> None:
    """Two consumers of `upper`, the first is stopped: the second still has a fresh event, the first one that was."""
    switch = lab.folder / "broken"

    def stopped(upper: str) -> str:
        if switch.exists():
            raise KeyboardInterrupt
        return upper

    one = asset("a_one.txt", name="a_one", on=upper)(stopped)
    two = asset("b_two.txt", name="b_two", on=upper, inputs={"text": upper})(_same)
    lab.write("raw.txt", "a")
    assert lab.make(upper, one, two).ok
    switch.touch()
    lab.write("raw.txt", "b")
    with pytest.raises(KeyboardInterrupt):
        lab.make(upper, one, two, select="upper")
    switch.unlink()
    lab.write("raw.txt", "B")
    story = lab.story(lab.make(upper, one, two, select="upper"))
    assert story["b_two"] == "success: input changed: upper"
    assert story["a_one"].startswith("held: waiting for")


def test_a_listener_that_raises_stops_the_wave_and_leaves_nothing_open(lab: Lab) -> None:
    """Whoever shows progress may fail: the runs that were planned are not left for ever."""

    def listen(progress: object) -> None:
        if isinstance(progress, Started):
            raise RuntimeError("no terminal")  # noqa: TRY004

    one, two = asset("a.json", name="a")(lambda: [1]), asset("b.json", name="b")(lambda: [2])
    with pytest.raises(RuntimeError, match="no terminal"):
        lab.make(one, two, listener=listen)
    assert lab.rows("SELECT state FROM materializations") == [("failed",)]
    assert lab.make(one, two).ok
    assert lab.rows("SELECT count(*) FROM runs WHERE ended_at IS NULL") == [(0,)]


def test_a_producer_may_materialize_another_project(lab: Lab) -> None:
    """In the same database: neither waits for the other."""
    inner = asset("inner.json", name="inner")(lambda: [1])

    def nest() -> list[str]:
        return [str(lab.make(inner, project="nested").ok)]

    assert lab.make(asset("outer.json", name="outer")(nest)).ok
    assert json.loads(lab.read("outer.json")) == ["True"]
