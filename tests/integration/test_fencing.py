"""A worker that was given up for lost and comes back cannot publish: two real processes, of which one is stopped."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from penstock import Definitions, asset, materialize
from penstock.assets.run.api import prepared
from penstock.assets.run.attempt.repeating import attempts
from penstock.assets.run.project.project import open_registered
from penstock.assets.run.recovery import Death, lose
from penstock.storage.meta import runs
from penstock.storage.meta.database.engine import Store

pytestmark = pytest.mark.databases("sqlite", "postgresql")


def until(holds: Callable[[], bool]) -> None:
    """Wait for it, half a minute at most."""
    for _ in range(300):
        if holds():
            return
        time.sleep(0.1)
    raise TimeoutError


def answer(path: Path) -> dict[str, Any]:
    """What the other process wrote down."""
    return json.loads(path.read_text()) if path.exists() else {}


@pytest.mark.parametrize("late", ["while attempt 2 is at work", "after attempt 2"])
def test_a_worker_that_comes_back_too_late_publishes_nothing(tmp_path: Path, databases: Any, late: str) -> None:
    """It is told so, leaves nothing in staging, and takes nothing of the attempt that has the run now."""
    inside, go_on, said, pid = (tmp_path / name for name in ("inside", "go on", "said", "pid"))
    url = databases.fresh(file=tmp_path / "home" / "penstock.db")
    places: dict[str, Any] = {
        "home": str(tmp_path / "home"),
        "data_root": str(tmp_path / "data"),
        "database": url,
        "project": "fenced",
        "lineage": {},
    }

    def note(progress: Any) -> None:
        """What the first worker is told of its error stands in a file."""
        if getattr(progress, "error", None) and not said.exists():
            said.write_text(json.dumps(progress.error))

    @asset("docs.json")
    def docs() -> int:
        return 1

    @asset("model/")
    def model(docs: int, ctx) -> Path:
        (ctx.output / "made.txt").write_text(f"by attempt {ctx.attempt}")
        inside.write_text(str(ctx.attempt))
        while ctx.attempt == 1 and not go_on.exists():
            time.sleep(0.02)
        if ctx.attempt == 2 and late == "while attempt 2 is at work":
            back()
            assert (ctx.output / "made.txt").read_text() == "by attempt 2"
        return ctx.output

    def back() -> None:
        """The first worker goes on, and is told."""
        go_on.touch()
        os.kill(int(pid.read_text()), signal.SIGCONT)
        until(lambda: "kind" in answer(said))

    first = os.fork()
    if first == 0:
        try:
            materialize(Definitions(docs, model), listener=note, **places)
        finally:
            os._exit(0)
    pid.write_text(str(first))
    until(inside.exists)
    os.kill(first, signal.SIGSTOP)
    known, definitions = prepared(Definitions(docs, model), None, places)
    try:
        with open_registered(known, definitions) as project:
            with project.store.read() as tx:
                (run,) = runs.unfinished(tx, project.name)
            work = lose(project, run, Death(signal=signal.SIGSTOP))
            assert work is not None
            assert work.attempt == 2
            outcome = attempts(project, work)
            assert outcome is not None
            assert outcome.made, outcome
    finally:
        if late != "while attempt 2 is at work":
            go_on.touch()
            os.kill(first, signal.SIGCONT)
        ended = _reaped(first)
    assert ended
    assert (tmp_path / "data" / "model" / "made.txt").read_text() == "by attempt 2"
    assert _tells(url, "SELECT number, outcome, signal FROM attempts ORDER BY started_at") == [
        (1, "success", None),  # docs
        (1, "lost", signal.SIGSTOP),
        (2, "success", None),
    ]
    assert _tells(url, "SELECT count(*) FROM events") == [(2,)]
    assert not _left(tmp_path)
    found = answer(said)
    assert found["kind"] == "too_late"
    assert found["message"].startswith("attempt 1 of run ")
    assert "came back too late" in found["message"]


def _reaped(child: int) -> bool:
    """Whether a child ended by itself, within half a minute; otherwise it is killed."""
    for _ in range(300):
        if os.waitpid(child, os.WNOHANG)[0]:
            return True
        time.sleep(0.1)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return False


def _left(folder: Path) -> list[Path]:
    """What lies in staging."""
    return list((folder / "data" / ".penstock" / "staging").glob("*"))


def _tells(url: str, query: str) -> list[tuple[Any, ...]]:
    store = Store(url, project="look")
    try:
        with store.read() as tx:
            return [tuple(row) for row in tx.execute(text(query))]
    finally:
        store.close()
