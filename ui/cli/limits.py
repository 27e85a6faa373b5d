"""Pools and rate limits on the terminal: a table of each, where there are some."""

from __future__ import annotations

from collections.abc import Mapping

from rich.console import Console

from ..read.limits import LimitLines
from ..words.quantities import count, instant
from .console import Column, Gives, table


def show_limits(console: Console, found: LimitLines) -> None:
    """What is taken of each pool and by whom, when the next token of each rate limit comes, and who waits."""
    if found.pools:
        columns = (
            Column(title="pool"),
            Column(title="slots", right=True),
            Column(title="at work", gives=Gives.FIRST),
            Column(title="waiting", gives=Gives.FIRST),
        )
        rows = [
            (one.name, f"{count(one.taken)} of {count(one.size)}", _listed(one.at_work), _listed(one.waiting))
            for one in found.pools
        ]
        table(console, columns, rows)
    if found.rate_limits:
        columns = (
            Column(title="rate limit"),
            Column(title="rate"),
            Column(title="next token"),
            Column(title="waiting", gives=Gives.FIRST),
        )
        table(
            console,
            columns,
            [
                (one.name, one.label, "now" if one.next_at is None else instant(one.next_at), _listed(one.waiting))
                for one in found.rate_limits
            ],
        )


def _listed(counts: Mapping[str, int]) -> str:
    """`embed 3, train`: the assets with how many, one without its number; the first four."""
    said = [name if number == 1 else f"{name} {count(number)}" for name, number in counts.items()]
    return ", ".join(said[:_NAMED]) + (f" and {len(said) - _NAMED} more" if len(said) > _NAMED else "")


_NAMED = 4
