"""The known cases: which runs there are, and which events each takes, in every way of consuming."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest

from penstock import Dataset, all_of, n_of
from penstock.assets.declare.conditions.predicates import meta
from penstock.assets.declare.policies import each
from penstock.storage.types import Consume, RunState

A, B, C = (Dataset(f"{name}.json") for name in "ABC")
A1, A2, A3 = (Dataset(f"A{number}.json") for number in (1, 2, 3))
CASE_1 = "A1@1 A1@2 A2@2.5 A1@4 A2@5 A1@6 A3@7 A2@8 A3@9 A2@10 A3@11 A2@12 A1@13"


def at_minutes(events: str) -> str:
    """`A1@1 A2@2.5` as a script: minutes and half minutes after 10:00."""
    lines = []
    for event in events.split():
        name, _, minutes = event.partition("@")
        whole, _, part = minutes.partition(".")
        lines.append(f"2026-01-05T10:{int(whole):02}:{30 if part else 0:02}Z {name} changed")
    return "\n".join(lines)


@pytest.mark.parametrize("consume", [Consume.BATCH, Consume.BRANCH, Consume.LATEST])
def test_three_datasets_make_two_runs_and_every_event_is_linked_once(
    declare: Any, tell: Any, took: Any, consume: Consume
) -> None:
    """`A1 & A2 & A3`: a run when the last of the three has news, with all that came since the run before."""
    story = tell(at_minutes(CASE_1), declare("x", A1 & A2 & A3, consume=consume))
    assert took(story, "x") == [
        "10:07 A1@1 A1@2 A1@3 A1@4 A2@1 A2@2 A3@1",
        "10:13 A1@5 A2@3 A2@4 A2@5 A3@2 A3@3",
    ]
    linked = [event for run in story.runs for event in run.consumed]
    assert sorted(linked) == sorted(set(linked))
    assert len(linked) == 13
    superseded = [run.superseded for run in story.runs]
    if consume is Consume.LATEST:
        assert superseded == [("A1@1", "A1@2", "A1@3", "A2@1"), ("A2@3", "A2@4", "A3@2")]
    else:
        assert superseded == [(), ()]


def test_three_datasets_of_which_one_is_taken_event_by_event(declare: Any, tell: Any, took: Any) -> None:
    """`each(A1)`: a run for each event of A1, in order, once the others have any news; those complete and stay."""
    story = tell(at_minutes(CASE_1), declare("x", A1 & A2 & A3, consume=each(A1)))
    assert took(story, "x") == ["10:07 A1@1", "10:07 A1@2", "10:07 A1@3", "10:07 A1@4", "10:13 A1@5"]
    assert [run.pins["A1"] for run in story.runs] == ["A1@1", "A1@2", "A1@3", "A1@4", "A1@5"]


ONE_AFTER_THE_OTHER = at_minutes("B@1 A@2 C@3 B@4")


@pytest.mark.parametrize("consume", [Consume.BATCH, Consume.LATEST])
def test_a_batch_takes_everything_whichever_branch_held(declare: Any, tell: Any, took: Any, consume: Consume) -> None:
    """`A | (B & C)`: the run by A takes B too; C and the second B make another."""
    story = tell(ONE_AFTER_THE_OTHER, declare("x", A | (B & C), consume=consume, reads=()))
    assert took(story, "x") == ["10:02 A@1 B@1", "10:04 B@2 C@1"]
    assert [run.reason.names for run in story.runs] == [("A",), ("B", "C")]


def test_a_branch_leaves_what_it_does_not_hold_by(declare: Any, tell: Any, took: Any) -> None:
    """`A | (B & C)`: the run by A leaves B, which C completes; the last B is pending."""
    story = tell(ONE_AFTER_THE_OTHER, declare("x", A | (B & C), consume=Consume.BRANCH, reads=()))
    assert took(story, "x") == ["10:02 A@1", "10:03 B@1 C@1"]
    assert story.held["x"].text == "waiting for A or C"
    more = tell("+1m C changed", declare("x", A | (B & C), consume=Consume.BRANCH, reads=()), after=story)
    assert took(more, "x") == ["10:05 B@2 C@2"]


@pytest.mark.parametrize("consume", [Consume.BATCH, Consume.BRANCH, Consume.LATEST])
@pytest.mark.parametrize("order", list(permutations("ABC")), ids="".join)
def test_two_branches_at_once_make_one_run_with_everything(
    declare: Any, tell: Any, took: Any, consume: Consume, order: tuple[str, ...]
) -> None:
    """`A | (B & C)` with all three pending before the plan: one run that names both branches."""
    story = tell(at_minutes(" ".join(f"{name}@1" for name in order)), declare("x", A | (B & C), consume=consume))
    assert took(story, "x") == ["10:01 A@1 B@1 C@1"]
    assert story.runs[0].reason.names == ("A", "B", "C")


WHILE_ONE_RUNS = """
    2026-01-05T10:00Z A changed
                      x takes 10m
    +1m A changed
    +1m A changed
    +1m A changed
    +20m A changed
    wait 1h
