"""A catalogue whose conditions differ, and a model of what is pending for whom: plain dictionaries, no table."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from penstock.assets.declare.asset import Policies
from penstock.assets.declare.catalogue import Asset, Catalogue, Input
from penstock.assets.declare.conditions.leaves import DatasetLeaf, bound
from penstock.assets.declare.conditions.tree import AllOf, AnyOf, Condition, NOf
from penstock.assets.declare.dataset import Dataset
from penstock.assets.declare.ticks.timetables import Every
from penstock.assets.plan.graph import Graph
from penstock.assets.plan.taking import Taken
from penstock.assets.run.planning.record import Recorded
from penstock.assets.run.project.project import Project
from penstock.assets.run.project.reading import Reading
from penstock.assets.run.project.registering import register
from penstock.storage.manifest import Manifest
from penstock.storage.meta import catalogue as rows
from penstock.storage.meta import events, runs, versions
from penstock.storage.meta.database.engine import Store
from penstock.storage.settings import read_settings
from penstock.storage.types import RunState

START = datetime(2026, 3, 2, tzinfo=UTC)
HOURLY = Every("1h")


def on(uri: str, *, confirmed: bool = False) -> DatasetLeaf:
    """A leaf of a condition."""
    return DatasetLeaf(uri=uri, confirmed=confirmed)


def asset(name: str, *inputs: str, condition: Condition, **policies: Any) -> Asset:
    """An asset that writes `<name>.json`; an input with a `?` is optional."""
    read = tuple(Input(parameter=uri[0], uri=uri.rstrip("?"), optional=uri.endswith("?")) for uri in inputs)
    return Asset(name=name, outputs=(f"{name}.json",), inputs=read, condition=condition, policies=Policies(**policies))


ASSETS = (
    asset("x", "a.csv", condition=on("a.csv")),
    asset("y", "a.csv", "b.csv?", condition=AllOf(children=(on("a.csv"), on("b.csv")))),
    asset("z", "x.json", condition=AnyOf(children=(on("x.json"), on("b.csv")))),
    asset("w", condition=NOf(n=2, children=(on("a.csv"), on("x.json"), on("y.json"))), max_active_runs=2),
    asset("u", "x.json", condition=on("x.json", confirmed=True)),
    asset("t", "a.csv", condition=AllOf(children=(HOURLY, on("a.csv")))),
    asset("p", "b.csv?", condition=AnyOf(children=(HOURLY, on("b.csv"))), pure=True),
)
NAMES = [one.name for one in ASSETS]
OBSERVED = ("a.csv", "b.csv")


def catalogue_of(assets: Sequence[Asset]) -> Catalogue:
    """These assets, with two datasets that others write."""
    uris = (*OBSERVED, *(one.outputs[0] for one in assets))
    return Catalogue(assets={one.name: one for one in assets}, datasets={uri: Dataset(uri) for uri in uris})


CATALOGUE = catalogue_of(ASSETS)
GRAPH = Graph.of(CATALOGUE)


def opened(url: str, folder: Path, catalogue: Catalogue = CATALOGUE) -> Project:
    """A project on this database, with a store of its own."""
    store = Store(url, project="kb")
    ids = register(store, catalogue)
    with store.write() as tx:
        tx.execute(update(rows.assets).values(registered_at=START))
        tx.execute(update(rows.timetables).values(registered_at=START))
    return Project(
        settings=read_settings(folder, project="kb", home=folder, data_root=str(folder / "data")),
        reading=Reading(catalogue),
        functions={},
        store=store,
        ids=ids,
        environment={},
        parameters={},
    )


@dataclass(kw_only=True)
class Model:
    """What is pending, taken and active, as dictionaries; it knows nothing of tables or of the planner."""

    heads: dict[str, str] = field(default_factory=dict[str, str])
    numbers: dict[str, int] = field(default_factory=dict[str, int])
    waiting: dict[tuple[str, str], dict[int, str]] = field(
        default_factory=lambda: {(name, uri): {} for name in NAMES for uri in GRAPH.leaves[name]}
    )
    returned_to: dict[tuple[str, str], set[int]] = field(default_factory=dict[tuple[str, str], set[int]])
    ticks: dict[str, datetime] = field(default_factory=dict[str, datetime])
    made_from: dict[str, dict[str, str]] = field(default_factory=dict[str, dict[str, str]])
    pinned: dict[str, dict[str, str]] = field(default_factory=dict[str, dict[str, str]])
    active: dict[str, str] = field(default_factory=dict[str, str])
    took: dict[str, dict[str, dict[int, str]]] = field(default_factory=dict[str, dict[str, dict[int, str]]])
    links: set[tuple[str, str, int, str | None]] = field(default_factory=set[tuple[str, str, int, "str | None"]])
    given_back: int = 0
    planned: dict[str, int] = field(default_factory=dict[str, int])
    succeeded: dict[str, int] = field(default_factory=dict[str, int])

    def publish(self, uri: str, content: str | None) -> str | None:
        """The kind of the event, for everyone who waits for it; None: nothing was there to be removed."""
        head = self.heads.get(uri)
        if content is None and head is None:
            return None
        number = self.numbers[uri] = self.numbers.get(uri, 0) + 1
        kind = "removed" if content is None else "confirmed" if content == head else "changed"
        if content is None:
            del self.heads[uri]
        else:
            self.heads[uri] = content
            for name in GRAPH.waiting.get(uri, ()):
                self.waiting[name, uri][number] = kind
        return kind

    def counts(self, name: str, uri: str) -> tuple[int, int, int]:
        """Pending, causes, confirmed."""
        waiting = self.waiting[name, uri]
        fresh = [kind for number, kind in waiting.items() if number not in self.returned_to.get((name, uri), ())]
        return len(waiting), fresh.count("changed"), fresh.count("confirmed")

    def tick(self, name: str, now: datetime) -> datetime | None:
        """The full hour that is due."""
        hour = now.replace(minute=0, second=0, microsecond=0)
        return hour if hour > self.ticks.get(name, START) else None

    def support(self, name: str, node: Condition, now: datetime) -> set[str] | None:
        """None: it does not hold. Else what holds it: `cause`, `confirmed`, or neither."""
        if isinstance(node, Every):
            return {"cause"} if self.tick(name, now) else None
        if isinstance(node, DatasetLeaf):
            count, causes, confirmed = self.counts(name, node.uri)
            found = {"cause"} if causes or (node.confirmed and confirmed) else set[str]()
            return found | ({"confirmed"} if confirmed else set[str]()) if count else None
        assert isinstance(node, AllOf | AnyOf | NOf)
        parts = [self.support(name, child, now) for child in node.children]
        holding = [part for part in parts if part is not None]
        needed = {AllOf: len(parts), AnyOf: 1}.get(type(node), getattr(node, "n", 0))
        return set[str]().union(*holding) if len(holding) >= needed else None

    def decision(self, name: str, now: datetime, requested: bool) -> str:
        """`run`, `confirm` or `hold`."""
        one = CATALOGUE.assets[name]
        assert one.condition is not None
        support = self.support(name, one.condition, now)
        if not requested:
            if support is None:
                return "hold"
            if "cause" not in support:
                return "confirm" if "confirmed" in support and self.made_from.get(name) == self.inputs(name) else "hold"
        if any(used.uri not in self.heads and not used.optional for used in one.inputs):
            return "hold"
        return "run" if self.below_limit(name) else "hold"

    def inputs(self, name: str) -> dict[str, str]:
        """What a run of it would read now."""
        used = (one.uri for one in CATALOGUE.assets[name].inputs)
        return {uri: self.heads[uri] for uri in used if uri in self.heads}

    def course(self, name: str) -> tuple[int, int, datetime | None]:
        """How many runs of it were planned and have succeeded, and its last tick."""
        return self.planned.get(name, 0), self.succeeded.get(name, 0), self.ticks.get(name)

    def below_limit(self, name: str) -> bool:
        """Whether another run of it may be active."""
        return list(self.active.values()).count(name) < CATALOGUE.assets[name].policies.max_active_runs

    def takes(self, name: str, requested: bool) -> dict[str, tuple[int, int]]:
        """Dataset → newest number and count of what a run takes: everything, or by request what its pins cover."""
        pinned = {used.uri for used in CATALOGUE.assets[name].inputs if used.uri in self.heads}
        return {
            uri: (max(waiting), len(waiting))
            for uri in GRAPH.leaves[name]
            if (waiting := self.waiting[name, uri]) and (not requested or uri in pinned)
        }

    def take(self, name: str, taken: tuple[Taken, ...], run: str | None) -> None:
        """These are no longer pending, but linked."""
        mine = self.took.setdefault(run or "", {}) if run else {}
        for one in taken:
            waiting = self.waiting[name, one.uri]
            seen = {number: kind for number, kind in waiting.items() if number <= one.newest}
            assert len(seen) == one.count
            self.waiting[name, one.uri] = {n: kind for n, kind in waiting.items() if n > one.newest}
            self.links |= {(name, one.uri, number, run) for number in seen}
            mine[one.uri] = seen

    def end(self, run: str, outcome: str) -> str:
        """The run is over; unless it succeeded its news is pending again. Gives its asset."""
        name = self.active.pop(run)
        if outcome == "success":
            self.succeeded[name] = self.succeeded.get(name, 0) + 1
        else:
            for uri, seen in self.took[run].items():
                self.waiting[name, uri] |= seen
                self.links -= {(name, uri, number, run) for number in seen}
                self.given_back += len(seen)
                if outcome == "failed":
                    self.returned_to.setdefault((name, uri), set()).update(seen)
        return name


@dataclass(frozen=True, kw_only=True)
class Kit:
    """What a state machine needs that fixtures cannot hand to it one by one."""

    folder: Path
    databases: Any
    graph: Graph
    model: Callable[[], Model]

    def open(self, url: str, *assets: Asset) -> Project:
        """A project on this database, with a store of its own: of these assets, or of those above."""
        return opened(url, self.folder, catalogue_of(assets) if assets else CATALOGUE)

    def asset(self, name: str, *inputs: str, on: Any, **policies: Any) -> Asset:
        """An asset that writes `<name>.json`; an input with a `?` is optional."""
        return asset(name, *inputs, condition=bound(on.as_condition()), **policies)

    def publish(
        self, project: Project, uri: str, content: str | None, now: datetime, run_id: str | None = None, **said: Any
    ) -> None:
        """A dataset is published, or is gone."""
        dataset_id = project.ids.datasets[uri]
        with project.store.write() as tx:
            if content is None:
                events.publish_removal(tx, dataset_id=dataset_id, now=now)
                return
            manifest = Manifest(suffix="", token=content)
            version = versions.keep_version(tx, dataset_id=dataset_id, manifest=manifest, held=True, now=now)
            events.publish_event(tx, dataset_id=dataset_id, version_id=version, run_id=run_id, metadata=said, now=now)

    def end(self, project: Project, run: Recorded, state: RunState, now: datetime, content: str = "") -> None:
        """A run is over: it published this, or failed."""
        name = run.planned.asset
        with project.store.write() as tx:
            assert runs.advance(tx, run.id, old=RunState.SCHEDULED, new=state, ended_at=now, attempts=1)
            if state is RunState.SUCCESS:
                rows.record_success(tx, asset_id=project.ids.assets[name], run_id=run.id, now=now)
            else:
                events.give_back(tx, asset_id=project.ids.assets[name], run_id=run.id)
        if state is RunState.SUCCESS:
            self.publish(project, f"{name}.json", content, now, run.id)


@pytest.fixture
def kit(databases: Any, tmp_path: Path) -> Kit:
    """With new databases for the asking."""
    return Kit(folder=tmp_path, databases=databases, graph=GRAPH, model=Model)


@pytest.fixture
def project(kit: Kit) -> Iterator[Project]:
    """A project on a store of its own."""
    made = kit.open(kit.databases.fresh())
    yield made
    made.store.close()
