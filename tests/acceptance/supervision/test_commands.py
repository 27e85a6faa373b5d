"""What is asked for in the app: `penstock up` carries it out, each once, and nothing that is asked for disturbs it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from penstock.storage.meta.database.engine import Store
from penstock.storage.types import BackfillState, CommandState, ReasonKind, RunState
from penstock.ui import ask
from penstock.ui.read.backfills import backfill
from penstock.ui.read.commands import CommandLine, command, commands, scheduler_since

pytestmark = pytest.mark.databases("sqlite", "postgresql")

CHAIN = """
@asset("a.json", on=Dataset("raw.json"))
def a() -> int:
    return time.time_ns()

@asset("b.json")
def b(a: int, *, plus: int = 1) -> int:
    return a + plus
"""
DAILY = """
@asset("daily/{day}.json", partitions=Daily(start="2026-01-01", end="2026-01-11"))
def daily(day: Partition) -> str:
    return day.key
"""


def asked(site: Any, ask_for: Callable[..., int], *arguments: Any, **options: Any) -> int:
    """The id of what is asked for."""
    return site.ask(lambda store: ask_for(store, *arguments, **options))


def ended(site: Any, command_id: int) -> CommandLine:
    """The command once it has ended."""

    def found() -> CommandLine | None:
        line = site.ask(lambda store: command(store, command_id))
        return line if line.ended_at is not None else None

    return site.until(found)


def test_an_asset_is_made_with_what_it_reads(site: Any) -> None:
    """By workers, upstream first, within a moment; the reason of each run says who asked."""
    site.define(CHAIN)
    site.up()
    begun = time.monotonic()
    done = ended(site, asked(site, ask.ask_materialize, "b", upstream=True, by="anna", parameters={"b.plus": 5}))
    site.ended("b")
    assert time.monotonic() - begun < 10
    assert (done.state, done.planned, done.skipped, done.held_count) == (CommandState.CARRIED_OUT, 2, 0, 0)
    assert done.runs == tuple(one.id for one in (*site.runs("a"), *site.runs("b")))
    assert {one.reason["detail"] for one in site.runs()} == {"asked for by anna"}
    assert {one.reason["kind"] for one in site.runs()} == {ReasonKind.FIRST_BUILD}
    made = int(site.shown("a.json"))
    assert json.loads(site.shown("b.json")) == made + 5
    again = ended(site, asked(site, ask.ask_materialize, "b"))
    assert (again.planned, again.skipped) == (1, 0)  # another parameter
    site.ended("b", 2)
    again = ended(site, asked(site, ask.ask_materialize, "b"))
    assert (again.planned, again.skipped, again.said) == (1, 1, "1 unchanged")
    forced = ended(site, asked(site, ask.ask_materialize, "b", force=True))
    assert (forced.planned, forced.skipped, forced.said) == (1, 0, "1 run for workers")
    site.ended("b", 4)
    site.assert_sound()


def test_what_is_asked_for_while_nobody_is_at_work_waits(site: Any) -> None:
    """And is carried out on start; until then the app can say so."""
    site.define(CHAIN)
    site.down(site.up())
    waits = asked(site, ask.ask_materialize, "a")
    paused = asked(site, ask.ask_pause, "a", why="on holiday")
    assert site.ask(scheduler_since) is None
    assert site.ask(lambda store: command(store, waits)).state is CommandState.WAITING
    told = site.call("status").stdout
    assert "asked for in the app" in told
    assert "penstock up" in told
    site.up()
    assert site.ask(scheduler_since) is not None
    assert ended(site, paused).state is CommandState.CARRIED_OUT
    assert ended(site, waits).state is CommandState.CARRIED_OUT
    assert [one.state for one in site.ended("a")] == [RunState.SUCCESS]
    assert "a is paused" in site.call("status").stdout
    assert "on holiday" in site.call("status").stdout
    assert [one.id for one in site.ask(commands).items] == [paused, waits]
    resumed = ended(site, asked(site, ask.ask_resume, "a"))
    assert (resumed.state, resumed.said) == (CommandState.CARRIED_OUT, "a goes on")
    site.assert_sound()


def test_a_run_is_canceled_and_made_again(site: Any) -> None:
    """As `penstock cancel` and `rerun` do: from the same versions, although there are newer ones."""
    site.define(
        '@asset("c.json", on=Dataset("raw.json"))\ndef c() -> int:\n'
        "    time.sleep(0 if os.path.exists('quick') else 600)\n    return 1\n"
    )
    site.up()
    site.tell("raw.json")
    site.until(lambda: [one.state for one in site.runs("c")] == [RunState.RUNNING])
    (run,) = site.runs("c")
    done = ended(site, asked(site, ask.ask_cancel, run.id))
    assert (done.state, done.runs) == (CommandState.CARRIED_OUT, (run.id,))
    assert [one.state for one in site.ended("c")] == [RunState.CANCELED]
    (site.folder / "quick").touch()
    again = ended(site, asked(site, ask.ask_rerun, run.id, by="anna"))
    assert again.state is CommandState.CARRIED_OUT
    new = site.ended("c", 2)[1]
    assert (again.runs, new.state) == ((new.id,), RunState.SUCCESS)
    assert new.reason["detail"] == f"rerun of run {run.id[-8:]}, from the same inputs; asked for by anna"
    site.assert_sound()


def test_partitions_are_backfilled_and_the_backfill_is_changed(site: Any) -> None:
    """Recorded, paused, running again, canceled; one that overlaps is refused as on the command line."""
    site.define(DAILY)
    site.down(site.up())
    first = asked(site, ask.ask_backfill, "daily", partitions="2026-01-01..2026-01-03")
    process = site.up()
    done = ended(site, first)
    assert done.state is CommandState.CARRIED_OUT
    site.until(lambda: site.ask(lambda store: backfill(store, done.backfill)).backfill.state is BackfillState.SUCCESS)
    assert len(site.ended("daily", 3)) == 3
    site.down(process)
    second = asked(site, ask.ask_backfill, "daily", partitions="all", max_active_runs=1)
    overlapping = asked(site, ask.ask_backfill, "daily", partitions="2026-01-09")
    site.up()
    refused = ended(site, overlapping)
    assert refused.state is CommandState.REFUSED
    assert refused.error is not None
    assert "is already of daily 2026-01-09" in refused.error.message
    backfill_id = ended(site, second).backfill
    assert backfill_id is not None
    for ask_for in (ask.ask_pause_backfill, ask.ask_resume_backfill, ask.ask_cancel_backfill):
        done = ended(site, asked(site, ask_for, backfill_id))
        assert done.state in (CommandState.CARRIED_OUT, CommandState.REFUSED), done  # it may be over by then
    site.assert_sound()


def test_keys_are_made_by_hand(site: Any) -> None:
    """Of an asset with partitions; more than can stand in a row are a backfill's."""
    site.define(DAILY)
    site.up()
    done = ended(site, asked(site, ask.ask_materialize, "daily", partitions="2026-01-01..2026-01-05"))
    assert (done.state, done.planned) == (CommandState.CARRIED_OUT, 5)
    assert {one.partition for one in site.ended("daily", 5)} == {f"2026-01-0{day}" for day in range(1, 6)}
    refused = ended(site, asked(site, ask.ask_materialize, "daily"))
    assert refused.state is CommandState.REFUSED
    site.assert_sound()


