"""A project on a disk that cannot be written: every question has its answer, and a plan can be made."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

Call = Callable[..., Any]
QUESTIONS = ("status", "runs", "trace words", "impact words", "versions words", "list", "materialize --dry-run", "plan")


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of eight megabytes; skipped where this user may not mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(folder)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        pytest.skip(f"this user may not mount a disk: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.fixture
def made(shop: Path, disk: Path) -> Path:
    """The made project, on the disk."""
    shutil.copytree(shop, disk / "shop")
    return disk / "shop"


def answers(penstock: Call, folder: Path) -> dict[str, str]:
    """What every question answers."""
    said = {question: penstock(folder, *question.split()) for question in QUESTIONS}
    assert all((one.code, one.err) == (0, "") for one in said.values()), said
    return {question: one.out for question, one in said.items()}


def test_a_project_that_does_not_fit_leaves_nothing_of_itself(disk: Path, penstock: Call) -> None:
    """The next `init`, when there is room, makes it; what was there stays."""
    (disk / "shop").mkdir()
    (disk / "shop" / "mine.txt").write_text("mine")
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(b"x" * 4096)
    os.truncate(filler, filler.stat().st_size - 4096)
    for name in ("shop", "new/deep"):
        said = penstock(disk, "init", name)
        assert said.code == 1
        assert f"the project cannot be made in {disk / name}: No space left on device" in " ".join(said.err.split())
        assert "None" not in said.err
        assert "Free some space on that disk, then try again; nothing was left there." in said.err
    assert sorted(disk.rglob("*")) == [filler, disk / "shop", disk / "shop" / "mine.txt"]
    filler.unlink()
    assert penstock(disk, "init", "shop").code == 0


def test_on_a_read_only_disk_every_question_is_answered(made: Path, disk: Path, penstock: Call) -> None:
    """As before; only what has to be written is refused."""
    before = answers(penstock, made)
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    assert answers(penstock, made) == before
    said = penstock(made, "materialize")
    assert (said.code, said.out) == (1, "")
    assert "cannot be used" in said.err


def test_what_is_not_yet_in_the_file_itself_is_read_too(made: Path, disk: Path, penstock: Call) -> None:
    """A process that was killed leaves a write-ahead log, which a read-only disk keeps."""
    killed = [sys.executable, "-c", KILLED, str(made / ".penstock" / "penstock.db")]
    assert subprocess.run(killed, check=False).returncode == -9
    assert (made / ".penstock" / "penstock.db-wal").stat().st_size
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    assert {one["worker"] for one in penstock(made, "runs", "--json").json["runs"]} == {"somebody"}
    assert penstock(made, "plan").code == 0


KILLED = """
import os, sqlite3, sys
connection = sqlite3.connect(sys.argv[1])
connection.execute("UPDATE runs SET worker = 'somebody'")
connection.commit()
os.kill(os.getpid(), 9)
"""


def test_on_a_full_disk_every_question_is_answered(made: Path, disk: Path, penstock: Call) -> None:
    """Where there is not even room for what SQLite writes beside a file to read it."""
    before = answers(penstock, made)
    subprocess.run(["dd", "if=/dev/zero", f"of={disk / 'filler'}", "bs=4k"], check=False, stderr=subprocess.DEVNULL)
    assert answers(penstock, made) == before


CLOSED = """
from penstock import Dataset, asset

raw = Dataset("raw.txt")

@asset("closed/copy.txt", on=raw)
def copy(raw: str) -> str:
    return raw.upper()
"""


def test_while_a_place_cannot_be_written_each_materialization_says_why(fresh: Path, disk: Path, penstock: Call) -> None:
    """What stands there is an older version of ours: that is no drift, and nobody is told to delete it."""
    (fresh / "pipeline.py").write_text(CLOSED)
    (fresh / "data" / "raw.txt").write_text("one")
    (fresh / "data" / "closed").symlink_to(disk)
    assert penstock(fresh, "materialize", "--quiet").err == ""
    (fresh / "data" / "raw.txt").write_text("two")
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    first, second = (" ".join(penstock(fresh, "materialize", "--quiet").err.split()) for _ in range(2))
    assert first.startswith("copy: published, but ")
    assert second.startswith("copy: dataset 'copy'")
    assert "Read-only file system" in first
    assert "Read-only file system" in second
    assert "drift" not in second
    subprocess.run(["mount", "-o", "remount,rw", str(disk)], check=True)
    assert penstock(fresh, "materialize", "--quiet").err == ""
    assert (disk / "copy.txt").read_text() == "TWO"


def test_a_plan_of_a_fresh_project_leaves_no_trace(fresh: Path, penstock: Call) -> None:
    """It needs no store: none is made, neither by `plan` nor by `--dry-run`."""
    assert "3 runs." in penstock(fresh, "plan").out
    assert "first build" in penstock(fresh, "materialize", "--dry-run").out
    assert not (fresh / ".penstock").exists()


def test_at_the_root_of_the_disk_a_project_has_a_name(penstock: Call, tmp_path: Path) -> None:
    """Where no folder's name can be it."""
    assert penstock(tmp_path, "-C", "/", "status").out.startswith("root: 0 assets")
