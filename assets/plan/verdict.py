"""Verdicts: what a condition means now, as a tree of the same shape, each leaf with what it has or lacks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from ..declare.conditions.walking import each_node, fold
from .state import LeafState


@dataclass(kw_only=True)  # no slots: what is asked for again and again is worked out once; frozen, it costs double
class Verdict:
    """Whether a condition, or a part of it, holds.

    Attributes
    ----------
    holds: the answer.
    label: `all of`, `any of`, `2 of`, `settled for 30s`, a dataset URI with its narrowing, or a timetable.
    uri: of a leaf about a dataset, which one; of a pattern, the pattern.
    cause: whether this leaf may start a run; nodes have none of their own.
    ticks: of a timetable that holds, the due ticks that are to be made up for, oldest first.
    leaf: what is pending and counts, at a dataset that holds.
    why: why it does not hold, where the label does not say it; of what is stale, why that starts nothing.
    until: when time alone may change the answer.
    timed: whether it holds by time alone, whatever the datasets have.
    children: verdicts of the parts, in the order of the condition.
    """

    holds: bool
    label: str
    uri: str = ""
    cause: bool = False
    ticks: tuple[datetime, ...] = ()
    leaf: LeafState | None = None
    why: str = ""
    until: datetime | None = None
    timed: bool = False
    children: tuple[Verdict, ...] = ()

    @property
    def tick(self) -> datetime | None:
        """The newest due tick."""
        return self.ticks[-1] if self.ticks else None

    def leaves(self) -> Iterator[Verdict]:
        """The verdicts of the leaves, from left to right."""
        return (one for one in each_node(self, _parts) if not one.children)

    @cached_property
    def supporting(self) -> tuple[Verdict, ...]:
        """The leaves by which it holds: those that hold in branches that hold."""
        return tuple(one for one in each_node(self, _holding) if one.holds and not one.children)

    def lack(self, named: Callable[[str], str] = str) -> str:
        """What would have to hold, as a phrase: `docs and (labels or cron 0 3 * * * UTC)`; "" when it holds.

        `named` turns the label of a leaf into what people call it.
        """
        return fold(self, _lacking, lambda one, parts: _lack(one, parts, named)).text

    def lacking(self) -> list[str]:
        """Labels of the leaves that would have to hold, without repetition."""
        return list(dict.fromkeys(leaf.label for leaf in self.leaves() if not leaf.holds))

    def settling(self) -> datetime | None:
        """Until when it waits for quiet, if that alone is missing."""
        return fold(self, _lacking, _settling)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Phrase:
    """What a part lacks; `of`: the label of the node that joins several parts in it, "" where there is one."""

    text: str
    of: str = ""


def _parts(verdict: Verdict) -> Sequence[Verdict]:
    return verdict.children


def _holding(verdict: Verdict) -> Sequence[Verdict]:
    """The parts of what holds."""
    return verdict.children if verdict.holds else ()


def _lacking(verdict: Verdict) -> Sequence[Verdict]:
    """The parts of what does not hold."""
    return () if verdict.holds else verdict.children


def _lack(verdict: Verdict, parts: tuple[_Phrase, ...], named: Callable[[str], str]) -> _Phrase:
    label = verdict.label
    if verdict.holds:
        return _Phrase(text="")
    if not verdict.children:
        return _Phrase(text=f"{named(label)} ({verdict.why})" if verdict.why else named(label))
    word = {"all of": " and ", "any of": " or "}.get(label, ", ")
    found = [f"({one.text})" if one.of and one.of != label else one.text for one in parts if one.text]
    if not found and verdict.uri:  # a pattern: of what matches there is too little
        return _Phrase(text=f"{named(label)} ({verdict.why})")
    if not found:
        return _Phrase(text=verdict.why or label)  # every part holds, and together they do not
    phrase = word.join(dict.fromkeys(found))
    if label.endswith(" of") and word == ", ":
        return _Phrase(text=f"{int(label.split()[0]) - sum(child.holds for child in verdict.children)} of ({phrase})")
    return _Phrase(text=phrase, of=label if len(found) > 1 else "")


def _settling(verdict: Verdict, times: tuple[datetime | None, ...]) -> datetime | None:
    if verdict.holds:
        return None
    if verdict.label.startswith("settled") and verdict.children:
        return verdict.until if verdict.children[0].holds else None
    waiting = [time for time, one in zip(times, verdict.children, strict=True) if not one.holds]
    known = [time for time in waiting if time is not None]
    if verdict.label == "any of":
        return min(known, default=None)
    return max(known) if known and len(known) == len(waiting) else None
