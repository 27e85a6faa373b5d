"""What the command line calls things that share a name."""

from __future__ import annotations

from penstock.ui.words.quantities import told_apart


def test_datasets_of_one_name_are_told_apart_by_their_folders() -> None:
    """By as many as it takes, those of that name alone; by the whole URI where folders do not tell."""
    assert told_apart({"s3://raw/de/a/docs.csv": "docs", "s3://raw/en/a/docs.csv": "docs", "labels.csv": "labels"}) == {
        "s3://raw/de/a/docs.csv": "de/a/docs",
        "s3://raw/en/a/docs.csv": "en/a/docs",
        "labels.csv": "labels",
    }
    assert told_apart({"docs.csv": "docs", "raw/docs.csv": "docs"}) == {"docs.csv": "docs", "raw/docs.csv": "raw/docs"}
    assert told_apart({"docs.csv": "docs", "docs.json": "docs"}) == {"docs.csv": "docs.csv", "docs.json": "docs.json"}
    assert told_apart({}) == {}
