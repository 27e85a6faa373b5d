"""Values in and out of a whole project: what each annotation gets, and what becomes of what a producer gives."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypedDict

import polars as pl
import pyarrow as pa
import pytest

from penstock import Context, Dataset, DefinitionError, Opaque, Output, Version, asset
from penstock.assets.run.progress import Outcome

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
    def kinds(table, value, text, folder, thing) -> list[str]:  # noqa: ANN001
        return [type(one).__name__ for one in (table, value, text, folder, thing)]

    result = lab.make(kinds)
    assert result.ok, failure(result["kinds"])
    assert json.loads(lab.read("kinds.json")) == ["LazyFrame", "list", "str", "PosixPath", "PosixPath"]


def test_a_pickle_is_written_and_read_only_where_settings_allow_it(lab: Lab) -> None:
    """Off by default, and the sentence names the setting; on, any value goes through."""

    @asset("thing.pkl")
    def thing() -> Any:
        return {"a": 1}

    @asset("copy.json")
    def copy(thing: Any) -> dict[str, int]:
        return thing

    refused = lab.make(thing, copy)
    assert not refused.ok
    assert "allow_pickle" in failure(refused["thing"])
    assert lab.make(thing, copy, allow_pickle=True).ok
    assert json.loads(lab.read("copy.json")) == {"a": 1}


# --- versions, data elsewhere, several outputs -----------------------------------------------------------------------


def test_a_version_is_the_pinned_manifest_itself(lab: Lab) -> None:
    """Digest, files, rows, time and metadata of what is pinned, without a byte being read."""

    @asset("rows.parquet")
    def rows(ctx: Context) -> pl.DataFrame:
        ctx.metadata(accuracy=0.9)
        return FRAME

    @asset("facts.json")
    def facts(rows: Version) -> dict[str, Any]:
        return {
            "dataset": rows.dataset,
            "uri": rows.uri,
            "digest": rows.digest,
            "own": rows.manifest.digest,
            "rows": rows.manifest.rows,
            "zone": str(rows.published_at.tzinfo),
            "accuracy": rows.metadata["accuracy"],
        }

    result = lab.make(rows, facts)
    assert result.ok, [one.error for one in result.outcomes]
    digest = result["rows"].made[0].digest
    assert json.loads(lab.read("facts.json")) == {
        "dataset": "rows",
        "uri": "rows.parquet",
        "digest": digest,
        "own": digest,
        "rows": 3,
        "zone": "UTC",
        "accuracy": 0.9,
    }


def test_data_without_files_has_its_token_as_version(lab: Lab) -> None:
    """Another token is a change, the same one is confirmed; a reader gets the Version; nothing is written at the URI."""
    snapshot = lab.write("snapshot.txt", "snap-1")

    @asset("warehouse/table", on=Dataset("snapshot.txt"))
    def table(snapshot: str) -> Opaque:
        return Opaque(version=snapshot.strip(), metadata={"engine": "duck"})

    @asset("reader.json", on=table)
    def reader(table: Version) -> list[Any]:
        return [table.manifest.token, table.metadata["engine"]]

    assert lab.make(table, reader).ok
    assert json.loads(lab.read("reader.json")) == ["snap-1", "duck"]
    assert json.loads(lab.said("table"))["engine"] == "duck"
    assert not (lab.data / "warehouse").exists()
    snapshot.write_text("snap-1\n")
    assert lab.story(lab.make(table, reader)) == {
        "table": "success: input changed: snapshot",
        "reader": "skipped: unchanged",
    }
    snapshot.write_text("snap-2")
    assert lab.story(lab.make(table, reader))["reader"] == "success: input changed: table"
    assert lab.events("table") == ["changed", "confirmed", "changed"]


def test_data_without_files_cannot_be_read_as_a_file(lab: Lab) -> None:
    """The sentence names the token and says to take the Version."""
    table = asset("table.parquet", name="table")(lambda: Opaque(version="snap-1"))

    @asset("out.json")
    def out(table: pl.DataFrame) -> dict[str, int]:
        return {"rows": table.height}

    result = lab.make(table, out)
    assert "snap-1" in failure(result["out"])
    assert "Version" in failure(result["out"])


@pytest.mark.parametrize(
    "value", [Opaque(version="1", metadata={"when": object()}), Opaque(version=5), Opaque(version="")]
)
def test_data_without_files_that_says_nothing_plain_is_refused(lab: Lab, value: Opaque) -> None:
    """Metadata that is no JSON, a token that is no text or empty: a sentence, and nothing published."""
    table = asset("table", name="table")(lambda: value)
    result = lab.make(table)
    assert not result.ok
    assert "table" in failure(result["table"])
    assert "Opaque" in failure(result["table"])
    assert lab.events("table") == []


def test_several_outputs_come_as_a_mapping_or_one_by_one(lab: Lab) -> None:
    """Each output is a dataset of its own, published together; each is bound by its own name."""

    @asset(outputs={"train": "train.parquet", "rest": "rest.json"})
    def split() -> dict[str, Any]:
        return {"rest": [1], "train": FRAME}

    @asset(outputs={"left": "left.json", "right": "right.json"})
    def yielded() -> Iterator[Output]:
        yield Output("left", [1])
        yield Output("right", [2])

    @asset("all.json", on=split["train"] & yielded["left"])
    def everything(train: pl.DataFrame, rest: list[int], left: list[int], right: list[int]) -> list[Any]:
        return [train.height, rest, left, right]

    result = lab.make(split, yielded, everything)
    assert result.ok, [one.error for one in result.outcomes]
    assert json.loads(lab.read("all.json")) == [3, [1], [1], [2]]
    assert [made.dataset for made in result["split"].made] == ["rest", "train"]


def test_an_output_that_is_left_out_is_skipped(lab: Lab) -> None:
    """It keeps its head and gets no event; whoever waits for it alone is not made."""
    lab.write("day.txt", "both")

    @asset(outputs={"news": "news.txt", "alarm": "alarm.txt"}, on=Dataset("day.txt"))
    def report(day: str) -> Iterator[Output]:
        yield Output("news", day)
        if "both" in day:
            yield Output("alarm", "loud")

    calm = asset("calm.txt", name="calm", on=report["news"], inputs={"text": report["news"]})(_echo)
    loud = asset("loud.txt", name="loud", on=report["alarm"], inputs={"text": report["alarm"]})(_echo)
    assert lab.make(report, calm, loud).ok
    lab.write("day.txt", "one")
    assert lab.story(lab.make(report, calm, loud, select="report")) == {
        "report": "success: input changed: day",
        "calm": "success: input changed: news",
    }
    assert (lab.events("news"), lab.events("alarm")) == (["changed", "changed"], ["changed"])
    assert lab.read("loud.txt") == "loud"


def _echo(text: str) -> str:
    return text


@pytest.mark.parametrize(
    ("value", "says"),
    [({"a": 1, "c": 2}, "'c'"), ([Output("a", 1), Output("a", 2)], "twice"), ([], "none"), (7, "int"), ([7], "int")],
)
def test_outputs_that_were_not_declared_are_refused(lab: Lab, value: Any, says: str) -> None:
    """An unknown name, a repeated one, none at all, or no outputs: a sentence, and nothing of it is published."""
    both = asset(outputs={"a": "a.json", "b": "b.json"}, name="both")(lambda: value)
    result = lab.make(both)
    assert says in failure(result["both"])
    assert lab.events("a") == lab.events("b") == []
    assert not list(lab.data.glob(".penstock/staging/*"))


def test_an_optional_input_is_none_until_it_has_a_version(lab: Lab) -> None:
    """`| None`: made without it; made again once it is there."""

    @asset("out.json", on=Dataset("base.txt") | Dataset("extra.txt"))
    def out(base: str, extra: str | None) -> list[Any]:
        return [base, extra]

    lab.write("base.txt", "base")
    assert lab.make(out).ok
    assert json.loads(lab.read("out.json")) == ["base", None]
    lab.write("extra.txt", "more")
    assert lab.story(lab.make(out)) == {"out": "success: input changed: extra"}
    assert json.loads(lab.read("out.json")) == ["base", "more"]


def test_an_input_that_is_not_optional_holds_its_asset(lab: Lab) -> None:
    """Without a version of it no run is made, and the reason names it."""

    @asset("out.json", on=Dataset("base.txt") | Dataset("extra.txt"))
    def out(base: str, extra: str) -> list[str]:
        return [base, extra]

    lab.write("base.txt", "base")
    result = lab.make(out)
    assert result.ok
    assert lab.story(result) == {"out": "held: input has no version: extra"}
    lab.write("extra.txt", "more")
    assert lab.story(lab.make(out)) == {"out": "success: first build"}


def test_metadata_of_a_run_is_kept_with_its_event(lab: Lab) -> None:
    """What ctx.metadata says stands beside rows and size; what is not plain is refused."""

    @asset("out.parquet")
    def out(ctx: Context) -> pl.DataFrame:
        ctx.metadata(accuracy=0.9, labels=["a"])
        return FRAME

    @asset("bad.json")
    def bad(ctx: Context) -> list[int]:
        ctx.metadata(when=object())
        return []

    result = lab.make(out, bad)
    said = json.loads(lab.said("out"))
    assert (said["accuracy"], said["labels"], said["rows"]) == (0.9, ["a"], 3)
    assert "ctx.metadata(when=…)" in failure(result["bad"])


# --- what producers may be -------------------------------------------------------------------------------------------


def test_an_async_producer_is_refused_before_anything_runs(lab: Lab) -> None:
    """With what to write instead."""

    async def later() -> list[int]:
        return [1]

    with pytest.raises(DefinitionError, match="async def") as caught:
        lab.make(asset("later.json")(later))
    assert "asyncio.run" in str(caught.value)


def test_a_producer_that_turns_out_to_be_async_fails_with_the_same_sentence(lab: Lab) -> None:
    """A lambda that returns a coroutine: nothing is left unawaited, and the run fails."""

    async def later() -> list[int]:
        return [1]

    result = lab.make(asset("later.json", name="later")(lambda: later()))
    assert "async def" in failure(result["later"])


def test_a_lambda_needs_a_name(lab: Lab) -> None:
    """With `name=` it is an asset like any other; without, a fault says so."""
    assert lab.make(asset("one.json", name="one")(lambda: [1])).ok
    assert json.loads(lab.read("one.json")) == [1]
    with pytest.raises(DefinitionError, match="no name"):
        lab.make(asset("two.json")(lambda: [2]))


def test_producers_made_in_a_loop_are_assets_of_their_own(lab: Lab) -> None:
    """Each with what it closes over; a change of one of them makes that one again."""

    def assets(factors: dict[str, int]) -> list[Any]:
        made = []
        for name, factor in factors.items():

            def times(numbers: list[int], factor: int = factor) -> list[int]:
                return [factor * number for number in numbers]

            def bound(numbers: list[int], times: Any = times) -> list[int]:
                return times(numbers)

            made.append(asset(f"{name}.json", name=name)(_closed(factor)))
        return made

    lab.write("numbers.json", "[1, 2]")
    numbers = Dataset("numbers.json")
    assert lab.make(numbers, assets({"double": 2, "triple": 3})).ok
    assert json.loads(lab.read("triple.json")) == [3, 6]
    assert lab.story(lab.make(numbers, assets({"double": 2, "triple": 4}))) == {
        "double": "skipped: unchanged",
        "triple": "success: code changed",
    }


def _closed(factor: int) -> Any:
    def times(numbers: list[int]) -> list[int]:
        return [factor * number for number in numbers]

    return times
