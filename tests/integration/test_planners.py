"""Several planners at one database, and planners that are killed: one run an event, nothing lost, nothing doubled."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from sqlalchemy import text

from penstock import Cron, Dataset, Definitions, Every, asset
from penstock.assets.run.api import prepared
from penstock.assets.run.checking.check import violations
from penstock.assets.run.project.project import Project, open_registered
from penstock.assets.run.telling.outside import record_in
from penstock.assets.run.tick import tick
from penstock.storage.meta import outside
from penstock.storage.meta.database.engine import Store
from penstock.storage.settings import read_settings

pytestmark = pytest.mark.databases("sqlite", "postgresql")

EVENTS = 200
"""On each database."""
STEP = int(os.environ.get("PENSTOCK_KILL_STEP", "40"))
"""Every so many calls a planner is killed at; 1 kills at each. At its statements it is always killed, at each."""
DOCS, LABELS = Dataset("warehouse://db/docs"), Dataset("warehouse://db/labels")
DEFINITIONS = Definitions(
    asset("a.json", name="a", on=DOCS, max_active_runs=10_000)(lambda: 1),
    asset("b.json", name="b", on=(DOCS & LABELS) | Cron("0 3 * * *"), max_active_runs=10_000)(lambda: 1),
)
FIRING = Definitions(
    asset("a.json", name="a", on=DOCS, max_active_runs=10_000)(lambda: 1),
    asset("t.json", name="t", on=Every("1h") | LABELS, max_active_runs=10_000)(lambda: 1),
)
"""Each round of these is an event and a tick."""
TO_COME = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)


class Site:
    """A project on a database of its own."""

    def __init__(self, folder: Path, url: str, definitions: Definitions = DEFINITIONS) -> None:
        self.folder, self.url, self.definitions = folder, url, definitions
        self.settings = {
            "home": str(folder / "home"),
            "data_root": str(folder / "data"),
            "database": url,
            "project": "planned",
            "lineage": {},
        }

    def open(self) -> Any:
        """The project, opened anew, for a `with`."""
        known, definitions = prepared(self.definitions, self.folder, self.settings)
        return open_registered(known, definitions)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """What the database says."""
        store = Store(self.url, project="look")
        with store.read() as tx:
            found = [tuple(row) for row in tx.execute(text(query))]
        store.close()
        return found

    def require_whole(self, *, events: int) -> None:
        """One run of `a` for each event, each linked once to each consumer, and nothing left on the agenda."""
        assert self.rows(_RUNS.format("a")) == [(events,)]
        assert self.rows(_LINKS_OF_A) == [(events, events, events)]
        assert self.rows(_DOUBLED) == []
        assert self.rows("SELECT count(*) FROM datasets WHERE last_number > planned_number") == [(0,)]
        self.require_sound()

    def require_sound(self) -> None:
        """The checker finds nothing."""
        store = Store(self.url, project="planned")
        assert violations(store, read_settings(self.folder, **self.settings)) == []
        store.close()

    def require_ticks(self, *, ticks: int) -> None:
        """One run of `t` for each tick."""
        assert self.rows(_RUNS.format("t")) == [(ticks,)]
        assert self.rows("SELECT count(*), count(DISTINCT tick), count(DISTINCT run_id) FROM ticks") == [(ticks,) * 3]


_RUNS = "SELECT count(*) FROM runs r JOIN assets a ON a.id = r.asset_id WHERE a.name = '{}'"
_LINKS_OF_A = (
    "SELECT count(*), count(DISTINCT c.event_id), count(DISTINCT c.run_id) FROM consumptions c "
    "JOIN assets a ON a.id = c.asset_id WHERE a.name = 'a' AND c.current"
)
_DOUBLED = "SELECT asset_id, event_id FROM consumptions WHERE current GROUP BY asset_id, event_id HAVING count(*) > 1"


@pytest.fixture
def site(tmp_path: Path, databases: Any) -> Site:
    """With the definitions registered and looked at."""
    return made(tmp_path, databases, DEFINITIONS)


def made(folder: Path, databases: Any, definitions: Definitions) -> Site:
    """With these definitions registered and looked at."""
    url = databases.fresh(prepared=True, file=folder / "home" / "penstock.db")
    found = Site(folder, url, definitions)
    with found.open() as project:
        plan_all(project)
    return found


def plan_all(project: Project, at: datetime | None = None) -> int:
    """Passes until nothing more is due; how many runs."""
    runs = 0
    while True:
        done = tick(project, at=at)
        runs += len(done.record.runs)
        if done.next_at is None or done.next_at > done.at:
            return runs


def forked(work: Callable[[], None]) -> int:
    """The id of a process that does this, and nothing after it."""
    child = os.fork()
    if child == 0:
        try:
            work()
        finally:
            os._exit(0)
    return child


@contextmanager
def planners(site: Site, count: int) -> Iterator[Callable[[], list[int]]]:
    """So many processes that live on, each with the project opened for itself; calling what is given makes all of them
    plan at once, and says how many runs each recorded."""
    ends: list[tuple[int, int, int]] = []
    for _ in range(count):
        there, here = os.pipe(), os.pipe()
        child = forked(lambda: _plan_on_word(site, there[0], here[1]))  # noqa: B023  called before the next one
        ends.append((child, there[1], here[0]))

    def go() -> list[int]:
        for _, word, _ in ends:
            os.write(word, b"g")
        return [int.from_bytes(os.read(answer, 4), "big") for _, _, answer in ends]

    yield go
    for child, word, _ in ends:
        os.write(word, b"q")
        assert os.waitpid(child, 0)[1] == 0


def _plan_on_word(site: Site, word: int, answer: int) -> None:
    with site.open() as project:
        while os.read(word, 1) == b"g":
            os.write(answer, plan_all(project).to_bytes(4, "big"))


def test_four_planners_make_one_run_of_one_event(site: Site) -> None:
    """Two hundred times: all four look at once, one of them records the run."""
    with site.open() as project, planners(site, 4) as go:
        for number in range(1, EVENTS + 1):
            record_in(project.store, "docs", version=str(number))
            assert sum(go()) == 1, number
    site.require_whole(events=EVENTS)


@pytest.mark.databases("postgresql")
def test_what_commits_late_is_not_lost(site: Site) -> None:
    """An event gets its id, and another one with a higher id is committed and planned before the first commits: it is
    found all the same, because nobody asks for ids that are higher than the last."""
    with site.open() as project:
        with project.store.engine.begin() as late:  # without the lock by which the writers of a project queue up
            outside.record_event(late, project.name, "docs", version="late", now=datetime.now(UTC))
            record_in(project.store, "labels", version="early")
            assert plan_all(project) == 0
        assert site.rows("SELECT d.name FROM events e JOIN datasets d ON d.id = e.dataset_id ORDER BY e.id") == [
            ("docs",),
            ("labels",),
        ]
        assert site.rows("SELECT count(*) FROM datasets WHERE last_number > planned_number") == [(1,)]
        assert plan_all(project) == 2
    site.require_whole(events=1)
    assert site.rows(_RUNS.format("b")) == [(1,)]


def test_a_planner_that_is_killed_loses_and_doubles_nothing(site: Site) -> None:
    """With -9 at any step of a pass: the next planner finds all of it, or nothing left to do."""
    at, events, died = 1, 0, True
    while died:
        with site.open() as project:
            record_in(project.store, "docs", version=str(at))
        events += 1
        died = killed(site, lambda number=at: Calls(number))
        with site.open() as project:
            plan_all(project)
        site.require_whole(events=events)
        at += STEP
    assert at > 3 * STEP


def test_a_planner_is_killed_before_and_after_each_statement_of_firing(tmp_path: Path, databases: Any) -> None:
    """The transaction that records the runs of an event and of a tick: killed with -9 at its beginning, at each of its
    statements, at its commit and behind it, it has happened whole or not at all."""
    site = made(tmp_path, databases, FIRING)
    statements_of_firing(site, event=1)  # the first pass of a project writes down more than those that follow
    total, events, kept = statements_of_firing(site, event=2), 2, 0
    assert total > 8, "the statements were not seen"
    for number in range(1, total + 2):
        events += 1
        with site.open() as project:
            record_in(project.store, "docs", version=str(events))
        moment = TO_COME + timedelta(hours=events)
        assert killed(site, lambda: _Statements(number), at=moment)  # noqa: B023  called before the next one
        with site.open() as project:
            left = plan_all(project, moment)
        assert left in (0, 2), number
        kept += left == 0
        site.require_whole(events=events)
        site.require_ticks(ticks=events)
    assert kept == 1, "what was committed when it was killed, and only that, was there"


def statements_of_firing(site: Site, *, event: int) -> int:
    """How many statements the transaction has that records the runs of an event and of a tick, its commit included."""
    moment = TO_COME + timedelta(hours=event)
    with site.open() as project:
        record_in(project.store, "docs", version=str(event))
    answer, there = os.pipe()

    def work() -> None:
        with site.open() as project:
            seen = _Statements(0)
            sys.setprofile(seen)
            tick(project, at=moment)
            sys.setprofile(None)
        os.write(there, json.dumps(seen.found).encode())

    assert os.waitpid(forked(work), 0)[1] == 0
    found = json.loads(os.read(answer, 100_000))
    with site.open() as project:
        assert plan_all(project, moment) == 0
    return len(found)


def killed(site: Site, killer: Callable[[], Any], at: datetime | None = None) -> bool:
    """Whether a forked planner was killed in its pass; False when it came to its end before."""

    def work() -> None:
        with site.open() as project:
            sys.setprofile(killer())
            tick(project, at=at)
            sys.setprofile(None)

    return os.waitstatus_to_exitcode(os.waitpid(forked(work), 0)[1]) == -signal.SIGKILL


class Calls:
    """Counts the statements and what the shell calls, and kills the process at one of them."""

    def __init__(self, number: int) -> None:
        self._left = number

    def __call__(self, frame: FrameType, event: str, argument: Any) -> None:
        """What `sys.setprofile` calls."""
        called = getattr(argument, "__name__", "") if event == "c_call" else frame.f_code.co_name
        ours = event == "call" and any(part in frame.f_code.co_filename for part in ("/storage/meta/", "/assets/run/"))
        if ours or (event in ("call", "c_call") and called in ("execute", "executemany", "commit")):
            self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), signal.SIGKILL)


class _Statements:
    """Counts what the driver is told within the first transaction that writes, up to its commit; kills the process at
    the statement with a number, before the driver has seen it, or when they are all done at the end of the commit."""

    def __init__(self, number: int) -> None:
        self._number = number
        self._writing = False
        self.found: list[str] = []

    def __call__(self, frame: FrameType, event: str, argument: Any) -> None:
        called = _told(frame, event, argument)
        if called is None:
            return
        if event.endswith("return"):
            if called == "commit" and self._writing:
                self._writing = False
                if self._number == len(self.found) + 1:
                    os.kill(os.getpid(), signal.SIGKILL)
            return
        self._writing = self._writing or (not self.found and _is_writing(frame))
        if self._writing:
            self.found.append(called)
            if len(self.found) == self._number:
                os.kill(os.getpid(), signal.SIGKILL)


def _told(frame: FrameType, event: str, argument: Any) -> str | None:
    """What the driver is told: a statement or a commit, by SQLite's in C or by psycopg's in Python."""
    if event in ("c_call", "c_return"):
        name = getattr(argument, "__name__", "")
        ours = type(getattr(argument, "__self__", None)).__module__ == "sqlite3"
    else:
        name, ours = frame.f_code.co_name, "/psycopg/" in frame.f_code.co_filename
    return name if ours and name in ("execute", "executemany", "commit") else None


def _is_writing(frame: FrameType | None) -> bool:
    """Whether the statement is told from within a transaction that writes: `Store.write` is at work below it, or
    `record`, which holds one."""
    while frame is not None:
        if frame.f_code.co_filename.endswith("/planning/record.py"):
            return True
        frame = frame.f_back
    return False
