"""What a part of an explained condition has and lacks. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from ...assets.plan.explain import Part, Pile
from .quantities import instant, short


def facts(part: Part, at: datetime) -> Iterator[str]:
    """What a part has and lacks, each as a few words; its children and its news left out."""
    if part.lacks or part.has:
        yield part.lacks or part.has
    if part.pending is not None:
        yield _sums(part, part.pending)
    if part.pin is not None:
        what = "it is the turn of" if part.turn else "narrowed to"
        yield f"{what} {part.dataset}@{part.pin.number} ({short(part.pin.digest)})"
    if part.ticks:
        yield f"due: {' and '.join(instant(tick) for tick in part.ticks)}"
    if part.taken is not None:
        yield f"taken last: {instant(part.taken)}"
    if part.since is not None:
        yield f"{instant(part.since)}, {age(at - part.since)} before"
    if part.idle:
        yield f"it completes and starts nothing: {part.idle}"
    if part.until is not None and not part.children:
        yield f"{'it may start a run' if part.idle else 'next'} at {instant(part.until)}"


def _sums(part: Part, pile: Pile) -> str:
    """How many are pending, how many of them count, and how many may start a run."""
    if not pile.total:
        return "nothing is pending"
    said = [f"{pile.total:,} pending"]
    if part.counts is not None:
        said.append(f"{part.counts:,} {'counts' if part.counts == 1 else 'count'}")
    return ", ".join([*said, f"{pile.starting:,} may start a run" if pile.starting else "none may start a run"])


def age(length: timedelta) -> str:
    """A length of time in its largest unit.

    >>> age(timedelta(seconds=5)), age(timedelta(minutes=190)), age(timedelta(days=3))
    ('5 s', '3 h', '3 d')
    """
    seconds = max(int(length.total_seconds()), 0)
    for unit, size, most in (("s", 1, 60), ("min", 60, 60), ("h", 3600, 48)):
        if seconds < size * most:
            return f"{seconds // size} {unit}"
    return f"{seconds // 86400} d"
