"""Pickle: any Python object. By opt-in only, because reading such a file can run code.

Equal objects give equal bytes only as far as pickle itself goes: the order of a set of strings, for one, changes from
process to process.
"""

from __future__ import annotations

import pickle
from typing import Any

from ...manifest import Column
from ...types import ValueKind
from ..faults import said
from ..json_types import article
from .seam import Contents, Output, Source, Unfit

PROTOCOL = 5  # not HIGHEST_PROTOCOL: a new Python must not change the bytes


class Pickle:
    """`.pkl`, `.pickle`"""

    def write(self, value: Any, kind: ValueKind, output: Output) -> tuple[Column, ...] | None:
        """Write any object that can be pickled."""
        try:
            pickle.dump(value, output, protocol=PROTOCOL)
        except OSError:  # of the disk
            raise
        except Exception as error:  # objects pickle themselves, and may raise anything
            named = type(value).__qualname__
            if type(value).__module__ != "builtins":
                named = f"{type(value).__module__}.{named}"
            raise Unfit(
                f"the value is {article(named)}, which cannot be pickled: {said(error)}",
                hint="Return what pickle takes: no lambdas, generators, locks, connections or open files. What saves "
                "itself is better kept as a directory: write it under ctx.output and return that Path.",
            ) from error
        return None

    def read(self, source: Source, kind: ValueKind) -> Any:
        """The object; whoever calls this has asked the settings."""
        with open(source.path, "rb") as file:
            return pickle.load(file)  # noqa: S301 - by opt-in

    def contents(self, source: Source) -> Contents:
        """Nothing is known of it without running it."""
        return Contents()
