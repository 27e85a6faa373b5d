"""What a process left behind that did not bring its small objects to the disk is for the root that it worked in."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest

from penstock import asset, materialize
from penstock.storage.errors import PenstockError
from penstock.storage.meta.database.engine import Store
from penstock.storage.meta.unsynced import left

pytestmark = pytest.mark.databases("sqlite", "postgresql")


class Site:
    """A project whose process was killed after it had published one small asset."""

    def __init__(self, folder: Path, databases: Any) -> None:
        self.folder, self.url = folder, databases.fresh(prepared=False, file=folder / "home" / "penstock.db")
        self.make("data", killed=True)

    def make(self, root: str, *, killed: bool = False) -> None:
        """Materialize under this data root, in a child that may kill itself in the second asset."""

        @asset("first.json")
        def first() -> int:
            return 1

        @asset("second.json", on=first)
        def second(first: int) -> int:
            if killed:
                os.kill(os.getpid(), signal.SIGKILL)
            return first + 1

        child = os.fork()
        if child == 0:
            try:
                os.chdir(self.folder)
                there = {"home": str(self.folder / "home"), "database": self.url, "project": "elsewhere"}
                materialize([first, second], data_root=root if "://" in root else str(self.folder / root), **there)
            except PenstockError:
                pass
            finally:
                os._exit(0)
        os.waitpid(child, 0)

    def left(self) -> list[str]:
        """The datasets of which the database has bytes."""
        store = Store(self.url, project="elsewhere")
        with store.read() as tx:
            found = [one.uri for one in left(tx, "elsewhere")]
        store.close()
        return found


@pytest.mark.parametrize("other", ["memory://there/it/is", "other"])
def test_another_root_does_not_take_it(tmp_path: Path, databases: Any, other: str) -> None:
    """It stays in the database while another root is used, and is made good when its own is."""
    site = Site(tmp_path, databases)
    assert site.left() == ["first.json"]
    (object_,) = (tmp_path / "data" / ".penstock" / "objects").rglob("*.json")
    object_.chmod(0o644)
    object_.write_bytes(b"")
    site.make(other)
    assert "first.json" in site.left()
    assert not list(tmp_path.glob("memory*"))
    site.make("data")
    assert site.left() == []
    assert object_.read_bytes() == b"1\n"


def test_a_root_that_was_moved_takes_it_along(tmp_path: Path, databases: Any) -> None:
    """The old one is no more: what is left belongs to where it went."""
    site = Site(tmp_path, databases)
    shutil.move(tmp_path / "data", tmp_path / "moved")
    (object_,) = (tmp_path / "moved" / ".penstock" / "objects").rglob("*.json")
    object_.unlink()
    site.make("moved")
    assert site.left() == []
    assert object_.read_bytes() == b"1\n"
