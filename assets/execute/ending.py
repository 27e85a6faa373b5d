"""Ending a process with everything that it has started, also what has left its group or its session since."""

from __future__ import annotations

import os
import signal
from contextlib import suppress

import psutil


def kill_tree(pid: int) -> None:
    """The process and all of its descendants are killed.

    First they are stopped, so that none can start another unseen. What was started by a descendant that is gone already
    is found by the process group; what left that too, and whose parent is gone, is not.
    """
    tree = [pid, *descendants(pid)]
    for one in tree:
        _signal(one, "SIGSTOP")
    tree = [*tree, *(one for one in descendants(pid) if one not in tree)]
    if hasattr(os, "killpg"):
        with suppress(ProcessLookupError, PermissionError):
            if os.getpgid(pid) == pid:  # it leads a group of its own: never that of somebody else
                os.killpg(pid, signal.SIGKILL)
    for one in reversed(tree):
        _signal(one, "SIGKILL")


def descendants(pid: int) -> list[int]:
    """The ids of every process that it has started, and that those have, as far as they live."""
    with suppress(psutil.Error):
        return [one.pid for one in psutil.Process(pid).children(recursive=True)]
    return []


def memory(pid: int) -> int:
    """Bytes of memory that a process and its descendants hold (resident; shared pages count in each)."""
    total = 0
    for one in (pid, *descendants(pid)):
        with suppress(psutil.Error):
            total += psutil.Process(one).memory_info().rss
    return total


def _signal(pid: int, name: str) -> None:
    with suppress(ProcessLookupError, PermissionError, AttributeError):
        os.kill(pid, getattr(signal, name, signal.SIGTERM))
