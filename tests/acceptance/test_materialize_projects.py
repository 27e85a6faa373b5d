"""Where a project keeps what it keeps, and that two projects in one database do not see each other."""

from __future__ import annotations

import json
import shutil
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from penstock import Dataset, UsageError, asset, materialize, plan

Lab = Any
"""The fixture is a class of `conftest.py`, which no test can import."""

docs = Dataset("docs.txt")


@asset("out.txt", on=docs)
def out(docs: str) -> str:
    """A copy."""
    return docs


@asset("after.txt", on=out)
def after(out: str) -> str:
    """A copy of the copy."""
    return out


PIPELINE = """
from penstock import Dataset, asset

@asset("folder/out.txt", on=Dataset("docs.txt"))
def out(docs: str) -> str:
    return docs
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with a settings file and folders below it; the working directory is elsewhere."""
    folder = tmp_path / "project"
    (folder / "deep" / "down").mkdir(parents=True)
    (folder / "penstock.toml").write_text('definitions = ["pipeline.py"]\ndata_root = "files"\n')
    (folder / "pipeline.py").write_text(PIPELINE)
    (folder / "files").mkdir()
    (folder / "files" / "docs.txt").write_text("text")
    monkeypatch.chdir(tmp_path)
    return folder


def files(folder: Path) -> set[str]:
    """Every file below the folder that is no object of a store."""
    found = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return {name for name in found if ".penstock/objects" not in name and ".penstock/heads" not in name}


