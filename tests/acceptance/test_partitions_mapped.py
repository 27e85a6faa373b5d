"""A mapping of the project that goes astray: what it raised, and which keys it gave that there are not, is kept and
told wherever somebody asks."""

from __future__ import annotations

from typing import Any

import pytest

from penstock import Partition, Static, asset, plan, why
from penstock.assets.run.api import outlook

pytestmark = pytest.mark.databases("sqlite", "postgresql")

REGIONS = Static("eu", "us", name="region")


@asset("up/{region}.json", partitions=REGIONS)
def up(region: Partition) -> str:
    """What is mapped."""
    return region.key


@asset("beside/{region}.json", partitions=REGIONS, on=up)
def beside(up: str) -> str:
    """What reads the same and maps nothing."""
    return up


def below(by: Any) -> Any:
    """A consumer whose keys are mapped so."""

    @asset("below/{region}.json", partitions=REGIONS, on=up.mapped(by), inputs={"up": up.mapped(by)})
    def below(up: dict[str, str]) -> int:
        return len(up)

    return below


def notes(lab: Any, *things: Any) -> list[str]:
    """What `why` adds for the consumer."""
    return list(why(list(things), "below", project_folder=lab.folder, **lab.places).notes)


def told(lab: Any, result: Any) -> list[str]:
    """What the materialization says of the consumer as a whole, and what is kept of it."""
    kept = lab.rows("SELECT reason FROM holds h JOIN assets a ON a.id = h.asset_id WHERE a.name = 'below'")
    said = [one.reason.text for one in result.outcomes if one.asset == "below" and not one.partition]
    assert len(kept) == len(said) <= 1, kept
    return said


def test_what_a_mapping_raised_is_kept_until_it_does_not_any_more(lab: Any) -> None:
    """A materialization tells it, `why` afterwards, with the mapping and what it raised; then the keys are made."""
    broken = [True]

    def astray(key: str) -> list[str]:
        if broken:
            raise KeyError(f"nothing known of {key}")
        return [key]

    graph = (up, beside, below(astray))
    lab.make(*graph, select="up", partitions="eu", only=True)
    said = "waiting for its mapping of up, which raised KeyError: 'nothing known of eu'"
    result = lab.make(*graph, select="up", partitions="us")
    assert told(lab, result) == [said]
    assert result["beside", "us"].state == "success"
    (note,) = notes(lab, *graph)
    assert note.endswith(f"planners say: {said}.")
    broken.clear()
    result = lab.make(*graph, select="up", partitions="eu", force=True)
    assert result["below", "us"].state == "success"
    assert told(lab, result) == []
    assert notes(lab, *graph) == []


def test_keys_that_a_mapping_gives_and_the_asset_does_not_have_are_told(lab: Any, world: Any) -> None:
    """By a pass and by a materialization, with the mapping, the first of the keys and how many there are; a key that it
    has is made all the same. A definition that is another has nothing told of it."""

    def weird(key: str) -> list[str]:
        return [key, f"{key}1", f"{key}2"]

    graph = (up, beside, below(weird))
    lab.make(*graph, select="up", partitions="eu", only=True)
    with world(lab, *graph, looked_at=False) as planners:
        lab.make(*graph, select="up", partitions="us", only=True)
        (held,) = [one.reason.text for one in planners.tick().held if one.asset == "below" and not one.partition]
    result = lab.make(*graph, select="up", partitions="all", force=True)
    (said,) = told(lab, result)
    assert said == held
    assert said.startswith("waiting for keys that static region does not have, which its mapping ")
    assert said.endswith(":test_keys_that_a_mapping_gives_and_the_asset_does_not_have_are_told.<locals>.weird gives: "
                         "eu1 for eu, eu2 for eu, us1 for us and 1 more")  # fmt: skip
    assert result["below", "eu"].reason.text == "confirmed: up", "it was made by what the pass had planned"
    (note,) = notes(lab, *graph)
    assert note.endswith(f"planners say: {said}.")
    lab.make(up, beside, below({"eu": ["us"]}), select="beside", partitions="eu")
    assert lab.rows("SELECT count(*) FROM holds h JOIN assets a ON a.id = h.asset_id WHERE a.name = 'below'") == [(0,)]


def test_such_keys_are_foreseen(lab: Any, world: Any) -> None:
    """Before anything is written, instead of a word that somebody has to name keys."""

    def weird(key: str) -> list[str]:
        return ["nope"]

    graph = (up, beside, below(weird))
    lab.make(*graph, select="beside")
    lab.make(*graph, select="up", partitions="eu", only=True)
    with world(lab, *graph, looked_at=False) as here:
        (found,) = [one for one in outlook(here.project).assets if one.asset == "below"]
    assert (found.outcome, found.partition) == ("hold", "")
    assert found.reason.text.startswith("waiting for keys that static region does not have, which its mapping ")


def test_they_are_told_until_news_is_heard_of_without(lab: Any) -> None:
    """By every materialization, plan and `why` that comes after, as often as they are asked and whatever else they
    make; then by none."""
    given = ["nope"]

    def weird(key: str) -> list[str]:
        return given

    graph = (up, beside, below(weird))
    lab.make(*graph, select="beside")
    lab.make(*graph, select="up", partitions="eu")
    ((said,),) = lab.rows("SELECT reason FROM holds h JOIN assets a ON a.id = h.asset_id WHERE a.name = 'below'")
    assert "keys that static region does not have, which its mapping" in said

    def answers() -> list[str]:
        lab.make(*graph, select="beside", partitions="eu", force=True)
        made = lab.make(*graph)["below"]
        dry = [one for one in lab.foresee_all(*graph) if one.asset == "below"]
        planned = [one for one in lab.outlook(*graph).assets if one.asset == "below"]
        why_it_is = why(list(graph), "below", project_folder=lab.folder, **lab.places)
        decided = plan(list(graph), project_folder=lab.folder, **lab.places).held
        return [one.reason.text for one in (made, *dry, *planned, why_it_is, *decided) if one.asset == "below"]

    for _ in range(2):
        told = answers()
        assert len(told) == 5
        assert {one.partition(", which its mapping ")[0] for one in told} == {
            "waiting for keys that static region does not have"
        }
    given[:] = ["us"]
    assert lab.make(*graph, select="up", partitions="us")["below", "us"].state == "success"
    assert {one.partition(", or ")[0] for one in answers()} == {"waiting for somebody who names its keys"}
