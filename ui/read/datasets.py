"""Which datasets are made of which as assets are declared, now or at a time; and who reads, or waits for, a dataset.

What was made of what stands in `tracing.py`; this is what should be.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from ...lineage.graph.graph import Direction, Graph, Node, between
from ...lineage.graph.recipes import Recipes
from ...lineage.graph.walk import MOST, reach
from ...storage.errors import UsageError
from ...storage.meta.database.engine import Store, Transaction
from ...storage.meta.past import declared, history
from ...storage.meta.past.forms import aliases_of
from ...storage.meta.past.makings import Named
from .references import dataset_of
from .tracing import Trace


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetLine:
    """A dataset on the way.

    Attributes
    ----------
    node: its place in the graph.
    asset: who makes it; None for what others write.
    licence: as it is declared now.
    """

    node: Node
    name: str
    uri: str
    asset: str | None
    licence: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetTrace:
    """Datasets with the links between them, each of the asset that makes one of the other; the root first, then by
    depth and name. `as_of`: the time as of which it was asked; None for now."""

    graph: Graph
    lines: tuple[DatasetLine, ...]
    as_of: datetime | None

    @property
    def others(self) -> tuple[DatasetLine, ...]:
        """What it led to."""
        return tuple(one for one in self.lines if one.node.id not in self.graph.roots)


def datasets(
    store: Store,
    text: str,
    direction: Direction,
    *,
    to: str | None = None,
    depth: int = 1000,
    most: int = MOST,
    as_of: datetime | None = None,
) -> DatasetTrace:
    """What the dataset that `text` names (by name, URI or asset) is made of, or what is made of it, however far; with
    `to` only the ways to that dataset, without nodes where there is none.

    Raises
    ------
    UsageError: there is no such dataset, or nothing that was declared then made, read or waited for it; or there is
        more than that to be looked through for a way.
    """
    with store.read() as tx:
        known = _Declared.at(tx, store.project, as_of)
        root, goal = known.number(tx, text), None if to is None else known.number(tx, to)
        found = reach(known.recipes, [Named(root)], direction, depth=depth, most=most)
        if goal is not None:
            whole, found = found, between(found, {str(goal)})
            if not found.nodes and whole.is_cut:
                raise UsageError(
                    f"no way between {text} and {to} was found among the {len(whole.nodes):,} datasets nearest to the "
                    "former",
                    hint="There are more: name one that is nearer to it, or look further.",
                )
        return DatasetTrace(graph=found, lines=known.lines(tx, found), as_of=as_of)


@dataclass(frozen=True, slots=True, kw_only=True)
class Consumer:
    """An asset that reads, or waits for, a version's dataset, or what is made of it.

    Attributes
    ----------
    depth: 1 of one that reads the dataset itself, or waits for it; then one more each.
    reads: names of the datasets on the way that it reads; waits: of those that its condition is about. News of these
        may start it, that of the others is read when something else does.
    paused: whether its condition starts nothing.
    made_from_it: whether the newest version of something that it makes was made from that version; None where not all
        of the impact was looked at.
    """

    asset: str
    depth: int
    reads: tuple[str, ...]
    waits: tuple[str, ...]
    paused: bool
    made_from_it: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Consumers:
    """Who consumes something, the nearest first; and the datasets that they make of it, with links between them. There
    are more of both where that graph is cut."""

    items: tuple[Consumer, ...]
    datasets: DatasetTrace


def consumers(store: Store, found: Trace, *, depth: int = 1000, most: int = MOST) -> Consumers:
    """The assets that consume what an impact is of, directly or through others, as they are declared: now, or at the
    time as of which it was asked."""
    with store.read() as tx:
        known = _Declared.at(tx, store.project, found.as_of)
        recipes = known.recipes
        roots = [recipes.number(uri) for uri in dict.fromkeys(one.version.uri for one in found.roots)]
        begins = [Named(one) for one in roots if one is not None]
        graph = reach(recipes, begins, Direction.DOWN, depth=depth, most=most)
        lines = known.lines(tx, graph)
        paused = declared.paused_at(tx, store.project, found.as_of)
    depths = {node.id: node.depth for node in graph.nodes}
    steps: dict[str, int] = {}
    for link in graph.links:
        steps[link.by] = min(steps.get(link.by, MOST), depths[link.output])
    reached = {node.of for node in graph.nodes}
    in_use = {recipes.number(one.version.uri) for one in found.others if one.is_newest}

    def one_of(asset: str) -> Consumer:
        recipe = recipes.of_asset[asset]
        made = not recipe.makes.isdisjoint(in_use)
        return Consumer(
            asset=asset,
            depth=steps[asset],
            reads=known.named(recipe.reads & reached),
            waits=known.named(recipe.waits & reached),
            paused=recipe.asset_id in paused,
            made_from_it=None if found.graph.is_cut and not made else made,
        )

    ordered = sorted(steps, key=lambda name: (steps[name], name))
    return Consumers(
        items=tuple(one_of(name) for name in ordered),
        datasets=DatasetTrace(graph=graph, lines=lines, as_of=found.as_of),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Declared:
    """What was declared at a time (None: now), and the names of datasets by URI."""

    recipes: Recipes
    names: Mapping[str, str]
    project: str
    as_of: datetime | None

    @classmethod
    def at(cls, tx: Transaction, project: str, as_of: datetime | None) -> _Declared:
        names = declared.dataset_names(tx, project)
        moved = {uri: own for uri, own in aliases_of(tx, project).items() if uri not in names}
        recipes = Recipes.gathered(declared.sketches(tx, project, as_of), names, moved)
        return cls(recipes=recipes, names=names, project=project, as_of=as_of)

    def number(self, tx: Transaction, text: str) -> int:
        """The dataset that a text names."""
        found = dataset_of(tx, self.project, text)
        number = self.recipes.number(found.uri)
        if number is None or not (self.recipes.maker(number) or self.recipes.out_of([number])):
            when = "" if self.as_of is None else f" at {self.as_of:%Y-%m-%dT%H:%M:%SZ}"
            raise UsageError(
                f"no asset that is declared{when} makes, reads or waits for {found.name}",
                hint="Without --datasets it is told which versions of it were made of what, and what of them.",
            )
        return number

    def named(self, numbers: Iterable[int]) -> tuple[str, ...]:
        """Their names, sorted."""
        uris = (self.recipes.uris[one] for one in numbers)
        return tuple(sorted(self.names.get(uri, uri) for uri in uris))

    def lines(self, tx: Transaction, graph: Graph) -> tuple[DatasetLine, ...]:
        """A line for each node, by depth and name."""
        uris = {node.id: self.recipes.uris[node.of] for node in graph.nodes}
        known = {one.uri: one for one in history.datasets_at(tx, self.project, uris.values())}
        lines = [
            DatasetLine(
                node=node,
                name=self.names.get(uris[node.id], uris[node.id]),
                uri=uris[node.id],
                asset=self.recipes.maker(node.of),
                licence=known[uris[node.id]].declaration.get("licence") if uris[node.id] in known else None,
            )
            for node in graph.nodes
        ]
        return tuple(sorted(lines, key=lambda one: (one.node.depth, one.name)))
