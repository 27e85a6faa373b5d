"""Loading the state that planning needs: one consistent snapshot of the assets that news may concern."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType
from typing import Any

from ....storage.meta import catalogue as rows
from ....storage.meta import holds, standing, versions, watching
from ....storage.meta.database import engine
from ....storage.meta.database.engine import Transaction
from ....storage.meta.pending import PendingEvent
from ....storage.meta.tallies import Tally
from ....storage.meta.ticks import last_ticks
from ....storage.types import Catchup, ReasonKind
from ...declare.catalogue import Asset
from ...plan.reasons import Reason
from ...plan.state import AssetState, Pause, Request, State
from ..project.asking import Asked
from ..project.keys import known_at
from ..project.project import Project
from .omitted import Omitted, load_omitted
from .partitions.keeping import held_of
from .partitions.pending import load_pending
from .presence import Presence, presence
from .reading import Failed, head_state, load_partitions, load_reads
from .waiting import LONG, Found, load_waiting


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """The state, and what it was made from, for those who record a plan.

    Attributes
    ----------
    at: the moment that it is about: plan with it.
    heads: by URI, with their manifests.
    courses: asset name → how far its runs had come.
    datasets: URI → id, of datasets that a pattern found.
    tallies: what was long to read of what is pending, in sums.
    partitions: (URI, key) → head, of what the partitions that are asked for write.
    events: (asset name, key, URI) → what is pending of a dataset for a partition, oldest first.
    """

    state: State
    at: datetime
    heads: Mapping[str, versions.Head]
    courses: Mapping[str, standing.Course] = field(default_factory=dict[str, standing.Course])
    datasets: Mapping[str, int] = field(default_factory=dict[str, int])
    tallies: tuple[Tally, ...] = ()
    partitions: Mapping[tuple[str, str], versions.Head] = field(default_factory=dict[tuple[str, str], versions.Head])
    events: Mapping[tuple[str, str, str], Sequence[PendingEvent]] = field(
        default_factory=dict[tuple[str, str, str], Sequence[PendingEvent]]
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedPartitions:
    """Partitions that are asked for.

    Attributes
    ----------
    keys: asset name → the keys that are to be made now.
    named: dimension → dynamic keys that somebody named, of which nothing may be made yet.
    failed: asset name → keys that failed a moment ago: they hold back whatever reads them.
    """

    keys: Mapping[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]])
    named: Mapping[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]])
    failed: Failed = field(default_factory=dict[str, Collection[str]])


_NO_PARTITIONS = AskedPartitions()


def load(
    project: Project,
    tx: Transaction,
    names: Sequence[str],
    *,
    now: datetime | None = None,
    requests: Mapping[str, Request] | None = None,
    failed: Iterable[str] = (),
    probes: Mapping[str, str] | None = None,
    parameters: Mapping[str, Mapping[str, Any]] | None = None,
    long: int = LONG,
    partitions: AskedPartitions = _NO_PARTITIONS,
    left_out: Omitted = MappingProxyType({}),
) -> Snapshot:
    """How the named assets stand at `now`, which is that of the store unless it is given.

    Costs a fixed number of statements, and what is pending for the assets; not the history. Events are looked at one by
    one only where a condition asks for that, and files only where a run may be planned. What is pending is remembered,
    once the plan is recorded, where it was more than `long` events.
    """
    moment = engine.now(tx) if now is None else now
    assets = {name: project.catalogue.assets[name] for name in names}
    numbers = {name: project.ids.assets[name] for name in assets}
    wants = {name: project.reading.asked(name) for name in assets}
    heads = _heads(project, tx, assets, wants)
    waiting = load_waiting(project, tx, wants, moment, long=long)
    found = waiting.found
    stand = standing.standing(tx, list(numbers.values()))
    timed = [numbers[name] for name, asset in assets.items() if _has_ticks(project, asset)]
    since = rows.timetables_since(tx, timed) if timed else {}
    ticks, known_since = _by_asset(last_ticks(tx, list(since))), _by_asset(since)
    staling = [numbers[name] for name in assets if name in project.graph.staling]
    tries = standing.tries(tx, staling) if staling else {}
    bound = [numbers[name] for name, asset in assets.items() if asset.policies.deadline is not None]
    made_for = standing.reasons(tx, bound) if bound else {}
    requested, seen = requests or {}, probes or {}
    states: dict[str, AssetState] = {}
    for name, number in numbers.items():
        may_run = name in requested or name in found or name in project.graph.timetables or wants[name].timed
        states[name] = _state(
            name,
            stand[number],
            found.get(name, Found()),
            ticks=ticks.get(number, {}),
            since=known_since.get(number, {}),
            begun_at=tries.get(number),
            late=_is_late(made_for.get(number)),
            seen=presence(project, (heads[uri] for uri in assets[name].outputs if uri in heads if may_run)),
            probe=seen.get(name),
        )
    by_key: dict[str, dict[str, AssetState]] = {}
    written: dict[tuple[str, str], versions.Head] = {}
    events: dict[tuple[str, str, str], Sequence[PendingEvent]] = {}
    if divided := project.reading.divided.intersection(names):
        known = known_at(project, tx, moment, named=partitions.named)
        fallen = partitions.failed
        kept = holds.held(tx, project.name, [numbers[name] for name in divided if assets[name].partitions is not None])
        astray = {one.asset: Reason.from_plain(one.reason) for one in kept}
        for name in divided:
            asset, keys = assets[name], partitions.keys.get(name, ())
            if asset.partitions is None:
                reads = load_reads(project, tx, asset, [""], known=known, failed=fallen)[""]
                states[name] = replace(states[name], reads=reads)
                continue
            held = None if keys else held_of(tx, numbers[name], asset.partitions)
            states[name] = replace(states[name], astray=astray.get(name), held=held)
            if keys:
                whole = states[name]
                standing_of, own = load_partitions(project, tx, asset, whole, keys, known=known, failed=fallen)
                written |= own
                by_key[name] = standing_of
                if asset.condition is not None:
                    by_key[name], waiting_for = load_pending(
                        project, tx, asset, standing_of, known=known, failed=fallen, now=moment
                    )
                    events |= {(name, key, uri): each for (key, uri), each in waiting_for.items()}
    standing_so = (*states.values(), *(one for several in by_key.values() for one in several.values()))
    by_uri = {uri: head_state(head) for uri, head in heads.items()}
    state = State(
        assets=states,
        partitions=by_key,
        heads=by_uri,
        requests=requested,
        failed=frozenset(failed),
        parameters={name: {**project.parameters.get(name, {}), **(parameters or {}).get(name, {})} for name in assets},
        environment=project.environment,
        watched=_watched(project, tx, names, moment),
        left_out=load_omitted(project, tx, assets.values(), by_uri, standing_so, before=left_out),
    )
    courses = {name: stand[number].course for name, number in numbers.items()}
    return Snapshot(
        state=state,
        at=moment,
        heads=heads,
        courses=courses,
        datasets=waiting.datasets,
        tallies=waiting.tallies,
        partitions=written,
        events=events,
    )


def _heads(
    project: Project, tx: Transaction, assets: Mapping[str, Asset], wants: Mapping[str, Asked]
) -> dict[str, versions.Head]:
    wanted = {uri for asset in assets.values() for uri in (*asset.outputs, *(one.uri for one in asset.inputs))}
    wanted |= {uri for one in wants.values() for uri in one.fresh}
    found = versions.heads(tx, [project.ids.datasets[uri] for uri in wanted])
    return {head.uri: head for head in found.values()}


def _by_asset(found: Mapping[tuple[int, str], datetime]) -> dict[int, dict[str, datetime]]:
    """Asset id → label → time."""
    by_asset: dict[int, dict[str, datetime]] = {}
    for (number, label), at in found.items():
        by_asset.setdefault(number, {})[label] = at
    return by_asset


def _watched(project: Project, tx: Transaction, names: Iterable[str], now: datetime) -> datetime | None:
    """Since when ticks have been watched without a break, where a timetable asks for that."""
    timetables = (one for name in names for one in project.graph.timetables.get(name, ()))
    asks = any(one.catchup == Catchup.NONE for one in timetables)
    return watching.watched(tx, project.name, now=now) if asks else None


def _has_ticks(project: Project, asset: Asset) -> bool:
    return asset.name in project.graph.timetables or asset.policies.deadline is not None


def _is_late(made_for: Mapping[str, Any] | None) -> bool:
    """Whether a run was made because a deadline had passed, be it one of an earlier definition."""
    if made_for is None:
        return False
    reason = Reason.from_plain(made_for)
    return ReasonKind.DEADLINE in (reason.kind, *reason.also)


def _state(
    name: str,
    stand: standing.Standing,
    found: Found,
    *,
    ticks: Mapping[str, datetime],
    since: Mapping[str, datetime],
    begun_at: datetime | None,
    late: bool,
    seen: Presence,
    probe: str | None,
) -> AssetState:
    made_from, course = stand.made_from, stand.course
    return AssetState(
        registered_at=stand.registered_at,
        key=name,
        leaves=found.leaves,
        queue=found.queue,
        ahead=found.ahead,
        narrowed=found.narrowed,
        candidates=found.candidates,
        ticks=ticks,
        since={label: at for label, at in since.items() if at > stand.registered_at},
        active=course.active,
        # Without the nonce of a forced run, which no later key repeats.
        made_from=None if made_from is None else {key: part for key, part in made_from.items() if key != "nonce"},
        complete=made_from is not None,
        succeeded_at=course.succeeded_at,
        tried_at=course.tried_at,
        begun_at=begun_at,
        late=late,
        present=seen.present,
        unseen=seen.unseen,
        probe=probe,
        pause=None if course.pause is None else _pause(*course.pause),
    )


def _pause(since: datetime, why: str, failed: bool) -> Pause:
    return Pause(since=since, why=why, failed=failed)
