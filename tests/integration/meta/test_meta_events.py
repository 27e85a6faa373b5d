"""Events, versions and consumption: what is published counts once, what is pending is taken once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from penstock.storage.errors import Bug
from penstock.storage.manifest import FileEntry, Manifest
from penstock.storage.meta import events, runs, ticks, versions
from penstock.storage.meta.ticks import TickTaken
from penstock.storage.types import ConsumptionOutcome, EventKind

pytestmark = pytest.mark.databases("sqlite", "postgresql")

LINKS = """SELECT e.number, c.run_id, c.outcome, c.current
    FROM consumptions c JOIN events e ON e.id = c.event_id ORDER BY c.id"""


def claim(asset: int, dataset: int, up_to: int, expected: int, run: str | None) -> events.Claim:
    """What a run takes of a dataset."""
    outcome = ConsumptionOutcome.RUN if run else ConsumptionOutcome.CONFIRMED
    return events.Claim(asset_id=asset, dataset_id=dataset, up_to=up_to, expected=expected, run_id=run, outcome=outcome)


def take(meta: Any, *claims: events.Claim) -> bool:
    """Consumed, or nothing happened."""
    with meta.store.write() as tx:
        done = events.consume(tx, claims, now=meta.now)
        if not done:
            tx.rollback()
        return done


def test_the_kind_of_an_event_follows_from_the_head(meta: Any) -> None:
    """The same content again is confirmed; A → B → A is changed twice, and A is one version."""
    docs = meta.declare("docs.csv").datasets["docs.csv"]
    found = [meta.publish(docs, content) for content in "AABAA"]
    assert [event.number for event in found] == [1, 2, 3, 4, 5]
    assert [str(event.kind) for event in found] == ["changed", "confirmed", "changed", "changed", "confirmed"]
    assert [event.first for event in found] == [True, False, False, False, False]
    assert meta.rows("SELECT count(*) FROM versions") == [(2,)]
    with meta.store.read() as tx:
        head = versions.heads(tx, [docs])[docs]
    assert (head.number, head.uri, head.manifest.token, head.held) == (5, "docs.csv", "A", True)
    assert head.metadata == {"of": "A"}
    assert head.at == meta.now
    assert head.digest == Manifest(suffix="", token="A").digest


def test_what_is_gone_has_no_head_until_it_is_there_again(meta: Any) -> None:
    """`removed` once, not again while nothing is there; the same content after it is news."""
    docs = meta.declare("docs.csv").datasets["docs.csv"]

    def remove() -> events.Published | None:
        with meta.store.write() as tx:
            return events.publish_removal(tx, dataset_id=docs, now=meta.now)

    assert remove() is None
    meta.publish(docs, "A")
    gone = remove()
    assert gone is not None
    assert (gone.number, gone.kind) == (2, EventKind.REMOVED)
    assert remove() is None
    with meta.store.read() as tx:
        assert versions.heads(tx, [docs]) == {}
    again = meta.publish(docs, "A")
    assert (again.number, again.kind) == (3, EventKind.CHANGED)


def test_publishing_what_nobody_declared_is_a_bug(meta: Any) -> None:
    """There is no dataset row whose number could be raised."""
    with pytest.raises(Bug, match="dataset 99 is not registered"), meta.store.write() as tx:
        events.publish_event(tx, dataset_id=99, version_id=1, run_id=None, metadata={}, now=meta.now)


def test_a_version_is_recorded_once_and_becomes_held(meta: Any) -> None:
    """Content that was only observed is the same version when its bytes are kept; that is never undone."""
    docs = meta.declare("docs.csv").datasets["docs.csv"]
    manifest = Manifest(suffix=".csv", files=(FileEntry(path="", size=3, rows=2, digest="d" * 64),))

    def keep(*, held: bool, digest: str | None = None) -> int:
        with meta.store.write() as tx:
            return versions.keep_version(tx, dataset_id=docs, manifest=manifest, held=held, now=meta.now, digest=digest)

    first = keep(held=False)
    with meta.store.read() as tx:
        assert list(versions.live_manifests(tx)) == []
    assert keep(held=True) == first
    assert keep(held=False, digest=manifest.digest) == first
    assert meta.rows("SELECT digest, rows, size, held FROM versions") == [(manifest.digest, 2, 3, 1)]
    with meta.store.read() as tx:
        assert list(versions.live_manifests(tx)) == [manifest]


def test_taking_settles_what_was_seen_and_nothing_that_came_later(meta: Any) -> None:
    """A run that saw two events leaves the third pending, also when it records after the third arrived."""
    ids = meta.declare(chunks="docs.csv", report="docs.csv")
    chunks, report, docs = ids.assets["chunks"], ids.assets["report"], ids.datasets["docs.csv"]
    for content in "ABC":
        meta.publish(docs, content)
    run = meta.run(chunks)
    assert take(meta, claim(chunks, docs, 2, 2, run))
    assert meta.pending(chunks) == {docs: (1, 1, 0)}
    assert meta.pending(report) == {docs: (3, 3, 0)}
    assert meta.rows(LINKS) == [(1, run, "run", 1), (2, run, "run", 1)]


def test_taking_what_somebody_else_took_is_refused(meta: Any) -> None:
    """More or fewer than were seen: False, and after the rollback nothing is linked twice."""
    ids = meta.declare(chunks="docs.csv labels.csv")
    chunks, docs, labels = ids.assets["chunks"], ids.datasets["docs.csv"], ids.datasets["labels.csv"]
    for content in "ABC":
        meta.publish(docs, content)
    meta.publish(labels, "A")
    first, second = meta.run(chunks), meta.run(chunks)
    assert take(meta, claim(chunks, docs, 2, 2, first))
    assert not take(meta, claim(chunks, docs, 2, 2, second))
    assert not take(meta, claim(chunks, docs, 3, 3, second))
    assert not take(meta, claim(chunks, labels, 1, 1, second), claim(chunks, docs, 3, 3, second))
    assert meta.pending(chunks) == {docs: (1, 1, 0), labels: (1, 1, 0)}
    assert take(meta, claim(chunks, labels, 1, 1, second), claim(chunks, docs, 3, 1, second))
    assert meta.pending(chunks) == {}
    links = [(1, first), (1, second), (2, first), (3, second)]
    assert sorted(row[:2] for row in meta.rows(LINKS)) == links


def test_what_one_consumer_lost_is_not_made_up_for_by_what_another_got(meta: Any) -> None:
    """One fewer here and one more there is not what was seen: each claim is compared by itself."""
    ids = meta.declare(chunks="docs.csv", report="docs.csv")
    chunks, report, docs = ids.assets["chunks"], ids.assets["report"], ids.datasets["docs.csv"]
    meta.publish(docs, "A")
    meta.publish(docs, "B")
    runs_of = {asset: [meta.run(asset), meta.run(asset)] for asset in (chunks, report)}
    assert take(meta, claim(chunks, docs, 2, 2, runs_of[chunks][0]))
    assert not take(meta, claim(chunks, docs, 2, 1, runs_of[chunks][1]), claim(report, docs, 2, 1, runs_of[report][0]))
    assert meta.pending(report) == {docs: (2, 2, 0)}


def test_taking_nothing_is_fine(meta: Any) -> None:
    """A run by request may have nothing to take."""
    assert take(meta)


def test_news_that_is_given_back_completes_and_starts_nothing(meta: Any) -> None:
    """The history of the link is kept; what came while the run was active is fresh; another run can take all."""
    ids = meta.declare(chunks="docs.csv")
    chunks, docs = ids.assets["chunks"], ids.datasets["docs.csv"]
    meta.publish(docs, "A")
    meta.publish(docs, "B")
    run = meta.run(chunks)
    assert take(meta, claim(chunks, docs, 2, 2, run))
    meta.publish(docs, "C")
    with meta.store.write() as tx:
        assert events.give_back(tx, asset_id=chunks, run_id=run) == 2
        assert events.give_back(tx, asset_id=chunks, run_id=run) == 0
    assert meta.pending(chunks) == {docs: (3, 1, 0)}
    again = meta.run(chunks)
    assert take(meta, claim(chunks, docs, 3, 3, again))
    assert meta.pending(chunks) == {}
    assert meta.rows(LINKS) == [
        (1, run, "returned", 0),
        (2, run, "returned", 0),
        (1, again, "run", 1),
        (2, again, "run", 1),
        (3, again, "run", 1),
    ]


def test_news_of_a_run_that_never_was_is_as_fresh_as_before(meta: Any) -> None:
    """Given back `fresh`: what could start a run still can, what could not still cannot."""
    docs = meta.declare("docs.csv").datasets["docs.csv"]
    meta.publish(docs, "A")
    chunks = meta.declare(chunks="docs.csv").assets["chunks"]
    meta.publish(docs, "B")
    run = meta.run(chunks)
    assert take(meta, claim(chunks, docs, 2, 2, run))
    with meta.store.write() as tx:
        events.give_back(tx, asset_id=chunks, run_id=run, fresh=True)
    assert meta.pending(chunks) == {docs: (2, 1, 0)}


def test_ticks_are_taken_once(meta: Any) -> None:
    """Per consumer and timetable; the last one that was taken is what counts."""
    ids = meta.declare(chunks="", report="")
    chunks, report = ids.assets["chunks"], ids.assets["report"]
    run = meta.run(chunks)
    first, second = meta.now, meta.now + timedelta(hours=1)
    with meta.store.write() as tx:
        ticks.consume_ticks(
            tx, [TickTaken(chunks, run, "every 1h", second), TickTaken(chunks, run, "cron", first)], now=meta.now
        )
        ticks.consume_ticks(tx, [TickTaken(chunks, run, "every 1h", first)], now=meta.now)
        ticks.consume_ticks(tx, [], now=meta.now)
    with meta.store.read() as tx:
        wanted = [(chunks, "every 1h"), (chunks, "cron"), (report, "cron")]
        assert ticks.last_ticks(tx, wanted) == {(chunks, "every 1h"): second, (chunks, "cron"): first}


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("publish"), st.sampled_from("ABC")),
        st.tuples(st.just("remove")),
        st.tuples(st.just("take"), st.integers(0, 3)),
        st.tuples(st.just("return"), st.booleans(), st.integers(0, 5)),
    ),
    max_size=14,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_pending_is_what_was_published_and_not_taken(meta: Any, steps: list[tuple[Any, ...]]) -> None:
    """Whatever is published, removed, taken and given back, in any order: the sums are those of a plain list.

    What a failed run gives back starts nothing any more; nothing else is changed by it. Whatever order runs end in.
    """
    meta.count += 100
    uri = f"d{meta.count}.csv"
    name = f"a{meta.count}"
    ids = meta.declare(uri, **{name: uri})
    asset, dataset = ids.assets[name], ids.datasets[uri]
    head, numbers = None, 0
    old: set[int] = set()
    waiting: dict[int, str] = {}
    taken: list[tuple[str, dict[int, str]]] = []
    for step in steps:
        match step:
            case ("publish", content):
                kind = "confirmed" if content == head else "changed"
                assert meta.publish(dataset, content).kind == kind
                head, numbers = content, numbers + 1
                waiting[numbers] = kind
            case ("remove",):
                with meta.store.write() as tx:
                    found = events.publish_removal(tx, dataset_id=dataset, now=meta.now)
                assert (found is None) == (head is None)
                numbers += head is not None
                head = None
            case ("take", late):  # planned when the last few had not arrived yet
                up_to = numbers - late
                seen = {number: kind for number, kind in waiting.items() if number <= up_to}
                if seen:
                    run = meta.run(asset)
                    assert take(meta, claim(asset, dataset, max(seen), len(seen), run))
                    taken.append((run, seen))
                    waiting = {number: kind for number, kind in waiting.items() if number not in seen}
            case ("return", fresh, which):
                if taken:
                    run, seen = taken.pop(which % len(taken))
                    with meta.store.write() as tx:
                        assert events.give_back(tx, asset_id=asset, run_id=run, fresh=fresh) == len(seen)
                    waiting |= seen
                    old |= set() if fresh else set(seen)
        kinds = [kind for number, kind in waiting.items() if number not in old]
        expected = (len(waiting), kinds.count("changed"), kinds.count("confirmed"))
        assert meta.pending(asset) == ({dataset: expected} if waiting else {})


def test_what_was_pinned_is_what_stood_then(meta: Any) -> None:
    """A run reads the version that was pinned for it, whatever is published later."""
    ids = meta.declare(chunks="docs.csv")
    chunks, docs = ids.assets["chunks"], ids.datasets["docs.csv"]
    meta.publish(docs, "A")
    with meta.store.read() as tx:
        head = versions.heads(tx, [docs])[docs]
    pin = runs.Pin(parameter="docs", dataset_id=docs, version_id=head.version_id, event_id=head.event_id)
    run = meta.run(chunks, pins=(pin,))
    meta.publish(docs, "B")
    with meta.store.read() as tx:
        assert versions.pinned_heads(tx, run) == {"docs": head}
        assert [(one.parameter, one.uri, one.digest) for one in runs.pinned(tx, run)] == [
            ("docs", "docs.csv", head.digest)
        ]


def test_a_uri_is_shown_until_its_head_moves_on(meta: Any) -> None:
    """Heads of what we make that their URI was not made equal to yet are found; marking is refused once outdated."""
    ids = meta.declare("docs.csv", chunks="")
    docs = ids.datasets["docs.csv"]
    meta.publish(docs, "A")
    with meta.store.write() as tx:
        assert versions.unshown(tx, "kb") == []  # others write it
        tx.exec_driver_sql(f"UPDATE datasets SET producer_id = {ids.assets['chunks']}")
        (head,) = versions.unshown(tx, "kb")
        assert versions.unshown_head(tx, docs) == head
        assert versions.is_head(tx, docs, head.version_id)
        assert versions.mark_shown(tx, docs, head.version_id)
        assert versions.unshown(tx, "kb") == []
        assert versions.unshown_head(tx, docs) is None
    meta.publish(docs, "B")
    with meta.store.write() as tx:
        assert not versions.mark_shown(tx, docs, head.version_id)
        assert not versions.is_head(tx, docs, head.version_id)
        assert [one.manifest.token for one in versions.unshown(tx, "kb")] == ["B"]


def test_the_last_look_at_a_dataset_is_remembered(meta: Any) -> None:
    """Each replaces the one before."""
    docs = meta.declare("docs.csv").datasets["docs.csv"]
    with meta.store.write() as tx:
        assert versions.observation(tx, docs) is None
        for size in (1, 2):
            versions.remember_observation(tx, docs, fingerprint={"size": size}, version_id=None, now=meta.now)
        assert versions.observation(tx, docs) == versions.Observation(fingerprint={"size": 2}, version_id=None)
