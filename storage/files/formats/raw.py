"""Bytes as they are: every file, whatever its suffix, and the files of a directory."""

from __future__ import annotations

from typing import Any, cast

from ...manifest import Column
from ...types import ValueKind
from ..json_types import article
from .seam import Contents, Output, Source, Unfit


class Raw:
    """BYTES of any file."""

    def write(self, value: Any, kind: ValueKind, output: Output) -> tuple[Column, ...] | None:
        """Write bytes, a bytearray or a memoryview."""
        if not isinstance(value, bytes | bytearray | memoryview):
            raise Unfit(f"the value is {article(type(value).__name__)}, not bytes")
        output.write(cast("bytes", value))
        return None

    def read(self, source: Source, kind: ValueKind) -> bytes:
        """All bytes of the file."""
        with open(source.path, "rb") as file:
            return file.read()

    def contents(self, source: Source) -> Contents:
        """Nothing is known of them."""
        return Contents()
