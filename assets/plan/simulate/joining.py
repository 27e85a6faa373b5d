"""Aliases, when definitions change: a dataset at another URI keeps its history, and two that turn out to be one go on
as one. A store does the same (`storage/meta/joining.py`): what consumers still have to do with is told again, and where
an asset writes the one they begin with what was made last.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from ....storage.types import EventKind
from .world import Consumer, Event, Running, Waiting, World


@dataclass(frozen=True, slots=True, kw_only=True)
class Stance:
    """How a consumer stands to the events of a dataset, by their numbers: what is pending, and whether it may start a
    run; what a run has that may give it back. The rest is settled."""

    pending: Mapping[int, bool]
    held: Mapping[int, Running]

    @property
    def news(self) -> list[int]:
        """What may start a run, now or once it is given back."""
        return [*(number for number, starts in self.pending.items() if starts), *self.held]

    @property
    def starts(self) -> bool:
        """Whether something of it may start a run."""
        return any(self.pending.values()) or bool(self.held)


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """What was told again, and how consumers stood before.

    Attributes
    ----------
    again: URI → what is told of it again, in order: as it was, and as it is now.
    same: URI → the one that it turned out to be.
    stances: (name, URI of another one) → how a consumer stood to it that waits for it no more.
    stay: (name, URI of another one), of consumers that go on waiting for it, by a pattern.
    waited: (name, URI), of consumers that waited for it already.
    made: (name, URI that an asset writes) → the number of its newest event that said that it had changed, where the
        consumer had something of the other one that may start it.
    """

    again: Mapping[str, Sequence[tuple[Event, Event]]]
    same: Mapping[str, str]
    stances: Mapping[tuple[str, str], Stance]
    stay: frozenset[tuple[str, str]]
    waited: frozenset[tuple[str, str]]
    made: Mapping[tuple[str, str], int]


def move(world: World, known: Collection[str]) -> None:
    """Datasets that are at another URI now, with their old one as an alias, keep what is known of them. `known`: the
    URIs of every dataset before."""
    moved: dict[str, str] = {}
    for uri, dataset in world.graph.catalogue.datasets.items():
        former = next((one for one in dataset.aliases if one in known and one not in moved), None)
        if former is not None and uri not in known:
            moved[former] = uri
    if not moved:
        return
    world.former -= moved.keys()
    world.serials = {serial: _moved(event, moved) for serial, event in world.serials.items()}
    world.events = {
        moved.get(uri, uri): {number: world.serials[event.serial] for number, event in several.items()}
        for uri, several in world.events.items()
    }
    runs: dict[int, Running] = {}
    for one in world.consumers.values():
        one.pending = {moved.get(uri, uri): numbers for uri, numbers in one.pending.items()}
        one.unasked = {moved.get(uri, uri): numbers for uri, numbers in one.unasked.items()}
        one.links = {moved.get(uri, uri): links for uri, links in one.links.items()}
        runs |= {id(run): run for run in _runs(one)}
    for run in runs.values():
        for part in ("consumed", "superseded", "fresh", "passed"):
            setattr(run, part, tuple(_moved(event, moved) for event in getattr(run, part)))


def join(world: World, known: Collection[str], before: Waiting, after: Waiting) -> Joined:
    """Tell again what consumers still have to do with of datasets that turn out to be another one, before they are
    redefined; what was told last of either is the newest then.

    `known`: the URIs of every dataset before; `before` and `after`: who waited for which, and who will.
    """
    catalogue = world.graph.catalogue
    every = {
        alias: uri
        for uri, dataset in catalogue.datasets.items()
        if uri in known
        for alias in dataset.aliases
        if alias in known
    }
    same = {alias: uri for alias, uri in every.items() if uri not in world.graph.producer}
    made: dict[tuple[str, str], int] = {}
    stances: dict[tuple[str, str], Stance] = {}
    stay: set[tuple[str, str]] = set()
    waited: set[tuple[str, str]] = set()
    for name, asset in catalogue.assets.items():
        consumer = world.consumers.get(name) or world.consumers.get(asset.previously or "")
        if consumer is None:
            continue
        waited |= {(name, uri) for uri in same.values() if consumer.name in before.of_uri(uri)}
        for other in same:
            if name in after.of_uri(other):
                stay.add((name, other))
            elif consumer.name in before.of_uri(other):
                stances[name, other] = _stance(consumer, other)
        for other, uri in every.items() - same.items():
            newest = [one.number for one in world.events.get(uri, {}).values() if one.kind is EventKind.CHANGED]
            waits = consumer.name in before.of_uri(other) and consumer.name not in before.of_uri(uri)
            if waits and newest and _stance(consumer, other).starts:
                made[name, uri] = max(newest)
    again = {uri: list(_told_again(world, uri, same, stances)) for uri in dict.fromkeys(same.values())}
    return Joined(again=again, same=same, stances=stances, stay=frozenset(stay), waited=frozenset(waited), made=made)


def link(world: World, waiting: Waiting, joined: Joined) -> None:
    """Each consumer stands to what was told again as it stood before; who had not waited for the other URI hears of the
    newest alone. After consumers were redefined."""
    for (name, uri), number in joined.made.items():
        if name in waiting.of_uri(uri):
            world.consumers[name].pending[uri] = {one: True for one in world.events[uri] if one >= number}
    for uri, several in joined.again.items():
        concerned = [
            name for name, one in (*joined.waited, *joined.stay, *joined.stances) if joined.same.get(one, one) == uri
        ]
        for name in dict.fromkeys(concerned):
            if several and name in waiting.of_uri(uri):
                _link(world.consumers[name], uri, several, joined, known=_known(world, uri, several))


def _known(world: World, uri: str, several: Sequence[tuple[Event, Event]]) -> bool:
    """Whether the dataset had the version of the last already, before anything was told again: it is news for those
    alone who waited for the other."""
    before, last = world.events[uri].get(several[0][1].number - 1), several[-1][1]
    return before is not None and before.kind is not EventKind.REMOVED and before.digest == last.digest


def _newest_news(several: Sequence[tuple[Event, Event]]) -> int:
    """From which number on what was told again is its newest news: a change, also where it was confirmed behind."""
    changes = (now.number for _, now in reversed(several) if now.kind is EventKind.CHANGED)
    return next(changes, several[-1][1].number)


def _link(consumer: Consumer, uri: str, several: Sequence[tuple[Event, Event]], joined: Joined, *, known: bool) -> None:
    name = consumer.name
    own = {
        other: joined.stances[name, other]
        for other, one in joined.same.items()
        if one == uri and (name, other) in joined.stances
    }
    waited = (name, uri) in joined.waited
    starts = waited or any(stance.starts for stance in own.values())
    left = [now.number for former, now in several if former.uri in own and _is_left(own[former.uri], former)]
    newest = _newest_news(several)
    pending, links = consumer.pending.setdefault(uri, {}), consumer.links.setdefault(uri, {})
    if left and not waited:
        pending.clear()  # it goes on, and does not begin
    for former, now in several:
        number, stance = now.number, own.get(former.uri)
        pending.pop(number, None)
        if (name, former.uri) in joined.stay | joined.waited or (stance is None and known and waited):
            links[number] = None
        elif stance is None and number >= newest:
            pending[number] = starts
        elif stance is not None and former.number in stance.pending:
            pending[number] = stance.pending[former.number]
        elif stance is not None and former.number in stance.held:
            _hold(stance.held[former.number], links, former, now)
        else:
            links[number] = None


def _hold(run: Running, links: dict[int, Running | None], former: Event, now: Event) -> None:
    links[now.number] = run
    run.consumed = (*run.consumed, now)
    if former in run.fresh:
        run.fresh = (*run.fresh, now)


def _is_left(stance: Stance, event: Event) -> bool:
    return event.number in stance.pending or event.number in stance.held


def _stance(consumer: Consumer, uri: str) -> Stance:
    links = consumer.links.get(uri, {})
    return Stance(
        pending=dict(consumer.pending.get(uri, {})),
        held={
            number: run
            for number, run in links.items()
            if run is not None and (run in consumer.active or run is consumer.stopped)
        },
    )


def _told_again(
    world: World, uri: str, same: Mapping[str, str], stances: Mapping[tuple[str, str], Stance]
) -> Iterator[tuple[Event, Event]]:
    found: list[Event] = []
    newest, news = [world.newest(uri)], set[tuple[str, int]]()
    for other in (one for one, now_is in same.items() if now_is == uri):
        there = [event for event in world.events.get(other, {}).values() if event.kind is not EventKind.REMOVED]
        left = [stance for (_, one), stance in stances.items() if one == other]
        news |= {(other, number) for one in left for number in one.news}
        first = min((number for one in left for number in (*one.pending, *one.held)), default=None)
        found += [event for event in there if first is not None and event.number >= first]
        newest += there[-1:]
    found.sort(key=_arrival)
    last = max((event for event in (*found, *newest) if event is not None), key=_arrival, default=None)
    if last is not None and (found[-1] is not last if found else last.uri != uri):
        found.append(last)
    for event in found:
        if event.kind is not EventKind.REMOVED or world.head(uri) is not None:
            yield event, _tell(world, uri, event, news=(event.uri, event.number) in news)


def _tell(world: World, uri: str, event: Event, *, news: bool) -> Event:
    """An event told again. What is `news` for somebody stays it, also where the dataset has that version already."""
    head, newest = world.head(uri), world.newest(uri)
    kind = event.kind
    if kind is not EventKind.REMOVED and not (news and kind is EventKind.CHANGED):
        kind = EventKind.CONFIRMED if head is not None and head.digest == event.digest else EventKind.CHANGED
    told = replace(
        event,
        serial=next(reversed(world.serials), 0) + 1,
        uri=uri,
        number=1 if newest is None else newest.number + 1,
        kind=kind,
        ancestors={uri: frozenset({event.digest})},
        arrived_at=world.now,
    )
    world.events.setdefault(uri, {})[told.number] = told
    world.serials[told.serial] = told
    return told


def _arrival(event: Event) -> tuple[datetime, int]:
    return event.arrived_at or event.at, event.serial


def _moved(event: Event, moved: Mapping[str, str]) -> Event:
    ancestors = {moved.get(uri, uri): digests for uri, digests in event.ancestors.items()}
    return replace(event, uri=moved.get(event.uri, event.uri), ancestors=ancestors)


def _runs(consumer: Consumer) -> Iterator[Running]:
    """Every run that a consumer knows."""
    yield from consumer.active
    if consumer.stopped is not None:
        yield consumer.stopped
    yield from (run for links in consumer.links.values() for run in links.values() if run is not None)
