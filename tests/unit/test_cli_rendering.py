"""How the command line shows things: quantities, harmless text, tables that fit, plain objects, trees."""

from __future__ import annotations

import io
import json
import time
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from rich.text import Text

from penstock.assets.plan.reasons import Reason
from penstock.assets.run.progress import Looked, Made, Outcome, Progress, Started, Waiting
from penstock.lineage.graph.graph import Direction, Graph, Link, Node
from penstock.storage.errors import (
    DatabaseFault,
    DefinitionError,
    InvalidURI,
    ProducerError,
    SettingsFault,
    StorageFault,
    UsageError,
)
from penstock.storage.types import ReasonKind, RunState
from penstock.ui.cli.branches import drawn
from penstock.ui.cli.console import Column, Gives, clean, fitted, say, table
from penstock.ui.cli.faults import exit_code
from penstock.ui.cli.group import COMMANDS, loaded, own_first
from penstock.ui.cli.live import Picture, is_news, result_of
from penstock.ui.cli.plain import plain
from penstock.ui.cli.reasons import brief, told
from penstock.ui.words import quantities

MOMENT = datetime(2026, 1, 5, 10, tzinfo=UTC)
FIRST = Reason(kind=ReasonKind.FIRST_BUILD)
MADE = Made(dataset="a", uri="a.json", version_id=1, digest="ab" * 32, kind="changed", rows=1234, size=2048)


def paper(width: int) -> Console:
    """A console of this width that keeps what is written."""
    return Console(file=io.StringIO(), width=width, markup=False, emoji=False, highlight=False, color_system=None)


def written(console: Console) -> str:
    """What was written to it."""
    file = console.file
    assert isinstance(file, io.StringIO)
    return file.getvalue()


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.00 KiB"),
        (1536, "1.50 KiB"),
        (10_240, "10.0 KiB"),
        (1024**2 - 1, "1.00 MiB"),
        (5 * 1024**3, "5.00 GiB"),
        (None, ""),
    ],
)
def test_sizes_have_binary_units_and_three_digits(number: int | None, text: str) -> None:
    """A size is short, and never shows 1024 of a unit."""
    assert quantities.size(number) == text


@given(st.integers(min_value=0, max_value=2**50))
def test_a_size_is_short_and_close(number: int) -> None:
    """What is shown is at most eight characters wide and within half a percent of the number."""
    text = quantities.size(number)
    value, unit = text.split()
    factor = 1024 ** ["B", "KiB", "MiB", "GiB", "TiB", "PiB"].index(unit)
    assert len(text) <= 8
    assert abs(float(value) * factor - number) <= 0.0051 * number + 0.5


@pytest.mark.parametrize(
    ("length", "text"),
    [
        (0.0, "0.00 s"),
        (9.994, "9.99 s"),
        (9.999, "10.0 s"),
        (59.94, "59.9 s"),
        (59.96, "1 min 00 s"),
        (3599.6, "1 h 00 min"),
        (timedelta(hours=25), "25 h 00 min"),
        (None, ""),
    ],
)
def test_a_duration_never_shows_sixty(length: timedelta | float | None, text: str) -> None:
    """Seconds and minutes carry over where rounding fills them."""
    assert quantities.duration(length) == text


