"""Who is told of what: the destinations that settings name, and what assets say of them. Opens nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property

from ....storage.errors import SettingsFault, UsageError
from ....storage.misset import nearest
from ....storage.settings import ProjectSettings
from ....storage.types import NotificationKind
from ...plan.graph import Graph
from ...plan.selection import select


class Hearers:
    """The destinations that are told of an asset. What is wrong with a selection makes it empty: no run fails for the
    sake of who is told. `misheard` tells it."""

    def __init__(self, settings: ProjectSettings, graph: Graph) -> None:
        self._settings = settings
        self._graph = graph

    def of(self, asset: str, kind: NotificationKind) -> list[str]:
        """Their addresses, as the store calls them: `"kb/team"`. An asset that is not declared has none."""
        declared = self._graph.catalogue.assets.get(asset)
        if declared is None or not self._settings.values.notifications:
            return []
        named = declared.policies.notify
        return [
            address(self._settings, name)
            for name, one in self._settings.values.notifications.items()
            if kind in one.on and (name in named if named is not None else asset in self._selected[name])
        ]

    @cached_property
    def _selected(self) -> Mapping[str, frozenset[str]]:
        """The assets of each destination, by its own selection."""
        found: dict[str, frozenset[str]] = {}
        for name, one in self._settings.values.notifications.items():
            try:
                found[name] = frozenset(select(self._graph, [] if one.select is None else [one.select]))
            except UsageError:
                found[name] = frozenset()
        return found


def address(settings: ProjectSettings, name: str) -> str:
    """What the store calls a destination. Projects that share a database may call theirs alike."""
    return f"{settings.project}/{name}"


def misheard(settings: ProjectSettings, graph: Graph) -> Iterator[SettingsFault]:
    """What is wrong with who is to be told: a selection that selects nothing, a name that no setting has. Where there
    is no destination at all nobody is told, and nothing is wrong: so it may be on the machine of a developer."""
    known = settings.values.notifications
    for name, one in known.items():
        try:
            select(graph, [] if one.select is None else [one.select])
        except UsageError as error:
            yield SettingsFault(f"notifications.{name}.select: {error.message}", hint=error.hint)
    for asset in graph.catalogue.assets.values() if known else ():
        for name in asset.policies.notify or ():
            if name not in known:
                near = nearest(name, known)
                hint = f"Did you mean {near!r}?" if near else f"There is: {', '.join(known)}."
                yield SettingsFault(f"asset {asset.name}: notify= names {name!r}, which no setting names", hint=hint)
