"""Whether the bytes of versions are still where they were kept. Looks at the files alone, and reads none of them."""

from __future__ import annotations

from collections.abc import Iterable

from ...assets.declare.partitions.paths import path_of
from ...assets.declare.partitions.plain import partitioning_from_plain
from ...assets.run.project.lying import place_of
from ...storage.errors import PenstockError
from ...storage.files.objects import present
from ...storage.meta.database.engine import Store
from ...storage.meta.past import tracing
from ...storage.settings import ProjectSettings
from .tracing import Traced


def absent(store: Store, settings: ProjectSettings, lines: Iterable[Traced]) -> dict[int, str]:
    """Those of the versions whose bytes are not there, by id, each with what is the matter in a sentence.

    What was only observed is not looked for: its bytes are not ours. Costs a look at each file of each version.
    """
    held = {one.version.id: one for one in lines if one.version.held}
    with store.read() as tx:
        manifests = tracing.manifests(tx, held)
        declared = tracing.declarations(tx, held)
    found: dict[int, str] = {}
    for number, one in held.items():
        uri, divided = one.version.uri, declared[number].get("partitions")
        try:
            key = path_of(uri, partitioning_from_plain(divided), one.partition) if divided and one.partition else ""
            place = place_of(uri, settings, key)
            if not present(manifests[number], place, dataset=one.version.dataset):
                found[number] = "its bytes are gone"
        except PenstockError as error:
            found[number] = f"its bytes cannot be looked at: {error.message}"
    return found
