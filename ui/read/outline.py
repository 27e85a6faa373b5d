"""The graph of a project in outline: of each asset what a map of many of them needs, and which it reads.

Made for projects of 10,000 assets: definitions are read as they lie in the store, without being made into objects.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import lru_cache

from ...lineage.graph.recipes import waits_of
from ...storage.meta.database.engine import Store, Transaction
from ...storage.meta.partitions.states import broken
from ...storage.meta.past import declared
from ...storage.meta.past.declared import Sketch, Standings, Stood
from ...storage.types import Json, RunState
from .broken import is_broken

PAUSED, NEVER_MADE, UP_TO_DATE = "paused", "never made", "up to date"


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """An asset on the map.

    Attributes
    ----------
    reads: the assets, and the datasets that no asset writes, which it reads or waits for; by name, sorted.
    state: `paused`, or how it stands, see `standing`.
    updated_at: when a run of it last succeeded.
    text: by which it is looked for: name and description, without capitals.
    divided: how, as its definition has it; None without partitions.
    broken: it has partitions of which the last run failed.
    """

    name: str
    group: str
    tags: tuple[str, ...]
    owners: tuple[str, ...]
    description: str
    reads: tuple[str, ...]
    state: str
    updated_at: datetime | None
    text: str = ""
    divided: Mapping[str, Json] | None = None
    broken: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Basis:
    """What an outline was worked out from: the commits that it saw (`Store.mark`), how assets stood; their names by
    number, and the numbers of those that were paused, and of those of which partitions had failed."""

    mark: str = ""
    standings: Standings = ()
    names: Mapping[int, str] = field(default_factory=dict[int, str])
    paused: frozenset[int] = frozenset()
    failed: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)  # each is another: to compare them costs as much as one
class Outline:
    """All that is declared now.

    Attributes
    ----------
    assets: by name.
    foreign: of the datasets that others write, name → URI.
    readers: what reads each asset or dataset, by name, sorted.
    stamp: another for other definitions.
    basis: what it takes to bring it up to date.
    """

    assets: Mapping[str, Spot]
    foreign: Mapping[str, str]
    readers: Mapping[str, tuple[str, ...]]
    stamp: tuple[int | None, ...]
    basis: Basis = field(default_factory=Basis)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kinds:
    """What tells assets apart: the groups, tags, owners and states that there are, each sorted."""

    groups: tuple[str, ...]
    tags: tuple[str, ...]
    owners: tuple[str, ...]
    states: tuple[str, ...]


@lru_cache(maxsize=8)
def kinds(known: Outline) -> Kinds:
    """Of all assets of an outline; what is empty is none."""
    spots = known.assets.values()
    return Kinds(
        groups=_sorted({one.group for one in spots}),
        tags=_sorted({tag for one in spots for tag in one.tags}),
        owners=_sorted({owner for one in spots for owner in one.owners}),
        states=_sorted({one.state for one in spots}),
    )


def _sorted(those: set[str]) -> tuple[str, ...]:
    return tuple(sorted(one for one in those if one))


def standing(last: str | None, *, made: bool, broken: bool) -> str:
    """How an asset stands: the state of its newest run, unless partitions of it failed, whichever run that was of.

    A run that was skipped found nothing to do: what was made before is up to date.

    >>> standing(RunState.SKIPPED, made=True, broken=False), standing(RunState.SUCCESS, made=True, broken=True)
    ('up to date', 'failed')
    """
    if broken:
        return RunState.FAILED.value
    if last is None:
        return NEVER_MADE
    return UP_TO_DATE if made and last == RunState.SKIPPED else str(last)


def outline(store: Store, before: Outline | None = None) -> Outline:
    """All that is declared now. With an outline from `before`, nothing is read if nobody has committed anything since;
    definitions only if there are others; and only what stands otherwise is worked out anew."""
    mark = store.mark()
    if before is not None and before.basis.mark == mark:
        return before
    with store.read() as tx:
        stamp = declared.declaration_stamp(tx, store.project)
        if before is None or before.stamp != stamp:
            before = _drawn(tx, store.project, stamp, declared.sketches(tx, store.project))
        then = before.basis
        suspects = [(one, before.assets[then.names[one]]) for one in broken(tx, store.project) if one in then.names]
        failed = frozenset(one for one, spot in suspects if is_broken(tx, one, spot.divided))
        paused = frozenset(declared.paused_at(tx, store.project))
        known = then.standings if (paused, failed) == (then.paused, then.failed) else ()
        standings, others = declared.stand_now(tx, store.project, known)
    spots = dict(before.assets)
    for number, _, updated_at, last in others:
        is_failed = number in failed
        state = PAUSED if number in paused else standing(last, made=updated_at is not None, broken=is_failed)
        spot = spots.get(then.names.get(number, ""))
        if spot is not None and (spot.state != state or spot.updated_at != updated_at or spot.broken != is_failed):
            spots[spot.name] = replace(spot, state=state, updated_at=updated_at, broken=is_failed)
    basis = replace(then, mark=mark, standings=standings, paused=paused, failed=failed)
    return replace(before, assets=spots, basis=basis)


def outline_at(store: Store, at: datetime) -> Outline:
    """All that was declared at a time, as the newest run of each stood then; which partitions had failed is not
    asked."""
    with store.read() as tx:
        found = declared.sketches(tx, store.project, at)
        known = _drawn(tx, store.project, (), found)
        stood, paused = declared.stood_at(tx, store.project, at), declared.paused_at(tx, store.project, at)
    spots: dict[str, Spot] = {}
    for one in found:
        then = stood.get(one.asset_id, Stood(state=None, succeeded_at=None))
        stands = standing(then.state, made=then.succeeded_at is not None, broken=False)
        state = PAUSED if one.asset_id in paused else stands
        spots[one.name] = replace(known.assets[one.name], state=state, updated_at=then.succeeded_at)
    return replace(known, assets=spots)


def _drawn(tx: Transaction, project: str, stamp: tuple[int | None, ...], found: Sequence[Sketch]) -> Outline:
    producers = {uri: one.name for one in found for uri in one.outputs}
    names = declared.dataset_names(tx, project)
    foreign: dict[str, str] = {}
    spots: dict[str, Spot] = {}
    readers: dict[str, list[str]] = {}
    for one in found:
        reads: set[str] = set()
        waits = waits_of(one.condition)
        for uri in {*one.inputs, *waits.uris, *waits.patterns}:
            name = producers.get(uri) or names.get(uri, uri)
            reads.add(name)
            if uri not in producers:
                foreign[name] = uri
        reads.discard(one.name)
        spots[one.name] = _spot(one, reads)
        for name in reads:
            readers.setdefault(name, []).append(one.name)
    by_name = {name: tuple(sorted(those)) for name, those in readers.items()}
    basis = Basis(names={one.asset_id: one.name for one in found})
    return Outline(assets=spots, foreign=foreign, readers=by_name, stamp=stamp, basis=basis)


def _spot(one: Sketch, reads: Collection[str]) -> Spot:
    return Spot(
        name=one.name,
        group=one.group,
        tags=one.tags,
        owners=one.owners,
        description=one.description,
        reads=tuple(sorted(reads)),
        state=NEVER_MADE,
        updated_at=None,
        text=f"{one.name} {one.description}".casefold(),
        divided=one.partitions,
    )
