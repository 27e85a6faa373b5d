"""What a condition means now: `evaluate(condition, own, now)` gives a tree of verdicts of the same shape."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from ...storage.uri import matches
from ..declare.conditions.leaves import DatasetLeaf, Fresh, Stale
from ..declare.conditions.tree import AllOf, AnyOf, Condition, NOf, Settled, children_of
from ..declare.conditions.walking import fold
from ..declare.durations import as_text
from ..declare.ticks.due import delay, due, next_due
from ..declare.ticks.timetables import Cron, Every
from .align import aligned
from .state import AssetState, HeadState
from .verdict import Verdict


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
    return fold(condition, _evaluated, lambda node, parts: _verdict(node, parts, own, now))


def _evaluated(condition: Condition) -> Sequence[Condition]:
    """The children of a node that mean something by themselves: those of an aligned node do so together."""
    return () if isinstance(condition, AllOf) and condition.aligned else children_of(condition)


def _verdict(condition: Condition, children: tuple[Verdict, ...], own: AssetState, now: Now) -> Verdict:
    match condition:
        case DatasetLeaf():
            return _matching(condition, own) if condition.match else _dataset(condition, own)
        case Cron() | Every():
            return _timetable(condition, own, now)
        case AllOf():
            return _all_of(condition, aligned(condition, own) if condition.aligned else children, own)
        case AnyOf():
            return _some_of("any of", 1, children)
        case NOf(n=n):
            return _some_of(f"{n} of", n, children)
        case Settled():
            return _settled(condition, children[0], now.at)
        case Fresh():
            return _fresh(condition, now)
        case Stale():
            return _stale(condition, own, now.at)
        case _:
            raise TypeError(f"{type(condition).__name__} is no condition of this planner")


def _some_of(label: str, least: int, verdicts: tuple[Verdict, ...]) -> Verdict:
    holds = sum(one.holds for one in verdicts) >= least
    timed = holds and sum(one.timed for one in verdicts) >= least
    return Verdict(holds=holds, label=label, until=_soonest(verdicts), timed=timed, children=verdicts)


def _soonest(verdicts: Iterable[Verdict]) -> datetime | None:
    return min((verdict.until for verdict in verdicts if verdict.until is not None), default=None)


def _dataset(leaf: DatasetLeaf, own: AssetState) -> Verdict:
    pending = own.narrowed.get(leaf.label) if leaf.selective else own.leaves.get(leaf.uri)
    if pending is None:
        return Verdict(holds=False, label=leaf.label, uri=leaf.uri, why=own.incomplete.get(leaf.uri, ""))
    if own.incomplete and leaf.uri in own.incomplete and not leaf.removal:
        return Verdict(holds=False, label=leaf.label, uri=leaf.uri, why=own.incomplete[leaf.uri])
    if leaf.removal:
        holds, cause = pending.removed > 0, pending.removals > 0
        return Verdict(holds=holds, label=leaf.label, uri=leaf.uri, cause=cause, leaf=pending if holds else None)
    found = pending.count if leaf.least == 1 or leaf.confirmed else pending.changed
    if found < leaf.least:
        why = pending.unmet or (f"{found} of {leaf.least}" if leaf.least > 1 else "")
        return Verdict(holds=False, label=leaf.label, uri=leaf.uri, why=why)
    cause = pending.causes > 0 or (leaf.confirmed and pending.confirmed > 0)
    return Verdict(holds=True, label=leaf.label, uri=leaf.uri, cause=cause, leaf=pending)


def _matching(leaf: DatasetLeaf, own: AssetState) -> Verdict:
    """A pattern, as a node over what is pending of the datasets that match it; `count` asks of all of them together."""
    each = (replace(leaf, uri=uri, match=False, least=1) for uri in sorted(own.leaves) if matches(leaf.uri, uri))
    found = tuple(one for one in (_dataset(each_leaf, own) for each_leaf in each) if one.holds)
    changed = sum(one.leaf.changed for one in found if one.leaf is not None)
    holds = bool(found) and (leaf.least == 1 or changed >= leaf.least)
    why = f"{changed} of {leaf.least}" if leaf.least > 1 and not holds else ""
    if not found:
        return Verdict(holds=False, label=leaf.label, uri=leaf.uri, why=why)
    return Verdict(holds=holds, label=leaf.label, uri=leaf.uri, why=why, children=found)


def _timetable(timetable: Cron | Every, own: AssetState, now: Now) -> Verdict:
    label, every = timetable.label, timetable.catchup == "all"
    if own.selected is not None:  # which partition a tick selects was worked out with its ticks
        ticks = own.selected.get(label, ())
        return Verdict(holds=bool(ticks), label=label, cause=bool(ticks), ticks=ticks, timed=bool(ticks))
    # Of all that are due the ends are enough: the oldest is made up for next, or all coalesce into the newest.
    ticks = due(
        timetable,
        consumed=own.ticks.get(label),
        registered=own.since.get(label, own.registered_at),
        now=now.at,
        key=own.key,
        watched=now.watched,
        limit=1 if every else None,
    )
    newest = timetable.previous(now.at - delay(timetable, own.key)) if every and ticks else None
    if newest is not None and newest > ticks[0]:
        ticks = (*ticks, newest)
    until, holds = next_due(timetable, now=now.at, key=own.key), bool(ticks)
    return Verdict(holds=holds, label=label, cause=holds, ticks=ticks, until=until, timed=holds)


def _all_of(condition: AllOf, verdicts: tuple[Verdict, ...], own: AssetState) -> Verdict:
    holds, why = all(verdict.holds for verdict in verdicts), ""
    if holds and condition.within is not None:
        pairs = zip(condition.children, verdicts, strict=False)
        times = [time for pair in pairs for time in fold(pair, _holding, _newest)]
        apart = max(times) - min(times) if times else condition.within
        if apart > condition.within:
            holds = False
            why = f"events at most {as_text(condition.within)} apart; the newest lie {as_text(apart)} apart"
            why += _blocking(verdicts, min(times), own)
    timed = holds and all(verdict.timed for verdict in verdicts)
    return Verdict(holds=holds, label="all of", why=why, until=_soonest(verdicts), timed=timed, children=verdicts)


def _newest(pair: tuple[Condition, Verdict], times: tuple[tuple[datetime, ...], ...]) -> tuple[datetime, ...]:
    """When the newest event came by which a part of a condition holds; of what needs several, of each."""
    condition, verdict = pair
    if isinstance(condition, AllOf | Settled):
        return tuple(time for several in times for time in several)
    known = [time for several in times for time in several]
    if not children_of(condition):
        known = [leaf.leaf.newest_at for leaf in verdict.supporting if leaf.leaf is not None and leaf.leaf.newest_at]
    return (max(known),) if known else ()


def _blocking(verdicts: tuple[Verdict, ...], oldest: datetime, own: AssetState) -> str:
    """Under `each`, that the oldest event is the one whose turn it is, and what waits behind it; "" where it is not."""
    held = (leaf for verdict in verdicts for leaf in verdict.supporting if leaf.uri in own.queue)
    turn = next((leaf.leaf for leaf in held if leaf.leaf is not None and leaf.leaf.pin is not None), None)
    behind = sum(one.count for one in own.queue.values()) - (0 if turn is None else turn.upto)
    behind -= sum(one.upto for one in own.ahead.values())
    if turn is None or turn.newest_at != oldest or behind < 1:
        return ""
    return f". The event whose turn it is came too early; it blocks {behind} behind it"


def _settled(condition: Settled, child: Verdict, now: datetime) -> Verdict:
    """Quiet is counted from when the last event arrived; patience from when the news that may start a run was complete:
    what came before the rest of its condition did has not begun to wait for quiet."""
    label = f"settled for {as_text(condition.quiet)}"
    if not child.holds:
        return Verdict(holds=False, label=label, until=child.until, children=(child,))
    pending = [leaf.leaf for leaf in child.leaves() if leaf.leaf is not None]
    newest = [one.arrived_at for one in pending if one.arrived_at is not None]
    since = _complete_since(condition.child, child)
    calm = max(newest) + condition.quiet if newest else now
    patience = calm if since is None else since + condition.longest
    until = min(calm, patience)
    if until <= now:
        return Verdict(holds=True, label=label, until=child.until, timed=child.timed, children=(child,))
    why = f"settling until {until:%Y-%m-%d %H:%M:%S} UTC"
    return Verdict(holds=False, label=label, why=why, until=until, children=(child,))


def _complete_since(condition: Condition, verdict: Verdict) -> datetime | None:
    """Since when what may start a run has been enough for the condition to hold; None where nothing may."""
    return fold((condition, verdict), _holding, _since)


def _holding(pair: tuple[Condition, Verdict]) -> Sequence[tuple[Condition, Verdict]]:
    """The parts of a condition that hold, each with its verdict."""
    condition, verdict = pair
    return [(child, one) for child, one in zip(children_of(condition), verdict.children, strict=False) if one.holds]


def _since(pair: tuple[Condition, Verdict], times: tuple[datetime | None, ...]) -> datetime | None:
    condition, verdict = pair
    if not children_of(condition):
        oldest = (leaf.leaf.oldest_at for leaf in verdict.leaves() if leaf.leaf is not None)
        return min((time for time in oldest if time is not None), default=None)
    known = sorted(time for time in times if time is not None)
    if not known:
        return None
    if isinstance(condition, AllOf | Settled):
        return known[-1]
    lacking = condition.n - times.count(None) if isinstance(condition, NOf) else 1
    return known[max(lacking, 1) - 1]


def _fresh(leaf: Fresh, now: Now) -> Verdict:
    head = now.heads.get(leaf.uri)
    if head is None or head.at is None:
        return Verdict(holds=False, label=leaf.label, uri=leaf.uri, why="it has no version")
    old = now.at - head.at
    if old <= leaf.age:
        return Verdict(holds=True, label=leaf.label, uri=leaf.uri, timed=True)
    return Verdict(holds=False, label=leaf.label, uri=leaf.uri, why=f"its newest event is {as_text(old)} old")


def _stale(leaf: Stale, own: AssetState, now: datetime) -> Verdict:
    """It holds by the last success. It is a cause once in that time: a run that was begun has taken it, as a run takes
    events, so that an asset that fails is not tried without end; one that was canceled has not."""
    old = None if own.succeeded_at is None else own.succeeded_at + leaf.age
    if old is not None and old > now:
        return Verdict(holds=False, label=leaf.label, until=old)
    again = None if own.begun_at is None else own.begun_at + leaf.age
    if again is None or again <= now:
        return Verdict(holds=True, label=leaf.label, cause=True, timed=True)
    why = f"the newest try was at {own.begun_at:%Y-%m-%d %H:%M} UTC"
    return Verdict(holds=True, label=leaf.label, until=again, timed=True, why=why)
