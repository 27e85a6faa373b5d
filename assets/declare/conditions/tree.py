"""Conditions: when an asset is to be made. Values only; what they mean now is asked in `assets/plan/evaluate.py`.

A condition is a tree. Its leaves are datasets (`leaves.py`) and timetables (`timetables.py`); its nodes are `AllOf`,
`AnyOf`, `NOf` and `Settled`. Users write `docs & labels`, `docs | Cron("0 3 * * *")`, `n_of(2, a, b, c)`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from ....storage.errors import DefinitionError
from .. import keywords
from ..faults import report
from ..keywords import told
from .walking import each_node

PATIENCE = 20
"""A source that never rests is waited for so many times as long as it should have been quiet."""


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

    def settle(self, quiet: str | timedelta, *, max_wait: str | timedelta | None = None) -> Settled:
        """Holds once this holds and nothing new has arrived for `quiet`, or the oldest news has waited for `max_wait`.

        `max_wait` is 20 times `quiet` unless it is given: a source that never rests is then made use of all the same.

        >>> from penstock import Dataset
        >>> (Dataset("a.csv") & Dataset("b.csv")).settle("30s").longest
        datetime.timedelta(seconds=600)
        """
        calm = told(keywords.duration, "quiet", quiet, instead=timedelta(seconds=1), about="settle: ")
        longest = told(keywords.duration_or_none, "max_wait", max_wait, instead=None, about="settle: ")
        if longest is not None and longest < calm:
            report(
                DefinitionError(
                    f"settle: max_wait={max_wait!r} is shorter than the quiet time {quiet!r}: it would never be quiet "
                    "for long enough",
                    hint='Write a longer one: settle("30s", max_wait="10m").',
                )
            )
        return Settled(child=self.as_condition(), quiet=calm, longest=longest or PATIENCE * calm)

    def __bool__(self) -> bool:
        """Conditions have no truth value: `a and b` would silently drop one of them."""
        report(
            DefinitionError(
                "a condition was used as a truth value (`and`, `or`, `not`, `if` or a chained comparison)",
                hint="Combine conditions with `&` and `|`: `on=(docs & labels) | config`.",
            )
        )
        _doubted.set(True)
        return True  # what follows is of no use; it only has to go on, so that other faults are found


_doubted: ContextVar[bool] = ContextVar("penstock_doubted", default=False)
"""Whether a condition was used as a truth value: the next truth value is what `not` made of it, no further fault."""


class Condition(Conditional):
    """A node or leaf of a condition tree."""

    __slots__ = ()

    def as_condition(self) -> Condition:
        """The condition itself."""
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class AllOf(Condition):
    """Holds when every child holds.

    Attributes
    ----------
    within: how far apart the newest events of its datasets may lie; None: any time.
    aligned: whether its datasets have to be of one generation: versions that agree on every ancestor they share.
    """

    children: tuple[Condition, ...]
    within: timedelta | None = None
    aligned: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AnyOf(Condition):
    """Holds when at least one child holds."""

    children: tuple[Condition, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class NOf(Condition):
    """Holds when at least `n` children hold."""

    n: int
    children: tuple[Condition, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled(Condition):
    """Holds once its child holds and nothing new has come for `quiet`, or the oldest news has waited for `longest`."""

    child: Condition
    quiet: timedelta
    longest: timedelta


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
    if isinstance(thing, bool) and _doubted.get():
        _doubted.set(False)
        return Unusable()
    report(
        DefinitionError(
            f"a condition needs a dataset, an asset, a timetable or a condition, got {type(thing).__name__}: {thing!r}",
            hint='Name a dataset with Dataset("…"), or pass the decorated function itself.',
        )
    )
    return Unusable()


def all_of(*things: Any, within: str | timedelta | None = None, aligned: bool = False) -> AllOf:
    """A condition that holds when all of `things` hold; nested ANDs are flattened.

    Parameters
    ----------
    within: the newest events of its datasets lie at most so far apart: `"12h"`.
    aligned: its datasets are taken in versions that agree on the digest of every ancestor they share; the newest such
        versions are pinned. For a diamond whose branches take different times.

    >>> from penstock import Dataset, all_of
    >>> len(all_of(Dataset("a.csv"), Dataset("b.csv") & Dataset("c.csv")).children)
    3
    """
    return AllOf(
        children=_flattened(AllOf, things),
        within=told(keywords.duration_or_none, "within", within, instead=None, about="all_of: "),
        aligned=told(keywords.flag, "aligned", aligned, instead=False, about="all_of: "),
    )


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
        plain = type(child) is node and not (isinstance(child, AllOf) and (child.within or child.aligned))
        children.extend(child.children if plain else (child,))  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType, reportUnknownArgumentType]
    return tuple(children)


_SEVERAL = (AllOf, AnyOf, NOf)
_NODES = (*_SEVERAL, Settled)
"""Tuples, for it is asked of every node that is walked what it is."""


def children_of(condition: Condition) -> tuple[Condition, ...]:
    """The children of a node; none for a leaf."""
    if isinstance(condition, _SEVERAL):
        return condition.children
    return (condition.child,) if isinstance(condition, Settled) else ()


def with_children(condition: Condition, children: tuple[Condition, ...]) -> Condition:
    """The same node with other children; a leaf as it is."""
    if isinstance(condition, Settled):
        return replace(condition, child=children[0])
    return replace(condition, children=children) if isinstance(condition, _SEVERAL) else condition


def leaves(condition: Condition | None) -> Iterator[Condition]:
    """Every leaf of the tree, from left to right, repeated where it stands repeatedly."""
    return (node for node in nodes(condition) if not isinstance(node, _NODES))


def nodes(condition: Condition | None) -> Iterator[Condition]:
    """Every node and leaf of the tree, each before its children, from left to right."""
    return iter(()) if condition is None else each_node(condition, children_of)
