"""A command changes in the transaction that does what it asks for, or not at all.

Every change names how often the command was changed before. Of several schedulers that are at one command, one finds
that number; the others are told by `Overtaken`, which undoes whatever they did in that transaction.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ....storage.errors import PenstockError, named
from ....storage.meta import commands
from ....storage.meta.commands import Command
from ....storage.meta.database.engine import Transaction
from ....storage.meta.database.engine import now as moment_of
from ....storage.types import FORMAT_VERSION, CommandState
from ..project.project import Project

LOCAL = "local"
"""Who asks where nobody has to log in."""


class Overtaken(Exception):
    """Another scheduler was faster: nothing of this transaction stays."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A command as a scheduler has seen it, and who that is. `taken` are the assets that commands before it still want:
    of two that ask for the same, the first is planned first."""

    project: Project
    command: Command
    worker: str
    taken: frozenset[str] = frozenset()

    @property
    def detail(self) -> str:
        """What the reason of a run says of it."""
        return "asked for in the app" if self.command.asked_by == LOCAL else f"asked for by {self.command.asked_by}"

    def go_on(self, tx: Transaction, *, remaining: Mapping[str, Any], outcome: Mapping[str, Any]) -> None:
        """It is at work from now on, or still.

        Raises
        ------
        Overtaken: somebody else changed it.
        """
        if not commands.go_on(
            tx, self.command, remaining=plain(**remaining), outcome=plain(**outcome), worker=self.worker
        ):
            raise Overtaken

    def end(self, tx: Transaction, state: CommandState = CommandState.CARRIED_OUT, **outcome: Any) -> None:
        """It has ended, and this is what was made, or the error.

        Raises
        ------
        Overtaken: somebody else changed it.
        """
        now = moment_of(tx)
        if not commands.end(tx, self.command, state, outcome=plain(**outcome), worker=self.worker, now=now):
            raise Overtaken


def plain(**said: Any) -> dict[str, Any]:
    """What is kept with a command, under the version of its form."""
    return {**said, "v": FORMAT_VERSION}


def described(error: BaseException) -> dict[str, str]:
    """An error as it is kept with a command: the sentence and the next step that the command line shows."""
    if isinstance(error, PenstockError):
        return {"kind": error.kind, "message": error.message, "hint": error.hint}
    return {"kind": "bug", "message": named(error), "hint": "This is a fault of penstock: please report it."}
