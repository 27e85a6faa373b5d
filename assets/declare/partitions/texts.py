"""Which texts can be static and dynamic keys, and names of dimensions."""

from __future__ import annotations

import re
import unicodedata
from typing import Any

from ....storage.errors import DefinitionError

LONGEST = 200
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_UNSPEAKABLE = frozenset({"Cc", "Cs", "Zl", "Zp"})
_MARKS = {"/": "a slash", "\\": "a backslash", "|": "a `|`, which stands between the parts of a key",
          ",": "a comma, which separates keys in a selection", ";": "a `;`, which separates dimensions in a selection",
          "..": "`..`, which means a range in a selection"}  # fmt: skip
_WORDS = frozenset({"all", "missing", "failed"})


def wrong_with(key: object) -> str:
    """What is wrong with a text as a static or dynamic key; "" when nothing is.

    >>> wrong_with("eu"), wrong_with("a/b"), wrong_with("")
    ('', 'has a slash in it', 'is empty')
    """
    if not isinstance(key, str):
        return "is no text"
    if not key or len(key) > LONGEST:
        return f"has {len(key)} characters, and {LONGEST} is the most" if key else "is empty"
    if key != key.strip():
        return "begins or ends with a blank"
    if any(unicodedata.category(character) in _UNSPEAKABLE for character in key):
        return "has a control character in it"
    if unicodedata.normalize("NFC", key) != key:
        return "is not in composed form (Unicode NFC)"
    if key in {".", ".."}:
        return "means a folder"
    mark = next((said for mark, said in _MARKS.items() if mark in key), "")
    if mark:
        return f"has {mark} in it" if len(mark) <= len("a backslash") else f"has {mark}"
    return "means something else in a selection" if key in _WORDS or key.startswith("last:") else ""


def read_key(key: str, given: Any) -> str:
    """A static or dynamic key.

    Raises
    ------
    DefinitionError: it cannot be one; the message names it and what is wrong.
    """
    why = wrong_with(given)
    if why:
        shown = given if not isinstance(given, str) or len(given) <= 60 else f"{given[:60]}…"
        raise DefinitionError(f"{key}: the key {shown!r} {why}", hint='Write a short text such as "eu".')
    return given


def read_name(key: str, given: Any) -> str:
    """The name of a dimension: letters, digits and underscores, so that it can stand in a URI and a selection."""
    if isinstance(given, str) and _NAME.fullmatch(given):
        return given
    raise DefinitionError(
        f"{key}={given!r} cannot name a dimension", hint=f'Use letters, digits and underscores: {key}="region".'
    )
