"""Small pipelines, told a script: what a case needs and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest

from penstock.assets.declare.catalogue import Asset, Catalogue, Input
from penstock.assets.declare.conditions.leaves import bound, named_in
from penstock.assets.declare.dataset import Dataset
from penstock.assets.declare.policies import policies_of
from penstock.assets.plan.simulate.story import Story
from penstock.testing import simulate

Declare = Callable[..., Asset]
Tell = Callable[..., Story]


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


def catalogue_of(*assets: Asset) -> Catalogue:
    """These assets, and every dataset that they name."""
    uris = [uri for one in assets for uri in one.outputs]
    uris += [leaf.uri for one in assets for leaf in named_in(one.condition)]
    uris += [used.uri for one in assets for used in one.inputs]
    return Catalogue(assets={one.name: one for one in assets}, datasets={uri: Dataset(uri) for uri in uris})


@pytest.fixture(scope="session")
def declare() -> Declare:
    """`declare("x", on, **policies)`."""
    return declared


@pytest.fixture(scope="session")
def tell() -> Tell:
    """`tell(script, *assets)`: the story of these assets, which begins on Monday, 2026-01-05."""

    def told(script: str, *assets: Asset, after: Story | None = None) -> Story:
        return simulate(catalogue_of(*assets), script, after=after)

    return told


@pytest.fixture(scope="session")
def took() -> Callable[[Story, str], list[str]]:
    """`took(story, "x")`: of each run of the asset, when and what it took: `10:05 docs@1 docs@2`."""

    def listed(story: Story, name: str) -> list[str]:
        return [" ".join([f"{run.at:%H:%M}", *run.consumed]) for run in story.of(name)]

    return listed
