"""Run parameters from outside: the text of a command line, values of settings, stored JSON."""

from __future__ import annotations

import datetime
from enum import Enum
from typing import Any, Literal

import pytest

from penstock.assets.code.parameter_types import plain_value
from penstock.assets.code.parameters import coerce
from penstock.storage.errors import UsageError


class Mode(Enum):
    """Choices."""

    FAST = "fast"
    SLOW = 2


def train(
    pairs: Any,
    *,
    epochs: int = 3,
    rate: float = 0.1,
    name: str = "x",
    deep: bool = False,
    mode: Mode = Mode.FAST,
    kind: Literal["a", 2] = "a",
    layers: list[int] = [],  # noqa: B006
    weights: dict[str, float] = {},  # noqa: B006
    day: datetime.date = datetime.date(2026, 1, 1),
    at: datetime.datetime | None = None,
    wait: datetime.timedelta = datetime.timedelta(hours=1),
    maybe: int | None = None,
) -> str:
    """A producer with every type of parameter."""
    return ""


GIVEN: list[tuple[str, object, Any]] = [
    ("epochs", "5", 5),
    ("epochs", 5, 5),
    ("rate", "1", 1.0),
    ("rate", "1e-3", 0.001),
    ("name", "5", "5"),
    ("name", "true", "true"),
    ("deep", "true", True),
    ("deep", "no", False),
    ("mode", "fast", Mode.FAST),
    ("mode", "2", Mode.SLOW),
    ("mode", "SLOW", Mode.SLOW),
    ("mode", Mode.SLOW, Mode.SLOW),
    ("kind", "a", "a"),
    ("kind", "2", 2),
    ("layers", "[1, 2]", [1, 2]),
    ("weights", '{"a": 1}', {"a": 1.0}),
    ("day", "2026-03-01", datetime.date(2026, 3, 1)),
    ("at", "null", None),
    ("at", "2026-03-01T10:00:00+00:00", datetime.datetime(2026, 3, 1, 10, tzinfo=datetime.UTC)),
    ("wait", "1h30m", datetime.timedelta(minutes=90)),
    ("wait", "90", datetime.timedelta(seconds=90)),
    ("wait", datetime.timedelta(1), datetime.timedelta(1)),
    ("maybe", "7", 7),
]


@pytest.mark.parametrize(("name", "given", "value"), GIVEN)
def test_text_becomes_the_type_that_the_producer_declares(name: str, given: object, value: Any) -> None:
    """Through plain data and back: what is stored leads to the very value."""
    plain = coerce(train, name, given, plain=True)
    assert repr(plain) == repr(plain_value(value))
    found = coerce(train, name, plain)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("epochs", "5.5"),
        ("epochs", "x"),
        ("epochs", True),
        ("mode", "faster"),
        ("kind", "b"),
        ("layers", "[1, x]"),
        ("rate", "nan"),
    ],
)
def test_a_value_of_another_type_is_refused_with_what_is_expected(name: str, given: object) -> None:
    """The message names the parameter, its type and what was given."""
    with pytest.raises(UsageError) as caught:
        coerce(train, name, given, plain=True)
    assert f"train.{name}" in caught.value.message
    assert repr(given) in caught.value.message or "nan" in caught.value.message
    assert "default" in caught.value.hint


def test_an_unknown_parameter_is_refused_with_those_there_are() -> None:
    """Inputs are no run parameters."""
    with pytest.raises(UsageError, match="no run parameter 'pairs'") as caught:
        coerce(train, "pairs", 1)
    assert "epochs" in caught.value.hint


def test_the_plain_form_of_a_default_is_that_of_the_same_value_given() -> None:
    """A key does not change because a default was written out."""
    assert coerce(train, "wait", "1h", plain=True) == plain_value(datetime.timedelta(hours=1)) == 3600.0
    with pytest.raises(TypeError, match="no JSON form"):
        plain_value(float("inf"))
