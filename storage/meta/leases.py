"""Leases: a name that one holder has until a time. What only one process may do at once is done under one."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import delete, insert, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import Field

from .database.engine import Row, Transaction, UtcTime, table_of


class LeaseRow(Row, table=True):
    """Who holds a name, and until when."""

    __tablename__ = "leases"  # pyright: ignore[reportAssignmentType]

    name: str = Field(primary_key=True)
    holder: str
    until: datetime = Field(sa_type=UtcTime)


leases = table_of(LeaseRow)


def acquire(tx: Transaction, name: str, *, holder: str, now: datetime, length: timedelta) -> bool:
    """Whether the holder has the name now: it was free, expired, or its own (then it is prolonged)."""
    done = tx.execute(
        update(leases)
        .where(leases.c.name == name, or_(leases.c.until <= now, leases.c.holder == holder))
        .values(holder=holder, until=now + length)
    )
    if done.rowcount:
        return True
    if holder_of(tx, name) is not None:
        return False
    try:
        with tx.begin_nested():
            tx.execute(insert(leases), {"name": name, "holder": holder, "until": now + length})
    except IntegrityError:
        return False  # another transaction was faster: it has the name
    return True


def holder_of(tx: Transaction, name: str) -> str | None:
    """Who holds the name, expired or not; None when nobody ever did or it was given up."""
    return tx.execute(select(leases.c.holder).where(leases.c.name == name)).scalar()


def release(tx: Transaction, name: str, *, holder: str) -> None:
    """Give the name up; nothing happens if somebody else has it by now."""
    tx.execute(delete(leases).where(leases.c.name == name, leases.c.holder == holder))
