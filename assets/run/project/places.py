"""One place, one dataset: what the spelling of URIs alone does not show, because it takes the data root to see it.

`o.json` and `/data/o.json` are one file where the data root is `/data`. Looks at links of folders, at nothing else.
"""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterator
from functools import cache

from ....storage import uri as uris
from ....storage.errors import InvalidURI, StorageFault
from ....storage.files.layout import Place
from ....storage.files.remote import unwritable
from ....storage.settings import ProjectSettings
from ....storage.types import ValueKind
from ...declare.catalogue import Asset, Catalogue
from ...declare.dataset import Dataset
from ...declare.faults import Fault, FaultyDefinitions


def require_places(catalogue: Catalogue, settings: ProjectSettings) -> None:
    """Every dataset has a place of its own, and every output one where something can be written.

    Raises
    ------
    FaultyDefinitions: two datasets are one file or folder, or one lies inside the other, though their URIs do not show
        it; or an output lies where nothing can be written. All of them are listed.
    """
    faults = [*_shared(catalogue, settings), *_unwritable(catalogue, settings)]
    if faults:
        raise FaultyDefinitions(faults)


def _shared(catalogue: Catalogue, settings: ProjectSettings) -> Iterator[Fault]:
    root = _Root(settings.data_root)
    writers = {uri: asset for asset in catalogue.assets.values() for uri in asset.outputs}
    elsewhere = [uri for uri in catalogue.datasets if uris.split(uri).scheme]
    if not elsewhere:
        return  # then the URIs show everything
    placed: dict[str, Dataset] = {}
    for dataset in catalogue.datasets.values():
        place = root.located(dataset.uri)
        first = placed.setdefault(place, dataset)
        if first is not dataset:
            yield _one_file(first, dataset, writers, place)
    for place, dataset in placed.items():
        for above in _above(place):
            outer = placed.get(above)
            if outer is None or not uris.is_inside(place, above):
                continue
            if not uris.is_inside(dataset.uri, outer.uri):  # that the URIs show themselves, and it is told already
                yield Fault(
                    kind="nested_dataset",
                    message=f"dataset {dataset.uri} lies inside dataset {outer.uri} ({outer.location}): it is {place}",
                    hint="Move one of them: what lies in a directory dataset is part of its versions.",
                    where=dataset.location,
                )


def _above(place: str) -> Iterator[str]:
    """Everything that a dataset could be inside of, from the outside."""
    for cut, character in enumerate(place):
        if character == "/":
            yield from (place[:cut], place[: cut + 1])


def _one_file(first: Dataset, second: Dataset, writers: dict[str, Asset], place: str) -> Fault:
    one, other = writers.get(first.uri), writers.get(second.uri)
    if one is not None and other is not None:
        return Fault(
            kind="two_writers",
            message=f"assets {one.name} ({one.location}) and {other.name} both write {place}, as {first.uri} and as "
            f"{second.uri}",
            hint="A dataset has one writer: give one of them another URI.",
            where=other.location,
        )
    return Fault(
        kind="two_spellings",
        message=f"dataset {second.uri} is the same place as dataset {first.uri} ({first.location}): {place}",
        hint=f"Name one dataset in one way: write {(first if other is None else second).uri!r} at both.",
        where=second.location,
    )


class _Root:
    """Where URIs lie under a data root, in one spelling for each place, whatever links lead to it."""

    def __init__(self, root: str) -> None:
        given = root.removeprefix("file://")
        self._local = "://" not in given
        self._root = _composed(os.path.realpath(given)) if self._local else root
        self._folder = cache(self._real)

    def located(self, uri: str) -> str:
        """`file://` and a path, or the URI with the root applied; like a URI, with a slash at the end of a folder."""
        path = uris.local_path(uri)
        if path is not None:
            folder, _, last = path.rstrip("/").rpartition("/")
            return f"file://{self._folder(folder)}/{last}" + ("/" if path.endswith("/") else "")
        if self._local and not uris.split(uri).scheme:
            return f"file://{self._root}/{uri}"
        try:
            return uris.normalise(uris.locate(uri, self._root))
        except InvalidURI:  # a root that no dataset could lie at; it is not for us to say so
            return uris.locate(uri, self._root)

    def _real(self, folder: str) -> str:
        """A folder without links, but for those below the data root: there a link may be the head of a dataset."""
        parts = folder.split("/")
        for count in range(1, len(parts) + 1):
            if self._local and _composed(os.path.realpath("/".join(parts[:count]) or "/")) == self._root:
                return "/".join([self._root, *parts[count:]])
        return _composed(os.path.realpath(folder or "/"))


def _composed(path: str) -> str:
    return unicodedata.normalize("NFC", path)


def _unwritable(catalogue: Catalogue, settings: ProjectSettings) -> Iterator[Fault]:
    """Outputs that lie where nothing can be written. What may be data without files is not told before it is made."""
    outputs = [
        (asset, uri)
        for asset in catalogue.assets.values()
        for uri in asset.outputs
        if asset.given(uri).kind not in {None, ValueKind.OPAQUE}
    ]
    under_root = next((uri for _, uri in outputs if not uris.split(uri).scheme), None)
    if under_root is not None and (why := unwritable(settings.data_root)):
        yield Fault(
            kind="unwritable_place",
            message=f"the setting `data_root` is {uris.redacted(settings.data_root)}, and {why}; assets write there, "
            f"{under_root} for one",
            hint="Set `data_root` to a folder or a store that can be written, e.g. s3://bucket/prefix.",
        )
    for asset, uri in outputs:
        if uris.split(uri).scheme and (why := unwritable(uri) or _nameless(uri)):
            yield Fault(
                kind="unwritable_place",
                message=f"asset {asset.name} writes the dataset {uri}, and {why}",
                hint="Give it a URI under the data root, or on a store that can be written, e.g. s3://bucket/x.",
                where=asset.location,
            )


def _nameless(uri: str) -> str:
    """Why no file can be written at a URI that names a host and nothing on it; "" where it names more."""
    return "" if uris.split(uri).path else "it names a host, and no file or folder there"


def require_writable(place: Place, dataset: str) -> None:
    """Something can be written at the place, as far as its protocol says.

    Raises
    ------
    StorageFault: nothing can.
    """
    if place.remote and (why := unwritable(place.root) or _nameless(f"{place.root}/{place.path}".removesuffix("/."))):
        raise StorageFault(
            f"dataset {dataset!r}: nothing can be written at {place.target}: {why}",
            hint="Give it a URI on a folder or a store that can be written, or set another `data_root`.",
        )
