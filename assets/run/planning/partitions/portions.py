"""Planning a portion: the first so many partitions that are on the agenda of an asset, recorded in one transaction with
how far its ranges have come.

    hear of news and of ticks                                   one transaction
    the first partitions of the agenda, and how they stand      one snapshot
    plan                                                        pure
    runs, pins, links; what was looked at off the agenda        one transaction

Killed in between, the next pass finds the agenda as it was. Of a long range each pass takes a portion, so that nobody
waits behind it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from .....storage.meta import catalogue, holds, pauses, runs
from .....storage.meta.database.engine import Transaction
from .....storage.meta.database.engine import now as moment_of
from .....storage.meta.partitions import agenda
from .....storage.meta.partitions.agenda import AT_ONCE, Entry, single
from .....storage.types import ReasonKind
from ....declare.catalogue import Asset
from ....declare.partitions.partition import Place
from ....plan.partitions.concern import awaited
from ....plan.partitions.portion import Portion, Range, portion
from ....plan.planner import Held, Plan, plan
from ....plan.reasons import Reason
from ....plan.state import State
from ...project.keys import known_at
from ...project.project import Project
from ..record import Record, record
from ..refusing import Refusals, fault
from ..snapshot import AskedPartitions, Snapshot, load
from .hearing import Heard, hear
from .keeping import is_kept, keep_held

PATIENCE = timedelta(minutes=1)
"""When something is looked at again that could not be looked at."""
PORTION = 300
"""So many partitions are planned on one snapshot and recorded in one transaction."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Portioned:
    """What became of a portion; `recorded` has nothing where no partition was to be looked at."""

    decided: Plan
    snapshot: Snapshot
    recorded: Record
    looked: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Rest:
    """What is left to be done for an asset: when to look again, None: not before there is news; and what is told of its
    mappings."""

    at: datetime | None
    reason: Reason | None = None


def hear_news(project: Project, name: str, *, now: datetime | None = None) -> Heard:
    """Write on the agenda what concerns partitions of an asset, and keep what is told of its mappings; see
    `hearing.hear`. Of an asset that is registered with another definition nothing is heard: it would be lost to those
    who know that one."""
    number = project.ids.assets[name]
    with project.store.write() as tx:
        if not project.decides_for(number, catalogue.definitions_of(tx, [number])[number]):
            return Heard()
        moment = moment_of(tx) if now is None else now
        known = known_at(project, tx, moment)
        heard = hear(project, tx, project.catalogue.assets[name], known=known, now=moment)
        if heard.news:
            reasons = {} if heard.reason is None else {number: heard.reason.to_plain()}
            holds.note(tx, reasons, [number], now=moment)
        return heard


def plan_portion(
    project: Project,
    name: str,
    *,
    materialization_id: str | None = None,
    parameters: Mapping[str, Mapping[str, Any]] | None = None,
    now: datetime | None = None,
) -> Portioned | None:
    """Plan and record the first partitions of the agenda of an asset; None when none is due, or it is paused, or
    registered with another definition: then all stay on the agenda. `parameters`: run parameters that somebody gave for
    this once, by asset."""
    asset, number = project.catalogue.assets[name], project.ids.assets[name]
    assert asset.partitions is not None, name
    awaits = awaited(project.reading.relations(asset).values())
    refusals = Refusals()
    while True:
        with project.store.read() as tx:
            moment = moment_of(tx) if now is None else now
            entries = agenda.due_entries(tx, number, now=moment, limit=PORTION)
            if not entries or pauses.current(tx, [number]):
                return None
            known = known_at(project, tx, moment, named=None)
            ranges = [Range(place=Place(entry.line, entry.start, entry.end), done=entry.done) for entry in entries]
            chosen = portion(asset.partitions, ranges, known=known, awaits=awaits, now=moment, limit=PORTION)
            keys = AskedPartitions(keys={name: chosen.keys})
            snapshot = load(project, tx, [name], now=moment, parameters=parameters, partitions=keys)
            if not project.decides_for(number, snapshot.courses[name].definition):
                return None
        decided = plan(project.graph, snapshot.state, moment) if chosen.keys else Plan()
        settle = _Settlement(
            project=project,
            asset=asset,
            entries=entries,
            chosen=chosen,
            decided=decided,
            state=snapshot.state,
            at=moment,
        )
        recorded = record(project, decided, snapshot, materialization_id=materialization_id, now=moment, beside=settle)
        if recorded is not None:
            return Portioned(decided=decided, snapshot=snapshot, recorded=recorded, looked=len(chosen.keys))
        if refusals.endless(decided):
            raise fault({name: decided})


