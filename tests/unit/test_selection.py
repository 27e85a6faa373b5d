"""Selecting assets by graph syntax."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.assets.declare.asset import Policies
from penstock.assets.declare.catalogue import Asset, Catalogue, Input
from penstock.assets.declare.conditions.leaves import DatasetLeaf
from penstock.assets.declare.conditions.tree import AllOf
from penstock.assets.declare.dataset import Dataset
from penstock.assets.plan.graph import Graph
from penstock.assets.plan.selection import select
from penstock.storage.errors import UsageError

# docs ─ chunks ─ vectors ─ index     chunks also waits for labels, by condition alone
#             └── terms ────┘         report is on its own and writes two datasets
DATASETS = [
    Dataset("docs.parquet"),
    Dataset("labels.csv"),
    *(Dataset(f"{name}.parquet") for name in ("chunks", "vectors", "terms", "index", "train", "test")),
]


def asset(name: str, *inputs: str, **rest: object) -> Asset:
    """An asset that writes `<name>.parquet` and reads these datasets."""
    values = {"outputs": (f"{name}.parquet",), **rest}
    return Asset(name=name, inputs=tuple(Input(parameter=uri[:3], uri=uri) for uri in inputs), **values)  # type: ignore[arg-type]


GRAPH = Graph.of(
    Catalogue(
        assets={
            one.name: one
            for one in (
                asset("index", "vectors.parquet", "terms.parquet", kind="model", policies=Policies(tags=("nightly",))),
                asset("terms", "chunks.parquet", policies=Policies(group="kb", tags=("nightly",))),
                asset("vectors", "chunks.parquet", policies=Policies(group="kb", owners=("team:ml",))),
                asset(
                    "chunks",
                    "docs.parquet",
                    condition=AllOf(children=(DatasetLeaf(uri="docs.parquet"), DatasetLeaf(uri="labels.csv"))),
                    policies=Policies(group="kb"),
                ),
                asset("report", outputs=("train.parquet", "test.parquet")),
            )
        },
        datasets={dataset.uri: dataset for dataset in DATASETS},
    )
)
ALL = ["chunks", "report", "terms", "vectors", "index"]


@pytest.mark.parametrize(
    ("selections", "expected"),
    [
        ("", ALL),
        ("chunks", ["chunks"]),
        ("+vectors", ["chunks", "vectors"]),
        ("vectors+", ["vectors", "index"]),
        ("+vectors+", ["chunks", "vectors", "index"]),
        ("1+index", ["terms", "vectors", "index"]),
        ("2+index", ["chunks", "terms", "vectors", "index"]),
        ("0+index+0", ["index"]),
        ("chunks+1", ["chunks", "terms", "vectors"]),
        ("1+vectors+1", ["chunks", "vectors", "index"]),
        ("vectors report", ["report", "vectors"]),
        ("tag:nightly", ["terms", "index"]),
        ("group:kb", ["chunks", "terms", "vectors"]),
        ("owner:team:ml", ["vectors"]),
        ("kind:model", ["index"]),
        ("tag:nightly,group:kb", ["terms"]),
        ("tag:nightly+,index", ["index"]),
        ("+kind:m*", ["chunks", "terms", "vectors", "index"]),
        ("*e*", ["report", "terms", "vectors", "index"]),
        ("train", ["report"]),
        ("t*t", ["report"]),
        ("t*", ["terms"]),
        ("docs+", ["chunks", "terms", "vectors", "index"]),
        ("docs+1", ["chunks"]),
        ("labels+2,group:kb", ["chunks", "terms", "vectors"]),
    ],
)
def test_selections_give_names_in_the_order_of_the_graph(selections: str, expected: list[str]) -> None:
    """From the least deep to the deepest, then by name; an output's name selects its asset where no asset matches."""
    assert select(GRAPH, selections.split()) == expected


@pytest.mark.parametrize("term", ["", "+", "++", "chunks++", "++chunks", "a+b", "chunks,", "x+1+", "+2chunks+x"])
def test_what_cannot_be_read_shows_the_syntax(term: str) -> None:
    """The selection is named, and the hint lists the forms."""
    with pytest.raises(UsageError, match=r"cannot be read|selects nothing") as caught:
        select(GRAPH, [term])
    assert repr(term) in caught.value.message


