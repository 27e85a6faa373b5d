"""Random graphs in random states, for everything that is asked of the planner.

What it says is judged by `World`, which knows the rules but none of the planner's own decisions.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import strategies as st

from penstock.assets.declare.asset import Policies
from penstock.assets.declare.catalogue import Asset, Catalogue, Input, Parameter
from penstock.assets.declare.conditions.leaves import DatasetLeaf, dataset_leaves
from penstock.assets.declare.conditions.tree import AllOf, AnyOf, Condition, NOf, children_of
from penstock.assets.declare.dataset import Dataset
from penstock.assets.declare.ticks.timetables import Cron, Every, timetables
from penstock.assets.plan.evaluate import Now, evaluate
from penstock.assets.plan.graph import Graph
from penstock.assets.plan.key import run_key
from penstock.assets.plan.planner import Plan, plan
from penstock.assets.plan.state import AssetState, HeadState, LeafState, Request, State

REGISTERED = datetime(2026, 3, 2, tzinfo=UTC)
TIMETABLES = (Cron("0 * * * *"), Cron("30 2 * * *", tz="Europe/Berlin"), Every("45m"))


@dataclass(frozen=True, kw_only=True)
class World:
    """A graph, a state of it and a moment."""

    graph: Graph
    state: State
    now: datetime

    def plan(self) -> Plan:
        """What is to be done."""
        return plan(self.graph, self.state, self.now)

    def asset(self, name: str) -> Asset:
        """An asset of the graph."""
        return self.graph.catalogue.assets[name]

    def requested(self, name: str) -> bool:
        """Whether a person asks for it."""
        return name in self.state.requests

    def holds(self, name: str) -> bool:
        """Whether its condition holds."""
        condition = self.asset(name).condition
        return condition is not None and evaluate(condition, self.state.assets[name], Now(at=self.now)).holds

    def supports(self, name: str) -> Iterator[Condition]:
        """The leaves by which its condition holds: news in a branch that does not hold waits for the rest of it."""
        condition, own = self.asset(name).condition, self.state.assets[name]
        stack = [condition] if condition is not None else []
        while stack:
            node = stack.pop()
            if evaluate(node, own, Now(at=self.now)).holds:
                stack += children_of(node)
                if isinstance(node, Cron | Every | DatasetLeaf):
                    yield node

    def caused(self, name: str) -> bool:
        """Whether anything by which it holds may start a run: a fresh change, a tick, a confirmation that counts."""
        own = self.state.assets[name]
        for leaf in self.supports(name):
            if isinstance(leaf, Cron | Every):
                return True
            if isinstance(leaf, DatasetLeaf):
                pending = own.leaves[leaf.uri]
                if pending.causes or (leaf.confirmed and pending.confirmed):
                    return True
        return False

    def ticked(self, name: str) -> bool:
        """Whether a timetable is among what it holds by."""
        return any(isinstance(leaf, Cron | Every) for leaf in self.supports(name))

    def confirmed(self, name: str) -> bool:
        """Whether anything by which it holds was confirmed."""
        own = self.state.assets[name]
        return any(isinstance(leaf, DatasetLeaf) and own.leaves[leaf.uri].confirmed for leaf in self.supports(name))

    def fires(self, name: str) -> bool:
        """Whether its condition starts a run."""
        return self.holds(name) and self.caused(name)

    def able(self, name: str) -> bool:
        """Whether nothing stands in the way of a run."""
        asset = self.asset(name)
        failed = self.requested(name) and self.state.failed.intersection(self.graph.upstream[name])
        present = all(one.optional or one.uri in self.state.heads for one in asset.inputs)
        return present and not failed and self.state.assets[name].active < asset.policies.max_active_runs

    def parts(self, name: str, nonce: str | None) -> Mapping[str, Any]:
        """The parts of the key that a run would have."""
        return key_parts(self.graph, self.state, name, nonce)


def key_parts(graph: Graph, state: State, name: str, nonce: str | None = None) -> Mapping[str, Any]:
    """What a run of the asset would be made from."""
    asset = graph.catalogue.assets[name]
    return run_key(
        asset,
        graph,
        parameters=state.parameters.get(name, {}),
        inputs={one.parameter: state.heads[one.uri].digest for one in asset.inputs if one.uri in state.heads},
        probe=state.assets[name].probe,
        environment=state.environment,
        nonce=nonce,
    ).parts


# Trees whose leaves are numbers: built once, so that drawing one is cheap; `grown` puts datasets and timetables there.
shapes = st.recursive(
    st.integers(0, 11),
    lambda inner: st.tuples(st.sampled_from("&|n"), st.lists(inner, min_size=1, max_size=3)),
    max_leaves=5,
)


def grown(shape: Any, uris: list[str]) -> Condition:
    """The condition of this shape over these datasets and the timetables."""
    if isinstance(shape, int):
        if shape >= 8 or not uris:
            return TIMETABLES[shape % len(TIMETABLES)]
        return DatasetLeaf(uri=uris[shape // 2 % len(uris)], confirmed=shape == 7)
    kind, parts = shape
    children = tuple(grown(part, uris) for part in parts)
    if kind == "n":
        return NOf(n=(len(children) + 1) // 2, children=children)
    return AllOf(children=children) if kind == "&" else AnyOf(children=children)


perhaps = st.none() | shapes | shapes | shapes


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """One to five assets, each over the datasets of earlier ones and up to three that others write."""
    uris = [f"s{number}.csv" for number in range(draw(st.integers(0, 3)))]
    datasets = {uri: Dataset(uri) for uri in uris}
    assets: dict[str, Asset] = {}
    for number in range(draw(st.integers(1, 5))):
        name = f"a{number}"
        read = draw(st.lists(st.sampled_from(uris), unique=True, max_size=3)) if uris else []
        outputs = tuple(f"{name}{part}.json" for part in draw(st.sampled_from([("",), ("x", "y")])))
        assets[name] = Asset(
            name=name,
            outputs=outputs,
            condition=None if (shape := draw(perhaps)) is None else grown(shape, uris),
            inputs=tuple(
                Input(parameter=f"p{place}", uri=uri, optional=draw(st.booleans())) for place, uri in enumerate(read)
            ),
            parameters=(Parameter(name="size", type="int", default=1),),
            code=draw(st.sampled_from(["c0", "c1"])),
            source=not read and draw(st.booleans()),
            policies=Policies(pure=draw(st.booleans()), max_active_runs=draw(st.integers(1, 2))),
        )
        datasets |= {uri: Dataset(uri) for uri in outputs}
        uris += outputs
    return Graph.of(Catalogue(assets=assets, datasets=datasets))


@st.composite
def random_worlds(draw: st.DrawFn) -> World:
    """A random graph in a random state."""
    graph = draw(graphs())
    catalogue = graph.catalogue
    now = REGISTERED + timedelta(minutes=draw(st.integers(0, 3000)))
    names = draw(st.lists(st.sampled_from(list(catalogue.assets)), unique=True, min_size=1))
    states: dict[str, AssetState] = {}
    for name in names:
        uris = sorted({leaf.uri for leaf in dataset_leaves(catalogue.assets[name].condition)})
        pending: dict[str, LeafState] = {}
        for uri in draw(st.sets(st.sampled_from(uris))) if uris else ():
            causes, confirmed, old = draw(st.sampled_from([(1, 0, 0), (0, 1, 0), (0, 0, 1), (2, 1, 1), (0, 1, 2)]))
            pending[uri] = LeafState(
                count=causes + confirmed + old, newest=draw(st.integers(4, 9)), causes=causes, confirmed=confirmed
            )
        taken = (
            draw(st.sets(st.sampled_from(timetables(catalogue.assets[name].condition))))
            if any(True for _ in timetables(catalogue.assets[name].condition))
            else ()
        )
        states[name] = AssetState(
            registered_at=REGISTERED,
            leaves=pending,
            ticks={one.label: tick for one in taken if (tick := one.previous(now)) is not None},
            active=draw(st.sampled_from([0, 0, 0, 1, 2])),
            present=draw(st.sampled_from([True, True, False])),
            probe=draw(st.sampled_from(["f0", "f1"])) if catalogue.assets[name].source else None,
        )
    have = draw(st.sets(st.sampled_from(list(catalogue.datasets)))) | (
        set(catalogue.datasets) if draw(st.booleans()) else set()
    )
    heads = {
        uri: HeadState(version_id=number, event_id=number, number=9, digest=f"{uri}@{draw(st.integers(0, 1))}")
        for number, uri in enumerate(sorted(have))
    }
    state = State(
        assets=states,
        heads=heads,
        requests={name: Request(nonce=draw(st.none() | st.just("once more"))) for name in names if draw(st.booleans())},
        failed=frozenset(draw(st.sets(st.sampled_from(list(catalogue.assets)), max_size=2))),
        parameters={name: {"size": 2} for name in names if draw(st.booleans())},
        environment={"python": "3.11"},
    )
    for name in names:
        made_from = draw(st.sampled_from(["nothing", "the same", "the same", "other code", "other inputs"]))
        if made_from == "nothing":
            continue
        parts = dict(key_parts(graph, state, name))
        if made_from == "other code":
            parts["code"] = "c2"
        elif made_from == "other inputs":
            parts["inputs"] = {"gone": "d"}
        states[name] = replace(states[name], made_from=parts, complete=True)
    return World(graph=graph, state=replace(state, assets=states), now=now)


@pytest.fixture(scope="session")
def worlds() -> st.SearchStrategy[World]:
    """Draw from it: `world = data.draw(worlds)`."""
    return random_worlds()
