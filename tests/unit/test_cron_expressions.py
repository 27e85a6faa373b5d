"""Cron expressions with a fault: what is said, and where the caret stands."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.assets.declare.ticks.timetables import Cron
from penstock.storage.errors import DefinitionError


def refused(expression: str, tz: str = "UTC") -> DefinitionError:
    """How an expression or its zone is refused."""
    with pytest.raises(DefinitionError) as caught:
        Cron(expression, tz=tz)
    return caught.value


@pytest.mark.parametrize(
    ("expression", "caret", "why"),
    [
        ("60 * * * *", "^^", "'60' is no minute, which is 0-59"),
        ("0 25 * * *", "  ^^", "'25' is no hour, which is 0-23"),
        ("0 1,99,3 * * *", "    ^^", "'99' is no hour"),
        ("0 0 32 2 *", "    ^^", "'32' is no day of the month, which is 1-31, L"),
        ("0 0 1 13 *", "      ^^", "'13' is no month, which is 1-12 or JAN-DEC"),
        ("0 0 * * FUN", "        ^^^", "'FUN' is no weekday, which is 0-7 (0 and 7 are Sunday) or SUN-SAT"),
        ("0 0 * * 1#6", "        ^^^", "'1#6' is no weekday"),
        ("0 0 * * 5-1", "        ^^^", "the range '5-1' runs backwards"),
        ("*/0 * * * *", "^^^", "'*/0' is no minute"),
        ("0 0 1,,2 * *", "      ^", "'' is no day of the month"),
        ("0   25  *  * *", "  ^^", "'25' is no hour"),
        ("0 3 *", "      ^", "it has 3 of five fields; missing: month, weekday"),
        ("0 0 3 * * *", "          ^", "it has 6 fields, not five (seconds and years are not taken)"),
        ("@weekley", "^" * 8, "there is no such alias; did you mean @weekly?"),
        ("@reboot", "^" * 7, "there is no such alias"),
        (f"{'9' * 5000} * * * *", "^" * 5000, "is no minute"),
    ],
)
def test_a_fault_is_shown_where_it_is(expression: str, caret: str, why: str) -> None:
    """The expression stands on a line of its own, with carets under the part that is wrong; the sentence says why."""
    message = refused(expression).message
    sentence, shown, carets = message.split("\n")
    assert sentence.startswith(f"Cron({expression!r}) is not a cron expression: ")
    assert why in sentence
    assert shown == "    " + " ".join(expression.split())
    assert carets == "    " + caret


def test_an_empty_expression_has_nothing_to_show() -> None:
    """It is told without a line and a caret."""
    assert refused("").message.endswith(
        "it has 0 of five fields; missing: minute, hour, day of the month, month, weekday"
    )
    assert "\n" not in refused(" ").message


def test_something_that_is_no_text_is_no_expression() -> None:
    """Neither a number nor the list that several expressions might be; the form is shown."""
    for wrong in (5, None, ["0 6 * * *", "0 18 * * *"]):
        assert "is not a cron expression" in refused(wrong).message  # pyright: ignore[reportArgumentType]
    with pytest.raises(DefinitionError, match="has no expression"):
        Cron()


@given(st.lists(st.text("0123456789*,-/#LWSUNMON@ \u00b2x", max_size=6), max_size=7).map(" ".join))
def test_whatever_is_written_is_a_timetable_or_one_kind_of_error(expression: str) -> None:
    """No text makes the library's own errors come through; what is refused is shown with a caret below it."""
    try:
        assert Cron(expression).label
    except DefinitionError:
        message = refused(expression).message
        assert "is not a cron expression" in message
        shown, _, carets = message.rpartition("\n")
        if shown:
            assert set(carets) == {" ", "^"}
            assert carets.index("^") <= len(shown.rpartition("\n")[2]) + 1


@pytest.mark.parametrize(
    ("wrong", "near"),
    [
        ("Europe/Zürich", "Europe/Zurich"),
        ("europe/berlin", "Europe/Berlin"),
        ("Berlin", "Europe/Berlin"),
        ("New York", "America/New_York"),
        ("America/NewYork", "America/New_York"),
        ("Asia/Calcuta", "Asia/Calcutta"),
    ],
)
def test_an_unknown_zone_is_told_with_the_nearest(wrong: str, near: str) -> None:
    """Whatever the accent, the case or the missing continent."""
    error = refused("0 3 * * *", wrong)
    assert "no such time zone" in error.message
    assert repr(near) in error.hint


@pytest.mark.parametrize("name", ["localtime", "posixrules", "right/Europe/Berlin", "posix/UTC"])
def test_a_zone_that_means_something_else_on_each_machine_is_refused(name: str) -> None:
    """Ticks are the same for every process that ever asks."""
    assert "no such time zone" in refused("0 3 * * *", name).message
