"""How a benchmark shows a figure: the name, what was measured, what is wanted. Nothing here fails: a figure is read."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def show(
    name: str,
    value: float,
    unit: str,
    *,
    target: float | None,
    wish: float | None = None,
    slowest: float | None = None,
) -> None:
    """Print one line: `import penstock   12.3 ms   target 80 ms  ok`; without a target it is there for scale.

    `slowest` is what the slowest of several rounds took, where the value is that of the fastest.
    """
    aim = "" if target is None else f"   target {target:g} {unit}  {'ok' if value <= target else 'MISSED'}"
    wished = "" if wish is None else f" (wished for: {wish:g})"
    others = "" if slowest is None else f"   slowest round {slowest:.3f}"
    print(f"{name:<66}{value:9.3f} {unit}{aim}{wished}{others}", flush=True)


def best_of(times: int, work: Callable[[], object]) -> float:
    """Seconds of the fastest of several calls: what the machine can do when nobody else uses it."""
    found: list[float] = []
    for _ in range(times):
        start = perf_counter()
        work()
        found.append(perf_counter() - start)
    return min(found)
