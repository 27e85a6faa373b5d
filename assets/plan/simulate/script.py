"""Scripts: what happens when, as people write it, read into steps. Pure.

    2026-01-05T10:00Z  docs changed                     an event; each line is at a time, …
    +5m                docs changed rows=10 lang=de     … so long after the line before, …
                       labels confirmed                 … or at the same moment
    +1h                vectors fails                    the run that is active, else the next one
    wait 2h                                             nothing happens for so long

What is at one moment happens before anything is planned at that moment.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from enum import StrEnum
from typing import Any

from ....storage.errors import DefinitionError, UsageError
from ....storage.types import EventKind
from ...declare.durations import as_duration


class Act(StrEnum):
    """What a line says; the words are those of the script."""

    CHANGED = "changed"  # an event, with metadata
    CONFIRMED = "confirmed"
    REMOVED = "removed"
    FAILS = "fails"  # the run that is active, or else the next one, fails for good
    CANCELED = "canceled"
    UNCHANGED = "unchanged"  # … gives the same bytes as before
    SKIPPED = "skipped"  # … is skipped by its producer
    BREAKS = "breaks"  # every run fails from now on
    WORKS = "works"  # … and no more
    TAKES = "takes"  # from now on a run lasts so long
    GIVES = "gives"  # … and publishes these metadata
    REGISTERED = "registered"  # the asset is new: it was not there before
    PAUSE = "pause"
    RESUME = "resume"
    MATERIALIZE = "materialize"
    STOPS = "stops"  # the scheduler is down: nothing is planned
    STARTS = "starts"
    WAIT = "wait"


EVENTS: Mapping[Act, EventKind] = {
    Act.CHANGED: EventKind.CHANGED,
    Act.CONFIRMED: EventKind.CONFIRMED,
    Act.REMOVED: EventKind.REMOVED,
}
_SPELLED = {"cancelled": Act.CANCELED, "fail": Act.FAILS, "failed": Act.FAILS}
_WITH_METADATA = (Act.CHANGED, Act.CONFIRMED, Act.GIVES)
_ABOUT_ASSETS = (
    Act.FAILS, Act.CANCELED, Act.UNCHANGED, Act.SKIPPED, Act.BREAKS, Act.WORKS, Act.TAKES, Act.GIVES, Act.REGISTERED,
)  # fmt: skip
_COMMANDS: Mapping[Act, str] = {Act.PAUSE: "", Act.RESUME: "drop", Act.MATERIALIZE: "force"}
"""Acts that come first on their line, each with the one word that may follow the name."""
_SCHEDULER = "scheduler"
_ISO = re.compile(r"\d{4}-\d\d-\d\d\S*")
_EXPECTED = (
    "expected NAME and what it does: changed, confirmed, removed (a dataset); fails, cancelled, unchanged, skipped, "
    "breaks, works, takes 10s, gives rows=10, registered (an asset); or pause NAME, resume NAME [drop], "
    "materialize NAME [force], scheduler stops, scheduler starts, wait 2h"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One line.

    Attributes
    ----------
    subject: URI of a dataset, or name of an asset; "" where there is none.
    words: metadata of an event; of `resume` and `materialize` the word behind the name.
    """

    at: datetime
    act: Act
    subject: str = ""
    length: timedelta | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict[str, Any])
    word: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """Whom a script may talk of: asset names, and dataset names or URIs with the URI that they mean.

    `written`: URI → the asset that writes it. `divided`: names of assets, and URIs of datasets, that have partitions,
    of which no script tells.
    """

    assets: frozenset[str]
    datasets: Mapping[str, str]
    written: Mapping[str, str] = field(default_factory=dict[str, str])
    divided: frozenset[str] = frozenset()


class _Wrong(Exception):
    """What is wrong with a line, and what was expected."""


