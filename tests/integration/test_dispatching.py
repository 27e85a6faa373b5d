"""Handing out runs: each once, within every limit, by however many processes ask; and tokens inside producers."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text, update

from penstock import Daily, DefinitionError, Definitions, RateLimit, Slots, asset
from penstock.assets.run.api import prepared
from penstock.assets.run.dispatching import Seen, claim, claim_next, look, waits_for
from penstock.assets.run.identity import worker_name
from penstock.assets.run.project.project import Project, open_registered
from penstock.storage.meta import runs
from penstock.storage.meta.database.engine import now as moment_of
from penstock.storage.types import RunState

pytestmark = pytest.mark.databases("sqlite", "postgresql")

API = RateLimit("api", "50/s", burst=2)
DAYS = Daily(start="2020-01-01")
DEFINITIONS = Definitions(
    asset("embed/{day}.json", name="embed", partitions=DAYS, pool="embedding", group="kb")(lambda: 1),
    asset("train/{day}.json", name="train", partitions=DAYS, pool=Slots("embedding", 2))(lambda: 1),
    asset("ask/{day}.json", name="ask", partitions=DAYS, limits=[API], group="kb")(lambda: 1),
    asset("urgent/{day}.json", name="urgent", partitions=DAYS, priority=10, max_active_runs=2)(lambda: 1),
)
SLOTS = {"embed": 1, "train": 2}
WORKER = """
import json, sys
from time import monotonic, sleep
sys.path.insert(0, sys.argv[1])
from site_of_queue import DEFINITIONS, Site
from penstock.assets.run.dispatching import claim, look
from penstock.storage.meta import dispatching, runs
from penstock.storage.meta.database.engine import now
from penstock.storage.types import RunState

name, mine, most, since = sys.argv[4], [], 0, monotonic()
with Site(*sys.argv[2:4]).open() as project:
    print("ready", flush=True)
    sys.stdin.readline()
    while monotonic() - since < 1.5:
        with project.store.read() as tx:
            seen = look(project, tx, room=3)
        sleep(0.002)  # others take meanwhile what was seen
        with project.store.write() as tx:
            before, found, after = now(tx), claim(project, tx, worker=name, room=3, seen=seen).runs, now(tx)
            slots = dict(embed=1, train=2)
            _, active = dispatching.unended(tx, project.name, now(tx))
            most = max(most, sum(slots.get(one.asset, 0) * one.runs for one in active))
            assert all(one.runs <= 2 for one in active), active
        mine += [(one, before.isoformat(), after.isoformat()) for one in found]
        since = monotonic() if found else since
        for one in found:
            with project.store.write() as tx:
                assert runs.advance(tx, one, old=RunState.QUEUED, new=RunState.SUCCESS, ended_at=now(tx))
        sleep(0.005)  # as making them takes: the others have their turn
