"""What `plan --until` foretells of a store is what that store then does, if nothing new arrives."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from penstock import Dataset, all_of
from penstock.assets.plan.simulate.story import Story
from penstock.storage.types import RunState
from tests.acceptance.simulate.test_stories_in_a_store import gaps, news, pipelines, written

pytestmark = pytest.mark.parametrize("tell", ["sqlite", "postgresql"], indirect=True)

RAW, FAST, SLOW, BOTH, LEFT, RIGHT = (
    Dataset(f"{name}.json") for name in ("raw", "fast", "slow", "both", "left", "right")
)
LENGTH = timedelta(hours=3)
commands = st.tuples(
    st.sampled_from(["pause", "resume", "materialize"]), st.sampled_from(["a", "b", "c", "a drop", "b drop"])
)
breaking = st.tuples(st.sampled_from(["a", "b", "c"]), st.sampled_from(["breaks", "works"]))
"""Not `unchanged`: where nothing runs any more that is said of a run that is still to come, which nobody foretells."""
lines = st.lists(st.tuples(gaps, news | news | commands | breaking), min_size=1, max_size=12)


def told(story: Story) -> tuple[list[Any], list[Any]]:
    """Its runs and its confirmations: what runs when, why, and with which events."""
    runs = [
        (one.asset, one.at, one.reason.text, one.state is RunState.SKIPPED, tuple(sorted(one.consumed)))
        for one in story.runs
    ]
    return sorted(runs), sorted((one.asset, one.at, one.consumed) for one in story.confirmations)


def diamond(declare: Any) -> list[Any]:
    """raw → fast and slow → both, aligned → last."""
    return [
        declare("fast", RAW),
        declare("slow", RAW),
        declare("both", all_of(FAST, SLOW, aligned=True)),
        declare("last", BOTH),
    ]


PAIR = {"fast": "fast@2", "slow": "slow@2"}
HALF = "2026-01-05T10:00Z raw changed\n+1m pause slow\nraw changed"


@pytest.mark.parametrize(
    ("then", "pins"),
    [
        ("", []),
        ("\n+1m scheduler stops\nresume slow", [PAIR]),
        ("\n+1m scheduler stops\nraw changed", []),
        (
            "\n+1m pause fast\nresume slow\nslow unchanged\nraw changed\n+1m scheduler stops\nresume fast",
            [{"fast": "fast@3", "slow": "slow@2"}],
        ),
    ],
)
def test_what_is_foretold_mixes_no_generations(declare: Any, tell: Any, then: str, pins: list[dict[str, str]]) -> None:
    """A head is of the generation of what it was made from, also where nothing of it is pending: one half of the
    diamond that is ahead of the other, which is paused or has its turn later, is no pair with what the other was."""
    x = diamond(declare)
    story = tell(f"{HALF}{then}\n+1s wait 1s", *x)
    foretold = tell.foretold(story, LENGTH)
    assert [run.pins for run in foretold.of("both")] == pins
    assert told(foretold) == told(tell("scheduler starts\nwait 3h", *x, after=story))


def test_what_is_gone_is_read_by_nothing_that_is_foretold(declare: Any, tell: Any) -> None:
    """Both inputs have news, and one of them was removed since: the asset waits until it is there again, whatever is
    pending; who does not read it runs."""
    x = [declare("total", LEFT | RIGHT), declare("note", LEFT | RIGHT, reads=["right"])]
    story = tell(
        "2026-01-05T10:00Z left changed\nright changed\n+1m pause total\npause note\n+1m left changed\nright changed\n"
        "+1m left removed\n+1m scheduler stops\nresume total\nresume note",
        *x,
    )
    foretold = tell.foretold(story, LENGTH)
    assert [run.asset for run in foretold.runs] == ["note"]
    assert foretold.held["total"].text == "input has no version: left"
    assert told(foretold) == told(tell("scheduler starts\nwait 3h", *x, after=story))


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(data=st.data())
def test_a_store_does_what_is_foretold(declare: Any, tell: Any, data: st.DataObject) -> None:
    """At the end of a random story of random assets, three hours ahead."""
    assets = data.draw(pipelines(declare))
    script = written(data.draw(lines))
    story = tell(
        f"2026-01-05T00:10Z wait 1s\n{script}\n+0s a works\nb works\nc works\n+1s s0.json changed rows=9", *assets
    )
    foretold = tell.foretold(story, LENGTH)
    assert told(foretold) == told(tell("wait 3h", *assets, after=story)), script
