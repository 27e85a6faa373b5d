"""Every format, in every form it claims: what goes in comes out, equal values make equal bytes, torn files are found.

A new format is one line in `FORMATS` of values that it must hold; everything else follows from its `FormatInfo`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal
from polars.testing.parametric import dataframes

from penstock.storage.errors import StorageFault, ValueMismatch
from penstock.storage.files.formats.registry import ANY_FILE, BUILT_IN, FormatInfo, format_for
from penstock.storage.files.layout import Place
from penstock.storage.files.objects import keep, verify
from penstock.storage.files.reading import read
from penstock.storage.files.staging import Staged, stage
from penstock.storage.manifest import Manifest
from penstock.storage.types import ValueKind

NOON = datetime(2024, 1, 1, 12, 0, 0, 123456, tzinfo=UTC).replace(tzinfo=None)
FLAT = pl.DataFrame(
    {
        "größe": [1, None, -3, 2**62],
        'text, with "quotes"': ["", None, "007", 'a,b\n"c" é 🜂'],
        "number": [0.1, None, -0.0, 1e300],
        "yes": [True, None, False, True],
        "day": [date(2024, 2, 29), None, date(1, 1, 1), date(9999, 12, 31)],
        "moment": [NOON, None, NOON - timedelta(days=9000), NOON.replace(microsecond=0)],
        "zoned": pl.Series([datetime(2024, 10, 27, 0, 30, tzinfo=UTC), None, None, None]).dt.convert_time_zone(
            "Europe/Berlin"
        ),
        "small": pl.Series([1, None, -128, 127], dtype=pl.Int8),
        "unsigned": pl.Series([2**64 - 1, None, 0, 1], dtype=pl.UInt64),
        "money": pl.Series([Decimal("1.50"), None, Decimal("-2.25"), Decimal("0.00")], dtype=pl.Decimal(20, 2)),
        "kind": pl.Series(["a", None, "b", "a"], dtype=pl.Categorical),
        "state": pl.Series(["on", None, "off", "on"], dtype=pl.Enum(["off", "on"])),
        "^x.*$": [None, None, None, None],
    }
)
NESTED = pl.DataFrame(
    {
        "list": [[1, None], None, [], [2, 3]],
        "struct": [{"a": 1, "b": [{"c": "x"}]}, None, {"a": None, "b": []}, {"a": 2, "b": None}],
        "array": pl.Series([[1.0, 2.0], None, [3.0, 4.0], [5.0, 6.0]], dtype=pl.Array(pl.Float64, 2)),
    }
)
BINARY = pl.DataFrame(
    {
        "bytes": [b"\xff\x00", None, b"", b"abc"],
        "span": [timedelta(days=1, microseconds=3), None, timedelta(0), timedelta(-1)],
        "clock": [time(1, 2, 3, 4), None, time(0), time(23, 59, 59, 999999)],
        "float": [float("nan"), None, float("inf"), -float("inf")],
    }
)
FRAMES: dict[str, pl.DataFrame] = {
    "parquet": pl.concat([FLAT, NESTED, BINARY], how="horizontal"),
    "arrow": pl.concat([FLAT, NESTED, BINARY], how="horizontal"),
    "csv": pl.concat([FLAT, BINARY.select("clock", "float")], how="horizontal"),
    "ndjson": pl.concat([FLAT, NESTED], how="horizontal"),
}
JSON_VALUE = {"ü": [1, 2.5, None, True, "x\n", 2**80], "a": {"z": {}, "b": []}}
JSON: dict[str, Any] = {
    "json": JSON_VALUE,
    "pickle": {"when": date(2024, 1, 1), "x": (1, {2})},
    "ndjson": [JSON_VALUE, 3, "x"],
}
THING = frozenset({Decimal("1.50")})
TEXT = "é 🜂\r\nno newline at the end"

CASES = [
    pytest.param(info, kind, suffix, id=f"{suffix}-{kind}")
    for info in BUILT_IN
    for suffix in info.suffixes
    for kind in sorted(info.writes)
]


def in_chunks(frame: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """As an iterator of unequal pieces."""
    return iter([frame[:1], frame[1:2], frame[2:]])


FORMS: dict[ValueKind, Callable[[pl.DataFrame], Any]] = {
    ValueKind.FRAME: pl.DataFrame.clone,
    ValueKind.LAZY_FRAME: pl.DataFrame.lazy,
    ValueKind.TABLE: pl.DataFrame.to_arrow,
    ValueKind.FRAMES: in_chunks,
}


def frame_of(value: Any) -> pl.DataFrame:
    """A tabular value of any form as a frame."""
    if isinstance(value, pl.LazyFrame):
        return value.collect()
    if isinstance(value, pa.Table):
        return pl.DataFrame(value)
    return value if isinstance(value, pl.DataFrame) else pl.concat(value)


def value_for(info: FormatInfo, kind: ValueKind, folder: Path) -> Any:
    """A value of this kind that the format must hold."""
    if kind in FORMS:
        return FORMS[kind](FRAMES[info.name])
    if kind is ValueKind.JSON:
        return JSON[info.name]
    if kind is ValueKind.OBJECT:
        return THING
    if kind is ValueKind.TEXT:
        return TEXT
    example = folder / "example"
    if info.name == "directory":
        (example / "in ä").mkdir(parents=True)
        (example / "in ä" / "b.bin").write_bytes(b"\x00\xff")
        (example / "a").write_text("x")
    elif info.name in FRAMES:
        frame = FRAMES[info.name]
        staged = stage(frame, kind=ValueKind.FRAME, place=place_for(info, folder), run_id="example", dataset="example")
        example.write_bytes(Path(staged.paths[0]).read_bytes())
    else:
        example.write_bytes(b'"\xc3\xa9"\n')
    return example if kind is ValueKind.PATH else example.read_bytes()


def place_for(info: FormatInfo, folder: Path, suffix: str = "") -> Place:
    """A place whose suffix is one of the format's."""
    return Place(root=str(folder), path=f"some data{suffix or info.suffixes[0]}")


