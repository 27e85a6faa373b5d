"""A message as notifiers get it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ....storage.types import NotificationKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """What is to be sent. One that comes twice, after a crash, has the same `id`.

    Attributes
    ----------
    id: of the message, in its project; None for a test.
    kind: the gravest of what it tells.
    count: of how many happenings.
    subject, body: plain text; the subject is one line.
    """

    id: int | None
    project: str
    destination: str
    at: datetime
    kind: NotificationKind
    count: int
    subject: str
    body: str
