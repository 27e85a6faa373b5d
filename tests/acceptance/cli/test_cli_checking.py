"""`penstock db check`: sound, unsound, and bytes that are gone, for people and for programs."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Call = Callable[..., Any]


@pytest.fixture
def project(tmp_path: Path, penstock: Call) -> Path:
    """A project of one asset, which is made."""
    (tmp_path / "pipeline.py").write_text(
        "from penstock import asset\n@asset('a.json')\ndef a() -> int:\n    return 1\n"
    )
    (tmp_path / "penstock.toml").write_text('project = "kb"\ndefinitions = ["pipeline.py"]\n')
    assert penstock(tmp_path, "materialize").code == 0
    return tmp_path


def test_a_sound_store_is_said_to_be(project: Path, penstock: Call) -> None:
    """A line for each check, and exit code 0; with `--bytes=digest` every file is read."""
    said = penstock(project, "db", "check", "--bytes=digest")
    assert said.code == 0
    assert "0  lost-news  " in said.out
    assert "0  bytes  The bytes of each version that is held are there, and what they were." in said.out
    assert "found nothing." in said.out


def test_what_is_unsound_is_told(project: Path, penstock: Call) -> None:
    """Which rows, what was found, what was expected; exit code 1, also for programs."""
    (database,) = project.rglob("penstock.db")
    with sqlite3.connect(database) as raw:
        raw.execute("UPDATE datasets SET last_number = 5")
    said = penstock(project, "db", "check")
    assert said.code == 1
    assert "1  event-numbers  " in said.out
    assert "dataset a: 1 events, the newest has number 1, the dataset says 5" in said.out
    told = penstock(project, "db", "check", "--json")
    assert (told.code, told.json["sound"]) == (1, False)
    (broken,) = [one for one in told.json["checks"] if one["name"] == "event-numbers"]
    assert [(one["rows"], bool(one["advice"])) for one in broken["violations"]] == [("dataset a", True)]


@pytest.mark.parametrize(("damage", "sizes"), [("gone", 1), ("other", 0)])
def test_bytes_are_looked_for(project: Path, penstock: Call, damage: str, sizes: int) -> None:
    """A file that is gone is told by `--bytes`; one of which the bytes are others by `--bytes=digest`."""
    (kept,) = [one for one in project.rglob(".penstock/objects/*/*") if one.is_file()]
    if damage == "gone":
        kept.unlink()
    else:
        kept.chmod(0o644)
        kept.write_bytes(b"2" * kept.stat().st_size)
    assert penstock(project, "db", "check").code == 0
    assert penstock(project, "db", "check", "--bytes").code == sizes
    said = penstock(project, "db", "check", "--bytes=digest")
    assert said.code == 1
    assert "is missing, or other bytes" in said.out


def test_a_name_of_no_error_is_told(tmp_path: Path, penstock: Call) -> None:
    """Nothing is tried again for it. It may be right where more is installed: it is no fault."""
    policy = 'RetryPolicy(3, on=["nope.Error", "json.JSONDecodeError", "Timeout"], never_on="json.Nope")'
    (tmp_path / "pipeline.py").write_text(
        f"from penstock import RetryPolicy, asset\n@asset('a.json', retries={policy})\ndef a() -> int:\n    return 1\n"
    )
    (tmp_path / "penstock.toml").write_text('project = "kb"\ndefinitions = ["pipeline.py"]\n')
    said = penstock(tmp_path, "check")
    assert said.code == 0
    assert "a: retries= names 'nope.Error', 'json.Nope', which nothing here is called" in said.words
    assert penstock(tmp_path, "check", "--json").json["unknown_errors"] == {"a": ["nope.Error", "json.Nope"]}
