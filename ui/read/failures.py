"""Why something failed, as stored: what every face shows of an error."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ...storage.errors import typed


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A stored error.

    Attributes
    ----------
    kind, type, message: the word that programs go by, the name of the class, what it says.
    hint: the next step; "" where nobody knows one.
    trace: where user code raised it, or the last lines of a process that died; "" where penstock explains itself.
    uri: of the input that moved, where that was it.
    classes: the class and those that it is derived from.
    retry_after: seconds or an instant, as the server said that wants to be called again.
    gave_up: why it is not tried again; "" where there were no tries to give up.
    """

    kind: str
    type: str
    message: str
    hint: str = ""
    trace: str = ""
    uri: str | None = None
    classes: tuple[str, ...] = ()
    retry_after: float | str | None = None
    gave_up: str = ""

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> Failure:
        """The error that is stored so; what older ones lack is empty."""
        return cls(
            kind=stored["kind"],
            type=stored["type"],
            message=stored["message"],
            hint=stored.get("hint") or "",
            trace=stored.get("trace") or "",
            uri=stored.get("uri"),
            classes=tuple(stored.get("classes") or ()),
            retry_after=stored.get("retry_after"),
            gave_up=stored.get("gave_up") or "",
        )

    @property
    def text(self) -> str:
        """One sentence: with its type where user code raised it, without where penstock explains itself.

        >>> Failure(kind="producer", type="ValueError", message="no such day", trace="Traceback …").text
        'ValueError: no such day'
        """
        return typed(self.type, self.message) if self.trace else self.message

    @property
    def first_line(self) -> str:
        """Its type, and how what it says begins."""
        return typed(self.type, self.message.strip().partition("\n")[0])


def error_text(error: Mapping[str, Any]) -> str:
    """A stored error as a sentence: see `Failure.text`."""
    return Failure.of(error).text
