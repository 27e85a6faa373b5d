"""Time in conditions of a wave: ticks that wait for news, news that waits for a tick, ticks that are taken once."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

from penstock import Cron, Dataset, Every, asset, plan
from penstock.storage.types import RunState

Lab = Any
"""The fixture is a class of `conftest.py`, which no test can import."""

raw = Dataset("a_raw.txt")


@asset("a.txt", on=raw, inputs={"raw": raw})
def a(raw: str) -> str:
    """What the others wait for."""
    return raw


def waiter(name: str, on: Any, **policies: Any) -> Any:
    """An asset that waits for a condition and reads `a`."""

    def read(a: str) -> str:
        return a

    return asset(f"{name}.txt", name=name, on=on, **policies)(read)


def edit(lab: Lab, *names: str, text: str = "2") -> None:
    """Other sources."""
    for name in names:
        lab.write(f"{name}_raw.txt", f"{name}{text}")


def backdate(lab: Lab, name: str, by: timedelta) -> None:
    """The asset and its timetables were registered so much earlier."""
    at = (datetime.now(UTC) - by).replace(tzinfo=None).isoformat(sep=" ")
    with closing(sqlite3.connect(lab.folder / "home" / "penstock.db")) as connection, connection:
        connection.execute("UPDATE assets SET registered_at = ? WHERE name = ?", (at, name))
        connection.execute("UPDATE timetables SET registered_at = ?", (at,))


def test_at_the_tick_once_there_is_news(lab: Lab) -> None:
    """`Cron & a`: no tick yet, and it waits for the timetable; a tick is due, and news fires it for that tick, once."""
    nightly = waiter("nightly", Cron("0 3 * * *") & a)
    lab.write("a_raw.txt", "a1")
    assert lab.make(a, nightly).ok
    edit(lab, "a")
    held = lab.make(a, nightly, select="a")["nightly"]
    assert (held.state, held.reason.names) == (None, ("cron 0 3 * * * UTC",))
    backdate(lab, "nightly", timedelta(days=2))
    edit(lab, "a", text="3")
    ran = lab.make(a, nightly, select="a")["nightly"]
    assert lab.story(lab.make(a, nightly, select="a")) == {"a": "skipped: unchanged"}
    assert (ran.state, ran.reason.text.partition(" of ")[0]) == (RunState.SUCCESS, "input changed (a) and tick")
    assert ran.reason.tick is not None
    assert (ran.reason.tick.hour, ran.reason.tick.minute) == (3, 0)
    edit(lab, "a", text="4")
    assert lab.make(a, nightly, select="a")["nightly"].state is None
    assert lab.read("nightly.txt") == "a3"


def test_at_the_tick_or_at_news(lab: Lab) -> None:
    """`Cron | a`: news alone runs it, a tick alone does; both at once make one run that names both."""
    nightly = waiter("nightly", Cron("0 3 * * *") | a)
    lab.write("a_raw.txt", "a1")
    assert lab.make(a, nightly).ok
    edit(lab, "a")
    assert lab.story(lab.make(a, nightly, select="a"))["nightly"] == "success: input changed: a"
    backdate(lab, "nightly", timedelta(days=2))
    standing = plan([a, nightly], project_folder=lab.folder, **lab.places)
    assert [(run.asset, run.reason.kind) for run in standing.runs] == [("nightly", "tick")]
    edit(lab, "a", text="3")
    assert lab.story(lab.make(a, nightly, select="a"))["nightly"] == "success: input changed (a) and tick"
    assert plan([a, nightly], project_folder=lab.folder, **lab.places).runs == ()


def test_a_tick_whose_run_failed_never_returns(lab: Lab) -> None:
    """Its news does, and waits for the next tick."""
    switch = lab.folder / "broken"

    def fragile(a: str) -> str:
        if switch.exists():
            raise ValueError("it is broken")
        return a

    nightly = asset("nightly.txt", name="nightly", on=Cron("0 3 * * *") & a)(fragile)
    lab.write("a_raw.txt", "a1")
    assert lab.make(a, nightly).ok
    backdate(lab, "nightly", timedelta(days=2))
    switch.touch()
    edit(lab, "a")
    assert lab.make(a, nightly, select="a")["nightly"].state is RunState.FAILED
    switch.unlink()
    edit(lab, "a", text="3")
    held = lab.make(a, nightly, select="a")["nightly"]
    assert (held.state, held.reason.names) == (None, ("cron 0 3 * * * UTC",))


def test_a_request_leaves_ticks_alone(lab: Lab) -> None:
    """Made by hand, the tick is still due: the standing plan runs for it, because a tick always executes."""
    nightly = waiter("nightly", Every("1h") | a)
    lab.write("a_raw.txt", "a1")
    assert lab.make(a, nightly).ok
    backdate(lab, "nightly", timedelta(hours=3))
    assert lab.story(lab.make(a, nightly)) == {"a": "skipped: unchanged", "nightly": "skipped: unchanged"}
    standing = plan([a, nightly], project_folder=lab.folder, **lab.places)
    assert [(run.asset, run.reason.kind, run.state) for run in standing.runs] == [("nightly", "tick", "scheduled")]
    assert standing.next_wakeup is not None
    assert timedelta(0) < standing.next_wakeup - datetime.now(UTC) <= timedelta(hours=1)


def test_a_pure_asset_is_skipped_at_a_tick_when_nothing_changed(lab: Lab) -> None:
    """`pure=True`: a tick alone could give nothing new."""
    nightly = waiter("nightly", Every("1h") | a, pure=True)
    lab.write("a_raw.txt", "a1")
    assert lab.make(a, nightly).ok
    backdate(lab, "nightly", timedelta(hours=3))
    standing = plan([a, nightly], project_folder=lab.folder, **lab.places)
    assert [(run.asset, run.reason.kind, run.state) for run in standing.runs] == [("nightly", "unchanged", "skipped")]
