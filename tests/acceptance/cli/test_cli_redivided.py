"""A definition that divides a dataset otherwise: what is kept and what is not is said before it is registered."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Call = Callable[..., Any]

PIPELINE = """
from penstock import Daily, Hourly, Static, asset

@asset("{uri}", name="sales", partitions={partitions})
def sales() -> int:
    return 1
"""
DAYS = 'Daily(start="2026-01-01", end="2026-02-01", name="time")'
CASES = {
    "daily to hourly": (
        'Hourly(start="2026-01-01", end="2026-02-01", name="time")',
        "sales/{time}.json",
        "was daily in UTC and becomes hourly in UTC. Of 3 partitions that are made 0 stay partitions of it. Not so 3",
    ),
    "another zone": (
        DAYS.replace(")", ', tz="Asia/Kolkata")'),
        "sales/{time}.json",
        "becomes daily in Asia/Kolkata. Of 3 partitions that are made 0 stay partitions of it. Not so 3, whose key",
    ),
    "a later start": (
        DAYS.replace("2026-01-01", "2026-01-02"),
        "sales/{time}.json",
        "sales stays daily in UTC, between other bounds or of other keys. Of 3 partitions that are made 2 stay",
    ),
    "another place": (
        'Hourly(start="2026-01-01", end="2026-02-01")',
        "sales/{hour}.json",
        "becomes hourly in UTC at sales/{hour}.json instead of sales/{time}.json. Of 3 partitions",
    ),
    "no partitions": ("None", "sales.json", "becomes undivided at sales.json instead of sales/{time}.json."),
}


def define(folder: Path, partitions: str, uri: str = "sales/{time}.json") -> None:
    """The definitions of the project are these."""
    (folder / "pipeline.py").write_text(PIPELINE.replace("{partitions}", partitions).replace("{uri}", uri))


@pytest.fixture
def made(tmp_path: Path, penstock: Call) -> Path:
    """A project of which three days are made."""
    (tmp_path / "penstock.toml").write_text('project = "redivided"\ndefinitions = ["pipeline.py"]\n')
    define(tmp_path, DAYS)
    done = penstock(tmp_path, "materialize", "--partitions", "2026-01-01..2026-01-03", "-q")
    assert done.code == 0, done.err
    return tmp_path


@pytest.mark.parametrize("case", CASES)
def test_what_a_changed_definition_makes_of_partitions_is_said_before(case: str, made: Path, penstock: Call) -> None:
    """By check as often as it is asked, by plan and a dry run before they register it; the versions stay."""
    partitions, uri, said = CASES[case]
    define(made, partitions, uri)
    for command in (["check"], ["check"], ["plan"]):
        told = penstock(made, *command)
        assert told.code == 0, told.err
        assert said in told.words
    assert said not in penstock(made, "check").words  # it is registered by now
    assert len(penstock(made, "events", "--json").json["events"]) == 3


def test_a_dry_run_says_it_too(made: Path, penstock: Call) -> None:
    """And a definition that keeps everything says nothing."""
    define(made, DAYS.replace("2026-02-01", "2027-02-01"))
    assert "Partitions:" not in penstock(made, "check").words
    assert penstock(made, "check", "--json").json["redivided"] == []
    define(made, CASES["daily to hourly"][0])
    (told,) = penstock(made, "check", "--json").json["redivided"]
    assert (told["kept"], told["shifted"], told["left"]) == (0, 0, 3)
    assert CASES["daily to hourly"][2] in penstock(made, "materialize", "--dry-run").words
