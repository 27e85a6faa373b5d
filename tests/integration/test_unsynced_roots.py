"""What small objects lost is made good under the root that they belong to, by whatever path that is reached, and never
elsewhere; what is made good halfway is made good again."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from penstock import Dataset, asset, materialize
from penstock.storage.errors import PenstockError
from penstock.storage.meta.database.engine import Store
from penstock.storage.meta.unsynced import left

pytestmark = pytest.mark.databases("sqlite", "postgresql")
ANSWER = b'"the right answer"\n'


class Site:
    """A project of which a small asset was published, by a process that was then killed."""

    def __init__(self, folder: Path, databases: Any) -> None:
        self.folder, self.url = folder, databases.fresh(prepared=False, file=folder / "home" / "penstock.db")

    def make(self, root: Path, *, killed: bool = False, broken: Callable[[], None] | None = None) -> int:
        """Materialize under this data root, in a child that may kill itself in the second asset, or do something
        first; its exit code, or the negative signal."""
        killing = killed  # a producer's constants are part of its code

        @asset("first.json")
        def first() -> str:
            return "the right answer"

        def again(first: str) -> str:
            if os.environ.get("KILLED"):
                os.kill(os.getpid(), signal.SIGKILL)
            return first

        second = asset("second.json", name="second", on=first)(again)
        child = os.fork()
        if child == 0:
            code = 1
            try:
                os.chdir(self.folder)
                os.environ["KILLED"] = "yes" if killing else ""
                if broken is not None:
                    broken()
                there = {"home": str(self.folder / "home"), "database": self.url, "project": "roots"}
                code = 0 if materialize([first, second], data_root=str(root), **there).ok else 1
            except PenstockError:
                code = 2
            finally:
                os._exit(code)
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

    def left(self) -> list[str]:
        """The datasets of which the database has bytes."""
        store = Store(self.url, project="roots")
        with store.read() as tx:
            found = [one.uri for one in left(tx, "roots")]
        store.close()
        return found


def objects(root: Path) -> list[Path]:
    """Every object under a root."""
    return sorted((root / ".penstock" / "objects").rglob("*.json"))


def tear(*files: Path) -> None:
    """What a loss of power may leave: the size, and zeros."""
    for one in files:
        one.chmod(0o644)
        one.write_bytes(b"\0" * one.stat().st_size)


@pytest.fixture
def site(tmp_path: Path, databases: Any) -> Site:
    """A project, killed in its second asset, with its root at `data`."""
    made = Site(tmp_path, databases)
    assert made.make(tmp_path / "data", killed=True) == -signal.SIGKILL
    assert made.left() == ["first.json"]
    return made


@pytest.mark.parametrize("way", ["there", "back"])
def test_a_link_leads_to_the_same_root(tmp_path: Path, databases: Any, way: str) -> None:
    """Published by one path and opened by another, bytes that were lost are made good."""
    (tmp_path / "data").mkdir()
    (tmp_path / "link").symlink_to("data")
    paths = [tmp_path / "link", tmp_path / "data"]
    first, then = paths if way == "there" else paths[::-1]
    site = Site(tmp_path, databases)
    site.make(first, killed=True)
    tear(*objects(tmp_path / "data"), tmp_path / "data" / "first.json")
    assert site.make(then) == 0
    assert (tmp_path / "data" / "second.json").read_bytes() == ANSWER
    assert site.left() == []


def test_a_copy_of_a_root_is_made_good_too(tmp_path: Path, site: Site) -> None:
    """A copy is the same root, also while the one it was copied from is there."""
    tear(*objects(tmp_path / "data"))
    shutil.copytree(tmp_path / "data", tmp_path / "copy")
    assert site.make(tmp_path / "copy") == 0
    assert (tmp_path / "copy" / "second.json").read_bytes() == ANSWER


def test_a_root_that_is_not_mounted_keeps_what_waits_for_it(tmp_path: Path, site: Site) -> None:
    """An empty folder in the place of the root takes nothing away; once the root is there again its bytes are made
    good."""
    tear(*objects(tmp_path / "data"), tmp_path / "data" / "first.json")
    (tmp_path / "data").rename(tmp_path / "disk")
    (tmp_path / "data").mkdir()
    site.make(tmp_path / "data")
    assert "first.json" in site.left()
    shutil.rmtree(tmp_path / "data")
    (tmp_path / "disk").rename(tmp_path / "data")
    assert site.make(tmp_path / "data") == 0
    assert objects(tmp_path / "data")[0].read_bytes() == ANSWER
    assert (tmp_path / "data" / "first.json").read_bytes() == ANSWER


def test_making_good_that_was_cut_off_is_done_again(tmp_path: Path, site: Site) -> None:
    """Killed when the objects were written and nothing else, the next process still shows them at their URIs."""
    uri = tmp_path / "data" / "first.json"
    tear(*objects(tmp_path / "data"), uri)

    def killed_when_it_syncs() -> None:
        from penstock.assets.run.project import durable  # noqa: PLC0415  in the child alone

        durable.sync = lambda _paths: os.kill(os.getpid(), signal.SIGKILL)

    assert site.make(tmp_path / "data", broken=killed_when_it_syncs) == -signal.SIGKILL
    assert objects(tmp_path / "data")[0].read_bytes() == ANSWER
    assert site.make(tmp_path / "data") == 0
    assert uri.read_bytes() == ANSWER


def test_a_torn_copy_at_a_uri_is_shown_again_though_its_object_is_sound(tmp_path: Path, site: Site) -> None:
    """Copies were not synced either: the process that was cut off left them in doubt."""
    uri = tmp_path / "data" / "first.json"
    tear(uri)
    assert site.make(tmp_path / "data") == 0
    assert uri.read_bytes() == ANSWER


def test_what_a_process_that_lives_has_published_is_left_to_it(tmp_path: Path, databases: Any) -> None:
    """It brings that to the disk itself, and what somebody writes to its URIs meanwhile is theirs."""
    site = Site(tmp_path, databases)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        import signal as of_child  # noqa: PLC0415

        @asset("first.json")
        def first() -> str:
            return "the right answer"

        @asset("second.json", on=first)
        def second(first: str) -> str:
            os.write(writing, b"!")
            of_child.pause()
            return first

        os.chdir(tmp_path)
        there = {"home": str(tmp_path / "home"), "database": site.url, "project": "roots"}
        materialize([first, second], data_root=str(tmp_path / "data"), **there)
        os._exit(0)
    os.read(reading, 1)
    try:
        (tmp_path / "data" / "first.json").write_bytes(b'"mine"\n')

        @asset("other.json", on=Dataset("first.json"))
        def other() -> int:
            return 1

        home = {"home": str(tmp_path / "home"), "database": site.url, "project": "roots"}
        materialize([other], data_root=str(tmp_path / "data"), **home)
        assert (tmp_path / "data" / "first.json").read_bytes() == b'"mine"\n'
        assert site.left() == ["first.json"]
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
