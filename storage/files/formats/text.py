"""Plain text: UTF-8, newlines as they are."""

from __future__ import annotations

from typing import Any

from ...manifest import Column
from ...types import ValueKind
from .json import to_text
from .seam import Contents, Output, Source
from .wellformed import require_text


class Text:
    """`.txt`, `.md`"""

    def write(self, value: Any, kind: ValueKind, output: Output) -> tuple[Column, ...] | None:
        """Write a `str`."""
        output.write(to_text(value))
        return None

    def read(self, source: Source, kind: ValueKind) -> str:
        """The text; a byte that is no UTF-8 means that the file cannot be read."""
        with open(source.path, "rb") as file:
            return file.read().decode()

    def contents(self, source: Source) -> Contents:
        """Text has neither rows nor columns."""
        if source.given:
            require_text(source.path)
        return Contents()
