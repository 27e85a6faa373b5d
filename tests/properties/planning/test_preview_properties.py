"""A preview against the wave itself: what happens was foreseen, whatever the producers make."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from penstock.assets.plan.graph import Graph
from penstock.assets.plan.planner import PlannedRun, plan
from penstock.assets.plan.preview import preview
from penstock.assets.plan.state import HeadState, LeafState, Request, State
from penstock.assets.plan.taking import Taken
from penstock.storage.types import RunState


@dataclass(kw_only=True)
class Wave:
    """A materialization without a store: levels are planned, and what is made is changed or confirmed by chance."""

    graph: Graph
    state: State
    now: Any
    random: Any
    due: set[str] = field(default_factory=set[str])
    executed: set[str] = field(default_factory=set[str])

    def run(self, names: Iterable[str]) -> set[str]:
        """The names of the assets whose producers were called."""
        self.due |= set(names)
        while self.due:
            depth = min(self.graph.depth[name] for name in self.due)
            level = {name for name in self.due if self.graph.depth[name] == depth}
            self.due -= level
            here = replace(self.state, assets={name: self.state.assets[name] for name in level})
            decided = plan(self.graph, here, self.now)
            for run in decided.runs:
                self.take(run.asset, run.takes)
                if run.state is RunState.SCHEDULED:
                    self.make(run)
                elif run.takes:
                    self.confirm(run.asset)
            for confirmation in decided.confirmations:
                self.take(confirmation.asset, confirmation.takes)
                self.confirm(confirmation.asset)
        return self.executed

    def make(self, run: PlannedRun) -> None:
        """The producer is called; its head was made from this key from now on."""
        self.executed.add(run.asset)
        parts = {name: part for name, part in run.key.parts.items() if name != "nonce"}
        self.set(run.asset, made_from=parts, complete=True, present=True)
        for uri in self.graph.catalogue.assets[run.asset].outputs:
            self.publish(uri, changed=uri not in self.state.heads or self.random.random() < 0.5)

    def confirm(self, name: str) -> None:
        """What it made before is published once more."""
        for uri in self.graph.catalogue.assets[name].outputs:
            if uri in self.state.heads:
                self.publish(uri, changed=False)

    def publish(self, uri: str, *, changed: bool) -> None:
        """A head, and an event for everyone who waits for it."""
        old = self.state.heads.get(uri, HeadState(version_id=0, event_id=0, number=9, digest=""))
        digest = f"{old.digest}'" if changed else old.digest
        head = replace(old, number=old.number + 1, digest=digest)
        self.state = replace(self.state, heads={**self.state.heads, uri: head})
        for name in self.graph.waiting.get(uri, ()):
            if name in self.state.assets:
                own = self.state.assets[name]
                leaf = own.leaves.get(uri, LeafState(count=0, newest=0, causes=0))
                leaf = LeafState(
                    count=leaf.count + 1,
                    newest=head.number,
                    causes=leaf.causes + changed,
                    confirmed=leaf.confirmed + (not changed),
                )
                self.set(name, leaves={**own.leaves, uri: leaf})
                self.due.add(name)

    def take(self, name: str, taken: Iterable[Taken]) -> None:
        """These are no longer pending."""
        uris = {one.uri for one in taken}
        leaves = self.state.assets[name].leaves
        self.set(name, leaves={uri: leaf for uri, leaf in leaves.items() if uri not in uris})

    def set(self, name: str, **values: Any) -> None:
        """One asset stands otherwise."""
        assets = {**self.state.assets, name: replace(self.state.assets[name], **values)}
        self.state = replace(self.state, assets=assets)


@given(data=st.data(), random=st.randoms(use_true_random=False))
def test_whatever_runs_was_foreseen(worlds: Any, data: st.DataObject, random: Any) -> None:
    """Every producer that is called was told as `run` or `possible`; what was asked for and told as `run` is called."""
    world = data.draw(worlds)
    graph, state = world.graph, replace(world.state, failed=frozenset())
    have = {uri for name, own in state.assets.items() if own.complete for uri in world.asset(name).outputs}
    fresh = {uri: HeadState(version_id=1, event_id=1, number=9, digest=uri) for uri in have}
    asked = state.requests or {next(iter(state.assets)): Request()}
    state = replace(state, heads={**fresh, **state.heads}, requests=asked)
    observed = [uri for uri in graph.catalogue.datasets if uri not in graph.producer]
    moved = frozenset(data.draw(st.sets(st.sampled_from(observed)))) if observed else frozenset()
    wave = Wave(graph=graph, state=state, now=world.now, random=random)
    for uri in moved:  # a look has told of it
        wave.publish(uri, changed=True)
    foreseen = {one.asset: one for one in preview(graph, wave.state, world.now, heard=moved)}
    assert list(foreseen) == graph.in_order(state.assets)
    executed = wave.run(state.requests)
    assert executed <= {name for name, one in foreseen.items() if one.outcome in ("run", "possible")}
    assert executed >= {name for name, one in foreseen.items() if one.outcome == "run" and name in state.requests}
    assert all(one.reason.text for one in foreseen.values())


@given(data=st.data())
def test_without_requests_it_is_what_a_scheduler_would_do(worlds: Any, data: st.DataObject) -> None:
    """Nothing moves by itself: every run, skip, confirmation and reason of the plan is told, and only what depends on
    such a run is told otherwise."""
    world = data.draw(worlds)
    graph, state = world.graph, replace(world.state, requests={})
    planned = plan(graph, state, world.now)
    foreseen = {one.asset: one for one in preview(graph, state, world.now)}
    moving: set[str] = set()
    for name in graph.in_order(state.assets):
        if moving.isdisjoint(graph.upstream[name]):
            run = {run.asset: run for run in planned.runs}.get(name)
            told = "run" if run and run.state is RunState.SCHEDULED else "skip"
            held = {held.asset: held.reason for held in planned.held}
            assert foreseen[name].outcome == ("hold" if name in held else told)
            assert name not in held or foreseen[name].reason == held[name]
            assert run is None or foreseen[name].reason == run.reason
        if foreseen[name].outcome != "hold":
            moving.add(name)
