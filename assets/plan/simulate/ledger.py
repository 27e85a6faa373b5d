"""What is done to a world: events are published, taken and given back, assets registered, paused and resumed.

Each function says whom it concerns: the names of the assets that have to be planned again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from ....storage.errors import Bug
from ....storage.types import EventKind, OnError, OnRegister, OnResume, RunState
from ...declare.conditions.leaves import dataset_leaves
from ...declare.policies import Each
from ..narrow import Waiting as Pending
from ..narrow import beginning
from ..state import Pause
from ..taking import Taken
from .world import Consumer, Event, Running, Waiting, World

_NOTHING: Mapping[str, Any] = {}
_EVER = datetime.min.replace(tzinfo=UTC)


def publish(
    world: World,
    waiting: Waiting,
    uri: str,
    kind: EventKind,
    *,
    metadata: Mapping[str, Any] = _NOTHING,
    ancestors: Mapping[str, frozenset[str]] | None = None,
    by: str = "",
) -> set[str]:
    """An event, the next of its dataset. As in a store, its kind follows from the head: the first is `changed`, and
    what is not there cannot be removed. `version=` among the metadata names the content."""
    head, newest = world.head(uri), world.newest(uri)
    number = 1 if newest is None else newest.number + 1
    if kind is EventKind.REMOVED and head is None:
        return set()
    said = {key: value for key, value in metadata.items() if key != "version"}
    digest = str(metadata.get("version", f"{world.title(uri)}@{number}"))
    if kind is EventKind.REMOVED:
        digest = ""
    elif head is None:
        kind = EventKind.CHANGED
    elif kind is EventKind.CONFIRMED or digest == head.digest:
        kind, digest, said = EventKind.CONFIRMED, head.digest, {**head.metadata, **said}
    event = Event(
        serial=next(reversed(world.serials), 0) + 1,
        uri=uri,
        number=number,
        kind=kind,
        digest=digest,
        at=world.now,
        metadata=said,
        ancestors={**(ancestors or {}), uri: frozenset({digest})},
        by=by,
    )
    world.events.setdefault(uri, {})[number] = event
    world.serials[event.serial] = event
    asking = set(waiting.of_uri(uri, removal=kind is EventKind.REMOVED))
    for name in waiting.of_uri(uri):
        if name in world.consumers:
            one = world.consumers[name]
            (one.pending if name in asking else one.unasked).setdefault(uri, {})[number] = True
    graph = world.graph
    return {*waiting.of_uri(uri), *graph.reading.get(uri, ()), *graph.aging.get(uri, ())} & world.consumers.keys()


def publish_outputs(
    world: World, waiting: Waiting, name: str, read: Iterable[Event], *, changed: bool, metadata: Mapping[str, Any]
) -> set[str]:
    """The outputs of an asset, published by a run of it or once more: they came from what was read."""
    ancestors: dict[str, frozenset[str]] = {}
    for event in read:
        for uri, digests in event.ancestors.items():
            ancestors[uri] = ancestors.get(uri, frozenset()) | digests
    concerned: set[str] = set()
    for uri in world.asset(name).outputs:
        if changed or world.head(uri) is not None:
            kind = EventKind.CHANGED if changed else EventKind.CONFIRMED
            concerned |= publish(world, waiting, uri, kind, metadata=metadata, ancestors=ancestors, by=name)
    return concerned


def read_now(world: World, name: str) -> Iterator[Event]:
    """The heads of what an asset reads."""
    for one in world.asset(name).inputs:
        head = world.head(one.uri)
        if head is not None:
            yield head


def take(world: World, name: str, taken: Iterable[Taken], run: Running | None) -> list[Event]:
    """The events are linked, each to this run, which has them from then on; which they are.

    Raises
    ------
    Bug: they are not what is pending.
    """
    consumer = world.consumers[name]
    events: list[Event] = []
    superseded: list[Event] = []
    fresh: list[Event] = []
    passed: list[Event] = []
    for one in taken:
        pending = consumer.pending.get(one.uri, {})
        numbers = sorted(number for number in pending if number <= one.newest)
        if len(numbers) != one.count:
            raise Bug(f"{name} is to take {one.count} events of {one.uri} up to {one.newest}; pending: {numbers}")
        published = world.events[one.uri]
        fresh += [published[number] for number in numbers if pending[number]]
        for number in numbers:
            del pending[number]
            consumer.links.setdefault(one.uri, {})[number] = run
        unasked = consumer.unasked.get(one.uri, {})
        between = [number for number in unasked if numbers and numbers[0] < number <= one.newest]
        passed += [published[number] for number in between]
        consumer.unasked[one.uri] = {number: was for number, was in unasked.items() if number > one.newest}
        events += [published[number] for number in numbers]
        superseded += [published[number] for number in numbers if one.about not in (None, number)]
    if run is not None:
        run.consumed, run.superseded, run.fresh = tuple(events), tuple(superseded), tuple(fresh)
        run.passed = tuple(passed)
    return events


def give_back(world: World, name: str, run: Running, *, starting: bool = False) -> None:
    """What a run took is pending again; unless `starting` it only completes, and what only completed does so in any
    case."""
    consumer = world.consumers[name]
    for event in run.consumed:
        if consumer.links.get(event.uri, {}).get(event.number) is run:
            del consumer.links[event.uri][event.number]
            consumer.pending.setdefault(event.uri, {})[event.number] = starting and event in run.fresh
    for event in run.passed:
        consumer.unasked.setdefault(event.uri, {})[event.number] = True


def end_badly(world: World, name: str, run: Running) -> None:
    """A run failed for good or was canceled: its events come back, completing only, or under `each` stay with it, and
    stop the asset if that is declared. Too many failures pause it."""
    consumer, policies = world.consumers[name], world.asset(name).policies
    failed = run.state is RunState.FAILED
    if not failed and consumer.begun_at == run.at:
        consumer.begun_at = run.before
    consumer.failures += failed
    mode = policies.consume
    if not isinstance(mode, Each):
        give_back(world, name, run)
    elif mode.on_error is OnError.STOP and run.consumed:
        consumer.stopped = run  # also where it is paused already: resuming it must not lose the event
        if consumer.pause is None:
            consumer.pause = Pause(since=world.now, why=f"the run of an event {run.state.value}", failed=True)
    limit = policies.pause_after
    if failed and limit is not None and consumer.failures >= limit and consumer.pause is None:
        many = f"{consumer.failures} failed in a row"
        consumer.pause = Pause(since=world.now, why=many, failed=True)


def pause(world: World, name: str) -> None:
    """A person pauses an asset."""
    consumer = world.consumers[name]
    if consumer.pause is None:
        consumer.pause = Pause(since=world.now, why="by hand")


def resume(world: World, name: str, *, drop: bool = False) -> None:
    """A pause is over. What a failure stopped is tried again, and what came meanwhile is pending; or all is dropped."""
    consumer = world.consumers[name]
    if consumer.pause is None:
        return
    since, consumer.pause, consumer.failures = consumer.pause.since, None, 0
    deadline = world.asset(name).policies.deadline
    passed = None if deadline is None else deadline.timetable.previous(world.now)
    if deadline is not None and passed is not None and passed >= max(since, consumer.ticks.get(deadline.label, _EVER)):
        consumer.ticks[deadline.label] = passed  # whoever paused it knew
    if drop or world.asset(name).policies.on_resume is OnResume.DROP:
        for uri, numbers in consumer.pending.items():
            consumer.links.setdefault(uri, {}).update(dict.fromkeys(numbers))
            numbers.clear()
        consumer.unasked.clear()
        consumer.since = dict.fromkeys(consumer.since, world.now)  # a deadline that passed meanwhile was not missed
        for label, timetable in world.asset(name).timetables.items():
            tick = timetable.previous(world.now)
            if tick is not None and tick > consumer.ticks.get(label, _EVER):
                consumer.ticks[label] = tick
    elif consumer.stopped is not None:
        give_back(world, name, consumer.stopped, starting=True)
    consumer.stopped = None


def register(world: World, waiting: Waiting, name: str) -> None:
    """An asset is new: of what is there already it has the newest, which completes its condition."""
    consumer = Consumer(name=name, key=name, registered_at=world.now)
    world.consumers[name] = consumer
    consumer.since = dict.fromkeys(_labels(world, name), world.now)
    for uri in world.events:
        if name in waiting.of_uri(uri):
            _seed(world, consumer, uri, builds=world.asset(name).policies.on_register is OnRegister.BUILD)


def _ask(world: World, consumer: Consumer, former: Consumer, removals: Mapping[str, bool]) -> None:
    """What was pending of the datasets that stay still is; removals are where the condition asks for them now.
    `removals`: whether it does, by URI."""
    consumer.pending, consumer.unasked = {}, {}
    for uri, asked in removals.items():
        both = {**former.pending.get(uri, {}), **former.unasked.get(uri, {})}
        gone = {number for number in both if world.events[uri][number].kind is EventKind.REMOVED}
        for number, fresh in sorted(both.items()):
            (consumer.unasked if number in gone and not asked else consumer.pending).setdefault(uri, {})[number] = fresh


def _labels(world: World, name: str) -> list[str]:
    """The labels of the timetables of an asset, and of its deadline."""
    deadline = world.asset(name).policies.deadline
    labels = [one.label for one in world.graph.timetables.get(name, ())]
    return labels if deadline is None else [*labels, deadline.label]


def _seed(world: World, consumer: Consumer, uri: str, *, builds: bool) -> None:
    """What came since the newest event that counts completes; of an asset that builds, what came since the newest
    change that counts starts it. What can only complete can never have a run of its own, so that nothing of it is
    pending under `each`."""
    asset = world.asset(consumer.name)
    mode, newest = asset.policies.consume, world.newest(uri)
    if newest is None or (not builds and isinstance(mode, Each) and mode.is_about(uri)):
        return
    leaves = [leaf for leaf in dataset_leaves(asset.condition) if leaf.is_about(uri)]
    events = (
        Pending(number=event.number, kind=event.kind, at=event.at, fresh=builds, metadata=event.metadata)
        for event in reversed(world.events[uri].values())
    )
    begun = beginning(leaves, events, world.now, builds=builds)
    if begun is None and not builds:
        begun = newest.number
    removals = any(leaf.removal for leaf in leaves)
    for number, event in world.events[uri].items():
        if begun is not None and number >= begun:
            asked = removals or event.kind is not EventKind.REMOVED
            (consumer.pending if asked else consumer.unasked).setdefault(uri, {})[number] = builds


def redefine(world: World, waiting: Waiting) -> set[str]:
    """The definitions are others: assets keep their history, also under a new name; leaves that stay keep what is
    pending, others are closed, new ones seeded. Whom it concerns: everybody."""
    before, world.consumers = world.consumers, {}
    for name, asset in world.graph.catalogue.assets.items():
        former = before.get(name) or before.get(asset.previously or "")
        if former is None:
            register(world, waiting, name)
            continue
        consumer = replace(former, name=name)
        world.consumers[name] = consumer
        for run in consumer.active:
            run.asset = name
        kept = {uri for uri in world.events if name in waiting.of_uri(uri)}
        had = former.pending.keys() | former.links.keys() | former.unasked.keys()
        # A dataset that is named again later is a new one: what was closed does not come back.
        consumer.links = {uri: links for uri, links in former.links.items() if uri in kept}
        _ask(world, consumer, former, {uri: name in waiting.of_uri(uri, removal=True) for uri in kept})
        for uri in sorted(kept - had):
            _seed(world, consumer, uri, builds=False)  # the asset is not new
        # A timetable that comes into a condition has no ticks from before.
        consumer.since = {label: former.since.get(label, world.now) for label in _labels(world, name)}
    return set(world.consumers)