def read_script(text: str, names: Names, *, start: datetime | None = None) -> list[Step]:
    """The steps of a script, in order.

    Parameters
    ----------
    start: the time that the first line counts from; without it, the first line says a time.

    Raises
    ------
    UsageError: lines cannot be read; every one of them is told with its number, and what was expected.
    """
    steps: list[Step] = []
    faults: list[str] = []
    at = start
    for number, line in enumerate(text.splitlines(), 1):
        written = re.sub(r"(?:^|\s)#.*", "", line).strip()
        if not written:
            continue
        try:
            moment, rest = _time(_words(written), at)
            at = moment  # what follows counts from it, also if this line is wrong
            found = _steps(rest, moment, names)
            at = found[-1].at
            steps += found
        except _Wrong as wrong:
            faults.append(f"line {number}: {written!r}: {wrong}")
    if faults:
        raise UsageError(
            f"the script has {len(faults)} fault{'s' * (len(faults) > 1)}:\n" + "\n".join(faults),
            hint="A line is e.g. `2026-01-05T10:00Z docs changed`, `+5m docs changed rows=10`, `+1h vectors fails`.",
        )
    return steps


def read_until(text: str, now: datetime) -> datetime:
    """A time to come, as a script says it: `+24h`, or `2026-01-05T10:00Z`.

    Raises
    ------
    UsageError: it cannot be read, or it is past.
    """
    try:
        at, rest = _time([text], now)
    except _Wrong as wrong:
        raise UsageError(f"{text!r}: {wrong}", hint="Write e.g. +24h, or 2026-01-05T10:00Z.") from wrong
    if rest or at <= now:
        raise UsageError(f"{text!r} is no time to come", hint="Write e.g. +24h, or 2026-01-05T10:00Z.")
    return at


def _words(written: str) -> list[str]:
    try:
        return shlex.split(written)
    except ValueError as error:
        raise _Wrong(f"a quote is not closed ({error})") from error


def _steps(words: Sequence[str], at: datetime, names: Names) -> list[Step]:
    match words:
        case []:
            raise _Wrong(f"there is a time and nothing that happens; {_EXPECTED}")
        case ["wait", *lengths]:
            return [Step(at=at, act=Act.WAIT), Step(at=at + _length(lengths, "wait 2h"), act=Act.WAIT)]
        case [command, name, *more] if command in tuple(_COMMANDS):
            return [_command(at, Act(command), name, more, names)]
        case ["scheduler", ("stops" | "starts") as act]:
            return [Step(at=at, act=Act(act), subject=_SCHEDULER)]
        case [name, verb, *more]:
            return [_told(at, name, verb, more, names)]
        case _:
            raise _Wrong(_EXPECTED)


def _time(words: Sequence[str], before: datetime | None) -> tuple[datetime, Sequence[str]]:
    first = words[0]
    if first.startswith("+"):
        if before is None:
            raise _Wrong(f"{first} counts from the line before, and there is none; expected 2026-01-05T10:00Z")
        zero = re.fullmatch(r"\+0(ms|s|m|h|d|w)?", first)
        return before if zero else before + _length([first[1:]], "+5m"), words[1:]
    if not _ISO.fullmatch(first):
        if before is None:
            raise _Wrong("the first line has to say a time; expected e.g. 2026-01-05T10:00Z")
        return before, words
    try:
        at = datetime.fromisoformat(first)
    except ValueError as error:
        example = f"{first[:10]}T10:00Z" if first[10:11] in ("Z", "+", "-") else "2026-01-05T10:00Z"
        raise _Wrong(f"{first} is no time ({error}); expected e.g. {example}") from error
    if at.tzinfo is None and len(first) == len("2026-01-05"):
        raise _Wrong(f"{first} is a day without a time; expected e.g. {first}T00:00Z or {first}T00:00+01:00")
    if at.tzinfo is None:
        raise _Wrong(f"{first} has no zone; expected e.g. {first}Z or {first}+01:00")
    at = at.astimezone(UTC)
    if before is not None and at < before:
        raise _Wrong(f"it is earlier than the line before, {before:%Y-%m-%dT%H:%M:%SZ}; expected a later time")
    return at, words[1:]


