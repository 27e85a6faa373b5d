"""What people have asked for in the app, and what became of it; and whether anybody is there who carries it out. Knows
the store alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from ...assets.plan.reasons import Reason
from ...storage.meta import commands as rows
from ...storage.meta import parts
from ...storage.meta.database.engine import Store, Transaction
from ...storage.meta.database.engine import now as moment_of
from ...storage.types import CommandKind, CommandState, Json, PartKind
from .page import Page, cut


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandError:
    """Why a command was refused or failed: the sentence, and the next step."""

    kind: str
    message: str
    hint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandLine:
    """One command.

    Attributes
    ----------
    about: the name of the asset, or the id of the run or backfill.
    worker: the scheduler that did the last of it; None before one has begun it.
    said: what was done, in a sentence; "" before that.
    runs: ids of runs that it made, at most 200; of `cancel`, the run.
    planned: of `materialize`, how many runs were recorded, `skipped` ones, because nothing changed, included.
    held: of `materialize`, asset and key → the reason why that is not made; at most 200 of `held_count`.
    backfill: the id of the backfill that it made, or changed.
    error: of one that was refused or has failed.
    """

    id: int
    kind: CommandKind
    about: str
    arguments: Mapping[str, Json]
    asked_by: str
    asked_at: datetime
    state: CommandState
    worker: str | None
    ended_at: datetime | None
    said: str = ""
    runs: tuple[str, ...] = ()
    planned: int = 0
    skipped: int = 0
    held: Mapping[str, Reason]
    held_count: int = 0
    backfill: str | None = None
    error: CommandError | None = None


def command(store: Store, command_id: int) -> CommandLine | None:
    """One command; None when there is none with this id."""
    with store.read() as tx:
        found = rows.command(tx, store.project, command_id)
    return None if found is None else _line(found)


def commands(store: Store, *, about: str | None = None, limit: int = 50, offset: int = 0) -> Page[CommandLine]:
    """Commands, newest first; of one asset, run or backfill, those that name it."""
    with store.read() as tx:
        found = rows.recent(tx, store.project, about=about, limit=limit + 1, offset=offset)
    return cut([_line(one) for one in found], offset=offset, limit=limit)


def unfinished_commands(tx: Transaction, project: str) -> tuple[CommandLine, ...]:
    """Those that wait or are at work, in the order in which they were asked."""
    return tuple(_line(one) for one in rows.unfinished(tx, project))


def scheduler_since(store: Store) -> datetime | None:
    """Since when a scheduler is at work, the eldest of several; None where none is, and what is asked for waits until
    `penstock up` is started. One that was silent for 30 s counts for none."""
    with store.read() as tx:
        moment = moment_of(tx)
        at_work = [
            one.started_at
            for one in parts.parts_of(tx, store.project)
            if one.kind is PartKind.SCHEDULER and (moment - one.beat_at).total_seconds() <= parts.SILENT
        ]
    return min(at_work, default=None)


def _line(one: rows.Command) -> CommandLine:
    outcome = one.outcome
    error = outcome.get("error")
    return CommandLine(
        id=one.id,
        kind=one.kind,
        about=one.about,
        arguments=one.arguments,
        asked_by=one.asked_by,
        asked_at=one.asked_at,
        state=one.state,
        worker=one.worker,
        ended_at=one.ended_at,
        said=outcome.get("said", ""),
        runs=tuple(outcome.get("runs", ())),
        planned=outcome.get("planned", 0),
        skipped=outcome.get("skipped", 0),
        held={what: Reason.from_plain(plain) for what, plain in outcome.get("held", {}).items()},
        held_count=outcome.get("held_count", 0),
        backfill=outcome.get("backfill"),
        error=None if error is None else CommandError(**error),
    )
