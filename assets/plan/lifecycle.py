"""The lifecycle of a run, as a table. Everything that may change a run's state asks here; nothing else decides it.

The table is §10 of the semantics, row by row. `None` stands for a run that is only planned. Final states have no row:
nothing leaves them. `diagram()` draws what the documentation shows, so that picture and table cannot differ.
"""

from __future__ import annotations

from collections.abc import Mapping

from ...storage.errors import Bug
from ...storage.types import FINAL_STATES, RunState

TRANSITIONS: Mapping[RunState | None, frozenset[RunState]] = {
    None: frozenset(
        {
            RunState.AWAITING_APPROVAL,
            RunState.SCHEDULED,
            RunState.SKIPPED,  # unchanged
            RunState.REFUSED,  # by policy
        }
    ),
    RunState.AWAITING_APPROVAL: frozenset(
        {
            RunState.SCHEDULED,
            RunState.SUCCESS,  # publication was what waited
            RunState.REFUSED,  # rejected
            RunState.CANCELED,
        }
    ),
    RunState.SCHEDULED: frozenset({RunState.QUEUED, RunState.CANCELED}),
    RunState.QUEUED: frozenset(
        {
            RunState.RUNNING,
            RunState.SCHEDULED,  # given back
            RunState.FAILED,  # too long in the queue
            RunState.CANCELED,
        }
    ),
    RunState.RUNNING: frozenset(
        {
            RunState.SUCCESS,
            RunState.FAILED,
            RunState.SKIPPED,  # by the producer
            RunState.DEFERRED,
            RunState.UP_FOR_RETRY,
            RunState.AWAITING_APPROVAL,  # of the publication
            RunState.CANCELED,
        }
    ),
    RunState.DEFERRED: frozenset({RunState.QUEUED, RunState.UP_FOR_RETRY, RunState.FAILED, RunState.CANCELED}),
    RunState.UP_FOR_RETRY: frozenset({RunState.QUEUED, RunState.CANCELED}),
}


def allowed(old: RunState | None, new: RunState) -> bool:
    """Whether a run may go from `old` to `new`.

    >>> allowed(RunState.QUEUED, RunState.RUNNING), allowed(RunState.SUCCESS, RunState.QUEUED)
    (True, False)
    """
    return new in TRANSITIONS.get(old, frozenset())


def require(old: RunState | None, new: RunState) -> RunState:
    """`new`, if a run may go there from `old`.

    Raises
    ------
    Bug: it may not.
    """
    if allowed(old, new):
        return new
    able = ", ".join(sorted(TRANSITIONS.get(old, frozenset()))) or "nothing: it is final"
    raise Bug(f"a run cannot go from {old or 'new'} to {new}; from there it can become {able}")


def diagram() -> str:
    """The table as a mermaid state diagram.

    >>> diagram().splitlines()[:2]
    ['stateDiagram-v2', '    [*] --> awaiting_approval']
    """
    lines = ["stateDiagram-v2"]
    for old, news in TRANSITIONS.items():
        lines += [f"    {old or '[*]'} --> {new}" for new in sorted(news)]
    lines += [f"    {state} --> [*]" for state in sorted(FINAL_STATES)]
    return "\n".join(lines)
