"""What versions that lineage led to are called, and how often the same bytes were made. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from ..read.tracing import Traced

_SHOWN = 6


def named(one: Traced) -> str:
    """How a version is called: `chunks@3`, with the key of its partition; by the URI of its dataset where several have
    its name."""
    number = f" {one.version.digest[:8]}" if one.number is None else f"@{one.number}"
    return f"{one.name}{number} {one.partition}".rstrip()


def reference(one: Traced) -> str:
    """What means this publication and no other, on the command line and in an address."""
    return f"{one.name}@{one.version.digest[:16] if one.number is None else one.number}"


def made_again(one: Traced) -> str:
    """That the same bytes were made several times; "" of what was made once.

    `made 3 times: @1 @2 @4`. Of a publication that only tells again what was made before: `confirms @1`.
    """
    numbers = [made.number for made in one.made]
    said: list[str] = []
    if len(numbers) > 1:
        what = "made" if any(made.run_id for made in one.made) else "published"
        said.append(f"{what} {len(numbers):,} times: {_listed(numbers)}")
    before = [number for number in numbers if one.number is not None and number < one.number]
    if before and one.number not in numbers:
        said.append(f"confirms @{before[-1]}")
    return ", ".join(said)


def _listed(numbers: Sequence[int]) -> str:
    """
    >>> _listed([1, 2]), _listed(range(1, 9))
    ('@1 @2', '@1 @2 @3 @4 … @8')
    """
    shown = [*numbers] if len(numbers) <= _SHOWN else [*numbers[: _SHOWN - 2], None, numbers[-1]]
    return " ".join("…" if one is None else f"@{one}" for one in shown)
