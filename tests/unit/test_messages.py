"""Messages as people read them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from penstock.assets.plan.messages import SAME, Fact, message
from penstock.storage.types import NotificationKind as Kind

AT = datetime(2026, 1, 1, 10, tzinfo=UTC)


def fact(kind: Kind, asset: str = "chunks", partition: str = "", after: int = 0, **said: Any) -> Fact:
    """One happening, so many minutes after ten."""
    return Fact(kind=kind, asset=asset, partition=partition, at=AT + timedelta(minutes=after), said=said)


def test_a_failure_says_why_since_when_and_what_to_do() -> None:
    """In plain text, line by line."""
    told = fact(Kind.FAILED, error="ValueError: no text in page 7", run="01a2-4f1a09c2", attempt=2, count=3)
    assert message("kb", [[fact(Kind.FAILED, after=-5), told]]).body == (
        "chunks failed, 3 times in a row.\n"
        "\n"
        "ValueError: no text in page 7\n"
        "\n"
        "project: kb\n"
        "at: 2026-01-01 10:00 UTC\n"
        "not told before: 1 failed since 2026-01-01 09:55 UTC\n"
        "run: 01a2-4f1a09c2, attempt 2\n"
        "next: `penstock runs 4f1a09c2`"
    )


def test_a_retry_says_when() -> None:
    """The next try, and what went wrong."""
    told = message("kb", [[fact(Kind.RETRY, error="OSError: busy", next_at="2026-01-01T10:05:00+00:00", run="r")]])
    assert (told.subject, told.body.splitlines()[0]) == (
        "kb: chunks is tried again",
        "chunks is tried again at 2026-01-01 10:05 UTC.",
    )


def test_what_is_counted_reads_as_a_sentence() -> None:
    """A number, and what became of so many."""
    groups = [[fact(Kind.RETRY, name)] for name in ("a", "b")] + [[fact(Kind.FAILED, name)] for name in ("c", "d", "e")]
    assert message("kb", groups).subject == "kb: 3 failed, 2 tried again"


def test_partitions_are_counted_in_the_subject_and_named_below() -> None:
    """Up to twelve of them."""
    told = message("kb", [[fact(Kind.FAILED, "daily", f"2026-01-{day:02}") for day in range(1, 21)]])
    assert told.subject == "kb: daily (20 partitions) failed"
    assert "partitions: 2026-01-01, 2026-01-02, " in told.body
    assert " and 8 more" in told.body


def test_a_summary_has_a_line_for_each_the_gravest_first() -> None:
    """And counts those for which there is no room."""
    groups = [
        [fact(Kind.RECOVERED, "well")],
        *([fact(Kind.FAILED, f"a{number}", error="ValueError: no")] for number in range(20)),
        [fact(Kind.PAUSED, "tired", error="3 failed in a row")],
    ]
    told = message("kb", groups)
    assert (told.kind, told.subject) == (Kind.PAUSED, "kb: 1 paused, 20 failed, 1 recovered")
    lines = told.body.splitlines()
    assert lines[2:4] == ["- tired paused itself: 3 failed in a row", "- a0 failed: ValueError: no"]
    assert f"and {22 - SAME} more" in lines


@given(
    st.lists(
        st.builds(
            fact,
            st.sampled_from(Kind),
            st.sampled_from("ab"),
            st.sampled_from(["", "2026-01-01"]),
            st.integers(0, 9),
            error=st.text(max_size=4000),
            deadline=st.just(AT.isoformat()),
        ),
        min_size=1,
        max_size=5,
    ),
    st.booleans(),
)
def test_whatever_is_told_has_a_subject_of_a_line_and_a_short_body(facts: list[Fact], summed: bool) -> None:
    """However long the errors are."""
    told = message("kb", [[one] for one in facts] if summed else [facts])
    assert len(told.subject.splitlines()) == 1
    assert told.subject.startswith("kb: ")
    assert len(told.body) < 4000
