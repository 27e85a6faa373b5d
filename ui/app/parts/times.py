"""Moments and durations as people read them. Times are UTC in the store, and of this machine's zone on the screen."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_STEPS = ((60.0, "s"), (60.0, "min"), (24.0, "h"), (float("inf"), "d"))


def took(seconds: float | None) -> str:
    """A duration: `0.42 s`, `12 s`, `3 min`, `5 h`, `2 d`; "" for None.

    >>> took(0.423), took(75), took(7200), took(None)
    ('0.42 s', '1 min', '2 h', '')
    """
    if seconds is None:
        return ""
    if seconds < 10:
        return f"{seconds:.2f} s"
    for size, unit in _STEPS:
        if seconds < size:
            return f"{seconds:.0f} {unit}"
        seconds = seconds // size
    raise AssertionError("the last step is endless")


def ago(moment: datetime | None, now: datetime | None = None) -> str:
    """How long ago, or in what time: `12 s ago`, `in 3 min`; "" for None."""
    if moment is None:
        return ""
    apart = ((now or datetime.now(UTC)) - moment).total_seconds()
    if abs(apart) < 1:
        return "now"
    length = f"{int(abs(apart))} s" if abs(apart) < 60 else took(float(int(abs(apart))))
    return f"{length} ago" if apart > 0 else f"in {length}"


def exact(moment: datetime | None) -> str:
    """`2026-11-29 08:15:02 CET`, in the zone of this machine, which need not be that of the browser; "" for None."""
    return "" if moment is None else f"{moment.astimezone():%Y-%m-%d %H:%M:%S %Z}"


def within(words: str) -> timedelta | None:
    """How far back `hour`, `day` and `week` reach; None for anything else."""
    return {"hour": timedelta(hours=1), "day": timedelta(days=1), "week": timedelta(weeks=1)}.get(words)
