"""Staging: what a producer gives becomes files that nobody else sees, or nothing."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from penstock.storage.errors import ProducerError, ValueMismatch
from penstock.storage.files.layout import Place
from penstock.storage.files.objects import keep
from penstock.storage.files.reading import read
from penstock.storage.files.staging import Staged, output_path, stage
from penstock.storage.manifest import digest_of
from penstock.storage.types import ValueKind


def staged(value: Any, kind: ValueKind, root: Path, path: str, **more: Any) -> Staged:
    """Stage a value at a path of this root."""
    place = Place(root=str(root), path=path)
    return stage(value, kind=kind, place=place, run_id="run-1", dataset="data", **more)


def left_in_staging(root: Path) -> list[Path]:
    """The files in staging."""
    return [path for path in (root / ".penstock/staging").rglob("*") if path.is_file()]


def test_the_digest_is_that_of_the_bytes(tmp_path: Path) -> None:
    """A manifest names blake3 of the file, its size and, where the format has them, rows and columns."""
    text = staged("héllo", ValueKind.TEXT, tmp_path, "x.txt")
    assert [(e.path, e.size, e.digest, e.rows) for e in text.manifest.files] == [
        ("", 6, digest_of("héllo".encode()), None)
    ]
    frame = staged(pl.DataFrame({"a": [1, 2]}), ValueKind.FRAME, tmp_path, "x.parquet")
    assert frame.manifest.files[0].digest == digest_of(Path(frame.paths[0]).read_bytes())
    assert (frame.manifest.rows, [(c.name, c.type) for c in frame.manifest.columns or ()]) == (2, [("a", "Int64")])


def test_bytes_and_frames_of_the_same_file_have_one_digest(tmp_path: Path) -> None:
    """A version's digest follows from its bytes, in whichever form a producer gave them."""
    frame = staged(pl.DataFrame({"a": [1, 2]}), ValueKind.FRAME, tmp_path, "x.csv")
    data = Path(frame.paths[0]).read_bytes()
    assert staged(data, ValueKind.BYTES, tmp_path, "x.csv").manifest.digest == frame.manifest.digest
    assert staged(data.decode(), ValueKind.TEXT, tmp_path, "x.csv").manifest.digest == frame.manifest.digest
    assert staged(Path(frame.paths[0]), ValueKind.PATH, tmp_path, "x.csv").manifest.digest == frame.manifest.digest


def test_discarded_means_gone(tmp_path: Path) -> None:
    """Nothing is left of a discarded output, twice over."""
    one = staged({"a": 1}, ValueKind.JSON, tmp_path, "x.json")
    one.discard()
    one.discard()
    assert left_in_staging(tmp_path) == []


def test_an_annotation_that_the_suffix_cannot_give_is_named(tmp_path: Path) -> None:
    """Annotation, path, format and what it would take are in one sentence; the next step is in the hint."""
    with pytest.raises(ValueMismatch) as caught:
        staged(pl.DataFrame({"a": [1]}), ValueKind.FRAME, tmp_path, "x.json")
    assert "'data'" in caught.value.message
    assert "polars.DataFrame" in caught.value.message
    assert "'x.json' is json, which takes" in caught.value.message
    assert "suffix" in caught.value.hint


def test_pickle_is_off_until_settings_allow_it(tmp_path: Path) -> None:
    """Reading a pickle can run code: both ways need `allow_pickle`, and the message says where to set it."""
    with pytest.raises(ValueMismatch, match="allow_pickle = true"):
        staged({1}, ValueKind.JSON, tmp_path, "x.pkl")
    one = staged({1}, ValueKind.JSON, tmp_path, "x.pkl", allow_pickle=True)
    keep(one)
    with pytest.raises(ValueMismatch, match="allow_pickle = true"):
        read(one.manifest, kind=ValueKind.JSON, place=one.place, dataset="data")
    assert read(one.manifest, kind=ValueKind.JSON, place=one.place, dataset="data", allow_pickle=True) == {1}
    staged(b"whole", ValueKind.BYTES, tmp_path, "x.pkl")  # bytes are bytes


@pytest.mark.parametrize(
    ("value", "where"),
    [
        ({"scores": [1.0, float("nan")]}, r"\$\.scores\[1\] is nan"),
        ({"a": {1: "x"}}, r"\$\.a has the key 1 of type int"),
        ([{"when": Path("x")}], r"\$\[0\]\.when is a pathlib\.PosixPath"),
        ("\ud800", "lone surrogate"),
    ],
)
def test_what_is_no_json_is_found_where_it_is(value: Any, where: str, tmp_path: Path) -> None:
    """The message points at the item, so that nobody searches a large result by hand."""
    with pytest.raises(ValueMismatch, match=where):
        staged(value, ValueKind.JSON, tmp_path, "x.json")


