"""Known cases against the real store: what a story tells is what planners and workers do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from penstock import Cron, Dataset, Version, asset, each, meta, pause, resume
from penstock.assets.plan.reasons import Reason
from penstock.assets.run.explaining.why import why_then
from penstock.storage.meta import holds
from penstock.ui.read.status import status

pytestmark = pytest.mark.databases("sqlite", "postgresql")

Lab = Any
"""The fixture is a class of `conftest.py`, which no test can import."""
DOCS = Dataset("warehouse://db/docs")


def test_each_keeps_what_failed_while_it_was_paused(lab: Lab, world: Any) -> None:
    """Paused by hand while its run was at work, which failed: resumed, it tries that event again, then the others."""
    seen: list[str] = []

    @asset("made.json", on=DOCS, consume=each(DOCS))
    def made(docs: Version) -> str:
        seen.append(str(docs.manifest.token))
        if len(seen) == 1:
            raise ValueError("poison")
        return docs.digest

    options = {"project_folder": lab.folder, **lab.places}
    with world(lab, made) as here:
        here.tell("docs", "a")
        here.tell("docs", "b")
        assert here.runs() == [("made", "input_changed")]
        assert pause("made", why="tired", **options)
        assert here.work() == ["failed"]
        over = resume("made", **options)
        assert over is not None
        assert over.why == "tired"
        assert over.returned is not None
        while here.runs():
            here.work()
        assert seen == ["a", "a", "b"]


@pytest.mark.parametrize("one_by_one", [False, True])
@pytest.mark.parametrize("narrowed", [False, True])
def test_quiet_counts_from_when_an_event_was_told(lab: Lab, world: Any, narrowed: bool, one_by_one: bool) -> None:
    """Whatever time it says of itself; an earlier time knows nothing of it before it was told."""
    leaf = DOCS.where(meta("rows") > 0) if narrowed else DOCS
    mode = {"consume": each(DOCS)} if one_by_one else {}
    calm = asset("calm.json", name="calm", on=leaf.settle("1h"), **mode)(lambda: 1)
    with world(lab, calm) as here:
        before = datetime.now(UTC)
        here.tell("docs", at=before - timedelta(hours=2), metadata={"rows": 1})
        assert here.runs() == []
        later = here.tick().next_at
        assert later is not None
        assert later >= before + timedelta(hours=1)
        then = why_then(here.project.settings, "calm", before)
        assert then.condition is not None
        assert then.condition.children[0].pending is None
        assert then.notes == ()
        assert here.runs(later) == [("calm", "input_changed")]


def test_a_tick_that_nobody_watched_is_not_made_up_for(lab: Lab, world: Any) -> None:
    """`catchup="none"`: a pass that comes later than was announced comes after a break; one that is a little late does
    not. What was seen stays due, for as long as it waits, and a materialization watches nothing."""
    hourly = Cron("0 * * * *", catchup="none")
    steady = asset("steady.json", name="steady", on=hourly)(lambda: 1)
    patient = asset("patient.json", name="patient", on=hourly & DOCS)(lambda: 1)
    with world(lab, steady, patient) as here:
        begun = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)

        def made(hours: float) -> list[str]:
            names = [name for name, _ in here.runs(begun + timedelta(hours=hours))]
            here.work()
            return names

        assert made(1) == ["steady"]
        assert made(2 + 1 / 120) == ["steady"]
        here.tell("docs")
        assert made(2.5) == ["patient"]
        assert made(5.5) == []
        assert made(6) == ["steady"]
        here.tell("docs")
        assert made(6.5) == ["patient"]
        here.tell("docs")
        assert made(9.5) == []
    assert lab.rows("SELECT count(*) FROM watches") == [(1,)]


def test_what_a_pass_holds_is_stored_with_its_reason(lab: Lab, world: Any) -> None:
    """The newest answer of each asset, written where it is another; gone once a run of it was planned."""
    both = asset("both.json", name="both", on=DOCS & Dataset("warehouse://db/labels"))(lambda: 1)
    with world(lab, both) as here:
        ((first, since),) = here.said("SELECT reason, since FROM holds")
        assert "waiting" in first
        here.tell("docs")
        assert here.runs() == []
        ((second, later),) = here.said("SELECT reason, since FROM holds")
        assert (second == first, later == since) == (False, False)
        here.tell("docs")
        assert here.runs() == []
        assert here.said("SELECT reason, since FROM holds") == [(second, later)]
        with here.project.store.read() as tx:
            (one,) = holds.held(tx, here.project.name)
        assert Reason.from_plain(one.reason).text == "waiting for labels"
        assert status(here.project.store).held["both"].text == "waiting for labels"
        here.tell("labels")
        assert here.runs() == [("both", "input_changed")]
        assert here.said("SELECT count(*) FROM holds") == [(0,)]
