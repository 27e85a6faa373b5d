"""What every executor promises a worker, and what those promise besides that run tasks in processes of their own."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from multiprocessing.connection import wait
from pathlib import Path
from threading import Event, Thread
from typing import Any

import psutil
import pytest

from penstock.assets.execute.executor import Died, Executor, Job, Raised, Report, Returned, Wrote
from penstock.assets.execute.inline import Inline
from penstock.assets.execute.nursery import fork_server
from penstock.assets.execute.processes import Processes

KNOWN = {"logging": logging, "os": os, "signal": signal, "subprocess": subprocess, "sys": sys, "time": time}


@contextmanager
def job() -> Generator[Job]:
    """Does what the task says, as Python."""
    yield lambda task: eval(task, {**globals()})


@contextmanager
def broken_job() -> Generator[Job]:
    """Cannot be opened."""
    raise RuntimeError("nothing to be had")
    yield  # pragma: no cover


MADE: dict[str, Callable[[], Executor]] = {"inline": lambda: Inline(job), "processes": lambda: Processes(job, size=2)}


@pytest.fixture(params=list(MADE))
def executor(request: pytest.FixtureRequest) -> Iterator[Executor]:
    """Each executor, ready."""
    made = MADE[request.param]()
    until(made, lambda _: made.room() > 0)
    yield made
    made.close()


@pytest.fixture
def processes() -> Iterator[Processes]:
    """The one with processes, ready."""
    made = Processes(job, size=2)
    until(made, lambda _: made.is_ready())
    yield made
    made.close()


def until(executor: Executor, enough: Callable[[list[Report]], bool], *, seconds: float = 60) -> list[Report]:
    """What is reported until that is enough."""
    found: list[Report] = []
    end = time.monotonic() + seconds
    while not enough(found):
        assert time.monotonic() < end, found
        waitables: Any = executor.waitables()
        if waitables:
            wait(waitables, 0.1)
        found += executor.reports()
    return found


def ended(count: int) -> Callable[[list[Report]], bool]:
    """Whether so many tasks have ended."""
    return lambda found: sum(not isinstance(one, Wrote) for one in found) >= count


def test_a_task_returns(executor: Executor) -> None:
    """What the job gives comes back, once."""
    executor.start("6 * 7")
    assert until(executor, ended(1)) == [Returned(task="6 * 7", value=42)]
    assert executor.reports() == []
    assert executor.room() > 0


def test_a_job_that_raises_is_told_with_its_traceback(executor: Executor) -> None:
    """And the next task runs."""
    executor.start("1 / 0")
    (report,) = until(executor, ended(1))
    assert isinstance(report, Raised)
    assert "ZeroDivisionError" in report.text
    executor.start("'next'")
    assert until(executor, ended(1)) == [Returned(task="'next'", value="next")]


def test_stopping_what_has_ended_does_nothing(executor: Executor) -> None:
    """Nobody can know in time."""
    executor.start("1")
    until(executor, ended(1))
    executor.stop("1", kill=True)
    executor.start("2")
    assert until(executor, ended(1)) == [Returned(task="2", value=2)]


def test_what_a_task_and_its_programs_write_comes_before_its_end(processes: Processes) -> None:
    """Python's prints, what is written to the descriptors, and what programs print; and records of logging. Each on its
    stream."""
    task = (
        "(print('one'), os.write(2, b'two\\n'), subprocess.run(['echo', 'three']), "
        "logging.getLogger('lib').warning('odd %d', 4), 5)[-1]"
    )
    processes.start(task)
    found = until(processes, ended(1))
    assert isinstance(found[-1], Returned)
    written = {name: b"".join(o.data for o in found if isinstance(o, Wrote) and o.stream == name) for name in STREAMS}
    assert written == {"stdout": b"one\nthree\n", "stderr": b"two\n", "log": b"warning lib: odd 4\n"}


STREAMS = ("stdout", "stderr", "log")


@pytest.mark.parametrize(
    ("task", "exit_code", "by"),
    [("os._exit(7)", 7, None), ("os.kill(os.getpid(), 9)", None, 9), ("os.abort()", None, signal.SIGABRT)],
)
def test_a_death_is_told_with_its_exit_code_or_signal(
    processes: Processes, task: str, exit_code: int | None, by: int | None
) -> None:
    """What it wrote before is there, and another process takes its place."""
    processes.start(f"(print('last words', flush=True), {task})")
    found = until(processes, ended(1))
    assert next(one.data for one in found if isinstance(one, Wrote)).startswith(b"last words\n")
    assert found[-1] == Died(task=f"(print('last words', flush=True), {task})", exit_code=exit_code, signal=by)
    until(processes, lambda _: processes.is_ready())
    processes.start("'alive'")
    assert until(processes, ended(1)) == [Returned(task="'alive'", value="alive")]


def test_killing_a_task_ends_what_it_has_started_too(processes: Processes) -> None:
    """Also what has left its session, and what ignores SIGTERM."""
    program = "os.setsid(); signal.signal(15, signal.SIG_IGN); print(os.getpid(), flush=True); time.sleep(600)"
    code = f"import signal, time, os; {program}"
    task = f"(subprocess.Popen([sys.executable, '-c', {code!r}]), time.sleep(600))"
    processes.start(task)
    found = until(processes, lambda found: any(isinstance(one, Wrote) for one in found))
    pid = int(next(one.data for one in found if isinstance(one, Wrote)))
    processes.stop(task, kill=True, why="enough")
    (*_, report) = until(processes, ended(1))
    assert report == Died(task=task, signal=9, why="enough")
    end = time.monotonic() + 10
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < end
        time.sleep(0.02)


def test_what_a_task_leaves_running_is_ended_with_it(processes: Processes) -> None:
    """It would serve nobody, and hold memory."""
    processes.start("subprocess.Popen(['sleep', '600']).pid")
    (report,) = until(processes, ended(1))
    assert isinstance(report, Returned)
    end = time.monotonic() + 10
    while psutil.pid_exists(report.value) and psutil.Process(report.value).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_task_that_forks_and_comes_back_twice_is_answered_once(processes: Processes) -> None:
    """The copy goes nowhere."""
    processes.start("'copy' if os.fork() == 0 else (time.sleep(0.2), 'first')[1]")
    (report,) = until(processes, ended(1))
    assert isinstance(report, Returned)
    assert report.value == "first"


def test_a_task_that_takes_too_much_memory_is_killed() -> None:
    """And told why; the others go on."""
    made = Processes(job, size=1, memory_limit=300 << 20)
    try:
        until(made, lambda _: made.is_ready())
        made.start("(bytearray(os.urandom(1)) * (600 << 20), time.sleep(600))")
        (report,) = until(made, ended(1))
        assert isinstance(report, Died)
        assert report.signal == signal.SIGKILL
        assert "GiB of memory, of 0.29 GiB" in report.why
    finally:
        made.close()


def test_processes_are_replaced_after_so_many_tasks() -> None:
    """So what leaks in one comes to an end."""
    made = Processes(job, size=1, recycle_after=2)
    try:
        pids: list[int] = []
        for number in range(4):
            until(made, lambda _: made.room() > 0)
            made.start(f"({number}, os.getpid())")
            (report,) = until(made, ended(1))
            assert isinstance(report, Returned)
            pids.append(report.value[1])
        assert pids[0] == pids[1] != pids[2] == pids[3]
    finally:
        made.close()


def test_what_cannot_be_opened_is_told_and_tried_again() -> None:
    """With the traceback, less and less often."""
    made = Processes(broken_job, size=1)
    try:
        found = until(made, lambda found: len(found) >= 2)
        assert all("nothing to be had" in str(one) for one in found)
        assert made.room() == 0
    finally:
        made.close()


PROGRAM = """
import os, sys, time
sys.path.insert(0, sys.argv[1])
from multiprocessing import forkserver
from test_executors import Processes, ended, fork_server, job, until
if __name__ == "__main__":
    if "forked" in sys.argv:
        assert fork_server(preload=["test_executors"])
    server = forkserver._forkserver
    made = Processes(job, size=1)
    until(made, lambda _: made.is_ready())
