"""How many partitions of an asset failed, and which; and of which assets some did: costs what failed, not what there
is. And the runs of single ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import bindparam, func, literal_column, or_, select, text

from ...types import RunState
from ..catalogue import assets
from ..database.engine import TEXT, Transaction
from ..database.prepared import Prepared, as_rows, given_rows
from ..runs import FAILED_OF_PARTITION, OF_PARTITION, runs

_later = runs.alias("later")
_SUPERSEDED = (
    select(_later.c.id)
    .where(
        _later.c.asset_id == runs.c.asset_id,
        _later.c.partition == runs.c.partition,
        _later.c.partition != literal_column("''"),  # so that the index is recognised
        _later.c.id > runs.c.id,  # run ids sort by age
        _later.c.state != RunState.CANCELED.value,
        _later.c.state != RunState.FAILED.value,
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


_BROKEN = select(runs.c.id).where(runs.c.asset_id == assets.c.id, text(FAILED_OF_PARTITION), ~_SUPERSEDED).exists()


def broken(tx: Transaction, project: str) -> set[int]:
    """The assets that are declared now and have partitions of which the last run failed, by id. Costs an entry of the
    index for each asset, and one for each run that failed before its partition was made."""
    query = select(assets.c.id).where(assets.c.project == project, assets.c.removed_at.is_(None), _BROKEN)
    return set(tx.execute(query).scalars())


_keys = given_rows("keys", key=TEXT)
_FAILED_AMONG = Prepared(
    _FAILED.where(runs.c.asset_id == bindparam("b_asset"), runs.c.partition.in_(select(_keys.c.key)))
)


def failed_among(tx: Transaction, asset_id: int, keys: Sequence[str]) -> set[str]:
    """Those of the keys of which the last run failed."""
    asked = {"b_asset": asset_id, "b_keys": as_rows([(key,) for key in keys])}
    return {key for (key,) in _FAILED_AMONG.rows(tx, asked)} if keys else set()


_of_keys = (
    select(func.max(runs.c.id))
    .where(
        runs.c.asset_id == bindparam("b_asset"),
        text(OF_PARTITION),
        runs.c.partition.in_(select(_keys.c.key)),
        or_(runs.c.state == RunState.FAILED.value, runs.c.ended_at.is_(None)),
    )
    .group_by(runs.c.partition)
)
_RUNS_OF_KEYS = Prepared(select(runs.c.partition, runs.c.id, runs.c.error).where(runs.c.id.in_(_of_keys)))


def runs_of_keys(
    tx: Transaction, asset_id: int, keys: Sequence[str]
) -> dict[str, tuple[str, Mapping[str, Any] | None]]:
    """Key → the newest run of that partition that failed or has not ended, and its error; of those that have one."""
    asked = {"b_asset": asset_id, "b_keys": as_rows([(key,) for key in keys])}
    return {key: (run, error) for key, run, error in _RUNS_OF_KEYS.rows(tx, asked)} if keys else {}
