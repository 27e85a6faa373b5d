"""The known cases: what becomes of what is pending, and of what is not, when definitions change."""

from __future__ import annotations

from typing import Any

import pytest

from penstock import Dataset
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
