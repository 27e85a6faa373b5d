"""Data that others write: noticed when it changes, read only while it is what was pinned, captured whole."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import polars as pl
import pytest

from penstock.storage.errors import DatabaseFault, StorageFault, ValueMismatch
from penstock.storage.files.faults import storage_fault
from penstock.storage.files.layout import Place
from penstock.storage.files.observe import Fingerprint, Moved, capture, observe, read_observed, still
from penstock.storage.files.reading import read
from penstock.storage.types import ValueKind

LONG_AGO = 1_600_000_000


@pytest.fixture
def table(tmp_path: Path) -> Place:
    """An external CSV that has lain there for long."""
    (tmp_path / "in").mkdir()
    write(tmp_path / "in/some data.csv", "a,b\n1,x\n2,y\n")
    return Place(root=str(tmp_path), path="in/some data.csv")


@pytest.fixture
def folder(tmp_path: Path) -> Place:
    """An external directory of two files."""
    (tmp_path / "docs/ä").mkdir(parents=True)
    write(tmp_path / "docs/one.txt", "1")
    write(tmp_path / "docs/ä/two.txt", "2")
    return Place(root=str(tmp_path), path="docs/")


def write(path: Path, text: str, at: float = LONG_AGO) -> None:
    """Write a file with this time on it."""
    path.write_text(text)
    os.utime(path, (at, at))


def names(place: Place) -> list[str]:
    """The files that are seen."""
    manifest = observe(place, None).manifest
    return [entry.path for entry in manifest.files] if manifest else []


def test_nothing_there_is_no_version(tmp_path: Path) -> None:
    """A missing file, a missing directory and one without files are all nothing, as on an object store."""
    (tmp_path / "empty/deeper").mkdir(parents=True)
    for path in ("missing.csv", "missing/", "empty/"):
        assert observe(Place(root=str(tmp_path), path=path), None).manifest is None


def test_a_file_is_seen_with_rows_and_columns(table: Place) -> None:
    """An observation has the content's digest and what the format says of it."""
    seen = observe(table, None)
    assert seen.manifest is not None
    assert seen.manifest.rows == 2
    assert [(c.name, c.type) for c in seen.manifest.columns or ()] == [("a", "Int64"), ("b", "String")]
    assert observe(table, seen.fingerprint) == seen


def test_a_touch_changes_the_fingerprint_and_not_the_version(table: Place) -> None:
    """Only time went by: no other content, no other digest."""
    before = observe(table, None)
    os.utime(table.target, (LONG_AGO + 9, LONG_AGO + 9))
    after = observe(table, before.fingerprint)
    assert after.fingerprint != before.fingerprint
    assert after.manifest == before.manifest
    assert not still(before.fingerprint, table)


def test_unchanged_files_are_not_read_again(table: Place) -> None:
    """An equal stamp is trusted: the digest in the fingerprint is taken over, whatever it says."""
    seen = observe(table, None)
    plain = seen.fingerprint.to_plain()
    plain["files"][0][3] = "f" * 64
    plain["files"][0][5] = True  # as if it had been written long ago
    again = observe(table, Fingerprint.from_plain(plain))
    assert again.manifest is not None
    assert again.manifest.files[0].digest == "f" * 64


def test_a_file_of_just_now_is_read_again(table: Place) -> None:
    """Clocks of file systems are coarse: what changed a moment ago may change again with the same time on it."""
    now = time.time()
    write(Path(table.target), "a,b\n1,x\n", now)
    seen = observe(table, None)
    status = Path(table.target).stat()
    write(Path(table.target), "a,b\n7,x\n", now)
    os.utime(table.target, ns=(status.st_atime_ns, status.st_mtime_ns))
    after = observe(table, seen.fingerprint)
    assert after.manifest is not None
    assert seen.manifest is not None
    assert after.manifest.digest != seen.manifest.digest


def test_a_replaced_file_of_the_same_size_and_time_is_noticed(table: Place) -> None:
    """`mv` and `rsync -t` bring another inode."""
    seen = observe(table, None)
    write(Path(table.target).with_name("new"), "a,b\n9,x\n2,y\n")
    Path(table.target).with_name("new").replace(table.target)
    assert not still(seen.fingerprint, table)
    assert observe(table, seen.fingerprint).manifest != seen.manifest


