"""Pickle: any Python object. By opt-in only, because reading such a file can run code.

Equal objects give equal bytes only as far as pickle itself goes: the order of a set of strings, for one, changes from
process to process.
"""

from __future__ import annotations

import pickle
from typing import Any

from ...manifest import Column
from ...types import ValueKind
from .seam import Contents, Output, Source, Unfit

PROTOCOL = 5  # not HIGHEST_PROTOCOL: a new Python must not change the bytes


class Pickle:
    """`.pkl`, `.pickle`"""

    def write(self, value: Any, kind: ValueKind, output: Output) -> tuple[Column, ...] | None:
        """Write any object that can be pickled."""
        try:
            pickle.dump(value, output, protocol=PROTOCOL)
        except (pickle.PicklingError, TypeError, AttributeError) as error:
            raise Unfit(f"the {type(value).__qualname__} cannot be pickled: {error}") from error
        return None

    def read(self, source: Source, kind: ValueKind) -> Any:
        """The object; whoever calls this has asked the settings."""
        with open(source.path, "rb") as file:
            return pickle.load(file)  # noqa: S301 - by opt-in

    def contents(self, source: Source) -> Contents:
        """Nothing is known of it without running it."""
        return Contents()
