"""What all parts have in common: signals, the heartbeat, the line to the supervisor, and patience with a database that
goes away for a while.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from pathlib import Path
from time import monotonic
from typing import TypeVar

from ....storage.errors import DatabaseFault
from ....storage.meta import parts
from ....storage.meta.database.engine import Store
from ....storage.meta.database.engine import now as moment_of
from ....storage.settings import ProjectSettings
from ....storage.types import PartKind, PartState
from ...declare.definitions import Definitions
from ..identity import worker_name
from .code import definitions_of
from .order import Loading, Message, Problem, Ready, Said, Stop
from .signals import Termination

BEAT = 5.0
"""Seconds between two heartbeats."""
LOOK = 1.0
"""Seconds after which a part looks although nothing rang, where it can hear nothing, or where something is at work."""
IDLE = BEAT
"""The same where it can hear and nothing is at work: a ring may have got lost."""
_AGAIN = 1.0
"""Seconds until the database is asked again after it could not be used."""

T = TypeVar("T")


class Part:
    """One part at work, in its process.

    Parameters
    ----------
    kind: what it does.
    line: to its supervisor. When that is gone the part ends, as if it had been asked to.
    """

    def __init__(self, kind: PartKind, line: Connection) -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        self.kind, self.name = kind, worker_name()
        self.termination = Termination()
        self.doing = ""
        self.at_once = False
        self._asked = False
        self._line: Connection | None = line
        self._problem = ""
        self._unusable = ""
        self._beaten: tuple[float, tuple[object, ...]] = (float("-inf"), ())

    @property
    def stopping(self) -> bool:
        """Whether it is to end once what it has begun is done."""
        return self._asked or self.termination.asked > 0 or self._line is None

    def tell(self, message: Message) -> None:
        """The supervisor hears of it."""
        if self._line is not None:
            with suppress(OSError):
                self._line.send(message)

    def load(self, settings: ProjectSettings) -> Definitions:
        """The definitions; should they end this process, the supervisor knows of which module."""
        try:
            return definitions_of(settings, begins=lambda one: self.tell(Loading(definition=one)))
        finally:
            self.tell(Loading(definition=""))

    def ready(self, files: Iterable[Path] = ()) -> None:
        """It works from now on."""
        self.tell(Ready(files=tuple(files)))

    def say(self, text: str) -> None:
        """A line for whoever watches."""
        self.tell(Said(text=text))

    def wait(self, others: Sequence[Connection | int], timeout: float) -> None:
        """Until one of these can be read, a signal comes, the supervisor speaks, or so many seconds are over."""
        sources = [*others, self.termination, *([] if self._line is None else [self._line])]
        ready = wait(sources, max(0.0, timeout))  # pyright: ignore[reportArgumentType]  whatever has a fileno
        self.termination.drain()
        if self._line is not None and self._line in ready:
            self._hear(self._line)

    def beat(self, store: Store, *, now: bool = False) -> None:
        """Tell that it lives, if that is due or what it does is another thing than it told."""
        state = PartState.DRAINING if self.stopping else PartState.READY
        told = (state, self.doing, self._problem)
        since, before = self._beaten
        if not now and monotonic() - since < (BEAT if told == before else BEAT / 5):
            return
        with store.write() as tx:
            kind, problem, doing = self.kind, self._problem, self.doing
            parts.beat(
                tx, store.project, self.name, kind=kind, state=state, doing=doing, problem=problem, now=moment_of(tx)
            )
        self._beaten = (monotonic(), told)

    def patiently(self, do: Callable[[], T]) -> T | None:
        """What it gives; None where the database cannot be used just now, which is said once, and looked at again a
        second later."""
        try:
            found = do()
        except DatabaseFault as error:
            if not self._unusable:
                self.say(f"{error.message}; it is tried again every second")
            self._unusable = error.message
            self.wait((), _AGAIN)
            return None
        if self._unusable:
            self._unusable = ""
            self.say("the metadata store can be used again")
        return found

    def end(self, store: Store) -> None:
        """Nobody need know of it any more."""
        with suppress(DatabaseFault), store.write() as tx:
            parts.end(tx, store.project, [self.name])

    def _hear(self, line: Connection) -> None:
        try:
            message = line.recv()
        except (EOFError, OSError):
            self._line = None
            return
        if isinstance(message, Problem):
            self._problem = message.text
        if isinstance(message, Stop):
            self._asked, self.at_once = True, self.at_once or message.at_once


class Silence:
    """Which parts have been silent for too long, by the clock of this process: that of the store may jump."""

    def __init__(self) -> None:
        self._heard: dict[str, tuple[object, float]] = {}

    def listen(self, told: Iterable[parts.Part]) -> dict[str, float]:
        """The names of those of which nothing was heard for too long, with the seconds since."""
        moment = monotonic()
        seen: dict[str, tuple[object, float]] = {}
        for one in told:
            before = self._heard.get(one.name)
            seen[one.name] = before if before is not None and before[0] == one.beat_at else (one.beat_at, moment)
        self._heard = seen
        return {name: moment - since for name, (_, since) in seen.items() if moment - since > parts.SILENT}
