"""An asset as it was at an earlier time: its definition of then, in a project on rows of then. Loads no user code."""

from __future__ import annotations

import difflib
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime

from ....storage.errors import DefinitionError, UsageError
from ....storage.meta import standing
from ....storage.meta.catalogue import Ids
from ....storage.meta.database.engine import Store, Transaction
from ....storage.meta.past import history
from ....storage.meta.past.declared import declared_names
from ....storage.meta.past.forms import Course, aliased, forms_of
from ....storage.meta.past.history import Known
from ....storage.meta.past.then import Question, as_of
from ....storage.settings import ProjectSettings
from ....storage.types import Catchup
from ...declare.catalogue import Asset, Catalogue
from ...declare.conditions.leaves import bound, dataset_leaves, named_in
from ...declare.conditions.tree import AllOf, nodes
from ...declare.dataset import Dataset
from ...declare.durations import as_duration
from ...declare.plain import asset_from_plain, dataset_from_plain
from ...declare.policies import Each
from ..project.project import Project
from ..project.reading import Reading


@dataclass(frozen=True, slots=True, kw_only=True)
class Earlier:
    """A project that knows one asset, as it was.

    Attributes
    ----------
    name: what the asset was called.
    probe: what the probe of a source had said when its head was made.
    unknown: what cannot be known of then, in sentences.
    """

    project: Project
    name: str
    probe: str | None
    unknown: tuple[str, ...]


@contextmanager
def as_it_was(store: Store, settings: ProjectSettings, name: str, at: datetime) -> Generator[Earlier]:
    """The asset of this name as it was at `at`; gone at the end of the block.

    Raises
    ------
    UsageError: there is no such asset, or it was not there then.
    """
    with store.read() as tx:
        course = _course(tx, store.project, name, at)
        asset, datasets, ids = _declared(tx, store.project, course, at)
    condition = asset.condition
    question = Question(
        asset_id=course.id,
        at=at,
        name=asset.name,
        concerns=frozenset(number for number in ids.values() if number > 0),
        waits=frozenset(ids[leaf.uri] for leaf in dataset_leaves(condition) if not leaf.match and ids[leaf.uri] > 0),
        misses=any(one.catchup == Catchup.NONE for one in asset.timetables.values()),
        patterns=tuple(leaf.uri for leaf in dataset_leaves(condition) if leaf.match),
        removals=lambda uri: any(leaf.removal and leaf.is_about(uri) for leaf in dataset_leaves(condition)),
        timetables=_timetables(course, at),
        ancestry=any(isinstance(node, AllOf) and node.aligned for node in nodes(condition)),
    )
    with as_of(store, question) as then:
        with then.store.read() as tx:
            found = _alone(tx, then.store, settings, asset, datasets, Ids(assets={asset.name: course.id}, datasets=ids))
        yield replace(found, unknown=(*then.unknown, *_away(course, at), *found.unknown))


def as_registered(tx: Transaction, store: Store, settings: ProjectSettings, name: str, now: datetime) -> Earlier:
    """The asset of this name by its newest definition, on the rows that there are.

    Raises
    ------
    UsageError: there is no such asset, or it is declared no more.
    """
    course = _course(tx, store.project, name, now)
    asset, datasets, ids = _declared(tx, store.project, course, now)
    return _alone(tx, store, settings, asset, datasets, Ids(assets={asset.name: course.id}, datasets=ids))


def _course(tx: Transaction, project: str, name: str, at: datetime) -> Course:
    course = forms_of(tx, project, name)
    if course is None:
        raise unknown_asset(name, project, [one for one, _ in declared_names(tx, project).values()])
    _require_there(name, course, at)
    return course


def _alone(  # noqa: PLR0917  in the order in which they are found
    tx: Transaction, store: Store, settings: ProjectSettings, asset: Asset, datasets: dict[str, Dataset], ids: Ids
) -> Earlier:
    number = ids.assets[asset.name]
    made_from = standing.standing(tx, [number])[number].made_from or {}
    project = Project(
        settings=settings,
        reading=Reading(Catalogue(assets={asset.name: asset}, datasets=datasets)),
        functions={},
        store=store,
        ids=ids,
        environment=made_from.get("environment", {}),
        parameters={asset.name: made_from.get("parameters", {})},
    )
    lost = tuple(f"{uri} is not known under this URI any more." for uri, known in ids.datasets.items() if known < 0)
    return Earlier(project=project, name=asset.name, probe=made_from.get("probe"), unknown=lost)


