"""Texts of users that have no end: what is kept of them."""

from __future__ import annotations

from typing import Any

import pytest

from penstock import Skip, asset

pytestmark = pytest.mark.databases("sqlite", "postgresql")


def test_what_is_said_without_end_is_kept_in_part(lab: Any) -> None:
    """Of a text its beginning, of a trace its end, and how much was left out: nobody reads thirty megabytes."""

    @asset("endless.json")
    def endless() -> int:
        raise ValueError("x" * 5_000_000)

    @asset("idle.json")
    def idle() -> int:
        raise Skip("y" * 5_000_000)

    lab.make(endless, idle)
    ((stored,),) = lab.rows("SELECT CAST(error AS TEXT) FROM runs WHERE state = 'failed'")
    assert "characters left out" in stored
    assert len(stored) < 100_000
    assert lab.rows("SELECT max(length(why)) FROM omissions")[0][0] < 10_000
