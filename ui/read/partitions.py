"""Which partitions of a dataset are made, and which are missing: counts, and stretches of keys a page at a time.

A page begins with a key, so that it costs what it shows, wherever it lies; of those in one state also the ranges that
stand otherwise between them, which are read in bulk. Never the keys that there are, nor the pages before it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import chain, dropwhile, islice

from ...assets.declare.partitions.appearing import appeared, dynamic_dimensions
from ...assets.declare.partitions.partition import Known, Partitioning, Place
from ...assets.declare.partitions.plain import partitioning_from_plain
from ...assets.declare.partitions.product import Product, as_product
from ...assets.plan.partitions.concern import is_key
from ...storage.errors import UsageError
from ...storage.meta.catalogue import asset_id_of
from ...storage.meta.database.engine import Store, Transaction
from ...storage.meta.database.engine import now as moment_of
from ...storage.meta.partitions.ranges import count_left, count_made, lines_of, on_places
from ...storage.meta.partitions.states import count_failed, failed_partitions
from ...storage.meta.past.history import Known as KnownDataset
from ...storage.meta.runs import active_partitions
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
    first, last: the first of them, and the last; None without any.
    counts: how many are in each state.
    left: how many others are made, under keys of an earlier definition, which are no partitions any more.
    stretches: a page of them, in the order of the keys.
    following: the key with which the next page begins; None where there is none.
    """

    dataset: str
    asset: str | None
    label: str
    at: datetime
    total: int
    first: str | None
    last: str | None
    counts: dict[PartitionState, int]
    left: int
    stretches: tuple[Stretch, ...]
    following: str | None


def partitions(
    store: Store,
    text: str,
    *,
    state: PartitionState | None = None,
    limit: int = 20,
    first: str | None = None,
) -> Partitions:
    """`partitions_in`, in a snapshot of a store."""
    with store.read() as tx:
        return partitions_in(tx, store.project, text, state=state, limit=limit, first=first)


def partitions_in(
    tx: Transaction,
    project: str,
    text: str,
    *,
    state: PartitionState | None = None,
    limit: int = 20,
    first: str | None = None,
) -> Partitions:
    """How the partitions of the dataset that `text` names (name, URI or asset) stand; of one state, if it is given.

    Parameters
    ----------
    limit: how many stretches the page has at most.
    first: the key with which it begins: any there is, or the `following` of the page before.

    Raises
    ------
    UsageError: there is no such dataset, it has no partitions, or `first` is no key of it.
    """
    dataset = dataset_of(tx, project, text)
    plain = dataset.declaration.get("partitions")
    if plain is None:
        raise UsageError(f"dataset {dataset.name} has no partitions", hint="`penstock versions` shows what it had.")
    partitioning, moment = partitioning_from_plain(plain), moment_of(tx)
    number = None if dataset.producer is None else asset_id_of(tx, project, dataset.producer)
    active = {} if number is None else active_partitions(tx, number)
    lines: list[str] = []
    if dynamic_dimensions(partitioning):  # one that failed is there, too, and was never made
        lines = lines_of(tx, dataset.id)
        tried = [] if number is None else failed_partitions(tx, number, limit=_MANY)
        lines += _lines(partitioning, [*tried, *active])
    keys = {name: tuple(sorted(found)) for name, found in appeared(partitioning, lines).items()}
    known = Known(until=moment, keys=keys)
    every, made = partitioning.select(None, None, known), count_made(tx, dataset.id)
    total = every.count
    if first is not None and (fault := partitioning.fault(first, known)) is not None:
        raise UsageError(fault.message, hint=fault.hint)
    if state is PartitionState.FAILED:
        failed: list[str] = []
        if number is not None:
            failed = failed_partitions(tx, number, limit=limit + 1, first=first)
        found = [_alone(state, key) for key in failed]
    elif state is PartitionState.ACTIVE:
        keys_from = (key for key in sorted(active) if first is None or key >= first)
        found = [_alone(state, key) for key in islice(keys_from, limit + 1)]
    else:
        look = _Look(tx=tx, dataset=dataset, product=as_product(partitioning), known=known)
        found = list(islice(look.stretches(first, state), limit + 1))
    return Partitions(
        dataset=dataset.name,
        asset=dataset.producer,
        label=partitioning.label,
        at=moment,
        total=total,
        first=every.at(0) if total else None,
        last=every.at(total - 1) if total else None,
        counts={
            PartitionState.MADE: made,
            PartitionState.MISSING: max(0, total - made),
            PartitionState.FAILED: 0 if number is None else count_failed(tx, number),
            PartitionState.ACTIVE: len(active),
        },
        left=count_left(tx, dataset.id),
        stretches=tuple(found[:limit]),
        following=found[limit].first if len(found) > limit else None,
    )


_MANY = 1_000_000


def _lines(partitioning: Partitioning, keys: Iterable[str]) -> list[str]:
    """The lines of these keys; what is none any more has none."""
    product, free = as_product(partitioning), Known()
    return [product.place(key).line for key in keys if is_key(product, key, free)]


def _alone(state: PartitionState, key: str) -> Stretch:
    return Stretch(state=state, first=key, last=key, count=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look:
    """One look at a dataset, within a transaction."""

    tx: Transaction
    dataset: KnownDataset
    product: Product
    known: Known

    def stretches(self, first: str | None, state: PartitionState | None) -> Iterator[Stretch]:
        """What is made and what is missing, or one of them, line by line, in order, from a key on; read as it is asked
        for, and of what is not told no key is asked."""
        for whole, there in on_places(self.tx, self.dataset.id, self._wholes(first)):
            line, begin, until = whole
            along, at = self.product.along(line, self.known), begin
            bounds = ((max(one.start, begin), min(one.end, until)) for one in there)
            for start, end in chain(bounds, [(until, until)]):
                for stands, low, high in ((PartitionState.MISSING, at, start), (PartitionState.MADE, start, end)):
                    wanted = low < high and state in (None, stands)
                    if wanted and (extent := along(low, high)) is not None:
                        yield Stretch(state=stands, first=extent.first, last=extent.last, count=extent.number)
                at = end

    def _wholes(self, first: str | None) -> Iterator[Place]:
        """Where all that is declared lies, from a key on."""
        wholes = self.product.ranges(self.product.select(None, None, self.known))
        if first is None:
            yield from wholes
            return
        line, start, _ = self.product.place(first)
        for whole in dropwhile(lambda one: one.line != line or one.end <= start, wholes):
            yield Place(line, max(start, whole.start), whole.end) if whole.line == line else whole
