"""`penstock simulate` and `penstock plan --until`: stories on the command line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Call = Callable[..., Any]
PIPELINE = """
from penstock import Cron, Dataset, asset

docs = Dataset("docs.txt")

@asset("chunks.json", on=docs | Cron("0 */6 * * *"))
def chunks(docs: str) -> list[str]:
    return docs.splitlines()

@asset("vectors.json", on=chunks)
def vectors(chunks: list[str]) -> int:
    return len(chunks)
"""
SCRIPT = """
2026-01-05T10:00Z docs changed
+5m docs changed
    vectors fails
wait 3h
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A small project with a script beside it."""
    (tmp_path / "penstock.toml").write_text('definitions = ["pipeline.py"]\n')
    (tmp_path / "pipeline.py").write_text(PIPELINE)
    (tmp_path / "story.txt").write_text(SCRIPT)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "docs.txt").write_text("one\ntwo\n")
    return tmp_path


def test_a_story_is_shown(project: Path, penstock: Call) -> None:
    """A row for each run, with what it took, and why nothing happens at the end; no database is made."""
    said = penstock(project, "simulate", "story.txt")
    assert (said.code, said.err) == (0, "")
    rows = [line.split() for line in said.out.splitlines() if line.startswith("2026")]
    assert [(row[1], row[2], row[3]) for row in rows] == [
        ("10:00", "chunks", "success"),
        ("10:00", "vectors", "success"),
        ("10:05", "chunks", "success"),
        ("10:05", "vectors", "failed"),
        ("12:00", "chunks", "success"),
        ("12:00", "vectors", "success"),
    ]
    assert "took chunks@2, chunks@3" in said.words
    assert "vectors waiting for chunks" in said.words
    assert not (project / ".penstock").exists()


def test_a_story_is_plain_json(project: Path, penstock: Call) -> None:
    """The same for programs."""
    said = penstock(project, "simulate", "story.txt", "--json").json
    assert [run["asset"] for run in said["runs"]] == ["chunks", "vectors", "chunks", "vectors", "chunks", "vectors"]
    assert said["runs"][0]["consumed"] == ["docs@1"]
    assert said["runs"][0]["reason"]["text"] == "input changed (docs) and first build"
    assert said["runs"][4]["ticks"] == {"cron 0 */6 * * * UTC": "2026-01-05T12:00:00Z"}
    assert said["held"]["vectors"]["text"] == "waiting for chunks"
    assert said["ended_at"] == "2026-01-05T13:05:00Z"


def test_faults_of_a_script_are_told_with_their_lines(project: Path, penstock: Call) -> None:
    """All of them, with what was expected; wrong use."""
    (project / "story.txt").write_text("2026-01-05T10:00Z dcos changed\n+5y docs changed\n")
    said = penstock(project, "simulate", "story.txt")
    assert said.code == 2
    assert "line 1: '2026-01-05T10:00Z dcos changed': there is no dataset 'dcos'; did you mean 'docs'?" in said.err
    assert "line 2: '+5y docs changed': '5y' is not a duration" in said.err
    gone = penstock(project, "simulate", "gone.txt", "--json")
    assert gone.code == 2
    assert "the script gone.txt cannot be read: No such file" in gone.json["error"]["message"]


def test_what_runs_when_from_the_state_of_the_database(project: Path, penstock: Call) -> None:
    """Two ticks lie within a day's half; each makes both anew, in a story that nothing is recorded of."""
    assert penstock(project, "materialize", "--quiet").code == 0
    said = penstock(project, "plan", "--until", "+12h", "--json").json
    runs = [(run["asset"], run["state"], run["reason"]["kind"]) for run in said["runs"]]
    assert runs == [("chunks", "success", "tick"), ("vectors", "success", "input_changed")] * 2
    assert [run["consumed"] for run in said["runs"]] == [[], ["chunks@2"], [], ["chunks@3"]]
    only = penstock(project, "plan", "--until", "+12h", "-s", "vectors").out
    assert "vectors" in only
    assert "chunks  " not in only
    assert len(penstock(project, "runs", "--json").json["runs"]) == 2, "nothing was recorded"
    assert penstock(project, "plan", "--until", "soon").code == 2
