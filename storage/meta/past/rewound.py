"""What was settled for a consumer at an earlier time, from the links that are kept. Pure: rows in, numbers out.

A floor rises when events are taken and falls when a run gives them back; it is stored as it is now alone. Both leave
their times: a link has one, and it is undone when its run ends.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """That a consumer took an event with this number, and when; `undone`: when that was pending again."""

    id: int
    number: int
    at: datetime
    undone: datetime | None


def seed_of(floor: int, completing: int, since: datetime, links: Iterable[Link]) -> int:
    """The floor with which a subscription began: below its newest event of then, or at it.

    It began below where the event was pending: then it was taken since, or the floor is still below it.

    >>> seed_of(4, 5, datetime(2026, 1, 5), []), seed_of(5, 5, datetime(2026, 1, 5), [])
    (4, 5)
    """
    taken = any(link.number == completing and link.at >= since for link in links)
    return completing if floor >= completing and not taken else max(completing - 1, 0)


def floor_of(seed: int, since: datetime, links: Sequence[Link], at: datetime) -> int:
    """The floor at a time, of a subscription that began with `seed` at `since`.

    >>> day = datetime(2026, 1, 5)
    >>> link = Link(id=1, number=3, at=day, undone=day.replace(day=7))
    >>> [floor_of(0, day, [link], day.replace(day=number)) for number in (5, 6, 7)]
    [3, 3, 2]
    """
    # At one moment what was taken before comes back first, then others are taken, and perhaps come back at once.
    steps = [(link.at, 1, link.number) for link in links if since <= link.at <= at]
    steps += [
        (link.undone, 0 if link.at < link.undone else 2, link.number)
        for link in links
        if link.undone is not None and since <= link.undone <= at
    ]
    floor = seed
    for _, step, number in sorted(steps):
        floor = max(floor, number) if step == 1 else min(floor, number - 1)
    return floor
