"""The world of a simulation: what a store would hold, in plain values. It changes; whoever keeps one copies it first.

It is a model and not the store: events carry numbers per dataset, a consumer has its own list of what is pending, and a
link says what was taken. What follows from it is decided by the real planner.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from ....storage.types import EventKind, RunState
from ....storage.uri import matches
from ...declare.catalogue import Asset
from ...declare.conditions.leaves import dataset_leaves
from ..graph import Graph
from ..planner import PlannedRun
from ..state import HeadState, Pause
from .script import Act


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One event of a dataset.

    Attributes
    ----------
    serial: its place among all events.
    digest: of its version; "" for a removal.
    ancestors: URI → digests of what its version came from, its own among them.
    by: name of the asset whose run, or confirmation, published it; "" for what came from outside.
    arrived_at: when it was told, where that was after its own time.
    """

    serial: int
    uri: str
    number: int
    kind: EventKind
    digest: str
    at: datetime
    metadata: Mapping[str, Any] = field(default_factory=dict[str, Any])
    ancestors: Mapping[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]])
    by: str = ""
    arrived_at: datetime | None = None

    @property
    def head(self) -> HeadState:
        """The event as planning sees it: a version, and what published it."""
        return HeadState(
            version_id=self.serial, event_id=self.serial, number=self.number, digest=self.digest, at=self.at
        )


@dataclass(slots=True, kw_only=True, eq=False)
class Running:
    """A run: planned, perhaps ended.

    `asset` is what it is called now; `superseded`, and those that could start one (`fresh`), are among `consumed`;
    `passed` are the removals between them that nobody asked for; `before` is when the run before it was planned.
    """

    asset: str
    planned: PlannedRun
    at: datetime
    ends_at: datetime
    state: RunState
    ended_at: datetime | None = None
    consumed: tuple[Event, ...] = ()
    superseded: tuple[Event, ...] = ()
    fresh: tuple[Event, ...] = ()
    passed: tuple[Event, ...] = ()
    before: datetime | None = None


@dataclass(slots=True, kw_only=True, eq=False)
class Consumer:
    """An asset as a reader of events; the fields are those of `AssetState`.

    Attributes
    ----------
    pending: URI → number → whether it may start a run; `unasked`: removals, the same, that the condition does not ask
        for: as soon as another definition does, they are pending.
    links: URI → number → the run that took it; None where no run did.
    failures: how many runs failed since the last that did not.
    begun_at: when the newest run was planned that nobody canceled.
    stopped: under `each`, the run whose failure stopped it, also while it was paused: it still has its event.
    """

    name: str
    key: str
    registered_at: datetime
    pending: dict[str, dict[int, bool]] = field(default_factory=dict[str, dict[int, bool]])
    unasked: dict[str, dict[int, bool]] = field(default_factory=dict[str, dict[int, bool]])
    links: dict[str, dict[int, Running | None]] = field(default_factory=dict[str, dict[int, Running | None]])
    ticks: dict[str, datetime] = field(default_factory=dict[str, datetime])
    since: dict[str, datetime] = field(default_factory=dict[str, datetime])
    active: list[Running] = field(default_factory=list[Running])
    made_from: Mapping[str, Any] | None = None
    succeeded_at: datetime | None = None
    tried_at: datetime | None = None
    begun_at: datetime | None = None
    late: bool = False
    failures: int = 0
    pause: Pause | None = None
    stopped: Running | None = None


@dataclass(slots=True, kw_only=True)
class Habits:
    """What a script said of the runs to come, by asset name.

    Attributes
    ----------
    lasting: how long a run lasts; giving: what it publishes beside its version.
    ends: how the next runs end, as words of the script; broken: whose runs all fail.
    down: whether the scheduler is down; overdue: since when it should have looked again.
    """

    lasting: dict[str, timedelta] = field(default_factory=dict[str, timedelta])
    giving: dict[str, Mapping[str, Any]] = field(default_factory=dict[str, Mapping[str, Any]])
    ends: dict[str, list[Act]] = field(default_factory=dict[str, list[Act]])
    broken: set[str] = field(default_factory=set[str])
    down: bool = False
    overdue: datetime | None = None

    def copied(self) -> Habits:
        """The same, for itself."""
        ends = {name: list(acts) for name, acts in self.ends.items()}
        return replace(self, lasting=dict(self.lasting), giving=dict(self.giving), ends=ends, broken=set(self.broken))


