"""An embedder that needs no download: BM25 weights, hashed with a seed into a vector of fixed length.

The inner product of the vectors of a question and a passage is, in expectation, the BM25 score of the passage for the
question (Robertson and Zaragoza 2009; hashed as by Weinberger et al. 2009, with four places a term). It finds words,
not meanings.

Entries are multiples of 1/64. Products and sums of them are exact in float32 up to 4,096 (scores lie below 200), so
that neither the order in which a BLAS adds nor its number of threads can change one bit of a score.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from .terms import count_terms

PLACES = 4
"""Entries of the vector that one term touches: with one, two colliding terms could not be told apart at all."""

STEP = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What was chosen, not learned: vector length, seed of the hashing, and the two constants of BM25."""

    dimensions: int = 2048
    seed: int = 0
    saturation: float = 2.0
    length_share: float = 0.75


@dataclass(frozen=True, slots=True, kw_only=True)
class Embedder:
    """A fitted embedder: how rare each term is, and how long a passage is on average.

    `rarity` has the columns `term` and `weight`, ordered by `term`; `mean_terms` is in terms per passage; `unseen` is
    the weight of a term that the reference corpus did not have: that of the rarest one it had.
    """

    settings: Settings
    rarity: pl.DataFrame
    mean_terms: float
    unseen: float

    @property
    def identity(self) -> str:
        """Sixteen hexadecimal digits that two embedders share only if they give the same vectors."""
        digest = hashlib.blake2b(self._described().encode(), digest_size=8)
        for term, weight in self.rarity.iter_rows():
            digest.update(f"{term}\t{weight!r}\n".encode())
        return digest.hexdigest()

    def embed(self, texts: Sequence[str] | pl.Series) -> NDArray[np.float32]:
        """One row per text, `dimensions` columns, float32 multiples of 1/64; a text without terms gives zeros."""
        series = pl.Series("text", texts, dtype=pl.String)
        counts = count_terms(series).join(self.rarity, on="term", how="left", maintain_order="left")
        vectors = np.zeros((len(series), self.settings.dimensions), dtype=np.float32)
        if counts.is_empty():
            return vectors
        row = counts["row"].to_numpy()
        count = counts["count"].to_numpy().astype(np.float64)
        length = np.bincount(row, weights=count, minlength=len(series))[row] / self.mean_terms
        share, saturation = self.settings.length_share, self.settings.saturation
        frequency = count * (saturation + 1) / (count + saturation * (1 - share + share * length))
        # the square root on both sides makes the product of two entries one BM25 weight
        weight = frequency * np.sqrt(counts["weight"].fill_null(self.unseen).to_numpy()) / np.sqrt(PLACES)
        names = counts["term"].unique().sort()
        term = names.search_sorted(counts["term"]).to_numpy()
        place, sign = hashed(names.to_list(), self.settings)
        np.add.at(vectors, (row[:, None], place[term]), (weight[:, None] * sign[term]).astype(np.float32))
        return np.round(vectors * STEP) / np.float32(STEP)

    def save(self, folder: Path) -> None:
        """Write `settings.json` and `rarity.parquet` to `folder`, made if need be; equal embedders make equal bytes."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "settings.json").write_text(self._described() + "\n", encoding="utf-8")
        self.rarity.write_parquet(folder / "rarity.parquet")

    @classmethod
    def load(cls, folder: Path) -> Embedder:
        """The embedder that `save` wrote to `folder`."""
        fields = json.loads((folder / "settings.json").read_text(encoding="utf-8"))
        return cls(
            settings=Settings(**fields["settings"]),
            rarity=pl.read_parquet(folder / "rarity.parquet"),
            mean_terms=fields["mean_terms"],
            unseen=fields["unseen"],
        )

    def _described(self) -> str:
        fields = {"settings": asdict(self.settings), "mean_terms": self.mean_terms, "unseen": self.unseen}
        return json.dumps(fields, indent=2, sort_keys=True)


def fit(texts: pl.Series, settings: Settings | None = None) -> Embedder:
    """An embedder fitted on `texts`, the passages of a reference corpus; ValueError when they hold no term at all.

    The weight of a term in n of N passages is ln(1 + (N - n + ½) / (n + ½)): 7.9 for 1 of 4,000, 0.5 for 2,500.
    """
    counts = count_terms(texts)
    if counts.is_empty():
        raise ValueError(f"the reference corpus of {len(texts)} passages holds no words; an embedder needs some")
    rarity = (
        counts.group_by("term")
        .agg(pl.len().cast(pl.Float64).alias("n"))
        .sort("term")
        .select("term", (1 + (len(texts) - pl.col("n") + 0.5) / (pl.col("n") + 0.5)).log().round(6).alias("weight"))
    )
    return Embedder(
        settings=settings or Settings(),
        rarity=rarity,
        mean_terms=round(float(counts["count"].sum()) / len(texts), 6),
        unseen=float(rarity["weight"].to_numpy().max()),
    )


def hashed(terms: Sequence[str], settings: Settings) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Places and signs (+1, -1) of each term, both of shape (terms, 4), by a keyed hash: the same on every machine."""
    key = settings.seed.to_bytes(8, "little")
    digests = b"".join(hashlib.blake2b(term.encode(), key=key, digest_size=4 * PLACES).digest() for term in terms)
    numbers = np.frombuffer(digests, dtype="<u4").reshape(len(terms), PLACES).astype(np.int64)
    place = (numbers >> 1) % settings.dimensions
    return place.astype(np.int64), np.where(numbers & 1, -1.0, 1.0)
