"""Checks: what people asked for says how far it is, and no run was made for two of them."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import select

from ...types import CommandKind
from ..commands import commands
from ..database.engine import Transaction
from ..runs import runs
from .check import Check, Found, asks

_STATES = """
SELECT id, kind, state, steps, ended_at, CASE WHEN remaining IS NULL THEN 'nothing' ELSE 'something' END AS left_of_it
FROM commands
WHERE (state IN ('carried_out', 'refused', 'failed')) <> (ended_at IS NOT NULL)
    OR (state = 'at_work') <> (remaining IS NOT NULL)
    OR (state = 'waiting') <> (steps = 0)
"""
_AT_ONCE = 500


def _made(tx: Transaction) -> Iterator[Found]:
    makers: dict[str, int] = {}
    query = select(commands.c.id, commands.c.kind, commands.c.outcome).order_by(commands.c.id)
    for number, kind, outcome in tx.execute(query).all():
        if kind == CommandKind.CANCEL:
            continue
        ids = outcome.get("runs", [])
        there = set[str]()
        for start in range(0, len(ids), _AT_ONCE):
            there |= {*tx.execute(select(runs.c.id).where(runs.c.id.in_(ids[start : start + _AT_ONCE]))).scalars()}
        for run_id in ids:
            if run_id not in there:
                yield Found(f"command {number}", f"it made run {run_id}, which is not there", "a run that is there")
            elif run_id in makers:
                yield Found(f"run {run_id}", f"made by command {makers[run_id]} and by {number}", "one command")
            makers[run_id] = number


CHECKS = (
    Check(
        name="commands",
        rule="A command that is final has an end, one at work something left to do, and one that waits is untouched.",
        find=asks(
            _STATES,
            rows="command {id} ({kind})",
            found="{state} after {steps} steps, ended {ended_at}, {left_of_it} left to do",
            expected="an end for a final state alone, something left for one at work alone, no step for one that waits",
        ),
    ),
    Check(name="command-runs", rule="The runs of a command are there, and of no other command.", find=_made),
)