@dataclass(slots=True, kw_only=True, eq=False)
class World:
    """Everything that has happened.

    Attributes
    ----------
    events: URI → number → event, oldest first; settled ones may be missing.
    consumers: by name, those that are registered.
    watched: since when the scheduler has watched without a break; None: always.
    former: the URIs of what was declared by the definitions before, and has not moved since.
    parameters, environment: what else runs are made from, as `State` has it.
    """

    graph: Graph
    now: datetime
    events: dict[str, dict[int, Event]] = field(default_factory=dict[str, dict[int, Event]])
    consumers: dict[str, Consumer] = field(default_factory=dict[str, Consumer])
    serials: dict[int, Event] = field(default_factory=dict[int, Event])
    watched: datetime | None = None
    parameters: Mapping[str, Mapping[str, Any]] = field(default_factory=dict[str, Mapping[str, Any]])
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    habits: Habits = field(default_factory=Habits)
    former: frozenset[str] = frozenset()

    def head(self, uri: str) -> Event | None:
        """The newest event of a dataset, unless that says that it is gone."""
        newest = self.newest(uri)
        return None if newest is None or newest.kind is EventKind.REMOVED else newest

    def newest(self, uri: str) -> Event | None:
        """The newest event of a dataset."""
        events = self.events.get(uri)
        return events[next(reversed(events))] if events else None

    def asset(self, name: str) -> Asset:
        """One asset of the definitions."""
        return self.graph.catalogue.assets[name]

    def title(self, uri: str) -> str:
        """What people call a dataset."""
        dataset = self.graph.catalogue.datasets.get(uri)
        return uri if dataset is None else dataset.name

    def copied(self, graph: Graph) -> World:
        """The same world under perhaps other definitions; what is done to it leaves this one as it is."""
        twins: dict[int, Running] = {}

        def twin(run: Running) -> Running:
            return twins.setdefault(id(run), replace(run))

        consumers = {
            name: replace(
                one,
                pending={uri: dict(numbers) for uri, numbers in one.pending.items()},
                unasked={uri: dict(numbers) for uri, numbers in one.unasked.items()},
                links={
                    uri: {number: None if run is None else twin(run) for number, run in links.items()}
                    for uri, links in one.links.items()
                },
                ticks=dict(one.ticks),
                since=dict(one.since),
                active=[twin(run) for run in one.active],
                stopped=None if one.stopped is None else twin(one.stopped),
            )
            for name, one in self.consumers.items()
        }
        events = {uri: dict(several) for uri, several in self.events.items()}
        return replace(
            self,
            graph=graph,
            former=self.former | self.graph.catalogue.datasets.keys(),
            events=events,
            consumers=consumers,
            serials=dict(self.serials),
            habits=self.habits.copied(),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """Who waits for which dataset: by name, and by pattern."""

    by_uri: Mapping[str, tuple[str, ...]]
    by_pattern: Mapping[str, tuple[str, ...]]
    removals: frozenset[tuple[str, str]]
    written: frozenset[tuple[str, str]]

    @classmethod
    def of(cls, graph: Graph) -> Waiting:
        """Of every condition of the graph."""
        by_pattern: dict[str, dict[str, None]] = {}
        removals: set[tuple[str, str]] = set()
        for asset in graph.catalogue.assets.values():
            for leaf in dataset_leaves(asset.condition):
                if leaf.match:
                    by_pattern.setdefault(leaf.uri, {})[asset.name] = None
                if leaf.removal:
                    removals.add((asset.name, leaf.uri))
        return cls(
            by_uri={uri: names for uri, names in graph.waiting.items() if uri not in by_pattern},
            by_pattern={pattern: tuple(names) for pattern, names in by_pattern.items()},
            removals=frozenset(removals),
            written=frozenset((asset.name, uri) for asset in graph.catalogue.assets.values() for uri in asset.outputs),
        )

    def of_uri(self, uri: str, *, removal: bool = False) -> Iterator[str]:
        """The names of those for whom an event of this dataset is pending, each once; of a removal, who asks for it."""
        found: dict[str, None] = {}
        named = [(uri, self.by_uri.get(uri, ()))]
        named += [(pattern, names) for pattern, names in self.by_pattern.items() if matches(pattern, uri)]
        for said, names in named:
            asking = (name for name in names if not removal or (name, said) in self.removals)
            found |= dict.fromkeys(name for name in asking if (name, uri) not in self.written)
        return iter(found)

    def known(self, uri: str) -> bool:
        """Whether a pattern means this dataset."""
        return any(matches(pattern, uri) for pattern in self.by_pattern)
