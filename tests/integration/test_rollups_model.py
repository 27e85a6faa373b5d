"""Roll-ups beside a model of a few lines: whatever is published, made and failed in whatever order, planners plan what
the model says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from penstock import Cron, Daily, Dataset, Definitions, Partition, Windows, asset
from penstock.assets.run.api import prepared
from penstock.assets.run.attempt.worker import attempt
from penstock.assets.run.project.project import Project, open_registered
from penstock.assets.run.recovery import unclaimed
from penstock.assets.run.telling.outside import record_in
from penstock.assets.run.tick import tick

SPAN = {"start": "2026-01-01", "end": "2026-01-04"}
SIXES = Windows(Cron("0 */6 * * *"), name="six", **SPAN)
KEYS = [*SIXES.select().walk()]
DAYS = [*Daily(**SPAN).select().walk()]
PARTS = {day: [key for key in KEYS if key.startswith(day)] for day in DAYS}


@dataclass(kw_only=True)
class Model:
    """What is there of each day, counted as one would by hand.

    `there`: the newest content of each key; `fresh`: of each day the keys with news that no run has taken; `made`: the
    days that were made; `active`: those that are being made.
    """

    least: int | None
    late: str
    there: dict[str, int] = field(default_factory=dict[str, int])
    fresh: dict[str, set[str]] = field(default_factory=lambda: {day: set[str]() for day in DAYS})
    made: set[str] = field(default_factory=set[str])
    active: set[str] = field(default_factory=set[str])

    def publish(self, key: str, content: int) -> None:
        """It is news where the content is another; a confirmation starts nothing."""
        if self.there.get(key) != content:
            self.there[key] = content
            self.fresh[key[:10]].add(key)

    def plan(self) -> set[str]:
        """The days that are to be made; they take their news."""
        found = {day for day in DAYS if day not in self.active and self.fresh[day] and self._suffices(day)}
        for day in found:
            self.fresh[day].clear()
        self.active |= found
        return found

    def _suffices(self, day: str) -> bool:
        there, everything = sum(key in self.there for key in PARTS[day]), len(PARTS[day])
        enough = everything if self.least is None else self.least
        if day in self.made:
            enough = {"each": enough, "complete": everything, "ignore": everything + 1}[self.late]
        return there >= enough

    def end(self, *, fails: bool) -> None:
        """What is being made has ended; what a failed run had taken starts nothing any more."""
        self.made |= set() if fails else self.active
        self.active.clear()


def passes(project: Project) -> list[str]:
    """Passes until nothing more is due: the days that were planned."""
    found: list[str] = []
    while True:
        done = tick(project)
        found += [run.planned.partition for run in done.record.runs]
        if done.next_at is None or done.next_at > done.at:
            return found


@pytest.fixture
def places(tmp_path: Path, databases: Any) -> Callable[[], dict[str, Any]]:
    """`places()`: the settings of a new, empty project."""
    count = [0]

    def fresh() -> dict[str, Any]:
        count[0] += 1
        folder = tmp_path / str(count[0])
        folder.mkdir()
        url = databases.fresh(file=folder / "home" / "penstock.db")
        return {
            "home": str(folder / "home"),
            "data_root": str(folder / "data"),
            "database": "sqlite" if url.startswith("sqlite") else url,
            "project": "model",
            "lineage": {},
        }

    return fresh


Step = tuple[str, int] | str
STEPS = st.lists(
    st.tuples(st.sampled_from(KEYS), st.integers(1, 2)) | st.sampled_from(["pass", "work", "fail"]), max_size=40
)
FIRST, SECOND, THIRD, FOURTH = ((key, 1) for key in PARTS[DAYS[1]])
AGAIN: Step = (FIRST[0], 2)


def follows(place: dict[str, Any], least: int | None, late: str, steps: list[Step]) -> None:
    """Planners do what the model does, step by step."""
    up = Dataset("warehouse://db/six/{six}", name="up", partitions=SIXES)
    broken: list[bool] = []

    @asset("daily/{day}.json", partitions=Daily(**SPAN), on=up.rollup(at_least=least, late=late))
    def daily(day: Partition) -> str:
        assert not broken, "broken"
        return day.key

    known, definitions = prepared(Definitions(up, daily), Path(place["home"]).parent, place)
    model = Model(least=least, late=late)
    with open_registered(known, definitions) as project:
        for step in ("pass", *steps, "pass", "work", "pass", "work", "pass"):
            if isinstance(step, tuple):
                record_in(project.store, "up", partition=step[0], version=str(step[1]))
                model.publish(*step)
            elif step == "pass":
                assert sorted(passes(project)) == sorted(model.plan())
            else:
                broken[:] = [True] if step == "fail" else []
                for work in unclaimed(project, ["daily"]):
                    attempt(project, work)
                model.end(fails=step == "fail")
        with project.store.read() as tx:
            assert not tx.exec_driver_sql("SELECT count(*) FROM partition_agenda").scalar()
            assert not tx.exec_driver_sql(
                "SELECT event_id FROM consumptions WHERE current GROUP BY partition, event_id HAVING count(*) > 1"
            ).all()


_SEARCH = settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


@_SEARCH
@given(least=st.none() | st.integers(1, 4), late=st.sampled_from(["each", "complete", "ignore"]), steps=STEPS)
@example(least=None, late="each", steps=[FIRST, SECOND, THIRD, FOURTH, "pass", "fail", AGAIN, "pass", "work", FIRST])
@example(least=2, late="complete", steps=[FIRST, SECOND, "pass", "work", THIRD, "pass", FOURTH, "pass", "work", AGAIN])
@example(least=2, late="ignore", steps=[FIRST, SECOND, "pass", THIRD, FOURTH, "pass", "work", "pass", AGAIN])
def test_planners_plan_what_the_model_says(
    places: Callable[[], dict[str, Any]], least: int | None, late: str, steps: list[Step]
) -> None:
    """Publications, passes, runs that succeed and runs that fail, in any order; in the end nothing is left to do."""
    follows(places(), least, late, steps)


@pytest.mark.databases("postgresql")
@pytest.mark.parametrize("late", ["each", "complete", "ignore"])
def test_so_do_planners_on_postgresql(places: Callable[[], dict[str, Any]], late: str) -> None:
    """A story with everything in it."""
    story: list[Step] = [FIRST, SECOND, "pass", THIRD, "pass", "fail", "pass", FOURTH, "pass", "work", AGAIN, FIRST]
    follows(places(), 2, late, [*story, "pass", "work", (KEYS[0], 1), (KEYS[1], 1), "pass", "fail", (KEYS[0], 2)])
