"""Loading what is pending for assets, as their conditions ask for it: sums, what counts for a narrowed leaf, whose turn
it is under `each`, and the versions that an aligned node chooses among.

Costs one statement for the sums of all assets, and what is pending where a leaf has to ask each event. Never the
history; ancestry is followed for aligned nodes alone. What is long is remembered in sums, and read no more.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import chain
from typing import Any, NamedTuple

from ....storage.meta import catalogue as rows
from ....storage.meta import pending, tallies
from ....storage.meta.ancestry import ancestors
from ....storage.meta.database.engine import Transaction
from ....storage.meta.pending import Pending, PendingEvent
from ....storage.meta.tallies import Tally
from ....storage.types import EventKind
from ...declare.conditions.leaves import DatasetLeaf
from ...declare.conditions.plain import condition_to_plain
from ...plan.narrow import Narrowing, Turn, Waiting, first_in_line, turn
from ...plan.state import Candidate, HeadState, LeafState
from ..project.asking import Asked
from ..project.project import Project


@dataclass(slots=True, kw_only=True)
class Found:
    """What is pending for one asset, as its condition asks for it; the fields are those of its `AssetState`."""

    leaves: dict[str, LeafState] = field(default_factory=dict[str, LeafState])
    queue: dict[str, LeafState] = field(default_factory=dict[str, LeafState])
    ahead: dict[str, LeafState] = field(default_factory=dict[str, LeafState])
    narrowed: dict[str, LeafState] = field(default_factory=dict[str, LeafState])
    candidates: dict[str, tuple[Candidate, ...]] = field(default_factory=dict[str, tuple[Candidate, ...]])


class _Pair(NamedTuple):
    """A dataset of which something is pending for an asset."""

    name: str
    uri: str
    asset_id: int
    dataset_id: int
    sums: Pending
    read: int
    tally: Tally | None

    @property
    def key(self) -> tuple[int, int]:
        """By which the store knows it."""
        return self.asset_id, self.dataset_id

    def about(self, wants: Asked) -> list[DatasetLeaf]:
        """The leaves of the condition that are about this dataset; of a pattern, as if it named the dataset."""
        return [
            replace(leaf, uri=self.uri, match=False, least=1) if leaf.match else leaf
            for leaf in wants.leaves
            if leaf.is_about(self.uri)
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """What is pending for assets.

    Attributes
    ----------
    found: by name, of each for which anything is.
    datasets: the ids of the datasets that it is pending of, by URI.
    tallies: what is worth to be remembered of it.
    """

    found: Mapping[str, Found]
    datasets: Mapping[str, int]
    tallies: tuple[Tally, ...]


LONG = 256
"""Sums over more events than this are remembered: below it, counting costs less than writing down."""


def load_waiting(
    project: Project, tx: Transaction, wants: Mapping[str, Asked], now: datetime, *, long: int = LONG
) -> Loaded:
    """What is pending for each of these assets; for one with partitions nothing is, but for each of them."""
    assets = project.catalogue.assets
    pairs = _pairs(project, tx, [name for name, one in wants.items() if one.leaves and assets[name].partitions is None])
    found: dict[str, Found] = {}
    for pair in pairs:
        if pair.name not in found:
            found[pair.name] = Found()
        found[pair.name].leaves[pair.uri] = LeafState(*pair.sums)  # its fields begin with those of the sums
    folds = _narrow(tx, [pair for pair in pairs if wants[pair.name].selective], wants, found, now)
    _take_turns(tx, [pair for pair in pairs if wants[pair.name].takes_singly(pair.uri)], wants, found, now)
    _align(tx, [pair for pair in pairs if wants[pair.name].aligned], wants, found, project)
    lasting = [  # what is taken singly changes with every pass
        pair
        for pair in pairs
        if pair.sums.count + pair.sums.removed > long and not wants[pair.name].takes_singly(pair.uri)
    ]
    known = _worth_remembering(tx, lasting, folds, now, long)
    return Loaded(found=found, datasets={pair.uri: pair.dataset_id for pair in pairs}, tallies=known)


def _pairs(project: Project, tx: Transaction, names: Sequence[str]) -> list[_Pair]:
    numbers = {project.ids.assets[name]: name for name in names}
    if not numbers:
        return []
    counted = pending.counted(tx, list(numbers))
    sums = counted.found
    if not sums:
        return []
    known = project.ids.datasets
    uris = {known[uri]: uri for name in names for uri in project.graph.leaves[name] if uri in known}
    strange = [dataset_id for _, dataset_id in sums if dataset_id not in uris]
    if strange:  # found by a pattern
        uris |= rows.uris_of(tx, strange)
    return [
        _Pair(numbers[pair[0]], uris[pair[1]], *pair, one, counted.read.get(pair, 0), counted.known.get(pair))
        for pair, one in sums.items()
    ]


_Folds = Mapping[tuple[int, int], Sequence[tuple[DatasetLeaf, Narrowing]]]


def _narrow(
    tx: Transaction, pairs: Sequence[_Pair], wants: Mapping[str, Asked], found: Mapping[str, Found], now: datetime
) -> _Folds:
    """What counts for each leaf that has to ask, in folds by (asset id, dataset id): every event that is pending of its
    dataset, and in no tally, is read once."""
    folds: dict[tuple[int, int], list[tuple[DatasetLeaf, Narrowing]]] = {}
    anew: set[tuple[int, int]] = set()
    names: dict[tuple[int, int], str] = {}
    for pair in pairs:
        asking = [leaf for leaf in pair.about(wants[pair.name]) if leaf.selective]
        if asking and not wants[pair.name].takes_singly(pair.uri):
            folds[pair.key] = [(leaf, Narrowing(leaf, now)) for leaf in asking]
            names[pair.key] = pair.name
            if pair.tally is not None and not _begin(pair.tally, folds[pair.key], now):
                anew.add(pair.key)
    newer = pending.each(tx, [pair for pair in folds if pair not in anew], tallied=False)
    for event in chain(newer, pending.each(tx, anew)):
        one = as_waiting(event)
        for _, fold in folds[event.asset_id, event.dataset_id]:
            fold.add(one)
    for pair, sums in folds.items():
        for leaf, fold in sums:
            state = fold.state()
            if state is not None:
                found[names[pair]].narrowed[leaf.label] = state
    return folds


def _begin(tally: Tally, folds: Sequence[tuple[DatasetLeaf, Narrowing]], now: datetime) -> bool:
    """Begin with what a tally has of these leaves; False, with nothing done, where it lacks one."""
    known = [tally.leaves.get(_key(leaf, now)) for leaf, _ in folds]
    if None in known:
        return False
    for (_, fold), plain in zip(folds, known, strict=True):
        if plain is not None:
            fold.add_plain(plain)
    return True


def _key(leaf: DatasetLeaf, now: datetime) -> str:
    """A leaf in full, with the last tick of its timetable: of equal keys the same events count, whatever the definition
    is otherwise."""
    tick = None if leaf.timetable is None else leaf.timetable.previous(now)
    after = {} if tick is None else {"after": tick.isoformat()}
    return json.dumps({**condition_to_plain(leaf), **after}, sort_keys=True)


def _worth_remembering(
    tx: Transaction, pairs: Sequence[_Pair], folds: _Folds, now: datetime, long: int
) -> tuple[Tally, ...]:
    """The tallies of what was long to read."""
    kept: list[tuple[_Pair, dict[str, dict[str, Any]]]] = []
    for pair in pairs:
        leaves = {_key(leaf, now): fold.to_plain() for leaf, fold in folds.get(pair.key, ())}
        if pair.read > long or (pair.tally is not None and not leaves.keys() <= pair.tally.leaves.keys()):
            kept.append((pair, leaves))
    if not kept:
        return ()
    turns = tallies.turns(tx, [pair.key for pair, _ in kept])
    return tuple(
        Tally(
            asset_id=pair.asset_id,
            dataset_id=pair.dataset_id,
            turns=turns[pair.key],
            upto=pair.sums.newest,
            whole=pair.sums.to_plain(),
            leaves=leaves,
        )
        for pair, leaves in kept
    )


def _take_turns(
    tx: Transaction, pairs: Sequence[_Pair], wants: Mapping[str, Asked], found: Mapping[str, Found], now: datetime
) -> None:
    """Of the datasets of `each`, one event alone is pending for an asset; the rest waits behind it."""
    plain: dict[bool, list[_Pair]] = {False: [], True: []}
    turns: dict[str, dict[str, Turn]] = {}
    for pair in pairs:
        mine, about = found[pair.name], pair.about(wants[pair.name])
        mine.queue[pair.uri] = mine.leaves.pop(pair.uri)
        if any(leaf.selective for leaf in about):
            events = map(as_waiting, pending.in_order(tx, pair.asset_id, pair.dataset_id))
            turns.setdefault(pair.name, {})[pair.uri] = turn(about, events, now)
        else:
            plain[any(leaf.confirmed for leaf in about)].append(pair)
    for updates, several in plain.items():
        for pair, one in _turns(tx, several, updates=updates):
            turns.setdefault(pair.name, {})[pair.uri] = one
    for name, each in turns.items():
        line = first_in_line(each, found[name].queue)
        found[name].leaves |= line.leaves
        found[name].narrowed |= line.narrowed
        found[name].ahead |= line.ahead


def _turns(tx: Transaction, pairs: Sequence[_Pair], *, updates: bool) -> Iterator[tuple[_Pair, Turn]]:
    """Where every event counts: the sums tell whether any may start a run, and whether any may not. What lies ahead is
    read only of those that do not stand still."""
    starts = {pair.key: pair.sums.causes + (pair.sums.confirmed if updates else 0) for pair in pairs}
    moving = {pair.name for pair in pairs if starts[pair.key]}
    mixed = [pair for pair in pairs if pair.sums.count + pair.sums.removed > starts[pair.key] and pair.name in moving]
    first = pending.first(tx, [pair.key for pair in pairs if starts[pair.key]], updates=updates)
    ahead = pending.ahead(tx, [pair.key for pair in mixed], updates=updates)
    for pair in pairs:
        yield (
            pair,
            Turn(
                event=as_waiting(first[pair.key]) if pair.key in first else None,
                ahead=ahead.get(pair.key, ()),
                arrived_at=pair.sums.arrived_at,
            ),
        )


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


def as_waiting(event: PendingEvent) -> Waiting:
    """A pending event, as planning knows it."""
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
