"""Conditions: when an asset is to be made. Values only; what they mean now is asked in `assets/plan/evaluate.py`.

A condition is a tree. Its leaves are datasets (`DatasetLeaf`) and timetables (`Cron`, `Every`); its nodes are
`AllOf`, `AnyOf` and `NOf`. Users write `docs & labels`, `docs | Cron("0 3 * * *")`, `n_of(2, a, b, c)`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ...storage.errors import DefinitionError
from .faults import report

if TYPE_CHECKING:
    from .dataset import Dataset


class Conditional:
    """What can stand in a condition: a dataset, an asset, a timetable, a condition."""

    __slots__ = ()

    def as_condition(self) -> Condition:
        """This thing as a condition."""
        raise NotImplementedError

    def __and__(self, other: Any) -> AllOf:
        return all_of(self, other)

    def __rand__(self, other: Any) -> AllOf:
        return all_of(other, self)

    def __or__(self, other: Any) -> AnyOf:
        return any_of(self, other)

    def __ror__(self, other: Any) -> AnyOf:
        return any_of(other, self)

    def __bool__(self) -> bool:
        """Conditions have no truth value: `a and b` would silently drop one of them."""
        report(
            DefinitionError(
                "a condition was used as a truth value (`and`, `or`, `not`, `if` or a chained comparison)",
                hint="Combine conditions with `&` and `|`: `on=(docs & labels) | config`.",
            )
        )
        return True  # what follows is of no use; it only has to go on, so that other faults are found


class Condition(Conditional):
    """A node or leaf of a condition tree."""

    __slots__ = ()

    def as_condition(self) -> Condition:
        """The condition itself."""
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetLeaf(Condition):
    """Holds for a consumer when the dataset has a pending event.

    Attributes
    ----------
    uri: identity of the dataset.
    confirmed: whether `confirmed` events may start a run too (`D.updated()`).
    dataset: the declared object, while authoring; None once bound, and no part of equality.
    """

    uri: str
    confirmed: bool = False
    dataset: Dataset | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class AllOf(Condition):
    """Holds when every child holds."""

    children: tuple[Condition, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AnyOf(Condition):
    """Holds when at least one child holds."""

    children: tuple[Condition, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class NOf(Condition):
    """Holds when at least `n` children hold."""

    n: int
    children: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Unusable(Condition):
    """Stands where something that is no condition was reported, in definitions that are refused for it."""


def as_condition(thing: Any) -> Condition:
    """`thing` as a condition.

    Raises
    ------
    DefinitionError: it is neither dataset, asset, timetable nor condition.
    """
    if isinstance(thing, Conditional):
        return thing.as_condition()
    report(
        DefinitionError(
            f"a condition needs a dataset, an asset, a timetable or a condition, got {type(thing).__name__}: {thing!r}",
            hint='Name a dataset with Dataset("…"), or pass the decorated function itself.',
        )
    )
    return Unusable()


def all_of(*things: Any) -> AllOf:
    """A condition that holds when all of `things` hold; nested ANDs are flattened.

    >>> from penstock import Dataset, all_of
    >>> len(all_of(Dataset("a.csv"), Dataset("b.csv") & Dataset("c.csv")).children)
    3
    """
    return AllOf(children=_flattened(AllOf, things))


def any_of(*things: Any) -> AnyOf:
    """A condition that holds when at least one of `things` holds; nested ORs are flattened."""
    return AnyOf(children=_flattened(AnyOf, things))


def n_of(n: int, *things: Any) -> NOf:
    """A condition that holds when at least `n` of `things` hold: `n_of(2, a, b, c)`."""
    least = n
    if not isinstance(n, int) or isinstance(n, bool):  # pyright: ignore[reportUnnecessaryIsInstance]
        report(
            DefinitionError(
                f"n_of({n!r}, …) does not say how many are to hold", hint="The number comes first: n_of(2, a, b, c)."
            )
        )
        least = 1
    return NOf(n=least, children=tuple(as_condition(thing) for thing in things))


def _flattened(node: type[AllOf | AnyOf], things: tuple[Any, ...]) -> tuple[Condition, ...]:
    children: list[Condition] = []
    for thing in things:
        child = as_condition(thing)
        children.extend(child.children if type(child) is node else (child,))  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType, reportUnknownArgumentType]
    return tuple(children)


def children_of(condition: Condition) -> tuple[Condition, ...]:
    """The children of a node; none for a leaf."""
    return condition.children if isinstance(condition, AllOf | AnyOf | NOf) else ()


def leaves(condition: Condition | None) -> Iterator[Condition]:
    """Every leaf of the tree, from left to right, repeated where it stands repeatedly."""
    stack = [condition] if condition is not None else []
    while stack:
        node = stack.pop()
        if isinstance(node, AllOf | AnyOf | NOf):
            stack.extend(reversed(node.children))
        else:
            yield node


def dataset_leaves(condition: Condition | None) -> Iterator[DatasetLeaf]:
    """Every dataset leaf of the tree, from left to right."""
    return (leaf for leaf in leaves(condition) if isinstance(leaf, DatasetLeaf))


def bound(condition: Condition) -> Condition:
    """The same tree without the authoring objects in its leaves: plain data."""
    if isinstance(condition, DatasetLeaf):
        return DatasetLeaf(uri=condition.uri, confirmed=condition.confirmed)
    children = tuple(bound(child) for child in children_of(condition))
    if isinstance(condition, AllOf):
        return AllOf(children=children)
    if isinstance(condition, AnyOf):
        return AnyOf(children=children)
    if isinstance(condition, NOf):
        return NOf(n=condition.n, children=children)
    return condition
