"""The terms of a backfill: what of its row never changes, read once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from weakref import WeakKeyDictionary

from ....storage.errors import Bug
from ....storage.meta.backfills import backfills
from ....storage.meta.backfills.backfills import Backfill
from ....storage.meta.database.engine import Store, Transaction
from ....storage.types import Propagate
from ...declare.partitions.partition import Known
from ...plan.backfills.lasting import Lasting, lasting
from ...plan.backfills.order import Walk
from ...plan.backfills.scope import Scope, known_in, scope_from_plain, undeclared
from ..project.project import Project
from .scoping import partitionings


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a backfill is of, and what its events may start.

    Attributes
    ----------
    scope: by asset, upstream first, what of it are partitions still; assets that are not declared any more are left
        out.
    named: dimension → the dynamic keys that its places name.
    walks: asset → the way through its partitions.
    gone: asset → what of it was asked for and is no partition any more, of those of which anything is.
    """

    propagate: Propagate
    scope: Scope
    named: Mapping[str, tuple[str, ...]]
    walks: Mapping[str, Walk] = field(default_factory=dict[str, Walk])
    gone: Mapping[str, Lasting] = field(default_factory=dict[str, Lasting])


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
    """Whether every asset that a backfill is of is declared here: otherwise it waits for somebody who declares them."""
    return not undeclared(row.scope, project.names)


def _terms(project: Project, row: Backfill) -> Terms:
    found = scope_from_plain(row.scope, project.names, partitionings(project))
    assets = project.catalogue.assets
    lasted = {name: lasting(part, assets[name].partitions) for name, part in found.items()}
    gone = {name: one for name, one in lasted.items() if one.gone}
    kept = {name: replace(found[name], asked=one.kept) for name, one in lasted.items() if one.kept}
    scope = {name: kept[name] for name in project.graph.in_order(kept)}
    return terms_from(scope, propagate=row.propagate, backwards=row.backwards, gone=gone)


def terms_from(
    scope: Scope, *, propagate: Propagate, backwards: bool, gone: Mapping[str, Lasting] = MappingProxyType({})
) -> Terms:
    """The terms of a backfill that is of this, recorded or not."""
    walks: dict[str, Walk] = {}
    for name, part in scope.items():
        known = known_in(part.divided, part.asked, Known())
        walks[name] = Walk(partitions=part.divided, ranges=part.asked, known=known, backwards=backwards)
    return Terms(propagate=propagate, scope=scope, named=_named(scope), walks=walks, gone=gone)


def _named(scope: Scope) -> dict[str, tuple[str, ...]]:
    """Dimension → the dynamic keys that the places of a scope name."""
    named: dict[str, set[str]] = {}
    for part in scope.values():
        for dimension, keys in known_in(part.divided, part.asked, Known()).keys.items():
            named.setdefault(dimension, set()).update(keys)
    return {dimension: tuple(sorted(keys)) for dimension, keys in named.items()}