def staged_as(value: Any, kind: ValueKind, place: Place) -> Staged:
    """Stage a value, pickles allowed."""
    return stage(value, kind=kind, place=place, run_id="run-1", dataset="data", allow_pickle=True)


def read_as(manifest: Manifest, kind: ValueKind, place: Place) -> Any:
    """Read a version, pickles allowed."""
    return read(manifest, kind=kind, place=place, dataset="data", allow_pickle=True)


@pytest.mark.parametrize(("info", "kind", "suffix"), CASES)
def test_what_goes_in_comes_out(info: FormatInfo, kind: ValueKind, suffix: str, tmp_path: Path) -> None:
    """A value that is staged, kept and read again in the same form is equal; its bytes are those it is named after."""
    place = place_for(info, tmp_path, suffix)
    value = value_for(info, kind, tmp_path)
    expected = FRAMES[info.name] if kind in FORMS else value
    staged = staged_as(value, kind, place)
    keep(staged)
    found = read_as(staged.manifest, kind, place)
    assert verify(staged.manifest, place) == []
    if kind in FORMS:
        assert_frame_equal(frame_of(found), expected, categorical_as_str=True)
        assert staged.manifest.rows == 4
        assert [column.name for column in staged.manifest.columns or ()] == expected.columns
    elif kind is ValueKind.PATH:
        files = sorted(path for path in expected.rglob("*") if path.is_file()) or [expected]
        assert [path.read_bytes() for path in sorted(found.rglob("*")) if path.is_file()] or [found.read_bytes()] == [
            path.read_bytes() for path in files
        ]
    else:
        assert found == expected


