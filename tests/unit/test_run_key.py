"""The run key: what two runs must share to make the same bytes, and what the difference is called."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from penstock.assets.code.outputs import OutputForm
from penstock.assets.declare.catalogue import Asset, Catalogue, Input, Parameter
from penstock.assets.declare.dataset import Dataset
from penstock.assets.plan.graph import Graph
from penstock.assets.plan.key import RunKey, difference, run_key, same
from penstock.storage.manifest import Column
from penstock.storage.types import JsonType, ReasonKind, ValueKind

CHUNKS = Asset(
    name="chunks",
    outputs=("chunks.parquet",),
    inputs=(Input(parameter="docs", uri="docs.parquet", kind=ValueKind.LAZY_FRAME),),
    parameters=(Parameter(name="size", type="int", default=800), Parameter(name="lang", type="str", default="en")),
    code="c0de",
)
COLUMNS = {"id": "String"}
CATALOGUE = Catalogue(
    assets={"chunks": CHUNKS},
    datasets={
        "docs.parquet": Dataset("docs.parquet"),
        "chunks.parquet": Dataset("chunks.parquet", columns=COLUMNS),
    },
)


def key(asset: Asset = CHUNKS, catalogue: Catalogue = CATALOGUE, **rest: Any) -> RunKey:
    """The key of a run of `chunks`, with something else."""
    plain: dict[str, Any] = {
        "parameters": {},
        "inputs": {"docs": "d0"},
        "probe": None,
        "environment": {"python": "3.11"},
    }
    return run_key(asset, Graph.of(catalogue), **{**plain, **rest})


def test_a_key_holds_everything_that_the_bytes_depend_on() -> None:
    """Format version, code, every parameter, inputs, formats and schemas, forms, environment; all of it JSON."""
    parts = key().parts
    assert parts == {
        "v": 1,
        "code": "c0de",
        "parameters": {"size": 800, "lang": "en"},
        "inputs": {"docs": "d0"},
        "outputs": {"chunks.parquet": [".parquet", [["id", "String"]]]},
        "forms": {"inputs": {"docs": "lazy_frame"}, "outputs": {}},
        "environment": {"python": "3.11"},
    }
    assert json.loads(json.dumps(parts)) == parts
    assert {**key(probe="p", nonce="n").parts} == {**parts, "probe": "p", "nonce": "n"}


def test_equal_requests_have_equal_keys() -> None:
    """Saying the default aloud, or in another order, changes nothing; a digest is 64 hexadecimal digits."""
    same = key(parameters={"lang": "en", "size": 800})
    assert same.digest == key().digest
    assert len(same.digest) == 64


def test_a_rename_changes_the_digest_and_keeps_the_parts() -> None:
    """Of two assets with equal parts neither stands for the other; a renamed one compares with its own history."""
    renamed = key(replace(CHUNKS, name="passages"))
    assert renamed.parts == key().parts
    assert renamed.digest != key().digest


OTHER_FORMAT = Catalogue(
    assets=CATALOGUE.assets, datasets={**CATALOGUE.datasets, "chunks.parquet": Dataset("chunks.parquet")}
)


@pytest.mark.parametrize(
    ("change", "kinds", "names"),
    [
        ({}, [], []),
        ({"inputs": {"docs": "d1"}}, ["input_changed"], ["docs"]),
        ({"inputs": {}}, ["input_changed"], ["docs"]),
        ({"inputs": {"docs": "d0", "terms": "t"}}, ["input_changed"], ["terms"]),
        ({"probe": "p1"}, ["input_changed"], ["probe"]),
        ({"inputs": {"docs": "d1"}, "probe": "p1"}, ["input_changed"], ["docs"]),
        ({"asset": replace(CHUNKS, code="0ther")}, ["code_changed"], []),
        ({"asset": replace(CHUNKS, inputs=(replace(CHUNKS.inputs[0], kind=ValueKind.FRAME),))}, ["code_changed"], []),
        ({"asset": replace(CHUNKS, returns=OutputForm(kind=ValueKind.FRAME))}, ["code_changed"], []),
        ({"asset": replace(CHUNKS, fields={"chunks.parquet": OutputForm(kind=ValueKind.FRAME)})}, ["code_changed"], []),
        ({"environment": {"python": "3.12"}}, ["code_changed"], []),
        ({"catalogue": OTHER_FORMAT}, ["code_changed"], []),
        ({"parameters": {"size": 400}}, ["parameters_changed"], ["size"]),
        ({"asset": replace(CHUNKS, parameters=CHUNKS.parameters[:1])}, ["parameters_changed"], ["lang"]),
        ({"nonce": "n"}, ["manual"], []),
        ({"nonce": "n", "parameters": {"size": 400}}, ["parameters_changed"], ["size"]),
        (
            {"asset": replace(CHUNKS, code="0ther"), "inputs": {"docs": "d1"}, "parameters": {"lang": "de"}},
            ["input_changed", "code_changed", "parameters_changed"],
            ["docs", "lang"],
        ),
    ],
)
def test_a_difference_has_its_words_and_names(change: dict[str, Any], kinds: list[str], names: list[str]) -> None:
    """Inputs first, then code (and what counts as code), then parameters; a nonce alone is by hand."""
    found = difference(key().parts, key(**change).parts)
    assert (found.kinds, (*found.inputs, *found.parameters)) == (tuple(map(ReasonKind, kinds)), tuple(names))
    assert set(found.parameters) <= {"size", "lang"}
    assert {"size", "lang"}.isdisjoint(found.inputs)
    assert (key(**change).digest == key().digest) == (not kinds)


def test_what_an_older_penstock_made_counts_as_other_code() -> None:
    """Parts of a form that is not known any more differ, whatever they hold."""
    assert difference({**key().parts, "v": 0}, key().parts).kinds == (ReasonKind.CODE_CHANGED,)
    found = difference({}, key().parts)
    assert found.kinds == (ReasonKind.INPUT_CHANGED, ReasonKind.CODE_CHANGED, ReasonKind.PARAMETERS_CHANGED)
    assert (found.inputs, found.parameters) == (("docs",), ("size", "lang"))


SAID = Asset(name="said", outputs=("said.json",), returns=OutputForm(kind=ValueKind.TEXT, json=(JsonType.TEXT,)))
WORDS = Asset(name="said", outputs=("said.json",), returns=OutputForm(kind=ValueKind.JSON, json=(JsonType.LIST,)))
NOTE = Asset(name="said", outputs=("said.txt",), returns=OutputForm(kind=ValueKind.TEXT, json=(JsonType.TEXT,)))


@pytest.mark.parametrize(("asset", "again"), [(SAID, True), (WORDS, False), (NOTE, False)])
def test_runs_of_a_version_that_kept_no_forms_count_where_those_mean_the_same(asset: Asset, again: bool) -> None:
    """`str` in `.json` was the text of the whole file, so that is made again; everything else stays as it is."""
    datasets = {uri: Dataset(uri) for uri in asset.outputs}
    new = key(asset, Catalogue(assets={"said": asset}, datasets=datasets)).parts
    old = {name: part for name, part in new.items() if name != "forms"}
    assert same(old, new) is not again
    assert difference(old, new).kinds == ((ReasonKind.CODE_CHANGED,) if again else ())
    assert same(new, new)
    assert not same({**old, "code": "0ther"}, new)


def test_columns_that_an_input_must_have_are_a_part_where_there_are_some() -> None:
    """Those that the producer expects, and those that data of others declare; of ours they are held when it is made."""
    expects = replace(CHUNKS.inputs[0], expects=(Column(name="id", type="String"),))
    counting = key(replace(CHUNKS, inputs=(expects,)))
    assert counting.parts["expected"] == {"docs": [["id", "String"]]}
    assert difference(key().parts, counting.parts).kinds == (ReasonKind.CODE_CHANGED,)
    assert not same(key().parts, counting.parts)
    declared = {**CATALOGUE.datasets, "docs.parquet": Dataset("docs.parquet", columns=COLUMNS)}
    theirs = key(catalogue=Catalogue(assets=CATALOGUE.assets, datasets=declared))
    assert theirs.parts == counting.parts
    writer = Asset(name="docs", outputs=("docs.parquet",))
    ours = key(catalogue=Catalogue(assets={**CATALOGUE.assets, "docs": writer}, datasets=declared))
    assert ours.parts == key().parts
