"""One pass of a planner after the other: what is due is planned, once, and nothing else is looked at."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update

from penstock import Cron, Dataset, Deadline, Every, Version, asset, each, pause, resume
from penstock.storage.errors import Bug
from penstock.storage.meta import outside
from penstock.storage.meta.catalogue import subscriptions
from penstock.storage.types import ReasonKind

pytestmark = pytest.mark.databases("sqlite", "postgresql")

Lab = Any
"""The fixture is a class of `conftest.py`, which no test can import."""
DOCS, LABELS = Dataset("warehouse://db/docs"), Dataset("warehouse://db/labels")


@asset("chunks.json", on=DOCS)
def chunks(docs: Version) -> str:
    """What is made from the documents."""
    return docs.digest


@asset("labelled.json", on=DOCS & LABELS)
def labelled(docs: Version, labels: Version) -> str:
    """What waits for both."""
    return docs.digest + labels.digest


def test_only_whom_news_concerns_is_planned(lab: Lab, world: Any) -> None:
    """One event: its two consumers are looked at, one of them runs; without news nothing is."""
    with world(lab, chunks, labelled, asset("other.json", name="other", on=LABELS)(lambda: 1)) as here:
        assert here.tick().planned == 0
        here.tell("docs", "1")
        done = here.tick()
        assert done.planned == 2
        assert [(run.planned.asset, run.planned.reason.names) for run in done.record.runs] == [("chunks", ("docs",))]
        assert [one.asset for one in done.held] == ["labelled"]
        assert here.tick().planned == 0


def test_news_that_came_during_a_run_makes_the_next(lab: Lab, world: Any) -> None:
    """While a run is active its asset is held; its end alone brings it back, for all that has come."""
    with world(lab, chunks) as here:
        here.tell("docs", "1")
        assert here.runs() == [("chunks", "input_changed")]
        for version in "234":
            here.tell("docs", version)
        assert here.runs() == []
        assert here.work() == ["success"]
        assert here.runs() == [("chunks", "input_changed")]
        assert here.said("SELECT count(*) FROM consumptions GROUP BY run_id ORDER BY 1") == [(1,), (3,)]


def test_what_is_published_is_news(lab: Lab, world: Any) -> None:
    """A run's own event brings its consumers, also the confirmation of what was rebuilt alike."""
    vectors = asset("vectors.json", name="vectors", on=chunks, inputs={"made": chunks})(lambda made: made)
    with world(lab, chunks, vectors) as here:
        here.tell("docs", "1")
        here.runs()
        here.work()
        assert here.runs() == [("vectors", "input_changed")]


def test_an_input_without_a_version_is_waited_for(lab: Lab, world: Any) -> None:
    """It is not in the condition: that it has a version now is news all the same."""
    both = asset("both.json", name="both", on=DOCS, inputs={"docs": DOCS, "labels": LABELS})(
        lambda docs, labels: f"{docs}{labels}"
    )
    with world(lab, both) as here:
        here.tell("docs", "1")
        assert here.runs() == []
        here.tell("labels", "1")
        assert here.runs() == [("both", "input_changed")]


def test_time_is_on_the_agenda(lab: Lab, world: Any) -> None:
    """A timetable's next tick is written down; it is planned then and not sooner, and the one after is written down."""
    hourly = asset("hourly.json", name="hourly", on=Cron("0 * * * *"))(lambda: 1)
    with world(lab, hourly) as here:
        begun = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
        assert here.tick().next_at == begun
        assert here.tick(begun - timedelta(seconds=1)).planned == 0
        assert here.runs(begun) == [("hourly", "tick")]
        assert here.tick(begun).next_at == begun + timedelta(hours=1)


def test_quiet_is_waited_for(lab: Lab, world: Any) -> None:
    """News that has to settle is looked at again when it has."""
    calm = asset("calm.json", name="calm", on=DOCS.settle("1h"))(lambda: 1)
    with world(lab, calm) as here:
        here.tell("docs", "1")
        assert here.runs() == []
        later = here.tick().next_at
        assert later is not None
        assert here.runs(later) == [("calm", "input_changed")]


def test_what_came_since_a_tick_is_judged_at_the_moment_that_is_planned(lab: Lab, world: Any) -> None:
    """News of an hour counts within it; planned for the next, it came before the last tick."""
    recent = asset("recent.json", name="recent", on=DOCS.since(Every("1h")))(lambda: 1)
    with world(lab, recent) as here:
        here.runs()
        here.tell("docs", "1")
        later = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
        held = here.tick(later).held
        assert [one.reason.kind for one in held] == [ReasonKind.WAITING]


