"""What an asset declares of its columns is what it publishes, or nothing is published."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import polars as pl
import pyarrow as pa
import pytest

from penstock import Dataset, Definitions, asset, source

DECLARED = {"k": "Int64", "v": "String"}
WHOLE = pl.DataFrame({"more": [1.5], "v": ["x"], "k": [1]})


FORMS = {"lazy": pl.LazyFrame, "frame": pl.DataFrame, "table": pa.Table, "frames": Iterator[pl.DataFrame]}


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


def test_columns_of_several_outputs_are_declared_by_name_or_for_all(lab: Any) -> None:
    """By name each is held to its own, one that is not named to nothing; without names all are held to the same."""
    outputs = {"a": "a.parquet", "b": "b.parquet"}
    by_name = asset(outputs=outputs, columns={"a": DECLARED}, name="by_name")(lambda: {"a": WHOLE, "b": WHOLE[["k"]]})
    assert lab.make(by_name)["by_name"].made
    alike = asset(outputs=outputs, columns=DECLARED, name="alike")(lambda: {"a": WHOLE, "b": WHOLE[["k"]]})
    assert "dataset 'b' has not the columns" in lab.failure(lab.make(alike)["alike"])
    (fault,) = Definitions(asset(outputs=outputs, columns={"c": DECLARED}, name="wrong")(lambda: {})).check()
    assert "columns= speaks of 'c', which is no output of it" in fault.message
    assert 'Its outputs: a, b. Write columns={"a": {…}}.' in fault.hint


def test_columns_at_the_asset_are_those_of_a_dataset_that_it_names(lab: Any) -> None:
    """Also where an output is given as a `Dataset` without any; twice and otherwise is a fault."""
    outputs = {"a": Dataset("a.parquet"), "b": Dataset("b.parquet", columns=DECLARED)}
    several = asset(outputs=outputs, columns={"a": DECLARED}, name="several")(lambda: {"a": WHOLE[["k"]], "b": WHOLE})
    assert "dataset 'a' has not the columns" in lab.failure(lab.make(several)["several"])
    assert not Definitions(asset(outputs=outputs, columns=DECLARED, name="alike")(lambda: {})).check()
    (fault,) = Definitions(asset(outputs=outputs, columns={"b": {"k": "string"}}, name="other")(lambda: {})).check()
    assert "dataset b.parquet: its columns are declared at Dataset(…), and otherwise at the asset" in fault.message


def test_types_that_are_none_and_columns_of_what_has_none_are_faults() -> None:
    """Told when the definitions are checked, every column that is wrong."""

    @asset("x.parquet", columns={"id": "int46", "text": str, "n": "notype"})
    def x(): ...

    @asset("y.json", columns={"id": int})
    def y(): ...

    @asset("z.parquet", expects={"y": {"id": int}, "notes": {"id": "int64"}})
    def z(y, notes): ...

    faults = [
        fault.message for fault in Definitions(x, y, z, Dataset("notes.txt"), Dataset("a.md", columns=DECLARED)).check()
    ]
    assert faults == [
        "asset x: dataset x.parquet: columns: column 'id' is declared as int46; column 'n' is declared as notype, and "
        "there is no such type",
        "dataset y.json: columns= is declared, and `.json` has no columns",
        "dataset a.md: columns= is declared, and `.md` has no columns",
        "asset z: parameter 'y' expects columns of y.json, and `.json` has none",
        "asset z: parameter 'notes' expects columns of notes.txt, and `.txt` has none",
    ]


def test_what_is_expected_contradicts_only_what_is_another_type() -> None:
    """However both are written; a type without its arguments is any of them."""
    raw = Dataset("raw.csv", columns={"id": "int64", "at": "datetime"})

    def faults(**types: Any) -> list[str]:
        @asset("x.json", expects={"raw": types})
        def x(raw): ...

        return [fault.message for fault in Definitions(raw, x).check()]

    assert faults(id=pl.Int64, at=pl.Datetime("us")) == []
    assert faults(id=int) == []
    assert faults(id="Int32") == [
        "asset x: parameter 'raw' expects column 'id' of type Int32, but raw.csv declares it Int64"
    ]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("where", ["columns", "expects"])
def test_columns_of_what_others_write_are_held_when_they_are_read(lab: Any, form: str, where: str) -> None:
    """In every form that shows them: declared at the dataset, or expected by the reader."""
    good = WHOLE.with_columns(pl.col("k").cast(pl.Int64))
    raw = Dataset("raw.parquet", columns=DECLARED if where == "columns" else None)

    def reader(raw: Any) -> int:
        return raw.collect().height if isinstance(raw, pl.LazyFrame) else sum(1 for _ in raw)

    reader.__annotations__ = {"raw": FORMS[form], "return": int}
    read = asset("read.json", name="read", expects={"raw": DECLARED} if where == "expects" else None)(reader)
    good.write_parquet(lab.data / "raw.parquet")
    assert lab.make(raw, read)["read"].made
    pl.DataFrame({"k": ["1"]}).write_parquet(lab.data / "raw.parquet")
    assert (
        "input raw has not the columns that are declared: 'k' is String instead of Int64; 'v' is missing. Declared: k "
        "Int64, v String; found: k String"
    ) in lab.failure(lab.make(raw, read)["read"])


def test_columns_that_a_source_declares_are_held_as_an_assets(lab: Any) -> None:
    """It writes them itself."""
    made = source("cols.parquet", probe=lambda: 1, name="made", columns={"k": str})(lambda: WHOLE)
    assert "'k' is Int64 instead of String" in lab.failure(lab.make(made)["made"])
