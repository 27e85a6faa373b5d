"""Head: the dataset's own URI equals a version, and nothing that others put there is lost."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from penstock.storage.errors import StorageFault
from penstock.storage.files import head
from penstock.storage.files.head import show
from penstock.storage.files.layout import Place
from penstock.storage.files.objects import keep, verify
from penstock.storage.files.staging import stage
from penstock.storage.manifest import Manifest
from penstock.storage.types import ValueKind

Make = Callable[[str], Manifest]


@pytest.fixture(params=[0, 1 << 20], ids=["known by a record", "known by content"])
def place(tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Place:
    """A dataset of one file, which counts as large or as small."""
    monkeypatch.setattr(head, "_REMEMBERED", request.param)
    return Place(root=str(tmp_path), path="out/some data.txt")


@pytest.fixture
def model(tmp_path: Path) -> Place:
    """A dataset that is a directory."""
    return Place(root=str(tmp_path), path="models/ranker/")


def version(place: Place, text: str) -> Manifest:
    """A kept version whose content is a text, or for a directory files of that text."""
    if not place.directory:
        staged = stage(text, kind=ValueKind.TEXT, place=place, run_id="run-1", dataset="data")
    else:
        source = Path(place.root, "source")
        (source / "in").mkdir(parents=True, exist_ok=True)
        (source / "a").write_text(text)
        (source / "in/b").write_text(text + text)
        staged = stage(source, kind=ValueKind.PATH, place=place, run_id="run-1", dataset="data")
    keep(staged)
    return staged.manifest


def aside(place: Place) -> list[Path]:
    """What was set aside."""
    return sorted(Path(place.hidden, "aside").glob("*/*"))


def strays(place: Place) -> list[str]:
    """What lies beside the URI and should not."""
    return [path.name for path in Path(place.target).parent.iterdir() if path.name != Path(place.target).name]


# --- one file


def test_the_uri_shows_the_version(place: Place) -> None:
    """A new version takes the place of the one before; nothing else is left beside it."""
    one, two = version(place, "one"), version(place, "two")
    assert show(one, place).changed
    assert Path(place.target).read_text() == "one"
    assert not show(one, place).changed
    assert show(two, place) == head.Shown(changed=True)
    assert Path(place.target).read_text() == "two"
    assert show(one, place) == head.Shown(changed=True)
    assert (strays(place), aside(place)) == ([], [])


def test_writing_to_the_uri_harms_no_version(place: Place) -> None:
    """Nothing outside shares a file with the objects: not even an append through the old inode."""
    one = version(place, "one")
    show(one, place)
    with Path(place.target).open("a") as file:
        file.write("more")
    assert verify(one, place) == []


def test_foreign_content_is_set_aside(place: Place) -> None:
    """A file that others wrote there is moved, whole, to `.penstock/aside`, and the answer says where."""
    Path(place.target).parent.mkdir()
    Path(place.target).write_text("theirs")
    shown = show(version(place, "one"), place)
    assert Path(place.target).read_text() == "one"
    assert Path(shown.aside).read_text() == "theirs"
    Path(place.target).write_text("drift")
    shown = show(version(place, "two"), place)
    assert Path(shown.aside).read_text() == "drift"
    assert len(aside(place)) == 2


def test_drift_from_the_same_version_is_mended(place: Place) -> None:
    """Showing the head again after a foreign write brings it back and keeps what was written."""
    one = version(place, "one")
    show(one, place)
    Path(place.target).write_text("drift")
    assert show(one, place).changed
    assert Path(place.target).read_text() == "one"
    assert [path.read_text() for path in aside(place)] == ["drift"]


def test_a_foreign_link_is_set_aside_and_not_followed(place: Place, tmp_path: Path) -> None:
    """What a link at the URI points at is not written to."""
    theirs = tmp_path / "theirs"
    theirs.write_text("theirs")
    Path(place.target).parent.mkdir()
    Path(place.target).symlink_to(theirs)
    show(version(place, "one"), place)
    assert theirs.read_text() == "theirs"
    assert not Path(place.target).is_symlink()
    assert aside(place)[0].is_symlink()


def test_equal_content_is_not_foreign(place: Place) -> None:
    """A file that others brought with the same bytes stays as it is and counts as shown."""
    one = version(place, "one")
    Path(place.target).parent.mkdir()
    Path(place.target).write_text("one")
    inode = Path(place.target).stat().st_ino
    assert not show(one, place).changed
    assert Path(place.target).stat().st_ino == inode
    show(version(place, "two"), place)
    assert aside(place) == []


def test_a_touch_or_a_restored_backup_is_not_foreign(place: Place) -> None:
    """Our own bytes are recognised by content where time and inode have changed."""
    show(version(place, "one"), place)
    os.utime(place.target, (1, 1))
    show(version(place, "two"), place)
    Path(place.target).unlink()
    Path(place.target).write_text("two")
    show(version(place, "three"), place)
    assert aside(place) == []


def test_a_deleted_file_is_shown_again(place: Place) -> None:
    """Nothing at the URI is no obstacle, nor is an empty directory."""
    one = version(place, "one")
    show(one, place)
    Path(place.target).unlink()
    assert show(one, place).changed
    Path(place.target).unlink()
    Path(place.target).mkdir()
    assert show(one, place).changed
    assert Path(place.target).read_text() == "one"


def test_a_directory_in_the_way_is_refused(place: Place) -> None:
    """Content in a directory that we did not make is not moved about; the fault says what to do."""
    Path(place.target).mkdir(parents=True)
    Path(place.target, "theirs").write_text("x")
    with pytest.raises(StorageFault, match="directory with something in it") as caught:
        show(version(place, "one"), place)
    assert 'publish="none"' in caught.value.hint
    assert Path(place.target, "theirs").read_text() == "x"


@pytest.mark.parametrize("crash_at", ["copy_file", "_write_record", "_set_aside"])
@pytest.mark.parametrize("foreign", [False, True])
def test_a_crash_at_any_step_is_healed(
    place: Place, crash_at: str, foreign: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a crash before or after any step, showing the newer version again neither fails nor cries drift."""
    show(version(place, "one"), place)
    if foreign:
        Path(place.target).write_text("theirs")
    two = version(place, "two")
    step = getattr(head, crash_at)

    def dies_after(*args: object) -> object:
        step(*args)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, suppress(KeyboardInterrupt):  # not every step is taken every time
        patch.setattr(head, crash_at, dies_after)
        show(two, place)
    show(two, place)
    assert Path(place.target).read_text() == "two"
    assert [path.read_text() for path in aside(place)] == (["theirs"] if foreign else [])
    assert strays(place) == []


