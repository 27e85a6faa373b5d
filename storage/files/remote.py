"""Roots that are URLs: what the rest of `files` asks of an object store or another machine, through fsspec.

Listings are never cached, every failure is an OSError, and what arrives under a name is whole.
"""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from typing import Any, cast

import fsspec

from ..errors import MissingExtra
from .layout import Place

_counter = count()
_WHOLE_AT_ONCE = frozenset({"s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "adl", "r2", "oss", "oci", "memory"})
"""Stores on which an upload appears whole or not at all; elsewhere it goes to another name first."""
_EXTRAS = {"s3": "s3", "s3a": "s3"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One file where others write.

    Attributes
    ----------
    path: below what was asked for; "" for that itself.
    stamp: what changes when it is overwritten.
    settled: whether it can be overwritten with another content and keep its stamp no more.
    modified: seconds since 1970; 0 where the store does not say.
    """

    path: str
    size: int
    stamp: str
    settled: bool = True
    modified: float = 0.0


class Remote:
    """One store. Names are URLs as `Place` makes them."""

    def __init__(self, protocol: str, options: Mapping[str, Any]) -> None:
        try:
            self._fs: Any = fsspec.filesystem(protocol, use_listings_cache=False, **options)  # pyright: ignore
        except ImportError as error:
            extra = _EXTRAS.get(protocol)
            raise MissingExtra(
                f"{protocol}:// needs a library that is not installed: {error}",
                hint=f"pip install 'penstock[{extra}]'" if extra else "Install the fsspec package for that protocol.",
            ) from error
        self._whole_at_once = protocol in _WHOLE_AT_ONCE

    def look(self, url: str) -> Found | None:
        """The file at a URL; None where there is none."""
        with _as_os_errors(url):
            try:
                info = self._fs.info(url)
            except FileNotFoundError:
                return None
        return _found("", info) if info["type"] == "file" else None

    def below(self, url: str) -> list[Found]:
        """Every file below a URL, sorted by path."""
        with _as_os_errors(url):
            try:
                infos = cast("dict[str, dict[str, Any]]", self._fs.find(url, detail=True))
            except FileNotFoundError:
                return []
        prefix = str(self._fs._strip_protocol(url)).rstrip("/") + "/"  # noqa: SLF001 - fsspec's own way to ask
        return sorted(
            (_found(name[len(prefix) :], info) for name, info in infos.items() if name.startswith(prefix)),
            key=lambda each: each.path,
        )

    def put(self, local: str, url: str) -> None:
        """The bytes of a local file are at the URL."""
        with _as_os_errors(url):
            self._fs.makedirs(url.rpartition("/")[0], exist_ok=True)
            if self._whole_at_once:
                self._fs.put_file(local, url)
                return
            aside = f"{url}~{os.getpid()}-{next(_counter)}"
            self._fs.put_file(local, aside)
            self._fs.mv(aside, url)

    def get(self, url: str, local: str) -> None:
        """The bytes at the URL are in a new local file."""
        with _as_os_errors(url):
            self._fs.get_file(url, local)

    def copy(self, source: str, target: str) -> None:
        """The bytes at one URL are at the other, copied by the store itself where it can."""
        with _as_os_errors(target):
            self._fs.makedirs(target.rpartition("/")[0], exist_ok=True)
            self._fs.cp_file(source, target)

    def remove(self, url: str) -> None:
        """Nothing is at the URL."""
        with _as_os_errors(url):
            try:
                self._fs.rm_file(url)
            except FileNotFoundError:
                return

    def read(self, url: str) -> bytes | None:
        """The bytes of a small file; None where there is none."""
        with _as_os_errors(url):
            try:
                return cast("bytes", self._fs.cat_file(url))
            except FileNotFoundError:
                return None

    def write(self, url: str, data: bytes) -> None:
        """The bytes are at the URL."""
        with _as_os_errors(url):
            self._fs.makedirs(url.rpartition("/")[0], exist_ok=True)
            self._fs.pipe_file(url, data)


def remote_of(place: Place) -> Remote:
    """The store of a remote place; one per process and set of options.

    Raises
    ------
    MissingExtra: the library for its protocol is not installed.
    """
    protocol = place.root.partition("://")[0]
    key = f"{protocol} {json.dumps(place.storage_options, sort_keys=True, default=repr)}"
    if key not in _stores:
        _stores[key] = Remote(protocol, place.storage_options)
    return _stores[key]


_stores: dict[str, Remote] = {}


def _found(path: str, info: Mapping[str, Any]) -> Found:
    etag = next((info[name] for name in _ETAGS if info.get(name)), None)
    moment = next((info[name] for name in _MOMENTS if info.get(name)), None)
    seconds = _seconds(moment)
    stamp = f"etag:{str(etag).strip(chr(34))}" if etag else f"time:{seconds}"
    return Found(path=path, size=int(info["size"] or 0), stamp=stamp, modified=seconds)


_ETAGS = ("ETag", "etag", "md5Hash", "content_md5")  # s3fs, gcsfs and adlfs, by age
_MOMENTS = ("LastModified", "last_modified", "updated", "mtime", "modified", "created")


def _seconds(moment: Any) -> float:
    if isinstance(moment, str):
        moment = datetime.fromisoformat(moment)
    if isinstance(moment, datetime):
        return moment.timestamp()
    return float(moment or 0.0)


@contextmanager
def _as_os_errors(url: str) -> Generator[None]:
    try:
        yield
    except OSError:
        raise
    except Exception as error:  # a client library's own, of which each store has another
        raise OSError(errno.EIO, f"{type(error).__name__}: {error}", url) from error


def polars_options(place: Place) -> dict[str, str] | None:
    """The options with which polars itself opens an S3 URL of this place; None where it cannot be told all of them."""
    if not place.root.startswith(("s3://", "s3a://")):
        return None
    given: dict[str, Any] = {**place.storage_options}
    given.update(given.pop("client_kwargs", {}))
    options: dict[str, str] = {}
    for name, value in given.items():
        if name not in _POLARS_NAMES:
            return None
        options[_POLARS_NAMES[name]] = str(value).lower() if isinstance(value, bool) else str(value)
    if options.get("aws_endpoint_url", "").startswith("http://"):
        options["aws_allow_http"] = "true"
    return options


_POLARS_NAMES = {
    "key": "aws_access_key_id",
    "secret": "aws_secret_access_key",
    "token": "aws_session_token",
    "anon": "aws_skip_signature",
    "endpoint_url": "aws_endpoint_url",
    "region_name": "aws_region",
}
