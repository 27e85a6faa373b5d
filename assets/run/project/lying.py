"""Where each dataset lies: under the data root, or under the root that settings give for what lies elsewhere."""

from __future__ import annotations

import re

from ....storage import uri as uris
from ....storage.errors import UsageError
from ....storage.files.layout import Place
from ....storage.settings import ProjectSettings


def place_of(uri: str, settings: ProjectSettings, partition: str = "") -> Place:
    """Where a dataset lies: under the data root, or for a URI elsewhere under the root that settings give for it.

    Without such a setting a local file is kept beside itself, and an object in its bucket; partitions, which lie in
    folders of their own, above the first of these. `partition` is the identity of one of them.
    """
    parts = uris.split(uri)
    if not parts.scheme:
        root, path = settings.data_root, partition or uri
    else:
        root, path = _root_elsewhere(uri, settings)
        if partition:
            path = (uris.local_path(partition) or partition)[len(root.rstrip("/")) + 1 :]
    scheme = root.partition("://")[0] if "://" in root else "file"
    return Place(
        root=root,
        path=path,
        storage_options=settings.values.storage_options.get(scheme, {}),
        cache=f"{settings.home}/cache",
    )


def _root_elsewhere(uri: str, settings: ProjectSettings) -> tuple[str, str]:
    located = uris.local_path(uri) or uri
    bases = [
        root.rstrip("/") if "://" in root else str((settings.folder / root).absolute())
        for root in settings.values.roots
    ]
    for base in sorted(bases, key=len, reverse=True):
        if located.startswith(f"{base}/"):
            return base, located[len(base) + 1 :]
    if "://" in located and not uris.split(uri).path:
        return located, "."  # a host and nothing else: data without files, or the first page of a web server
    hole = _HOLE.search(located)
    folder, _, last = (located if hole is None else located[: hole.start()] + "_").rstrip("/").rpartition("/")
    if hole is not None and folder:
        return folder, located[len(folder) + 1 :]
    if not last or not folder:
        raise UsageError(f"the dataset {uri} lies at the top of its store", hint="Put it into a folder.")
    return folder, last + ("/" if uri.endswith("/") else "")


_HOLE = re.compile(r"\{[A-Za-z_][A-Za-z0-9_]*\}")


def absolute(uri: str, settings: ProjectSettings) -> str:
    """The URI with the data root applied, with a scheme: `file:///data/chunks.parquet`."""
    located = uris.locate(uri, settings.data_root)
    return located if "://" in located else f"file://{located}"
