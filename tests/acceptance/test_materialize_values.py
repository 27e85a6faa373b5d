"""Values in and out of a whole project: what each annotation gets, and what becomes of what a producer gives."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypedDict

import polars as pl
import pyarrow as pa
import pytest

from penstock import Context, Dataset, asset, plan
from penstock.assets.run.progress import Outcome
from penstock.storage.errors import DefinitionError

Lab = Any
"""The fixture is a class of `conftest.py`, which no test can import."""

FRAME = pl.DataFrame({"id": [1, 2, 3], "text": ["a", None, "ü"]})


def failure(outcome: Outcome) -> str:
    """The message and the hint of a failed outcome."""
    assert outcome.error is not None, outcome
    return f"{outcome.error['message']}\n{outcome.error['hint']}"


# --- frames ----------------------------------------------------------------------------------------------------------

FORMS: dict[str, Any] = {
    "lazy": pl.LazyFrame,
    "frame": pl.DataFrame,
    "table": pa.Table,
    "stream": Iterator[pl.DataFrame],
}


def given(form: str) -> Any:
    """The frame in a form."""
    forms = {"lazy": FRAME.lazy(), "frame": FRAME, "table": FRAME.to_arrow()}
    return forms.get(form, iter([FRAME.head(1), FRAME.tail(2)]))


def taken(value: Any, form: str) -> pl.DataFrame:
    """What came in, which is of that form."""
    if form == "stream":
        parts = list(value)
        assert all(isinstance(part, pl.DataFrame) for part in parts)
        return pl.concat(parts)
    assert isinstance(value, FORMS[form])
    return value.collect() if form == "lazy" else pl.DataFrame(value)


@pytest.mark.parametrize("suffix", ["parquet", "arrow", "ndjson"])
def test_every_form_of_a_frame_reads_what_every_form_wrote(lab: Lab, suffix: str) -> None:
    """Four ways to give a frame, four ways to take each: sixteen times the same rows."""
    writers, readers = [], []
    for form, annotation in FORMS.items():

        def producer(*, form: str = form) -> Any:
            return given(form)

        producer.__annotations__["return"] = annotation
        writers.append(asset(f"{form}.{suffix}", name=form)(producer))
        for wanted, taking in FORMS.items():

            def consumer(value: Any, *, form: str = wanted) -> list[Any]:
                return taken(value, form).rows()

            consumer.__annotations__["value"] = taking
            name = f"{form}_{wanted}"
            readers.append(asset(f"{name}.json", name=name, inputs={"value": writers[-1]})(consumer))
    result = lab.make(*writers, *readers)
    assert result.ok, [one.error for one in result.outcomes]
    for one in readers:
        assert json.loads(lab.read(f"{one.name}.json")) == [list(row) for row in FRAME.rows()], one.name


def test_a_stream_of_tables_or_batches_is_a_stream_of_frames(lab: Lab) -> None:
    """What pyarrow reads piece by piece is written piece by piece, to the same bytes."""

    @asset("tables.parquet")
    def tables() -> Iterator[pa.Table]:
        yield from (FRAME.head(1).to_arrow(), FRAME.tail(2).to_arrow())

    @asset("batches.parquet")
    def batches() -> Iterator[pa.RecordBatch]:
        yield from FRAME.to_arrow().to_batches(max_chunksize=2)

    @asset("frame.parquet")
    def frame() -> pl.DataFrame:
        return FRAME

    result = lab.make(tables, batches, frame)
    assert result.ok, result
    assert len({result[name].made[0].digest for name in ("tables", "batches", "frame")}) == 1


def test_a_lazy_input_is_a_scan_of_the_kept_object(lab: Lab) -> None:
    """Nothing is loaded: the plan names the immutable object, not the dataset's own URI, and has no frame in it."""

    @asset("rows.parquet")
    def rows() -> pl.DataFrame:
        return FRAME

    @asset("plan.txt")
    def plan(rows: pl.LazyFrame) -> str:
        return rows.filter(pl.col("id") > 1).select("text").explain()

    assert lab.make(rows, plan).ok
    shown = lab.read("plan.txt")
    assert f"{lab.data}/.penstock/objects/" in shown
    assert f"{lab.data}/rows.parquet" not in shown
    assert "SCAN" in shown
    assert "DF [" not in shown


