"""Whether a run is tried again, and when. Pure: given what was tried, the error, the time and a number that was drawn.

Two budgets, which never touch each other: tries that ended with an error, and tries that were lost with their worker.
Tries that the machine prevented, by a full disk or a database that is away, are in neither.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from ..declare.durations import as_text
from ..declare.retrying import RetryPolicy, Timeouts

LONGEST = timedelta(days=1)
"""A server that asks for more is not waited for: until then the run would hold its asset and the events it took."""
_PREVENTED_FIRST, _PREVENTED_LONGEST = timedelta(seconds=1), timedelta(seconds=30)
"""The pause after the first try that the machine prevented, doubled up to the longest."""
_PREVENTED_MOST = 3000
"""So many tries may be prevented, about a day: what then still is in the way does not go by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """How a run's tries have ended so far, the last one included."""

    failed: int = 0
    lost: int = 0
    prevented: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Again:
    """There is another try, not before `at`; it is number `number` of the `of` that its budget allows, None where it is
    in none."""

    at: datetime
    number: int | None
    of: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenUp:
    """There is none. `why` is "" where nobody asked for any, and the error alone says all."""

    why: str = ""


def after_error(
    policy: RetryPolicy,
    tried: Tried,
    error: Mapping[str, Any],
    *,
    now: datetime,
    drawn: float,
    timeouts: Timeouts,
    since: datetime,
) -> Again | GivenUp:
    """What follows a try that ended with this stored error.

    `never_on` wins over `on`. A `Retry-After` is never shortened, by `max_delay` neither: it is waited for, or where it
    is longer than a day the run is given up. Nothing begins after the clock `total` has run out.

    Parameters
    ----------
    drawn: from 0.0 to below 1.0; with jitter 0.5 and 0.5 drawn, a pause of 4 s is one of 3 s.
    since: when the run was planned, from which `total` counts.

    >>> moment = datetime.fromisoformat("2026-01-05T10:00:00+00:00")
    >>> known = {"now": moment, "since": moment, "drawn": 0.0, "timeouts": Timeouts()}
    >>> after_error(RetryPolicy(3, delay="2s"), Tried(failed=2), {}, **known).at - moment
    datetime.timedelta(seconds=4)
    >>> after_error(RetryPolicy(3, delay="2s"), Tried(failed=3), {}, **known).why
    'tried 3 times, as often as retries= allows'
    """
    classes = error.get("classes", ())
    if error.get("uri") is not None:
        return GivenUp()  # what was pinned is not there any more: the same pins cannot be read by another try
    if tried.failed >= policy.max_attempts:
        once = policy.max_attempts == 1
        return GivenUp(why="" if once else f"tried {policy.max_attempts} times, as often as retries= allows")
    never = first_match(policy.never_on, classes)
    if never is not None:
        return GivenUp(why=f"never_on={never!r} says that it is not tried again")
    if policy.on and first_match(policy.on, classes) is None:
        return GivenUp(why=f"on= tries only {', '.join(policy.on)} again")
    wait = pause(policy, tried.failed, drawn)
    asked = retry_after(error, now)
    if asked > LONGEST:
        return GivenUp(why=f"the server asks not to be called for {as_text(asked)} (Retry-After), longer than a day")
    at = later(now, max(wait, asked))
    return _in_time(Again(at=at, number=tried.failed + 1, of=policy.max_attempts), timeouts, since)


def after_loss(
    policy: RetryPolicy, tried: Tried, *, now: datetime, timeouts: Timeouts, since: datetime
) -> Again | GivenUp:
    """What follows a try that was lost with its worker: another one at once, unless so many were lost that the run may
    be what kills them."""
    if tried.lost >= policy.max_lost:
        times = "once" if tried.lost == 1 else f"{tried.lost} times"
        return GivenUp(why=f"its process ended without a word {times}")
    return _in_time(Again(at=now, number=tried.lost + 1, of=policy.max_lost), timeouts, since)


def after_prevention(tried: Tried, *, now: datetime, timeouts: Timeouts, since: datetime) -> Again | GivenUp:
    """What follows a try that the machine prevented: another one, once that may be over. It says nothing of the run.

    >>> moment = datetime.fromisoformat("2026-01-05T10:00:00+00:00")
    >>> known = {"now": moment, "since": moment, "timeouts": Timeouts()}
    >>> [(after_prevention(Tried(prevented=n), **known).at - moment).seconds for n in (1, 2, 5, 9)]
    [1, 2, 16, 30]
    """
    if tried.prevented >= _PREVENTED_MOST:
        return GivenUp(why=f"prevented {tried.prevented} times")
    wait = min(_PREVENTED_FIRST * 2 ** min(tried.prevented - 1, 10), _PREVENTED_LONGEST)
    return _in_time(Again(at=later(now, wait), number=None, of=None), timeouts, since)


def _in_time(again: Again, timeouts: Timeouts, since: datetime) -> Again | GivenUp:
    if timeouts.total is not None and again.at >= later(since, timeouts.total):
        return GivenUp(why=f"another try would begin after the {as_text(timeouts.total)} that it may take in all")
    return again


def pause(policy: RetryPolicy, failed: int, drawn: float) -> timedelta:
    """The pause after so many failed tries, at least one: between the part that jitter leaves of it and the whole.

    >>> [pause(RetryPolicy(9, delay="2s", max_delay="5s"), failed, 0.0).seconds for failed in (1, 2, 3)]
    [2, 4, 5]
    """
    longest = policy.max_delay.total_seconds()
    try:
        whole = min(policy.delay.total_seconds() * policy.backoff ** (failed - 1), longest)
    except OverflowError:
        whole = longest
    return min(timedelta(seconds=whole * (1 - policy.jitter * drawn)), policy.max_delay)  # floats round up, too


def retry_after(error: Mapping[str, Any], now: datetime) -> timedelta:
    """For how long a stored error asks not to be called: seconds, or until an instant in ISO 8601; zero where it does
    not ask, or the instant is past."""
    said = error.get("retry_after")
    if said is None:
        return timedelta(0)
    length = datetime.fromisoformat(said) - now if isinstance(said, str) else timedelta(seconds=said)
    return max(length, timedelta(0))


def first_match(names: Iterable[str], classes: Iterable[str]) -> str | None:
    """The first of these names that is one of the classes, which are those of an error and all they are derived from.

    A name with dots is that of a class with its module; a package may offer it higher up than where it is written. A
    name without dots is that of any class that is called so.

    >>> first_match(["requests.Timeout"], ["requests.exceptions.Timeout", "builtins.OSError"])
    'requests.Timeout'
    >>> first_match(["OSError", "json.Timeout"], ["requests.exceptions.Timeout"]) is None
    True
    """
    known = [*classes]
    return next((name for name in names if any(_is(name, one) for one in known)), None)


def _is(name: str, full: str) -> bool:
    package, _, last = name.rpartition(".")
    module, _, title = full.rpartition(".")
    return last == title and (not package or module == package or module.startswith(f"{package}."))


def later(moment: datetime, length: timedelta) -> datetime:
    """The moment after this length; the last that a calendar has where it has no later one."""
    try:
        return moment + length
    except OverflowError:
        return datetime.max.replace(tzinfo=UTC)
