"""A worker that was given up for lost, and comes back while another is at its run, changes nothing of it."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from penstock import Context, asset, materialize
from penstock.assets.declare.definitions import Definitions
from penstock.assets.run import recovery
from penstock.assets.run.attempt.assignment import resume
from penstock.assets.run.attempt.worker import attempt
from penstock.assets.run.project.project import open_registered
from penstock.storage.meta import runs
from penstock.storage.settings import read_settings
from penstock.storage.types import RunState

pytestmark = pytest.mark.databases("sqlite", "postgresql")


def test_an_attempt_that_was_given_up_publishes_nothing(tmp_path: Path, databases: Any) -> None:
    """Stopped in its producer and gone on later, it is told; the second attempt's output stays, and so does its
    staging."""
    folder = tmp_path

    @asset("one/", name="one")
    def one(ctx: Context) -> Path:
        with (folder / "tries").open("a") as tries:
            tries.write("x")
        tries_before = len((folder / "tries").read_text())
        ctx.output.mkdir(parents=True, exist_ok=True)
        (ctx.output / "who").write_text(str(tries_before))
        if tries_before == 1:
            os.kill(os.getpid(), signal.SIGSTOP)
        else:
            os.kill(int((folder / "pid").read_text()), signal.SIGCONT)
            while not (folder / "over").exists():
                time.sleep(0.02)
        return ctx.output

    url = databases.fresh(prepared=False, file=tmp_path / "home" / "penstock.db")
    there = {"home": str(tmp_path / "home"), "database": url, "project": "back", "data_root": str(tmp_path / "data")}
    child = os.fork()
    if child == 0:
        result = materialize([one], **there)
        (tmp_path / "said").write_text(str((result["one"].error or {}).get("message", "")))
        (tmp_path / "over").write_text("")
        os._exit(0)
    (tmp_path / "pid").write_text(str(child))
    os.waitpid(child, os.WUNTRACED)
    with open_registered(read_settings(tmp_path, **there), Definitions([one])) as project:
        with project.store.read() as tx:
            (run,) = runs.unfinished(tx, project.name)
        assert run.state is RunState.RUNNING
        recovery._retry(project, run)  # pyright: ignore[reportPrivateUsage]  as if its process were gone
        with project.store.read() as tx:
            work = resume(project, tx, runs.run(tx, run.id))  # pyright: ignore[reportArgumentType]
        assert work is not None
        outcome = attempt(project, work)
        os.waitpid(child, 0)
        assert outcome is not None
        assert outcome.state is RunState.SUCCESS, outcome
        assert not recovery._retry(project, run)  # pyright: ignore[reportPrivateUsage]  what it saw is over
        with project.store.read() as tx:
            found = runs.run(tx, run.id)
    assert found is not None
    assert (found.state, found.attempts) == (RunState.SUCCESS, 2)
    assert (tmp_path / "data" / "one" / "who").read_text() == "2"
    assert "attempt 1 of run" in (tmp_path / "said").read_text()
    assert "nothing is published" in (tmp_path / "said").read_text()
