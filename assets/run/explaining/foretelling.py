"""What would run from now on, if nothing new arrived: the state of an open project as the world of a simulation.

Reads only. Runs that are active count as ended well, with what is newest now; every run gives a new version at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from ....storage.meta import catalogue as rows
from ....storage.meta import pending
from ....storage.meta.ancestry import ancestors
from ....storage.meta.database.engine import Transaction
from ....storage.meta.pending import PendingEvent
from ....storage.types import EventKind, ReasonKind, RunState
from ...plan.key import run_key
from ...plan.planner import PlannedRun
from ...plan.reasons import Reason
from ...plan.simulate.simulation import foretell
from ...plan.simulate.story import Story
from ...plan.simulate.world import Consumer, Event, Running, World
from ...plan.state import AssetState, Candidate, HeadState, State
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
    above = ancestors(tx, [event.event_id for _, event in waiting]) if _aligns(state) else {}
    found: dict[str, dict[int, Event]] = {}
    for uri, event in waiting:
        found.setdefault(uri, {})[event.number] = _event(uri, event, above.get(event.event_id, _NONE))
    for uri, head in state.heads.items():
        found.setdefault(uri, {}).setdefault(head.number, _published(uri, head, now))
    for name, own in state.assets.items():
        world.consumers[name] = _consumer(name, own)
        for uri, several in own.candidates.items():
            for one in several[:1]:
                if one.upto == 0:  # consumed before
                    found.setdefault(uri, {}).setdefault(one.head.number, _candidate(uri, one, now))
                    world.consumers[name].links[uri] = {one.head.number: None}
    for uri, event in waiting:
        world.consumers[numbers[event.asset_id]].pending.setdefault(uri, {})[event.number] = event.fresh
    world.events = {uri: dict(sorted(several.items())) for uri, several in found.items()}
    events = (event for several in world.events.values() for event in several.values())
    world.serials = {event.serial: event for event in sorted(events, key=lambda event: event.serial)}
    for name, own in state.assets.items():
        world.consumers[name].active += [_running(project, state, name, now) for _ in range(own.active)]
    return world


def _waiting(tx: Transaction, numbers: Mapping[int, str]) -> Iterable[tuple[str, PendingEvent]]:
    """Every pending event of every asset, with its URI."""
    pairs = list(pending.sums(tx, list(numbers)))
    uris = rows.uris_of(tx, sorted({dataset_id for _, dataset_id in pairs}))
    return [(uris[event.dataset_id], event) for event in pending.each(tx, pairs)]


def _aligns(state: State) -> bool:
    return any(own.candidates for own in state.assets.values())


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


def _published(uri: str, head: HeadState, now: datetime) -> Event:
    return Event(
        serial=head.event_id,
        uri=uri,
        number=head.number,
        kind=EventKind.CHANGED,
        digest=head.digest,
        at=head.at or now,
        ancestors={uri: frozenset({head.digest})},
    )


def _candidate(uri: str, one: Candidate, now: datetime) -> Event:
    return Event(
        serial=one.head.event_id,
        uri=uri,
        number=one.head.number,
        kind=EventKind.CHANGED,
        digest=one.head.digest,
        at=one.head.at or now,
        ancestors=one.ancestors,
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
