"""Stories: what holds of the planner over time, over random graphs and random scripts."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from penstock import Cron, Every
from penstock.assets.declare.catalogue import Asset, Catalogue, Input
from penstock.assets.declare.conditions.leaves import DatasetLeaf, Fresh, Stale, dataset_leaves
from penstock.assets.declare.conditions.predicates import meta
from penstock.assets.declare.conditions.tree import AllOf, AnyOf, Condition, NOf, Settled
from penstock.assets.declare.dataset import Dataset
from penstock.assets.declare.policies import Deadline, Each, Policies
from penstock.assets.plan.evaluate import Now, evaluate
from penstock.assets.plan.graph import Graph
from penstock.assets.plan.planner import plan
from penstock.assets.plan.simulate.loading import state_of
from penstock.assets.plan.simulate.story import Story
from penstock.assets.plan.taking import causes
from penstock.storage.types import Consume, OnError, ReasonKind, RunState
from penstock.testing import simulate

SOURCES = ("s0", "s1", "s2")
TIMETABLES = (Cron("0 * * * *"), Cron("30 */2 * * *", catchup="all"), Every("45m", catchup=2))
shapes = st.recursive(
    st.integers(0, 23),
    lambda inner: st.tuples(st.sampled_from("&&||nsw"), st.lists(inner, min_size=1, max_size=3)),
    max_leaves=4,
)


def grown(shape: Any, uris: list[str], *, timed: bool) -> Condition:
    """The condition of this shape over these datasets and, if `timed`, over time."""
    if isinstance(shape, int):
        uri = uris[shape % len(uris)]
        kinds: list[Condition] = [
            DatasetLeaf(uri=uri),
            DatasetLeaf(uri=uri),
            DatasetLeaf(uri=uri, least=2),
            DatasetLeaf(uri=uri, predicate=meta("rows") > 5),
            DatasetLeaf(uri=uri, confirmed=True),
            DatasetLeaf(uri=uri),
        ]
        if timed:
            kinds += [*TIMETABLES, Stale(age=timedelta(hours=5)), Fresh(uri=uri, age=timedelta(hours=2))]
            kinds += [DatasetLeaf(uri=uri, timetable=TIMETABLES[0])]
        return kinds[shape % len(kinds)]
    kind, parts = shape
    children = tuple(grown(part, uris, timed=timed) for part in parts)
    match kind:
        case "&":
            return AllOf(children=children)
        case "|":
            return AnyOf(children=children)
        case "n":
            return NOf(n=(len(children) + 1) // 2, children=children)
        case "s" if timed:
            return Settled(child=children[0], quiet=timedelta(minutes=3), longest=timedelta(minutes=30))
        case "w":
            return AllOf(children=children, within=timedelta(hours=1))
        case _:
            return children[0]


@st.composite
def pipelines(draw: st.DrawFn, *, timed: bool = True, modes: tuple[str, ...] = ("batch", "branch", "latest", "each")):
    """Up to four assets over three sources and each other."""
    uris = [f"{name}.json" for name in SOURCES]
    datasets = {uri: Dataset(uri) for uri in uris}
    assets: dict[str, Asset] = {}
    for number in range(draw(st.integers(1, 4))):
        name, condition = f"a{number}", grown(draw(shapes), uris, timed=timed)
        about = [leaf.uri for leaf in dataset_leaves(condition)]
        mode = draw(st.sampled_from(modes))
        consume: Any = Consume(mode) if mode != "each" or not about else Each(uri=about[0], on_error=draw(errors))
        deadline = Deadline(TIMETABLES[0], then=draw(st.sampled_from(["alert", "run", "skip"]))) if timed else None
        assets[name] = Asset(
            name=name,
            outputs=(f"{name}.json",),
            condition=condition,
            inputs=tuple(
                Input(parameter=f"p{place}", uri=uri, optional=draw(st.booleans()))
                for place, uri in enumerate(draw(st.lists(st.sampled_from(uris), unique=True, max_size=2)))
            ),
            policies=Policies(
                consume=Consume.BATCH if consume is Consume.EACH else consume,
                max_active_runs=draw(st.integers(1, 2)),
                pause_after=draw(st.sampled_from([None, None, 2])),
                deadline=deadline if draw(st.integers(0, 4)) == 0 else None,
                pure=draw(st.booleans()),
            ),
        )
        datasets[f"{name}.json"] = Dataset(f"{name}.json")
        uris.append(f"{name}.json")
    return Catalogue(assets=assets, datasets=datasets)


errors = st.sampled_from(list(OnError))
gaps = st.sampled_from(["+0s", "+1s", "+2m", "+20m", "+50m"])
news = st.tuples(
    st.sampled_from(SOURCES), st.sampled_from(["changed rows=9", "changed rows=1", "changed", "confirmed"])
)
outcomes = ["fails", "cancelled", "unchanged", "skipped", "breaks", "works", "takes 10m", "takes 90m", "gives rows=9"]
acts = st.tuples(st.sampled_from(["a0", "a1", "a2", "a3"]), st.sampled_from(outcomes))
commands = st.tuples(st.sampled_from(["pause", "resume", "materialize"]), st.sampled_from(["a0", "a1", "a2"]))
lines = st.lists(st.tuples(gaps, news | news | acts | commands), min_size=1, max_size=14)


def written(catalogue: Catalogue, moves: Any) -> list[str]:
    """The lines that are about something in the catalogue, the first with a time."""
    known = {*SOURCES, *catalogue.assets}
    said = [f"{gap} {first} {second}" for gap, (first, second) in moves if {first, second.split()[0]} & known]
    return ["2026-01-05T00:10Z wait 1s", *said]


def taken(story: Story) -> Counter[tuple[str, str]]:
    """How often each asset took each event for good: what a run gave back does not count."""
    back = (RunState.FAILED, RunState.CANCELED)
    found = Counter((run.asset, event) for run in story.runs if run.state not in back for event in run.consumed)
    found.update((one.asset, event) for one in story.confirmations for event in one.consumed)
    found.update((one.asset, event) for one in story.missed for event in one.dropped)
    return found


@given(catalogue=pipelines(), moves=lines)
def test_every_event_is_taken_at_most_once_by_a_consumer(catalogue: Catalogue, moves: Any) -> None:
    """Whatever fails, is paused or asked for; only what a run gave back is taken again."""
    story = simulate(catalogue, "\n".join([*written(catalogue, moves), "wait 5h"]))
    assert not [pair for pair, count in taken(story).items() if count > 1]
    held = {(name, uri, number) for name, one in story.world.consumers.items() for uri, events in one.pending.items()
            for number in events}  # fmt: skip
    linked = {(name, uri, number) for name, one in story.world.consumers.items() for uri, events in one.links.items()
              for number in events}  # fmt: skip
    assert not held & linked


@given(catalogue=pipelines(), moves=lines)
def test_planning_again_gives_nothing(catalogue: Catalogue, moves: Any) -> None:
    """What was recorded has been done: the same moment, planned once more, gives no run, no confirmation, no alarm."""
    story = simulate(catalogue, "\n".join([*written(catalogue, moves), "wait 5h"]))
    again = plan(story.world.graph, state_of(story.world, story.world.consumers), story.world.now)
    assert not again.runs
    assert not again.confirmations
    assert not again.missed
    assert all(at > story.world.now for at in again.wakeups.values())


@given(catalogue=pipelines(), moves=lines)
def test_what_held_since_the_deadline_before_meets_it(catalogue: Catalogue, moves: Any) -> None:
    """Where a deadline was missed, its asset had neither a run nor a confirmation since the one before.

    What comes in the moment of the deadline itself may be of news that another deadline of that moment made.
    """
    asked = [move for move in moves if move[1][0] != "materialize"]
    story = simulate(catalogue, "\n".join([*written(catalogue, asked), "wait 5h"]))
    for missed in story.missed:
        deadline = catalogue.assets[missed.asset].policies.deadline
        assert deadline is not None
        before = deadline.timetable.previous(missed.tick - datetime.resolution)
        assert before is not None
        held = [one.at for one in (*story.runs, *story.confirmations) if one.asset == missed.asset]
        assert not [at for at in held if before < at < missed.tick]


@given(catalogue=pipelines(modes=("batch",)), moves=lines)
def test_nothing_that_could_start_is_left(catalogue: Catalogue, moves: Any) -> None:
    """Whoever's condition holds with a fresh cause is paused, at its limit, or lacks a version of an input."""
    story = simulate(catalogue, "\n".join([*written(catalogue, moves), "wait 5h"]))
    world = story.world
    state = state_of(world, world.consumers)
    for name, own in state.assets.items():
        condition = catalogue.assets[name].condition
        assert condition is not None
        verdict = evaluate(condition, own, Now(at=world.now, heads=state.heads))
        if verdict.holds and causes(catalogue.assets[name], verdict):
            at_limit = own.active >= catalogue.assets[name].policies.max_active_runs
            assert at_limit or story.held[name].kind in (ReasonKind.PAUSED, ReasonKind.NO_VERSION)


