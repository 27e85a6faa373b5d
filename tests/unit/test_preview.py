"""What a materialization would do, told before: the examples that a reader needs."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from penstock.assets.declare.catalogue import Asset, Catalogue, Input
from penstock.assets.declare.conditions.leaves import DatasetLeaf
from penstock.assets.declare.conditions.tree import AllOf, Condition
from penstock.assets.declare.dataset import Dataset
from penstock.assets.declare.ticks.timetables import Every
from penstock.assets.plan.graph import Graph
from penstock.assets.plan.key import run_key
from penstock.assets.plan.preview import preview
from penstock.assets.plan.state import AssetState, HeadState, LeafState, Request, State

NOW = datetime(2026, 3, 2, 12, 10, tzinfo=UTC)
FRESH = LeafState(count=1, newest=1, causes=1)
OLD = LeafState(count=1, newest=1, causes=0)
CONFIRMED = LeafState(count=1, newest=1, causes=0, confirmed=1)


def on(uri: str, *, confirmed: bool = False) -> DatasetLeaf:
    """A leaf of a condition."""
    return DatasetLeaf(uri=uri, confirmed=confirmed)


def asset(name: str, *inputs: str, condition: Condition | None = None) -> Asset:
    """An asset that writes `<name>.json`."""
    return Asset(
        name=name,
        outputs=(f"{name}.json",),
        inputs=tuple(Input(parameter=uri.partition(".")[0], uri=uri) for uri in inputs),
        condition=condition,
    )


# docs.csv → chunks → vectors → index; report reads chunks and waits for labels.csv; every asset that is not `fresh`
# in a test was made from the heads as they are.
ASSETS = (
    asset("chunks", "docs.csv", condition=on("docs.csv")),
    asset("vectors", "chunks.json", condition=on("chunks.json")),
    asset("index", "vectors.json", condition=AllOf(children=(on("vectors.json"), on("labels.csv")))),
    asset("report", "chunks.json", condition=on("labels.csv")),
    asset("watcher", condition=on("chunks.json", confirmed=True)),
)
URIS = ("docs.csv", "labels.csv", *(f"{one.name}.json" for one in ASSETS))
GRAPH = Graph.of(Catalogue(assets={one.name: one for one in ASSETS}, datasets={uri: Dataset(uri) for uri in URIS}))
HEADS = {uri: HeadState(version_id=place, event_id=place, number=1, digest=uri) for place, uri in enumerate(URIS, 1)}


def made(name: str, **more: Any) -> AssetState:
    """An asset that is up to date."""
    one = GRAPH.catalogue.assets[name]
    inputs = {used.parameter: HEADS[used.uri].digest for used in one.inputs}
    key = run_key(one, GRAPH, parameters={}, inputs=inputs, probe=None, environment={})
    return replace(AssetState(registered_at=NOW, made_from=key.parts, complete=True), **more)


def foreseen(
    *names: str, moved: str = "", removed: str = "", heads: Any = HEADS, **states: AssetState
) -> dict[str, tuple[str, str]]:
    """Asset → outcome and reason, when these are asked for; states that are not told are up to date. A look has told
    that these datasets `moved` and those were `removed`."""
    assets = {name: states.get(name, made(name)) for name in GRAPH.catalogue.assets}
    for uri in moved.split():
        heads = {**heads, uri: replace(heads[uri], number=2, digest=f"{uri}'")}
        for name in GRAPH.waiting.get(uri, ()):
            leaf = assets[name].leaves.get(uri, LeafState(count=0, newest=0, causes=0))
            news = leaf._replace(count=leaf.count + 1, newest=2, causes=leaf.causes + 1, changed=leaf.changed + 1)
            assets[name] = replace(assets[name], leaves={**assets[name].leaves, uri: news})
    heads = {uri: head for uri, head in heads.items() if uri not in removed.split()}
    state = State(assets=assets, heads=heads, requests={name: Request() for name in names})
    found = preview(GRAPH, state, NOW, heard=frozenset(f"{moved} {removed}".split()))
    return {one.asset: (one.outcome, one.reason.text) for one in found}


def test_the_first_time_everything_runs() -> None:
    """What has no version yet is fed by what is made before it."""
    new = {name: AssetState(registered_at=NOW) for name in ("chunks", "vectors")}
    found = foreseen("chunks", "vectors", heads={"docs.csv": HEADS["docs.csv"]}, **new)
    assert found["chunks"] == ("run", "first build")
    assert found["vectors"] == ("run", "first build")


def test_when_nothing_changed_everything_is_skipped() -> None:
    """And says that it is unchanged."""
    found = foreseen(*GRAPH.catalogue.assets)
    assert {name: outcome for name, (outcome, _) in found.items() if name != "watcher"} == dict.fromkeys(
        ("chunks", "report", "vectors", "index"), "skip"
    )
    assert found["chunks"][1].startswith("unchanged")
    assert found["watcher"] == ("run", "manual; no inputs")


def test_downstream_of_a_change_it_is_possible() -> None:
    """Documents moved: chunks run, and may come out equal, so what reads them may run; what it depends on is named."""
    found = foreseen(*GRAPH.catalogue.assets, moved="docs.csv")
    assert found["chunks"] == ("run", "input changed: docs")
    assert found["vectors"] == ("possible", "input changed: chunks")
    assert found["index"] == ("possible", "input changed: vectors")
    assert found["report"] == ("possible", "input changed: chunks")


def test_what_is_not_asked_for_is_reached_by_its_condition_alone() -> None:
    """Only chunks are asked for: vectors wait for them, the report does not, and the index lacks labels."""
    found = foreseen("chunks", moved="docs.csv")
    assert found["vectors"] == ("possible", "input changed: chunks")
    assert found["report"] == ("hold", "waiting for labels")
    assert found["index"] == ("hold", "waiting for labels")
    assert found["watcher"] == ("run", "input updated: chunks")  # whether they come out equal or not


@pytest.mark.parametrize("pending", [OLD, CONFIRMED, FRESH])
def test_news_counts_beside_what_is_pending_already(pending: LeafState) -> None:
    """An old event of the same dataset, which could start nothing, does not hide that a new one would."""
    found = foreseen("chunks", moved="docs.csv", vectors=made("vectors", leaves={"chunks.json": pending}))
    assert found["vectors"] == ("possible", "input changed: chunks")


def test_what_is_confirmed_travels_on() -> None:
    """Chunks are unchanged although news came, so they are published once more: whoever counts that runs."""
    found = foreseen("chunks", chunks=made("chunks", leaves={"docs.csv": FRESH}))
    assert found["chunks"][0] == "skip"
    assert found["vectors"] == ("skip", "confirmed")
    assert found["watcher"] == ("run", "input updated: chunks")
    waiting = made("index", leaves={"labels.csv": FRESH})
    found = foreseen("chunks", chunks=made("chunks", leaves={"docs.csv": FRESH}), index=waiting)
    assert found["index"][0] == "skip"  # its condition is complete and its inputs are those of the head


def test_a_run_reads_what_is_made_before_it_also_where_its_condition_does_not_name_it() -> None:
    """Labels start the report; it would be unchanged, were it not that chunks are made first."""
    found = foreseen("chunks", moved="docs.csv labels.csv")
    assert found["report"] == ("possible", "input changed: labels")


def test_what_is_gone_has_no_version() -> None:
    """Whoever reads documents that are gone is held for it where it is asked for; nobody is started by that, and what
    somebody else changed meanwhile starts its readers all the same."""
    gone = foreseen(removed="docs.csv")
    assert gone["chunks"] == ("hold", "waiting for docs")
    asked = foreseen("chunks", removed="docs.csv", moved="docs.csv")
    assert asked["chunks"] == ("hold", "input has no version: docs")
    assert asked["vectors"] == ("hold", "waiting for chunks")


def test_a_wave_leaves_alone_what_it_does_not_reach() -> None:
    """What is pending for the report was there before, and nothing here concerns it; a scheduler would run it."""
    report = made("report", leaves={"labels.csv": FRESH}, made_from={})
    assert foreseen("vectors", report=report)["report"] == ("hold", "waiting for a wave that reaches it")
    assert foreseen(report=report)["report"] == ("run", "input changed: labels")


def test_a_tick_is_certain_for_a_scheduler() -> None:
    """Time alone is the cause: nothing has to come of another run first."""
    hourly = Asset(name="hourly", outputs=("hourly.json",), condition=Every("1h"))
    graph = Graph.of(Catalogue(assets={"hourly": hourly}, datasets={"hourly.json": Dataset("hourly.json")}))
    own = AssetState(registered_at=NOW.replace(hour=10))
    (found,) = preview(graph, State(assets={"hourly": own}), NOW)
    assert (found.outcome, found.reason.text) == ("run", "tick of 2026-03-02 12:00 UTC and first build")
