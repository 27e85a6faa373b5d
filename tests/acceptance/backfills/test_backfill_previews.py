"""What a dry run of a backfill foresees is what the backfill does: it looks at what others write, too."""

from __future__ import annotations

import json
from typing import Any

import pytest

from penstock import Daily, Dataset, Definitions, Partition, asset
from penstock.assets.run.api import prepared
from penstock.assets.run.backfilling.creating import Asked, Preview, foresee_backfill
from penstock.assets.run.project.project import open_project
from penstock.storage.types import Propagate, Reprocess, RunState

pytestmark = pytest.mark.databases("sqlite", "postgresql")

DAYS = Daily(start="2026-01-01", end="2026-01-06")
RAW = Dataset("raw/{day}.json", name="raw", partitions=DAYS)


@asset("clean/{day}.json", partitions=DAYS, inputs={"raw": RAW})
def clean(raw: dict[str, int], day: Partition) -> int:
    """What is read of others; a day with 13 fails."""
    if raw["n"] == 13:
        raise ValueError("13")
    return raw["n"]


@asset("report/{day}.json", partitions=DAYS, on=clean)
def report(clean: int) -> int:
    """What reads that."""
    return clean


def write(lab: Any, **numbers: int) -> None:
    """Others write these days: `d1=7` is 2026-01-01."""
    for day, number in numbers.items():
        lab.write(f"raw/2026-01-0{day[1:]}.json", json.dumps({"n": number}))


def foreseen(lab: Any, *names: str, limit: int = 20, **terms: Any) -> Preview:
    """What a backfill of all days would do."""
    known, definitions = prepared(Definitions(clean, report), lab.folder, lab.places)
    with open_project(known, definitions, planning=True) as project:
        return foresee_backfill(project, Asked(names=names, keys="all", **terms), limit=limit)


def told(preview: Preview, outcome: str) -> list[str]:
    """The partitions of which that would become: `"clean 1"`."""
    return [f"{one.asset} {one.partition[-1]}" for one in preview.foreseen if one.outcome == outcome]


def made(asking: Any) -> list[str]:
    """What was begun, spelled so."""
    return [f"{one.split()[0]} {one[-1]}" for one in asking.took()]


def test_what_others_wrote_and_nobody_has_looked_at_is_there(lab: Any, asking: Any) -> None:
    """Four days of five: they would be made, and are; the fifth is held, for nobody wrote it. Nothing is written."""
    write(lab, d1=1, d2=2, d4=4, d5=5)
    preview = foreseen(lab, "clean")
    assert not lab.rows("SELECT 1 FROM events") if (lab.folder / "home").exists() else True
    assert [one.news for one in preview.looked] == ["4 new"]
    assert told(preview, "run") == ["clean 1", "clean 2", "clean 4", "clean 5"]
    assert told(preview, "hold") == ["clean 3"]
    result = asking(clean, partitions="all")
    assert made(asking) == told(preview, "run")
    assert result.backfill.held == 1


def test_what_failed_and_is_written_again_would_be_made(lab: Any, asking: Any) -> None:
    """With `failed`: the day that failed, and those that were written since; what is made already is left alone."""
    write(lab, d2=13, d3=3)
    assert not asking(clean, partitions="2026-01-02..2026-01-03").ok
    asking.took()
    write(lab, d1=1, d2=2, d4=4)
    dump = lab.dump()
    preview = foreseen(lab, "clean", reprocess=Reprocess.FAILED)
    assert lab.dump() == dump
    assert told(preview, "run") == ["clean 1", "clean 2", "clean 4"]
    assert told(preview, "hold") == ["clean 5"]
    asking(clean, partitions="all", reprocess="failed")
    assert made(asking) == told(preview, "run")


def test_what_is_downstream_is_foreseen_too(lab: Any, asking: Any) -> None:
    """Of two assets, and of one with `within`: the second would be made of days that were only written."""
    write(lab, d1=1, d2=2)
    both = foreseen(lab, "clean", "report")
    assert told(both, "run") == ["clean 1", "report 1", "clean 2", "report 2"]
    within = foreseen(lab, "clean", propagate=Propagate.WITHIN)
    assert told(within, "run") == told(both, "run")
    asking(clean, report, partitions="all")
    assert made(asking) == told(both, "run")


def test_what_cannot_be_looked_at_is_told(lab: Any, asking: Any) -> None:
    """A folder where a file is expected: the look says so; that day is held, and the others would be made."""
    lab.write("raw/2026-01-01.json/x", "in the way")
    write(lab, d2=2)
    preview = foreseen(lab, "clean")
    (looked,) = preview.looked
    assert "2026-01-01" in looked.error
    assert told(preview, "run") == ["clean 2"]
    asking(clean, partitions="all")
    assert made(asking) == ["clean 2"]


def test_the_first_that_would_be_made_are_shown(lab: Any, asking: Any) -> None:
    """However many before them are made: these are left alone, and no part of the first two."""
    write(lab, d1=1, d2=2, d3=3, d4=4, d5=5)
    asking(clean, partitions="2026-01-01..2026-01-03")
    preview = foreseen(lab, "clean", "report", limit=2)
    assert (told(preview, "run"), preview.look) == (["report 1", "report 2"], 7)
    assert told(foreseen(lab, "clean", limit=1), "run") == ["clean 4"]
    assert told(foreseen(lab, "clean", limit=9), "run") == ["clean 4", "clean 5"]


def test_what_failed_and_is_made_from_the_same_would_be_skipped(lab: Any, asking: Any) -> None:
    """A day that was made, and failed when it was made again although nothing had changed: it is looked at."""
    broken = lab.folder / "broken"

    @asset("clean/{day}.json", partitions=DAYS, name="clean", inputs={"raw": RAW})
    def clean(raw: dict[str, int]) -> int:
        if broken.exists():
            raise ValueError("broken")
        return raw["n"]

    write(lab, d1=1, d2=2)
    days = {"partitions": "2026-01-01..2026-01-02"}
    assert asking(clean, **days).ok
    broken.touch()
    assert not asking(clean, partitions="2026-01-02", reprocess="all").ok
    broken.unlink()
    known, definitions = prepared(Definitions(clean), lab.folder, lab.places)
    with open_project(known, definitions, planning=True) as project:
        asked = Asked(names=["clean"], keys=days["partitions"], reprocess=Reprocess.FAILED)
        preview = foresee_backfill(project, asked)
    (counts,) = preview.counts.values()
    assert (preview.look, counts.made, counts.failed) == (1, 1, 0)
    assert [one.outcome for one in preview.foreseen] == ["skip"]
    assert asking(clean, reprocess="failed", **days).runs == {RunState.SKIPPED: 1}
