"""Commands, carried out by schedulers that race, are killed, or hold other definitions: each is done once."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from penstock import Daily, Dataset, Definitions, Partition, asset
from penstock.assets.run.commanding.carrying import carry_out
from penstock.assets.run.commanding.claiming import Claim
from penstock.assets.run.commanding.of_runs import cancel
from penstock.assets.run.project.project import Project
from penstock.assets.run.supervision.claiming import give_up_others
from penstock.storage.errors import UsageError
from penstock.storage.meta import commands as rows
from penstock.storage.meta import runs
from penstock.storage.meta.database.engine import Store
from penstock.storage.meta.database.engine import now as moment_of
from penstock.storage.types import CommandState, RunState
from penstock.ui import ask
from penstock.ui.read.commands import CommandLine, command, commands
from tests.integration.test_planners import STEP, Calls, Site, forked, made

pytestmark = pytest.mark.databases("sqlite", "postgresql")

DOCS = Dataset("warehouse://db/docs")


def _day(day: Partition) -> str:
    return day.key


MANY = asset("m.json", name="m", on=DOCS, max_active_runs=10_000)(lambda: 1)
ONE = asset("one.json", name="one", on=DOCS)(lambda: 1)
DAILY = asset("daily/{day}.json", name="daily", partitions=Daily(start="2020-01-01", end="2024-01-01"))(_day)
DEFINITIONS = Definitions(MANY, ONE, DAILY)


@pytest.fixture
def site(tmp_path: Path, databases: Any) -> Site:
    """With the definitions registered and looked at."""
    return made(tmp_path, databases, DEFINITIONS)


@contextmanager
def asking(site: Site) -> Iterator[Store]:
    """The store, as the app opens it."""
    store = Store(site.url, project="planned")
    yield store
    store.close()


def found(site: Site, command_id: int) -> CommandLine:
    """How a command stands."""
    with asking(site) as store:
        line = command(store, command_id)
    assert line is not None
    return line


def carried_out(site: Site) -> None:
    """A scheduler has done all that can be done now."""
    with site.open() as project:
        while carry_out(project):
            pass


def begun(project: Project, run_id: str) -> None:
    """A worker has begun the run, and it came to nothing."""
    with project.store.write() as tx:
        runs.advance(tx, run_id, old=RunState.SCHEDULED, new=RunState.QUEUED, worker="elsewhere/1/1")
        runs.advance(tx, run_id, old=RunState.QUEUED, new=RunState.RUNNING, attempts=1)


def killed(site: Site, number: int) -> bool:
    """Whether a scheduler was killed with -9 at this step; False when it came to its end before."""

    def work() -> None:
        with site.open() as project:
            sys.setprofile(Calls(number))
            while carry_out(project):
                pass
            sys.setprofile(None)

    return os.waitstatus_to_exitcode(os.waitpid(forked(work), 0)[1]) == -signal.SIGKILL


def test_a_scheduler_that_is_killed_does_nothing_by_halves_and_nothing_twice(site: Site) -> None:
    """With -9 at any step: the next one does what was not done, and no more."""
    at, died, rounds = 1, True, 0
    while died:
        rounds += 1
        with asking(site) as store:
            paused = ask.ask_pause(store, "one")
            makes = ask.ask_materialize(store, "m", force=True)
            divides = ask.ask_backfill(store, "daily", partitions=f"2020-{rounds // 28 + 1:02}-{rounds % 28 + 1:02}")
            resumed = ask.ask_resume(store, "one")
        died = killed(site, at)
        with site.open() as project:
            while carry_out(project):
                pass
            (run_id,) = found(site, makes).runs
            begun(project, run_id)
            carry_out(project)
        ended = [found(site, one) for one in (paused, makes, divides, resumed)]
        assert {line.state for line in ended} == {CommandState.CARRIED_OUT}, ended
        assert site.rows("SELECT count(*) FROM runs") == [(rounds,)]
        assert site.rows("SELECT count(*), count(until) FROM pauses") == [(rounds, rounds)]
        assert site.rows("SELECT count(*) FROM backfills") == [(rounds,)]
        at += 1 if STEP == 1 else 1 + at // 3
    assert rounds > 15


def test_of_several_schedulers_one_carries_it_out(site: Site) -> None:
    """Four at once, all of the same commands: a run each, in the order in which they were asked."""
    with asking(site) as store:
        ids = [ask.ask_materialize(store, "m", force=True) for _ in range(25)]
    children = [forked(lambda: carried_out(site)) for _ in range(4)]
    assert [os.waitpid(child, 0)[1] for child in children] == [0] * 4
    made_runs = [found(site, one).runs for one in ids]
    assert all(len(one) == 1 for one in made_runs)
    assert site.rows("SELECT count(*) FROM runs") == [(25,)]
    with site.open() as project, project.store.read() as tx:
        times = [run.created_at for (one,) in made_runs if (run := runs.run(tx, one)) is not None]
    assert times == sorted(times)
    site.require_sound()


def test_asked_again_under_its_key_it_is_the_same(site: Site) -> None:
    """A double click, or a reload; another thing under the same key is refused."""
    with asking(site) as store:
        first = ask.ask_materialize(store, "m", key="form 1")
        assert ask.ask_materialize(store, "m", key="form 1") == first
        carried_out(site)
        assert ask.ask_materialize(store, "m", key="form 1") == first
        with pytest.raises(UsageError, match="stands for materialize of 'm'"):
            ask.ask_pause(store, "m", key="form 1")
        assert ask.ask_materialize(store, "m") != first
        page = commands(store, limit=1)
        assert ([one.about for one in page.items], page.more) == (["m"], True)
        assert [one.id for one in commands(store, limit=1, offset=1).items] == [first]
        assert commands(store, about="one").items == ()


def test_of_two_that_want_the_same_asset_the_first_is_first(site: Site) -> None:
    """The second waits until the run of the first is over, and so does a third."""
    with asking(site) as store:
        ids = [ask.ask_materialize(store, "one", force=True) for _ in range(3)]
    with site.open() as project:
        for place in range(3):
            carry_out(project)
            planned = [found(site, one).planned for one in ids]
            assert planned == [1] * (place + 1) + [0] * (2 - place)
            (run_id,) = found(site, ids[place]).runs
            begun(project, run_id)
            with project.store.write() as tx:
                runs.advance(tx, run_id, old=RunState.RUNNING, new=RunState.FAILED, ended_at=moment_of(tx))
        carry_out(project)
    assert {found(site, one).state for one in ids} == {CommandState.CARRIED_OUT}


def test_it_is_over_when_a_worker_has_begun(site: Site) -> None:
    """Until then a change of the code gives up the run: it is planned anew, by the new code."""
    with asking(site) as store:
        asked = ask.ask_materialize(store, "m")
    with site.open() as project:
        carry_out(project)
        line = found(site, asked)
        assert (line.state, line.planned) == (CommandState.AT_WORK, 1)
    site.definitions = Definitions(asset("m.json", name="m", on=DOCS, max_active_runs=10_000)(lambda: 2), ONE, DAILY)
    with site.open() as project:
        carry_out(project)
        assert give_up_others(project) == 1
        carry_out(project)
        first, second = found(site, asked).runs
        assert first == line.runs[0]
        begun(project, second)
        carry_out(project)
    assert found(site, asked).state is CommandState.CARRIED_OUT


def test_whoever_holds_other_definitions_leaves_to_others_what_needs_them(site: Site) -> None:
    """To pause is a matter of the store; to make is not."""
    with site.open() as project:
        site.definitions = Definitions(asset("m.json", name="m")(lambda: 3), ONE, DAILY)
        with site.open():
            pass
        with asking(site) as store:
            makes, pauses = ask.ask_materialize(store, "m"), ask.ask_pause(store, "m")
        carry_out(project)
        assert found(site, makes).state is CommandState.WAITING
        assert found(site, pauses).state is CommandState.CARRIED_OUT
    carried_out(site)
    assert found(site, makes).planned == 1


def test_a_cancellation_is_asked_again_when_whoever_was_at_it_is_gone(site: Site) -> None:
    """It is written down before anything is done; while that scheduler lives nobody else asks."""
    with asking(site) as store:
        makes = ask.ask_materialize(store, "m")
        carried_out(site)
        (run_id,) = found(site, makes).runs
        asked = ask.ask_cancel(store, run_id)
    with site.open() as project:
        with project.store.read() as tx:
            seen = rows.command(tx, project.name, asked)
        assert seen is not None
        assert cancel(Claim(project=project, command=seen, worker="nowhere/1/1"))
        assert site.rows("SELECT state FROM runs") == [("scheduled",)]
        while carry_out(project):
            pass
    assert site.rows("SELECT state FROM runs") == [("canceled",)]
    line = found(site, asked)
    assert (line.state, line.runs) == (CommandState.CARRIED_OUT, (run_id,))
    assert "nobody was at it" in line.said


@pytest.mark.parametrize(
    ("ask_for", "state", "told"),
    [
        (lambda store: ask.ask_materialize(store, "m", partitions="all"), CommandState.REFUSED, "has partitions"),
        (lambda store: ask.ask_materialize(store, "daily", partitions=5), CommandState.REFUSED, "5"),
        (lambda store: ask.ask_materialize(store, "daily", partitions="x" * 9), CommandState.REFUSED, "xxx"),
        (lambda store: ask.ask_materialize(store, "+m+,"), CommandState.REFUSED, ""),
        (lambda store: ask.ask_materialize(store, "<b>m</b>\x1b[31m"), CommandState.REFUSED, ""),
        (lambda store: ask.ask_backfill(store, "daily", partitions=""), CommandState.REFUSED, ""),
        (
            lambda store: ask.ask_backfill(store, "daily", partitions="all", max_active_runs=0),
            CommandState.REFUSED,
            "would make nothing",
        ),
        (lambda store: ask.ask_backfill(store, "m", partitions="all"), CommandState.REFUSED, "has partitions"),
        (lambda store: ask.ask_rerun(store, ""), CommandState.REFUSED, "no run"),
        (lambda store: ask.ask_resume_backfill(store, "1"), CommandState.REFUSED, "no backfill"),
    ],
)
def test_what_makes_no_sense_ends_with_its_error(
    site: Site, ask_for: Callable[[Any], int], state: CommandState, told: str
) -> None:
    """And the scheduler goes on with the next."""
    with asking(site) as store:
        wrong, right = ask_for(store), ask.ask_pause(store, "m")
    carried_out(site)
    line = found(site, wrong)
    assert line.state is state, line
    assert line.error is not None
    assert told in line.error.message
    assert found(site, right).state is CommandState.CARRIED_OUT
    site.require_sound()


def test_what_failed_holds_back_what_reads_it(tmp_path: Path, databases: Any) -> None:
    """Of what is asked for with everything that it reads; nothing is planned before its turn."""
    up = asset("up.json", name="up")(lambda: 1)
    down = asset("down.json", name="down", inputs={"up": up})(_down)
    site = made(tmp_path, databases, Definitions(up, down))
    with asking(site) as store:
        asked = ask.ask_materialize(store, "down", upstream=True)
    with site.open() as project:
        carry_out(project)
        (run_id,) = found(site, asked).runs
        begun(project, run_id)
        carry_out(project)
        assert (found(site, asked).state, found(site, asked).planned) == (CommandState.AT_WORK, 1)
        with project.store.write() as tx:
            runs.advance(tx, run_id, old=RunState.RUNNING, new=RunState.FAILED, ended_at=moment_of(tx))
        while carry_out(project):
            pass
        carry_out(project)
    line = found(site, asked)
    assert (line.state, line.planned, line.held_count) == (CommandState.CARRIED_OUT, 1, 1)
    assert (line.held["down"].kind, line.said) == ("upstream_failed", "1 run for workers, 1 held")


def _down(up: int) -> int:
    return up
