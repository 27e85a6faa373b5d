"""What definitions ask for and settings do not permit, told before anything runs. Opens nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ....storage import uri as uris
from ....storage.files.formats.registry import ANY_FILE, FormatInfo, format_for
from ....storage.settings import ProjectSettings
from ....storage.types import ValueKind
from ...declare.catalogue import Asset, Catalogue
from ...declare.faults import Fault, FaultyDefinitions
from ...declare.limiting import unsized
from ...declare.partitions.mapping.relation import relation

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
    """No asset reads several partitions in a form of which there is one, or one version as if it were several.

    Raises
    ------
    FaultyDefinitions: some do; all of them are listed.
    """
    faults = [*_unreadable(catalogue)]
    if faults:
        raise FaultyDefinitions(faults)


def require_pools(settings: ProjectSettings, catalogue: Catalogue) -> None:
    """Every pool that an asset asks for has a size, and what a run takes of it fits in.

    Raises
    ------
    FaultyDefinitions: one has none, or is too small; all of them are listed.
    """
    faults = [*unsized(catalogue, settings.values.pools)]
    if faults:
        raise FaultyDefinitions(faults)


_ONE_ALONE = {ValueKind.PATH: "a Path", ValueKind.TEXT: "a text", ValueKind.BYTES: "bytes"}
"""Forms of which several partitions cannot be made into one."""


def _unreadable(catalogue: Catalogue) -> Iterator[Fault]:
    for asset in catalogue.assets.values():
        for one in asset.inputs:
            partitions = catalogue.datasets[one.uri].partitions
            if one.kind is None or (partitions is None and one.kind is not ValueKind.VERSION):
                continue
            alone = partitions is None or relation(partitions, asset.partitions, one.mapping).single
            if one.kind is ValueKind.VERSION and one.json and alone:
                yield Fault(
                    kind="one_as_several",
                    message=f"asset {asset.name}: parameter {one.parameter!r} takes versions by key, and it reads one "
                    f"version of {one.uri}",
                    hint="Take penstock.Version; dict[str, penstock.Version] is for several partitions, as of "
                    ".rollup() and .all().",
                    where=asset.location,
                )
            if one.kind in _ONE_ALONE and not alone:
                yield Fault(
                    kind="several_as_one",
                    message=f"asset {asset.name}: parameter {one.parameter!r} takes {_ONE_ALONE[one.kind]}, and it "
                    f"reads several partitions of {one.uri}",
                    hint="Take a frame, a table, or dict (key → value) of JSON; or read one partition: .last().",
                    where=asset.location,
                )


def _refused(asset: Asset, risky: Mapping[str, FormatInfo]) -> Iterator[Fault]:
    read = [(f"parameter {one.parameter!r} takes", one.uri) for one in asset.inputs if one.kind not in _UNREAD]
    written = [("its producer gives", uri) for uri in asset.outputs if asset.given(uri).kind not in _UNREAD]
    for says, uri in (*read, *written):
        if uri in risky:
            yield Fault(
                kind="not_permitted",
                message=f"asset {asset.name}: {says} {uri} as {risky[uri].name}, and loading such a file can run code",
                hint="Set `allow_pickle = true` in the settings if you trust everyone who writes there, choose another "
                "format, or annotate it as bytes or Path and load it yourself.",
                where=asset.location,
            )
