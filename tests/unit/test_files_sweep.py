"""Sweep: what nobody needs goes; what anybody may need stays."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from penstock.storage.files.head import show
from penstock.storage.files.layout import Place, object_keys, object_path
from penstock.storage.files.objects import keep, present, verify
from penstock.storage.files.reading import read
from penstock.storage.files.staging import Staged, output_path, stage
from penstock.storage.files.sweep import Swept, sweep
from penstock.storage.types import ValueKind

HOUR = timedelta(hours=1)
Run = Callable[..., Swept]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A dataset of one file."""
    return Place(root=str(tmp_path), path="x.txt")


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Sweep the root as it will be in a day, so that everything made now is older than the grace period."""

    def swept(live: Any = frozenset[tuple[str, str]](), active: frozenset[str] = frozenset(), **more: Any) -> Swept:
        more.setdefault("now", datetime.now(UTC) + timedelta(days=1))
        return sweep(str(tmp_path), live=live, active_runs=active, older_than=HOUR, **more)

    return swept


def staged(place: Place, text: str, run_id: str = "run-1") -> Staged:
    """Stage a text, or for a directory a file of that text."""
    if not place.directory:
        return stage(text, kind=ValueKind.TEXT, place=place, run_id=run_id, dataset="data")
    source = Path(place.root, "source")
    source.mkdir(exist_ok=True)
    (source / "a.txt").write_text(text)
    return stage(source, kind=ValueKind.PATH, place=place, run_id=run_id, dataset="data")


def kept(place: Place, text: str) -> Staged:
    """Stage and keep it."""
    one = staged(place, text)
    keep(one)
    return one


def test_an_empty_root_is_swept(run: Run) -> None:
    """Nothing there is nothing to do."""
    assert run() == Swept(files=0, bytes=0)


def test_orphans_go_and_live_objects_stay(place: Place, run: Run) -> None:
    """What no version names is removed, and counted."""
    dead, alive = kept(place, "dead!"), kept(place, "alive")
    assert run(set(object_keys(alive.manifest))) == Swept(files=1, bytes=5)
    assert (present(dead.manifest, place), present(alive.manifest, place)) == (False, True)


def test_live_can_be_a_question(place: Place, run: Run) -> None:
    """Asked of each candidate just before it goes, with digest and suffix."""
    one = kept(place, "one")
    asked: list[tuple[str, str]] = []
    run(lambda digest, suffix: bool(asked.append((digest, suffix))) or True)
    assert asked == list(object_keys(one.manifest))
    assert present(one.manifest, place)


def test_what_is_young_stays(place: Place, run: Run) -> None:
    """What is being published is needed before anybody can say so."""
    one, half = kept(place, "one"), staged(place, "half")
    assert run(now=datetime.now(UTC)) == Swept(files=0, bytes=0)
    assert present(one.manifest, place)
    assert Path(half.paths[0]).exists()


def test_a_dry_run_removes_nothing(place: Place, run: Run) -> None:
    """It says what would go."""
    one, half = kept(place, "one"), staged(place, "half")
    assert run(dry_run=True) == Swept(files=2, bytes=7)
    assert present(one.manifest, place)
    assert Path(half.paths[0]).exists()


def test_staging_of_dead_runs_goes(place: Place, run: Run) -> None:
    """Files and directories of runs that are over; those of an active run stay, however old."""
    dead, alive = staged(place, "dead", "dead"), staged(place, "alive", "alive")
    model = Place(root=place.root, path="m/")
    for run_id in ("dead", "alive"):
        (output_path(model, run_id) / "half").write_text("half")
    assert run(active=frozenset({"alive"})) == Swept(files=2, bytes=8)
    assert [Path(one.paths[0]).exists() for one in (dead, alive)] == [False, True]
    assert sorted(path.name.partition("~")[0] for path in Path(place.hidden, "staging").iterdir()) == ["alive", "alive"]


def test_an_object_taken_by_a_keep_meanwhile_stays(place: Place, run: Run) -> None:
    """A `keep` that finds an orphan just as it is swept wins: the object is there for its version."""
    one = kept(place, "one")
    again = staged(place, "one")

    def question(digest: str, suffix: str) -> bool:
        keep(again)  # between the question and the removal
        os.utime(object_path(place.hidden, digest, suffix), (2e9, 2e9))  # now, as seen in a day
        return False

    assert run(question, active=frozenset({"run-1"})) == Swept(files=0, bytes=0)
    assert present(one.manifest, place)
    assert verify(one.manifest, place) == []


def test_a_sweep_that_died_is_finished_by_the_next(place: Place, run: Run) -> None:
    """An object taken from under its name, and not removed, stands under it again before anything is decided."""
    (key,) = object_keys(kept(place, "one").manifest)
    path = Path(object_path(place.hidden, *key))
    path.rename(f"{path}~")
    assert run({key}) == Swept(files=0, bytes=0)
    assert path.read_text() == "one"
    assert list(path.parent.iterdir()) == [path]


def test_views_live_as_long_as_their_objects(place: Place, run: Run) -> None:
    """A view of a version that is kept stays for its readers; that of one that went goes with it."""
    model = Place(root=place.root, path="m/")
    alive, dead = kept(model, "alive"), kept(model, "dead")
    views = [read(one.manifest, kind=ValueKind.PATH, place=model, dataset="data") for one in (alive, dead)]
    (views[0].parent / f"{views[0].name}~1-1").mkdir()  # of a process that died while making it
    run(set(object_keys(alive.manifest)))
    assert [view.exists() for view in views] == [True, False]
    assert list(views[0].parent.iterdir()) == [views[0]]


def test_folders_behind_a_head_go(place: Place, run: Run) -> None:
    """Copies that the URI no longer points at are removed; edited ones are set aside; the shown one stays."""
    model = Place(root=place.root, path="m/")
    versions = [kept(model, text) for text in ("1", "2", "3")]
    for one in versions:
        show(one.manifest, model)
    folders = [Path(model.hidden, "heads", model.slug, one.manifest.digest) for one in versions]
    (folders[0] / "theirs").write_text("theirs")
    for folder in folders:
        os.utime(folder, (1, 1))
    run(lambda *_: True)
    assert [folder.exists() for folder in folders] == [False, False, True]
    assert Path(model.target, "a.txt").read_text() == "3"
    assert [path.read_text() for path in Path(model.hidden, "aside").rglob("theirs")] == ["theirs"]
    assert run(lambda *_: True) == Swept(files=0, bytes=0)


def test_what_was_set_aside_is_never_swept(place: Place, run: Run) -> None:
    """It belongs to somebody who does not know yet."""
    Path(place.target).write_text("theirs")
    aside = Path(show(kept(place, "ours").manifest, place).aside)
    run()
    assert aside.read_text() == "theirs"
