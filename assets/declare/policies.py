"""Policies of an asset, as data: how it is tried again, limited, published, grouped. What they lead to is decided
elsewhere. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from math import inf
from typing import Any, Never

from ...storage.errors import DefinitionError
from ...storage.types import Consume, Publish
from . import keywords
from .faults import report
from .keywords import told


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
        **unknown: Never,
    ) -> None:
        for key in unknown:
            report(keywords.unknown_keyword(key, _RETRY, of="RetryPolicy"))
        given = {"max_attempts": max_attempts, "delay": delay, "backoff": backoff, "max_delay": max_delay}
        for key, (read, default) in _RETRY.items():
            object.__setattr__(self, key, told(read, key, given[key], instead=default, about="RetryPolicy: "))


def _factor(key: str, value: Any) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool) and 1 <= value < inf:
        return float(value)
    raise DefinitionError(f"{key}={value!r} is no factor", hint="Give a finite number of at least 1.0.")


_RETRY: Mapping[str, tuple[Callable[[str, Any], Any], Any]] = {
    "max_attempts": (keywords.count, 1),
    "delay": (keywords.duration, timedelta(seconds=1)),
    "backoff": (_factor, 2.0),
    "max_delay": (keywords.duration, timedelta(minutes=10)),
}
"""Keyword → how it is read, and what stands in the place of what cannot be."""
NO_RETRY = RetryPolicy(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Policies:
    """How an asset is made, as data; every field can stand in `defaults(…)`.

    Attributes
    ----------
    retries: how often a failed run is tried again.
    max_active_runs: how many runs of the asset may be active at once.
    consume: how many pending events one run takes.
    publish: `"copy"`: the URI is made equal to the head; `"none"`: only the immutable version exists.
    pure: whether a tick, too, may be skipped when nothing changed.
    group, tags, owners: for selecting and showing.
    """

    retries: RetryPolicy = NO_RETRY
    max_active_runs: int = 1
    consume: Consume = Consume.BATCH
    publish: Publish = Publish.COPY
    pure: bool = False
    group: str | None = None
    tags: tuple[str, ...] = ()
    owners: tuple[str, ...] = ()


POLICIES = tuple(Policies.__dataclass_fields__)
"""The keywords of `@asset` and `defaults` that are policies."""


def policies_of(given: Mapping[str, Any]) -> tuple[Policies, list[DefinitionError]]:
    """The policies that were written, and what was wrong with them; a wrong one has its default.

    >>> policies_of({"tags": "nightly"})[0].tags
    ('nightly',)
    """
    values: dict[str, Any] = {}
    wrong: list[DefinitionError] = []
    for key, value in given.items():
        try:
            values[key] = _CONVERT[key](key, value)
        except DefinitionError as error:
            wrong.append(error)
    return Policies(**values), wrong


def _retries(key: str, value: Any) -> RetryPolicy:
    if isinstance(value, RetryPolicy):
        return value
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return RetryPolicy(value + 1)
    raise DefinitionError(f"{key}={value!r} is no retry policy", hint="Give a number of retries or a RetryPolicy(…).")


_CONVERT: Mapping[str, Callable[[str, Any], Any]] = {
    "retries": _retries,
    "max_active_runs": keywords.count,
    "consume": keywords.word(Consume),
    "publish": keywords.word(Publish),
    "pure": keywords.flag,
    "group": keywords.text_or_none,
    "tags": keywords.texts,
    "owners": keywords.texts,
}
