"""The identity of a dataset: one spelling for one place.

`normalise` is called once, at the door; everything behind it trusts what came out and compares text with text. Pure:
looks at no disk, knows no data root, resolves no link.

The rules, each where two spellings would otherwise make two datasets of one file, or one of two:

- Without a scheme it is a path under the data root (`chunks.parquet`, `models/ranker/`). An absolute local path is
  `file:///…`. A trailing slash marks a directory.
- `s3a`, `s3n` are `s3`; `gcs` is `gs`; `local` is `file`; `file:/x` is `file:///x`. Schemes and hosts are lower case;
  buckets, containers and paths keep their case.
- Doubled slashes collapse and `.` goes. `..` is resolved on the text (`a/../b` is `b`: a link `a` is not followed) and
  refused where it would leave the root, the bucket or the host.
- **What is written is what the name is.** Without a scheme and in buckets `%` is an ordinary character and is never
  decoded, as object stores and file systems have it: `a b` and `a%20b` are two files. Where the scheme's own standard
  has escapes they are read and brought to one form: `http(s)` as RFC 3986 §6.2.2 says (`a b` and `a%20b` are one page);
  `file` because `Path.as_uri()` writes them, so there `%`, `?` and `#` in a name are escaped and nothing else is
  (`/a%20b` is `file:///a%2520b`, `file:///a%20b` is `file:///a b`). `split` and `local_path` give the plain path.
- Letters are composed (Unicode NFC), so that a name typed on a Mac is the name typed elsewhere. What others wrote under
  the decomposed name is found where the data is looked at (`files/listing.py`).
- Refused: credentials, query, fragment, backslashes, control characters, a path into `.penstock/`. No message ever
  repeats what stood before an `@` or after a `?`.
"""

from __future__ import annotations

import os
import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import NoReturn
from urllib.parse import quote, unquote

from .errors import InvalidURI

OWN_FOLDER = ".penstock"
"""Where penstock keeps objects and staging beside the data; nobody's dataset lies there."""

_ALIASES = {"s3a": "s3", "s3n": "s3", "gcs": "gs", "local": "file"}
_BUCKETS = frozenset({"s3", "gs", "az", "abfs", "abfss", "adl", "r2", "oss", "cos", "b2", "oci", "memory"})
_BEFORE_AT_IS_A_CONTAINER = frozenset({"abfs", "abfss", "wasb", "wasbs"})  # abfs://container@account.dfs…/path
_HOSTS = frozenset({"http", "https", "ftp", "ftps", "sftp", "ssh", "hdfs", "webhdfs", "smb", "postgres", "postgresql"})
_ESCAPED = frozenset({"http", "https"})
_DEFAULT_PORTS = {"http": "80", "https": "443"}

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://(.*)", re.DOTALL)
_SCHEME_WITHOUT_SLASHES = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_CREDENTIALS_IN_PATH = re.compile(r"[^/]*:[^/]*@|[A-Za-z][A-Za-z0-9+.-]*:.*@", re.DOTALL)
_PORT = re.compile(r":([0-9]*)$")
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_UNSPEAKABLE = frozenset({"Cc", "Cs", "Zl", "Zp"})  # controls, lone surrogates (no UTF-8 form), line separators


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """The parts of an identity.

    Attributes
    ----------
    scheme: `"s3"`; "" for a path under the data root.
    authority: bucket, container or host; "" for local files and paths under the data root.
    path: `"raw/docs.parquet"`, without the escapes of `file`; begins with a slash for `file` alone, ends with one for a
        directory.
    """

    scheme: str
    authority: str
    path: str


