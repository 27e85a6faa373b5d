"""The known cases: what becomes of what is pending, and of what is not, when definitions change."""

from __future__ import annotations

from typing import Any

import pytest

from penstock import Dataset, all_of
from penstock.assets.declare.conditions.predicates import meta
from penstock.assets.declare.policies import each

A, B = Dataset("A.json"), Dataset("B.json")
EACH = Dataset.match("A*.json")


@pytest.mark.parametrize(
    ("before", "after"),
    [(A, A & B), (A, A.updated() & B), (A, A.where(meta("rows") > 5) & B), (EACH, A & B)],
)
def test_what_was_there_completes_once_events_have_no_runs_of_their_own(
    declare: Any, tell: Any, took: Any, before: Any, after: Any
) -> None:
    """New under `each`, an asset begins with none of what was there, as it could only complete; a condition that waits
    for something else too has its half of it, as any asset that is new."""
    keeps = declare("keeps", A | B, reads=())
    story = tell("2026-01-05T10:00Z A.json changed rows=9", keeps)
    story = tell("+10m wait 1m", keeps, declare("x", before, reads=(), consume=each(before)), after=story)
    assert not story.of("x")
    later = tell("+9m B.json changed", keeps, declare("x", after, reads=()), after=story)
    assert took(later, "x") == ["10:20 A@1 B@1"]


def test_what_has_come_since_is_all_there_is(declare: Any, tell: Any, took: Any) -> None:
    """An event that had a run of its own is taken, and what was there before it does not come back."""
    keeps, x = declare("keeps", A | B, reads=()), declare("x", A, consume=each(A))
    story = tell("2026-01-05T10:00Z A.json changed", keeps)
    story = tell("+10m wait 1m\nA.json changed", keeps, x, after=story)
    assert took(story, "x") == ["10:11 A@2"]
    later = tell("+9m B.json changed\n+10m A.json changed", keeps, declare("x", A & B), after=story)
    assert took(later, "x") == ["10:30 A@3 B@1"]


OLD, NEW = Dataset("old.json"), Dataset("new.json")
S = Dataset("S.json")
ALIAS = {"new.json": ["old.json"]}


@pytest.mark.parametrize("declared", [False, True])
def test_a_dataset_at_another_uri_keeps_its_history(declare: Any, tell: Any, took: Any, declared: bool) -> None:
    """What is pending of it, what a run has of it, what was taken, also where the new URI was declared before and has
    had no event; what is told of the old one is of the new one."""
    also = [declare("y", NEW)] if declared else []
    story = tell(
        "2026-01-05T10:00Z old.json changed\n+1m pause x\n+1m old.json changed\nz takes 1h\nwait 1m",
        *(declare("x", OLD), declare("z", OLD, reads=())),
        *also,
    )
    later = tell(
        "resume x\nz fails\n+1m old.json changed\nwait 1h\n+1m new.json changed",
        *(declare("x", NEW), declare("y", NEW), declare("z", NEW, reads=())),
        after=story,
        aliases=ALIAS,
    )
    first = 1 if declared else 2
    assert took(later, "x") == [f"{at} new@{first + place}" for place, at in enumerate(("10:03", "10:04", "11:05"))]
    assert took(later, "z")[0].startswith("10:04 new@")
    assert later.unmatched == ()


@pytest.mark.parametrize("before", ["", "+1m new.json changed\n"])
def test_generations_are_compared_through_an_alias(declare: Any, tell: Any, took: Any, before: str) -> None:
    """What was made from the alias was made from the dataset that both are: the half that is behind is waited for."""

    def assets(one: Dataset, other: Dataset) -> list[Any]:
        both = declare("both", all_of(Dataset("left.json"), Dataset("right.json"), aligned=True))
        return [declare("left", one | S), declare("right", other | S), both]

    story = tell(
        f"2026-01-05T10:00Z S.json changed\nold.json changed\nnew.json changed\n{before}wait 1m\npause left\n"
        "+1m old.json changed\nwait 1m",
        *assets(OLD, NEW),
    )
    later = tell("wait 1m\n+10m new.json changed\nwait 1m", *assets(NEW, NEW), after=story, aliases=ALIAS)
    assert took(later, "both") == []
    last = tell("resume left\nwait 1m", *assets(NEW, NEW), after=later, aliases=ALIAS)
    assert len(took(last, "both")) == 1


