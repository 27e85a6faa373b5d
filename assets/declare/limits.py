"""Who may start, as data: slots of pools, rate limits, priorities. What they lead to is decided in
`assets/plan/dispatch.py`. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Never, cast

from ...storage.errors import DatabaseFault, DefinitionError
from ...storage.rates import Rate
from . import keywords
from .durations import as_duration, as_text
from .faults import report
from .keywords import told


@dataclass(frozen=True, slots=True, init=False)
class Slots:
    """How many slots of a pool a run takes while it is queued or running: `pool=Slots("gpu", 2)`.

    Parameters
    ----------
    pool: its name; its size is said in the settings, `[pools] gpu = 4`.
    slots: at least 1; more than the pool has is a fault.
    """

    pool: str
    slots: int

    def __init__(self, pool: str, slots: int = 1, **unknown: Never) -> None:
        for key in unknown:
            report(keywords.unknown_keyword(key, ("slots",), of="Slots"))
        object.__setattr__(self, "pool", told(keywords.filled_text, "pool", pool, instead="unusable", about="Slots: "))
        object.__setattr__(self, "slots", told(keywords.count, "slots", slots, instead=1, about="Slots: "))

    @property
    def label(self) -> str:
        """`gpu`, or `gpu (2 slots)`."""
        return self.pool if self.slots == 1 else f"{self.pool} ({self.slots} slots)"


@dataclass(frozen=True, slots=True, init=False)
class RateLimit:
    """Runs of the assets that name it start no faster than this, all of them together, whichever workers start them.

    Parameters
    ----------
    name: what is limited; every asset that names it says the same rate.
    rate: so many in so long: `"60/min"`, `"10/s"`, `"5/30s"`, `"1000/day"`.
    burst: how many may start at once after a pause; then one after the other again. In any minute of `"60/min"` at most
        60 + `burst` start.

    >>> RateLimit("openai", "60/min").rate.interval
    datetime.timedelta(seconds=1)
    """

    name: str
    count: int
    per: timedelta
    burst: int

    def __init__(self, name: str, rate: str, *, burst: int = 1, **unknown: Never) -> None:
        for key in unknown:
            report(keywords.unknown_keyword(key, ("burst",), of="RateLimit"))
        about = "RateLimit: "
        count, per = told(_rate, "rate", rate, instead=(1, timedelta(seconds=1)), about=about)
        object.__setattr__(self, "name", told(keywords.filled_text, "name", name, instead="unusable", about=about))
        object.__setattr__(self, "count", count)
        object.__setattr__(self, "per", per)
        object.__setattr__(self, "burst", told(keywords.count, "burst", burst, instead=1, about=about))

    @property
    def rate(self) -> Rate:
        """What is counted: the time between two tokens is rounded up to a microsecond, so that none comes too early."""
        return Rate(interval=-(-self.per // self.count), burst=self.burst)

    @property
    def label(self) -> str:
        """`60 in 1m`, with its burst where that is more than one."""
        return f"{self.count} in {as_text(self.per)}" + (f", {self.burst} at once" if self.burst > 1 else "")


_UNITS = {
    **dict.fromkeys(("s", "sec", "second"), "1s"),
    **dict.fromkeys(("m", "min", "minute"), "1m"),
    **dict.fromkeys(("h", "hour"), "1h"),
    **dict.fromkeys(("d", "day"), "1d"),
}
_RATE = re.compile(r"\s*(\d+)\s*/\s*(\S+)\s*")


def _rate(key: str, value: Any) -> tuple[int, timedelta]:
    found = _RATE.fullmatch(value) if isinstance(value, str) else None
    hint = 'Write so many in so long: "60/min", "10/s", "5/30s".'
    if found is None or int(found[1]) < 1:
        raise DefinitionError(f"{key}={value!r} is no rate", hint=hint)
    try:
        return int(found[1]), as_duration(_UNITS.get(found[2], found[2]))
    except DefinitionError as error:
        raise DefinitionError(f"{key}={value!r} is no rate: {error.message}", hint=hint) from error


def read_pool(key: str, value: Any) -> Slots | None:
    """`pool=`: the name of a pool, of which a run takes one slot, or `Slots`."""
    if value is None or isinstance(value, Slots):
        return value
    if isinstance(value, str) and value.strip():
        return Slots(value)
    raise DefinitionError(f"{key}={value!r} is no pool", hint=f'Write {key}="embedding" or {key}=Slots("gpu", 2).')


def read_priority(key: str, value: Any) -> int:
    """`priority=`: a whole number, higher first."""
    if isinstance(value, int) and not isinstance(value, bool) and -_FAR <= value <= _FAR:
        return value
    raise DefinitionError(
        f"{key}={value!r} is no whole number from {-_FAR} to {_FAR}", hint=f"Write {key}=10: higher goes first."
    )


_FAR = 1_000_000


def read_limits(key: str, value: Any) -> tuple[RateLimit, ...]:
    """`limits=`: rate limits, each name once, in the order of their names."""
    several: tuple[Any, ...] = (value,) if isinstance(value, RateLimit) else ()
    if isinstance(value, Iterable) and not isinstance(value, str):
        several = tuple(cast("Iterable[Any]", value))
    elif not several:
        several = (value,)
    wrong = [one for one in several if not isinstance(one, RateLimit)]
    if wrong:
        raise DefinitionError(
            f"{key} has {wrong[0]!r}, which is no rate limit", hint=f'Write {key}=[RateLimit("openai", "60/min")].'
        )
    by_name = {one.name: one for one in several}
    if len(by_name) < len(several):
        names = [one.name for one in several]
        twice = next(name for name in names if names.count(name) > 1)
        raise DefinitionError(f"{key} names {twice!r} twice", hint="Name each rate limit once.")
    return tuple(by_name[name] for name in sorted(by_name))


READ: Mapping[str, Callable[[str, Any], Any]] = {
    "pool": read_pool,
    "priority": read_priority,
    "limits": read_limits,
}
"""Keyword → how it is read."""


Plain = dict[str, Any]


def slots_to_plain(pool: Slots) -> Plain:
    """JSON-ready; `slots_from_plain` gives an equal one back."""
    return {"pool": pool.pool, "slots": pool.slots}


def slots_from_plain(plain: Mapping[str, Any]) -> Slots:
    """The slots that `slots_to_plain` wrote."""
    _refuse(plain, {"pool", "slots"}, of="slots of a pool")
    return Slots(plain["pool"], plain["slots"])


def limit_to_plain(limit: RateLimit) -> Plain:
    """JSON-ready; `limit_from_plain` gives an equal one back."""
    return {"name": limit.name, "count": limit.count, "per": as_text(limit.per), "burst": limit.burst}


def limit_from_plain(plain: Mapping[str, Any]) -> RateLimit:
    """The rate limit that `limit_to_plain` wrote."""
    _refuse(plain, {"name", "count", "per", "burst"}, of="a rate limit")
    return RateLimit(plain["name"], f"{plain['count']}/{plain['per']}", burst=plain["burst"])


def _refuse(plain: Mapping[str, Any], known: set[str], *, of: str) -> None:
    if unknown := sorted(map(repr, {*plain} - known)):
        raise DatabaseFault(
            f"a stored definition has {', '.join(unknown)} as {of}, which this penstock does not know",
            hint="Upgrade penstock to the version that wrote it.",
        )
