"""PostgreSQL's clock counts: a process whose own is wrong by an hour writes and plans by the server's."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from penstock import Cron, Dataset, Definitions, asset, source, stale
from penstock.storage.meta.database.engine import Store, UtcTime
from penstock.storage.meta.database.engine import now as moment_of
from penstock.storage.meta.models import metadata
from penstock.storage.meta.outbox import bodies

pytestmark = pytest.mark.databases("postgresql")

OLD = timedelta(minutes=45)
"""How long ago somebody published `labels`."""
SCANS, LABELS = Dataset("scans.txt"), Dataset("warehouse://db/labels")


def words(scans: str) -> list[str]:
    """Of an observed file."""
    return scans.split()


def broken() -> int:
    """Never gives anything."""
    raise ValueError("no")


DEFINITIONS = Definitions(
    asset("words.json", name="words", on=SCANS)(words),
    asset("broken.json", name="broken", on=SCANS | Cron("0 3 1 1 *"), pause_after=2)(broken),
    source("rate.json", name="rate", on=stale("1d"), probe=lambda: 1)(lambda: 1),
    asset("weekly.json", name="weekly", on=stale("30m"))(lambda: 1),
    asset("labelled.json", name="labelled", on=SCANS.updated() & LABELS.fresh("30m"))(lambda: 1),
)

CHILD = """
import datetime, json, sys, time
from pathlib import Path

sys.path.insert(0, sys.argv[2])
from test_clocks import DEFINITIONS, OLD

import penstock
from penstock.assets.run.api import plan
from penstock.assets.run.tick import tick
from penstock.assets.run.api import prepared
from penstock.assets.run.explaining.why import why_then
from penstock.assets.run.project.project import open_registered
from penstock.lineage import relay, transports

SHIFT, REAL = datetime.timedelta(seconds=float(sys.argv[1])), datetime.datetime


class AsReal(type(REAL)):
    def __instancecheck__(cls, value):
        return isinstance(value, REAL)


class Shifted(REAL, metaclass=AsReal):
    @classmethod
    def now(cls, tz=None):
        return REAL.now(tz) + SHIFT


real_time = time.time
time.time = lambda: real_time() + SHIFT.total_seconds()
shifted = [module for name, module in sys.modules.items() if name.startswith("penstock.")]
for module in shifted:
    if getattr(module, "datetime", None) is REAL:
        module.datetime = Shifted

data, places = Path(sys.argv[3]), json.loads(sys.argv[4])
everywhere = dict(project_folder=data.parent, **places)
known, definitions = prepared(DEFINITIONS, data.parent, places)


def pass_of_a_planner():
    with open_registered(known, definitions) as project:
        tick(project)


(data / "scans.txt").write_text("one two")
told = REAL.now(datetime.UTC) - OLD
penstock.record_event("warehouse://db/labels", at=told, **everywhere)
penstock.materialize(definitions, **everywhere)
penstock.pause("words", **everywhere)
penstock.resume("words", drop=True, **everywhere)
(data / "scans.txt").write_text("one two three")
penstock.materialize(definitions, select="words", **everywhere)
penstock.materialize(definitions, select="broken", **everywhere)
pass_of_a_planner()
(data / "scans.txt").unlink()
penstock.materialize(definitions, select="words", **everywhere)
penstock.record_event("warehouse://db/scores", version="1", **everywhere)
pass_of_a_planner()
found = {one.asset: one.reason.text for one in plan(definitions, **everywhere).held}
time.sleep(1)
then = why_then(known, "weekly", "-1s")
print(json.dumps({"held": found, "told": told.isoformat(), "why": then.at.isoformat()}))
"""


@pytest.mark.parametrize("hours", [-1, 1])
def test_a_wrong_clock_of_the_host_is_seen_by_nobody(tmp_path: Path, databases: Any, hours: int) -> None:
    """Whatever is written has a time between the server's before and after; what asks for an age is planned by it."""
    url = databases.fresh()
    (tmp_path / "data").mkdir()
    places = {"home": str(tmp_path / "home"), "data_root": str(tmp_path / "data"), "database": url, "project": "kb"}
    store = Store(url, project="kb")
    before = server_time(store)
    command = [sys.executable, "-c", CHILD, str(hours * 3600), str(Path(__file__).parent)]
    done = subprocess.run(
        [*command, str(tmp_path / "data"), json.dumps(places)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    after = server_time(store)
    said = json.loads(done.stdout)
    written = times(store)
    store.close()
    assert {column for column, _ in written} >= COLUMNS
    past = [(column, at) for column, at in written if column != "watches.until"]  # when the next pass is to come
    assert [(column, at) for column, at in past if not before <= at <= after] == [
        ("events.at", datetime.fromisoformat(said["told"]))
    ]
    assert before <= datetime.fromisoformat(said["why"]) <= after
    assert said["held"]["weekly"].startswith("waiting for stale")  # an hour later it would be due
    assert "its newest event is 45m" in said["held"]["labelled"]  # an hour sooner it would be young enough


COLUMNS = {
    "assets.registered_at", "assets.succeeded_at", "attempts.ended_at", "attempts.started_at", "consumptions.at",
    "datasets.removed_at", "definitions.recorded_at", "event times", "events.at", "lineage_events.at",
    "materializations.ended_at", "materializations.started_at", "observations.looked_at", "outbox.delivered_at",
    "outbox.next_at", "pauses.since", "pauses.until", "projects.registered_at", "runs.created_at", "runs.ended_at",
    "runs.started_at", "subscriptions.since", "timetables.registered_at", "versions.created_at",
}  # fmt: skip
"""Of these there is at least one."""
PLANNED = {"agenda.at", "leases.until", "runs.nominal_end", "runs.nominal_start", "ticks.tick"}
"""Times that are to come, or that a timetable names."""


def server_time(store: Store) -> datetime:
    """What time it is there."""
    with store.write() as tx:
        return moment_of(tx)


def times(store: Store) -> list[tuple[str, datetime]]:
    """Every time that is kept, with its column; and those in the events of lineage."""
    found: list[tuple[str, datetime]] = []
    with store.read() as tx:
        for table in metadata().tables.values():
            for column in table.columns:
                if isinstance(column.type, UtcTime) and f"{table.name}.{column.name}" not in PLANNED:
                    known = tx.execute(select(column).where(column.is_not(None))).scalars()
                    found += [(f"{table.name}.{column.name}", at) for at in known]
        found += [("event times", datetime.fromisoformat(json.loads(body)["eventTime"])) for body in bodies(tx)]
    return found
