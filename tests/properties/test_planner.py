"""The planner: what holds of every plan, over random graphs in random states."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from penstock.assets.declare.asset import Policies
from penstock.assets.declare.catalogue import Asset, Catalogue, Input, Parameter
from penstock.assets.declare.conditions import AllOf, AnyOf, Condition, DatasetLeaf, NOf, children_of, dataset_leaves
from penstock.assets.declare.dataset import Dataset
from penstock.assets.declare.timetables import Cron, Every, timetables
from penstock.assets.plan.evaluate import due, evaluate
from penstock.assets.plan.graph import Graph
from penstock.assets.plan.key import run_key
from penstock.assets.plan.planner import Confirmation, Decision, Held, Plan, PlannedRun, plan
from penstock.assets.plan.state import AssetState, HeadState, LeafState, Request, State
from penstock.storage.types import ReasonKind, RunState

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
        return condition is not None and evaluate(condition, self.state.assets[name], self.now).holds

    def caused(self, name: str) -> bool:
        """Whether anything by which it holds may start a run: a fresh change, a confirmation where that counts, a tick."""
        condition, own = self.asset(name).condition, self.state.assets[name]
        stack = [condition] if condition is not None else []
        while stack:
            node = stack.pop()
            if not evaluate(node, own, self.now).holds:
                continue  # news in a branch that does not hold waits for the rest of that branch
            stack += children_of(node)
            if isinstance(node, Cron | Every):
                return True
            if isinstance(node, DatasetLeaf):
                pending = own.leaves[node.uri]
                if pending.causes or (node.confirmed and pending.confirmed):
                    return True
        return False

    def confirmed(self, name: str) -> bool:
        """Whether anything by which it holds was confirmed."""
        condition, own = self.asset(name).condition, self.state.assets[name]
        stack = [condition] if condition is not None else []
        while stack:
            node = stack.pop()
            if evaluate(node, own, self.now).holds:
                stack += children_of(node)
                if isinstance(node, DatasetLeaf) and own.leaves[node.uri].confirmed:
                    return True
        return False

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
        graph.catalogue,
        parameters=state.parameters.get(name, {}),
        inputs={one.parameter: state.heads[one.uri].digest for one in asset.inputs if one.uri in state.heads},
        probe=state.assets[name].probe,
        environment=state.environment,
        nonce=nonce,
    ).parts


# Trees whose leaves are numbers: built once, so that drawing one is cheap; `grown` puts datasets and timetables there.
shapes = st.recursive(
    st.integers(0, 11), lambda inner: st.tuples(st.sampled_from("&|n"), st.lists(inner, min_size=1, max_size=3)), max_leaves=5
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
def worlds(draw: st.DrawFn) -> World:
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
        taken = draw(st.sets(st.sampled_from(timetables(catalogue.assets[name].condition)))) if any(
            True for _ in timetables(catalogue.assets[name].condition)
        ) else ()
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
        requests={
            name: Request(nonce=draw(st.none() | st.just("once more"))) for name in names if draw(st.booleans())
        },
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


def decisions(found: Plan) -> dict[str, Decision]:
    """What the plan says of each asset; of each only once."""
    listed = [*found.runs, *found.confirmations, *found.held]
    by_name = {decision.asset: decision for decision in listed}
    assert len(by_name) == len(listed)
    return by_name


@given(world=worlds())
def test_every_asset_of_the_state_is_decided_once(world: World) -> None:
    """A run, a confirmation, or a reason why there is neither; nothing about assets that are not in the state."""
    found = world.plan()
    assert set(decisions(found)) == set(world.state.assets)
    order = world.graph.in_order(world.state.assets)
    for part in (found.runs, found.confirmations, found.held):
        assert [one.asset for one in part] == [name for name in order if name in {one.asset for one in part}]


@given(world=worlds(), random=st.randoms(use_true_random=False))
def test_a_plan_follows_from_the_facts_alone(world: World, random: Any) -> None:
    """Asked again, or with the facts told in another order, the planner says the same."""

    def shuffled(mapping: Mapping[str, Any]) -> dict[str, Any]:
        items = list(mapping.items())
        random.shuffle(items)
        return dict(items)

    found = world.plan()
    state = world.state
    told_otherwise = State(
        assets=shuffled(
            {
                name: replace(own, leaves=shuffled(own.leaves), ticks=shuffled(own.ticks))
                for name, own in state.assets.items()
            }
        ),
        heads=shuffled(state.heads),
        requests=shuffled(state.requests),
        failed=state.failed,
        parameters=shuffled(state.parameters),
        environment=shuffled(state.environment),
    )
    catalogue = world.graph.catalogue
    graph = Graph.of(Catalogue(assets=shuffled(catalogue.assets), datasets=shuffled(catalogue.datasets)))
    assert plan(world.graph, state, world.now) == found
    assert plan(graph, told_otherwise, world.now) == found
    assert [run.key.digest for run in plan(graph, told_otherwise, world.now).runs] == [
        run.key.digest for run in found.runs
    ]


@given(world=worlds())
def test_each_asset_is_decided_for_itself(world: World) -> None:
    """Alone in the state, an asset is told the same as among the others: no plan looks further than its assets."""
    together = decisions(world.plan())
    for name, own in world.state.assets.items():
        alone = plan(world.graph, replace(world.state, assets={name: own}), world.now)
        assert decisions(alone) == {name: together[name]}


@given(world=worlds())
def test_nothing_runs_without_a_fresh_cause_or_a_request(world: World) -> None:
    """A run that nobody asked for has a condition that holds, and something fresh in it; and those that have, run
    unless something stands in the way."""
    for name, decision in decisions(world.plan()).items():
        asked = world.requested(name) or world.fires(name)
        assert isinstance(decision, PlannedRun) == (asked and world.able(name))
        if not asked and isinstance(decision, Held):
            assert decision.reason.kind is ReasonKind.WAITING


@given(world=worlds())
def test_a_condition_held_by_confirmed_events_alone_confirms(world: World) -> None:
    """Without a cause, with something confirmed, and with a success to confirm: news travels past what did not change."""
    for name, decision in decisions(world.plan()).items():
        own = world.state.assets[name]
        expected = (
            not world.requested(name)
            and world.holds(name)
            and not world.caused(name)
            and world.confirmed(name)
            and own.complete
        )
        assert isinstance(decision, Confirmation) == expected


@given(world=worlds())
def test_what_stands_in_the_way_is_named(world: World) -> None:
    """First what failed upstream of a request, then inputs without a version, then the limit; nothing is taken."""
    for name, decision in decisions(world.plan()).items():
        if not isinstance(decision, Held) or not (world.requested(name) or world.fires(name)):
            continue
        asset, own, reason = world.asset(name), world.state.assets[name], decision.reason
        failed = world.state.failed.intersection(world.graph.upstream[name]) if world.requested(name) else set()
        absent = {one.uri for one in asset.inputs if not one.optional and one.uri not in world.state.heads}
        if failed:
            assert (reason.kind, set(reason.names)) == (ReasonKind.UPSTREAM_FAILED, failed)
        elif absent:
            handles = {world.graph.dataset_name(uri) for uri in absent}
            assert (reason.kind, set(reason.names)) == (ReasonKind.NO_VERSION, handles)
        else:
            assert reason.kind is ReasonKind.AT_LIMIT
            assert own.active >= asset.policies.max_active_runs


@given(world=worlds())
def test_a_run_pins_every_head_that_it_reads(world: World) -> None:
    """Each input has the head of its dataset; only an optional one may be without."""
    for run in world.plan().runs:
        asset = world.asset(run.asset)
        assert run.pins == {
            one.parameter: world.state.heads[one.uri] for one in asset.inputs if one.uri in world.state.heads
        }
        assert all(one.optional or one.parameter in run.pins for one in asset.inputs)


@given(world=worlds())
def test_a_run_by_its_condition_takes_everything_that_is_pending(world: World) -> None:
    """Whichever branch held: all events of all leaves and every due tick; and so does a confirmation, of events."""
    for name, decision in decisions(world.plan()).items():
        if isinstance(decision, Held) or world.requested(name):
            continue
        own, condition = world.state.assets[name], world.asset(name).condition
        taken = {one.uri: (one.newest, one.count) for one in decision.takes}
        assert taken == {uri: (pending.newest, pending.count) for uri, pending in own.leaves.items()}
        assert [one.uri for one in decision.takes] == sorted(taken)
        if isinstance(decision, PlannedRun):
            ticks = {one.label: due(one, own, world.now) for one in timetables(condition)}
            assert decision.ticks == {label: tick for label, tick in ticks.items() if tick is not None}


@given(world=worlds())
def test_a_run_by_request_takes_what_its_pins_cover(world: World) -> None:
    """Events of datasets that are read, and neither ticks nor what stands in the condition alone."""
    for run in world.plan().runs:
        if not world.requested(run.asset):
            continue
        own, condition = world.state.assets[run.asset], world.asset(run.asset).condition
        read = {one.uri for one in world.asset(run.asset).inputs if one.parameter in run.pins}
        watched = {leaf.uri for leaf in dataset_leaves(condition)}
        taken = {one.uri: (one.newest, one.count) for one in run.takes}
        assert taken == {
            uri: (pending.newest, pending.count)
            for uri, pending in own.leaves.items()
            if uri in read and uri in watched
        }
        assert run.ticks == {}


def test_a_request_leaves_the_events_of_an_input_that_is_gone() -> None:
    """An optional input whose dataset was removed is not read: what is pending of it has not been seen."""
    asset = Asset(
        name="a",
        outputs=("a.json",),
        condition=DatasetLeaf(uri="gone.csv"),
        inputs=(Input(parameter="gone", uri="gone.csv", optional=True),),
    )
    graph = Graph.of(Catalogue(assets={"a": asset}, datasets={uri: Dataset(uri) for uri in ("a.json", "gone.csv")}))
    own = AssetState(registered_at=REGISTERED, leaves={"gone.csv": LeafState(count=1, newest=1, causes=1)})
    found = plan(graph, State(assets={"a": own}, requests={"a": Request()}), REGISTERED)
    assert [(run.pins, run.takes) for run in found.runs] == [({}, ())]


@given(world=worlds())
def test_a_run_is_skipped_exactly_when_it_could_give_nothing_new(world: World) -> None:
    """The key is that of the success behind the head, whose bytes are there. Never by a tick unless the asset is pure,
    never without inputs unless it is a source, never when forced."""
    for run in world.plan().runs:
        asset, own = world.asset(run.asset), world.state.assets[run.asset]
        request = world.state.requests.get(run.asset)
        nonce = request.nonce if request else None
        assert run.key.parts == world.parts(run.asset, nonce)
        could_be_equal = asset.inputs or asset.source
        by_tick = bool(run.ticks) and not asset.policies.pure
        same = own.complete and own.present and own.made_from == run.key.parts
        expected = same and could_be_equal and not by_tick
        assert run.state is (RunState.SKIPPED if expected else RunState.SCHEDULED)
        assert (run.reason.kind is ReasonKind.UNCHANGED) == expected
        assert not (nonce and expected)


@given(world=worlds())
def test_every_run_says_why(world: World) -> None:
    """By a condition: what changed, was updated or ticked. By request: what differs from the success before."""
    for run in world.plan().runs:
        own, reason = world.state.assets[run.asset], run.reason
        kinds = {reason.kind, *reason.also}
        assert list(reason.names) == sorted(set(reason.names))
        assert reason.text
        if run.state is RunState.SKIPPED:
            continue
        assert (ReasonKind.FIRST_BUILD in kinds) == (not own.complete)
        if world.requested(run.asset):
            assert (reason.kind is ReasonKind.MISSING) == (own.complete and not own.present)
            assert not kinds & {ReasonKind.TICK, ReasonKind.INPUT_UPDATED}
        else:
            assert (ReasonKind.TICK in kinds) == bool(run.ticks)
            assert reason.tick == max(run.ticks.values(), default=None)
            assert kinds & {ReasonKind.TICK, ReasonKind.INPUT_UPDATED, ReasonKind.INPUT_CHANGED}


@given(world=worlds())
def test_the_next_wakeup_is_the_earliest_next_tick(world: World) -> None:
    """Of the assets of the state; none without a timetable. Until then time alone changes nothing."""
    found = world.plan()
    coming = [
        one.next(world.now) for name in world.state.assets for one in timetables(world.asset(name).condition)
    ]
    assert found.next_wakeup == min((tick for tick in coming if tick is not None), default=None)
    if found.next_wakeup is not None:
        before = found.next_wakeup - timedelta(microseconds=1)
        assert before >= world.now
        assert plan(world.graph, world.state, before) == found


@given(world=worlds())
def test_planning_after_taking_plans_nothing_again(world: World) -> None:
    """When what a plan takes is no longer pending and its runs are active, the same assets make no run by themselves."""
    after: dict[str, AssetState] = {}
    for name, decision in decisions(world.plan()).items():
        own = world.state.assets[name]
        if isinstance(decision, Held):
            after[name] = own
            continue
        taken = {one.uri for one in decision.takes}
        left = {uri: pending for uri, pending in own.leaves.items() if uri not in taken}
        ticks = {**own.ticks, **(decision.ticks if isinstance(decision, PlannedRun) else {})}
        after[name] = replace(own, leaves=left, ticks=ticks)
    again = plan(world.graph, replace(world.state, assets=after, requests={}), world.now)
    decided = {name for name, one in decisions(world.plan()).items() if not isinstance(one, Held)}
    for decision in (*again.runs, *again.confirmations):
        # What a request left pending (ticks, datasets that are not read) may still start a run of its own.
        assert decision.asset not in decided or world.requested(decision.asset)
