"""What a backfill has to know of partitions: which are made, failed or active, and what became of its own runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from sqlalchemy import bindparam, func, or_, select, text

from ...types import RunState
from ..database.engine import TEXT, WHOLE, Transaction
from ..database.prepared import Prepared, as_rows, given_rows
from ..partitions.heads import partition_heads
from ..runs import OF_BACKFILL, runs

_keys = given_rows("keys", key=TEXT)
_MADE_AMONG = Prepared(
    select(partition_heads.c.partition).where(
        partition_heads.c.dataset_id == bindparam("b_dataset"),
        partition_heads.c.partition.in_(select(_keys.c.key)),
        or_(partition_heads.c.made_start.is_(None), bindparam("b_left", type_=WHOLE) == 1),
    )
)
_STATES = Prepared(
    select(runs.c.partition, runs.c.id, runs.c.state).where(
        text(OF_BACKFILL),
        runs.c.backfill_id == bindparam("b_backfill"),
        runs.c.asset_id == bindparam("b_asset"),
        runs.c.partition.in_(select(_keys.c.key)),
    )
)


def made_among(tx: Transaction, dataset_ids: Sequence[int], keys: Sequence[str], *, left: bool = False) -> set[str]:
    """Those of the keys of which any of these datasets has a version that was made for what they mean now; with `left`,
    or for what they meant before."""
    asked = as_rows([(key,) for key in keys])
    which = {"b_keys": asked, "b_left": int(left)}
    found = (_MADE_AMONG.rows(tx, {"b_dataset": number, **which}) for number in (dataset_ids if keys else ()))
    return {key for rows in found for (key,) in rows}


def states_of(tx: Transaction, backfill_id: str, asset_id: int, keys: Sequence[str]) -> dict[str, RunState]:
    """Key → state of the newest run that a backfill made of it; a key without one is left out."""
    asked = {"b_backfill": backfill_id, "b_asset": asset_id, "b_keys": as_rows([(key,) for key in keys])}
    found: dict[str, tuple[str, str]] = {}
    for key, run_id, state in _STATES.rows(tx, asked):
        found[key] = max(found.get(key, ("", "")), (run_id, state))  # run ids sort by age
    return {key: RunState(state) for key, (_, state) in found.items()}


def counts_of(tx: Transaction, backfill_id: str) -> dict[int, Counter[RunState]]:
    """Asset id → of how many partitions the newest run that a backfill made of them is in each state."""
    newest = (
        select(func.max(runs.c.id).label("id"))  # run ids sort by age
        .where(text(OF_BACKFILL), runs.c.backfill_id == backfill_id)
        .group_by(runs.c.asset_id, runs.c.partition)
        .subquery()
    )
    query = select(runs.c.asset_id, runs.c.state, func.count()).join(newest, newest.c.id == runs.c.id)
    found: dict[int, Counter[RunState]] = {}
    for asset_id, state, count in tx.execute(query.group_by(runs.c.asset_id, runs.c.state)):
        found.setdefault(asset_id, Counter())[RunState(state)] = count
    return found


def tally(counts: Mapping[int, Counter[RunState]]) -> Counter[RunState]:
    """The same for all assets together.

    >>> tally({1: Counter({RunState.SUCCESS: 2}), 2: Counter({RunState.SUCCESS: 1})})
    Counter({<RunState.SUCCESS: 'success'>: 3})
    """
    found: Counter[RunState] = Counter()
    for one in counts.values():
        found.update(one)
    return found


_ACTIVE = Prepared(
    select(func.count()).where(
        text(OF_BACKFILL), runs.c.backfill_id == bindparam("b_backfill"), runs.c.ended_at.is_(None)
    )
)


def count_active(tx: Transaction, backfill_id: str) -> int:
    """How many runs of a backfill have not ended."""
    return _ACTIVE.returned(tx, {"b_backfill": backfill_id})