"""


@pytest.mark.parametrize(
    ("consume", "expected"),
    [
        (Consume.BATCH, ["10:00 A@1", "10:10 A@2 A@3 A@4", "10:23 A@5"]),
        (Consume.BRANCH, ["10:00 A@1", "10:10 A@2 A@3 A@4", "10:23 A@5"]),
        (Consume.LATEST, ["10:00 A@1", "10:10 A@2 A@3 A@4", "10:23 A@5"]),
        (each(A), ["10:00 A@1", "10:10 A@2", "10:20 A@3", "10:30 A@4", "10:40 A@5"]),
    ],
    ids=["batch", "branch", "latest", "each"],
)
def test_what_arrives_during_a_run_makes_the_next_one(
    declare: Any, tell: Any, took: Any, consume: Any, expected: list[str]
) -> None:
    """One active run at a time: what came meanwhile is taken together, or under `each` one after the other."""
    story = tell(WHILE_ONE_RUNS, declare("x", A, consume=consume))
    assert took(story, "x") == expected
    ended = [run.ended_at for run in story.runs]
    assert all(end <= run.at for end, run in zip(ended, story.runs[1:], strict=False)), "never two active"


def test_two_runs_at_once_where_that_is_allowed(declare: Any, tell: Any, took: Any) -> None:
    """`max_active_runs=2` and `each`: two at a time, in order, and the third waits."""
    story = tell(WHILE_ONE_RUNS, declare("x", A, consume=each(A), max_active_runs=2))
    assert took(story, "x") == ["10:00 A@1", "10:01 A@2", "10:10 A@3", "10:11 A@4", "10:23 A@5"]


@pytest.mark.parametrize("consume", [Consume.BATCH, Consume.BRANCH, Consume.LATEST])
def test_two_events_before_the_first_plan_make_one_run(declare: Any, tell: Any, took: Any, consume: Consume) -> None:
    """What is there at once is taken at once; under `latest` the older one is superseded."""
    story = tell("2026-01-05T10:00Z A changed\nA changed", declare("x", A, consume=consume))
    assert took(story, "x") == ["10:00 A@1 A@2"]
    assert story.runs[0].superseded == (("A@1",) if consume is Consume.LATEST else ())
    assert story.runs[0].pins == {"A": "A@2"}


BETTER_THEN_WORSE = """
    2026-01-05T10:00Z A changed accuracy=0.95
                      A changed accuracy=0.4