def test_a_lazy_input_that_others_write_is_a_scan_where_it_lies(lab: Lab) -> None:
    """Observed, not held: the file itself is scanned."""
    FRAME.write_parquet(lab.data / "rows.parquet")
    plan = asset("plan.txt", name="plan", inputs={"rows": Dataset("rows.parquet")})(_explain)
    assert lab.make(plan).ok
    assert f"{lab.data}/rows.parquet" in lab.read("plan.txt")


def _explain(rows: pl.LazyFrame) -> str:
    return rows.explain()


def test_a_lazy_result_is_sunk_piece_by_piece(lab: Lab) -> None:
    """The frame is never whole: what is computed on the way sees pieces of it, after the producer has returned."""
    log = lab.folder / "log"
    height = 500_000

    def note(piece: pl.DataFrame) -> pl.DataFrame:
        with log.open("a") as file:
            file.write(f"{piece.height}\n")
        return piece

    @asset("long.parquet")
    def long() -> pl.LazyFrame:
        frame = pl.LazyFrame({"n": range(height)}).map_batches(note, streamable=True)
        with log.open("a") as file:
            file.write("returned\n")
        return frame

    result = lab.make(long)
    assert result.ok, failure(result["long"])
    first, *pieces = log.read_text().split()
    assert first == "returned"
    assert sum(map(int, pieces)) == height
    assert len(pieces) > 1
    assert result["long"].made[0].rows == height


def test_a_stream_is_written_and_read_piece_by_piece(lab: Lab) -> None:
    """Of a generator one piece at a time is asked for and written; a consumer gets pieces, not the whole."""
    log = lab.folder / "log"
    staging = lab.data / ".penstock" / "staging"

    @asset("stream.parquet")
    def stream() -> Iterator[pl.DataFrame]:
        for number in range(8):
            written = sum(path.stat().st_size for path in staging.rglob("*") if path.is_file())
            with log.open("a") as file:
                file.write(f"{written}\n")
            yield pl.select(n=pl.int_range(300_000).hash(number))

    @asset("pieces.json")
    def pieces(stream: Iterator[pl.DataFrame]) -> list[int]:
        assert not isinstance(stream, list | tuple | pl.DataFrame)
        return [piece.height for piece in stream]

    result = lab.make(stream, pieces)
    assert result.ok, [one.error for one in result.outcomes]
    sizes = [int(line) for line in log.read_text().split()]
    assert sizes[0] == 0 < sizes[-1], sizes
    found = json.loads(lab.read("pieces.json"))
    assert sum(found) == 2_400_000
    assert len(found) > 1


# --- bytes, text, JSON, files ----------------------------------------------------------------------------------------


class Score(TypedDict):
    """A JSON object whose keys are known."""

    name: str
    value: float


def test_plain_values_come_back_as_they_were(lab: Lab) -> None:
    """bytes, str, and JSON values: a TypedDict, a list, a number; each in and out."""

    @asset("blob.bin")
    def blob() -> bytes:
        return b"\x00\xff"

    @asset("note.md")
    def note() -> str:
        return "größe\n"

    @asset("score.json")
    def score() -> Score:
        return {"name": "ü", "value": 0.5}

    @asset("numbers.json")
    def numbers() -> list[int]:
        return [1, 2]

    @asset("seven.json")
    def seven() -> int:
        return 7

    @asset("all.json")
    def everything(blob: bytes, note: str, score: Score, numbers: list[int], seven: int) -> dict[str, Any]:
        return {"blob": list(blob), "note": note, "score": score, "numbers": numbers, "seven": seven}

    result = lab.make(blob, note, score, numbers, seven, everything)
    assert result.ok, [one.error for one in result.outcomes]
    assert json.loads(lab.read("all.json")) == {
        "blob": [0, 255],
        "note": "größe\n",
        "score": {"name": "ü", "value": 0.5},
        "numbers": [1, 2],
        "seven": 7,
    }
    assert (lab.data / "blob.bin").read_bytes() == b"\x00\xff"


