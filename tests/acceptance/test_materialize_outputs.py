"""What a producer may give beyond one value: a version, data elsewhere, several outputs, none; what inputs may lack."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from penstock import Context, Dataset, Opaque, Output, Version, asset
from penstock.assets.run.progress import Outcome

pytestmark = pytest.mark.databases("sqlite", "postgresql")

Lab = Any
"""The fixture is a class of `conftest.py`, which no test can import."""

FRAME = pl.DataFrame({"id": [1, 2, 3], "text": ["a", None, "ü"]})


def failure(outcome: Outcome) -> str:
    """The message and the hint of a failed outcome."""
    assert outcome.error is not None, outcome
    return f"{outcome.error['message']}\n{outcome.error['hint']}"


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
    """Another token is a change, the same one is confirmed; a reader gets the Version; the URI is left alone."""
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


def _table() -> Opaque:
    return {"version": "1"}  # pyright: ignore[reportReturnType]


def _rows() -> dict[str, Any]:
    return Opaque(version="1")  # pyright: ignore[reportReturnType]


def test_data_with_files_and_without_are_not_taken_for_each_other(lab: Lab) -> None:
    """`Opaque` where data are annotated, and data where `Opaque` is: annotation, value and suffix are named."""
    result = lab.make(asset("db://host/table", name="table")(_table), asset("rows.json", name="rows")(_rows))
    for name, words in {
        "table": ("Opaque", "a dict", "''"),
        "rows": ("dict[str, Any]", "an Opaque", "'.json'"),
    }.items():
        said = failure(result[name])
        assert all(word in said for word in words), said
        assert not result[name].made


@pytest.mark.parametrize(
    "value",
    [
        Opaque(version="1", metadata={"when": object()}),
        Opaque(version="1", metadata=[1]),  # pyright: ignore[reportArgumentType]
        Opaque(version="1", metadata={1: 2}),  # pyright: ignore[reportArgumentType]
        Opaque(version=5),  # pyright: ignore[reportArgumentType]
        Opaque(version=""),
    ],
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
    [
        ({"a": 1, "c": 2}, "'c'"),
        ([Output("a", 1), Output("a", 2)], "twice"),
        ([], "none"),
        (7, "an int"),
        ([7], "a list"),
    ],
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
    assert not result.ok  # what was asked for was not made
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


def test_an_empty_folder_is_left_out_with_a_warning(lab: Lab) -> None:
    """A version is its files: the version, the URI and the reader have no `logs`, and the run says so."""

    @asset("tree/")
    def tree(ctx: Context) -> Path:
        for folder in ("logs", "deep/er", "full"):
            (ctx.output / folder).mkdir(parents=True)
        (ctx.output / "full" / "a.txt").write_text("a")
        return ctx.output

    @asset("seen.json", on=tree)
    def seen(tree: Path) -> list[str]:
        return sorted(str(path.relative_to(tree)) for path in tree.rglob("*"))

    result = lab.make(tree, seen)
    assert json.loads(lab.read("seen.json")) == ["full", "full/a.txt"]
    assert not (lab.data / "tree" / "logs").exists()
    assert "tree is without the empty folders deep/er/, logs/: a version is its files" in result["tree"].warning
    assert result.ok