def rest_of(project: Project, tx: Transaction, name: str, heard: Heard) -> Rest:
    """When partitions of an asset have to be looked at again; not while it is paused."""
    if pauses.current(tx, [project.ids.assets[name]]):
        return Rest(at=None, reason=heard.reason)
    moments = (AT_ONCE if heard.more else None, heard.next_at, agenda.next_entry_at(tx, project.ids.assets[name]))
    return Rest(at=min((at for at in moments if at is not None), default=None), reason=heard.reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Settlement:
    """Takes off the agenda what was looked at, within the transaction that records what was made of it."""

    project: Project
    asset: Asset
    entries: Sequence[Entry]
    chosen: Portion
    decided: Plan
    state: State
    at: datetime

    def __call__(self, tx: Transaction) -> None:
        number = self.project.ids.assets[self.asset.name]
        ended = [entry for entry, rest in zip(self.entries, self.chosen.rests, strict=True) if rest is None]
        agenda.leave(tx, number, ended)
        for entry, rest in zip(self.entries, self.chosen.rests, strict=True):
            if rest is not None:
                agenda.advance(tx, number, entry, done=rest.done, at=rest.at or entry.at or AT_ONCE)
        agenda.enter(tx, number, (Entry(*place, at=at) for place, at in self.chosen.later))
        ripening = {key: at for (_, key), at in self.decided.ripening.items()}
        agenda.enter(tx, number, (single(key, at) for key, at in ripening.items()))
        agenda.enter(tx, number, self._waiting(tx, number))
        self._keep_held(tx, number)

    def _keep_held(self, tx: Transaction, number: int) -> None:
        """Why those are held that are; of the others nothing is kept, where a run is recorded that is seen to there."""
        assert self.asset.partitions is not None, self.asset.name
        made, stand = {one.partition for one in self.decided.runs}, self.state.partitions.get(self.asset.name, {})
        held = (one for one in self.decided.held if one.partition and is_kept(one, stand.get(one.partition)))
        keep_held(tx, number, self.asset.partitions, (key for key in self.chosen.keys if key not in made), held)

    def _waiting(self, tx: Transaction, number: int) -> list[Entry]:
        """The partitions that something else may start than news of what they read: the end of a run, which may have
        come meanwhile, or news of what has no partitions."""
        held = [one for one in self.decided.held if one.partition]
        stand = self.state.partitions.get(self.asset.name, {})
        # What is pending for one that is being made, and starts no run, may confirm what that publishes.
        seen = {one.partition: stand[one.partition].active for one in held if not one.idle and one.partition in stand}
        busy = [key for key, count in seen.items() if count]
        active = runs.active_among(tx, number, busy) if busy else {}
        found = [single(key, AT_ONCE if active.get(key, 0) < seen[key] else None) for key in busy]
        unseen = [one.partition for one in held if one.partition in stand and stand[one.partition].unseen]
        found += (single(key, self.at + PATIENCE) for key in unseen)
        return [*found, *(single(one.partition, None) for one in held if self._lacks_whole(one))]

    def _lacks_whole(self, held: Held) -> bool:
        """Whether it is held for want of a dataset without partitions."""
        relations = self.project.reading.every_relation(self.asset)
        whole = {uri for uri, relation in relations.items() if relation.completing}
        leaves = () if held.verdict is None else held.verdict.leaves()
        unread = any(
            one.uri in whole and one.uri not in self.state.heads and not one.optional for one in self.asset.inputs
        )
        lacks = unread and held.reason.kind in (ReasonKind.NO_VERSION, ReasonKind.LEFT_OUT)
        return lacks or any(leaf.uri in whole and not leaf.holds for leaf in leaves)
