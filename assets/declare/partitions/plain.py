"""Partitionings as plain JSON data and back, without loss: one key names what each is."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ....storage.errors import DatabaseFault
from ..ticks.plain import timetable_from_plain, timetable_to_plain
from .grains import Daily, Hourly, Monthly, Weekly
from .named import Dynamic, Static
from .partition import Partitioning
from .product import Product
from .windows import Windows

Plain = dict[str, Any]
_CALENDAR: Mapping[str, type[Hourly | Daily | Weekly | Monthly]] = {
    "hourly": Hourly,
    "daily": Daily,
    "weekly": Weekly,
    "monthly": Monthly,
}
_WORDS = {made: word for word, made in _CALENDAR.items()}


def partitioning_to_plain(partitioning: Partitioning) -> Plain:
    """A partitioning as JSON-ready data; `partitioning_from_plain` gives an equal one back.

    >>> partitioning_to_plain(Static("eu", "us", name="region"))
    {'static': ['eu', 'us'], 'name': 'region'}
    """
    match partitioning:
        case Static(keys=keys, name=name):
            return {"static": list(keys), "name": name}
        case Dynamic(name=name):
            return {"dynamic": name}
        case Product(dimensions=dimensions):
            return {"product": [partitioning_to_plain(one) for one in dimensions]}
        case Windows():
            rest = {"start": partitioning.start.isoformat(), "tz": partitioning.tz, "name": partitioning.name}
            if partitioning.end is not None:
                rest["end"] = partitioning.end.isoformat()
            word = _WORDS.get(type(partitioning))  # pyright: ignore[reportArgumentType]
            return {word: rest} if word else {"windows": timetable_to_plain(partitioning.timetable), **rest}
        case _:
            raise TypeError(f"{type(partitioning).__name__} has no plain form")


def partitioning_from_plain(plain: Mapping[str, Any]) -> Partitioning:
    """The partitioning that `partitioning_to_plain` wrote.

    Raises
    ------
    DatabaseFault: it is of a kind, or has a word, that this penstock does not know.
    """
    match plain:
        case {"static": keys, "name": name, **more} if not more:
            return Static(*keys, name=name)
        case {"dynamic": name, **more} if not more:
            return Dynamic(name=name)
        case {"product": parts, **more} if not more:
            made = [partitioning_from_plain(one) for one in parts]
            return Product(tuple(dimension for one in made for dimension in one.dimensions))
        case {"windows": timetable, "start": _, **more} if more.keys() <= {"end", "tz", "name"}:
            return Windows(timetable_from_plain(timetable), **_times(plain))
        case _:
            word = next(iter(plain), "")
            if len(plain) == 1 and word in _CALENDAR and plain[word].keys() <= {"start", "end", "tz", "name"}:
                return _CALENDAR[word](**_times(plain[word]))
            raise DatabaseFault(
                f"a stored partitioning has the keys {sorted(plain)}, which this penstock does not know",
                hint="Upgrade penstock to the version that wrote it.",
            )


def _times(plain: Mapping[str, Any]) -> Plain:
    found = {key: plain[key] for key in ("tz", "name") if key in plain}
    times = {key: datetime.fromisoformat(plain[key]) for key in ("start", "end") if key in plain}
    return {**found, **times}
