"""A wave: what a materialization still has to plan, by depth, and what has become of the rest."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ...storage.types import MaterializationState, ReasonKind, RunState
from ..plan.graph import Graph
from ..plan.state import Request
from .planning.omitted import omitted_in_turn
from .progress import Outcome


@dataclass(kw_only=True)
class Wave:
    """What is still to be planned, by depth, and what has become of the rest. State of one materialization.

    `keys` are those that are still to be made of assets with partitions, `asked` all of them, `named` the dynamic ones
    that somebody named. What failed is kept by asset, of partitions by key in `fallen`; there, by URI, also what could
    not be looked at. `left_out`, by URI and key, is what was not made for want of what a producer left out.
    """

    graph: Graph
    requests: Mapping[str, Request]
    keys: dict[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    asked: Mapping[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]])
    named: Mapping[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]])
    due: list[tuple[int, str]] = field(default_factory=list[tuple[int, str]])
    queued: set[str] = field(default_factory=set[str])
    failed: set[str] = field(default_factory=set[str])
    fallen: dict[str, set[str]] = field(default_factory=dict[str, set[str]])
    outcomes: dict[tuple[str, str], Outcome] = field(default_factory=dict[tuple[str, str], Outcome])
    left_out: dict[tuple[str, str], str] = field(default_factory=dict[tuple[str, str], str])

    def add(self, names: Iterable[str]) -> None:
        """Plan these assets, each when its level comes."""
        for name in names:
            if name not in self.queued:
                self.queued.add(name)
                heapq.heappush(self.due, (self.graph.depth[name], name))

    def level(self) -> list[str]:
        """The assets of the next level, by name; empty at the end of the wave."""
        names: list[str] = []
        while self.due and (not names or self.due[0][0] == self.graph.depth[names[0]]):
            name = heapq.heappop(self.due)[1]
            self.queued.discard(name)
            names.append(name)
        return names

    def settle(self, outcome: Outcome) -> None:
        """This is what became of an asset; a failure holds back what is requested downstream."""
        name, one = outcome.asset, (outcome.asset, outcome.partition)
        before = self.outcomes.pop(one, None)
        if before is not None and before.made and outcome.state is RunState.SKIPPED:
            outcome = before  # made a moment ago, after a crash: that it is up to date now is no other outcome
        self.outcomes[one] = outcome
        self.left_out |= omitted_in_turn(self.graph.catalogue.assets[name], outcome.partition, outcome.reason)
        failed = outcome.state in (RunState.FAILED, RunState.CANCELED)
        failed = failed or outcome.reason.kind is ReasonKind.UPSTREAM_FAILED
        if outcome.partition:
            fallen = self.fallen.setdefault(name, set())
            fallen.discard(outcome.partition)
            fallen.update([outcome.partition] if failed else [])
            return
        self.failed.discard(name)
        if failed:
            self.failed.add(name)

    def is_asked(self, outcome: Outcome) -> bool:
        """Whether it is about what was asked for; a partition by its key."""
        asked = outcome.asset in self.requests
        return asked and (not outcome.partition or outcome.partition in self.asked.get(outcome.asset, ()))

    def held(self) -> dict[str, Mapping[str, Any]]:
        """The stored reason of what was not made, by asset and key."""
        found = ((f"{name} {key}".rstrip(), one) for (name, key), one in self.outcomes.items())
        return {name: one.reason.to_plain() for name, one in found if one.run_id is None}


def state_of(outcomes: Iterable[Outcome], is_asked: Callable[[Outcome], bool]) -> MaterializationState:
    """Failed when a run failed, or when something that was asked for could not be made."""
    failed = any(
        one.state is RunState.FAILED
        or one.reason.kind is ReasonKind.UPSTREAM_FAILED
        or (one.reason.kind is ReasonKind.NO_VERSION and is_asked(one))
        for one in outcomes
    )
    return MaterializationState.FAILED if failed else MaterializationState.SUCCESS
