"""`penstock up`: what becomes due is planned, made and told without a person; what dies loses nothing."""

from __future__ import annotations

import json
import os
import re
import signal
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import psutil
import pytest

from penstock.storage.meta import cancellations
from penstock.storage.meta.database.engine import Store
from penstock.storage.meta.runs import Run
from penstock.storage.types import PartKind, RunState

pytestmark = pytest.mark.databases("sqlite", "postgresql")

CHAIN = """
@asset("a.json", on=Dataset("raw.json"))
def a() -> int:
    return time.time_ns()

@asset("b.json", on=a)
def b(a: int) -> int:
    print("made of", a)
    return a + 1
"""


def test_an_event_is_planned_made_and_told(site: Any) -> None:
    """And what follows from it; asked to end, it does with 0, and no part is left in the store."""
    site.define(CHAIN)
    process = site.up()
    assert site.parts().keys() == set(PartKind)
    site.tell("raw.json")
    assert states(site.ended("b")) == [RunState.SUCCESS]
    made = int(site.shown("a.json"))
    assert json.loads(site.shown("b.json")) == made + 1
    lineage = site.folder / ".penstock" / "lineage.ndjson"
    site.until(lambda: lineage.exists() and len(lineage.read_text().splitlines()) == 4)
    assert site.down(process) == 0
    assert site.parts() == {}
    assert "a success in" in site.said()


def test_ticks_come_by_themselves(site: Any) -> None:
    """A timetable alone makes runs."""
    site.define('@asset("t.json", on=Every("1s"))\ndef t() -> int:\n    return time.time_ns()\n')
    site.up()
    assert set(states(site.ended("t", 3))) == {RunState.SUCCESS}


def test_what_has_begun_is_made_to_its_end(site: Any) -> None:
    """Asked once it waits; what is planned meanwhile stays for the next."""
    site.define('@asset("s.json", on=Dataset("raw.json"))\ndef s() -> int:\n    time.sleep(3)\n    return 1\n')
    process = site.up()
    site.tell("raw.json")
    site.until(lambda: RunState.RUNNING in states(site.runs("s")))
    assert site.down(process) == 0
    assert states(site.runs("s")) == [RunState.SUCCESS]


def test_asked_twice_it_stops_at_once_and_gives_back(site: Any) -> None:
    """The next one makes it, from the same pins: a second attempt, which is in no budget. Signals in one go are one."""
    once = "retries=RetryPolicy(max_attempts=1, max_lost=1)"
    text = f'@asset("s.json", on=Dataset("raw.json"), {once})\ndef s() -> int:\n    time.sleep({{}})\n    return 1\n'
    site.define(text.format("600 if not os.path.exists('quick') else 0"))
    process = site.up()
    site.tell("raw.json")
    site.until(lambda: RunState.RUNNING in states(site.runs("s")))
    process.send_signal(signal.SIGTERM)
    time.sleep(0.01)
    process.send_signal(signal.SIGTERM)
    time.sleep(0.5)
    assert "stopping:" in site.said()
    assert "at once: what" not in site.said()
    assert site.down(process, seconds=20) == 143
    (site.folder / "quick").touch()
    site.up()
    (run,) = site.ended("s")
    assert (run.state, run.attempts) == (RunState.SUCCESS, 2)


@pytest.mark.parametrize(
    ("end", "told"),
    [("os._exit(7)", "exit code 7"), ("os.kill(os.getpid(), 11)", "signal 11"), ("os.abort()", "signal 6")],
)
def test_a_death_is_an_outcome(site: Any, end: str, told: str) -> None:
    """It takes its run with it and nothing else; tried so often, the run fails and says so."""
    site.define(f'@asset("d.json", on=Dataset("die.json"))\ndef d() -> int:\n    {end}\n{CHAIN}')
    site.up()
    site.tell("die.json")
    (run,) = site.ended("d")
    assert (run.state, run.attempts) == (RunState.FAILED, 3)
    assert told in site.said()
    site.tell("raw.json")
    assert states(site.ended("b")) == [RunState.SUCCESS]


def test_a_run_is_canceled_with_everything_that_it_has_started(site: Any) -> None:
    """Asked first, killed if it does not end."""
    site.define(
        '@asset("c.json", on=Dataset("raw.json"))\ndef c() -> int:\n'
        "    program = subprocess.Popen(['sleep', '600'])\n"
        "    open('pids', 'w').write(f'{os.getpid()} {program.pid} .')\n"
        "    time.sleep(600)\n    return 1\n"
    )
    site.up()
    site.tell("raw.json")
    site.until(lambda: (site.folder / "pids").exists() and "." in (site.folder / "pids").read_text())
    (run,) = site.runs("c")
    answer = site.call("cancel", run.id[-8:], "--json")
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert json.loads(answer.stdout)["state"] == "canceled"
    assert states(site.ended("c")) == [RunState.CANCELED]
    _, program = pids_of((site.folder / "pids").read_text())
    site.until(lambda: not lives(program))


def test_a_run_that_ignores_being_asked_is_killed(site: Any) -> None:
    """After its grace; then it is canceled, not tried again."""
    site.define(
        '@asset("c.json", on=Dataset("raw.json"))\ndef c() -> int:\n'
        "    signal.signal(signal.SIGTERM, signal.SIG_IGN)\n    time.sleep(600)\n    return 1\n"
    )
    site.up()
    site.tell("raw.json")
    site.until(lambda: RunState.RUNNING in states(site.runs("c")))
    time.sleep(0.5)
    answer = site.call("cancel", site.runs("c")[0].id)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert states(site.ended("c")) == [RunState.CANCELED]


