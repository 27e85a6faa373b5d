"""Metadata in the app: texts as they are, anything else as JSON, nothing executed."""

from __future__ import annotations

import pytest

from penstock.ui.app.parts.metadata import in_short, value_of


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("<script>alert(1)</script> **bold**", "<script>alert(1)</script> **bold**"),
        ("\x1b[31mred\x1b[0m\u202e", "red\\u202e"),
        ("two\nlines", "two\nlines"),
        (0.5, "0.5"),
        (None, "null"),
        ({"de": [1, "ü\x07"]}, '{"de": [1, "ü\\u0007"]}'),
    ],
)
def test_values_are_shown_as_they_are(value: object, shown: str) -> None:
    """Without what would move a cursor or turn a text."""
    assert value_of(value) == shown


def test_metadata_in_short_are_one_line() -> None:
    """However many there are, and whatever is in them."""
    assert in_short({"accuracy": 0.93, "title": "a\nb", "labels": ["a", None]}) == (
        'accuracy = 0.93, title = a b, labels = ["a", null]'
    )
    assert len(in_short({str(number): "word " * 9 for number in range(99)})) == 200
    assert in_short({}) == ""
