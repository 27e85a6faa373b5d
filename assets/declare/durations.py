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
    DefinitionError: the text is no duration, or it is zero or negative.
    """
    duration = value if isinstance(value, timedelta) else _parsed(value)
    if duration <= timedelta(0):
        raise DefinitionError(f"the duration {value!r} is not above zero", hint='Write one such as "30s" or "12h".')
    return duration


def _parsed(text: str) -> timedelta:
    if not _WHOLE.fullmatch(text.strip()):
        raise DefinitionError(
            f"{text!r} is not a duration",
            hint='Write numbers with a unit (ms, s, m, h, d, w): "30s", "15m", "12h", "7d", "1h30m".',
        )
    return sum((timedelta(**{_UNITS[unit]: float(number)}) for number, unit in _PART.findall(text)), timedelta(0))


def as_text(duration: timedelta) -> str:
    """The shortest text that `as_duration` reads back.

    >>> as_text(timedelta(minutes=90))
    '1h30m'
    """
    left = duration // timedelta(milliseconds=1)
    parts: list[str] = []
    for unit, size in (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)):
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"
