"""What stands before the command: the options of penstock itself. Costs nothing to import."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Invocation:
    """How penstock was called.

    Attributes
    ----------
    folder: where the project is looked for, upwards; None: the working directory.
    traceback: whether errors are shown with everything that led to them.
    alone: whether the command has the process for itself, and may fork it.
    """

    folder: Path | None = None
    traceback: bool = False
    alone: bool = False
