"""Policies of an asset, as data: how it is tried again, limited, published, grouped. What they lead to is decided
elsewhere. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from math import inf
from typing import Any

from ...storage.errors import DefinitionError
from ...storage.types import Consume, Publish
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
        if not 1 <= backoff < inf:
            raise DefinitionError(
                f"RetryPolicy(backoff={backoff}) is no factor", hint="Give a finite number of at least 1.0."
            )
        object.__setattr__(self, "max_attempts", max_attempts)
        object.__setattr__(self, "delay", as_duration(delay))
        object.__setattr__(self, "backoff", float(backoff))
        object.__setattr__(self, "max_delay", as_duration(max_delay))


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


def _count(key: str, value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and value >= 1:
        return value
    raise DefinitionError(f"{key}={value!r} is no number of at least 1", hint=f"Write {key}=1.")


def _word(words: type[Consume] | type[Publish]) -> Callable[[str, Any], Any]:
    def convert(key: str, value: Any) -> Any:
        if value in tuple(words):
            return words(value)
        raise DefinitionError(f"{key}={value!r} is not known", hint=f"Use one of: {', '.join(words)}.")

    return convert


def _flag(key: str, value: Any) -> bool:
    if isinstance(value, bool):
        return value
    raise DefinitionError(f"{key}={value!r} is neither True nor False", hint=f"Write {key}=True.")


def _texts(key: str, value: Any) -> tuple[str, ...]:
    items = (value,) if isinstance(value, str) else tuple(value)
    if all(isinstance(item, str) for item in items):
        return items
    raise DefinitionError(f"{key}={value!r} is no list of texts", hint=f'Write {key}=["a", "b"].')


def _text(key: str, value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    raise DefinitionError(f"{key}={value!r} is no text", hint=f'Write {key}="kb".')


_CONVERT: Mapping[str, Callable[[str, Any], Any]] = {
    "retries": _retries,
    "max_active_runs": _count,
    "consume": _word(Consume),
    "publish": _word(Publish),
    "pure": _flag,
    "group": _text,
    "tags": _texts,
    "owners": _texts,
}
