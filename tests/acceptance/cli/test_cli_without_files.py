"""Data without files on the command line: wherever it is said to lie, nobody looks for files there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Call = Callable[..., Any]
PIPELINE = """
from penstock import Opaque, Version, asset

@asset("{uri}", name="table")
def table() -> Opaque:
    return Opaque(version="v1", metadata={{"rows": 5}})

@asset("{uri}-2", name="unsaid")
def unsaid():
    return Opaque(version="v1")

@asset("seen.json", on=table)
def seen(table: Version) -> dict:
    return {{"token": table.manifest.token}}
"""
NOWHERE = [
    "snowflake://account/db/table",  # a protocol that nobody knows
    "postgresql://host/db/table",
    "gs://bucket/table",  # one whose library is not installed
    "ftp://127.0.0.1:1/table",  # a server that does not answer
    "python://packages",  # a host, and nothing on it
]
COMMANDS = [
    ("materialize",),
    ("materialize", "--dry-run"),
    ("materialize", "--force", "--select", "table"),
    ("plan",),
    ("plan", "--until", "+1h"),
    ("why", "table"),
    ("why", "seen"),
    ("status", "--stores"),
    ("list",),
    ("check",),
    ("events",),
    ("runs",),
    ("versions", "table"),
    ("trace", "table"),
    ("clean", "--dry-run"),
    ("clean",),
]


@pytest.mark.parametrize("uri", NOWHERE)
def test_no_store_is_opened_for_data_without_files(tmp_path: Path, penstock: Call, uri: str) -> None:
    """Every command works, the first time and again; a second materialization skips what reads it."""
    (tmp_path / "pipeline.py").write_text(PIPELINE.format(uri=uri))
    (tmp_path / "penstock.toml").write_text('definitions = ["pipeline.py"]\n')
    for _ in range(2):
        for command in COMMANDS:
            said = penstock(tmp_path, *command)
            assert said.code == 0, (command, said)
    status = penstock(tmp_path, "status", "--json").json
    assert {one["name"]: one["outputs"][0]["rows"] for one in status["assets"]} == {
        "table": 5,
        "unsaid": None,
        "seen": None,
    }
    again = penstock(tmp_path, "materialize", "--json").json
    assert {one["asset"]: one["outputs"][0]["rows"] for one in again["assets"]}["table"] == 5
    assert {one["asset"]: one["reason"]["kind"] for one in again["assets"]}["seen"] == "unchanged"


@pytest.mark.parametrize("uri", ["gs://bucket/table", "ftp://127.0.0.1:1/table"])
def test_where_files_may_lie_cleaning_looks_and_says_where(tmp_path: Path, penstock: Call, uri: str) -> None:
    """What was data without files is declared as a file: then something of ours may lie there, or nothing can."""
    (tmp_path / "pipeline.py").write_text(PIPELINE.format(uri=uri))
    (tmp_path / "penstock.toml").write_text('definitions = ["pipeline.py"]\n')
    assert penstock(tmp_path, "materialize").code == 0
    more = 'from penstock import asset\n\n\n@asset("gs://bucket/more.json")\ndef more() -> dict:\n    return {}\n'
    (tmp_path / "further.py").write_text(more)
    (tmp_path / "penstock.toml").write_text('definitions = ["pipeline.py", "further.py"]\n')
    assert penstock(tmp_path, "materialize").code == 1
    said = penstock(tmp_path, "clean")
    assert said.code == 1
    assert "sweeping gs://bucket/.penstock: gs:// needs a library that is not installed" in said.err
