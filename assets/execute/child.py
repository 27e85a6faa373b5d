"""What runs in a warm process: the job is opened once, then one task after the other, until its worker is gone.

Standard output and standard error are the worker's pipes, at the level of descriptors: what libraries in C and programs
that a task starts write is among it, and what was written before a death is not lost. Records of logging have a pipe of
their own.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import traceback
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection
from typing import Any

from . import asking
from .ending import descendants, kill_tree
from .executor import Job, Open
from .records import Records


@dataclass(frozen=True, slots=True, kw_only=True)
class Ends:
    """The child's ends of the pipes to its worker: for tasks and answers, for what is written and logged, and one that
    names a task that is to end, and says that the worker lives."""

    tasks: Connection
    stdout: Connection
    stderr: Connection
    log: Connection
    life: Connection


def serve(job: Open, ends: Ends) -> None:
    """Run tasks until the worker closes its end; `("ready", None)` is the first that is sent."""
    own = os.getpid()
    with suppress(OSError, AttributeError):
        os.setsid()  # a group of its own, that can be ended as a whole; Ctrl-C in the worker's terminal is not for it
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    asking.heed()
    for connection, descriptor in ((ends.stdout, 1), (ends.stderr, 2)):
        os.dup2(connection.fileno(), descriptor)
        connection.close()
    sys.stdout = os.fdopen(1, "w", encoding="utf-8", errors="backslashreplace", buffering=1, closefd=False)
    sys.stderr = os.fdopen(2, "w", encoding="utf-8", errors="backslashreplace", buffering=1, closefd=False)
    logging.getLogger().addHandler(Records(partial(_write_all, ends.log.fileno())))
    threading.Thread(target=_outlive_nobody, args=(ends.life,), name="penstock-life", daemon=True).start()
    with ExitStack() as opened:
        try:
            do = opened.enter_context(job())
        except BaseException:
            ends.tasks.send(("unready", traceback.format_exc()))
            raise SystemExit(1) from None
        ends.tasks.send(("ready", None))
        _serve(do, ends.tasks, own)


def _serve(do: Job, tasks: Connection, own: int) -> None:
    """One task after the other, until there are no more."""
    while True:
        try:
            task = tasks.recv()
        except EOFError:
            return
        asking.begin(task)
        answer = _answer(do, task)
        asking.begin(None)
        if os.getpid() != own:  # the task forked, and this is the copy: whatever it was to do, it is done
            os._exit(0)
        with suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
        try:
            tasks.send((*answer, sorted(descendants(own)) if _has_children() else []))
        except OSError:
            return  # the worker is gone


def _answer(do: Job, task: str) -> tuple[str, Any]:
    try:
        return "returned", do(task)
    except BaseException:
        return "raised", traceback.format_exc()


def _has_children() -> bool:
    """Whether something that the task has started still runs. On Linux that costs a look, elsewhere a search."""
    try:
        return any(_read(f"/proc/self/task/{one}/children") for one in os.listdir("/proc/self/task"))  # noqa: PTH208  quick
    except OSError:
        return True


def _read(path: str) -> bytes:
    """The beginning of a file, for a third of what `Path.read_bytes` takes: this is asked after every task."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        return os.read(descriptor, 64)
    finally:
        os.close(descriptor)


def _write_all(descriptor: int, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(descriptor, left) :]


def _outlive_nobody(life: Connection) -> None:
    """Ends this process, with everything that it has started, once its worker is gone; until then, asks the tasks to
    end that the worker names."""
    with suppress(EOFError, OSError):
        while True:
            asking.ask(life.recv_bytes().decode())
    for one in descendants(os.getpid()):
        kill_tree(one)
    os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))
