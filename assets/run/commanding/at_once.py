"""The commands that are done in one transaction, with the command's own end: pauses, and what becomes of backfills."""

from __future__ import annotations

from ....storage.meta.database.engine import Transaction
from ....storage.meta.past.naming import short_name
from ....storage.types import BackfillState, CommandKind, Propagate, Reprocess
from ...declare.partitions.selection import selection_text
from ...plan.backfills.order import Order
from ...plan.selection import select as selected
from ..backfilling.api import to_resume, word_of
from ..backfilling.controlling import change_with
from ..backfilling.creating import Asked, create_with
from ..project.trial import Trial
from ..telling.pausing import pause_with, resume_with
from .claiming import Claim


def pause(claim: Claim) -> None:
    """The asset is paused, as `penstock pause` does."""
    command = claim.command
    with claim.project.store.write() as tx:
        new = pause_with(tx, command.project, command.about, why=command.arguments.get("why") or claim.detail)
        claim.end(tx, said=f"{command.about} is paused" if new else f"{command.about} was paused already")


def resume(claim: Claim) -> None:
    """The asset goes on, as by `penstock resume`."""
    command = claim.command
    with claim.project.store.write() as tx:
        over = resume_with(tx, command.project, command.about, drop=command.arguments.get("drop"))
        if over is None:
            claim.end(tx, said=f"{command.about} was not paused")
        else:
            claim.end(tx, said=f"{command.about} goes on", dropped=over.dropped, returned=over.returned)


def backfill(claim: Claim) -> None:
    """A backfill is recorded, as `penstock backfill --later` does."""
    project, command = claim.project, claim.command
    given = command.arguments
    asked = Asked(
        names=tuple(selected(project.graph, [selection_of(claim)])),
        keys=selection_text(given.get("partitions")),
        reprocess=word_of(Reprocess, "reprocess", given.get("reprocess", Reprocess.MISSING)),
        propagate=word_of(Propagate, "propagate", given.get("propagate", Propagate.NONE)),
        backwards=word_of(Order, "order", given.get("order", Order.FORWARDS)) is Order.BACKWARDS,
        max_active_runs=given.get("max_active_runs"),
    )
    with project.store.write() as tx:
        made = create_with(Trial(project=project, tx=tx), asked)
        claim.end(tx, backfill=made.backfill.id, said=f"backfill {short_name(made.backfill.id)} has begun")


def change_backfill(claim: Claim) -> None:
    """A backfill is paused or canceled, as by `penstock backfill pause` and `cancel`."""
    state = BackfillState.PAUSED if claim.command.kind is CommandKind.PAUSE_BACKFILL else BackfillState.CANCELED
    with claim.project.store.write() as tx:
        _change(claim, tx, state)


def resume_backfill(claim: Claim) -> None:
    """A backfill is running, as by `penstock backfill resume`; workers make its partitions."""
    project, command = claim.project, claim.command
    with project.store.write() as tx:
        row = to_resume(Trial(project=project, tx=tx), command.about)
        if row.state is BackfillState.RUNNING:
            claim.end(tx, backfill=row.id, said=f"backfill {short_name(row.id)} was running already")
        else:
            _change(claim, tx, BackfillState.RUNNING)


def _change(claim: Claim, tx: Transaction, state: BackfillState) -> None:
    done = change_with(tx, claim.command.project, claim.command.about, state)
    said = f"backfill {short_name(done.backfill.id)} is {state.value}"
    claim.end(tx, backfill=done.backfill.id, given_up=done.given_up, said=said)


def selection_of(claim: Claim) -> str:
    """The asset, with everything that it reads where that is asked for."""
    return f"+{claim.command.about}" if claim.command.arguments.get("upstream") else claim.command.about
