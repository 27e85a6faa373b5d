"""The facts that planning works on: sums per leaf, heads, what the last success was made from. Values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadState:
    """The newest version of a dataset."""

    version_id: int
    event_id: int
    number: int
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LeafState:
    """What is pending of one dataset for one consumer.

    Attributes
    ----------
    count: pending events; newest: the highest number among them.
    causes: `changed` events that may start a run.
    confirmed: `confirmed` events since the consumer was last settled.
    """

    count: int
    newest: int
    causes: int
    confirmed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetState:
    """How one asset stands.

    Attributes
    ----------
    registered_at: ticks before it do not count.
    leaves: by dataset URI; a dataset with nothing pending is not in it.
    ticks: timetable label → last tick that was consumed.
    active: how many of its runs have not ended.
    made_from: the parts of the run key of the success that made the current heads, without a nonce; None before it.
    complete: whether there was such a success.
    present: whether the bytes of all heads are there.
    probe: the fingerprint of a source, looked at now.
    """

    registered_at: datetime
    leaves: Mapping[str, LeafState] = field(default_factory=dict[str, LeafState])
    ticks: Mapping[str, datetime] = field(default_factory=dict[str, datetime])
    active: int = 0
    made_from: Mapping[str, Any] | None = None
    complete: bool = False
    present: bool = True
    probe: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A person asks for an asset: its condition is ignored.

    `nonce` forces it: the run key differs from every other, so that nothing counts as unchanged.
    """

    nonce: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """One consistent snapshot of what planning is about: the assets that news may concern, and no others.

    Attributes
    ----------
    assets: by name; an asset that is not in it is not planned.
    heads: dataset URI → head, of every input of these assets that has one.
    requests: asset name → what a person asked for.
    failed: assets whose failure holds back what is requested downstream of them.
    parameters: asset name → parameters that differ from the defaults.
    environment: what else the results depend on, e.g. `{"python": "3.12"}`.
    """

    assets: Mapping[str, AssetState]
    heads: Mapping[str, HeadState] = field(default_factory=dict[str, HeadState])
    requests: Mapping[str, Request] = field(default_factory=dict[str, Request])
    failed: frozenset[str] = frozenset()
    parameters: Mapping[str, Mapping[str, Any]] = field(default_factory=dict[str, Mapping[str, Any]])
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