def test_a_torn_record_costs_a_look_at_the_content(place: Place) -> None:
    """Half a record of what was shown does not break showing."""
    one = version(place, "one")
    show(one, place)
    for record in Path(place.hidden, "heads").glob("*.json"):
        record.write_text('[["a')
    assert not show(one, place).changed
    show(version(place, "two"), place)
    assert aside(place) == []


# --- a directory


def content(place: Place) -> dict[str, str]:
    """What the outside world reads below the URI."""
    top = Path(place.target)
    return {path.relative_to(top).as_posix(): path.read_text() for path in top.rglob("*") if path.is_file()}


def test_a_directory_is_a_link_that_flips(model: Place) -> None:
    """The URI is a link to a folder of copies; a new version is another folder, whole before it is pointed at."""
    one, two = version(model, "1"), version(model, "2")
    assert show(one, model).changed
    assert content(model) == {"a": "1", "in/b": "11"}
    assert Path(model.target).is_symlink()
    assert not Path(model.target).readlink().is_absolute()
    assert not show(one, model).changed
    assert show(two, model) == head.Shown(changed=True)
    assert content(model) == {"a": "2", "in/b": "22"}
    assert show(one, model) == head.Shown(changed=True)
    assert content(model) == {"a": "1", "in/b": "11"}
    assert (strays(model), aside(model)) == ([], [])


def test_writing_through_the_link_harms_no_version_and_is_kept(model: Place) -> None:
    """Whoever writes into the shown directory changes a copy; the next showing sets that copy aside."""
    one = version(model, "1")
    show(one, model)
    Path(model.target, "a").write_text("drift")
    Path(model.target, "new").write_text("new")
    assert verify(one, model) == []
    assert show(one, model).changed
    assert content(model) == {"a": "1", "in/b": "11"}
    assert [(path / "a").read_text() + (path / "new").read_text() for path in aside(model)] == ["driftnew"]


def test_an_edited_directory_is_set_aside_when_another_version_comes(model: Place) -> None:
    """Edits to the folder that is flipped away are not left to a sweep."""
    show(version(model, "1"), model)
    Path(model.target, "new").write_text("new")
    show(version(model, "2"), model)
    assert content(model) == {"a": "2", "in/b": "22"}
    assert [(path / "new").read_text() for path in aside(model)] == ["new"]


def test_a_real_directory_in_the_way_is_refused(model: Place) -> None:
    """A directory with content stays; an empty one is taken for nothing."""
    one = version(model, "1")
    Path(model.target).mkdir(parents=True)
    Path(model.target, "theirs").write_text("x")
    with pytest.raises(StorageFault, match=r"Move it away|something in it"):
        show(one, model)
    Path(model.target, "theirs").unlink()
    show(one, model)
    assert content(model) == {"a": "1", "in/b": "11"}


def test_a_foreign_file_or_link_makes_room_for_a_directory(model: Place, tmp_path: Path) -> None:
    """It is set aside; what a link pointed at is untouched."""
    Path(model.target).parent.mkdir()
    Path(model.target).write_text("theirs")
    show(version(model, "1"), model)
    other = tmp_path / "other"
    other.mkdir()
    (other / "x").write_text("x")
    Path(model.target).unlink()
    Path(model.target).symlink_to(other)
    show(version(model, "1"), model)
    assert content(model) == {"a": "1", "in/b": "11"}
    assert (other / "x").read_text() == "x"
    assert len(aside(model)) == 2


@pytest.mark.parametrize("crash_at", ["copy_file", "_write_record", "_copy_all", "_remove"])
def test_a_crash_while_a_directory_is_shown_is_healed(
    model: Place, crash_at: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The old version stands until the new one is whole; the next showing finishes it."""
    show(version(model, "1"), model)
    two = version(model, "2")
    step = getattr(head, crash_at)

    def dies_after(*args: object) -> object:
        step(*args)
        raise KeyboardInterrupt

    monkeypatch.setattr(head, crash_at, dies_after)
    with pytest.raises(KeyboardInterrupt):
        show(two, model)
    monkeypatch.undo()
    assert content(model) == {"a": "1", "in/b": "11"}
    show(two, model)
    assert content(model) == {"a": "2", "in/b": "22"}
    assert (strays(model), aside(model)) == ([], [])


def test_a_root_behind_a_link_works(tmp_path: Path) -> None:
    """The link at the URI leads to the right folder though the root is reached through a link itself."""
    (tmp_path / "real").mkdir()
    (tmp_path / "alias").symlink_to("real")
    place = Place(root=str(tmp_path / "alias"), path="m/")
    show(version(place, "1"), place)
    assert Path(tmp_path, "real/m/a").read_text() == "1"
    assert not show(version(place, "1"), place).changed