def normalise(uri: str | os.PathLike[str]) -> str:
    """The identity of the dataset at `uri`; `normalise` of an identity is the identity itself.

    >>> normalise("S3A://Corpus//raw/./docs.parquet")
    's3://Corpus/raw/docs.parquet'
    >>> normalise("/data/x.csv"), normalise("file:/data/x.csv"), normalise("./models//ranker/")
    ('file:///data/x.csv', 'file:///data/x.csv', 'models/ranker/')

    Raises
    ------
    InvalidURI: it cannot be an identity; the message says why and what to write, without credentials or query.
    """
    text = _text(uri)
    if text.lower().startswith("file:") and not text.lower().startswith("file://"):
        text = "file://" + text[len("file:") :]
    match = _SCHEME.match(text)
    if match is None and _CREDENTIALS_IN_PATH.match(text):
        _refuse_credentials(text)
    _refuse_query(text)
    if match is None:
        return _local(text, text) if text.startswith("/") else _relative(text)
    scheme = _ALIASES.get(match[1].lower(), match[1].lower())
    authority, slash, rest = match[2].partition("/")
    if scheme == "file":
        return _file(text, authority, slash + rest)
    return _remote(text, scheme, authority, slash + rest)


def split(uri: str) -> Parts:
    """The parts of an identity (what `normalise` gave).

    >>> split("s3://corpus/raw/docs.parquet")
    Parts(scheme='s3', authority='corpus', path='raw/docs.parquet')
    >>> split("models/ranker/").path, split("file:///data/x.csv").path
    ('models/ranker/', '/data/x.csv')

    Raises
    ------
    InvalidURI: it is no identity: empty, or an absolute path that was not normalised.
    """
    match = _SCHEME.match(uri)
    if match is None:
        if not uri or uri.startswith("/"):
            _refuse(uri, "is not a normalised URI", "Pass it through `normalise` first.")
        return Parts(scheme="", authority="", path=uri)
    if match[1] == "file":
        return Parts(scheme="file", authority="", path=unquote(match[2]))
    authority, _, path = match[2].partition("/")
    return Parts(scheme=match[1], authority=authority, path=path)


@lru_cache(maxsize=4096)
def suffix(uri: str) -> str:
    """The last suffix of an identity in lower case; "/" for a directory, "" where there is none.

    >>> suffix("a/b.tar.GZ"), suffix("models/ranker/"), suffix("packages"), suffix(".hidden")
    ('.gz', '/', '', '')
    """
    path = split(uri).path
    if path.endswith("/"):
        return "/"
    stem, dot, last = path.rpartition("/")[2].rpartition(".")
    return f".{last.lower()}" if dot and stem.strip(".") and last else ""


def name_of(uri: str) -> str:
    """The last part of an identity without its last suffix: what a dataset is called if nobody says otherwise.

    >>> name_of("s3://corpus/raw/docs.parquet"), name_of("models/ranker.v2/"), name_of("python://packages")
    ('docs', 'ranker.v2', 'packages')
    """
    parts = split(uri)
    if not parts.path:
        return parts.authority
    last = parts.path.rstrip("/").rpartition("/")[2]
    ending = suffix(uri)
    return last if ending in {"", "/"} else last[: -len(ending)]


def is_inside(inner: str, outer: str) -> bool:
    """Whether the dataset `inner` lies in the folder of the dataset `outer`; no dataset lies in itself.

    A local file has no children, so anything below it counts too, as does the folder of the same name; on an object
    store `a` and `a/b` live side by side.

    >>> is_inside("models/ranker/card.json", "models/ranker/"), is_inside("models/ranker2/", "models/ranker/")
    (True, False)
    """
    if inner == outer:
        return False
    if outer.endswith("/"):
        return inner.startswith(outer)
    return split(outer).scheme in {"", "file"} and inner.startswith(outer + "/")


def local_path(uri: str) -> str | None:
    """The path of a `file` identity on this machine; None for one that lies elsewhere or under the data root.

    >>> local_path("file:///data/x.csv"), local_path("s3://b/x.csv")
    ('/data/x.csv', None)
    """
    parts = split(uri)
    return parts.path if parts.scheme == "file" else None


def locate(uri: str, root: str) -> str:
    """Where an identity lies when the data root is `root` (a local folder or a URI, with or without a last slash).

    >>> locate("chunks.parquet", "s3://corpus/prod"), locate("s3://b/x.csv", "/data")
    ('s3://corpus/prod/chunks.parquet', 's3://b/x.csv')
    """
    return uri if split(uri).scheme else f"{root.rstrip('/')}/{uri}"


