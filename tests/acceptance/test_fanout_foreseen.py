"""What news of datasets without partitions makes of partitions is foreseen: what `plan` and a dry run say is what a
materialization then makes, also on the first plan of all, and one step on."""

from __future__ import annotations

from typing import Any

import pytest

from penstock import Daily, Dataset, Partition, asset
from penstock.assets.plan.preview import Foreseen

pytestmark = pytest.mark.databases("sqlite", "postgresql")

DAYS = Daily(start="2026-01-01", end="2026-02-01")
THREE = ["2026-01-01", "2026-01-02", "2026-01-03"]

config = Dataset("config.json")
raw = Dataset("raw/{day}.json", partitions=DAYS)


@asset("base/{day}.json", partitions=DAYS)
def base(day: Partition) -> str:
    """What is made by hand."""
    return day.key


@asset("newest/{day}.json", partitions=DAYS, on=base & config.fanout("latest"))
def newest(base: str, config: Any) -> list[Any]:
    """The last day is made again when the config changes."""
    return [base, config]


@asset("every/{day}.json", partitions=DAYS, on=base & config.fanout("all"))
def every(base: str, config: Any) -> list[Any]:
    """Every day is."""
    return [base, config]


@asset("none/{day}.json", partitions=DAYS, on=base & config)
def none(base: str, config: Any) -> list[Any]:
    """No day is."""
    return [base, config]


@asset("either/{day}.json", partitions=DAYS, on=raw | config.fanout("all"))
def either(raw: Any, config: Any) -> list[Any]:
    """Made by the one or the other."""
    return [raw, config]


@asset("rules.json", on=config)
def rules(config: Any) -> Any:
    """What is computed of the config, and may come out equal."""
    return config["rule"]


@asset("judged/{day}.json", partitions=DAYS, on=raw & rules.fanout("all"))
def judged(raw: Any, rules: Any) -> list[Any]:
    """Every day is judged again by other rules."""
    return [raw, rules]


@asset("verdicts.json", on=judged)
def verdicts(judged: dict[str, Any]) -> int:
    """All that were judged."""
    return len(judged)


def said(foreseen: list[Foreseen] | tuple[Foreseen, ...], *outcomes: str) -> dict[str, list[tuple[str, str, int]]]:
    """Asset → its partitions that would become so: first, last, how many."""
    found: dict[str, list[tuple[str, str, int]]] = {}
    for one in foreseen:
        if one.outcome in outcomes:
            found.setdefault(one.asset, []).append((one.partition, one.last or one.partition, one.count))
    return found


def executed(result: Any) -> dict[str, list[str]]:
    """Asset → the keys of which its producer was called."""
    found: dict[str, list[str]] = {}
    for one in result.executed:
        found.setdefault(one.asset, []).append(one.partition)
    return found


def test_news_of_a_config_is_foreseen_for_what_it_fans_out_to(lab: Any) -> None:
    """`latest` one, `all` every one that has its input, without a word none: by plan and a dry run, and then made."""
    things = (base, newest, every, none)
    lab.write("config.json", "1")
    lab.make(*things, select="base", partitions="2026-01-30..2026-01-31")
    assert lab.make(*things).ok
    lab.write("config.json", "2")
    before = lab.dump()
    expected = {"newest": [("2026-01-31", "2026-01-31", 1)], "every": [("2026-01-30", "2026-01-31", 2)]}
    assert said(lab.outlook(*things).assets, "run", "possible") == expected
    assert said(lab.foresee_all(*things), "run", "possible") == expected
    assert lab.dump() == before
    made = executed(lab.make(*things))
    assert made == {"newest": ["2026-01-31"], "every": ["2026-01-30", "2026-01-31"]}
    assert said(lab.outlook(*things).assets, "run", "possible") == {}


def test_the_first_plan_of_all_foresees_it_too(lab: Any) -> None:
    """Nothing is registered yet and everything is new: the days that are there, and what is computed first."""
    things = (either, rules, judged, verdicts)
    lab.write("config.json", '{"rule": 1}')
    for day in THREE:
        lab.write(f"raw/{day}.json", "1")
    whole = [("", "", 1)]
    three = [("2026-01-01", "2026-01-03", 3)]
    expected = {"either": three, "rules": whole, "judged": three, "verdicts": whole}
    found = lab.outlook(*things)
    assert set(found.changed) == {"config", "raw"}
    assert said(found.assets, "run") == expected
    assert said(found.assets, "possible") == {}
    assert said(lab.foresee_all(*things), "run", "possible") == expected
    assert lab.rows("SELECT count(*) FROM assets") == [(0,)]
    made = executed(lab.make(*things))
    assert made == {"either": THREE, "rules": [""], "judged": THREE, "verdicts": [""]}


@pytest.mark.parametrize("rule", [1, 2])
def test_one_step_on_it_is_possible(lab: Any, rule: int) -> None:
    """What a computed dataset without partitions makes depends on how that comes out: every day that is there may be
    made, and what is behind them; it is, or nothing is."""
    things = (rules, judged, verdicts)
    lab.write("config.json", '{"rule": 1}')
    for day in THREE:
        lab.write(f"raw/{day}.json", "1")
    assert lab.make(*things).ok
    assert said(lab.outlook(*things).assets, "run", "possible") == {}
    lab.write("config.json", f'{{"rule": {rule}, "more": 1}}')
    found = lab.outlook(*things)
    assert said(found.assets, "run") == {"rules": [("", "", 1)]}
    possible = [one for one in found.assets if one.outcome == "possible"]
    assert said(possible, "possible") == {"judged": [("2026-01-01", "2026-01-03", 3)], "verdicts": [("", "", 1)]}
    assert [one.reason.text for one in possible] == ["input changed: rules", "input changed: judged"]
    assert said(lab.foresee_all(*things), "possible") == said(possible, "possible")
    made = executed(lab.make(*things))
    assert made.get("judged", []) == (THREE if rule == 2 else [])


def test_what_is_behind_partitions_is_foreseen(lab: Any) -> None:
    """A day that is new is made for certain, and so is what reads it; one that is made again may come out equal."""

    @asset("first/{day}.json", partitions=DAYS, on=raw)
    def first(raw: int) -> int:
        return raw

    @asset("second/{day}.json", partitions=DAYS, on=first)
    def second(first: int) -> int:
        return first

    things = (first, second)
    lab.write("raw/2026-01-01.json", "1")
    assert lab.make(*things).ok
    lab.write("raw/2026-01-01.json", "2")
    lab.write("raw/2026-01-02.json", "1")
    for found in (lab.outlook(*things).assets, lab.foresee_all(*things)):
        assert said(found, "run")["first"] == [("2026-01-01", "2026-01-01", 1), ("2026-01-02", "2026-01-02", 1)]
        assert said(found, "run")["second"] == [("2026-01-02", "2026-01-02", 1)]
        assert said(found, "possible") == {"second": [("2026-01-01", "2026-01-01", 1)]}
    assert executed(lab.make(*things)) == dict.fromkeys(("first", "second"), THREE[:2])
