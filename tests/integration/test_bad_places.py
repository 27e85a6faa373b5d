"""URIs that are no identity, names that are unusual, and data that others overwrite: clear answers, nothing lost."""

from __future__ import annotations

import json
import shutil
import threading
import time
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import fsspec
import polars as pl
import pytest

from penstock import Context, Dataset, asset
from penstock.assets.run.progress import Result
from penstock.storage.errors import InvalidURI

ROWS = "a,b\n1,x\n2,y\n"


@pytest.mark.parametrize(
    "name",
    [
        "with space.json",
        "größe-日本.json",
        "100%.json",
        "a%20b.json",
        "deep/er/path.json",
        "x" * 200 + ".json",
        "x" * 250 + ".json",
        "ü" * 125 + ".json",
    ],
)
def test_unusual_names_are_one_file_each(lab: Any, name: str) -> None:
    """Spaces, unicode, `%` and long names are written where they say, and read back."""
    first = asset(name, name="first")(lambda: [1])
    second = asset("second.json", name="second", on=first, inputs={"value": first})(_echo)
    result = lab.make(first, second)
    assert result.ok, result
    assert json.loads((lab.data / name).read_text()) == [1]
    assert not lab.make(second).executed


@pytest.mark.parametrize("name", ["a." + "b" * 253, "x" * 251 + ".txt", "x" * 255, "ü" * 127])
@pytest.mark.parametrize("form", ["bytes", "path", "directory"])
def test_the_longest_name_is_made_shown_and_set_aside(lab: Any, name: str, form: str) -> None:
    """255 bytes are as many as a file's name may have: nothing that is written on the way has a longer one."""
    count = [0]

    def make(ctx: Context) -> Any:
        count[0] += 1
        if form == "bytes":
            return b"%d" % count[0]
        (ctx.output / "file" if form == "directory" else ctx.output).write_bytes(b"%d" % count[0])
        return ctx.output

    uri = f"{name}/" if form == "directory" else name
    made = asset(uri, name="made")(make)
    target = lab.data / name / "file" if form == "directory" else lab.data / name
    assert lab.make(made).ok
    assert target.read_bytes() == b"1"
    if form != "directory":
        target.write_text("theirs")
    result = lab.make(made)
    assert (result.ok, result["made"].warning) == (True, "")
    assert target.read_bytes() == b"2"
    kept = [path.read_text() for path in lab.data.glob(".penstock/aside/*/*")]
    assert kept == ([] if form == "directory" else ["theirs"])
    assert not lab.staging()


def test_a_name_that_is_too_long_for_the_disk_is_refused(lab: Any) -> None:
    """One byte more: the sentence says to shorten the URI."""
    result = lab.make(asset("x" * 252 + ".txt", name="made")(lambda: "text"))
    assert "shorten the URI" in lab.failure(result["made"]) if not result.ok else result["made"].warning


def _echo(value: list[int]) -> list[int]:
    return value


@pytest.mark.parametrize(
    "uri",
    ["../out.json", "a/../../b.json", "s3://user:geheim@bucket/x.json", "https://host/x.json?token=geheim", "x.json#a"],
)
def test_a_uri_that_is_no_identity_is_refused_without_its_secret(uri: str) -> None:
    """`..` out of the root, a password, a query, a fragment: a sentence that never shows the secret."""
    with pytest.raises(InvalidURI) as caught:
        Dataset(uri)
    assert "geheim" not in str(caught.value)


@pytest.mark.parametrize("path", ["größe.txt", "übung/größe.txt", "größe/"])
@pytest.mark.parametrize("capture", ["verify", "copy"])
def test_a_name_from_a_mac_is_found(lab: Any, path: str, capture: str) -> None:
    """Its letters are written as base and accent there, and are the same letters; overwriting it is noticed."""
    there = lab.data / unicodedata.normalize("NFD", path)
    file = there / "a.txt" if path.endswith("/") else there
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("first")

    def read(docs: Path) -> str:
        return (docs / "a.txt" if docs.is_dir() else docs).read_text()

    copy = asset("copy.txt", name="copy", on=Dataset(path, name="docs", capture=capture))(read)
    assert lab.make(copy).ok
    assert (lab.data / "copy.txt").read_text() == "first"
    file.write_text("other")
    assert lab.make(copy).ok
    assert (lab.data / "copy.txt").read_text() == "other"
    assert not lab.make(copy).executed


def test_a_name_from_a_mac_in_a_bucket_is_found(lab: Any) -> None:
    """Stores compare bytes as disks do."""
    folder = f"memory://{uuid4().hex}/in"
    store = fsspec.filesystem("memory")
    store.pipe(f"{folder}/{unicodedata.normalize('NFD', 'größe.txt')}", b"first")
    copy = asset("copy.json", name="copy", on=Dataset(f"{folder}/größe.txt", name="value"))(_length)
    assert lab.make(copy).ok
    assert json.loads((lab.data / "copy.json").read_text()) == 5


def _length(value: str) -> int:
    return len(value)


