"""Where data lies → what OpenLineage calls it.

A dataset of OpenLineage is a namespace (the store) and a name (unique in the store), by the rules of
https://openlineage.io/docs/spec/naming. Two producers that name one file alike are joined by every consumer; two that
do not, never. Pure; must never look at a disk or resolve a host.

| URI | namespace | name |
| --- | --- | --- |
| `file:///data/x.csv` | `file` | `/data/x.csv` |
| `file://host/data/x.csv` | `file://host` | `/data/x.csv` |
| `s3://bucket/raw/x.csv` | `s3://bucket` | `raw/x.csv` |
| `gs://bucket/raw/x.csv` | `gs://bucket` | `raw/x.csv` |
| `abfss://container@account.dfs.core.windows.net/x` | `abfss://container@account.dfs.core.windows.net` | `/x` |
| `wasbs://container@account.dfs.core.windows.net/x` | `wasbs://container@account.dfs.core.windows.net` | `x` |
| `hdfs://namenode:8020/x` | `hdfs://namenode:8020` | `/x` |
| `dbfs://workspace/x` | `dbfs://workspace` | `/x` |
| `postgres://host/db/schema/table` | `postgres://host:5432` | `db.schema.table` |
| `snowflake://org-account/DB/SCHEMA/TABLE` | `snowflake://org-account` | `DB.SCHEMA.TABLE` |
| `bigquery://project/dataset/table` | `bigquery` | `project.dataset.table` |
| `kafka://host:9092/topic` | `kafka://host:9092` | `topic` |
| `anything://place/a/b` (no rule exists) | `anything://place` | `a/b` |

Aliases are brought to one scheme (`s3a` → `s3`). The last slash of a directory goes: it is penstock's mark, no part of
the name. What is written is what the name is: `%` is not decoded (as in `storage.uri`).
"""

from __future__ import annotations

import re
from functools import lru_cache
from urllib.parse import quote

from ..storage.errors import Bug
from .facts import SourceLocation

_ALIASES = {
    "s3a": "s3",
    "s3n": "s3",
    "gcs": "gs",
    "abfs": "abfss",
    "wasb": "wasbs",
    "local": "file",
    "postgresql": "postgres",
    "mariadb": "mysql",
    "mssql": "sqlserver",
}
_FROM_THE_ROOT = frozenset({"file", "abfss", "hdfs", "dbfs"})  # the name is a path, with its first slash
_TABLES = {  # the name is dotted; the port stands in the namespace even where it is the usual one
    "postgres": "5432",
    "mysql": "3306",
    "sqlserver": "1433",
    "oracle": "1521",
    "redshift": "5439",
    "trino": "8080",
    "teradata": "1025",
    "cassandra": "9042",
    "hive": "10000",
    "db2": "50000",
    "crate": "5432",
    "oceanbase": "2881",
    "snowflake": "",
    "awsathena": "",
}
_ESCAPED = frozenset({"http", "https"})
_CONTAINERS = frozenset({"abfss", "wasbs"})  # what stands before their @ is no user
_PORT = re.compile(r":[0-9]+$")
_IPV6 = re.compile(r"\[[0-9A-Fa-f:.]+\]")
_STRAY_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_keep = lru_cache(maxsize=4096)  # each event of a run asks again for the same few
_IN_HOSTS = "!$&'()*+,;="
_IN_PATHS = "/:@" + _IN_HOSTS


@_keep
def dataset_name(uri: str) -> tuple[str, str]:
    """The namespace and the name of the dataset at an absolute URI.

    >>> dataset_name("file:///data/chunks.parquet"), dataset_name("s3a://corpus/models/ranker/")
    (('file', '/data/chunks.parquet'), ('s3://corpus', 'models/ranker'))

    Raises
    ------
    Bug: the URI is relative: the data root was not applied.
    """
    scheme, authority, path = _parts(uri)
    inner = "/".join(part for part in path.split("/") if part)
    if scheme == "bigquery":
        return "bigquery", ".".join(part for part in (authority, *inner.split("/")) if part)
    namespace = source_name(uri)
    if scheme in _TABLES:
        return namespace, inner.replace("/", ".") or authority
    if scheme in _FROM_THE_ROOT:
        return namespace, f"/{inner}"
    return namespace, inner or "/"


@_keep
def source_name(uri: str) -> str:
    """The namespace of the store that holds the dataset at an absolute URI.

    >>> source_name("file:///data/x.csv"), source_name("postgresql://db/a/b/c")
    ('file', 'postgres://db:5432')

    Raises
    ------
    Bug: the URI is relative: the data root was not applied.
    """
    scheme, authority, _ = _parts(uri)
    if scheme == "bigquery" or (scheme == "file" and not authority):
        return scheme
    port = _TABLES.get(scheme)
    return f"{scheme}://{authority}:{port}" if port and not _PORT.search(authority) else f"{scheme}://{authority}"


