"""What producers take and give beyond plain data: `Version`, `Output`, `Opaque`, `Skip`. Pure values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ...storage.manifest import Manifest


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """The pinned version of an input itself: what it consists of, without reading its bytes.

    A producer gets one for a parameter annotated `penstock.Version`.

    Attributes
    ----------
    dataset: name of the dataset.
    uri: its identity.
    digest: 64 hexadecimal digits, the digest of `manifest`.
    manifest: the files with path, size in bytes, rows and digest.
    published_at: when its newest event was published (UTC).
    metadata: what the producer said of it.
    """

    dataset: str
    uri: str
    digest: str
    manifest: Manifest
    published_at: datetime
    metadata: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class Output:
    """One output of a producer that writes several, yielded as soon as it is made.

    >>> Output("train", [1, 2]).name
    'train'
    """

    name: str
    value: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Opaque:
    """Data without files (a warehouse table, a vector store, a hosted model): `version` is the version.

    Attributes
    ----------
    version: a token that changes exactly when the data does, e.g. a snapshot id: `Opaque(version="snap-0042")`.
    metadata: plain JSON values, kept with the event.
    """

    version: str
    metadata: Mapping[str, Any] = field(default_factory=dict[str, Any])


class Skip(Exception):
    """There is nothing to be made: returned or raised by a producer, with the reason.

    The run is then `skipped`: nothing is published, the URI is left as it is, what it took is consumed, and nobody
    downstream hears of it. It is no failure. As the value of one of several outputs, it leaves that one out.

    Attributes
    ----------
    reason: what people are told; "" says nothing.

    >>> Skip("no new documents").reason
    'no new documents'
    """

    def __init__(self, reason: str = "") -> None:
        super().__init__(reason)
        self.reason = str(reason)
