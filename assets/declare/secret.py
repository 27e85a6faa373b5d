"""`Secret`: the name of something that nobody may see. Pure: where its value comes from is the worker's business."""

from __future__ import annotations

from typing import Any

from ...storage.errors import DefinitionError, UsageError
from .faults import report


class Secret:
    """A secret by its name, as the default of a keyword-only parameter: `*, key: Secret = Secret("OPENAI_API_KEY")`.

    The producer gets one whose `value` is known: looked up by the worker when the run begins, in the variables of the
    environment, in a folder of files (setting `secrets`, by default `/run/secrets`), and in the back ends that are
    installed (entry point group `penstock.secrets`). It is part of no run key, is not stored, and is masked in errors,
    warnings and what `ctx.metadata` was given.

    Attributes
    ----------
    name: of the variable, of the file, and what back ends are asked for.

    Raises
    ------
    DefinitionError: the name is no text, or empty.

    >>> Secret("OPENAI_API_KEY")
    Secret('OPENAI_API_KEY')
    >>> str(Secret.holding("OPENAI_API_KEY", "sk-0123")), Secret.holding("OPENAI_API_KEY", "sk-0123").value
    ("Secret('OPENAI_API_KEY')", 'sk-0123')
    """

    __slots__ = ("__value", "name")

    def __init__(self, name: str) -> None:
        if not isinstance(name, str) or not name.strip():  # pyright: ignore[reportUnnecessaryIsInstance]  users' code
            report(
                DefinitionError(
                    f"Secret got {name!r}, where the name of a secret was expected",
                    hint='Write the name of its variable: Secret("OPENAI_API_KEY").',
                )
            )
            name = "unnamed"
        self.name = name
        self.__value: str | None = None

    @classmethod
    def holding(cls, name: str, value: str) -> Secret:
        """One whose value is known: what a producer gets, and what a test hands in."""
        made = cls(name)
        made.__value = value
        return made

    @property
    def value(self) -> str:
        """What nobody may see.

        Raises
        ------
        UsageError: it is not known here: it is looked up when a run begins.
        """
        if self.__value is None:
            raise UsageError(
                f"the value of secret {self.name} is asked for outside of a run",
                hint=f"A producer or resource gets it by a parameter behind `*`: key: Secret = Secret({self.name!r}); "
                f"a test hands one in: Secret.holding({self.name!r}, …).",
            )
        return self.__value

    def __repr__(self) -> str:
        return f"Secret({self.name!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other.name == self.name

    def __hash__(self) -> int:
        return hash(self.name)

    def __reduce__(self) -> tuple[Any, ...]:
        """Its value goes nowhere: not with a pickle, nor with a copy."""
        return Secret, (self.name,)

    def __penstock_constant__(self) -> str:
        """What code that names it depends on."""
        return self.name
