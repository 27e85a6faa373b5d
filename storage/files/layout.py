"""Where bytes lie: one dataset's place, and the names of everything under `<root>/.penstock/`.

Names only: nothing here touches a disk.

    <root>/.penstock/root                           which root this is, by whatever path it is reached
    <root>/.penstock/objects/ab/<digest><suffix>    immutable, read-only, one file per content and suffix
    <root>/.penstock/staging/<run>~<attempt>-…      a file that an attempt of a run has staged
    <root>/.penstock/staging/<run>/…                directories that a producer writes into
    <root>/.penstock/views/<digest>/                a directory version for readers: hard links to objects
    <root>/.penstock/heads/<dataset>.json           what was put at the own URI of a large dataset
    <root>/.penstock/heads/<dataset>/               of a directory: the folders that its URI is a link to
    <root>/.penstock/aside/<dataset>/               foreign content that stood in the way of a head

A remote root (an fsspec URL) has `objects/`, `heads/` and `aside/`; its staging, its views and the copies that readers
need lie in a folder of this machine, `Place.local`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from ..errors import Bug
from ..manifest import FileEntry, Manifest, digest_of
from ..uri import OWN_FOLDER, suffix

_PLAIN_SUFFIX = re.compile(r"\.[a-z0-9_+-]{1,32}")
_RUN_ID = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}")
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_counter = count()


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where one dataset lies, and beside which objects its versions are kept.

    Attributes
    ----------
    root: an absolute folder, or an fsspec URL (`"s3://bucket/prefix"`); no slash at its end.
    path: relative to the root, with forward slashes; a slash at its end marks a directory.
    storage_options: what fsspec needs to open a remote root (endpoint, credentials); never stored or shown.
    cache: for a remote root, the local folder of staging and downloads; "" is a folder of this user's cache.
    """

    root: str
    path: str
    storage_options: Mapping[str, Any] = field(default_factory=dict[str, Any], repr=False, hash=False)
    cache: str = ""

    def __post_init__(self) -> None:
        if self.root.startswith("file://"):
            object.__setattr__(self, "root", self.root[len("file://") :])
        object.__setattr__(self, "root", self.root.rstrip("/") or "/")
        if not self.remote and not self.root.startswith("/"):
            raise Bug(f"a local root must be an absolute folder; found {self.root!r}")
        parts = self.path.rstrip("/").split("/")
        if "" in parts or ".." in parts or parts[0] == OWN_FOLDER:
            raise Bug(f"the path of a dataset lies below its root and outside {OWN_FOLDER}; found {self.path!r}")

    @property
    def remote(self) -> bool:
        """Whether the root is a URL rather than a folder of this machine."""
        return "://" in self.root

    @property
    def directory(self) -> bool:
        """Whether the dataset is a directory."""
        return self.path.endswith("/")

    @property
    def suffix(self) -> str:
        """The last suffix in lower case (`".parquet"`), "/" for a directory, "" where there is none."""
        return suffix(self.path)

    @property
    def target(self) -> str:
        """The dataset's own address: what the outside world reads. No slash at its end."""
        return f"{self.root.rstrip('/')}/{self.path.rstrip('/')}"

    @property
    def hidden(self) -> str:
        """`<root>/.penstock`."""
        return f"{self.root.rstrip('/')}/{OWN_FOLDER}"

    @property
    def local(self) -> str:
        """The folder of this machine that has `staging/` and `views/`: `hidden`, or for a remote root the cache."""
        if not self.remote:
            return self.hidden
        return f"{self.cache or default_cache()}/{digest_of(self.root.encode())[:16]}"

    @property
    def slug(self) -> str:
        """A short file name that belongs to this dataset alone: readable, and unique by a digest of its path.

        >>> Place(root="/data", path="models/größe 1/").slug
        'gr-e-1-3a1ae40e0ee7'
        """
        last = _UNSAFE.sub("-", self.path.rstrip("/").rpartition("/")[2]).strip("-.")[:40]
        return f"{last or 'data'}-{digest_of(self.path.encode())[:12]}"


def default_cache() -> str:
    """The folder for copies of remote data: `$XDG_CACHE_HOME/penstock`, else `~/.cache/penstock`."""
    return str(Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "penstock")


def run_folder(place: Place, run_id: str) -> str:
    """`<root>/.penstock/staging/<run id>`: what every staging name of this run begins with."""
    if not _RUN_ID.fullmatch(run_id):
        raise Bug(f"a run id is made of letters, digits, '.', '_' and '-'; found {run_id!r}")
    return f"{place.local}/staging/{run_id}"


def new_path(place: Place, run_id: str, ending: str = "", *, attempt: int = 1) -> str:
    """A staging name that nobody uses:
    `<root>/.penstock/staging/<run id>~<attempt>-<process>-<number>-<dataset><ending>`.

    An ending that is no plain suffix is left out: it can be nearly as long as a file name may be.
    """
    own = f"{run_folder(place, run_id)}~{attempt}-{os.getpid()}-{next(_counter)}"
    return f"{own}-{place.slug}{object_suffix(ending, '')}"


def object_path(folder: str, digest: str, ending: str) -> str:
    """The path of one object under `folder` (`Place.hidden`, or a cache).

    >>> object_path("/data/.penstock", "abcdef", ".json")
    '/data/.penstock/objects/ab/abcdef.json'
    """
    return f"{folder}/objects/{digest[:2]}/{digest}{ending}"


def object_of(folder: str, manifest: Manifest, entry: FileEntry) -> str:
    """The same of one file of a version: that of `vectors.parquet` lies at `<folder>/objects/ab/abcdef….parquet`."""
    return object_path(folder, entry.digest, object_suffix(manifest.suffix, entry.path))


def object_suffix(manifest_suffix: str, path: str) -> str:
    """The suffix under which a file of a version is kept, so that any tool can open the object.

    That of the dataset for a dataset of one file, else that of the file; "" where it is no plain suffix.

    >>> object_suffix(".parquet", ""), object_suffix("/", "weights/a.SAFETENSORS"), object_suffix("/", "a.b c")
    ('.parquet', '.safetensors', '')
    """
    if path:
        manifest_suffix = suffix(path)
    return manifest_suffix if _PLAIN_SUFFIX.fullmatch(manifest_suffix) else ""


def object_keys(manifest: Manifest) -> Iterator[tuple[str, str]]:
    """The (digest, suffix) of every object that a version needs: what `sweep` must be told is live.

    Observed versions (`etag:…`) need none.
    """
    for file in manifest.files:
        if ":" not in file.digest:
            yield file.digest, object_suffix(manifest.suffix, file.path)
