"""What became of assets, as rows of a table: of many partitions of an asset that went alike, one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich.text import Text

from ...assets.plan.reasons import Reason
from ...assets.run.progress import Made, Outcome
from ...storage.types import ReasonKind, RunState
from ..read.assets import OutputLine, RunMark
from ..read.runs import RunLine
from ..words.quantities import count, duration, short, size
from .console import Cell, Column, Gives, word
from .live import result_of
from .names import titled
from .reasons import brief, named

COLUMNS = (
    Column(title="asset", gives=Gives.LAST),
    Column(title="result"),
    Column(title="version"),
    Column(title="rows", right=True),
    Column(title="size", right=True),
    Column(title="time", right=True),
    Column(title="why", gives=Gives.FIRST),
)

FEW = 5
"""So many partitions of an asset that went alike are shown one by one."""


@dataclass(frozen=True, slots=True)
class Alike:
    """Outcomes with the same asset, result and reason, in the order in which they came: one, or partitions."""

    outcomes: tuple[Outcome, ...]

    @property
    def first(self) -> Outcome:
        """The first of them, which speaks for all."""
        return self.outcomes[0]

    @property
    def reason(self) -> Reason:
        """Why; of several that lack keys of their own of the same dataset, without these."""
        same = all(one.reason == self.first.reason for one in self.outcomes)
        return self.first.reason if same else self.first.reason.keyless

    @property
    def keys(self) -> str:
        """The keys in a few words.

        `2026-01-01`, or `2026-01-01 … 2026-03-31 (90)`: from the first that was made to the last; "" without any.
        """
        if len(self.outcomes) == 1:
            return self.first.partition
        return f"{self.first.partition} … {self.outcomes[-1].partition} ({count(len(self.outcomes))})"


def alike(outcomes: Sequence[Outcome], *, few: int = FEW) -> list[Alike]:
    """The outcomes in their order, save that more than `few` partitions that went alike stand where the first stood.

    Errors count: partitions that failed differently did not go alike.
    """
    groups: dict[_Likeness, list[Outcome]] = {}
    for one in outcomes:
        if one.partition:
            groups.setdefault(_likeness(one), []).append(one)
    found: list[Alike] = []
    for one in outcomes:
        group = groups[_likeness(one)] if one.partition else [one]
        if len(group) <= few:
            found.append(Alike((one,)))
        elif one is group[0]:
            found.append(Alike(tuple(group)))
    return found


_Likeness = tuple[str, ...]


def _likeness(one: Outcome) -> _Likeness:
    error = "" if one.error is None else str(one.error.get("message"))
    return (one.asset, result_of(one), brief(one.reason.keyless), error, one.warning, one.told)


def rows_of(outcomes: Sequence[Outcome], standing: Callable[[Outcome], Sequence[OutputLine]]) -> list[tuple[Cell, ...]]:
    """One row an output; what is said of the run stands in the first. `standing` says what the datasets of an asset
    hold that did not run."""
    return [row for one in alike(outcomes) for row in _rows(one, standing(one.first))]


def _rows(found: Alike, standing: Sequence[OutputLine]) -> list[tuple[Cell, ...]]:
    one, key = found.first, f" {found.keys}" if found.keys else ""
    seconds = sum(each.seconds for each in found.outcomes)
    time, result, why = duration(seconds) if seconds else "", word(result_of(one)), _why(found)
    written = [_written(found, made) for made in one.made] or list(standing)
    if not written:
        return [(f"{one.asset}{key}", result, "", "", "", time, why)]
    rows: list[tuple[Cell, ...]] = []
    for number, output in enumerate(written):
        name = f"{titled(one.asset, [output.dataset])}{key}"
        what = (short(output.digest), count(output.rows), size(output.size))
        rows.append((name, result, *what, time, why) if number == 0 else (name, "", *what, "", ""))
    return rows


@dataclass(frozen=True, slots=True)
class _Written:
    """What was written to a dataset: one version, or the sums of many, which have no digest in common."""

    dataset: str
    digest: str
    rows: int | None
    size: int


def _written(found: Alike, made: Made) -> _Written:
    """What all of them wrote to this dataset."""
    each = [one for outcome in found.outcomes for one in outcome.made if one.uri == made.uri]
    rows = [one.rows for one in each]
    return _Written(
        dataset=made.dataset,
        digest=made.digest if len(each) == 1 else "",
        rows=None if None in rows else sum(filter(None, rows)),
        size=sum(one.size for one in each),
    )


def state_of(run: RunLine | RunMark) -> Text:
    """How a run stands; one whose process is gone is not at work, whatever is on record."""
    return Text("left behind", style="yellow") if run.left_behind else word(run.state)


def _why(found: Alike) -> str:
    """Why, in the table; what went wrong upstream is told below it, once. What a producer skipped, says why itself."""
    reason, told = found.reason, found.first.told
    if found.first.state is RunState.SKIPPED and told:
        return told
    why = named(reason) if reason.kind is ReasonKind.UPSTREAM_FAILED else brief(reason)
    return f"{why}; {told}" if told else why
