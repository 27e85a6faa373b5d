"""The keys of dynamic dimensions that have appeared: they show in the lines on which something is made."""

from __future__ import annotations

from collections.abc import Iterable

from .named import Dynamic
from .partition import SEPARATOR, Partitioning
from .product import as_product


def dynamic_dimensions(partitioning: Partitioning | None) -> tuple[str, ...]:
    """The names of the dynamic dimensions."""
    return tuple(one.name for one in as_product(partitioning).dimensions if isinstance(one, Dynamic))


def appeared(partitioning: Partitioning, lines: Iterable[str]) -> dict[str, set[str]]:
    """Dynamic dimension → its keys that these lines of places name.

    >>> from penstock import Daily, Dynamic, Static
    >>> divided = Daily(start="2026-01-01") * Static("eu", name="region") * Dynamic(name="customer")
    >>> appeared(divided, ["eu|acme", "eu|globex"]) == {"customer": {"acme", "globex"}}
    True
    """
    product = as_product(partitioning)
    on_line = [one for place, one in enumerate(product.dimensions) if place != product.timed]
    found: dict[str, set[str]] = {one.name: set() for one in on_line if isinstance(one, Dynamic)}
    for line in lines if found else ():
        for one, part in zip(on_line, line.split(SEPARATOR), strict=False):
            if one.name in found:
                found[one.name].add(part)
    return found
