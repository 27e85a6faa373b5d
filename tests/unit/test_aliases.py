"""Several URIs that name one dataset: what names one of them names it; what two datasets claim is a fault."""

from __future__ import annotations

import pytest

from penstock import Dataset, DefinitionError, Definitions, asset, each
from penstock.assets.declare.conditions.leaves import dataset_leaves
from penstock.assets.declare.plain import dataset_from_plain, dataset_to_plain


def faults(*things: object) -> list[tuple[str, str]]:
    """Kind and message of every fault."""
    return [(one.kind, one.message) for one in Definitions(*things).check()]


def test_aliases_are_identities() -> None:
    """Each in one spelling, once, and never the dataset's own URI; kept as plain data."""
    docs = Dataset("s3://new/docs.csv", aliases=["S3A://old//docs.csv", "s3://old/docs.csv", "s3a://new/docs.csv"])
    assert docs.aliases == ("s3://old/docs.csv",)
    assert dataset_from_plain(dataset_to_plain(docs)) == docs
    with pytest.raises(DefinitionError, match="aliases=5 is no list of texts"):
        Dataset("docs.csv", aliases=5)  # pyright: ignore[reportArgumentType]


def test_what_names_an_alias_names_the_dataset() -> None:
    """In a condition, as an input by object and by URI, and in `each`; the alias is no dataset of its own."""
    docs = Dataset("s3://new/docs.csv", aliases=["s3://old/docs.csv"])
    old = Dataset("s3://old/docs.csv")

    @asset("a.json", on=old.settle("1m") & old.fresh("1d"), inputs={"one": old}, consume=each(old))
    def a(one: bytes) -> int:
        return len(one)

    @asset("b.json", inputs={"one": "s3a://old/docs.csv"})
    def b(one: bytes) -> int:
        return len(one)

    catalogue = Definitions(docs, a, b).resolve()
    assert set(catalogue.datasets) == {"s3://new/docs.csv", "a.json", "b.json"}
    assert [leaf.uri for leaf in dataset_leaves(catalogue.assets["a"].condition)] == ["s3://new/docs.csv"]
    assert [one.uri for name in "ab" for one in catalogue.assets[name].inputs] == ["s3://new/docs.csv"] * 2
    assert catalogue.assets["a"].policies.consume.uri == "s3://new/docs.csv"  # type: ignore[union-attr]


def test_a_uri_means_one_dataset() -> None:
    """Two that claim one alias, and an alias that an asset writes, are faults with the place of the claim."""
    one = Dataset("one.csv", aliases=["old.csv"])
    two = Dataset("two.csv", aliases=["old.csv"])
    assert faults(one, two) == [("alias_in_use", "dataset two.csv: its alias old.csv is an alias of one.csv too")]

    @asset("old.csv")
    def old() -> str:
        return ""

    assert faults(one, old) == [("alias_in_use", "dataset one.csv: its alias old.csv is written by an asset")]


def test_an_alias_has_no_aliases() -> None:
    """They would be nobody's: the one dataset names them all. Without any of its own the alias may be declared."""
    new, old = Dataset("new.csv", aliases=["old.csv"]), Dataset("old.csv", aliases=["older.csv", "oldest.csv"])
    (fault,) = Definitions(new, old).check()
    assert fault.kind == "alias_of_alias"
    assert (
        fault.message == "dataset new.csv: its alias old.csv is declared with aliases of its own: older.csv, oldest.csv"
    )
    assert "aliases=['old.csv', 'older.csv', 'oldest.csv']" in str(fault.hint)
    assert fault.where is not None
    assert faults(new, Dataset("old.csv")) == []
    assert [one[0] for one in faults(new, Dataset("old.csv", aliases=["new.csv"]))] == ["alias_of_alias"] * 2


def test_a_pattern_is_a_leaf_without_a_dataset() -> None:
    """In one spelling, narrowed like any other; nothing has to be declared for it, and nothing can be read by it."""

    @asset("a.json", on=Dataset.match("S3A://raw//*/docs.csv").count(3))
    def a() -> int:
        return 1

    (leaf,) = dataset_leaves(Definitions(a).resolve().assets["a"].condition)
    assert (leaf.uri, leaf.match, leaf.least) == ("s3://raw/*/docs.csv", True, 3)
    with pytest.raises(DefinitionError, match="credentials"):
        Dataset.match("s3://me:secret@raw/*.csv")
