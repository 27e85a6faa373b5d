"""Which partitions of a chunk can be planned next: those of which everything that they read is seen to. Upstream comes
first, partition by partition: of all that is ready the first in the order of the chunk is taken, and with it, as a
portion, what else of its asset is ready, so that a hundred that read nothing are recorded together.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from heapq import heappop, heappush

Item = tuple[str, str]
"""Asset and key."""


class Frontier:
    """How far one process has come in a chunk.

    Parameters
    ----------
    reads: each partition of the chunk, in the order in which they are to be made → those of the chunk that it reads,
        which all stand before it.

    >>> frontier = Frontier({("a", "1"): [], ("b", "1"): [("a", "1")], ("a", "2"): [], ("b", "2"): [("a", "2")]})
    >>> frontier.take(100)
    ('a', ('1', '2'))
    >>> frontier.see_to("a", ["1"])
    >>> frontier.first, frontier.comes_first(("a", "2"))
    (('b', '1'), False)
    """

    def __init__(self, reads: Mapping[Item, Sequence[Item]]) -> None:
        self._items = list(reads)
        self._places = {item: place for place, item in enumerate(self._items)}
        self._lacks = {item: len({*above}) for item, above in reads.items()}
        self._readers: dict[Item, list[Item]] = {}
        for item, above in reads.items():
            for one in {*above}:
                self._readers.setdefault(one, []).append(item)
        self._ready: dict[str, list[int]] = {}
        for item, lacks in self._lacks.items():
            if not lacks:
                self._put(item)
        self._left = {*self._items}

    @property
    def over(self) -> bool:
        """Whether everything is seen to."""
        return not self._left

    @property
    def first(self) -> Item | None:
        """The first of those that can be planned; None when there are none now."""
        places = [waiting[0] for waiting in self._ready.values() if waiting]
        return self._items[min(places)] if places else None

    def take(self, most: int) -> tuple[str, tuple[str, ...]]:
        """The asset of the first that can be planned, and its keys that can, in order, so many at most; IndexError
        when there are none. Whoever takes them sees to them, or gives them back."""
        if self.first is None:
            raise IndexError("nothing of the chunk can be planned now")
        name, _ = self.first
        waiting = self._ready[name]
        places = [heappop(waiting) for _ in range(min(most, len(waiting)))]
        return name, tuple(self._items[place][1] for place in places)

    def give_back(self, name: str, keys: Iterable[str]) -> None:
        """They were not planned, and can be."""
        for key in keys:
            self._put((name, key))

    def see_to(self, name: str, keys: Iterable[str]) -> None:
        """Nothing more is to be done with these: what reads them, and lacks nothing else, can be planned. Of what is
        seen to already, or no part of the chunk, nothing is said."""
        for item in ((name, key) for key in keys):
            if item not in self._left:
                continue
            self._left.remove(item)
            for reader in self._readers.get(item, ()):
                self._lacks[reader] -= 1
                if not self._lacks[reader]:
                    self._put(reader)

    def place(self, item: Item) -> int:
        """Where it stands in the order of the chunk; before everything if it is no part of it."""
        return self._places.get(item, -1)

    def comes_first(self, item: Item) -> bool:
        """Whether nothing that can be planned stands before it."""
        return self.first is None or self.place(item) < self.place(self.first)

    def _put(self, item: Item) -> None:
        heappush(self._ready.setdefault(item[0], []), self._places[item])
