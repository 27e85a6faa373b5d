"""The bell of a SQLite file: who rings must not suffer from who listens."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from threading import Event, Thread

import pytest

from penstock.storage.meta.database.bell import Topic, ring_pipes

pytestmark = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")


def test_a_listener_that_dies_while_it_is_rung_for_harms_nobody(tmp_path: Path) -> None:
    """Between the moment its pipe is opened and that in which the byte is written; what is committed is committed."""
    pipe = tmp_path / f"{Topic.PLANNER}.1"
    os.mkfifo(pipe)
    over = Event()

    def come_and_go() -> None:
        while not over.is_set():
            with suppress(FileNotFoundError):
                os.close(os.open(pipe, os.O_RDONLY | os.O_NONBLOCK))

    listener = Thread(target=come_and_go)
    listener.start()
    try:
        for _ in range(5_000):
            ring_pipes(tmp_path, [Topic.PLANNER])
            if not pipe.exists():  # nobody listened at that moment: what is left of the dead is taken away
                os.mkfifo(pipe)
    finally:
        over.set()
        listener.join()
