"""Several planners at one database, and planners that are killed: one run an event, nothing lost, nothing doubled."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from sqlalchemy import text

from penstock import Cron, Dataset, Definitions, asset
from penstock.assets.run.api import prepared
from penstock.assets.run.project.project import Project, open_project
from penstock.assets.run.telling.outside import record_in
from penstock.assets.run.tick import tick
from penstock.storage.meta.database.engine import Store

pytestmark = pytest.mark.databases("sqlite", "postgresql")

EVENTS = 100
"""On each database."""
STEP = int(os.environ.get("PENSTOCK_KILL_STEP", "12"))
"""Every so many calls a planner is killed at; 1 kills at each."""
DOCS, LABELS = Dataset("warehouse://db/docs"), Dataset("warehouse://db/labels")
DEFINITIONS = Definitions(
    asset("a.json", name="a", on=DOCS, max_active_runs=10_000)(lambda: 1),
    asset("b.json", name="b", on=(DOCS & LABELS) | Cron("0 3 * * *"), max_active_runs=10_000)(lambda: 1),
)

PLANNER = """
import json, sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from penstock.assets.run.api import prepared
from penstock.assets.run.project.project import open_project
from penstock.assets.run.tick import tick
from test_planners import DEFINITIONS

known, definitions = prepared(DEFINITIONS, Path(sys.argv[1]), json.loads(sys.argv[2]))
with open_project(known, definitions) as project:
    print("ready", flush=True)
    for line in sys.stdin:
        runs = 0
        while True:
            done = tick(project)
            runs += len(done.record.runs)
            if done.next_at is None or done.next_at > done.at:
                break
        print(runs, flush=True)
"""


class Site:
    """A project on a database of its own."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder, self.url = folder, url
        self.settings = {
            "home": str(folder / "home"),
            "data_root": str(folder / "data"),
            "database": url,
            "project": "planned",
            "lineage": {},
        }

    def open(self) -> Any:
        """The project, opened anew, for a `with`."""
        known, definitions = prepared(DEFINITIONS, self.folder, self.settings)
        return open_project(known, definitions)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """What the database says."""
        store = Store(self.url, project="look")
        with store.read() as tx:
            found = [tuple(row) for row in tx.execute(text(query))]
        store.close()
        return found

    def require_whole(self, *, events: int) -> None:
        """One run of `a` for each event, each linked once to each consumer, and nothing left on the agenda."""
        assert self.rows(_RUNS_OF_A) == [(events,)]
        assert self.rows(_LINKS_OF_A) == [(events, events, events)]
        assert self.rows(_DOUBLED) == []
        assert self.rows("SELECT count(*) FROM datasets WHERE last_number > planned_number") == [(0,)]


_RUNS_OF_A = "SELECT count(*) FROM runs r JOIN assets a ON a.id = r.asset_id WHERE a.name = 'a'"
_LINKS_OF_A = (
    "SELECT count(*), count(DISTINCT c.event_id), count(DISTINCT c.run_id) FROM consumptions c "
    "JOIN assets a ON a.id = c.asset_id WHERE a.name = 'a' AND c.current"
)
_DOUBLED = "SELECT asset_id, event_id FROM consumptions WHERE current GROUP BY asset_id, event_id HAVING count(*) > 1"


@pytest.fixture
def site(tmp_path: Path, databases: Any) -> Site:
    """With the definitions registered and looked at."""
    found = Site(tmp_path, databases.fresh(prepared=False, file=tmp_path / "home" / "penstock.db"))
    with found.open() as project:
        plan_all(project)
    return found


def plan_all(project: Project) -> int:
    """Passes until nothing more is due; how many runs."""
    runs = 0
    while True:
        done = tick(project)
        runs += len(done.record.runs)
        if done.next_at is None or done.next_at > done.at:
            return runs


@pytest.fixture
def planners(site: Site) -> Iterator[list[subprocess.Popen[str]]]:
    """Four processes that plan when they are told to."""
    command = [sys.executable, "-c", PLANNER, str(Path(__file__).parent), json.dumps(site.settings)]
    found = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    for one in found:
        assert one.stdout is not None
        assert one.stdout.readline() == "ready\n"
    yield found
    for one in found:
        one.communicate(timeout=60)


def test_four_planners_make_one_run_of_one_event(site: Site, planners: list[subprocess.Popen[str]]) -> None:
    """A hundred times: all four look at once, one of them records the run."""
    with site.open() as project:
        for number in range(1, EVENTS + 1):
            record_in(project.store, "docs", version=str(number))
            for one in planners:
                assert one.stdin is not None
                one.stdin.write("go\n")
                one.stdin.flush()
            counts = [int(one.stdout.readline()) for one in planners if one.stdout is not None]
            assert sum(counts) == 1, number
    site.require_whole(events=EVENTS)


def test_a_planner_that_is_killed_loses_and_doubles_nothing(site: Site) -> None:
    """With -9 between any two steps of a pass: the next planner finds all of it, or nothing left to do."""
    at, events, died = 1, 0, True
    while died:
        with site.open() as project:
            record_in(project.store, "docs", version=str(at))
        events += 1
        died = killed_at(at, site)
        with site.open() as project:
            plan_all(project)
        site.require_whole(events=events)
        at += STEP
    assert at > 10 * STEP


def killed_at(number: int, site: Site) -> bool:
    """A forked planner is killed at the call with this number of a function that may have an effect; False when it came
    to its end before."""
    child = os.fork()
    if child == 0:
        try:
            with site.open() as project:
                sys.setprofile(_Killer(number))
                tick(project)
                sys.setprofile(None)
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL


class _Killer:
    """Counts the statements and what the shell calls, and kills the process at one of them."""

    def __init__(self, number: int) -> None:
        self._left = number

    def __call__(self, frame: FrameType, event: str, argument: Any) -> None:
        called = getattr(argument, "__name__", "") if event == "c_call" else frame.f_code.co_name
        ours = event == "call" and any(part in frame.f_code.co_filename for part in ("/storage/meta/", "/assets/run/"))
        if ours or (event in ("call", "c_call") and called in ("execute", "executemany", "commit")):
            self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
