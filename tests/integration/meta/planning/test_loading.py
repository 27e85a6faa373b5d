"""What a snapshot knows, beyond sums, of what conditions ask for: narrowed leaves, turns, generations, time, pauses."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from penstock import Cron, Dataset, all_of, each, meta, stale
from penstock.assets.declare.policies import Deadline
from penstock.assets.plan.planner import Plan, plan
from penstock.assets.plan.state import AssetState, Request
from penstock.assets.run.attempt.assignment import assign
from penstock.assets.run.planning.record import Record, interval, record
from penstock.assets.run.planning.snapshot import Snapshot, load
from penstock.assets.run.project.project import Project
from penstock.storage.manifest import Manifest
from penstock.storage.meta import catalogue as rows
from penstock.storage.meta import events, pauses, versions
from penstock.storage.types import Consume, OnRegister, RunState

pytestmark = pytest.mark.databases("sqlite", "postgresql")

START = datetime(2026, 3, 2, tzinfo=UTC)
A, B, X, Y = Dataset("a.csv"), Dataset("b.csv"), Dataset("x.json"), Dataset("y.json")


def later(minutes: int) -> datetime:
    """So many minutes after the assets were registered."""
    return START + timedelta(minutes=minutes)


@contextmanager
def opened(kit: Any, *assets: Any) -> Iterator[Project]:
    """A project of these assets on a store of its own."""
    project = kit.open(kit.databases.fresh(), *assets)
    yield project
    project.store.close()


def loaded(project: Project, now: datetime, names: Sequence[str] = ("x",)) -> Snapshot:
    """How the assets stand."""
    with project.store.read() as tx:
        return load(project, tx, names, now=now)


def own(project: Project, now: datetime, name: str = "x") -> AssetState:
    """How one asset stands."""
    return loaded(project, now, [name]).state.assets[name]


def fired(project: Project, now: datetime, names: Sequence[str] = ("x",)) -> tuple[Plan, Snapshot, Record]:
    """Planned and recorded."""
    snapshot = loaded(project, now, names)
    decided = plan(project.graph, snapshot.state, now)
    done = record(project, decided, snapshot, materialization_id=None, now=now)
    assert done is not None
    return decided, snapshot, done


def test_a_run_reads_the_newest_event_that_counts(kit: Any) -> None:
    """Accuracy 0.95 and then 0.4 before the plan: one run, which takes both and is pinned to the first, with the
    manifest of that one."""
    with opened(kit, kit.asset("x", "a.csv", on=A.where(meta("accuracy") > 0.9))) as project:
        for minutes, accuracy in enumerate((0.95, 0.4)):
            kit.publish(project, "a.csv", str(accuracy), later(minutes), accuracy=accuracy)
        decided, snapshot, done = fired(project, later(5))
        assert [(one.newest, one.count) for one in decided.runs[0].takes] == [(2, 2)]
        work = assign(project, done.runs[0], snapshot, materialization_id="m")
        assert (work.inputs["a"].number, work.inputs["a"].manifest.token) == (1, "0.95")
        with project.store.read() as tx:
            assert versions.pinned_heads(tx, done.runs[0].id) == work.inputs
        assert own(project, later(6)).leaves == {}


def test_what_is_pinned_is_taken_and_the_rest_is_superseded(kit: Any) -> None:
    """`latest`: the event that is read is linked to the run; a newer one that does not count is superseded."""
    latest = kit.asset("x", "a.csv", on=A.where(meta("rows") > 5), consume=Consume.LATEST)
    with opened(kit, latest) as project:
        kit.publish(project, "a.csv", "1", later(1), rows=9)
        kit.publish(project, "a.csv", "2", later(2), rows=1)
        fired(project, later(3))
        with project.store.read() as tx:
            links = tx.execute(select(events.consumptions.c.outcome).order_by(events.consumptions.c.event_id))
            assert list(links.scalars()) == ["run", "superseded"]


def test_what_does_not_count_waits_and_says_why(kit: Any) -> None:
    """Nothing is taken; the newest event says what it lacks; what follows takes all."""
    with opened(kit, kit.asset("x", "a.csv", on=A.where(meta("rows") > 5).count(2))) as project:
        for minutes, count in enumerate((9, 1)):
            kit.publish(project, "a.csv", f"{minutes}", later(minutes), rows=count)
        state = own(project, later(3))
        (leaf,) = state.narrowed.values()
        assert (leaf.count, leaf.upto, leaf.unmet) == (1, 2, "rows is 1, not > 5")
        (held,) = fired(project, later(3))[0].held
        assert "rows is 1, not > 5" in held.reason.text
        kit.publish(project, "a.csv", "c", later(4), rows=7)
        assert [(one.newest, one.count) for one in fired(project, later(5))[0].runs[0].takes] == [(3, 3)]


def test_events_before_the_last_tick_do_not_count(kit: Any) -> None:
    """It is 01:30; one came at 00:58 and one at 01:20."""
    with opened(kit, kit.asset("x", "a.csv", on=A.since(Cron("0 * * * *")))) as project:
        kit.publish(project, "a.csv", "A", later(58))
        (leaf,) = own(project, later(90)).narrowed.values()
        assert (leaf.count, leaf.unmet) == (0, "the newest came before the tick of 2026-03-02 01:00 UTC")
        kit.publish(project, "a.csv", "B", later(80))
        (leaf,) = own(project, later(90)).narrowed.values()
        assert (leaf.count, leaf.upto, leaf.newest_at) == (1, 2, later(80))


def test_each_event_has_a_run_of_its_own_and_in_order(kit: Any) -> None:
    """Three events: three runs, each pinned to the version of its event; what is given back has no run of its own
    any more, and goes with the next."""
    with opened(kit, kit.asset("x", "a.csv", "b.csv?", on=A & B, consume=each(A))) as project:
        kit.publish(project, "b.csv", "B", later(0))
        for minutes, content in enumerate("ABC", 1):
            kit.publish(project, "a.csv", content, later(minutes))
        read: list[str] = []
        for minutes in (10, 20):
            decided, snapshot, done = fired(project, later(minutes))
            assert [(one.uri, one.newest, one.count) for one in decided.runs[0].takes] == [("a.csv", minutes // 10, 1)]
            read.append(assign(project, done.runs[0], snapshot, materialization_id="m").inputs["a"].manifest.token)
            assert fired(project, later(minutes))[0].held[0].reason.kind == "at_limit"
            kit.end(project, done.runs[0], RunState.SUCCESS, later(minutes + 1), "made")
        assert read == ["A", "B"]
        done = fired(project, later(30))[2]
        kit.end(project, done.runs[0], RunState.CANCELED, later(31))  # gives its event back
        assert fired(project, later(32))[0].runs == ()
        kit.publish(project, "a.csv", "D", later(33))
        assert [(one.newest, one.count) for one in fired(project, later(34))[0].runs[0].takes] == [(4, 2)]


@pytest.mark.parametrize("builds", [False, True])
@pytest.mark.parametrize("counting", [3, 650, None])
def test_a_new_consumer_begins_with_the_newest_that_counts(kit: Any, counting: int | None, builds: bool) -> None:
    """However far back that lies; where none counts, what is newest is pending and counts for nothing."""
    first = [kit.asset("y", "b.csv?", on=B)]
    good = A.where(meta("rows") > 9)
    url, many = kit.databases.fresh(), 700 if counting == 650 else 5
    project = kit.open(url, *first, kit.asset("z", "a.csv?", on=A & B))
    with project.store.write() as tx:
        for number in range(1, many + 1):
            manifest = Manifest(suffix="", token=str(number))
            a = project.ids.datasets["a.csv"]
            version = versions.keep_version(tx, dataset_id=a, manifest=manifest, held=True, now=later(number))
            said = {"rows": 10 if counting is not None and number == many - counting + 1 else 1}
            events.publish_event(tx, dataset_id=a, version_id=version, run_id=None, metadata=said, now=later(number))
    project.store.close()
    new = kit.asset("x", "a.csv", on=good, on_register=OnRegister.BUILD if builds else OnRegister.WAIT)
    project = kit.open(url, *first, new)
    state = own(project, later(1000))
    if counting is None:
        assert all(one.count == 0 for one in state.narrowed.values())
    else:
        (leaf,) = state.narrowed.values()
        assert (leaf.count, leaf.upto, leaf.causes) == (1, counting, int(builds))
        assert leaf.pin is not None
        assert leaf.pin.number == many - counting + 1
    project.store.close()


def test_under_each_what_does_not_count_is_taken_along(kit: Any) -> None:
    """Rows 1, 9, 2, 8: two runs, of the second event with the first, and of the fourth with the third."""
    with opened(kit, kit.asset("x", "a.csv", on=A.where(meta("rows") > 5), consume=each(A))) as project:
        for minutes, count in enumerate((1, 9, 2, 8)):
            kit.publish(project, "a.csv", f"{minutes}", later(minutes), rows=count)
        for minutes, numbers in ((10, (2, 2)), (20, (4, 2))):
            decided, snapshot, done = fired(project, later(minutes))
            assert [(one.newest, one.count) for one in decided.runs[0].takes] == [numbers]
            assert assign(project, done.runs[0], snapshot, materialization_id="m").inputs["a"].number == numbers[0]
            kit.end(project, done.runs[0], RunState.SUCCESS, later(minutes + 1), f"{minutes}")
        assert fired(project, later(30))[0].runs == ()


def test_a_deadline_gives_up_all_that_waits_for_its_turn(kit: Any) -> None:
    """Under `each`, whatever counts of it, with a removal among it: nothing is pending afterwards."""
    late = Deadline(Cron("0 * * * *"), then="skip")
    condition = (A.where(meta("rows") > 5) & B) | A.removed()
    with opened(kit, kit.asset("x", "b.csv", on=condition, consume=each(A), deadline=late)) as project:
        for minutes, content in enumerate(("A", "B", None, "C")):
            kit.publish(project, "a.csv", content, later(minutes), rows=2 * minutes)
        (missed,) = fired(project, later(61))[2].missed
        assert [(one.uri, one.newest, one.count) for one in missed.takes] == [("a.csv", 4, 4)]
        assert own(project, later(62)).queue == {}


def test_removals_are_pending_where_they_are_asked_for(kit: Any) -> None:
    """Of two consumers one asks; its run takes what was published before, too."""
    names = ("x", "y")
    assets = kit.asset("x", "a.csv?", on=A.removed()), kit.asset("y", "a.csv?", on=A)
    with opened(kit, *assets) as project:
        kit.publish(project, "a.csv", "A", later(0))
        kit.publish(project, "a.csv", None, later(1))
        snapshot = loaded(project, later(2), names)
        found = {name: snapshot.state.assets[name].leaves["a.csv"] for name in names}
        assert [(found[name].count, found[name].removed, found[name].newest) for name in names] == [
            (1, 1, 2),
            (1, 0, 1),
        ]
        assert {one.asset: one.takes[0].count for one in fired(project, later(3), names)[0].runs} == {"x": 2, "y": 1}


def test_aligned_inputs_are_of_one_generation(kit: Any) -> None:
    """x is made at once and y late: what reads both waits for y, and then reads the newest of both that agree. A
    confirmation moves a version into the newer generation: the same bytes were made from the newer input."""
    assets = (
        kit.asset("x", "a.csv", on=A),
        kit.asset("y", "a.csv", on=A),
        kit.asset("z", "x.json", "y.json", on=all_of(X, Y, aligned=True)),
    )
    with opened(kit, *assets) as project:

        def made(name: str, minutes: int, content: str) -> None:
            """The asset is planned and its run ends with this."""
            (run,) = fired(project, later(minutes), [name])[2].runs
            kit.end(project, run, RunState.SUCCESS, later(minutes), content)

        def read(minutes: int) -> dict[str, str] | None:
            """What z reads now, if it is made."""
            _, snapshot, done = fired(project, later(minutes), ["z"])
            if not done.runs:
                return None
            inputs = assign(project, done.runs[0], snapshot, materialization_id="m").inputs
            kit.end(project, done.runs[0], RunState.SUCCESS, later(minutes), f"{minutes}")
            return {uri.partition(".")[0]: head.manifest.token for uri, head in inputs.items()}

        kit.publish(project, "a.csv", "A1", later(0))
        made("x", 1, "x1")
        assert read(2) is None
        made("y", 3, "y1")
        candidates = own(project, later(4), "z").candidates
        (one,) = candidates["x.json"]
        assert sorted(one.ancestors) == ["a.csv", "x.json"]
        assert read(4) == {"x": "x1", "y": "y1"}
        kit.publish(project, "a.csv", "A2", later(10))
        made("x", 11, "x2")
        assert read(12) is None
        kit.publish(project, "a.csv", "A3", later(13))
        made("x", 14, "x3")
        made("y", 15, "y1")  # the same bytes, of the third generation
        last, confirmed = own(project, later(16), "z").candidates["y.json"]
        assert (last.upto, last.fresh, confirmed.upto, confirmed.confirmed) == (0, False, 1, True)
        assert last.head.digest == confirmed.head.digest
        assert last.ancestors != confirmed.ancestors
        assert read(16) == {"x": "x3", "y": "y1"}


def test_a_person_takes_what_is_read_whatever_its_generation(kit: Any) -> None:
    """By hand the newest of aligned inputs are read, and taken, also the one that has no pair yet."""
    assets = (
        kit.asset("x", "a.csv", on=A),
        kit.asset("y", "a.csv", on=A),
        kit.asset("z", "x.json", "y.json", on=all_of(X, Y, aligned=True)),
    )
    with opened(kit, *assets) as project:
        for minutes, content, names in ((1, "1", "xyz"), (11, "2", "x")):
            kit.publish(project, "a.csv", content, later(minutes))
            for name in names:
                (run,) = fired(project, later(minutes + 1), [name])[2].runs
                kit.end(project, run, RunState.SUCCESS, later(minutes + 1), name + content)
        with project.store.read() as tx:
            snapshot = load(project, tx, ["z"], now=later(20), requests={"z": Request()})
        decided = plan(project.graph, snapshot.state, later(20))
        assert [(one.uri, one.newest, one.count) for one in decided.runs[0].takes] == [("x.json", 2, 1)]
        assert record(project, decided, snapshot, materialization_id=None, now=later(20)) is not None
        assert own(project, later(21), "z").leaves == {}


def test_a_confirmation_that_no_run_made_is_of_the_newer_generation(kit: Any) -> None:
    """y reads x, which gave the same bytes from newer input: y is confirmed without a run, and agrees with what came
    from that input by another way."""
    assets = (
        kit.asset("x", "a.csv", on=A),
        kit.asset("y", "x.json", on=X),
        kit.asset("w", "a.csv", on=A),
        kit.asset("z", "w.json", "y.json", on=all_of(Dataset("w.json"), Y, aligned=True)),
    )
    with opened(kit, *assets) as project:
        for minutes, content in ((0, "A1"), (10, "A2")):
            kit.publish(project, "a.csv", content, later(minutes))
            for name in ("x", "w", "y"):
                done = fired(project, later(minutes + 1), [name])[2]
                made = {"x": "same", "w": content, "y": "y"}[name]
                for run in done.runs:
                    kit.end(project, run, RunState.SUCCESS, later(minutes + 2), made)
            if not minutes:
                (run,) = fired(project, later(5), ["z"])[2].runs
                kit.end(project, run, RunState.SUCCESS, later(5), "z")
        assert done.confirmed == ("y.json",)
        candidates = own(project, later(20), "z").candidates
        newest = {uri: several[-1] for uri, several in candidates.items()}
        assert newest["y.json"].ancestors["a.csv"] == newest["w.json"].ancestors["a.csv"]
        assert len(fired(project, later(21), ["z"])[0].runs) == 1


def test_time_is_told_of_each_asset(kit: Any) -> None:
    """When it was tried and succeeded, since when a timetable is there, its name, its pause, the age of a dataset."""
    condition = (Cron("0 * * * *") & B.fresh("1h")) | stale("7d")
    with opened(kit, kit.asset("x", "a.csv?", on=condition, max_active_runs=2)) as project:
        state = own(project, later(0))
        assert (state.tried_at, state.succeeded_at, state.since, state.pause) == (None, None, {}, None)
        assert state.key == "x"
        kit.publish(project, "b.csv", "B", later(10))
        assert loaded(project, later(11)).state.heads["b.csv"].at == later(10)
        with project.store.write() as tx:
            tx.execute(update(rows.timetables).values(registered_at=later(5)))
        assert own(project, later(11)).since == {"cron 0 * * * * UTC": later(5)}
        done = fired(project, later(20))[2]
        kit.end(project, done.runs[0], RunState.SUCCESS, later(25), "x")
        state = own(project, later(30))
        assert (state.tried_at, state.succeeded_at) == (later(20), later(25))
        with project.store.write() as tx:
            pauses.begin(tx, project.ids.assets["x"], why="too hot", now=later(40), failed=True)
        pause = own(project, later(41)).pause
        assert pause is not None
        assert (pause.since, pause.why, pause.failed) == (later(40), "too hot", True)


def test_stale_is_what_has_not_succeeded_for_so_long(kit: Any) -> None:
    """A run that was canceled leaves it stale; one that failed has taken it for that time."""
    with opened(kit, kit.asset("x", "a.csv?", on=stale("1h"))) as project:

        def ended(minutes: int, state: RunState) -> int:
            """How many runs were planned, which end so."""
            _, _, done = fired(project, later(minutes))
            for one in done.runs:
                kit.end(project, one, state, later(minutes), "x")
            return len(done.runs)

        assert ended(0, RunState.CANCELED) == 1
        assert ended(1, RunState.FAILED) == 1
        assert [ended(2, RunState.SUCCESS), ended(60, RunState.SUCCESS)] == [0, 0]
        assert ended(61, RunState.CANCELED) == 1
        assert ended(62, RunState.SUCCESS) == 1
        assert [ended(121, RunState.SUCCESS), ended(122, RunState.SUCCESS)] == [0, 1]


def test_the_interval_of_a_tick_knows_nothing_of_deadlines(kit: Any) -> None:
    """It begins with the last tick of its own timetables, whatever deadline has passed since; that of a run for a
    deadline begins with the last deadline."""
    deadline = Deadline(Cron("30 * * * *"), then="alert")
    with opened(kit, kit.asset("x", "a.csv", on=Cron("0 * * * *") & A, deadline=deadline)) as project:

        def covered(minutes: int) -> tuple[Any, ...]:
            _, snapshot, done = fired(project, later(minutes))
            for one in done.runs:
                kit.end(project, one, RunState.SUCCESS, later(minutes), "x")
            (run,) = done.runs
            return interval(project.graph, run.planned, snapshot)

        kit.publish(project, "a.csv", "1", later(10))
        assert covered(61) == (START, later(60))
        assert [one.tick for one in fired(project, later(151))[2].missed] == [later(150)]
        kit.publish(project, "a.csv", "2", later(160))
        assert covered(161) == (later(60), later(120))
    late = Deadline(Cron("30 * * * *"), then="run")
    with opened(kit, kit.asset("x", "a.csv?", on=Cron("0 12 * * *") & A, deadline=late)) as project:
        assert [covered(31), covered(151)] == [(START, later(30)), (later(30), later(150))]


def test_a_deadline_that_passed_is_written_down_once(kit: Any) -> None:
    """Its tick is taken without a run; with `skip`, what is pending is given up."""
    deadline = Deadline(Cron("0 * * * *"), then="skip")
    with opened(kit, kit.asset("x", "a.csv", on=A & B, deadline=deadline)) as project:
        kit.publish(project, "a.csv", "A", later(10))
        snapshot = loaded(project, later(61))
        decided, _, done = fired(project, later(61))
        assert [(one.asset, one.tick) for one in done.missed] == [("x", later(60))]
        assert own(project, later(62)).ticks == {deadline.label: later(60)}
        assert own(project, later(62)).leaves == {}
        assert fired(project, later(62))[2].missed == ()
        assert record(project, decided, snapshot, materialization_id=None, now=later(62)) is None
