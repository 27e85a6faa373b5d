"""Answers as plain JSON objects, for programs: times in UTC as ISO 8601, sizes in bytes, digests whole.

The keys are the names of the fields of `ui/read`; programs rely on them.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager, redirect_stdout
from dataclasses import fields, is_dataclass
from datetime import UTC, date, datetime, timedelta
from enum import Enum
from pathlib import PurePath
from typing import Any

from ...assets.plan.reasons import Reason
from .console import print_json


def plain(value: Any) -> Any:
    """A value of ours as JSON-ready data.

    >>> plain({"at": datetime(2026, 1, 5, 10, tzinfo=UTC), "took": timedelta(seconds=1.5)})
    {'at': '2026-01-05T10:00:00Z', 'took': 1.5}
    """
    match value:
        case Enum():
            return value.value
        case None | bool() | int() | float() | str():
            return value
        case datetime():
            return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
        case timedelta():
            return value.total_seconds()
        case Reason():
            return reason(value)
        case Mapping():
            return {str(plain(key)): plain(item) for key, item in value.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType, reportUnknownMemberType]
        case list() | tuple() | set() | frozenset():
            return [plain(item) for item in value]  # pyright: ignore[reportUnknownVariableType]
        case PurePath() | date():
            return str(value)
        case _ if is_dataclass(value):
            return {one.name: plain(getattr(value, one.name)) for one in fields(value)}
        case _:
            raise TypeError(f"{type(value).__name__} has no plain form")


def reason(value: Reason) -> dict[str, Any]:
    """A reason with its words and its text."""
    return {
        "kind": value.kind.value,
        "also": [kind.value for kind in value.also],
        "names": list(value.names),
        "parameters": list(value.parameters),
        "tick": plain(value.tick),
        "detail": value.detail,
        "text": value.text,
    }


def show(value: Any) -> None:
    """The value on standard output, as JSON that every program reads, whatever the terminal's encoding."""
    print_json(plain(value))


@contextmanager
def apart(wanted: bool) -> Generator[None]:
    """Within the block, what code of the project prints goes to standard error, so that JSON stands alone.

    Also what its subprocesses print: the descriptor itself is turned round.
    """
    if not wanted:
        yield
        return
    sys.stdout.flush()
    try:
        kept = os.dup(1)
    except OSError:  # standard output is closed
        kept = None
    try:
        if kept is not None:
            os.dup2(2, 1)
        with redirect_stdout(sys.stderr):
            yield
    finally:
        if kept is not None:
            os.dup2(kept, 1)
            os.close(kept)