def test_a_lazy_frame_that_fails_is_the_producers_fault(tmp_path: Path) -> None:
    """An error inside a returned query names dataset and format and keeps polars' own words; nothing is left."""
    broken = pl.LazyFrame({"a": ["x"]}).select(pl.col("a").cast(pl.Int64))
    with pytest.raises(ProducerError, match=r"'data'.*parquet.*conversion from `str`"):
        staged(broken, ValueKind.LAZY_FRAME, tmp_path, "x.parquet")
    assert left_in_staging(tmp_path) == []


def test_a_generator_that_raises_leaves_nothing(tmp_path: Path) -> None:
    """A stream that breaks off is not a shorter dataset: its own exception comes out and no file is left."""

    def frames() -> Iterator[pl.DataFrame]:
        yield pl.DataFrame({"a": [1]})
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        staged(frames(), ValueKind.FRAMES, tmp_path, "x.parquet")
    assert left_in_staging(tmp_path) == []


def test_a_stream_is_written_in_the_producers_own_thread(tmp_path: Path) -> None:
    """A generator may hold what belongs to its thread, such as a database handle."""
    threads: set[str] = set()

    def frames() -> Iterator[pl.DataFrame]:
        for number in range(5):
            threads.add(threading.current_thread().name)
            yield pl.DataFrame({"a": [number]})

    assert staged(frames(), ValueKind.FRAMES, tmp_path, "x.parquet").manifest.rows == 5
    assert threads == {threading.current_thread().name}


@pytest.mark.parametrize(
    ("frames", "complaint"),
    [
        ([], "it gave no frame at all"),
        ([pl.DataFrame({"a": [1]}), pl.DataFrame({"b": [1]})], "frame 1 has the columns"),
        ([pl.DataFrame({"a": [1]}), 3], "item 1 of the iterable is an int"),
        ([pl.DataFrame()], "no columns"),
    ],
)
def test_a_stream_has_one_schema(frames: list[Any], complaint: str, tmp_path: Path) -> None:
    """Every item is a frame with the columns of the first, and there is a first."""
    with pytest.raises(ValueMismatch, match=complaint):
        staged(iter(frames), ValueKind.FRAMES, tmp_path, "x.parquet")
    assert left_in_staging(tmp_path) == []


def test_types_that_would_come_back_different_are_refused(tmp_path: Path) -> None:
    """CSV and NDJSON say no instead of changing a value: the column is named, and what to do."""
    span = pl.DataFrame({"span": pl.Series([1], dtype=pl.Duration("us"))})
    with pytest.raises(ValueMismatch, match=r"column 'span' is Duration.*cast it first"):
        staged(span, ValueKind.FRAME, tmp_path, "x.csv")
    for value in (float("nan"), float("inf")):
        with pytest.raises(ValueMismatch, match="column 'a' has NaN or an infinity"):
            staged(pl.DataFrame({"a": [value]}), ValueKind.FRAME, tmp_path, "x.ndjson")


def test_bytes_that_are_not_of_the_format_are_refused(tmp_path: Path) -> None:
    """A parquet file that a producer wrote itself is opened before it can be published."""
    with pytest.raises(ValueMismatch, match="cannot be read as parquet"):
        staged(b"PAR1 half", ValueKind.BYTES, tmp_path, "x.parquet")
    torn = tmp_path / "torn"
    torn.write_bytes(b"PAR1 half")
    with pytest.raises(ValueMismatch, match="cannot be read as parquet"):
        staged(torn, ValueKind.PATH, tmp_path, "x.parquet")
    assert torn.exists()


# --- paths


def test_what_lies_in_its_own_staging_is_moved(tmp_path: Path) -> None:
    """Files that a producer wrote under `output_path` are hashed where they are and moved, not copied."""
    place = Place(root=str(tmp_path), path="models/ranker/")
    output = output_path(place, "run-1")
    (output / "deep/er").mkdir(parents=True)
    (output / "deep/er/w.bin").write_bytes(b"weights")
    (output / "config.json").write_text("{}")
    inode = (output / "deep/er/w.bin").stat().st_ino
    one = stage(output, kind=ValueKind.PATH, place=place, run_id="run-1", dataset="data")
    assert [entry.path for entry in one.manifest.files] == ["config.json", "deep/er/w.bin"]
    keep(one)
    assert inode in {path.stat().st_ino for path in tmp_path.glob(".penstock/objects/??/*")}
    assert list((tmp_path / ".penstock/staging").iterdir()) == []


def test_a_second_attempt_finds_an_empty_place(tmp_path: Path) -> None:
    """The same attempt gets the same path with what is in it, another attempt another one."""
    place = Place(root=str(tmp_path), path="models/ranker/")
    output_path(place, "run-1").joinpath("half").write_text("x")
    assert list(output_path(place, "run-1").iterdir())
    assert list(output_path(place, "run-1", attempt=2).iterdir()) == []


