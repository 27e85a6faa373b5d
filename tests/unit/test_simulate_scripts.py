"""Scripts of simulations: what each line means, and how a fault is told."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock import Daily, Dataset, Deadline, Every, Partition, UsageError, asset
from penstock.assets.plan.simulate.script import Act, Names, Step, read_script, read_until
from penstock.assets.plan.simulate.story import rows_of
from penstock.testing import simulate

NAMES = Names(assets=frozenset({"vectors", "ranker"}), datasets={"docs": "docs.json", "vectors": "vectors.json"})
TEN = datetime(2026, 1, 5, 10, tzinfo=UTC)


def test_a_line_is_at_a_time_or_so_long_after_the_line_before() -> None:
    """Absolute in any zone, relative to the line before, or at the same moment; `wait` moves what follows."""
    script = """
        2026-01-05T11:00+01:00  docs changed  # the first
        +5m   docs confirmed
              docs removed
        wait 2h
        vectors fails
        +1h30m pause vectors
    """
    told = [(step.at - TEN, step.act) for step in read_script(script, NAMES)]
    minutes = timedelta(minutes=1)
    assert told == [
        (0 * minutes, Act.CHANGED),
        (5 * minutes, Act.CONFIRMED),
        (5 * minutes, Act.REMOVED),
        (5 * minutes, Act.WAIT),
        (125 * minutes, Act.WAIT),
        (125 * minutes, Act.FAILS),
        (215 * minutes, Act.PAUSE),
    ]


def test_metadata_are_numbers_texts_and_truth_values() -> None:
    """`key=value`, with quotes where there are blanks; a URI may have a number sign."""
    line = "s3://a/b#c.json changed rows=10 accuracy=0.95 champion=true lang=de note='two words'"
    (step,) = read_script(line, NAMES, start=TEN)
    assert step.subject == "s3://a/b#c.json"
    assert step.metadata == {"rows": 10, "accuracy": 0.95, "champion": True, "lang": "de", "note": "two words"}


def test_every_fault_is_told_with_its_line_and_what_was_expected() -> None:
    """All at once; what is right besides is still read, so that one fault does not make others."""
    script = """2026-01-05T10:00Z docs changed
