"""Carrying out what people have asked for in the app: `carry_out`, which schedulers call before each pass.

Commands are begun in the order in which they were asked. Each changes in the transaction that does what it asks for
(see `claiming.py`), so that a scheduler that is killed has done all of a step or nothing, and of several one does it.
What cannot be is refused with the sentence that the command line says; no command stops a scheduler.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from ....storage.errors import DatabaseFault, UsageError
from ....storage.meta import commands
from ....storage.meta.commands import Command
from ....storage.types import CommandKind, CommandState
from ..identity import worker_name
from ..project.project import Project
from ..project.registering import registered
from .at_once import backfill, change_backfill, pause, resume, resume_backfill
from .claiming import Claim, Overtaken, described
from .materializing import materialize
from .of_runs import cancel, rerun

_AT_ONCE = 10
"""So many steps are done before the planner has its turn."""


def carry_out(project: Project) -> bool:
    """Do what can be done of every command; whether there is more at once."""
    with project.store.read() as tx:
        found = commands.unfinished(tx, project.name)
        ours = registered(tx, project.name, project.reading.plain) if found else None
    if ours is not None and ours.registered_at != project.ids.registered_at:
        project.renumber(ours)
    steps, taken = 0, set[str]()
    for one in found:
        if ours is None and one.kind in _BY_DEFINITIONS:
            continue  # others are registered: whoever holds those carries it out
        seen = one
        while _step(project, seen, taken):
            steps += 1
            seen = _read(project, seen)
            if steps >= _AT_ONCE:
                return True
        taken |= _wanted(_read(project, seen))
    return False


def _read(project: Project, seen: Command) -> Command:
    """The command as it is now."""
    with project.store.read() as tx:
        return commands.command(tx, project.name, seen.id) or seen


def _wanted(command: Command) -> set[str]:
    """The assets that a command still wants."""
    return set() if command.remaining is None else {*command.remaining.get("wanted", ())}


def _step(project: Project, command: Command, taken: Collection[str]) -> bool:
    """One step of a command; whether another may follow at once."""
    if command.ended_at is not None:
        return False
    claim = Claim(project=project, command=command, worker=worker_name(), taken=frozenset(taken))
    try:
        return bool(_DO[command.kind](claim))
    except Overtaken:
        return False
    except DatabaseFault:
        raise  # the store is away: nothing was done, and it is tried again
    except UsageError as error:
        _close(claim, CommandState.REFUSED, error)
    except Exception as error:
        _close(claim, CommandState.FAILED, error)
    return False


def _close(claim: Claim, state: CommandState, error: Exception) -> None:
    """It ends by an error, unless another scheduler had more luck."""
    try:
        with claim.project.store.write() as tx:
            claim.end(tx, state, **{**claim.command.outcome, "error": described(error)})
    except Overtaken:
        return


_DO: Mapping[CommandKind, Callable[[Claim], bool | None]] = {
    CommandKind.MATERIALIZE: materialize,
    CommandKind.PAUSE: pause,
    CommandKind.RESUME: resume,
    CommandKind.CANCEL: cancel,
    CommandKind.RERUN: rerun,
    CommandKind.BACKFILL: backfill,
    CommandKind.PAUSE_BACKFILL: change_backfill,
    CommandKind.RESUME_BACKFILL: resume_backfill,
    CommandKind.CANCEL_BACKFILL: change_backfill,
}
_BY_DEFINITIONS = frozenset({
    CommandKind.MATERIALIZE, CommandKind.RERUN, CommandKind.BACKFILL, CommandKind.RESUME_BACKFILL,
})  # fmt: skip
"""What can be done only by whoever holds the definitions that are registered."""
