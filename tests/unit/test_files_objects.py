"""Objects: what is kept stays, whole, under the name of its content, and reads as it was given."""

from __future__ import annotations

import os
import shutil
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import polars as pl
import pytest

from penstock.storage.errors import StorageFault, ValueMismatch
from penstock.storage.files.durable import restore, sync
from penstock.storage.files.formats.seam import SMALL
from penstock.storage.files.layout import Place, object_keys, object_path
from penstock.storage.files.objects import keep, present, verify
from penstock.storage.files.reading import read
from penstock.storage.files.staging import Staged, stage
from penstock.storage.manifest import FileEntry, Manifest
from penstock.storage.types import ValueKind


def kept(value: Any, kind: ValueKind, root: Path, path: str) -> Staged:
    """Stage and keep a value."""
    staged = stage(value, kind=kind, place=Place(root=str(root), path=path), run_id="run-1", dataset="data")
    keep(staged)
    return staged


def object_of(staged: Staged) -> Path:
    """The object of a version of one file."""
    ((digest, suffix),) = object_keys(staged.manifest)
    return Path(object_path(staged.place.hidden, digest, suffix))


@pytest.fixture
def model(tmp_path: Path) -> Staged:
    """A kept directory: two names of one content, and another file."""
    source = tmp_path / "source"
    (source / "in").mkdir(parents=True)
    (source / "a.bin").write_bytes(b"same")
    (source / "in/b.bin").write_bytes(b"same")
    (source / "c.json").write_text("{}")
    return kept(source, ValueKind.PATH, tmp_path, "m/")


def test_an_object_is_named_after_its_content_and_read_only(tmp_path: Path) -> None:
    """One file per content and suffix; nobody's write bit is set."""
    one = kept({"a": 1}, ValueKind.JSON, tmp_path, "x.json")
    path = object_of(one)
    assert path.read_bytes() == b'{"a":1}\n'
    assert path.name == f"{one.manifest.files[0].digest}.json"
    assert not path.stat().st_mode & (stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH | stat.S_IXUSR)


def test_equal_content_is_kept_once(tmp_path: Path) -> None:
    """Two datasets with equal bytes share one object; the second output leaves nothing in staging."""
    one = kept({"a": 1}, ValueKind.JSON, tmp_path, "x.json")
    inode = object_of(one).stat().st_ino
    two = kept({"a": 1}, ValueKind.JSON, tmp_path, "deep/er/y.json")
    assert object_of(two).stat().st_ino == inode
    assert list((tmp_path / ".penstock/staging").iterdir()) == []


def test_what_equals_an_object_is_not_brought_to_the_disk_in_vain(tmp_path: Path) -> None:
    """It is thrown away; beside a torn object it is brought there. Should the object be swept before it is kept,
    what was staged becomes the object after all, read-only and dated now."""

    def staged(value: str, path: str) -> Staged:
        place = Place(root=str(tmp_path), path=path)
        return stage(value * SMALL, kind=ValueKind.TEXT, place=place, run_id="run-1", dataset="data")

    first = staged("ab", "x.txt")
    assert first.sealed
    keep(first)
    again = staged("ab", "y.txt")
    assert not again.sealed
    assert staged("cd", "y.txt").sealed
    object_of(first).unlink()
    os.utime(again.paths[0], (1, 1))
    keep(again)
    assert verify(again.manifest, again.place) == []
    there = object_of(again).stat()
    assert there.st_mtime > 1e9
    assert not there.st_mode & (stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH)
    object_of(again).chmod(0o644)
    object_of(again).write_bytes(b"")
    assert staged("ab", "z.txt").sealed


@pytest.mark.parametrize(
    ("value", "kind", "path", "small"),
    [
        pytest.param({"a": 1}, ValueKind.JSON, "x.json", True, id="json"),
        pytest.param(b"x" * SMALL, ValueKind.BYTES, "x.bin", True, id="as many bytes as are small"),
        pytest.param(b"x" * (SMALL + 1), ValueKind.BYTES, "x.bin", False, id="one more"),
        pytest.param("", ValueKind.TEXT, "x.txt", True, id="none"),
        pytest.param(pl.DataFrame({"a": [1]}), ValueKind.FRAME, "x.parquet", True, id="what a library writes"),
    ],
)
def test_a_small_file_gives_its_bytes(value: Any, kind: ValueKind, path: str, small: bool, tmp_path: Path) -> None:
    """Up to 16 KiB they are there to be recorded, the same as the file has; the object is read-only either way."""
    one = kept(value, kind, tmp_path, path)
    assert one.small == (object_of(one).read_bytes() if small else None)
    assert not object_of(one).stat().st_mode & (stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH)


def syncs_of(work: Callable[[], object]) -> int:
    """How many syncs the work asks for."""
    count = 0

    def count_calls(_frame: FrameType, event: str, called: object) -> None:
        nonlocal count
        count += event == "c_call" and called is os.fsync

    sys.setprofile(count_calls)
    try:
        work()
    finally:
        sys.setprofile(None)
    return count


