"""Notifications: what people are to be told of, written in the transactions that it happens in. Each waits until it is
part of a message (`messages.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    Column,
    Index,
    bindparam,
    func,
    insert,
    select,
    text,
)
from sqlmodel import Field

from ..types import NotificationKind
from .catalogue import assets
from .database.bell import Topic, ring
from .database.engine import Row, Transaction, UtcTime, table_of
from .database.prepared import Prepared


class NotificationRow(Row, table=True):
    """That a destination is to be told of a happening, once: `about` names it among those of its asset and partition.
    `how`: what makes it the same as another one; `said`: what a message says of it."""

    __tablename__ = "notifications"  # pyright: ignore[reportAssignmentType]
    __table_args__ = (
        Index("one_notification", "destination", "kind", "asset_id", "partition", "about", unique=True),
        Index(
            "notifications_waiting",
            "destination",
            "id",
            sqlite_where=text("message_id IS NULL"),
            postgresql_where=text("message_id IS NULL"),
        ),
        Index("notifications_of_messages", "message_id"),
    )

    id: int | None = Field(default=None, primary_key=True)
    destination: str
    kind: str
    asset_id: int = Field(foreign_key="assets.id")
    partition: str = ""
    about: str
    how: str = ""
    at: datetime = Field(sa_type=UtcTime)
    said: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    message_id: int | None = Field(default=None, foreign_key="messages.id")


notifications = table_of(NotificationRow)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewNotification:
    """What a destination is to be told of."""

    destination: str
    kind: NotificationKind
    asset_id: int
    partition: str
    about: str
    how: str
    said: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """What waits to be told."""

    id: int
    kind: NotificationKind
    asset: str
    partition: str
    how: str
    at: datetime
    said: Mapping[str, Any]


_KNOWN = Prepared(
    select(notifications.c.id).where(
        notifications.c.destination == bindparam("b_destination"),
        notifications.c.kind == bindparam("b_kind"),
        notifications.c.asset_id == bindparam("b_asset"),
        notifications.c.partition == bindparam("b_partition"),
        notifications.c.about == bindparam("b_about"),
    )
)
_KEPT = Prepared(insert(notifications))


def note(tx: Transaction, new: NewNotification, *, now: datetime) -> bool:
    """The destination is to be told of it; False where it is already. A write transaction is the only one of its
    project: nobody can come in between."""
    key = {
        "b_destination": new.destination,
        "b_kind": new.kind.value,
        "b_asset": new.asset_id,
        "b_partition": new.partition,
        "b_about": new.about,
    }
    if _KNOWN.first(tx, key) is not None:
        return False
    ring(tx, Topic.RELAY)
    _KEPT.run(
        tx,
        {
            "destination": new.destination,
            "kind": new.kind.value,
            "asset_id": new.asset_id,
            "partition": new.partition,
            "about": new.about,
            "how": new.how,
            "at": now,
            "said": dict(new.said),
        },
    )
    return True


_HOW = Prepared(
    select(notifications.c.how).where(
        notifications.c.destination == bindparam("b_destination"),
        notifications.c.kind == bindparam("b_kind"),
        notifications.c.asset_id == bindparam("b_asset"),
        notifications.c.partition == "",
        notifications.c.about == bindparam("b_about"),
    )
)


def how_of(tx: Transaction, destination: str, kind: NotificationKind, asset_id: int, about: str) -> str | None:
    """How something was that happened to an asset; None where the destination was not to be told of it, or it is
    forgotten. A seek."""
    key = {"b_destination": destination, "b_kind": kind.value, "b_asset": asset_id, "b_about": about}
    found = _HOW.first(tx, key)
    return None if found is None else found[0]


_NEWEST = Prepared(
    select(func.max(notifications.c.id)).where(
        notifications.c.destination == bindparam("b_destination"), notifications.c.message_id.is_(None)
    )
)


def newest_waiting(tx: Transaction, destination: str) -> int | None:
    """The last of what waits to be told; None where nothing does. A seek."""
    found = _NEWEST.first(tx, {"b_destination": destination})
    return None if found is None else found[0]


def waiting(tx: Transaction, destination: str) -> list[Notification]:
    """What waits to be told, in the order in which it happened."""
    rows = tx.execute(
        select(
            notifications.c.id,
            notifications.c.kind,
            assets.c.name.label("asset"),
            notifications.c.partition,
            notifications.c.how,
            notifications.c.at,
            notifications.c.said,
        )
        .join(assets, assets.c.id == notifications.c.asset_id)
        .where(notifications.c.destination == destination, notifications.c.message_id.is_(None))
        .order_by(notifications.c.id)
    ).mappings()
    found: list[dict[str, Any]] = [{**row} for row in rows]
    return [Notification(kind=NotificationKind(one.pop("kind")), **one) for one in found]