def test_a_dataset_that_was_declared_some_time_before_is_joined_and_not_moved(declare: Any, tell: Any) -> None:
    """Nobody names it for a while: it is known all the same, and what is pending is told again of it."""
    story = tell("2026-01-05T10:00Z wait 1s", declare("x", OLD, reads=()), declare("y", NEW, reads=()))
    later = tell("pause x\nold.json changed\nwait 1m", declare("x", OLD, reads=()), after=story)
    last = tell("resume x\nwait 1m", declare("x", NEW, reads=()), after=later, aliases=ALIAS)
    assert [run.consumed for run in last.of("x")] == [("new@1",)]
    assert [one.event for one in last.events if one.event.startswith("new")] == ["new@1"]


@pytest.mark.parametrize("last", ["changed version=2", "changed version=2\nold.json confirmed"])
@pytest.mark.parametrize("had", [1, 2])
def test_a_change_of_the_alias_that_was_confirmed_is_news_to_who_waited_already(
    declare: Any, tell: Any, took: Any, had: int, last: str
) -> None:
    """Both are told again, whoever else had something to do with the alias; it is none for who had that version."""

    def assets(uri: Dataset) -> list[Any]:
        return [
            declare("x", uri, reads=()),
            declare("y", NEW, reads=()),
            declare("z", NEW, reads=(), consume=each(NEW)),
        ]

    story = tell(
        f"2026-01-05T10:00Z new.json changed version={had}\nold.json changed version=1\nwait 1m\n+1m pause x\n"
        f"old.json {last}\nwait 1m",
        *assets(OLD),
    )
    later = tell("resume x\nwait 1m", *assets(NEW), after=story, aliases=ALIAS)
    assert [len(took(later, name)) for name in "xyz"] == [1, 2 - had, 2 - had]


@pytest.mark.parametrize("course", [("pause x", "resume x"), ("x takes 1h", "x fails")])
def test_what_we_write_ourselves_is_news_to_who_had_something_of_its_alias(
    declare: Any, tell: Any, took: Any, course: tuple[str, str]
) -> None:
    """Nothing of the alias is told again: whoever still had news of it has what was made last; who had none waits for
    what is made next, as any consumer that is new there."""
    new = declare("new", S, reads=())
    story = tell(
        f"2026-01-05T10:00Z S.json changed\nold.json changed\nwait 1m\n+1m {course[0]}\n+1m old.json changed\nwait 1m",
        *(new, declare("x", OLD, reads=()), declare("y", OLD, reads=()), declare("z", NEW, reads=())),
    )
    now = (new, *(declare(name, NEW, reads=()) for name in "xyz"))
    later = tell(f"{course[1]}\n+30m wait 1h", *now, after=story, aliases=ALIAS)
    assert [run.consumed for run in later.of("x") if run.state == "success"] == [("new@1",)]
    assert took(later, "y") == took(later, "z") == []
    last = tell("S.json changed\nwait 1h", *now, after=later, aliases=ALIAS)
    assert [run.consumed for name in "xyz" for run in last.of(name)] == [("new@2",), ("new@1", "new@2"), ("new@2",)]


NEWS = "old.json changed\n+1m old.json changed\nwait 1m"
TWO = "2026-01-05T10:00Z old.json changed\nnew.json changed\n+1m"


@pytest.mark.parametrize("newest", ["", "\n+1m new.json changed\nwait 1m"])
@pytest.mark.parametrize("consume", ["batch", "latest", "each"])
@pytest.mark.parametrize(
    "course",
    [
        ("pause x", "resume x"),
        ("x takes 1h", "x fails"),
        ("x takes 1h", "x cancelled"),
        ("x takes 1h", "wait 1m"),
        ("x takes 1h", "pause x\n+1m x fails"),
    ],
)
def test_two_datasets_that_turn_out_to_be_one(
    declare: Any, tell: Any, course: tuple[str, str], consume: str, newest: str
) -> None:
    """Whatever was pending or with a run comes along: every consumer has each event once, told of whichever URI, and
    what a run gives back is given back to the dataset."""
    first, then = course

    def assets(uri: Dataset, other: Dataset) -> list[Any]:
        mode: Any = each(uri) if consume == "each" else consume
        both = uri & other if uri is not other else uri
        pattern = declare("p", Dataset.match("o*.json") | other, reads=())
        return [declare("x", uri, reads=(), consume=mode), declare("y", other), declare("z", both, reads=()), pattern]

    story = tell(f"{TWO} {first}\n{NEWS}{newest}", *assets(OLD, NEW))
    x = assets(NEW, NEW)
    later = tell(f"{then}\n+30m resume x\nwait 1h\n+1m old.json changed\nwait 6h", *x, after=story, aliases=ALIAS)
    taken = [event for run in later.of("x") if run.state == "success" for event in run.consumed]
    assert taken == sorted(set(taken))
    assert taken[-1] == later.of("y")[-1].consumed[-1]
    tell("old.json confirmed\nnew.json changed\nwait 6h", *x, declare("n", NEW), after=later, aliases=ALIAS)
