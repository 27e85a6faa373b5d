"""Which datasets are made of which, as assets are declared: the same graph as of versions, of what should be. Pure.

It answers like the edges of versions do, so that the same walk goes through it, within the same limits.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ...storage.meta.past.declared import Sketch
from ...storage.uri import matches
from .walk import Edge


@dataclass(frozen=True, slots=True, kw_only=True)
class Waits:
    """What a condition waits for: URIs of datasets, and patterns of them."""

    uris: frozenset[str]
    patterns: frozenset[str]


def waits_of(condition: Mapping[str, Any] | None) -> Waits:
    """What a stored condition waits for, or asks the age of.

    >>> sorted(waits_of({"all_of": [{"dataset": "a.csv", "confirmed": False}, {"fresh": "b.csv", "age": "12h"}]}).uris)
    ['a.csv', 'b.csv']
    """
    uris: set[str] = set()
    patterns: set[str] = set()
    todo: list[Any] = [condition]
    while todo:
        part = todo.pop()
        if isinstance(part, Mapping):
            node: Mapping[str, Any] = part  # pyright: ignore[reportUnknownVariableType]  JSON
            if isinstance(uri := node.get("dataset"), str):
                (patterns if node.get("match") else uris).add(uri)
            if isinstance(uri := node.get("fresh"), str):
                uris.add(uri)
            todo += node.values()
        elif isinstance(part, list):
            todo += part
    return Waits(uris=frozenset(uris), patterns=frozenset(patterns))


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """One asset: the datasets that it makes, those that it reads, and those that its condition waits for; by number."""

    asset: str
    asset_id: int
    makes: frozenset[int]
    reads: frozenset[int]
    waits: frozenset[int]

    @property
    def needs(self) -> frozenset[int]:
        """What it reads or waits for, and does not make itself."""
        return (self.reads | self.waits) - self.makes


@dataclass(frozen=True, slots=True)
class Recipes:
    """Those of a project. Datasets have numbers, their place in `uris`.

    Attributes
    ----------
    uris: every dataset that is known.
    of_asset: name → recipe.
    """

    uris: tuple[str, ...]
    of_asset: Mapping[str, Recipe]
    _makers: dict[int, list[Recipe]] = field(default_factory=dict[int, "list[Recipe]"])
    _users: dict[int, list[Recipe]] = field(default_factory=dict[int, "list[Recipe]"])

    @classmethod
    def gathered(cls, sketches: Iterable[Sketch], known: Iterable[str], moved: Mapping[str, str]) -> Recipes:
        """Those of these assets.

        Parameters
        ----------
        known: URIs of datasets that there are beside, which patterns may find.
        moved: URI that is an alias now → that of its dataset.
        """
        sketches = list(sketches)
        waits = {one.asset_id: waits_of(one.condition) for one in sketches}
        named = [uri for one in sketches for uri in (*one.outputs, *one.inputs, *waits[one.asset_id].uris)]
        uris = tuple(dict.fromkeys((*known, *(moved.get(uri, uri) for uri in named))))
        numbers = {uri: number for number, uri in enumerate(uris)}

        def all_of(given: Iterable[str]) -> frozenset[int]:
            return frozenset(numbers[moved.get(uri, uri)] for uri in given)

        recipes: dict[str, Recipe] = {}
        for one in sketches:
            asked = waits[one.asset_id]
            found = [uri for pattern in asked.patterns for uri in uris if matches(pattern, uri)]
            recipes[one.name] = Recipe(
                asset=one.name,
                asset_id=one.asset_id,
                makes=all_of(one.outputs),
                reads=all_of(one.inputs),
                waits=all_of(asked.uris) | all_of(found),
            )
        made = cls(uris, recipes)
        for recipe in recipes.values():
            for number in recipe.makes:
                made._makers.setdefault(number, []).append(recipe)
            for number in recipe.needs:
                made._users.setdefault(number, []).append(recipe)
        return made

    def number(self, uri: str) -> int | None:
        """The number of a dataset; None where nothing is known of it."""
        return self.uris.index(uri) if uri in self.uris else None

    def maker(self, number: int) -> str | None:
        """The asset that makes a dataset; None where others do."""
        return next((one.asset for one in self._makers.get(number, ())), None)

    def into(self, versions: Collection[int]) -> list[Edge]:
        """What these datasets are made of: an asset stands for its run."""
        return self._ordered(
            Edge(output=number, input=need, by=one.asset)
            for number in versions
            for one in self._makers.get(number, ())
            for need in one.needs
        )

    def out_of(self, versions: Collection[int]) -> list[Edge]:
        """What is made of these datasets."""
        return self._ordered(
            Edge(output=made, input=number, by=one.asset)
            for number in versions
            for one in self._users.get(number, ())
            for made in one.makes
        )

    def _ordered(self, edges: Iterable[Edge]) -> list[Edge]:
        return sorted(edges, key=lambda one: (self.uris[one.output], self.uris[one.input]))
