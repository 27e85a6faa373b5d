"""A page of an answer: some items of a longer list, and whether there are more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[Item]):
    """Items `offset`, `offset + 1`, … of a list; `more` says whether others follow.

    >>> cut([3, 4, 5], offset=2, limit=2)
    Page(items=(3, 4), offset=2, more=True)
    """

    items: tuple[Item, ...]
    offset: int = 0
    more: bool = False


def cut(found: Sequence[Item], *, offset: int, limit: int) -> Page[Item]:
    """A page of at most `limit` of what was found from `offset` on; ask for one more than that to know of more."""
    return Page(items=tuple(found[:limit]), offset=offset, more=len(found) > limit)
