"""Faults of definitions: what is wrong, where, and what to do. Values, reported all together."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ...storage.errors import DefinitionError
from .dataset import Location


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that is wrong with a definition.

    Attributes
    ----------
    kind: a stable word, e.g. `cycle`, `unknown_input`, `two_writers`.
    message: names the thing, what was found and what was expected.
    hint: the next step.
    where: file and line of the declaration, where there is one.
    """

    kind: str
    message: str
    hint: str = ""
    where: Location | None = None

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        return f"{place}{self.message}" + (f"\n    {self.hint}" if self.hint else "")


class FaultyDefinitions(DefinitionError):
    """Definitions have faults; `faults` has each, and the message shows them all."""

    kind = "faulty_definitions"

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        count = f"{len(self.faults)} faults" if len(self.faults) > 1 else "1 fault"
        lines = "\n".join(f"  {number}. {fault}" for number, fault in enumerate(self.faults, 1))
        super().__init__(f"the definitions have {count}:\n{lines}")
