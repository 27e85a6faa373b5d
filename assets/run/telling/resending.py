"""Sending lineage again that a destination refused for good. A run is never touched by it."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

from ....lineage.relay import relay_once
from ....lineage.transports import Destination, open_transport
from ....storage.errors import UsageError
from ....storage.meta import outbox
from ....storage.meta.database.engine import Store
from ....storage.meta.database.engine import now as moment_of
from ....storage.settings import ProjectSettings
from ..attempt.delivery import destinations

_POLL = 0.05  # seconds between two looks at a destination that another process serves
_PATIENCE = 60.0  # seconds for one destination; what is not sent by then waits for the next materialization


@dataclass(frozen=True, slots=True, kw_only=True)
class Resent:
    """What became of the events that one destination had refused.

    Attributes
    ----------
    destination: `project/name`.
    known: whether the settings still name it; if not, nothing was sent.
    refused: how many it had refused, and `again`: how many it refuses still.
    waiting: how many events wait for it now.
    error: why, where some do or were refused again.
    """

    destination: str
    known: bool
    refused: int
    again: int = 0
    waiting: int = 0
    error: str | None = None

    @property
    def sent(self) -> int:
        """How many of them have arrived."""
        return max(0, self.refused - self.again - self.waiting)


def _refused(store: Store, settings: ProjectSettings, destination: str | None = None) -> tuple[Resent, ...]:
    """What destinations have refused for good, or one of them."""
    prefix = f"{settings.project}/"
    known = {one.name for one in destinations(settings)}
    with store.read() as tx:
        standing = {one.destination: one for one in outbox.undelivered(tx) if one.destination.startswith(prefix)}
    wanted = None if destination is None else prefix + destination.removeprefix(prefix)
    if wanted is not None and wanted not in known | set(standing):
        names = ", ".join(sorted(one.removeprefix(prefix) for one in known | set(standing)))
        raise UsageError(
            f"lineage has no destination {destination!r}",
            hint=f"There is: {names}." if names else "The setting `lineage` names none.",
        )
    return tuple(
        Resent(destination=name, known=name in known, refused=one.dead, again=one.dead, error=one.error)
        for name, one in standing.items()
        if one.dead and wanted in (None, name)
    )


def resend(
    store: Store, settings: ProjectSettings, destination: str | None = None, *, dry_run: bool = False
) -> tuple[Resent, ...]:
    """Everything that destinations have refused for good, or one of them, has been sent again, in order, to those that
    the settings still name.

    What is refused again stays refused; what cannot be delivered just now waits for the next materialization. An event
    that arrives twice has the same run, type and time. With `dry_run` nothing is sent.

    Raises
    ------
    UsageError: the settings name no such destination, and nothing was ever refused by it.
    DatabaseFault: the store cannot be written.
    """
    known = {one.name: one for one in destinations(settings)}
    found = _refused(store, settings, destination)
    if dry_run:
        return found
    return tuple(_resent(store, one, known[one.destination]) if one.known else one for one in found)


def _resent(store: Store, one: Resent, destination: Destination) -> Resent:
    with store.write() as tx:
        outbox.revive(tx, destination=one.destination, now=moment_of(tx))
    transport, until, error = open_transport(destination), time.monotonic() + _PATIENCE, ""
    try:
        while time.monotonic() < until:
            passed = relay_once(store, transport)
            error = passed.error
            if passed.busy:
                time.sleep(_POLL)
            elif passed.error or not passed.more:
                break
    finally:
        transport.close()
    with store.read() as tx:
        left = next((each for each in outbox.undelivered(tx) if each.destination == one.destination), None)
    if left is None:
        return replace(one, again=0, error=None)
    return replace(one, again=left.dead, waiting=left.pending, error=error or left.error)