def test_a_path_is_a_file_that_a_producer_wrote_and_another_opens(lab: Lab) -> None:
    """Written at ctx.output or anywhere else; a reader gets a read-only file that keeps its suffix."""
    elsewhere = lab.folder / "elsewhere.csv"

    @asset("own.csv")
    def own(ctx: Context) -> Path:
        ctx.output.write_text("a\n1\n")
        return ctx.output

    @asset("borrowed.csv")
    def borrowed() -> Path:
        elsewhere.write_text("a\n2\n")
        return elsewhere

    @asset("seen.json")
    def seen(own: Path, borrowed: Path) -> list[Any]:
        assert own.suffix == borrowed.suffix == ".csv"
        return [own.read_text(), borrowed.read_text(), oct(own.stat().st_mode & 0o222), str(own.parent)]

    result = lab.make(own, borrowed, seen)
    assert result.ok, [one.error for one in result.outcomes]
    first, second, writable, folder = json.loads(lab.read("seen.json"))
    assert (first, second, writable) == ("a\n1\n", "a\n2\n", "0o0")
    assert folder.startswith(f"{lab.data}/.penstock/objects/")
    assert elsewhere.read_text() == "a\n2\n"


def test_a_path_may_be_a_directory(lab: Lab) -> None:
    """A model of several files: published whole, its URI a folder, read as a folder."""

    @asset("models/ranker/", kind="model")
    def ranker(ctx: Context) -> Path:
        (ctx.output / "layers").mkdir()
        (ctx.output / "layers" / "0.bin").write_bytes(b"weights")
        (ctx.output / "config.json").write_text("{}")
        return ctx.output

    @asset("files.json")
    def files(ranker: Path) -> list[str]:
        assert (ranker / "layers" / "0.bin").read_bytes() == b"weights"
        return sorted(path.relative_to(ranker).as_posix() for path in ranker.rglob("*") if path.is_file())

    result = lab.make(ranker, files)
    assert result.ok, [one.error for one in result.outcomes]
    assert json.loads(lab.read("files.json")) == ["config.json", "layers/0.bin"]
    assert (lab.data / "models" / "ranker" / "config.json").read_text() == "{}"


def test_an_input_without_annotation_comes_in_the_usual_form_of_its_suffix(lab: Lab) -> None:
    """A table as a lazy frame, JSON as its value, text as str, a folder and what nobody knows as a path."""
    FRAME.write_parquet(lab.data / "table.parquet")
    lab.write("value.json", "[1]")
    lab.write("text.txt", "ü")
    lab.write("folder/a.txt", "a")
    lab.write("thing.xyz", "?")
    uris = ("table.parquet", "value.json", "text.txt", "folder/", "thing.xyz")

    @asset("kinds.json", inputs={Path(uri).stem: Dataset(uri) for uri in uris})
    def kinds(table, value, text, folder, thing) -> list[str]:
        return [type(one).__name__ for one in (table, value, text, folder, thing)]

    result = lab.make(kinds)
    assert result.ok, failure(result["kinds"])
    assert json.loads(lab.read("kinds.json")) == ["LazyFrame", "list", "str", "PosixPath", "PosixPath"]


def test_a_pickle_is_written_and_read_only_where_settings_allow_it(lab: Lab) -> None:
    """Off by default, before anything runs: everyone who takes or gives one is named, and so is the setting; on, any
    value goes through. The file itself, as bytes or a path, is nobody's pickle."""
    called: list[str] = []

    @asset("thing.pkl")
    def thing():
        called.append("thing")
        return {"a": 1}

    @asset("copy.json")
    def copy(thing: Any) -> dict[str, int]:
        return thing

    @asset("size.json")
    def size(thing: bytes) -> int:
        return len(thing)

    for ask in (lab.make, lambda *things: plan(list(things), project_folder=lab.folder, **lab.places)):
        with pytest.raises(DefinitionError, match="allow_pickle") as caught:
            ask(thing, copy, size)
        told = [fault.message for fault in caught.value.faults]
        assert [text.partition(" as pickle")[0] for text in told] == [
            "asset thing: its producer gives thing.pkl",
            "asset copy: parameter 'thing' takes thing.pkl",
        ]
    assert called == []
    assert lab.make(thing, copy, size, allow_pickle=True).ok
    assert json.loads(lab.read("copy.json")) == {"a": 1}
