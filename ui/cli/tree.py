"""An explained condition as a tree in the terminal: each part with whether it holds, what it has and what it lacks.

One function, for every command that shows one: `condition_tree(part, at)`. Of the same words as `definitions.py`.
"""

from __future__ import annotations

from datetime import datetime

from rich.text import Text
from rich.tree import Tree

from ...assets.plan.explain import BY_PARTITION, News, Part
from ...storage.types import EventKind
from ..words.conditions import age, facts
from ..words.quantities import short_id
from .console import clean, word


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
