"""Attempts: one row each try of a run, by one worker. How many failed and how many were lost decides whether there is
another; that decision is made in `assets/plan`, not here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import JSON, Column, bindparam, func, insert, select, update
from sqlmodel import Field

from ..types import AttemptOutcome
from .database.engine import BY_KEY, Row, Transaction, UtcTime, table_of
from .database.prepared import Prepared


class AttemptRow(Row, table=True):
    """One try of a run, by one worker. `error` is what ended it; `exit_code` and `signal` are how its process ended,
    where that is known of one that was lost."""

    __tablename__ = "attempts"  # pyright: ignore[reportAssignmentType]
    __table_args__ = BY_KEY

    run_id: str = Field(foreign_key="runs.id", primary_key=True)
    number: int = Field(primary_key=True)
    worker: str
    started_at: datetime = Field(sa_type=UtcTime)
    ended_at: datetime | None = Field(default=None, sa_type=UtcTime)
    outcome: str | None = None
    error: dict[str, Any] | None = Field(default=None, sa_column=Column(JSON, nullable=True))
    exit_code: int | None = None
    signal: int | None = None


attempts = table_of(AttemptRow)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One try of a run; `outcome` is None while it is under way. `exit_code` and `signal` say how its process ended,
    where that is known."""

    number: int
    worker: str
    started_at: datetime
    ended_at: datetime | None
    outcome: AttemptOutcome | None
    error: Mapping[str, Any] | None = None
    exit_code: int | None = None
    signal: int | None = None

    @property
    def took(self) -> timedelta | None:
        """How long it worked; None of one at work, and of a lost one unless somebody saw how its process ended."""
        unseen = self.outcome is AttemptOutcome.LOST and self.exit_code is None and self.signal is None
        return None if self.ended_at is None or unseen else self.ended_at - self.started_at


_BEGUN = Prepared(insert(attempts))
_ENDED = Prepared(
    update(attempts)
    .where(attempts.c.run_id == bindparam("b_id"), attempts.c.number == bindparam("b_number"))
    .values(outcome=bindparam("b_outcome"), ended_at=bindparam("b_now"))
)
_FAILED = Prepared(
    update(attempts)
    .where(attempts.c.run_id == bindparam("b_id"), attempts.c.number == bindparam("b_number"))
    .values(
        outcome=bindparam("b_outcome"),
        ended_at=bindparam("b_now"),
        error=bindparam("b_error"),
        exit_code=bindparam("b_exit_code"),
        signal=bindparam("b_signal"),
    )
)


def begin_attempt(tx: Transaction, run_id: str, *, number: int, worker: str, now: datetime) -> None:
    """Record that a worker tries the run."""
    _BEGUN.run(tx, {"run_id": run_id, "number": number, "worker": worker, "started_at": now})


def end_attempt(
    tx: Transaction,
    run_id: str,
    *,
    number: int,
    outcome: AttemptOutcome,
    now: datetime,
    error: Mapping[str, Any] | None = None,
    exit_code: int | None = None,
    signal: int | None = None,
) -> None:
    """Record how the try ended, and by what if it made nothing."""
    ended = {"b_id": run_id, "b_number": number, "b_outcome": outcome.value, "b_now": now}
    if error is None:
        _ENDED.run(tx, ended)
    else:
        _FAILED.run(tx, {**ended, "b_error": dict(error), "b_exit_code": exit_code, "b_signal": signal})


def attempts_of(tx: Transaction, run_id: str) -> list[Attempt]:
    """The tries of a run, in order."""
    query = select(attempts).where(attempts.c.run_id == run_id).order_by(attempts.c.number)
    return [
        Attempt(
            number=row.number,
            worker=row.worker,
            started_at=row.started_at,
            ended_at=row.ended_at,
            outcome=None if row.outcome is None else AttemptOutcome(row.outcome),
            error=row.error,
            exit_code=row.exit_code,
            signal=row.signal,
        )
        for row in tx.execute(query)
    ]


def tried(tx: Transaction, run_id: str) -> dict[AttemptOutcome, int]:
    """How many tries of a run have ended, by how they did; one without left out."""
    query = (
        select(attempts.c.outcome, func.count())
        .where(attempts.c.run_id == run_id, attempts.c.outcome.is_not(None))
        .group_by(attempts.c.outcome)
    )
    return {AttemptOutcome(outcome): count for outcome, count in tx.execute(query)}
