"""Documents cut into passages: spans that cover the text, and ids that only their own text decides.

Reads nothing; the same text and size give the same passages.
"""

from __future__ import annotations

import hashlib
import re

import polars as pl

SEPARATORS = ("\n\n", "\n", ". ", " ")
"""Where a passage may end, best first; the separator belongs to the passage before it."""

HEADING = re.compile(r"^#{1,4} ", re.MULTILINE)

SCHEMA = pl.Schema(
    {
        "chunk_id": pl.String(),
        "doc_id": pl.String(),
        "position": pl.Int32(),
        "title": pl.String(),
        "origin": pl.String(),
        "licence": pl.String(),
        "text": pl.String(),
    }
)


def passages(text: str, size: int = 800) -> list[str]:
    """`text` in pieces of at most `size` characters that give it back when joined.

    A heading starts a new piece unless the piece before it would be shorter than a quarter of `size`; otherwise the
    cut is at the last paragraph, line, sentence or word that ends in the second half of the piece, and inside a word
    only when there is nothing else.

    >>> passages("One two three. Four five six.", size=20)
    ['One two three. ', 'Four five six.']
    """
    if size < 1:
        raise ValueError(f"a passage of {size} characters cannot hold anything; size is at least 1")
    pieces: list[str] = []
    start = 0
    while start < len(text):
        end = _cut(text, start, min(start + size, len(text)), size)
        pieces.append(text[start:end])
        start = end
    return pieces


def _cut(text: str, start: int, limit: int, size: int) -> int:
    heading = HEADING.search(text, start + max(1, size // 4), limit)
    if heading:
        return heading.start()
    if limit == len(text):
        return limit
    for separator in SEPARATORS:
        found = text.rfind(separator, start + size // 2, limit)
        if found >= 0:
            return found + len(separator)
    return limit


def chunk_id(doc_id: str, text: str, repeat: int = 0) -> str:
    """32 hexadecimal digits out of document id and passage; `repeat` counts equal passages of one document from 0."""
    key = f"{doc_id}\0{text}\0{repeat}" if repeat else f"{doc_id}\0{text}"
    return hashlib.blake2b(key.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def cut(documents: pl.DataFrame, size: int = 800) -> pl.DataFrame:
    """Every document in passages of at most `size` characters.

    Parameters
    ----------
    documents
        Columns `doc_id`, `title`, `origin`, `licence`, `text`.
    size
        Characters, at least 1.

    Returns
    -------
    One row per passage, ordered by `doc_id` and `position` (from 0): `chunk_id` (unique), `doc_id`, `position`,
    `title`, `origin` and `licence` of the document, `text`. The passages of one document joined in order are its text.
    """
    rows: list[tuple[str, str, int, str, str, str, str]] = []
    for doc_id, title, origin, licence, text in documents.select(
        "doc_id", "title", "origin", "licence", "text"
    ).iter_rows():
        seen: dict[str, int] = {}
        for position, passage in enumerate(passages(text, size)):
            repeat = seen.get(passage, 0)
            seen[passage] = repeat + 1
            rows.append((chunk_id(doc_id, passage, repeat), doc_id, position, title, origin, licence, passage))
    return pl.DataFrame(rows, schema=SCHEMA, orient="row").sort("doc_id", "position")
