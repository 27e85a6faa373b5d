"""Selecting assets by graph syntax: `chunks`, `+chunks`, `chunks+`, `2+chunks+1`, `tag:nightly`, `group:kb`, `kb_*`.

Several selections add up; within one, a comma keeps what all parts select: `tag:nightly,group:kb`.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from fnmatch import fnmatchcase

from ...storage.errors import UsageError
from ..declare.catalogue import Asset
from .graph import Graph

_TERM = re.compile(r"(?:(?P<up>\d*)(?P<plus_up>\+))?(?P<core>[^+]+?)(?:(?P<plus_down>\+)(?P<down>\d*))?")


def select(graph: Graph, selections: Iterable[str]) -> list[str]:
    """The names that the selections give, from the least deep to the deepest; everything if there is no selection.

    Raises
    ------
    UsageError: a selection cannot be read or selects nothing; it names what is near.
    """
    wanted = list(selections)
    if not wanted:
        return graph.in_order(graph.catalogue.assets)
    found: set[str] = set()
    for selection in wanted:
        parts = [_term(graph, part.strip(), selection) for part in selection.split(",")]
        both = parts[0].intersection(*parts[1:])
        if not both:
            apart = " ".join(part.strip() for part in selection.split(","))
            raise UsageError(
                f"the selection {selection!r} selects nothing: a comma keeps what all of its parts select, and these "
                "have nothing in common",
                hint=f"To have all of them, give each for itself: {apart}",
            )
        found |= both
    return graph.in_order(found)


def _term(graph: Graph, term: str, selection: str) -> set[str]:
    match = _TERM.fullmatch(term)
    if match is None:
        raise UsageError(
            f"the selection {selection!r} cannot be read",
            hint="Write a name, +name, name+, 2+name+1, tag:…, group:…, owner:…, kind:…; a comma keeps what both "
            "select.",
        )
    read = _read(graph, match["core"]) if match["plus_down"] and match["down"] != "0" else set[str]()
    if read:  # what others write is no asset; what it leads to are some
        return read | graph.reach(read, graph.downstream, int(match["down"]) - 1 if match["down"] else None)
    core = _core(graph, match["core"], selection)
    found = set(core)
    if match["plus_up"]:
        found |= graph.reach(core, graph.upstream, int(match["up"]) if match["up"] else None)
    if match["plus_down"]:
        found |= graph.reach(core, graph.downstream, int(match["down"]) if match["down"] else None)
    return found


def _read(graph: Graph, name: str) -> set[str]:
    """The assets that read, or wait for, the dataset of this name that others write."""
    named = {uri for uri, one in graph.catalogue.datasets.items() if one.name == name and uri not in graph.producer}
    taken = () if name in graph.catalogue.assets else named
    return {one for uri in taken for one in (*graph.reading.get(uri, ()), *graph.waiting.get(uri, ()))}


def _core(graph: Graph, core: str, selection: str) -> set[str]:
    assets = graph.catalogue.assets
    method, _, value = core.partition(":")
    if method in _METHODS and value:
        found = {name for name, asset in assets.items() if any(fnmatchcase(v, value) for v in _METHODS[method](asset))}
    else:
        outputs = {graph.dataset_name(uri): name for uri, name in graph.producer.items()}
        found = {name for name in assets if fnmatchcase(name, core)}
        found |= {name for handle, name in outputs.items() if fnmatchcase(handle, core)} if not found else set()
    if not found and method in _METHODS and value:
        known = sorted({one for asset in assets.values() for one in _METHODS[method](asset)})
        near = difflib.get_close_matches(value, known, n=3)
        said = f"Did you mean {' or '.join(f'{method}:{one}' for one in near)}?"
        raise UsageError(
            f"the selection {selection!r} selects nothing: no asset has the {method} {value!r}",
            hint=said if near else f"There is: {', '.join(known)}." if known else f"No asset has any {method}.",
        )
    if not found and any(sign in core for sign in "*?["):
        raise UsageError(
            f"the selection {selection!r} selects nothing: no asset matches the pattern {core!r}",
            hint="`penstock list` shows the assets.",
        )
    if not found and core in {dataset.name for dataset in graph.catalogue.datasets.values()}:
        readers = sorted(_read(graph, core))
        raise UsageError(
            f"the selection {selection!r} selects nothing: {core} is a dataset that others write, so no asset makes it",
            hint=f"Select what reads it, {core}+: {', '.join(readers[:6])}."
            if readers
            else "`penstock list` shows the assets.",
        )
    if not found:
        near = difflib.get_close_matches(core, list(assets), n=3)
        if ":" in core:
            known = ", ".join(f"{one}:…" for one in _METHODS)
            raise UsageError(
                f"the selection {selection!r} selects nothing: {core!r} is no name of an asset, which has no colon",
                hint=f"Write a name, or one of: {known}.",
            )
        raise UsageError(
            f"the selection {selection!r} selects nothing: there is no asset {core!r}",
            hint=f"Did you mean {' or '.join(near)}?" if near else "`penstock list` shows the assets.",
        )
    return found


def _tags(asset: Asset) -> tuple[str, ...]:
    return asset.policies.tags


def _group(asset: Asset) -> tuple[str, ...]:
    return (asset.policies.group,) if asset.policies.group else ()


def _owners(asset: Asset) -> tuple[str, ...]:
    return asset.policies.owners


def _kind(asset: Asset) -> tuple[str, ...]:
    return (asset.kind,) if asset.kind else ()


_METHODS = {"tag": _tags, "group": _group, "owner": _owners, "kind": _kind}