print(json.dumps([mine, most]), flush=True)
"""


class Site:
    """A project on a database of its own, and runs that wait in it."""

    def __init__(self, folder: str | Path, url: str, definitions: Definitions = DEFINITIONS) -> None:
        self.folder, self.url, self.definitions, self.count = Path(folder), url, definitions, 0

    def open(self, **settings: Any) -> Any:
        """The project, opened anew, for a `with`."""
        given = {
            "home": str(self.folder / "home"),
            "data_root": str(self.folder / "data"),
            "database": self.url,
            "project": "queue",
            "lineage": {},
            "pools": {"embedding": 4},
            **settings,
        }
        known, definitions = prepared(self.definitions, self.folder, given)
        return open_registered(known, definitions)

    def wait(self, project: Project, name: str, count: int = 1, **values: Any) -> list[str]:
        """So many runs of an asset wait, of a key each."""
        code = project.catalogue.assets[name].code
        new: list[runs.NewRun] = []
        for _ in range(count):
            self.count += 1
            plain: dict[str, Any] = {"made_from": {"code": code}, "state": RunState.SCHEDULED}
            plain |= {"partition": (datetime(2020, 1, 1) + timedelta(days=self.count)).strftime("%Y-%m-%d")}  # noqa: DTZ001
            plain |= values
            number = project.ids.assets[name]
            key = f"{self.count:06}"
            new.append(runs.NewRun(id=key, asset_id=number, key=key, reason={}, pins=(), **plain))
        with project.store.write() as tx:
            runs.insert_runs(tx, new, materialization_id=None, now=moment_of(tx))
        return [one.id for one in new]

    def end(self, project: Project, *run_ids: str) -> None:
        """These have ended."""
        with project.store.write() as tx:
            for one in run_ids:
                assert runs.advance(tx, one, old=RunState.QUEUED, new=RunState.SUCCESS, ended_at=moment_of(tx))


@pytest.fixture
def site(tmp_path: Path, databases: Any) -> Site:
    """With no run in it."""
    return Site(tmp_path, databases.fresh(prepared=True, file=tmp_path / "home" / "penstock.db"))


def claimed(project: Project, room: int = 10) -> list[str]:
    """What one worker gets now."""
    with project.store.write() as tx:
        return claim_next(project, tx, "w", room)


def states(project: Project) -> dict[str, tuple[str, str | None]]:
    """State and worker of each run."""
    with project.store.read() as tx:
        return {row[0]: (row[1], row[2]) for row in tx.execute(text("SELECT id, state, worker FROM runs"))}


def test_four_processes_claim_five_hundred_runs(site: Site, tmp_path: Path) -> None:
    """Each run once; no pool over-full and no rate too fast at any moment of any of them."""
    with site.open() as project:
        for name, count in (("embed", 150), ("train", 100), ("ask", 100), ("urgent", 150)):
            site.wait(project, name, count)
    (tmp_path / "site_of_queue.py").write_text(Path(__file__).read_text(encoding="utf-8"), encoding="utf-8")
    command = [sys.executable, "-c", WORKER, str(tmp_path), str(site.folder), site.url]
    hands = [
        subprocess.Popen([*command, f"w{number}"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for number in range(4)
    ]
    assert [hand.stdout.readline() for hand in hands if hand.stdout] == ["ready\n"] * 4
    for hand in hands:
        assert hand.stdin is not None
        hand.stdin.write("go\n")
        hand.stdin.flush()
    said = [json.loads(hand.communicate(timeout=120)[0]) for hand in hands]
    got = [run_id for mine, _ in said for run_id, *_ in mine]
    assert len(got) == len(set(got)) == 500
    assert sum(bool(mine) for mine, _ in said) >= 2, [len(mine) for mine, _ in said]
    assert max(most for _, most in said) <= 4
    asked = sorted(
        (datetime.fromisoformat(before), datetime.fromisoformat(after))
        for mine, _ in said
        for run_id, before, after in mine
        if 250 < int(run_id) <= 350
    )
    assert len(asked) == 100
    for first, (begun, _) in enumerate(asked):
        for number, (_, at) in enumerate(asked[first:], 1):
            assert number <= 2 + (at - begun) / timedelta(milliseconds=20)


def test_what_is_claimed_is_queued_under_its_worker(site: Site) -> None:
    """By priority; what finds no slot waits on, and starts when one is free."""
    with site.open() as project:
        low = site.wait(project, "embed", 6)
        high = site.wait(project, "urgent", 2)
        assert claimed(project, 3) == [*high, low[0]]
        assert claimed(project) == low[1:4]
        assert claimed(project) == []
        assert states(project)[low[0]] == ("queued", "w")
        assert states(project)[low[4]] == ("scheduled", None)
        site.end(project, *low[:2])
        assert claimed(project, 1) == low[4:5]


def seen_by(project: Project, room: int) -> Seen:
    """What somebody sees who is about to claim."""
    with project.store.read() as tx:
        return look(project, tx, room=room)


@pytest.mark.parametrize("meanwhile", ["nothing", "one is taken", "one of its asset begins", "one is ended"])
def test_what_was_seen_before_is_gone_by_as_long_as_it_stands(site: Site, meanwhile: str) -> None:
    """Of those that were to start; what others have taken since is theirs, and no limit is passed."""
    site.definitions = Definitions(asset("u.json", name="urgent", max_active_runs=2)(lambda: 1))
    with site.open() as project:
        mine = site.wait(project, "urgent", 4, partition="")
        seen = seen_by(project, 2)
        assert seen.chosen.runs == (*mine[:2],)
        more = site.wait(project, "urgent", 1, partition="")  # what comes since waits for the next look
        wanted = mine[:2]
        if meanwhile == "one is taken":
            assert claimed(project, 1) == mine[:1]
            wanted = mine[1:2]  # two at a time, one of them is at work
        elif meanwhile == "one of its asset begins":
            with project.store.write() as tx:
                assert runs.advance(tx, mine[3], old=RunState.SCHEDULED, new=RunState.QUEUED, worker="other")
            wanted = mine[:1]
        elif meanwhile == "one is ended":
            with project.store.write() as tx:
                new, ended = RunState.CANCELED, moment_of(tx)
                assert runs.advance(tx, mine[0], old=RunState.SCHEDULED, new=new, ended_at=ended)
            wanted = mine[1:3]
        with project.store.write() as tx:
            assert [*claim(project, tx, worker="w", room=2, seen=seen).runs] == wanted
        assert states(project)[more[0]] == ("scheduled", None)


@pytest.mark.parametrize("name", ["embed", "ask"])
def test_what_is_scarce_is_looked_for_again(site: Site, name: str) -> None:
    """Slots and tokens are counted by whoever takes them, whatever they had seen."""
    with site.open() as project:
        site.wait(project, name, 8)
        seen = seen_by(project, 4)
        first = claimed(project, 3)
        with project.store.write() as tx:
            then = claim(project, tx, worker="w", room=4, seen=seen).runs
        assert not {*first} & {*then}
        assert len(first) + len(then) <= (4 if name == "embed" else 3)


def test_a_claim_that_is_rolled_back_took_nothing(site: Site) -> None:
    """Neither runs nor tokens."""
    with site.open() as project:
        mine = site.wait(project, "ask", 2)

        def interrupted() -> None:
            with project.store.write() as tx:
                assert claim_next(project, tx, "w", 10) == mine
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            interrupted()
        assert claimed(project) == mine


def test_a_claim_says_when_the_next_token_comes(site: Site) -> None:
    """So that a worker knows when to look again."""
    slow = Definitions(asset("a.json", name="a", limits=[RateLimit("slow", "1/h")], max_active_runs=9)(lambda: 1))
    site.definitions = slow
    with site.open() as project:
        first, second = site.wait(project, "a", 2, partition="")
        with project.store.write() as tx:
            chosen, now = claim(project, tx, worker="w", room=5), moment_of(tx)
        assert chosen.runs == (first,)
        assert chosen.next_at is not None
        assert timedelta(minutes=59) < chosen.next_at - now <= timedelta(hours=1)
        assert chosen.held[second].detail == f"rate limit slow: next at {_second(chosen.next_at, now)}"


def _second(at: datetime, now: datetime) -> str:
    up = at.replace(microsecond=0) + timedelta(seconds=at.microsecond > 0)
    return f"{up:%H:%M:%S} UTC" if up.date() == now.date() else f"{up:%Y-%m-%d %H:%M:%S} UTC"


def test_runs_of_others_are_left_to_them(site: Site) -> None:
    """Those that a materialization planned for itself, of an asset that is not known here, and of another code."""
    with site.open() as project:
        old = site.wait(project, "embed", 3, made_from={"code": "another"})
        mine = site.wait(project, "embed", 2)
        site.wait(project, "train")
        ended = site.wait(project, "train", state=RunState.SKIPPED)
    site.definitions = Definitions(DEFINITIONS.functions["embed"])
    with site.open() as project:
        assert claimed(project, 1) == mine[:1]
        assert claimed(project) == mine[1:]
        assert {states(project)[one][0] for one in old} == {"scheduled"}
        assert states(project)[ended[0]][0] == "skipped"


def test_what_others_have_at_work_takes_its_slots(site: Site) -> None:
    """Also where its asset is not known here: then its registered definition says what it takes."""
    with site.open() as project:
        busy = site.wait(project, "train", 2)
        assert claimed(project) == busy
    known = DEFINITIONS.functions
    site.definitions = Definitions(known["embed"])
    with site.open() as project:
        site.wait(project, "embed")
        assert claimed(project) == []


def test_a_run_that_is_up_for_another_attempt_waits_like_the_others(site: Site) -> None:
    """It is queued again, and is the older one."""
    with site.open() as project:
        new = site.wait(project, "embed")
        again = site.wait(project, "embed", state=RunState.UP_FOR_RETRY)
        with project.store.write() as tx:
            early = datetime(2026, 1, 5, 10, tzinfo=UTC)
            tx.execute(update(runs.runs).where(runs.runs.c.id == again[0]).values(created_at=early))
        assert claimed(project) == [*again, *new]


def test_an_asset_that_waits_says_for_what(site: Site) -> None:
    """The oldest first, each with what is in its way."""
    with site.open() as project:
        mine = site.wait(project, "embed", 5)
        with project.store.read() as tx:
            told = waits_for(project, tx, "embed")
        assert told[0].startswith(f"Its run {mine[0]} of 2020-01-02 has waited for a worker since ")
        assert told[0].endswith(" UTC; nothing else is in its way.")
        assert told[4] == "1 more of its runs wait."
        claimed(project)
        with project.store.read() as tx:
            (one,) = waits_for(project, tx, "embed")
            assert one.endswith("UTC: at concurrency limit; pool embedding: 4 of 4 slots.")
            assert waits_for(project, tx, "embed", "2020-01-06") == [one]
            assert waits_for(project, tx, "embed", "2020-01-02") == waits_for(project, tx, "train") == []


def test_a_pool_that_nobody_sized_is_refused_before_anything_is_opened(site: Site) -> None:
    """With every asset that asks for it."""
    with pytest.raises(DefinitionError, match="its pool 'embedding' has no size") as caught, site.open(pools={}):
        pass
    assert caught.value.message.count("embedding = ") == 2
    with pytest.raises(DefinitionError, match="takes 2 slots of pool 'embedding', which has 1"):
        site.open(pools={"embedding": 1}).__enter__()


def test_a_worker_name_is_what_recovery_asks_for(site: Site) -> None:
    """A run whose worker died while it was queued is left behind like any other."""
    with site.open() as project:
        (mine,) = site.wait(project, "embed")
        with project.store.write() as tx:
            assert claim_next(project, tx, worker_name(), 1) == [mine]
        assert states(project)[mine] == ("queued", worker_name())