def _length(words: Sequence[str], example: str) -> timedelta:
    if len(words) != 1:
        raise _Wrong(f"expected one duration: {example}")
    try:
        return as_duration(words[0])
    except DefinitionError as error:
        raise _Wrong(f"{error.message}; expected e.g. {example}") from error


def _command(at: datetime, act: Act, name: str, more: Sequence[str], names: Names) -> Step:
    allowed = _COMMANDS[act]
    if more and list(more) != [allowed]:
        raise _Wrong(f"expected `{act} NAME`" + (f" or `{act} NAME {allowed}`" if allowed else ""))
    return Step(at=at, act=act, subject=_asset(name, names), word=more[0] if more else "")


def _told(at: datetime, name: str, verb: str, more: Sequence[str], names: Names) -> Step:
    act = _SPELLED.get(verb) or (Act(verb) if verb in (*EVENTS, *_ABOUT_ASSETS) else None)
    if act is None:
        near = get_close_matches(verb, [*EVENTS, *_ABOUT_ASSETS, *_SPELLED], n=1)
        raise _Wrong(f"{verb!r} is nothing that happens; " + (f"did you mean {str(near[0])!r}?" if near else _EXPECTED))
    subject = _dataset(name, names) if act in EVENTS else _asset(name, names)
    writer = names.written.get(subject) if act in EVENTS else None
    if writer is not None:
        raise _Wrong(
            f"{name} is written by the asset {writer}: what others write there is drift, and no event; expected "
            f"`materialize {writer}`, with `{writer} unchanged` or `{writer} gives rows=10` before it"
        )
    if act is Act.GIVES and not more:
        raise _Wrong(f"expected what it gives: {name} gives rows=10")
    if act is Act.TAKES:
        return Step(at=at, act=act, subject=subject, length=_length(more, f"{name} takes 10s"))
    if more and act not in _WITH_METADATA:
        raise _Wrong(f"expected nothing behind {verb!r}, found {' '.join(more)!r}")
    return Step(at=at, act=act, subject=subject, metadata=_metadata(more))


def _metadata(words: Iterable[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for word in words:
        key, sign, value = word.partition("=")
        if not sign or not key or not value:
            raise _Wrong(f"{word!r} is no metadata; expected e.g. rows=10 accuracy=0.95 champion=true lang=de")
        found[key] = _value(value)
    return found


def _value(text: str) -> str | int | float | bool:
    if text in ("true", "false"):
        return text == "true"
    readers: tuple[Callable[[str], int | float], ...] = (int, float)
    for read in readers:
        try:
            return read(text)
        except ValueError:
            continue
    return text


def _asset(name: str, names: Names) -> str:
    if name in names.assets:
        return _undivided(name, name, names)
    raise _Wrong(f"there is no asset {name!r}{_near(name, names.assets)}")


def _dataset(name: str, names: Names) -> str:
    """The URI that a name means; what looks like a URI may be one that nobody declared."""
    if name in names.datasets:
        return _undivided(name, names.datasets[name], names)
    if re.search(r"[./:]", name):
        return name
    raise _Wrong(f"there is no dataset {name!r}{_near(name, names.datasets)}")


def _undivided(name: str, meant: str, names: Names) -> str:
    if meant in names.divided:
        raise _Wrong(f"{name} has partitions, of which a script cannot tell; expected an asset or a dataset without")
    return meant


def _near(name: str, known: Iterable[str]) -> str:
    several = sorted(known)
    near = get_close_matches(name, several, n=1)
    if near:
        return f"; did you mean {near[0]!r}?"
    return f"; expected one of: {', '.join(several[:8])}{' …' * (len(several) > 8)}" if several else ""
