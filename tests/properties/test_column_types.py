"""Spellings of column types: what polars writes fits what was declared, and nothing else does."""

from __future__ import annotations

import datetime
from contextlib import suppress
from decimal import Decimal
from typing import Any

import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.assets.declare.column_types import TYPES as NAMES
from penstock.assets.declare.column_types import UnknownType, spelled
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


@given(TYPES)
def test_a_type_is_spelled_as_polars_does_however_it_is_given(one: pl.DataType) -> None:
    """Itself, its text, and what pyarrow has in its place: one spelling, which stays as it is."""
    assert spelled(one) == spelled(str(one)) == spelled(spelled(one)) == str(one)
    assert spelled(type(one)) == type(one).__name__


NOT_OF_ARROW = ("Enum", "Categorical", r"\x00")
"""The last is in a name of a struct: polars panics when it hands that over."""


@given(TYPES.filter(lambda one: not any(part in str(one) for part in NOT_OF_ARROW)))
def test_a_type_of_pyarrow_is_spelled_as_the_one_that_polars_makes_of_it(one: pl.DataType) -> None:
    """By way of an empty column of that type."""
    arrow = pl.Series("a", [], dtype=one).to_arrow().type
    assert fits(spelled(arrow), str(pl.from_arrow(pa.array([], arrow)).dtype))  # type: ignore[union-attr]


SPELLINGS: dict[str, list[Any]] = {
    "Int64": ["int64", "Int64", "INT64", "int", "bigint", "i64", "pl.Int64", "int | None", int, int | None, pl.Int64,
              pl.Int64(), pa.int64()],
    "String": ["str", "string", "utf8", "text", str, pl.Utf8, pa.string(), pa.large_string()],
    "Float64": ["float", "double", "f64", float, pa.float64()],
    "Float32": [pa.float32(), pl.Float32],
    "Boolean": ["bool", "boolean", bool, pa.bool_()],
    "Binary": ["bytes", bytes, pa.binary()],
    "Date": ["date", datetime.date, pa.date32()],
    "Datetime": ["datetime", "timestamp", datetime.datetime, pl.Datetime],
    "Datetime(time_unit='us', time_zone=None)": ["Datetime('us')", "datetime[us]", pl.Datetime(), pa.timestamp("us")],
    "Datetime(time_unit='ns', time_zone='UTC')": ["Datetime('ns', 'UTC')", pl.Datetime("ns", "UTC"),
                                                  pa.timestamp("ns", "UTC")],
    "Decimal(precision=10, scale=2)": ["decimal(10, 2)", pl.Decimal(10, 2), pa.decimal128(10, 2)],
    "Decimal": ["decimal", Decimal],
    "List(Int64)": ["list[int]", "List(Int64)", "pl.List(pl.Int64)", list[int], list[int | None], pl.List(pl.Int64),
                    pa.list_(pa.int64())],
    "List": ["list", list, pl.List],
    "Array(Int8, shape=(2,))": ["Array(Int8, 2)", pl.Array(pl.Int8, 2), pa.list_(pa.int8(), 2)],
    "Struct({'a': Int8})": ["Struct({'a': int8})", pl.Struct({"a": pl.Int8}), pa.struct({"a": pa.int8()})],
    "Categorical": ["category", pa.dictionary(pa.int32(), pa.string())],
    "Enum(categories=['a'])": [pl.Enum(["a"])],
}  # fmt: skip


@pytest.mark.parametrize("canonical", SPELLINGS)
def test_equal_types_are_spelled_equally(canonical: str) -> None:
    """Types of polars, pyarrow and Python, and their names in the usual spellings."""
    assert {spelled(one) for one in SPELLINGS[canonical]} == {canonical}


@pytest.mark.parametrize(
    ("wrong", "nearest"),
    [("in64", "Int64"), ("notype", None), ("List(Strng)", "String"), (object(), None), ("Int64(3)", None), ("", None),
     ("list[int, str]", None), ("Decimal(x=1)", None), (dict[str, int], None), ("Strng", "String"), (print, None)],
)  # fmt: skip
def test_what_is_no_type_is_told_with_those_that_there_are(wrong: Any, nearest: str | None) -> None:
    """All of them, the nearest first."""
    with pytest.raises(UnknownType) as caught:
        spelled(wrong)
    assert (f"Did you mean {nearest!r}? " in caught.value.hint) == (nearest is not None)
    assert all(name in caught.value.hint for name in NAMES)
    assert nearest is None or f"There are: {nearest}, " in caught.value.hint


@given(st.text(max_size=8))
def test_any_text_is_a_type_or_none(text: str) -> None:
    """Nothing else is raised."""
    with suppress(UnknownType):
        assert spelled(spelled(text)) == spelled(text)