def test_what_lies_elsewhere_is_copied(tmp_path: Path) -> None:
    """A file of the producer's own stays its own: changing it later changes no version."""
    mine = tmp_path / "mine.bin"
    mine.write_bytes(b"1")
    one = staged(mine, ValueKind.PATH, tmp_path, "x.bin")
    keep(one)
    mine.write_bytes(b"2")
    assert read(one.manifest, kind=ValueKind.BYTES, place=one.place, dataset="data") == b"1"


def test_a_hard_link_in_staging_is_copied(tmp_path: Path) -> None:
    """A file with a second name outside is not moved: the other name could write into the object."""
    mine = tmp_path / "mine.bin"
    mine.write_bytes(b"1")
    place = Place(root=str(tmp_path), path="m/")
    output = output_path(place, "run-1")
    os.link(mine, output / "a.bin")
    one = stage(output, kind=ValueKind.PATH, place=place, run_id="run-1", dataset="data")
    keep(one)
    mine.write_bytes(b"2")
    assert (read(one.manifest, kind=ValueKind.PATH, place=place, dataset="data") / "a.bin").read_bytes() == b"1"


def test_an_input_can_be_returned_as_output(tmp_path: Path) -> None:
    """A producer that gives back the read-only directory it was given makes an equal version."""
    source = tmp_path / "source"
    source.mkdir()
    (source / "a").write_text("x")
    first = staged(source, ValueKind.PATH, tmp_path, "one/")
    keep(first)
    view = read(first.manifest, kind=ValueKind.PATH, place=first.place, dataset="data")
    second = staged(view, ValueKind.PATH, tmp_path, "two/")
    keep(second)
    assert second.manifest == first.manifest
    assert (view / "a").read_text() == "x"


def test_links_inside_a_directory_are_followed(tmp_path: Path) -> None:
    """A link to a file or folder inside stands for its content, as in `best -> checkpoint-3`."""
    source = tmp_path / "source"
    (source / "checkpoint-3").mkdir(parents=True)
    (source / "checkpoint-3/w").write_text("x")
    (source / "best").symlink_to("checkpoint-3")
    (source / "last").symlink_to("checkpoint-3/w")
    one = staged(source, ValueKind.PATH, tmp_path, "m/")
    assert [entry.path for entry in one.manifest.files] == ["best/w", "checkpoint-3/w", "last"]
    assert len({entry.digest for entry in one.manifest.files}) == 1


def refused(source: Path, tmp_path: Path, complaint: str, path: str = "m/") -> None:
    """Staging this path is a ValueMismatch with this complaint, and leaves nothing."""
    with pytest.raises(ValueMismatch, match=complaint) as caught:
        staged(source, ValueKind.PATH, tmp_path, path)
    assert "'data'" in str(caught.value)
    assert left_in_staging(tmp_path) == []


def test_what_must_not_be_in_a_directory_is_refused(tmp_path: Path) -> None:
    """Links that lead out, in a circle or nowhere, and special files: refused by name before anything is copied."""
    secret = tmp_path / "secret"
    secret.write_text("x")
    for name, make, complaint in (
        ("out", lambda link: link.symlink_to(secret), "'z' is a link out of the directory"),
        ("circle", lambda link: link.symlink_to("."), "'z' is a link that leads in a circle"),
        ("nowhere", lambda link: link.symlink_to("missing"), "does not exist"),
        ("pipe", os.mkfifo, "'z' is a pipe"),
    ):
        source = tmp_path / name
        source.mkdir()
        (source / "a").write_text("x")
        make(source / "z")
        refused(source, tmp_path, complaint)


def test_a_socket_in_a_directory_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot be read as a file is named for what it is."""
    source = tmp_path / "s"
    source.mkdir()
    monkeypatch.chdir(source)  # the name of a socket is short
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("z")
        refused(source, tmp_path, "'z' is a socket")


def test_what_is_not_there_or_of_another_sort_is_refused(tmp_path: Path) -> None:
    """Nothing, an empty directory, a file for a directory and the reverse, a text for a path."""
    empty = tmp_path / "empty"
    empty.mkdir()
    file = tmp_path / "file"
    file.write_text("x")
    refused(tmp_path / "missing", tmp_path, "nothing is at")
    refused(empty, tmp_path, "has no file in it")
    refused(file, tmp_path, "is a file")
    refused(empty, tmp_path, "is a directory", "x.bin")
    with pytest.raises(ValueMismatch, match=r"the value is of type str, the annotation says pathlib.Path|type str"):
        staged(str(file), ValueKind.PATH, tmp_path, "x.bin")