@pytest.mark.parametrize("how", ["cp -p", "touch -r"])
def test_an_overwritten_file_of_the_same_size_time_and_inode_is_noticed(table: Place, how: str) -> None:
    """Tools that restore the time of writing cannot restore the time of the last change."""
    seen = observe(table, None)
    target, other = Path(table.target), Path(table.target).with_name("other")
    inode = target.stat().st_ino
    write(other, "a,b\n9,x\n2,y\n")
    if how == "cp -p":
        subprocess.run(["cp", "-p", str(other), str(target)], check=True)
    else:
        subprocess.run(["cp", "-p", str(target), str(other.with_name("stamp"))], check=True)
        target.write_text(other.read_text(encoding="utf-8"), encoding="utf-8")
        subprocess.run(["touch", "-r", str(other.with_name("stamp")), str(target)], check=True)
    status = target.stat()
    assert (status.st_ino, status.st_mtime) == (inode, LONG_AGO)
    assert not still(seen.fingerprint, table)
    assert observe(table, seen.fingerprint).manifest != seen.manifest


def test_a_fingerprint_survives_json(folder: Place, table: Place) -> None:
    """It is plain data; one of a newer penstock is refused."""
    for place in (folder, table):
        fingerprint = observe(place, None).fingerprint
        assert Fingerprint.from_plain(json.loads(json.dumps(fingerprint.to_plain()))) == fingerprint
    with pytest.raises(DatabaseFault, match="form 99"):
        Fingerprint.from_plain({"v": 99})


def test_a_directory_is_its_files(folder: Place) -> None:
    """Sorted, with what is below folders; adding, changing and removing one changes the version."""
    digests = set()
    assert names(folder) == ["one.txt", "ä/two.txt"]
    for change in (
        lambda: write(Path(folder.target, "three.txt"), "3"),
        lambda: write(Path(folder.target, "three.txt"), "4", LONG_AGO + 1),
        lambda: Path(folder.target, "ä/two.txt").unlink(),
    ):
        change()
        seen = observe(folder, None).manifest
        assert seen is not None
        digests.add(seen.digest)
    assert len(digests) == 3


def test_hidden_and_half_written_files_do_not_count(folder: Place) -> None:
    """`.penstock`, dot files and what writers call their unfinished files are not data."""
    top = Path(folder.target)
    (top / ".penstock").mkdir()
    (top / "up.tmp").mkdir()
    for name in (".penstock/x", ".DS_Store", "x~", "x.tmp", "x.part", "x.partial", "x.crdownload", "up.tmp/x"):
        (top / name).write_text("x")
    os.mkfifo(top / "pipe")
    (top / "broken").symlink_to("missing")
    (top / "circle").symlink_to(".")
    assert names(folder) == ["one.txt", "ä/two.txt"]


def test_links_lead_where_others_keep_their_data(folder: Place, tmp_path: Path) -> None:
    """Data of others may be links to a pool of files; the content counts."""
    (tmp_path / "pool").mkdir()
    write(tmp_path / "pool/blob", "3")
    Path(folder.target, "three.txt").symlink_to(tmp_path / "pool/blob")
    Path(folder.target, "more").symlink_to(tmp_path / "pool")
    assert names(folder) == ["more/blob", "one.txt", "three.txt", "ä/two.txt"]


def test_a_directory_where_a_file_should_be_is_a_fault(folder: Place) -> None:
    """The URI says what is expected; the fault says how to spell the other."""
    with pytest.raises(StorageFault, match="slash at the end"):
        observe(Place(root=folder.root, path="docs"), None)


def test_a_torn_file_is_a_version_and_its_reader_is_told(tmp_path: Path) -> None:
    """Somebody's half parquet is what is there: seen without rows, refused by name when it is read."""
    place = Place(root=str(tmp_path), path="x.parquet")
    write(tmp_path / "x.parquet", "PAR1 half")
    seen = observe(place, None)
    assert seen.manifest is not None
    assert seen.manifest.rows is None
    with pytest.raises(StorageFault) as caught:
        read_observed(seen.manifest, seen.fingerprint, kind=ValueKind.LAZY_FRAME, place=place, dataset="data")
    for part in ("'data'", "parquet", str(tmp_path / "x.parquet")):
        assert part in caught.value.message