def test_a_new_timetable_of_an_old_asset_has_no_past(lab: Lab, world: Any) -> None:
    """Ticks before it came do not count, however old the asset is."""
    with world(lab, asset("made.json", name="made", on=DOCS)(lambda: 1)) as here:
        begun = datetime.now(UTC)
    changed = asset("made.json", name="made", on=DOCS | Cron("0 * * * *"))(lambda: 1)
    with world(lab, changed, looked_at=False) as here:
        assert here.runs(begun + timedelta(seconds=1)) == []
        assert [name for name, _ in here.runs(begun + timedelta(hours=1))] == ["made"]


def test_a_paused_asset_keeps_what_comes(lab: Lab, world: Any) -> None:
    """Nothing is planned until it is resumed; then one run takes all. Dropped, there is none."""
    with world(lab, chunks) as here:
        options = {"project_folder": lab.folder, **lab.places}
        assert pause("chunks", why="the disk is full", **options)
        assert not pause(chunks, **options)
        here.tell("docs", "1")
        here.tell("docs", "2")
        done = here.tick()
        assert [(one.asset, one.reason.kind.value, one.reason.detail) for one in done.held] == [
            ("chunks", "paused", "the disk is full")
        ]
        over = resume("chunks", **options)
        assert over is not None
        assert (over.why, over.dropped) == ("the disk is full", 0)
        assert here.runs() == [("chunks", "input_changed")]
        here.work()
        pause("chunks", **options)
        here.tell("docs", "3")
        over = resume("chunks", drop=True, **options)
        assert over is not None
        assert over.dropped == 1
        assert here.runs() == []
        assert resume("chunks", **options) is None
        assert here.said("SELECT count(*) FROM pauses WHERE until IS NOT NULL") == [(2,)]


def test_what_a_resumed_asset_does_with_the_past_is_its_own_choice(lab: Lab, world: Any) -> None:
    """`on_resume="drop"` needs no word of whoever resumes it; `drop=False` overrules it."""
    forgetful = asset("made.json", name="made", on=DOCS, on_resume="drop")(lambda: 1)
    with world(lab, forgetful) as here:
        options = {"project_folder": lab.folder, **lab.places}
        for drop, dropped in ((None, 1), (False, 0)):
            pause("made", **options)
            here.tell("docs")
            over = resume("made", drop=drop, **options)
            assert over is not None
            assert over.dropped == dropped
        assert here.runs() == [("made", "input_changed")]


@pytest.mark.parametrize(("catchup", "made"), [("latest", 1), (2, 2), ("all", 3)])
def test_ticks_that_are_made_up_for_do_not_wait_for_the_next(
    lab: Lab, world: Any, catchup: str | int, made: int
) -> None:
    """One after the other at once, though each changes nothing, so that no end of a run asks for the one after."""

    @asset("length.json", on=Cron("0 * * * *", catchup=catchup), pure=True)
    def length(docs: Version) -> int:
        return len(docs.digest)

    with world(lab, Dataset("docs.txt", name="docs"), length) as here:
        here.tell(version="1")
        begun = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
        while here.runs(begun):
            here.work()
        assert len(here.runs(begun + timedelta(hours=3))) == made
        assert here.said("SELECT DISTINCT state FROM runs WHERE state <> 'success'") == [("skipped",)]
        assert here.runs(begun + timedelta(hours=3)) == []


@pytest.mark.parametrize("declared", [False, True])
@pytest.mark.parametrize("catchup", ["latest", "all", 3])
def test_dropped_ticks_are_made_up_for_by_nobody(lab: Lab, world: Any, catchup: str | int, declared: bool) -> None:
    """Whatever is caught up with: an asset that is resumed and drops what came waits for the next tick."""
    policy = {"on_resume": "drop"} if declared else {}
    steady = asset("steady.json", name="steady", on=Every("1h", catchup=catchup), **policy)(lambda: 1)
    options = {"project_folder": lab.folder, **lab.places}
    with world(lab, steady, looked_at=False) as here:
        pause(steady, **options)
        resume(steady, drop=None if declared else True, **options)
        begun = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
        assert here.runs() == []
        assert here.runs(begun + timedelta(hours=1)) == [("steady", "tick")]
        assert here.runs(begun + timedelta(hours=1)) == []


