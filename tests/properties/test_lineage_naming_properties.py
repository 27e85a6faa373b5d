"""Names in OpenLineage, for every URI there may be."""

from __future__ import annotations

import re

from hypothesis import assume, given
from hypothesis import strategies as st

from penstock.lineage.naming import dataset_name, quoted, source_uri
from penstock.storage.errors import InvalidURI
from penstock.storage.uri import normalise

SCHEMES = ("file:///", "s3://corpus/", "gs://corpus/", "hdfs://node:8020/", "memory://m/", "https://host/")
ALLOWED = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:(?:[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})*")

# What no identity may hold is left out, so that most texts are one; the rest is found by `identity`.
paths = st.text(st.characters(exclude_categories=("Cc", "Cs", "Z"), exclude_characters="?#\\"), min_size=1)
absolute = st.builds(lambda store, path: store + path, st.sampled_from(SCHEMES), paths)


def identity(uri: str) -> str:
    """The URI as a dataset has it; texts that can be none are not looked at."""
    try:
        return normalise(uri)
    except InvalidURI:
        assume(False)
        raise


@given(first=absolute, second=absolute)
def test_different_places_have_different_names(first: str, second: str) -> None:
    """Two datasets have one name only if they are one place, the mark of a directory aside."""
    first, second = identity(first), identity(second)
    assert (dataset_name(first) == dataset_name(second)) == (first.rstrip("/") == second.rstrip("/"))


@given(uri=absolute)
def test_a_name_is_never_empty_and_leads_back(uri: str) -> None:
    """Namespace and name together are the place again, as consumers put them together."""
    uri = identity(uri)
    namespace, name = dataset_name(uri)
    assert namespace
    assert name
    whole = f"file://{name}" if namespace == "file" else f"{namespace}/{name.removeprefix('/')}"
    assert whole.rstrip("/") == uri.rstrip("/")


@given(uri=absolute)
def test_aliases_and_slashes_make_no_second_name(uri: str) -> None:
    """`s3a`, doubled slashes and a last slash name what `s3` without them names."""
    uri = identity(uri)
    scheme, _, rest = uri.partition("://")
    alias = {"s3": "s3a", "gs": "gcs"}.get(scheme, scheme)
    doubled = rest if scheme == "file" else rest.replace("/", "//")
    assert dataset_name(f"{alias}://{doubled}/") == dataset_name(uri)


@given(uri=absolute)
def test_addresses_are_uris(uri: str) -> None:
    """Whatever the place, its address and its store's are URIs by RFC 3986; what is one already stays."""
    for address in (quoted(uri), source_uri(uri)):
        assert ALLOWED.fullmatch(address)
    web = "https://host/" + quoted(f"file:///{uri}").removeprefix("file:///")
    assert quoted(web) == web
