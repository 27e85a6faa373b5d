"""A server of warm processes that is forked from this process instead of started anew.

`multiprocessing` starts a forkserver as a new interpreter, which loads everything once more. A process has some of it
loaded already, and one that was forked from such a server all of it; while it has a single thread and nothing open it
can become one by a fork: at once, and nearly all of its memory shared.

The place of the server's address is no public name of `multiprocessing`. Where it is not found, or is another, the
server is started as usual: later, and larger, and the same otherwise.
"""

from __future__ import annotations

import gc
import os
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from multiprocessing import forkserver, resource_tracker, util
from threading import active_count
from typing import Any

_PLACES = ("_forkserver_address", "_forkserver_alive_fd", "_forkserver_pid")
_KNOWN = (3, 14)
"""From this Python on a server asks for a key too."""


def fork_server(*, leave: Callable[[], None] | None = None, preload: Sequence[str] = ()) -> bool:
    """From now on processes with the method `forkserver` are forked from a copy of this process as it is now.

    To be called first of all, before anything is opened and before there is a second thread. The copy ends when this
    process and all that were forked from it have ended.

    Parameters
    ----------
    leave: called in the copy: closes what this process has been given and the copy is not to hold open.
    preload: modules that the copy loads before it forks the first process; the last is `frozen`.

    Returns
    -------
    False where that is not possible here: the server will be started when it is needed.
    """
    ours: Any = getattr(forkserver, "_forkserver", None)
    if sys.version_info >= _KNOWN or active_count() > 1 or not all(hasattr(ours, one) for one in _PLACES):
        return False
    resource_tracker.ensure_running()  # one for all
    with socket.socket(socket.AF_UNIX) as listener:
        address = f"{util.get_temp_dir()}/server-{os.getpid()}"
        listener.bind(address)
        listener.listen()
        asleep, alive = os.pipe()
        pid = os.fork()
        if not pid:
            _serve(listener, asleep, alive, leave, preload)
        os.close(asleep)
    for name, value in zip(_PLACES, [address, alive, pid], strict=True):
        setattr(ours, name, value)
    return True


def _serve(
    listener: socket.socket, asleep: int, alive: int, leave: Callable[[], None] | None, preload: Sequence[str]
) -> None:
    """Be the server, and nothing of what this process was; never returns."""
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        os.close(alive)
        if leave is not None:
            leave()
        if preload:
            sys.stdout, sys.stderr = sys.__stdout__, sys.__stderr__
            gc.disable()  # nothing that modules make is garbage, and to look for some takes a quarter of loading them
        forkserver.main(listener.detach(), asleep, preload)
    finally:
        os._exit(0)
