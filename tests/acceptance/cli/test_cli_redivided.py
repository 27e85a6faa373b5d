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
    """By check, plan and a dry run as often as they are asked, until a materialization registers it; the versions
    stay."""
    partitions, uri, said = CASES[case]
    define(made, partitions, uri)
    for command in (["plan"], ["check"], ["plan"], ["materialize", "--dry-run"], ["materialize", "--dry-run"]):
        told = penstock(made, *command)
        assert told.code == 0, told.err
        assert said in told.words
    penstock(made, "materialize", "--only", "-q")
    assert said not in penstock(made, "check").words  # it is registered by now
    assert len([one for one in penstock(made, "events", "--json").json["events"] if "partition" in one]) == 3


def test_a_dry_run_says_it_too(made: Path, penstock: Call) -> None:
    """And a definition that keeps everything says nothing."""
    define(made, DAYS.replace("2026-02-01", "2027-02-01"))
    assert "Partitions:" not in penstock(made, "check").words
    assert penstock(made, "check", "--json").json["redivided"] == []
    define(made, CASES["daily to hourly"][0])
    (told,) = penstock(made, "check", "--json").json["redivided"]
    assert (told["kept"], told["shifted"], told["left"]) == (0, 0, 3)
    assert CASES["daily to hourly"][2] in penstock(made, "materialize", "--dry-run").words


def test_what_was_left_and_comes_back_is_kept(made: Path, penstock: Call) -> None:
    """A definition that is taken back: its partitions are partitions again, and said to be."""
    define(made, CASES["daily to hourly"][0])
    assert penstock(made, "materialize", "--partitions", "2026-01-01T00..2026-01-01T03", "-q").code == 0
    define(made, DAYS)
    assert "Of 7 partitions that are made 3 stay partitions of it. Not so 4" in penstock(made, "check").words


def test_what_becomes_of_a_backfill_is_said_before_and_nothing_is_widened(made: Path, penstock: Call) -> None:
    """By check, plan and a dry run, as long as the backfill has not ended, how many of its keys are none any more; they
    are held then, and no hour is made for a day."""
    asked = penstock(made, "backfill", "create", "sales", "--partitions", "2026-01-03..2026-01-06", "--later", "--json")
    name = asked.json["id"][-8:]
    assert penstock(made, "check", "--json").json["curtailed"] == []
    assert f"Backfill {name} of sales, 2026-01-03..2026-01-06, is gone on with: 4 of its 4 partitions are left." in (
        penstock(made, "plan").words
    )
    define(made, CASES["daily to hourly"][0])
    said = (
        f"Backfill {name}, which is running: sales is daily in UTC in it and becomes hourly in UTC. 3 of its "
        "partitions that are asked for are none then, and will be held: 2026-01-04, 2026-01-05, 2026-01-06. Nothing is "
        "made instead of them."
    )
    for command in (["check"], ["plan"], ["materialize", "--dry-run"]):
        assert said in penstock(made, *command).words
    (told,) = penstock(made, "materialize", "--dry-run", "--json").json["backfills"]
    assert (told["total"], told["left"], told["gone"]) == (4, 4, 3)
    assert "Nothing else would run." in penstock(made, "plan").words
    done = penstock(made, "materialize", "--json")
    assert done.json["backfills"] == {asked.json["id"]: "failed"}
    assert penstock(made, "events", "--json").json["events"][0]["number"] == 3
    shown = penstock(made, "backfill", "show", name).words
    assert "seen to 4 of 4: 3 held" in shown
    assert "sales 2026-01-06 waiting for a definition that has this partition: daily in UTC when it was asked" in shown


ASKING = {
    "why": ["why", "sales"],
    "why of a partition": ["why", "sales", "--partition", "2026-01-01T00"],
    "a dry run of a backfill": ["backfill", "create", "sales", "--partitions", "2026-01-01T00", "--dry-run"],
}


@pytest.mark.parametrize("asking", ASKING)
def test_who_asks_about_the_asset_hears_it(asking: str, made: Path, penstock: Call) -> None:
    """In the words of `check`, as often as they ask."""
    define(made, CASES["daily to hourly"][0])
    for _ in range(2):
        assert CASES["daily to hourly"][2] in penstock(made, *ASKING[asking]).words
    assert "Partitions:" in penstock(made, "check").words


