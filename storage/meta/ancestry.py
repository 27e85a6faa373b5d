"""Ancestry: from which versions a version was made, however far up. Reads only.

It follows publications, not versions: an asset that gave the same bytes twice has one version and two publications,
and the later one was made from the later inputs.

A dataset counts by the URI that it has now: what was made from one that is an alias today was made from the dataset
that both are.

Costs two statements for each step upwards, and what there is of distinct publications on the way; for each that only
confirmed what was there, a few look-ups more.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import and_, bindparam, exists, func, literal_column, select

from ..types import EventKind, RunState
from .catalogue import aliases, datasets
from .database.engine import Transaction
from .database.prepared import Listed, Prepared, among
from .events import events
from .runs import runs
from .versions import pins, versions

Ancestors = Mapping[str, frozenset[str]]
"""URI of a dataset → digests of its versions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Publication:
    """An event with a version, as far as its ancestry goes; `executed`: a run made it, and was not skipped when it was
    planned."""

    dataset_id: int
    uri: str
    digest: str
    version_id: int
    run_id: str | None
    confirms: bool
    made: bool
    executed: bool


_known_as = datasets.alias("known_as")
_PUBLICATIONS = Listed(
    select(
        events.c.id,
        events.c.dataset_id,
        func.coalesce(_known_as.c.uri, datasets.c.uri),
        versions.c.digest,
        events.c.version_id,
        events.c.run_id,
        events.c.kind,
        datasets.c.producer_id,
        runs.c.state,
    )
    .select_from(events)
    .join(datasets, datasets.c.id == events.c.dataset_id)
    .join(versions, versions.c.id == events.c.version_id)
    .outerjoin(aliases, and_(aliases.c.project == datasets.c.project, aliases.c.uri == datasets.c.uri))
    .outerjoin(_known_as, _known_as.c.id == aliases.c.dataset_id)
    .outerjoin(runs, runs.c.id == events.c.run_id)
    .where(among(events.c.id))
)
_READ = Listed(
    select(events.c.id, pins.c.event_id)
    .select_from(events)
    .join(pins, pins.c.run_id == events.c.run_id)
    .where(among(events.c.id), pins.c.dataset_id != events.c.dataset_id)  # a version's own base does not count
)
_MADE_BY = Prepared(
    select(events.c.run_id)
    .where(
        events.c.version_id == bindparam("b_version"),
        events.c.id < bindparam("b_event"),
        exists().where(runs.c.id == events.c.run_id, runs.c.state != literal_column(f"'{RunState.SKIPPED}'")),
    )
    .order_by(events.c.id.desc())
    .limit(1)
)
_PINNED = Prepared(select(pins.c.dataset_id, pins.c.version_id).where(pins.c.run_id == bindparam("b_run")))
_NEWEST = Prepared(
    select(events.c.id)
    .where(events.c.version_id == bindparam("b_version"), events.c.id < bindparam("b_event"))
    .order_by(events.c.id.desc())
    .limit(1)
)


def ancestors(tx: Transaction, event_ids: Iterable[int]) -> dict[int, Ancestors]:
    """What the version that each of these events published was made from, by event id: the versions of every dataset
    above it, and the version itself, which is of the generation of whatever is made from it.

    A dataset has several digests where both an older and a newer version of it went in, by different ways.
    """
    wanted = list(dict.fromkeys(event_ids))
    known: dict[int, _Publication] = {}
    parents: dict[int, list[int]] = {}
    frontier = set(wanted)
    while frontier:
        found = _published(tx, sorted(frontier))
        known |= found
        above = _made_from(tx, found)
        parents |= above
        frontier = {one for events_above in above.values() for one in events_above} - known.keys() - frontier
    made: dict[int, dict[str, frozenset[str]]] = {}
    for number in sorted(known):  # what was read was published before
        own: dict[str, frozenset[str]] = {}
        for parent in parents.get(number, ()):
            for uri, digests in made.get(parent, {}).items():
                own[uri] = own.get(uri, frozenset()) | digests
        own[known[number].uri] = frozenset({known[number].digest})
        made[number] = own
    return {number: made[number] for number in wanted if number in made}


def _published(tx: Transaction, event_ids: list[int]) -> dict[int, _Publication]:
    return {
        row[0]: _Publication(
            dataset_id=row[1],
            uri=row[2],
            digest=row[3],
            version_id=row[4],
            run_id=row[5],
            confirms=row[6] == EventKind.CONFIRMED,
            made=row[7] is not None,
            executed=row[8] is not None and row[8] != RunState.SKIPPED,
        )
        for row in _PUBLICATIONS.rows(tx, event_ids)
    }


def _made_from(tx: Transaction, found: Mapping[int, _Publication]) -> dict[int, list[int]]:
    """Event → the events whose versions its run read."""
    above: dict[int, list[int]] = {}
    for number, parent in _READ.rows(tx, list(found)):
        above.setdefault(number, []).append(parent)
    for number, one in found.items():
        if number not in above and one.confirms and one.made and not one.executed:
            above[number] = _confirmed_from(tx, number, one)
    return above


def _confirmed_from(tx: Transaction, number: int, one: _Publication) -> list[int]:
    """What was read by a publication that no run made: nothing had changed since a run made that version, so its inputs
    had the same digests, in the newest publications of then."""
    run = _MADE_BY.first(tx, {"b_version": one.version_id, "b_event": number})
    read = [] if run is None else _PINNED.rows(tx, {"b_run": run[0]})
    newest = (
        _NEWEST.first(tx, {"b_version": version_id, "b_event": number})
        for dataset_id, version_id in read
        if dataset_id != one.dataset_id
    )
    return [row[0] for row in newest if row is not None]