@given(catalogue=pipelines(), moves=lines)
def test_a_story_follows_from_its_script(catalogue: Catalogue, moves: Any) -> None:
    """Told twice it is the same, and so it is when it is told in two parts."""
    script = written(catalogue, moves)
    whole = simulate(catalogue, "\n".join([*script, "wait 2h", "wait 3h"]))
    assert simulate(catalogue, "\n".join([*script, "wait 2h", "wait 3h"])) == whole
    first = simulate(catalogue, "\n".join([*script, "wait 2h"]))
    second = simulate(catalogue, "wait 3h", after=first)
    planned = [(run.asset, run.at, run.reason, run.consumed, run.pins) for run in (*first.runs, *second.runs)]
    assert planned == [(run.asset, run.at, run.reason, run.consumed, run.pins) for run in whole.runs]
    assert second.held == whole.held
    assert (*first.confirmations, *second.confirmations) == whole.confirmations


at_once = st.lists(st.tuples(gaps, st.permutations(SOURCES), st.sampled_from(SOURCES)), max_size=6)


@given(catalogue=pipelines(), steps=at_once, random=st.randoms(use_true_random=False))
def test_the_order_of_what_is_at_one_moment_does_not_matter(catalogue: Catalogue, steps: Any, random: Any) -> None:
    """Changes of several datasets, confirmations and ends of runs at one instant, told in another order."""
    script = ["2026-01-05T00:10Z wait 1s"]
    other = list(script)
    for gap, changed, confirmed in steps:
        together = [f"{name} changed" for name in changed if name != confirmed] + [
            f"{confirmed} confirmed",
            "a0 takes 5m",
        ]
        script += [f"{gap if gap != '+0s' else '+3s'} wait 1ms", *together]
        random.shuffle(together)
        other += [script[-len(together) - 1], *together]
    one, two = (simulate(catalogue, "\n".join([*lines, "wait 1h"])) for lines in (script, other))
    assert one.runs == two.runs
    assert one.confirmations == two.confirmations
    assert one.held == two.held


