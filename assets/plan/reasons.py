"""Reasons: why a run was made, or why none was. Values of a closed list, rendered late and alike everywhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from ...storage.errors import DatabaseFault
from ...storage.types import FORMAT_VERSION, ReasonKind

NAMING = "somebody who names its keys"
"""What an asset with partitions waits for as a whole, among others: whoever shows it adds how that is done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why.

    Attributes
    ----------
    kind: the word of the closed list; the first of them where several hold.
    also: further words that hold as well.
    names: the datasets, inputs or assets that it is about, sorted.
    parameters: the run parameters that differ, where that is among the words.
    tick: the instant, where time was a cause.
    detail: a short text where the words do not say all; of `waiting`, what for.
    unnamed: of `waiting`, whether it is of an asset with partitions as a whole, of which nobody has named keys.

    >>> Reason(kind=ReasonKind.INPUT_CHANGED, names=("docs",)).text
    'input changed: docs'
    >>> Reason(kind=ReasonKind.INPUT_CHANGED, also=(ReasonKind.CODE_CHANGED,), names=("docs",)).text
    'input changed (docs) and code changed'
    """

    kind: ReasonKind
    also: tuple[ReasonKind, ...] = ()
    names: tuple[str, ...] = ()
    parameters: tuple[str, ...] = ()
    tick: datetime | None = None
    detail: str = ""
    unnamed: bool = False

    @property
    def text(self) -> str:
        """One line for people: each word with what it is about."""
        if self.kind is ReasonKind.WAITING:
            return f"waiting for {self.detail or _listed(self.names)}"
        kinds = (self.kind, *self.also)
        # Names belong to one of the words: to the first that can be about a dataset, an input or an asset.
        named = next((kind for kind in kinds if kind not in _NAMELESS), self.kind)
        parts: list[str] = []
        for kind in kinds:
            about = list(self.names) if kind is named else []
            about += self.parameters if kind is ReasonKind.PARAMETERS_CHANGED else ()
            words = _WORDS[kind]
            if kind is ReasonKind.TICK and self.tick is not None:
                words = f"tick of {self.tick:{_SECOND if self.tick.second else _MINUTE}} UTC"
            shown = _listed(about)
            parts.append(words if not shown else f"{words}: {shown}" if len(kinds) == 1 else f"{words} ({shown})")
        line = " and ".join([", ".join(parts[:-1]), parts[-1]]) if len(parts) > 1 else parts[0]
        return f"{line}; {self.detail}" if self.detail else line

    @property
    def keyless(self) -> Reason:
        """Of inputs without a version the same without their keys, which every partition has of its own.

        >>> Reason(kind=ReasonKind.NO_VERSION, names=("docs 2026-01-05",)).keyless.text
        'input has no version: docs'
        """
        if self.kind not in (ReasonKind.NO_VERSION, ReasonKind.LEFT_OUT):
            return self
        return replace(self, names=tuple(dict.fromkeys(name.partition(" ")[0] for name in self.names)), detail="")

    def to_plain(self) -> dict[str, Any]:
        """JSON-ready; `from_plain` gives an equal reason back."""
        return {
            "v": FORMAT_VERSION,
            "kind": self.kind.value,
            "also": [kind.value for kind in self.also],
            "names": list(self.names),
            "parameters": list(self.parameters),
            "tick": None if self.tick is None else self.tick.isoformat(),
            "detail": self.detail,
            **({"unnamed": True} if self.unnamed else {}),
        }

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Reason:
        """The reason that `to_plain` wrote.

        Raises
        ------
        DatabaseFault: it is written in a newer form, or with a word that this penstock does not know. New words come
            with a migration, so that a store that has them is refused before it is read; this is for what was written
            past that.
        """
        words = [plain.get("kind"), *plain.get("also", ())]
        unknown = [word for word in words if word not in tuple(ReasonKind)]
        if plain.get("v") != FORMAT_VERSION or unknown:
            what = f"the words {', '.join(map(repr, unknown))}" if unknown else f"form {plain.get('v')!r}"
            raise DatabaseFault(
                f"a stored reason has {what}, which this penstock does not know",
                hint="Upgrade penstock to the version that wrote it.",
            )
        return cls(
            kind=ReasonKind(plain["kind"]),
            also=tuple(ReasonKind(kind) for kind in plain["also"]),
            names=tuple(plain["names"]),
            parameters=tuple(plain.get("parameters", ())),
            tick=None if plain["tick"] is None else datetime.fromisoformat(plain["tick"]),
            detail=plain["detail"],
            unnamed=plain.get("unnamed", False),
        )


_MINUTE, _SECOND = "%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")


_NAMELESS = frozenset({
    ReasonKind.FIRST_BUILD, ReasonKind.TICK, ReasonKind.CODE_CHANGED, ReasonKind.PARAMETERS_CHANGED, ReasonKind.MANUAL,
    ReasonKind.BACKFILL,
})  # fmt: skip
"""Words that are about no dataset, input or asset."""

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
    ReasonKind.LEFT_OUT: "left out by its producer",
    ReasonKind.AWAITING_APPROVAL: "awaiting approval",
    ReasonKind.REFUSED: "refused by policy",
}
