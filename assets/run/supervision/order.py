"""What a part of the system is started with, and what it tells its supervisor: plain values that pickle knows."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ....storage.settings import ProjectSettings, read_settings

PRELOAD = (
    "penstock.assets.run.supervision.job",
    "penstock.assets.run.supervision.worker",
    "penstock.assets.run.supervision.scheduler",
    "penstock.assets.run.supervision.relaying",
    "penstock.assets.execute.frozen",
)
"""What is loaded before processes are forked: ours, and nothing of the user's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """How the parts of a project are to work.

    Attributes
    ----------
    folder: of the project.
    slots: how many runs a worker makes at a time, each in a warm process of its own.
    memory_limit: bytes that a run may hold; None for no limit.
    grace: seconds that a run has to end by itself once it is to be canceled.
    """

    folder: Path
    slots: int = 2
    memory_limit: int | None = None
    grace: float = 10.0

    def settings(self) -> ProjectSettings:
        """The settings of the project, as they are now."""
        return read_settings(self.folder)


@dataclass(frozen=True, slots=True, kw_only=True)
class Loading:
    """The part imports this of what the settings name as definitions; "" once it is through with all of them."""

    definition: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """The part works; `files` are those that its definitions come from."""

    files: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A line for whoever watches. `name`, `state`, `seconds` and `error` where it is about a run that has ended."""

    text: str
    state: str = ""
    name: str = ""
    seconds: float | None = None
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Something that a person should see to; "" once it is over."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """What the supervisor asks for: that the part ends when what it has begun is done, or `at_once`. Not by signals:
    whoever ends a whole group of processes sends them to all, and means it once."""

    at_once: bool = False


Message = Loading | Ready | Said | Problem


def worded(error: BaseException) -> str:
    """An error as a person reads it: what is wrong, and the next step."""
    hint = getattr(error, "hint", "")
    told: Any = getattr(error, "message", None) or f"{type(error).__name__}: {error}"
    return f"{told}\n{hint}" if hint else str(told)
