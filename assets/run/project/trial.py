"""Definitions on trial, in a transaction that is undone, and for good, in the one in which something is decided.

Whoever only asks what would be made works on trial. Whoever makes something registers for good, with the decision
that may refuse it: what is refused registers nothing. What is slow, such as a look at what others write, comes before:
where something has to be written, everybody else who writes waits for as long as either lasts.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import TypeVar

from ....storage.meta.database.engine import Transaction
from ....storage.meta.database.engine import now as moment_of
from ..progress import Listener
from .foretold import foretold
from .project import Project
from .registering import register_in

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A project whose definitions are registered, as far as `tx` sees. On trial nothing stays that is written in it."""

    project: Project
    tx: Transaction


class _Undone(Exception):
    """Ends a transaction of which nothing is to stay."""


@contextmanager
def on_trial(project: Project, *, writing: bool = False) -> Generator[Trial]:
    """The project as it would be if its definitions were registered now; with `writing` more can be written.

    Where they are registered and nothing is to be written, it is a snapshot that nobody waits for.
    """
    if project.registered and not writing:
        with project.store.read() as tx:
            yield Trial(project=project, tx=tx)
        return
    with suppress(_Undone), project.store.write() as tx:
        yield _tried(project, tx)
        raise _Undone


def for_good(project: Project, decide: Callable[[Trial], T], *, tell: Listener, writing: bool = False) -> T:
    """What `decide` gives, of the project with its definitions registered; from then on they are.

    They are registered in the transaction in which it decides, so not where it raises. What that leaves of partitions
    and backfills is told before; where it leaves something, `decide` is called on trial first, so that nothing is told
    of what is refused.

    Parameters
    ----------
    writing: whether `decide` writes. Else, where the definitions are registered already, a snapshot is enough.
    """
    if project.registered:
        with project.store.write() if writing else project.store.read() as tx:
            return decide(Trial(project=project, tx=tx))
    if left := foretold(project):
        with on_trial(project, writing=True) as trial:
            decide(trial)
        tell(left)
    with project.store.write() as tx:
        trial = _tried(project, tx)
        found = decide(trial)
    project.known_as(trial.project.ids)
    return found


def _tried(project: Project, tx: Transaction) -> Trial:
    if project.registered:
        return Trial(project=project, tx=tx)
    ids = register_in(tx, project.name, project.catalogue, project.reading.plain, at=moment_of(tx))
    return Trial(project=replace(project, ids=ids, registered=True), tx=tx)
