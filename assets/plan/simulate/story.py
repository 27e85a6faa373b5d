"""Stories: what a simulation gave, as values for tests and as a table for people."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import groupby

from ....storage.types import EventKind, RunState
from ..reasons import Reason
from .world import World


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedRun:
    """A run of a story.

    Attributes
    ----------
    at: when it was planned; `ended_at`: None while it runs.
    consumed: the events it took, as `docs@2`: the second event of docs; sorted by name and number.
    superseded: those among them that it is not about: a newer one of the same dataset was there.
    ticks: timetable → the tick it took.
    pins: input parameter → the event whose version it read: `docs@2`.
    """

    asset: str
    at: datetime
    reason: Reason
    state: RunState
    consumed: tuple[str, ...] = ()
    superseded: tuple[str, ...] = ()
    ticks: Mapping[str, datetime] = field(default_factory=dict[str, datetime])
    pins: Mapping[str, str] = field(default_factory=dict[str, str])
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmed:
    """An asset whose condition held by confirmed events alone: nothing ran, its own outputs were confirmed."""

    asset: str
    at: datetime
    consumed: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MissedDeadline:
    """A deadline that passed without a run, and why. `dropped`: the events that were given up for it."""

    asset: str
    tick: datetime
    reason: Reason
    dropped: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedEvent:
    """An event of a story; `event` is `docs@2`, `by` the asset that published it, "" for what came from outside."""

    event: str
    kind: EventKind
    at: datetime
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """What came of a script.

    Attributes
    ----------
    runs: in the order in which they were planned.
    confirmations, missed, events: likewise, in their order.
    held: asset → why nothing happens with it at the end; an asset that runs then is not in it.
    unmatched: events of datasets that nobody declares at the end, and no pattern means.
    ended_at: the time of the end.
    world: everything as it was then, for a story that goes on from here; no part of equality.
    """

    runs: tuple[SimulatedRun, ...]
    confirmations: tuple[Confirmed, ...]
    missed: tuple[MissedDeadline, ...]
    events: tuple[SimulatedEvent, ...]
    held: Mapping[str, Reason]
    unmatched: tuple[str, ...]
    ended_at: datetime
    world: World = field(compare=False, repr=False)

    def of(self, asset: str) -> tuple[SimulatedRun, ...]:
        """The runs of one asset."""
        return tuple(run for run in self.runs if run.asset == asset)

    @property
    def text(self) -> str:
        """The story as a table, a line for each thing that happened, and what is held at the end."""
        return "\n".join(_lines(self))

    def __str__(self) -> str:
        return self.text


def narrowed(story: Story, assets: Collection[str]) -> Story:
    """What a story tells of these assets."""
    return replace(
        story,
        runs=tuple(run for run in story.runs if run.asset in assets),
        confirmations=tuple(one for one in story.confirmations if one.asset in assets),
        missed=tuple(one for one in story.missed if one.asset in assets),
        events=tuple(one for one in story.events if one.by in assets),
        held={name: reason for name, reason in story.held.items() if name in assets},
    )


def rows_of(story: Story) -> list[tuple[datetime, str, str, str]]:
    """What happened, in order of time: when, with which asset, what became of it, and why. Deadlines that an asset
    missed one after the other for one reason are a row together, where they are many."""
    rows = [(run.at, run.asset, run.state.value, _about(run)) for run in story.runs]
    rows += [(one.at, one.asset, "confirmed", _listed(one.consumed)) for one in story.confirmations]
    rows += [(several[0].tick, several[0].asset, "deadline missed", _missing(several)) for several in _missed(story)]
    return sorted(rows, key=lambda row: row[0])


def _lines(story: Story) -> Iterable[str]:
    yield from _table(
        ("at", "asset", "became", "why, and what it took"),
        [(shown(at), asset, became, about) for at, asset, became, about in rows_of(story)],
    )
    if story.held:
        yield ""
        yield f"at the end, {shown(story.ended_at)}:"
        yield from (f"  {name}: {reason.text}" for name, reason in story.held.items())
    if story.unmatched:
        yield ""
        yield f"nobody waits for: {_listed(story.unmatched)}"


def _about(run: SimulatedRun) -> str:
    parts = [run.reason.text]
    if run.consumed:
        parts.append(f"took {_listed(run.consumed)}")
    if run.pins:
        parts.append("read " + ", ".join(run.pins.values()))
    if run.ended_at is None:
        parts.append("runs still")
    elif run.ended_at != run.at:
        parts.append(f"until {shown(run.ended_at)}")
    return "; ".join(parts)


_MANY = 5
"""So many deadlines that are alike are told one by one."""


def _missed(story: Story) -> list[list[MissedDeadline]]:
    """The deadlines that were missed; those that are alike, with no run of the asset between them, together."""
    found: list[list[MissedDeadline]] = []
    for name in dict.fromkeys(one.asset for one in story.missed):
        planned = [run.at for run in story.of(name)]
        alike = groupby(
            (one for one in story.missed if one.asset == name),
            key=lambda one: (one.reason, one.dropped, bisect(planned, one.tick)),
        )
        for _, several in alike:
            group = list(several)
            found += [group] if len(group) > _MANY else [[one] for one in group]
    return found


def _missing(several: Sequence[MissedDeadline]) -> str:
    one, last = several[0], several[-1]
    again = f"; {len(several):,} times, the last at {shown(last.tick)}" if len(several) > 1 else ""
    return one.reason.text + (f"; gave up {_listed(one.dropped)}" if one.dropped else "") + again


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names)


def shown(at: datetime) -> str:
    """A time in UTC, with seconds and parts of them where there are any: `2026-01-05 10:00`."""
    text = f"{at:%Y-%m-%d %H:%M}"
    if at.second or at.microsecond:
        text += f":{at:%S}"
    return text + (f".{at:%f}".rstrip("0") if at.microsecond else "")


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> Iterable[str]:
    if not rows:
        yield "Nothing runs."
        return
    widths = [max(len(row[place]) for row in (head, *rows)) for place in range(len(head))]
    for row in (head, *rows):
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
