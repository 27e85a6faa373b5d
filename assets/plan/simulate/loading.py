"""From a world to the state that the planner asks for: sums per leaf, heads, candidates. What a store's loader does."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from ....storage.types import EventKind
from ...declare.catalogue import Asset
from ...declare.conditions.impossible import aligned_uris
from ...declare.conditions.leaves import DatasetLeaf, dataset_leaves
from ...declare.policies import Each
from ..narrow import Narrowing, Turn, Waiting, first_in_line, turn
from ..state import AssetState, Candidate, HeadState, LeafState, Request, State
from .world import Consumer, Event, World


def state_of(world: World, names: Iterable[str], requests: Mapping[str, Request] | None = None) -> State:
    """How these assets stand."""
    graph = world.graph
    states: dict[str, AssetState] = {}
    asked: set[str] = set()
    for name in names:
        asset, one = world.asset(name), world.consumers[name]
        states[name] = _asset(world, asset, one)
        asked.update(used.uri for used in asset.inputs)
        asked.update(graph.leaves[name])
        asked.update(one.pending)
    asked.update(uri for uri, several in graph.aging.items() if not states.keys().isdisjoint(several))
    heads: dict[str, HeadState] = {}
    for uri in asked:
        head = world.head(uri)
        if head is not None:
            heads[uri] = head.head
    return State(
        assets=states,
        heads=heads,
        requests=requests or {},
        parameters=world.parameters,
        environment=world.environment,
        watched=world.watched,
    )


def _asset(world: World, asset: Asset, one: Consumer) -> AssetState:
    pending = {
        uri: [_waiting(world.events[uri][number], fresh) for number, fresh in sorted(numbers.items())]
        for uri, numbers in one.pending.items()
        if numbers
    }
    sums: dict[str, LeafState] = {}
    queue: dict[str, LeafState] = {}
    narrowed: dict[str, LeafState] = {}
    turns: dict[str, Turn] = {}
    mode = asset.policies.consume
    for uri, events in pending.items():
        leaves = [_named(leaf, uri) for leaf in dataset_leaves(asset.condition) if leaf.is_about(uri)]
        if isinstance(mode, Each) and mode.is_about(uri):
            turns[uri] = turn(leaves, events, world.now)
            queue[uri] = _summed(uri, events)
            continue
        sums[uri] = _summed(uri, events)
        for leaf in leaves:
            if leaf.selective and (state := _narrowed(world, leaf, events)) is not None:
                narrowed[leaf.label] = state
    line = first_in_line(turns, queue)
    sums |= line.leaves
    narrowed |= line.narrowed
    aligned = dict.fromkeys(() if asset.condition is None else aligned_uris(asset.condition))
    if pending.keys().isdisjoint(aligned):
        aligned = {}  # there is nothing to choose: it waits for news, not for versions that agree
    return AssetState(
        registered_at=one.registered_at,
        key=one.key,
        leaves=sums,
        queue=queue,
        ahead=line.ahead,
        narrowed=narrowed,
        ticks=one.ticks,
        since=one.since,
        active=len(one.active),
        made_from=one.made_from,
        complete=one.made_from is not None,
        succeeded_at=one.succeeded_at,
        tried_at=one.tried_at,
        begun_at=one.begun_at,
        late=one.late,
        probe=None if one.made_from is None else one.made_from.get("probe"),  # nothing outside has changed
        pause=one.pause,
        candidates={uri: _candidates(world, one, uri, pending.get(uri, [])) for uri in aligned},
    )


def _named(leaf: DatasetLeaf, uri: str) -> DatasetLeaf:
    """The leaf about this one dataset; of a pattern, `count` is asked of all together."""
    return replace(leaf, uri=uri, match=False, least=1) if leaf.match else leaf


def _waiting(event: Event, fresh: bool) -> Waiting:
    head = None if event.kind is EventKind.REMOVED else event.head
    return Waiting(
        number=event.number,
        kind=event.kind,
        at=event.at,
        fresh=fresh,
        arrived_at=event.arrived_at,
        metadata=event.metadata,
        head=head,
    )


def _summed(uri: str, events: list[Waiting]) -> LeafState:
    """All that is pending of a dataset."""
    present = Narrowing(DatasetLeaf(uri=uri), events[-1].at)
    gone = Narrowing(DatasetLeaf(uri=uri, removal=True), events[-1].at)
    for event in events:
        present.add(event)
        gone.add(event)
    found, removals = present.state(), gone.state()
    assert found is not None, "there is an event"
    assert removals is not None, "there is an event"
    starts = [at for at in (found.oldest_at, removals.oldest_at) if at is not None]
    return found._replace(
        removed=removals.removed,
        removals=removals.removals,
        newest_at=max(event.at for event in events),
        arrived_at=_last_arrival(events),
        oldest_at=min(starts, default=None),
        upto=0,
        pin=None,
        unmet="",
    )


def _narrowed(world: World, leaf: DatasetLeaf, events: list[Waiting]) -> LeafState | None:
    found = Narrowing(leaf, world.now)
    for event in events:
        found.add(event)
    return found.state()


def _last_arrival(events: list[Waiting]) -> datetime:
    return max(event.arrived_at or event.at for event in events)


def _candidates(world: World, one: Consumer, uri: str, pending: list[Waiting]) -> tuple[Candidate, ...]:
    """The version that was last consumed, and those of the pending events after it. What is fresh adds up: whoever
    takes one takes all that lie before it."""
    last, names = max(one.links.get(uri, ()), default=0), _names(world)
    found: list[Candidate] = []
    if last and world.events[uri][last].kind is not EventKind.REMOVED:
        event = world.events[uri][last]
        arrived = event.arrived_at or event.at
        above = _known_as(names, event.ancestors)
        found.append(Candidate(head=event.head, fresh=False, ancestors=above, arrived_at=arrived))
    fresh = confirmed = False
    for upto, event in enumerate(pending, 1):
        fresh |= event.fresh and event.kind is EventKind.CHANGED
        confirmed |= event.fresh and event.kind is EventKind.CONFIRMED
        if event.number > last and event.head is not None:
            found.append(
                Candidate(
                    head=event.head,
                    fresh=fresh,
                    confirmed=confirmed,
                    ancestors=_known_as(names, world.events[uri][event.number].ancestors),
                    upto=upto,
                    arrived_at=event.arrived_at or event.at,
                )
            )
    return tuple(found)


def _names(world: World) -> dict[str, str]:
    """Alias → the URI that its dataset has now."""
    return {alias: uri for uri, one in world.graph.catalogue.datasets.items() for alias in one.aliases}


def _known_as(names: Mapping[str, str], ancestors: Mapping[str, frozenset[str]]) -> Mapping[str, frozenset[str]]:
    """The same by the URIs that datasets have now: what was made from an alias was made from the dataset."""
    found: dict[str, frozenset[str]] = {}
    for uri, digests in ancestors.items():
        found[names.get(uri, uri)] = found.get(names.get(uri, uri), frozenset()) | digests
    return found