@pytest.mark.parametrize("start", ["project", "project/deep/down"])
def test_home_and_data_root_lie_beside_the_settings(project: Path, start: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever below them it is called from; nothing is written anywhere else."""
    before = files(project.parent)
    monkeypatch.chdir(project.parent / start)
    result = materialize()
    assert result.ok
    assert {one.asset for one in result.outcomes} == {"out"}
    assert (project / "files" / "folder" / "out.txt").read_text() == "text"
    new = files(project.parent) - before
    assert {name for name in new if "__pycache__" not in name and not name.endswith(("-shm", "-wal"))} == {
        "project/.penstock/penstock.db",
        "project/.penstock/lineage.ndjson",
        "project/files/.penstock/root",
        "project/files/folder/out.txt",
    }
    with closing(sqlite3.connect(project / ".penstock" / "penstock.db")) as connection:
        assert connection.execute("SELECT name FROM projects").fetchall() == [("project",)]


def test_a_folder_can_be_named_instead(project: Path) -> None:
    """`project_folder=` stands for the working directory."""
    assert materialize(project_folder=project / "deep").ok
    assert (project / "files" / "folder" / "out.txt").exists()
    assert plan(project_folder=project).runs == ()


def test_without_settings_or_assets_it_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is made, not even a home."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="no definitions") as caught:
        materialize()
    assert "penstock init" in caught.value.hint
    assert list(tmp_path.iterdir()) == []


def test_the_database_is_in_wal_mode(tmp_path: Path) -> None:
    """Readers do not wait for the writer, nor the writer for readers: the mode is the file's own and stays."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "docs.txt").write_text("text")
    places = {"home": str(tmp_path / "home"), "data_root": str(tmp_path / "data"), "project": "wal"}
    assert materialize([out], **places).ok
    with closing(sqlite3.connect(tmp_path / "home" / "penstock.db")) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        connection.execute("BEGIN")
        connection.execute("SELECT count(*) FROM events").fetchall()  # a reader holds its snapshot meanwhile
        (tmp_path / "data" / "docs.txt").write_text("other")
        assert materialize([out], **places).ok


def test_data_outside_the_root_is_kept_beside_itself(lab: Lab) -> None:
    """An absolute path: its versions lie in its own folder, or under a root that settings name."""
    elsewhere = lab.folder / "elsewhere"
    elsewhere.mkdir()
    far = asset(f"{elsewhere}/deep/far.json", name="far")(lambda: [1])
    near = asset("near.json", name="near", on=far, inputs={"value": far})(_listed)
    assert lab.make(far, near).ok
    assert json.loads((elsewhere / "deep" / "far.json").read_text()) == [1]
    assert len(list(elsewhere.glob("deep/.penstock/objects/*/*.json"))) == 1
    shutil.rmtree(elsewhere / "deep")
    assert lab.make(far, near, roots=[str(elsewhere)]).ok
    assert len(list(elsewhere.glob(".penstock/objects/*/*.json"))) == 1
    assert lab.read("near.json") == (elsewhere / "deep" / "far.json").read_text()


def _listed(value: list[int]) -> list[int]:
    return value


# --- two projects in one database ------------------------------------------------------------------------------------


@pytest.fixture
def two(lab: Lab) -> tuple[dict[str, Any], dict[str, Any]]:
    """Two projects with the same definitions, data of their own, and one database."""
    found: list[dict[str, Any]] = []
    for name in ("one", "two"):
        root = lab.folder / name
        root.mkdir()
        (root / "docs.txt").write_text(name)
        found.append({"project": name, "data_root": str(root), "home": str(root / "home")})
        found[-1]["database"] = lab.url
    return found[0], found[1]


@pytest.mark.databases("sqlite", "postgresql")
def test_two_projects_do_not_see_each_other(lab: Lab, two: tuple[dict[str, Any], dict[str, Any]]) -> None:
    """The same names and URIs, twice: each has its own heads, news and history."""
    one, other = two
    assert lab.story(lab.make(out, after, **one)) == {"out": "success: first build", "after": "success: first build"}
    assert lab.story(lab.make(out, after, **other)) == {"out": "success: first build", "after": "success: first build"}
    (Path(one["data_root"]) / "docs.txt").write_text("other")
    assert lab.story(lab.make(out, after, **other)) == {"out": "skipped: unchanged", "after": "skipped: unchanged"}
    assert lab.story(lab.make(out, after, select="out", **one)) == {
        "out": "success: input changed: docs",
        "after": "success: input changed: out",
    }
    assert (Path(one["data_root"]) / "after.txt").read_text() == "other"
    assert (Path(other["data_root"]) / "after.txt").read_text() == "two"
    assert lab.rows("SELECT project, count(*) FROM assets GROUP BY project ORDER BY 1") == [("one", 2), ("two", 2)]


@pytest.mark.databases("sqlite", "postgresql")
def test_a_project_of_fewer_assets_leaves_the_other_whole(lab: Lab, two: tuple[dict[str, Any], dict[str, Any]]) -> None:
    """What one no longer declares is removed for that one alone."""
    one, other = two
    assert lab.make(out, after, **one).ok
    assert lab.make(out, after, **other).ok
    assert lab.make(out, **other).ok
    assert lab.rows("SELECT project, name FROM assets WHERE removed_at IS NOT NULL") == [("two", "after")]
    assert lab.story(lab.make(out, after, **one)) == {"out": "skipped: unchanged", "after": "skipped: unchanged"}
    assert lab.story(lab.make(out, after, **other)) == {"out": "skipped: unchanged", "after": "skipped: unchanged"}


def test_lineage_of_one_project_never_goes_to_the_other(lab: Lab, two: tuple[dict[str, Any], dict[str, Any]]) -> None:
    """Both call their destination `file`; what waits for one is not delivered to the file of the other."""
    one, other = ({**places, "lineage": None} for places in two)
    blocked = Path(one["home"]) / "lineage.ndjson"
    blocked.mkdir(parents=True)
    assert lab.make(out, **one).ok
    with closing(sqlite3.connect(lab.folder / "home" / "penstock.db")) as connection, connection:
        connection.execute("UPDATE outbox SET next_at = '2026-01-01 00:00:00.000000'")
    assert lab.make(out, **other).ok
    told = [json.loads(line) for line in (Path(other["home"]) / "lineage.ndjson").read_text().splitlines()]
    assert {event["job"]["namespace"] for event in told} == {"two"}
    blocked.rmdir()
    assert lab.make(out, **one).ok
    told = [json.loads(line) for line in blocked.read_text().splitlines()]
    assert [(event["job"]["namespace"], event["eventType"]) for event in told] == [
        ("one", "START"),
        ("one", "COMPLETE"),
    ]


@contextmanager
def in_thread(work: Any) -> Iterator[list[Any]]:
    """Done beside the block, and finished at its end."""
    results: list[Any] = []
    thread = threading.Thread(target=lambda: results.append(work()))
    thread.start()
    yield results
    thread.join()


@pytest.mark.databases("sqlite", "postgresql")
def test_two_projects_materialize_at_the_same_time(lab: Lab, two: tuple[dict[str, Any], dict[str, Any]]) -> None:
    """One is at work on an asset of the same name: the other does not wait for it."""
    one, other = two
    begun, go_on = threading.Event(), threading.Event()

    def slow(docs: str) -> str:
        begun.set()
        assert go_on.wait(20)
        return docs

    with in_thread(lambda: lab.make(asset("out.txt", name="out", on=docs)(slow), **one)) as results:
        assert begun.wait(20)
        quick = lab.make(out, **other)
        go_on.set()
    assert quick.ok
    assert results[0].ok
    assert (Path(one["data_root"]) / "out.txt").read_text() == "one"
