"""Windows of the calendar: `Hourly`, `Daily`, `Weekly`, `Monthly`. A day that begins in a gap of the clocks
begins where the gap ends; of two midnights the first begins it; of two equal hours each is a window."""

from __future__ import annotations

from datetime import date
from typing import Never

from ....storage.types import Fold, Gap
from ..faults import report
from ..keywords import told, unknown_keyword
from ..ticks.timetables import Cron
from ..ticks.zone import read_zone
from .spelling import SPELLINGS
from .windows import Windows, settle

_TICKS = {"hour": "0 * * * *", "day": "0 0 * * *", "week": "0 0 * * 1", "month": "0 0 1 * *"}
"""Grain → the ticks between which its windows lie."""


class Hourly(Windows):
    """Hours of a zone: `Hourly(start="2026-01-01", tz="Europe/Berlin")`, with keys such as `2026-01-05T07`.

    An hour that the clocks show twice is two windows, `2024-11-03T01-0400` and `2024-11-03T01-0500`. `start`, `end`,
    `tz` and `name` (`"hour"`) as of `Windows`.
    """

    __slots__ = ()

    def __init__(
        self,
        *,
        start: str | date,
        end: str | date | None = None,
        tz: str = "UTC",
        name: str | None = None,
        **unknown: Never,
    ) -> None:
        _calendar(self, "hour", start=start, end=end, tz=tz, name=name, unknown=unknown)


class Daily(Windows):
    """Days of a zone: `Daily(start="2026-01-01", tz="Europe/Berlin")`, with keys such as `2026-01-05`.

    `start`, `end`, `tz` and `name` (`"day"`) as of `Windows`.
    """

    __slots__ = ()

    def __init__(
        self,
        *,
        start: str | date,
        end: str | date | None = None,
        tz: str = "UTC",
        name: str | None = None,
        **unknown: Never,
    ) -> None:
        _calendar(self, "day", start=start, end=end, tz=tz, name=name, unknown=unknown)


class Weekly(Windows):
    """ISO weeks of a zone, from Monday: `Weekly(start="2026-01-01")`, with keys such as `2026-W01`.

    `start`, `end`, `tz` and `name` (`"week"`) as of `Windows`.
    """

    __slots__ = ()

    def __init__(
        self,
        *,
        start: str | date,
        end: str | date | None = None,
        tz: str = "UTC",
        name: str | None = None,
        **unknown: Never,
    ) -> None:
        _calendar(self, "week", start=start, end=end, tz=tz, name=name, unknown=unknown)


class Monthly(Windows):
    """Months of a zone: `Monthly(start="2026-01-01")`, with keys such as `2026-01`.

    `start`, `end`, `tz` and `name` (`"month"`) as of `Windows`.
    """

    __slots__ = ()

    def __init__(
        self,
        *,
        start: str | date,
        end: str | date | None = None,
        tz: str = "UTC",
        name: str | None = None,
        **unknown: Never,
    ) -> None:
        _calendar(self, "month", start=start, end=end, tz=tz, name=name, unknown=unknown)


def _calendar(
    windows: Windows,
    grain: str,
    *,
    start: str | date,
    end: str | date | None,
    tz: str,
    name: str | None,
    unknown: dict[str, Never],
) -> None:
    made_by = SPELLINGS[grain].word.capitalize()
    for key in unknown:
        report(unknown_keyword(key, ("start", "end", "tz", "name"), of=made_by))
    zone = told(read_zone, "tz", tz, instead="UTC", about=f"{made_by}: ")
    ticks = Cron(_TICKS[grain], tz=zone, gap=Gap.END, fold=Fold.FIRST)
    settle(windows, ticks, grain, start=start, end=end, tz=zone, name=name)
