"""A model of the whole: who waits for what, what was taken by whom, what runs. Lists and dictionaries, by the rules of
consumption alone; it knows no table, and does not ask the planner.

A condition is the name of a dataset, `"tick"` (each full hour), or `("all", …)` and `("any", …)` of conditions.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, NamedTuple

CHANGED, CONFIRMED, REMOVED = "changed", "confirmed", "removed"
MAX_LOST = 3


@dataclass(frozen=True, kw_only=True)
class Spec:
    """A definition: what an asset is called, writes, waits for and reads; `key` stays when it is renamed."""

    key: str
    name: str
    output: str
    on: Any
    reads: tuple[str, ...] = ()
    mode: str = "batch"
    skips_errors: bool = False
    limit: int = 1
    pause_after: int | None = None
    previously: str | None = None


class Event(NamedTuple):
    """The next event of a dataset: its kind, and the content that there is then."""

    kind: str
    content: str | None


@dataclass(kw_only=True)
class Run:
    """A run: what it took, as dataset → number → whether that was fresh, and what it reads."""

    id: str
    key: str
    took: dict[str, dict[int, bool]]
    reads: dict[str, str]
    state: str = "scheduled"
    attempts: int = 0


@dataclass(kw_only=True)
class Consumer:
    """An asset as a reader: what is pending for it (dataset → number → whether it may start a run) and what was
    linked ((dataset, number) → run or word)."""

    spec: Spec
    waits: set[str]
    pending: dict[str, dict[int, bool]] = field(default_factory=dict[str, dict[int, bool]])
    links: dict[tuple[str, int], str] = field(default_factory=dict[tuple[str, int], str])
    begun: dict[str, int] = field(default_factory=dict[str, int])
    ticks: list[datetime] = field(default_factory=list[datetime])
    timed_since: datetime | None = None
    made_from: dict[str, str] | None = None
    failures: int = 0
    paused: bool = False
    stopped: str | None = None
    gone: bool = False


class Decision(NamedTuple):
    """What is to be done with an asset: `run`, `skip` or `confirm`, what it takes and reads."""

    kind: str
    takes: dict[str, list[int]]
    reads: dict[str, str]
    tick: datetime | None


class Support(NamedTuple):
    """By what a condition holds."""

    uris: frozenset[str]
    tick: bool


def leaves(on: Any) -> Iterator[str]:
    """The leaves of a condition."""
    if isinstance(on, str):
        yield on
        return
    for child in on[1:]:
        yield from leaves(child)


class Model:
    """Everything that has happened."""

    def __init__(self) -> None:
        self.events: dict[str, list[Event]] = {}
        self.consumers: dict[str, Consumer] = {}
        self.runs: dict[str, Run] = {}

    # --- what happens ------------------------------------------------------------------------------------------------

    def head(self, uri: str) -> str | None:
        """The content that a dataset has now."""
        return self.events[uri][-1].content if self.events.get(uri) else None

    def publish(self, uri: str, content: str | None) -> str | None:
        """The next event of a dataset is pending for whoever waits for it; its kind, or None where there is none."""
        head = self.head(uri)
        if content is None and head is None:
            return None
        kind = REMOVED if content is None else CONFIRMED if content == head else CHANGED
        self.events.setdefault(uri, []).append(Event(kind, content))
        for one in self.consumers.values():
            if uri in one.waits and kind != REMOVED:
                one.pending.setdefault(uri, {})[len(self.events[uri])] = True
        return kind

    def register(self, specs: list[Spec], now: datetime) -> None:
        """The definitions are these. What stays keeps its progress, what is no longer named is closed, what is new
        has the newest event, which completes; an asset that is left out goes on collecting."""
        wanted = {spec.key: spec for spec in specs}
        for key, one in self.consumers.items():
            one.gone = key not in wanted
        for key, spec in wanted.items():
            one = self.consumers.setdefault(key, Consumer(spec=spec, waits=set()))
            one.spec = spec
            waits = set(leaves(spec.on)) - {"tick"}
            for uri in one.waits - waits:
                self.settle(one, uri, "closed")
            for uri in waits - one.waits:
                self.begin(one, uri)
            one.waits = waits
            if "tick" not in leaves(spec.on):
                one.timed_since = None
            elif one.timed_since is None:
                one.timed_since = now

    def begin(self, one: Consumer, uri: str) -> None:
        """A dataset is named that was not: its newest event, whatever became of it before, completes."""
        events, newest = self.events.get(uri, []), len(self.events.get(uri, []))
        each = one.spec.mode == "each" and uri == self.first(one)
        one.begun[uri] = newest if each else max(newest - 1, 0)
        one.pending[uri] = {}
        if newest and not each:
            one.links.pop((uri, newest), None)
            if events[-1].kind != REMOVED:
                one.pending[uri][newest] = False

    def settle(self, one: Consumer, uri: str, word: str) -> int:
        """What is pending of a dataset is linked by no run; how much."""
        taken = one.pending.pop(uri, {})
        one.links |= {(uri, number): word for number in taken}
        one.pending[uri] = {}
        return len(taken)

    def pause(self, key: str) -> None:
        """Somebody pauses an asset."""
        self.consumers[key].paused = True

    def resume(self, key: str, now: datetime, *, drop: bool) -> None:
        """What was stopped is tried again and what came is pending, or all of it is given up, ticks too."""
        one = self.consumers[key]
        if drop:
            for uri in list(one.pending):
                self.settle(one, uri, "dropped")
            hour = now.replace(minute=0, second=0, microsecond=0)
            if one.timed_since is not None and hour > max(one.ticks, default=datetime.min.replace(tzinfo=UTC)):
                one.ticks.append(hour)
        elif one.stopped is not None:
            self.give_back(self.runs[one.stopped], fresh=True)
        one.paused, one.stopped, one.failures = False, None, 0

    def give_back(self, run: Run, *, fresh: bool) -> None:
        """What a run took is pending again, if it still has it and is waited for; unless `fresh` it completes only."""
        one = self.consumers[run.key]
        for uri, numbers in run.took.items():
            for number, was in numbers.items():
                if one.links.get((uri, number)) == run.id:
                    del one.links[uri, number]
                    if uri in one.waits and number > 0:
                        one.pending.setdefault(uri, {})[number] = was and fresh

    def succeed(self, run_id: str, content: str) -> str | None:
        """A run publishes this."""
        run = self.runs.pop(run_id)
        one = self.consumers[run.key]
        one.made_from, one.failures = run.reads, 0
        return self.publish(one.spec.output, content)

    def end_badly(self, run_id: str, state: str, *, fresh: bool = False) -> None:
        """A run failed for good or was canceled; `fresh`: it is as if it had never been."""
        run = self.runs.pop(run_id)
        one = self.consumers[run.key]
        if fresh or one.spec.mode != "each" or one.gone:
            self.give_back(run, fresh=fresh)
        elif not one.spec.skips_errors and not one.paused and run_id in one.links.values():
            one.paused, one.stopped = True, run_id
            self.runs[run_id] = replace(run, state="stopped")
        if state == "failed" and not fresh:
            one.failures += 1
            if one.spec.pause_after is not None and one.failures >= one.spec.pause_after and not one.gone:
                one.paused = True

    def active(self, key: str | None = None) -> list[Run]:
        """Runs that have not ended, of one asset or of all."""
        return [run for run in self.runs.values() if run.state != "stopped" and key in (None, run.key)]

    # --- what is to be done ------------------------------------------------------------------------------------------

    def due(self, one: Consumer, now: datetime) -> datetime | None:
        """The newest full hour, if it is due."""
        hour = now.replace(minute=0, second=0, microsecond=0)
        since = one.timed_since
        return hour if since is not None and hour > max([since, *one.ticks]) else None

    def first(self, one: Consumer) -> str:
        """The dataset of `each`."""
        return next(leaf for leaf in leaves(one.spec.on) if leaf != "tick")

    def turn(self, one: Consumer) -> int | None:
        """Under `each`, the number of the event whose turn it is."""
        uri = self.first(one)
        pending = one.pending.get(uri, {}).items()
        starting = (number for number, fresh in pending if fresh and self.events[uri][number - 1].kind == CHANGED)
        return min(starting, default=None)

    def support(self, one: Consumer, on: Any, now: datetime) -> Support | None:
        """By what a condition holds; None when it does not."""
        if on == "tick":
            return Support(frozenset(), tick=True) if self.due(one, now) else None
        if isinstance(on, str):
            return Support(frozenset({on}), tick=False) if one.pending.get(on) else None
        found = [self.support(one, child, now) for child in on[1:]]
        held = [part for part in found if part is not None]
        if len(held) < (len(found) if on[0] == "all" else 1):
            return None
        uris = frozenset(uri for part in held for uri in part.uris)
        return Support(uris, tick=any(part.tick for part in held))

    def fresh(self, one: Consumer, uris: frozenset[str], kind: str) -> bool:
        """Whether an event of this kind, of one of these datasets, is fresh."""
        return any(
            fresh and self.events[uri][number - 1].kind == kind
            for uri in uris
            for number, fresh in one.pending[uri].items()
        )

    def decide(self, key: str, now: datetime) -> Decision | None:
        """What is to be done with an asset now; None: nothing."""
        one = self.consumers[key]
        spec = one.spec
        support = None if one.gone or one.paused else self.support(one, spec.on, now)
        if support is None:
            return None
        cause = support.tick or self.fresh(one, support.uris, CHANGED)
        takes = self.takes(one, support.uris, all_of_it=cause)
        reads = self.reads(one, takes)
        same = one.made_from is not None and one.made_from == reads
        if not cause:
            confirmed = self.fresh(one, support.uris, CONFIRMED)
            return Decision("confirm", takes, reads, None) if confirmed and same and takes else None
        gone = [uri for uri in spec.reads if self.head(uri) is None]  # under `each` too: it cannot be read any more
        if gone or len(self.active(key)) >= spec.limit:
            return None
        tick = self.due(one, now) if spec.mode != "branch" or support.tick else None
        skipped = same and not support.tick and bool(spec.reads)
        return Decision("skip" if skipped else "run", takes, reads, tick)

    def takes(self, one: Consumer, held: frozenset[str], *, all_of_it: bool) -> dict[str, list[int]]:
        """What is taken: all that is pending, under `branch` (and by a confirmation) of what it holds by, under `each`
        the oldest event that may start a run, with those before it; where none may, all of them."""
        if one.spec.mode == "each":
            pending, turn = sorted(one.pending.get(self.first(one), {})), self.turn(one)
            taken = [number for number in pending if turn is None or number <= turn]
            return {self.first(one): taken} if taken else {}
        uris = held if one.spec.mode == "branch" or not all_of_it else one.waits
        return {uri: sorted(one.pending[uri]) for uri in uris if one.pending.get(uri)}

    def reads(self, one: Consumer, takes: dict[str, list[int]]) -> dict[str, str]:
        """The content that a run would read of each input, where there is one."""
        found = {uri: self.head(uri) for uri in one.spec.reads}
        if one.spec.mode == "each" and self.turn(one) is not None:
            found |= {uri: self.events[uri][taken[-1] - 1].content for uri, taken in takes.items()}
        return {uri: content for uri, content in found.items() if content is not None}

    def apply(self, key: str, decision: Decision, run_id: str | None) -> None:
        """What was decided is recorded; what it confirms is published by whoever calls."""
        one, took = self.consumers[key], dict[str, dict[int, bool]]()
        for uri, numbers in decision.takes.items():
            took[uri] = {number: one.pending[uri].pop(number) for number in numbers}
            one.links |= {(uri, number): run_id or "confirmed" for number in numbers}
        if decision.tick is not None:
            one.ticks.append(decision.tick)
        if decision.kind == "run":
            assert run_id is not None
            self.runs[run_id] = Run(id=run_id, key=key, took=took, reads=decision.reads)

    # --- what always holds -------------------------------------------------------------------------------------------

    def require_whole(self) -> None:
        """Nothing is lost: since a consumer began, each event is pending for it or linked, and never both."""
        for one in self.consumers.values():
            for uri in one.waits:
                for number, event in enumerate(self.events.get(uri, ()), 1):
                    if number > one.begun[uri] and event.kind != REMOVED:
                        assert (number in one.pending.get(uri, {})) != ((uri, number) in one.links)
            assert len(one.ticks) == len(set(one.ticks)), "ticks never return"
            assert len(self.active(one.spec.key)) <= max(one.spec.limit, 1)
