"""JSON is read fast, and as Python itself reads it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from penstock.storage.json_text import parse
from penstock.storage.manifest import canonical_json

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
values = st.recursive(scalars, lambda below: st.lists(below) | st.dictionaries(st.text(), below), max_leaves=12)
whole = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(exclude_categories=["Cs"])),
    lambda below: st.lists(below) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), below),
    max_leaves=12,
)


def read(reader: Any, text: str | bytes) -> str:
    """What a reader makes of a text, with its types; or that it refuses it."""
    try:
        return repr(reader(text))
    except (ValueError, RecursionError):
        return "refused"


@given(value=values, indent=st.sampled_from([None, 1]), ascii_only=st.booleans())
def test_what_python_writes_is_read_as_python_reads_it(value: Any, indent: int | None, ascii_only: bool) -> None:
    """Text and bytes; numbers of any length, NaN and infinities, lone surrogates."""
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only)
    assert read(parse, text) == read(json.loads, text)
    encoded = text.encode("utf-8", "surrogatepass")
    assert read(parse, encoded) == read(json.loads, encoded)


@given(text=st.text(st.sampled_from('0123456789-+.eE[]{}:," \\\nuaNnfityrls'), max_size=40))
@example("-0")
@example("[-0]")
@example("18446744073709551616")
@example('{"a":18446744073709551616}')
@example("-9223372036854775809")
@example("[1e400]")
@example('{"a":1,"a":2}')
@example("[" * 2000 + "]" * 2000)
def test_any_text_is_read_or_refused_as_python_does(text: str) -> None:
    """Also what is no JSON."""
    assert read(parse, text) == read(json.loads, text)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_bytes_in_another_encoding_are_read(encoding: str) -> None:
    """As Python does, by their first bytes."""
    assert parse('{"a": "é"}'.encode(encoding)) == {"a": "é"}


@given(value=whole)
def test_what_has_no_fractions_is_spelled_alike_by_either(value: Any) -> None:
    """So that a digest is of the value, not of who spelled it."""
    assert canonical_json(value, fractions=False) == canonical_json(value)
