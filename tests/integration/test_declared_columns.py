"""What an asset declares of its columns is what it publishes, or nothing is published."""

from __future__ import annotations

from typing import Any

import polars as pl
import pyarrow as pa
import pytest

from penstock import Dataset, asset

DECLARED = {"k": "Int64", "v": "String"}
WHOLE = pl.DataFrame({"more": [1.5], "v": ["x"], "k": [1]})


def make(lab: Any, uri: str, value: Any, columns: Any = None) -> Any:
    """The outcome of an asset that returns this value."""
    return lab.make(asset(uri, name="made", columns=columns or DECLARED)(lambda: value))["made"]


@pytest.mark.parametrize("uri", ["cols.parquet", "cols.csv", "cols.ndjson", "cols.arrow"])
@pytest.mark.parametrize("form", ["frame", "lazy", "table"])
def test_columns_as_declared_are_published(lab: Any, uri: str, form: str) -> None:
    """In any order, and with others beside them."""
    value = {"frame": WHOLE, "lazy": WHOLE.lazy(), "table": WHOLE.to_arrow()}[form]
    assert make(lab, uri, value).made


@pytest.mark.parametrize("uri", ["cols.parquet", "cols.csv", "cols.ndjson", "cols.arrow"])
def test_a_column_that_is_missing_or_of_another_type_publishes_nothing(lab: Any, uri: str) -> None:
    """One sentence names the asset, the dataset, every such column, what was declared and what was found."""
    outcome = make(lab, uri, pl.DataFrame({"k": ["1"], "other": [1]}))
    assert outcome.error["kind"] == "value_mismatch"
    assert outcome.error["message"] == (
        "asset made: what its producer gave for dataset 'cols' has not the columns that are declared: "
        "'k' is String instead of Int64; 'v' is missing. Declared: k Int64, v String; found: k String, other Int64"
    )
    lab.check_untouched("made")
    assert not (lab.data / uri).exists()


def test_what_text_is_read_as_is_compared_with_what_is_declared(lab: Any) -> None:
    """A text states no types; whoever reads it gets those that are inferred."""
    assert make(lab, "cols.csv", "k,v\n1,x\n").made
    assert "'v' is Int64 instead of String" in lab.failure(make(lab, "cols.csv", "k,v\n1,2\n"))


def test_types_with_arguments_may_be_declared_short_or_long(lab: Any) -> None:
    """`Datetime` is any of them; `Datetime('us')` is what polars spells with every argument."""
    value = pl.DataFrame({"at": pl.Series(dtype=pl.Datetime("us")), "of": pl.Series(dtype=pl.List(pl.Int8))})
    for declared in ({"at": pl.Datetime, "of": pl.List}, {"at": "Datetime('us')", "of": "List(Int8)"}):
        assert make(lab, "cols.parquet", value, declared).error is None
    assert make(lab, "cols.parquet", value, {"at": "Datetime('ms')"}).error["kind"] == "value_mismatch"


def test_each_of_several_outputs_is_compared(lab: Any) -> None:
    """One that does not keep its word keeps back all of them."""
    outputs = {"a": Dataset("a.parquet", columns=DECLARED), "b": Dataset("b.parquet", columns=DECLARED)}
    several = asset(outputs=outputs, name="several")(lambda: {"a": WHOLE, "b": pa.table({"k": [1]})})
    assert "dataset 'b' has not the columns" in lab.failure(lab.make(several)["several"])
    lab.check_untouched("several")
