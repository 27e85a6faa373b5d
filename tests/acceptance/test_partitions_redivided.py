"""Of a dataset that is divided otherwise than it was the partitions of now count as made, and the others apart."""

from __future__ import annotations

from typing import Any

import pytest

from penstock import Daily, Definitions, Dynamic, Hourly, Partition, asset, backfill
from penstock.assets.run.api import prepared
from penstock.assets.run.explaining.of_partition import why_partition
from penstock.assets.run.project.foretold import foretold
from penstock.assets.run.project.project import open_project
from penstock.assets.run.project.trial import on_trial
from penstock.storage.meta.database.engine import Store
from penstock.storage.settings import read_settings
from penstock.storage.types import RunState
from penstock.ui.read.partitions import Partitions, PartitionState, partitions, partitions_in

pytestmark = pytest.mark.databases("sqlite", "postgresql")

DAYS = Daily(start="2026-01-01", end="2026-01-05", name="w")
HOURS = Hourly(start="2026-01-01", end="2026-01-05", name="w")


def divided(how: Any) -> Any:
    """An asset that is divided so."""

    @asset("a/{w}.json", partitions=how)
    def a(w: Partition) -> str:
        return w.key

    return a


def look(lab: Any, name: str = "a", **options: Any) -> Partitions:
    """How the partitions of a dataset stand."""
    store = Store(read_settings(lab.folder, **lab.places).database_url, project="lab")
    try:
        return partitions(store, name, **options)
    finally:
        store.close()


def tried(lab: Any, *things: Any) -> Partitions:
    """The same, if these were the definitions: nothing is recorded by asking."""
    known, definitions = prepared(Definitions(*things), lab.folder, lab.places)
    with open_project(known, definitions, planning=True) as project, on_trial(project) as trial:
        return partitions_in(trial.tx, project.name, "a")


def counted(found: Partitions) -> tuple[int, int, int, int]:
    """How many there are, are made, are missing, and are of an earlier definition."""
    made, missing = (found.counts[state] for state in (PartitionState.MADE, PartitionState.MISSING))
    return found.total, made, missing, found.left


def test_the_definition_of_now_is_asked_whether_or_not_it_is_registered(lab: Any) -> None:
    """Of a new project everything is missing; of a definition that is edited, what is of the earlier one is counted
    apart before it is registered as after it."""
    assert counted(tried(lab, divided(DAYS))) == (4, 0, 4, 0)
    lab.make(divided(DAYS), partitions="2026-01-01..2026-01-03")
    before, dump = tried(lab, divided(HOURS)), lab.dump()
    assert counted(before) == (96, 0, 96, 3)
    assert counted(look(lab)) == (4, 3, 1, 0)
    assert lab.dump() == dump
    lab.make(divided(HOURS), only=True)
    after = look(lab)
    assert (counted(after), after.stretches, after.label) == (counted(before), before.stretches, before.label)


def test_days_that_became_hours_are_counted_apart_and_back_again(lab: Any) -> None:
    """No hour of a day that was made counts as made; an hour that is made does. Taken back, the days do again, and the
    hours are those of an earlier definition."""
    lab.make(divided(DAYS), partitions="2026-01-01..2026-01-03")
    assert counted(look(lab)) == (4, 3, 1, 0)
    lab.make(divided(HOURS), partitions="2026-01-02T05")
    found = look(lab)
    assert counted(found) == (96, 1, 95, 3)
    assert [(one.state.value, one.first, one.count) for one in found.stretches] == [
        ("missing", "2026-01-01T00", 29), ("made", "2026-01-02T05", 1), ("missing", "2026-01-02T06", 66)
    ]  # fmt: skip
    lab.make(divided(DAYS), partitions="2026-01-03")
    found = look(lab)
    assert counted(found) == (4, 3, 1, 1)
    assert [(one.state.value, one.first, one.count) for one in found.stretches] == [
        ("made", "2026-01-01", 3), ("missing", "2026-01-04", 1)
    ]  # fmt: skip


def test_bounds_that_move_leave_and_bring_back(lab: Any) -> None:
    """A later start leaves days behind; an earlier one has them again; in another zone a day has another place."""
    lab.make(divided(DAYS), partitions="all")
    lab.make(divided(Daily(start="2026-01-03", end="2026-01-07", name="w")), partitions="2026-01-03")
    assert counted(look(lab)) == (4, 2, 2, 2)
    lab.make(divided(Daily(start="2025-12-31", end="2026-01-07", name="w")), partitions="2026-01-03")
    assert counted(look(lab)) == (7, 4, 3, 0)
    lab.make(divided(Daily(start="2026-01-01", end="2026-01-05", name="w", tz="Asia/Kolkata")), partitions="2026-01-03")
    found = look(lab)
    assert counted(found) == (4, 1, 3, 3)
    assert [(one.state.value, one.first, one.last) for one in found.stretches] == [
        ("missing", "2026-01-01", "2026-01-02"), ("made", "2026-01-03", "2026-01-03"),
        ("missing", "2026-01-04", "2026-01-04"),
    ]  # fmt: skip


def test_what_was_made_for_other_windows_is_told_and_made_anew(lab: Any) -> None:
    """Days of another zone have the keys of before and other windows: none of them counts as made, whatever reads them
    reads them still, and what is missing is made. Taken back, those that nobody made anew are made again."""
    there = Daily(start="2026-01-01", end="2026-01-05", name="w", tz="Asia/Kolkata")

    @asset("sum.json")
    def total(a: dict[str, str]) -> list[str]:
        return sorted(a)

    lab.make(divided(DAYS), total, partitions="all")
    lab.make(divided(there), total, select="total", force=True)
    assert counted(look(lab)) == (4, 0, 4, 4)
    assert lab.read("sum.json").count("2026") == 4, "it stays readable"
    known, definitions = prepared(Definitions(divided(there), total), lab.folder, lab.places)
    (note,) = why_partition(known, definitions, "a", "2026-01-02").notes
    assert note == (
        "What is there of it was made by an earlier definition, for 2026-01-02 00:00 to 2026-01-03 00:00 UTC, and "
        "counts as missing: `penstock backfill create` makes it anew."
    )
    places = {"project_folder": lab.folder, **lab.places}
    done = backfill([divided(there), total], select="a", partitions="2026-01-01..2026-01-02", **places)
    assert (dict(done.runs), done.backfill.spared) == ({RunState.SUCCESS: 2}, 0)
    assert counted(look(lab)) == (4, 2, 2, 2)
    assert why_partition(known, definitions, "a", "2026-01-02").notes == ()
    with open_project(*prepared(Definitions(divided(DAYS), total), lab.folder, lab.places), planning=True) as project:
        before = foretold(project).redivided
    assert [(one.kept, one.shifted, one.left) for one in before] == [(2, 2, 0)]
    lab.make(divided(DAYS), total, partitions="2026-01-01")
    assert counted(look(lab)) == (4, 3, 1, 1)


def test_a_dynamic_key_that_failed_is_missing(lab: Any) -> None:
    """It is there since it was asked for: it counts, and is listed with what is missing."""

    @asset("of/{customer}.json", partitions=Dynamic(name="customer"))
    def of(customer: Partition) -> str:
        if customer.key == "torn":
            raise ValueError("torn")
        return customer.key

    lab.make(of, partitions="acme,torn,zeta")
    assert counted(look(lab, "of")) == (3, 2, 1, 0)
    missing = look(lab, "of", state=PartitionState.MISSING).stretches
    assert [(one.first, one.count) for one in missing] == [("torn", 1)]
