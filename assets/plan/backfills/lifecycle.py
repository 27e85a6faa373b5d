"""The lifecycle of a backfill, as a table. Everything that may change its state asks here; nothing else decides it.

`None` stands for one that is only asked for. Final states have no row: nothing leaves them.
"""

from __future__ import annotations

from collections.abc import Mapping

from ....storage.errors import UsageError
from ....storage.types import BackfillState

TRANSITIONS: Mapping[BackfillState | None, frozenset[BackfillState]] = {
    None: frozenset({BackfillState.RUNNING}),
    BackfillState.RUNNING: frozenset(
        {
            BackfillState.PAUSED,
            BackfillState.SUCCESS,
            BackfillState.FAILED,
            BackfillState.CANCELED,
        }
    ),
    BackfillState.PAUSED: frozenset({BackfillState.RUNNING, BackfillState.CANCELED}),
}

FINAL = frozenset(BackfillState) - TRANSITIONS.keys()
"""`success`, `failed` and `canceled`."""

_VERBS = {
    BackfillState.PAUSED: "paused",
    BackfillState.RUNNING: "resumed",
    BackfillState.CANCELED: "canceled",
    BackfillState.SUCCESS: "ended",
    BackfillState.FAILED: "ended",
}
_SAID = {
    BackfillState.RUNNING: "it is running",
    BackfillState.PAUSED: "it is paused already",
    BackfillState.SUCCESS: "it has ended with success",
    BackfillState.FAILED: "it has ended, with failures",
    BackfillState.CANCELED: "it is canceled already",
}


def allowed(old: BackfillState | None, new: BackfillState) -> bool:
    """Whether a backfill may go from `old` to `new`.

    >>> allowed(BackfillState.PAUSED, BackfillState.RUNNING), allowed(BackfillState.CANCELED, BackfillState.RUNNING)
    (True, False)
    """
    return new in TRANSITIONS.get(old, frozenset())


def require(name: str, old: BackfillState, new: BackfillState) -> BackfillState:
    """`new`, if a backfill, which people call `name`, may go there from `old`.

    Raises
    ------
    UsageError: it may not; it says where the backfill stands and what can be done instead.

    >>> require("4f1a", BackfillState.RUNNING, BackfillState.PAUSED).value
    'paused'
    """
    if allowed(old, new):
        return new
    hint = (
        "`penstock backfill create` asks for partitions anew; what is made already is left alone."
        if old in FINAL
        else f"`penstock backfill show {name}` shows how far it has come."
    )
    raise UsageError(f"backfill {name} cannot be {_VERBS[new]}: {_SAID[old]}", hint=hint)


def ended(*, failed: int, held: int) -> BackfillState:
    """How a backfill ends of which every partition was looked at: so many runs failed, so many were held that
    somebody had asked for.

    >>> ended(failed=0, held=0).value, ended(failed=1, held=0).value
    ('success', 'failed')
    """
    return BackfillState.FAILED if failed or held else BackfillState.SUCCESS
