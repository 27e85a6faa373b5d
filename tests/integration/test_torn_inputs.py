"""Inputs that are torn where nobody looks before a producer runs: the one that is torn is named, not who read it."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pytest

from penstock import Dataset, asset

FRAME = pl.DataFrame({"a": range(200_000), "b": pl.Series(range(200_000)).hash().cast(pl.String)})


def as_bytes(suffix: str) -> bytes:
    """The frame in this format."""
    file = io.BytesIO()
    writers: dict[str, Callable[[], object]] = {
        "csv": lambda: FRAME.write_csv(file),
        "ndjson": lambda: FRAME.write_ndjson(file),
        "parquet": lambda: FRAME.write_parquet(file, row_group_size=50_000),
        "arrow": lambda: FRAME.write_ipc(file),
    }
    writers[suffix]()
    return file.getvalue()


def torn(suffix: str) -> bytes:
    """Whole where it begins and where a footer is, and no more in between or, without a footer, at its end."""
    whole = as_bytes(suffix)
    if suffix == "csv":
        return whole + b'9,"torn\n'
    if suffix == "ndjson":
        return whole[:-9]
    middle = len(whole) // 2
    return whole[: middle - 50_000] + bytes(100_000) + whole[middle + 50_000 :]


def pass_on(docs: pl.LazyFrame, other: pl.LazyFrame) -> pl.LazyFrame:
    """Nothing is computed before the result is written."""
    return pl.concat([docs, other], how="vertical_relaxed")


def collect(docs: pl.LazyFrame, other: pl.LazyFrame) -> pl.DataFrame:
    """Computed by the producer, which wraps what it catches."""
    try:
        return pl.concat([docs, other], how="vertical_relaxed").collect()
    except pl.exceptions.PolarsError as error:
        raise RuntimeError("no luck") from error


@pytest.mark.parametrize("produce", [pass_on, collect])
@pytest.mark.parametrize("suffix", ["csv", "ndjson", "parquet"])
def test_a_torn_input_that_is_read_lazily_is_named(lab: Any, suffix: str, produce: Any) -> None:
    """With its URI, its version, its path and its format, and without polars' advice; the whole one is not named."""
    (lab.data / f"docs.{suffix}").write_bytes(torn(suffix))
    (lab.data / "other.parquet").write_bytes(as_bytes("parquet"))
    on = Dataset(f"docs.{suffix}") & Dataset("other.parquet")
    result = lab.make(asset("out.parquet", name="out", on=on)(produce))
    message = lab.failure(result["out"])
    assert result["out"].error["kind"] == "storage"
    assert f"dataset 'docs': version {digest(lab, 'docs')[:12]} cannot be read as {suffix}" in message
    assert str(lab.data / f"docs.{suffix}") in message
    assert "mend its source" in message
    assert "other.parquet" not in message
    assert "infer_schema_length" not in message
    assert "\n" not in result["out"].error["message"]
    lab.check_untouched("out")


def digest(lab: Any, name: str) -> str:
    """Of the only version of a dataset."""
    query = f"SELECT v.digest FROM versions v JOIN datasets d ON d.id = v.dataset_id WHERE d.name = '{name}'"
    return lab.rows(query)[0][0]


def test_all_torn_inputs_are_named_together(lab: Any) -> None:
    """And a version of which we hold a copy, by its URI as well: its path is that of an object."""
    (lab.data / "texts").mkdir()
    for name in ("docs.csv", "texts/other.csv"):
        (lab.data / name).write_bytes(torn("csv"))
    other = Dataset("texts/other.csv", capture="copy")
    result = lab.make(asset("out.parquet", name="out", on=Dataset("docs.csv") & other)(pass_on))
    message = lab.failure(result["out"])
    assert "2 inputs" in message
    assert "it is docs.csv" in message
    assert "it is texts/other.csv" in message


def test_a_query_that_fails_by_itself_is_the_producers_fault(lab: Any) -> None:
    """Its inputs are whole: the error stays as it is."""
    (lab.data / "docs.csv").write_bytes(as_bytes("csv"))

    def cast(docs: pl.LazyFrame) -> pl.LazyFrame:
        return docs.select(pl.lit("x").cast(pl.Int64) + pl.col("a"))

    result = lab.make(asset("out.parquet", name="out", on=Dataset("docs.csv"))(cast))
    assert result["out"].error["kind"] == "producer"
    assert "conversion" in lab.failure(result["out"])
    assert "cannot be read" not in lab.failure(result["out"])