def without_credentials(text: str) -> str:
    """Any text as it may be kept: what stands before the `@` of a URL in it is left out.

    >>> without_credentials("cannot reach postgres://me:secret@host/db")
    'cannot reach postgres://…@host/db'
    """
    return re.sub(r"(?<=://)[^/@\s'\"]+@", "…@", text)


def redacted(uri: str) -> str:
    """`uri` as it may be printed: without what stands before an `@`, after a `?` or after a `#`.

    >>> redacted("https://me:secret@host/x?token=1")
    'https://…@host/x?…'
    """
    before, at, after = uri.rpartition("@")
    if at:
        match = re.match(r"([A-Za-z][A-Za-z0-9+.-]*:/+)", before)
        uri = f"{match[1] if match else ''}…@{after}"
    shown = re.sub(r"([?#]).*", r"\1…", uri, flags=re.DOTALL)
    return "".join(c if unicodedata.category(c) not in _UNSPEAKABLE else ascii(c)[1:-1] for c in shown)


def _refuse(uri: str, what: str, hint: str) -> NoReturn:
    raise InvalidURI(f"URI {redacted(uri)!r} {what}", hint=hint)


def _text(uri: str | os.PathLike[str]) -> str:
    """The URI as composed text, neither empty nor with white space around it."""
    try:
        raw = os.fspath(uri)
    except TypeError:
        hint = 'Write it as a string: "chunks.parquet", "s3://bucket/x".'
        raise InvalidURI(f"a URI is text, found {type(uri).__name__}", hint=hint) from None
    text = unicodedata.normalize("NFC", raw)
    if not text.strip():
        raise InvalidURI("a URI is empty", hint='Name a file ("chunks.parquet") or a directory ("models/ranker/").')
    if text != text.strip():
        _refuse(text, "begins or ends with white space", "Remove the white space around it.")
    return _speakable(text, text)


def _speakable(text: str, name: str) -> str:
    """`name`, composed, if no character in it is one that no name should have."""
    if any(unicodedata.category(character) in _UNSPEAKABLE for character in name):
        _refuse(text, "has a control character in it", "Remove line breaks, tabs and other invisible characters.")
    if "\\" in name:
        _refuse(text, "has a backslash in it", "Separate folders by `/`; for a Windows path write `file:///C:/…`.")
    return unicodedata.normalize("NFC", name)


def _refuse_credentials(text: str) -> NoReturn:
    _refuse(
        text,
        "carries credentials, and an identity is stored and shown",
        "Leave them out of the URI; give them to the storage library through its own configuration or environment.",
    )


def _refuse_query(text: str) -> None:
    mark = next((character for character in text if character in "?#"), "")
    if mark:
        word = "query" if mark == "?" else "fragment"
        _refuse(
            text,
            f"has a {word} (what follows `{mark}`), and a {word} is no part of where data lies",
            f"Leave it out. An API with parameters is a `@source`; a local file with `{mark}` in its name is written "
            "by `Path(…).as_uri()`, in a bucket it has to be renamed.",
        )


def _relative(text: str) -> str:
    path = _walk(text, text)
    if _SCHEME_WITHOUT_SLASHES.match(path):
        scheme = path.partition(":")[0]
        hint = f"Write `file:///{path}`." if len(scheme) == 1 else f"Write `{scheme}://…`; a file called so, rename."
        _refuse(text, f"begins with {scheme + ':'!r} but not with {scheme + '://'!r}", hint)
    if path.startswith("~"):
        _refuse(text, "begins with `~`, which only a shell expands", "Write the whole path: `Path.home() / …`.")
    return path


def _local(text: str, path: str) -> str:
    return "file:///" + re.sub(r"[%?#]", lambda mark: f"%{ord(mark[0]):02X}", _walk(text, path))


def _file(text: str, authority: str, path: str) -> str:
    if "@" in authority:
        _refuse_credentials(text)
    if authority and authority.lower() != "localhost":
        _refuse(
            text,
            "names a host, and a local file has none",
            "Write three slashes for an absolute path (`file:///data/x.csv`), or leave the scheme out for a path under "
            "the data root.",
        )
    if not path.startswith("/"):
        _refuse(text, "names no file", "Write an absolute path: `file:///data/x.csv`.")
    try:
        return _local(text, _speakable(text, unquote(path, errors="strict")))
    except UnicodeDecodeError:
        _refuse(text, "has escapes that are no UTF-8", "Escape the name as `Path(…).as_uri()` does.")