+5x docs changed
dcos changed
vectors explodes
vectors takes
2026-01-05T09:00Z docs changed
2026-01-05T12:00 docs changed
docs changed rows
resume vectors softly
+1h
pause docs
docs fails
vectors changed 'a=b
vectors fails rows=3
wait"""
    with pytest.raises(UsageError) as raised:
        read_script(script, NAMES)
    told = raised.value.message.splitlines()
    assert told[0] == "the script has 14 faults:"
    assert [line.split(":")[0] for line in told[1:]] == [f"line {number}" for number in range(2, 16)]
    assert "'5x' is not a duration" in told[1]
    assert "there is no dataset 'dcos'; did you mean 'docs'?" in told[2]
    assert "'explodes' is nothing that happens" in told[3]
    with pytest.raises(UsageError, match=r"'chnged' is nothing that happens; did you mean 'changed'\?"):
        read_script("2026-01-05T10:00Z docs chnged", NAMES)
    assert "expected one duration: vectors takes 10s" in told[4]
    assert "earlier than the line before, 2026-01-05T10:00:00Z" in told[5]
    assert "has no zone; expected e.g. 2026-01-05T12:00Z" in told[6]
    assert "'rows' is no metadata; expected e.g. rows=10" in told[7]
    assert "expected `resume NAME` or `resume NAME drop`" in told[8]
    assert "a time and nothing that happens" in told[9]
    assert "there is no asset 'docs'" in told[10]
    assert "there is no asset 'docs'" in told[11]
    assert "a quote is not closed" in told[12]
    assert "expected nothing behind 'fails', found 'rows=3'" in told[13]
    assert "expected one duration: wait 2h" in told[14]


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("docs changed", "the first line has to say a time"),
        ("+5m docs changed", "+5m counts from the line before, and there is none"),
        ("2026-13-05T10:00Z docs changed", "is no time"),
        ("2026-01-05 docs changed", "2026-01-05 is a day without a time; expected e.g. 2026-01-05T00:00Z"),
        ("2026-01-05Z docs changed", "expected e.g. 2026-01-05T10:00Z"),
    ],
)
def test_the_first_line_says_a_time(script: str, expected: str) -> None:
    """Without one, and without `start=`, nothing could be reckoned."""
    with pytest.raises(UsageError, match=expected.replace("+", r"\+")):
        read_script(script, NAMES)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("count.json changed", "count.json is written by the asset count: what others write there is drift"),
        ("count changed", "count is written by the asset count"),
        ("count gives", "expected what it gives: count gives rows=10"),
        ("docs changed rows=", "'rows=' is no metadata; expected e.g. rows=10"),
    ],
)
def test_what_could_not_happen_is_a_fault(line: str, expected: str) -> None:
    """News from outside of what an asset writes; metadata of which nothing is said."""

    @asset("count.json", on=Dataset("docs.json"))
    def count() -> int:
        return 1

    with pytest.raises(UsageError) as raised:
        simulate(count, f"2026-01-05T10:00Z {line}")
    assert expected in raised.value.message


def test_many_deadlines_that_are_alike_are_told_together() -> None:
    """A day of them, each minute: a row until there is a run, and one after it; what is few is told one by one."""
    docs = Dataset("docs.json")

    @asset("count.json", on=docs, deadline=Deadline(Every("1m")))
    def count() -> int:
        return 1

    story = simulate(count, "2026-01-05T10:00:30Z wait 12h\ndocs changed\nwait 12h")
    assert len(story.missed) == 24 * 60 - 1
    missed = [row for row in rows_of(story) if row[2] == "deadline missed"]
    assert [about for _, _, _, about in missed] == [
        "waiting for docs; 720 times, the last at 2026-01-05 22:00",
        "waiting for docs; 719 times, the last at 2026-01-06 10:00",
    ]
    few = simulate(count, "2026-01-05T10:00:30Z wait 3m")
    assert [row[3] for row in rows_of(few)] == ["waiting for docs"] * 3


def test_a_script_without_lines_is_a_fault() -> None:
    """There is no time at which anything would begin; with `start=` it is the shortest story."""
    docs = Dataset("docs.json")

    @asset("count.json", on=docs)
    def count(docs: list[str]) -> int:
        return len(docs)

    with pytest.raises(UsageError, match="the script has no line"):
        simulate(count, "  # nothing\n")
    with pytest.raises(UsageError, match="no time zone"):
        simulate(count, "", start=datetime(2026, 1, 5))  # noqa: DTZ001
    assert simulate(count, "", start=TEN).held["count"].text == "waiting for docs"


@given(text=st.text(alphabet="docs vectors +5m\n#='2026-01-05T10:00Z changed fails wait", max_size=60))
def test_whatever_is_written_is_read_or_refused(text: str) -> None:
    """No text makes anything but steps in order, or one error with lines."""
    steps: list[Step] = []
    with contextlib.suppress(UsageError):
        steps = read_script(text, NAMES, start=TEN)
    assert [step.at for step in steps] == sorted(step.at for step in steps)


def test_until_is_a_time_to_come() -> None:
    """`+24h`, or an instant; what is past, or none, is refused."""
    assert read_until("+24h", TEN) == TEN + timedelta(days=1)
    assert read_until("2026-01-06T10:00Z", TEN) == TEN + timedelta(days=1)
    for wrong in ("2026-01-04T10:00Z", "2026-01-06", "soon", "+1x", "2026-01-06T10:00"):
        with pytest.raises(UsageError) as caught:
            read_until(wrong, TEN)
        assert caught.value.hint == "Write e.g. +24h, or 2026-01-05T10:00Z.", wrong


def test_what_has_partitions_is_not_told_of() -> None:
    """Neither by its dataset nor by its asset: the line is a fault, as any other."""

    @asset("days/{day}.json", name="days", partitions=Daily(start="2026-01-01"))
    def days(day: Partition) -> str:
        return day.key

    @asset("whole.json", on=days)
    def whole(days: dict[str, str]) -> int:
        return len(days)

    with pytest.raises(UsageError) as caught:
        simulate([days, whole], "2026-01-05T10:00Z days changed\n+1h days fails\nwait 1h")
    told = str(caught.value)
    assert told.count("days has partitions, of which a script cannot tell") == 2
