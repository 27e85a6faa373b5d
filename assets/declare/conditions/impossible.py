"""What is wrong with a bound condition as such: what can never hold, what starts nothing, what says nothing. Pure; each
rule yields sentences, which `checking.py` tells with the asset and its place."""

from __future__ import annotations

from collections.abc import Callable, Collection, Container, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime

from ..ticks.timetables import Cron, Timetable
from .leaves import DatasetLeaf, Fresh, dataset_leaves
from .tree import AllOf, AnyOf, Condition, NOf, Settled, children_of, leaves, nodes
from .walking import each_node, fold

_START = datetime(2000, 1, 1, tzinfo=UTC)
Ancestors = Callable[[str], frozenset[str]]
"""URI of a dataset → the URIs of all that it is made from, and its own."""
_NODES: Mapping[type[Condition], str] = {AllOf: "all_of", AnyOf: "any_of", NOf: "n_of", Settled: "settle"}


def never_holds(condition: Condition, written: Container[str]) -> Iterator[str]:
    """The parts that can never hold. `written`: the datasets that assets here write, which nothing removes."""
    for node in nodes(condition):
        match node:
            case AllOf(children=()) | AnyOf(children=()):
                yield f"{'all_of' if isinstance(node, AllOf) else 'any_of'}() has nothing in it"
            case NOf(n=n, children=children) if not 1 <= n <= len(children):
                yield f"n_of({n}, …) is given {len(children)} of which to hold"
            case Cron() if is_timeless(node):
                yield f"{_as_written(node)} has no instant: {_why_timeless(node)}"
            case DatasetLeaf(removal=True, uri=uri) if uri in written:
                yield f"{uri} is written here, and nothing removes what an asset writes"
            case DatasetLeaf(timetable=Cron() as timetable) if is_timeless(timetable):
                yield f"since({_as_written(timetable)}) has no instant: {_why_timeless(timetable)}"
            case _:
                pass


def starts_nothing(condition: Condition) -> Iterator[str]:
    """Why no run would ever come of it, or of a branch of it: a run needs news, a tick or staleness to start it.

    >>> list(starts_nothing(Fresh(uri="a.csv", age=timedelta(hours=1))))
    ['it holds by a.csv fresh 1h alone, which starts nothing']
    """
    silent = _silently(condition)
    if silent:
        yield f"it holds by {' and '.join(silent)} alone, which start{'s' * (len(silent) == 1)} nothing"


def holds_by_removal(condition: Condition, read: Container[str]) -> Iterator[str]:
    """Datasets of those that are `read` which have to be gone for it to hold: there is no version of them then."""

    def made(node: Condition, found: tuple[tuple[str, ...], ...]) -> tuple[str, ...]:
        match node:
            case DatasetLeaf(removal=True, uri=uri):
                return (uri,) if uri in read else ()
            case AnyOf() | NOf():
                needed = node.n if isinstance(node, NOf) else 1
                return _together(found) if sum(not one for one in found) < needed else ()
            case _:
                return _together(found)

    yield from fold(condition, children_of, made)


def starts_none_of(condition: Condition, starting: Collection[DatasetLeaf]) -> Iterator[str]:
    """The branches that hold without news of these leaves, where that alone may start a run."""

    def ways(node: Condition) -> Sequence[Condition]:
        return children_of(node) if isinstance(node, AnyOf | Settled) else ()

    for branch in each_node(condition, ways):
        if not ways(branch) and not any(leaf in starting for leaf in dataset_leaves(branch)):
            yield " & ".join(dict.fromkeys(str(getattr(leaf, "label", "")) for leaf in leaves(branch)))


def says_nothing(condition: Condition, ancestors: Ancestors) -> Iterator[str]:
    """The parts that are written and make no difference, or that contradict what stands around them."""
    for node, settling in each_node((condition, False), _within_settle):
        match node:
            case AllOf(within=within) if within is not None and len(set(_uris(node))) < 2:
                yield "within= compares the events of several datasets, and there are not two"
            case Settled() if settling:
                yield "settle() stands within settle(): one of them decides"
            case Settled() if next(dataset_leaves(node), None) is None:
                yield "settle() waits for news to stop, and no dataset in it has any"
            case _:
                pass
        if isinstance(node, AllOf) and node.aligned:
            yield from _misaligned(node, ancestors)


def _within_settle(one: tuple[Condition, bool]) -> Sequence[tuple[Condition, bool]]:
    """The children of a node, each with whether a `settle` stands around it."""
    node, settling = one
    return [(child, settling or isinstance(node, Settled)) for child in children_of(node)]


def is_timeless(timetable: Timetable) -> bool:
    """Whether it has no tick at all."""
    return timetable.next(_START) is None


def aligned_uris(condition: Condition) -> Iterator[str]:
    """The datasets that stand in aligned nodes."""
    for node in nodes(condition):
        if isinstance(node, AllOf) and node.aligned:
            yield from _uris(node)


def _misaligned(node: AllOf, ancestors: Ancestors) -> Iterator[str]:
    """Aligned versions are looked for among whole datasets, one by one: nothing else can stand there."""
    for child in node.children:
        plain = isinstance(child, DatasetLeaf) and not child.narrowing and not child.match
        if not plain:
            what = getattr(child, "label", None) or f"{_NODES.get(type(child), type(child).__name__)}(…)"
            yield f"aligned=True takes datasets as they are, and {what} is something else"
            return
    uris = list(dict.fromkeys(_uris(node)))
    if len(uris) < 2:
        yield "aligned=True compares what several datasets were made from, and there are not two"
        return
    above = [ancestors(uri) for uri in uris]
    if not any(one & other for place, one in enumerate(above) for other in above[:place]):
        yield f"aligned=True has nothing to compare: {' and '.join(uris)} are made from nothing in common"


def _silently(condition: Condition) -> tuple[str, ...]:
    """Leaves by which it can hold though none of them may start a run; none where there is no such way."""

    def made(node: Condition, found: tuple[tuple[str, ...], ...]) -> tuple[str, ...]:
        if not children_of(node):
            return (node.label,) if isinstance(node, Fresh) else ()
        silent = [one for one in found if one]
        needed = node.n if isinstance(node, NOf) else len(found) if isinstance(node, AllOf) else 1
        return _together(silent[:needed]) if 0 < needed <= len(silent) else ()

    return fold(condition, children_of, made)


def _together(found: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    """The names of all of them, each once."""
    return tuple(dict.fromkeys(name for one in found for name in one))


def _uris(condition: Condition) -> Iterator[str]:
    return (leaf.uri for leaf in dataset_leaves(condition))


def _as_written(timetable: Cron) -> str:
    return f"Cron({', '.join(map(repr, timetable.expressions))})"


def _why_timeless(timetable: Cron) -> str:
    return "there is no such day" + (", or each is left out" if timetable.calendar else "")
