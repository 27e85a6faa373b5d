"""Which partitions of a dataset are made, and which are missing: counts, and stretches of keys a page at a time.

Costs the ranges in which they are kept, not the keys that there are.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import islice

from ...assets.declare.partitions.appearing import appeared, dynamic_dimensions
from ...assets.declare.partitions.partition import Keys, Known, Partitioning, Place
from ...assets.declare.partitions.plain import partitioning_from_plain
from ...assets.declare.partitions.product import Product, as_product
from ...storage.errors import UsageError
from ...storage.meta.catalogue import asset_id_of
from ...storage.meta.database.engine import Store, Transaction
from ...storage.meta.database.engine import now as moment_of
from ...storage.meta.partitions.ranges import count_made, lines_of, on_line
from ...storage.meta.partitions.states import count_failed, failed_partitions
from ...storage.meta.past.history import Known as KnownDataset
from ...storage.meta.runs import active_partitions
from .page import Page, cut
from .references import dataset_of


class PartitionState(StrEnum):
    """How a partition stands. One that failed or is active may be made or missing besides."""

    MADE = "made"
    MISSING = "missing"
    FAILED = "failed"
    ACTIVE = "active"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """Partitions one after the other that stand alike, from the first key to the last, which are `count`."""

    state: PartitionState
    first: str
    last: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Partitions:
    """How the partitions of a dataset stand.

    Attributes
    ----------
    label: how it is divided.
    total: how many there are by now: windows that are over, with every other key that is known.
    counts: how many are in each state.
    page: stretches, in the order of the keys.
    """

    dataset: str
    asset: str | None
    label: str
    at: datetime
    total: int
    counts: dict[PartitionState, int]
    page: Page[Stretch]


def partitions(
    store: Store, text: str, *, state: PartitionState | None = None, limit: int = 20, offset: int = 0
) -> Partitions:
    """How the partitions of the dataset that `text` names (name, URI or asset) stand; of one state, if it is given.

    Raises
    ------
    UsageError: there is no such dataset, or it has no partitions.
    """
    with store.read() as tx:
        dataset = dataset_of(tx, store.project, text)
        plain = dataset.declaration.get("partitions")
        if plain is None:
            raise UsageError(f"dataset {dataset.name} has no partitions", hint="`penstock versions` shows what it had.")
        partitioning, moment = partitioning_from_plain(plain), moment_of(tx)
        lines = lines_of(tx, dataset.id) if dynamic_dimensions(partitioning) else ()
        keys = {name: tuple(sorted(found)) for name, found in appeared(partitioning, lines).items()}
        known = Known(until=moment, keys=keys)
        number = None if dataset.producer is None else asset_id_of(tx, store.project, dataset.producer)
        active = {} if number is None else active_partitions(tx, number)
        total, made = partitioning.select(None, None, known).count, count_made(tx, dataset.id)
        look = _Look(tx=tx, dataset=dataset, partitioning=partitioning, known=known)
        if state is PartitionState.FAILED:
            failed = [] if number is None else failed_partitions(tx, number, limit=limit + 1, offset=offset)
            found = [_alone(state, key) for key in failed]
        elif state is PartitionState.ACTIVE:
            found = [_alone(state, key) for key in sorted(active)[offset : offset + limit + 1]]
        else:
            stretches = (one for one in look.stretches() if state in (None, one.state))
            found = list(islice(stretches, offset, offset + limit + 1))
        return Partitions(
            dataset=dataset.name,
            asset=dataset.producer,
            label=partitioning.label,
            at=moment,
            total=total,
            counts={
                PartitionState.MADE: made,
                PartitionState.MISSING: max(0, total - made),
                PartitionState.FAILED: 0 if number is None else count_failed(tx, number),
                PartitionState.ACTIVE: len(active),
            },
            page=cut(found, offset=offset, limit=limit),
        )


def _alone(state: PartitionState, key: str) -> Stretch:
    return Stretch(state=state, first=key, last=key, count=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look:
    """One look at a dataset, within a transaction."""

    tx: Transaction
    dataset: KnownDataset
    partitioning: Partitioning
    known: Known

    def stretches(self) -> Iterator[Stretch]:
        """What is made and what is missing, line by line, in order; read as it is asked for."""
        product = as_product(self.partitioning)
        for whole in product.ranges(product.select(None, None, self.known)):
            yield from self._on(product, whole)

    def _on(self, product: Product, whole: Place) -> Iterator[Stretch]:
        at = whole.start
        for one in on_line(self.tx, self.dataset.id, *whole):
            start, end = max(one.start, whole.start), min(one.end, whole.end)
            yield from self._stretch(product, PartitionState.MISSING, Place(whole.line, at, start))
            yield from self._stretch(product, PartitionState.MADE, Place(whole.line, start, end))
            at = end
        yield from self._stretch(product, PartitionState.MISSING, Place(whole.line, at, whole.end))

    def _stretch(self, product: Product, state: PartitionState, place: Place) -> Iterator[Stretch]:
        keys: Keys | None = product.within(place, self.known) if place.start < place.end else None
        count = 0 if keys is None else keys.count
        if keys is not None and count:
            yield Stretch(state=state, first=keys.at(0), last=keys.at(count - 1), count=count)
