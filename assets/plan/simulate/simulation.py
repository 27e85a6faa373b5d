"""The simulation: a script played to the real planner, with a clock that is told and runs that only seem to run.

Pure: no producer is called, nothing is read or kept. At each moment first happens what the script says, then what was
to end ends, then it is planned until nothing more follows.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby

from ....storage.errors import Bug, UsageError
from ....storage.types import OnDeadline, RunState
from ...declare.catalogue import Asset
from ...declare.ticks.due import GRACE
from ..graph import Graph
from ..lifecycle import require
from ..planner import Confirmation, Plan, PlannedRun, plan
from ..state import Request
from .joining import join, link, move
from .ledger import end_badly, pause, publish, publish_outputs, read_now, redefine, register, resume, take
from .loading import state_of
from .script import EVENTS, Act, Names, Step, read_script
from .story import Confirmed, MissedDeadline, SimulatedEvent, SimulatedRun, Story
from .world import Event, Running, Waiting, World

_AT_ONCE = timedelta(0)
_ROUNDS = 10_000
"""No graph needs so many plans at one moment: it has no cycle, and every event is taken once."""
_ENDS: Mapping[Act, RunState] = {
    Act.FAILS: RunState.FAILED,
    Act.CANCELED: RunState.CANCELED,
    Act.SKIPPED: RunState.SKIPPED,
    Act.UNCHANGED: RunState.SUCCESS,
}


def simulate(graph: Graph, script: str, *, start: datetime | None = None, after: Story | None = None) -> Story:
    """What the definitions of this graph would do with the events, outcomes and times of a script.

    The story ends with the last line. `after` goes on from the end of another story, perhaps of other definitions.

    Raises
    ------
    UsageError: lines of the script cannot be read; all of them are told.
    """
    begin = after.ended_at if after is not None else start
    steps = read_script(script, _names(graph), start=begin)
    begin = begin or next((step.at for step in steps), None)
    if begin is None:
        raise UsageError("the script has no line", hint="Begin e.g. with `2026-01-05T10:00Z docs changed`.")
    if after is None:
        late = {step.subject for step in steps if step.act is Act.REGISTERED}
        simulation = Simulation.begun(graph, begin, late=late)
    else:
        simulation = Simulation.continued(graph, after)
    return simulation.played(steps)


def foretell(world: World, until: datetime) -> Story:
    """What runs from this world on up to a time, and why, if nothing new arrives and every run succeeds at once."""
    simulation = Simulation(world=world, waiting=Waiting.of(world.graph))
    simulation.concerned = set(world.consumers)
    simulation.running = [run for one in world.consumers.values() for run in one.active]
    simulation.told = next(reversed(world.serials), 0)
    return simulation.played([Step(at=world.now, act=Act.WAIT), Step(at=until, act=Act.WAIT)])


def _names(graph: Graph) -> Names:
    catalogue = graph.catalogue
    datasets = {alias: uri for uri, dataset in catalogue.datasets.items() for alias in (*dataset.aliases, uri)}
    datasets |= {name: asset.outputs[0] for name, asset in catalogue.assets.items() if len(asset.outputs) == 1}
    datasets |= {dataset.name: uri for uri, dataset in catalogue.datasets.items()}
    divided = (
        *(uri for uri, dataset in catalogue.datasets.items() if dataset.partitions is not None),
        *(name for name, asset in catalogue.assets.items() if asset.partitions is not None),
    )
    return Names(
        assets=frozenset(catalogue.assets), datasets=datasets, written=graph.producer, divided=frozenset(divided)
    )


@dataclass(slots=True, kw_only=True)
class Simulation:
    """A world, and what the script said of the runs to come.

    Attributes
    ----------
    concerned: who has to be planned; wakeups: when time alone concerns whom.
    told: how many events there were before the story.
    """

    world: World
    waiting: Waiting
    concerned: set[str] = field(default_factory=set[str])
    wakeups: dict[str, datetime] = field(default_factory=dict[str, datetime])
    requests: dict[str, Request] = field(default_factory=dict[str, Request])
    running: list[Running] = field(default_factory=list[Running])
    runs: list[Running] = field(default_factory=list[Running])
    confirmations: list[Confirmed] = field(default_factory=list[Confirmed])
    missed: list[MissedDeadline] = field(default_factory=list[MissedDeadline])
    told: int = 0

    @classmethod
    def begun(cls, graph: Graph, start: datetime, *, late: Iterable[str] = ()) -> Simulation:
        """A world in which nothing has happened; assets that are `late` are registered when the script says so."""
        simulation = cls(world=World(graph=graph, now=start), waiting=Waiting.of(graph))
        absent = set(late)
        for name in graph.catalogue.assets:
            if name not in absent:
                register(simulation.world, simulation.waiting, name)
                simulation.concerned.add(name)
        return simulation

    @classmethod
    def continued(cls, graph: Graph, story: Story) -> Simulation:
        """The world at the end of a story, under perhaps other definitions."""
        simulation = cls(world=story.world.copied(graph), waiting=Waiting.of(graph))
        simulation.told = next(reversed(story.world.serials), 0)
        world, waiting = simulation.world, simulation.waiting
        known = world.former | world.events.keys()
        move(world, known)
        joined = join(world, known, Waiting.of(story.world.graph), waiting)
        simulation.concerned = redefine(world, waiting)
        link(world, waiting, joined)
        simulation.running = [run for one in simulation.world.consumers.values() for run in one.active]
        habits = simulation.world.habits
        if habits.down and habits.overdue is None:  # when it should look again is not part of a story
            habits.overdue = simulation.world.now
        return simulation

    def played(self, steps: Sequence[Step]) -> Story:
        """The story of these steps."""
        if steps and steps[0].at > self.world.now:
            self._act_all(self.world.now, [])
        for moment, several in groupby(steps, key=lambda step: step.at):
            while (coming := self._next()) is not None and coming < moment:
                self._act_all(coming, [])
            self._act_all(moment, list(several))
        return self._story()

    def _next(self) -> datetime | None:
        """When something happens by itself."""
        return min((*self.wakeups.values(), *(run.ends_at for run in self.running)), default=None)

    def _act_all(self, moment: datetime, steps: list[Step]) -> None:
        self.world.now = moment
        for step in sorted(steps, key=lambda step: _ORDER.get(step.act, len(_ORDER))):
            _ACTS[step.act](self, step)
        self._end_due()
        woken = {name for name, at in self.wakeups.items() if at <= moment}
        habits = self.world.habits
        if habits.down and woken and habits.overdue is None:
            habits.overdue = min(self.wakeups[name] for name in woken)
        for name in woken:
            del self.wakeups[name]
        self.concerned |= woken
        self._settle()

    def _settle(self) -> None:
        """Plan until nothing more follows at this moment."""
        for _ in range(_ROUNDS):
            down = self.world.habits.down
            due = set(self.requests) if down else self.concerned  # what a person asks for needs no scheduler
            if not due:
                return
            names, self.concerned = due & self.world.consumers.keys(), self.concerned - due
            requests, self.requests = self.requests, {}
            decided = plan(self.world.graph, state_of(self.world, names, requests), self.world.now)
            if not down:
                for name in names:
                    self.wakeups.pop(name, None)
                self.wakeups.update(decided.wakeups)
            self._record(decided)
            self._end_due()
        raise Bug(f"planning does not come to rest at {self.world.now}: {sorted(self.concerned)} again and again")

    def _record(self, decided: Plan) -> None:
        """The plan is what has happened: runs, confirmations, deadlines that were missed."""
        for planned in decided.runs:
            self._record_run(planned)
        for confirmation in decided.confirmations:
            self._record_confirmation(confirmation)
        for one in decided.missed:
            consumer = self.world.consumers[one.asset]
            consumer.ticks[one.label] = one.tick
            dropped = take(self.world, one.asset, one.takes, None)
            if one.then is OnDeadline.SKIP:
                consumer.unasked.clear()  # nor will they be pending by another condition
            told = MissedDeadline(asset=one.asset, tick=one.tick, reason=one.reason, dropped=self._ids(dropped))
            self.missed.append(told)
        for one in decided.held:
            self.world.consumers[one.asset].ticks.update(one.ticks)

    def _record_run(self, planned: PlannedRun) -> None:
        name, now = planned.asset, self.world.now
        run = Running(
            asset=name,
            planned=planned,
            at=now,
            ends_at=now + self.world.habits.lasting.get(name, _AT_ONCE),
            state=require(None, planned.state),
        )
        take(self.world, name, planned.takes, run)
        consumer = self.world.consumers[name]
        consumer.ticks.update(planned.ticks)
        self.runs.append(run)
        if run.state is RunState.SKIPPED:
            run.ended_at = now
            self.concerned.add(name)  # the next event of `each`, or the next tick, may be due
            if planned.takes:
                self._confirm(name)
            return
        consumer.tried_at, consumer.late = now, _is_late(self.world.asset(name), planned)
        consumer.begun_at, run.before = now, consumer.begun_at
        run.state = RunState.RUNNING
        consumer.active.append(run)
        self.running.append(run)
        if self.world.graph.goes_on(name):
            self.concerned.add(name)  # what is behind its event may confirm meanwhile, and another run may have room

    def _record_confirmation(self, confirmation: Confirmation) -> None:
        consumed = take(self.world, confirmation.asset, confirmation.takes, None)
        self.world.consumers[confirmation.asset].ticks.update(confirmation.ticks)
        told = Confirmed(asset=confirmation.asset, at=self.world.now, consumed=self._ids(consumed))
        self.confirmations.append(told)
        self.concerned.add(confirmation.asset)
        self._confirm(confirmation.asset)

    def _confirm(self, name: str) -> None:
        read = list(read_now(self.world, name))
        self.concerned |= publish_outputs(self.world, self.waiting, name, read, changed=False, metadata={})

    def _end_due(self) -> None:
        """The runs whose time has come end, in the order of the graph."""
        due = [run for run in self.running if run.ends_at <= self.world.now]
        for run in sorted(due, key=lambda run: (self.world.graph.depth[run.asset], run.asset, run.at)):
            coming = self.world.habits.ends.get(run.asset)
            self.end(run, coming.pop(0) if coming else Act.FAILS if run.asset in self.world.habits.broken else None)

    def end(self, run: Running, act: Act | None) -> None:
        """A run ends: as the script says, or well."""
        world, name = self.world, run.asset
        consumer = world.consumers[name]
        self.running.remove(run)
        consumer.active.remove(run)
        self.concerned.add(name)
        run.state, run.ended_at = RunState.SUCCESS if act is None else _ENDS[act], world.now
        if run.state in (RunState.FAILED, RunState.CANCELED):
            end_badly(world, name, run)
            return
        consumer.failures = 0
        if run.state is RunState.SUCCESS:
            planned = run.planned
            consumer.made_from = {part: value for part, value in planned.key.parts.items() if part != "nonce"}
            consumer.succeeded_at = world.now
            read = [world.serials[pin.event_id] for pin in planned.pins.values()]
            new = act is not Act.UNCHANGED or any(world.head(uri) is None for uri in world.asset(name).outputs)
            said = world.habits.giving.get(name, {})
            self.concerned |= publish_outputs(world, self.waiting, name, read, changed=new, metadata=said)

    def _story(self) -> Story:
        world = self.world
        state = state_of(world, [name for name, one in world.consumers.items() if not one.active])
        held = plan(world.graph, state, world.now).held
        events = [event for event in world.serials.values() if event.serial > self.told]
        datasets = world.graph.catalogue.datasets
        declared = {uri for own, dataset in datasets.items() for uri in (own, *dataset.aliases)}
        return Story(
            runs=tuple(self._told(run) for run in self.runs),
            confirmations=tuple(self.confirmations),
            missed=tuple(self.missed),
            events=tuple(
                SimulatedEvent(event=self._id(event), kind=event.kind, at=event.at, by=event.by) for event in events
            ),
            held={one.asset: one.reason for one in held},
            unmatched=tuple(self._id(event) for event in world.serials.values() if self._nobodys(event, declared)),
            ended_at=world.now,
            world=world.copied(world.graph),
        )

    def _nobodys(self, event: Event, declared: Container[str]) -> bool:
        """Whether nobody declares its dataset now, or means it by a pattern, and no asset has written it."""
        return event.uri not in declared and not event.by and not self.waiting.known(event.uri)

    def _told(self, run: Running) -> SimulatedRun:
        planned = run.planned
        return SimulatedRun(
            asset=run.asset,
            at=run.at,
            reason=planned.reason,
            state=run.state,
            consumed=self._ids(run.consumed),
            superseded=self._ids(run.superseded),
            ticks=dict(sorted(planned.ticks.items())),
            pins={name: self._id(self.world.serials[pin.event_id]) for name, pin in sorted(planned.pins.items())},
            ended_at=run.ended_at,
        )

    def _id(self, event: Event) -> str:
        return f"{self.world.title(event.uri)}@{event.number}"

    def _ids(self, events: Iterable[Event]) -> tuple[str, ...]:
        ordered = sorted(events, key=lambda event: (self.world.title(event.uri), event.number))
        return tuple(self._id(event) for event in ordered)


def _is_late(asset: Asset, planned: PlannedRun) -> bool:
    """Whether a run that executes was made because a deadline had passed: only then does it take one."""
    deadline = asset.policies.deadline
    return deadline is not None and deadline.label in planned.ticks


def _on_event(simulation: Simulation, step: Step) -> None:
    world, waiting = simulation.world, simulation.waiting
    simulation.concerned |= publish(world, waiting, step.subject, EVENTS[step.act], metadata=step.metadata)


def _on_end(simulation: Simulation, step: Step) -> None:
    """The run that is active ends so, or else the next one will."""
    active = next((run for run in simulation.running if run.asset == step.subject), None)
    if active is None:
        simulation.world.habits.ends.setdefault(step.subject, []).append(step.act)
    else:
        simulation.end(active, step.act)


def _on_habit(simulation: Simulation, step: Step) -> None:
    """How runs are from now on."""
    habits = simulation.world.habits
    match step.act:
        case Act.TAKES:
            habits.lasting[step.subject] = step.length or _AT_ONCE
        case Act.GIVES:
            habits.giving[step.subject] = step.metadata
        case Act.BREAKS:
            habits.broken.add(step.subject)
        case _:
            habits.broken.discard(step.subject)


def _on_command(simulation: Simulation, step: Step) -> None:
    """What a person does with an asset."""
    world, name = simulation.world, step.subject
    match step.act:
        case Act.REGISTERED:
            register(world, simulation.waiting, name)
        case Act.PAUSE:
            pause(world, name)
        case Act.RESUME:
            resume(world, name, drop=step.word == "drop")
        case _:
            simulation.requests[name] = Request(nonce="forced" if step.word == "force" else None)
    simulation.concerned.add(name)


def _on_scheduler(simulation: Simulation, step: Step) -> None:
    habits = simulation.world.habits
    habits.down = step.act is Act.STOPS
    if not habits.down:
        if habits.overdue is not None and habits.overdue + GRACE < step.at:
            simulation.world.watched = step.at
        habits.overdue = None
        simulation.concerned |= simulation.world.consumers.keys()


def _on_nothing(simulation: Simulation, step: Step) -> None:
    """Time passes."""


_ACTS: Mapping[Act, Callable[[Simulation, Step], None]] = {
    **dict.fromkeys((Act.REGISTERED,), _on_command),
    **dict.fromkeys((Act.TAKES, Act.GIVES, Act.BREAKS, Act.WORKS), _on_habit),
    **dict.fromkeys((Act.PAUSE, Act.RESUME, Act.MATERIALIZE), _on_command),
    **dict.fromkeys(EVENTS, _on_event),
    **dict.fromkeys(_ENDS, _on_end),
    **dict.fromkeys((Act.STOPS, Act.STARTS), _on_scheduler),
    Act.WAIT: _on_nothing,
}
"""What each word does. Of what is at one moment, the kinds happen in this order, whatever the order of the lines."""
_ORDER = {
    act: place
    for place, several in enumerate(
        [
            (Act.REGISTERED,),
            (Act.TAKES, Act.GIVES, Act.BREAKS, Act.WORKS),
            (Act.PAUSE, Act.RESUME, Act.MATERIALIZE),
            (*EVENTS,),
            (*_ENDS,),
        ]
    )
    for act in several
}
