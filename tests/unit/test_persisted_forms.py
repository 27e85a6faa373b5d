"""What is kept in the database has a form; these files hold it. They were written by hand-checked runs of `to_plain`.

A file here that no longer fits means that databases out there cannot be read any more: raise the form's version and
keep reading the old one, instead of changing the file.
"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from penstock import Daily, Dynamic, Hourly, Monthly, Static, Weekly, Windows
from penstock.assets.code.outputs import OutputForm
from penstock.assets.declare.asset import Policies
from penstock.assets.declare.catalogue import Asset, Catalogue, Input, Parameter
from penstock.assets.declare.conditions.leaves import DatasetLeaf, Fresh, Stale
from penstock.assets.declare.conditions.plain import condition_from_plain, condition_to_plain
from penstock.assets.declare.conditions.predicates import Both, Either, meta
from penstock.assets.declare.conditions.tree import AllOf, AnyOf, Condition, NOf, Settled
from penstock.assets.declare.dataset import Dataset, Location
from penstock.assets.declare.limits import RateLimit, Slots
from penstock.assets.declare.partitions.mapping.mappings import (
    All,
    Computed,
    Fanned,
    KeyMapping,
    Last,
    Offset,
    RollUp,
    Table,
    mapping_from_plain,
    mapping_to_plain,
)
from penstock.assets.declare.partitions.partition import Partitioning
from penstock.assets.declare.partitions.plain import partitioning_from_plain, partitioning_to_plain
from penstock.assets.declare.plain import asset_from_plain, asset_to_plain, from_plain, to_plain
from penstock.assets.declare.policies import Deadline, Each
from penstock.assets.declare.retrying import RetryPolicy, Timeouts
from penstock.assets.declare.ticks.timetables import Cron, Every
from penstock.assets.plan.reasons import Reason
from penstock.storage.errors import DatabaseFault
from penstock.storage.manifest import Column, FileEntry, Manifest, digest_of
from penstock.storage.types import (
    Consume,
    Fanout,
    Late,
    OnError,
    OnRegister,
    OnResume,
    Publish,
    ReasonKind,
    ValueKind,
)

GOLDEN = Path(__file__).parents[1] / "golden"

CATALOGUE = Catalogue(
    assets={
        "chunks": Asset(
            name="chunks",
            outputs=("chunks.parquet",),
            condition=AnyOf(
                children=(
                    AllOf(children=(DatasetLeaf(uri="s3://corpus/docs.parquet"), DatasetLeaf(uri="labels.csv"))),
                    DatasetLeaf(uri="labels.csv", confirmed=True),
                    NOf(n=1, children=(Cron("0 3 * * *", tz="Europe/Berlin"), Every("6h"))),
                )
            ),
            inputs=(
                Input(
                    parameter="docs",
                    uri="s3://corpus/docs.parquet",
                    kind=ValueKind.LAZY_FRAME,
                    expects=(Column(name="text", type="String"),),
                ),
                Input(parameter="labels", uri="labels.csv", optional=True),
            ),
            parameters=(
                Parameter(name="size", type="int", default=800),
                Parameter(name="stop", type="list[str]", default=["the", "a"]),
            ),
            returns=OutputForm(kind=ValueKind.LAZY_FRAME),
            context="ctx",
            producer="my_project.assets:chunks",
            code="c0de" * 16,
            kind="dataset",
            description="Every document cut into passages.",
            previously="passages",
            policies=Policies(
                retries=RetryPolicy(5, delay="2s", backoff=1.5, max_delay="1h30m"),
                max_active_runs=2,
                publish=Publish.NONE,
                pure=True,
                group="kb",
                tags=("nightly",),
                owners=("team:kb",),
            ),
            location=Location(file="my_project/assets.py", line=12),
        ),
        "pairs": Asset(
            name="pairs",
            outputs=("train.json", "test.json"),
            returns=OutputForm(kind=ValueKind.JSON),
            several=True,
            source=True,
        ),
    },
    datasets={
        "chunks.parquet": Dataset(
            "chunks.parquet", columns={"id": "String", "size": "Int64"}, location=Location(file="a.py", line=1)
        ),
        "train.json": Dataset("train.json", location=Location(file="a.py", line=2)),
        "test.json": Dataset("test.json", location=Location(file="a.py", line=2)),
        "s3://corpus/docs.parquet": Dataset(
            "s3://corpus/docs.parquet",
            name="docs",
            watch="1m",
            capture="copy",
            licence="CC-BY-4.0",
            owners=["team:kb"],
            tags=["pii"],
            description="What people wrote.",
            location=Location(file="a.py", line=3),
        ),
        "labels.csv": Dataset("labels.csv", location=Location(file="a.py", line=4)),
    },
)
MANIFEST = Manifest(
    suffix=".parquet",
    files=(
        FileEntry(path="part-0.parquet", size=4096, rows=120, digest=digest_of(b"one")),
        FileEntry(path="part-1.parquet", size=2048, rows=None, digest="etag:9b2cf535f27731c9"),
    ),
    columns=(Column(name="id", type="String"), Column(name="words", type="List(String)")),
)
OPAQUE = Manifest(suffix="", token="snap-0042")
REASON = Reason(
    kind=ReasonKind.INPUT_CHANGED,
    also=(ReasonKind.TICK, ReasonKind.FIRST_BUILD, ReasonKind.PARAMETERS_CHANGED),
    names=("docs", "labels"),
    parameters=("size",),
    tick=datetime(2026, 1, 5, 2, 0, tzinfo=UTC),
    detail="it has never been made",
)


DOCS = DatasetLeaf(uri="docs.csv")
CONDITIONS: dict[str, Condition] = {
    "updated": replace(DOCS, confirmed=True),
    "removed": replace(DOCS, removal=True),
    "count": replace(DOCS, least=3),
    "mapped": replace(DOCS, mapping=Offset(by=-1)),
    "match": DatasetLeaf(uri="s3://corpus/raw/*/docs.csv", match=True),
    "where": replace(
        DOCS,
        predicate=Both(
            parts=(
                meta("rows") > 1000,
                Either(parts=(meta("language").one_of("de", "fr"), meta("share") <= 0.5, meta("checked").is_true())),
            )
        ),
    ),
    "since": replace(DOCS, timetable=Cron("0 6 * * *", tz="Europe/Berlin")),
    "fresh": Fresh(uri="docs.csv", age=timedelta(hours=12)),
    "stale": Stale(age=timedelta(days=7)),
    "cron": Cron(
        "0 6 * * 1-5",
        "0 9 * * sat",
        tz="Europe/Berlin",
        gap="skip",
        fold="both",
        calendar=["12-25", "sun"],
        jitter="10m",
        catchup=3,
    ),
    "every": Every("90m", catchup="all"),
    "settled": Settled(child=DOCS, quiet=timedelta(seconds=30), longest=timedelta(minutes=10)),
    "within": AllOf(children=(DOCS, DatasetLeaf(uri="labels.csv")), within=timedelta(hours=12)),
    "aligned": AllOf(children=(DOCS, DatasetLeaf(uri="labels.csv")), aligned=True),
    "nested": NOf(n=2, children=(AnyOf(children=(DOCS, Every("1d"))), Stale(age=timedelta(days=1)), DOCS)),
}
DIVIDED = Catalogue(
    assets={
        "daily": Asset(
            name="daily",
            outputs=("daily/{day}/{region}.json",),
            condition=DatasetLeaf(
                uri="s3://logs/{hour}.json", mapping=RollUp(at_least=20, after=timedelta(hours=6), late=Late.COMPLETE)
            ),
            inputs=(
                Input(parameter="hourly", uri="s3://logs/{hour}.json"),
                Input(parameter="before", uri="s3://logs/{hour}.json", mapping=Offset(by=-1)),
            ),
            partition="which",
            partitions=Daily(start="2026-01-01", end="2027-01-01", tz="Europe/Berlin")
            * Static("eu", "us", name="region"),
        )
    },
    datasets={
        "daily/{day}/{region}.json": Dataset(
            "daily/{day}/{region}.json",
            location=Location(file="a.py", line=5),
            partitions=Daily(start="2026-01-01", end="2027-01-01", tz="Europe/Berlin")
            * Static("eu", "us", name="region"),
        ),
        "s3://logs/{hour}.json": Dataset(
            "s3://logs/{hour}.json",
            partitions=Hourly(start="2026-01-01"),
            location=Location(file="a.py", line=6),
        ),
    },
)
PARTITIONINGS: dict[str, Partitioning] = {
    "hourly": Hourly(start="2026-01-01", tz="America/New_York"),
    "daily": Daily(start="2026-01-01", end="2027-01-01", name="date"),
    "weekly": Weekly(start="2026-01-05T00:00"),
    "monthly": Monthly(start="2026-01-01"),
    "cron": Windows(Cron("30 6 * * 1-5", tz="Europe/Berlin", gap="skip"), start="2026-01-01"),
    "every": Windows(Every("90m"), start="2026-01-01", tz="Asia/Kolkata", name="slot"),
    "static": Static("eu", "中国", name="region"),
    "dynamic": Dynamic(name="customer"),
    "product": Daily(start="2026-01-01") * Static("eu", name="region") * Dynamic(name="customer"),
}
MAPPINGS: dict[str, KeyMapping] = {
    "rollup": RollUp(),
    "rollup_with_options": RollUp(at_least=20, after=timedelta(hours=6), late=Late.IGNORE),
    "offset": Offset(by=-1),
    "last": Last(),
    "all": All(),
    "table": Table(rows=(("eu", ("de", "fr")), ("us", ("us",)))),
    "table_of_a_dimension": Table(rows=(("eu", ("de",)),), dimension="region"),
    "function": Computed(reference="my_project.regions:countries", description="The countries of a region."),
    "fanout": Fanned(to=Fanout.LATEST),
}
PLACES = {
    "2026-01-05": Daily(start="2026-01-01", tz="Europe/Berlin"),
    "2024-11-03T01-0500": Hourly(start="2024-01-01", tz="America/New_York"),
    "2026-W01": Weekly(start="2025-01-01"),
    "2026-01": Monthly(start="2026-01-01"),
    "2026-01-05T0730": Windows(Cron("*/30 * * * *"), start="2026-01-01"),
    "eu": Static("eu"),
    "2026-01-05|eu": Daily(start="2026-01-01") * Static("eu"),
    "eu|zoe": Static("eu") * Dynamic(name="customer"),
}
POLICIES: dict[str, Policies] = {
    "each": Policies(consume=Each(uri="docs.csv", on_error=OnError.SKIP), pause_after=3),
    "each of a pattern": Policies(consume=Each(uri="raw/*.csv", match=True)),
    "latest": Policies(consume=Consume.LATEST, on_resume=OnResume.DROP, on_register=OnRegister.BUILD),
    "deadline": Policies(consume=Consume.BRANCH, deadline=Deadline(Cron("0 6 * * *"), then="run")),
    "limits": Policies(pool=Slots("gpu", 2), priority=10, limits=(RateLimit("openai", "60/min", burst=5),)),
    "never again": Policies(retries=RetryPolicy(1), timeout=Timeouts()),
    "clocks": Policies(timeout=Timeouts(queue="1h", run="30m", total="1d")),
    "errors": Policies(retries=RetryPolicy(5, jitter=0.5, on=TimeoutError, never_on=["api.Refused"], max_lost=2)),
}


def golden(name: str) -> Any:
    """What one of the files holds."""
    return json.loads((GOLDEN / f"{name}.json").read_text(encoding="utf-8"))


def test_definitions_are_kept_in_this_form() -> None:
    """The catalogue is written as the file says and read back from it, order, locations and all."""
    assert to_plain(CATALOGUE) == golden("catalogue")
    found = from_plain(golden("catalogue"))
    assert found == CATALOGUE
    assert list(found.assets) == list(CATALOGUE.assets)
    assert list(found.datasets) == list(CATALOGUE.datasets)
    assert [one.location for one in found.datasets.values()] == [one.location for one in CATALOGUE.datasets.values()]


def test_conditions_are_kept_in_this_form() -> None:
    """Every leaf and node is written as the file says and read back."""
    kept = golden("conditions")
    assert {name: condition_to_plain(one) for name, one in CONDITIONS.items()} == kept
    assert {name: condition_from_plain(one) for name, one in kept.items()} == CONDITIONS


def test_policies_are_kept_in_this_form() -> None:
    """How events are consumed, pauses and deadlines are written as the file says and read back."""
    kept = golden("policies")
    for name, one in POLICIES.items():
        asset = Asset(name=name, outputs=("a.json",), policies=one)
        assert asset_to_plain(asset)["policies"] == kept[name]
        assert asset_from_plain({**asset_to_plain(asset), "policies": kept[name]}) == asset


@pytest.mark.parametrize(
    "changed",
    [
        {"consume": "some"},
        {"consume": {"each": "docs.csv", "on_error": "wait"}},
        {"consume": {"each": "docs.csv", "on_error": "stop", "backwards": True}},
        {"on_resume": "later"},
        {"on_register": "later"},
        {"publish": "move"},
        {"deadline": {"at": {"every": "1d"}, "then": "cry"}},
        {"deadline": {"at": {"every": "1d"}, "then": "run", "grace": "1h"}},
        {"deadline": {"at": {"every": "1d", "until": "noon"}, "then": "run"}},
        {"colour": 3},
        {"retries": {"max_attempts": 2, "budget": 4}},
        {"timeout": {"idle": "1h"}},
    ],
    ids=str,
)
def test_a_policy_of_an_unknown_word_is_refused(changed: dict[str, Any]) -> None:
    """What a newer penstock means by it is no guess."""
    plain = asset_to_plain(Asset(name="a", outputs=("a.json",)))
    with pytest.raises(DatabaseFault, match="does not know") as caught:
        asset_from_plain({**plain, "policies": {**plain["policies"], **changed}})
    assert "Upgrade penstock" in caught.value.hint


def test_partitions_are_kept_in_this_form() -> None:
    """Partitionings, mappings and places are written as the file says and read back."""
    kept = golden("partitions")
    assert {name: partitioning_to_plain(one) for name, one in PARTITIONINGS.items()} == kept["partitionings"]
    assert {name: partitioning_from_plain(one) for name, one in kept["partitionings"].items()} == PARTITIONINGS
    assert {name: mapping_to_plain(one) for name, one in MAPPINGS.items()} == kept["mappings"]
    assert {name: mapping_from_plain(one) for name, one in kept["mappings"].items()} == MAPPINGS
    assert {key: list(one.place(key)) for key, one in PLACES.items()} == kept["places"]
    assert to_plain(DIVIDED) == kept["catalogue"]
    assert from_plain(kept["catalogue"]) == DIVIDED


@pytest.mark.parametrize(
    "plain",
    [
        {"daily": {"start": "2026-01-01", "until": "x"}},
        {"yearly": {}},
        {},
        {"static": ["a"]},
        {"dynamic": "a", "of": 3},
    ],
)
def test_a_partitioning_of_an_unknown_word_is_refused(plain: dict[str, Any]) -> None:
    """Its keys would be others."""
    with pytest.raises(DatabaseFault, match="does not know"):
        partitioning_from_plain(plain)


def test_manifests_are_kept_in_this_form() -> None:
    """Files and opaque data are written as the file says and read back; the digests never change."""
    kept = golden("manifest")
    for name, manifest in {"files": MANIFEST, "opaque": OPAQUE}.items():
        assert manifest.to_plain() == kept[name]["plain"]
        assert Manifest.from_plain(kept[name]["plain"]) == manifest
        assert manifest.digest == kept[name]["digest"]


def test_reasons_are_kept_in_this_form() -> None:
    """A reason is written as the file says and read back."""
    assert REASON.to_plain() == golden("reason")
    assert Reason.from_plain(golden("reason")) == REASON


@pytest.mark.parametrize("version", [0, 2, None, "1"])
def test_what_a_newer_penstock_wrote_is_refused(version: object) -> None:
    """Definitions and manifests of another form are no guess: the answer says to upgrade."""
    with pytest.raises(DatabaseFault, match="form") as caught:
        from_plain({**golden("catalogue"), "v": version})
    assert "Upgrade penstock" in caught.value.hint
    with pytest.raises(DatabaseFault, match="form"):
        Manifest.from_plain({**golden("manifest")["files"]["plain"], "v": version})


@pytest.mark.parametrize(
    "plain",
    [
        {"settled": "30s"},
        {},
        {"dataset": "a.csv"},
        {"n_of": 2},
        {"cron": "@daily"},
        {"every": "1h", "until": "noon"},
        {"dataset": "a.csv", "confirmed": False, "sometimes": True},
        {"dataset": "a.csv", "confirmed": False, "where": {"meta": "rows", "is": "~", "value": 3}},
        {"all_of": [], "nearly": True},
    ],
)
def test_a_condition_of_an_unknown_kind_is_refused(plain: dict[str, Any]) -> None:
    """A node that this penstock does not know is never taken for another."""
    with pytest.raises(DatabaseFault, match="does not know"):
        condition_from_plain(plain)
