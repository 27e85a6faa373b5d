"""Several real processes at one store: nothing is lost, nothing is doubled, of two that race one wins."""

from __future__ import annotations

from typing import Any

import pytest

from penstock.storage.types import RunState

pytestmark = pytest.mark.databases("sqlite", "postgresql")


def test_numbers_have_no_gaps_when_four_processes_publish(meta: Any, crew: Any) -> None:
    """50 events each to one dataset: the numbers 1 to 200, each once, and every kind fits the event before it."""
    docs = meta.declare("docs.csv").datasets["docs.csv"]
    each = [{"dataset_id": docs, "contents": [f"{hand} {number // 2}" for number in range(50)]} for hand in range(4)]
    answers = crew.together(meta.url, *(("publish", values) for values in each))
    numbers = sorted(number for answer in answers for number, _ in answer)
    assert numbers == list(range(1, 201))
    assert all([number for number, _ in answer] == sorted(number for number, _ in answer) for answer in answers)
    rows = meta.rows("SELECT number, version_id, kind FROM events ORDER BY id")
    assert [number for number, _, _ in rows] == list(range(1, 201))
    before = None
    for _, version, kind in rows:
        assert kind == ("confirmed" if version == before else "changed")
        before = version
    assert meta.rows("SELECT last_number, head_version_id FROM datasets") == [(200, before)]
    assert meta.rows("SELECT count(*) FROM versions") == [(100,)]


def test_four_processes_prepare_one_empty_database(databases: Any, crew: Any) -> None:
    """Whoever comes first makes the tables; the others wait and find them. Ten times over."""
    for _ in range(10):
        url = databases.fresh(prepared=False)
        assert crew.together(url, *[("ready", {})] * 4) == ["current"] * 4


def test_every_event_is_taken_once_by_two_processes(meta: Any, crew: Any) -> None:
    """Both see and take for the same consumer while two more publish: in the end each event has one current link."""
    ids = meta.declare(chunks="docs.csv")
    chunks, docs = ids.assets["chunks"], ids.datasets["docs.csv"]
    takers = [{"asset_id": chunks, "dataset_id": docs, "run_ids": [meta.run(chunks) for _ in range(60)]} for _ in "ab"]
    writers = [{"dataset_id": docs, "contents": [f"{hand} {number}" for number in range(30)]} for hand in range(2)]
    took = crew.together(
        meta.url, *(("publish", values) for values in writers), *(("take", values) for values in takers)
    )[2:]
    links = meta.rows("SELECT e.number, c.run_id FROM consumptions c JOIN events e ON e.id = c.event_id ORDER BY 1")
    assert [number for number, _ in links] == list(range(1, len(links) + 1))
    assert {run for _, run in links} == {*took[0], *took[1]}
    left = 60 - len(links)  # the takers go home when nothing comes for a while
    assert meta.pending(chunks) == ({docs: (left, left, 0)} if left else {})
    assert meta.rows("SELECT floor, completing FROM subscriptions") == [(len(links), 0)]


def test_one_event_makes_one_run_whoever_plans(meta: Any, crew: Any) -> None:
    """Four planners see one event at once, 30 times: one run each time, and nothing of the three that were late."""
    ids = meta.declare(chunks="docs.csv")
    values = {"asset_id": ids.assets["chunks"], "dataset_id": ids.datasets["docs.csv"]}
    for number in range(1, 31):
        meta.publish(ids.datasets["docs.csv"], str(number))
        each = [("fire", {**values, "run_id": f"{number} {hand}"}) for hand in range(4)]
        assert sorted(crew.together(meta.url, *each)) == [False, False, False, True]
        assert meta.rows("SELECT count(*), count(DISTINCT run_id) FROM consumptions") == [(number, number)]
    assert meta.rows("SELECT count(*) FROM runs") == [(30,)]


def test_of_two_processes_that_claim_a_run_one_wins(meta: Any, crew: Any) -> None:
    """50 runs, two workers: each run has exactly one of them, and the other was told."""
    chunks = meta.declare(chunks="").assets["chunks"]
    found = [meta.run(chunks, RunState.QUEUED) for _ in range(50)]
    change = {"run_ids": found, "old": "queued", "new": "running"}
    first, second = crew.together(meta.url, *(("advance", {**change, "worker": name}) for name in ("first", "second")))
    assert [a + b for a, b in zip(first, second, strict=True)] == [1] * 50
    owners = dict(meta.rows("SELECT id, worker FROM runs"))
    assert [owners[run] for run in found] == ["first" if won else "second" for won in first]


def test_of_four_processes_that_want_a_lease_one_gets_it(meta: Any, crew: Any) -> None:
    """25 names that nobody held before: each has one holder."""
    names = [f"lease {number}" for number in range(25)]
    holders = ("a", "b", "c", "d")
    answers = crew.together(meta.url, *(("acquire", {"names": names, "holder": holder}) for holder in holders))
    assert [sum(answer[place] for answer in answers) for place in range(25)] == [1] * 25
    held = dict(meta.rows("SELECT name, holder FROM leases"))
    for answer, holder in zip(answers, holders, strict=True):
        assert [name for name in names if held[name] == holder] == [
            name for name, got in zip(names, answer, strict=True) if got
        ]
