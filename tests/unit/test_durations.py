"""Durations at the door: what people may write, and what is written back."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.assets.declare.durations import as_duration, as_text
from penstock.storage.errors import DefinitionError


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("250ms", 0.25), ("30s", 30), ("1.5m", 90), ("12h", 43200), ("7d", 604800), ("2w", 1209600), ("1h30m", 5400)],
)
def test_numbers_with_units_add_up(text: str, seconds: float) -> None:
    """Every unit is known, fractions count, parts add up, and spaces around it do not matter."""
    assert as_duration(text) == timedelta(seconds=seconds)
    assert as_duration(f" {text} ") == timedelta(seconds=seconds)


@pytest.mark.parametrize("wrong", ["", "s", "30", "30 s", "1h 30m", "-5s", "1e3s", "5 minutes", "5M", "1.s", "inf"])
def test_what_is_no_duration_is_told_with_an_example(wrong: str) -> None:
    """The message holds the text as it was written and the hint shows how to write one."""
    with pytest.raises(DefinitionError) as caught:
        as_duration(wrong)
    assert repr(wrong) in caught.value.message
    assert '"12h"' in caught.value.hint


@pytest.mark.parametrize("wrong", ["0s", timedelta(0), timedelta(seconds=-1), "99999999999d", 5, None])
def test_a_duration_that_cannot_be_is_a_fault_of_the_definition(wrong: object) -> None:
    """Zero, negative, endless, or not text at all: one kind of error for all."""
    with pytest.raises(DefinitionError):
        as_duration(wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("duration", "text"),
    [
        (timedelta(minutes=90), "1h30m"),
        (timedelta(weeks=1), "7d"),
        (timedelta(seconds=1, milliseconds=5), "1s5ms"),
        (timedelta(microseconds=1500), "1.5ms"),
        (timedelta(0), "0s"),
    ],
)
def test_a_duration_is_written_in_whole_units(duration: timedelta, text: str) -> None:
    """From days down to milliseconds, each unit at most once."""
    assert as_text(duration) == text


@given(st.timedeltas(min_value=timedelta(microseconds=1)))
def test_nothing_is_lost_between_a_duration_and_its_text(duration: timedelta) -> None:
    """Every duration that can be declared comes back from its text, down to the microsecond."""
    assert as_duration(as_text(duration)) == duration
