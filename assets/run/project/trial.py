"""A trial: definitions as they would be registered, and whatever else would be written, in an undone transaction.

Whoever only asks what would be made works here. What is slow, such as a look at what others write, comes before: where
something has to be written, everybody else who writes waits for as long as the trial lasts.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace

from ....storage.meta.database.engine import Transaction
from ....storage.meta.database.engine import now as moment_of
from .project import Project
from .registering import register_in


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A project whose definitions are registered, as far as `tx` sees. Nothing that is written in `tx` stays."""

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
        tried = project
        if not project.registered:
            ids = register_in(tx, project.name, project.catalogue, project.reading.plain, at=moment_of(tx))
            tried = replace(project, ids=ids, registered=True)
        yield Trial(project=tried, tx=tx)
        raise _Undone
