"""`notify=` at an asset: names of destinations, nobody, or whoever selects it."""

from __future__ import annotations

from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

from penstock import Definitions, asset, defaults
from penstock.assets.declare.plain import asset_from_plain, asset_to_plain
from penstock.assets.run.notifying import notifier
from penstock.assets.run.notifying.notifier import open_notifier
from penstock.storage.errors import SettingsFault


def declared(**policies: Any) -> Definitions:
    """One asset with these policies, among defaults that name `ops`."""
    with defaults(notify="ops"):

        @asset("a.json", **policies)
        def a() -> list[int]:
            return []

    return Definitions(a)


@pytest.mark.parametrize(
    ("policies", "expected"),
    [
        ({}, ("ops",)),
        ({"notify": "team"}, ("team",)),
        ({"notify": ["team", "me"]}, ("team", "me")),
        ({"notify": False}, ()),
    ],
)
def test_who_is_told_is_kept_with_the_definition(policies: dict[str, Any], expected: tuple[str, ...]) -> None:
    """What stands at the asset wins over the defaults, and is read back as it was."""
    found = declared(**policies).resolve().assets["a"]
    assert found.policies.notify == expected
    assert asset_from_plain(asset_to_plain(found)).policies.notify == expected


def test_a_definition_that_says_nothing_is_stored_as_before() -> None:
    """Nobody who upgrades registers everything anew."""

    @asset("a.json")
    def a() -> list[int]:
        return []

    assert "notify" not in asset_to_plain(Definitions(a).resolve().assets["a"])["policies"]


@pytest.mark.parametrize("given", [True, 3, [1]])
def test_what_names_nobody_is_a_fault(given: Any) -> None:
    """With what is expected."""
    (fault,) = declared(notify=given).check()
    assert fault.message.endswith(f"notify={given!r} names no destinations")
    assert "notify=False" in fault.hint


def test_a_plug_in_takes_the_addresses_of_its_scheme(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It gets the whole URL; one that cannot be used is named without it."""
    points = {
        "pager": EntryPoint(name="pager", value="builtins:str", group=notifier.GROUP),
        "broken": EntryPoint(name="broken", value="nowhere:Nothing", group=notifier.GROUP),
    }
    monkeypatch.setattr(notifier, "_plugged_in", lambda: points)
    assert str(open_notifier("Pager://t0k3n", tmp_path)) == "Pager://t0k3n"
    with pytest.raises(SettingsFault, match=r"plug-in 'broken' \(nowhere:Nothing\) cannot be used") as told:
        open_notifier("broken://t0k3n", tmp_path)
    assert "t0k3n" not in str(told.value)
