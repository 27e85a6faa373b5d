"""Lineage of histories in which the same bytes are published again and again, on each database, against a model.

Runs are planned, and pin what is newest then or what was so before; others publish meanwhile; runs end, with bytes that
were there before or not; and some are skipped, and tell again what was made.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from penstock.storage.manifest import Manifest
from penstock.storage.meta.edges import record_edges
from penstock.storage.meta.events import publish_event
from penstock.storage.meta.runs import Pin, advance
from penstock.storage.meta.versions import keep_version
from penstock.storage.types import EventKind, RunState
from penstock.ui.read.tracing import impact, path, trace
from tests.integration.meta.conftest import Meta

pytestmark = pytest.mark.databases("sqlite", "postgresql")
NAMES = ("a", "b", "c")
PROJECTS = count(1)


@dataclass(frozen=True)
class Told:
    """A publication, what was pinned for the run that made it, and whether one did."""

    dataset: str
    number: int
    version: int
    event: int
    run: str | None
    makes: bool
    read: tuple[Told, ...] = ()

    @property
    def text(self) -> str:
        """What people write for it."""
        return f"{self.dataset}@{self.number}"


class History:
    """A project of its own, and what was published in it, oldest first."""

    def __init__(self, url: str, folder: Any) -> None:
        self.meta = Meta(url, folder, project=f"kb{next(PROJECTS)}")
        self.ids = self.meta.declare(*(f"{name}.csv" for name in NAMES), maker="a.csv")
        self.told: list[Told] = []
        self.planned: list[tuple[str, tuple[Told, ...]]] = []
        self.meta.count = 1000 * next(PROJECTS)

    def others(self, dataset: str, content: str) -> None:
        """Others publish; what is the newest already they confirm."""
        self._publish(dataset, content, None, ())

    def plan(self, read: list[int]) -> None:
        """A run is planned, which pins some of what was published."""
        pinned = tuple(dict.fromkeys(self.told[one % len(self.told)] for one in read if self.told))
        pins = tuple(
            Pin(f"p{place}", self.ids.datasets[f"{one.dataset}.csv"], one.version, one.event)
            for place, one in enumerate(pinned)
        )
        self.planned.append((self.meta.run(self.ids.assets["maker"], pins=pins), pinned))

    def make(self, read: list[int], outputs: dict[str, str]) -> None:
        """A run is planned, and ends before anything else does."""
        self.plan(read)
        self.end(-1, outputs)

    def end(self, which: int, outputs: dict[str, str]) -> None:
        """A run that was planned ends, and publishes."""
        if self.planned:
            run, read = self.planned.pop(which % len(self.planned))
            made = [self._publish(dataset, content, run, read) for dataset, content in outputs.items()]
            self._ended(run, RunState.SUCCESS)
            with self.meta.store.write() as tx:
                inputs = [one.version for one in read]
                record_edges(tx, run_id=run, outputs=[one.version for one in made], inputs=inputs)

    def skip(self, dataset: str) -> None:
        """A run is skipped, and the newest is told again."""
        newest = [one for one in self.told if one.dataset == dataset]
        if newest:
            run = self.meta.run(self.ids.assets["maker"])
            self._ended(run, RunState.SKIPPED)
            self._publish(dataset, "", run, (), version=newest[-1].version, makes=False)

    def _ended(self, run: str, state: RunState) -> None:
        self.meta.now += self.meta.now.resolution
        with self.meta.store.write() as tx:
            assert advance(tx, run, old=RunState.SCHEDULED, new=state, ended_at=self.meta.now)

    def _publish(self, dataset: str, content: str, run: str | None, read: tuple[Told, ...], **given: Any) -> Told:
        number, now = self.ids.datasets[f"{dataset}.csv"], self.meta.now
        with self.meta.store.write() as tx:
            version = given.get("version") or keep_version(
                tx, dataset_id=number, manifest=Manifest(suffix="", token=content), held=True, now=now
            )
            event = publish_event(tx, dataset_id=number, version_id=version, run_id=run, metadata={}, now=now)
        makes = given.get("makes", run is not None or event.kind is EventKind.CHANGED)
        self.told.append(Told(dataset, event.number, version, event.event_id, run, makes, read))
        return self.told[-1]

    def making(self, at: Told) -> Told:
        """By which publication those bytes were made."""
        return [one for one in self.told if one.version == at.version and one.makes and one.event <= at.event][-1]

    def upstream(self, at: Told) -> Iterator[Told]:
        """The making of a publication, and those of all that its run had pinned."""
        made = self.making(at)
        yield made
        for one in made.read:
            yield from self.upstream(one)

    def downstream(self, at: Told) -> set[tuple[int, int]]:
        """Version and number of each making that has that of a publication upstream; without this."""
        meant = self.making(at)
        return {
            (one.version, one.number)
            for one in self.told
            if one.makes and one is not meant and meant in set(self.upstream(one))
        }


contents = st.sampled_from(["one", "two"])
names = st.sampled_from(NAMES)
outputs = st.dictionaries(names, contents, min_size=1, max_size=2)
read = st.lists(st.integers(0, 20), min_size=1, max_size=3)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("others"), names, contents),
        st.tuples(st.just("make"), read, outputs),
        st.tuples(st.just("make"), read, outputs),
        st.tuples(st.just("plan"), read),
        st.tuples(st.just("end"), st.integers(0, 3), outputs),
        st.tuples(st.just("skip"), names),
    ),
    min_size=3,
    max_size=12,
)
AGAIN = [
    ("others", "a", "one"),
    ("make", [0], {"b": "one"}),
    ("make", [1], {"c": "one"}),
    ("others", "a", "two"),
    ("make", [3], {"b": "one"}),
    ("make", [4], {"c": "one"}),
    ("skip", "c"),
]
"""The same bytes from other inputs, twice over."""


@pytest.fixture
def url(databases: Any) -> str:
    """That of a database for all projects of a test."""
    return databases.fresh()


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=steps)
@example(steps=AGAIN)
def test_a_publication_is_answered_about_itself_and_ways_are_where_impacts_are(
    url: str, tmp_path: Any, steps: list[tuple[Any, ...]]
) -> None:
    """Upstream of a number lies exactly what its run had read, downstream exactly what has it upstream, of bytes what
    came of every making of them; and there is a way from one publication to another just where that is so."""
    history = History(url, tmp_path)
    for verb, *values in steps:
        getattr(history, verb)(*values)
    store = history.meta.store
    for one in history.told:
        found = trace(store, one.text)
        (root,) = found.roots
        assert (root.number, root.run, root.version.id) == (one.number, history.making(one).run, one.version)
        made = [it.number for it in history.told if it.version == one.version and it.makes]
        assert [it.number for it in root.made] == made
        above = {(it.version, it.number) for it in history.upstream(one)}
        assert {(it.version.id, it.number) for it in found.others} == above - {
            (one.version, history.making(one).number)
        }
    for begin in history.told:
        came = history.downstream(begin)
        assert {(it.version.id, it.number) for it in impact(store, begin.text).others} == came
        for end in history.told:
            made = history.making(end)
            if made is not history.making(begin):
                assert bool(path(store, begin.text, end.text).lines) is ((made.version, made.number) in came)
    for begin in {one.version: one for one in history.told}.values():
        makings = [one for one in history.told if one.version == begin.version and one.makes]
        found = impact(store, f"{begin.dataset}@{trace(store, begin.text, depth=0).roots[0].version.digest}")
        assert {(it.version.id, it.number) for it in found.lines} == {
            *((one.version, one.number) for one in makings),
            *(came for one in makings for came in history.downstream(one)),
        }
    store.close()
