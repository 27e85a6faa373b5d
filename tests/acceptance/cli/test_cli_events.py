"""Events from outside, pausing and resuming, as people and programs see them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Call = Callable[..., Any]

DIVIDED = """
from penstock import Dataset, Static, Version, asset

docs = Dataset("warehouse://db/docs/{language}", name="docs", partitions=Static("de", "en", name="language"))

@asset("chunks/{language}.json", on=docs, partitions=Static("de", "en", name="language"))
def chunks(docs: Version) -> str:
    return docs.digest
"""
PROJECT = """
from penstock import Dataset, Version, asset

docs = Dataset("warehouse://db/docs", aliases=["warehouse://old/docs"])

@asset("chunks.json", on=docs)
def chunks(docs: Version) -> str:
    return docs.digest
"""


@pytest.fixture
def told(tmp_path: Path, penstock: Call) -> Callable[..., Any]:
    """Commands in a project of its own, whose definitions are registered."""
    (tmp_path / "penstock.toml").write_text('project = "told"\ndefinitions = ["pipeline.py"]\n')
    (tmp_path / "pipeline.py").write_text(PROJECT)
    assert penstock(tmp_path, "materialize").code == 1  # nobody has told of a version of docs

    def call(*arguments: str) -> Any:
        return penstock(tmp_path, *arguments)

    return call


def test_datasets_of_one_name_are_told_apart(told: Call) -> None:
    """By their folders, as far as it takes."""
    for place in ("de", "en"):
        assert told("event", f"warehouse://db/{place}/docs").code == 0
    table = told("events").out
    assert "de/docs" in table
    assert "en/docs" in table


def test_a_version_is_called_as_others_call_it(told: Call) -> None:
    """By events, versions, runs and `@`, which a number means first; its size is not known, and said nowhere as 0."""
    for version in ("v9", "snap@2026-11-29", "1"):
        assert told("event", "docs", "--version", version, "--meta", "rows=77").code == 0
    assert told("materialize").code == 0
    for command in ("events", "versions"):
        rows = [line.split() for line in told(command, "docs").out.splitlines()]
        assert [name for row in rows for name in row if name in {"v9", "snap@2026-11-29"}] == ["snap@2026-11-29", "v9"]
    listed = told("versions", "docs", "--json").json["versions"]
    assert [(one["version"], one["rows"], one["size"]) for one in listed] == [
        ("1", 77, None),
        ("snap@2026-11-29", 77, None),
        ("v9", 77, None),
    ]
    for text, number in (("v9", 1), ("snap@2026-11-29", 2), ("1", 1), ("3", 3), (listed[0]["digest"][:8], 3)):
        [found] = told("trace", f"docs@{text}", "--json").json["versions"]
        assert (found["number"], found["size"], found["rows"]) == (number, None, 77), text
        assert found["version"] == ["v9", "snap@2026-11-29", "1"][number - 1]
    assert " B" not in told("trace", "docs@v9").out
    assert told("trace", "docs@v9").out.splitlines()[-1].split()[:3] == ["docs@1", "v9", "77"]
    run = told("runs", "--asset", "chunks", "--state", "success", "--json").json["runs"][0]["id"]
    assert "@3 1" in told("runs", run).out
    missing = told("trace", "docs@v8")
    assert (missing.code, "has no version 'v8'" in missing.err) == (2, True)


def test_partitions_whose_versions_are_called_alike_are_told_apart(tmp_path: Path, penstock: Call) -> None:
    """What means one of them is named."""
    (tmp_path / "penstock.toml").write_text('project = "told"\ndefinitions = ["pipeline.py"]\n')
    (tmp_path / "pipeline.py").write_text(DIVIDED)
    for key in ("de", "en"):
        assert penstock(tmp_path, "event", "docs", "--version", "v9", "--partition", key).code == 0
    said = penstock(tmp_path, "trace", "docs@v9")
    assert said.code == 2
    assert "2 versions of dataset docs are called 'v9'" in said.err
    assert "Name one of them: warehouse://db/docs/{language}@1, warehouse://db/docs/{language}@2." in said.err


def test_an_event_is_told_and_shown(told: Call) -> None:
    """By name, URI or alias; metadata as JSON where they are; what became of it stands beside it."""
    said = told("event", "docs", "--version", "snap-1", "--meta", "rows=1000", "--meta", "by=anna", "--json")
    assert said.code == 0
    assert {**said.json, "at": "", "digest": ""} == {
        "dataset": "docs",
        "uri": "warehouse://db/docs",
        "number": 1,
        "kind": "changed",
        "version": "snap-1",
        "digest": "",
        "at": "",
        "matched": True,
    }
    assert "docs confirmed: event 2, version snap-1" in told("event", "warehouse://old/docs", "--version", "snap-1").out
    assert told("materialize", "--quiet").code == 0
    found = told("events", "docs", "--json").json["events"]
    assert [(one["number"], one["kind"], one["metadata"], one["run"]) for one in found] == [
        (2, "confirmed", {}, None),
        (1, "changed", {"rows": 1000, "by": "anna"}, None),
    ]
    assert [link["asset"] for one in found for link in one["taken_by"]] == ["chunks", "chunks"]
    table = told("events").out
    assert "snap-1" in table
    assert "outside" in table
    assert "chunks (run " in table


def test_a_name_is_known_before_anything_was_registered(tmp_path: Path, penstock: Call) -> None:
    """The definitions say which dataset it is, so that whoever waits for it has the event."""
    (tmp_path / "penstock.toml").write_text('project = "told"\ndefinitions = ["pipeline.py"]\n')
    (tmp_path / "pipeline.py").write_text(PROJECT)
    said = penstock(tmp_path, "event", "docs", "--version", "1", "--json").json
    assert (said["uri"], said["matched"]) == ("warehouse://db/docs", True)
    assert penstock(tmp_path, "events", "--unmatched", "--json").json["events"] == []
    assert penstock(tmp_path, "materialize", "--quiet").code == 0


def test_a_bare_name_that_nothing_bears_is_refused(tmp_path: Path, penstock: Call) -> None:
    """Also where the definitions cannot be loaded: it is no URI of anything. A URI is kept."""
    (tmp_path / "penstock.toml").write_text('project = "told"\ndefinitions = ["pipeline.py"]\n')
    (tmp_path / "pipeline.py").write_text("import nothing_of_the_kind\n")
    said = penstock(tmp_path, "event", "docs")
    assert "Error: no dataset of project told is called 'docs', and the definitions do not load" in said.err
    assert "`penstock check` says what is wrong with them" in said.err
    assert "registered" not in said.err
    said = penstock(tmp_path, "event", "docs")
    assert said.code == 2
    assert "no dataset of project told is called 'docs'" in said.err
    assert penstock(tmp_path, "event", "warehouse://db/docs").code == 0
    (tmp_path / "pipeline.py").write_text(PROJECT)
    assert "Did you mean docs" in penstock(tmp_path, "event", "dcos").err


def test_what_nobody_declares_is_said_to_be_kept(told: Call) -> None:
    """Exit code 0, with what was perhaps meant; `--unmatched` shows it, and nothing else."""
    said = told("event", "warehouse://db/dcos")
    assert said.code == 0
    assert "Nobody declares this dataset" in said.words
    assert "Did you mean docs?" in said.words
    assert told("event", "docs").code == 0
    assert [one["dataset"] for one in told("events", "--unmatched", "--json").json["events"]] == ["dcos"]
    assert "dcos*" in told("events").out
    assert told("events", "-n", "1", "--json").json["more"]


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("chunks",), "written by asset chunks"),
        (("docs", "--at", "2999-01-01T00:00Z"), "lies in the future"),
        (("docs", "--at", "2020-01-01T00:00"), "has no zone"),
        (("docs", "--at", "0001-01-01T00:00Z"), "is before 1900"),
        (("docs", "--at", "0001-01-01T00:00+05:00"), "is before 1900"),
        (("docs", "--at", "yesterday"), "is no time"),
        (("docs", "--meta", "rows"), "says nothing of a key"),
        (("docs", "--meta", "a=1", "--meta", "a=2"), "twice"),
        (("s3://me:secret@host/docs",), "credentials"),
    ],
)
def test_what_cannot_be_told_is_wrong_use(told: Call, arguments: tuple[str, ...], why: str) -> None:
    """Exit code 2, a sentence and a next step; nothing is recorded."""
    said = told("event", *arguments)
    assert (said.code, said.out) == (2, "")
    assert why in " ".join(said.err.split())
    assert "secret" not in said.err
    assert told("events", "--json").json == {"events": [], "more": False}
    assert told("event", *arguments, "--json").json["error"]["kind"]


def test_an_asset_is_paused_and_resumed(told: Call) -> None:
    """`status`, `list` and `plan` say so; what came meanwhile is dropped if one wants."""
    assert (
        "chunks is paused: the disk is full. `penstock resume chunks`"
        in told("pause", "chunks", "--why", "the disk is full").out
    )
    assert "chunks was paused already" in told("pause", "chunks").out
    assert "chunks is paused since" in told("status").words
    assert told("status", "--json").json["assets"][0]["paused"]["why"] == "the disk is full"
    assert "paused: chunks" in told("list").out
    assert told("list", "--json").json[0]["paused"] is True
    told("event", "docs")
    assert "the disk is full" in told("plan").words
    said = told("resume", "chunks", "--drop")
    assert "chunks goes on" in said.out
    assert "1 event that came meanwhile: dropped." in said.out
    assert "was not paused" in told("resume", "chunks").out
    assert told("pause", "chunks", "--json").json["new"] is True
    assert told("resume", "chunks", "--json").json["resumed"] is True
    assert told("status", "--json").json["assets"][0]["paused"] is None


@pytest.mark.parametrize("command", ["pause", "resume"])
def test_only_what_is_there_can_be_paused(told: Call, command: str) -> None:
    """Exit code 2, and what was perhaps meant."""
    said = told(command, "chunk")
    assert (said.code, said.out) == (2, "")
    assert "there is no asset 'chunk' in project told" in said.err
    assert "Did you mean chunks?" in said.err


def test_what_was_told_of_an_alias_says_so_when_it_is_told_again(tmp_path: Path, told: Callable[..., Any]) -> None:
    """Two datasets turn out to be one: the event that tells news of the former once more names the one that it tells,
    in the table and in JSON, and no other event does."""
    (tmp_path / "pipeline.py").write_text(APART)
    assert told("materialize").code == 1  # registered, and nobody has told of anything
    for name in ("old", "docs"):
        assert told("event", f"warehouse://{name}/docs", "--version", "1").code == 0
    assert told("materialize").code == 0
    assert told("pause", "chunks").code == 0
    assert told("event", "warehouse://old/docs", "--version", "2").code == 0
    (tmp_path / "pipeline.py").write_text(TOGETHER)
    assert told("materialize", "other").code == 0
    assert "again: old/docs 2" in told("events").out
    found = [one for one in told("events", "--json").json["events"] if one["again_of"]]
    assert [(one["uri"], one["number"], one["again_of"]) for one in found] == [
        ("warehouse://docs/docs", 2, {"dataset": "docs", "uri": "warehouse://old/docs", "number": 2})
    ]


APART = """
from penstock import Dataset, Version, asset

old, docs = Dataset("warehouse://old/docs"), Dataset("warehouse://docs/docs", name="new")

@asset("chunks.json", on=old)
def chunks(docs: Version) -> str:
    return docs.digest

@asset("other.json", on=docs)
def other(new: Version) -> str:
    return new.digest
"""
TOGETHER = """
from penstock import Dataset, Version, asset

docs = Dataset("warehouse://docs/docs", aliases=["warehouse://old/docs"])

@asset("chunks.json", on=docs)
def chunks(docs: Version) -> str:
    return docs.digest

@asset("other.json", on=docs)
def other(docs: Version) -> str:
    return docs.digest
"""
