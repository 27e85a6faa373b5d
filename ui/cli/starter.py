"""The files of a new project: small, but real, and running at once. Text only."""

from __future__ import annotations

SETTINGS = """\
project = "{project}"
definitions = ["pipeline.py"]
data_root = "data"

# Every key can also come from the environment: PENSTOCK_DATA_ROOT=… ; `penstock config` shows what holds.
"""

PIPELINE = '''\
"""A text, its words, and the most frequent of them. Edit data/zen.txt, or a function, and see what is made again."""

from __future__ import annotations

import polars as pl
from penstock import Dataset, asset

zen = Dataset("zen.txt")  # yours: nothing below writes it, penstock looks at it


@asset("lines.parquet", on=zen)
def lines(zen: str) -> pl.DataFrame:
    """One row a line, numbered from 1, without empty ones."""
    kept = [line.strip() for line in zen.splitlines() if line.strip()]
    return pl.DataFrame({"line": range(1, len(kept) + 1), "text": kept})


@asset("words.parquet", on=lines)
def words(lines: pl.LazyFrame) -> pl.LazyFrame:
    """How often each word occurs, the most frequent first."""
    word = pl.col("text").str.to_lowercase().str.extract_all(r"[a-z']+").explode().alias("word")
    return lines.select(word).group_by("word").len("count").sort(["count", "word"], descending=[True, False])


@asset("favourites.json", on=words)
def favourites(words: pl.DataFrame, *, least: int = 6, top: int = 5) -> list[str]:
    """The most frequent words of at least so many letters."""
    return words.filter(pl.col("word").str.len_chars() >= least)["word"].head(top).to_list()
'''

ZEN = """\
The Zen of Python, by Tim Peters

Beautiful is better than ugly.
Explicit is better than implicit.
Simple is better than complex.
Complex is better than complicated.
Flat is better than nested.
Sparse is better than dense.
Readability counts.
Special cases aren't special enough to break the rules.
Although practicality beats purity.
Errors should never pass silently.
Unless explicitly silenced.
In the face of ambiguity, refuse the temptation to guess.
There should be one-- and preferably only one --obvious way to do it.
Although that way may not be obvious at first unless you're Dutch.
Now is better than never.
Although never is often better than *right* now.
If the implementation is hard to explain, it's a bad idea.
If the implementation is easy to explain, it may be a good idea.
Namespaces are one honking great idea -- let's do more of those!
"""

IGNORED = """\
.penstock/
data/*
!data/zen.txt
__pycache__/
"""


def files(project: str) -> dict[str, str]:
    """Path in the new folder → its text."""
    return {
        "penstock.toml": SETTINGS.format(project=project),
        "pipeline.py": PIPELINE,
        "data/zen.txt": ZEN,
        ".gitignore": IGNORED,
    }
