"""The examples of URI normalisation that a reader needs."""

from __future__ import annotations

from pathlib import Path

import pytest

from penstock.storage.errors import InvalidURI
from penstock.storage.uri import Parts, is_inside, local_path, locate, name_of, normalise, redacted, split, suffix

SPELLINGS = {
    "chunks.parquet": ["chunks.parquet", "./chunks.parquet", ".//chunks.parquet", "x/../chunks.parquet"],
    "models/ranker/": ["models/ranker/", "models//ranker//", "./models/ranker/.", "models/ranker/old/.."],
    "file:///data/x.csv": [
        "/data/x.csv",
        "//data/x.csv",
        "file:/data/x.csv",
        "FILE:///data//x.csv",
        "local:///data/x.csv",
    ],
    "file:///data/a b/é.csv": ["/data/a b/é.csv", "file:///data/a%20b/%C3%A9.csv", "file:///data/a b/e%CC%81.csv"],
    "file:///data/100%25/a%2520b": ["/data/100%/a%20b", "file:///data/100%25/a%2520b", "file:///data/100%/a%2520b"],
    "file:///data/a%23b%3F": ["file:///data/a%23b%3f"],
    "file:///data/y.csv": ["file://localhost/data/y.csv", "/data/z/../y.csv"],
    "s3://Corpus/raw/Docs.parquet": [
        "s3://Corpus/raw/Docs.parquet",
        "S3A://Corpus//raw/./Docs.parquet",
        "s3n://Corpus/raw/Docs.parquet",
    ],
    "gs://b/x": ["gcs://b/x", "GS://b/x"],
    "https://example.com/a%20b": [
        "https://Example.COM/a b",
        "https://example.com:443/a%20b",
        "HTTPS://example.com/%61%20b",
    ],
    "https://example.com:8443/x%2Fy": ["https://example.com:8443/x%2fy"],
    "https://example.com": ["https://example.com/", "https://EXAMPLE.com"],
    "https://[::1]:8080/x": ["https://[::1]:8080/x"],
    "memory://a/b": ["memory://a/b", "memory:///a/b"],
    "abfss://box@account.dfs.core.windows.net/x": ["abfss://box@account.dfs.core.windows.net/x"],
    "s3://arn:aws:s3:eu-west-1:12:accesspoint/x/y": ["s3://arn:aws:s3:eu-west-1:12:accesspoint/x/y"],
    "python://packages": ["python://packages", "Python://packages/"],
    "caf\u00e9 \u2615.txt": ["cafe\u0301 \u2615.txt"],
    "100%/a%20b.txt": ["100%/a%20b.txt"],
    "10:30.txt": ["10:30.txt"],
    "s3://b/mail@home.txt": ["s3://b/mail@home.txt"],
}


@pytest.mark.parametrize(("identity", "spelling"), [(i, s) for i, many in SPELLINGS.items() for s in many])
def test_every_spelling_of_one_place_is_one_identity(identity: str, spelling: str) -> None:
    """Aliases, slashes, dots, case of scheme and host, and composed letters do not make a second dataset."""
    assert normalise(spelling) == identity
    assert normalise(identity) == identity


def test_percent_is_an_ordinary_character_where_the_scheme_has_no_escapes() -> None:
    """A space and its escape are two files on a disk and in a bucket, and one page on the web."""
    assert normalise("/b/a b") != normalise("/b/a%20b")
    assert normalise("b/a b") != normalise("b/a%20b")
    assert normalise("s3://b/a b") != normalise("s3://b/a%20b")
    assert normalise("http://b/a b") == normalise("http://b/a%20b")


def test_a_path_object_is_as_good_as_text() -> None:
    """`pathlib` paths are taken as they are spelled."""
    assert normalise(Path("/data/x.csv")) == "file:///data/x.csv"


@pytest.mark.parametrize("path", ["/data/a b.csv", "/data/é/100%.csv", "/data/a#b?.csv", "/data/a%20b.csv"])
def test_what_pathlib_writes_is_the_file_it_means(path: str) -> None:
    """`Path.as_uri()` escapes; the identity leads back to the very path."""
    assert local_path(normalise(Path(path).as_uri())) == path


REFUSED = {
    "": "empty",
    "   ": "empty",
    "/": "names no file or directory",
    "//": "names no file or directory",
    ".": "names no file or directory",
    "a/..": "names no file or directory",
    "file:///": "names no file or directory",
    "s3://bucket": "names no file or directory",
    "s3://bucket/": "names no file or directory",
    "s3:///key": "names no bucket",
    "https:///x": "names no bucket or host",
    "../x": "leaves its root",
    "a/../../x": "leaves its root",
    "/../x": "leaves its root",
    "s3://b/../x": "leaves its root",
    "a\\b.txt": "backslash",
    "a\nb.txt": "control character",
    "a\x00b": "control character",
    "a\ud800b": "control character",
    " a.txt": "white space",
    "a.txt?version=2": "query",
    "s3://b/a.txt#part": "fragment",
    "file:x.txt": "names a host",
    "file://data/x.txt": "names a host",
    "s3:/b/x": "begins with 's3:'",
    "C:/x.txt": "begins with 'C:'",
    "~/x.txt": "only a shell expands",
    ".penstock/objects/ab": "`.penstock/`",
    "s3://b/x/.Penstock/y": "`.penstock/`",
    "file:///data/%00": "control character",
    "file:///data/%5Cx": "backslash",
    "file:///data/%ff": "no UTF-8",
    "file:///data/%2e%2e/%2E%2E/x": "leaves its root",
    "s3://b:80/x": "colon",
    "https://host:80a/x": "colon",
}


