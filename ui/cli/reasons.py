"""Reasons in the narrow column of a table."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from ...assets.plan.reasons import Reason
from ...storage.types import ReasonKind


def brief(reason: Reason) -> str:
    """The text of a reason; of `unchanged`, which many rows have, the word alone: `told` says the rest once."""
    return named(reason) if reason.kind is ReasonKind.UNCHANGED else reason.text


def named(reason: Reason) -> str:
    """The text of a reason without the details, which are told elsewhere."""
    return replace(reason, detail="").text


def told(reasons: Iterable[Reason]) -> str:
    """What `unchanged` means in these rows, said once; "" where no row says it."""
    details = list(dict.fromkeys(one.detail for one in reasons if one.kind is ReasonKind.UNCHANGED and one.detail))
    return f"unchanged: {' (sources: '.join(sorted(details))}{')' * (len(details) - 1)}" if details else ""
