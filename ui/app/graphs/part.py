"""Which part of a large graph of assets is shown: all of a small one; else groups, a group, or what lies around an
asset. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from ...read.outline import Outline
from .layers import layers

WHOLE = 60
"""A project with at most so many assets is shown as a whole."""
MOST = 120
"""So many nodes are drawn at most; what is left out is counted."""
_CROWDED = 300
"""Of more edges between groups those are left out that longer ways imply."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Nodes and edges to draw.

    Attributes
    ----------
    nodes: names of assets and of datasets that others write; of groups in `groups`.
    groups: group → how many assets it stands for.
    left_out: how many nodes more there would be.
    implied: how many edges there would be more, which lead where a longer way leads too.
    """

    nodes: tuple[str, ...] = ()
    groups: Mapping[str, int] = field(default_factory=dict[str, int])
    edges: tuple[tuple[str, str], ...] = ()
    left_out: int = 0
    implied: int = 0


def node_of_group(group: str) -> str:
    """The name of the node that stands for a group; no asset is called so."""
    return f"group:{group}"


@lru_cache(maxsize=8)  # a page that nobody touches is drawn every few seconds
def by_groups(outline: Outline, found: tuple[str, ...]) -> Part:
    """Groups instead of these assets, joined where an asset of one reads one of the other."""
    count: dict[str, int] = {}
    for name in found:
        group = outline.assets[name].group
        count[group] = count.get(group, 0) + 1
    largest = sorted(count, key=lambda one: (-count[one], one))
    kept = set(largest[:MOST])
    between: set[tuple[str, str]] = set()
    for name in found:
        group = outline.assets[name].group
        for one in outline.assets[name].reads if group in kept else ():
            spot = outline.assets.get(one)
            if spot is not None and spot.group != group and spot.group in kept:
                between.add((spot.group, group))
    apart = sorted((node_of_group(one), node_of_group(other)) for one, other in between)
    drawn = essential(apart) if len(apart) > _CROWDED else apart
    return Part(
        groups={group: count[group] for group in largest[:MOST]},
        edges=tuple(drawn),
        left_out=len(largest) - len(kept),
        implied=len(apart) - len(drawn),
    )


def essential(edges: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """The edges without those that lead where a longer way leads too: the same can be reached from everywhere. In a
    cycle none is left out that leads back.

    >>> essential([("a", "b"), ("a", "c"), ("b", "c")])
    [('a', 'b'), ('b', 'c')]
    """
    layer = layers(sorted({one for edge in edges for one in edge}), edges)
    bit = {name: 1 << place for place, name in enumerate(layer)}
    follow: dict[str, list[str]] = {}
    for source, target in edges:
        if layer[source] < layer[target]:
            follow.setdefault(source, []).append(target)
    reached = dict.fromkeys(layer, 0)  # a bit for each node that ways with the layers lead to
    kept = {edge for edge in edges if layer[edge[0]] >= layer[edge[1]]}
    for source in sorted(follow, key=layer.__getitem__, reverse=True):
        for target in sorted(follow[source], key=layer.__getitem__):
            if not reached[source] & bit[target]:
                kept.add((source, target))
                reached[source] |= bit[target] | reached[target]
    return [edge for edge in edges if edge in kept]


def of_assets(outline: Outline, found: Collection[str]) -> Part:
    """These assets, with the datasets that others write and they read."""
    kept = sorted(found)[:MOST]
    inside = set(kept)
    foreign = {one for name in kept for one in outline.assets[name].reads if one in outline.foreign}
    return _among(outline, inside | foreign, left_out=len(found) - len(kept))


def around(outline: Outline, name: str, up: int, down: int) -> Part:
    """What lies at most so many steps before an asset and after it, the nearest first."""
    shown = {name}
    left_out = 0
    for steps, upwards in ((up, True), (down, False)):
        edge = [name]
        for _ in range(steps):
            beside: dict[str, None] = {}
            for one in edge:
                spot = outline.assets.get(one)
                near = (spot.reads if spot else ()) if upwards else outline.readers.get(one, ())
                beside.update(dict.fromkeys(near))
            new = sorted(one for one in beside if one not in shown)
            room = max(MOST - len(shown), 0)
            left_out += len(new[room:])
            edge = new[:room]
            shown.update(edge)
    return _among(outline, shown, left_out=left_out)


def _among(outline: Outline, shown: Collection[str], *, left_out: int) -> Part:
    edges = [
        (one, name) for name in shown if name in outline.assets for one in outline.assets[name].reads if one in shown
    ]
    return Part(nodes=tuple(sorted(shown)), edges=tuple(sorted(edges)), left_out=left_out)