"""
KILLED = (
    PROGRAM
    + """
    print(server._forkserver_pid, flush=True)
    made.start("(print(os.getpid(), subprocess.Popen(['sleep', '600']).pid, flush=True), time.sleep(600))")
    while True:
        for one in made.reports():
            print(one.data.decode(), end="", flush=True)
        time.sleep(0.02)
"""
)
BEREFT = (
    PROGRAM
    + """
    loaded = "os.getppid(), 'test_executors' in sys.modules"
    made.start(loaded)
    print(until(made, ended(1))[0].value[0] == server._forkserver_pid, flush=True)
    os.kill(server._forkserver_pid, 9)
    until(made, lambda _: made.room() == 0)
    until(made, lambda _: made.is_ready())
    made.start("6 * 7")
    print(until(made, ended(1))[-1].value, flush=True)
    made.close()
"""
)


@pytest.mark.parametrize("server", ["started", "forked"])
def test_no_process_outlives_its_worker(server: str) -> None:
    """Killed with -9, it takes with it what runs in its name, what that has started, and the server of both."""
    with subprocess.Popen(
        [sys.executable, "-c", KILLED, str(Path(__file__).parent), server], stdout=subprocess.PIPE, text=True
    ) as worker:
        assert worker.stdout is not None
        pids = [int(one) for _ in range(2) for one in worker.stdout.readline().split()]
        assert len(pids) == 3
        worker.kill()
        worker.wait()
        end = time.monotonic() + 10
        while any(psutil.pid_exists(one) and psutil.Process(one).status() != psutil.STATUS_ZOMBIE for one in pids):
            assert time.monotonic() < end, pids
            time.sleep(0.02)


@pytest.mark.parametrize("server", ["started", "forked"])
def test_a_server_that_dies_is_replaced(server: str) -> None:
    """Processes are forked from it, and from another one when it is gone."""
    said = subprocess.run(
        [sys.executable, "-c", BEREFT, str(Path(__file__).parent), server],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert said.stdout.split() == ["True", "42"], said.stderr


def test_a_server_is_not_forked_beside_threads() -> None:
    """What another thread holds would be held in it for good."""
    over = Event()
    beside = Thread(target=over.wait)
    beside.start()
    try:
        assert not fork_server()
    finally:
        over.set()
        beside.join()
