"""An explained condition as a tree in the terminal: each part with whether it holds, what it has and what it lacks.

One function, for every command that shows one: `condition_tree(part, at)`. Of the same words as `definitions.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from rich.text import Text
from rich.tree import Tree

from ...assets.plan.explain import BY_PARTITION, News, Part, Pile
from ...storage.types import EventKind
from .console import clean, word
from .quantities import instant, short, short_id


def condition_tree(part: Part, at: datetime) -> Tree:
    """The condition, explained; `at` is the time that it was explained for, from which ages count."""
    tree = Tree(_line(part, at), guide_style="dim")
    _grow(tree, part, at)
    return tree


def _grow(tree: Tree, part: Part, at: datetime) -> None:
    if part.pending is not None and part.pending.news:
        for event in part.pending.news:
            tree.add(_event(part.dataset, event, at))
        left = part.pending.total - len(part.pending.news)
        if left > 0:
            tree.add(Text(f"and {left:,} {'newer' if part.turn else 'older'}", style="dim"))
    for child in part.children:
        _grow(tree.add(_line(child, at)), child, at)


def _line(part: Part, at: datetime) -> Text:
    text = Text(clean(part.label), style="" if part.holds else "bold")
    text.append(" ")
    text.append("holds" if part.holds else "does not hold", style="green" if part.holds else "yellow")
    said = [f"{one}: name one (--partition KEY)" if one == BY_PARTITION else one for one in facts(part, at)]
    return text.append(clean(f": {'; '.join(said)}" if said else ""))


def facts(part: Part, at: datetime) -> Iterator[str]:
    """What a part has and lacks, each as a few words; its children and its news left out."""
    if part.lacks:
        yield part.lacks
    if part.pending is not None:
        yield _sums(part, part.pending)
    if part.pin is not None:
        what = "it is the turn of" if part.turn else "narrowed to"
        yield f"{what} {part.dataset}@{part.pin.number} ({short(part.pin.digest)})"
    if part.ticks:
        yield f"due: {' and '.join(instant(tick) for tick in part.ticks)}"
    if part.taken is not None:
        yield f"taken last: {instant(part.taken)}"
    if part.since is not None:
        yield f"{instant(part.since)}, {age(at - part.since)} before"
    if part.idle:
        yield f"it completes and starts nothing: {part.idle}"
    if part.until is not None and not part.children:
        yield f"{'it may start a run' if part.idle else 'next'} at {instant(part.until)}"


def _sums(part: Part, pile: Pile) -> str:
    """How many are pending, how many of them count, and how many may start a run."""
    if not pile.total:
        return "nothing is pending"
    said = [f"{pile.total:,} pending"]
    if part.counts is not None:
        said.append(f"{part.counts:,} {'counts' if part.counts == 1 else 'count'}")
    return ", ".join([*said, f"{pile.starting:,} may start a run" if pile.starting else "none may start a run"])


def _event(dataset: str, event: News, at: datetime) -> Text:
    """`docs@12 changed 3 min before, fresh`; of a partition `docs 2026-01-05@12 …`."""
    name = f"{dataset} {event.partition}" if event.partition else dataset
    text = Text(clean(f"{name}@{event.number} "))
    text.append_text(word(event.kind))
    text.append(f" {age(at - event.at)} before, ")
    if event.fresh:
        return text.append("fresh" if event.kind is not EventKind.CONFIRMED else "fresh, but nothing changed")
    if event.returned_by is not None:
        return text.append(f"completing only: returned by run {short_id(event.returned_by)}")
    return text.append("completing only: it was there already")


def age(length: timedelta) -> str:
    """A length of time in its largest unit.

    >>> age(timedelta(seconds=5)), age(timedelta(minutes=190)), age(timedelta(days=3))
    ('5 s', '3 h', '3 d')
    """
    seconds = max(int(length.total_seconds()), 0)
    for unit, size, most in (("s", 1, 60), ("min", 60, 60), ("h", 3600, 48)):
        if seconds < size * most:
            return f"{seconds // size} {unit}"
    return f"{seconds // 86400} d"