def test_an_asset_that_fails_too_often_pauses_itself(lab: Lab, world: Any) -> None:
    """Two in a row, not two in all; the reason names the error, and resuming begins a new count."""
    broken: list[str] = ["once"]

    @asset("made.json", on=DOCS, pause_after=2)
    def made() -> int:
        if broken:
            raise ValueError(f"broken {broken.pop()}")
        return 1

    def paused() -> list[tuple[Any, ...]]:
        return here.said("SELECT failed, until IS NULL, why FROM pauses")

    with world(lab, made) as here:
        for _ in range(2):
            here.tell("docs")
            here.runs()
            here.work()
        assert paused() == []
        broken += ["again", "still"]
        for _ in range(2):
            here.tell("docs")
            here.runs()
            assert here.work() == ["failed"]
        ((failed, lasts, why),) = paused()
        assert failed
        assert lasts
        assert why.startswith("2 failed in a row")
        assert why.endswith("broken again")
        here.tell("docs")
        assert here.runs() == []
        resume("made", project_folder=lab.folder, **lab.places)
        assert here.said("SELECT failures FROM assets") == [(0,)]
        assert here.runs() == [("made", "input_changed")]


@pytest.mark.parametrize("drop", [False, True])
def test_each_stops_at_what_it_cannot_make(lab: Lab, world: Any, drop: bool) -> None:
    """One run for each event, in order; at an error it pauses and keeps the event with its run; resumed, the same event
    is tried again, or with what came meanwhile it is dropped."""
    seen: list[str] = []
    poison = {"b"}

    @asset("made.json", on=DOCS, consume=each(DOCS))
    def made(docs: Version) -> str:
        seen.append(str(docs.manifest.token))
        if docs.manifest.token in poison:
            raise ValueError("poison")
        return docs.digest

    with world(lab, made) as here:
        for version in "abc":
            here.tell("docs", version)
        assert here.runs() == [("made", "input_changed")]
        assert here.work() == ["success"]
        here.runs()
        assert here.work() == ["failed"]
        assert here.runs() == []
        assert here.said("SELECT count(*) FROM consumptions WHERE current") == [(2,)]
        poison.clear()
        over = resume("made", drop=drop, project_folder=lab.folder, **lab.places)
        assert over is not None
        assert (over.dropped, over.returned is None) == ((1, True) if drop else (0, False))
        while here.runs():
            here.work()
        assert seen == (["a", "b"] if drop else ["a", "b", "b", "c"])


def test_each_skips_what_it_cannot_make(lab: Lab, world: Any) -> None:
    """With `on_error="skip"` the failed event stays with its run, and the next is taken."""
    seen: list[str] = []

    @asset("made.json", on=DOCS, consume=each(DOCS, on_error="skip"))
    def made(docs: Version) -> str:
        seen.append(str(docs.manifest.token))
        raise ValueError("poison")

    with world(lab, made) as here:
        for version in "abc":
            here.tell("docs", version)
        while here.runs():
            here.work()
        assert seen == ["a", "b", "c"]
        assert here.said("SELECT count(*) FROM pauses") == [(0,)]


def test_materialize_makes_what_a_planner_recorded(lab: Lab, world: Any) -> None:
    """Nobody else works here: the run that was planned is made, and nothing is left that waits for a worker."""
    with world(lab, chunks) as here:
        here.tell("docs", "1")
        here.runs()
        assert lab.story(lab.make(chunks))["chunks"].startswith("success: input changed")
        assert here.said("SELECT state, count(*) FROM runs WHERE materialization_id IS NULL GROUP BY state") == [
            ("success", 1)
        ]
        assert here.runs() == []
        here.tell("docs", "2")
        lab.make(chunks)
        assert here.runs() == []


def test_a_pattern_is_planned_with_what_nobody_declared(lab: Lab, world: Any) -> None:
    """Two datasets that came: one run takes the events of both, each once."""
    every = asset("made.json", name="made", on=Dataset.match("s3://raw/*/docs.csv"))(lambda: 1)
    with world(lab, every) as here:
        here.tell("s3://raw/de/docs.csv")
        here.tell("s3://raw/fr/docs.csv")
        here.tell("s3://raw/docs.csv")
        assert here.runs() == [("made", "input_changed")]
        assert here.said("SELECT count(*), count(DISTINCT event_id) FROM consumptions WHERE current") == [(2, 2)]
        here.work()
        here.tell("s3://raw/it/docs.csv")
        assert here.runs() == [("made", "input_changed")]


def test_what_is_published_late_is_not_lost(lab: Lab, world: Any) -> None:
    """A publication that commits after a planner has looked is there for the next, whatever was planned meanwhile."""
    with world(lab, chunks, labelled) as here:
        with here.project.store.write() as tx:
            outside.record_event(tx, here.project.name, "docs", version="1", now=datetime.now(UTC))
            assert here.tick().planned == 0
        assert here.runs() == [("chunks", "input_changed")]
        with here.project.store.write() as tx:
            outside.record_event(tx, here.project.name, "labels", version="1", now=datetime.now(UTC))
            assert here.tick().planned == 0
        assert here.runs() == [("labelled", "input_changed")]


