"""Looking at what comes from outside: datasets that others write, by fingerprint, and the probes of sources."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ....storage.errors import MissingExtra, PenstockError, StorageFault, UnknownProtocol, UsageError, worded
from ....storage.files.objects import present
from ....storage.files.observe import Fingerprint, Observation, capture, observe
from ....storage.manifest import Manifest, canonical_json, digest_of
from ....storage.meta import events, versions
from ....storage.meta.database.engine import now as moment_of
from ....storage.types import Capture, EventKind, ReasonKind
from ...plan.reasons import Reason
from ..progress import Looked
from ..project.project import Project

NEW, UNCHANGED, NOT_THERE, UNSEEN = "new", "unchanged", "not there", "could not be looked at"
NOT_TOLD = "not told of yet"
"""What a look found, beside the kinds of events."""
_IN_VAIN = (StorageFault, MissingExtra, UsageError)
"""What a look raises that concerns one dataset: its place, its server, the library for its protocol."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What was found: `looked` for people, the URIs that got an event, those of them that are gone, and why others
    could not be looked at, in sentences."""

    looked: tuple[Looked, ...]
    events: tuple[str, ...]
    removed: tuple[str, ...]
    failures: Mapping[str, str]


def look(project: Project, uris: Sequence[str], *, record: bool = True) -> Look:
    """Look at datasets that others write; record what changed as versions and events.

    A file that was only touched has another fingerprint but the same digest: no event. One that is gone is `removed`:
    it has no version until it comes back. One that cannot be looked at, whatever the cause, is not gone; it concerns
    its readers alone and is among `failures`. One that no library can read has the versions that somebody tells of.
    With `record=False` nothing is written. What has partitions is not looked at: events tell of them.
    """
    datasets = project.catalogue.datasets
    news: dict[str, str] = {}
    looked: list[Looked] = []
    failures: dict[str, str] = {}
    for uri in (one for one in uris if datasets[one].partitions is None):
        name = project.graph.dataset_name(uri)
        try:
            news[uri] = _look(project, uri, record)
            looked.append(Looked(name=name, news=news[uri]))
        except UnknownProtocol as error:  # what is read by no library is known by what is told of it
            news[uri] = NOT_TOLD
            hint = f"`penstock event {name}` tells of one. If it is to be read: {error.hint}"
            looked.append(
                Looked(name=name, news=NOT_TOLD, error=f"{error.message}, and nobody has told of a version", hint=hint)
            )
        except _IN_VAIN as error:
            failures[uri] = sentences(error)
            looked.append(Looked(name=name, news=UNSEEN, error=error.message, hint=error.hint))
    return Look(
        looked=tuple(looked),
        events=tuple(uri for uri, found in news.items() if found not in (UNCHANGED, NOT_THERE, NOT_TOLD)),
        removed=tuple(uri for uri, found in news.items() if found == EventKind.REMOVED),
        failures=failures,
    )


def sentences(error: PenstockError) -> str:
    """What is wrong and the next step, in one line, each a sentence."""
    said = (" ".join(text.split()) for text in (error.message, error.hint) if text)
    return " ".join(text if text.endswith((".", "!", "?", "…")) else f"{text}." for text in said)


def unreadable(project: Project, found: Look) -> dict[str, Reason]:
    """Asset name → why it is held back: it reads what could not be looked at."""
    return {
        name: Reason(kind=ReasonKind.UPSTREAM_FAILED, names=(project.graph.dataset_name(uri),), detail=why)
        for uri, why in found.failures.items()
        for name in project.graph.reading.get(uri, ())
    }


def _look(project: Project, uri: str, record: bool) -> str:
    dataset_id, place = project.ids.datasets[uri], project.place(uri)
    dataset = project.catalogue.datasets[uri]
    with project.store.read() as tx:
        before = versions.observation(tx, dataset_id)
        head = versions.heads(tx, [dataset_id]).get(dataset_id)
    seen = _observed(project, uri, before, told=head is not None and head.manifest.token is not None)
    if seen is None or _is_what_was_told_of(project, head, before, seen, record=record):
        return UNCHANGED
    if seen.manifest is None:
        if head is None:
            return NOT_THERE
        if record:
            with project.store.write() as tx:
                events.publish_removal(tx, dataset_id=dataset_id, now=moment_of(tx))
        return EventKind.REMOVED.value
    same = head is not None and head.digest == seen.manifest.digest
    fingerprint, manifest = seen.fingerprint, seen.manifest
    wanted = dataset.capture is Capture.COPY
    lacking = wanted and not (same and head is not None and head.held and present(head.manifest, place))
    seen_before = before is not None and before.fingerprint == fingerprint.to_plain()
    if record and not (same and seen_before and not lacking):
        if lacking:
            captured = capture(manifest, place, fingerprint=fingerprint, dataset=dataset.name)
            fingerprint, manifest = captured.fingerprint, captured.manifest or manifest
        _remember(project, dataset_id, manifest, fingerprint, held=wanted)
    return UNCHANGED if same else NEW if head is None else EventKind.CHANGED.value


def _remember(project: Project, dataset_id: int, manifest: Manifest, fingerprint: Fingerprint, *, held: bool) -> None:
    """The version, its event if the head was another one, and the fingerprint, in one transaction."""
    with project.store.write() as tx:
        moment = moment_of(tx)
        version_id = versions.keep_version(tx, dataset_id=dataset_id, manifest=manifest, held=held, now=moment)
        head = versions.heads(tx, [dataset_id]).get(dataset_id)
        if head is None or head.version_id != version_id:
            events.publish_event(
                tx,
                dataset_id=dataset_id,
                version_id=version_id,
                run_id=None,
                metadata={"rows": manifest.rows, "size": manifest.size, "files": len(manifest.files)},
                now=moment,
            )
        versions.remember_observation(
            tx, dataset_id, fingerprint=fingerprint.to_plain(), version_id=version_id, now=moment
        )


def _observed(project: Project, uri: str, before: versions.Observation | None, *, told: bool) -> Observation | None:
    """What is there now; None where nothing has to be: somebody tells of the dataset's versions."""
    known = None if before is None else Fingerprint.from_plain(before.fingerprint)
    try:
        return observe(project.place(uri), known, dataset=project.graph.dataset_name(uri))
    except _IN_VAIN:
        if told:
            return None
        raise


