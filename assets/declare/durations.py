"""Durations as people write them: `"30s"`, `"15m"`, `"12h"`, `"7d"`, `"1h30m"`. Pure."""

from __future__ import annotations

import re
from datetime import timedelta

from ...storage.errors import DefinitionError

_UNITS = {"ms": "milliseconds", "s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d|w)")
_WHOLE = re.compile(rf"(?:{_PART.pattern})+")


def as_duration(value: str | timedelta) -> timedelta:
    """A positive duration.

    >>> as_duration("1h30m")
    datetime.timedelta(seconds=5400)

    Raises
    ------
    DefinitionError: it is no duration, or it is zero, negative or too long to be one.
    """
    duration = value if isinstance(value, timedelta) else _parsed(value)
    if duration <= timedelta(0):
        raise DefinitionError(f"the duration {value!r} is not above zero", hint='Write one such as "30s" or "12h".')
    return duration


def _parsed(text: object) -> timedelta:
    if not isinstance(text, str) or not _WHOLE.fullmatch(text.strip()):
        raise DefinitionError(
            f"{text!r} is not a duration",
            hint='Write numbers with a unit (ms, s, m, h, d, w): "30s", "15m", "12h", "7d", "1h30m".',
        )
    try:
        return sum((timedelta(**{_UNITS[unit]: float(number)}) for number, unit in _PART.findall(text)), timedelta(0))
    except OverflowError as error:
        raise DefinitionError(f"the duration {text!r} is too long", hint='Write one such as "30s" or "12h".') from error


def as_text(duration: timedelta) -> str:
    """The text that `as_duration` reads back without loss.

    >>> as_text(timedelta(minutes=90))
    '1h30m'
    """
    left = duration // timedelta(microseconds=1)
    parts: list[str] = []
    for unit, size in (("d", 86_400_000_000), ("h", 3_600_000_000), ("m", 60_000_000), ("s", 1_000_000)):
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count}{unit}")
    if left:
        parts.append(f"{left / 1000:g}ms")  # at most six digits, three of them behind the point: exact
    return "".join(parts) or "0s"
