"""What people write for a run or a backfill: as much of the beginning or end of its id as is unique. Reads only."""

from __future__ import annotations

from collections.abc import Sequence

from ...errors import UsageError
from .. import runs
from ..backfills import backfills
from ..backfills.backfills import Backfill
from ..database.engine import Transaction
from .history import declared_assets, run_ids

_ASKED = 10  # ids that a store gives at most


class NothingSo(UsageError):
    """Nothing has such an id."""


def _the_one(ids: Sequence[str], part: str, *, what: str, project: str, hint: str) -> str:
    """The id that `part` means, of those that begin or end with it.

    `what`: of what it is the id. `hint`: the next step where there is none.
    """
    if not ids:
        raise NothingSo(f"there is no {what} {part!r} in project {project}", hint=hint)
    whole = part.lower()
    if whole in ids:
        return whole
    if len(ids) > 1:
        several = f"{len(ids)} {what}s" if len(ids) < _ASKED else f"Ten {what}s or more"
        raise UsageError(
            f"{several} have an id that begins or ends with {part!r}",
            hint=f"Write more of one of them: {', '.join(ids[:3])}{', …' if len(ids) > 3 else ''}.",
        )
    return ids[0]


def run_named(tx: Transaction, project: str, part: str) -> runs.Run:
    """The run whose id is `part`, or begins or ends with it.

    Raises
    ------
    UsageError: there is no such run, or there are several; the hint names them.
    """
    hint = "`penstock runs` shows them."
    ids = run_ids(tx, project, part.lower()) if part else []
    if not ids and any(one.name == part for one in declared_assets(tx, project)):
        hint = f"{part} is an asset: `penstock runs --asset {part}` shows its runs."
    found = runs.run(tx, _the_one(ids, part, what="run", project=project, hint=hint))
    assert found is not None, "it was found in this very snapshot"
    return found


def run_title(run: runs.Run) -> str:
    """What people call a run: `run 4f1a09c2 of daily 2026-01-05`."""
    return f"run {short_name(run.id)} of {run.asset} {run.partition}".rstrip()


def backfill_named(tx: Transaction, project: str, part: str) -> Backfill:
    """The backfill whose id is `part`, or begins or ends with it.

    Raises
    ------
    UsageError: there is none, or there are several; the hint names them.
    """
    ids = backfills.ids_like(tx, project, part.lower()) if part else []
    hint = "`penstock backfill list` shows them."
    found = backfills.backfill(tx, _the_one(ids, part, what="backfill", project=project, hint=hint))
    assert found is not None, "it was found in this very snapshot"
    return found


def short_name(number: str) -> str:
    """What people call a run or a backfill: the end of its id, which is random.

    >>> short_name("01a21ff0-bad5-7000-909d-59475a768353")
    '5a768353'
    """
    return number[-8:]
