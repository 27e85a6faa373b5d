"""Timetables as plain JSON data and back, without loss. What is at its default is left out, so that a plain timetable
stays plain and what earlier forms wrote can be read."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from ....storage.errors import DatabaseFault
from ....storage.types import Catchup, Fold, Gap
from ..durations import as_text
from .timetables import Cron, Every

_DEFAULTS: Mapping[str, Any] = {
    "gap": Gap.SHIFT.value,
    "fold": Fold.SECOND.value,
    "calendar": [],
    "jitter": as_text(timedelta(0)),
    "catchup": Catchup.LATEST.value,
}
_CRON = frozenset({"cron", "tz", *_DEFAULTS})
_EVERY = frozenset({"every", "jitter", "catchup"})


def timetable_to_plain(timetable: Cron | Every) -> dict[str, Any]:
    """A timetable as JSON-ready data; `timetable_from_plain` gives an equal one back.

    >>> timetable_to_plain(Cron("0 3 * * *", gap="skip"))
    {'cron': '0 3 * * *', 'tz': 'UTC', 'gap': 'skip'}
    """
    catchup = timetable.catchup
    plain: dict[str, Any] = {
        "jitter": as_text(timetable.jitter),
        "catchup": catchup.value if isinstance(catchup, Catchup) else catchup,
    }
    if isinstance(timetable, Every):
        plain = {"every": as_text(timetable.interval), **plain}
    else:
        several = timetable.expressions
        plain = {
            "cron": several[0] if len(several) == 1 else list(several),
            "tz": timetable.tz,
            "gap": timetable.gap.value,
            "fold": timetable.fold.value,
            "calendar": list(timetable.calendar),
            **plain,
        }
    return {key: value for key, value in plain.items() if key not in _DEFAULTS or value != _DEFAULTS[key]}


def timetable_from_plain(plain: Mapping[str, Any]) -> Cron | Every:
    """The timetable that `timetable_to_plain` wrote.

    Raises
    ------
    DatabaseFault: it has a key that this penstock does not know, so that its ticks would be others.
    """
    unknown = sorted(set(plain) - (_CRON if "cron" in plain else _EVERY))
    if unknown:
        raise DatabaseFault(
            f"a stored timetable has {', '.join(unknown)}, which this penstock does not know",
            hint="Upgrade penstock to the version that wrote it.",
        )
    rest = {key: value for key, value in plain.items() if key not in {"cron", "every"}}
    if "every" in plain:
        return Every(plain["every"], **rest)
    several = plain["cron"]
    return Cron(*([several] if isinstance(several, str) else several), **rest)