def test_a_run_that_ends_by_itself_while_it_is_canceled_is_said_to(site: Any) -> None:
    """In the time that it has to end: it keeps what it made, and nobody claims to have ended it."""
    site.define(
        '@asset("c.json", on=Dataset("raw.json"))\ndef c() -> int:\n'
        "    signal.signal(signal.SIGTERM, signal.SIG_IGN)\n    open('begun', 'w').close()\n"
        "    while not os.path.exists('over'):\n        time.sleep(0.05)\n    return 1\n"
    )
    site.up()
    for wait, said in (("30", "success; it ended by itself before it was made to"), ("0", "its worker was asked to")):
        site.tell("raw.json")
        site.until((site.folder / "begun").exists)
        (run,) = [one for one in site.runs("c") if one.ended_at is None]
        canceling = site.begin(run.id, "--wait", wait, command="cancel")
        site.until(lambda: site.ask(asked_to_end))
        (site.folder / "over").touch()
        assert canceling.wait(60) == (0 if wait == "30" else 1)
        assert said in site.said()
        for name in ("begun", "over"):
            (site.folder / name).unlink()


def test_new_definitions_are_loaded_and_broken_ones_are_not(site: Any) -> None:
    """Without losing progress: the last good ones stay at work, and it is told on the terminal and in `status`."""
    site.define(CHAIN)
    site.up()
    site.define(f"{CHAIN}\nthis is no Python\n")
    site.until(lambda: "stay at work" in site.said())
    site.tell("raw.json")
    assert states(site.ended("b")) == [RunState.SUCCESS]
    site.until(lambda: "do not load" in site.call("status").stdout)
    site.define(f'{CHAIN}\n@asset("c.json", on=b)\ndef c(b: int) -> int:\n    return b + 1\n')
    site.until(lambda: "new definitions are at work" in site.said())
    site.tell("raw.json")
    assert states(site.ended("c")) == [RunState.SUCCESS]
    assert states(site.runs("b")) == [RunState.SUCCESS] * 2


def test_who_is_to_be_told_and_has_no_address_is_said(site: Any) -> None:
    """As `penstock check` says it; what is made does not wait for it."""
    settings = site.folder / "penstock.toml"
    settings.write_text(f'{settings.read_text()}[notifications.team]\nurl = "file:told.ndjson"\n')
    site.define('@asset("n.json", on=Dataset("raw.json"), notify=["tam"])\ndef n() -> int:\n    return 1\n')
    site.up()
    assert "asset n: notify= names 'tam', which no setting names. Did you mean 'team'?" in site.said()
    site.tell("raw.json")
    assert states(site.ended("n")) == [RunState.SUCCESS]


def test_two_of_them_share_a_database(site: Any) -> None:
    """Each run is made once."""
    site.define(CHAIN)
    site.up()
    site.up()
    for count in range(1, 11):
        site.tell("raw.json")
        site.ended("b", count)
    assert states(site.runs("a")) == [RunState.SUCCESS] * 10
    assert {one.attempts for one in site.runs()} == {1}


def test_what_is_killed_while_it_begins_is_started_again(site: Any) -> None:
    """As any other death; only what ends by itself cannot begin."""
    once = 'if not os.path.exists("killed"):\n    open("killed", "w").close()\n    os.kill(os.getpid(), 9)\n'
    site.define(f'{once}@asset("s.json", on=Dataset("raw.json"))\ndef s() -> int:\n    return 1\n')
    site.up()
    assert "ended (signal 9) while it was loading pipeline.py; it is started again" in site.said()
    site.tell("raw.json")
    site.ended("s")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP], ids=["sigterm", "sighup"])
def test_what_ends_a_whole_group_of_processes_lets_what_has_begun_be_made(site: Any, number: int) -> None:
    """As `kill -- -PGID`, a manager of services and a terminal that is closed do: every process gets the signal, warm
    ones too. Only a worker cancels what it has handed out."""
    site.define('@asset("s.json", on=Dataset("raw.json"))\ndef s() -> int:\n    time.sleep(3)\n    return 1\n')
    process = site.up()
    site.tell("raw.json")
    site.until(lambda: RunState.RUNNING in states(site.runs("s")))
    every = psutil.Process(process.pid).children(recursive=True)
    os.killpg(process.pid, number)
    for one in every:  # those that lead a session of their own
        with suppress(psutil.NoSuchProcess):
            if os.getpgid(one.pid) != process.pid:
                one.send_signal(number)
    assert process.wait(30) == 0
    (run,) = site.runs("s")
    assert (run.state, run.attempts) == (RunState.SUCCESS, 1)
    assert "started again" not in site.said()
    site.until(lambda: not [one.pid for one in every if lives(one.pid)], seconds=10)


def asked_to_end(store: Store) -> bool:
    """Whether a run is to be canceled."""
    with store.read() as tx:
        return bool(cancellations.asked(tx, store.project))


def states(found: Sequence[Run]) -> list[RunState]:
    """How they ended."""
    return [one.state for one in found]


def pids_of(text: str) -> list[int]:
    """The numbers in a text."""
    return [int(one) for one in re.findall(r"\d+", text)]


def lives(pid: int) -> bool:
    """Whether there is such a process, and it is no zombie."""
    try:
        os.kill(pid, 0)
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except (ProcessLookupError, psutil.NoSuchProcess):
        return False
