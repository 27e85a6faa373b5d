"""Which values a fingerprint covers, and how: arrays and frames, locks, secrets, things that refer to themselves."""

from __future__ import annotations

import datetime
import re
import threading
from collections import Counter, OrderedDict, namedtuple
from decimal import Decimal
from enum import Enum
from pathlib import Path
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
import pytest

from penstock.assets.code.fingerprint import Fingerprint, fingerprint
from penstock.assets.code.parts.constants import Constant, spelled_class


def test_arrays_and_frames_count_by_their_content() -> None:
    """Equal arrays and frames have equal digests, whatever their address; one changed cell is seen."""

    def around(value: Any) -> Fingerprint:
        return fingerprint(lambda: value)

    assert around(np.arange(6).reshape(2, 3)).digest == around(np.arange(6).reshape(2, 3)).digest
    assert around(np.arange(6)).digest != around(np.arange(6).reshape(2, 3)).digest
    assert around(np.arange(6)).digest != around(np.arange(6.0)).digest
    frame = pl.DataFrame({"a": [1, 2], "b": ["x", "y"]})
    assert around(frame).digest == around(frame.clone()).digest
    assert around(frame).digest != around(frame.with_columns(a=pl.col("a") + 1)).digest
    assert around(frame).complete
    assert around(np.array(["a", None], dtype=object)).complete


def test_what_has_no_value_makes_it_incomplete_and_is_named() -> None:
    """A lock cannot be compared: the fingerprint says so, without an address, and is stable."""
    lock = threading.Lock()

    def f() -> Any:
        return lock

    found = fingerprint(f)
    assert not found.complete
    assert "_thread.lock" in found.missing[0]
    assert "0x" not in found.missing[0]
    assert fingerprint(f) == found


def test_a_secret_is_digested_or_says_itself_what_counts() -> None:
    """No part holds a value; a class with `__penstock_constant__` decides what counts of it."""

    class Secret:
        def __init__(self, name: str, value: str) -> None:
            self.name, self.value = name, value

        def __penstock_constant__(self) -> str:
            return self.name

    def reads(secret: Any) -> Fingerprint:
        return fingerprint(lambda: secret)

    assert reads(Secret("KEY", "hunter2")).digest == reads(Secret("KEY", "other")).digest
    assert reads(Secret("KEY", "hunter2")).digest != reads(Secret("OTHER", "hunter2")).digest
    assert "hunter2" not in repr(reads("hunter2"))


Point = namedtuple("Point", "x y")
Colour = Enum("Colour", "RED GREEN")


class Thing:
    """An object of the project."""

    def __init__(self, **state: Any) -> None:
        self.__dict__.update(state)


def closing(value: object) -> Fingerprint:
    """The fingerprint of a function that closes over a value."""
    return fingerprint(lambda: value)


VALUES: list[tuple[Any, Any]] = [
    (datetime.date(2026, 1, 1), datetime.date(2026, 1, 2)),
    (
        datetime.datetime(2026, 1, 1, tzinfo=ZoneInfo("UTC")),
        datetime.datetime(2026, 1, 1, tzinfo=ZoneInfo("Asia/Tokyo")),
    ),
    (datetime.timedelta(1), datetime.timedelta(2)),
    (Decimal("1.0"), Decimal("1.00")),
    (re.compile("a"), re.compile("a", re.IGNORECASE)),
    (Path("a"), Path("b")),
    (Path("a"), "a"),
    (range(3), range(4)),
    (slice(1, 2), slice(1, 3)),
    (OrderedDict(a=1, b=2), OrderedDict(b=2, a=1)),
    (Counter("aab"), Counter("abb")),
    (MappingProxyType({"a": 1}), MappingProxyType({"a": 2})),
    (Point(1, 2), Point(2, 1)),
    (Point(1, 2), (1, 2)),
    (Colour.RED, Colour.GREEN),
    (Thing(a=1), Thing(a=2)),
    (Thing(a=Thing(b=[1])), Thing(a=Thing(b=[2]))),
    (bytearray(b"a" * 300), bytearray(b"b" * 300)),
    ("a" * 300, "b" * 300),
    (1, True),
    (1, 1.0),
    (10**5000, 10**5000 + 1),
    (len, max),
    ([].append, [1].append),
    (Thing, Point),
    (Exception("a"), Exception("b")),
    (list[int], list[str]),
]


@pytest.mark.parametrize(("one", "other"), VALUES, ids=lambda value: type(value).__name__)
def test_different_values_of_every_kind_have_different_digests(one: object, other: object) -> None:
    """And each has the same one twice, without anything missing."""
    assert closing(one).digest == closing(one).digest != closing(other).digest
    assert not [gap for gap in closing(one).missing if "holds" in gap]


def test_a_value_that_holds_itself_ends() -> None:
    """Lists and objects may be cyclic; how they lead back is part of what they say."""
    ring: list[Any] = [1]
    ring.append(ring)
    other: list[Any] = [1]
    other.append([other])
    thing = Thing(a=1)
    thing.me = thing  # type: ignore[attr-defined]
    assert closing(ring).digest != closing(other).digest
    assert closing(thing).complete


def test_what_is_too_large_or_too_deep_is_missing_and_not_waited_for() -> None:
    """The rest of the value still counts."""
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    assert "nested too deeply" in closing(deep).missing[0]
    assert "more than a million parts" in closing([[0] * 1000] * 1100).missing[0]


def test_classes_made_by_a_call_say_what_they_consist_of() -> None:
    """namedtuple and functional enums have no source, and need none."""

    def spelled(kind: type) -> str | None:
        return spelled_class(kind, Constant(lambda *_: None))

    assert spelled(Point) != spelled(namedtuple("Point", "y x"))
    assert spelled(Colour) != spelled(Enum("Colour", "GREEN RED"))
    assert spelled(type("Made", (), {"size": 3})) is None


def test_an_object_that_raises_when_asked_is_missing() -> None:
    """Whatever it raises, the fingerprint says which kind of object it was."""

    class Shy:
        def __reduce_ex__(self, protocol: Any) -> Any:
            raise RuntimeError("no")

    assert "Shy (RuntimeError when asked for its value)" in closing(Shy()).missing[0]
