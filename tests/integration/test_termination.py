"""SIGTERM (`docker stop`) ends what is at work in order: the run is canceled, the process says 143, others go on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from penstock import asset

PIPELINE = """
import pathlib, time
from penstock import asset

@asset("slow.txt")
def slow() -> str:
    pathlib.Path("begun").touch()
    if not pathlib.Path("quick").exists():
        time.sleep(60)
    return "done"
"""
PROGRAM = "import penstock; penstock.materialize(project_folder='.')"
COMMANDS = {
    "command": [str(Path(sys.executable).parent / "penstock"), "materialize"],
    "program": [sys.executable, "-c", PROGRAM],
}


@pytest.mark.parametrize("how", ["command", "program"])
def test_what_is_terminated_is_canceled(lab: Any, how: str) -> None:
    """Exit code 143; nothing is left running, and the next call makes it."""
    (lab.folder / "pipeline.py").write_text(PIPELINE)
    (lab.folder / "penstock.toml").write_text('definitions = ["pipeline.py"]\nhome = "home"\n')
    with subprocess.Popen(
        COMMANDS[how], cwd=lab.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        for _ in range(600):
            if (lab.folder / "begun").exists() or process.poll() is not None:
                break
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=30)
    assert process.returncode == 143, said
    assert "Traceback" not in said
    assert ("Terminated." in said) == (how == "command")
    assert lab.rows("SELECT state FROM runs") == [("canceled",)]
    assert lab.rows("SELECT state FROM materializations") == [("canceled",)]
    (lab.folder / "quick").touch()
    subprocess.run(COMMANDS[how], cwd=lab.folder, capture_output=True, check=True)
    assert (lab.folder / "data" / "slow.txt").read_text() == "done"


def _handled() -> str:
    return str(callable(signal.getsignal(signal.SIGTERM)))


def test_the_handler_is_there_for_as_long_as_it_is_needed(lab: Any) -> None:
    """Afterwards SIGTERM does what it did before."""
    assert lab.make(asset("made.txt", name="made")(_handled)).ok
    assert (lab.data / "made.txt").read_text() == "True"
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


def test_who_handles_it_already_goes_on_to(lab: Any) -> None:
    """A server that says what SIGTERM is to do is not overruled."""
    got: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _: got.append(number))

    def terminate() -> str:
        os.kill(os.getpid(), signal.SIGTERM)
        return "made"

    try:
        assert lab.make(asset("made.txt", name="made")(terminate)).ok
    finally:
        signal.signal(signal.SIGTERM, before)
    assert got == [signal.SIGTERM]


def test_in_another_thread_nothing_is_handled(lab: Any) -> None:
    """Python lets the main thread alone handle signals: the work is done as ever."""
    done: list[bool] = []
    one = asset("made.txt", name="made")(_handled)
    thread = threading.Thread(target=lambda: done.append(lab.make(one).ok))
    thread.start()
    thread.join()
    assert done == [True]
    assert (lab.data / "made.txt").read_text() == "False"


def test_a_child_of_a_producer_ends_as_it_would_have(lab: Any) -> None:
    """By the signal: it does not come back as somebody who cancels the wave."""

    def fork() -> str:
        child = os.fork()
        if child == 0:
            time.sleep(60)
            os._exit(0)
        time.sleep(0.1)
        os.kill(child, signal.SIGTERM)
        return str(os.WTERMSIG(os.waitpid(child, 0)[1]))

    assert lab.make(asset("made.txt", name="made")(fork)).ok
    assert (lab.data / "made.txt").read_text() == str(int(signal.SIGTERM))
