"""Spellings of column types: what polars writes fits what was declared, and nothing else does."""

from __future__ import annotations

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from penstock.storage.files.formats.spelling import fits

SIMPLE = st.sampled_from([pl.Int8(), pl.Int64(), pl.String(), pl.Boolean(), pl.Date(), pl.Categorical(), pl.Null()])
MADE = st.one_of(
    st.builds(pl.Datetime, st.sampled_from(["ms", "us", "ns"]), st.sampled_from([None, "UTC", "Europe/Berlin"])),
    st.builds(pl.Duration, st.sampled_from(["ms", "us", "ns"])),
    st.builds(pl.Decimal, st.integers(5, 38), st.integers(0, 5)),
    st.builds(pl.Enum, st.lists(st.text(max_size=3), unique=True, max_size=3)),
)
TYPES = st.recursive(
    SIMPLE | MADE,
    lambda inner: st.one_of(
        st.builds(pl.List, inner),
        st.builds(pl.Array, inner, st.integers(1, 4)),
        st.builds(pl.Struct, st.dictionaries(st.text(max_size=3), inner, max_size=3)),
    ),
    max_leaves=4,
)


@given(TYPES, TYPES)
def test_types_fit_exactly_when_they_are_equal(one: pl.DataType, other: pl.DataType) -> None:
    """As polars spells them in full."""
    assert fits(str(one), str(one))
    assert fits(str(one), str(other)) == (one == other)


@given(TYPES)
def test_the_bare_name_of_a_type_stands_for_all_of_it(one: pl.DataType) -> None:
    """As `pl.Datetime` does for polars."""
    assert fits(str(one), type(one).__name__)
    assert not fits(str(one), "Binary")


@given(st.text(max_size=8), st.text(max_size=8))
def test_any_text_has_an_answer(one: str, other: str) -> None:
    """What is no type fits itself at most."""
    assert fits(one, one)
    assert isinstance(fits(one, other), bool)