def test_a_panic_of_polars_fails_its_run_alone(lab: Any) -> None:
    """It is no `Exception`, and all the same no request to stop."""

    @asset("bad.json")
    def bad() -> list[int]:
        raise pl.exceptions.PanicException("index out of bounds")

    @asset("good.json")
    def good() -> list[int]:
        return [1]

    result = lab.make(bad, good)
    assert "index out of bounds" in lab.failure(result["bad"])
    assert result["bad"].error["kind"] == "producer"
    assert result["good"].made


NO_TEXT = {
    "zeros": (bytes(4096), "NUL"),
    "rubbish": (bytes(range(256)) * 16, "NUL"),
    "a compressed file": (b"\x1f\x8b\x08\x09" + bytes(range(1, 10)) * 50, "no UTF-8"),
    "UTF-16": ("a,b\n1,ä\n".encode("utf-16"), "UTF-16"),
    "UTF-16 without a mark": ("a,b\n1,2\n".encode("utf-16-le"), "NUL"),
    "Latin-1": ("a,b\n1,ä\n".encode("latin-1"), "line 2"),
    "an end that was never written": (b"a,b\n1,x\n" + bytes(512), "never written"),
    "nothing": (b"", "empty"),
    "no header": (b"\n\n", "empty"),
}


@pytest.mark.parametrize("annotation", [pl.LazyFrame, pl.DataFrame])
@pytest.mark.parametrize("what", list(NO_TEXT))
def test_a_csv_that_is_no_text_in_utf_8_is_refused(lab: Any, what: str, annotation: Any) -> None:
    """Polars makes a table of any bytes; the sentence says what was found and, for text, what to do."""
    content, says = NO_TEXT[what]
    (lab.data / "docs.csv").write_bytes(content)

    def read(docs: Any) -> Any:
        return docs

    read.__annotations__ = {"docs": annotation, "return": annotation}
    message = lab.failure(lab.make(asset("out.parquet", name="out", on=Dataset("docs.csv"))(read))["out"])
    assert "dataset 'docs'" in message
    assert "cannot be read as csv" in message
    assert says in message
    lab.check_untouched("out")


TEXT = {
    "a mark of UTF-8": ("\ufeffa,b\n1,x\n".encode(), [(1, "x")]),
    "Windows' ends of lines": (b"a,b\r\n1,x\r\n", [(1, "x")]),
    "no end of line": (b"a,b\n1,x", [(1, "x")]),
    "a header alone": (b"a,b\n", []),
    "a NUL in a field": (b'a,b\n1,"x\0y"\n', [(1, "x\0y")]),
    "what is not ASCII": ("a,größe\n1,日本\n".encode(), [(1, "日本")]),
    "a line within quotes": (b'a,b\n1,"x\ny"\n', [(1, "x\ny")]),
}


@pytest.mark.parametrize("what", list(TEXT))
def test_an_unusual_csv_is_read(lab: Any, what: str) -> None:
    """Nothing that is text in UTF-8 is refused."""
    content, rows = TEXT[what]
    (lab.data / "docs.csv").write_bytes(content)

    @asset("out.parquet", on=Dataset("docs.csv"))
    def out(docs: pl.LazyFrame) -> pl.LazyFrame:
        return docs

    result = lab.make(out)
    assert result.ok, result
    assert pl.read_parquet(Path(lab.data) / "out.parquet").rows() == rows


@pytest.mark.parametrize("annotation", [pl.DataFrame, pl.LazyFrame])
def test_a_csv_with_a_line_too_long_is_told_without_advice_for_another_reader(lab: Any, annotation: Any) -> None:
    """What polars advises are options of a call that nobody but us makes."""
    (lab.data / "docs.csv").write_text("a,b\n1,x\n2,y,z\n")

    def read(docs: Any) -> Any:
        return docs

    read.__annotations__ = {"docs": annotation, "return": annotation}
    result = lab.make(asset("out.parquet", name="out", on=Dataset("docs.csv"))(read))
    assert "found more fields than defined in 'Schema'" in lab.failure(result["out"])
    assert "truncate_ragged_lines" not in lab.failure(result["out"])


def test_integers_of_many_digits_are_decimals_in_a_table(lab: Any) -> None:
    """Arrow has no integers of 128 bits: a CSV with such is a table with decimals, and not torn."""
    (lab.data / "long.csv").write_text("x,y\n1,12345678901234567890123\n2,3\n")

    @asset("out.json", on=Dataset("long.csv"))
    def out(long: pa.Table) -> list[str]:
        return [str(one) for one in long.column("y").to_pylist()]

    assert lab.make(out).ok
    assert (lab.data / "out.json").read_text() == '["12345678901234567890123","3"]\n'
