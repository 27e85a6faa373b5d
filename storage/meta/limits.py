"""Rate limits: of each the one instant that says when its next token comes, shared by every process of a project.

What a rate is stands with the definitions; whoever takes a token says it. See `storage/rates.py` for the arithmetic.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import bindparam, insert, select, update
from sqlmodel import Field

from ..rates import Rate, after_token, next_token
from .database.engine import BY_KEY, Row, Transaction, UtcTime, table_of
from .database.prepared import Prepared


class RateLimitRow(Row, table=True):
    """One rate limit from which a token was ever taken. `arrival`: its theoretical arrival time."""

    __tablename__ = "rate_limits"  # pyright: ignore[reportAssignmentType]
    __table_args__ = BY_KEY

    project: str = Field(primary_key=True)
    name: str = Field(primary_key=True)
    arrival: datetime = Field(sa_type=UtcTime)


rate_limits = table_of(RateLimitRow)

_OF_PROJECT = Prepared(
    select(rate_limits.c.name, rate_limits.c.arrival).where(rate_limits.c.project == bindparam("b_project"))
)
_ONE = Prepared(
    select(rate_limits.c.arrival).where(
        rate_limits.c.project == bindparam("b_project"), rate_limits.c.name == bindparam("b_name")
    )
)
_MOVED = Prepared(
    update(rate_limits)
    .where(rate_limits.c.project == bindparam("b_project"), rate_limits.c.name == bindparam("b_name"))
    .values(arrival=bindparam("b_arrival"))
)
_FIRST = Prepared(insert(rate_limits))


def arrivals(tx: Transaction, project: str) -> dict[str, datetime]:
    """The theoretical arrival times of the rate limits from which a token was ever taken, by name."""
    return dict(_OF_PROJECT.rows(tx, {"b_project": project}))


class Token(NamedTuple):
    """When a token comes, and whether it was taken."""

    at: datetime
    taken: bool


def take(
    tx: Transaction, project: str, name: str, rate: Rate, *, now: datetime, ahead: timedelta = timedelta(0)
) -> Token:
    """Take the next token of a rate limit, if it has come; else nothing is written, and the answer says when it comes.

    Parameters
    ----------
    tx: a write transaction: nobody else of the project takes one until it ends.
    now: by the store's clock.
    ahead: a token that comes within this is taken too; whoever takes it waits until then. At most `rates.AHEAD`.
    """
    found = _ONE.rows(tx, {"b_project": project, "b_name": name})
    kept = found[0][0] if found else None
    at = next_token(rate, kept, now)
    if at > now + ahead:
        return Token(at=at, taken=False)
    arrival = after_token(rate, kept, now)
    if found:
        _MOVED.run(tx, {"b_project": project, "b_name": name, "b_arrival": arrival})
    else:
        _FIRST.run(tx, {"project": project, "name": name, "arrival": arrival})
    return Token(at=at, taken=True)