def test_what_a_dead_process_left_is_looked_into(tmp_path: Path) -> None:
    """Nobody has brought a small object to the disk that no row names: what takes it does, or its row will; and of
    other bytes it is replaced."""
    orphan = object_of(kept("abc", ValueKind.TEXT, tmp_path, "x.txt"))
    folder = tmp_path / "of" / "files"
    folder.mkdir(parents=True)
    (folder / "x.txt").write_text("abc")
    place = Place(root=str(tmp_path), path="m/")
    taken = stage(folder, kind=ValueKind.PATH, place=place, run_id="run-1", dataset="data")
    assert syncs_of(lambda: keep(taken)) == 4, "the object and its folders"
    orphan.chmod(0o644)
    orphan.write_bytes(b"\0\0\0")
    again = stage("abc", kind=ValueKind.TEXT, place=Place(root=str(tmp_path), path="x.txt"), run_id="2", dataset="data")
    assert syncs_of(lambda: keep(again)) == 0
    assert verify(again.manifest, again.place) == []
    assert verify(taken.manifest, taken.place) == []


def test_small_objects_are_synced_alone_and_together(tmp_path: Path) -> None:
    """Few and many; one that is gone is passed over, one that cannot be synced is a fault that names it."""
    there = [object_of(kept({"a": number}, ValueKind.JSON, tmp_path, f"x{number}.json")) for number in range(40)]
    paths = [str(path) for path in there]
    sync(paths)
    there[3].unlink()
    sync(paths[:5])
    sync([])
    with pytest.raises(StorageFault, match="bringing to the disk /dev/null/objects/ab/abc"):
        sync(["/dev/null/objects/ab/abc.json"])
    with pytest.raises(StorageFault, match="bringing to the disk"):
        sync([f"/dev/null/objects/ab/{number}.json" for number in range(40)])


def test_a_small_object_is_restored(tmp_path: Path) -> None:
    """Torn, of other bytes, or gone with its folder: it is there again, read-only; what is whole is left alone."""
    one = kept({"a": 1}, ValueKind.JSON, tmp_path, "x.json")
    path, content = object_of(one), one.small
    assert content is not None

    def restored() -> bool:
        return restore(str(path), content, manifest=one.manifest, place=one.place)

    assert not restored()
    for damage in (b"", b"x" * len(content)):
        path.chmod(0o644)
        path.write_bytes(damage)
        assert restored()
        assert verify(one.manifest, one.place) == []
    shutil.rmtree(path.parent)
    assert restored()
    assert verify(one.manifest, one.place) == []
    assert not path.stat().st_mode & stat.S_IWUSR


def test_keeping_twice_changes_nothing(tmp_path: Path) -> None:
    """`keep` can be called again after any crash: what is there stays, what is missing is a fault."""
    one = kept({"a": 1}, ValueKind.JSON, tmp_path, "x.json")
    keep(one)
    assert present(one.manifest, one.place)
    object_of(one).unlink()
    with pytest.raises(StorageFault, match=r"'data'.*No such file"):
        keep(one)


def test_keeping_goes_on_where_it_stopped(model: Staged, tmp_path: Path) -> None:
    """A crash between two files leaves one kept and one staged; the next call keeps the rest."""
    source = tmp_path / "more"
    source.mkdir()
    for name in "abc":
        (source / name).write_text(name)
    staged = stage(source, kind=ValueKind.PATH, place=model.place, run_id="run-2", dataset="data")
    first = Path(object_path(staged.place.hidden, staged.manifest.files[0].digest, ""))
    first.parent.mkdir(exist_ok=True)
    Path(staged.paths[0]).rename(first)  # what a dead process had done
    keep(staged)
    assert present(staged.manifest, staged.place)
    assert verify(staged.manifest, staged.place) == []


def test_a_touched_object_is_not_old(tmp_path: Path) -> None:
    """Taking an object that is there makes it young, so that a sweep spares what is about to be published."""
    one = kept({"a": 1}, ValueKind.JSON, tmp_path, "x.json")
    os.utime(object_of(one), (1, 1))
    kept({"a": 1}, ValueKind.JSON, tmp_path, "y.json")
    assert object_of(one).stat().st_mtime > 1e9


def test_old_dates_of_a_producers_files_do_not_count(tmp_path: Path) -> None:
    """A file unpacked with the date of long ago is a new object all the same."""
    source = tmp_path / "source.bin"
    source.write_bytes(b"x")
    os.utime(source, (1, 1))
    assert object_of(kept(source, ValueKind.PATH, tmp_path, "x.bin")).stat().st_mtime > 1e9


