"""The terms of a backfill: what of its row never changes, read once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

from ....storage.errors import Bug
from ....storage.meta.backfills import backfills
from ....storage.meta.backfills.backfills import Backfill
from ....storage.meta.database.engine import Store, Transaction
from ....storage.types import Propagate
from ...declare.partitions.partition import Known
from ...plan.backfills.order import Walk
from ...plan.backfills.scope import Part, known_in, scope_from_plain, undeclared
from ..project.project import Project


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a backfill is of, and what its events may start.

    Attributes
    ----------
    scope: by asset, upstream first; assets that are not declared any more are left out.
    named: dimension → the dynamic keys that its places name.
    walks: asset → the way through its partitions, of those that have any to go through.
    """

    propagate: Propagate
    scope: Mapping[str, Part]
    named: Mapping[str, tuple[str, ...]]
    walks: Mapping[str, Walk] = field(default_factory=dict[str, Walk])


_READ: WeakKeyDictionary[Store, dict[str, Terms]] = WeakKeyDictionary()
_REMEMBERED = 20  # backfills; one of a hundred thousand static keys has megabytes


def terms_of(project: Project, row: Backfill) -> Terms:
    """The terms of a recorded backfill."""
    read = _READ.setdefault(project.store, {})
    if row.id not in read:
        if len(read) >= _REMEMBERED:
            read.clear()
        read[row.id] = _terms(project, row)
    return read[row.id]


def terms_by_id(project: Project, tx: Transaction, backfill_id: str) -> Terms:
    """The same of one that is known by its id; the store is asked once."""
    read = _READ.get(project.store, {})
    if backfill_id in read:
        return read[backfill_id]
    row = backfills.backfill(tx, backfill_id)
    if row is None:
        raise Bug(f"backfill {backfill_id} has runs and is not recorded")
    return terms_of(project, row)


def is_declared(project: Project, row: Backfill) -> bool:
    """Whether every asset that a backfill is of is declared here, with partitions: otherwise it waits for somebody who
    declares them."""
    assets = project.catalogue.assets
    ours = {number for number, name in project.names.items() if assets[name].partitions is not None}
    return not undeclared(row.scope, ours)


def _terms(project: Project, row: Backfill) -> Terms:
    assets, found = project.catalogue.assets, scope_from_plain(row.scope, project.names)
    order = project.graph.in_order(found)
    scope = {name: found[name] for name in order if assets[name].partitions is not None}
    return terms_from(project, scope, propagate=row.propagate, backwards=row.backwards)


def terms_from(project: Project, scope: Mapping[str, Part], *, propagate: Propagate, backwards: bool) -> Terms:
    """The terms of a backfill that is of this, recorded or not."""
    named: dict[str, set[str]] = {}
    walks: dict[str, Walk] = {}
    for name, part in scope.items():
        partitions = project.catalogue.assets[name].partitions
        assert partitions is not None, name
        known = known_in(partitions, part.asked, Known())
        for dimension, keys in known.keys.items():
            named.setdefault(dimension, set()).update(keys)
        if part.walked:
            walks[name] = Walk(partitions=partitions, ranges=part.walked, known=known, backwards=backwards)
    return Terms(
        propagate=propagate,
        scope=scope,
        named={dimension: tuple(sorted(keys)) for dimension, keys in named.items()},
        walks=walks,
    )