@pytest.mark.parametrize("info", [info for info in BUILT_IN if info.name in FRAMES], ids=lambda info: info.name)
def test_all_forms_of_equal_frames_make_equal_bytes(info: FormatInfo, tmp_path: Path) -> None:
    """Frame, lazy frame, table, iterator and other chunks of equal rows: one digest, in every tabular format."""
    frame = FRAMES[info.name]
    place = place_for(info, tmp_path)
    values = [(kind, form(frame)) for kind, form in FORMS.items()]
    values.append((ValueKind.FRAME, pl.concat(frame.iter_slices(1), rechunk=False)))
    values.append((ValueKind.LAZY_FRAME, pl.concat([frame[:3].lazy(), frame[3:].lazy()])))
    values.append((ValueKind.LAZY_FRAME, pl.concat([frame, frame]).lazy().slice(4, 4)))
    digests = {staged_as(value, kind, place).manifest.digest for kind, value in values}
    assert len(digests) == 1


@pytest.mark.parametrize("name", ["parquet", "csv", "ndjson", "arrow"])
def test_bytes_do_not_depend_on_where_a_frame_has_been(name: str, tmp_path: Path) -> None:
    """Rows of several groups, read from a file, filtered, reordered and back, or cut into many chunks: one digest."""
    rows = 300_000
    frame = pl.DataFrame({"i": range(rows)}).with_columns(
        text=pl.lit("é" * 9) + pl.col("i").cast(pl.String),
        gaps=pl.when(pl.col("i") % 3 == 0).then(pl.col("i")),
        even=pl.when(pl.col("i") % 5 > 0).then(pl.col("i") % 2 == 0),
        words=pl.concat_list(pl.col("i") % 7, pl.col("i") % 11) if name != "csv" else pl.lit("w"),
        kind=(pl.col("i") % 13).cast(pl.String).cast(pl.Categorical),
    )
    info = next(info for info in BUILT_IN if info.name == name)
    place = place_for(info, tmp_path)
    first = staged_as(frame, ValueKind.FRAME, place)
    keep(first)
    dirty = frame.with_columns(gaps=(pl.col("i") * 7) // pl.when(pl.col("i") % 3 == 0).then(7))
    assert dirty.equals(frame)
    others: list[tuple[ValueKind, Any]] = [
        (ValueKind.LAZY_FRAME, read_as(first.manifest, ValueKind.LAZY_FRAME, place)),
        (ValueKind.FRAME, frame.reverse().reverse()),
        (ValueKind.FRAME, dirty),
        (
            ValueKind.LAZY_FRAME,
            pl.concat([frame, frame]).with_row_index("n").lazy().filter(pl.col("n") < rows).drop("n"),
        ),
        (ValueKind.FRAMES, frame.iter_slices(7_777)),
        (ValueKind.FRAMES, read_as(first.manifest, ValueKind.FRAMES, place)),
    ]
    for kind, value in others:
        assert staged_as(value, kind, place).manifest == first.manifest, kind


@pytest.mark.parametrize("info", [info for info in BUILT_IN if info.name in FRAMES], ids=lambda info: info.name)
def test_an_empty_frame_keeps_its_columns(info: FormatInfo, tmp_path: Path) -> None:
    """No rows are no fault: columns and types come back, in every form."""
    place = place_for(info, tmp_path)
    empty = FRAMES[info.name].clear()
    for kind, form in FORMS.items():
        staged = staged_as(form(empty) if kind is not ValueKind.FRAMES else iter([empty]), kind, place)
        keep(staged)
        found = frame_of(read_as(staged.manifest, kind, place))
        assert (staged.manifest.rows, found.height, found.schema) == (0, 0, empty.schema), kind


WRITE_ONE = """
import sys, polars as pl
from penstock.storage.files.layout import Place
from penstock.storage.files.staging import stage
from penstock.storage.types import ValueKind
pl.Series(sys.argv[2].split()).cast(pl.Categorical)  # categories in another order of their own
names = {"delta", "alpha", "omega"}
frame = pl.DataFrame({"a": [1, None, 3], "c": pl.Series(["x", "y", "x"], dtype=pl.Categorical)})
values = {
    ".json": (ValueKind.JSON, {name: {"n": 1, "list": [1, 2]} for name in names}),
    ".ndjson": (ValueKind.JSON, [{name: 1 for name in names}]),
    ".txt": (ValueKind.TEXT, "é"), ".pkl": (ValueKind.JSON, {"a": (1, 2)}),
    **{suffix: (ValueKind.FRAME, frame) for suffix in (".parquet", ".arrow", ".csv", ".jsonl")},
}
for suffix, (kind, value) in values.items():
    place = Place(root=sys.argv[1], path="x" + suffix)
    print(suffix, stage(value, kind=kind, place=place, run_id="r", dataset="x", allow_pickle=True).manifest.digest)
"""


def test_two_processes_write_the_same_bytes(tmp_path: Path) -> None:
    """Hash seeds, categories of the process and the order in which keys were inserted leave no trace in a file."""
    printed = {
        subprocess.run(
            [sys.executable, "-c", WRITE_ONE, str(tmp_path), words],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed, words in (("1", "y x"), ("2", "x y"), ("3", "q y p"))
    }
    assert len(printed) == 1
    assert printed.pop().count("\n") == 8


@pytest.mark.parametrize(("info", "kind", "suffix"), CASES)
def test_a_wrong_value_is_named_with_annotation_and_suffix(
    info: FormatInfo, kind: ValueKind, suffix: str, tmp_path: Path
) -> None:
    """What is not of the annotated kind is a ValueMismatch that names dataset, value and suffix; nothing is staged."""
    if kind not in ANY_FILE and info.name == "pickle":
        wrong: Any = lambda: None  # noqa: E731 - a value that cannot be pickled
    else:
        wrong = object()
    with pytest.raises(ValueMismatch) as caught:
        staged_as(wrong, kind, place_for(info, tmp_path, suffix))
    assert "'data'" in str(caught.value)
    assert repr(suffix) in str(caught.value)
    assert "object" in str(caught.value) or "lambda" in str(caught.value)
    assert not list((tmp_path / ".penstock").glob("staging/*"))


@pytest.mark.parametrize(("info", "kind", "suffix"), CASES)
def test_none_has_a_sentence_of_its_own(info: FormatInfo, kind: ValueKind, suffix: str, tmp_path: Path) -> None:
    """A producer that forgot its `return` is told so."""
    with pytest.raises(ValueMismatch, match=r"'data': the producer returned None"):
        staged_as(None, kind, place_for(info, tmp_path, suffix))


READABLE_KINDS = [case for case in CASES if case.values[1] not in {ValueKind.BYTES, ValueKind.PATH}]  # type: ignore[index]


@pytest.mark.parametrize(("info", "kind", "suffix"), READABLE_KINDS)
def test_a_torn_file_is_found_when_it_is_opened(info: FormatInfo, kind: ValueKind, suffix: str, tmp_path: Path) -> None:
    """A file that does not have the size of its version is never handed to a producer; the fault names it."""
    place = place_for(info, tmp_path, suffix)
    staged = staged_as(value_for(info, kind, tmp_path), kind, place)
    keep(staged)
    path = next(tmp_path.glob(".penstock/objects/??/*"))
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(StorageFault) as caught:
        read_as(staged.manifest, kind, place)
    assert "'data'" in str(caught.value)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(("info", "kind", "suffix"), READABLE_KINDS)
def test_bytes_of_another_format_are_a_fault(info: FormatInfo, kind: ValueKind, suffix: str, tmp_path: Path) -> None:
    """An object whose bytes are not of its format (same size, other content) is a StorageFault naming the format."""
    place = place_for(info, tmp_path, suffix)
    staged = staged_as(value_for(info, kind, tmp_path), kind, place)
    keep(staged)
    path = next(tmp_path.glob(".penstock/objects/??/*"))
    size = path.stat().st_size
    path.chmod(0o644)
    path.write_bytes(b"\xff\n" * (size // 2) + b"\n" * (size % 2))
    if info.name in {"csv", "ndjson"} and kind is ValueKind.LAZY_FRAME:
        return  # its columns are stated by its version; what is in its lines is found when a query reads them
    with pytest.raises(StorageFault, match=info.name) as caught:
        frame_of(read_as(staged.manifest, kind, place)) if kind in FORMS else read_as(staged.manifest, kind, place)
    assert str(path) in str(caught.value)
    assert verify(staged.manifest, place) == [str(path)]


def test_integers_that_ndjson_does_not_give_back_are_refused(tmp_path: Path) -> None:
    """Before they are published."""
    frame = pl.DataFrame({"a": pl.Series([2**127], dtype=pl.UInt128)})
    with pytest.raises(ValueMismatch, match="'a' is UInt128, which is not read back"):
        staged_as(frame, ValueKind.FRAME, Place(root=str(tmp_path), path="a.ndjson"))


FLAT_TYPES = [
    *(pl.Int8, pl.Int16, pl.Int32, pl.Int64, pl.UInt8, pl.UInt16, pl.UInt32, pl.UInt64, pl.Float32, pl.Float64),
    *(pl.Boolean, pl.String, pl.Date, pl.Datetime("us"), pl.Datetime("ms"), pl.Categorical),
]
HOLDS_ALL = [*FLAT_TYPES, pl.Binary, pl.Time, pl.Duration("us"), pl.List, pl.Array, pl.Struct, pl.Decimal(20, 3)]


@pytest.mark.parametrize("name", ["parquet", "arrow", "csv", "ndjson"])
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(data=st.data())
def test_any_frame_comes_back_and_has_one_digest(name: str, data: st.DataObject, tmp_path: Path) -> None:
    """Frames that nobody thought of: read as they were written, and the same bytes whole, lazy, or cut in two."""
    types = HOLDS_ALL if name in {"parquet", "arrow"} else FLAT_TYPES
    finite = name != "ndjson"
    frame = data.draw(
        dataframes(
            min_cols=1,
            max_cols=4,
            max_size=12,
            allowed_dtypes=types,
            allow_infinity=finite,
            allow_nan=finite,
            allow_masked=False,
        )
    )
    place = place_for(next(info for info in BUILT_IN if info.name == name), tmp_path)
    cut = data.draw(st.integers(0, frame.height))
    staged = staged_as(frame, ValueKind.FRAME, place)
    keep(staged)
    assert_frame_equal(read_as(staged.manifest, ValueKind.FRAME, place), frame, categorical_as_str=True)
    halves = staged_as(iter([frame[:cut], frame[cut:]]), ValueKind.FRAMES, place)
    if name != "arrow" or not any(dtype.is_nested() for dtype in frame.dtypes):
        assert halves.manifest == staged.manifest


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
        max_leaves=12,
    ).filter(lambda value: value is not None)
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_json_value_comes_back(tmp_path: Path, value: Any) -> None:
    """JSON values come back equal, with one spelling per value whatever the order of their keys."""
    place = Place(root=str(tmp_path), path="x.json")
    staged = staged_as(value, ValueKind.JSON, place)
    keep(staged)
    found = read_as(staged.manifest, ValueKind.JSON, place)
    assert found == value
    assert json.dumps(found, sort_keys=True) == json.dumps(value, sort_keys=True)  # 1 is not 1.0 is not True
    if isinstance(value, dict):
        backwards = dict(reversed(value.items()))  # type: ignore[arg-type]
        assert staged_as(backwards, ValueKind.JSON, place).manifest == staged.manifest


def test_every_suffix_of_the_registry_is_tried() -> None:
    """No format is left out of this suite."""
    assert {case.values[2] for case in CASES} == {suffix for info in BUILT_IN for suffix in info.suffixes}
    assert all(format_for(suffix) for info in BUILT_IN for suffix in info.suffixes)
    assert ZoneInfo("Europe/Berlin")
