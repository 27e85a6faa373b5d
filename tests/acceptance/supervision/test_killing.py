"""Parts of the system are killed by -9 under load, at random: nothing is lost, nothing is made twice.

`PENSTOCK_KILL_SECONDS=240` kills for that long; without it for as long as a change can wait.
"""

from __future__ import annotations

import os
import random
import signal
import time
from contextlib import suppress
from typing import Any

import psutil
import pytest

from tests.acceptance.supervision.load import Load

pytestmark = pytest.mark.databases("sqlite", "postgresql")

SECONDS = float(os.environ.get("PENSTOCK_KILL_SECONDS", "20"))


def test_whatever_is_killed_under_load_nothing_is_lost_or_doubled(site: Any) -> None:
    """Scheduler, worker and relay, again and again: every event has its run, each published once, all lineage is
    delivered, in order for each run."""
    load = Load(site)
    process = site.up("--workers", "2")
    chance = random.Random(7)
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        assert load.tell()
        time.sleep(0.3)
        victims = list(site.parts().values()) if chance.random() < 0.3 else []
        if victims:
            kill(chance.choice(victims))
    # An asset may lose as many workers in a row as a run has tries: that is told, and lost to nobody.
    load.assert_settled(lost=True)
    assert site.down(process) == 0
    site.assert_sound()


def test_of_two_that_share_a_database_one_is_killed(site: Any) -> None:
    """All of it, in the middle of its work: the other one goes on, and what the dead one had begun is made by it."""
    load = Load(site, seconds=0.1)
    processes = [site.up(), site.up()]
    for round_ in range(3):
        for _ in range(8):
            assert load.tell()
            time.sleep(0.1)
        doomed = processes.pop(0)
        tree = [doomed.pid, *(one.pid for one in psutil.Process(doomed.pid).children(recursive=True))]
        for pid in tree if round_ else tree[:1]:  # the supervisor alone: what it kept ends in order; then everything
            kill(pid)
        doomed.wait()
        if round_ < 2:
            processes.append(site.up())
    load.assert_settled(lost=True)
    assert [site.down(one) for one in processes] == [0]
    site.assert_sound()


def kill(pid: int) -> None:
    """Gone, without a word."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


@pytest.mark.databases("sqlite")
def test_the_server_that_forks_the_parts_is_killed_while_it_starts_them(site: Any) -> None:
    """Again and again, as a machine short of memory does: the supervisor starts another, and the parts once it can."""
    load = Load(site)
    process = site.up()
    killed: set[int] = set()
    end = time.monotonic() + 15
    while time.monotonic() < end:
        for one in psutil.Process(process.pid).children():
            if one.pid not in killed and "resource_tracker" not in " ".join(one.cmdline()):
                time.sleep(0.05 * (len(killed) % 16))
                killed.add(one.pid)
                kill(one.pid)
        assert process.poll() is None, site.said()
        time.sleep(0.02)
    assert len(killed) > 3
    assert load.tell()
    site.until((site.folder / ".penstock" / "lineage.ndjson").exists)  # the relay waits, too
    load.assert_settled(lost=True)
    assert "could not be started" in site.said()
    assert "Traceback" not in site.said()
    assert site.down(process) == 0
    site.assert_sound()
