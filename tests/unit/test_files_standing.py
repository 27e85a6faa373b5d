"""What stands at a dataset's URI is told from its head: by stamps where they were recorded, else by content."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from penstock.storage.files import head
from penstock.storage.files.head import Standing, show, standing
from penstock.storage.files.layout import Place
from penstock.storage.files.objects import keep
from penstock.storage.files.staging import stage
from penstock.storage.manifest import Manifest
from penstock.storage.types import ValueKind

Write = Callable[[Path], None]


@pytest.fixture(params=[0, 1 << 20], ids=["large", "small"])
def large(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether files count as large: they are known by a record then."""
    monkeypatch.setattr(head, "_REMEMBERED", request.param)
    return request.param == 0


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A dataset of one file."""
    return Place(root=str(tmp_path), path="out/some data.txt")


@pytest.fixture
def shown(place: Place, large: bool) -> Manifest:
    """Its head, at its URI."""
    return _shown("first", place)


def _shown(text: str, place: Place) -> Manifest:
    staged = stage(text, kind=ValueKind.TEXT, place=place, run_id="r", dataset="data")
    keep(staged)
    show(staged.manifest, place)
    return staged.manifest


def _overwrite(target: Path) -> None:
    target.write_text("other")


def _replace(target: Path) -> None:
    target.with_name("new").write_text("other")
    target.with_name("new").replace(target)


def _copy_with_times(target: Path) -> None:
    """Same size, inode and time of writing."""
    status = target.stat()
    target.write_text("other")
    os.utime(target, ns=(status.st_atime_ns, status.st_mtime_ns))


@pytest.mark.parametrize("write", [_overwrite, _replace])
def test_other_content_of_the_same_size_is_drift(place: Place, shown: Manifest, large: bool, write: Write) -> None:
    """Of a large file it is suspected by its stamp and told by its content, of a small one told at once."""
    assert standing(shown, place, read=False) is standing(shown, place, read=True) is Standing.SHOWN
    write(Path(place.target))
    assert standing(shown, place, read=False) is (Standing.SUSPECT if large else Standing.CHANGED)
    assert standing(shown, place, read=True) is Standing.CHANGED


def test_times_that_were_set_back_hide_nothing(place: Place, shown: Manifest) -> None:
    """`cp -p` and `touch -r` cannot set the time of the last change."""
    time.sleep(0.02)  # clocks of file systems are as coarse as that
    assert standing(shown, place, read=False) is Standing.SHOWN
    _copy_with_times(Path(place.target))
    assert standing(shown, place, read=False) is not Standing.SHOWN
    assert standing(shown, place, read=True) is Standing.CHANGED


def test_another_size_is_drift_without_reading(place: Place, shown: Manifest) -> None:
    """Nothing has to be suspected."""
    Path(place.target).write_text("much longer")
    assert standing(shown, place, read=False) is Standing.CHANGED


def test_what_was_only_touched_is_read_once(place: Place, shown: Manifest) -> None:
    """Its new stamp is recorded: the next look reads nothing."""
    os.utime(place.target, (5, 5))
    assert standing(shown, place, read=True) is Standing.SHOWN
    assert standing(shown, place, read=False) is Standing.SHOWN


def test_a_deleted_file_and_a_folder_in_its_place(place: Place, shown: Manifest) -> None:
    """Missing, and changed."""
    Path(place.target).unlink()
    assert standing(shown, place, read=False) is Standing.MISSING
    Path(place.target).mkdir()
    assert standing(shown, place, read=True) is Standing.CHANGED


@pytest.fixture
def folder(tmp_path: Path) -> tuple[Place, Manifest]:
    """A directory of two files at its URI."""
    made = tmp_path / "made"
    (made / "deep").mkdir(parents=True)
    (made / "a.txt").write_text("a")
    (made / "deep" / "b.txt").write_text("b")
    place = Place(root=str(tmp_path), path="out/model/")
    staged = stage(made, kind=ValueKind.PATH, place=place, run_id="r", dataset="model")
    keep(staged)
    show(staged.manifest, place)
    return place, staged.manifest


@pytest.mark.parametrize(
    ("command", "quick", "read"),
    [
        ("true", Standing.SHOWN, Standing.SHOWN),
        ("touch deep/b.txt", Standing.SUSPECT, Standing.SHOWN),
        ("printf c > deep/b.txt", Standing.SUSPECT, Standing.CHANGED),
        ("printf c > c.txt", Standing.CHANGED, Standing.CHANGED),
        ("rm a.txt", Standing.CHANGED, Standing.CHANGED),
        ("mv a.txt c.txt", Standing.CHANGED, Standing.CHANGED),
    ],
)
def test_a_directory_is_told_file_by_file(
    folder: tuple[Place, Manifest], command: str, quick: Standing, read: Standing
) -> None:
    """What was written through the link is found, and what was only touched is read once."""
    place, manifest = folder
    subprocess.run(["sh", "-c", command], cwd=place.target, check=True)
    assert standing(manifest, place, read=False) is quick
    assert standing(manifest, place, read=True) is read
    if read is Standing.SHOWN:
        assert standing(manifest, place, read=False) is Standing.SHOWN


def test_a_directory_whose_link_was_taken_is_missing_or_changed(folder: tuple[Place, Manifest]) -> None:
    """Nothing there; a folder of others; a link to one."""
    place, manifest = folder
    Path(place.target).unlink()
    assert standing(manifest, place, read=False) is Standing.MISSING
    shutil.copytree(Path(place.root, "made"), place.target)
    assert standing(manifest, place, read=True) is Standing.CHANGED
    shutil.rmtree(place.target)
    Path(place.target).symlink_to(Path(place.root, "made"))
    assert standing(manifest, place, read=True) is Standing.CHANGED


def test_a_pipe_in_its_place_is_drift_and_holds_nobody_up(place: Place, shown: Manifest) -> None:
    """It is no file, and nobody need ever write to it."""
    Path(place.target).unlink()
    os.mkfifo(place.target)
    assert standing(shown, place, read=True) is Standing.CHANGED
