"""Reasons in the words of the command line, and in the narrow column of a table."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from ...assets.plan.reasons import NAMING, Reason
from ...storage.types import ReasonKind


def brief(reason: Reason) -> str:
    """The text of a reason; of `unchanged`, which many rows have, the word alone: `told` says the rest once."""
    return named(reason) if reason.kind is ReasonKind.UNCHANGED else worded(reason)


def worded(reason: Reason) -> str:
    """The text of a reason, with the option by which keys are named.

    >>> worded(Reason(kind=ReasonKind.WAITING, detail=NAMING, unnamed=True))
    'waiting for somebody who names its keys (--partitions)'
    """
    return reason.text.replace(NAMING, f"{NAMING} (--partitions)", 1) if reason.unnamed else reason.text


def named(reason: Reason) -> str:
    """The text of a reason without the details, which are told elsewhere."""
    return replace(reason, detail="").text


def told(reasons: Iterable[Reason]) -> str:
    """What `unchanged` means in these rows, said once; "" where no row says it."""
    details = list(dict.fromkeys(one.detail for one in reasons if one.kind is ReasonKind.UNCHANGED and one.detail))
    return f"unchanged: {' (sources: '.join(sorted(details))}{')' * (len(details) - 1)}" if details else ""
