"""Looking at what comes from outside: datasets that others write, by fingerprint, and the probes of sources."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ....storage.errors import UnknownProtocol, named, stops
from ....storage.files.observe import Fingerprint
from ....storage.manifest import canonical_json, digest_of
from ....storage.meta import versions
from ....storage.meta.database.engine import Transaction
from ....storage.meta.database.engine import now as moment_of
from ....storage.types import Capture, ReasonKind
from ...plan.reasons import Reason
from ..progress import Looked
from ..project.project import Project
from .changes import (
    EVENTS,
    IN_VAIN,
    NOT_TOLD,
    REMOVED,
    UNCHANGED,
    UNSEEN,
    Change,
    captured,
    is_there,
    judged,
    look_at,
    observed,
    record_change,
    sentences,
)
from .partitions import Found, look_at_partitions, tell_found


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What was found.

    Attributes
    ----------
    looked: for people.
    events: the URIs of the datasets that got an event, or a partition of which did.
    removed: the datasets without partitions that are gone.
    failures: URI → why it could not be looked at, in sentences.
    unseen: URI → the keys of its partitions that could not be looked at.
    unrecorded: URI of those among `events` → what was found at it, by key, where nothing was to be recorded.
    """

    looked: tuple[Looked, ...]
    events: tuple[str, ...]
    removed: tuple[str, ...]
    failures: Mapping[str, str]
    unseen: Mapping[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]])
    unrecorded: Mapping[str, Sequence[Found]] = field(default_factory=dict[str, Sequence[Found]])


def look(project: Project, uris: Sequence[str], *, record: bool = True) -> Look:
    """Look at datasets that others write; record what changed as versions and events.

    A file that was only touched has another fingerprint but the same digest: no event. One that is gone is `removed`:
    it has no version until it comes back. One that cannot be looked at, whatever the cause, is not gone; it concerns
    its readers alone and is among `failures`. One that no library can read has the versions that somebody tells of.
    Of a dataset with partitions each is looked at so, in one listing. With `record=False` nothing is written.
    """
    events: list[str] = []
    removed: list[str] = []
    looked: list[Looked] = []
    failures: dict[str, str] = {}
    unseen: dict[str, frozenset[str]] = {}
    unrecorded: dict[str, Sequence[Found]] = {}
    for uri in uris:
        name = project.graph.dataset_name(uri)
        try:
            if project.catalogue.datasets[uri].partitions is None:
                change = _look(project, uri, record)
                looked.append(Looked(name=name, news=change.news))
                events += [uri] if change.news in EVENTS else []
                removed += [uri] if change.news == REMOVED else []
                unrecorded |= {uri: [("", change)]} if change.news in EVENTS and not record else {}
                continue
            found = look_at_partitions(project, uri, record=record)
            first = next(iter(found.failures.values()), None)
            error, hint = ("", "") if first is None else (first.message, first.hint)
            looked.append(
                Looked(
                    name=name,
                    news=found.news,
                    error=error,
                    hint=hint,
                    strange=tuple(found.strange),
                    strange_count=found.strange_count,
                )
            )
            events += [uri] if found.changed else []
            unrecorded |= {uri: found.unrecorded} if found.unrecorded and found.changed else {}
            unseen |= {uri: frozenset(found.failures)} if found.failures else {}
        except UnknownProtocol as error:  # what is read by no library is known by what is told of it
            hint = f"`penstock event {name}` tells of one. If it is to be read: {error.hint}"
            looked.append(
                Looked(name=name, news=NOT_TOLD, error=f"{error.message}, and nobody has told of a version", hint=hint)
            )
        except IN_VAIN as error:
            failures[uri] = sentences(error)
            looked.append(Looked(name=name, news=UNSEEN, error=error.message, hint=error.hint))
    return Look(
        looked=tuple(looked),
        events=tuple(events),
        removed=tuple(removed),
        failures=failures,
        unseen=unseen,
        unrecorded=unrecorded,
    )


