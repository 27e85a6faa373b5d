"""Answer one question from the index that the last run made: `python ask.py How do I parse JSON?`

Reads two datasets of the demo as the plain files that they are; needs polars and numpy, not penstock.
"""

from __future__ import annotations

import sys
from pathlib import Path

import polars as pl
from knowledge.answering import answer_sheet
from knowledge.embedding import Embedder
from knowledge.search import Index


def main(words: list[str]) -> int:
    """Print the answer; 2 when there was no question, 1 when there is no index yet."""
    data = Path(__file__).resolve().parent / "data"
    if not words:
        print("Ask something: python ask.py How do I parse JSON?", file=sys.stderr)
        return 2
    if not (data / "index.parquet").exists():
        print(f"There is no index in {data} yet; run `penstock materialize` first.", file=sys.stderr)
        return 1
    index = Index.open(pl.read_parquet(data / "index.parquet"), Embedder.load(data / "embedder"))
    print(answer_sheet(index, [" ".join(words)]))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
