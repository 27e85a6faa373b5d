"""Versions that lie where nobody can look hold back their own asset or partition, in every answer; the rest goes on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest

from penstock import Dataset, Partition, Static, Version, asset, plan, why

pytestmark = pytest.mark.databases("sqlite", "postgresql")

raw = Dataset("warehouse://db/raw")
REGIONS = Static("eu", "us", name="region")


@asset("here.json", on=raw)
def here(raw: Version) -> str:
    """What lies under the data root."""
    return raw.digest


@asset("parts/{region}.json", partitions=REGIONS, on=raw.fanout("all"))
def parts(raw: Version, region: Partition) -> str:
    """So do these."""
    return f"{region.key} {raw.digest}"


def there(lab: Any) -> Any:
    """What lies elsewhere."""
    lab.places["roots"] = [str(lab.folder / "elsewhere")]
    return asset(f"{lab.folder}/elsewhere/there.json", name="there", on=raw, inputs={"raw": raw})(here.function)


@contextmanager
def hidden(lab: Any) -> Iterator[None]:
    """The objects under the data root are a circle of links: asked for anything in it, the system raises."""
    objects = lab.data / ".penstock" / "objects"
    objects.rename(lab.folder / "kept")
    objects.symlink_to(objects)
    yield
    objects.unlink()
    (lab.folder / "kept").rename(objects)


def test_a_pass_and_a_plan_go_on_beside_it(lab: Any, world: Any) -> None:
    """What can be looked at is planned; the others are held with the place, and planned a minute later, when it is
    there again."""
    things = [here, parts, there(lab)]
    with world(lab, *things) as planners:
        planners.tell("raw")
        planners.runs()
        assert set(planners.work()) == {"success"}
        planners.tell("raw")
        with hidden(lab):
            outlook = {(one.asset, one.partition): one for one in lab.outlook(*things).assets}
            assert outlook["there", ""].outcome == "run"
            assert outlook["parts", "eu"].count == 2
            for name, key in (("here", ""), ("parts", "eu")):
                assert outlook[name, key].outcome == "hold"
            dry = lab.foresee(*things, select=("here", "there"))
            assert [dry[name].outcome for name in ("here", "there")] == ["hold", "run"]
            planned = plan(things, project_folder=lab.folder, **lab.places)
            assert [run.asset for run in planned.runs] == ["there"]
            said = why(things, "here", project_folder=lab.folder, **lab.places).reason.text
            assert said.startswith("upstream failed: here; dataset 'here': looking at ")
            done = planners.tick()
            assert [run.planned.asset for run in done.record.runs] == ["there"]
            held = {(one.asset, one.partition): one.reason.text for one in done.held if one.asset in {"here", "parts"}}
            assert set(held) == {("here", ""), ("parts", "eu"), ("parts", "us")}
            assert all("Too many levels of symbolic links" in text for text in held.values())
            assert done.next_at is not None
            assert timedelta(0) < done.next_at - done.at <= timedelta(minutes=1)
        assert planners.runs(done.at + timedelta(seconds=30)) == []
        again = planners.runs(done.at + timedelta(minutes=2))
        assert sorted(name for name, _ in again) == ["here", "parts", "parts"]
