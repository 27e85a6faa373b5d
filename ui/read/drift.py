"""Drift: what stands at a dataset's own URI is no longer what was put there. Told by looking, which changes nothing.

No version is touched by it: readers of ours read the version. Who reads the URI is misled.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from ...assets.declare.plain import asset_from_plain
from ...assets.run.project.lying import place_of
from ...storage.errors import MissingExtra, StorageFault
from ...storage.files.head import Standing, standing
from ...storage.files.layout import Place
from ...storage.meta import versions
from ...storage.meta.database.engine import Store, Transaction
from ...storage.meta.past import history
from ...storage.meta.versions import Head
from ...storage.settings import ProjectSettings
from ...storage.types import Publish

_AT_ONCE = 16
"""Requests to a store that are under way together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """A dataset whose URI is not what was put there.

    Attributes
    ----------
    digest: of the head, which should stand there.
    found: what is there instead; None where nobody can look, and `detail` says why.
    """

    dataset: str
    uri: str
    digest: str
    found: Standing | None
    detail: str = ""


def drift(store: Store, settings: ProjectSettings, *, stores: bool = False) -> tuple[Drift, ...]:
    """What drifted, by dataset: told by sizes, times and inodes, a small file by its content; no large file is read.

    A file that was only touched is `perhaps changed`. What is yet to be shown, after a crash, does not count.

    Parameters
    ----------
    stores: also look at URIs on object stores, by etag: two requests for each.
    """
    with store.read() as tx:
        wanted = [
            (name, head, place)
            for name, head in _shown(tx, store.project)
            for place in (place_of(head.uri, settings),)
            if stores or not place.remote
        ]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        asked = {head.uri: pool.submit(_look, name, head, place) for name, head, place in wanted if place.remote}
        found = [asked[head.uri].result() if place.remote else _look(name, head, place) for name, head, place in wanted]
    return tuple(one for one in found if one.found is not Standing.SHOWN)


def _shown(tx: Transaction, project: str) -> Iterator[tuple[str, Head]]:
    """(name, head) of every dataset with files that is declared now and was made equal to its head."""
    writing = {
        uri
        for declared in history.declared_assets(tx, project)
        for asset in (asset_from_plain(declared.definition),)
        if asset.policies.publish is Publish.COPY
        for uri in asset.outputs
    }
    known = [one for one in history.known_datasets(tx, project) if one.uri in writing and one.removed_at is None]
    behind = {head.dataset_id for head in versions.unshown(tx, project)}
    heads = versions.heads(tx, [one.id for one in known if one.id not in behind])
    for one in known:
        head = heads.get(one.id)
        if head is not None and head.manifest.token is None:
            yield one.name, head


def _look(name: str, head: Head, place: Place) -> Drift:
    found: Standing | None = None
    detail = ""
    try:
        found = standing(head.manifest, place, read=False)
    except (StorageFault, MissingExtra) as error:
        detail = error.message
    return Drift(dataset=name, uri=head.uri, digest=head.digest, found=found, detail=detail)
