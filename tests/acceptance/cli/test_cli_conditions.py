"""Conditions on the command line: how they read, and how what is wrong with them is told."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Call = Callable[..., Any]

HEAD = """\
from penstock import Cron, Dataset, Deadline, Every, all_of, any_of, asset, each, meta, n_of, stale

docs, labels = Dataset("docs.json"), Dataset("labels.json")
left = asset("left.json", name="left", on=docs)(lambda docs: docs)
right = asset("right.json", name="right", on=docs)(lambda docs: docs)
"""
READS = {
    "docs.where(meta('rows') > 1000)": "docs where rows > 1000",
    "docs.where(meta('rows') > 1000, meta('final').is_true()) & labels": "(docs where rows > 1000 and final == True)"
    " & labels",
    "docs.where(meta('language').one_of('de', 'fr'))": "docs where language in ('de', 'fr')",
    "docs.updated() | labels.removed()": "docs updated | labels removed",
    "docs.count(3)": "docs 3 times",
    "docs.since(Cron('0 6 * * *'))": "docs since cron 0 6 * * * UTC",
    "docs & labels.fresh('12h')": "docs & labels fresh 12h",
    "docs | stale('7d')": "docs | stale 7d",
    "all_of(docs, labels, within='12h') | Every('1d')": "all of (docs, labels) within 12h | every 1d",
    "all_of(left, right, aligned=True)": "all of (left, right) aligned",
    "all_of(left, right, within='1h', aligned=True)": "all of (left, right) within 1h, aligned",
    "docs.settle('30s')": "settled for 30s (docs)",
    "(docs & labels).settle('30s', max_wait='2m')": "settled for 30s, at most 2m (docs & labels)",
    "n_of(2, docs, labels | left, right)": "2 of (docs, labels | left, right)",
    "Dataset.match('raw/*/docs.json')": "raw/*/docs.json",
    "(docs | labels) & Cron('0 6 * * *', '0 18 * * *', tz='Europe/Berlin')": "(docs | labels)"
    " & cron 0 18 * * *; 0 6 * * * Europe/Berlin",
}


def project(folder: Path, *lines: str) -> None:
    """The definitions of a project."""
    (folder / "pipeline.py").write_text(HEAD + "\n".join(lines) + "\n")


def asset_on(condition: str, number: int, keywords: str = "") -> str:
    """A declaration, on one line."""
    return f"a{number} = asset('a{number}.json', name='a{number}', on={condition}{keywords})(lambda: 1)"


def test_conditions_read_in_words(fresh: Path, penstock: Call) -> None:
    """Every leaf and node, with the names of datasets, as `plan` names what it waits for."""
    project(fresh, *(asset_on(condition, 100 + number) for number, condition in enumerate(READS)))
    said = penstock(fresh, "list", "--json")
    assert (said.code, said.err) == (0, "")
    found = {one["name"]: one["condition"] for one in said.json}
    assert [found[f"a{100 + number}"] for number in range(len(READS))] == list(READS.values())
    assert "No faults" in penstock(fresh, "check").words


WRONG: dict[str, tuple[str, list[str]]] = {
    "a cron with a fault": (
        asset_on("Cron('0 25 * * *')", 1),
        ["'25' is no hour, which is 0-23", "    0 25 * * *", "      ^^"],
    ),
    "an unknown zone": (asset_on("Cron('@daily', tz='Europe/Berln')", 1), ["no such time zone", "Europe/Berlin"]),
    "`and`": (asset_on("docs and labels", 1), ["a condition was used as a truth value", "`&` and `|`"]),
    "`not`": (asset_on("not docs", 1), ["a condition was used as a truth value"]),
    "`and` between predicates": (
        asset_on("docs.where((meta('rows') > 0) and (meta('rows') < 9))", 1),
        ["a predicate was used as a truth value"],
    ),
    "a chained comparison": (asset_on("docs.where(0 < meta('rows') < 9)", 1), ["or a chained comparison"]),
    "metadata alone": (asset_on("docs.where(meta('final'))", 1), ["meta('final').is_true()"]),
    "compared with None": (asset_on("docs.where(meta('rows') > None)", 1), ["meta('rows') is compared with None"]),
    "never": (asset_on("docs.since(Cron('0 0 30 2 *'))", 1), ["can never hold", "no instant"]),
    "nothing starts it": (asset_on("docs.fresh('1h')", 1), ["never starts a run", "docs.json fresh 1h"]),
    "each of another": (asset_on("docs", 1, ", consume=each(labels)"), ["does not wait", "It waits for: docs.json"]),
    "a deadline of nothing": (
        "a1 = asset('a1.json', name='a1', deadline=Deadline(Cron('@daily')))(lambda: 1)",
        ["deadline= is about what an asset waits for"],
    ),
}


@pytest.mark.parametrize(("declared", "parts"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_with_a_condition_is_told_with_its_line(
    fresh: Path, penstock: Call, declared: str, parts: list[str]
) -> None:
    """By every command that reads definitions: exit code 2, the line, what was found and what to write."""
    project(fresh, declared)
    for command in ("check", "plan"):
        said = penstock(fresh, command, width=200)
        assert (said.code, said.out) == (2, "")
        assert [part for part in parts if part not in said.err] == []
        assert {*re.findall(r"pipeline\.py:(\d+)", said.err)} == {str(HEAD.count("\n") + 1)}


def test_all_that_is_wrong_is_told_at_once(fresh: Path, penstock: Call) -> None:
    """Faults of conditions stand in one list with their lines, in the order of the file where they are declarations."""
    project(fresh, *(declared.replace("a1", f"a{number}") for number, (declared, _) in enumerate(WRONG.values())))
    said = penstock(fresh, "check", "--json")
    lines = [one["line"] for one in said.json["error"]["faults"]]
    first = HEAD.count("\n") + 1
    assert {*lines} == set(range(first, first + len(WRONG)))


@pytest.mark.parametrize(
    ("condition", "keywords", "waiting"),
    [
        ("docs", ", consume=each(docs)", 2),
        ("docs | labels", ", consume='branch'", 3),
        ("docs & labels", ", consume=each(docs)", 2),
        ("docs | labels", "", 0),
    ],
)
def test_what_a_run_by_hand_leaves_has_its_turn_later(
    fresh: Path, penstock: Call, condition: str, keywords: str, waiting: int
) -> None:
    """Under `each` and `branch` it takes none of the news: how much waits is told at the end, and nothing where a run
    takes all there is."""
    project(fresh, asset_on(condition, 1, keywords))
    penstock(fresh, "plan")
    for dataset in ("docs", "docs", "labels"):
        assert penstock(fresh, "event", dataset).code == 0
    said = penstock(fresh, "materialize", "a1")
    line = f"Later: {waiting} events wait for their turns at a1; a run by hand takes none."
    assert (line in said.words) == (waiting > 0)
    assert ("Later:" in said.words) == (waiting > 0)
    later = penstock(fresh, "materialize", "a1", "--json").json["later"]
    assert [(one["asset"], one["events"]) for one in later] == ([("a1", waiting)] if waiting else [])