def test_a_confirmation_meets_the_deadline_to_come(lab: Lab, world: Any) -> None:
    """It takes its tick beforehand, once; the one after is missed."""
    daily = asset("daily.json", name="daily", on=DOCS, deadline=Deadline(Every("1d")))(_count)
    with world(lab, daily) as here:
        here.tell("docs", "1")
        assert (here.runs(), here.work()) == ([("daily", "input_changed")], ["success"])
        first = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
        assert not here.tick(first).record.missed
        for at in (first + timedelta(hours=1), first + timedelta(hours=2)):
            here.tell("docs", "1")
            assert here.tick(at).record.confirmed == ("daily.json",)
            assert here.runs(at) == []
        assert here.said("SELECT count(*) FROM ticks WHERE run_id IS NULL AND noted_at < tick") == [(1,)]
        assert not here.tick(first + timedelta(days=1)).record.missed
        late = first + timedelta(days=2)
        assert [one.tick for one in here.tick(late).record.missed] == [late]


def _count(docs: Version) -> int:
    return 1


def test_files_that_somebody_tells_of_are_read_as_they_are(lab: Lab, world: Any) -> None:
    """Looked at when they are read, and not news again when they are looked at later, until they change."""
    lab.write("docs.txt", "told")
    made = asset("made.txt", name="made", on=Dataset("docs.txt"))(_shout)
    with world(lab, made) as here:
        here.tell("docs", "7")
        assert here.runs() == [("made", "input_changed")]
        assert here.work() == ["success"]
        assert lab.read("made.txt") == "told!"
        assert lab.story(lab.make(made)) == {"made": "skipped: unchanged"}
        lab.write("docs.txt", "seen")
        assert lab.story(lab.make(made)) == {"made": "success: input changed: docs"}
        assert lab.events("docs") == ["changed", "changed"]


def _shout(docs: str) -> str:
    return f"{docs}!"


def test_each_takes_its_own_oldest_beside_a_consumer_that_is_ahead(lab: Any, world: Any) -> None:
    """What another consumer of the same dataset has taken is still pending for the one that lags behind."""
    ahead = asset("ahead.json", name="ahead", on=DOCS)(lambda: 1)
    behind = asset("behind.json", name="behind", on=DOCS, consume=each(DOCS))(lambda: 1)
    with world(lab, ahead, behind) as here:
        for version in "123":
            here.tell("docs", version)
        here.runs()
        for version in "456":
            here.tell("docs", version)
        here.work()
        done = here.tick()
        assert sorted((run.planned.asset, run.planned.takes[0].newest) for run in done.record.runs) == [
            ("ahead", 6), ("behind", 2)
        ]  # fmt: skip
        for _ in range(4):
            here.work()
            here.runs()
    taken = """SELECT e.number FROM consumptions c JOIN assets a ON a.id = c.asset_id JOIN events e ON e.id = c.event_id
        WHERE a.name = 'behind' AND c.current ORDER BY c.id"""
    assert [number for (number,) in lab.rows(taken)] == [1, 2, 3, 4, 5, 6]


def test_a_plan_that_is_refused_for_ever_stops_its_own_asset_alone(lab: Lab, world: Any) -> None:
    """What is pending for `torn` was summed up wrongly, so that what it takes is never what is there: that is told,
    with the plan, and not tried without end. The other asset has its run, and `torn` says why it has none."""

    @asset("torn.json", on=DOCS)
    def torn(docs: Version) -> str:
        return docs.digest

    with world(lab, torn, asset("whole.json", name="whole", on=DOCS)(lambda: 1)) as here:
        here.tell("docs", "1")
        with here.project.store.write() as tx:
            at = "2026-01-05T10:00:00+00:00"
            sums = {"count": 5, "newest": 1, "causes": 5, "confirmed": 0, "changed": 5, "removed": 0, "removals": 0}
            tally = {"whole": {**sums, "newest_at": at, "arrived_at": at, "oldest_at": at}, "leaves": {}}
            of_torn = subscriptions.c.asset_id == here.project.ids.assets["torn"]
            tx.execute(update(subscriptions).where(of_torn).values(tally=tally, summed=1))
        with pytest.raises(Bug, match=r"torn: input changed \(docs\) and first build; takes 5 of warehouse://db/docs"):
            here.tick()
        assert here.said("SELECT a.name FROM runs r JOIN assets a ON a.id = r.asset_id") == [("whole",)]
        assert here.tick().planned == 0, "it is looked at again in a minute"
        (said,) = here.said("SELECT h.reason FROM holds h JOIN assets a ON a.id = h.asset_id WHERE a.name = 'torn'")
        assert "please report it" in str(said)
        with pytest.raises(Bug, match="torn: first build; takes 5 of"):
            lab.make(torn)