def unreadable(project: Project, found: Look) -> dict[str, Reason]:
    """Asset name → why it is held back: it reads what could not be looked at."""
    return {
        name: Reason(kind=ReasonKind.UPSTREAM_FAILED, names=(project.graph.dataset_name(uri),), detail=why)
        for uri, why in found.failures.items()
        for name in project.graph.reading.get(uri, ())
    }


def _look(project: Project, uri: str, record: bool) -> Change:
    """What was found at a dataset without partitions."""
    number, place = project.ids.datasets.get(uri), project.place(uri)
    dataset = project.catalogue.datasets[uri]
    before, head = None, None
    if number is not None:
        with project.store.read() as tx:
            before = versions.observation(tx, number)
            head = versions.heads(tx, [number]).get(number)
    seen = observed(look_at(place, project.graph.dataset_name(uri)), before, head)
    if seen is None:
        return Change(news=UNCHANGED)
    copy = dataset.capture is Capture.COPY
    change = judged(head, before, seen, copy=copy, there=copy and is_there(head, place))
    if record and change.is_new:
        change = captured(change, place, dataset.name)
        with project.store.write() as tx:
            record_change(tx, project.ids.datasets[uri], change, now=moment_of(tx))
    return change


def tell_looked(project: Project, tx: Transaction, found: Look, *, now: datetime) -> None:
    """Record what a look found that was not recorded."""
    for uri, several in found.unrecorded.items():
        if project.catalogue.datasets[uri].partitions is not None:
            tell_found(project, tx, uri, several, now=now)
            continue
        for _, change in several:
            record_change(tx, project.ids.datasets[uri], change, now=now)


def fingerprint_told(project: Project, head: versions.Head) -> Fingerprint | None:
    """How the files look, or looked at first, behind a version that somebody told of from outside; None where there are
    none that can be read: then the version is all that is known."""
    known = fingerprint_of(project, head)
    if known is not None:
        return known
    place = project.place(head.uri, head.partition)
    seen = observed(look_at(place, project.graph.dataset_name(head.uri)), None, head)
    if seen is None or seen.manifest is None:
        return None
    with project.store.write() as tx:  # of the files behind such a version only this is known
        versions.remember_observation(
            tx,
            head.dataset_id,
            fingerprint=seen.fingerprint.to_plain(),
            version_id=head.version_id,
            now=moment_of(tx),
            partition=head.partition,
        )
    return seen.fingerprint


def fingerprint_of(project: Project, head: versions.Head) -> Fingerprint | None:
    """How an observed dataset, or partition, looked when this version of it was seen; None when it was last seen with
    another."""
    with project.store.read() as tx:
        seen = versions.observation(tx, head.dataset_id, head.partition)
    return None if seen is None or seen.version_id != head.version_id else Fingerprint.from_plain(seen.fingerprint)


@dataclass(frozen=True, slots=True, kw_only=True)
class Probed:
    """Fingerprints by asset name, and why there is none where a probe failed."""

    fingerprints: dict[str, str]
    failures: dict[str, Reason]
    looked: tuple[Looked, ...]


def probe(project: Project, names: Sequence[str]) -> Probed:
    """Ask the probes of the sources among `names`. A probe that raises holds back its source, not the others."""
    found: dict[str, str] = {}
    failures: dict[str, Reason] = {}
    looked: list[Looked] = []
    for name in names:
        question = project.functions[name].probe
        if not project.catalogue.assets[name].source or question is None:
            continue
        try:
            found[name] = digest_of(canonical_json(_plain(question())))
            looked.append(Looked(name=name, news=f"probe {found[name][:8]}"))
        except BaseException as error:  # whatever a user's function raises becomes a stored reason
            if stops(error):
                raise
            detail = f"its probe raised {named(error)}"
            failures[name] = Reason(kind=ReasonKind.UPSTREAM_FAILED, names=(name,), detail=detail)
            looked.append(Looked(name=name, news=UNSEEN, error=detail))
    return Probed(fingerprints=found, failures=failures, looked=tuple(looked))


def _plain(value: Any) -> Any:
    """Tuples as lists and sets sorted, so that equal facts give equal fingerprints."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    if isinstance(value, set | frozenset):
        return sorted(_plain(item) for item in value)  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    return value
