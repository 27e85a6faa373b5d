"""A process that makes assets is killed with -9 between any two steps; what it leaves behind is whole.

The child is forked from this process, counts the calls of the functions that have effects, and kills itself at one of
them: really, with SIGKILL, so that no `finally` and no `except` runs.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from sqlalchemy import select, text

from penstock import Definitions, asset, materialize, source
from penstock.assets.declare.asset import AssetFunction
from penstock.assets.run.api import prepared
from penstock.assets.run.attempt.sweeping import sweep_roots
from penstock.assets.run.checking.bytes import Looking
from penstock.assets.run.checking.check import violations
from penstock.assets.run.project.durable import MANY
from penstock.assets.run.project.project import open_registered
from penstock.storage.files.durable import small_object
from penstock.storage.files.layout import Place
from penstock.storage.files.objects import verify
from penstock.storage.manifest import Manifest
from penstock.storage.meta.catalogue import datasets
from penstock.storage.meta.database.engine import Store
from penstock.storage.meta.database.migrate import Form, form
from penstock.storage.meta.unsynced import left
from penstock.storage.meta.versions import versions
from penstock.storage.settings import read_settings

WATCHED = ("/storage/files/", "/storage/meta/", "/assets/run/")
STEP = int(os.environ.get("PENSTOCK_KILL_STEP", "10"))
"""Every so many calls one is killed at; 1 kills at each."""
COARSER = {"sqlite": 1, "postgresql": 4}  # a database of its own for each death takes its time

pytestmark = pytest.mark.databases("sqlite", "postgresql")


@source("numbers.json", probe=lambda: 1)
def numbers() -> list[int]:
    """What the others are made from."""
    return [1, 2, 3]


@asset("model/", on=numbers)
def model(numbers: list[int], ctx) -> Path:
    """A directory of two files."""
    for number in numbers[:2]:
        (ctx.output / f"{number}.txt").write_text(str(number))
    return ctx.output


@asset(outputs={"train": "train.json", "test": "test.json"}, on=numbers)
def split(numbers: list[int]) -> dict[str, list[int]]:
    """Two outputs that are published together or not at all."""
    return {"train": numbers[:2], "test": numbers[2:]}


@asset("report.txt", on=split["train"] & split["test"])
def report(train: list[int], test: list[int]) -> str:
    """What waits for both."""
    return f"{train} {test}"


DEFINITIONS = Definitions(numbers, model, split, report)


class Site:
    """A project in a folder, with a database of its own."""

    def __init__(self, folder: Path, databases: Any) -> None:
        self.folder = folder
        self.url = databases.fresh(prepared=False, file=folder / "home" / "penstock.db")
        self.settings = {
            "home": str(folder / "home"),
            "data_root": str(folder / "data"),
            "database": self.url,
            "project": "killed",
        }

    def make(self, things: Any = None, **options: Any) -> Any:
        """Materialize here."""
        return materialize(DEFINITIONS if things is None else things, **self.settings, **options)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """What the database of the project says."""
        store = Store(self.url, project="look")
        with store.read() as tx:
            found = [tuple(row) for row in tx.execute(text(query))]
        store.close()
        return found

    def damages(self) -> list[str]:
        """What is unsound in its database, and in its bytes."""
        store = Store(self.url, project="killed")
        found = violations(store, read_settings(self.folder, **self.settings), looking=Looking.DIGEST)
        store.close()
        return found

    def prepared(self) -> bool:
        """Whether the database has its tables."""
        store = Store(self.url, project="look")
        found = form(store)[0] is Form.CURRENT
        store.close()
        return found


def in_child(work: Callable[[], None]) -> int:
    """The exit status of a forked child that does this."""
    child = os.fork()
    if child == 0:
        try:
            work()
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def killed_at(number: int, work: Callable[[], object]) -> None:
    """Do the work until the call with this number of a function that may have an effect, then die."""
    count = 0

    def count_calls(frame: FrameType, event: str, _argument: object) -> None:
        nonlocal count
        if event == "call" and any(part in frame.f_code.co_filename for part in WATCHED):
            count += 1
            if count == number:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.setprofile(count_calls)
    work()
    sys.setprofile(None)


def calls_of(site: Site) -> int:
    """How many such calls one whole materialization makes."""
    count = 0

    def count_calls(frame: FrameType, event: str, _argument: object) -> None:
        nonlocal count
        count += event == "call" and any(part in frame.f_code.co_filename for part in WATCHED)

    sys.setprofile(count_calls)
    try:
        site.make()
    finally:
        sys.setprofile(None)
    return count


def lose_power(site: Site) -> int:
    """Empty every object that nobody has brought to the disk yet, and what its URI shows, as a file system may after a
    loss of power."""
    if not site.prepared():
        return 0
    store = Store(site.url, project="killed")
    with store.read() as tx:
        found = left(tx, "killed")
    store.close()
    for one in found:
        path = Path(small_object(one.manifest, Place(root=f"{site.folder}/data", path=one.uri)))
        path.chmod(0o644)
        path.write_bytes(b"")
        shown = site.folder / "data" / one.uri
        if shown.exists():
            shown.write_bytes(b"")
    return len(found)


def check_whole(site: Site) -> None:
    """Whatever is recorded is there: every held version's bytes, and no output of a run without the other."""
    if not site.prepared():
        return
    known, definitions = prepared(DEFINITIONS, site.folder, site.settings)
    with open_registered(known, definitions) as project, project.store.read() as tx:
        stored = select(datasets.c.uri, versions.c.manifest).join(versions, versions.c.dataset_id == datasets.c.id)
        for uri, manifest in tx.execute(stored):
            assert not verify(Manifest.from_plain(manifest), project.place(uri))
    ends = site.rows(
        "SELECT r.id, count(e.id) FROM runs r JOIN assets a ON a.id = r.asset_id LEFT JOIN events e ON e.run_id = r.id "
        "WHERE a.name = 'split' GROUP BY r.id, r.state"
    )
    assert {count for _, count in ends} <= {0, 2}
    assert site.damages() == []


