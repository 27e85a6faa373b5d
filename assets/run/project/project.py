"""A project, opened: settings, definitions, the metadata store, and where each dataset lies."""

from __future__ import annotations

import gc
import platform
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from importlib import metadata
from typing import Any
from weakref import WeakKeyDictionary

from ....lineage.facts import DatasetFacts
from ....storage.errors import SettingsFault, StorageFault, UsageError
from ....storage.files.layout import Place
from ....storage.logs.places import LogPlace, logs_of
from ....storage.masking import mask
from ....storage.meta import catalogue as rows
from ....storage.meta.database.engine import Store
from ....storage.meta.database.looking import to_plan
from ....storage.meta.database.migrate import prepare
from ....storage.settings import ProjectSettings
from ...code.parameters import coerce
from ...declare.asset import AssetFunction
from ...declare.catalogue import Catalogue
from ...declare.definitions import Definitions
from ...declare.partitions.paths import path_of
from ...plan.graph import Graph
from ..notifying.announcing import Announcer
from ..notifying.hearing import Hearers
from .durable import Waiting, make_good, secure
from .lying import absolute, place_of
from .permitted import require_makeable, require_permitted, require_pools
from .places import require_places
from .reading import Reading
from .registering import known_before, register, registered

_REMEMBERED = 20_000  # places
_READINGS: WeakKeyDictionary[Definitions, Reading] = WeakKeyDictionary()


@dataclass(kw_only=True)
class Project:
    """What the shell works with; `open_project` makes one.

    Attributes
    ----------
    reading: what is declared, and what follows from it.
    functions: asset name → what to call.
    definitions: where they come from, with what producers need beside their inputs.
    ids: under which ids the catalogue is registered; where it is not, those of the datasets that are known already.
    registered: whether it is. Where not, `on_trial` gives the project as it would be, and `for_good` registers it.
    environment: what counts as part of every run key.
    parameters: asset name → run parameters that settings give instead of the defaults, as JSON values.
    facts: what lineage says of versions, by URI and digest, remembered by `facts.py`.
    unsynced: the small objects that were published here and may not be on the disk yet; `secure` brings them there.
    tidied: what resources left over and was tried to clean up here.
    """

    settings: ProjectSettings
    reading: Reading
    functions: Mapping[str, AssetFunction]
    store: Store
    ids: rows.Ids
    environment: Mapping[str, str]
    parameters: Mapping[str, Mapping[str, Any]]
    registered: bool = True
    facts: dict[tuple[str, str | None], DatasetFacts] = field(
        default_factory=dict[tuple[str, str | None], DatasetFacts]
    )
    unsynced: list[Waiting] = field(default_factory=list[Waiting])
    definitions: Definitions = field(default_factory=Definitions)
    tidied: set[tuple[str, int, str]] = field(default_factory=set[tuple[str, int, str]])
    _places: dict[tuple[str, str], Place] = field(default_factory=dict[tuple[str, str], Place])

    @property
    def name(self) -> str:
        """The project's name."""
        return self.settings.project

    @property
    def catalogue(self) -> Catalogue:
        """What is declared."""
        return self.reading.catalogue

    @property
    def graph(self) -> Graph:
        """Who writes, reads and waits for what."""
        return self.reading.graph

    @cached_property
    def logs(self) -> LogPlace:
        """Where the logs of attempts lie."""
        return logs_of(self.settings)

    @cached_property
    def announcer(self) -> Announcer:
        """Notes what people are to be told."""
        return Announcer(Hearers(self.settings, self.graph), mask=mask)

    def known_as(self, ids: rows.Ids) -> None:
        """The catalogue is registered from now on, under these ids."""
        self.ids, self.registered = ids, True
        self.__dict__.pop("names", None)

    def renumber(self, now: rows.Ids) -> None:
        """Take over the ids that are registered now, whoever registered them, of what is ours; what is not registered
        any more keeps the one it had."""
        assets = {name: number for name, number in now.assets.items() if name in self.catalogue.assets}
        datasets = {uri: number for uri, number in now.datasets.items() if uri in self.catalogue.datasets}
        ids = rows.Ids(
            assets={**self.ids.assets, **assets},
            datasets={**self.ids.datasets, **datasets},
            registered_at=now.registered_at,
        )
        self.known_as(ids)

    @cached_property
    def names(self) -> Mapping[int, str]:
        """The names of the assets by their ids."""
        return {number: name for name, number in self.ids.assets.items() if name in self.catalogue.assets}

    def decides_for(self, asset_id: int, definition: str) -> bool:
        """Whether an asset that is registered with this definition is one of ours in just this form. Whoever plans by
        another form would take off the agenda what that form does not show."""
        name = self.names.get(asset_id)
        return name is not None and self.reading.definition(name) == definition

    def place(self, uri: str, key: str = "") -> Place:
        """Where a dataset lies, or the partition of it that has this key, and where its versions are kept."""
        place = self._places.get((uri, key))
        if place is None:
            partitions = self.catalogue.datasets[uri].partitions if key else None
            if len(self._places) >= _REMEMBERED:  # there may be a million of partitions
                self._places.clear()
            one = "" if partitions is None else path_of(uri, partitions, key)
            place = self._places[uri, key] = place_of(uri, self.settings, one)
        return place

    def concerned(self, uri: str) -> Sequence[str]:
        """The assets with a condition that do not wait for a dataset but that its news concerns: they read it, so that
        they could not run without a version of it, or their condition asks for its age."""
        names = (*self.graph.reading.get(uri, ()), *self.graph.aging.get(uri, ()))
        return [name for name in names if self.catalogue.assets[name].condition is not None]

    def absolute(self, uri: str) -> str:
        """The URI with the data root applied, with a scheme: what lineage names."""
        return absolute(uri, self.settings)


