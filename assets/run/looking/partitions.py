"""Looking at the partitions of a dataset that others write: what lies where its template leads, in one listing.

Costs the listing, and what changed since the look before: a partition that looks as it did is not asked about again,
and one that was never there is not asked about at all.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from itertools import islice

from ....storage.errors import PenstockError, UsageError
from ....storage.files.faults import storage_fault
from ....storage.files.laid_out import Lying, laid_out
from ....storage.files.layout import Place
from ....storage.files.observe import Fingerprint, looks_settled, observe_listed
from ....storage.meta import versions
from ....storage.meta.database.engine import Transaction
from ....storage.meta.database.engine import now as moment_of
from ....storage.meta.partitions.heads import Digested, PartitionAt, PartitionHead, digests_of, partition_heads_of
from ....storage.types import Capture
from ...declare.dataset import Dataset
from ...declare.partitions.appearing import appeared
from ...declare.partitions.partition import Known, Partitioning
from ...declare.partitions.partition import Place as Spot
from ...declare.partitions.paths import key_of, why_no_key
from ..progress import Strange
from ..project.project import Project
from .changes import (
    CHANGED,
    EVENTS,
    IN_VAIN,
    NEW,
    NOT_THERE,
    REMOVED,
    UNCHANGED,
    UNSEEN,
    Change,
    Divided,
    captured,
    is_there,
    judged,
    observed,
    record_change,
)

_AT_ONCE = 200
"""So many partitions are looked at before what changed of them is recorded, in one transaction."""
_FORESEEN = 500
"""So many changes are foreseen before they are recorded."""
_NAMED = 3
"""So many paths and keys are named where there are many."""
_TOLD = 100
"""So many paths that are no partitions are told one by one."""
_WEB = ("http://", "https://")


Found = tuple[str, Change]
"""A key, and what was found there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PartitionsFound:
    """What a look found at the partitions of a dataset.

    Attributes
    ----------
    counts: `NEW`, `CHANGED`, `REMOVED`, `UNCHANGED` → how many partitions are.
    strange: the first paths that the template leads to and that are no partitions, with the reason; `strange_count`:
        how many there are.
    failures: key → why it could not be looked at.
    unrecorded: the first of what would be recorded, where nothing is to be.
    """

    counts: Mapping[str, int]
    strange: Sequence[Strange] = ()
    strange_count: int = 0
    failures: Mapping[str, PenstockError] = field(default_factory=dict[str, PenstockError])
    unrecorded: Sequence[Found] = ()

    @property
    def changed(self) -> bool:
        """Whether any partition has an event."""
        return any(self.counts.get(one, 0) for one in EVENTS)

    @property
    def news(self) -> str:
        """In words: `unchanged`, `3 new, 1 removed`, `2 new; 1 path is no partition of it: logs/date=x/part.csv`."""
        facts = ", ".join(f"{self.counts[one]} {one}" for one in (NEW, CHANGED, REMOVED) if self.counts.get(one))
        said = [facts or (UNCHANGED if self.counts.get(UNCHANGED) else NOT_THERE)]
        if self.failures:
            said.append(f"{len(self.failures)} {UNSEEN}: {_listed(list(self.failures))}")
        if self.strange:
            many = (
                f"{self.strange_count} paths are no partitions" if self.strange_count > 1 else "1 path is no partition"
            )
            said.append(f"{many} of it: {_listed([f'{one.path} ({one.why})' for one in self.strange])}")
        return "; ".join(said)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(islice(names, _NAMED)) + (" …" if len(names) > _NAMED else "")


def look_at_partitions(project: Project, uri: str, *, record: bool) -> PartitionsFound:
    """Look at the partitions of a dataset that others write; record, for each, what changed as version and event.

    Windows that are not over are left for a later look. A partition that cannot be looked at is not gone.

    Raises
    ------
    StorageFault: the folder that holds them cannot be looked at.
    MissingExtra, UnknownProtocol: the library for its protocol is not there.
    """
    dataset, number = project.catalogue.datasets[uri], project.ids.datasets.get(uri)
    assert dataset.partitions is not None, uri
    with project.store.read() as tx:
        moment = moment_of(tx)
        before = {} if number is None else versions.observations_of(tx, number)
        heads = {} if number is None else digests_of(tx, number)
    place = project.place(uri)
    lying = _sorted(laid_out(place, dataset=dataset.name), place, dataset.partitions, moment)
    counts: Counter[str] = Counter()
    suspects: list[str] = []
    for key, one in lying.keys.items():
        if dataset.capture is not Capture.COPY and _looks_as_before(one, before.get(key), heads.get(key)):
            counts[UNCHANGED] += 1
        else:
            suspects.append(key)
    gone = [key for key in heads if key not in lying.parsed and _is_defined(dataset.partitions, key, moment)]
    looking = _Looking(project=project, dataset=dataset, dataset_id=number, before=before)
    keys = [*suspects, *gone]
    for start in range(0, len(keys), _AT_ONCE):
        looking.look(keys[start : start + _AT_ONCE], lying.keys, record=record)
    return PartitionsFound(
        counts=counts + looking.counts,
        strange=lying.strange[:_TOLD],
        strange_count=len(lying.strange),
        failures=looking.failures,
        unrecorded=looking.unrecorded[:_FORESEEN],
    )


