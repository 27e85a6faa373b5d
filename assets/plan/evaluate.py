"""What a condition means now: `evaluate(condition, own, now)` gives a tree of verdicts of the same shape."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from ..declare.conditions import AllOf, AnyOf, Condition, NOf, Settled
from ..declare.durations import as_text
from ..declare.leaves import DatasetLeaf, Fresh, Stale
from ..declare.ticks.due import due, next_due
from ..declare.timetables import Cron, Every
from .align import aligned
from .state import AssetState, HeadState
from .verdict import Verdict

_FIRST = 1
"""Of the ticks that are due, the planner makes up for the oldest; the next plan has the next one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Now:
    """The moment, and what beyond the asset's own state conditions ask for.

    Attributes
    ----------
    heads: the newest versions, for `fresh`.
    watched: since when ticks have been watched without a break; None: always.
    """

    at: datetime
    heads: Mapping[str, HeadState] = field(default_factory=dict[str, HeadState])
    watched: datetime | None = None


def evaluate(condition: Condition, own: AssetState, now: Now) -> Verdict:
    """Whether `condition` holds for the asset.

    A dataset holds when enough of its pending events count; it is a cause when one of them is fresh and `changed` (with
    `.updated()`, `confirmed` too). A timetable holds, and is a cause, from a tick until it is consumed.
    """
    match condition:
        case DatasetLeaf():
            return _dataset(condition, own)
        case Cron() | Every():
            return _timetable(condition, own, now)
        case AllOf(children=children):
            verdicts = aligned(condition, own) if condition.aligned else _each(children, own, now)
            return _all_of(condition, verdicts)
        case AnyOf(children=children):
            verdicts = _each(children, own, now)
            holds = any(verdict.holds for verdict in verdicts)
            return Verdict(holds=holds, label="any of", until=_soonest(verdicts), children=verdicts)
        case NOf(n=n, children=children):
            verdicts = _each(children, own, now)
            holds = sum(verdict.holds for verdict in verdicts) >= n
            return Verdict(holds=holds, label=f"{n} of", until=_soonest(verdicts), children=verdicts)
        case Settled(child=child):
            return _settled(condition, evaluate(child, own, now), now.at)
        case Fresh():
            return _fresh(condition, now)
        case Stale():
            return _stale(condition, own, now.at)
        case _:
            raise TypeError(f"{type(condition).__name__} is no condition of this planner")


def _each(children: Iterable[Condition], own: AssetState, now: Now) -> tuple[Verdict, ...]:
    return tuple(evaluate(child, own, now) for child in children)


def _soonest(verdicts: Iterable[Verdict]) -> datetime | None:
    return min((verdict.until for verdict in verdicts if verdict.until is not None), default=None)


def _dataset(leaf: DatasetLeaf, own: AssetState) -> Verdict:
    pending = own.narrowed.get(leaf.label) if leaf.selective else own.leaves.get(leaf.uri)
    if pending is None:
        return Verdict(holds=False, label=leaf.label, uri=leaf.uri)
    if leaf.removal:
        holds, cause = pending.removed > 0, pending.removals > 0
        return Verdict(holds=holds, label=leaf.label, uri=leaf.uri, cause=cause, leaf=pending if holds else None)
    found = pending.count if leaf.least == 1 or leaf.confirmed else pending.changed
    if found < leaf.least:
        why = pending.unmet or (f"{found} of {leaf.least}" if leaf.least > 1 else "")
        return Verdict(holds=False, label=leaf.label, uri=leaf.uri, why=why)
    cause = pending.causes > 0 or (leaf.confirmed and pending.confirmed > 0)
    return Verdict(holds=True, label=leaf.label, uri=leaf.uri, cause=cause, leaf=pending)


def _timetable(timetable: Cron | Every, own: AssetState, now: Now) -> Verdict:
    label = timetable.label
    ticks = due(
        timetable,
        consumed=own.ticks.get(label),
        registered=own.since.get(label, own.registered_at),
        now=now.at,
        key=own.key,
        watched=now.watched,
        limit=_FIRST if timetable.catchup == "all" else None,
    )
    until = next_due(timetable, now=now.at, key=own.key)
    return Verdict(holds=bool(ticks), label=label, cause=bool(ticks), ticks=ticks, until=until)


def _all_of(condition: AllOf, verdicts: tuple[Verdict, ...]) -> Verdict:
    holds, why = all(verdict.holds for verdict in verdicts), ""
    if holds and condition.within is not None:
        times = [
            leaf.leaf.newest_at
            for verdict in verdicts
            for leaf in verdict.supporting()
            if leaf.leaf is not None and leaf.leaf.newest_at is not None
        ]
        apart = max(times) - min(times) if times else condition.within
        if apart > condition.within:
            holds = False
            why = f"events at most {as_text(condition.within)} apart; the newest lie {as_text(apart)} apart"
    return Verdict(holds=holds, label="all of", why=why, until=_soonest(verdicts), children=verdicts)


def _settled(condition: Settled, child: Verdict, now: datetime) -> Verdict:
    """Quiet is counted from the newest event, patience from the oldest that may start a run."""
    label = f"settled for {as_text(condition.quiet)}"
    if not child.holds:
        return Verdict(holds=False, label=label, until=child.until, children=(child,))
    pending = [leaf.leaf for leaf in child.leaves() if leaf.leaf is not None]
    newest = [one.newest_at for one in pending if one.newest_at is not None]
    oldest = [one.oldest_at for one in pending if one.oldest_at is not None]
    calm = max(newest) + condition.quiet if newest else now
    patience = min(oldest) + condition.longest if oldest else calm
    until = min(calm, patience)
    if until <= now:
        return Verdict(holds=True, label=label, until=child.until, children=(child,))
    why = f"settling until {until:%Y-%m-%d %H:%M:%S} UTC"
    return Verdict(holds=False, label=label, why=why, until=until, children=(child,))


def _fresh(leaf: Fresh, now: Now) -> Verdict:
    head = now.heads.get(leaf.uri)
    if head is None or head.at is None:
        return Verdict(holds=False, label=leaf.label, uri=leaf.uri, why="it has no version")
    old = now.at - head.at
    if old <= leaf.age:
        return Verdict(holds=True, label=leaf.label, uri=leaf.uri)
    return Verdict(holds=False, label=leaf.label, uri=leaf.uri, why=f"its newest event is {as_text(old)} old")


def _stale(leaf: Stale, own: AssetState, now: datetime) -> Verdict:
    """Counted from the newest try, so that an asset that fails is not tried without end."""
    if own.succeeded_at is None and own.tried_at is None:
        return Verdict(holds=True, label=leaf.label, cause=True)
    since = max(one for one in (own.succeeded_at, own.tried_at) if one is not None)
    until = since + leaf.age
    holds = until <= now
    return Verdict(holds=holds, label=leaf.label, cause=holds, until=None if holds else until)
