"""Walking trees of any depth: conditions, what is planned of them, their plain forms. No function here calls itself, so
that a condition which a program nests ten thousand times is walked as one that a person writes. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

Node = TypeVar("Node")
Made = TypeVar("Made")
Below = Callable[[Node], Sequence[Node]]
"""The parts of a node, from left to right; none of a leaf."""


def fold(root: Node, below: Below[Node], make: Callable[[Node, tuple[Made, ...]], Made]) -> Made:
    """What is made of a tree, from its leaves up: `make` is given each node with what it made of the node's parts.

    >>> fold((1, (2, 3)), lambda one: one if isinstance(one, tuple) else (), lambda one, parts: sum(parts) or one)
    6
    """
    order: list[tuple[Node, int]] = []  # each node before its parts, from right to left: backwards, each after them
    stack = [root]
    while stack:
        node = stack.pop()
        parts = below(node)
        order.append((node, len(parts)))
        stack.extend(parts)
    made: list[Made] = []
    for node, count in reversed(order):
        if count:
            made[-count:] = [make(node, tuple(made[-count:]))]
        else:
            made.append(make(node, ()))
    return made[0]


def each_node(root: Node, below: Below[Node]) -> Iterator[Node]:
    """Every node of a tree, each before its parts, from left to right."""
    stack = [root]
    while stack:
        node = stack.pop()
        yield node
        stack.extend(reversed(below(node)))


def is_deeper(root: Node, below: Below[Node], levels: int) -> bool:
    """Whether a tree has more than so many levels.

    >>> is_deeper((1, (2, 3)), lambda one: one if isinstance(one, tuple) else (), 2)
    True
    """
    level: Sequence[Node] = [root]
    for _ in range(levels):
        level = [part for node in level for part in below(node)]
        if not level:
            return False
    return True