def time_of(given: datetime | str, moment: datetime) -> datetime:
    """A time that is past: itself, as ISO 8601 with a zone, or so long before `moment`.

    >>> from datetime import UTC
    >>> time_of("-2h", datetime(2026, 1, 5, 12, tzinfo=UTC)).isoformat()
    '2026-01-05T10:00:00+00:00'

    Raises
    ------
    UsageError: it is no time, has no zone, or lies in the future.
    """
    shown = f"{moment:%Y-%m-%dT%H:%MZ}"
    if isinstance(given, str) and given.strip().startswith("-"):
        try:
            return moment - as_duration(given.strip()[1:])
        except (DefinitionError, OverflowError) as error:
            raise UsageError(f"{given!r} is no length of time before now", hint="Write e.g. -2h or -7d.") from error
    try:
        time = given if isinstance(given, datetime) else datetime.fromisoformat(given.strip())
    except ValueError as error:
        raise UsageError(f"{given!r} is no time", hint=f"Write e.g. {shown}, or -2h.") from error
    if time.tzinfo is None:
        raise UsageError(f"the time {time.isoformat()} has no zone", hint=f"Write e.g. {time.isoformat()}Z for UTC.")
    if time > moment:
        raise UsageError(
            f"the time {time.isoformat()} lies in the future; it is {shown}",
            hint="Leave the time out for now; `penstock plan --until` says what comes.",
        )
    try:
        return time.astimezone(moment.tzinfo)
    except OverflowError as error:  # at the edge of the calendar
        raise UsageError(
            f"the time {time.isoformat()} has no place in the calendar of {moment.tzinfo}", hint=f"Write e.g. {shown}."
        ) from error


def unknown_asset(name: str, project: str, known: list[str]) -> UsageError:
    """That there is no such asset, with those of a like name."""
    near = difflib.get_close_matches(name, known, n=3)
    if near:
        hint = f"Did you mean {' or '.join(near)}?"
    else:
        hint = "`penstock list` shows the assets." if known else "Nothing has been recorded yet."
    return UsageError(f"there is no asset {name!r} in project {project}", hint=hint)


def _require_there(name: str, course: Course, at: datetime) -> None:
    if at < course.registered_at or not any(form.since <= at for form in course.forms):
        raise UsageError(
            f"asset {name} was not there at {at:%Y-%m-%d %H:%M:%S} UTC: it was registered at "
            f"{course.registered_at:%Y-%m-%d %H:%M:%S} UTC",
            hint="Ask for a later time.",
        )
    if course.removed_at is not None and course.removed_at <= at:
        raise UsageError(
            f"asset {name} was declared no more at {at:%Y-%m-%d %H:%M:%S} UTC: it was left out at "
            f"{course.removed_at:%Y-%m-%d %H:%M:%S} UTC",
            hint="Ask for an earlier time.",
        )


def _away(course: Course, at: datetime) -> list[str]:
    """That it may have been left out then: who comes back as it was had been away."""
    before = [form for form in course.forms if form.since <= at]
    after = [form for form in course.forms if form.since > at]
    if not after or after[0].digest != before[-1].digest:
        return []
    return [f"It was left out for some time before {after[0].since:%Y-%m-%d %H:%M:%S} UTC; since when is not recorded."]


def _declared(
    tx: Transaction, project: str, course: Course, at: datetime
) -> tuple[Asset, dict[str, Dataset], dict[str, int]]:
    """The asset of then, under the URIs of now; the datasets that it is about, and their ids. One that is not known any
    more has a negative one."""
    asset = asset_from_plain(next(form.body for form in reversed(course.forms) if form.since <= at))
    known = {one.uri: one for one in history.datasets_at(tx, project, _uris(asset))}
    moved = aliased(tx, project, [uri for uri in _uris(asset) if uri not in known])
    known |= {one.uri: one for one in history.datasets_at(tx, project, moved.values())}
    asset = _moved(asset, moved)
    uris = _uris(asset)
    ids = {uri: known[uri].id if uri in known else -place for place, uri in enumerate(uris, 1)}
    return asset, {uri: _dataset(uri, known.get(uri)) for uri in uris}, ids


def _uris(asset: Asset) -> list[str]:
    """What it writes, reads, waits for or asks the age of, each once."""
    ages = (leaf.uri for leaf in named_in(asset.condition))
    return list(dict.fromkeys((*asset.outputs, *(one.uri for one in asset.inputs), *ages)))


def _dataset(uri: str, known: Known | None) -> Dataset:
    if known is None:
        return Dataset(uri)
    return dataset_from_plain(known.declaration) if known.declaration else Dataset(uri, name=known.name)


def _moved(asset: Asset, moved: Mapping[str, str]) -> Asset:
    """The asset with the URIs that its datasets have now."""
    mode = asset.policies.consume
    if isinstance(mode, Each):
        mode = replace(mode, uri=moved.get(mode.uri, mode.uri))
    return replace(
        asset,
        outputs=tuple(moved.get(uri, uri) for uri in asset.outputs),
        inputs=tuple(replace(one, uri=moved.get(one.uri, one.uri)) for one in asset.inputs),
        condition=None if asset.condition is None else bound(asset.condition, moved),
        policies=replace(asset.policies, consume=mode),
    )


def _timetables(course: Course, at: datetime) -> dict[str, datetime]:
    """The timetables of then, each with the time since which it had been in the definition without a break."""
    found: dict[str, datetime] = {}
    forms = [form for form in course.forms if form.since <= at]
    labels = set(asset_from_plain(forms[-1].body).timetables)
    for form in reversed(forms):
        labels &= asset_from_plain(form.body).timetables.keys()
        found |= dict.fromkeys(labels, form.since)
    return found
