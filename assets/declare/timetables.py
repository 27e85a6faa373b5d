"""Timetables: `Cron` and `Every`. A timetable answers two questions and remembers nothing: which tick comes next after
an instant, and which was the last at or before it. Pure: the instant is always given."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from heapq import heappop, heappush
from typing import Any, Never, Protocol, runtime_checkable
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from ...storage.errors import DefinitionError
from .conditions import Condition, leaves
from .durations import as_text
from .faults import report
from .keywords import duration, text, told, unknown_keyword

_ALIASES = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_HORIZON = (timedelta(hours=1), timedelta(days=2), timedelta(days=40), timedelta(days=400), timedelta(days=366 * 9))


@runtime_checkable
class Timetable(Protocol):
    """What the planner asks of a timetable. Instants are aware and UTC."""

    def next(self, after: datetime) -> datetime | None:
        """The first tick strictly after `after`; None when there is none any more."""
        ...

    def previous(self, at: datetime) -> datetime | None:
        """The last tick at or before `at`; None when there was none."""
        ...

    @property
    def label(self) -> str:
        """How people call it; also its identity within one condition."""
        ...


@dataclass(frozen=True, slots=True, init=False)
class Cron(Condition):
    """Holds from each tick of a cron expression, in a zone, until a run consumes it.

    Five fields (minute hour day month weekday) or an alias such as `@weekly`. Wall-clock times that a change of the
    clocks leaves out are shifted by the gap; times that occur twice tick at the second occurrence, save where
    the hour field is `*`, which ticks in both.

    Raises
    ------
    DefinitionError: the expression or the zone is not known.

    >>> Cron("0 3 * * *", tz="Europe/Berlin").next(datetime(2026, 1, 1, tzinfo=UTC)).isoformat()
    '2026-01-01T02:00:00+00:00'
    """

    expression: str
    tz: str

    def __init__(self, expression: str, *, tz: str = "UTC", **unknown: Never) -> None:
        for key in unknown:
            report(unknown_keyword(key, ["tz"], of="Cron"))
        object.__setattr__(self, "expression", told(_expression, "Cron", expression, instead="@daily"))
        object.__setattr__(self, "tz", told(_tz, "tz", tz, instead="UTC", about=f"Cron({expression!r}): "))

    @property
    def label(self) -> str:
        """`cron 0 3 * * * Europe/Berlin`."""
        return f"cron {self.expression} {self.tz}"

    def next(self, after: datetime) -> datetime | None:
        """The first tick strictly after `after`."""
        wall = after.astimezone(_zone(self.tz)).replace(tzinfo=None)
        # A wall-clock time that was left out ticks later by the shift: starting that much early misses nothing.
        for tick in self._from(wall if self._steady(after) else wall - _LARGEST_SHIFT):
            if tick > after:
                return tick
        return None

    def previous(self, at: datetime) -> datetime | None:
        """The last tick at or before `at`."""
        wall = at.astimezone(_zone(self.tz)).replace(tzinfo=None)
        for horizon in _HORIZON[0 if self._steady(at) else 1 :]:
            last: datetime | None = None
            for tick in self._from(wall - horizon):
                if tick > at:
                    break
                last = tick
            if last is not None:
                return last
        return None

    def _steady(self, at: datetime) -> bool:
        """Whether the clocks stand still around an instant, so that wall-clock order is the order of instants."""
        around = (at - _NEAR, at, at + _NEAR)
        return len({moment.astimezone(_zone(self.tz)).utcoffset() for moment in around}) == 1

    def _from(self, wall: datetime) -> Iterator[datetime]:
        """Ticks in order from a naive wall-clock time on, as instants, none twice."""
        if _is_only_impossible(self.expression):
            return
        zone = _zone(self.tz)
        both = _ALIASES.get(self.expression, self.expression).split()[1].startswith("*")
        # Where clocks change, wall-clock order is not the order of instants: 02:30 comes before the second 02:00.
        # Instants wait here until nothing earlier can follow.
        waiting: list[datetime] = []
        last: datetime | None = None
        for naive in _parsed(self.expression, wall):
            earliest = _earliest(naive, zone)
            while waiting and waiting[0] <= earliest:
                tick = heappop(waiting)
                if tick != last:
                    yield tick
                last = tick
            for instant in _instants(naive, zone, both=both):
                heappush(waiting, instant)
        for tick in sorted(set(waiting) - {last}):
            yield tick


@dataclass(frozen=True, slots=True, init=False)
class Every(Condition):
    """Holds from each tick of a regular interval, counted from 1970-01-01T00:00Z, until a run consumes it.

    >>> Every("6h").previous(datetime(2026, 1, 1, 7, tzinfo=UTC)).isoformat()
    '2026-01-01T06:00:00+00:00'
    """

    interval: timedelta

    def __init__(self, interval: str | timedelta, **unknown: Never) -> None:
        for key in unknown:
            report(unknown_keyword(key, (), of="Every"))
        read = told(duration, "interval", interval, instead=timedelta(days=1), about="Every: ")
        object.__setattr__(self, "interval", read)

    @property
    def label(self) -> str:
        """`every 6h`."""
        return f"every {as_text(self.interval)}"

    def next(self, after: datetime) -> datetime | None:
        """The first tick strictly after `after`."""
        return self.previous(after) + self.interval

    def previous(self, at: datetime) -> datetime:
        """The last tick at or before `at`."""
        return _EPOCH + (at - _EPOCH) // self.interval * self.interval


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LARGEST_SHIFT = timedelta(hours=24)  # a zone that changed sides of the date line left a whole day out
_NEAR = _LARGEST_SHIFT + timedelta(hours=1)


def _parsed(expression: str, wall: datetime = datetime(2000, 1, 1)) -> CronSim:  # noqa: DTZ001  wall-clock time
    fields = _ALIASES.get(expression, expression)
    if len(fields.split()) != 5:  # with six, cronsim would read the first as seconds
        raise CronSimError("Wrong number of fields")
    return CronSim(fields, wall)


def _expression(_key: str, given: Any) -> str:
    expression = " ".join(given.split()) if isinstance(given, str) else ""
    why = _fault_in(expression)
    if not why:
        return expression
    raise DefinitionError(
        f"Cron({given!r}) is not a cron expression: {why}",
        hint='Five fields: minute hour day month weekday, e.g. "0 3 * * *"; or an alias such as "@weekly".',
    )


def _tz(key: str, given: Any) -> str:
    try:
        _zone(text(key, given))
    except (KeyError, ValueError, OSError) as error:
        raise DefinitionError(
            f"{key}={given!r}: no such time zone", hint='Use a name of the IANA database, e.g. "Europe/Berlin".'
        ) from error
    return given


def _fault_in(expression: str) -> str:
    """What is wrong with the syntax of an expression; "" when nothing is."""
    if len(_ALIASES.get(expression, expression).split()) != 5:
        return "it has not five fields"
    try:
        _parsed(expression)
    except CronSimError as error:
        return "" if _is_only_impossible(expression) else str(error)
    return ""


@lru_cache(maxsize=256)
def _is_only_impossible(expression: str) -> bool:
    """Whether every field is right and only the day does not exist (30 February): no fault of syntax, but no tick."""
    try:
        _parsed(expression)
    except CronSimError:
        minute, hour, day, month, weekday = expression.split()
        try:
            _parsed(f"{minute} {hour} {day} * {weekday}")
            _parsed(f"{minute} {hour} * {month} {weekday}")
        except CronSimError:
            return False
        return True
    return False


@lru_cache(maxsize=256)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def _earliest(naive: datetime, zone: ZoneInfo) -> datetime:
    """No wall-clock time from `naive` on can tick before this instant, whatever the clocks do next."""
    ahead = (naive + _NEAR).replace(tzinfo=zone)
    offsets = [moment.utcoffset() or timedelta() for moment in (naive.replace(tzinfo=zone), ahead)]
    return naive.replace(tzinfo=UTC) - max(offsets)


def _instants(naive: datetime, zone: ZoneInfo, *, both: bool) -> tuple[datetime, ...]:
    """The instants of one wall-clock time, in order: one; two where clocks go back and `both` is asked for."""
    first = naive.replace(tzinfo=zone, fold=0).astimezone(UTC)
    second = naive.replace(tzinfo=zone, fold=1).astimezone(UTC)
    if first == second:
        return (first,)
    if first > second:  # a gap: read with the offset before it, the time lies as far behind the gap as it was inside
        return (first,)
    return (first, second) if both else (second,)


def timetables(condition: Condition | None) -> tuple[Timetable, ...]:
    """The timetables in a condition, each once, from left to right."""
    found = {leaf.label: leaf for leaf in leaves(condition) if isinstance(leaf, Cron | Every)}
    return tuple(found.values())
