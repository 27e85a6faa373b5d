"""Conditions as plain JSON data and back, without loss. What is at its default is left out.

A condition is written as it is nested. One that is nested more than `DEEP` times is a list, for what reads JSON follows
it down only so far: `{"flat": […]}` has the leaves and nodes, each after its children, which it names by their places
in the list; the last is the whole.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ....storage.errors import DatabaseFault
from ..durations import as_duration, as_text
from ..partitions.mapping.mappings import mapping_from_plain, mapping_to_plain
from ..ticks.plain import timetable_from_plain, timetable_to_plain
from ..ticks.timetables import Cron, Every
from .leaves import DatasetLeaf, Fresh, Stale
from .predicates import predicate_from_plain, predicate_to_plain
from .tree import AllOf, AnyOf, Condition, NOf, Settled, children_of
from .walking import fold, is_deeper

Plain = dict[str, Any]
DEEP = 64
_NARROWING = frozenset({"removal", "least", "where", "since", "match", "mapping"})


def condition_to_plain(condition: Condition) -> Plain:
    """A condition as JSON-ready data: one key names what the node or leaf is.

    >>> condition_to_plain(Every("6h"))
    {'every': '6h'}
    """
    if not is_deeper(condition, children_of, DEEP):
        return fold(condition, children_of, _node_to_plain)
    flat: list[Plain] = []

    def placed(node: Condition, children: tuple[int, ...]) -> int:
        flat.append(_node_to_plain(node, children))
        return len(flat) - 1

    fold(condition, children_of, placed)
    return {"flat": flat}


def _node_to_plain(condition: Condition, children: tuple[Plain, ...] | tuple[int, ...]) -> Plain:
    """A leaf, or a node with what stands for its children."""
    match condition:
        case DatasetLeaf():
            return _leaf_to_plain(condition)
        case Fresh(uri=uri, age=age):
            return {"fresh": uri, "age": as_text(age)}
        case Stale(age=age):
            return {"stale": as_text(age)}
        case Cron() | Every():
            return timetable_to_plain(condition)
        case Settled(quiet=quiet, longest=longest):
            return {"settle": children[0], "quiet": as_text(quiet), "max_wait": as_text(longest)}
        case AllOf(within=within, aligned=aligned):
            plain: Plain = {"all_of": list(children)}
            if within is not None:
                plain["within"] = as_text(within)
            return {**plain, "aligned": True} if aligned else plain
        case AnyOf():
            return {"any_of": list(children)}
        case NOf(n=n):
            return {"n_of": n, "children": list(children)}
        case _:
            raise TypeError(f"{type(condition).__name__} has no plain form")


def condition_from_plain(plain: Mapping[str, Any]) -> Condition:
    """The condition that `condition_to_plain` wrote.

    Raises
    ------
    DatabaseFault: it is of a kind that this penstock does not know, or has a word that it does not know: what was left
        out of it could start what nobody asked for.
    """
    if set(plain) != {"flat"}:
        return fold(plain, _children, _node_from_plain)
    flat: Sequence[Mapping[str, Any]] = plain["flat"]
    made: list[Condition] = []
    for node in flat:
        places: Sequence[int] = _children(node)
        made.append(_node_from_plain(node, tuple(made[place] for place in places)))
    return made[-1]


def _children(plain: Mapping[str, Any]) -> Sequence[Any]:
    """What stands for the children of a plain node."""
    match plain:
        case {"settle": child}:
            return (child,)
        case {"all_of": children} | {"any_of": children} | {"children": children}:
            return children
        case _:
            return ()


def _node_from_plain(plain: Mapping[str, Any], children: tuple[Condition, ...]) -> Condition:
    match plain:
        case {"dataset": _, "confirmed": _, **more} if more.keys() <= _NARROWING:
            return _leaf_from_plain(plain)
        case {"fresh": uri, "age": age, **more} if not more:
            return Fresh(uri=uri, age=as_duration(age))
        case {"stale": age, **more} if not more:
            return Stale(age=as_duration(age))
        case {"cron": _, "tz": _} | {"every": _}:
            return timetable_from_plain(plain)  # which looks at the other keys
        case {"settle": _, "quiet": quiet, "max_wait": longest, **more} if not more:
            return Settled(child=children[0], quiet=as_duration(quiet), longest=as_duration(longest))
        case {"all_of": _, **more} if more.keys() <= {"within", "aligned"}:
            return AllOf(
                children=children,
                within=as_duration(more["within"]) if "within" in more else None,
                aligned=more.get("aligned", False),
            )
        case {"any_of": _, **more} if not more:
            return AnyOf(children=children)
        case {"n_of": n, "children": _, **more} if not more:
            return NOf(n=n, children=children)
        case _:
            raise DatabaseFault(
                f"a stored condition has the keys {sorted(plain)}, which this penstock does not know",
                hint="Upgrade penstock to the version that wrote it.",
            )


def _leaf_to_plain(leaf: DatasetLeaf) -> Plain:
    """What is said beyond the dataset stands in it only where it is said."""
    plain: Plain = {"dataset": leaf.uri, "confirmed": leaf.confirmed}
    if leaf.removal:
        plain["removal"] = True
    if leaf.least != 1:
        plain["least"] = leaf.least
    if leaf.predicate is not None:
        plain["where"] = predicate_to_plain(leaf.predicate)
    if isinstance(leaf.timetable, Cron | Every):
        plain["since"] = timetable_to_plain(leaf.timetable)
    if leaf.match:
        plain["match"] = True
    if leaf.mapping is not None:
        plain["mapping"] = mapping_to_plain(leaf.mapping)
    return plain


def _leaf_from_plain(plain: Mapping[str, Any]) -> DatasetLeaf:
    where, since, mapping = plain.get("where"), plain.get("since"), plain.get("mapping")
    return DatasetLeaf(
        uri=plain["dataset"],
        confirmed=plain["confirmed"],
        removal=plain.get("removal", False),
        least=plain.get("least", 1),
        predicate=None if where is None else predicate_from_plain(where),
        timetable=None if since is None else timetable_from_plain(since),
        match=plain.get("match", False),
        mapping=None if mapping is None else mapping_from_plain(mapping),
    )