@pytest.mark.parametrize(
    ("term", "hint"),
    [
        ("chunk", "Did you mean chunks?"),
        ("vector,index", "Did you mean vectors?"),
        ("tag:weekly", "There is: nightly."),
        ("tag:night", "Did you mean tag:nightly?"),
        ("kind:table", "There is: model."),
        ("owner:team:kb", "Did you mean owner:team:ml?"),
        ("tag:", "one of: tag:…, group:…, owner:…, kind:…."),
        ("docs", "Select what reads it, docs+: chunks."),
        ("docs+0", "Select what reads it, docs+: chunks."),
        ("foo:bar", "one of: tag:…"),
        ("Chunks", "Did you mean chunks?"),
    ],
)
def test_what_selects_nothing_names_what_is_near(term: str, hint: str) -> None:
    """A name that is not there, a tag that nobody has, a dataset that nobody here makes."""
    with pytest.raises(UsageError, match="selects nothing") as caught:
        select(GRAPH, [term])
    assert hint in caught.value.hint


def test_parts_that_share_nothing_are_told() -> None:
    """A comma keeps what all parts select; nothing at all is hardly what was meant."""
    with pytest.raises(UsageError, match="'report,group:kb' selects nothing: a comma keeps what all") as caught:
        select(GRAPH, ["chunks", "report,group:kb"])
    assert caught.value.hint.endswith("give each for itself: report group:kb")


def test_a_property_that_no_asset_has_is_told_as_what_it_is() -> None:
    """It was no asset that was asked for."""
    for term, says in {"tag:zzz": "the tag 'zzz'", "kind:x": "the kind 'x'", "+group:x+": "the group 'x'"}.items():
        with pytest.raises(UsageError, match=f"selects nothing: no asset has {says}"):
            select(GRAPH, [term])
    with pytest.raises(UsageError, match="no asset has the tag 'zzz'") as caught:
        select(Graph.of(Catalogue(assets={"a": asset("a")}, datasets={})), ["tag:zzz"])
    assert caught.value.hint == "No asset has any tag."


@given(terms=st.lists(st.sampled_from([*ALL, "+index", "chunks+", "1+terms", "tag:nightly", "group:kb,+index"])))
def test_selections_add_up_in_any_order(terms: list[str]) -> None:
    """The union of what each selects, whatever the order and however often."""
    if terms:
        together = {name for term in terms for name in select(GRAPH, [term])}
        assert select(GRAPH, terms) == select(GRAPH, [*reversed(terms), *terms]) == GRAPH.in_order(together)


def test_the_graph_knows_its_edges() -> None:
    """Conditions and inputs both make edges; depth is the longest way; what others write stands above."""
    assert GRAPH.producer["train.parquet"] == GRAPH.producer["test.parquet"] == "report"
    assert GRAPH.waiting == {"docs.parquet": ("chunks",), "labels.csv": ("chunks",)}
    assert dict(GRAPH.depth) == {"chunks": 0, "report": 0, "terms": 1, "vectors": 1, "index": 2}
    assert set(GRAPH.downstream["chunks"]) == {"terms", "vectors"}
    assert GRAPH.observed_above(["index"]) == ["docs.parquet", "labels.csv"]
    assert GRAPH.observed_above(["report"]) == []


@pytest.mark.parametrize(
    ("selection", "message", "hint"),
    [
        ("z*", "no asset matches the pattern 'z*'", "penstock list"),
        ("docs", "docs is a dataset that others write, so no asset makes it", "Select what reads it, docs+: chunks."),
        ("a+b+c", "cannot be read", "owner:…, kind:…"),
    ],
)
def test_what_selects_nothing_is_called_what_it_is(selection: str, message: str, hint: str) -> None:
    """A pattern, a dataset of others, or what is no selection at all."""
    with pytest.raises(UsageError) as caught:
        select(GRAPH, [selection])
    assert message in caught.value.message
    assert hint in caught.value.hint
