"""The wave that a selection causes: conditions downstream of it, what stays pending, and who picks it up."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from penstock import Dataset, all_of, any_of, asset, n_of, plan

pytestmark = pytest.mark.databases("sqlite", "postgresql")

Lab = Any
"""The fixture is a class of `conftest.py`, which no test can import."""


def plainly(text: str) -> str:
    """Lower case: an edit that changes case alone is an edit that changes nothing downstream."""
    return text.lower()


def half(name: str) -> Any:
    """`a` is made of `a_raw.txt`."""

    def made(raw: str) -> str:
        return plainly(raw)

    raw = Dataset(f"{name}_raw.txt")
    return asset(f"{name}.txt", name=name, on=raw, inputs={"raw": raw}, tags=["half"], group=f"group_{name}")(made)


a, b, c = half("a"), half("b"), half("c")


def waiter(name: str, on: Any, *inputs: Any, **policies: Any) -> Any:
    """An asset that waits for a condition and reads these."""
    texts = {one.name: one for one in inputs}

    def joined(a: str | None = None, b: str | None = None, c: str | None = None) -> str:
        return " ".join(text for text in (a, b, c) if text)

    def first(a: str) -> str:
        return a

    def both(a: str, b: str) -> str:
        return f"{a} {b}"

    producer: Callable[..., str] = {0: lambda: "nothing", 1: first, 2: both, 3: joined}[len(texts)]
    return asset(f"{name}.txt", name=name, on=on, **policies)(producer)


either = waiter("either", a | b, a, b)
both = waiter("both", a & b, a, b, tags=["pair"])
two = waiter("two", n_of(2, a, b, c), a, b, c)
last = asset("last.txt", name="last", on=both, inputs={"text": both})(plainly)
HALVES = (a, b, c)
ALL = (*HALVES, either, both, two, last)


@pytest.fixture
def made(lab: Lab) -> Lab:
    """The project, made once."""
    for name in "abc":
        lab.write(f"{name}_raw.txt", f"{name}1")
    assert lab.make(*ALL).ok
    return lab


def edit(lab: Lab, *names: str, text: str = "2") -> None:
    """Other sources."""
    for name in names:
        lab.write(f"{name}_raw.txt", f"{name}{text}")


# --- OR, AND, n of ---------------------------------------------------------------------------------------------------


def test_news_of_a_selection_runs_whose_condition_it_meets(made: Lab) -> None:
    """Only `a` is asked for: `a | b` runs; `a & b` and two of three are held, each with what it waits for."""
    edit(made, "a")
    assert made.story(made.make(*ALL, select="a")) == {
        "a": "success: input changed: a_raw",
        "both": "held: waiting for b",
        "either": "success: input changed: a",
        "two": "held: waiting for b, c",
    }
    assert made.read("either.txt") == "a2 b1"
    assert made.read("both.txt") == "a1 b1"


def test_what_was_held_keeps_its_news_and_runs_when_the_rest_arrives(made: Lab) -> None:
    """One run takes both halves, whichever wave they came in; then nothing is pending."""
    edit(made, "a")
    made.make(*ALL, select="a")
    edit(made, "b")
    assert made.story(made.make(*ALL, select="b")) == {
        "b": "success: input changed: b_raw",
        "both": "success: input changed: a, b",
        "either": "success: input changed: b",
        "two": "success: input changed: a, b",
        "last": "success: input changed: both",
    }
    assert made.read("last.txt") == "a2 b2"
    assert pending(made) == []


def pending(lab: Lab) -> list[str]:
    """Consumers with pending events, as the planner would say without anybody asking: those it would run or hold."""
    return [
        name
        for (name,) in lab.rows(
            "SELECT DISTINCT a.name FROM subscriptions s JOIN assets a ON a.id = s.asset_id "
            "JOIN datasets d ON d.id = s.dataset_id JOIN events e ON e.dataset_id = d.id AND e.number > s.floor "
            "WHERE NOT EXISTS (SELECT 1 FROM consumptions k "
            "WHERE k.asset_id = a.id AND k.event_id = e.id AND k.current) ORDER BY a.name"
        )
    ]


def test_only_leaves_downstream_pending(made: Lab) -> None:
    """Nothing but the selection is made; the next wave that reaches the others takes what is pending with it."""
    edit(made, "a")
    assert made.story(made.make(*ALL, select="a", only=True)) == {"a": "success: input changed: a_raw"}
    assert made.read("either.txt") == "a1 b1"
    assert pending(made) == ["both", "either", "two"]
    edit(made, "b")
    assert made.story(made.make(*ALL, select="b"))["both"] == "success: input changed: a, b"
    assert made.read("either.txt") == "a2 b2"
    assert pending(made) == []


def test_what_only_left_pending_is_what_the_standing_plan_would_run(made: Lab) -> None:
    """`plan` asks no person: it names what news has made due and what is still waited for, and writes nothing."""
    edit(made, "a")
    made.make(*ALL, select="a", only=True)
    before = made.dump()
    standing = plan(ALL, project_folder=made.folder, **made.places)
    assert [(run.asset, run.reason.text) for run in standing.runs] == [("either", "input changed: a")]
    held = {one.asset: one.reason.names for one in standing.held}
    assert held["both"] == ("b",)
    assert held["two"] == ("b", "c")
    assert made.dump() == before


def test_a_request_takes_what_is_pending(made: Lab) -> None:
    """Asked for by name it is made whatever its condition says, and what it has read is no news to it any more."""
    edit(made, "a")
    made.make(*ALL, select="a", only=True)
    assert made.story(made.make(*ALL, select="both")) == {
        "both": "success: input changed: a",
        "last": "success: input changed: both",
    }
    assert pending(made) == ["either", "two"]


def test_any_number_of_events_makes_one_run(made: Lab) -> None:
    """Three versions of `a` while nobody looked: the next run reads the newest, and has seen them all."""
    for number in range(3):
        edit(made, "a", text=str(number + 5))
        made.make(*ALL, select="a", only=True)
    assert made.rows("SELECT count(*) FROM runs r JOIN assets a ON a.id = r.asset_id WHERE a.name = 'either'") == [(1,)]
    edit(made, "b")
    made.make(*ALL, select="b")
    assert made.read("either.txt") == "a7 b2"
    assert made.rows("SELECT count(*) FROM runs r JOIN assets a ON a.id = r.asset_id WHERE a.name = 'either'") == [(2,)]
    assert pending(made) == []


def test_nested_conditions_mean_what_they_say(lab: Lab) -> None:
    """`(a & b) | c` and `a & (b | c)`: one news of `c` runs the first alone."""
    first = waiter("first", any_of(all_of(a, b), c), a, b, c)
    second = waiter("second", a & (b | c), a, b, c)
    for name in "abc":
        lab.write(f"{name}_raw.txt", name)
    everything = (*HALVES, first, second)
    assert lab.make(*everything).ok
    edit(lab, "c")
    assert lab.story(lab.make(*everything, select="c")) == {
        "c": "success: input changed: c_raw",
        "first": "success: input changed: c",
        "second": "held: waiting for a, b",
    }
    edit(lab, "a")
    assert lab.story(lab.make(*everything, select="a")) == {
        "a": "success: input changed: a_raw",
        "first": "held: waiting for b, c",
        "second": "success: input changed: a, c",
    }


# --- confirmed news --------------------------------------------------------------------------------------------------


def test_the_half_that_stayed_the_same_completes_the_pair(made: Lab) -> None:
    """`a & b`: a changed, b was confirmed: one run, caused by a."""
    edit(made, "a")
    made.write("b_raw.txt", "B1")
    result = made.make(*HALVES, both, select="+both")
    assert made.story(result) == {
        "a": "success: input changed: a_raw",
        "b": "success: input changed: b_raw",
        "both": "success: input changed: a",
    }
    assert made.events("b") == ["changed", "confirmed"]


def test_the_half_that_stayed_the_same_completes_it_for_nobody_in_particular(made: Lab) -> None:
    """The same without a request, in two waves: the wave of `b` brings nothing new, and yet completes the pair."""
    edit(made, "a")
    assert made.story(made.make(*ALL, select="a"))["both"] == "held: waiting for b"
    made.write("b_raw.txt", "B1")
    assert made.story(made.make(*ALL, select="b"))["both"] == "success: input changed: a"


def test_one_producer_whose_one_output_stayed_the_same(lab: Lab) -> None:
    """`train & validation` of one split: only train changed; the model is made once."""

    @asset(outputs={"train": "train.txt", "validation": "validation.txt"}, on=Dataset("raw.txt"))
    def split(raw: str) -> dict[str, str]:
        return {"train": raw, "validation": raw[:1]}

    @asset("model.txt", on=split["train"] & split["validation"])
    def model(train: str, validation: str) -> str:
        return train + validation

    lab.write("raw.txt", "ab")
    assert lab.make(split, model).ok
    lab.write("raw.txt", "ac")
    assert lab.story(lab.make(split, model, select="split")) == {
        "split": "success: input changed: raw",
        "model": "success: input changed: train",
    }
    assert lab.events("validation") == ["changed", "confirmed"]
    assert lab.rows("SELECT count(*) FROM runs r JOIN assets a ON a.id = r.asset_id WHERE a.name = 'model'") == [(2,)]


def test_confirmed_news_alone_runs_nothing_and_travels_on(made: Lab) -> None:
    """Both halves were confirmed: the pair is confirmed without a run, and so is what waits for it."""
    made.write("a_raw.txt", "A1")
    made.write("b_raw.txt", "B1")
    assert made.story(made.make(*ALL, select=["a", "b"])) == {
        "a": "success: input changed: a_raw",
        "b": "success: input changed: b_raw",
        "both": "held: confirmed: a, b",
        "either": "held: confirmed: a, b",
        "two": "held: confirmed: a, b",
        "last": "held: confirmed: both",
    }
    assert made.events("last") == ["changed", "confirmed"]
    assert pending(made) == []


def test_updated_lets_confirmed_news_start_a_run(lab: Lab) -> None:
    """An asset that reads what it waits for would come out the same: skipped. One that reads nothing is made."""
    reader = waiter("reader", a.updated(), a)
    caller = waiter("caller", a.updated())
    lab.write("a_raw.txt", "a1")
    assert lab.make(a, reader, caller).ok
    edit(lab, "a")
    assert lab.make(a, reader, caller, select="a").ok
    lab.write("a_raw.txt", "A2")
    assert lab.story(lab.make(a, reader, caller, select="a")) == {
        "a": "success: input changed: a_raw",
        "reader": "skipped: unchanged: a",
        "caller": "success: input updated: a",
    }


def test_what_was_there_before_an_asset_was_registered_starts_nothing(made: Lab) -> None:
    """A new consumer is seeded: it can be completed by what is there, and runs at the next news."""
    late = waiter("late", a & b, a, b)
    edit(made, "a")
    assert made.story(made.make(*HALVES, late, select="a")) == {
        "a": "success: input changed: a_raw",
        "late": "success: input changed (a) and first build",
    }


def test_a_new_asset_does_not_run_for_old_news(made: Lab) -> None:
    """`b` is confirmed, `a` was there before: neither is a cause, so the new asset waits for fresh news."""
    late = waiter("late", a & b, a, b)
    made.write("b_raw.txt", "B1")
    assert made.story(made.make(*HALVES, late, select="b"))["late"].startswith("held: waiting for")
    assert not (made.data / "late.txt").exists()


def test_a_changed_condition_keeps_the_progress_of_the_leaves_that_stay(made: Lab) -> None:
    """`a & b` becomes `a & c` while news of a is pending: it is not forgotten."""
    edit(made, "a")
    made.make(*HALVES, both, select="a")
    other = asset("both.txt", name="both", on=a & c, inputs={"a": a, "b": b})(both.function)
    edit(made, "c")
    assert made.story(made.make(*HALVES, other, select="c"))["both"] == "success: input changed: a, c"
