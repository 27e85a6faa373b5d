"""What a condition means now: a tree of verdicts of the same shape, each leaf with what it has or lacks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from ..declare.conditions import AllOf, AnyOf, Condition, DatasetLeaf, NOf
from ..declare.timetables import Cron, Every, Timetable
from .state import AssetState, LeafState


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Whether a condition, or a part of it, holds.

    Attributes
    ----------
    holds: the answer.
    label: `all of`, `any of`, `2 of`, a dataset URI or a timetable.
    cause: whether this leaf may start a run; nodes have none of their own.
    tick: the due tick, at a timetable that holds.
    leaf: what is pending, at a dataset that holds.
    children: verdicts of the parts, in the order of the condition.
    """

    holds: bool
    label: str
    cause: bool = False
    tick: datetime | None = None
    leaf: LeafState | None = None
    children: tuple[Verdict, ...] = ()

    def leaves(self) -> Iterator[Verdict]:
        """The verdicts of the leaves, from left to right."""
        if not self.children:
            yield self
        for child in self.children:
            yield from child.leaves()

    def supporting(self) -> Iterator[Verdict]:
        """The leaves by which it holds: those that hold in branches that hold."""
        if not self.holds:
            return
        if not self.children:
            yield self
        for child in self.children:
            yield from child.supporting()

    def lack(self, named: Callable[[str], str] = str, *, within: str = "") -> str:
        """What would have to hold, as a phrase: `docs and (labels or cron 0 3 * * * UTC)`; "" when it holds.

        `named` turns the label of a leaf into what people call it.
        """
        if self.holds:
            return ""
        if not self.children:
            return named(self.label)
        word = {"all of": " and ", "any of": " or "}.get(self.label, ", ")
        parts = [part for child in self.children if (part := child.lack(named, within=self.label))]
        phrase = word.join(dict.fromkeys(parts))
        if word == ", ":
            return f"{int(self.label.split()[0]) - sum(child.holds for child in self.children)} of ({phrase})"
        return f"({phrase})" if within and within != self.label and len(parts) > 1 else phrase

    def lacking(self) -> list[str]:
        """Labels of the leaves that would have to hold, without repetition."""
        return list(dict.fromkeys(leaf.label for leaf in self.leaves() if not leaf.holds))


def evaluate(condition: Condition, state: AssetState, now: datetime) -> Verdict:
    """Whether `condition` holds for the asset at `now`.

    A dataset holds when it has a pending event; it is a cause when one of them is fresh and `changed` (with
    `.updated()`, `confirmed` too). A timetable holds, and is a cause, from a tick until it is consumed.
    """
    match condition:
        case DatasetLeaf():
            return _dataset(condition, state.leaves.get(condition.uri))
        case Cron() | Every():
            tick = due(condition, state, now)
            return Verdict(holds=tick is not None, label=condition.label, cause=tick is not None, tick=tick)
        case AllOf(children=children):
            verdicts = tuple(evaluate(child, state, now) for child in children)
            return Verdict(holds=all(verdict.holds for verdict in verdicts), label="all of", children=verdicts)
        case AnyOf(children=children):
            verdicts = tuple(evaluate(child, state, now) for child in children)
            return Verdict(holds=any(verdict.holds for verdict in verdicts), label="any of", children=verdicts)
        case NOf(n=n, children=children):
            verdicts = tuple(evaluate(child, state, now) for child in children)
            return Verdict(holds=sum(verdict.holds for verdict in verdicts) >= n, label=f"{n} of", children=verdicts)
        case _:
            raise TypeError(f"{type(condition).__name__} is no condition of this planner")


def due(timetable: Timetable, state: AssetState, now: datetime) -> datetime | None:
    """The newest tick that the asset has not consumed, if any; ticks up to its registration do not count."""
    tick = timetable.previous(now)
    since = max(state.registered_at, state.ticks.get(timetable.label, state.registered_at))
    return tick if tick is not None and tick > since else None


def _dataset(leaf: DatasetLeaf, pending: LeafState | None) -> Verdict:
    if pending is None:
        return Verdict(holds=False, label=leaf.uri)
    cause = pending.causes > 0 or (leaf.confirmed and pending.confirmed > 0)
    return Verdict(holds=pending.count > 0, label=leaf.uri, cause=cause, leaf=pending)
