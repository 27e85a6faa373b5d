"""Which of the happenings that a destination is to be told of make its next message, and when. Pure.

A happening waits until a message tells it, alone or with others; none is ever left out of all messages.

- What is alike, of the same asset, makes one message. The same failure is told again only after `repeat`; what comes
  in between waits, and is counted in the next.
- That an asset has recovered, or paused itself, is told at once, and takes along the failures before it that still
  wait. After a recovery a failure is news again.
- So is a deadline that was missed after one that was met; it takes along those before it that still wait.
- Of the messages that a destination may get in a stretch of time, the last tells of everything that waits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from ...storage.types import NotificationKind


@dataclass(frozen=True, slots=True)
class Rate:
    """So many, at least one, in any stretch of this length."""

    count: int
    per: timedelta


class Subject(NamedTuple):
    """What makes happenings alike: kind, asset, and how it went wrong: the type of the error; of missed deadlines the
    first since one was met."""

    kind: NotificationKind
    asset: str
    how: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """Something that waits to be told; `id` is in the order in which things happened."""

    id: int
    subject: Subject


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a destination was told already.

    Attributes
    ----------
    sent: when it got messages, as far back as its rate asks.
    last: when it was last told of a subject.
    """

    sent: Sequence[datetime] = ()
    last: Mapping[Subject, datetime] = field(default_factory=dict[Subject, datetime])


@dataclass(frozen=True, slots=True, kw_only=True)
class Next:
    """The next message, as groups of happenings by id, oldest first: one group is told as it is, several are summed up.
    Without any, nothing is due before `at`; None: nothing waits."""

    groups: tuple[tuple[int, ...], ...] = ()
    at: datetime | None = None


_PATIENT = frozenset(
    {NotificationKind.FAILED, NotificationKind.RETRY, NotificationKind.LATE, NotificationKind.CHECK_FAILED}
)
"""Of what goes on, it is enough to hear now and then."""
_TAKES: Mapping[NotificationKind, frozenset[NotificationKind]] = {
    NotificationKind.RECOVERED: frozenset({NotificationKind.FAILED, NotificationKind.RETRY}),
    NotificationKind.PAUSED: frozenset({NotificationKind.FAILED, NotificationKind.RETRY}),
    NotificationKind.LATE: frozenset({NotificationKind.LATE}),
}
"""What says already that something else went before it."""


def next_message(waiting: Sequence[Happening], told: Told, *, at_most: Rate, repeat: timedelta, now: datetime) -> Next:
    """What the destination is told next, of what waits, in order.

    >>> at, failed = datetime(2026, 1, 1, 10), Subject(NotificationKind.FAILED, "chunks", "ValueError")
    >>> rate, two = Rate(count=10, per=timedelta(hours=1)), [Happening(id=one, subject=failed) for one in (1, 2)]
    >>> next_message(two, Told(), at_most=rate, repeat=timedelta(hours=6), now=at).groups
    ((1, 2),)
    >>> next_message(two, Told(last={failed: at}), at_most=rate, repeat=timedelta(hours=6), now=at).at
    datetime.datetime(2026, 1, 1, 16, 0)
    """
    groups = _grouped(waiting)
    if not groups:
        return Next()
    due: list[_Group] = []
    later: list[datetime] = []
    for group in groups:
        until = _quiet_until(group.subject, told, repeat)
        if until is None or until <= now:
            due.append(group)
        else:
            later.append(until)
    recent = sorted(one for one in told.sent if one > now - at_most.per)
    room = at_most.count - len(recent)
    if not due:
        return Next(at=min(later))
    if room <= 0:
        return Next(at=recent[-at_most.count] + at_most.per)
    if room == 1 and len(due) > 1:
        return Next(groups=tuple(tuple(one.ids) for one in groups))
    return Next(groups=(tuple(due[0].ids),))


@dataclass(slots=True)
class _Group:
    """Happenings that make one message."""

    subject: Subject
    ids: list[int]


def _grouped(waiting: Sequence[Happening]) -> list[_Group]:
    """What waits, by what is told together."""
    groups: dict[Subject, _Group] = {}
    for one in waiting:
        subject = one.subject
        group = groups.setdefault(subject, _Group(subject, []))
        group.ids.append(one.id)
        for other in [them for them in groups if them.asset == subject.asset and them != subject]:
            if other.kind in _TAKES.get(subject.kind, ()):
                group.ids += groups.pop(other).ids
    for group in groups.values():
        group.ids.sort()
    return sorted(groups.values(), key=lambda group: group.ids[0])


def _quiet_until(subject: Subject, told: Told, repeat: timedelta) -> datetime | None:
    """Until when a subject is only counted; None where it is told at once."""
    last = told.last.get(subject)
    if last is None or subject.kind not in _PATIENT:
        return None
    over = told.last.get(Subject(NotificationKind.RECOVERED, subject.asset))
    return None if over is not None and over >= last else last + repeat
