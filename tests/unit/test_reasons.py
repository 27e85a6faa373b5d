"""Reasons: every word of the closed list can be shown, kept and read back."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.assets.plan.reasons import Reason
from penstock.storage.errors import DatabaseFault
from penstock.storage.types import ReasonKind

AT = datetime(2026, 1, 5, 2, tzinfo=UTC)
kinds = st.sampled_from(ReasonKind)
reasons = st.builds(
    Reason,
    kind=kinds,
    also=st.lists(kinds, max_size=3).map(tuple),
    names=st.lists(st.text(min_size=1), max_size=6).map(tuple),
    parameters=st.lists(st.text(min_size=1), max_size=2).map(tuple),
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
            "input changed (docs) and tick of 2026-01-05 02:00 UTC",
        ),
        (Reason(kind=ReasonKind.TICK, tick=AT), "tick of 2026-01-05 02:00 UTC"),
        (Reason(kind=ReasonKind.TICK, tick=AT.replace(second=4)), "tick of 2026-01-05 02:00:04 UTC"),
        (
            Reason(kind=ReasonKind.TICK, also=(ReasonKind.FIRST_BUILD,), tick=AT),
            "tick of 2026-01-05 02:00 UTC and first build",
        ),
        (Reason(kind=ReasonKind.PARAMETERS_CHANGED, parameters=("size", "top")), "parameters changed: size, top"),
        (
            Reason(kind=ReasonKind.INPUT_CHANGED, also=(ReasonKind.CODE_CHANGED,), names=("docs", "labels")),
            "input changed (docs, labels) and code changed",
        ),
        (
            Reason(
                kind=ReasonKind.INPUT_CHANGED,
                also=(ReasonKind.CODE_CHANGED, ReasonKind.PARAMETERS_CHANGED),
                names=("docs",),
                parameters=("size",),
            ),
            "input changed (docs), code changed and parameters changed (size)",
        ),
        (
            Reason(kind=ReasonKind.CODE_CHANGED, also=(ReasonKind.PARAMETERS_CHANGED,), parameters=("size",)),
            "code changed and parameters changed (size)",
        ),
        (
            Reason(kind=ReasonKind.UNCHANGED, names=("docs",), detail="same inputs, code and parameters"),
            "unchanged: docs; same inputs, code and parameters",
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


@given(reason=reasons.filter(lambda one: one.kind is not ReasonKind.WAITING))
def test_the_line_tells_every_word_and_name(reason: Reason) -> None:
    """Whatever comes together: the first four names are there, and the detail at the end."""
    assert all(name in reason.text for name in reason.names[:4])
    assert reason.text.endswith(reason.detail)
    if ReasonKind.PARAMETERS_CHANGED in (reason.kind, *reason.also) and not reason.names:
        assert all(name in reason.text for name in reason.parameters)


def test_a_reason_of_an_earlier_form_is_read() -> None:
    """Before parameters had a place of their own, their names stood among the others."""
    plain = Reason(kind=ReasonKind.PARAMETERS_CHANGED, names=("size",)).to_plain()
    del plain["parameters"]
    assert Reason.from_plain(plain).text == "parameters changed: size"


@pytest.mark.parametrize("change", [{"v": 2}, {"kind": "mood"}, {"also": ["tick", "mood"]}])
def test_a_word_that_nobody_knows_is_a_fault_of_the_store(change: dict[str, object]) -> None:
    """It says what it found, and that a newer penstock wrote it."""
    plain = Reason(kind=ReasonKind.TICK).to_plain()
    with pytest.raises(DatabaseFault, match=r"form 2|'mood'") as caught:
        Reason.from_plain({**plain, **change})
    assert "Upgrade penstock" in caught.value.hint
