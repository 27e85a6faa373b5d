"""The runs that wait for a worker, and those that workers are at; each costs what there is of it, not the history."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, func, or_, select

from ..types import FINAL_STATES, RunState
from .catalogue import assets
from .database.engine import Transaction, now
from .database.prepared import Prepared
from .materializations import materializations
from .runs import runs


@dataclass(frozen=True, slots=True, kw_only=True)
class AtWork:
    """A run that a worker has queued or runs."""

    id: str
    asset: str
    partition: str
    state: RunState
    worker: str | None
    started_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A run that any worker may take; `code` is the fingerprint of the code that it was planned with."""

    id: str
    asset: str
    state: RunState
    code: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stand:
    """Where a run stands; `why`: what its error says, of one that has ended otherwise than well."""

    state: RunState
    attempts: int
    why: str = ""

    @property
    def ended(self) -> bool:
        """Whether nothing more will become of it."""
        return self.state in FINAL_STATES

    @property
    def begun(self) -> bool:
        """Whether somebody tried it, or it has ended without that."""
        return self.ended or self.attempts > 0

    def given_up(self, why: str) -> bool:
        """Whether it was ended for this reason before anybody tried it."""
        return self.state is RunState.CANCELED and not self.attempts and self.why == why


def stands(tx: Transaction, run_ids: Sequence[str]) -> dict[str, Stand]:
    """Where these runs stand, by id."""
    found: dict[str, Stand] = {}
    for start in range(0, len(run_ids), 500):
        query = select(runs.c.id, runs.c.state, runs.c.attempts, runs.c.error)
        for run_id, state, attempts, error in tx.execute(query.where(runs.c.id.in_(run_ids[start : start + 500]))):
            why = "" if error is None else str(error["message"])
            found[run_id] = Stand(state=RunState(state), attempts=attempts, why=why)
    return found


_OPEN = (
    select(runs.c.id, runs.c.state)
    .join(assets, assets.c.id == runs.c.asset_id)
    .where(runs.c.ended_at.is_(None), assets.c.project == bindparam("b_project"))
)
_WAITING = Prepared(
    _OPEN.add_columns(assets.c.name, runs.c.made_from)
    .outerjoin(materializations, materializations.c.id == runs.c.materialization_id)
    .where(
        or_(runs.c.state == RunState.SCHEDULED.value, runs.c.state == RunState.UP_FOR_RETRY.value),
        or_(runs.c.retry_at.is_(None), runs.c.retry_at <= bindparam("b_now")),
        or_(runs.c.materialization_id.is_(None), materializations.c.ended_at.is_not(None)),
    )
    .order_by(runs.c.created_at, runs.c.id)
    .limit(bindparam("b_limit"))
)
_NEXT_RETRY = Prepared(
    select(func.min(runs.c.retry_at))
    .select_from(runs)
    .join(assets, assets.c.id == runs.c.asset_id)
    .where(
        runs.c.ended_at.is_(None),
        runs.c.state == RunState.UP_FOR_RETRY.value,
        runs.c.retry_at > bindparam("b_now"),
        assets.c.project == bindparam("b_project"),
    )
)
_AT_WORK = Prepared(
    _OPEN.add_columns(assets.c.name, runs.c.partition, runs.c.worker, runs.c.started_at).where(
        or_(runs.c.state == RunState.QUEUED.value, runs.c.state == RunState.RUNNING.value)
    )
)


def waiting(tx: Transaction, project: str, *, limit: int) -> list[Waiting]:
    """The runs that any worker may take now, the oldest first. Those that a materialization has planned it makes
    itself, for as long as it lasts."""
    given = {"b_project": project, "b_limit": limit, "b_now": now(tx)}
    return [
        Waiting(id=run_id, asset=name, state=RunState(state), code=made_from.get("code"))
        for run_id, state, name, made_from in _WAITING.rows(tx, given)
    ]


def next_retry(tx: Transaction, project: str) -> datetime | None:
    """When the first of the runs is due that wait to be tried again; None where there is none."""
    ((due,),) = _NEXT_RETRY.rows(tx, {"b_project": project, "b_now": now(tx)})
    return due


def at_work(tx: Transaction, project: str) -> list[AtWork]:
    """The runs that were handed out and have not ended."""
    return [
        AtWork(id=run_id, asset=name, partition=key, state=RunState(state), worker=worker, started_at=started_at)
        for run_id, state, name, key, worker, started_at in _AT_WORK.rows(tx, {"b_project": project})
    ]


def held_by(tx: Transaction, project: str) -> dict[str, list[str]]:
    """Worker → ids of the runs that have not ended and that it has, oldest first."""
    query = (
        select(runs.c.worker, runs.c.id)
        .join(assets, assets.c.id == runs.c.asset_id)
        .where(runs.c.ended_at.is_(None), runs.c.worker.is_not(None), assets.c.project == project)
        .order_by(runs.c.created_at, runs.c.id)
    )
    found: dict[str, list[str]] = {}
    for worker, run_id in tx.execute(query):
        found.setdefault(worker, []).append(run_id)
    return found


_UNFINISHED = select(runs.c.id).where(runs.c.ended_at.is_(None)).limit(1)


def all_have_ended(tx: Transaction) -> bool:
    """Whether no run waits and nobody is at one, of whatever project: a seek."""
    return tx.execute(_UNFINISHED).first() is None
