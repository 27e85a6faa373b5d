"""Two datasets that turn out to be one by an alias: each consumer stands to the one as it stood to the other."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from penstock.storage.manifest import canonical_json, digest_of
from penstock.storage.meta import catalogue, events, outside, pauses, pending, registration
from penstock.storage.meta.partitions.pending import keys_told, newest_for_keys
from penstock.storage.meta.past.links import returned_by
from penstock.storage.types import ConsumptionOutcome

pytestmark = pytest.mark.databases("sqlite", "postgresql")


def register(meta: Any, joined: bool = False, keyed: str = "", **waits: str) -> catalogue.Ids:
    """Assets that wait for these datasets, a URI or a pattern each; `joined`: `old.csv` is an alias of `new.csv`;
    `keyed`: of these, those with partitions."""
    wanted = [
        registration.AssetDeclaration(
            name=name,
            previously=None,
            digest=digest_of(canonical_json([name, leaves])),
            body={"name": name},
            waits_for=tuple(leaf for leaf in leaves.split() if "*" not in leaf),
            patterns=tuple(leaf for leaf in leaves.split() if "*" in leaf),
            keyed=name in keyed.split(),
        )
        for name, leaves in waits.items()
    ]
    datasets = [
        registration.DatasetDeclaration(
            uri=uri,
            name=uri.partition(".")[0],
            producer=None,
            declaration={"uri": uri},
            aliases=("old.csv",) if joined and uri == "new.csv" else (),
        )
        for uri in (["new.csv"] if joined else ["old.csv", "new.csv"])
    ]
    meta.now += timedelta(minutes=1)
    with meta.store.write() as tx:
        return registration.register(
            tx,
            "kb",
            digest=digest_of(canonical_json([joined, waits])),
            wanted_datasets=datasets,
            wanted_assets=wanted,
            now=meta.now,
        )


def tell(meta: Any, uri: str, *versions: str) -> None:
    """These versions, one a minute."""
    for version in versions:
        meta.now += timedelta(minutes=1)
        with meta.store.write() as tx:
            outside.record_event(tx, "kb", uri, version=version, metadata={"of": version}, now=meta.now)


def take(meta: Any, asset: int, dataset: int, *, up_to: int, expected: int) -> str:
    """A run that takes events; which one."""
    run = meta.run(asset)
    claim = events.Claim(
        asset_id=asset,
        dataset_id=dataset,
        up_to=up_to,
        expected=expected,
        run_id=run,
        outcome=ConsumptionOutcome.RUN,
    )
    with meta.store.write() as tx:
        assert events.consume(tx, [claim], now=meta.now)
    return run


def give_back(meta: Any, asset: int, run: str, *, fresh: bool) -> None:
    """What a run has is pending again."""
    with meta.store.write() as tx:
        assert events.give_back(tx, asset_id=asset, run_id=run, fresh=fresh)


def end_runs(meta: Any, state: str) -> None:
    """All that there are."""
    with meta.store.write() as tx:
        tx.execute(text("UPDATE runs SET ended_at = created_at, state = :state"), {"state": state})


def left(meta: Any, asset: int, dataset: int) -> list[tuple[str, bool]]:
    """What is pending, in order: of which version, and whether it may start a run."""
    with meta.store.read() as tx:
        return [(one.metadata["of"], one.fresh) for one in pending.in_order(tx, asset, dataset)]


def test_news_of_the_alias_is_news_of_the_dataset_all_of_it_and_in_order(meta: Any) -> None:
    """With what was said of it; whoever waited for the dataset already hears of the newest alone, and what is left of
    the alias is what was told."""
    ids = register(meta, chunks="old.csv", index="new.csv")
    tell(meta, "new.csv", "x")
    tell(meta, "old.csv", "1", "2", "3")
    chunks, index = ids.assets["chunks"], ids.assets["index"]
    take(meta, chunks, ids.datasets["old.csv"], up_to=1, expected=1)
    docs = register(meta, joined=True, chunks="new.csv", index="new.csv").datasets["new.csv"]
    assert left(meta, chunks, docs) == [("2", True), ("3", True)]
    assert left(meta, index, docs) == [("x", True), ("3", True)]
    assert meta.rows(
        "SELECT count(*) FROM events e JOIN datasets d ON d.id = e.dataset_id WHERE d.uri = 'old.csv'"
    ) == [(3,)]


@pytest.mark.parametrize("told", ["1", "1 1", "x", "x x"])
def test_a_change_that_was_confirmed_is_still_the_newest(meta: Any, told: str) -> None:
    """Whoever waited for the dataset already hears of the change, and of what confirmed it, unless it is of the version
    that it had."""
    ids = register(meta, chunks="old.csv", index="new.csv")
    tell(meta, "new.csv", "x")
    take(meta, ids.assets["index"], ids.datasets["new.csv"], up_to=1, expected=1)
    end_runs(meta, "success")
    tell(meta, "old.csv", "0", *told.split())
    docs = register(meta, joined=True, chunks="new.csv", index="new.csv").datasets["new.csv"]
    assert left(meta, ids.assets["chunks"], docs) == [("0", True), *((one, True) for one in told.split())]
    heard = [] if "x" in told else [(one, True) for one in told.split()]
    assert left(meta, ids.assets["index"], docs) == heard
    with meta.store.read() as tx:
        kinds = [one.kind for one in pending.in_order(tx, ids.assets["index"], docs)]
    assert kinds == ["changed", "confirmed"][: len(heard)]


def test_news_that_partitions_go_on_with_came_when_it_was_told_first(meta: Any) -> None:
    """Which of them it starts is decided by that time; for whoever waited for the dataset already it comes now."""
    ids = register(meta, fanned="old.csv", waits="new.csv", keyed="fanned waits")
    tell(meta, "new.csv", "x")
    tell(meta, "old.csv", "x")
    at = meta.now
    meta.now += timedelta(days=1)
    docs = register(meta, joined=True, fanned="new.csv", waits="new.csv", keyed="fanned waits").datasets["new.csv"]
    fanned, waits = ids.assets["fanned"], ids.assets["waits"]
    with meta.store.read() as tx:
        found = newest_for_keys(tx, fanned, docs, {"later": meta.now + timedelta(1), "then": meta.now})
        heard = {
            one: [told.arrived_at for told in keys_told(tx, one, docs, above=1, limit=9)] for one in ids.assets.values()
        }
    assert {key: [(one.kind, one.fresh, one.arrived_at) for one in some] for key, some in found.items()} == {
        key: [("changed", True, at)] for key in ("later", "then")
    }
    assert heard == {fanned: [at], waits: [meta.now]}


def test_news_stays_news_where_the_dataset_has_that_version_already(meta: Any) -> None:
    """Two URIs of the same data: who has made nothing of it yet is started, who waited for the other hears nothing."""
    ids = register(meta, mine="old.csv", theirs="new.csv")
    tell(meta, "old.csv", "v1")
    tell(meta, "new.csv", "v1")
    for asset, uri in (("mine", "old.csv"), ("theirs", "new.csv")):
        take(meta, ids.assets[asset], ids.datasets[uri], up_to=1, expected=1)
    end_runs(meta, "success")
    tell(meta, "old.csv", "v2")
    tell(meta, "new.csv", "v2")
    take(meta, ids.assets["theirs"], ids.datasets["new.csv"], up_to=2, expected=1)
    end_runs(meta, "success")
    ids = register(meta, joined=True, mine="new.csv", theirs="new.csv")
    of_new = f"FROM events WHERE dataset_id = {ids.datasets['new.csv']} ORDER BY number"
    assert [kind for (kind,) in meta.rows(f"SELECT kind {of_new}")][:3] == ["changed"] * 3
    assert left(meta, ids.assets["mine"], ids.datasets["new.csv"])[0] == ("v2", True)
    assert left(meta, ids.assets["theirs"], ids.datasets["new.csv"]) == []


def test_the_newest_of_both_stays_the_newest(meta: Any) -> None:
    """Where the dataset itself was told of last, that version is told again behind what comes from the alias: news for
    whoever had some of the alias, none for whoever had it before."""
    ids = register(meta, chunks="old.csv", index="new.csv")
    tell(meta, "old.csv", "1")
    tell(meta, "new.csv", "x")
    docs = register(meta, joined=True, chunks="new.csv", index="new.csv", late="new.csv").datasets["new.csv"]
    assert left(meta, ids.assets["chunks"], docs) == [("1", True), ("x", True)]
    assert left(meta, ids.assets["index"], docs) == [("x", True)]
    ((head,),) = meta.rows(
        f"SELECT v.digest FROM datasets d JOIN versions v ON v.id = d.head_version_id AND d.id = {docs}"
    )
    assert head == meta.rows("SELECT digest FROM versions ORDER BY id")[1][0]


def test_what_could_only_complete_only_completes(meta: Any) -> None:
    """What was there before the consumer, what a failed run gave back, and the newest of the dataset for a consumer
    that had no news of the alias."""
    tell(meta, "old.csv", "1")
    ids = register(meta, chunks="old.csv", seeded="old.csv")
    tell(meta, "old.csv", "2")
    chunks, seeded, old = ids.assets["chunks"], ids.assets["seeded"], ids.datasets["old.csv"]
    run = take(meta, chunks, old, up_to=2, expected=2)
    give_back(meta, chunks, run, fresh=False)
    take(meta, seeded, old, up_to=2, expected=2)
    end_runs(meta, "failed")
    tell(meta, "new.csv", "x")
    docs = register(meta, joined=True, chunks="new.csv", seeded="new.csv").datasets["new.csv"]
    assert left(meta, chunks, docs) == [("1", False), ("2", False), ("x", False)]
    assert not any(fresh for _, fresh in left(meta, seeded, docs))
    with meta.store.read() as tx:
        found = list(pending.in_order(tx, chunks, docs))
        assert set(returned_by(tx, chunks, [one.event_id for one in found]).values()) == {run}


@pytest.mark.parametrize(("fresh", "others"), [(True, ()), (False, ()), (True, ("3",))])
def test_what_a_run_has_of_the_alias_comes_back_to_the_dataset(meta: Any, fresh: bool, others: tuple[str, ...]) -> None:
    """Whether the run never began or failed, and whatever came behind it; until then the run alone has it."""
    ids = register(meta, chunks="old.csv")
    tell(meta, "new.csv", "x")
    tell(meta, "old.csv", "1", "2")
    chunks, old = ids.assets["chunks"], ids.datasets["old.csv"]
    take(meta, chunks, old, up_to=1, expected=1)
    give_back(meta, chunks, "run1", fresh=True)
    run = take(meta, chunks, old, up_to=2, expected=2)
    tell(meta, "old.csv", *others)
    docs = register(meta, joined=True, chunks="new.csv").datasets["new.csv"]
    behind = [(one, True) for one in others]
    assert left(meta, chunks, docs) == behind
    give_back(meta, chunks, run, fresh=fresh)
    assert left(meta, chunks, docs) == [("1", fresh), ("2", fresh), *behind]


def test_what_a_run_has_taken_is_not_news_once_more(meta: Any) -> None:
    """A run that ends well has had it, also as an event of the dataset."""
    ids = register(meta, chunks="old.csv", late="old.csv")
    tell(meta, "old.csv", "1")
    take(meta, ids.assets["chunks"], ids.datasets["old.csv"], up_to=1, expected=1)
    end_runs(meta, "success")
    docs = register(meta, joined=True, chunks="new.csv", late="new.csv").datasets["new.csv"]
    assert left(meta, ids.assets["late"], docs) == [("1", True)]
    assert left(meta, ids.assets["chunks"], docs) == []


def test_an_event_that_stopped_an_asset_comes_back_when_it_is_resumed(meta: Any) -> None:
    """Under `each` a run that failed keeps its event: it has ended, and the pause knows it."""
    ids = register(meta, chunks="old.csv")
    tell(meta, "new.csv", "x")
    tell(meta, "old.csv", "1")
    chunks = ids.assets["chunks"]
    run = take(meta, chunks, ids.datasets["old.csv"], up_to=1, expected=1)
    end_runs(meta, "failed")
    with meta.store.write() as tx:
        pauses.begin(tx, chunks, why="failed", now=meta.now, failed=True, run_id=run)
    docs = register(meta, joined=True, chunks="new.csv").datasets["new.csv"]
    assert left(meta, chunks, docs) == []
    give_back(meta, chunks, run, fresh=True)
    assert left(meta, chunks, docs) == [("1", True)]


def test_who_waits_for_both_by_a_pattern_has_each_event_once(meta: Any) -> None:
    """It goes on waiting for the alias, where what it has not taken is still pending; however often definitions change
    nothing is told once more."""
    ids = register(meta, all="*.csv", chunks="old.csv")
    tell(meta, "new.csv", "x")
    tell(meta, "old.csv", "1")
    for others in ({}, {"other": "new.csv"}):
        docs = register(meta, joined=True, all="*.csv", chunks="new.csv", **others).datasets["new.csv"]
        assert left(meta, ids.assets["all"], docs) == [("x", True)]
        assert left(meta, ids.assets["all"], ids.datasets["old.csv"]) == [("1", True)]
        assert left(meta, ids.assets["chunks"], docs) == [("1", True)]


def test_an_asset_that_was_left_out_goes_on_with_the_dataset(meta: Any) -> None:
    """It was no part of the catalogue when the alias came, and keeps its news until it is."""
    ids = register(meta, chunks="old.csv", index="new.csv")
    tell(meta, "new.csv", "x")
    tell(meta, "old.csv", "1", "2")
    register(meta, joined=True, index="new.csv")
    tell(meta, "new.csv", "y")
    docs = register(meta, joined=True, index="new.csv", chunks="new.csv").datasets["new.csv"]
    assert left(meta, ids.assets["chunks"], docs) == [("1", True), ("2", True), ("y", True)]
    assert left(meta, ids.assets["index"], docs) == [("x", True), ("2", True), ("y", True)]


def test_a_condition_on_both_has_the_news_of_both(meta: Any) -> None:
    """`old & new` becomes one leaf, with all that was pending of either."""
    ids = register(meta, chunks="old.csv new.csv")
    tell(meta, "old.csv", "1")
    tell(meta, "new.csv", "x")
    docs = register(meta, joined=True, chunks="new.csv").datasets["new.csv"]
    assert left(meta, ids.assets["chunks"], docs) == [("x", True), ("1", True)]