def _is_what_was_told_of(
    project: Project,
    head: versions.Head | None,
    before: versions.Observation | None,
    seen: Observation,
    *,
    record: bool,
) -> bool:
    """Whether what is there belongs to the version that somebody told of: it is nothing, or what was there when it was
    looked at first after that."""
    if head is None or head.manifest.token is None:
        return False
    if seen.manifest is None:
        return True
    if before is not None and before.version_id == head.version_id:
        return before.fingerprint == seen.fingerprint.to_plain()
    if record:
        _bind(project, head.dataset_id, seen.fingerprint, head.version_id)
    return True


def _bind(project: Project, dataset_id: int, fingerprint: Fingerprint, version_id: int) -> None:
    """What is there is what somebody told of: of the files behind such a version only this is known."""
    with project.store.write() as tx:
        versions.remember_observation(
            tx, dataset_id, fingerprint=fingerprint.to_plain(), version_id=version_id, now=moment_of(tx)
        )


def fingerprint_told(project: Project, head: versions.Head) -> Fingerprint | None:
    """How the files look, or looked at first, behind a version that somebody told of from outside; None where there are
    none that can be read: then the version is all that is known."""
    known = fingerprint_of(project, head.uri, version_id=head.version_id)
    if known is not None:
        return known
    seen = _observed(project, head.uri, None, told=True)
    if seen is None or seen.manifest is None:
        return None
    _bind(project, head.dataset_id, seen.fingerprint, head.version_id)
    return seen.fingerprint


def fingerprint_of(project: Project, uri: str, *, version_id: int) -> Fingerprint | None:
    """How an observed dataset looked when this version of it was seen; None when it was last seen with another."""
    with project.store.read() as tx:
        seen = versions.observation(tx, project.ids.datasets[uri])
    return None if seen is None or seen.version_id != version_id else Fingerprint.from_plain(seen.fingerprint)


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
        except Exception as error:  # whatever a user's function raises becomes a stored reason
            detail = f"its probe raised {type(error).__name__}: {worded(error)}"
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
