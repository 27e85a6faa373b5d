"""Faults of definitions: what is wrong, where, and what to do. Values, reported all together.

What is declared wrongly is told at once: `report` raises. While modules of definitions are loaded (`collecting`) it is
noted instead, and something usable stands in its place, so that the rest of the module is read and told with it.
Nothing that stands in for something wrong is ever used: whoever collects faults must refuse the definitions.
"""

from __future__ import annotations

import sys
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from ...storage.errors import DefinitionError, SettingsFault


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    """Where something was declared: a file and its line (1-based)."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


def caller(depth: int = 1) -> Location:
    """Where the function `depth` frames above the caller of this one stands."""
    # inspect.stack() would read source files, which takes milliseconds.
    frame = sys._getframe(depth + 1)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
    return Location(file=frame.f_code.co_filename, line=frame.f_lineno)


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
    """Definitions have faults, and the settings perhaps; `faults` has each, and the message shows them all."""

    kind = "faulty_definitions"

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        count = f"{len(self.faults)} faults" if len(self.faults) > 1 else "1 fault"
        lines = "\n".join(f"  {number}. {fault}" for number, fault in enumerate(self.faults, 1))
        settings = " and the settings" if any(fault.kind == SettingsFault.kind for fault in self.faults) else ""
        super().__init__(f"the definitions{settings} have {count}:\n{lines}")


_noted: ContextVar[list[Fault] | None] = ContextVar("penstock_faults", default=None)


@contextmanager
def collecting() -> Generator[list[Fault]]:
    """Within the block, `report` adds to this list instead of raising. Blocks nest; the inner one takes its own."""
    found: list[Fault] = []
    token = _noted.set(found)
    try:
        yield found
    finally:
        _noted.reset(token)


def report(error: DefinitionError, where: Location | None = None) -> None:
    """A declaration is wrong: raised, or noted as a fault where faults are collected. Then the caller goes on with
    something in its place.

    Without `where` it is the innermost line that is not penstock's own.
    """
    found = _noted.get()
    if found is None:
        raise error
    found.append(Fault(kind="declaration", message=error.message, hint=error.hint, where=where or _users_line()))


def _users_line() -> Location | None:
    ours = __name__.removesuffix("assets.declare.faults")
    frame = sys._getframe(1)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
    while frame is not None and str(frame.f_globals.get("__name__", "")).startswith(ours):
        frame = frame.f_back
    return None if frame is None else Location(file=frame.f_code.co_filename, line=frame.f_lineno)
