"""Small pipelines, told a script: what a case needs and nothing else. Each case is told by the simulation, and by a
real store on each database."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from penstock.assets.declare.catalogue import Asset, Catalogue, Input
from penstock.assets.declare.conditions.leaves import bound, named_in
from penstock.assets.declare.dataset import Dataset
from penstock.assets.declare.policies import policies_of
from penstock.assets.plan.simulate.story import Story
from penstock.assets.run.explaining.foretelling import foresee_until
from penstock.storage.meta.database.engine import Store, sqlite_url
from penstock.testing import simulate
from tests.acceptance.simulate.retelling import Retelling, parts
from tests.acceptance.simulate.stage import Stage

Declare = Callable[..., Asset]


def declared(name: str, on: Any, *, reads: Iterable[str] | None = None, previously: str | None = None, **policies: Any):
    """An asset `name` that writes `name.json`; it reads what its condition names, unless `reads` names the datasets."""
    condition = None if on is None else bound(on.as_condition())
    if reads is None:
        reads = dict.fromkeys(leaf.uri.removesuffix(".json") for leaf in named_in(condition))
    return Asset(
        name=name,
        outputs=(f"{name}.json",),
        condition=condition,
        inputs=tuple(Input(parameter=one, uri=f"{one}.json") for one in reads),
        previously=previously,
        policies=policies_of(policies)[0],
    )


def catalogue_of(*assets: Asset, aliases: Mapping[str, Sequence[str]] = MappingProxyType({})) -> Catalogue:
    """These assets, and every dataset that they name; `aliases`: the other URIs of datasets."""
    uris = [uri for one in assets for uri in one.outputs]
    uris += [leaf.uri for one in assets for leaf in named_in(one.condition)]
    uris += [used.uri for one in assets for used in one.inputs]
    return Catalogue(
        assets={one.name: one for one in assets},
        datasets={uri: Dataset(uri, aliases=aliases.get(uri, ())) for uri in uris},
    )


@pytest.fixture(scope="session")
def declare() -> Declare:
    """`declare("x", on, **policies)`."""
    return declared


@dataclass
class Playing:
    """A stage with the chapters that were played on it."""

    stage: Stage
    retelling: Retelling
    played: int = 0


class Teller:
    """`tell(script, *assets)`: the story of these assets. With a database the script is played to a real store too;
    what that holds is what is told, and it is what the simulation tells."""

    def __init__(self, store: Store | None, folder: Path) -> None:
        self.store, self.folder = store, folder
        self.stories: list[tuple[Story, Story, list[tuple[Catalogue, str]], Playing | None]] = []

    def __call__(
        self,
        script: str,
        *assets: Asset,
        after: Story | None = None,
        alike: bool = True,
        aliases: Mapping[str, Sequence[str]] = MappingProxyType({}),
    ) -> Story:
        """The story; `after` goes on from another, which may have several that follow it. Unless `alike`, the store may
        tell another one than the simulation. `aliases`: the other URIs of datasets."""
        catalogue = catalogue_of(*assets, aliases=aliases)
        former = next((one for one in self.stories if one[0] is after), None)
        simulated = simulate(catalogue, script, after=None if former is None else former[1])
        if self.store is None:
            self.stories.append((simulated, simulated, [], None))
            return simulated
        chapters = [] if former is None else former[2]
        playing = None if former is None else former[3]
        if playing is None or playing.played != len(chapters):  # it has gone on already, another way
            playing = self._again(chapters)
        playing.stage.play(catalogue, script, start=None)
        playing.played += 1
        held = playing.retelling.story(simulated)
        if alike:
            for one, other in zip(parts(held), parts(simulated), strict=True):
                assert one == other, script
        self.stories.append((held, simulated, [*chapters, (catalogue, script)], playing))
        return held

    def foretold(self, story: Story, length: timedelta) -> Story:
        """What `plan --until` tells at the end of a story that was played to a store last."""
        playing = next(one[3] for one in self.stories if one[0] is story)
        assert playing is not None, "by the simulation alone nothing is stored"
        stage = playing.stage
        with stage.store.read() as tx:
            return foresee_until(stage.project, tx, story.ended_at, story.ended_at + length)

    def _again(self, chapters: list[tuple[Catalogue, str]]) -> Playing:
        """A new stage, on which these chapters were played."""
        assert self.store is not None
        stage = Stage(self.store, self.folder)
        playing = Playing(stage, Retelling(stage))
        for catalogue, script in chapters:
            stage.play(catalogue, script, start=None)
            playing.played += 1
        if chapters:
            playing.retelling.skip()
        return playing


@pytest.fixture(scope="session")
def stores(
    tmp_path_factory: pytest.TempPathFactory, prepared_file: Path, request: pytest.FixtureRequest
) -> Iterator[Any]:
    """`stores(kind)`: a database that all scripts share: each has a project of its own in it."""
    known: dict[str, Store] = {}

    def store_of(kind: str) -> Store:
        if kind not in known and kind == "postgresql":
            server = request.getfixturevalue("postgres")
            known[kind] = Store(server.url(server.fresh(prepared=True)), project="all")
        elif kind not in known:
            path = tmp_path_factory.mktemp("stage") / "penstock.db"
            shutil.copy(prepared_file, path)
            known[kind] = Store(sqlite_url(path), project="all")
        return known[kind]

    yield store_of
    for store in known.values():
        store.close()


@pytest.fixture(scope="session")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Teller:
    """`tell` by the simulation alone."""
    return Teller(None, tmp_path_factory.mktemp("told"))


@pytest.fixture(params=["simulate", "sqlite", "postgresql"])
def tell(request: pytest.FixtureRequest, stores: Any, tmp_path: Path) -> Teller:
    """What scripts come to, by the simulation alone and by a store on each database; most begin on 2026-01-05, a
    Monday."""
    return Teller(None if request.param == "simulate" else stores(request.param), tmp_path)


@pytest.fixture(scope="session")
def took() -> Callable[[Story, str], list[str]]:
    """`took(story, "x")`: of each run of the asset, when and what it took: `10:05 docs@1 docs@2`."""

    def listed(story: Story, name: str) -> list[str]:
        return [" ".join([f"{run.at:%H:%M}", *run.consumed]) for run in story.of(name)]

    return listed
