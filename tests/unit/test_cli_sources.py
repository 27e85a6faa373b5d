"""What the summary of a materialization says of the sources that were looked at."""

from __future__ import annotations

from penstock.assets.plan.reasons import Reason
from penstock.assets.run.progress import Looked, Outcome
from penstock.storage.types import ReasonKind, RunState
from penstock.ui.cli.sources import looked_at


def looked(*found: tuple[str, str], **reasons: ReasonKind) -> str:
    """What the summary says of these looks, when these became of the sources with a probe."""
    outcomes = tuple(
        Outcome(asset=name, run_id="r", state=RunState.SUCCESS, reason=Reason(kind=kind))
        for name, kind in reasons.items()
    )
    return looked_at([Looked(name=name, news=news) for name, news in found], outcomes)


def test_the_summary_says_which_sources_were_looked_at() -> None:
    """How many, which, and what was found; of a probe by what became of its source, not by its fingerprint."""
    same = ReasonKind.UNCHANGED
    assert looked() == ""
    assert looked(("docs", "unchanged"), ("api", "probe 1f"), api=same) == "2 sources (docs, api): nothing changed."
    assert looked(("docs", "changed"), ("tags", "unchanged")) == "2 sources: docs changed; tags unchanged."
    assert looked(("docs", "not there")) == "1 source: docs not there."
    assert looked(("api", "probe 1f"), api=ReasonKind.INPUT_CHANGED) == "1 source: api changed."
    assert looked(("api", "probe 1f"), api=ReasonKind.FIRST_BUILD) == "1 source: api new."
    assert looked(("docs", "changed"), ("docs", "unchanged")) == "1 source: docs changed."
    many = [(f"s{number}", "unchanged") for number in range(9)]
    assert looked(*many) == "9 sources (s0, s1, s2, s3, s4, s5 and 3 more): nothing changed."
