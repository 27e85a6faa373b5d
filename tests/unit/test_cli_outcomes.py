"""The table of what became of assets: each on its own, partitions that went alike in one row."""

from __future__ import annotations

import io
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from penstock.assets.plan.reasons import Reason
from penstock.assets.run.progress import Made, Outcome
from penstock.storage.types import ReasonKind, RunState
from penstock.ui.cli.console import table
from penstock.ui.cli.outcomes import COLUMNS, FEW, alike, rows_of

FIRST = Reason(kind=ReasonKind.FIRST_BUILD)


def made(key: str, *, asset: str = "hourly", rows: int | None = 2, **more: Any) -> Outcome:
    """A partition that was made."""
    version = Made(
        dataset=asset, uri=f"{asset}.json", version_id=1, digest="ab" * 32, kind="changed", rows=rows, size=1000
    )
    return Outcome(
        asset=asset, run_id="r", state=RunState.SUCCESS, reason=FIRST, made=(version,), partition=key, **more
    )


def failed(key: str, message: str) -> Outcome:
    """A partition that failed."""
    error = {"kind": "producer", "type": "ValueError", "message": message, "hint": "", "trace": "", "uri": None}
    return Outcome(asset="hourly", run_id="r", state=RunState.FAILED, reason=FIRST, error=error, partition=key)


def printed(outcomes: list[Outcome]) -> list[str]:
    """The lines of the table, without what surrounds their words."""
    console = Console(file=io.StringIO(), width=160, markup=False, color_system=None)
    table(console, COLUMNS, rows_of(outcomes, lambda _: ()))
    assert isinstance(console.file, io.StringIO)
    return [" ".join(line.split()) for line in console.file.getvalue().splitlines()[2:]]


def test_many_partitions_that_went_alike_are_one_row() -> None:
    """From the first that was made to the last, with their number, and the sums of what they wrote."""
    many = [made(f"2026-01-{day:02}", seconds=0.5) for day in range(1, 21)]
    assert printed(many) == ["hourly 2026-01-01 … 2026-01-20 (20) changed 40 19.5 KiB 10.0 s first build"]


def test_many_that_lack_keys_of_their_own_are_one_row() -> None:
    """What they lack is told without the keys; few of them say which, and what lacks another dataset stands apart."""

    def held(key: str, *names: str, detail: str = "") -> Outcome:
        reason = Reason(kind=ReasonKind.NO_VERSION, names=names, detail=detail)
        return Outcome(asset="fo", run_id=None, state=None, reason=reason, partition=key)

    many = [held(f"2026-01-{day:02}", f"s 2026-01-{day:02}") for day in range(4, 24)]
    rolled = [held(f"2026-02-{day:02}", f"h {day}T00", f"h {day}T01", detail="and 1 more") for day in range(1, 8)]
    assert printed([*many, *rolled]) == [
        "fo 2026-01-04 … 2026-01-23 (20) held input has no version: s",
        "fo 2026-02-01 … 2026-02-07 (7) held input has no version: h",
    ]
    assert printed(many[:1]) == ["fo 2026-01-04 held input has no version: s 2026-01-04"]


def test_few_are_shown_one_by_one() -> None:
    """With their digests."""
    assert len(printed([made(str(day)) for day in range(FEW)])) == FEW
    assert printed([made("a")]) == ["hourly a changed abababab 2 1000 B first build"]


def test_rows_that_nobody_knows_have_no_sum() -> None:
    """Of nineteen that are known nothing can be said of all twenty."""
    many = [made(str(day), rows=None if day == 7 else 1) for day in range(20)]
    assert printed(many) == ["hourly 0 … 19 (20) changed 19.5 KiB first build"]


def test_failures_stand_apart_by_what_went_wrong() -> None:
    """Where the first of them happened: the others of its kind stand with it."""
    many = [made("a"), failed("b", "no such day"), *(made(f"c{n}") for n in range(6)), failed("d", "disk full")]
    assert [(one.first.partition, len(one.outcomes)) for one in alike(many)] == [("a", 7), ("b", 1), ("d", 1)]


def test_assets_without_partitions_are_never_put_together() -> None:
    """Though one that was tried again stands there twice."""
    again = [made("", asset="a") for _ in range(20)]
    assert len(printed(again)) == 20


@given(st.lists(st.tuples(st.sampled_from(["a", "b"]), st.sampled_from(["", "x", "y", "z"])), max_size=30))
def test_nothing_is_left_out_or_told_twice(found: list[tuple[str, str]]) -> None:
    """Whatever became of them: every outcome stands in one row, and rows come in the order of their first."""
    outcomes = [made(f"{key}{n}" if key else "", asset=asset) for n, (asset, key) in enumerate(found)]
    groups = alike(outcomes, few=2)
    told = [id(one) for group in groups for one in group.outcomes]
    assert sorted(told) == sorted(map(id, outcomes))
    firsts = [next(n for n, one in enumerate(outcomes) if one is group.first) for group in groups]
    assert firsts == sorted(firsts)
