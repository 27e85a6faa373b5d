"""Reasons: every word of the closed list can be shown, kept and read back."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.assets.plan.reasons import Reason
from penstock.storage.types import ReasonKind

AT = datetime(2026, 1, 5, 2, tzinfo=UTC)
kinds = st.sampled_from(ReasonKind)
reasons = st.builds(
    Reason,
    kind=kinds,
    also=st.lists(kinds, max_size=3).map(tuple),
    names=st.lists(st.text(min_size=1), max_size=6).map(tuple),
    tick=st.none() | st.datetimes(timezones=st.just(UTC)),
    detail=st.text(),
)


@pytest.mark.parametrize(
    ("reason", "text"),
    [
        (Reason(kind=ReasonKind.FIRST_BUILD), "first build"),
        (Reason(kind=ReasonKind.INPUT_CHANGED, names=("docs", "labels")), "input changed: docs, labels"),
        (
            Reason(kind=ReasonKind.INPUT_CHANGED, also=(ReasonKind.TICK,), names=("docs",), tick=AT),
            "input changed + tick: docs (tick 2026-01-05 02:00 UTC)",
        ),
        (Reason(kind=ReasonKind.WAITING, names=tuple("abcdef")), "waiting for a, b, c, d and 2 more"),
        (Reason(kind=ReasonKind.WAITING, detail="fresh news"), "waiting for fresh news"),
        (Reason(kind=ReasonKind.AT_LIMIT, detail="1 of 1 active"), "at concurrency limit; 1 of 1 active"),
    ],
)
def test_a_reason_is_one_line_for_people(reason: Reason, text: str) -> None:
    """Words, names (at most four), the tick, the detail."""
    assert reason.text == text


@given(kind=kinds)
def test_every_word_of_the_list_can_be_shown(kind: ReasonKind) -> None:
    """No reason is stored that a face could not print."""
    assert Reason(kind=kind).text


@given(reason=reasons)
def test_a_reason_comes_back_from_the_store(reason: Reason) -> None:
    """Nothing is lost, also not on the way through JSON."""
    assert Reason.from_plain(json.loads(json.dumps(reason.to_plain()))) == reason
