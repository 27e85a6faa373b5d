"""Predicates on metadata: what they answer, and what they say where they do not hold."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from penstock import Dataset, meta
from penstock.assets.declare.conditions.predicates import Predicate
from penstock.assets.plan.evaluate import Now, evaluate
from penstock.assets.plan.state import AssetState, LeafState

NOW = datetime(2026, 1, 5, 10, tzinfo=UTC)
SAID: dict[str, Any] = {"rows": 10, "share": 0.5, "language": "de", "final": True, "list": [1], "none": None}

MET = [
    meta("rows") > 9,
    meta("rows") == 10.0,  # an int and a float are numbers
    meta("share") <= 0.5,
    meta("language").one_of("fr", "de"),
    meta("language") != "fr",
    meta("final").is_true(),
    (meta("rows") > 99) | (meta("share") < 1),
    (meta("rows") > 9) & (meta("language") >= "d") & meta("final").is_true(),
]


@pytest.mark.parametrize("predicate", MET, ids=str)
def test_what_is_met_says_nothing(predicate: Predicate) -> None:
    """No reason stands against it."""
    assert predicate.unmet(SAID) == ""


UNMET = [
    (meta("rows") > 10, "rows is 10, not > 10"),
    (meta("gone") > 10, "gone is not in the metadata"),
    (meta("gone").is_false(), "gone is not in the metadata"),
    (meta("gone") != 1, "gone is not in the metadata"),
    (meta("language") > 3, "language is 'de', a text, and 3 is a number"),
    (meta("final") == 1, "final is True, a truth value, and 1 is a number"),
    (meta("rows").is_true(), "rows is 10, a number, and True is a truth value"),
    (meta("list") > 0, "list is [1], neither number, text nor truth value, and 0 is a number"),
    (meta("none") == "", "none is None, neither number, text nor truth value, and '' is a text"),
    (meta("rows").one_of("10", True), "rows is 10, none of '10', True"),
    ((meta("rows") > 99) & (meta("gone") > 1), "rows is 10, not > 99; gone is not in the metadata"),
    ((meta("rows") > 99) | meta("final").is_false(), "rows is 10, not > 99; final is True, not == False"),
]


@pytest.mark.parametrize(("predicate", "why"), UNMET, ids=str)
def test_what_is_missing_or_of_another_type_does_not_hold_and_says_so(predicate: Predicate, why: str) -> None:
    """Also with `!=` and `is_false`: what nobody said is neither."""
    assert predicate.unmet(SAID) == why


@pytest.mark.parametrize("said", [{}, {"rows": "many"}, {"rows": 10}, {"rows": 10**30}])
def test_a_leaf_that_does_not_hold_says_why_the_newest_event_does_not_count(said: dict[str, Any]) -> None:
    """As `plan` and `why` show it, behind what the leaf is."""
    leaf = Dataset("docs.json").where(meta("rows") > 10**30)
    why = (meta("rows") > 10**30).unmet(said)
    pending = LeafState(count=0, newest=1, causes=0, upto=1, unmet=why)
    own = AssetState(registered_at=NOW, narrowed={"docs.json where rows > " + str(10**30): pending})
    verdict = evaluate(leaf, own, Now(at=NOW))
    assert not verdict.holds
    assert verdict.lack(lambda label: label.replace(".json", "")) == f"docs where rows > {10**30} ({why})"
