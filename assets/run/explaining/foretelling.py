"""What would run from now on, if nothing new arrived: the state of an open project as the world of a simulation.

Reads only. Runs that are active count as ended well, with what is newest now; every run gives a new version at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from ....storage.meta import catalogue as rows
from ....storage.meta import pending
from ....storage.meta.ancestry import ancestors
from ....storage.meta.database.engine import Transaction
from ....storage.meta.pending import PendingEvent
from ....storage.types import EventKind, ReasonKind, RunState
from ...declare.conditions.impossible import aligned_uris
from ...plan.key import run_key
from ...plan.planner import PlannedRun
from ...plan.reasons import Reason
from ...plan.simulate.simulation import foretell
from ...plan.simulate.story import Story
from ...plan.simulate.world import Consumer, Event, Running, World
from ...plan.state import AssetState, HeadState, State
from ..planning.snapshot import load
from ..project.project import Project

_NONE: Mapping[str, frozenset[str]] = {}


def foresee_until(project: Project, tx: Transaction, now: datetime, until: datetime) -> Story:
    """What runs from `now` up to `until`, and why; looks at nothing outside the database."""
    return foretell(_world(project, tx, now), until)


def _world(project: Project, tx: Transaction, now: datetime) -> World:
    state = load(project, tx, list(project.catalogue.assets), now=now).state
    world = World(graph=project.graph, now=now, parameters=state.parameters, environment=state.environment)
    world.watched = state.watched
    numbers = {number: name for name, number in project.ids.assets.items() if name in state.assets}
    waiting = list(_waiting(tx, numbers))
    aligned = {name: uris for name in state.assets if (uris := _aligned(project, name))}
    consumed = list(_consumed(project, tx, aligned))
    known = [event.event_id for _, event in (*waiting, *consumed)]
    above = ancestors(tx, [*known, *(head.event_id for head in state.heads.values())]) if aligned else {}
    found: dict[str, dict[int, Event]] = {}
    for uri, event in (*waiting, *consumed):
        found.setdefault(uri, {})[event.number] = _event(uri, event, above.get(event.event_id, _NONE))
    for uri, head in state.heads.items():
        found.setdefault(uri, {}).setdefault(head.number, _published(uri, head, now, above.get(head.event_id, _NONE)))
    world.events = {uri: dict(sorted(several.items())) for uri, several in found.items()}
    events = (event for several in world.events.values() for event in several.values())
    world.serials = {event.serial: event for event in sorted(events, key=lambda event: event.serial)}
    for uri in _gone(project, state, world):
        _remove(world, uri)
    for name, own in state.assets.items():
        world.consumers[name] = _consumer(name, own)
    for uri, event in waiting:
        world.consumers[numbers[event.asset_id]].pending.setdefault(uri, {})[event.number] = event.fresh
    for uri, event in consumed:
        world.consumers[numbers[event.asset_id]].links[uri] = {event.number: None}
    for name, own in state.assets.items():
        world.consumers[name].active += [_running(project, state, name, now) for _ in range(own.active)]
    return world


def _waiting(tx: Transaction, numbers: Mapping[int, str]) -> Iterable[tuple[str, PendingEvent]]:
    """Every pending event of every asset, with its URI."""
    pairs = list(pending.sums(tx, list(numbers)))
    uris = rows.uris_of(tx, sorted({dataset_id for _, dataset_id in pairs}))
    return [(uris[event.dataset_id], event) for event in pending.each(tx, pairs)]


def _aligned(project: Project, name: str) -> list[str]:
    condition = project.catalogue.assets[name].condition
    return [] if condition is None else list(dict.fromkeys(aligned_uris(condition)))


def _consumed(
    project: Project, tx: Transaction, aligned: Mapping[str, Sequence[str]]
) -> Iterable[tuple[str, PendingEvent]]:
    """What these assets consumed last of these datasets, with their URIs: the news that runs will give is chosen among
    such versions, whether or not anything is pending now."""
    for name, uris in aligned.items():
        for uri in uris:
            event = pending.consumed(tx, project.ids.assets[name], project.ids.datasets[uri])
            if event is not None:
                yield uri, event


def _gone(project: Project, state: State, world: World) -> Iterable[str]:
    """The datasets that assets read or ask the age of, that have no version any more, although events are pending."""
    graph, datasets = project.graph, project.catalogue.datasets
    asked = [uri for uri in world.events if uri in graph.reading or uri in graph.aging]
    return [
        uri
        for uri in asked
        if uri not in state.heads and datasets[uri].partitions is None and world.head(uri) is not None
    ]


def _remove(world: World, uri: str) -> None:
    """That it is gone is its newest event; nobody who is planned asks for it, or it would be pending."""
    last = max(world.events[uri])
    serial = next(reversed(world.serials)) + 1
    event = Event(serial=serial, uri=uri, number=last + 1, kind=EventKind.REMOVED, digest="", at=world.now)
    world.events[uri][event.number] = world.serials[serial] = event


def _event(uri: str, event: PendingEvent, above: Mapping[str, frozenset[str]]) -> Event:
    return Event(
        serial=event.event_id,
        uri=uri,
        number=event.number,
        kind=event.kind,
        digest=event.digest or "",
        at=event.at,
        arrived_at=event.arrived_at,
        metadata=event.metadata,
        ancestors=above,
    )


def _published(uri: str, head: HeadState, now: datetime, above: Mapping[str, frozenset[str]]) -> Event:
    return Event(
        serial=head.event_id,
        uri=uri,
        number=head.number,
        kind=EventKind.CHANGED,
        digest=head.digest,
        at=head.at or now,
        ancestors=above or {uri: frozenset({head.digest})},
    )


def _consumer(name: str, own: AssetState) -> Consumer:
    return Consumer(
        name=name,
        key=own.key,
        registered_at=own.registered_at,
        ticks=dict(own.ticks),
        since=dict(own.since),
        made_from=own.made_from,
        succeeded_at=own.succeeded_at,
        tried_at=own.tried_at,
        begun_at=own.begun_at,
        late=own.late,
        pause=own.pause,
    )


def _running(project: Project, state: State, name: str, now: datetime) -> Running:
    """An active run, as if it were of what is newest now."""
    asset = project.catalogue.assets[name]
    read = {one.parameter: state.heads[one.uri] for one in asset.inputs if one.uri in state.heads}
    key = run_key(
        asset,
        project.graph,
        parameters=state.parameters.get(name, {}),
        inputs={parameter: head.digest for parameter, head in read.items()},
        probe=None,
        environment=state.environment,
    )
    reason = Reason(kind=ReasonKind.AT_LIMIT)  # never shown: it was planned before
    planned = PlannedRun(asset=name, state=RunState.SCHEDULED, reason=reason, key=key, pins=read, ticks={})
    return Running(asset=name, planned=planned, at=now, ends_at=now, state=RunState.RUNNING)
