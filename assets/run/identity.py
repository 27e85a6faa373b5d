"""Who we are and what things are called: worker names, run ids, the time. The only place that asks the machine."""

from __future__ import annotations

import os
import secrets
import socket
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from threading import Lock
from time import time_ns


def now() -> datetime:
    """The time of this machine, aware and UTC: for files alone. What is kept or planned has that of the store."""
    return datetime.now(UTC)


def new_id() -> str:
    """A new UUID of version 7 (RFC 9562): its first 48 bits are the Unix time in milliseconds, so ids sort by age.

    Within one process each is greater than the one before, also within a millisecond: the 12 bits after the version
    count (method 1 of the RFC), and run into the next millisecond when they are used up.
    """
    return new_ids(1)[0]


def new_ids(number: int) -> list[str]:
    """So many of them, in their order; the machine is asked once for all that is random in them."""
    with _ids.lock:
        first = max(time_ns() // 1_000_000 << 12, _ids.last + 1)
        _ids.last = first + number - 1
    chance = memoryview(secrets.token_bytes(8 * number)).cast("Q")
    return [_id_of(moment, one) for moment, one in zip(range(first, first + number), chance, strict=True)]


def _id_of(moment: int, chance: int) -> str:
    milliseconds, count = moment >> 12, moment & 0xFFF
    value = f"{milliseconds << 80 | 0x7 << 76 | count << 64 | 0x2 << 62 | chance & _RANDOM:032x}"
    return f"{value[:8]}-{value[8:12]}-{value[12:16]}-{value[16:20]}-{value[20:]}"


_RANDOM = (1 << 62) - 1


class _Ids:
    """The last id that was given out, in milliseconds << 12 | count, and the lock around it."""

    def __init__(self) -> None:
        self.last = 0
        self.lock = Lock()


_ids = _Ids()


def worker_name() -> str:
    """This process, so that another on the same host can tell whether it still lives: `host/pid/start`.

    `start` is the process's start in clock ticks since boot (Linux), so that a reused pid is not taken for it.
    A process that works for another has the name of that one.
    """
    return _served.get(os.getpid()) or _worker_name(os.getpid())


_served: dict[int, str] = {}


def works_for(worker: str) -> None:
    """From now on this process does what it does in the name of a worker, and is gone when that is."""
    _served[os.getpid()] = worker


@lru_cache(maxsize=4)
def _worker_name(pid: int) -> str:
    return f"{socket.gethostname()}/{pid}/{_started(pid) or 0}"


def gone(worker: str) -> bool:
    """Whether that worker certainly no longer lives: it was a process of this host, and there is none like it."""
    host, _, rest = worker.rpartition("/")[0].rpartition("/")
    started = worker.rpartition("/")[2]
    if host != socket.gethostname() or not rest.isdigit():
        return False
    current = _started(int(rest))
    return current is None or (started not in ("0", str(current)))


def here(worker: str) -> int | None:
    """The process id of a worker that may live on this machine; None where it is one of another, or gone."""
    host, _, pid = worker.rpartition("/")[0].rpartition("/")
    return int(pid) if host == socket.gethostname() and pid.isdigit() and not gone(worker) else None


def _started(pid: int) -> int | None:
    """Start of a process in clock ticks since boot; 0 where the system does not tell; None when there is none."""
    try:
        # The command name in parentheses may hold spaces; the start is the 20th field after it (proc(5)).
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
        return None if fields[0] == "Z" else int(fields[19])
    except FileNotFoundError:
        pass
    if Path("/proc/self").exists():
        return None
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except PermissionError:
        return 0
    return 0
