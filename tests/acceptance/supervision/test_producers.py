"""Producers that misbehave: each ends as an outcome with an error that says why, and the worker goes on."""

from __future__ import annotations

import threading
import time
from typing import Any

import psutil
import pytest

from penstock.storage.meta import parts
from penstock.storage.meta.database.engine import Store
from penstock.storage.types import PartKind, RunState
from tests.acceptance.supervision.conftest import Site

pytestmark = pytest.mark.databases("sqlite", "postgresql")

NEXT = """
@asset("n.json", on=Dataset("next.json"))
def n() -> int:
    return 1
"""
LOST = "retries=RetryPolicy(1, max_lost=1)"


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("import sys\n    sys.exit()", "SystemExit"),
        ("import sys\n    sys.exit(3)", "called sys.exit(3)"),
        ("import sys\n    sys.exit('enough of it')", "enough of it"),
        ("return lambda: 1", "function"),
        ("return open('penstock.toml')", "TextIOWrapper"),
        (
            "held = []\n    while True:\n        held.append(bytearray(16 << 20))\n        time.sleep(0.05)",
            "GiB of memory, of",
        ),
    ],
    ids=["exit", "exit-code", "exit-text", "function", "file", "leak"],
)
def test_it_fails_with_an_error_that_says_why(site: Site, body: str, told: str) -> None:
    """And the next run of another asset is made."""
    site.define(f'@asset("p.json", on=Dataset("raw.json"), {LOST})\ndef p() -> object:\n    {body}\n{NEXT}')
    site.up("--memory", "600m")
    site.tell("raw.json")
    (run,) = site.ended("p")
    assert (run.state, run.attempts) == (RunState.FAILED, 1)
    assert told in f"{run.error['type']}: {run.error['message']}"
    goes_on(site)


def test_children_that_outlive_it_are_ended(site: Site) -> None:
    """Forked ones and programs, also what left its session; the run itself is as it would be without them."""
    site.define(
        '@asset("p.json", on=Dataset("raw.json"))\ndef p() -> int:\n'
        "    pid = os.fork()\n    if pid == 0:\n        os.setsid()\n        signal.signal(15, signal.SIG_IGN)\n"
        "        time.sleep(600)\n        os._exit(0)\n"
        "    return [pid, subprocess.Popen(['sleep', '600'], start_new_session=True).pid][0]\n" + NEXT
    )
    site.up()
    before = children(site)
    site.tell("raw.json")
    (run,) = site.ended("p")
    assert run.state is RunState.SUCCESS, run.error
    site.until(lambda: not [one for one in children(site) - before if named(one) == "sleep"])
    left = int(site.shown("p.json"))
    site.until(lambda: not psutil.pid_exists(left) or psutil.Process(left).status() == psutil.STATUS_ZOMBIE)
    goes_on(site)


def test_a_gigabyte_of_logs(site: Site) -> None:
    """Its log keeps to its limit, its worker to its memory, and beats while it reads."""
    with (site.folder / "penstock.toml").open("a") as settings:
        settings.write("log_limit = 1000000\n")
    site.define(
        '@asset("p.json", on=Dataset("raw.json"))\ndef p() -> int:\n'
        "    line = b'x' * 99 + b'\\n'\n    for _ in range(1000):\n        left = memoryview(line * 10000)\n"
        "        while left:\n            left = left[os.write(1, left):]\n    return 1\n" + NEXT
    )
    site.up()
    worker = psutil.Process(site.parts()[PartKind.WORKER])
    before, most, beats, over = worker.memory_full_info().pss, 0, set[Any](), threading.Event()

    def watch() -> None:
        nonlocal most
        while not over.wait(0.2):
            most = max(most, worker.memory_full_info().pss)
            beats.add(site.ask(beat_of_worker))

    watcher = threading.Thread(target=watch)
    watcher.start()
    begun = time.monotonic()
    try:
        site.tell("raw.json")
        (run,) = site.ended("p")
        took = time.monotonic() - begun
    finally:
        over.set()
        watcher.join()
    assert run.state is RunState.SUCCESS, run.error
    assert most - before < 64 << 20
    assert len(beats) >= took / 7
    logs = [one for one in site.folder.rglob("*.log") if run.id in str(one)]
    assert sum(one.stat().st_size for one in logs) < 1_200_000
    assert "were left out here" in logs[0].read_text()
    goes_on(site)


def goes_on(site: Site) -> None:
    """The same worker makes the next run."""
    site.tell("next.json")
    (run,) = site.ended("n")
    assert (run.state, run.attempts) == (RunState.SUCCESS, 1)
    assert "ended (" not in site.said()


def beat_of_worker(store: Store) -> Any:
    """When the worker was heard of."""
    with store.read() as tx:
        return next(one.beat_at for one in parts.parts_of(tx, store.project) if one.kind is PartKind.WORKER)


def children(site: Site) -> set[int]:
    """Everything that was started."""
    return {one.pid for one in psutil.Process(site.at_work[0].pid).children(recursive=True)}


def named(pid: int) -> str:
    """The name of a process, "" of one that is gone."""
    try:
        return psutil.Process(pid).name()
    except psutil.NoSuchProcess:
        return ""
