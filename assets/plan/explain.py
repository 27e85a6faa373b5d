"""Explaining a verdict: the condition as a tree, at each part whether it holds, what it has and what it lacks. Pure.

`Verdict` says what the planner needs. Here the condition that it is of, and all that is pending, are laid beside it, so
that a leaf that does not hold shows what it has all the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from ...storage.types import EventKind
from ..declare.conditions.leaves import DatasetLeaf, Fresh, Stale
from ..declare.conditions.tree import PATIENCE, AllOf, Condition, Settled, children_of
from ..declare.conditions.walking import each_node, fold
from ..declare.durations import as_text
from ..declare.policies import Each
from ..declare.ticks.timetables import Cron, Every
from .graph import Graph
from .grounds import named
from .state import AssetState, HeadState
from .verdict import Verdict

DEEP = 32
"""So many parts of a condition are shown one within the other."""

BY_PARTITION = "what is pending of it goes by partition"
"""What a leaf lacks for an asset as a whole: whoever shows it adds how one is named."""


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """An event that is pending. `fresh`: it may start a run; if not, `returned_by` is the run that gave it back, or
    None where it was there before whoever waits for it. `partition`: the key that it is about, if any."""

    number: int
    kind: EventKind
    at: datetime
    fresh: bool
    returned_by: str | None = None
    partition: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pile:
    """What is pending of a dataset: how many events, how many of them may start a run, and some of them."""

    total: int
    starting: int
    news: tuple[News, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A node or leaf of a condition, explained.

    Attributes
    ----------
    label: what people call it: `docs where rows > 5`, `all of within 12h`, `cron 0 3 * * * UTC`.
    dataset: of a leaf about one dataset, its name.
    holds, cause: whether it holds, and of a leaf whether it may start a run.
    pending: of a leaf about one dataset, what is pending of it; None: nothing.
    counts: of a narrowed leaf, how many of them count for it.
    turn: whether each of them has a run of its own, the oldest first.
    pin: the version that it narrows its dataset to, where it does.
    ticks: of a timetable, what is due; taken: its last tick that was.
    since: of `fresh` and `stale`, from when their age counts. has: what it has that none of these says.
    lacks: why it does not hold; "" when it does. idle: why it starts nothing although it holds.
    until: when time alone may change that.
    """

    label: str
    dataset: str = ""
    holds: bool
    cause: bool = False
    pending: Pile | None = None
    counts: int | None = None
    turn: bool = False
    pin: HeadState | None = None
    ticks: tuple[datetime, ...] = ()
    taken: datetime | None = None
    since: datetime | None = None
    has: str = ""
    lacks: str = ""
    idle: str = ""
    until: datetime | None = None
    children: tuple[Part, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """What is laid beside a verdict: the asset's state, and the heads.

    Attributes
    ----------
    piles: what is pending, by URI, where that is known event by event; without it, it is what the state has in sums.
    each: the datasets of which each event has a run of its own.
    by_key: of an asset with partitions as a whole: what is pending goes by its keys.
    """

    graph: Graph
    own: AssetState
    heads: Mapping[str, HeadState]
    piles: Mapping[str, Pile] = field(default_factory=dict[str, Pile])
    each: Each | None = None
    by_key: bool = False

    def takes_singly(self, uri: str) -> bool:
        """Whether each event of this dataset has a run of its own."""
        return self.each is not None and self.each.is_about(uri)


def explain(condition: Condition, verdict: Verdict, beside: Beside) -> Part:
    """The condition as a tree with what it has and lacks.

    Parameters
    ----------
    verdict: what the condition means, by the same state.
    """
    return fold((condition, verdict, 1), _below, lambda one, parts: _part(one[0], one[1], parts, beside))


_Pair = tuple[Condition, Verdict, int]
"""A part of a condition, its verdict, and how many parts it stands in, with itself."""


def _below(one: _Pair) -> Sequence[_Pair]:
    """The parts of a node. Where nobody would read the tree any more, its leaves stand side by side."""
    condition, verdict, depth = one
    pairs = zip(children_of(condition), verdict.children, strict=False)
    parts = [(child, found, depth + 1) for child, found in pairs]
    if depth < DEEP:
        return parts
    below = (node for part in parts for node in each_node(part, lambda pair: _below((pair[0], pair[1], 0))))
    return [(node, found, depth + 1) for node, found, _ in below if not children_of(node)]


def _part(condition: Condition, verdict: Verdict, parts: tuple[Part, ...], beside: Beside) -> Part:
    match condition:
        case DatasetLeaf():
            return _matching(condition, verdict, beside) if condition.match else _dataset(condition, verdict, beside)
        case Cron() | Every():
            lacks = "" if verdict.holds else "no tick is due"
            taken = beside.own.ticks.get(condition.label)
            return replace(_plain(condition.label, verdict, lacks), ticks=verdict.ticks, taken=taken)
        case Fresh(uri=uri):
            head = beside.heads.get(uri)
            since = None if head is None else head.at
            part = _plain(named(beside.graph, verdict), verdict, verdict.why)
            return replace(part, dataset=_name(uri, beside), since=since)
        case Stale():
            part = _plain(condition.label, verdict, "the last success is not so old")
            idle = verdict.why if verdict.holds and not verdict.cause else ""
            since = beside.own.succeeded_at
            return replace(part, since=since, has="no run has succeeded yet" if since is None else "", idle=idle)
        case _:
            return replace(_plain(_node(condition, verdict), verdict, _short(verdict)), children=parts)


def _plain(label: str, verdict: Verdict, lacks: str) -> Part:
    return Part(
        label=label, holds=verdict.holds, cause=verdict.cause, lacks="" if verdict.holds else lacks, until=verdict.until
    )


def _node(condition: Condition, verdict: Verdict) -> str:
    """What a node is called, with what its verdict leaves out."""
    match condition:
        case AllOf(within=within, aligned=aligned) if within is not None or aligned:
            said = (f"within {as_text(within)}" if within is not None else "", "aligned" if aligned else "")
            return f"{verdict.label} {', '.join(filter(None, said))}"
        case Settled(quiet=quiet, longest=longest) if longest != PATIENCE * quiet:
            return f"{verdict.label}, at most {as_text(longest)}"
        case _:
            return verdict.label


def _short(verdict: Verdict) -> str:
    """Why a node does not hold; how many of its parts do, where that is all."""
    found = sum(one.holds for one in verdict.children)
    return verdict.why or f"{found} of {len(verdict.children)} {'holds' if found == 1 else 'hold'}"


def _name(uri: str, beside: Beside) -> str:
    dataset = beside.graph.catalogue.datasets.get(uri)
    return uri if dataset is None else dataset.name


def _dataset(leaf: DatasetLeaf, verdict: Verdict, beside: Beside) -> Part:
    if beside.by_key:
        lacks = BY_PARTITION
        return Part(label=named(beside.graph, verdict), dataset=_name(leaf.uri, beside), holds=False, lacks=lacks)
    asked = beside.own.narrowed.get(leaf.label) if leaf.selective else None
    pending, singly = _pile(leaf, verdict, beside), beside.takes_singly(leaf.uri)
    if pending is not None and asked is not None and not singly:
        pending = replace(pending, starting=asked.causes + (asked.confirmed if leaf.confirmed else 0))
    whole = beside.own.leaves.get(leaf.uri) if singly else verdict.leaf  # without a pin there nothing has its turn
    pin = verdict.leaf.pin if verdict.leaf is not None and whole is not None and whole.pin is not None else None
    return Part(
        label=named(beside.graph, verdict),
        dataset=_name(leaf.uri, beside),
        holds=verdict.holds,
        cause=verdict.cause,
        pending=pending,
        counts=None if asked is None or singly else asked.count,
        turn=singly,
        pin=pin if pin != beside.heads.get(leaf.uri) else None,
        lacks="" if verdict.holds else verdict.why or _lack(pending),
        until=verdict.until,
    )


def _lack(pending: Pile | None) -> str:
    """What a leaf lacks where it does not say so: news that counts; "" where it shows that there is none."""
    if pending is None:
        return "nothing is pending"
    return "nothing counts" if pending.total else ""


def _pile(leaf: DatasetLeaf, verdict: Verdict, beside: Beside) -> Pile | None:
    """What is pending that this leaf is about: removals, or all that is none."""
    known = beside.piles.get(leaf.uri)
    sums = verdict.leaf or beside.own.leaves.get(leaf.uri)
    if leaf.removal:
        removals = [] if known is None else [one for one in known.news if one.kind is EventKind.REMOVED]
        found = beside.own.leaves.get(leaf.uri)
        count = 0 if found is None else found.removed
        return Pile(total=count, starting=found.removals, news=tuple(removals)) if found is not None and count else None
    if known is not None or sums is None or not (sums.count or sums.upto):
        return known
    return Pile(total=max(sums.count, sums.upto), starting=sums.causes)


def _matching(leaf: DatasetLeaf, verdict: Verdict, beside: Beside) -> Part:
    """A pattern: a part for each dataset by which it holds, and for those whose turn is yet to come."""
    own = {uri: replace(leaf, uri=uri, match=False, least=1) for uri in (*beside.own.leaves, *beside.own.queue)}
    parts = [_dataset(own[one.uri], one, beside) for one in verdict.children]
    queue = sorted(beside.own.queue.keys() - {one.uri for one in verdict.children})
    for uri in queue:
        waits = beside.own.queue[uri]
        why = "its turn is yet to come" if waits.causes or waits.confirmed else "it goes with the news of another"
        one = Verdict(holds=False, label=own[uri].label, uri=uri, why=why)
        parts += [_dataset(own[uri], one, beside)] if leaf.is_about(uri) and beside.takes_singly(uri) else []
    lacks = verdict.why or "nothing is pending of a dataset that matches"
    return replace(_plain(leaf.label, verdict, lacks), children=tuple(parts))