@given(catalogue=pipelines(timed=False), moves=lines)
def test_a_broken_asset_runs_once_per_fresh_event(catalogue: Catalogue, moves: Any) -> None:
    """Every run that an event caused takes one that no run of the asset had before; so nothing loops."""
    broken = [f"{name} breaks" for name in catalogue.assets]
    first, *rest = written(catalogue, moves)
    events = [line for line in rest if not {"works", "resume", "materialize"} & {*line.split()}]
    story = simulate(catalogue, "\n".join([first, *broken, *events, "wait 5h"]))
    seen: set[tuple[str, str]] = set()
    for run in story.runs:
        fresh = {(run.asset, event) for event in run.consumed} - seen
        assert fresh, run
        seen |= fresh


plain = st.recursive(
    st.just(0), lambda inner: st.tuples(st.sampled_from("&|"), st.lists(inner, min_size=2, max_size=3)), max_leaves=4
)


@given(data=st.data())
def test_a_confirmed_wave_reaches_everything_downstream(data: st.DataObject) -> None:
    """Everything has been made; then every source is confirmed: nothing runs, and every asset below has been told."""
    uris = [f"{name}.json" for name in SOURCES]
    assets: dict[str, Asset] = {}
    for number in range(data.draw(st.integers(1, 6))):
        read = data.draw(st.lists(st.sampled_from(uris), unique=True, min_size=1, max_size=3))
        leaves = tuple(DatasetLeaf(uri=uri) for uri in read)
        condition = (AllOf if data.draw(st.booleans()) else AnyOf)(children=leaves)
        consume = data.draw(st.sampled_from([Consume.BATCH, Consume.BRANCH, Consume.LATEST]))
        name = f"a{number}"
        assets[name] = Asset(
            name=name,
            outputs=(f"{name}.json",),
            condition=condition,
            inputs=tuple(Input(parameter=f"p{place}", uri=uri) for place, uri in enumerate(read)),
            policies=Policies(consume=consume),
        )
        uris.append(f"{name}.json")
    catalogue = Catalogue(assets=assets, datasets={uri: Dataset(uri) for uri in uris})
    changes = "".join(f"{name} changed\n" for name in SOURCES)
    first = simulate(catalogue, f"2026-01-05T10:00Z wait 1s\n{changes}")
    assert {run.asset for run in first.runs} == {*assets}
    story = simulate(catalogue, "+1h wait 1s\n" + changes.replace("changed", "confirmed"), after=first)
    assert not [run for run in story.runs if run.state is not RunState.SKIPPED]
    told = {one.asset for one in story.confirmations} | {run.asset for run in story.runs}
    assert told == {*assets}


@settings(max_examples=30)
@given(catalogue=pipelines(), moves=lines)
def test_every_story_can_be_read(catalogue: Catalogue, moves: Any) -> None:
    """The table names every run, and says of every asset that does not run why."""
    story = simulate(catalogue, "\n".join(written(catalogue, moves)))
    for run in story.runs:
        assert run.reason.text in story.text
    active = {name for name, one in story.world.consumers.items() if one.active}
    assert story.held.keys() == catalogue.assets.keys() - active
    assert Graph.of(catalogue).depth.keys() == catalogue.assets.keys()
