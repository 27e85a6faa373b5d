"""The planner: what holds of every plan, over random graphs in random states."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from penstock.assets.declare.catalogue import Asset, Catalogue, Input
from penstock.assets.declare.conditions.leaves import DatasetLeaf, dataset_leaves
from penstock.assets.declare.dataset import Dataset
from penstock.assets.declare.ticks.timetables import Timetable, timetables
from penstock.assets.plan.graph import Graph
from penstock.assets.plan.planner import Confirmation, Decision, Held, Plan, PlannedRun, plan, settled
from penstock.assets.plan.state import AssetState, LeafState, Request, State
from penstock.storage.types import ReasonKind, RunState

Worlds = st.SearchStrategy[Any]
REGISTERED = datetime(2026, 3, 2, tzinfo=UTC)


def decisions(found: Plan) -> dict[str, Decision]:
    """What the plan says of each asset; of each only once."""
    listed = [*found.runs, *found.confirmations, *found.held]
    by_name = {decision.asset: decision for decision in listed}
    assert len(by_name) == len(listed)
    return by_name


@given(data=st.data())
def test_every_asset_of_the_state_is_decided_once(worlds: Worlds, data: st.DataObject) -> None:
    """A run, a confirmation, or a reason why there is neither; nothing about assets that are not in the state."""
    world = data.draw(worlds)
    found = world.plan()
    assert set(decisions(found)) == set(world.state.assets)
    order = world.graph.in_order(world.state.assets)
    for part in (found.runs, found.confirmations, found.held):
        assert [one.asset for one in part] == [name for name in order if name in {one.asset for one in part}]


@given(data=st.data(), random=st.randoms(use_true_random=False))
def test_a_plan_follows_from_the_facts_alone(worlds: Worlds, data: st.DataObject, random: Any) -> None:
    """Asked again, or with the facts told in another order, the planner says the same."""
    world = data.draw(worlds)

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


@given(data=st.data())
def test_each_asset_is_decided_for_itself(worlds: Worlds, data: st.DataObject) -> None:
    """Alone in the state, an asset is told the same as among the others: no plan looks further than its assets."""
    world = data.draw(worlds)
    together = decisions(world.plan())
    for name, own in world.state.assets.items():
        alone = plan(world.graph, replace(world.state, assets={name: own}), world.now)
        assert decisions(alone) == {name: together[name]}


@given(data=st.data())
def test_nothing_runs_without_a_fresh_cause_or_a_request(worlds: Worlds, data: st.DataObject) -> None:
    """A run that nobody asked for has a condition that holds, and something fresh in it; and those that have, run
    unless something stands in the way."""
    world = data.draw(worlds)
    for name, decision in decisions(world.plan()).items():
        asked = world.requested(name) or world.fires(name)
        assert isinstance(decision, PlannedRun) == (asked and world.able(name))
        if not asked and isinstance(decision, Held):
            assert decision.reason.kind is ReasonKind.WAITING


@given(data=st.data())
def test_a_condition_held_by_confirmed_events_alone_confirms(worlds: Worlds, data: st.DataObject) -> None:
    """Without a cause, with something confirmed, and with a success of what is there to read now: news travels past
    what stayed, and what a failed run gave back is not settled by it."""
    world = data.draw(worlds)
    for name, decision in decisions(world.plan()).items():
        own = world.state.assets[name]
        expected = (
            not world.requested(name)
            and world.holds(name)
            and not world.caused(name)
            and world.confirmed(name)
            and own.complete
            and own.made_from is not None
            and own.made_from["inputs"] == world.parts(name, None)["inputs"]
        )
        assert isinstance(decision, Confirmation) == expected


@given(data=st.data())
def test_what_stands_in_the_way_is_named(worlds: Worlds, data: st.DataObject) -> None:
    """First what failed upstream of a request, then inputs without a version, then the limit; nothing is taken."""
    world = data.draw(worlds)
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


@given(data=st.data())
def test_a_run_pins_every_head_that_it_reads(worlds: Worlds, data: st.DataObject) -> None:
    """Each input has the head of its dataset; only an optional one may be without."""
    world = data.draw(worlds)
    for run in world.plan().runs:
        asset = world.asset(run.asset)
        assert run.pins == {
            one.parameter: world.state.heads[one.uri] for one in asset.inputs if one.uri in world.state.heads
        }
        assert all(one.optional or one.parameter in run.pins for one in asset.inputs)


@given(data=st.data())
def test_a_run_by_its_condition_takes_everything_that_is_pending(worlds: Worlds, data: st.DataObject) -> None:
    """Whichever branch held: all events of all leaves and every due tick. A confirmation reads nothing, so it takes
    only the events by which the condition holds: a change that is pending beside them has not been seen."""
    world = data.draw(worlds)
    for name, decision in decisions(world.plan()).items():
        if isinstance(decision, Held) or world.requested(name):
            continue
        own, condition = world.state.assets[name], world.asset(name).condition
        taken = {one.uri: (one.newest, one.count) for one in decision.takes}
        held = {leaf.uri for leaf in world.supports(name) if isinstance(leaf, DatasetLeaf)}
        seen = held if isinstance(decision, Confirmation) else own.leaves
        assert taken == {uri: (own.leaves[uri].newest, own.leaves[uri].count) for uri in seen}
        assert [one.uri for one in decision.takes] == sorted(taken)
        if isinstance(decision, PlannedRun):
            ticks = {one.label: due_tick(one, own, world.now) for one in timetables(condition)}
            assert decision.ticks == {label: tick for label, tick in ticks.items() if tick is not None}


def due_tick(timetable: Timetable, own: AssetState, now: datetime) -> datetime | None:
    """The newest tick since the last that was consumed, or since the asset was registered."""
    tick = timetable.previous(now)
    return tick if tick is not None and tick > own.ticks.get(timetable.label, own.registered_at) else None


@given(data=st.data())
def test_a_run_by_request_takes_what_its_pins_cover(worlds: Worlds, data: st.DataObject) -> None:
    """Events of datasets that are read, and neither ticks nor what stands in the condition alone."""
    world = data.draw(worlds)
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


@given(data=st.data())
def test_a_run_is_skipped_exactly_when_it_could_give_nothing_new(worlds: Worlds, data: st.DataObject) -> None:
    """The key is that of the success behind the head, whose bytes are there. Never by a tick unless the asset is pure,
    never without inputs unless it is a source, never when forced."""
    world = data.draw(worlds)
    for run in world.plan().runs:
        asset, own = world.asset(run.asset), world.state.assets[run.asset]
        request = world.state.requests.get(run.asset)
        nonce = request.nonce if request else None
        assert run.key.parts == world.parts(run.asset, nonce)
        could_be_equal = asset.inputs or asset.source
        by_tick = world.ticked(run.asset) and not world.requested(run.asset) and not asset.policies.pure
        same = own.complete and own.present and own.made_from == run.key.parts
        expected = same and could_be_equal and not by_tick
        assert run.state is (RunState.SKIPPED if expected else RunState.SCHEDULED)
        assert (run.reason.kind is ReasonKind.UNCHANGED) == expected
        assert not (nonce and expected)


@given(data=st.data())
def test_every_run_says_why(worlds: Worlds, data: st.DataObject) -> None:
    """By a condition: what changed, was updated or ticked. By request: what differs from the success before."""
    world = data.draw(worlds)
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
            assert (ReasonKind.TICK in kinds) == (reason.tick is not None)
            assert reason.tick is None or reason.tick in run.ticks.values()
            assert kinds & {ReasonKind.TICK, ReasonKind.INPUT_UPDATED, ReasonKind.INPUT_CHANGED}


@given(data=st.data())
def test_the_next_wakeup_is_the_earliest_next_tick(worlds: Worlds, data: st.DataObject) -> None:
    """Of the assets of the state; none without a timetable. Until then time alone changes nothing."""
    world = data.draw(worlds)
    found = world.plan()
    coming = [one.next(world.now) for name in world.state.assets for one in timetables(world.asset(name).condition)]
    assert found.next_wakeup == min((tick for tick in coming if tick is not None), default=None)
    if found.next_wakeup is not None:
        before = found.next_wakeup - timedelta(microseconds=1)
        assert before >= world.now
        assert plan(world.graph, world.state, before) == found


@given(data=st.data())
def test_planning_after_taking_plans_nothing_again(worlds: Worlds, data: st.DataObject) -> None:
    """When what a plan takes is no longer pending, the same assets make no run by themselves."""
    world = data.draw(worlds)
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


@given(data=st.data())
def test_what_is_settled_at_once_stays_settled(worlds: Worlds, data: st.DataObject) -> None:
    """Every skip that takes no news, with nothing upstream of it in the plan but such skips; and no others."""
    world = data.draw(worlds)
    found = world.plan()
    quiet = {run.asset: run for run in settled(world.graph, found).runs}
    skips = {run.asset: run for run in found.runs if run.state is RunState.SKIPPED and not run.takes}
    expected: set[str] = set()
    for name in world.graph.in_order(skips):
        if all(above in expected for above in world.graph.upstream[name] if above in world.state.assets):
            expected.add(name)
    assert quiet == {name: skips[name] for name in expected}
    assert not settled(world.graph, found).held
    assert not settled(world.graph, found).confirmations