def test_what_cannot_be_is_refused_and_disturbs_nobody(site: Any) -> None:
    """With the sentence and the next step of the command line."""
    site.define(f"{CHAIN}\n{DAILY}")
    site.up()
    wrong = [
        (asked(site, ask.ask_materialize, "bb"), ("materialize", "bb")),
        (asked(site, ask.ask_pause, "bb"), ("pause", "bb")),
        (asked(site, ask.ask_resume, "bb"), ("resume", "bb")),
        (asked(site, ask.ask_cancel, "00000000"), ("cancel", "00000000")),
        (asked(site, ask.ask_rerun, "00000000"), ("rerun", "00000000")),
        (asked(site, ask.ask_cancel_backfill, "00000000"), ("backfill", "cancel", "00000000")),
        (
            asked(site, ask.ask_materialize, "daily", partitions="2027-01-01"),
            ("materialize", "daily", "--partitions", "2027-01-01"),
        ),
        (
            asked(site, ask.ask_materialize, "b", parameters={"b.minus": 1}),
            ("materialize", "b", "--param", "b.minus=1"),
        ),
        (
            asked(site, ask.ask_backfill, "daily", partitions="2027-01-01"),
            ("backfill", "create", "daily", "--partitions", "2027-01-01"),
        ),
    ]
    for command_id, arguments in wrong:
        done = ended(site, command_id)
        assert done.state is CommandState.REFUSED, done
        assert done.error is not None
        told = " ".join(site.call(*arguments).stderr.split())
        assert " ".join(done.error.message.split()) in told, (arguments, done.error, told)
    held = ended(site, asked(site, ask.ask_materialize, "b"))
    assert (held.state, held.held_count) == (CommandState.REFUSED, 1)
    assert held.error is not None
    assert held.error.message == "b is not made: input has no version: a"
    site.tell("raw.json")
    assert [one.state for one in site.ended("a")] == [RunState.SUCCESS]
    site.assert_sound()


def test_two_schedulers_carry_out_each_command_once(site: Any) -> None:
    """However many are asked for; asked again under the same key, it is the same one."""
    site.define(CHAIN)
    site.up()
    site.up(command="scheduler")

    def many(store: Store) -> list[int]:
        return [ask.ask_materialize(store, "a", force=True, key=f"form {n}") for n in [*range(20), 0, 0]]

    ids = site.ask(many)
    assert len(set(ids)) == 20
    done = [ended(site, one) for one in sorted(set(ids))]
    assert {one.state for one in done} == {CommandState.CARRIED_OUT}
    runs = [run for one in done for run in one.runs]
    assert runs == sorted(set(runs))
    assert [one.id for one in site.ended("a", 20)] == runs
    site.assert_sound()
