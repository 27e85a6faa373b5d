"""The index: passages beside their vectors, and exact search over all of them.

Every passage is compared with every question, so there is nothing to tune and nothing to miss; at a few thousand
passages that is a product of two matrices and takes milliseconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from .embedding import Embedder


def vectors_of(chunks: pl.DataFrame, embedder: Embedder) -> pl.DataFrame:
    """One vector per passage; the title of the document is embedded with the passage, which seldom repeats it.

    Returns
    -------
    Columns `chunk_id`, `embedder` (the identity of the one used), `vector` (float32 array), ordered by `chunk_id`.
    """
    ordered = chunks.sort("chunk_id")
    vectors = embedder.embed(searchable(ordered))
    return ordered.select(
        "chunk_id",
        pl.lit(embedder.identity).alias("embedder"),
        pl.Series("vector", vectors, dtype=pl.Array(pl.Float32, vectors.shape[1])),
    )


def searchable(chunks: pl.DataFrame) -> pl.Series:
    """What is embedded of each passage: the title of its document, then its text."""
    return chunks.select(pl.concat_str("title", pl.lit("\n"), "text").alias("text"))["text"]


def index_of(chunks: pl.DataFrame, vectors: pl.DataFrame) -> pl.DataFrame:
    """Every passage beside its vector, ordered by `doc_id` and `position`.

    Raises
    ------
    ValueError: a passage has no vector, a vector no passage, or the vectors come from more than one embedder;
        their distances would be numbers without meaning.
    """
    index = chunks.join(vectors, on="chunk_id", how="inner").sort("doc_id", "position")
    if not index.height == chunks.height == vectors.height:
        raise ValueError(
            f"{chunks.height} passages and {vectors.height} vectors share {index.height} chunk_ids; they must share all"
        )
    if (makers := vectors["embedder"].n_unique()) > 1:
        raise ValueError(f"the vectors were made by {makers} embedders; an index needs those of one")
    return index


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """An index in memory: `passages` as `index_of` gave them, and their vectors as a matrix of the same rows."""

    passages: pl.DataFrame
    matrix: NDArray[np.float32]
    embedder: Embedder

    @classmethod
    def open(cls, index: pl.DataFrame, embedder: Embedder) -> Index:
        """The index, ready to be asked; ValueError when another embedder than the one given made its vectors."""
        made_by = index["embedder"].unique().to_list()
        if index.height and made_by != [embedder.identity]:
            raise ValueError(
                f"the index was embedded by {', '.join(made_by)}, the question would be by {embedder.identity}"
            )
        size = embedder.settings.dimensions
        matrix = index["vector"].to_numpy().reshape(index.height, size).astype(np.float32, copy=False)
        return cls(passages=index.drop("vector", "embedder"), matrix=matrix, embedder=embedder)

    def search(self, questions: Sequence[str], k: int = 10) -> list[pl.DataFrame]:
        """The `k` best passages for each question, best first, ties in order of the index.

        Returns
        -------
        One frame per question: the columns of `passages`, `score` (BM25 in expectation; 0 is "no word in common") and
        `rank` (from 1). Passages without a word in common are left out, so a frame may be shorter than `k` or empty.
        """
        scores = self.embedder.embed(questions) @ self.matrix.T
        found: list[pl.DataFrame] = []
        for row in scores:
            best = np.argsort(-row, kind="stable")[:k]
            best = best[row[best] > 0]
            found.append(
                self.passages[best.tolist()]
                .with_columns(pl.Series("score", row[best], dtype=pl.Float32))
                .with_row_index("rank", offset=1)
            )
        return found
