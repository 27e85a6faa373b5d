"""What is wrong with a bound condition as such: what can never hold, what starts nothing, what says nothing. Pure; each
rule yields sentences, which `checking.py` tells with the asset and its place."""

from __future__ import annotations

from collections.abc import Callable, Collection, Container, Iterator, Mapping
from datetime import UTC, datetime

from ..ticks.timetables import Cron, Timetable
from .leaves import DatasetLeaf, Fresh, dataset_leaves
from .tree import AllOf, AnyOf, Condition, NOf, Settled, children_of, leaves

_START = datetime(2000, 1, 1, tzinfo=UTC)
Ancestors = Callable[[str], frozenset[str]]
"""URI of a dataset → the URIs of all that it is made from, and its own."""
_NODES: Mapping[type[Condition], str] = {AllOf: "all_of", AnyOf: "any_of", NOf: "n_of", Settled: "settle"}


def never_holds(condition: Condition, written: Container[str]) -> Iterator[str]:
    """The parts that can never hold. `written`: the datasets that assets here write, which nothing removes."""
    children = children_of(condition)
    match condition:
        case AllOf(children=()) | AnyOf(children=()):
            yield f"{'all_of' if isinstance(condition, AllOf) else 'any_of'}() has nothing in it"
        case NOf(n=n) if not 1 <= n <= len(children):
            yield f"n_of({n}, …) is given {len(children)} of which to hold"
        case Cron() if is_timeless(condition):
            yield f"{_as_written(condition)} has no instant: {_why_timeless(condition)}"
        case DatasetLeaf(removal=True, uri=uri) if uri in written:
            yield f"{uri} is written here, and nothing removes what an asset writes"
        case DatasetLeaf(timetable=Cron() as timetable) if is_timeless(timetable):
            yield f"since({_as_written(timetable)}) has no instant: {_why_timeless(timetable)}"
        case _:
            pass
    for child in children:
        yield from never_holds(child, written)


def starts_nothing(condition: Condition) -> Iterator[str]:
    """Why no run would ever come of it, or of a branch of it: a run needs news, a tick or staleness to start it.

    >>> list(starts_nothing(Fresh(uri="a.csv", age=timedelta(hours=1))))
    ['it holds by a.csv fresh 1h alone, which starts nothing']
    """
    silent = _silently(condition)
    if silent:
        yield f"it holds by {' and '.join(dict.fromkeys(silent))} alone, which start{'s' * (len(silent) == 1)} nothing"


def holds_by_removal(condition: Condition, read: Container[str]) -> Iterator[str]:
    """Datasets of those that are `read` which have to be gone for it to hold: there is no version of them then."""
    match condition:
        case DatasetLeaf(removal=True, uri=uri) if uri in read:
            yield uri
        case AnyOf(children=several) | NOf(children=several):
            found = [list(holds_by_removal(child, read)) for child in several]
            needed = condition.n if isinstance(condition, NOf) else 1
            if sum(not one for one in found) < needed:
                yield from (uri for one in found for uri in one)
        case _:
            for child in children_of(condition):
                yield from holds_by_removal(child, read)


def starts_none_of(condition: Condition, starting: Collection[DatasetLeaf]) -> Iterator[str]:
    """The branches that hold without news of these leaves, where that alone may start a run."""
    match condition:
        case AnyOf(children=children):
            for child in children:
                yield from starts_none_of(child, starting)
        case Settled(child=child):
            yield from starts_none_of(child, starting)
        case _ if not any(leaf in starting for leaf in dataset_leaves(condition)):
            yield " & ".join(dict.fromkeys(str(getattr(leaf, "label", "")) for leaf in leaves(condition)))
        case _:
            pass


def says_nothing(condition: Condition, ancestors: Ancestors, *, settling: bool = False) -> Iterator[str]:
    """The parts that are written and make no difference, or that contradict what stands around them."""
    match condition:
        case AllOf(within=within) if within is not None and len(set(_uris(condition))) < 2:
            yield "within= compares the events of several datasets, and there are not two"
        case Settled() if settling:
            yield "settle() stands within settle(): one of them decides"
        case Settled() if not list(dataset_leaves(condition)):
            yield "settle() waits for news to stop, and no dataset in it has any"
        case _:
            pass
    if isinstance(condition, AllOf) and condition.aligned:
        yield from _misaligned(condition, ancestors)
    for child in children_of(condition):
        yield from says_nothing(child, ancestors, settling=settling or isinstance(condition, Settled))


def is_timeless(timetable: Timetable) -> bool:
    """Whether it has no tick at all."""
    return timetable.next(_START) is None


def aligned_uris(condition: Condition) -> Iterator[str]:
    """The datasets that stand in aligned nodes."""
    if isinstance(condition, AllOf) and condition.aligned:
        yield from _uris(condition)
    for child in children_of(condition):
        yield from aligned_uris(child)


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


def _silently(condition: Condition) -> list[str]:
    """Leaves by which it can hold though none of them may start a run; none where there is no such way."""
    children = children_of(condition)
    if not children:
        return [condition.label] if isinstance(condition, Fresh) else []
    silent = [found for child in children if (found := _silently(child))]
    needed = condition.n if isinstance(condition, NOf) else len(children) if isinstance(condition, AllOf) else 1
    return [label for found in silent[:needed] for label in found] if 0 < needed <= len(silent) else []


def _uris(condition: Condition) -> Iterator[str]:
    return (leaf.uri for leaf in dataset_leaves(condition))


def _as_written(timetable: Cron) -> str:
    return f"Cron({', '.join(map(repr, timetable.expressions))})"


def _why_timeless(timetable: Cron) -> str:
    return "there is no such day" + (", or each is left out" if timetable.calendar else "")
