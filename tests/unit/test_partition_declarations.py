"""Partitions in definitions: what is bound, what is kept of it, and every fault that is told with the others."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from penstock import (
    Cron,
    Daily,
    Dataset,
    Deadline,
    Definitions,
    Hourly,
    Partition,
    Static,
    Version,
    all_of,
    asset,
    each,
    meta,
    source,
    stale,
)
from penstock.assets.declare.asset import AssetFunction
from penstock.assets.declare.conditions.leaves import DatasetLeaf, dataset_leaves
from penstock.assets.declare.faults import Fault, FaultyDefinitions
from penstock.assets.declare.partitions.mapping.mappings import Computed, Offset, RollUp, Table
from penstock.assets.declare.partitions.mapping.relation import relation
from penstock.assets.declare.partitions.partition import Partitioning
from penstock.assets.declare.plain import from_plain, to_plain
from penstock.assets.run.project.permitted import require_makeable
from penstock.storage.errors import DefinitionError
from penstock.storage.types import Late

DAYS, HOURS = Daily(start="2026-01-01"), Hourly(start="2026-01-01")
hourly = Dataset("s3://logs/{hour}.json", partitions=HOURS, name="hourly")
daily = Dataset("s3://logs/by/{day}.json", partitions=DAYS, name="daily")
config = Dataset("config.json")
scores = Dataset("scores/{region}.json", partitions=Static("eu", "us", name="region"))


def only(*things: Any) -> Fault:
    """The one fault there is."""
    (fault,) = Definitions(*things).check()
    assert fault.hint
    return fault


def made(name: str, *inputs: str, uri: str = "", **keywords: Any) -> AssetFunction:
    """An asset whose parameters have these names; with partitions by day unless others are said."""
    namespace: dict[str, Any] = {}
    exec(f"def producer({', '.join(inputs)}): return {{}}", namespace)
    keywords = {"partitions": DAYS, **keywords}
    return asset(uri or f"{name}/{{day}}.json", name=name, **keywords)(namespace["producer"])


def countries(region: str) -> list[str]:
    """The countries of a region.

    As they are today.
    """
    return {"eu": ["de"], "us": ["us"]}[region]


def test_an_asset_its_outputs_and_its_inputs_know_their_partitions() -> None:
    """What is said at the asset is said of every dataset that it writes; what a leaf says, of the input too."""

    @asset("daily/{day}.json", partitions=DAYS, on=hourly.rollup(at_least=20, after="6h", late="complete"))
    def daily(hourly: dict[str, Any], which: Partition) -> dict[str, Any]:
        return {which.key: hourly}

    @asset("trend/{day}.json", partitions=DAYS, on=daily, inputs={"previous": daily.offset(-1)})
    def trend(daily: dict[str, Any], previous: dict[str, Any] | None) -> dict[str, Any]:
        return daily

    catalogue = Definitions(daily, trend).resolve()
    one, two = catalogue.assets["daily"], catalogue.assets["trend"]
    assert (one.partitions, one.partition, one.context) == (DAYS, "which", None)
    assert catalogue.datasets["daily/{day}.json"].partitions == DAYS
    assert catalogue.datasets["daily/{day}.json"].name == "daily"
    rolled = RollUp(at_least=20, after=hourly.rollup(after="6h").mapping.after, late=Late.COMPLETE)  # type: ignore[union-attr]
    assert [leaf.mapping for leaf in dataset_leaves(one.condition)] == [rolled]
    assert [(i.parameter, i.mapping) for i in one.inputs] == [("hourly", rolled)]
    assert [(i.parameter, i.mapping) for i in two.inputs] == [("daily", None), ("previous", Offset(by=-1))]
    assert from_plain(json.loads(json.dumps(to_plain(catalogue)))) == catalogue


def test_a_mapping_composes_with_other_narrowings() -> None:
    """In any order; its label tells it; a removal may have one."""
    one = hourly.where(meta("rows") > 0).rollup(at_least=3).count(2)  # type: ignore[union-attr]
    two = hourly.rollup(at_least=3).count(2).where(meta("rows") > 0)  # type: ignore[union-attr]
    assert one == two
    assert isinstance(one, DatasetLeaf)
    assert one.label == "s3://logs/{hour}.json where rows > 0 2 times rolled up, at least 3"
    assert hourly.rollup().removed().removal  # type: ignore[union-attr]


def test_every_leaf_of_a_dataset_means_the_same() -> None:
    """What one of them says of its keys the others have too."""
    one = made("one", "hourly", on=hourly.rollup(at_least=3) & (hourly.where(meta("rows") > 0) | Cron("@daily")))
    found = [leaf.mapping for leaf in dataset_leaves(Definitions(one).resolve().assets["one"].condition)]
    assert found == [RollUp(at_least=3)] * 2


def test_outputs_may_say_it_themselves() -> None:
    """A dataset with partitions makes its asset one with them."""
    outputs = {
        "train": Dataset("train/{day}.json", partitions=DAYS),
        "test": Dataset("test/{day}.json", partitions=DAYS),
    }
    one = asset(outputs=outputs)(lambda_named())
    assert Definitions(one).resolve().assets["pairs"].partitions == DAYS
    api = source("api/{day}.json", probe=dict, partitions=DAYS)(lambda_named())
    assert Definitions(api).resolve().assets["pairs"].partitions == DAYS


def lambda_named() -> Any:
    """A producer."""

    def pairs() -> dict[str, Any]:
        return {}

    return pairs


def test_a_function_is_kept_as_a_reference_and_a_description() -> None:
    """The catalogue holds no code; the definitions say which function a reference is."""
    theirs = Static("de", "us", name="country")
    one = made("one", "scores", uri="one/{country}.json", partitions=theirs, on=scores.mapped(countries))
    definitions = Definitions(one)
    (leaf,) = dataset_leaves(definitions.resolve().assets["one"].condition)
    assert leaf.mapping == Computed(reference=f"{__name__}:countries", description="The countries of a region.")
    assert isinstance(leaf.mapping, Computed)
    assert leaf.mapping.call is None
    found = relation(scores.partitions, theirs, leaf.mapping, functions=definitions.mappings)
    assert list(found.concerned("eu").walk()) == ["de"]


def test_a_table_names_one_key_or_several() -> None:
    """A text is one key."""
    leaf = scores.mapped({"eu": ["de", "fr"], "us": "us"})
    assert isinstance(leaf, DatasetLeaf)
    assert leaf.mapping == Table(rows=(("eu", ("de", "fr")), ("us", ("us",))))


def test_a_partition_is_asked_for_where_there_is_one() -> None:
    """An asset without partitions has none to give; two parameters for it are one too many."""

    @asset("a.json")
    def a(which: Partition) -> int:
        return 1

    assert "parameter 'which' takes the partition, and it has no partitions" in only(a).message

    @asset("b/{day}.json", partitions=DAYS)
    def b(one: Partition, two: Partition) -> int:
        return 1

    assert "takes the partition twice: one, two" in only(b).message

    @asset("c/{day}.json", partitions=DAYS)
    def c(which: Partition | None) -> int:
        return 1

    assert "A parameter annotated Partition" in Definitions(c).check()[0].hint


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"partitions": "daily", "uri": "a.json"}, "partitions='daily' are no partitions"),
        ({"uri": "a.json"}, "its partitions have no place of their own"),
        ({"partitions": None}, "it has {day} in its URI and no partitions"),
        ({"on": hourly.rollup(at_least=25)}, "at_least=25 is more than any window of daily in UTC can hold: 24"),
        ({"on": config.fanout("latest") & config.fanout("all")}, "is said twice, fanned out to latest and fanned out"),
        ({"on": hourly.rollup(), "inputs": {"x": hourly.all()}, "takes": ("x",)}, "is said twice, rolled up and all"),
        ({"on": hourly.offset(-1)}, "are not the same windows"),
        ({"on": scores}, "have no dimension in common"),
        ({"on": scores.offset(1)}, "have no dimension in common"),
        ({"on": config.rollup()}, "the dataset has no partitions"),
        ({"on": config.fanout("latest"), "takes": ("hourly",), "inputs": {"hourly": hourly.last()}}, ""),
        ({"takes": ("scores",)}, "have no dimension in common"),
        ({"outputs": {"a": "a/{day}.json", "b": Dataset("b/{hour}.json", partitions=HOURS)}}, "has one partitioning"),
        ({"outputs": {"a": Dataset("a.json"), "b": "b/{day}.json"}}, "a.json is not divided"),
    ],
)
def test_what_does_not_go_together_is_told(keywords: dict[str, Any], message: str) -> None:
    """With the other faults of the definitions, and what to write."""
    takes = keywords.pop("takes", ())
    outputs = keywords.get("outputs")
    named = made("one", *takes, **keywords) if outputs is None else outputs_of(outputs)
    faults = Definitions(named, hourly, config, scores).check()
    assert [message in fault.message or message in fault.hint for fault in faults] == [True] * bool(message)
    assert all(fault.hint for fault in faults)


@pytest.mark.parametrize("keywords", [
    {"on": daily & daily.offset(-1)},
    {"on": daily.offset(-1) | daily},
    {"on": daily & daily.offset(-1), "takes": ("now", "before"), "inputs": {"now": daily, "before": daily.offset(-1)}},
    {"on": daily.where(meta("rows") > 0) & daily.all()},
    {"on": daily.last(), "takes": ("daily", "newest"), "inputs": {"newest": daily.last()}},
])  # fmt: skip
def test_one_dataset_in_two_ways_is_told(keywords: dict[str, Any]) -> None:
    """A dataset is waited for in one way: the plain one, which means the same key, is not taken for the other. Read in
    two ways, each is said."""
    one = made("one", *keywords.pop("takes", ()), **keywords)
    told = [fault for fault in Definitions(one, daily).check() if "other keys" in fault.message]
    assert [(fault.where, bool(fault.hint)) for fault in told] == [(one.location, True)]


@pytest.mark.parametrize("keywords", [
    {"on": hourly.rollup(at_least=20) | hourly.where(meta("rows") > 0)},
    {"on": config.fanout("all") & config.where(meta("rows") > 0)},
    {"on": scores.mapped({"eu": ["2026-01-01"]}) & scores.count(2)},
    {"on": daily, "takes": ("now", "before"), "inputs": {"now": daily, "before": daily.offset(-1)}},
    {"on": daily.offset(-1), "takes": ("daily",)},
    {"on": hourly.rollup(), "takes": ("hourly", "again"), "inputs": {"again": hourly.rollup()}},
])  # fmt: skip
def test_what_is_plain_is_taken_for_the_way_that_is_said(keywords: dict[str, Any]) -> None:
    """Where it means the same keys, where it means nothing else, or where one says it of the condition and the input
    is plain."""
    assert not Definitions(made("one", *keywords.pop("takes", ()), **keywords), daily, hourly, config, scores).check()


def test_two_ways_are_told_once() -> None:
    """Also where inputs say the same two again."""
    ways = {"week": hourly.rollup(at_least=1), "newest": hourly.last()}
    one = made("one", *ways, on=ways["week"] & ways["newest"], inputs=ways)
    assert "is said twice, rolled up, at least 1 and last" in only(one, hourly).message


def outputs_of(outputs: dict[str, Any]) -> AssetFunction:
    """An asset by day with these outputs."""
    return asset(outputs=outputs, partitions=DAYS)(lambda_named())


@pytest.mark.parametrize(
    ("said", "message"),
    [
        (lambda: hourly.rollup(at_least=0), "rollup: at_least=0 is no number of at least 1"),
        (lambda: hourly.rollup(after="soon"), "rollup: after: 'soon' is not a duration"),
        (lambda: hourly.rollup(late="never"), "rollup: late='never' is not known"),
        (lambda: hourly.offset(0), "offset(0) is no number of windows to go"),
        (lambda: config.fanout("some"), "fanout='some' is not known"),
        (lambda: scores.mapped(3), "mapped got 3, which is neither a table nor a function"),  # type: ignore[arg-type]
        (lambda: scores.mapped({}), "mapped got {}, which is neither"),
        (lambda: scores.mapped({"eu": "a/b"}), "mapped: the key 'a/b' has a slash in it"),
        (lambda: hourly.rollup().all(), "what its keys mean is said twice"),  # type: ignore[union-attr]
        (lambda: Dataset.match("raw/*.csv").last(), "a pattern names no keys"),
        (lambda: hourly.rollup().fresh("1h"), "fresh() asks how old the newest event of one dataset is"),  # type: ignore[union-attr]
    ],
)
def test_a_mapping_that_says_nothing_is_told_at_once(said: Any, message: str) -> None:
    """Where it is written."""
    with pytest.raises(DefinitionError) as caught:
        said()
    assert message in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize(
    ("uri", "partitioning"),
    [
        ("daily/2026-01-05.json", None),
        ("daily/{hour}/x.json", HOURS),
        ("daily/{region}.json", Static("2026-01-05", name="region")),
        ("daily/2026-01-05.json/part.csv", None),
    ],
)
def test_one_dataset_in_the_place_of_another_is_a_fault(uri: str, partitioning: Partitioning | None) -> None:
    """Of a partition of it, or in its folder; told once. Places that no key leads to are free."""
    days = Dataset("daily/{day}.json", partitions=DAYS)
    other = Dataset(uri, partitions=partitioning, name="other")
    found = Definitions(days, other).check()
    assert [fault.kind for fault in found] == ([] if partitioning is HOURS else ["nested_dataset"])
    folder = Dataset("daily/", name="folder")
    assert [fault.kind for fault in Definitions(days, folder).check()] == ["nested_dataset"]


def test_what_cannot_be_made_of_partitions_is_told() -> None:
    """Several of them as one path, one version as several: before anything is made."""
    hours = made("hours", uri="hours/{hour}.json", partitions=HOURS)

    @asset("sizes.json", inputs={"one": hourly, "two": hours})
    def sizes(one: dict[str, Any], two: Path) -> int:
        return 0

    with pytest.raises(FaultyDefinitions) as caught:
        require_makeable(Definitions(sizes, hourly, hours).resolve())
    assert [fault.kind for fault in caught.value.faults] == ["several_as_one"]

    @asset("digests.json", inputs={"several": hours, "newest": hours.last(), "whole": config})
    def digests(several: dict[str, Version], newest: dict[str, Version], whole: dict[str, Version]) -> int:
        return 0

    with pytest.raises(FaultyDefinitions) as caught:
        require_makeable(Definitions(digests, hours, config).resolve())
    assert [fault.kind for fault in caught.value.faults] == ["one_as_several"] * 2
    require_makeable(Definitions(hours, made("two", "hours", uri="two.json", partitions=None)).resolve())


def test_a_column_of_keys_is_asked_of_partitions_alone() -> None:
    """It is kept with the input, said there or in the condition; of what has no partitions it is a fault."""

    @asset("rows.json", on=hourly.keyed("hour"), inputs={"hours": hourly, "others": hourly.keyed("h")})
    def rows(hours: dict[str, Any], others: dict[str, Any]) -> int:
        return 0

    @asset("plain.json", inputs={"config": config.keyed("key")})
    def plain(config: int) -> int:
        return 0

    catalogue = Definitions(rows, hourly).resolve()
    assert [one.key_column for one in catalogue.assets["rows"].inputs] == ["hour", "h"]
    assert from_plain(json.loads(json.dumps(to_plain(catalogue)))) == catalogue
    assert only(plain, config).kind == "no_partitions"


def test_a_column_of_keys_is_none_that_is_declared() -> None:
    """A fault that names the parameter, the dataset and `keyed`."""
    columned = Dataset("columned/{day}.csv", partitions=DAYS, name="columned", columns={"n": int, "m": str})

    @asset("rows.json", inputs={"up": columned.keyed("n")})
    def rows(up: Any) -> int:
        return 0

    fault = only(rows, columned)
    assert fault.kind == "column_mismatch"
    assert "parameter 'up' takes columned/{day}.csv, which declares a column 'n'" in fault.message
    assert fault.hint == "Choose another: keyed('n_key')."


EVENTS = Dataset("warehouse://db/{day}", partitions=DAYS, name="events")
PLAIN = Dataset("warehouse://db/plain")
UNSUITED: dict[str, tuple[dict[str, Any], str]] = {
    "one by one": ({"on": EVENTS, "consume": each(EVENTS), "partitions": DAYS}, "Leave consume= out"),
    "one by one, whole": ({"on": EVENTS, "consume": each(EVENTS)}, "Give the asset the same partitions"),
    "a deadline": ({"on": EVENTS, "deadline": Deadline(Cron("0 6 * * *")), "partitions": DAYS}, "without partitions"),
    "staleness": ({"on": EVENTS | stale("7d"), "partitions": DAYS}, "Write a timetable"),
    "a pattern": ({"on": Dataset.match("raw/*/docs.csv"), "partitions": DAYS}, "Name one dataset"),
    "an age": ({"on": PLAIN & EVENTS.fresh("1d")}, r"\.rollup\(after=…\)"),
    "alignment": ({"on": all_of(EVENTS, PLAIN, aligned=True), "partitions": DAYS}, "Leave aligned=True out"),
    "alignment, whole": ({"on": all_of(EVENTS, PLAIN, aligned=True)}, "Leave aligned=True out"),
}


@pytest.mark.parametrize("case", UNSUITED)
def test_what_has_no_meaning_for_partitions_is_refused(case: str) -> None:
    """With what to write instead; nothing of it is accepted and left without effect."""
    said, hint = UNSUITED[case]
    path = "out/{day}.json" if "partitions" in said else "out.json"
    faults = Definitions(asset(path, name="out", **said)(lambda: 1), EVENTS, PLAIN).check()
    told = [fault for fault in faults if fault.kind == "unsuited_to_partitions"]
    assert told, faults
    assert all("asset out: " in fault.message for fault in told)
    assert re.search(hint, told[0].hint or "")


def test_what_has_a_meaning_for_partitions_stays() -> None:
    """A deadline and staleness of an asset without partitions, the age of what has none, a pattern beside them."""
    fine = (
        asset("a.json", name="a", on=EVENTS | stale("7d"), deadline=Deadline(Cron("0 6 * * *")))(lambda: 1),
        asset("b/{day}.json", name="b", partitions=DAYS, on=EVENTS & PLAIN.fresh("1d"))(lambda: 1),
        asset("c.json", name="c", on=EVENTS | Dataset.match("raw/*/docs.csv"))(lambda: 1),
    )
    assert list(Definitions(*fine, EVENTS, PLAIN).check()) == []
