"""Texts as counted terms: identifiers taken apart, English endings taken off, stop words left out.

Decides by spelling alone; knows no corpus and no weights.
"""

from __future__ import annotations

import re

import polars as pl

WORD = r"[A-Za-z][A-Za-z0-9_]*|[0-9]+"
PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
STOP_WORDS = frozenset(
    """
    a an and are as at be by can could do does for from get had has have how i if in into is it its may me my
    not of on or our should so than that the their then there these they this those to us was we what when where
    which who why will with without would you your
    """.split()  # noqa: SIM905  one word a line would be a page
)
ENDINGS = (("ies", "y"), ("sses", "ss"), ("ing", ""), ("edly", ""), ("ed", ""), ("ly", ""), ("es", "e"), ("s", ""))


def stem(word: str) -> str:
    """A lower-case English word without its ending, so that `encodes`, `encoded` and `encoding` meet.

    >>> [stem(word) for word in ("encodes", "encoded", "encoding", "queries", "class")]
    ['encod', 'encod', 'encod', 'query', 'class']
    """
    if len(word) < 4 or word.endswith("ss"):
        return word
    for ending, instead in ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            word = word[: len(word) - len(ending)] + instead
            break
    if len(word) > 4 and word[-1] == "e":
        word = word[:-1]
    if len(word) > 3 and word[-1] == word[-2] and word[-1] not in "ls":
        word = word[:-1]
    return word


def terms_of(word: str) -> list[str]:
    """The terms of one word: its stemmed parts, and the whole of it when it is an identifier of several parts.

    >>> terms_of("read_parquet"), terms_of("JSONDecoder"), terms_of("the")
    (['read_parquet', 'read', 'parquet'], ['jsondecoder', 'json', 'decoder'], [])
    """
    parts = [part.lower() for part in PART.findall(word)]
    whole = [word.lower()] if len(parts) > 1 else []
    return whole + [stem(part) for part in parts if part not in STOP_WORDS]


def count_terms(texts: pl.Series) -> pl.DataFrame:
    """How often each term occurs in each text.

    Returns
    -------
    Columns `row` (position in `texts`), `term`, `count` (all at least 1), ordered by `row` and `term`.
    """
    words = (
        pl.DataFrame({"word": texts.str.extract_all(WORD)})
        .with_row_index("row")
        .explode("word")
        .drop_nulls("word")
        .group_by("row", "word")
        .agg(pl.len().alias("count"))
    )
    spelled = words["word"].unique().sort()
    terms = pl.DataFrame(
        {"word": spelled, "term": [terms_of(word) for word in spelled]},
        schema={"word": pl.String(), "term": pl.List(pl.String())},
    )
    return (
        words.join(terms.explode("term").drop_nulls("term"), on="word")
        .group_by("row", "term")
        .agg(pl.col("count").sum())
        .sort("row", "term")
    )
