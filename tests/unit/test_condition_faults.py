"""Conditions and policies that contradict the whole: what can never hold, starts nothing, or says nothing, told
together, with the asset and its place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from penstock import Cron, Dataset, Deadline, Definitions, all_of, any_of, asset, defaults, each, meta, n_of, stale
from penstock.assets.declare.asset import AssetFunction

docs, labels, far = Dataset("docs.csv"), Dataset("labels.csv"), Dataset("far.csv")


def made(name: str, *inputs: str, **keywords: Any) -> AssetFunction:
    """An asset whose parameters have these names."""
    namespace: dict[str, Any] = {}
    exec(f"def producer({', '.join(inputs)}): return {{}}", namespace)
    return asset(f"{name}.json", name=name, **keywords)(namespace["producer"])


left, right, other = made("left", "docs", on=docs), made("right", "docs", on=docs), made("other", "far", on=far)


def told(**keywords: Any) -> list[tuple[str, str]]:
    """Kind and message of every fault of one asset, without its name, beside three that others read."""
    one = made("one", **keywords)
    faults = Definitions(left, right, other, one, docs, labels, far).check()
    assert all(fault.hint and fault.where == one.location for fault in faults)
    return [(fault.kind, fault.message.removeprefix("asset one: ")) for fault in faults]


FAULTS: dict[str, tuple[Callable[[], dict[str, Any]], str, str]] = {
    "since never": (lambda: {"on": docs.since(Cron("0 0 30 2 *"))}, "impossible_condition", "has no instant"),
    "removal of what is made": (lambda: {"on": left.removed()}, "impossible_condition", "nothing removes"),
    "fresh alone": (
        lambda: {"on": docs.fresh("1h")},
        "impossible_condition",
        "docs.csv fresh 1h alone, which starts n",
    ),
    "fresh and fresh": (
        lambda: {"on": docs.fresh("1h") & labels.fresh("2h")},
        "impossible_condition",
        "docs.csv fresh 1h and labels.csv fresh 2h alone, which start nothing",
    ),
    "a branch of fresh": (lambda: {"on": docs.fresh("1h") | labels}, "impossible_condition", "never starts a run"),
    "two of which two are fresh": (
        lambda: {"on": n_of(2, docs.fresh("1h"), labels.fresh("1h"), far)},
        "impossible_condition",
        "never starts a run",
    ),
    "own output fresh": (
        lambda: {"on": docs & Dataset("one.json").fresh("1h")},
        "impossible_condition",
        "which it writes itself",
    ),
    "within one": (lambda: {"on": all_of(docs, within="1h")}, "pointless_condition", "there are not two"),
    "within one, twice": (
        lambda: {"on": all_of(docs, docs.count(2), Cron("@daily"), within="1h")},
        "pointless_condition",
        "there are not two",
    ),
    "settle in settle": (
        lambda: {"on": (docs.settle("5s") & labels).settle("9s")},
        "pointless_condition",
        "settle() stands within settle()",
    ),
    "settle a timetable": (lambda: {"on": Cron("@daily").settle("5s")}, "pointless_condition", "no dataset in it"),
    "aligned one": (lambda: {"on": all_of(left, aligned=True)}, "pointless_condition", "there are not two"),
    "aligned strangers": (
        lambda: {"on": all_of(left, other, aligned=True)},
        "pointless_condition",
        "left.json and other.json are made from nothing in common",
    ),
    "aligned with a timetable": (
        lambda: {"on": all_of(left, right, Cron("@daily"), aligned=True)},
        "pointless_condition",
        "cron @daily UTC is something else",
    ),
    "aligned with a node": (
        lambda: {"on": all_of(left, any_of(right, other), aligned=True)},
        "pointless_condition",
        "any_of(…) is something else",
    ),
    "aligned and narrowed": (
        lambda: {"on": all_of(left, right.where(meta("rows") > 0), aligned=True)},
        "pointless_condition",
        "right.json where rows > 0 is something else",
    ),
    "each of another": (
        lambda: {"on": docs & labels.fresh("1h"), "consume": each(labels)},
        "contradiction",
        "names labels.csv, for which its condition does not wait",
    ),
    "each, several at once": (
        lambda: {"on": docs, "consume": each(docs), "max_active_runs": 3},
        "contradiction",
        "max_active_runs=3 asks for more",
    ),
    "each, counted": (
        lambda: {"on": docs.count(3), "consume": each(docs)},
        "contradiction",
        "its condition has docs.csv 3 times",
    ),
    "each, removed": (
        lambda: {"on": docs | docs.removed(), "consume": each(docs)},
        "contradiction",
        "its condition has docs.csv removed",
    ),
    "own output by a pattern": (
        lambda: {"on": docs | Dataset.match("o*.json")},
        "impossible_condition",
        "waits for one.json, which it writes itself",
    ),
    "each of another pattern": (
        lambda: {"on": docs | Dataset.match("raw/*.csv"), "consume": each(Dataset.match("raw/a*.csv"))},
        "contradiction",
        "names raw/a*.csv, for which its condition does not wait",
    ),
    "each of a pattern, counted": (
        lambda: {"on": Dataset.match("raw/*.csv").count(3), "consume": each(Dataset.match("raw/*.csv"))},
        "contradiction",
        "its condition has raw/*.csv 3 times",
    ),
    "each of a pattern, and a branch without": (
        lambda: {"on": docs | Dataset.match("raw/*.csv"), "consume": each(Dataset.match("raw/*.csv"))},
        "contradiction",
        "a branch of its condition is docs.csv",
    ),
    "each of a pattern, and one of its datasets": (
        lambda: {"on": docs & Dataset.match("*.csv"), "consume": each(Dataset.match("*.csv"))},
        "contradiction",
        "in one line, and its condition has docs.csv besides",
    ),
    "each of a pattern within another": (
        lambda: {"on": Dataset.match("r*.csv") & Dataset.match("*.csv"), "consume": each(Dataset.match("r*.csv"))},
        "contradiction",
        "its condition has *.csv besides",
    ),
    "each of aligned": (
        lambda: {"on": all_of(left, right, aligned=True), "consume": each(left)},
        "contradiction",
        "aligned=True another",
    ),
    "stale and pure": (lambda: {"on": docs | stale("7d"), "pure": True}, "contradiction", "stale 7d makes it again"),
    "each, and a branch of time": (
        lambda: {"on": (docs & labels.fresh("1d")) | Cron("@daily"), "consume": each(docs)},
        "contradiction",
        "a branch of its condition is cron @daily UTC",
    ),
    "each, and another way": (
        lambda: {"on": docs | (labels.updated() & stale("7d")), "consume": each(docs)},
        "contradiction",
        "a branch of its condition is labels.csv updated & stale 7d",
    ),
    "a deadline that is caught up with": (
        lambda: {"on": docs, "deadline": Deadline(Cron("@daily", catchup="all"))},
        "contradiction",
        "has catchup='all', which decides nothing of a deadline",
    ),
    "a deadline with jitter": (
        lambda: {"on": docs, "deadline": Deadline(Cron("@daily", jitter="5m"))},
        "contradiction",
        "has jitter='5m', which decides nothing of a deadline",
    ),
    "a narrowing that is caught up with": (
        lambda: {"on": docs.since(Cron("@daily", catchup="all"))},
        "contradiction",
        "the timetable of docs.csv since cron @daily UTC has catchup='all', which decides nothing there",
    ),
    "a narrowing with jitter": (
        lambda: {"on": docs.since(Cron("@daily", jitter="5m"))},
        "contradiction",
        "has jitter='5m', which decides nothing there",
    ),
    "a deadline that never comes": (
        lambda: {"on": docs, "deadline": Deadline(Cron("0 0 30 2 *"))},
        "contradiction",
        "has no instant",
    ),
    "a deadline of nothing": (
        lambda: {"deadline": Deadline(Cron("@daily"))},
        "declaration",
        "deadline= is about what an asset waits for",
    ),
    "resuming without waiting": (lambda: {"on_resume": "drop"}, "declaration", "on_resume= is about what an asset"),
    "a pause behind a stop": (
        lambda: {"on": docs, "consume": each(docs), "pause_after": 3},
        "declaration",
        "pause_after= never counts",
    ),
}


@pytest.mark.parametrize(("keywords", "kind", "message"), FAULTS.values(), ids=FAULTS)
def test_what_contradicts_is_told(keywords: Callable[[], dict[str, Any]], kind: str, message: str) -> None:
    """One fault each: its kind, the asset, and which part of the condition."""
    (found,) = told(**keywords())
    assert found[0] == kind
    assert message in found[1]


SOUND: dict[str, Callable[[], dict[str, Any]]] = {
    "fresh beside news": lambda: {"on": docs & labels.fresh("12h")},
    "either fresh, and news": lambda: {"on": (docs.fresh("1h") | labels.fresh("1h")) & far},
    "stale alone": lambda: {"on": stale("7d")},
    "time, pure": lambda: {"on": Cron("@daily"), "pure": True},
    "removal of what others write": lambda: {"on": docs.removed() | docs.updated()},
    "a diamond": lambda: {"on": all_of(left, right, aligned=True, within="12h")},
    "a source and what is made from it": lambda: {"on": all_of(docs, left, aligned=True)},
    "settled branches": lambda: {"on": docs.settle("5s") | labels.settle("1m", max_wait="2m")},
    "within, in settle": lambda: {"on": all_of(docs, labels & far, within="1h").settle("5s") | Cron("@daily")},
    "narrowed twice": lambda: {"on": docs.where(meta("rows") > 0).count(3) | docs.since(Cron("@daily"))},
    "one by one, of a pattern": lambda: {
        "on": Dataset.match("raw/*.csv").where(meta("rows") > 5) & docs,
        "consume": each(Dataset.match("raw/*.csv")),
    },
    "one by one": lambda: {"on": docs & labels, "consume": each(docs, on_error="skip"), "pause_after": 3},
    "one by one of those that count": lambda: {
        "on": docs.where(meta("rows") > 0).since(Cron("@daily")),
        "consume": each(docs),
    },
    "a pattern of others": lambda: {"on": Dataset.match("raw/*.json") & docs},
    "by a deadline": lambda: {"on": docs, "deadline": Deadline(Cron("@daily"), then="run"), "on_resume": "drop"},
}


@pytest.mark.parametrize("keywords", SOUND.values(), ids=SOUND)
def test_what_makes_sense_has_no_fault(keywords: Callable[[], dict[str, Any]]) -> None:
    """Rules that see too much would keep people from what is right."""
    assert told(**keywords()) == []


def test_what_is_gone_cannot_be_read() -> None:
    """What holds only once a dataset is gone, and has to read it, is a fault; another way, or an input that may be
    missing, is sound."""

    def kinds(on: Any) -> list[str]:
        return [one.kind for one in Definitions(made("one", "docs", on=on), docs, labels).check()]

    for gone in (docs.removed(), docs.removed() & labels, (docs.removed() & labels) | docs.removed().settle("1m")):
        assert kinds(gone) == ["impossible_condition"]
    for sound in (docs.removed() | labels, labels.removed(), n_of(1, docs.removed(), docs)):
        assert kinds(sound) == []

    @asset("one.json", on=docs.removed())
    def one(docs: str | None) -> str:
        return docs or ""

    assert Definitions(one, docs).check() == ()


def test_all_faults_of_one_condition_are_told_together() -> None:
    """Those of every part, and those of its policies."""
    on = all_of(docs.since(Cron("0 0 31 2 *")), within="1h").settle("5s").settle("9s") | left.removed()
    found = told(on=on, consume=each(labels), max_active_runs=2)
    assert [kind for kind, _ in found] == ["impossible_condition"] * 2 + ["pointless_condition"] * 2 + [
        "contradiction"
    ] * 2


def test_what_defaults_say_is_no_fault_where_it_can_do_nothing() -> None:
    """It is said for many assets, and fits only some of them."""
    with defaults(on_resume="drop", pause_after=3, deadline=Deadline(Cron("@daily"))):
        one, two = made("one"), made("two", "docs", on=docs, consume=each(docs))
    assert Definitions(one, two, docs).check() == ()


def test_a_dataset_whose_age_alone_is_asked_for_is_bound() -> None:
    """It is one of the datasets of the definitions, though nothing reads it."""
    catalogue = Definitions(made("one", on=docs & labels.fresh("12h"))).resolve()
    assert list(catalogue.datasets) == ["one.json", "docs.csv", "labels.csv"]


def test_age_is_a_way_to_wait_for_each_other() -> None:
    """Before either was made neither is fresh: it would never begin."""
    a, b = made("a", on=Cron("@daily") & Dataset("b.json").fresh("1h")), made("b", "a", on=docs)
    (fault,) = Definitions(a, b, docs).check()
    assert (fault.kind, fault.message) == ("cycle", "a cycle: a → b → a")


def test_a_pattern_is_a_way_to_wait_for_each_other() -> None:
    """What it names is known once it is declared."""
    a, b = made("a", on=Dataset.match("*.json")), made("b", "a", on=docs)
    assert {fault.message for fault in Definitions(a, b, docs).check()} == {
        "asset a: its condition waits for a.json, which it writes itself",
        "a cycle: a → b → a",
    }


def test_one_of_several_outputs_can_be_narrowed() -> None:
    """`pairs["train"].where(…)`; of all of them together it is told once what to write."""

    @asset(outputs={"train": "train.json", "test": "test.json"})
    def pairs() -> dict[str, Any]:
        return {}

    one = made("one", on=pairs["train"].where(meta("rows") > 0) & pairs["test"])
    catalogue = Definitions(pairs, one).resolve()
    assert str(catalogue.assets["one"].condition).count("train.json") == 1