DOING: dict[str, list[str]] = {
    "materialize": ["materialize"],
    "materialize keys": ["materialize", "sales", "--partitions", "2026-01-03"],
    "a backfill": ["backfill", "create", "sales", "--partitions", "2026-01-04..2026-01-05"],
    "a backfill for later": ["backfill", "create", "sales", "--partitions", "2026-01-04", "--later"],
    "a rerun": ["rerun", "RUN", "--only"],
}


@pytest.mark.parametrize("doing", DOING)
def test_what_registers_says_it_once(doing: str, made: Path, penstock: Call) -> None:
    """On standard error, before what it does; and in its JSON. What is refused before is no registration."""
    runs = penstock(made, "runs", "--json").json["runs"]
    run = next(one["id"] for one in runs if one["partition"] == "2026-01-03")
    define(made, *CASES["a later start"][:2])
    for refused in (["materialize", "nosuch"], ["rerun", "0000"], ["event", "nosuch"]):
        assert penstock(made, *refused).code == 2
    command = [run if one == "RUN" else one for one in DOING[doing]]
    told = penstock(made, *command, "--json")
    assert told.code == 0, told.err
    said = " ".join(told.err.split())
    assert said.startswith(f"Partitions: {CASES['a later start'][2]}")
    (one,) = told.json["redivided"]
    assert (one["dataset"], one["kept"], one["left"]) == ("sales", 2, 1)
    again = penstock(made, "check", "--json")
    assert again.json["redivided"] == []


def test_an_event_that_is_refused_registers_nothing(made: Path, penstock: Call) -> None:
    """Of a name that nobody declares, and of a dataset that is new and that an asset writes."""
    define(made, *CASES["another place"][:2])
    with (made / "pipeline.py").open("a") as file:
        file.write('\n@asset("new.json")\ndef new() -> int:\n    return 1\n')
    for name in ("nosuch", "new"):
        told = penstock(made, "event", name)
        assert (told.code, "Partitions:" in told.err) == (2, False)
    assert CASES["another place"][2] in penstock(made, "check").words


def test_an_event_that_registers_says_it_too(made: Path, penstock: Call) -> None:
    """Of a name that is not known yet the definitions are read and registered: what they leave is told once more."""
    define(made, CASES["daily to hourly"][0])
    with (made / "pipeline.py").open("a") as file:
        file.write('\nfrom penstock import Dataset\nnew = Dataset("warehouse://db/new")\n')
    told = penstock(made, "event", "new")
    assert told.code == 0, told.err
    assert CASES["daily to hourly"][2] in " ".join(told.err.split())
    assert "Partitions:" not in penstock(made, "check").words


def test_which_partitions_are_made_is_asked_of_the_definitions_as_they_are(made: Path, penstock: Call) -> None:
    """What is missing by an edited definition, with what it leaves; by one with faults, what was registered, and said
    so; and in a new project everything is missing."""
    define(made, CASES["daily to hourly"][0])
    told = penstock(made, "partitions", "sales", "--json").json
    assert (told["total"], told["counts"]["made"], told["left"]) == (744, 0, 3)
    assert [one["left"] for one in told["redivided"]] == [3]
    shown = penstock(made, "partitions", "sales").words
    assert CASES["daily to hourly"][2] in shown
    assert "744 by now: 0 made, 744 missing; of these 0 failed, 0 active; 3 made of an earlier definition." in shown
    define(made, "7")
    faulty = penstock(made, "partitions", "sales")
    assert "31 by now: 3 made, 28 missing" in faulty.words
    assert "the definitions have faults" in " ".join(faulty.err.split())
    define(made, DAYS)
    (made / ".penstock" / "penstock.db").unlink()
    fresh = penstock(made, "partitions", "sales")
    assert (fresh.code, "31 by now: 0 made, 31 missing" in fresh.words) == (0, True)
    assert not (made / ".penstock" / "penstock.db").exists()
    unknown = penstock(made, "partitions", "sale")
    assert (unknown.code, "Did you mean sales?" in unknown.err) == (2, True)