def _remote(text: str, scheme: str, authority: str, path: str) -> str:
    if scheme == "memory" and not authority:  # fsspec reads memory:///a/b and memory://a/b alike
        authority, _, path = path.lstrip("/").partition("/")
    authority = _authority(text, scheme, authority)
    if scheme in _ESCAPED:
        path = _escaped(path)
    if not path.strip("/") and scheme not in _BUCKETS:
        return f"{scheme}://{authority}"
    return f"{scheme}://{authority}/{_walk(text, path)}"


def _authority(text: str, scheme: str, authority: str) -> str:
    container, at, host = authority.rpartition("@")
    if at and (scheme not in _BEFORE_AT_IS_A_CONTAINER or ":" in container or not container):
        _refuse_credentials(text)
    if not (host if at else authority).strip(".") or authority.startswith(":"):
        _refuse(text, "names no bucket or host", f"Write `{scheme}://bucket/path`.")
    port = _PORT.search(authority)
    bare = authority[: port.start()] if port else authority
    # A secret may hold a slash: `https://user:80/cret@host` looks like port 80 and a path. With an `@` behind it, a
    # colon is never believed; without, it may be that of a port, an IPv6 address or an ARN.
    if ":" in authority and "@" in text:
        _refuse_credentials(text)
    if (":" in bare and not bare.startswith(("[", "arn:"))) or (port and scheme in _BUCKETS):
        _refuse(
            text, "has a colon in its bucket or host that is no port", "Write `s3://bucket/…`, `https://host:8443/…`."
        )
    if scheme not in _HOSTS:
        return authority
    bare = unicodedata.normalize("NFC", bare.lower())
    number = port[1] if port else ""
    return bare if number in {"", _DEFAULT_PORTS.get(scheme)} else f"{bare}:{number}"


def _escaped(path: str) -> str:
    """The one form of a web path: escapes in upper case, none where none is needed, everything else escaped."""

    def one(match: re.Match[str]) -> str:
        character = chr(int(match[1], 16))
        return character if character in _UNRESERVED else match[0].upper()

    pieces = re.split(r"(%[0-9A-Fa-f]{2})", path)
    return "".join(_ESCAPE.sub(one, p) if i % 2 else quote(p, safe="/:@!$&'()*+,;=~") for i, p in enumerate(pieces))


def _walk(text: str, path: str) -> str:
    """The path without doubled slashes, `.` and `..`, never empty; a last slash stays."""
    kept: list[str] = []
    parts = path.split("/")
    for part in parts:
        if part == "..":
            if not kept:
                _refuse(text, "leaves its root by `..`", "Write the path without `..`, or an absolute one.")
            kept.pop()
        elif part not in {"", "."}:
            kept.append(part)
    if not kept:
        _refuse(text, "names no file or directory below its root", "Name one: `chunks.parquet`, `models/ranker/`.")
    if any(part.casefold() == OWN_FOLDER for part in kept):
        _refuse(text, f"lies in `{OWN_FOLDER}/`, which penstock keeps for itself", "Choose another folder.")
    is_directory = parts[-1] in {"", ".", ".."}
    return "/".join(kept) + ("/" if is_directory else "")


@lru_cache(maxsize=1024)
def _pattern(pattern: str) -> re.Pattern[str]:
    return re.compile("[^/]*".join(map(re.escape, pattern.split("*"))))


def matches(pattern: str, uri: str) -> bool:
    """Whether an identity is one of those that a pattern means: `*` stands for anything but a slash.

    >>> matches("s3://corpus/raw/*/docs.parquet", "s3://corpus/raw/2026/docs.parquet")
    True
    >>> matches("s3://corpus/raw/*/docs.parquet", "s3://corpus/raw/2026/05/docs.parquet")
    False
    """
    return _pattern(pattern).fullmatch(uri) is not None
