"""Masking: what was resolved as a secret in this process is not in any text that is stored, printed or sent.

Kept for as long as the process lives, and never written anywhere. A child process has to be told by itself: whoever
shows what a child printed masks by what the child resolved.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from threading import Lock
from typing import Any, cast
from urllib.parse import quote

MASK = "…"
SHORTEST = 4
"""A shorter secret is not masked: `a` or `42` stand everywhere, and what is left out would tell it."""
_LINE = 8  # characters; of a secret of several lines those of so many are masked by themselves


class _Known:
    """The texts that are masked, longest first, and the lock around them."""

    def __init__(self) -> None:
        self.texts: tuple[str, ...] = ()
        self.lock = Lock()


_known = _Known()


def keep_from_view(value: str) -> bool:
    """From now on `mask` masks this, in every spelling of `_spellings`; False where it is too short for that."""
    if len(value) < SHORTEST:
        return False
    with _known.lock:
        texts = {*_known.texts, *(text for text in _spellings(value) if len(text) >= SHORTEST)}
        _known.texts = tuple(sorted(texts, key=lambda text: (-len(text), text)))
    return True


def mask(text: str) -> str:
    """The text with `…` in place of every secret that was resolved in this process.

    >>> keep_from_view("hunter2-and-more")
    True
    >>> mask("login failed for hunter2-and-more")
    'login failed for …'
    """
    for secret in _known.texts:
        if secret in text:
            text = text.replace(secret, MASK)
    return text


def masked(value: Any) -> Any:
    """JSON data with every text in it masked, keys too."""
    if not _known.texts:
        return value
    if isinstance(value, str):
        return mask(value)
    if isinstance(value, Mapping):
        return {masked(key): masked(item) for key, item in cast("Mapping[Any, Any]", value).items()}
    if isinstance(value, list | tuple):
        return [masked(item) for item in cast("list[Any]", value)]
    return value


def _spellings(value: str) -> Iterator[str]:
    """How a secret may stand in a text: as it is, without spaces around it, as `repr` and JSON escape it, in a URL;
    and each of its lines, where it has several."""
    lines = value.splitlines()
    parts = [value, value.strip(), *(line.strip() for line in lines if len(lines) > 1 and len(line.strip()) >= _LINE)]
    for part in parts:
        yield part
        yield repr(part)[1:-1]
        yield json.dumps(part)[1:-1]
        yield json.dumps(part, ensure_ascii=False)[1:-1]
        yield quote(part, safe="")
        yield quote(part)
