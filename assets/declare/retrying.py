"""How a run is tried again and how long it may take, as data. What follows is decided in `assets/plan`. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from math import inf
from typing import Any, Never, cast

from ...storage.errors import DefinitionError
from . import keywords
from .durations import as_text
from .faults import report
from .keywords import told

Classes = str | type[BaseException] | Iterable[str | type[BaseException]]
"""Classes of errors, or their names with dots; one, or several."""
_NAME = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")


@dataclass(frozen=True, slots=True, init=False)
class RetryPolicy:
    """How often, and after which pause, a run is tried again.

    Parameters
    ----------
    max_attempts: tries in all that may end with an error, the first included; 1 means no retry. Tries that were lost
        with their worker do not count.
    delay: pause before the second try.
    backoff: factor from one pause to the next; delay 2 s and backoff 2.0 wait 2, 4, 8, … seconds.
    max_delay: no pause is longer, unless the error itself says when (`Retry-After`).
    jitter: the part of each pause that is left to chance, from 0.0 to 1.0; 0.5 makes of 4 s anything from 2 to 4 s.
    on: only these errors are tried again: classes, or their names. Their subclasses count. () is every error.
    never_on: these errors are never tried again, whatever `on` says.
    max_lost: tries in all that may be lost with their worker (killed, out of memory, a host that is gone); with 3 the
        third fails the run: it may be what kills them.

    >>> RetryPolicy(5, delay="2s", on=[TimeoutError, "requests.ConnectionError"]).on
    ('builtins.TimeoutError', 'requests.ConnectionError')
    """

    max_attempts: int
    delay: timedelta
    backoff: float
    max_delay: timedelta
    jitter: float
    on: tuple[str, ...]
    never_on: tuple[str, ...]
    max_lost: int

    def __init__(
        self,
        max_attempts: int = 3,
        *,
        delay: str | timedelta = "1s",
        backoff: float = 2.0,
        max_delay: str | timedelta = "10m",
        jitter: float = 0.0,
        on: Classes = (),
        never_on: Classes = (),
        max_lost: int = 3,
        **unknown: Never,
    ) -> None:
        for key in unknown:
            report(keywords.unknown_keyword(key, _RETRY, of="RetryPolicy"))
        given = {
            "max_attempts": max_attempts,
            "delay": delay,
            "backoff": backoff,
            "max_delay": max_delay,
            "jitter": jitter,
            "on": on,
            "never_on": never_on,
            "max_lost": max_lost,
        }
        for key, (read, default) in _RETRY.items():
            object.__setattr__(self, key, told(read, key, given[key], instead=default, about="RetryPolicy: "))


def _factor(key: str, value: Any) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool) and 1 <= value < inf:
        return float(value)
    raise DefinitionError(f"{key}={value!r} is no factor", hint="Give a finite number of at least 1.0.")


def _part(key: str, value: Any) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1:
        return float(value)
    raise DefinitionError(f"{key}={value!r} is no part of a pause", hint="Give a number from 0.0 to 1.0.")


def _classes(key: str, value: Any) -> tuple[str, ...]:
    """The names of classes of errors, with dots: those of a class with its module."""
    several = not isinstance(value, str | type) and isinstance(value, Iterable)
    items: list[object] = list(cast("Iterable[object]", value)) if several else [value]
    return tuple(dict.fromkeys(_class(key, item) for item in items))


def _class(key: str, value: object) -> str:
    if isinstance(value, type) and issubclass(value, BaseException):
        return f"{value.__module__}.{value.__qualname__}"
    if isinstance(value, str) and _NAME.fullmatch(value):
        return value
    raise DefinitionError(
        f"{key}={value!r} is no class of errors", hint=f'Write {key}=[TimeoutError, "requests.ConnectionError"].'
    )


_RETRY: Mapping[str, tuple[Callable[[str, Any], Any], Any]] = {
    "max_attempts": (keywords.count, 1),
    "delay": (keywords.duration, timedelta(seconds=1)),
    "backoff": (_factor, 2.0),
    "max_delay": (keywords.duration, timedelta(minutes=10)),
    "jitter": (_part, 0.0),
    "on": (_classes, ()),
    "never_on": (_classes, ()),
    "max_lost": (keywords.count, 3),
}
"""Keyword → how it is read, and what stands in the place of what cannot be."""
NO_RETRY = RetryPolicy(1)
"""What holds where nobody says anything: an error fails the run, a lost worker is made up for."""


@dataclass(frozen=True, slots=True, init=False)
class Timeouts:
    """How long a run may take, by three clocks; None: as long as it needs.

    Parameters
    ----------
    queue: from the moment it could begin, planned or due to be tried again, until a worker takes it.
    run: one try, from the claim to its end.
    total: in all, from the plan to the end, with every try and every pause.

    >>> Timeouts(run="30m").run
    datetime.timedelta(seconds=1800)
    """

    queue: timedelta | None
    run: timedelta | None
    total: timedelta | None

    def __init__(
        self,
        *,
        queue: str | timedelta | None = None,
        run: str | timedelta | None = None,
        total: str | timedelta | None = None,
        **unknown: Never,
    ) -> None:
        for key in unknown:
            report(keywords.unknown_keyword(key, CLOCKS, of="Timeouts"))
        for key, given in (("queue", queue), ("run", run), ("total", total)):
            read = told(keywords.duration_or_none, key, given, instead=None, about="Timeouts: ")
            object.__setattr__(self, key, read)


CLOCKS = ("queue", "run", "total")
NO_TIMEOUTS = Timeouts()
"""What holds where nobody says anything: every clock runs on."""


def as_retries(key: str, value: Any) -> RetryPolicy:
    """What is given as `retries=`: a policy, or a number of retries."""
    if isinstance(value, RetryPolicy):
        return value
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return RetryPolicy(value + 1)
    raise DefinitionError(f"{key}={value!r} is no retry policy", hint="Give a number of retries or a RetryPolicy(…).")


def as_timeouts(key: str, value: Any) -> Timeouts:
    """What is given as `timeout=`: a length of time that one try may take, or `Timeouts`."""
    if isinstance(value, Timeouts):
        return value
    if isinstance(value, str | timedelta):
        return Timeouts(run=keywords.duration(key, value))
    raise DefinitionError(
        f"{key}={value!r} is no length of time",
        hint=f'Write {key}="1h", or {key}=Timeouts(queue="1h", run="30m"); Timeouts() sets no clock.',
    )


Plain = dict[str, Any]


def retries_to_plain(retries: RetryPolicy | None) -> Plain | None:
    """The policy as JSON-ready data; what is not said otherwise of newer keywords stands nowhere."""
    if retries is None:
        return None
    return {
        "max_attempts": retries.max_attempts,
        "delay": as_text(retries.delay),
        "backoff": retries.backoff,
        "max_delay": as_text(retries.max_delay),
        **({"jitter": retries.jitter} if retries.jitter else {}),
        **({"on": list(retries.on)} if retries.on else {}),
        **({"never_on": list(retries.never_on)} if retries.never_on else {}),
        **({"max_lost": retries.max_lost} if retries.max_lost != NO_RETRY.max_lost else {}),
    }


def retries_from_plain(plain: Mapping[str, Any] | None) -> RetryPolicy | None:
    """The policy that `retries_to_plain` wrote."""
    return None if plain is None else RetryPolicy(**plain)


def timeouts_to_plain(timeouts: Timeouts | None) -> Plain | None:
    """The clocks as JSON-ready data: those that are set."""
    if timeouts is None:
        return None
    lengths = {clock: getattr(timeouts, clock) for clock in CLOCKS}
    return {clock: as_text(length) for clock, length in lengths.items() if length is not None}


def timeouts_from_plain(plain: Mapping[str, Any] | None) -> Timeouts | None:
    """The clocks that `timeouts_to_plain` wrote."""
    return None if plain is None else Timeouts(**plain)