@contextmanager
def open_project(settings: ProjectSettings, definitions: Definitions, *, planning: bool = False) -> Generator[Project]:
    """A project; its store is closed at the end of the block. Its catalogue is not registered by that: `for_good` does,
    with the first that is decided.

    What small objects lost in a loss of power is made good first, and those that are published here are on the disk
    when the block has ended. With `planning` nothing will be recorded: where there is no store none is made, and one
    that cannot be written is copied for as long.

    Raises
    ------
    DefinitionError: the definitions have faults; all of them are listed, nothing was opened.
    SettingsFault: a setting names what is not there, or gives a run parameter a value that is not of its type.
    DatabaseFault: the store cannot be opened or has another form.
    """
    with _fewer_collections():
        yield from _opened(settings, definitions, planning=planning)


@contextmanager
def open_registered(settings: ProjectSettings, definitions: Definitions) -> Generator[Project]:
    """`open_project`, with the catalogue registered at once: for a planner, which is asked for nothing and refuses
    nothing."""
    with open_project(settings, definitions) as project:
        project.known_as(register(project.store, project.catalogue, plain=project.reading.plain))
        yield project


def _opened(settings: ProjectSettings, definitions: Definitions, *, planning: bool) -> Generator[Project]:
    catalogue = definitions.resolve()
    reading = _READINGS.get(definitions)
    if reading is None:
        reading = _READINGS[definitions] = Reading(catalogue, definitions.mappings)
    require_permitted(settings, catalogue)
    require_makeable(catalogue)
    require_pools(settings, catalogue)
    require_places(catalogue, settings)
    parameters = configured_parameters(settings, definitions.functions)
    with to_plan(settings.database_url, project=settings.project) if planning else open_store(settings) as store:
        ids, there = _known(store, reading)
        if not planning:
            make_good(store, lambda uri: place_of(uri, settings), used=catalogue.datasets)
        project = Project(
            settings=settings,
            reading=reading,
            functions=definitions.functions,
            definitions=definitions,
            store=store,
            ids=ids,
            environment=environment(settings),
            parameters=parameters,
            registered=there,
        )
        yield project
        secure(store, project.unsynced)


def _known(store: Store, reading: Reading) -> tuple[rows.Ids, bool]:
    """The ids of a catalogue as far as they are known, and whether it is registered."""
    with store.read() as tx:
        found = registered(tx, store.project, reading.plain)
        return found or known_before(tx, store.project, reading.catalogue), found is not None


@contextmanager
def _fewer_collections() -> Generator[None]:
    """Python's collector runs more rarely: definitions and snapshots are many small objects that live long, and
    looking through all of them after every 700 new ones takes a third of the time of a graph that is up to date."""
    before = gc.get_threshold()
    if before[0]:  # 0: somebody has switched it off
        gc.set_threshold(max(before[0], 50_000), max(before[1], 50), max(before[2], 100))
    try:
        yield
    finally:
        gc.set_threshold(*before)


@contextmanager
def open_store(settings: ProjectSettings) -> Generator[Store]:
    """The metadata store, ready to use; made if it is not there."""
    if settings.database_file is not None:
        folder = settings.database_file.parent
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StorageFault(
                f"the folder {folder} of the metadata store cannot be made: {error.strerror}",
                hint="Make it writable, or set `home` to a folder that is.",
            ) from error
    store = Store(settings.database_url, project=settings.project)
    try:
        prepare(store)
        yield store
    finally:
        store.close()


def environment(settings: ProjectSettings) -> dict[str, str]:
    """What results depend on beyond code and inputs: Python, and the distributions that settings name.

    Raises
    ------
    SettingsFault: a distribution is not installed.
    """
    found = {"python": ".".join(platform.python_version_tuple()[:2])}
    for name in settings.values.environment:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError as error:
            raise SettingsFault(
                f"the setting `environment` names {name!r}, which is not installed",
                hint="Install it, or take it out of the list.",
            ) from error
    return found


def configured_parameters(
    settings: ProjectSettings, functions: Mapping[str, AssetFunction]
) -> dict[str, dict[str, Any]]:
    """Run parameters that settings give, by asset: in the spelling of the run key, whatever theirs was.

    Assets that are not among `functions` are passed over: settings serve a whole project, a call perhaps a part of it.

    Raises
    ------
    SettingsFault: an asset has no such parameter, or the value is not of its type; all of them together.
    """
    found: dict[str, dict[str, Any]] = {}
    wrong: list[str] = []
    for name, given in settings.values.parameters.items():
        for parameter, value in given.items() if name in functions else ():
            try:
                plain = coerce(functions[name].function, parameter, value, plain=True)
                found.setdefault(name, {})[parameter] = plain
            except UsageError as error:
                wrong.append(f"  parameters.{name}.{parameter}: {error.message}")
    if wrong:
        raise SettingsFault(
            "run parameters in the settings do not fit:\n" + "\n".join(wrong),
            hint=f"They come from {settings.file or 'variables that begin with PENSTOCK_PARAMETERS__'}.",
        )
    return found
