"""How the partitions of a dataset lie, as somebody sees them who looks for what is wrong: what failed and what is at
work are told apart, each with its run."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, islice
from typing import NamedTuple

from ...assets.declare.partitions.appearing import appeared
from ...assets.declare.partitions.partition import Known
from ...assets.declare.partitions.plain import partitioning_from_plain
from ...assets.declare.partitions.product import Product, as_product
from ...assets.plan.partitions.concern import is_key
from ...storage.meta.catalogue import asset_id_of
from ...storage.meta.database.engine import Store
from ...storage.meta.partitions.ranges import on_places
from ...storage.meta.partitions.states import runs_of_keys
from ...storage.meta.runs import active_partitions
from .broken import failed_keys
from .failures import Failure
from .partitions import Partitions, PartitionState, Stretch, partitions_in
from .references import dataset_of

MOST = 2_000
"""So many partitions that failed are told apart at most."""
_WITH_RUNS = frozenset({PartitionState.FAILED, PartitionState.ACTIVE})


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRun:
    """The newest run of a partition that failed, with its error, or that has not ended."""

    id: str
    error: Failure | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Laid:
    """A page of partitions.

    Attributes
    ----------
    whole: how the dataset is divided, and where the page ends; its counts have what failed or is active besides.
    counts: how many partitions are in each state, each in one: what failed or is active counts as nothing else.
    is_cut: more failed than are told apart; the others count, and lie, as what is made or missing.
    stretches: those of the page, in order, each partition in one.
    runs: first key of a stretch that failed or is active → its run.
    """

    whole: Partitions
    counts: Mapping[PartitionState, int]
    is_cut: bool
    stretches: tuple[Stretch, ...]
    runs: Mapping[str, KeyRun]


class _Mark(NamedTuple):
    """Where a partition lies on its line, and how it stands."""

    start: int
    end: int
    state: PartitionState


def laid(store: Store, text: str, *, limit: int = 20, first: str | None = None) -> Laid:
    """How the partitions of a dataset lie, from the key `first` on.

    The page has `limit` stretches of what is made or missing at most, and what failed or is active within them.

    Raises
    ------
    UsageError: there is no such dataset, it has no partitions, or `first` is no key of it.
    """
    with store.read() as tx:
        whole = partitions_in(tx, store.project, text, limit=limit, first=first)
        dataset = dataset_of(tx, store.project, text)
        product = as_product(partitioning_from_plain(dataset.declaration["partitions"]))
        number = None if dataset.producer is None else asset_id_of(tx, store.project, dataset.producer)
        if number is None:
            return Laid(whole=whole, counts=whole.counts, is_cut=False, stretches=whole.stretches, runs={})
        free = Known()
        active = [key for key in active_partitions(tx, number) if is_key(product, key, free)]
        failed = [*islice(failed_keys(tx, number, product), MOST)]
        is_cut = len(failed) == MOST
        if is_cut and first is not None and len(product.dimensions) == 1:
            failed = [*islice(failed_keys(tx, number, product, first), MOST)]
        marks = dict.fromkeys(failed, PartitionState.FAILED) | dict.fromkeys(active, PartitionState.ACTIVE)
        there = on_places(tx, dataset.id, (product.place(key) for key in marks))
        made = whole.counts[PartitionState.MADE] - sum(1 for _, ranges in there if [*ranges])
        stretches = tuple(_joined(_apart(product, whole, marks)))
        found = runs_of_keys(tx, number, [one.first for one in stretches if one.state in _WITH_RUNS])
    return Laid(
        whole=whole,
        counts={
            PartitionState.MADE: made,
            PartitionState.MISSING: max(0, whole.total - made - len(marks)),
            PartitionState.FAILED: len(marks) - len(active),
            PartitionState.ACTIVE: len(active),
        },
        is_cut=is_cut,
        stretches=stretches,
        runs={
            key: KeyRun(id=run_id, error=None if error is None else Failure.of(error))
            for key, (run_id, error) in found.items()
        },
    )


def _joined(pieces: Iterable[tuple[str, Stretch]]) -> Iterator[Stretch]:
    """What follows each other on a line and stands alike is one: some may have been made before they failed."""
    for _, those in groupby(pieces, key=lambda piece: (piece[0], piece[1].state)):
        alike = [one for _, one in those]
        yield replace(alike[0], last=alike[-1].last, count=sum(one.count for one in alike))


def _apart(product: Product, whole: Partitions, marked: Mapping[str, PartitionState]) -> Iterator[tuple[str, Stretch]]:
    """The stretches of the page with their lines, cut where partitions that are marked lie."""
    marks: dict[str, list[_Mark]] = {}
    for key, state in marked.items():
        line, start, end = product.place(key)
        marks.setdefault(line, []).append(_Mark(start, end, state))
    for those in marks.values():
        those.sort()
    lines = [product.place(one.first).line for one in whole.stretches]
    known = Known(keys={name: tuple(sorted(found)) for name, found in appeared(product, lines).items()})
    for one, line in zip(whole.stretches, lines, strict=True):
        low, high = product.place(one.first).start, product.place(one.last).end
        on_line = marks.get(line, [])
        inside = on_line[bisect_left(on_line, low, key=_start) : bisect_left(on_line, high, key=_start)]
        along = product.along(line, known)
        for start, end, state in _pieces(product, line, known, inside, _Mark(low, high, one.state)):
            if (extent := along(start, end)) is not None:
                yield line, Stretch(state=state, first=extent.first, last=extent.last, count=extent.number)


def _pieces(product: Product, line: str, known: Known, inside: Sequence[_Mark], whole: _Mark) -> list[_Mark]:
    """A part of a line, cut by the marks in it; those that follow each other and are alike are one."""
    between = product.along(line, known)
    pieces: list[_Mark] = []
    at = whole.start
    for mark in inside:
        if at < mark.start and between(at, mark.start) is not None:
            pieces.append(_Mark(at, mark.start, whole.state))
        if pieces and pieces[-1].state is mark.state:
            pieces[-1] = _Mark(pieces[-1].start, mark.end, mark.state)
        else:
            pieces.append(mark)
        at = mark.end
    return [*pieces, _Mark(at, whole.end, whole.state)] if at < whole.end else pieces


def _start(mark: _Mark) -> int:
    return mark.start
