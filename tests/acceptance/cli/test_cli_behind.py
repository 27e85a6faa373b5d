"""A version that could not be put at its URI is told until it stands there."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Call = Callable[..., Any]
PIPELINE = """
from penstock import Dataset, Daily, Partition, asset

raw = Dataset("raw.txt")

@asset("copy.txt", on=raw)
def copy(raw: str) -> str:
    return raw.upper()

@asset("other.txt", on=raw)
def other(raw: str) -> str:
    return raw

@asset("days/{day}.json", partitions=Daily(start="2026-01-01"))
def days(day: Partition) -> str:
    return day.key
"""


@pytest.fixture
def late(fresh: Path, penstock: Call) -> Path:
    """A project in which a directory of others stands at two places that were to be written."""
    (fresh / "pipeline.py").write_text(PIPELINE)
    (fresh / "data" / "raw.txt").write_text("one")
    for place in ("copy.txt", "days/2026-01-02.json"):
        (fresh / "data" / place).mkdir(parents=True)
        (fresh / "data" / place / "theirs").write_text("x")
    said = penstock(fresh, "materialize", "--select", "copy", "--select", "other", "--quiet")
    assert (said.code, "copy: published, but" in said.err) == (0, True)
    penstock(fresh, "materialize", "--select", "days", "--partitions", "2026-01-01..2026-01-02", "--quiet")
    return fresh


def test_status_tells_which_head_is_not_at_its_uri(late: Path, penstock: Call) -> None:
    """In a column, with what to do, and to programs by URI and key; other datasets are not concerned."""
    said = penstock(late, "status")
    (copy, days, other) = (line for line in said.out.splitlines() if line.startswith(("copy ", "days ", "other ")))
    assert (copy.rstrip().endswith(" behind"), days.rstrip().endswith("1 behind")) == (True, True)
    assert "behind" not in other
    assert "Behind: At its URI stands an older one, or none" in said.words
    told = penstock(late, "status", "--json").json["behind"]
    assert [(one["uri"], one["partition"]) for one in told] == [
        ("copy.txt", ""),
        ("days/{day}.json", "2026-01-02"),
    ]


def test_versions_tell_it_of_their_dataset_alone(late: Path, penstock: Call) -> None:
    """With the digest of the version that should stand there."""
    told = penstock(late, "versions", "copy", "--json").json
    assert [one["digest"] for one in told["behind"]] == [told["versions"][0]["digest"]]
    assert "The dataset is behind: " in penstock(late, "versions", "copy").words
    assert "Partition 2026-01-02 is behind: " in penstock(late, "versions", "days").words
    assert penstock(late, "versions", "days", "--partition", "2026-01-01", "--json").json["behind"] == []
    assert "behind" not in penstock(late, "versions", "other").words


def test_once_the_place_is_free_the_next_materialization_heals_it(late: Path, penstock: Call) -> None:
    """And nothing is told any more."""
    for place in ("copy.txt", "days/2026-01-02.json"):
        shutil.rmtree(late / "data" / place)
    assert penstock(late, "materialize", "--select", "other", "--quiet").code == 0
    assert (late / "data" / "copy.txt").read_text() == "ONE"
    assert penstock(late, "status", "--json").json["behind"] == []
    assert "ehind" not in penstock(late, "status").words
