"""Which backfills there were, and how far each has come."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from ...assets.plan.backfills.counting import seen_to, told_of
from ...assets.plan.backfills.order import Order
from ...assets.plan.reasons import Reason
from ...storage.meta import catalogue
from ...storage.meta.backfills import backfills as rows
from ...storage.meta.backfills import made
from ...storage.meta.backfills.backfills import Backfill
from ...storage.meta.database.engine import Store, Transaction
from ...storage.meta.past.naming import backfill_named
from ...storage.types import BackfillState, Propagate, Reprocess, RunState
from .page import Page, cut


@dataclass(frozen=True, slots=True, kw_only=True)
class BackfillLine:
    """One backfill in a list.

    Attributes
    ----------
    assets, keys: what was selected.
    total: how many partitions it is of; looked: how many of them are seen to, as far as that is known: those that a
        chunk at work left alone are not yet.
    runs: of how many of its partitions the newest run is in each state.
    spared: how many were left alone; held: how many were asked for and could not be made.
    """

    id: str
    assets: tuple[str, ...]
    keys: str
    reprocess: Reprocess
    propagate: Propagate
    order: Order
    max_active_runs: int | None
    state: BackfillState
    total: int
    looked: int
    runs: Mapping[RunState, int]
    spared: int
    held: int
    created_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BackfillDetail:
    """One backfill with what is known of it.

    Attributes
    ----------
    by_asset: asset → of how many of its partitions the newest run is in each state.
    reasons: partition (`"daily 2026-01-05"`) → why it could not be made, of the first hundred.
    """

    backfill: BackfillLine
    by_asset: Mapping[str, Mapping[RunState, int]]
    reasons: Mapping[str, Reason]


def backfills(
    store: Store, *, state: BackfillState | None = None, limit: int = 20, offset: int = 0
) -> Page[BackfillLine]:
    """The backfills, or those in one state, newest first."""
    with store.read() as tx:
        found = rows.recent(tx, store.project, state=state, limit=limit + 1, offset=offset)
        lines = [_line(row, made.tally(made.counts_of(tx, row.id))) for row in found]
    return cut(lines, offset=offset, limit=limit)


def backfill(store: Store, part: str) -> BackfillDetail:
    """The backfill whose id is `part`, or begins or ends with it.

    Raises
    ------
    UsageError: there is no such backfill, or there are several; the hint names them.
    """
    with store.read() as tx:
        return _detail(tx, backfill_named(tx, store.project, part))


def _detail(tx: Transaction, row: Backfill) -> BackfillDetail:
    counts = made.counts_of(tx, row.id)
    names = {number: name for name, number in catalogue.ids(tx, row.project).assets.items()}
    return BackfillDetail(
        backfill=_line(row, made.tally(counts)),
        by_asset={names.get(number, str(number)): told_of(one, row.state) for number, one in counts.items()},
        reasons={what: Reason.from_plain(plain) for what, plain in row.reasons.items()},
    )


def _line(row: Backfill, counts: Counter[RunState]) -> BackfillLine:
    return BackfillLine(
        id=row.id,
        assets=row.selection,
        keys=row.keys,
        reprocess=row.reprocess,
        propagate=row.propagate,
        order=Order.BACKWARDS if row.backwards else Order.FORWARDS,
        max_active_runs=row.max_active_runs,
        state=row.state,
        total=row.total,
        looked=seen_to(row.looked, of=row.total, runs=counts, others=row.spared + row.held),
        runs=told_of(counts, row.state),
        spared=row.spared,
        held=row.held,
        created_at=row.created_at,
        ended_at=row.ended_at,
    )
