"""Since when planners have watched a project without a break: what a tick is missed by that is not to be made up for.

Each pass writes down by when the next has to come. One that comes later ends a break, in which nobody watched.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import bindparam, case, insert, select, update
from sqlmodel import Field

from .database.engine import BY_KEY, Row, Transaction, UtcTime, table_of
from .database.prepared import Prepared


class WatchRow(Row, table=True):
    """That planners have watched a project since a time; a pass that comes after `until` comes after a break. None: no
    time was waited for, so that nothing is known to have been missed, or seen."""

    __tablename__ = "watches"  # pyright: ignore[reportAssignmentType]
    __table_args__ = BY_KEY

    project: str = Field(primary_key=True, foreign_key="projects.name")
    since: datetime = Field(sa_type=UtcTime)
    until: datetime | None = Field(default=None, sa_type=UtcTime)


watches = table_of(WatchRow)

_KNOWN = Prepared(select(watches.c.since, watches.c.until).where(watches.c.project == bindparam("b_project")))
_NOW = bindparam("b_now", type_=UtcTime())
_RENEWED = Prepared(
    update(watches)
    .where(watches.c.project == bindparam("b_project"))
    .values(
        since=case((watches.c.until >= _NOW, watches.c.since), else_=_NOW), until=bindparam("b_until", type_=UtcTime())
    )
)


def watched(tx: Transaction, project: str, *, now: datetime) -> datetime:
    """Since when planners have watched without a break; `now` where they have not."""
    for since, until in _KNOWN.rows(tx, {"b_project": project}):
        return since if until is not None and until >= now else now
    return now


def renew(tx: Transaction, project: str, *, now: datetime, until: datetime | None) -> None:
    """A planner has watched, and the next pass comes by `until` if nothing breaks."""
    if not _RENEWED.run(tx, {"b_project": project, "b_now": now, "b_until": until}):
        tx.execute(insert(watches), {"project": project, "since": now, "until": until})