@_keep
def source_uri(uri: str) -> str:
    """The store that holds the dataset at an absolute URI, as a URI by RFC 3986.

    >>> source_uri("file:///data/x.csv"), source_uri("s3://corpus/x.csv")
    ('file:///', 's3://corpus')
    """
    name = source_name(uri)
    return quoted(name) if "://" in name else {"file": "file:///", "bigquery": "bigquery://"}[name]


def quoted(uri: str) -> str:
    """`uri` with everything escaped that RFC 3986 does not allow to stand in it; consumers check the format.

    >>> quoted("file:///data/a b%20c.csv")
    'file:///data/a%20b%2520c.csv'
    >>> quoted("https://host/a%20b")
    'https://host/a%20b'
    """
    scheme, mark, rest = uri.partition("://")
    authority, slash, path = rest.partition("/")
    escapes = "%" if scheme in _ESCAPED else ""
    path, hash_mark, place = path.partition("#") if escapes else (path, "", "")
    path = _escaped(path, _IN_PATHS + escapes + ("?" if escapes else ""))
    return scheme + mark + _authority(authority) + slash + path + hash_mark + _escaped(place, _IN_PATHS + "?%")


def source_code_url(source: SourceLocation) -> str:
    """Where the code of a job is seen: in its repository's web view, if it is there, or the file on this machine.

    >>> place = SourceLocation(path="flows/a.py", line=3, repo_url="git@github.com:acme/corpus.git", commit="5ec1")
    >>> source_code_url(place)
    'https://github.com/acme/corpus/blob/5ec1/flows/a.py#L3'
    """
    if source.url:
        return quoted(public_address(source.url) or "")
    repository = _web_address(source.repo_url or "") if source.commit and not source.dirty else ""
    path = (source.path if repository else source.file or source.path).lstrip("/")
    file = f"{repository}/blob/{source.commit}/{_escaped(path, _IN_PATHS)}" if repository else f"file:///{path}"
    return quoted(file) + ("" if source.line is None else f"#L{source.line}")


def _web_address(repo_url: str) -> str:
    """`git@host:team/repo.git` and `https://me@host/team/repo.git` as `https://host/team/repo`; "" if it is neither."""
    address = repo_url.removesuffix("/").removesuffix(".git")
    scheme, mark, rest = address.partition("://")
    if not mark:
        host, colon, path = address.partition(":")
        rest = f"{host}/{path}" if colon else ""
    elif scheme not in {"http", "https", "ssh", "git"}:
        rest = ""
    rest = _without_user(rest)
    return f"https://{rest}" if rest.partition("/")[2] else ""


def public_address(repo_url: str | None) -> str | None:
    """The address of a repository without the user and the token that a clone may have left in it.

    >>> public_address("https://me:t0ken@host/team/repo.git"), public_address("git@host:team/repo.git")
    ('https://host/team/repo.git', 'git@host:team/repo.git')
    """
    scheme, mark, rest = (repo_url or "").partition("://")
    return f"{scheme}://{_without_user(rest)}" if mark else repo_url


def _without_user(address: str) -> str:
    """`me:t0ken@host/team/repo` as `host/team/repo`."""
    host, slash, path = address.partition("/")
    return host.rpartition("@")[2] + slash + path


def _authority(authority: str) -> str:
    """Container, host and port; a colon elsewhere (an ARN as a bucket) and brackets but for IPv6 are escaped."""
    before, at, host = authority.rpartition("@")
    port = _PORT.search(host)
    bare = host[: port.start()] if port else host
    named = bare if _IPV6.fullmatch(bare) else _escaped(bare, _IN_HOSTS)
    return _escaped(before, _IN_HOSTS) + at + named + (port[0] if port else "")


def _escaped(text: str, keep: str) -> str:
    """`text` with everything but letters, digits, `-._~` and `keep` escaped; a `%` that is kept leads two digits."""
    escaped = quote(text.encode("utf-8", "replace"), safe=keep)
    return _STRAY_PERCENT.sub("%25", escaped) if "%" in keep else escaped


def _parts(uri: str) -> tuple[str, str, str]:
    """Scheme (never an alias), authority (never with a user) and path of an absolute URI."""
    scheme, mark, rest = uri.partition("://")
    if not mark and uri.startswith("/"):
        return "file", "", uri
    if not mark:
        raise Bug(
            f"{uri!r} is not absolute, and lineage needs to know where it lies", hint="Apply the data root first."
        )
    authority, slash, path = rest.partition("/")
    scheme = _ALIASES.get(scheme.lower(), scheme.lower())
    if scheme not in _CONTAINERS:
        authority = authority.rpartition("@")[2]
    if scheme == "file" and authority == "localhost":
        authority = ""
    return scheme, authority, slash + path
