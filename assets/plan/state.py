"""The facts that planning works on: sums per leaf, heads, what the last success was made from. Values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from .reasons import Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadState:
    """A version of a dataset and the event that published it: the newest, or the one that a leaf pins."""

    version_id: int
    event_id: int
    number: int
    digest: str
    at: datetime | None = None


class LeafState(NamedTuple):  # a tuple: a pass may make one for each of fifty thousand subscriptions
    """What is pending of one dataset for one consumer: all of it, or what counts for one leaf.

    Attributes
    ----------
    count: pending events that are no removals; newest: the highest number among all that are pending.
    causes: `changed` events that may start a run.
    confirmed: `confirmed` events since the consumer was last settled.
    changed: `changed` events, whether they may start a run or not.
    removed: pending removals, of which `removals` may start a run; only where a leaf asks for them.
    newest_at: of when the newest is, as it says itself.
    arrived_at: when the last of them arrived; oldest_at: when the oldest arrived that may start a run.
    upto: pending events up to `newest`, whether they count or not: what is taken with it.
    pin: the newest version that counts, where that may be another than the head.
    unmet: why the newest event does not count.
    """

    count: int  # pyright: ignore[reportIncompatibleMethodOverride]  nobody asks the tuple to count
    newest: int
    causes: int
    confirmed: int = 0
    changed: int = 0
    removed: int = 0
    removals: int = 0
    newest_at: datetime | None = None
    arrived_at: datetime | None = None
    oldest_at: datetime | None = None
    upto: int = 0
    pin: HeadState | None = None
    unmet: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A version of a dataset that could be read by a consumer that wants its inputs aligned.

    Attributes
    ----------
    head: the version and its event.
    fresh: whether a pending event, its own or one before it, may start a run; confirmed: whether one says that nothing
        changed.
    upto: pending events of the dataset up to this one's; none where it was consumed already.
    arrived_at: when its event arrived.
    ancestors: URI of a dataset → digests of the versions of it that this one was made from, however far up, and its own
        among them. Of an event that confirms, those of what was made or looked through then: the same bytes are then of
        a newer generation.
    """

    head: HeadState
    fresh: bool
    ancestors: Mapping[str, frozenset[str]]
    upto: int = 0
    confirmed: bool = False
    arrived_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """That an asset is paused: since when, and why; `failed` where it paused itself."""

    since: datetime
    why: str
    failed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PartitionsRead:
    """What a consumer reads of a dataset that has partitions.

    Attributes
    ----------
    heads: key → version, in the order of the keys, of those that have one.
    single: whether it never reads more than one key: then what it gets is that partition's value.
    lacking: the keys that it reads and that have no version.
    least: so many are enough; None: every one is waited for.
    open: whether it reads whatever is made, and waits for no key.
    failed: those of its keys that failed a moment ago.
    fault: why nobody can tell what is read: what a mapping of the project raised.
    """

    heads: Mapping[str, HeadState]
    single: bool = False
    lacking: tuple[str, ...] = ()
    least: int | None = None
    open: bool = False
    failed: tuple[str, ...] = ()
    fault: str = ""

    @property
    def enough(self) -> bool:
        """Whether those that are there suffice."""
        suffice = not self.lacking or self.open or (self.least is not None and len(self.heads) >= self.least)
        return bool(self.heads) and suffice


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetState:
    """How one asset stands, or one partition of it.

    Attributes
    ----------
    registered_at: ticks before it do not count.
    key: its name, which decides its share of the jitter of a timetable.
    leaves: what is pending, by dataset URI; a dataset with nothing pending is not in it. Under `each(D)` that of D is
        its oldest pending event that may start a run, with `pin`, and `upto` the pending ones up to it: those that lie
        before it cannot, as a failed run gave them back, they say that nothing changed, or they do not count. Without
        such an event it is all that is pending. The same holds there of `narrowed`.
    queue: under `each(D)`, all that is pending of D.
    ahead: under `each` of a pattern, of its other datasets, the pending events that lie before that one in the line and
        cannot start a run either.
    narrowed: what counts for a leaf that has to ask each event, by the label of the leaf; of a pattern, by that of the
        leaf which names the dataset.
    ticks: timetable label → last tick that was consumed.
    since: timetable label → when it came into the condition, where that was after the asset was registered.
    active: how many of its runs have not ended.
    made_from: the parts of the run key of the success that made the current heads, without a nonce; None before it.
    complete: whether there was such a success.
    succeeded_at: when the asset was last executed with success; tried_at: when its newest run was planned that
        was to execute; begun_at: the same of the newest that nobody canceled, where the condition asks for staleness.
    late: whether that run was made because a deadline had passed: it meets none that comes later.
    present: whether the bytes of all heads are there; unseen: why nobody can see that, if so.
    probe: the fingerprint of a source, looked at now.
    pause: why nothing of it is started, if so.
    candidates: dataset URI → the versions that could be read, oldest first, where the condition has an aligned node.
    reads: input parameter → what is read, of datasets that have partitions.
    incomplete: of a partition, dataset URI → why what is pending of it does not suffice: of a roll-up, what it lacks.
    selected: of a partition, timetable label → the ticks that select it and that it has not taken; None of an asset.
    ripens_at: of a partition, when time alone completes what it reads.
    held: of an asset with partitions, what those wait for that were held when they were looked at last.
    astray: of an asset with partitions, what its mappings did when its news was heard of last: that one raised, or gave
        keys that it does not have.
    """

    registered_at: datetime
    key: str = ""
    leaves: Mapping[str, LeafState] = field(default_factory=dict[str, LeafState])
    queue: Mapping[str, LeafState] = field(default_factory=dict[str, LeafState])
    ahead: Mapping[str, LeafState] = field(default_factory=dict[str, LeafState])
    narrowed: Mapping[str, LeafState] = field(default_factory=dict[str, LeafState])
    ticks: Mapping[str, datetime] = field(default_factory=dict[str, datetime])
    since: Mapping[str, datetime] = field(default_factory=dict[str, datetime])
    active: int = 0
    made_from: Mapping[str, Any] | None = None
    complete: bool = False
    succeeded_at: datetime | None = None
    tried_at: datetime | None = None
    begun_at: datetime | None = None
    late: bool = False
    present: bool = True
    unseen: str = ""
    probe: str | None = None
    pause: Pause | None = None
    candidates: Mapping[str, tuple[Candidate, ...]] = field(default_factory=dict[str, tuple[Candidate, ...]])
    reads: Mapping[str, PartitionsRead] = field(default_factory=dict[str, PartitionsRead])
    incomplete: Mapping[str, str] = field(default_factory=dict[str, str])
    selected: Mapping[str, tuple[datetime, ...]] | None = None
    ripens_at: datetime | None = None
    held: Reason | None = None
    astray: Reason | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A person asks for an asset: its condition is ignored.

    `nonce` forces it: the run key differs from every other, so that nothing counts as unchanged. `backfill`: it is a
    backfill that asks.
    """

    nonce: str | None = None
    backfill: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """One consistent snapshot of what planning is about: the assets that news may concern, and no others.

    Attributes
    ----------
    assets: by name; an asset that is not in it is not planned.
    partitions: asset name → key → how that partition stands, of those that are asked for; their heads are among what
        they were made from and no part of `heads`.
    heads: dataset URI → head, of every dataset that these assets read or whose age their conditions ask for.
    requests: asset name → what a person asked for.
    failed: assets whose failure holds back what is requested downstream of them.
    parameters: asset name → parameters that differ from the defaults.
    environment: what else the results depend on, e.g. `{"python": "3.12"}`.
    watched: since when ticks have been watched without a break; None: always.
    left_out: (dataset URI, key) → why its producer did not make it, of what these assets lack; the key is "" of a
        dataset without partitions.
    """

    assets: Mapping[str, AssetState]
    partitions: Mapping[str, Mapping[str, AssetState]] = field(default_factory=dict[str, Mapping[str, AssetState]])
    heads: Mapping[str, HeadState] = field(default_factory=dict[str, HeadState])
    requests: Mapping[str, Request] = field(default_factory=dict[str, Request])
    failed: frozenset[str] = frozenset()
    parameters: Mapping[str, Mapping[str, Any]] = field(default_factory=dict[str, Mapping[str, Any]])
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    watched: datetime | None = None
    left_out: Mapping[tuple[str, str], str] = field(default_factory=dict[tuple[str, str], str])
