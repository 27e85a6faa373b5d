"""Being asked to end: SIGTERM, counted, as something that can be waited on beside everything else."""

from __future__ import annotations

import signal
import socket
from collections.abc import Sequence
from contextlib import suppress
from time import monotonic

LEAVE = tuple(getattr(signal, name) for name in ("SIGINT", "SIGHUP") if hasattr(signal, name))
"""What asks a command to end beside SIGTERM: Ctrl-C, and a terminal that is closed."""
_ONE = 0.2
"""Seconds within which signals are one: `timeout` and managers of services signal a process and its group too."""


class Termination:
    """Counts the SIGTERMs of this process from now on, `last` being the number of the last signal; can be waited on.
    Ctrl-C is the supervisor's business."""

    def __init__(self, *, also: Sequence[int] = ()) -> None:
        self._heard, self._rung = socket.socketpair()
        self._heard.setblocking(False)
        self._rung.setblocking(False)
        self.asked, self.last, self._at = 0, 0, -_ONE
        signal.set_wakeup_fd(self._rung.fileno(), warn_on_full_buffer=False)
        for one in (signal.SIGTERM, *also):
            signal.signal(one, self._ask)

    def _ask(self, number: int, _frame: object) -> None:
        now = monotonic()
        self.asked, self.last = self.asked + (now - self._at >= _ONE), number
        self._at = now

    def fileno(self) -> int:
        """Can be read once a signal came."""
        return self._heard.fileno()

    def drain(self) -> None:
        """What was told is read."""
        with suppress(BlockingIOError):
            while self._heard.recv(4096):
                pass
