"""What people are told of: failures, recoveries, retries, deadlines, pauses; each once, and never in a run's way."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from penstock import Cron, Daily, Dataset, Deadline, Definitions, asset
from penstock.assets.run.api import prepared
from penstock.assets.run.notifying.announcing import About, Announcer
from penstock.assets.run.notifying.hearing import Hearers
from penstock.assets.run.project.project import open_registered
from penstock.assets.run.recovery import lose
from penstock.storage.meta import runs
from penstock.storage.meta.attempts import begin_attempt
from penstock.storage.types import RunState

pytestmark = pytest.mark.databases("sqlite", "postgresql")


def test_a_failure_and_its_recovery_are_told(letters: Any, switch: Any) -> None:
    """By the materialization itself: what failed, why, and that it is well again. What went well is not told."""
    made = switch.asset()
    letters.lab.make(made)
    switch.error = ValueError("no text in page 7 of https://me:secret@host/docs")
    letters.lab.make(made, force=True)
    switch.error = None
    letters.lab.make(made, force=True)
    letters.lab.make(made, force=True)
    assert letters.subjects() == ["lab: chunks failed", "lab: chunks is well again"]
    failed, recovered = letters.got()
    assert "ValueError: no text in page 7 of https://…@host/docs" in failed["body"]
    (run,) = (one for (one,) in letters.lab.rows("SELECT id FROM runs WHERE state = 'failed'"))
    assert f"next: `penstock runs {run[-8:]}`" in failed["body"]
    assert (failed["kind"], recovered["kind"]) == ("failed", "recovered")
    assert "had been failing since: 20" in recovered["body"]


def test_the_same_failure_is_counted_and_another_one_is_told(letters: Any, switch: Any) -> None:
    """Within six hours the same error of the same asset waits, to be counted; an error of another type is news."""
    made = switch.asset()
    for error in (ValueError("1"), ValueError("2"), ValueError("3"), OSError("disk")):
        switch.error = error
        letters.lab.make(made, force=True)
    assert letters.subjects() == ["lab: chunks failed"] * 2
    assert [row[0] for row in letters.waiting()] == ["failed", "failed"]
    letters.tell(datetime.now(UTC) + timedelta(hours=7))
    (*_, last) = letters.got()
    assert "ValueError: 3" in last["body"]
    assert "not told before: 1 failed since" in last["body"]
    assert letters.waiting() == []


def test_an_asset_that_pauses_itself_is_told_with_the_failures_that_led_to_it(
    letters: Any, switch: Any, world: Any
) -> None:
    """One message, not two, where nobody has been told of the failure yet; and every pause is told."""
    docs = Dataset("docs.json")
    made = switch.asset(on=docs, pause_after=1)
    switch.error = ValueError("no")
    with world(letters.lab, made) as it:
        it.tell("docs.json", version="1")
        it.runs()
        assert it.work() == ["failed"]
    assert letters.waiting() == [("failed", ""), ("paused", "")]
    letters.tell()
    (message,) = letters.got()
    assert message["subject"] == "lab: chunks paused itself"
    assert "1 failed in a row" in message["body"]
    assert "then `penstock resume chunks`" in message["body"]
    assert "not told before: 1 failed" in message["body"]


def test_a_deadline_that_passed_is_told_once_however_many_planners_there_are(
    letters: Any, switch: Any, world: Any
) -> None:
    """Late is told with the deadline and the reason why nothing was made."""
    docs = Dataset("docs.json")
    made = switch.asset(on=docs, deadline=Deadline(Cron("0 6 * * *")))
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    with world(letters.lab, made) as it, world(letters.lab, made, looked_at=False) as other:
        for one in (it, other, it):
            one.runs(tomorrow)
    letters.tell()
    (message,) = letters.got()
    assert message["subject"] == "lab: chunks is late"
    assert f"chunks was to be made by {message['body'].split('by ')[1][:10]} 06:00 UTC, and was not." in message["body"]
    assert "waiting for docs" in message["body"]


def test_a_deadline_that_was_met_ends_a_lateness(letters: Any, switch: Any, world: Any) -> None:
    """Within six hours one that goes on is only counted; after a run, or after one that needed none, the next is told
    at once, with what was not told before it."""
    made = switch.asset(on=Dataset("docs.json"), deadline=Deadline(Cron("0 * * * *")))
    begin = datetime.now(UTC).replace(minute=0, second=1) + timedelta(days=1)

    def pass_by(it: Any, *hours: float) -> None:
        for one in hours:
            at = begin + timedelta(hours=one)
            it.runs(at)
            letters.tell(at)

    with world(letters.lab, made) as it:
        pass_by(it, 0, 1, 2)
        assert letters.subjects() == ["lab: chunks is late"]
        it.tell("docs.json", version="1")
        pass_by(it, 2.5)
        assert it.work() == ["success"]
        pass_by(it, 3, 4, 5)
        assert letters.subjects() == ["lab: chunks is late"] * 2
        assert "not told before: 2 late" in letters.got()[1]["body"]
        it.tell("docs.json", version="1")  # as it was: it is confirmed, which meets the deadline to come
        pass_by(it, 5.5, 6, 7, 8)
        assert letters.subjects() == ["lab: chunks is late"] * 3
        assert [row[0] for row in letters.waiting()] == ["late"]
        pass_by(it, 13.5)
    assert letters.subjects() == ["lab: chunks is late"] * 4


def test_a_run_that_is_tried_again_is_told_and_recovers_from_nothing(letters: Any, switch: Any, world: Any) -> None:
    """Its worker vanished: no run before it had failed, so that nothing is well again when it succeeds."""
    docs = Dataset("docs.json")
    with world(letters.lab, switch.asset(on=docs)) as it:
        it.tell("docs.json", version="1")
        it.runs()
        (run_id,) = (one for (one,) in it.said("SELECT id FROM runs"))
        with it.project.store.write() as tx:
            given = {"attempts": 1, "worker": "elsewhere/1/1"}
            runs.advance(tx, run_id, old=RunState.SCHEDULED, new=RunState.RUNNING, **given)
            begin_attempt(tx, run_id, number=1, worker="elsewhere/1/1", now=it.tick().at)
            run = runs.run(tx, run_id)
        assert run is not None
        lose(it.project, run)
    letters.tell()
    assert letters.subjects() == ["lab: chunks is tried again"]
    assert "its process ended without a word" in letters.got()[0]["body"]
    letters.lab.make(switch.asset(on=docs))
    assert {*letters.lab.rows("SELECT state FROM runs")} == {("success",)}
    assert letters.subjects() == ["lab: chunks is tried again"]


def test_partitions_that_fail_alike_are_one_message(letters: Any) -> None:
    """Thirty days of one asset, told while they are made as one and a count; each recovers for itself."""
    bad = True

    @asset("daily/{day}.json", partitions=Daily(start="2026-01-01"))
    def daily() -> list[int]:
        if bad:
            raise ValueError("no")
        return [1]

    known, definitions = prepared(Definitions(daily), letters.lab.folder, letters.lab.places)
    letters.lab.make(daily, partitions="2026-01-01..2026-01-03", notifications={})
    assert letters.waiting() == []
    with open_registered(known, definitions):
        pass
    letters.lab.make(daily, partitions="2026-01-01..2026-01-03")
    letters.tell(datetime.now(UTC) + timedelta(hours=7))
    told = [one["count"] for one in letters.got()]
    assert sum(told) == 3
    bad = False
    letters.lab.make(daily, partitions="2026-01-02")
    assert letters.subjects()[-1] == "lab: daily 2026-01-02 is well again"


def test_who_is_told_is_said_by_settings_and_by_the_asset(lab: Any) -> None:
    """`select` and `on` of a destination; names at the asset instead of them, and False for nobody."""
    lab.places["notifications"] = {
        "all": {"url": "file://all.ndjson"},
        "kb": {"url": "file://kb.ndjson", "select": "group:kb"},
        "well": {"url": "file://well.ndjson", "on": ["recovered"]},
    }

    def failing(name: str, **policies: Any) -> Any:
        @asset(f"{name}.json", name=name, **policies)
        def made() -> list[int]:
            raise ValueError("no")

        return made

    things = [failing("a", group="kb"), failing("b"), failing("c", notify="kb"), failing("d", notify=False, group="kb")]
    lab.make(*things)
    rows = lab.rows(
        "SELECT n.destination, a.name FROM notifications n JOIN assets a ON a.id = n.asset_id ORDER BY 1, 2"
    )
    assert rows == [("lab/all", "a"), ("lab/all", "b"), ("lab/kb", "a"), ("lab/kb", "c")]


def test_a_run_that_is_planned_again_is_no_failure(letters: Any, world: Any) -> None:
    """An input that moved under its hands: the run is as if it had never been, and nobody is told."""
    path = letters.lab.write("docs.json", "[1]")

    @asset("copy.json")
    def copy(docs: list[int]) -> list[int]:
        if docs == [1]:
            path.write_text("[1, 2]")
        return docs

    letters.lab.make(copy, Dataset("docs.json"))
    letters.tell()
    assert letters.got() == []


def test_nothing_is_written_where_nobody_is_told(lab: Any, switch: Any) -> None:
    """No rows, and no courier."""
    switch.error = ValueError("no")
    lab.make(switch.asset())
    assert lab.rows("SELECT count(*) FROM notifications") == [(0,)]


def test_what_is_told_twice_is_noted_once_and_undone_with_its_transaction(
    letters: Any, switch: Any, world: Any
) -> None:
    """The same retry told by two processes; one whose transaction fails was never told."""
    with world(letters.lab, switch.asset(on=Dataset("docs.json"))) as it:
        it.tell("docs.json", version="1")
        it.runs()
        (run_id,) = (one for (one,) in it.said("SELECT id FROM runs"))
        told = {"next_at": None, "error": {"type": "OSError", "message": "busy"}, "now": it.tick().at}
        with it.project.store.read() as tx:
            run = runs.run(tx, run_id)

        def undone() -> None:
            with it.project.store.write() as tx:
                it.project.announcer.retrying(tx, run, **told)
                raise RuntimeError

        with pytest.raises(RuntimeError):
            undone()
        assert letters.waiting() == []
        for _ in range(2):
            with it.project.store.write() as tx:
                it.project.announcer.retrying(tx, run, **told)
        assert letters.waiting() == [("retry", "")]


def test_a_secret_that_the_mask_knows_is_not_noted(letters: Any, switch: Any, world: Any) -> None:
    """Whoever knows the secrets of a run takes them out before anything is kept."""
    with world(letters.lab, switch.asset()) as it:
        hearers = Hearers(letters.settings, it.project.graph)
        announcer = Announcer(hearers, mask=lambda text: text.replace("hunter2", "…"))
        about = About(asset="chunks", asset_id=it.project.ids.assets["chunks"], run_id="r")
        with it.project.store.write() as tx:
            announcer.paused(tx, about, why="no such key: hunter2", now=it.tick().at)
    ((said,),) = letters.lab.rows("SELECT said FROM notifications")
    assert json.loads(said)["error"] == "no such key: …"
    assert "hunter2" not in said
