"""Verdicts: what a condition means now, as a tree of the same shape, each leaf with what it has or lacks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from .state import LeafState


@dataclass(frozen=True, kw_only=True)  # no slots: what a decision asks for again and again is worked out once
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
        if not self.children:
            yield self
        for child in self.children:
            yield from child.leaves()

    @cached_property
    def supporting(self) -> tuple[Verdict, ...]:
        """The leaves by which it holds: those that hold in branches that hold."""
        if not self.holds:
            return ()
        if not self.children:
            return (self,)
        return tuple(leaf for child in self.children for leaf in child.supporting)

    def lack(self, named: Callable[[str], str] = str, *, within: str = "") -> str:
        """What would have to hold, as a phrase: `docs and (labels or cron 0 3 * * * UTC)`; "" when it holds.

        `named` turns the label of a leaf into what people call it.
        """
        if self.holds:
            return ""
        if not self.children:
            return f"{named(self.label)} ({self.why})" if self.why else named(self.label)
        word = {"all of": " and ", "any of": " or "}.get(self.label, ", ")
        parts = [part for child in self.children if (part := child.lack(named, within=self.label))]
        if not parts and self.uri:  # a pattern: of what matches there is too little
            return f"{named(self.label)} ({self.why})"
        if not parts:
            return self.why or self.label  # every part holds, and together they do not
        phrase = word.join(dict.fromkeys(parts))
        if self.label.endswith(" of") and word == ", ":
            return f"{int(self.label.split()[0]) - sum(child.holds for child in self.children)} of ({phrase})"
        return f"({phrase})" if within and within != self.label and len(parts) > 1 else phrase

    def lacking(self) -> list[str]:
        """Labels of the leaves that would have to hold, without repetition."""
        return list(dict.fromkeys(leaf.label for leaf in self.leaves() if not leaf.holds))

    def settling(self) -> datetime | None:
        """Until when it waits for quiet, if that alone is missing."""
        if self.holds:
            return None
        if self.label.startswith("settled"):
            return self.until if self.children[0].holds else None
        waiting = [child.settling() for child in self.children if not child.holds]
        known = [one for one in waiting if one is not None]
        if self.label == "any of":
            return min(known, default=None)
        return max(known) if known and len(known) == len(waiting) else None