def check_healed(site: Site) -> None:
    """A later materialization ends what was begun: everything once, nothing lost, nothing doubled."""
    result, folder = site.make(), site.folder
    assert result.ok, result
    states = Counter(site.rows("SELECT a.name, r.state FROM runs r JOIN assets a ON a.id = r.asset_id"))
    assert {name: states[name, "success"] for name in DEFINITIONS.functions} == dict.fromkeys(DEFINITIONS.functions, 1)
    assert {state for _, state in states} <= {"success", "skipped"}
    events = site.rows(
        "SELECT d.uri, e.kind FROM events e JOIN datasets d ON d.id = e.dataset_id ORDER BY d.uri, e.number"
    )
    assert sorted({uri for uri, _ in events}) == ["model/", "numbers.json", "report.txt", "test.json", "train.json"]
    assert Counter(uri for uri, kind in events if kind == "changed") == Counter({uri for uri, _ in events})
    told: dict[str, Counter[str]] = {}
    for run, body in site.rows(
        "SELECT r.id, l.body FROM runs r JOIN lineage_events l ON l.run_id = r.id WHERE r.state = 'success'"
    ):
        told.setdefault(run, Counter())[json.loads(body)["eventType"]] += 1
    assert list(told.values()) == [Counter(START=1, COMPLETE=1)] * len(DEFINITIONS.functions)
    assert (folder / "data" / "report.txt").read_text() == "[1, 2] [3]"
    assert sorted(path.name for path in (folder / "data" / "model").iterdir()) == ["1.txt", "2.txt"]
    assert (folder / "data" / "train.json").read_bytes() == b"[1,2]\n"
    assert (folder / "data" / "test.json").read_bytes() == b"[3]\n"
    staging = folder / "data" / ".penstock" / "staging"
    assert not staging.exists() or not list(staging.iterdir())
    known, definitions = prepared(DEFINITIONS, folder, site.settings)
    with open_registered(known, definitions) as project:
        sweep_roots(project.store, known, older_than=timedelta(0))
    objects = [path for path in (folder / "data" / ".penstock" / "objects").rglob("*") if path.is_file()]
    assert len(objects) == 6, "one object a file, and no orphan is left"
    assert site.damages() == []


def test_killed_at_any_step_it_heals(tmp_path: Path, databases: Any) -> None:
    """Killed at every so many calls of a function with effects, and what was not on the disk is lost: always whole, and
    the next materialization heals."""
    whole = Site(tmp_path / "whole", databases)
    total = calls_of(whole)
    assert total > 300, "the watched functions were not seen"
    check_healed(whole)
    deaths, lost, step = 0, 0, STEP * max(1, total // 700) * COARSER[databases.kind]
    for number in range(1, total, step):
        site = Site(tmp_path / str(number), databases)
        deaths += in_child(lambda: killed_at(number, site.make)) == -signal.SIGKILL  # noqa: B023
        lost += lose_power(site)
        check_whole(site)
        check_healed(site)
        assert not site.rows("SELECT id FROM unsynced")
    assert deaths > 20 // COARSER[databases.kind]
    assert lost > deaths, "no object waited for the disk"


def test_what_waits_for_the_disk_does_not_pile_up(tmp_path: Path, databases: Any) -> None:
    """Of many small objects the database has at most `MANY` at a time, and none once the materialization has ended."""
    count = MANY + 40
    site, most = Site(tmp_path, databases), 0

    def count_rows() -> int:
        nonlocal most
        most = max(most, *(number for (number,) in site.rows("SELECT count(*) FROM unsynced")))
        return most

    def many(number: int) -> AssetFunction:
        return asset(f"a{number}.json", name=f"a{number}")(count_rows if number % 70 == 0 else lambda: number)

    assert site.make([many(number) for number in range(count)]).ok
    assert MANY // 2 < most <= MANY
    assert site.damages() == []
    assert not site.rows("SELECT id FROM unsynced")


def test_killed_while_healing_it_still_heals(tmp_path: Path, databases: Any) -> None:
    """Killed in the middle, killed again while recovering, and again: the third materialization heals."""
    total = calls_of(Site(tmp_path / "whole", databases))
    site = Site(tmp_path / "twice", databases)
    for part in (0.7, 0.3):
        number = int(total * part)
        in_child(lambda: killed_at(number, site.make))  # noqa: B023
        check_whole(site)
    check_healed(site)


@pytest.mark.parametrize("part", [0.5, 0.9])
def test_a_run_that_keeps_killing_its_process_fails_for_good(tmp_path: Path, databases: Any, part: float) -> None:
    """After three lost workers a run is not tried again: it may be what kills them."""

    @asset("poison.txt")
    def poison() -> str:
        os.kill(os.getpid(), signal.SIGKILL)
        return ""

    site = Site(tmp_path / str(part), databases)
    for _ in range(3):
        assert in_child(lambda: site.make([poison])) == -signal.SIGKILL
    in_child(lambda: site.make([poison], only=True))
    states = site.rows("SELECT state, attempts FROM runs ORDER BY created_at")
    assert states[0] == ("failed", 3), states
    assert site.damages() == []
