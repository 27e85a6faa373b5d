"""Conditions as plain JSON data and back, without loss. What is at its default is left out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ....storage.errors import DatabaseFault
from ..durations import as_duration, as_text
from ..partitions.mapping.mappings import mapping_from_plain, mapping_to_plain
from ..ticks.plain import timetable_from_plain, timetable_to_plain
from ..ticks.timetables import Cron, Every
from .leaves import DatasetLeaf, Fresh, Stale
from .predicates import predicate_from_plain, predicate_to_plain
from .tree import AllOf, AnyOf, Condition, NOf, Settled

Plain = dict[str, Any]
_NARROWING = frozenset({"removal", "least", "where", "since", "match", "mapping"})


def condition_to_plain(condition: Condition) -> Plain:
    """A condition as JSON-ready data: one key names what the node or leaf is.

    >>> condition_to_plain(Every("6h"))
    {'every': '6h'}
    """
    match condition:
        case DatasetLeaf():
            return _leaf_to_plain(condition)
        case Fresh(uri=uri, age=age):
            return {"fresh": uri, "age": as_text(age)}
        case Stale(age=age):
            return {"stale": as_text(age)}
        case Cron() | Every():
            return timetable_to_plain(condition)
        case Settled(child=child, quiet=quiet, longest=longest):
            return {"settle": condition_to_plain(child), "quiet": as_text(quiet), "max_wait": as_text(longest)}
        case AllOf(children=children, within=within, aligned=aligned):
            plain: Plain = {"all_of": [condition_to_plain(child) for child in children]}
            if within is not None:
                plain["within"] = as_text(within)
            return {**plain, "aligned": True} if aligned else plain
        case AnyOf(children=children):
            return {"any_of": [condition_to_plain(child) for child in children]}
        case NOf(n=n, children=children):
            return {"n_of": n, "children": [condition_to_plain(child) for child in children]}
        case _:
            raise TypeError(f"{type(condition).__name__} has no plain form")


def condition_from_plain(plain: Mapping[str, Any]) -> Condition:
    """The condition that `condition_to_plain` wrote.

    Raises
    ------
    DatabaseFault: it is of a kind that this penstock does not know, or has a word that it does not know: what was left
        out of it could start what nobody asked for.
    """
    match plain:
        case {"dataset": _, "confirmed": _, **more} if more.keys() <= _NARROWING:
            return _leaf_from_plain(plain)
        case {"fresh": uri, "age": age, **more} if not more:
            return Fresh(uri=uri, age=as_duration(age))
        case {"stale": age, **more} if not more:
            return Stale(age=as_duration(age))
        case {"cron": _, "tz": _} | {"every": _}:
            return timetable_from_plain(plain)  # which looks at the other keys
        case {"settle": child, "quiet": quiet, "max_wait": longest, **more} if not more:
            return Settled(child=condition_from_plain(child), quiet=as_duration(quiet), longest=as_duration(longest))
        case {"all_of": children, **more} if more.keys() <= {"within", "aligned"}:
            return AllOf(
                children=_children(children),
                within=as_duration(more["within"]) if "within" in more else None,
                aligned=more.get("aligned", False),
            )
        case {"any_of": children, **more} if not more:
            return AnyOf(children=_children(children))
        case {"n_of": n, "children": children, **more} if not more:
            return NOf(n=n, children=_children(children))
        case _:
            raise DatabaseFault(
                f"a stored condition has the keys {sorted(plain)}, which this penstock does not know",
                hint="Upgrade penstock to the version that wrote it.",
            )


def _children(plain: Iterable[Mapping[str, Any]]) -> tuple[Condition, ...]:
    return tuple(condition_from_plain(child) for child in plain)


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
