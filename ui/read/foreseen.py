"""What a backfill would come to, from the store alone: by the registered definition, no code of the project."""

from __future__ import annotations

from dataclasses import dataclass

from ...assets.declare.partitions.appearing import appeared, dynamic_dimensions
from ...assets.declare.partitions.partition import Known, Partitioning, Place
from ...assets.declare.partitions.plain import partitioning_from_plain
from ...assets.declare.partitions.product import as_product
from ...assets.declare.partitions.ranges import KeyRanges
from ...assets.declare.partitions.selection import dynamic_keys_named, selected
from ...assets.declare.plain import asset_from_plain
from ...assets.plan.backfills.counting import Counts, Stand, counts
from ...assets.plan.backfills.reaching import whole
from ...assets.plan.backfills.scope import Part, known_in
from ...storage.errors import UsageError
from ...storage.meta.database.engine import Store, Transaction
from ...storage.meta.database.engine import now as moment_of
from ...storage.meta.partitions.ranges import lines_of, on_line
from ...storage.meta.partitions.states import failed_partitions
from ...storage.meta.past import history
from ...storage.meta.past.declared import declared_asset
from ...storage.meta.runs import active_partitions
from ...storage.types import Reprocess

_MANY = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Foreseen:
    """What would become of the partitions that were selected of one asset, and the first and the last of them. What
    reads them, and would be made too, is not counted."""

    counts: Counts
    first: str
    last: str


def foreseen(store: Store, asset: str, keys: str, reprocess: Reprocess = Reprocess.MISSING) -> Foreseen:
    """What a backfill of these keys of an asset would come to, as `penstock backfill create --dry-run` counts it.

    Raises
    ------
    UsageError: there is no such asset, it has no partitions, or the selection cannot be read or is of none of them.
    """
    with store.read() as tx:
        declared = declared_asset(tx, store.project, asset)
        if declared is None:
            raise UsageError(f"there is no asset {asset!r} in project {store.project}", hint="Reload the page.")
        partitions = asset_from_plain(declared.definition).partitions
        if partitions is None:
            raise UsageError(f"asset {asset} has no partitions", hint="Materialize it.")
        known = _known(tx, store.project, partitions, keys)
        chosen, product = selected(keys, partitions, known), as_product(partitions)
        asked = whole(product, product.ranges(chosen), known)
        if not asked:
            raise UsageError(
                f"the selection {keys!r} is of no partitions of {asset}",
                hint="Those that there are stand under Partitions; a window is there once it is over.",
            )
        stand = Stand(
            made=_made(tx, store.project, asset, asked),
            failed=failed_partitions(tx, declared.id, limit=_MANY),
            active=active_partitions(tx, declared.id),
        )
    part = Part(asked=asked, divided=partitions)
    found = counts(partitions, part, stand, reprocess, known_in(partitions, asked, known))
    return Foreseen(counts=found, first=chosen.at(0), last=chosen.at(chosen.count - 1))


def _known(tx: Transaction, project: str, partitions: Partitioning, keys: str) -> Known:
    """Windows that are over, and of dynamic dimensions the keys of which something is made and that are named."""
    found = {name: set(those) for name, those in dynamic_keys_named(keys, partitions).items()}
    if wanted := dynamic_dimensions(partitions):
        for one in history.known_datasets(tx, project):
            plain = None if one.removed_at is not None else one.declaration.get("partitions")
            divided = None if plain is None else partitioning_from_plain(plain)
            if divided is not None and {*dynamic_dimensions(divided)} & {*wanted}:
                for name, those in appeared(divided, lines_of(tx, one.id)).items():
                    found.setdefault(name, set()).update(those)
    return Known(until=moment_of(tx), keys={name: tuple(sorted(those)) for name, those in found.items()})


def _made(tx: Transaction, project: str, asset: str, asked: KeyRanges) -> KeyRanges:
    written = [
        one.id for one in history.known_datasets(tx, project) if one.producer == asset and one.removed_at is None
    ]
    there = (one for dataset in written for place in asked for one in on_line(tx, dataset, *place))
    return KeyRanges.of(Place(one.line, one.start, one.end) for one in there)
