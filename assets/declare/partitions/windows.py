"""Partitions that are windows of time, between the ticks of any timetable; `grains.py` has those of the calendar.

A window lasts from one tick of its timetable to the next, in a zone: a local day has 23, 24 or 25 hours. A day that a
change of the clocks leaves the beginning of begins where the gap ends; of two midnights the first begins it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any, Never

from ....storage.errors import DefinitionError, UsageError
from .. import keywords
from ..faults import report
from ..keywords import told, unknown_keyword
from ..ticks.counting import shifted
from ..ticks.timetables import Cron, Every
from ..ticks.zone import read_zone, zone_of
from .partition import NOTHING_KNOWN, KeyFault, Known, Partition, Place
from .product import Multipliable
from .spans import Extent, Spans, Steps, instant, nowhere, seconds
from .spelling import SPELLINGS, Spelling, beginnings, written
from .texts import read_name

_LEAST = datetime.resolution
_YEARS = range(1800, 2400)
_ANY_START = datetime(2000, 1, 1, tzinfo=UTC)
_WHEN = 'Write a date or a time in the zone, start="2026-01-01", or an aware datetime.'


@dataclass(frozen=True, slots=True, init=False)
class Windows(Multipliable):
    """The windows between the ticks of a timetable: `Windows(Cron("*/5 * * * *"), start="2026-01-01")`.

    Parameters
    ----------
    timetable: a `Cron` or an `Every` of whole seconds; its jitter and catch-up mean nothing here.
    start: a date or a time in the zone (`"2026-01-01"`, `"2026-01-01T06:00"`), or an aware datetime. The first window
        is the first that begins at or after it.
    end: likewise; the last window is the last that ends at or before it. None: there is always a next one.
    tz: the zone in which keys are written; by default that of the cron, else UTC.
    name: of the dimension, in URIs and selections: `{window}`.

    Raises
    ------
    DefinitionError: the timetable, the zone or a time is none; no window lies between start and end.

    >>> days = Daily(start="2024-01-01", tz="America/New_York")
    >>> days.partition("2024-03-10").end - days.partition("2024-03-10").start
    datetime.timedelta(seconds=82800)
    """

    timetable: Cron | Every
    tz: str
    start: datetime
    end: datetime | None
    name: str
    grain: str
    first: datetime = field(compare=False, repr=False)
    until: datetime | None = field(compare=False, repr=False)

    def __init__(
        self,
        timetable: Cron | Every,
        *,
        start: str | date,
        end: str | date | None = None,
        tz: str | None = None,
        name: str | None = None,
        **unknown: Never,
    ) -> None:
        for key in unknown:
            report(unknown_keyword(key, ("start", "end", "tz", "name"), of="Windows"))
        read = told(_timetable, "Windows", timetable, instead=Every("1d"))
        zone = tz if tz is not None else read.tz if isinstance(read, Cron) else "UTC"
        if isinstance(read, Cron) and tz not in {None, read.tz}:
            report(
                DefinitionError(
                    f"Windows: the cron ticks in {read.tz}, and tz={tz!r} is another zone",
                    hint="Say tz= at the cron alone.",
                )
            )
            zone = read.tz
        settle(self, read, "window", start=start, end=end, tz=zone, name=name)

    @property
    def dimensions(self) -> tuple[Windows, ...]:
        """Itself: it is one dimension."""
        return (self,)

    @property
    def label(self) -> str:
        """`daily in Europe/Berlin`, `windows of cron */5 * * * * UTC`."""
        said = self._spelling.word
        return f"{said} in {self.tz}" if said else f"windows of {self.timetable.label}"

    @property
    def timed(self) -> bool:
        """Its keys are windows of time."""
        return True

    @property
    def pattern(self) -> str:
        """What its keys look like."""
        return self._spelling.whole

    def alike(self, other: object) -> bool:
        """Whether it has the same windows, from whenever until whenever."""
        return isinstance(other, Windows) and self.timetable.label == other.timetable.label and self.tz == other.tz

    def fault(self, key: str, known: Known = NOTHING_KNOWN) -> KeyFault | None:
        """Why this is no key; None when it is one."""
        bounds = _bounds(self, key)
        if bounds is None:
            return self._unreadable(key)
        begin, end = bounds
        if begin < self.first or (self.until is not None and end > self.until):
            after = begin >= self.first and self.until is not None
            last = self.closed(self.until) if after and self.until is not None else None
            near = last or self.key_of(self.first)
            edge = f"ends with {near}" if after else f"begins with {near}"
            return KeyFault(
                kind="outside", message=f"{key!r} is not in {self.label}, which {edge}", hint=f"The nearest is {near}."
            )
        if known.until is not None and end > known.until:
            newest = self.closed(known.until)
            return KeyFault(
                kind="future",
                message=f"{key!r} is not over: its window ends at {_shown(end, self.tz)}, and it is "
                f"{_shown(known.until, self.tz)}",
                hint=f"The last one that is over is {newest}." if newest else "None is over yet.",
            )
        return None

    def partition(self, key: str) -> Partition:
        """The partition of a key, with the bounds of its window."""
        begin, end = self._must_be(key)
        return Partition(key=key, start=begin, end=end, parts={self.name: key})

    def place(self, key: str) -> Place:
        """`("", start, end)` in seconds since 1970."""
        begin, end = self._must_be(key)
        return Place("", seconds(begin), seconds(end))

    def select(self, first: str | None = None, last: str | None = None, known: Known = NOTHING_KNOWN) -> Spans:
        """Its keys from one to another, both included, as far as they are defined and known."""
        begin = self.first if first is None else max(self.first, self._must_be(first)[0])
        until = None if last is None else self._must_be(last)[1]
        return self.spans([(begin, self.limit(known, until))])

    def single(self, key: str) -> Spans:
        """This key alone."""
        return self.spans([self._must_be(key)])

    def within(self, place: Place, known: Known = NOTHING_KNOWN) -> Spans:
        """The keys whose windows lie in a range of the line `""`."""
        if place.line:
            return self.spans([])
        begin, end = instant(place.start), instant(place.end)
        return self.spans([(max(begin, self.first), self.limit(known, end))])

    def along(self, line: str, known: Known = NOTHING_KNOWN) -> Callable[[int, int], Extent | None]:
        """What lies between two bounds of the line `""`."""
        if line:
            return nowhere
        return Steps(windows=self, low=self.first, high=self.limit(known, None)).extent

    def following(self, key: str, known: Known = NOTHING_KNOWN) -> str | None:
        """The key of the next window."""
        begin = max(self._must_be(key)[1], self.first)
        end = self.end_of(begin)
        bound = self.limit(known, None)
        return self.key_of(begin) if end <= bound else None

    def preceding(self, key: str, known: Known = NOTHING_KNOWN) -> str | None:
        """The key of the window before."""
        end = min(self._must_be(key)[0], self.limit(known, None))
        begin = self.timetable.previous(end - _LEAST)
        return None if begin is None or begin < self.first else self.key_of(begin)

    def containing(self, moment: datetime) -> str | None:
        """The key whose window holds an instant; None outside the definition."""
        begin = self.timetable.previous(moment)
        inside = begin is not None and begin >= self.first and (self.until is None or moment < self.until)
        return self.key_of(begin) if inside and begin is not None else None

    def closed(self, moment: datetime) -> str | None:
        """The key of the last window that has ended at an instant; None when none has."""
        end = moment if self.until is None else min(moment, self.until)
        begin = self._last_begin(end) if end > self.first else None
        return None if begin is None or begin < self.first else self.key_of(begin)

    def moved(self, key: str, by: int) -> str | None:
        """The key so many windows further on, defined or not; None where the calendar ends."""
        begin = shifted(self.timetable, self._must_be(key)[0], by)
        return None if begin is None else self.key_of(begin)

    def spans(self, bounds: list[tuple[datetime, datetime]]) -> Spans:
        """The windows that lie in these ranges of instants, which are in order and apart."""
        return Spans(windows=self, bounds=tuple(bounds))

    def overlapping(self, begin: datetime, end: datetime) -> tuple[datetime, datetime]:
        """The bounds of the windows that share an instant with a range, cut to the definition."""
        low = self.timetable.previous(begin)
        ceiling = self.timetable.next(end - _LEAST)
        low = self.first if low is None else max(low, self.first)
        return low, self.limit(NOTHING_KNOWN, ceiling)

    def limit(self, known: Known, bound: datetime | None) -> datetime:
        """The least of an instant, the end of the definition and what is known."""
        from_all = [one for one in (bound, self.until, known.until) if one is not None]
        return min(from_all) if from_all else _FOREVER

    def key_of(self, begin: datetime) -> str:
        """The key of the window that begins at this tick."""
        return written(self._spelling, self.tz, begin)

    def end_of(self, begin: datetime) -> datetime:
        """Where the window that begins at this tick ends."""
        end = self.timetable.next(begin)
        return _FOREVER if end is None else end

    def _last_begin(self, end: datetime) -> datetime | None:
        """Where the last window begins that ends at or before an instant."""
        tick = self.timetable.previous(end)
        return None if tick is None else self.timetable.previous(tick - _LEAST)

    @property
    def _spelling(self) -> Spelling:
        return SPELLINGS[self.grain]

    def begin_of(self, key: str) -> datetime | None:
        """The tick at which the window of a key begins; None when it is no key."""
        for at in beginnings(self._spelling, self.tz, key):
            if self.timetable.previous(at) == at and self.key_of(at) == key:
                return at
        return None

    def _must_be(self, key: str) -> tuple[datetime, datetime]:
        """The bounds of the window of a key."""
        bounds = _bounds(self, key)
        if bounds is None:
            raise UsageError(str(self._unreadable(key)))
        return bounds

    def _unreadable(self, key: str) -> KeyFault:
        """Written otherwise, or a time at which no window begins; then the nearest that does is named."""
        said = next(beginnings(self._spelling, self.tz, key), None)
        if said is None:
            return KeyFault(
                kind="malformed",
                message=f"{key!r} is no key of {self.label}",
                hint=f"It is written like {self._spelling.example}.",
            )
        near = self.key_of(self.timetable.previous(said) or self.first)
        return KeyFault(
            kind="outside", message=f"no window of {self.label} begins at {key!r}", hint=f"The nearest is {near}."
        )


@lru_cache(maxsize=4096)
def _bounds(windows: Windows, key: str) -> tuple[datetime, datetime] | None:
    """From when until when the window of a key lasts; None when it is no key. Whoever looks at a partition asks for
    them, a pass several times for each, and the clock of a zone is slow to be asked."""
    begin = windows.begin_of(key)
    return None if begin is None else (begin, windows.end_of(begin))


_FOREVER = datetime(_YEARS.stop, 1, 1, tzinfo=UTC)
"""Where windows without an end stop."""


def settle(
    windows: Windows,
    timetable: Cron | Every,
    grain: str,
    *,
    start: str | date,
    end: str | date | None,
    tz: str,
    name: str | None,
) -> None:
    """Give the windows their values; what is wrong is told, and something usable stands in its place."""
    about = f"{SPELLINGS[grain].word.capitalize() or 'Windows'}: "
    zone = told(read_zone, "tz", tz, instead="UTC", about=about)
    called = told(keywords.text_or_none, "name", name, instead=None, about=about) or grain

    def moment(key: str, given: Any) -> datetime:
        return _moment(key, given, zone)

    begin = told(moment, "start", start, instead=_ANY_START, about=about)
    until = None if end is None else told(moment, "end", end, instead=None, about=about)
    first = timetable.next(begin - _LEAST)
    if first is None:
        report(
            DefinitionError(
                f"{about}{timetable.label} has no tick after {_shown(begin, zone)}", hint="Name days that there are."
            )
        )
        timetable, first = Every("1d"), begin
    last = None if until is None else timetable.previous(until)
    if until is not None and (last is None or last <= first):
        report(
            DefinitionError(
                f"{about}no window lies between start={start!r} and end={end!r}",
                hint="The end comes after the start, by a window at least; it is not included.",
            )
        )
        until = last = None
    values = {"timetable": timetable, "tz": zone, "start": begin, "end": until, "grain": grain, "first": first,
              "until": last, "name": told(read_name, "name", called, instead=grain, about=about)}  # fmt: skip
    for key, value in values.items():
        object.__setattr__(windows, key, value)


def _timetable(key: str, given: Any) -> Cron | Every:
    if not isinstance(given, Cron | Every):
        raise DefinitionError(
            f"{key} got {given!r}, which is no timetable", hint=f'Write e.g. {key}(Cron("*/5 * * * *"), start=…).'
        )
    if isinstance(given, Every) and given.interval % timedelta(seconds=1):
        raise DefinitionError(
            f"{key}: the interval of {given.label} is no whole number of seconds", hint="Windows have whole seconds."
        )
    return given


def _moment(key: str, given: Any, zone: str) -> datetime:
    """An instant: text and dates are read in the zone."""
    found: datetime | None = None
    if isinstance(given, str):
        try:
            found = datetime.fromisoformat(given)
        except ValueError as error:
            raise DefinitionError(f"{key}={given!r} is no date or time", hint=_WHEN) from error
        found = found.replace(tzinfo=zone_of(zone)) if found.tzinfo is None else found
    elif isinstance(given, datetime):
        if given.tzinfo is None:
            raise DefinitionError(f"{key}={given!r} has no zone", hint=_WHEN)
        found = given
    elif isinstance(given, date):
        found = datetime(given.year, given.month, given.day, tzinfo=zone_of(zone))
    if found is None:
        raise DefinitionError(f"{key}={given!r} is no date or time", hint=_WHEN)
    if found.year not in _YEARS:
        raise DefinitionError(
            f"{key}={given!r} lies in the year {found.year}, and partitions lie from {_YEARS[0]} to {_YEARS[-1]}",
            hint=_WHEN,
        )
    return found.astimezone(UTC)


def _shown(at: datetime, zone: str) -> str:
    return at.astimezone(zone_of(zone)).isoformat(timespec="minutes")
