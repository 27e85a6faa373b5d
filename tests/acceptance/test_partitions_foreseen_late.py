"""What comes late to a roll-up that was made is foreseen as its policy has it, whoever will publish it."""

from __future__ import annotations

from typing import Any

import pytest

from penstock import Daily, Partition, Weekly, asset

pytestmark = pytest.mark.databases("sqlite", "postgresql")

DAYS = Daily(start="2026-01-01", end="2026-01-22")
WEEKS = Weekly(start="2025-12-29", end="2026-01-26")
IGNORED = "waiting for b (it was made, and what comes late is ignored)"
ONCE_MORE = "waiting for b (4 of 7; it was made, and is made once more when all are there)"


def graph(late: str, version: str = "") -> tuple[Any, ...]:
    """Days, what is made of each, and weeks that are made of three of these."""

    @asset("a/{day}.json", partitions=DAYS)
    def a(day: Partition) -> str:
        return day.key + version

    @asset("b/{day}.json", partitions=DAYS, on=a)
    def b(a: str) -> str:
        return a

    @asset("w/{week}.json", partitions=WEEKS, on=b.rollup(late=late, at_least=3))
    def w(b: dict[str, str]) -> str:
        return ",".join(b.values())

    return a, b, w


def weeks(foreseen: Any) -> list[tuple[str, str, str]]:
    """What would become, or became, of weeks."""
    return [(one.partition, one.outcome, one.reason.text) for one in foreseen if one.asset == "w"]


@pytest.mark.parametrize(
    ("late", "expected"),
    [
        ("ignore", ("2026-W02", "hold", IGNORED)),
        ("complete", ("2026-W02", "hold", ONCE_MORE)),
        ("each", ("2026-W02", "run", "input changed: b")),
    ],
)
def test_a_day_that_is_late_is_foreseen_as_it_is_done(lab: Any, late: str, expected: tuple[str, str, str]) -> None:
    """The week was made of three days: a fourth makes it again where each late one does, and else is held."""
    things = graph(late)
    lab.make(*things, select="a", partitions="2026-01-05..2026-01-07")
    assert weeks(lab.foresee_all(*things, select=["a"], partitions="2026-01-08")) == [expected]
    made = lab.make(*things, select="a", partitions="2026-01-08")
    done = [
        (one.partition, "run" if one.state else "hold", one.reason.text) for one in made.outcomes if one.asset == "w"
    ]
    assert done == [expected]


def test_the_last_day_that_is_late_completes(lab: Any) -> None:
    """With all seven the week is made once more."""
    things = graph("complete")
    lab.make(*things, select="a", partitions="2026-01-05..2026-01-07")
    (found,) = weeks(lab.foresee_all(*things, select=["a"], partitions="2026-01-08..2026-01-11"))
    assert found == ("2026-W02", "run", "input changed: b")


@pytest.mark.parametrize(("late", "possible"), [("ignore", False), ("complete", False), ("each", True)])
def test_a_day_that_is_made_again_is_foreseen_so_too(lab: Any, late: str, possible: bool) -> None:
    """Whether it is another one nobody knows before: where that would make no week, none is possible."""
    lab.make(*graph(late), select="a", partitions="2026-01-05..2026-01-07")
    again = graph(late, " again")
    found = weeks(lab.foresee_all(*again, select=["a"], partitions="2026-01-06"))
    assert [outcome for _, outcome, _ in found] == ["possible"] * possible
    lab.make(*again, select="a", partitions="2026-01-06")
    assert lab.rows("SELECT count(*) FROM versions v JOIN datasets d ON d.id = v.dataset_id WHERE d.name = 'w'") == [
        (1 + possible,)
    ]
