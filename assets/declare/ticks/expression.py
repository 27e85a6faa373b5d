"""Cron expressions as people write them: which are well written, and where one is not. The syntax is cronsim's; the
sentences are ours. It knows no time: what an expression names is asked in `wall.py`."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from datetime import datetime
from functools import lru_cache
from typing import Any

from cronsim import CronSim, CronSimError

from ....storage.errors import DefinitionError

ALIASES = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_EXPECTED = (  # what each field is, and what its numbers may be
    ("minute", "0-59"),
    ("hour", "0-23"),
    ("day of the month", "1-31, L for the last day or LW for the last from Monday to Friday"),
    ("month", "1-12 or JAN-DEC"),
    ("weekday", "0-7 (0 and 7 are Sunday) or SUN-SAT, 5L for the last Friday or 1#2 for the second Monday"),
)
_BACKWARDS = re.compile(r"(\d+)-(\d+)(?:/\d+)?")
_HINT = 'Five fields: minute hour day month weekday, e.g. "0 3 * * *"; or an alias such as "@weekly".'
_ANY_WALL_TIME = datetime(2000, 1, 1)  # noqa: DTZ001  cronsim wants one to start from


def fields_of(expression: str) -> tuple[str, ...]:
    """The five fields that an expression or alias stands for."""
    return tuple(ALIASES.get(expression, expression).split())


def parsed(fields: tuple[str, ...]) -> CronSim:
    """What cronsim makes of five fields.

    Raises
    ------
    CronSimError: one of them is wrong, or the day exists in none of the months.
    """
    try:
        return CronSim(" ".join(fields), _ANY_WALL_TIME)
    except ValueError as error:  # a number of thousands of digits
        raise CronSimError(str(error)) from error


def read_expression(_key: str, given: Any) -> str:
    """The expression with single spaces, when it is well written; whether such a day exists is not asked.

    >>> read_expression("", "0  3 * *   1-5")
    '0 3 * * 1-5'

    Raises
    ------
    DefinitionError: it is not; the message shows it, with a caret under what is wrong.
    """
    text = " ".join(given.split()) if isinstance(given, str) else ""
    for begin, width, why in _faults(text)[:1]:
        shown = f"\n    {text}\n    {' ' * begin}{'^' * width}" if text else ""
        raise DefinitionError(f"Cron({given!r}) is not a cron expression: {why}{shown}", hint=_HINT)
    return text


@lru_cache(maxsize=4096)
def _faults(text: str) -> tuple[tuple[int, int, str], ...]:
    """What is wrong, from left to right: where it begins, how many characters it has, and why."""
    return tuple(_searched(text))


def _searched(text: str) -> Iterator[tuple[int, int, str]]:
    fields = text.split()
    if text in ALIASES:
        return
    if text.startswith("@"):
        near = difflib.get_close_matches(text, ALIASES, n=1)
        yield 0, len(text), f"there is no such alias; did you mean {near[0]}?" if near else "there is no such alias"
    elif len(fields) < len(_EXPECTED):
        missing = ", ".join(name for name, _ in _EXPECTED[len(fields) :])
        yield len(text) + 1, 1, f"it has {len(fields)} of five fields; missing: {missing}"
    elif len(fields) > len(_EXPECTED):  # with six, cronsim would read the first as seconds
        begin = len(" ".join(fields[: len(_EXPECTED)])) + 1
        yield begin, len(text) - begin, f"it has {len(fields)} fields, not five (seconds and years are not taken)"
    else:
        begin = 0
        for number, field in enumerate(fields):
            for term in field.split(","):
                if not _right(number, term):
                    yield begin, max(len(term), 1), _why(number, term)
                begin += len(term) + 1


def _right(number: int, term: str) -> bool:
    """Whether a term is right in that field, whatever the other fields say."""
    fields = ["*"] * len(_EXPECTED)
    fields[number] = term
    try:
        parsed(tuple(fields))
    except CronSimError:
        return False
    return True


def _why(number: int, term: str) -> str:
    name, expected = _EXPECTED[number]
    span = _BACKWARDS.fullmatch(term)
    if span and _right(number, span[1]) and _right(number, span[2]):
        return f"the range {term!r} runs backwards"
    return f"{term!r} is no {name}, which is {expected}; or a list a,b, a range a-b, a step */n"