@pytest.fixture
def in_berlin() -> Iterator[None]:
    """This machine is in Berlin."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", "Europe/Berlin")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("in_berlin")
def test_times_are_local_and_short_in_columns() -> None:
    """Day and minute this year, the year otherwise; where there is room, seconds and the zone."""
    assert quantities.moment(MOMENT, now=MOMENT) == "05 Jan 11:00"
    assert quantities.moment(MOMENT, now=MOMENT.replace(year=2027)) == "05 Jan 2026"
    assert quantities.instant(MOMENT) == "2026-01-05 11:00:00 CET"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain ünïcode 漢字 👩‍🔬", "plain ünïcode 漢字 👩‍🔬"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07name", "name"),
        ("\x1b]8;;http://evil\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1b]52;c;aGk=", ""),
        ("\x9b31mred", "red"),
        ("bell\x07 back\b", "bell\ufffd back\ufffd"),
        ("one\ntwo\tthree\r", "one two    three"),
        ("\u202etxt.exe\u2066", "txt.exe"),
        ("[bold]not markup[/bold]", "[bold]not markup[/bold]"),
        ("undecodable \udcff", "undecodable \ufffd"),
    ],
)
def test_text_from_outside_cannot_steer_the_terminal(text: str, shown: str) -> None:
    """Escape sequences are gone, other control characters are marked, everything readable stays."""
    assert clean(text) == shown


@given(st.text(alphabet=st.one_of(st.characters(), st.sampled_from("\x1b[]0;m\x07\x9b\\?"))))
def test_cleaned_text_has_no_control_characters(text: str) -> None:
    """Whatever comes in, no control character, no line break and no surrogate comes out; cleaning again changes
    nothing."""
    shown = clean(text)
    assert not [c for c in shown if unicodedata.category(c) in ("Cc", "Cs")]
    assert clean(shown) == shown


COLUMNS = st.lists(st.tuples(st.integers(1, 90), st.sampled_from(Gives)), min_size=1, max_size=7)


@given(COLUMNS, st.integers(20, 200))
def test_columns_give_way_only_as_far_as_needed(columns: list[tuple[int, Gives]], room: int) -> None:
    """What never gives way keeps its width, nothing grows; where there is room nothing changes; where the least that
    columns can be fits, the table fits, and then it fills the room."""
    natural, gives = [width for width, _ in columns], [one for _, one in columns]
    widths = fitted(natural, gives, room)
    gaps = 2 * (len(columns) - 1)
    least = [w if g is Gives.NEVER else min(w, 9 if g is Gives.FIRST else 6) for w, g in columns]
    assert all(new <= old for new, old in zip(widths, natural, strict=True))
    assert all(new == old for new, (old, g) in zip(widths, columns, strict=True) if g is Gives.NEVER)
    if sum(natural) + gaps <= room:
        assert widths == natural
    elif sum(least) + gaps <= room:
        assert sum(widths) + gaps == room


def test_sentences_give_way_before_names() -> None:
    """A name stays on one line for as long as a sentence beside it can be wrapped."""
    assert fitted([20, 8, 60], [Gives.LAST, Gives.NEVER, Gives.FIRST], 60) == [20, 8, 28]
    assert fitted([40, 8, 60], [Gives.LAST, Gives.NEVER, Gives.FIRST], 60) == [33, 8, 15]


CELL = st.text(st.characters(categories=["Ll", "Nd"]), min_size=1, max_size=40)


@given(st.lists(st.tuples(CELL, CELL), min_size=1, max_size=4))
def test_a_narrow_table_loses_nothing(rows: list[tuple[str, str]]) -> None:
    """On 40 columns every character of every cell is there, on lines that fit."""
    console = paper(40)
    table(console, (Column(title="n", gives=Gives.LAST), Column(title="why", gives=Gives.FIRST)), rows)
    lines = written(console).splitlines()
    assert max(len(line.rstrip()) for line in lines) <= 40
    for name, why in rows:
        assert set(name + why) <= set("".join(lines))
    letters = sorted("".join(line.replace(" ", "") for line in lines[2:]))
    assert letters == sorted("".join(name + why for name, why in rows))


def test_cells_are_not_markup_and_not_escapes() -> None:
    """A name that looks like markup or carries an escape is shown as text."""
    console = paper(80)
    table(console, (Column(title="asset"),), [("[red]a[/red]\x1b[2J",)])
    assert "[red]a[/red]" in written(console)
    assert "\x1b" not in written(console)


def test_a_paragraph_keeps_its_indentation_when_it_is_wrapped() -> None:
    """What is wrapped stands under the beginning of its line."""
    console = paper(20)
    say(console, ("Error: ", "bold red"), "two faults:\n  1. this one is long\n    and a hint")
    assert [line.rstrip() for line in written(console).splitlines()] == [
        "Error: two faults:",
        "  1. this one is",
        "  long",
        "    and a hint",
    ]


def test_answers_become_plain_objects() -> None:
    """Times are UTC with a Z, words are their values, reasons carry their text, paths are texts."""

    @dataclass(frozen=True, slots=True, kw_only=True)
    class Answer:
        at: datetime
        state: RunState
        reason: Reason
        where: Path
        counts: dict[RunState, int]
        items: tuple[int, ...]

    answer = Answer(
        at=MOMENT.astimezone(ZoneInfo("Europe/Berlin")),
        state=RunState.UP_FOR_RETRY,
        reason=Reason(kind=ReasonKind.INPUT_CHANGED, also=(ReasonKind.TICK,), names=("docs",), tick=MOMENT),
        where=Path("a/b"),
        counts={RunState.SUCCESS: 2},
        items=(1, 2),
    )
    assert json.loads(json.dumps(plain(answer))) == {
        "at": "2026-01-05T10:00:00Z",
        "state": "up_for_retry",
        "reason": {
            "kind": "input_changed",
            "also": ["tick"],
            "names": ["docs"],
            "parameters": [],
            "tick": "2026-01-05T10:00:00Z",
            "detail": "",
            "text": "input changed (docs) and tick of 2026-01-05 10:00 UTC",
        },
        "where": "a/b",
        "counts": {"success": 2},
        "items": [1, 2],
    }
    with pytest.raises(TypeError, match="object has no plain form"):
        plain(object())


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UsageError("x"), 2),
        (DefinitionError("x"), 2),
        (InvalidURI("x"), 2),
        (SettingsFault("x"), 2),
        (StorageFault("x"), 1),
        (DatabaseFault("x"), 1),
        (ProducerError("x"), 1),
        (KeyError("x"), 1),
    ],
)
def test_the_exit_code_says_whose_turn_it_is(error: Exception, code: int) -> None:
    """2 where a command line, a definition or a setting is to be changed, 1 otherwise."""
    assert exit_code(error) == code


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (["list"], ["list"]),
        (["list", "--traceback"], ["--traceback", "list"]),
        (["-C", "a", "list"], ["-C", "a", "list"]),
        (["list", "-C", "a", "--json"], ["-C", "a", "list", "--json"]),
        (["list", "--project-dir=a"], ["--project-dir=a", "list"]),
        (["list", "-C"], ["-C", "list"]),
        (["list", "--", "--traceback"], ["list", "--", "--traceback"]),
    ],
)
def test_own_options_count_wherever_they_stand(given: list[str], expected: list[str]) -> None:
    """`-C` and `--traceback` may follow the command; behind `--` nothing is an option."""
    assert own_first(given) == expected


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_explains_itself_in_the_words_of_the_table(name: str) -> None:
    """The line that `penstock --help` shows without loading a command is the first line of its own help."""
    assert (loaded(name).help or "").partition("\n")[0] == COMMANDS[name][1]


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        (Outcome(asset="a", run_id="r", state=RunState.SUCCESS, reason=FIRST, made=(MADE,)), "changed"),
        (Outcome(asset="a", run_id="r", state=RunState.SUCCESS, reason=FIRST), "confirmed"),
        (Outcome(asset="a", run_id="r", state=RunState.SKIPPED, reason=FIRST), "skipped"),
        (Outcome(asset="a", run_id="r", state=RunState.FAILED, reason=FIRST), "failed"),
        (Outcome(asset="a", run_id=None, state=None, reason=Reason(kind=ReasonKind.CONFIRMED)), "confirmed"),
        (Outcome(asset="a", run_id=None, state=None, reason=Reason(kind=ReasonKind.NO_VERSION)), "held"),
    ],
)
def test_one_word_says_what_became_of_an_asset(outcome: Outcome, expected: str) -> None:
    """It follows from the run's state and from what was published."""
    assert result_of(outcome) == expected