def _overwritten_while_read(lab: Any, write: Callable[[], None], annotation: Any) -> Result:
    docs = Dataset("docs.csv")
    tries: list[int] = []

    def read(docs: Any) -> dict[str, Any]:
        tries.append(1)
        if len(tries) == 1:
            write()
            time.sleep(0.01)
        frame = docs.collect() if isinstance(docs, pl.LazyFrame) else docs
        return {"rows": frame.height, "tries": len(tries)}

    read.__annotations__ = {"docs": annotation, "return": dict}
    return lab.make(asset("out.json", name="out", on=docs)(read))


@pytest.mark.parametrize("annotation", [pl.LazyFrame, pl.DataFrame])
def test_an_input_overwritten_while_it_is_read_is_read_anew(lab: Any, annotation: Any) -> None:
    """What came of the mixture is discarded; the new content is pinned, and the version says which bytes it was."""
    file = lab.data / "docs.csv"
    file.write_text(ROWS)
    result = _overwritten_while_read(lab, lambda: _replace(file, ROWS + "3,z\n"), annotation)
    assert result.ok, result
    assert json.loads((lab.data / "out.json").read_text()) == {"rows": 3, "tries": 2}
    assert [state for (state,) in lab.rows("SELECT state FROM runs ORDER BY created_at")] == ["failed", "success"]


def test_an_input_that_is_truncated_while_it_is_read_is_no_fault_of_the_producer(lab: Any) -> None:
    """The producer's own error is put down to the input, which is looked at again."""
    file = lab.data / "docs.csv"
    file.write_text(ROWS)
    result = _overwritten_while_read(lab, lambda: _replace(file, "a,b\n1,x\n"), pl.LazyFrame)
    assert result.ok, result
    assert json.loads((lab.data / "out.json").read_text())["rows"] == 1


def test_an_input_that_never_rests_fails_with_a_sentence(lab: Any) -> None:
    """After a few tries the run fails for good and says that its input moves."""
    file = lab.data / "docs.csv"
    file.write_text(ROWS)
    stop = threading.Event()
    count = [0]

    @asset("out.json", on=Dataset("docs.csv"))
    def out(docs: pl.DataFrame) -> dict[str, int]:
        count[0] += 1
        _replace(file, ROWS + f"{count[0]},z\n")
        return {"rows": docs.height}

    result = lab.make(out)
    stop.set()
    assert not result.ok
    assert "overwritten while it was read" in lab.failure(result["out"])
    assert "Run it again when its writer is at rest" in lab.failure(result["out"])
    hints = [json.loads(error)["hint"] for (error,) in lab.rows("SELECT error FROM runs ORDER BY created_at")]
    assert [hint.endswith("read anew.") for hint in hints] == [*[True] * (len(hints) - 1), False]
    assert count[0] < 10


def _replace(file: Path, text: str) -> None:
    """Other content at the same path, at once."""
    other = file.with_suffix(".new")
    other.write_text(text)
    other.replace(file)


def test_what_stands_at_a_uri_and_is_not_ours_is_not_destroyed(lab: Any) -> None:
    """A foreign file or folder in the way of a head is kept aside or refused, never deleted."""
    (lab.data / "model").mkdir()
    (lab.data / "model" / "precious.txt").write_text("mine")

    @asset("model/")
    def model(ctx: Context) -> Path:
        (ctx.output / "weights.bin").write_bytes(b"new")
        return ctx.output

    result = lab.make(model)
    assert result.ok, result
    kept = [path for path in lab.data.rglob("precious.txt") if path.read_text() == "mine"]
    assert kept, "the foreign file is gone"
    shutil.rmtree(lab.data / ".penstock", ignore_errors=True)


def test_objects_that_nobody_can_look_at_hold_back_their_asset_alone(lab: Any) -> None:
    """It is named by its name, the folder at fault by its path; what does not need it is made."""
    raw = Dataset("raw.txt")

    @asset("sub/x.json", name="x", on=raw)
    def held(raw: str) -> str:
        return raw

    elsewhere = lab.folder / "elsewhere"

    @asset(f"{elsewhere}/y.json", name="y", on=held, inputs={"x": held})
    def y(x: str) -> str:
        return x

    z = asset(f"{elsewhere}/z.txt", name="z", on=raw, inputs={"raw": raw})(lambda raw: raw)
    places = {"roots": [str(elsewhere)]}
    (lab.data / "raw.txt").write_text("1")
    assert lab.make(held, y, z, **places).ok
    (lab.data / "raw.txt").write_text("2")
    objects = lab.data / ".penstock" / "objects"
    objects.rename(lab.folder / "kept")
    objects.symlink_to(objects)  # a circle: asked for anything in it, the system raises
    result = lab.make(held, y, z, **places)
    said = f"upstream failed: x; dataset 'x': looking at {objects} failed: Too many levels of symbolic links"
    assert result["x"].reason.text.startswith(said)
    assert (result["x"].state, result["y"].reason.names) == (None, ("x",))
    assert result["z"].made
    objects.unlink()
    (lab.folder / "kept").rename(objects)
    assert lab.make(held, y, z, **places)["y"].made
