"""Work that goes on while something is broken on purpose, and what has to be true once all is well again."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

from sqlalchemy import select

from penstock.storage.errors import PenstockError
from penstock.storage.meta.database.engine import Store
from penstock.storage.meta.events import events
from penstock.storage.meta.runs import Run
from penstock.storage.types import RunState

ASSETS = 4


class Load:
    """Four assets, each with a run for every event of its source; `told` counts the events that are there for sure."""

    def __init__(self, site: Any, *, seconds: float = 0.01, tries: int = 1) -> None:
        self.site, self.told = site, 0
        site.define(
            "def made(number):\n    source = Dataset(f's{number}.json')\n"
            f"    def produce() -> int:\n        time.sleep({seconds})\n        return time.time_ns()\n"
            f"    again = RetryPolicy({tries}, delay='1s', backoff=1)\n"
            "    made = asset(f'm{number}.json', name=f'm{number}', on=source, consume=each(source), retries=again)\n"
            "    return made(produce)\n"
            f"many = [made(number) for number in range({ASSETS})]\n"
        )

    def tell(self) -> bool:
        """An event for each asset; False where the store could not take one of them."""
        for number in range(ASSETS):
            try:
                self.site.tell(f"s{number}.json")
            except PenstockError:
                return False
            self.told += 1
        return True

    def assert_settled(self, *, lost: bool = False, seconds: float = 180) -> list[Run]:
        """Each event has its run, each run has ended and published once, and all of its lineage is delivered in order;
        the runs. `lost`: whether as many workers may have died as a run has tries, so that it has failed."""
        there = self.site.ask(external)  # a commit whose answer was lost may have taken place all the same
        assert there >= self.told
        self.site.until(lambda: len(runs_over(self.site)) >= there, seconds=seconds)
        found: list[Run] = self.site.runs()
        assert len(found) == there, self.site.said()
        states = {RunState.SUCCESS, *([RunState.FAILED] if lost else [])}
        assert {one.state for one in found} <= states, Counter(one.state for one in found)
        published = self.site.ask(published_by_run)
        assert sorted(published) == sorted(one.id for one in found if one.state is RunState.SUCCESS)
        lineage = self.site.folder / ".penstock" / "lineage.ndjson"
        last = {RunState.SUCCESS: "COMPLETE", RunState.FAILED: "FAIL"}
        wanted = {one.id: ["START", last[one.state]] for one in found}
        # The lease of a relay that was killed has to run out first.
        self.site.until(lambda: delivered(lineage.read_text()).keys() == wanted.keys(), seconds=120)
        self.site.until(lambda: all(len(one) > 1 for one in delivered(lineage.read_text()).values()))
        assert delivered(lineage.read_text()) == wanted
        return found


def runs_over(site: Any) -> list[str]:
    """The runs that have ended."""
    return [one.id for one in site.runs() if one.ended_at is not None]


def external(store: Store) -> int:
    """The number of events that no run made."""
    with store.read() as tx:
        return len(tx.execute(select(events.c.run_id).where(events.c.run_id.is_(None))).all())


def published_by_run(store: Store) -> list[str]:
    """The runs that published something, once for each time."""
    with store.read() as tx:
        return list(tx.execute(select(events.c.run_id).where(events.c.run_id.is_not(None))).scalars())


def delivered(text: str) -> dict[str, Sequence[str]]:
    """What lineage tells of each run, in order; what came again is left out: it comes at least once."""
    kinds: dict[str, list[str]] = {}
    for line in text.splitlines():
        one = json.loads(line)
        told_of = kinds.setdefault(one["run"]["runId"], [])
        if one["eventType"] not in told_of:
            told_of.append(one["eventType"])
    return dict(kinds)