def test_what_unchanged_means_is_said_once() -> None:
    """In a table the word stands alone, its details follow below, each once; other reasons are shown whole."""
    details = ("same inputs", "same probe", "same inputs")
    reasons = [Reason(kind=ReasonKind.UNCHANGED, detail=detail) for detail in details]
    held = Reason(kind=ReasonKind.WAITING, detail="an approval")
    assert [brief(one) for one in reasons] == ["unchanged"] * 3
    assert brief(held) == held.text
    assert told([*reasons, held]) == "unchanged: same inputs (sources: same probe)"
    assert told([held]) == ""


def test_a_probe_is_no_news_to_people() -> None:
    """What others write is news when it changed; the fingerprint of a probe is not."""
    assert [is_news(Looked(name="a", news=news)) for news in ("new", "changed", "unchanged", "probe 1f")] == [
        True,
        True,
        False,
        False,
    ]


def test_the_live_picture_says_what_was_looked_at() -> None:
    """Before anything runs there are the sources, counted."""
    picture, console = Picture(expected=5), paper(100)
    picture(Looked(name="docs", news="changed"))
    console.print(picture.drawn())
    assert "looked at 1 source " in written(console)


def test_the_live_picture_shows_what_runs_and_what_ended() -> None:
    """Running assets with their reason, ended ones with what they made, and how much is done; skipped ones are
    counted, not listed."""
    picture = Picture(expected=5)
    story: Sequence[Progress] = (
        Looked(name="docs", news="changed"),
        Started(asset="first", run_id="1", reason=FIRST),
        Outcome(asset="first", run_id="1", state=RunState.SUCCESS, reason=FIRST, made=(MADE,), seconds=1.5),
        Outcome(asset="still", run_id="2", state=RunState.SKIPPED, reason=Reason(kind=ReasonKind.UNCHANGED)),
        Started(asset="[bold]\x1b[2Jnow", run_id="3", reason=FIRST),
        Waiting(asset="other", reason=Reason(kind=ReasonKind.AT_LIMIT)),
    )
    for progress in story:
        picture(progress)
    console = paper(100)
    console.print(picture.drawn())
    shown = written(console)
    assert "changed  first" in shown
    assert "abababab, 1,234 rows, 2.00 KiB" in shown
    assert "running  [bold]now" in shown
    assert "another process makes it now" in shown
    assert "2 of 5 done: 1 changed, 1 skipped" in shown
    assert "still" not in shown
    assert "\x1b" not in shown


def test_a_tree_of_lineage_draws_a_version_out_once() -> None:
    """What stands in a second place is marked `(above)` there; a leaf is simply repeated; what goes on is marked."""
    links = [("c", "d"), ("b", "d"), ("a", "b"), ("a", "c"), ("x", "a")]
    found = Graph(
        roots=("d",),
        direction=Direction.UP,
        nodes=tuple(Node(id=one, of=1, depth=0, cut=one == "x") for one in "dbcax"),
        links=tuple(Link(input=source, output=made, by="r") for source, made in links),
    )
    console = paper(80)
    console.print(drawn(found, "d", Text))
    assert written(console).splitlines() == [
        "d",
        "├── c",
        "│   └── a",
        "│       └── x  …",
        "└── b",
        "    └── a  (above)",
    ]
