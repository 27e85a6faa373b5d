"""Which part of a large graph of assets is shown: all of a small one; else groups, a group, or what lies around an
asset. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from ...read.outline import Outline

WHOLE = 60
"""A project with at most so many assets is shown as a whole."""
MOST = 120
"""So many nodes are drawn at most; what is left out is counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Nodes and edges to draw.

    Attributes
    ----------
    nodes: names of assets and of datasets that others write; of groups in `groups`.
    groups: group → how many assets it stands for.
    left_out: how many nodes more there would be.
    """

    nodes: tuple[str, ...] = ()
    groups: Mapping[str, int] = field(default_factory=dict[str, int])
    edges: tuple[tuple[str, str], ...] = ()
    left_out: int = 0


def node_of_group(group: str) -> str:
    """The name of the node that stands for a group; no asset is called so."""
    return f"group:{group}"


def by_groups(outline: Outline, found: Collection[str]) -> Part:
    """Groups instead of these assets, joined where an asset of one reads one of the other."""
    count: dict[str, int] = {}
    for name in found:
        group = outline.assets[name].group
        count[group] = count.get(group, 0) + 1
    largest = sorted(count, key=lambda one: (-count[one], one))
    kept = set(largest[:MOST])
    edges = {
        (node_of_group(outline.assets[one].group), node_of_group(outline.assets[name].group))
        for name in found
        for one in outline.assets[name].reads
        if one in outline.assets and {outline.assets[one].group, outline.assets[name].group} <= kept
    }
    return Part(
        groups={group: count[group] for group in largest[:MOST]},
        edges=tuple(sorted(one for one in edges if one[0] != one[1])),
        left_out=len(largest) - len(kept),
    )


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
