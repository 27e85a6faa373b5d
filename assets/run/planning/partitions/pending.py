"""Loading what is pending for partitions: of each dataset of the condition the events of the keys that they read, and
the ticks that selected them. Costs the partitions that are asked for and what they read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from .....storage.meta import catalogue as rows
from .....storage.meta import versions
from .....storage.meta.database.engine import Transaction
from .....storage.meta.partitions.pending import Asked, newest_for_keys, pending_of_keys
from .....storage.meta.pending import PendingEvent
from .....storage.meta.ticks import last_tick_before, last_ticks
from .....storage.types import Fanout
from ....declare.catalogue import Asset
from ....declare.conditions.leaves import DatasetLeaf, dataset_leaves
from ....declare.partitions.mapping.relation import Relation
from ....declare.partitions.partition import Known
from ....plan.partitions.concern import selecting
from ....plan.partitions.standing import Upstream, fans_out_to, standing
from ....plan.state import AssetState, HeadState
from ...project.keys import keys_read
from ...project.project import Project
from ..reading import Failed, head_state, load_read
from ..waiting import as_waiting

_INSTANT = timedelta(microseconds=1)
_ALWAYS = (datetime(1, 1, 2, tzinfo=UTC), datetime(9999, 12, 30, tzinfo=UTC))


def load_pending(
    project: Project,
    tx: Transaction,
    asset: Asset,
    states: Mapping[str, AssetState],
    *,
    known: Known,
    failed: Failed,
    now: datetime,
) -> tuple[dict[str, AssetState], dict[tuple[str, str], list[PendingEvent]]]:
    """How these partitions stand towards the condition of the asset, by key; and the events that are pending."""
    relations = project.reading.relations(asset)
    leaves: dict[str, list[DatasetLeaf]] = {uri: [] for uri in relations}
    for leaf in dataset_leaves(asset.condition):
        if leaf.uri in leaves:
            leaves[leaf.uri].append(leaf)
    keys = list(states)
    found: dict[tuple[str, str], list[PendingEvent]] = {}
    upstreams: dict[str, list[Upstream]] = {key: [] for key in keys}
    for uri, relation in relations.items():
        pending = _events(project, tx, asset, uri, keys, known=known)
        divided = project.catalogue.datasets[uri].partitions is not None
        read = load_read(project, tx, uri, relation, keys, known=known, failed=failed) if divided else {}
        alike = Upstream(
            uri=uri,
            at=now,
            leaves=tuple(leaves[uri]),
            relation=relation,
            head=None if divided else _head(project, tx, uri),
        )
        shared: dict[tuple[tuple[int, bool], ...], Upstream] = {}
        for key in keys:
            events = found[key, uri] = pending.get(key, [])
            which = tuple((event.event_id, event.fresh) for event in events)
            one = None if divided else shared.get(which)
            if one is None:
                waiting = [as_waiting(event) for event in events]
                one = shared[which] = replace(alike, events=waiting, read=read.get(key))
            upstreams[key].append(one)
    selected = _selected(project, tx, asset, keys, now)
    stand: dict[str, AssetState] = {}
    same: dict[tuple[int, ...], AssetState] = {}  # an event without a key may concern very many that stand alike
    for key, own in states.items():
        which = (id(own), *map(id, upstreams[key]))
        if selected[key]:
            stand[key] = standing(own, key, upstreams[key], now, selected=selected[key])
            continue
        if which not in same:
            same[which] = standing(own, key, upstreams[key], now, selected={})
        stand[key] = same[which]
    return stand, found


def _events(
    project: Project, tx: Transaction, asset: Asset, uri: str, keys: Sequence[str], *, known: Known
) -> dict[str, list[PendingEvent]]:
    """Key → the events of a dataset that are pending for it, oldest first."""
    number, dataset_id = project.ids.assets[asset.name], project.ids.datasets[uri]
    relation = project.reading.relations(asset)[uri]
    if relation.completing:
        fanned = {} if relation.fanout is Fanout.NONE else {key: _fanned(relation, key) for key in keys}
        newest = newest_for_keys(tx, number, dataset_id, {key: before for key, (_, before) in fanned.items()})
        return {
            key: [
                one for one in some if one.arrived_at >= fanned[key][0] and fans_out_to(relation, key, one.arrived_at)
            ]
            for key, some in newest.items()
        }
    if relation.open:
        asked = [Asked(key, dataset_id, None) for key in keys]
    else:
        asked = [Asked(key, dataset_id, one) for key in keys for one in keys_read(relation, key, known)[0]]
    found: dict[str, list[PendingEvent]] = {}
    for one in pending_of_keys(tx, number, asked):
        found.setdefault(one.key, []).append(one.event)
    return found


def _fanned(relation: Relation, key: str) -> tuple[datetime, datetime]:
    """From when until before when what arrives, of a dataset without partitions, is for this partition."""
    span = selecting(relation.consumer, key) if relation.fanout is Fanout.LATEST else None
    return span if span is not None else _ALWAYS


def _head(project: Project, tx: Transaction, uri: str) -> HeadState | None:
    number = project.ids.datasets[uri]
    head = versions.heads(tx, [number]).get(number)
    return None if head is None else head_state(head)


def _selected(
    project: Project, tx: Transaction, asset: Asset, keys: Sequence[str], now: datetime
) -> dict[str, dict[str, tuple[datetime, ...]]]:
    """Key → timetable → the newest tick that selects it, where it was heard of and the partition has not taken it."""
    found: dict[str, dict[str, tuple[datetime, ...]]] = {key: {} for key in keys}
    timetables, partitions = project.graph.timetables.get(asset.name, ()), asset.partitions
    if not timetables or partitions is None:
        return found
    number = project.ids.assets[asset.name]
    since = rows.timetables_since(tx, [number])
    heard = last_ticks(tx, [(number, one.label) for one in timetables])
    for one in timetables:
        last, registered = heard.get((number, one.label)), since.get((number, one.label))
        if last is None or registered is None:
            continue
        for key in keys:
            low, high = selecting(partitions, key) or _ALWAYS
            tick = one.previous(min(last, high - _INSTANT, now))
            if tick is None or tick < low:
                continue
            if tick <= registered and last_tick_before(tx, number, "", one.label, tick + _INSTANT) != tick:
                continue  # from before the asset was there, and not made up for
            taken = last_tick_before(tx, number, key, one.label, tick + _INSTANT)
            if taken is None or taken < tick:
                found[key][one.label] = (tick,)
    return found
