"""Answers that only quote: the sentences of the best passages, each with where it comes from and under which licence.

Writes no word of its own; a language model would start where this ends.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import polars as pl

from .embedding import Embedder
from .search import Index

SENTENCE_END = re.compile(r"(?<=[.!?:])\s+(?=[A-Z0-9`\"'(*])|\n\s*\n|\n(?=\s*(?:[-*#>]|\d+\.)\s)")
TOO_SHORT = 25
"""Characters below which a piece is a name or a label, not a sentence."""

NO_SENTENCE = re.compile(r"^#|>>>|\.\.\. |-----|\+---|[│┆═]|\w=\w")
"""Signs of headings, of code and of tables drawn with letters."""


def questions_in(text: str) -> list[str]:
    """The questions of a text file, one a line; empty lines and lines that begin with `#` are left out."""
    return [line.strip() for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]


def answer_sheet(index: Index, questions: Sequence[str], *, sentences: int = 3, sources: int = 3) -> str:
    """Markdown: per question the best sentences, quoted, then the documents they come from with origin and licence.

    A question with no word in common with the corpus is answered "Nothing in the index answers this."
    """
    return "\n".join(
        answer(question, passages, index.embedder, sentences=sentences, sources=sources)
        for question, passages in zip(questions, index.search(questions, k=3 * sources), strict=True)
    )


def answer(question: str, passages: pl.DataFrame, embedder: Embedder, *, sentences: int = 3, sources: int = 3) -> str:
    """One question answered from the passages that a search gave, best first."""
    if passages.is_empty():
        return f"## {question}\n\nNothing in the index answers this.\n"
    cited = passages.unique(subset=["doc_id"], keep="first", maintain_order=True).head(sources)
    best = cited.row(0, named=True)
    quote = quoted(question, best["text"], embedder, sentences)
    lines = [f"## {question}", "", f"> {quote} [1]", ""]
    for number, row in enumerate(cited.iter_rows(named=True), 1):
        title = "" if row["doc_id"].endswith(row["title"]) else f" “{row['title']}”"
        lines.append(
            f"{number}. `{row['doc_id']}`{title} from {row['origin']}, licence {row['licence']}"
            f" (score {row['score']:.1f}, passage {row['chunk_id'][:12]})"
        )
    return "\n".join([*lines, ""])


def quoted(question: str, passage: str, embedder: Embedder, sentences: int = 3) -> str:
    """The run of at most `sentences` sentences of `passage` that is nearest to the question, white space folded.

    Code, tables and headings are no sentences; a passage without any is quoted whole.
    """
    pieces = [_folded(piece) for piece in SENTENCE_END.split(passage)]
    whole = [piece for piece in pieces if len(piece) >= TOO_SHORT and not NO_SENTENCE.search(piece)]
    if not whole:
        return _folded(passage)
    runs = [" ".join(whole[start : start + sentences]) for start in range(max(1, len(whole) - sentences + 1))]
    scores = embedder.embed(runs) @ embedder.embed([question])[0]
    return runs[int(np.argmax(scores))]


def _folded(text: str) -> str:
    return " ".join(text.split())
