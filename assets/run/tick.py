"""One pass of a planner over what is news: `tick(project)`. Runs nothing; any number of processes may call it.

    what is due, and how those assets stand         one snapshot
    plan                                            pure
    runs, pins, links, reasons; and off the agenda
    with exactly what that snapshot showed          one transaction

Killed between any two statements, it has done all of it or nothing. Who comes second finds that what it wanted to take
is taken, writes nothing, and looks again.

A pass decides for the assets that are registered just as it defines them. The others stay on the agenda, with the news,
for whoever holds the definitions that were registered last.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from ...storage.errors import Bug
from ...storage.meta import agenda, catalogue, holds, watching
from ...storage.meta.agenda import Due
from ...storage.meta.database.engine import Transaction
from ...storage.meta.database.engine import now as moment_of
from ..declare.ticks.due import GRACE
from ..plan.planner import Held, Plan, plan
from ..plan.reasons import Reason
from .backfilling.advancing import plan_backfills
from .collector import at_rest
from .looking.sources import probe
from .planning.partitions.portions import PATIENCE, Portioned, Rest, hear_news, plan_portion, rest_of
from .planning.record import Record, record
from .planning.refusing import Refusals, fault, refused_alone, without
from .planning.snapshot import Snapshot, load
from .project.project import Project


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticked:
    """What one pass found and did.

    Attributes
    ----------
    at: when, by the clock of the store.
    planned: how many assets were planned.
    record: the runs that were recorded, and the datasets that were confirmed.
    held: why nothing happened with the others.
    next_at: when to look again if there is no news before; a time that is past when there is more to do at once, None
        when time alone changes nothing.
    backfilled: how many runs of backfills were recorded.
    """

    at: datetime
    planned: int = 0
    record: Record
    held: tuple[Held, ...] = ()
    next_at: datetime | None = None
    backfilled: int = 0


def tick(project: Project, *, at: datetime | None = None) -> Ticked:
    """Plan what news and time concern, and record it; costs what that is, not the graph and not the history.

    Parameters
    ----------
    at: another time than that of the store's clock, aware.

    Raises
    ------
    Bug: the plan of an asset, or of a backfill, is refused again and again, while nobody changes anything. Everything
        else is recorded then; that asset is held, and looked at again a minute later.
    """
    going_on = plan_backfills(project)
    backfilled = going_on.runs
    made: list[_Portion] = []
    refusals, stuck = Refusals(), dict[str, Plan]()
    while True:
        with at_rest(), project.store.read() as tx:
            moment = at or moment_of(tx)
            found = _due(project, tx, moment)
            mine = _mine(project, found)
            names, divided = _names(project, mine)
            snapshot = load(project, tx, names, now=moment) if mine or found.news else None
            if snapshot is None:
                if going_on.broken is not None:
                    raise going_on.broken
                next_at = agenda.next_at(tx, project.name, after=moment)
                return Ticked(at=moment, record=_NOTHING, next_at=next_at, backfilled=backfilled)
        portions = [_portion(project, name, at) for name in divided]
        made += portions
        with at_rest():
            decided = plan(project.graph, snapshot.state, moment)
        decided, snapshot = _probed(project, decided, snapshot, moment)
        decided = _looking_again(decided, snapshot, moment)
        decided = without(decided, stuck.keys(), moment + PATIENCE)
        settle = _Settlement(
            project=project,
            found=found,
            mine=mine,
            at=moment,
            decided=decided,
            wakeups=_wakeups(project, decided, snapshot, moment),
            portions=portions,
        )
        with at_rest():
            recorded = record(project, decided, snapshot, materialization_id=None, now=moment, beside=settle)
        if recorded is not None:
            break
        if refusals.endless(decided):
            stuck |= refused_alone(project, decided, snapshot)
    broken = next((one.broken for one in (*made, going_on) if one.broken is not None), None)
    if stuck or broken is not None:
        raise broken or fault(stuck)
    with project.store.read() as tx:
        more = agenda.due(tx, project.name, now=moment)
        at_once = more.news or _mine(project, more)
        next_at = agenda.AT_ONCE if at_once else agenda.next_at(tx, project.name, after=moment)
    return Ticked(
        at=moment,
        planned=len(names) + sum(one.looked for one in made),
        record=_together(recorded, made),
        held=(
            *decided.held,
            *(held for one in made for held in one.held),
            *(held for one in portions for held in one.told),
        ),
        next_at=next_at,
        backfilled=backfilled,
    )


_NOTHING = Record(runs=(), confirmed=())


def _due(project: Project, tx: Transaction, moment: datetime) -> Due:
    """What is due, with the assets that news concerns although they do not wait for it. The ids are drawn anew first if
    anything was registered since: a dataset that moved and came back has another."""
    found = agenda.due(tx, project.name, now=moment)
    if found and found.registered_at != project.ids.registered_at:
        project.renumber(catalogue.ids(tx, project.name))
    if not found.news:
        return found
    concerned = {
        project.ids.assets[name]
        for uri in catalogue.uris_of(tx, list(found.news)).values()
        for name in project.concerned(uri)
    }
    return agenda.widened(tx, found, sorted(concerned))


def _mine(project: Project, found: Due) -> dict[int, int]:
    """Of what is due, the assets that are registered as they are defined here, by id: how often they were touched."""
    return {
        number: count
        for number, count in found.touched.items()
        if project.decides_for(number, found.definitions[number])
    }


def _names(project: Project, mine: Iterable[int]) -> tuple[list[str], list[str]]:
    """The assets that a pass decides for: those without partitions, and those with some."""
    by_id, assets = project.names, project.catalogue.assets
    names = [by_id[number] for number in mine]
    divided = [name for name in names if assets[name].partitions is not None and assets[name].condition is not None]
    return [name for name in names if assets[name].partitions is None], divided


@dataclass(frozen=True, slots=True, kw_only=True)
class _Portion:
    """What one pass did with the partitions of an asset: the first of its agenda, so that nobody waits behind it.

    `broken`: their plan was refused again and again.
    """

    name: str
    found: Portioned | None
    rest: Rest
    broken: Bug | None = None

    @property
    def looked(self) -> int:
        """How many partitions were planned."""
        return 0 if self.found is None else self.found.looked

    @property
    def held(self) -> tuple[Held, ...]:
        """The partitions of which no run was made."""
        return () if self.found is None else self.found.decided.held

    @property
    def told(self) -> tuple[Held, ...]:
        """What is told of its mappings: what one raised, or which keys they gave that it does not have."""
        reason = self.rest.reason
        return () if reason is None else (Held(asset=self.name, reason=reason),)


def _portion(project: Project, name: str, at: datetime | None) -> _Portion:
    heard = hear_news(project, name, now=at)
    found, broken = None, None
    try:
        found = plan_portion(project, name, now=at)
    except Bug as error:
        broken = error  # raised when the others are planned
    with project.store.read() as tx:
        return _Portion(name=name, found=found, rest=rest_of(project, tx, name, heard), broken=broken)


def _together(recorded: Record, portions: Sequence[_Portion]) -> Record:
    further = [one.found.recorded for one in portions if one.found is not None]
    return replace(
        recorded,
        runs=(*recorded.runs, *(run for one in further for run in one.runs)),
        confirmed=(*recorded.confirmed, *(uri for one in further for uri in one.confirmed)),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Settlement:
    """Takes off the agenda what a snapshot showed of the assets that the pass decided for (`mine`), within the
    transaction that records what was made of it. Writes down why nothing was made of the rest, and by when the next
    pass has to come."""

    project: Project
    found: Due
    mine: Mapping[int, int]
    at: datetime
    decided: Plan
    wakeups: Mapping[int, datetime]
    portions: Sequence[_Portion] = ()

    def __call__(self, tx: Transaction) -> None:
        rests = {self.project.ids.assets[one.name]: one.rest.at for one in self.portions}
        again = {number: at for number, at in rests.items() if at is not None}
        wakeups = {**self.wakeups, **again}
        agenda.settle(tx, replace(self.found, touched=self.mine), wakeups)
        agenda.wake(tx, sorted(self._of_others(tx)))
        self._note_holds(tx)
        at_once = any(at <= self.at for at in wakeups.values())
        next_at = self.at if at_once else agenda.next_at(tx, self.project.name, after=self.at)
        until = None if next_at is None else max(next_at, self.at) + GRACE
        watching.renew(tx, self.project.name, now=self.at, until=until)

    def _of_others(self, tx: Transaction) -> set[int]:
        """The assets for which others have to decide. Where other definitions are registered that is each of theirs,
        as this pass takes news off the agenda: whom it concerns without being waited for they alone know."""
        theirs = self.found.touched.keys() - self.mine.keys()
        if not self.found.news or self.found.catalogue == self.project.reading.plain.digest:
            return theirs
        registered = catalogue.registered_definitions(tx, self.project.name)
        return theirs | {one for one, digest in registered.items() if not self.project.decides_for(one, digest)}

    def _note_holds(self, tx: Transaction) -> None:
        ids, decided = self.project.ids.assets, self.decided
        reasons = {ids[one.asset]: one.reason.to_plain() for one in (*decided.held, *decided.confirmations)}
        holds.note(tx, reasons, [ids[run.asset] for run in decided.runs], now=self.at)


def _probed(project: Project, decided: Plan, snapshot: Snapshot, moment: datetime) -> tuple[Plan, Snapshot]:
    """The plan with what the probes say of the sources that are to run; one whose probe fails is held back."""
    sources = [run.asset for run in decided.runs if project.catalogue.assets[run.asset].source]
    if not sources:
        return decided, snapshot
    probed = probe(project, sources)
    assets = {
        name: replace(own, probe=probed.fingerprints.get(name, own.probe))
        for name, own in snapshot.state.assets.items()
    }
    snapshot = replace(snapshot, state=replace(snapshot.state, assets=assets))
    decided = plan(project.graph, snapshot.state, moment)
    return _without(decided, probed.failures, moment), snapshot


def _looking_again(decided: Plan, snapshot: Snapshot, moment: datetime) -> Plan:
    """The plan, after which those assets are looked at again whose versions nobody can look at."""
    states = snapshot.state.assets
    unseen = [one.asset for one in decided.held if one.asset in states and states[one.asset].unseen]
    return replace(decided, wakeups={**decided.wakeups, **dict.fromkeys(unseen, moment + PATIENCE)})


def _without(decided: Plan, failures: Mapping[str, Reason], moment: datetime) -> Plan:
    if not failures:
        return decided
    return replace(
        decided,
        runs=tuple(run for run in decided.runs if run.asset not in failures),
        held=(*decided.held, *(Held(asset=name, reason=reason) for name, reason in failures.items())),
        wakeups={**decided.wakeups, **dict.fromkeys(failures, moment + PATIENCE)},
    )


def _wakeups(project: Project, decided: Plan, snapshot: Snapshot, moment: datetime) -> dict[int, datetime]:
    """When each asset has to be looked at again: at once where a decision may have left something to decide."""
    again = dict.fromkeys(_left(project, decided, snapshot), moment)
    return {project.ids.assets[name]: at for name, at in {**decided.wakeups, **again}.items()}


def _left(project: Project, decided: Plan, snapshot: Snapshot) -> Sequence[str]:
    """The assets of which one decision is not all: it took less than what is pending, or the oldest of ticks."""
    found: list[str] = []
    for one in (*decided.runs, *decided.confirmations):
        own = snapshot.state.assets[one.asset]
        pending = {uri: leaf.upto or leaf.count + leaf.removed for uri, leaf in own.leaves.items()}
        taken = {taken.uri: taken.count for taken in one.takes}
        if project.graph.goes_on(one.asset) or any(taken.get(uri, 0) < count for uri, count in pending.items()):
            found.append(one.asset)
    return found