def test_missing_and_damaged_bytes_are_found(model: Staged) -> None:
    """`present` looks at sizes, `verify` at bytes; both say no to what is missing."""
    manifest, place = model.manifest, model.place
    assert present(manifest, place)
    assert verify(manifest, place) == []
    path = Path(object_path(place.hidden, manifest.files[0].digest, ".bin"))
    path.chmod(0o644)
    path.write_bytes(b"SAME")
    assert present(manifest, place)
    assert verify(manifest, place) == [str(path), str(path)]  # two files of the version
    path.write_bytes(b"short of it")
    assert not present(manifest, place)
    path.unlink()
    assert not present(manifest, place)
    assert str(path) in verify(manifest, place)


def test_a_damaged_object_is_replaced(tmp_path: Path) -> None:
    """An object of the wrong size (a crash of the machine, a hand) is healed by the next equal output."""
    one = kept({"a": 1}, ValueKind.JSON, tmp_path, "x.json")
    object_of(one).chmod(0o644)
    object_of(one).write_bytes(b"")
    kept({"a": 1}, ValueKind.JSON, tmp_path, "x.json")
    assert verify(one.manifest, one.place) == []


def test_data_without_files_is_present(tmp_path: Path) -> None:
    """A token and an observed version need no object of ours."""
    place = Place(root=str(tmp_path), path="x.csv")
    observed = FileEntry(path="", size=3, digest="etag:1")
    assert present(Manifest(suffix="", token="t1"), place)
    assert present(Manifest(suffix=".csv", files=(observed,)), place)


def test_missing_bytes_are_a_fault_that_names_them(tmp_path: Path) -> None:
    """Dataset, version, digest and path, and what to do."""
    one = kept({"a": 1}, ValueKind.JSON, tmp_path, "x.json")
    object_of(one).unlink()
    with pytest.raises(StorageFault) as caught:
        read(one.manifest, kind=ValueKind.JSON, place=one.place, dataset="data")
    for part in ("'data'", one.manifest.digest[:12], one.manifest.files[0].digest[:12], str(object_of(one))):
        assert part in caught.value.message
    assert caught.value.hint


def test_readers_never_look_at_the_uri(tmp_path: Path) -> None:
    """What stands at the dataset's own address does not matter to a pinned version."""
    one = kept({"a": 1}, ValueKind.JSON, tmp_path, "x.json")
    (tmp_path / "x.json").write_text("something else")
    assert read(one.manifest, kind=ValueKind.JSON, place=one.place, dataset="data") == {"a": 1}


def test_a_lazy_frame_is_a_scan(tmp_path: Path) -> None:
    """Nothing is loaded: the plan reads the object when it is collected."""
    one = kept(pl.DataFrame({"a": [1, 2]}), ValueKind.FRAME, tmp_path, "x.parquet")
    scan = read(one.manifest, kind=ValueKind.LAZY_FRAME, place=one.place, dataset="data")
    assert isinstance(scan, pl.LazyFrame)
    assert "Parquet SCAN" in scan.explain()


def test_an_annotation_that_the_format_cannot_give_is_named(tmp_path: Path) -> None:
    """A reader that asks for a frame of JSON is told what JSON gives."""
    one = kept({"a": 1}, ValueKind.JSON, tmp_path, "x.json")
    with pytest.raises(ValueMismatch, match=r"'x.json' is json, which gives a JSON value .*, bytes"):
        read(one.manifest, kind=ValueKind.LAZY_FRAME, place=one.place, dataset="data")


# --- directories


def test_a_directory_is_a_read_only_view(model: Staged) -> None:
    """Hard links to objects, in folders that nobody adds to; the second reader gets the same view."""
    view = read(model.manifest, kind=ValueKind.PATH, place=model.place, dataset="data")
    assert sorted(path.relative_to(view).as_posix() for path in view.rglob("*")) == [
        "a.bin",
        "c.json",
        "in",
        "in/b.bin",
    ]
    assert (view / "in/b.bin").stat().st_ino == (view / "a.bin").stat().st_ino
    assert not view.stat().st_mode & stat.S_IWUSR
    assert not (view / "a.bin").stat().st_mode & stat.S_IWUSR
    assert read(model.manifest, kind=ValueKind.PATH, place=model.place, dataset="data") == view
    assert [path.name for path in view.parent.iterdir()] == [model.manifest.digest]


def test_a_damaged_view_is_made_again(model: Staged) -> None:
    """A view that lost a file is not handed out."""
    view = read(model.manifest, kind=ValueKind.PATH, place=model.place, dataset="data")
    view.chmod(0o755)
    (view / "c.json").unlink()
    again = read(model.manifest, kind=ValueKind.PATH, place=model.place, dataset="data")
    assert (again / "c.json").read_text() == "{}"
    assert [path.name for path in view.parent.iterdir()] == [model.manifest.digest]


def test_a_directory_with_a_missing_object_is_a_fault(model: Staged) -> None:
    """No view is made of half a version."""
    Path(object_path(model.place.hidden, model.manifest.files[1].digest, ".json")).unlink()
    with pytest.raises(StorageFault, match=r"c.json"):
        read(model.manifest, kind=ValueKind.PATH, place=model.place, dataset="data")
    assert not Path(model.place.hidden, "views").exists()
