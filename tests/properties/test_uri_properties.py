"""What holds of every URI: one place, one identity, and no secret in a message."""

from __future__ import annotations

import unicodedata
from pathlib import Path

from hypothesis import assume, example, given
from hypothesis import strategies as st

from penstock.storage.errors import InvalidURI
from penstock.storage.uri import is_inside, local_path, name_of, normalise, redacted, split, suffix

pieces = st.sampled_from(
    ["/", "//", ".", "..", "a", "B", " ", "%", "%41", "%2f", "é", "e\u0301", "İ", "\u212a", "\u0338", "\u037e"]
) | st.sampled_from(["s3", "s3a", "file", "HTTP", ":", "://", "@", "?", "#", "~", "\\", ".penstock", "[", "]", "80"])
anything = st.one_of(st.text(), st.lists(pieces, max_size=12).map("".join))
segment = st.text(
    st.characters(exclude_categories=["C", "Z"], exclude_characters="/\\?#:~@"), min_size=1, max_size=8
).filter(lambda s: s.strip(". ") and s.casefold() != ".penstock" and "/" not in unicodedata.normalize("NFKC", s))
prefixes = st.sampled_from(["", "/", "s3://bucket/", "gs://b/", "https://host/", "memory://a/"])
uris = st.builds(
    lambda p, s, d: p + "/".join(s) + d, prefixes, st.lists(segment, min_size=1, max_size=4), st.sampled_from(["", "/"])
)


@given(anything)
@example("http://%2e%2e/x")
@example("memory:////a//b")
def test_an_identity_is_its_own_identity(uri: str) -> None:
    """Whatever is accepted comes out unchanged the second time; whatever is not is an `InvalidURI`."""
    try:
        identity = normalise(uri)
    except InvalidURI:
        return
    assert normalise(identity) == identity
    assert unicodedata.is_normalized("NFC", identity)
    assert "\\" not in identity
    assert split(normalise(identity)) == split(identity)
    assert not {"", ".", ".."} & set(split(identity).path.strip("/").split("/")) or not split(identity).path


@given(uris)
def test_names_without_forbidden_characters_are_accepted_and_round_trip(uri: str) -> None:
    """Spaces, `%` and any script are fine; the parts put together are the identity."""
    identity = normalise(uri)
    parts = split(identity)
    if parts.scheme == "file":
        assert local_path(identity) == parts.path
        assert normalise(Path(parts.path).as_uri() + "/" * parts.path.endswith("/")) == identity
    elif parts.scheme:
        assert identity == f"{parts.scheme}://{parts.authority}/{parts.path}"
    else:
        assert identity == parts.path
    assert (suffix(identity) == "/") == uri.endswith("/")
    last = parts.path.rstrip("/").rpartition("/")[2]
    assert name_of(identity) + last[len(name_of(identity)) :] == last


@given(uris, st.lists(st.sampled_from(["./", "/", "x/../"]), max_size=5).map("".join))
def test_slashes_and_dots_do_not_make_another_place(uri: str, noise: str) -> None:
    """Doubled slashes, `.` and a folder entered and left again change nothing."""
    head, slash, tail = uri.rstrip("/").rpartition("/")
    assume(slash and head and not head.endswith("/"))
    assert normalise(f"{head}/{noise}{tail}") == normalise(f"{head}/{tail}")


@given(uris, segment)
def test_what_lies_below_a_directory_is_inside_it(uri: str, name: str) -> None:
    """Inside is strict and one way."""
    folder = normalise(uri.rstrip("/") + "/")
    below = normalise(folder + name)
    assert is_inside(below, folder)
    assert not is_inside(folder, below)
    assert not is_inside(folder, folder)


@given(
    anything,
    st.sampled_from(["s3://", "https://", "file://", "abfs://", "", "s3:/", "postgres://"]),
    st.text(max_size=4),
)
def test_no_message_holds_a_password(noise: str, start: str, junk: str) -> None:
    """`user:secret@` in front of anything never shows in the error, nor does it become an identity with the secret."""
    uri = f"{start}user:{junk}s3cr3t-word{junk}@host/{noise}"
    try:
        identity = normalise(uri)
    except InvalidURI as error:
        assert "s3cr3t-word" not in str(error)  # noqa: PT017 - the absence matters, in any message
    else:
        assert "s3cr3t-word" not in identity
    assert "s3cr3t-word" not in redacted(uri)
