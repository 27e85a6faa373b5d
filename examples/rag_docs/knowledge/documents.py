"""What a document is: one row with an origin and a licence, whatever it was read from.

Reads nothing itself: the three readers beside it (`standard_library`, `packages`, `handbook`) give rows of this shape.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import polars as pl


class Document(NamedTuple):
    """One document.

    `doc_id` says what it is and is never used twice (`stdlib:json.dumps`); `origin` names a release (`cpython 3.11.7`);
    `licence` is an SPDX expression, or `unknown`.
    """

    doc_id: str
    title: str
    origin: str
    licence: str
    text: str


SCHEMA = pl.Schema(dict.fromkeys(Document._fields, pl.String()))


def frame_of(documents: Iterable[Document]) -> pl.DataFrame:
    """One row per document, ordered by `doc_id`; of several with one id the first is kept, empty texts are left out.

    Returns
    -------
    Columns `doc_id`, `title`, `origin`, `licence`, `text`, all strings.
    """
    first: dict[str, Document] = {}
    for document in documents:
        if document.text.strip():
            first.setdefault(document.doc_id, document)
    rows = [first[doc_id] for doc_id in sorted(first)]
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def one_corpus(*sources: pl.LazyFrame) -> pl.LazyFrame:
    """All sources as one frame ordered by `doc_id`; a text that occurs twice, white space aside, is kept once.

    The row whose `doc_id` sorts first stays: a function and its copy in another class would otherwise take two of the
    ten places that an answer has.
    """
    folded = pl.col("text").str.replace_all(r"\s+", " ").str.strip_chars()
    return (
        pl.concat(sources)
        .sort("doc_id")
        .unique(subset=["doc_id"], keep="first", maintain_order=True)
        .with_columns(folded.alias("fold"))
        .unique(subset=["fold"], keep="first", maintain_order=True)
        .drop("fold")
    )


def provenance(documents: pl.LazyFrame) -> pl.LazyFrame:
    """`doc_id`, `origin` and `licence` of every document, without the text: an edit of a text leaves it as it was."""
    return documents.select("doc_id", "origin", "licence").sort("doc_id")


def licence_report(provenance: pl.DataFrame) -> pl.DataFrame:
    """How many documents stand under which licence, and from how many origins.

    Returns
    -------
    Columns `licence`, `documents` and `origins` (integers), `example` (the first `doc_id`); most documents first.
    """
    return (
        provenance.group_by("licence")
        .agg(
            pl.len().cast(pl.Int64).alias("documents"),
            pl.col("origin").n_unique().cast(pl.Int64).alias("origins"),
            pl.col("doc_id").min().alias("example"),
        )
        .sort(["documents", "licence"], descending=[True, False])
    )
