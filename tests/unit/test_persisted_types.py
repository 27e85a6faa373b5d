"""What is kept of annotations: their words, and the types that they name. Golden files are a promise."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from penstock.assets.code.outputs import OutputForm
from penstock.assets.declare.catalogue import Asset, Input
from penstock.assets.declare.plain import asset_from_plain, asset_to_plain
from penstock.storage.errors import DatabaseFault
from penstock.storage.types import JsonType, ValueKind


def golden(name: str) -> Any:
    """The file of that name."""
    return json.loads((Path(__file__).parents[1] / "golden" / f"{name}.json").read_text(encoding="utf-8"))


def test_json_types_are_kept_in_this_form() -> None:
    """What an annotation names of a JSON value; a definition that says nothing of it, as older ones do, is of any."""
    kept = golden("json_types")
    given = (JsonType.TEXT, JsonType.INTEGER, JsonType.NUMBER, JsonType.TRUTH)
    one = Input(parameter="a", uri="a.json", kind=ValueKind.JSON, json=given)
    returns = OutputForm(json=(JsonType.MAPPING, JsonType.LIST))
    asset = Asset(name="b", outputs=("b.json",), returns=returns, inputs=(one,))
    plain = asset_to_plain(asset)
    assert (plain["json"], plain["inputs"][0]["json"]) == (kept["returns"], kept["input"])
    assert asset_from_plain(plain) == asset
    del plain["json"], plain["inputs"][0]["json"]
    assert asset_from_plain(plain) == replace(asset, returns=OutputForm(), inputs=(replace(one, json=()),))
    with pytest.raises(DatabaseFault, match="does not know"):
        asset_from_plain({**plain, "json": ["tuple"]})


def test_annotations_are_kept_in_this_form() -> None:
    """As they are written, and of each output where a `TypedDict` says it."""
    kept = golden("annotations")
    asset = asset_from_plain(kept)
    assert asset_to_plain(asset) == kept
    assert (asset.returns.annotation, asset.inputs[0].annotation) == ("Halves", "dict[str, int] | None")
    assert asset.given("b.json") == OutputForm(
        kind=ValueKind.JSON, json=(JsonType.LIST,), annotation="NotRequired[list[int]]"
    )
    assert asset.given("c.json") is asset.returns
