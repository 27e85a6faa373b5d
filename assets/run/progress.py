"""What is told while something is made, as values; whoever wants to show them passes a listener.

What changed definitions leave comes first, as `Foretold`: before they are registered.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ...storage.types import BackfillState, MaterializationState, RunState
from ..plan.reasons import Reason
from ..plan.retry import Again
from .project.foretold import Foretold


@dataclass(frozen=True, slots=True, kw_only=True)
class Strange:
    """A path to which the template of a dataset leads, and why it is no partition of it."""

    path: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """A dataset that others write, or a source's probe, was looked at; `news` says what was found.

    `error` and `hint` say what went wrong and the next step, where it could not be looked at. `strange` are the first
    hundred paths that are no partitions of it, `strange_count` is how many there are.
    """

    name: str
    news: str
    error: str = ""
    hint: str = ""
    strange: tuple[Strange, ...] = ()
    strange_count: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """Another process makes the asset, or this partition of it, now; this one goes on when it is done."""

    asset: str
    reason: Reason
    partition: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """A run began."""

    asset: str
    run_id: str
    reason: Reason
    partition: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retrying:
    """A try of a run is over, and another one follows after a pause.

    Attributes
    ----------
    error: as stored: what the last try ended with.
    seconds: until the next one is due.
    number, of: which try of its budget that is, and how many there may be; None where another process has begun them.
    """

    asset: str
    run_id: str
    error: Mapping[str, Any]
    seconds: float
    number: int | None = None
    of: int | None = None
    partition: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Advanced:
    """A producer said how far it is, with `ctx.progress`: so much `done` of `total`, None where nobody knows it."""

    asset: str
    run_id: str
    done: float
    total: float | None = None
    unit: str = ""
    text: str = ""
    partition: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A version that a run published: `kind` is `changed` or `confirmed`, `size` in bytes; `partition` is its key, of a
    dataset that has partitions."""

    dataset: str
    uri: str
    version_id: int
    digest: str
    kind: str
    rows: int | None
    size: int
    partition: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one asset, or of one partition of it.

    Attributes
    ----------
    partition: the key, of a partition.
    state: of its run; None when there was none.
    reason: why it ran, or why it did not.
    made: what it published.
    seconds: from the claim to the end, publication included.
    error: kind, type, message, hint and trace, when it failed.
    again: when it is tried again, of a run that is `up_for_retry`.
    warning: what did not work although the run succeeded: its URI could not be made equal to the head.
    left_out: dataset → why, of the outputs that the producer said are not to be made; all of them where it skipped
        the run.
    """

    asset: str
    run_id: str | None
    state: RunState | None
    reason: Reason
    made: tuple[Made, ...] = ()
    seconds: float = 0.0
    error: Mapping[str, Any] | None = None
    warning: str = ""
    partition: str = ""
    again: Again | None = None
    left_out: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def told(self) -> str:
        """What the producer said of what it did not make."""
        return told_of(self.state, self.left_out)


def told_of(state: RunState | None, left_out: Mapping[str, str]) -> str:
    """What a producer said of outputs that it did not make, by dataset; "" where it made all.

    >>> told_of(RunState.SKIPPED, {"docs": "no news"}), told_of(RunState.SUCCESS, {"docs": "no news", "test": ""})
    ('skipped by its producer: no news', 'left out: docs (no news), test')
    """
    if state is RunState.SKIPPED and left_out:
        whys = "; ".join(dict.fromkeys(filter(None, left_out.values())))
        return f"skipped by its producer: {whys}" if whys else "skipped by its producer"
    shown = ", ".join(f"{name} ({why})" if why else name for name, why in left_out.items())
    return f"left out: {shown}" if shown else ""


Progress = Foretold | Looked | Waiting | Started | Retrying | Advanced | Outcome
Listener = Callable[[Progress], None]


def silent(_progress: Progress) -> None:
    """Whoever passes no listener is told nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a materialization did.

    Attributes
    ----------
    id: a UUID; the parent of its runs in lineage.
    outcomes: one an asset, or one a partition that was asked for, in the order in which they were decided; of what was
        held and made by such a backfill then, what became of it there.
    looked: what was found at the datasets that others write.
    seconds: from the beginning to the last outcome; lineage may be sent for longer.
    backfills: what became of the backfills that it went on with afterwards, by their ids.
    refused: how many lineage events each destination refused for good meanwhile; those that refused none are left out.
    """

    id: str
    state: MaterializationState
    outcomes: tuple[Outcome, ...]
    looked: tuple[Looked, ...] = field(default=())
    seconds: float = 0.0
    refused: Mapping[str, int] = field(default_factory=dict[str, int])
    backfills: Mapping[str, BackfillState] = field(default_factory=dict[str, BackfillState])

    @property
    def ok(self) -> bool:
        """Whether nothing failed, of the backfills that it went on with neither."""
        return self.state is MaterializationState.SUCCESS and BackfillState.FAILED not in self.backfills.values()

    @property
    def executed(self) -> tuple[Outcome, ...]:
        """The runs that called a producer."""
        return tuple(one for one in self.outcomes if one.state in (RunState.SUCCESS, RunState.FAILED))

    def __getitem__(self, asset: str | tuple[str, str]) -> Outcome:
        """The (last) outcome of one asset, or of one partition: `result["daily", "2026-01-05"]`."""
        if isinstance(asset, str):
            return {one.asset: one for one in self.outcomes}[asset]
        return {(one.asset, one.partition): one for one in self.outcomes}[asset]
