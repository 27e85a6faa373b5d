"""Planning of partitions that are asked for, and what stands for what they read; values in, values out."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from penstock import Daily, Definitions, Hourly, asset
from penstock.assets.plan.graph import Graph
from penstock.assets.plan.key import digest_read
from penstock.assets.plan.planner import Held, PlannedRun, decide_partition, plan
from penstock.assets.plan.preview import preview
from penstock.assets.plan.state import AssetState, HeadState, PartitionsRead, Request, State
from penstock.assets.run.project.lying import place_of
from penstock.storage.settings import read_settings
from penstock.storage.types import ReasonKind, RunState

NOW = datetime(2026, 2, 1, tzinfo=UTC)
DAY = "2026-01-05"


@asset("hourly/{hour}.json", partitions=Hourly(start="2026-01-01"))
def hourly() -> int:
    """What the day is made from."""
    return 1


@asset("daily/{day}.json", partitions=Daily(start="2026-01-01"), on=hourly)
def daily(hourly: dict[str, int]) -> int:
    """All hours of a day."""
    return len(hourly)


GRAPH = Graph.of(Definitions(hourly, daily).resolve())
WHOLE = AssetState(registered_at=NOW)


def head(digest: str) -> HeadState:
    """A version."""
    return HeadState(version_id=1, event_id=1, number=1, digest=digest)


def state(read: PartitionsRead, **own: Any) -> State:
    """One day is asked for, that reads this."""
    day = replace(WHOLE, reads={"hourly": read}, **own)
    return State(assets={"daily": WHOLE}, partitions={"daily": {DAY: day}}, requests={"daily": Request()})


def decided(read: PartitionsRead, **own: Any) -> PlannedRun | Held:
    """What is to be done with the day."""
    found = plan(GRAPH, state(read, **own), NOW)
    (one,) = (*found.runs, *found.held)
    assert one.partition == DAY
    return one


def test_a_partition_is_planned_with_what_it_reads() -> None:
    """Its key stands in the run key; what is read is pinned by its keys. Made from the same, it is skipped."""
    read = PartitionsRead(heads={f"{DAY}T00": head("a"), f"{DAY}T01": head("b")})
    run = decided(read)
    assert isinstance(run, PlannedRun)
    assert (run.state, run.reason.kind) == (RunState.SCHEDULED, ReasonKind.FIRST_BUILD)
    assert (run.key.parts["partition"], run.key.parts["inputs"]) == (DAY, {"hourly": digest_read(read)})
    assert (run.pins, run.reads, run.takes, run.ticks) == ({}, {"hourly": read.heads}, (), {})
    again = decided(read, made_from=run.key.parts, complete=True)
    assert isinstance(again, PlannedRun)
    assert again.state is RunState.SKIPPED
    other = decided(replace(read, heads={f"{DAY}T00": head("a")}), made_from=run.key.parts, complete=True)
    assert other.reason.text == "input changed: hourly"


@pytest.mark.parametrize("made", [False, True])
def test_partitions_that_stand_alike_are_decided_as_each_alone(made: bool) -> None:
    """Several days share one state: what is done with each is what would be done with it by itself. So it is where
    that state says that one of them was made of what is there, which says nothing of the others."""
    read = PartitionsRead(heads={f"{DAY}T00": head("a")})
    first = decided(read)
    assert isinstance(first, PlannedRun)
    alike = replace(WHOLE, reads={"hourly": read}, made_from=first.key.parts if made else None, complete=made)
    days = (DAY, "2026-01-06", "2026-01-07")
    several = replace(state(read), partitions={"daily": dict.fromkeys(days, alike)})
    alone = [decide_partition(GRAPH, several, "daily", day, own=alike) for day in days]
    assert list(plan(GRAPH, several, NOW).runs) == alone
    assert [one.partition for one in alone] == list(days)
    assert [isinstance(one, PlannedRun) and one.state is RunState.SKIPPED for one in alone] == [made, False, False]


def test_what_stands_for_what_is_read() -> None:
    """One alone by its digest; several by their keys too, so that bytes that moved to another key are a change."""
    a, b = head("a"), head("b")
    assert digest_read(PartitionsRead(heads={})) is None
    assert digest_read(PartitionsRead(heads={"1": a}, single=True)) == "a"
    several = [{"1": a, "2": b}, {"1": b, "2": a}, {"1": a}, {"2": a}]
    assert len({digest_read(PartitionsRead(heads=heads)) for heads in several}) == len(several)


@pytest.mark.parametrize(
    ("heads", "rest", "enough"),
    [
        (2, {}, True),
        (0, {}, False),
        (2, {"lacking": ("3",)}, False),
        (2, {"lacking": ("3",), "least": 2}, True),
        (1, {"lacking": ("3",), "least": 2}, False),
        (1, {"open": True, "lacking": ("3",)}, True),
        (0, {"open": True}, False),
        (0, {"least": 0, "lacking": ("3",)}, False),
    ],
)
def test_what_is_enough(heads: int, rest: dict[str, Any], enough: bool) -> None:
    """Every key, or as many as are asked for, or whatever is made; never none."""
    assert PartitionsRead(heads={str(number): head("a") for number in range(heads)}, **rest).enough is enough


def test_what_holds_a_partition_back() -> None:
    """A key that failed, keys without a version, a run that is active; each says which."""
    whole = PartitionsRead(heads={f"{DAY}T00": head("a")})
    failed = decided(replace(whole, failed=(f"{DAY}T01",)))
    assert failed.reason.text == f"upstream failed: hourly {DAY}T01"
    lacking = decided(replace(whole, lacking=tuple(f"{DAY}T{hour:02}" for hour in range(1, 6))))
    assert lacking.reason.text == (
        f"input has no version: hourly {DAY}T01, hourly {DAY}T02, hourly {DAY}T03; and 2 more"
    )
    nothing = decided(PartitionsRead(heads={}))
    assert nothing.reason.text == "input has no version: hourly, of which no key is read"
    busy = decided(whole, active=1)
    assert busy.reason.kind is ReasonKind.AT_LIMIT


def test_an_asset_with_partitions_is_not_planned_whole() -> None:
    """Whatever its condition says: nobody has named a key."""
    found = plan(GRAPH, State(assets={"daily": WHOLE, "hourly": WHOLE}), NOW)
    assert not found.runs
    assert {(one.asset, one.reason.kind) for one in found.held} == {
        ("daily", ReasonKind.WAITING), ("hourly", ReasonKind.WAITING)
    }  # fmt: skip


def test_a_preview_goes_by_key() -> None:
    """A day runs for certain when its hours are made for the first time, and perhaps when one is made again."""
    keys = (f"{DAY}T00", f"{DAY}T01")
    first = replace(state(PartitionsRead(heads={}, lacking=keys)), assets={"hourly": WHOLE, "daily": WHOLE})
    asked = replace(
        first,
        requests={"hourly": Request(), "daily": Request()},
        partitions={"hourly": dict.fromkeys(keys, WHOLE), **first.partitions},
    )
    assert [(one.partition, one.outcome) for one in preview(GRAPH, asked, NOW)] == [
        (keys[0], "run"), (keys[1], "run"), (DAY, "run")
    ]  # fmt: skip
    read = PartitionsRead(heads=dict.fromkeys(keys, head("a")))
    run = decided(read)
    assert isinstance(run, PlannedRun)
    made = replace(WHOLE, complete=True, made_from={})
    day = replace(WHOLE, reads={"hourly": read}, complete=True, made_from=run.key.parts)
    again = replace(asked, partitions={"hourly": {keys[0]: made}, "daily": {DAY: day}})
    assert [one.outcome for one in preview(GRAPH, again, NOW)] == ["run", "possible"]


def test_partitions_elsewhere_share_one_root(tmp_path: Path) -> None:
    """The folder above the first that is theirs alone: what one wrote, a reader of another finds."""
    settings = read_settings(tmp_path, project="x")
    template = f"file://{tmp_path}/logs/date={{day}}/part.json"
    whole = place_of(template, settings)
    one = place_of(template, settings, template.replace("{day}", DAY))
    assert whole.root == one.root == f"{tmp_path}/logs"
    assert one.path == f"date={DAY}/part.json"
    flat = place_of("s3://bucket/a/daily-{day}.json", settings, f"s3://bucket/a/daily-{DAY}.json")
    assert (flat.root, flat.path) == ("s3://bucket/a", f"daily-{DAY}.json")
    under = place_of("daily/{day}.json", settings, f"daily/{DAY}.json")
    assert under.target == f"{tmp_path}/data/daily/{DAY}.json"
