"""How long planning takes, in the pure parts: a graph of 10,000 assets with mixed conditions over five datasets each,
one event in it, the way up from its last asset, and a story told to it. No database is opened."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from _figures import best_of, show

from penstock.assets.declare.catalogue import Asset, Catalogue, Input
from penstock.assets.declare.conditions.leaves import DatasetLeaf
from penstock.assets.declare.conditions.predicates import meta
from penstock.assets.declare.conditions.tree import AllOf, AnyOf, Condition, NOf, Settled
from penstock.assets.declare.dataset import Dataset
from penstock.assets.declare.policies import Policies
from penstock.assets.declare.ticks.timetables import Cron
from penstock.assets.plan.align import newest_aligned
from penstock.assets.plan.graph import Graph
from penstock.assets.plan.planner import plan
from penstock.assets.plan.simulate.simulation import simulate
from penstock.assets.plan.state import AssetState, Candidate, HeadState, LeafState, State
from penstock.storage.types import Consume

COUNT, SOURCES, READ = 10_000, 2_000, 5
NOW = datetime(2026, 1, 5, 10, tzinfo=UTC)
NIGHTLY = Cron("0 3 * * *", tz="Europe/Berlin")
MODES = (Consume.BATCH, Consume.BRANCH, Consume.LATEST)


def mixed(number: int, uris: list[str]) -> Condition:
    """One of five kinds of condition over five datasets."""
    a, b, c, d, e = (DatasetLeaf(uri=uri) for uri in uris)
    kinds: tuple[Condition, ...] = (
        AnyOf(children=(AllOf(children=(a, b, c)), AllOf(children=(d, e)))),
        AnyOf(children=(NIGHTLY, a, NOf(n=2, children=(b, c, d, e)))),
        Settled(child=AnyOf(children=(a, b, c, d, e)), quiet=timedelta(seconds=30), longest=timedelta(minutes=10)),
        AllOf(children=(replace(a, predicate=meta("rows") > 0), AnyOf(children=(b, c, d, replace(e, least=3))))),
        NOf(n=3, children=(a, b, c, AllOf(children=(d, e), within=timedelta(hours=12)))),
    )
    return kinds[number % len(kinds)]


def assets() -> Catalogue:
    """Assets over sources and each other, each over five datasets, made from a fixed seed."""
    draw = random.Random(3)
    uris = [f"s{number}.json" for number in range(SOURCES)]
    made: dict[str, Asset] = {}
    for number in range(COUNT):
        read = draw.sample(uris[-SOURCES:], READ)
        made[f"a{number}"] = Asset(
            name=f"a{number}",
            outputs=(f"a{number}.json",),
            condition=mixed(number, read),
            inputs=tuple(Input(parameter=f"p{place}", uri=uri) for place, uri in enumerate(read)),
            policies=Policies(consume=MODES[number % len(MODES)]),
        )
        uris.append(f"a{number}.json")
    return Catalogue(assets=made, datasets={uri: Dataset(uri) for uri in uris})


def waiting(graph: Graph, name: str) -> AssetState:
    """An asset with news of all that its condition names, so that it runs."""
    leaf = LeafState(
        count=1, newest=2, causes=1, changed=1, newest_at=NOW - timedelta(hours=1), oldest_at=NOW - timedelta(hours=1)
    )
    head = HeadState(version_id=2, event_id=2, number=2, digest="d2", at=NOW)
    narrowed = {f"{uri} where rows > 0": leaf._replace(upto=1, pin=head) for uri in graph.leaves[name]}
    return AssetState(
        registered_at=NOW - timedelta(hours=1), leaves=dict.fromkeys(graph.leaves[name], leaf), narrowed=narrowed
    )


def state_for(graph: Graph, names: list[str]) -> State:
    """These assets, each with news."""
    head = HeadState(version_id=2, event_id=2, number=2, digest="d2", at=NOW)
    heads = dict.fromkeys(graph.catalogue.datasets, head)
    return State(assets={name: waiting(graph, name) for name in names}, heads=heads)


def diamond(count: int) -> dict[str, list[Candidate]]:
    """Three branches of a fast source, of which the slowest is far behind."""

    def branch(numbers: range) -> list[Candidate]:
        return [
            Candidate(
                head=HeadState(version_id=n, event_id=n, number=n, digest=f"d{n}"),
                fresh=True,
                ancestors={"raw": frozenset({f"raw{n}"})},
            )
            for n in numbers
        ]

    return {"a": branch(range(1, count)), "b": branch(range(1, count, 3)), "c": branch(range(1, 3))}


def main() -> None:
    """Print the figures."""
    catalogue = assets()
    show(
        f"a graph of {COUNT} assets, each over {READ} datasets", best_of(3, lambda: Graph.of(catalogue)), "s", target=2
    )
    graph = Graph.of(catalogue)
    last = f"a{COUNT - 1}"
    up = best_of(5, lambda: graph.reach([last], graph.upstream)) * 1e3
    show(f"upstream closure of the last: {len(graph.reach([last], graph.upstream))} assets", up, "ms", target=10)
    source = max((uri for uri in graph.waiting if uri.startswith("s")), key=lambda uri: len(graph.waiting[uri]))
    names = list(graph.waiting[source])
    state = state_for(graph, names)
    made = len(plan(graph, state, NOW).runs)
    took = best_of(50, lambda: plan(graph, state, NOW)) * 1e3
    show(f"one event: {len(names)} assets concerned, {made} runs", took, "ms", target=1)
    one = state_for(graph, names[:1])
    show("… a single asset of them", best_of(50, lambda: plan(graph, one, NOW)) * 1e3, "ms", target=1)
    every = state_for(graph, list(catalogue.assets))
    show(f"all {COUNT} at once", best_of(2, lambda: plan(graph, every, NOW)), "s", target=2)
    choices = diamond(500)
    show(
        "an aligned node with 500, 167 and 2 versions",
        best_of(5, lambda: newest_aligned(choices)) * 1e3,
        "ms",
        target=None,
    )
    script = "2026-01-05T10:00Z wait 1m\n" + f"+1m {source} changed rows=1\n" * 100
    show(f"a story of 100 events in {COUNT} assets", best_of(1, lambda: simulate(graph, script)), "s", target=None)


if __name__ == "__main__":
    main()
