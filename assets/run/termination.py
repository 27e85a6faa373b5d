"""SIGTERM while a materialization is at work ends it as Ctrl-C does: its run is canceled, and nobody waits for it."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager


class Terminated(KeyboardInterrupt):
    """SIGTERM came. No `Exception`, so that no producer takes it for a fault of its own."""

    exit_code = 128 + signal.SIGTERM


@contextmanager
def heeding_termination(counts: Callable[[], bool] | None = None) -> Generator[None]:
    """Inside, SIGTERM raises `Terminated`, once; afterwards it does what it did before.

    Only in the main thread, where Python lets signals be handled, and only where nobody has said what SIGTERM is to do;
    or where `counts` says of each whether it is meant: others do nothing.
    """
    before = signal.getsignal(signal.SIGTERM)
    if threading.current_thread() is not threading.main_thread() or (counts is None and before != signal.SIG_DFL):
        yield
        return
    own = os.getpid()

    def terminate(*_: object) -> None:
        if os.getpid() != own:  # a child that a producer forked ends as it would have without us
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            os.kill(os.getpid(), signal.SIGTERM)
            return
        if counts is not None and not counts():
            return
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # a second one must not tear what the first one ends in order
        raise Terminated("SIGTERM")

    signal.signal(signal.SIGTERM, terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
