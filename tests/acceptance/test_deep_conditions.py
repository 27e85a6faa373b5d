"""Conditions that a program nests ten thousand times: declared, kept, planned, explained and run as any other."""

from __future__ import annotations

import json
from typing import Any

import pytest

from penstock import Dataset, Definitions, all_of, asset, n_of, why
from penstock.assets.declare.conditions.leaves import DatasetLeaf, bound
from penstock.assets.declare.conditions.plain import DEEP, condition_from_plain, condition_to_plain
from penstock.assets.declare.conditions.tree import Condition, nodes
from penstock.assets.plan.graph import Graph
from penstock.storage.errors import DatabaseFault
from penstock.testing import simulate
from penstock.ui.cli.definitions import spelled
from penstock.ui.cli.plain import plain
from penstock.ui.cli.tree import condition_tree

LEVELS = 10_000
A, B, C = (Dataset(f"warehouse://db/{name}") for name in "abc")


def nested(levels: int, first: Any = A) -> Any:
    """`((a & b | c) & b | c) …`, so many levels deep. It holds whenever c has news; without, where a and b have."""
    condition = first
    for _ in range(levels // 2):
        condition = condition & B | C
    return condition


MADE = asset("deep.json", name="deep", on=nested(LEVELS))(lambda: 1)


@pytest.mark.databases("sqlite", "postgresql")
def test_a_deep_condition_is_planned_explained_and_run(lab: Any, world: Any) -> None:
    """Checked, registered, planned from the store, explained as far down as anybody reads; now and then."""
    with world(lab, MADE) as here:
        assert here.runs() == []
        here.tell("a", "1")
        held = why([MADE], "deep", **lab.places)
        assert held.decision == "hold"
        assert held.reason.names == ("b", "c")
        here.tell("b", "1")
        found = why([MADE], "deep", **lab.places)
        assert found.decision == "run"
        assert json.dumps(plain(found.condition))
        assert found.condition is not None
        assert condition_tree(found.condition, found.at).children
        assert here.runs() == [("deep", "input_changed")]
        assert here.work() == ["success"]
        here.tell("c", "1")
        assert here.runs() == [("deep", "input_changed")]
        then = why(None, "deep", at=found.at, **lab.places)
        assert (then.decision, then.condition) == (found.decision, found.condition)


def test_a_deep_condition_is_simulated() -> None:
    """A run once both have news, which takes both, and one by c alone."""
    story = simulate([MADE], "2026-01-05T10:00Z a changed\n+1h b changed\n+1h c changed")
    assert [(run.at.hour, run.consumed) for run in story.runs] == [(11, ("a@1", "b@1")), (12, ("c@1",))]


def test_what_settles_counts_and_stands_in_nodes_of_every_kind() -> None:
    """Every node that there is, one in the other: the walk is the same for all of them."""
    condition: Any = A
    for level in range(LEVELS // 3):
        condition = n_of(1, all_of(condition, B, within=f"{level + 1}s" if level < 10 else None), C)
    made = asset("deep.json", name="deep", on=condition.settle("30s"))(lambda: 1)
    story = simulate([made], "2026-01-05T10:00Z a changed\nb changed\nwait 1h")
    assert [f"{run.at:%H:%M:%S}" for run in story.runs] == ["10:00:30"]


def test_what_is_wrong_deep_down_is_told() -> None:
    """A part that starts nothing, and one that says nothing, at the end of ten thousand levels."""
    never = asset("deep.json", name="deep", on=nested(LEVELS, n_of(3, A, B)))(lambda: 1)
    (fault,) = Definitions(never).check()
    assert "n_of(3, …) is given 2 of which to hold" in fault.message
    silent: Any = A.fresh("1h")
    for _ in range(LEVELS // 2):
        silent = (silent | B) & C.fresh("1h")
    (fault,) = Definitions(asset("deep.json", name="deep", on=silent)(lambda: 1)).check()
    assert "never starts a run" in fault.message


@pytest.mark.parametrize("levels", [2, DEEP - 2, DEEP, DEEP + 2, LEVELS])
def test_a_condition_of_any_depth_has_a_plain_form(levels: int) -> None:
    """It is JSON that any parser reads, and gives the same tree back; what is not deep is written as it is nested."""
    condition = nested(levels).as_condition()
    kept = condition_to_plain(condition)
    assert ("flat" in kept) == (levels >= DEEP)
    back = condition_from_plain(json.loads(json.dumps(kept)))
    pairs = zip(nodes(condition), nodes(back), strict=True)
    assert all(_alone(one) == _alone(other) for one, other in pairs)


def test_what_is_deep_is_kept_in_this_form() -> None:
    """A list of leaves and nodes, each after its children, which it names by their places."""
    a, b, c = ({"dataset": one.uri, "confirmed": False} for one in (A, B, C))
    assert condition_to_plain(nested(DEEP))["flat"][:6] == [a, b, {"all_of": [0, 1]}, c, {"any_of": [2, 3]}, b]
    kept = {"flat": [a, b, {"all_of": [0, 1]}, {"settle": 2, "quiet": "5s", "max_wait": "1m"}]}
    assert condition_from_plain(kept) == bound((A & B).settle("5s", max_wait="1m"))
    with pytest.raises(DatabaseFault, match="does not know"):
        condition_from_plain({**kept, "more": 1})


def _alone(node: Condition) -> tuple[Any, ...]:
    """What a node says itself."""
    return (node.uri,) if isinstance(node, DatasetLeaf) else (type(node), len(getattr(node, "children", ())))


def test_a_deep_condition_is_spelled_out() -> None:
    """With as many brackets as it takes."""
    found = spelled(nested(LEVELS).as_condition(), Graph.of(Definitions(MADE).resolve()))
    assert found.startswith("(" * 100)
    assert found.endswith("& b) | c")
    assert found.count("(") == found.count(")") == LEVELS - 1
