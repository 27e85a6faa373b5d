"""What definitions ask for and settings do not permit, told before anything runs. Opens nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ....storage import uri as uris
from ....storage.files.formats.registry import ANY_FILE, FormatInfo, format_for
from ....storage.settings import ProjectSettings
from ....storage.types import ValueKind
from ...declare.catalogue import Asset, Catalogue
from ...declare.faults import Fault, FaultyDefinitions

_UNREAD = ANY_FILE | {ValueKind.VERSION, ValueKind.OPAQUE}
"""Forms for which no format is asked: the file as it is, or no file at all."""


def require_permitted(settings: ProjectSettings, catalogue: Catalogue) -> None:
    """No asset takes or gives a value in a format that can run code, unless the settings allow it.

    Raises
    ------
    FaultyDefinitions: some do; all of them are listed. Without an annotation a value is what the suffix says.
    """
    if settings.values.allow_pickle:
        return
    formats = {uri: format_for(uris.suffix(uri)) for uri in catalogue.datasets}
    risky = {uri: found for uri, found in formats.items() if found is not None and found.opt_in}
    faults = [fault for asset in catalogue.assets.values() for fault in _refused(asset, risky)] if risky else []
    if faults:
        raise FaultyDefinitions(faults)


def require_makeable(catalogue: Catalogue) -> None:
    """No asset has partitions, or reads what has some: they are declared and checked, and not made yet.

    Raises
    ------
    FaultyDefinitions: some do; all of them are listed.
    """
    faults = [*_divided(catalogue)]
    if faults:
        raise FaultyDefinitions(faults)


def _divided(catalogue: Catalogue) -> Iterator[Fault]:
    for asset in catalogue.assets.values():
        parted = [one.uri for one in asset.inputs if catalogue.datasets[one.uri].partitions is not None]
        if asset.partitions is not None or parted:
            what = f"reads {parted[0]}, which has partitions" if asset.partitions is None else "has partitions"
            yield Fault(
                kind="not_made_yet",
                message=f"asset {asset.name} {what}: this penstock checks partitions and makes none",
                hint="Leave it out of what is made, or declare it without partitions.",
                where=asset.location,
            )


def _refused(asset: Asset, risky: Mapping[str, FormatInfo]) -> Iterator[Fault]:
    read = [(f"parameter {one.parameter!r} takes", one.uri) for one in asset.inputs if one.kind not in _UNREAD]
    written = [] if asset.returns in _UNREAD else [("its producer gives", uri) for uri in asset.outputs]
    for says, uri in (*read, *written):
        if uri in risky:
            yield Fault(
                kind="not_permitted",
                message=f"asset {asset.name}: {says} {uri} as {risky[uri].name}, and loading such a file can run code",
                hint="Set `allow_pickle = true` in the settings if you trust everyone who writes there, choose another "
                "format, or annotate it as bytes or Path and load it yourself.",
                where=asset.location,
            )
