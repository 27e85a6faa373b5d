"""The known case of the diamond: a source feeds two branches of different speed, and whoever reads both never mixes
what came from different versions of the source, and does not starve."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock import Dataset, all_of
from penstock.assets.plan.simulate.story import Story
from penstock.storage.types import Consume, RunState

RAW, FAST, SLOW = (Dataset(f"{name}.json") for name in ("raw", "fast", "slow"))
ALIGNED = all_of(FAST, SLOW, aligned=True)


def diamond(declare: Any, **policies: Any) -> list[Any]:
    """raw → fast, slow → both."""
    return [declare("fast", RAW), declare("slow", RAW), declare("both", ALIGNED, **policies)]


def generations(story: Story) -> dict[str, str]:
    """Event → the event of raw it came from: what its run had read, or what was newest when it was confirmed."""
    made: dict[str, str] = {}
    read = {(run.asset, run.ended_at): run.pins["raw"] for run in story.runs if run.asset in ("fast", "slow")}
    newest = ""
    for one in story.events:
        if one.event.startswith("raw"):
            newest = one.event
        elif one.by in ("fast", "slow"):
            made[one.event] = read.get((one.by, one.at), newest)
    return made


def contents(story: Story) -> dict[str, str]:
    """Event of raw → the digest of its content."""
    return {f"raw@{number}": event.digest for number, event in story.world.events.get("raw.json", {}).items()}


@pytest.mark.parametrize("consume", [Consume.BATCH, Consume.BRANCH, Consume.LATEST])
def test_the_newest_generation_that_both_have_is_taken(declare: Any, tell: Any, took: Any, consume: Consume) -> None:
    """fast is at 11 generations when slow has one and eleven: pairs of one generation, the newest there are."""
    script = "2026-01-05T10:00Z fast takes 1s\nslow takes 10s\nraw changed\n" + "+1s raw changed\n" * 10 + "wait 30s"
    story = tell(script, *diamond(declare, consume=consume))
    made = generations(story)
    assert [tuple(made[pin] for pin in run.pins.values()) for run in story.of("both")] == [
        ("raw@1", "raw@1"),
        ("raw@11", "raw@11"),
    ]


def test_both_branches_confirmed_confirm_what_reads_them(declare: Any, tell: Any) -> None:
    """A new generation that gives the same bytes in both branches makes no run, and is told downstream."""
    last = declare("last", Dataset("both.json"))
    script = "2026-01-05T10:00Z raw changed\n+1h fast unchanged\nslow unchanged\nraw changed"
    story = tell(script, *diamond(declare), last)
    assert [run.at.hour for run in story.of("both")] == [10]
    assert [(one.asset, one.consumed) for one in story.confirmations] == [
        ("both", ("fast@2", "slow@2")),
        ("last", ("both@2",)),
    ]


def test_the_same_bytes_of_a_newer_generation_go_with_what_is_newer(declare: Any, tell: Any) -> None:
    """fast gives the same bytes for a new raw; slow other ones: they are of one generation all the same."""
    story = tell("2026-01-05T10:00Z raw changed\n+1h fast unchanged\nraw changed", *diamond(declare))
    assert [run.pins for run in story.of("both")] == [
        {"fast": "fast@1", "slow": "slow@1"},
        {"fast": "fast@2", "slow": "slow@2"},
    ]


def test_a_dataset_and_what_is_made_from_it_can_be_aligned(declare: Any, tell: Any) -> None:
    """`all_of(raw, slow, aligned=True)`: raw is read as slow was made from it, not as it is by then."""
    both = declare("both", all_of(RAW, SLOW, aligned=True))
    script = "2026-01-05T10:00Z slow takes 10s\nraw changed\n+4s raw changed\n+4s raw changed\nwait 1m"
    story = tell(script, declare("slow", RAW), both)
    assert [run.pins for run in story.of("both")] == [
        {"raw": "raw@1", "slow": "slow@1"},
        {"raw": "raw@3", "slow": "slow@2"},
    ]


@pytest.mark.parametrize("consume", [Consume.BATCH, Consume.LATEST])
def test_a_person_takes_what_is_read_whatever_its_generation(declare: Any, tell: Any, consume: Consume) -> None:
    """By hand the newest of both are read; they are taken, also the one that has no pair yet."""
    script = "2026-01-05T10:00Z raw changed\n+1m slow takes 1h\nraw changed\n+1m materialize both"
    story = tell(script, *diamond(declare, consume=consume))
    run = story.of("both")[-1]
    assert run.pins == {"fast": "fast@2", "slow": "slow@1"}
    assert run.consumed == ("fast@2",)
    assert story.held["both"].text == "waiting for fast and slow"


def test_why_there_is_no_pair_is_said(declare: Any, tell: Any) -> None:
    """Up to date, it waits for both; after a failure, for what is fresh; one half alone has no other of its kind."""
    assets = diamond(declare)
    story = tell("2026-01-05T10:00Z raw changed\nwait 1h", *assets)
    said = "waiting for fast ({0}) and slow ({0})"
    assert story.held["both"].text == "waiting for fast and slow"
    failed = tell("both fails\nraw changed\nwait 1h", *assets, after=story)
    assert failed.held["both"].text == said.format("nothing fresh is pending")
    half = tell("slow takes 1h\nraw changed\nwait 1m", *assets, after=story)
    assert half.held["both"].text == said.format("no version of the same generation as the others")


def test_what_is_newer_than_the_pair_stays_pending(declare: Any, tell: Any, took: Any) -> None:
    """fast is ahead: the run takes fast up to its pin and leaves the rest for the next generation."""
    script = "2026-01-05T10:00Z slow takes 10s\nraw changed\n+5s raw changed\n+5s wait 4s"
    x = diamond(declare)
    story = tell(script, *x)
    assert took(story, "both") == ["10:00 fast@1 slow@1"]
    assert story.held["both"].text.startswith("waiting for")
    assert took(tell("wait 1m", *x, after=story), "both") == ["10:00 fast@2 slow@2"]


moves = st.lists(
    st.tuples(
        st.sampled_from([0, 1, 2, 5, 11]),
        st.sampled_from(
            ["raw changed"] * 6
            + ["raw confirmed", "raw changed version=again", "fast unchanged", "slow unchanged"]
            + ["fast fails", "slow fails", "both fails", "fast takes 3s", "slow takes 2s", "both takes 7s"]
        ),
    ),
    min_size=1,
    max_size=25,
)


@given(moves=moves, consume=st.sampled_from([Consume.BATCH, Consume.BRANCH, Consume.LATEST]))
def test_generations_never_mix_and_the_last_one_arrives(
    declare: Any, simulated: Any, moves: list[tuple[int, str]], consume: Consume
) -> None:
    """Whatever happens when: every run reads one generation, and never an older one than the last that did
    not fail. Once all is quiet and nothing fails any more, what reads both has the newest generation."""
    script = "2026-01-05T10:00Z fast takes 1s\nslow takes 10s\n"
    script += "".join(f"+{seconds}s {act}\n" for seconds, act in moves)
    assets = diamond(declare, consume=consume)
    before = simulated(script + "wait 1m", *assets)
    story = before
    for _ in range(1 + sum("takes" not in act for _, act in moves)):  # what is left of `fails` is used up
        before = simulated("+1m raw changed\nwait 1m", *assets, after=before)
    made, same = generations(story), contents(story)
    read = [run.pins for run in story.of("both")]
    for pins in read:
        assert same[made[pins["fast"]]] == same[made[pins["slow"]]]
    read = [run.pins for run in story.of("both") if run.state is not RunState.FAILED]
    numbers = [(int(pins["fast"][5:]), int(pins["slow"][5:])) for pins in read]
    assert numbers == sorted(numbers)
    assert all(one <= other for pair in pairwise(numbers) for one, other in zip(*pair, strict=True))
    runs = [run for run in before.of("both") if run.state is RunState.SUCCESS]
    assert runs, "it has not starved"
    heads = {one.by: one.event for one in before.events if one.by in ("fast", "slow")}
    assert runs[-1].pins == heads


@pytest.mark.parametrize("confirmed", ["", "\n+1m s.json confirmed"])
def test_what_was_made_again_without_inputs_has_no_generation_but_its_own(
    declare: Any, tell: Any, took: Any, confirmed: str
) -> None:
    """A definition that reads nothing any more and gives the same bytes: what it read before is no ancestor of that,
    nor of what confirms it."""
    s, a = Dataset("s.json"), Dataset("a.json")
    c = declare("c", all_of(a, s, aligned=True))
    story = tell("2026-01-05T10:00Z s.json changed\nwait 1m", declare("a", s), c)
    assert len(took(story, "c")) == 1
    later = tell(f"a unchanged\n+1m s.json changed{confirmed}\nwait 1m", declare("a", s, reads=()), c, after=story)
    assert len(took(later, "c")) == 1
