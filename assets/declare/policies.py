"""Policies of an asset, as data: how often it is tried again. What they lead to is decided elsewhere. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from ...storage.errors import DefinitionError
from .durations import as_duration


@dataclass(frozen=True, slots=True, init=False)
class RetryPolicy:
    """How often, and after which pause, a failed run is tried again.

    Parameters
    ----------
    max_attempts: tries in all, the first included; 1 means no retry.
    delay: pause before the second try.
    backoff: factor from one pause to the next; delay 2 s and backoff 2.0 wait 2, 4, 8, … seconds.
    max_delay: no pause is longer.
    """

    max_attempts: int
    delay: timedelta
    backoff: float
    max_delay: timedelta

    def __init__(
        self,
        max_attempts: int = 3,
        *,
        delay: str | timedelta = "1s",
        backoff: float = 2.0,
        max_delay: str | timedelta = "10m",
    ) -> None:
        if max_attempts < 1:
            raise DefinitionError(f"RetryPolicy(max_attempts={max_attempts}) would never try", hint="Give at least 1.")
        if backoff < 1:
            raise DefinitionError(f"RetryPolicy(backoff={backoff}) would hurry", hint="Give a factor of at least 1.0.")
        object.__setattr__(self, "max_attempts", max_attempts)
        object.__setattr__(self, "delay", as_duration(delay))
        object.__setattr__(self, "backoff", float(backoff))
        object.__setattr__(self, "max_delay", as_duration(max_delay))


NO_RETRY = RetryPolicy(1)
