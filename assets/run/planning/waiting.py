"""Loading what is pending for assets, as their conditions ask for it: sums, what counts for a narrowed leaf, whose turn
it is under `each`, and the versions that an aligned node chooses among.

Costs one statement for the sums of all assets, and what is pending where a leaf has to ask each event. Never the
history; ancestry is followed for aligned nodes alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import datetime

from ....storage.meta import catalogue as rows
from ....storage.meta import pending
from ....storage.meta.ancestry import ancestors
from ....storage.meta.database.engine import Transaction
from ....storage.meta.pending import Pending, PendingEvent
from ....storage.types import EventKind
from ....storage.uri import matches
from ...declare.conditions.leaves import DatasetLeaf
from ...plan.narrow import Narrowing, Waiting, alone_of, turn
from ...plan.state import Candidate, HeadState, LeafState
from ..project.asking import Asked
from ..project.project import Project


@dataclass(slots=True, kw_only=True)
class Found:
    """What is pending for one asset, as its condition asks for it; the fields are those of its `AssetState`."""

    leaves: dict[str, LeafState] = field(default_factory=dict[str, LeafState])
    queue: dict[str, LeafState] = field(default_factory=dict[str, LeafState])
    narrowed: dict[str, LeafState] = field(default_factory=dict[str, LeafState])
    candidates: dict[str, tuple[Candidate, ...]] = field(default_factory=dict[str, tuple[Candidate, ...]])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pair:
    """A dataset of which something is pending for an asset."""

    name: str
    uri: str
    asset_id: int
    dataset_id: int
    sums: Pending

    def about(self, wants: Asked) -> list[DatasetLeaf]:
        """The leaves of the condition that are about this dataset; of a pattern, as if it named the dataset."""
        return [
            replace(leaf, uri=self.uri, match=False, least=1) if leaf.match else leaf
            for leaf in wants.leaves
            if (matches(leaf.uri, self.uri) if leaf.match else leaf.uri == self.uri)
        ]


def load_waiting(
    project: Project, tx: Transaction, wants: Mapping[str, Asked], now: datetime
) -> tuple[dict[str, Found], dict[str, int]]:
    """What is pending for each of these assets for which anything is, by name; and the ids of the datasets that it is
    pending of, by URI."""
    pairs = _pairs(project, tx, [name for name, one in wants.items() if one.leaves])
    found: dict[str, Found] = {}
    for pair in pairs:
        found.setdefault(pair.name, Found()).leaves[pair.uri] = _whole(pair.sums)
    _narrow(tx, [pair for pair in pairs if wants[pair.name].selective], wants, found, now)
    for pair in pairs:
        if wants[pair.name].each == pair.uri:
            _take_turns(tx, pair, wants[pair.name], found[pair.name], now)
    _align(tx, [pair for pair in pairs if wants[pair.name].aligned], wants, found, project)
    return found, {pair.uri: pair.dataset_id for pair in pairs}


def _pairs(project: Project, tx: Transaction, names: Sequence[str]) -> list[_Pair]:
    numbers = {project.ids.assets[name]: name for name in names}
    sums = pending.sums(tx, list(numbers)) if numbers else {}
    if not sums:
        return []
    known = project.ids.datasets
    uris = {known[uri]: uri for name in names for uri in project.graph.leaves[name] if uri in known}
    strange = [dataset_id for _, dataset_id in sums if dataset_id not in uris]
    if strange:  # found by a pattern
        uris |= rows.uris_of(tx, strange)
    return [
        _Pair(name=numbers[asset_id], uri=uris[dataset_id], asset_id=asset_id, dataset_id=dataset_id, sums=one)
        for (asset_id, dataset_id), one in sums.items()
    ]


def _whole(sums: Pending) -> LeafState:
    return LeafState(
        count=sums.count,
        newest=sums.newest,
        causes=sums.causes,
        confirmed=sums.confirmed,
        changed=sums.changed,
        removed=sums.removed,
        removals=sums.removals,
        newest_at=sums.newest_at,
        arrived_at=sums.arrived_at,
        oldest_at=sums.oldest_at,
    )


def _narrow(
    tx: Transaction, pairs: Sequence[_Pair], wants: Mapping[str, Asked], found: Mapping[str, Found], now: datetime
) -> None:
    """What counts for each leaf that has to ask: every event that is pending of its dataset is read once."""
    folds: dict[tuple[int, int], tuple[str, list[tuple[str, Narrowing]]]] = {}
    for pair in pairs:
        asking = [leaf for leaf in pair.about(wants[pair.name]) if leaf.selective]
        if asking and wants[pair.name].each != pair.uri:
            sums = [(leaf.label, Narrowing(leaf, now)) for leaf in asking]
            folds[pair.asset_id, pair.dataset_id] = pair.name, sums
    for event in pending.each(tx, folds):
        one = _waiting(event)
        for _, fold in folds[event.asset_id, event.dataset_id][1]:
            fold.add(one)
    for name, sums in folds.values():
        for label, fold in sums:
            state = fold.state()
            if state is not None:
                found[name].narrowed[label] = state


def _take_turns(tx: Transaction, pair: _Pair, wants: Asked, found: Found, now: datetime) -> None:
    """Of the dataset of `each`, one event alone is pending; the rest waits behind it."""
    found.queue[pair.uri] = found.leaves.pop(pair.uri)
    about = pair.about(wants)
    if any(leaf.selective for leaf in about):
        events = map(_waiting, pending.in_order(tx, pair.asset_id, pair.dataset_id))
        alone, narrowed = turn(about, events, now)
        found.narrowed |= narrowed
    else:
        alone = _oldest(tx, pair)
    if alone is not None:
        found.leaves[pair.uri] = alone


def _oldest(tx: Transaction, pair: _Pair) -> LeafState | None:
    """The oldest pending event with a version, alone."""
    causes, confirmed, last = pair.sums.causes > 0, pair.sums.confirmed > 0, pair.sums.arrived_at
    if not pair.sums.removed:
        event = pending.first(tx, pair.asset_id, pair.dataset_id)
        if event is None:
            return None
        return alone_of(_waiting(event), upto=1, causes=causes, confirmed=confirmed, arrived_at=last)
    with closing(pending.in_order(tx, pair.asset_id, pair.dataset_id)) as events:
        for place, event in enumerate(events, 1):
            if event.version_id is not None:
                return alone_of(_waiting(event), upto=place, causes=causes, confirmed=confirmed, arrived_at=last)
    return None


def _align(
    tx: Transaction,
    pairs: Sequence[_Pair],
    wants: Mapping[str, Asked],
    found: Mapping[str, Found],
    project: Project,
) -> None:
    """The versions to choose among, of assets for which something is pending of an aligned dataset: of each dataset
    what was consumed last and what is pending since."""
    chosen: dict[tuple[str, str], list[tuple[PendingEvent, Candidate]]] = {}
    for name in dict.fromkeys(pair.name for pair in pairs):
        waits = {pair.uri for pair in pairs if pair.name == name}
        for uri in wants[name].aligned if not waits.isdisjoint(wants[name].aligned) else ():
            numbers = project.ids.assets[name], project.ids.datasets[uri]
            chosen[name, uri] = list(_choices(tx, *numbers, waits=uri in waits))
    made_from = ancestors(tx, [event.event_id for choices in chosen.values() for event, _ in choices])
    for (name, uri), choices in chosen.items():
        found[name].candidates[uri] = tuple(replace(one, ancestors=made_from[event.event_id]) for event, one in choices)


def _choices(
    tx: Transaction, asset_id: int, dataset_id: int, *, waits: bool
) -> Iterator[tuple[PendingEvent, Candidate]]:
    """Events with a version, oldest first, without their ancestors. What is fresh adds up: whoever takes one takes all
    that lie before it."""
    last = pending.consumed(tx, asset_id, dataset_id)
    head = None if last is None else _head(last)
    if last is not None and head is not None:
        yield last, Candidate(head=head, fresh=False, ancestors={}, arrived_at=last.arrived_at)
    fresh = confirmed = False
    for upto, event in enumerate(pending.in_order(tx, asset_id, dataset_id) if waits else (), 1):
        fresh |= event.fresh and event.kind is EventKind.CHANGED
        confirmed |= event.fresh and event.kind is EventKind.CONFIRMED
        head = _head(event)
        if head is not None and (last is None or event.number > last.number):
            yield (
                event,
                Candidate(
                    head=head,
                    fresh=fresh,
                    confirmed=confirmed,
                    ancestors={},
                    upto=upto,
                    arrived_at=event.arrived_at,
                ),
            )


def _waiting(event: PendingEvent) -> Waiting:
    return Waiting(
        number=event.number,
        kind=event.kind,
        at=event.at,
        fresh=event.fresh,
        arrived_at=event.arrived_at,
        metadata=event.metadata,
        head=_head(event),
    )


def _head(event: PendingEvent) -> HeadState | None:
    if event.version_id is None or event.digest is None:
        return None
    return HeadState(
        version_id=event.version_id, event_id=event.event_id, number=event.number, digest=event.digest, at=event.at
    )
