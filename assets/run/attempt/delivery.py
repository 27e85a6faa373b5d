"""Lineage on its way: into the outbox with the transaction it tells of, and from settings to what the relay serves."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ....lineage.transports import Destination, FileDestination, HttpDestination
from ....storage import settings as words
from ....storage.errors import SettingsFault
from ....storage.meta import outbox
from ....storage.meta.database.engine import Transaction
from ....storage.meta.database.engine import now as moment_of
from ....storage.settings import ProjectSettings
from ..project.project import Project


def addresses(settings: ProjectSettings) -> tuple[str, ...]:
    """What the outbox calls the destinations: `"kb/marquez"`. Projects that share a database may call theirs alike, and
    what is meant for one must not be delivered by the other."""
    return tuple(f"{settings.project}/{name}" for name in settings.destinations)


def destinations(settings: ProjectSettings) -> list[Destination]:
    """Where lineage goes, as the relay takes it, under the names of `addresses`."""
    named = zip(addresses(settings), settings.destinations.values(), strict=True)
    return [_destination(name, one) for name, one in named]


def misaddressed(settings: ProjectSettings) -> Iterator[SettingsFault]:
    """What is wrong with each of the destinations that `destinations` could not give."""
    for name, one in settings.destinations.items():
        try:
            _destination(name, one)
        except SettingsFault as error:
            yield error


def send(project: Project, tx: Transaction, run_id: str, body: bytes) -> None:
    """The rendered event is kept and addressed to every destination when the transaction commits, or not at all."""
    outbox.append(tx, run_id=run_id, body=body, at=moment_of(tx), destinations=addresses(project.settings))


def _destination(name: str, one: words.FileDestination | words.HttpDestination) -> Destination:
    if isinstance(one, words.FileDestination):
        return FileDestination(name=name, path=Path(one.path))
    return HttpDestination(
        name=name,
        url=one.url,
        endpoint=one.endpoint,
        api_key_env=one.api_key_env,
        timeout=one.timeout,
        headers=one.headers,
    )
