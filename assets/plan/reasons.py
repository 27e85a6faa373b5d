"""Reasons: why a run was made, or why none was. Values of a closed list, rendered late and alike everywhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ...storage.errors import DatabaseFault
from ...storage.types import FORMAT_VERSION, ReasonKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why.

    Attributes
    ----------
    kind: the word of the closed list; the first of them where several hold.
    also: further words that hold as well.
    names: the datasets, inputs or assets that it is about, sorted.
    tick: the instant, where time was a cause.
    detail: a short text where the words do not say all; of `waiting`, what for.

    >>> Reason(kind=ReasonKind.INPUT_CHANGED, names=("docs",)).text
    'input changed: docs'
    """

    kind: ReasonKind
    also: tuple[ReasonKind, ...] = ()
    names: tuple[str, ...] = ()
    tick: datetime | None = None
    detail: str = ""

    @property
    def text(self) -> str:
        """One line for people."""
        names = ", ".join(self.names[:4]) + (f" and {len(self.names) - 4} more" if len(self.names) > 4 else "")
        if self.kind is ReasonKind.WAITING:
            return f"waiting for {self.detail or names}"
        words = " + ".join(_WORDS[kind] for kind in (self.kind, *self.also))
        line = f"{words}: {names}" if names else words
        if self.tick is not None:
            line += f" (tick {self.tick:%Y-%m-%d %H:%M} UTC)"
        return f"{line}; {self.detail}" if self.detail else line

    def to_plain(self) -> dict[str, Any]:
        """JSON-ready; `from_plain` gives an equal reason back."""
        return {
            "v": FORMAT_VERSION,
            "kind": self.kind.value,
            "also": [kind.value for kind in self.also],
            "names": list(self.names),
            "tick": None if self.tick is None else self.tick.isoformat(),
            "detail": self.detail,
        }

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Reason:
        """The reason that `to_plain` wrote.

        Raises
        ------
        DatabaseFault: it is written in a newer form, or with a word that this penstock does not know.
        """
        if plain.get("v") != FORMAT_VERSION or plain["kind"] not in tuple(ReasonKind):
            raise DatabaseFault(
                f"a stored reason has form {plain.get('v')!r} and kind {plain.get('kind')!r}, which this penstock does "
                "not know",
                hint="Upgrade penstock to the version that wrote it.",
            )
        return cls(
            kind=ReasonKind(plain["kind"]),
            also=tuple(ReasonKind(kind) for kind in plain["also"]),
            names=tuple(plain["names"]),
            tick=None if plain["tick"] is None else datetime.fromisoformat(plain["tick"]),
            detail=plain["detail"],
        )


_WORDS: Mapping[ReasonKind, str] = {
    ReasonKind.FIRST_BUILD: "first build",
    ReasonKind.INPUT_CHANGED: "input changed",
    ReasonKind.INPUT_UPDATED: "input updated",
    ReasonKind.TICK: "tick",
    ReasonKind.STALE: "stale",
    ReasonKind.DEADLINE: "deadline",
    ReasonKind.CODE_CHANGED: "code changed",
    ReasonKind.PARAMETERS_CHANGED: "parameters changed",
    ReasonKind.MISSING: "missing",
    ReasonKind.BACKFILL: "backfill",
    ReasonKind.MANUAL: "manual",
    ReasonKind.RETRY: "retry",
    ReasonKind.WAITING: "waiting for",
    ReasonKind.NO_VERSION: "input has no version",
    ReasonKind.PAUSED: "paused",
    ReasonKind.AT_LIMIT: "at concurrency limit",
    ReasonKind.SETTLING: "settling",
    ReasonKind.UNCHANGED: "unchanged",
    ReasonKind.CONFIRMED: "confirmed",
    ReasonKind.UPSTREAM_FAILED: "upstream failed",
    ReasonKind.AWAITING_APPROVAL: "awaiting approval",
    ReasonKind.REFUSED: "refused by policy",
}
