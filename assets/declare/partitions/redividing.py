"""What becomes of keys when a dataset is divided otherwise than it was. Pure."""

from __future__ import annotations

from ....storage.errors import UsageError
from .appearing import appeared
from .named import Dynamic, Named, Static
from .partition import Dimension, Known, Partitioning
from .windows import Windows


def what_becomes_of(key: str, before: Partitioning, now: Partitioning, made_for: tuple[int, int] | None = None) -> str:
    """What a key is by another definition: `kept`, `shifted` or `left`; `made_for`: the bounds for which it was made,
    where these are others than the definition before gave it.

    >>> from penstock import Daily, Hourly
    >>> days, there = Daily(start="2026-01-01"), Daily(start="2026-01-01", tz="Asia/Kolkata")
    >>> what_becomes_of("2026-01-05", days, there), what_becomes_of("2026-01-05", days, Hourly(start="2026-01-01"))
    ('shifted', 'left')
    >>> what_becomes_of("2026-01-05", Hourly(start="2026-01-01"), days)
    'kept'
    """
    try:
        if now.fault(key, named_by(now, key)) is not None:
            return "left"
        there = now.place(key)
    except UsageError:
        return "left"
    if made_for is not None:
        return "kept" if made_for == there[1:] else "shifted"
    try:
        return "kept" if before.place(key) == there else "shifted"
    except UsageError:  # it was left by the definition before, and is a partition again
        return "kept"


def named_by(partitioning: Partitioning, key: str) -> Known:
    """What is known with the dynamic keys that a key names; nothing where it is none.

    >>> from penstock import Dynamic
    >>> named_by(Dynamic(name="customer"), "acme").keys
    {'customer': ('acme',)}
    """
    try:
        line = partitioning.place(key).line
    except UsageError:
        return Known()
    return Known(keys={name: tuple(keys) for name, keys in appeared(partitioning, [line]).items()})


def same_keys(before: Partitioning, now: Partitioning) -> bool:
    """Whether both write their keys alike and mean the same places by them, from whenever until whenever and with
    whichever keys.

    >>> from penstock import Daily, Hourly
    >>> same_keys(Daily(start="2026-01-01"), Daily(start="2020-01-01")), same_keys(
    ...     Daily(start="2026-01-01"), Hourly(start="2026-01-01"))
    (True, False)
    """
    pairs = zip(before.dimensions, now.dimensions, strict=False)
    return len(before.dimensions) == len(now.dimensions) and all(_alike(one, two) for one, two in pairs)


def keeps_all(before: Partitioning, now: Partitioning) -> bool:
    """Whether every key of the one is the same partition of the other; False where that takes more than a look at
    their bounds and lists.

    >>> from penstock import Daily
    >>> keeps_all(Daily(start="2026-01-05"), Daily(start="2026-01-01"))
    True
    """
    pairs = zip(before.dimensions, now.dimensions, strict=False)
    return same_keys(before, now) and all(_within(one, two) for one, two in pairs)


def _alike(one: Dimension, two: Dimension) -> bool:
    return one.pattern == two.pattern and (one.alike(two) if one.timed else not two.timed)


def _within(one: Dimension, two: Dimension) -> bool:
    if isinstance(one, Windows) and isinstance(two, Windows):
        ends = two.until is None or (one.until is not None and one.until <= two.until)
        return two.first <= one.first and ends
    if isinstance(two, Dynamic):
        return isinstance(one, Named)
    return isinstance(one, Static) and isinstance(two, Static) and {*one.keys} <= {*two.keys}
