"""How messages leave: in order, at least once, later and later where the destination is away, never in a run's way."""

from __future__ import annotations

import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from penstock import asset
from penstock.assets.run.notifying import notify
from penstock.lineage.transports import Outcome, Receipt
from penstock.storage.meta import leases
from penstock.storage.settings import read_settings

pytestmark = [
    pytest.mark.databases("sqlite", "postgresql"),
    pytest.mark.filterwarnings("ignore:.*imghdr"),  # which Apprise imports where there is one
]


def states(lab: Any) -> list[tuple[Any, ...]]:
    """How every message stands."""
    return lab.rows("SELECT state, attempts, count FROM messages ORDER BY id")


def test_a_destination_that_is_away_gets_everything_later_in_few_messages(letters: Any, switch: Any) -> None:
    """One message waits; what happens meanwhile is told by the next. Tries come later and later."""
    letters.path.mkdir()
    made = switch.asset()
    switch.error = ValueError("no")
    for _ in range(3):
        letters.lab.make(made, force=True)
    (error,) = {one for (one,) in letters.lab.rows("SELECT error FROM messages")}
    assert "told.ndjson" in error
    assert letters.waiting() == [("failed", "")] * 2
    delays = []
    moment = datetime.now(UTC) + timedelta(minutes=10)
    for _ in range(12):
        passed = letters.tell(moment)
        delays.append(passed.delay.total_seconds())
        assert letters.tell(moment).error == "", "not before its time"
        moment += passed.delay
    assert delays == sorted(delays)
    assert delays[-1] == 600
    letters.path.rmdir()
    letters.tell(moment)
    assert states(letters.lab) == [("delivered", states(letters.lab)[0][1], 1)]
    letters.tell(moment + timedelta(hours=7))
    assert [row[0::2] for row in states(letters.lab)] == [("delivered", 1), ("delivered", 2)]
    assert letters.waiting() == []


def test_a_run_does_not_wait_for_who_is_told(letters: Any, switch: Any) -> None:
    """A server that never answers costs the end of a materialization two seconds, not its timeout."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        url = f"json://127.0.0.1:{silent.getsockname()[1]}/?cto=30&rto=30"
        switch.error = ValueError("no")
        begun = monotonic()
        letters.lab.make(switch.asset(), notifications={"team": {"url": url}})
        assert monotonic() - begun < 8
    assert states(letters.lab)[0][0] == "pending"


def test_what_is_refused_for_good_is_buried_with_its_error(letters: Any, switch: Any, monkeypatch: Any) -> None:
    """And the next message has its turn."""
    monkeypatch.setattr(
        notify, "sent", lambda opened, it: Receipt(outcome=Outcome.REFUSED, error=f"too long: {it.subject}")
    )
    switch.error = ValueError("no")
    letters.lab.make(switch.asset())
    assert states(letters.lab) == [("dead", 1, 1)]
    assert letters.lab.rows("SELECT error FROM messages") == [("too long: lab: chunks failed",)]


def test_what_could_not_be_delivered_for_a_day_is_buried(letters: Any, switch: Any) -> None:
    """Whoever was away for so long is told of what is new."""
    letters.path.mkdir()
    switch.error = ValueError("no")
    letters.lab.make(switch.asset())
    assert states(letters.lab)[0][0] == "pending"
    letters.tell(datetime.now(UTC) + timedelta(days=1, minutes=5))
    assert states(letters.lab)[0][0] == "dead"
    ((error,),) = letters.lab.rows("SELECT error FROM messages")
    assert error.startswith("not delivered within a day: ")


def test_a_crash_between_sending_and_marking_sends_the_same_message_again(letters: Any, switch: Any) -> None:
    """With the same id; and who died holding the lease is waited for as long as that lasts, not longer."""
    switch.error = ValueError("no")
    letters.lab.make(switch.asset(), notifications={"team": {"url": "file:///dev/null/x"}})
    moment = datetime.now(UTC) + timedelta(minutes=30)
    dying = letters.teller(moment)

    class Died(BaseException):
        """As a process that is killed."""

    def die(*arguments: Any) -> None:
        raise Died

    dying._marked = die
    with pytest.raises(Died):
        dying.once()
    assert len(letters.got()) == 1
    assert letters.tell(moment + timedelta(seconds=1)).busy
    letters.tell(moment + timedelta(minutes=2))
    first, again = letters.got()
    assert first == again
    assert [row[0] for row in states(letters.lab)] == ["delivered"]


def test_two_tellers_do_not_send_twice(letters: Any, switch: Any) -> None:
    """Whoever has the lease sends; the other is told that it is busy."""
    letters.path.mkdir()
    switch.error = ValueError("no")
    letters.lab.make(switch.asset())
    letters.path.rmdir()
    later = datetime.now(UTC) + timedelta(minutes=30)
    with letters.store.write() as tx:
        assert leases.acquire(tx, "notify:lab/team", holder="me", now=later, length=timedelta(minutes=1))
    assert letters.tell(later).busy
    assert letters.got() == []


def test_beyond_the_limit_the_rest_is_one_message(letters: Any) -> None:
    """Twelve assets fail at once, three messages an hour: two alone, and one of ten."""

    def failing(number: int) -> Any:
        @asset(f"a{number}.json", name=f"a{number}")
        def made() -> list[int]:
            raise ValueError(f"no {number}")

        return made

    things = [failing(number) for number in range(12)]
    place = {"url": "file:///dev/null/x"}
    letters.lab.make(*things, notifications={"team": place})
    letters.lab.places["notifications"] = {"team": {"url": "file://told.ndjson", "at_most": "3/h"}}
    moment = datetime.now(UTC) + timedelta(minutes=30)
    teller = notify.Teller(letters.store, reread(letters), "team", clock=lambda tx: moment, draw=lambda: 1.0)
    while teller.once().more:
        pass
    assert [one["count"] for one in letters.got()] == [1, 1, 10]
    summary = letters.got()[-1]
    assert summary["subject"] == "lab: 10 failed"
    assert "- a5 failed: ValueError: no 5" in summary["body"]


def reread(letters: Any) -> Any:
    """The settings as they are now."""
    return read_settings(letters.lab.folder, **letters.lab.places)


def test_an_address_in_the_environment_is_looked_up_each_time(
    letters: Any, switch: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Where the variable is not set, the message waits and says which it is."""
    letters.lab.places["notifications"] = {"team": {"url_env": "TEAM_URL"}}
    switch.error = ValueError("no")
    letters.lab.make(switch.asset())
    ((error,),) = letters.lab.rows("SELECT error FROM messages")
    assert "the environment variable TEAM_URL of its address is not set" in error
    monkeypatch.setenv("TEAM_URL", "file://told.ndjson")
    letters.lab.make(switch.asset(), select=["chunks"], force=True)
    teller = notify.Teller(
        letters.store, reread(letters), "team", clock=lambda tx: datetime.now(UTC) + timedelta(hours=1)
    )
    teller.once()
    assert letters.subjects() == ["lab: chunks failed"]
