"""How many partitions of an asset failed, and which: costs what failed, not what there is."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import func, literal_column, select, text

from ...types import RunState
from ..database.engine import Transaction
from ..runs import FAILED_OF_PARTITION, runs
from ..versions import chunks

_later = runs.alias("later")
_SUPERSEDED = (
    select(_later.c.id)
    .where(
        _later.c.asset_id == runs.c.asset_id,
        _later.c.partition == runs.c.partition,
        _later.c.partition != literal_column("''"),  # so that the index is recognised
        _later.c.id > runs.c.id,  # run ids sort by age
        _later.c.state.not_in((RunState.CANCELED.value, RunState.FAILED.value)),
    )
    .correlate(runs)
    .exists()
)
_FAILED = select(runs.c.partition).where(text(FAILED_OF_PARTITION), ~_SUPERSEDED).distinct()


def count_failed(tx: Transaction, asset_id: int) -> int:
    """How many partitions of an asset there are of which the last run failed."""
    failed = _FAILED.where(runs.c.asset_id == asset_id).subquery()
    return int(tx.execute(select(func.count()).select_from(failed)).scalar_one())


def failed_partitions(tx: Transaction, asset_id: int, *, limit: int, first: str | None = None) -> list[str]:
    """The keys of which the last run failed, in the order of their texts, from `first` on."""
    query = _FAILED.where(runs.c.asset_id == asset_id).order_by(runs.c.partition)
    query = query if first is None else query.where(runs.c.partition >= first)
    return list(tx.execute(query.limit(limit)).scalars())


def failed_among(tx: Transaction, asset_id: int, keys: Sequence[str]) -> set[str]:
    """Those of the keys of which the last run failed."""
    found: set[str] = set()
    for chunk in chunks(keys):
        query = _FAILED.where(runs.c.asset_id == asset_id, runs.c.partition.in_(chunk))
        found.update(tx.execute(query).scalars())
    return found