def tell_found(project: Project, tx: Transaction, uri: str, found: Sequence[Found], *, now: datetime) -> None:
    """Record what a look found at partitions of a dataset."""
    partitions, dataset_id = project.catalogue.datasets[uri].partitions, project.ids.datasets[uri]
    assert partitions is not None, uri
    newest = digests_of(tx, dataset_id, [key for key, _ in found])
    for key, change in found:
        record_change(tx, dataset_id, change, divided=_divided(partitions, key, newest.get(key)), now=now)


def _divided(partitions: Partitioning, key: str, head: Digested | None) -> Divided:
    spot = partitions.place(key)
    at = PartitionAt(key=key, line=spot.line, start=spot.start, end=spot.end)
    version_id = None if head is None else head.version_id
    return Divided(at=at, counted=partial(_counted, partitions, spot.line), version_id=version_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sorted:
    """What lies there: by key, where it is a partition; the keys of all paths that have one; the other paths."""

    keys: dict[str, Lying]
    parsed: set[str]
    strange: list[Strange]


def _sorted(found: Sequence[Lying], place: Place, partitions: Partitioning, moment: datetime) -> _Sorted:
    """Of a window that is not over nothing is said."""
    base = f"{place.root}/" if place.root.startswith(_WEB) else ""  # keys are written otherwise in the paths of the web
    result = _Sorted(keys={}, parsed=set(), strange=[])
    for one in found:
        key = None if one.odd else key_of(base + place.path, partitions, base + one.path)
        fault = None if key is None else partitions.fault(key, _known(partitions, key, moment))
        if key is not None:
            result.parsed.add(key)
        if key is not None and fault is None:
            result.keys[key] = one
        elif fault is None:
            why = one.odd or why_no_key(base + place.path, partitions, base + one.path)
            result.strange.append(Strange(path=one.path, why=why))
        elif fault.kind != "future":
            result.strange.append(Strange(path=one.path, why=fault.message))
    return result


def _known(partitions: Partitioning, key: str, moment: datetime) -> Known:
    """What is known of a key that lies there: a dynamic one appears by that."""
    named = appeared(partitions, [partitions.place(key).line])
    return Known(until=moment, keys={name: tuple(keys) for name, keys in named.items()})


def _is_defined(partitions: Partitioning, key: str, moment: datetime) -> bool:
    """Whether what was made under a key, perhaps by another definition, is a partition by this one."""
    try:
        return partitions.fault(key, _known(partitions, key, moment)) is None
    except UsageError:  # no key of this definition is written so
        return False


def _looks_as_before(one: Lying, before: versions.Observation | None, head: Digested | None) -> bool:
    if before is None or head is None or one.error is not None or before.version_id != head.version_id:
        return False
    return looks_settled(Fingerprint.from_plain(before.fingerprint), one.files)


@dataclass(kw_only=True)
class _Looking:
    """A look at partitions of one dataset, some hundred at a time; without an id nothing is known of it yet."""

    project: Project
    dataset: Dataset
    dataset_id: int | None
    before: Mapping[str, versions.Observation]
    counts: Counter[str] = field(default_factory=Counter[str])
    failures: dict[str, PenstockError] = field(default_factory=dict[str, PenstockError])
    unrecorded: list[Found] = field(default_factory=list[Found])

    def look(self, keys: Sequence[str], lying: Mapping[str, Lying], *, record: bool) -> None:
        """Look at these, and record what changed of them."""
        heads: Mapping[str, PartitionHead] = {}
        if self.dataset_id is not None:
            with self.project.store.read() as tx:
                heads = partition_heads_of(tx, self.dataset_id, keys)
        changes: dict[str, Change] = {}
        for key in keys:
            head = heads[key].head if key in heads else None
            try:
                change = self._change(key, head, lying.get(key), record=record)
            except IN_VAIN as error:
                self.failures[key] = error
                continue
            changes[key] = change
            self.counts[change.news] += change.news != NOT_THERE
        wanted = [(key, one) for key, one in changes.items() if one.is_new]
        if not record:
            self.unrecorded += wanted
        elif wanted:
            with self.project.store.write() as tx:
                tell_found(self.project, tx, self.dataset.uri, wanted, now=moment_of(tx))

    def _change(self, key: str, head: versions.Head | None, one: Lying | None, *, record: bool) -> Change:
        place, name = self.project.place(self.dataset.uri, key), f"{self.dataset.name} {key}"
        if one is not None and one.error is not None:
            raise storage_fault(one.error, dataset=name, doing="looking at", path=place.target)
        files = [] if one is None else one.files
        before = self.before.get(key)
        seen = observed(lambda known: observe_listed(place, files, known, dataset=name), before, head)
        if seen is None:
            return Change(news=UNCHANGED)
        copy = self.dataset.capture is Capture.COPY
        change = judged(head, before, seen, copy=copy, there=copy and is_there(head, place))
        return captured(change, place, name) if record else change


def _counted(partitions: Partitioning, line: str, start: int, end: int) -> int:
    """How many partitions lie between two bounds of a line."""
    named = {name: tuple(keys) for name, keys in appeared(partitions, [line]).items()}
    return partitions.within(Spot(line, start, end), Known(keys=named)).count