"""


@pytest.mark.parametrize("consume", [Consume.BATCH, Consume.BRANCH, Consume.LATEST])
def test_a_narrowed_input_is_pinned_to_what_counts(declare: Any, tell: Any, took: Any, consume: Consume) -> None:
    """0.95 and then 0.4 published before the plan: one run, pinned to the 0.95; and no second one."""
    good = A.where(meta("accuracy") > 0.9)
    story = tell(BETTER_THEN_WORSE + "+1h A changed accuracy=0.5\n+1h A changed", declare("x", good, consume=consume))
    assert took(story, "x") == ["10:00 A@1 A@2"]
    assert story.runs[0].pins == {"A": "A@1"}
    assert story.held["x"].text == "waiting for A where accuracy > 0.9 (accuracy is not in the metadata)"


def test_what_is_pinned_is_taken_and_the_rest_is_superseded(declare: Any, tell: Any) -> None:
    """`latest` of a narrowed dataset: the run is about the event that it reads, and not about a newer one."""
    x = declare("x", A.where(meta("rows") > 5), consume=Consume.LATEST)
    story = tell("2026-01-05T10:00Z scheduler stops\nA changed rows=9\nA changed rows=1\n+1h scheduler starts", x)
    (run,) = story.runs
    assert (run.pins["A"], run.consumed, run.superseded) == ("A@1", ("A@1", "A@2"), ("A@2",))


def test_each_takes_along_what_does_not_count(declare: Any, tell: Any, took: Any) -> None:
    """`each` over a narrowed dataset: a run for each event that counts; those before it are superseded."""
    good = A.where(meta("accuracy") > 0.9)
    script = """
        2026-01-05T10:00Z A changed accuracy=0.1
                          A changed accuracy=0.95
                          A changed accuracy=0.2
                          A changed accuracy=0.99
    """
    story = tell(script, declare("x", good, consume=each(A)))
    assert took(story, "x") == ["10:00 A@1 A@2", "10:00 A@3 A@4"]
    assert [run.superseded for run in story.runs] == [("A@1",), ("A@3",)]
    assert [run.pins["A"] for run in story.runs] == ["A@2", "A@4"]


def test_a_number_of_changes_is_waited_for_and_taken_together(declare: Any, tell: Any, took: Any) -> None:
    """`count(3)`: confirmations are no changes."""
    script = "2026-01-05T10:00Z A changed\n" + "+1m A confirmed\n" * 3 + "+1m A changed\n" * 3
    story = tell(script, declare("x", A.count(3)))
    assert took(story, "x") == ["10:05 A@1 A@2 A@3 A@4 A@5 A@6"]
    assert story.held["x"].text == "waiting for A 3 times (1 of 3)"


def test_two_of_three_nest(declare: Any, tell: Any, took: Any) -> None:
    """`n_of(2, A, B, C & A)`: any two of them; the third may need two itself."""
    story = tell(at_minutes("C@1 B@2 C@3 A@4"), declare("x", n_of(2, A, B, C & A), reads=()))
    assert took(story, "x") == ["10:04 A@1 B@1 C@1 C@2"]
    story = tell(at_minutes("C@1 A@2 B@3"), declare("x", n_of(2, A, B, C & A), reads=()))
    assert took(story, "x") == ["10:02 A@1 C@1"]
    assert story.held["x"].text == "waiting for 1 of (A, (C and A))"


def test_within_waits_for_news_that_lie_together(declare: Any, tell: Any, took: Any) -> None:
    """`all_of(A, B, within="10m")`: news of A that is too old for that of B waits for newer news of A."""
    story = tell(at_minutes("A@1 B@20 A@25"), declare("x", all_of(A, B, within="10m")))
    assert took(story, "x") == ["10:25 A@1 A@2 B@1"]


def test_within_asks_for_the_newest_of_what_needs_one(declare: Any, tell: Any, took: Any) -> None:
    """`all_of(A | B, C, within="10m")`: news of B and C lie together, whatever is pending of A; the same of `n_of`.
    What needs several asks for all of them."""
    script = "2026-01-05T10:00Z A changed\n+3h B changed\n+5m C changed"
    for either in (A | B, n_of(1, A, B)):
        story = tell(script, declare("x", all_of(either, C, within="10m"), reads=()))
        assert took(story, "x") == ["13:05 A@1 B@1 C@1"]
    story = tell(script, declare("x", all_of(A & B, C, within="10m"), reads=()))
    assert story.held["x"].text.endswith("the newest lie 3h5m apart")
    assert took(tell("+1m A changed", declare("x", all_of(A & B, C, within="10m"), reads=()), after=story), "x")


def test_under_each_an_event_that_is_too_old_says_that_it_blocks(declare: Any, tell: Any, took: Any) -> None:
    """`all_of(A, B, within="10m")` with `each(A)`: the first A is an hour older than B, and the second waits behind it;
    it says so, and whoever drops what is pending lets the next go."""
    x = declare("x", all_of(A, B, within="10m"), consume=each(A), reads=())
    story = tell("2026-01-05T10:00Z A changed\n+1h A changed\n+5m B changed", x)
    assert story.held["x"].text == (
        "waiting for events at most 10m apart; the newest lie 1h5m apart. The event whose turn it is came too early; "
        "it blocks 1 behind it"
    )
    assert took(tell("+1m pause x\nresume x drop\nA changed\nB changed", x, after=story), "x") == ["11:06 A@3"]


def test_a_removal_is_news_for_who_asks_for_it(declare: Any, tell: Any, took: Any) -> None:
    """`A.removed()` holds by it; for `A` it is none, and a run that reads A waits until it is there again."""
    clean, x = declare("clean", A.removed(), reads=()), declare("x", A | B)
    script = """
        2026-01-05T10:00Z A changed
        +1m B changed
        +1m A removed
        +1m B changed
    """
    story = tell(script, clean, x)
    assert took(story, "clean") == ["10:02 A@1 A@2"]
    assert took(story, "x") == ["10:01 A@1 B@1"]
    assert story.held["x"].text == "input has no version: A"
    assert took(tell("+1m A changed", clean, x, after=story), "x") == ["10:04 A@3 B@2"]


def test_a_removal_that_nobody_asked_for_is_pending_as_soon_as_somebody_does(
    declare: Any, tell: Any, took: Any
) -> None:
    """Of a dataset that stays in the condition, all that came since the last run is: a removal too, once `A.removed()`
    is said. What a run has passed over is not, unless it is given back."""
    plain, asking = declare("x", A | B, reads=()), declare("x", A | A.removed() | B, reads=())
    gone = tell("2026-01-05T10:00Z A changed\n+1m A removed", plain)
    assert took(gone, "x") == ["10:00 A@1"]
    assert took(tell("+1m wait 1m", asking, after=gone), "x") == ["10:01 A@2"]
    passed = tell("+1m A changed", plain, after=gone)
    assert took(passed, "x") == ["10:02 A@3"]
    assert not took(tell("+1m wait 1m", asking, after=passed), "x")
    script = "2026-01-05T10:00Z x takes 10m\nA changed\n+1m A changed\n+1m A removed\n+1m A changed\n+9m x fails"
    failed = tell(script, plain)
    assert took(failed, "x") == ["10:00 A@1", "10:10 A@2 A@4"]
    assert took(tell("+1m B changed", asking, after=failed), "x") == ["10:12 A@2 A@3 A@4"]


def test_a_person_needs_no_scheduler(declare: Any, tell: Any) -> None:
    """While it is stopped, `materialize` runs at once; what that gives, and other news, waits until it starts."""
    x, y = declare("x", A), declare("y", Dataset("x.json"))
    script = "2026-01-05T10:00Z scheduler stops\nA changed\n+1h materialize x\n+1h scheduler starts"
    story = tell(script, x, y)
    assert [(f"{run.at:%H:%M}", run.asset) for run in story.runs] == [("11:00", "x"), ("12:00", "y")]


def test_a_person_takes_what_the_pins_cover(declare: Any, tell: Any, took: Any) -> None:
    """`materialize` ignores the condition; under `batch` what it reads counts as seen, what it does not read stays."""
    x = declare("x", A & B, reads=["A"])
    story = tell(at_minutes("A@1") + "\n+1m materialize x\n+1m B changed\n+1m A changed", x)
    assert took(story, "x") == ["10:02 A@1", "10:04 A@2 B@1"]
    assert story.runs[0].state is RunState.SUCCESS
    forced = tell("+1m materialize x\n+1m materialize x force", x, after=story)
    assert [run.state for run in forced.runs] == [RunState.SKIPPED, RunState.SUCCESS]


@pytest.mark.parametrize("consume", [Consume.BATCH, Consume.BRANCH, Consume.LATEST])
def test_a_pattern_has_the_news_of_whatever_matches(declare: Any, tell: Any, took: Any, consume: Consume) -> None:
    """Datasets that nobody declared, known once their events arrive; `*` is anything but a slash; `count` asks of all
    of them together."""
    raw = Dataset.match("raw/*/docs.json")
    any_of_them = declare("x", raw | A, consume=consume, reads=())
    three = declare("y", raw.count(3), consume=consume)
    script = """
        2026-01-05T10:00Z raw/de/docs.json changed
        +1m raw/fr/docs.json changed
            raw/de/docs.json changed
        +1m raw/de/old/docs.json changed
    """
    story = tell(script, any_of_them, three)
    assert took(story, "x") == ["10:00 raw/de/docs.json@1", "10:01 raw/de/docs.json@2 raw/fr/docs.json@1"]
    assert took(story, "y") == ["10:01 raw/de/docs.json@1 raw/de/docs.json@2 raw/fr/docs.json@1"]
    waiting = "waiting for raw/*/docs.json 3 times ({} of 3)"
    assert story.held["y"].text == waiting.format(0)
    assert tell("+1m raw/de/docs.json changed", three, after=story).held["y"].text == waiting.format(1)
    assert story.runs[0].reason.names == ("raw/de/docs.json",)
    assert story.unmatched == ("raw/de/old/docs.json@1",)
