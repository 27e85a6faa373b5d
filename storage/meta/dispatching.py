"""Runs that wait for a worker, and runs that are at work: what choosing who starts next goes by.

Both are one query, which costs what has not ended, not the history. Nothing is changed here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import bindparam, select

from ..types import RunState
from . import materializations
from .catalogue import assets
from .database.engine import Transaction
from .database.prepared import Listed, Prepared, among
from .runs import runs


class WaitingRun(NamedTuple):
    """A run that was planned for whichever worker comes first. `state`: scheduled, or up for another attempt."""

    id: str
    asset_id: int
    asset: str
    partition: str
    state: RunState
    since: datetime


class AtWork(NamedTuple):
    """So many runs of an asset, of one of its keys, are queued or running."""

    asset_id: int
    asset: str
    partition: str
    runs: int


# Nothing is joined, and what is constant asks nothing of another index: so that the index of what has not ended is read
# from end to end, and neither every asset nor every run without a materialization is asked for.
_NAME = (
    select(assets.c.name)
    .where(assets.c.id == runs.c.asset_id, assets.c.project == bindparam("b_project"))
    .scalar_subquery()
)
_UNENDED = Prepared(
    select(
        runs.c.id,
        runs.c.asset_id,
        _NAME.label("asset"),
        runs.c.partition,
        runs.c.state,
        runs.c.created_at,
        runs.c.retry_at,
        runs.c.materialization_id,
    )
    .where(runs.c.ended_at.is_(None))
    .with_hint(runs, "INDEXED BY active_runs", "sqlite")
)
_OF_ASSETS = Listed(
    select(runs.c.id, runs.c.asset_id, runs.c.partition, runs.c.state).where(
        among(runs.c.asset_id), runs.c.ended_at.is_(None)
    )
)
_WAITING = frozenset({RunState.SCHEDULED, RunState.UP_FOR_RETRY})
_AT_WORK = frozenset({RunState.QUEUED, RunState.RUNNING})


def unended(tx: Transaction, project: str, now: datetime) -> tuple[list[WaitingRun], list[AtWork]]:
    """The runs that wait for a worker, and what is queued or running, whoever runs it; both in no order. What is up for
    another attempt waits from the moment at which that is due.

    A run that a materialization planned for itself waits for nobody else while that lasts, and is not among the first.
    """
    waiting: list[tuple[WaitingRun, str | None]] = []
    at_work: Counter[tuple[int, str, str]] = Counter()
    for number, asset_id, asset, partition, state, since, due, owner in _UNENDED.rows(tx, {"b_project": project}):
        if asset is None:  # of another project
            continue
        if state in _AT_WORK:
            at_work[asset_id, asset, partition] += 1
        elif state in _WAITING and (due is None or due <= now):
            waiting.append((WaitingRun(number, asset_id, asset, partition, RunState(state), due or since), owner))
    owners = {owner for _, owner in waiting if owner is not None}
    over = materializations.by_id(tx, owners).values() if owners else ()
    free = {None, *(one.id for one in over if one.ended_at is not None)}
    at = [AtWork(*key, count) for key, count in at_work.items()]
    return [run for run, owner in waiting if owner in free], at


def unended_of(tx: Transaction, asset_ids: Iterable[int]) -> tuple[set[str], Counter[tuple[int, str]]]:
    """Of these assets the runs that wait, due or not, and how many are queued or running, by asset and partition."""
    waiting: set[str] = set()
    at_work: Counter[tuple[int, str]] = Counter()
    for number, asset_id, partition, state in _OF_ASSETS.rows(tx, [*asset_ids]):
        if state in _AT_WORK:
            at_work[asset_id, partition] += 1
        elif state in _WAITING:
            waiting.add(number)
    return waiting, at_work