@pytest.mark.parametrize(("uri", "why"), REFUSED.items())
def test_what_cannot_be_an_identity_is_refused_with_the_next_step(uri: str, why: str) -> None:
    """The message says what was found; the hint says what to write."""
    with pytest.raises(InvalidURI) as caught:
        normalise(uri)
    assert why in caught.value.message
    assert caught.value.hint.endswith((".", "`", "`."))


@pytest.mark.parametrize(
    "uri",
    [
        "s3://AKIA:hunter2@bucket/x",
        "s3://AKIA:hun/hunter2@bucket/x",
        "https://hunter2@host/x",
        "https://me:hun/hunter2@host/x",
        "https://me:80/hunter2@host/x",
        "https://me:/hunter2@host/x",
        "https://me:hunter2#a@host/x",
        "https://me:hunter2?a@host/x",
        "me:hunter2@host/x",
        "u:hun/hunter2@host/x",
        "s3:/me:hunter2@b/x",
        "file://me:hunter2@host/x",
        "file://me:hunter2/a@host/x",
        "abfs://me:hunter2@account/x",
        "postgres://me:hunter2@host/db",
        "https://host/x?token=hunter2",
        "https://host/x#hunter2",
        "s3://me:hunter2@b/\n",
        "\\s3://me:hunter2@b/x",
    ],
)
def test_a_secret_is_refused_and_never_repeated(uri: str) -> None:
    """Neither message, hint, chain nor arguments of the error hold what stood before `@` or after `?`."""
    with pytest.raises(InvalidURI) as caught:
        normalise(uri)
    error = caught.value
    assert "hunter2" not in f"{error}{error.hint}{error.args}{error.__cause__!r}{error.__context__!r}"


def test_what_is_no_text_is_refused() -> None:
    """A number is no URI, and the message says what was found."""
    with pytest.raises(InvalidURI, match="found int"):
        normalise(3)  # pyright: ignore[reportArgumentType]


def test_a_redacted_uri_can_be_printed() -> None:
    """Scheme, host and path stay; credentials, query and control characters do not."""
    assert redacted("https://me:secret@host/x?token=1") == "https://…@host/x?…"
    assert redacted("a\nb") == "a\\nb"


def test_parts_of_identities() -> None:
    """Buckets hold keys without a leading slash; local files are absolute; relative identities have a path alone."""
    assert split("s3://b/a/c.csv") == Parts(scheme="s3", authority="b", path="a/c.csv")
    assert split("file:///a/c.csv") == Parts(scheme="file", authority="", path="/a/c.csv")
    assert split("models/x/") == Parts(scheme="", authority="", path="models/x/")
    assert split("python://packages") == Parts(scheme="python", authority="packages", path="")
    with pytest.raises(InvalidURI):
        split("/data")


@pytest.mark.parametrize(
    ("uri", "ending", "name"),
    [
        ("chunks.parquet", ".parquet", "chunks"),
        ("a/b.tar.GZ", ".gz", "b.tar"),
        ("models/ranker.v2/", "/", "ranker.v2"),
        ("file:///x/.hidden", "", ".hidden"),
        ("..x/y", "", "y"),
        ("file:///x/50%25.csv", ".csv", "50%"),
        ("a.", "", "a."),
        ("https://example.com", "", "example.com"),
        ("python://packages", "", "packages"),
    ],
)
def test_suffix_and_name(uri: str, ending: str, name: str) -> None:
    """The suffix decides the format, the rest of the last part is the dataset's name."""
    assert (suffix(uri), name_of(uri)) == (ending, name)


def test_inside_means_below_a_folder() -> None:
    """A prefix of text is not a folder, a dataset is not inside itself, and a local file has no children."""
    assert is_inside("m/r/card.json", "m/r/")
    assert is_inside("m/r/deep/", "m/r/")
    assert is_inside("m/r/", "m/r")
    assert is_inside("m/r/x", "m/r")
    assert not is_inside("m/r2/", "m/r/")
    assert not is_inside("m/r/", "m/r/")
    assert not is_inside("s3://b/a/b", "s3://b/a")
    assert is_inside("s3://b/a/b", "s3://b/a/")


def test_identities_are_placed_under_the_data_root() -> None:
    """Only an identity without a scheme moves with the data root."""
    assert locate("x/y.csv", "/data/") == "/data/x/y.csv"
    assert locate("x/y.csv", "s3://b/prod") == "s3://b/prod/x/y.csv"
    assert locate("file:///a", "/data") == "file:///a"
    assert local_path("file:///a b/c%25") == "/a b/c%"
    assert local_path("x/y.csv") is None
