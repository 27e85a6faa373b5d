"""Patterns of URIs: which datasets a condition is about that names them by a pattern. `*` is anything but a slash."""

from __future__ import annotations

import re
from functools import lru_cache


def matches(pattern: str, uri: str) -> bool:
    """Whether a dataset is among those of the pattern.

    >>> matches("s3://raw/*/docs.parquet", "s3://raw/de/docs.parquet"), matches("s3://raw/*", "s3://raw/de/docs.parquet")
    (True, False)
    """
    return _expression(pattern).fullmatch(uri) is not None


@lru_cache(maxsize=1024)
def _expression(pattern: str) -> re.Pattern[str]:
    return re.compile("[^/]*".join(re.escape(part) for part in pattern.split("*")))
