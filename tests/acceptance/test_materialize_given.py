"""What a producer gives as it is: bytes, a text of a table, a file. It is what its suffix says, or is not published."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from penstock import Context, asset
from penstock.assets.run.progress import Outcome

Lab = Any
"""The fixture is a class of `conftest.py`, which no test can import."""

TORN: dict[str, tuple[str, bytes, str]] = {
    "json": (".json", b'{"a": 1,\n "b": nope}', "line 2 column 7"),
    "empty json": (".json", b"", "column 1"),
    "NaN": (".json", b"[NaN]", "NaN is no JSON"),
    "lines": (".ndjson", b'{"a": 1}\nnot json\n', "line 2 column 1"),
    "more fields": (".csv", b'a,b\n1,2\n1,2,3\n"x', "line 3 has 3 fields, and the first line names 2 columns"),
    "no text": (".csv", b"a,b\n1,\xff\n", "no UTF-8"),
    "empty csv": (".csv", b"", "it is empty, and the first line of a CSV names its columns"),
    "text": (".txt", b"abc\n\xff", "byte 0xff is no UTF-8: line 2 column 1"),
    "parquet": (".parquet", b"nope", "parquet"),
}
GIVEN: dict[str, tuple[str, bytes]] = {
    "json": (".json", b' {"b": 1,\n "a": [2.50, "\\u00e4"]} '),
    "lines": (".ndjson", b'{"a": 1}\n\n{"a": "x"}'),
    "no lines": (".ndjson", b""),
    "csv": (".csv", b'a,b\n1,"x\ny"\n2,\n'),
    "header": (".csv", b"a,b\n"),
    "text": (".txt", "ä\n".encode()),
    "anything": (".bin", b"\xff\x00"),
}


def failure(outcome: Outcome) -> str:
    """The message and the hint of a failed outcome."""
    assert outcome.error is not None, outcome
    return f"{outcome.error['message']}\n{outcome.error['hint']}"


def as_bytes(data: bytes) -> Callable[..., Any]:
    """A producer that returns them."""

    def given() -> bytes:
        return data

    return given


def as_path(data: bytes) -> Callable[..., Any]:
    """A producer that writes them to where it may."""

    def given(ctx: Context) -> Path:
        ctx.output.write_bytes(data)
        return ctx.output

    return given


@pytest.mark.parametrize("give", [as_bytes, as_path])
@pytest.mark.parametrize(("suffix", "data", "place"), TORN.values(), ids=list(TORN))
def test_what_is_not_what_its_suffix_says_is_not_published(
    lab: Lab, give: Any, suffix: str, data: bytes, place: str
) -> None:
    """Annotation, value, suffix and the place of the fault are named; no reader ever meets it."""
    result = lab.make(asset(f"torn{suffix}", name="torn")(give(data)))
    said = failure(result["torn"])
    form, value = ("bytes", "the bytes that were") if give is as_bytes else ("Path", "the file that was")
    assert f"dataset 'torn': {value} returned cannot be read as " in said
    assert f"(annotation {form}, suffix '{suffix}', format " in said
    assert place in said
    assert lab.events("torn") == []
    assert not (lab.data / f"torn{suffix}").exists()


@pytest.mark.parametrize("give", [as_bytes, as_path])
@pytest.mark.parametrize(("suffix", "data"), GIVEN.values(), ids=list(GIVEN))
def test_what_is_what_its_suffix_says_is_published_as_it_stands(lab: Lab, give: Any, suffix: str, data: bytes) -> None:
    """Not a byte of it is changed."""
    assert lab.make(asset(f"whole{suffix}", name="whole")(give(data))).ok
    assert (lab.data / f"whole{suffix}").read_bytes() == data


def test_a_text_of_a_table_is_looked_into_too(lab: Lab) -> None:
    """`str` is the whole text of a `.csv`; every field of it can be read in the type of its column."""

    @asset("ragged.csv")
    def ragged() -> str:
        return "a,b\n1,2,3\n"

    @asset("table.csv")
    def table() -> str:
        return "a,b\n1,x\n2,y\n"

    @asset("sum.json", on=table)
    def total(table: pl.LazyFrame) -> int:
        return table.select(pl.col("a").sum()).collect().item()

    result = lab.make(ragged, table, total)
    assert "the text that was returned cannot be read as csv: line 2 has 3 fields" in failure(result["ragged"])
    assert lab.read("sum.json") == "3\n"
    assert result["table"].made[0].rows == 2


def test_a_column_that_changes_its_type_far_down_is_told_before_it_is_published(lab: Lab) -> None:
    """Types are inferred from the first 16 MiB: a reader would meet it behind them."""

    @asset("late.csv")
    def late(ctx: Context) -> Path:
        with ctx.output.open("wb") as file:
            file.write(b"a,b\n" + b"1234567,1234567\n" * (1 << 20) + b"1,x\n")
        return ctx.output

    said = failure(lab.make(late)["late"])
    assert "the file that was returned cannot be read as csv" in said
    assert "`x`" in said
    assert "'b'" in said
