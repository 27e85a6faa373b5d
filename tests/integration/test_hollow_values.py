"""Values with nothing in them, or with what a format cannot hold: where it is, and what to write instead."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa  # type: ignore[import-untyped]
import pytest

from penstock import Output, asset


def test_a_producer_that_returns_none_is_shown_with_its_place_and_its_promise(lab: Any) -> None:
    """Asset, file and line, URI, annotation and the next step."""

    def forgets() -> pl.DataFrame:
        return None  # type: ignore[return-value]

    made = asset("frame.parquet", name="frame")(forgets)
    line = forgets.__code__.co_firstlineno + 3
    message = lab.failure(lab.make(made)["frame"])
    assert f"asset frame ({__file__}:{line})" in message
    assert "None for frame.parquet; its annotation says pl.DataFrame" in message
    assert "return the data" in message
    lab.check_untouched("frame")


def yields_none() -> Iterator[Output]:
    """One output is made, the other is None."""
    yield Output("one", [1])
    yield Output("two", None)


@pytest.mark.parametrize(
    ("produce", "says"),
    [
        (lambda: {"one": [1], "two": None}, "gave None for two.json"),
        (yields_none, "gave None for two.json"),
        (lambda: None, "its producer returned None"),
    ],
)
def test_none_among_several_outputs_publishes_none_of_them(lab: Any, produce: Any, says: str) -> None:
    """The one that was given already is not published either."""
    made = asset(outputs={"one": "one.json", "two": "two.json"}, name="both")(produce)
    message = lab.failure(lab.make(made)["both"])
    assert says in message
    assert f"asset both ({__file__}:" in message
    assert not (lab.data / "one.json").exists()
    lab.check_untouched("both")


@pytest.mark.parametrize(
    ("value", "found", "step"),
    [
        ({"a": [1.0, float("nan")]}, "$.a[1] is nan", "None"),
        ({"a": float("-inf")}, "$.a is -inf", "None"),
        ({"a": {1: 2}}, "$.a has the key 1 of type int", "'1'"),
        ({None: 2}, "$ has the key None of type NoneType", "str(key)"),
        ({"a": {1, 2}}, "$.a is a builtins.set", "sorted list"),
        ({"a": np.int64(3)}, "$.a is a numpy.int64", ".tolist()"),
        ([np.array([1, 2])], "$[0] is a numpy.ndarray", ".tolist()"),
        ({"a": pl.DataFrame({"b": [1]})}, "$.a is a polars.dataframe.frame.DataFrame", ".parquet"),
        ({"a": "\ud800"}, "lone surrogate", "encoding"),
    ],
)
def test_what_json_cannot_hold_is_named_by_its_place_in_the_value(lab: Any, value: Any, found: str, step: str) -> None:
    """As a path into the value, with the next step; the dataset, its suffix and the annotation are named too."""

    def give() -> dict:  # type: ignore[type-arg]
        return value

    result = lab.make(asset("value.json", name="value")(give))
    message = lab.failure(result["value"])
    assert found in message
    assert step in result["value"].error["hint"]
    assert "dataset 'value'" in message
    assert "'.json'" in message
    lab.check_untouched("value")


HOLLOW: list[tuple[Any, Any]] = [
    (pl.DataFrame, pl.DataFrame()),
    (pl.LazyFrame, pl.LazyFrame()),
    (pa.Table, pa.table({})),
    (Iterator[pl.DataFrame], []),
    (Iterator[pl.DataFrame], [pl.DataFrame()]),
]


@pytest.mark.parametrize(("annotation", "value"), HOLLOW)
@pytest.mark.parametrize("suffix", ["parquet", "arrow", "csv", "ndjson"])
def test_a_frame_without_columns_is_refused_with_the_next_step(
    lab: Any, suffix: str, annotation: Any, value: Any
) -> None:
    """No format keeps the number of its rows."""

    def give() -> Any:
        return iter(value) if isinstance(value, list) else value

    give.__annotations__["return"] = annotation
    message = lab.failure(lab.make(asset(f"frame.{suffix}", name="frame")(give))["frame"])
    assert "columns" in message
    assert "pl.DataFrame(schema=" in message
    lab.check_untouched("frame")


@pytest.mark.parametrize("suffix", ["parquet", "arrow", "csv"])
def test_a_frame_without_rows_and_one_of_nulls_are_kept(lab: Any, suffix: str) -> None:
    """Nothing in it is no fault; NaN and null stay what they are."""

    @asset(f"empty.{suffix}")
    def empty() -> pl.DataFrame:
        return pl.DataFrame(schema={"id": pl.Int64, "x": pl.Float64})

    @asset(f"nulls.{suffix}")
    def nulls() -> pl.DataFrame:
        return pl.DataFrame({"id": [1, None], "x": [float("nan"), None]})

    @asset("seen.json", on=empty & nulls)
    def seen(empty: pl.DataFrame, nulls: pl.DataFrame) -> list[Any]:
        return [empty.height, list(empty.columns), nulls["id"].to_list(), nulls["x"].is_nan().to_list()]

    result = lab.make(empty, nulls, seen)
    assert result.ok, result
    assert (lab.data / "seen.json").read_text() == '[0,["id","x"],[1,null],[true,null]]\n'
