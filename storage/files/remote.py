"""Roots that are URLs: what the rest of `files` asks of an object store or another machine, through fsspec.

Listings are never cached, every failure is an OSError, and what arrives under a name is whole. That nothing is at a URL
is said only where the store says so: a server that does not answer, or answers with an error, has been asked in vain.
"""

from __future__ import annotations

import errno
import json
import os
import time
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from email.utils import parsedate_to_datetime
from itertools import count
from typing import Any, cast

import fsspec

from ..errors import MissingExtra, UnknownProtocol
from .hashing import digest_of_file
from .layout import Place, new_path

_counter = count()
_WHOLE_AT_ONCE = frozenset({"s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "adl", "r2", "oss", "oci", "memory"})
"""Stores on which an upload appears whole or not at all; elsewhere it goes to another name first."""
_READ_ONLY = frozenset({"data", "ftp", "gist", "git", "github", "http", "https", "jlab", "jupyter", "libarchive"})
_WEB = ("http://", "https://")
_GONE = frozenset({404, 410})
_EXTRAS = {"s3": "s3", "s3a": "s3"}
_SETTLED_SECONDS = 60.0
"""Web servers and many stores date a file by the second, by a clock of their own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One file where others write.

    Attributes
    ----------
    path: below what was asked for; "" for that itself.
    stamp: what changes when it is overwritten; "" where the store says nothing that does.
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

    def __init__(self, root: str, options: Mapping[str, Any]) -> None:
        protocol = root.partition("://")[0]
        try:
            kind: Any = fsspec.get_filesystem_class(protocol)  # pyright: ignore[reportUnknownMemberType]
        except ImportError as error:
            extra = _EXTRAS.get(protocol)
            raise MissingExtra(
                f"{protocol}:// needs a library that is not installed: {error}",
                hint=f"pip install 'penstock[{extra}]'" if extra else "Install the fsspec package for that protocol.",
            ) from error
        except ValueError as error:
            raise UnknownProtocol(
                f"{protocol}:// is a protocol that no installed library knows",
                hint="Correct the scheme of the URI, or install the fsspec package that brings it.",
            ) from error
        with _as_os_errors(root):
            given = {**kind._get_kwargs_from_urls(root), **options}  # noqa: SLF001 - the host, where it needs one
            self._fs: Any = fsspec.filesystem(protocol, use_listings_cache=False, **given)  # pyright: ignore
        self._whole_at_once = protocol in _WHOLE_AT_ONCE

    def look(self, url: str) -> Found | None:
        """The file at a URL; None where there is none."""
        try:
            with _as_os_errors(url):
                info = self._fs.info(url)
                return _found("", info) if info["type"] == "file" else None
        except FileNotFoundError:
            return None

    def below(self, url: str) -> list[Found]:
        """Every file below a URL, sorted by path."""
        prefix = f"{self._named(url)}/"
        if self._whole_at_once:
            try:
                with _as_os_errors(url):
                    infos = cast("dict[str, dict[str, Any]]", self._fs.find(url, detail=True))
                    found = [
                        _found(name[len(prefix) :], info) for name, info in infos.items() if name.startswith(prefix)
                    ]
            except FileNotFoundError:
                return []
        else:
            found = list(self._walk(url, prefix))
        return sorted(found, key=lambda each: each.path)

    def _walk(self, url: str, prefix: str) -> Iterator[Found]:
        """Folder by folder: fsspec's own walk takes one that it cannot list for an empty one."""
        try:
            with _as_os_errors(url):
                infos = cast("list[dict[str, Any]]", self._fs.ls(url, detail=True))
        except FileNotFoundError:
            return
        own = self._named(url)
        for info in infos:
            name = str(info["name"]).rstrip("/")
            if not name.startswith(f"{own}/") or "?" in name or "#" in name:
                continue  # itself, or a link of a web page that is no file: another order of the same listing
            if info["type"] == "directory":
                yield from self._walk(name, prefix)
            elif not url.startswith(_WEB):
                yield _found(name[len(prefix) :], info)
            elif (one := self.look(name)) is not None:  # a web page lists names alone
                yield replace(one, path=name[len(prefix) :])

    def _named(self, url: str) -> str:
        return str(self._fs._strip_protocol(url)).rstrip("/")  # noqa: SLF001 - fsspec's own way to ask

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
        with suppress(FileNotFoundError), _as_os_errors(url):
            self._fs.rm_file(url)

    def read(self, url: str) -> bytes | None:
        """The bytes of a small file; None where there is none."""
        try:
            with _as_os_errors(url):
                return cast("bytes", self._fs.cat_file(url))
        except FileNotFoundError:
            return None

    def write(self, url: str, data: bytes) -> None:
        """The bytes are at the URL."""
        with _as_os_errors(url):
            self._fs.makedirs(url.rpartition("/")[0], exist_ok=True)
            self._fs.pipe_file(url, data)


def remote_of(place: Place) -> Remote:
    """The store of a remote place; one per process, host or bucket, and set of options.

    Raises
    ------
    MissingExtra: the library for its protocol is not installed, or nobody knows the protocol.
    OSError: its server does not let us in.
    """
    protocol, _, rest = place.root.partition("://")
    host = rest.partition("/")[0]
    key = f"{protocol}://{host} {json.dumps(place.storage_options, sort_keys=True, default=repr)}"
    if key not in _stores:
        _stores[key] = Remote(f"{protocol}://{host}", place.storage_options)
    return _stores[key]


_stores: dict[str, Remote] = {}


def unwritable(url: str) -> str:
    """Why nothing of ours can be written below a URL, whatever its server says; "" where it can be.

    >>> unwritable("ftp://host/x"), unwritable("s4://bucket/x"), unwritable("s3://bucket/x")
    ('ftp:// can only be read', 's4:// is a protocol that no installed library knows', '')
    """
    protocol, remote, _ = url.partition("://")
    if not remote:
        return ""
    if protocol in _READ_ONLY:
        return f"{protocol}:// can only be read"
    if protocol not in fsspec.available_protocols():
        return f"{protocol}:// is a protocol that no installed library knows"
    return ""


@contextmanager
def fetched(url: str, aside: str, place: Place) -> Generator[tuple[str, int]]:
    """Inside, a copy of what is at the URL lies at `aside`, a new path on this machine: its digest and its size.
    Afterwards it is gone, unless it was moved away.

    Raises
    ------
    OSError: it cannot be fetched; FileNotFoundError where it is not there.
    """
    os.makedirs(os.path.dirname(aside), exist_ok=True)
    try:
        remote_of(place).get(url, aside)
        yield digest_of_file(aside)
    finally:
        with suppress(FileNotFoundError):
            os.unlink(aside)


def digest_at(path: str, place: Place) -> tuple[str, int]:
    """The digest and the size of what is at a local path, or at a URL of the place's store.

    Raises
    ------
    OSError: it cannot be read or fetched; FileNotFoundError where it is not there.
    """
    if not place.remote:
        return digest_of_file(path)
    with fetched(path, new_path(place, "look"), place) as found:
        return found


def _found(path: str, info: Mapping[str, Any]) -> Found:
    etag = next((info[name] for name in _ETAGS if info.get(name)), None)
    seconds = _seconds(next((info[name] for name in _MOMENTS if info.get(name)), None))
    size = info.get("size")
    stamp = f"etag:{str(etag).strip(chr(34))}" if etag else f"time:{seconds}" if seconds and size is not None else ""
    settled = bool(etag) or seconds < time.time() - _SETTLED_SECONDS
    return Found(path=path, size=int(size or 0), stamp=stamp, settled=settled, modified=seconds)


_ETAGS = ("ETag", "etag", "md5Hash", "content_md5", "Content-MD5", "Digest")  # s3fs and web, gcsfs and adlfs, by age
_MOMENTS = ("LastModified", "last_modified", "Last-Modified", "updated", "mtime", "modified", "created")


def _seconds(moment: Any) -> float:
    """A time as seconds since 1970, in whichever form a store gives it; 0 where it gives none that can be read."""
    if isinstance(moment, str):
        for read in (datetime.fromisoformat, parsedate_to_datetime):
            with suppress(ValueError):
                return read(moment).timestamp()
        return 0.0
    return moment.timestamp() if isinstance(moment, datetime) else float(moment or 0.0)


@contextmanager
def _as_os_errors(url: str) -> Generator[None]:
    """Inside, everything that goes wrong is an OSError; a FileNotFoundError only where the store says that nothing is
    there: fsspec says so of a web server whatever has gone wrong, and keeps what it was as the cause."""
    try:
        yield
    except FileNotFoundError as error:
        cause = error.__cause__
        if cause is None or not url.startswith(_WEB) or getattr(cause, "status", None) in _GONE:
            raise
        raise OSError(errno.EIO, _answer(cause), url) from error
    except OSError:
        raise
    except Exception as error:  # a client library's own, of which each store has another
        if url.startswith(_WEB) and getattr(error, "status", None) in _GONE:
            raise FileNotFoundError(errno.ENOENT, _answer(error), url) from error
        raise OSError(errno.EIO, _answer(error), url) from error


def _answer(error: BaseException) -> str:
    """What went wrong, in words: the status of a web server, or the error as it is."""
    status = getattr(error, "status", None)
    if isinstance(status, int):
        return f"the server answered {status} {getattr(error, 'message', '')}".rstrip()
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


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