@pytest.mark.parametrize(
    "kind", [ValueKind.FRAME, ValueKind.LAZY_FRAME, ValueKind.TEXT, ValueKind.PATH, ValueKind.BYTES]
)
def test_what_is_still_there_is_read_in_place(table: Place, kind: ValueKind) -> None:
    """In any form of its format, from the URI itself."""
    seen = observe(table, None)
    assert seen.manifest is not None
    value = read_observed(seen.manifest, seen.fingerprint, kind=kind, place=table, dataset="data")
    if kind is ValueKind.PATH:
        assert value == Path(table.target)
    if isinstance(value, pl.LazyFrame):
        value = value.collect()
    if isinstance(value, pl.DataFrame):
        assert value.to_dicts() == [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}]


def test_what_was_overwritten_is_not_read(table: Place) -> None:
    """A pinned observation that is gone is a fault of its own kind, so that a caller can pin anew."""
    seen = observe(table, None)
    assert seen.manifest is not None
    write(Path(table.target), "a,b\n3,z\n2,y\n", LONG_AGO + 5)
    with pytest.raises(Moved, match=r"'data'.*no longer what was pinned"):
        read_observed(seen.manifest, seen.fingerprint, kind=ValueKind.FRAME, place=table, dataset="data")
    with pytest.raises(Moved):
        capture(seen.manifest, table, fingerprint=seen.fingerprint, dataset="data")
    Path(table.target).unlink()
    assert not still(seen.fingerprint, table)


def test_an_annotation_that_the_format_cannot_give_is_named(table: Place) -> None:
    """The same sentence as for a version of ours."""
    seen = observe(table, None)
    assert seen.manifest is not None
    with pytest.raises(ValueMismatch, match="csv, which gives"):
        read_observed(seen.manifest, seen.fingerprint, kind=ValueKind.JSON, place=table, dataset="data")


def test_a_file_that_never_rests_is_a_fault(table: Place) -> None:
    """A writer that overwrites faster than we can read is named, not half of its file published."""
    write(Path(table.target), "a\n" + "1\n" * 4_000_000)
    program = "import os, sys; file = os.open(sys.argv[1], os.O_WRONLY)\nwhile True: os.pwrite(file, b'2', 2)"
    with subprocess.Popen([sys.executable, "-c", program, table.target]) as writer:
        try:
            while Path(table.target).stat().st_mtime == LONG_AGO:
                time.sleep(0.01)
            with pytest.raises(StorageFault, match=r"'data'.*changed each of the 5 times"):
                observe(table, None, dataset="data")
        finally:
            writer.kill()


@pytest.mark.parametrize("path", ["in/some data.csv", "docs/"])
def test_captured_bytes_outlive_their_source(table: Place, folder: Place, path: str) -> None:
    """With `capture="copy"` the version reads as it was, whatever becomes of the file; the source is untouched."""
    place = Place(root=table.root, path=path)
    seen = observe(place, None)
    assert seen.manifest is not None
    held = capture(seen.manifest, place, fingerprint=seen.fingerprint, dataset="data")
    assert held == seen
    for file in Path(place.root, path).rglob("*") if place.directory else [Path(place.target)]:
        if file.is_file():
            file.write_text("something else")
    value = read(held.manifest or seen.manifest, kind=ValueKind.PATH, place=place, dataset="data")
    assert (value / "ä/two.txt" if place.directory else value).read_text() in {"2", "a,b\n1,x\n2,y\n"}
    assert list(Path(place.hidden, "staging").iterdir()) == []


@pytest.mark.parametrize(("doing", "rights"), [("looking at", "read there."), ("writing", "read and write there, or")])
def test_who_may_not_is_told_the_right_that_is_lacking(doing: str, rights: str) -> None:
    """What is only read need not be written."""
    fault = storage_fault(PermissionError(errno.EACCES, "Permission denied"), dataset="x", doing=doing, path="/x.json")
    assert fault.hint.startswith(f"Give this user the right to {rights}")
