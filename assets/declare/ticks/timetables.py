"""Timetables: `Cron` and `Every`. A timetable answers two questions and remembers nothing: which tick comes next after
an instant, and which was the last at or before it. Pure: the instant is always given."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Never, Protocol, runtime_checkable

from ....storage.errors import DefinitionError, UsageError
from ....storage.types import Catchup, Fold, Gap
from ..conditions.tree import Condition, leaves
from ..durations import as_text
from ..faults import report
from ..keywords import duration, told, unknown_keyword, word
from .days import read_days, shown
from .expression import read_expression
from .wall import wall_times
from .zone import BEGIN, END, first_tick, last_tick, read_zone

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NEXT = datetime.resolution
_NONE = timedelta(0)


@runtime_checkable
class Timetable(Protocol):
    """What the planner asks of a timetable. Instants are aware; ticks are UTC and lie within the years 3 to 9996.

    Ticks are the instants that are named, before any jitter, and are the same for every process that ever asks.
    `next(t) > t` and `previous(t) <= t`, nothing lies between, and `previous(next(t)) == next(t)`.
    """

    def next(self, moment: datetime) -> datetime | None:
        """The first tick strictly after `moment`; None when there is none any more."""
        ...

    def previous(self, moment: datetime) -> datetime | None:
        """The last tick at or before `moment`; None when there was none."""
        ...

    @property
    def label(self) -> str:
        """How people call it, and its identity within one condition: timetables with other ticks have other labels.

        Jitter and catch-up change no tick and are no part of it, so that editing them forgets nothing.
        """
        ...

    @property
    def jitter(self) -> timedelta:
        """Ticks become due later than they are by less than this; zero for at once."""
        ...

    @property
    def catchup(self) -> Catchup | int:
        """Which of several missed ticks are made up for."""
        ...


@dataclass(frozen=True, slots=True, init=False)
class Cron(Condition):
    """Holds from each tick of one or several cron expressions, in a zone, until a run consumes it.

    Parameters
    ----------
    expressions: each five fields (minute hour day month weekday) or an alias such as `@weekly`. Several tick at the
        times of each, and once where they meet: `Cron("0 6 * * 1-5", "0 9 * * sat,sun")`. Where day and weekday are
        both given, one of them is enough; where either begins with `*`, both must fit.
    tz: the IANA zone on whose clocks the times are read.
    gap: what becomes of a time that a change of the clocks leaves out. `"shift"`: it ticks as far behind the gap as it
        lies in it (02:30 becomes 03:30); `"end"`: where the gap ends (03:00); `"skip"`: not at all.
    fold: at which occurrence a time ticks that a change of the clocks shows twice: `"second"`, `"first"` or `"both"`.
        An hour field that begins with `*` means each hour that passes and ticks in both, whatever this says; `0-23`
        obeys.
    calendar: days of the zone that are left out: dates (`"2026-12-25"` or a `date`), days of every year (`"12-25"`),
        weekdays (`"sat"`). The day is that on which the expression names the time, also where a gap shifts it.
    jitter: spreads load: a tick is due later by a part of this (`"10m"`) that is worked out from the asset and the
        timetable, the same each time. The tick itself stays what it is.
    catchup: which ticks are made up for that were missed: `"latest"`, `"all"`, `"none"`, or so many of the newest.
        `ticks/due.py` has the rule.

    Raises
    ------
    DefinitionError: an expression (the message shows where), the zone, a word or a day is not known.

    >>> Cron("0 3 * * *", tz="Europe/Berlin").next(datetime(2026, 1, 1, tzinfo=UTC)).isoformat()
    '2026-01-01T02:00:00+00:00'
    """

    expressions: tuple[str, ...]
    tz: str
    gap: Gap
    fold: Fold
    calendar: tuple[str, ...]
    jitter: timedelta
    catchup: Catchup | int

    def __init__(
        self,
        *expressions: str,
        tz: str = "UTC",
        gap: Gap | str = Gap.SHIFT,
        fold: Fold | str = Fold.SECOND,
        calendar: str | date | Iterable[str | date] = (),
        jitter: str | timedelta | None = None,
        catchup: Catchup | str | int = Catchup.LATEST,
        **unknown: Never,
    ) -> None:
        if not expressions:
            report(DefinitionError("Cron() has no expression", hint='Write one: Cron("0 3 * * *").'))
        for key in unknown:
            report(unknown_keyword(key, ("tz", "gap", "fold", "calendar", "jitter", "catchup"), of="Cron"))
        about = f"Cron({', '.join(map(repr, expressions))}): "
        read = [told(read_expression, "Cron", one, instead="@daily") for one in expressions]
        values = {
            "expressions": tuple(dict.fromkeys(read)) or ("@daily",),
            "tz": told(read_zone, "tz", tz, instead="UTC", about=about),
            "gap": told(word(Gap), "gap", gap, instead=Gap.SHIFT, about=about),
            "fold": told(word(Fold), "fold", fold, instead=Fold.SECOND, about=about),
            "calendar": told(read_days, "calendar", calendar, instead=(), about=about),
            "jitter": told(_jitter, "jitter", jitter, instead=_NONE, about=about),
            "catchup": told(_catchup, "catchup", catchup, instead=Catchup.LATEST, about=about),
        }
        for key, value in values.items():
            object.__setattr__(self, key, value)

    @property
    def label(self) -> str:
        """`cron 0 3 * * * Europe/Berlin`; several as `cron 0 6 * * *; 0 18 * * * UTC`, in the same order however they
        are written; then policies other than the default, and days that are left out."""
        parts = [f"cron {'; '.join(sorted(self.expressions))} {self.tz}"]
        if self.gap is not Gap.SHIFT:
            parts.append(f"gap={self.gap}")
        if self.fold is not Fold.SECOND:
            parts.append(f"fold={self.fold}")
        if self.calendar:
            parts.append(f"without {shown(self.calendar)}")
        return " ".join(parts)

    def next(self, moment: datetime) -> datetime | None:
        """The first tick strictly after `moment`; None when there is none any more."""
        at = _instant(moment, self) + _NEXT
        found = [
            tick
            for one in self.expressions
            if (tick := first_tick(wall_times(one, self.calendar), self.tz, self.gap, self.fold, at)) is not None
        ]
        return min(found, default=None)

    def previous(self, moment: datetime) -> datetime | None:
        """The last tick at or before `moment`; None when there was none."""
        at = _instant(moment, self)
        found = [
            tick
            for one in self.expressions
            if (tick := last_tick(wall_times(one, self.calendar), self.tz, self.gap, self.fold, at)) is not None
        ]
        return max(found, default=None)


@dataclass(frozen=True, slots=True, init=False)
class Every(Condition):
    """Holds from each tick of a regular interval, counted from 1970-01-01T00:00Z, until a run consumes it.

    Parameters
    ----------
    interval: from one tick to the next, whatever the clocks do: `"15m"`, `"6h"`.
    jitter, catchup: as of `Cron`.

    Raises
    ------
    DefinitionError: a duration is none, or a word is not known.

    >>> Every("6h").previous(datetime(2026, 1, 1, 7, tzinfo=UTC)).isoformat()
    '2026-01-01T06:00:00+00:00'
    """

    interval: timedelta
    jitter: timedelta
    catchup: Catchup | int

    def __init__(
        self,
        interval: str | timedelta,
        *,
        jitter: str | timedelta | None = None,
        catchup: Catchup | str | int = Catchup.LATEST,
        **unknown: Never,
    ) -> None:
        for key in unknown:
            report(unknown_keyword(key, ("jitter", "catchup"), of="Every"))
        values = {
            "interval": told(duration, "interval", interval, instead=timedelta(days=1), about="Every: "),
            "jitter": told(_jitter, "jitter", jitter, instead=_NONE, about="Every: "),
            "catchup": told(_catchup, "catchup", catchup, instead=Catchup.LATEST, about="Every: "),
        }
        for key, value in values.items():
            object.__setattr__(self, key, value)

    @property
    def label(self) -> str:
        """`every 6h`."""
        return f"every {as_text(self.interval)}"

    def next(self, moment: datetime) -> datetime | None:
        """The first tick strictly after `moment`; None when there is none any more."""
        count = (_instant(moment, self) - _EPOCH) // self.interval + 1
        return self._tick(count) if count <= (END - _NEXT - _EPOCH) // self.interval else None

    def previous(self, moment: datetime) -> datetime | None:
        """The last tick at or before `moment`; None when there was none."""
        count = (_instant(moment, self) - _EPOCH) // self.interval
        return self._tick(count) if count >= -((_EPOCH - BEGIN) // self.interval) else None

    def _tick(self, count: int) -> datetime:
        return _EPOCH + count * self.interval


def _instant(moment: datetime, timetable: Cron | Every) -> datetime:
    """The moment in UTC, kept within the years that have ticks."""
    if moment.tzinfo is UTC and BEGIN.year <= moment.year < END.year:
        return moment
    if moment.tzinfo is None or moment.utcoffset() is None:
        raise UsageError(
            f"{timetable.label} was asked about {moment.isoformat()}, a time without a zone: it could be any of many "
            "instants",
            hint="Give an aware one: datetime(…, tzinfo=UTC).",
        )
    if not BEGIN.year <= moment.year < END.year:
        return (BEGIN if moment.year < BEGIN.year else END) - _NEXT
    return moment.astimezone(UTC)


def _jitter(key: str, given: Any) -> timedelta:
    return _NONE if given is None or given == _NONE else duration(key, given)


def _catchup(key: str, given: Any) -> Catchup | int:
    if isinstance(given, int) and not isinstance(given, bool) and given >= 1:
        return given
    if isinstance(given, str) and given in tuple(Catchup):
        return Catchup(given)
    raise DefinitionError(
        f"{key}={given!r} is not known", hint=f"Use one of: {', '.join(Catchup)}; or a number of ticks, at least 1."
    )


def timetables(condition: Condition | None) -> tuple[Timetable, ...]:
    """The timetables in a condition, each once, from left to right."""
    found = {leaf.label: leaf for leaf in leaves(condition) if isinstance(leaf, Cron | Every)}
    return tuple(found.values())
