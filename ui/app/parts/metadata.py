"""What a producer said of a version: its metadata, as they are."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from .tables import table
from .text import visible


def metadata_table(metadata: Mapping[str, Any]) -> None:
    """Draw them, a line for each name; nothing where there are none."""
    if metadata:
        table([{"metadata": visible(name), "value": value_of(one)} for name, one in metadata.items()])


def in_short(metadata: Mapping[str, Any]) -> str:
    """In one line: `accuracy = 0.93, lang = de`.

    >>> in_short({"accuracy": 0.93, "lang": "de", "labels": ["a", None]})
    'accuracy = 0.93, lang = de, labels = ["a", null]'
    """
    return " ".join(", ".join(f"{visible(name)} = {value_of(one)}" for name, one in metadata.items()).split())[:200]


def value_of(value: object) -> str:
    """A text as it is, anything else as JSON."""
    return visible(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
