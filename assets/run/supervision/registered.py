"""Waiting until the definitions at hand are registered: a scheduler registers, a worker takes over what it knows of."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic, sleep

from ....storage.errors import UsageError
from ..project.project import Project
from ..project.registering import registered

_POLL = 0.05


def when_registered(project: Project, *, patience: float = 30.0, waits: Callable[[], bool] = lambda: True) -> bool:
    """The project's catalogue is registered, and its ids are known. False when it no longer `waits` for that.

    Raises
    ------
    UsageError: it is not within so many seconds: the files here are not those of the scheduler.
    """
    until = monotonic() + patience
    while not project.registered:
        with project.store.read() as tx:
            found = registered(tx, project.name, project.reading.plain)
        if found is not None:
            project.known_as(found)
        elif not waits():
            return False
        elif monotonic() >= until:
            raise UsageError(
                "the definitions here are not those that are registered: no scheduler has loaded the same files",
                hint="Start a scheduler with this checkout (`penstock up`, `penstock scheduler`), or update the files.",
            )
        else:
            sleep(_POLL)
    return True
