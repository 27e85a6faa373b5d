"""Names under `.penstock/`, and what a place refuses."""

from __future__ import annotations

import pytest

from penstock.storage.errors import Bug
from penstock.storage.files.layout import Place, new_path, object_keys, object_path, object_suffix, run_folder
from penstock.storage.manifest import FileEntry, Manifest


@pytest.mark.parametrize(
    ("path", "suffix", "directory"),
    [
        ("a/b.parquet", ".parquet", False),
        ("a.tar.GZ", ".gz", False),
        ("models/r.v2/", "/", True),
        ("LICENSE", "", False),
    ],
)
def test_a_path_says_what_lies_there(path: str, suffix: str, directory: bool) -> None:
    """The last suffix in lower case; a slash at the end marks a directory."""
    place = Place(root="/data/", path=path)
    assert (place.suffix, place.directory, place.remote) == (suffix, directory, False)
    assert place.target == f"/data/{path.rstrip('/')}"


@pytest.mark.parametrize("path", ["", "/", "../x", "a/../../x", "a//b", ".penstock/objects/x", "/etc/passwd"])
def test_no_place_lies_outside_its_root(path: str) -> None:
    """A path that leaves the root, or leads into our own folder, is a bug of whoever made it."""
    with pytest.raises(Bug):
        Place(root="/data", path=path)


def test_a_local_root_is_absolute_and_may_be_spelled_as_a_url() -> None:
    """`file://` is a spelling of a folder; a relative folder would mean another place in another process."""
    assert Place(root="file:///data", path="x").hidden == "/data/.penstock"
    with pytest.raises(Bug):
        Place(root="data", path="x")


def test_a_remote_root_stages_on_this_machine() -> None:
    """Objects lie in the bucket; staging, views and downloads in a cache folder of their own per root."""
    one = Place(root="s3://bucket/prefix", path="x.json", cache="/cache")
    other = Place(root="s3://bucket/other", path="x.json", cache="/cache")
    assert one.hidden == "s3://bucket/prefix/.penstock"
    assert one.local.startswith("/cache/")
    assert one.local != other.local


def test_slugs_are_short_plain_and_different() -> None:
    """A dataset's folder name is readable where it can be, never longer than a file name may be, and its own."""
    paths = ["a/x.json", "b/x.json", "größe 100%/x?.json", "n" * 3000 + ".json", "x.json/"]
    slugs = [Place(root="/data", path=path).slug for path in paths]
    assert len(set(slugs)) == len(paths)
    assert all(len(slug) < 60 and slug.replace("-", "").replace(".", "").replace("_", "").isalnum() for slug in slugs)
    assert all(slug.isascii() for slug in slugs)


def test_staging_names_are_never_given_twice() -> None:
    """Two outputs of one run, or two tries of one output, do not meet in staging."""
    place = Place(root="/data", path="x.json")
    names = {new_path(place, "run-1", ".json") for _ in range(100)}
    assert len(names) == 100
    assert all(name.startswith(run_folder(place, "run-1") + "~") for name in names)


@pytest.mark.parametrize("run_id", ["", "..", "a/b", "a~b", ".hidden", "x" * 200])
def test_a_run_id_cannot_lead_elsewhere(run_id: str) -> None:
    """Run ids become names in staging; what would be a path or another run's name is refused."""
    with pytest.raises(Bug):
        run_folder(Place(root="/data", path="x"), run_id)


def test_objects_keep_their_suffix() -> None:
    """Any tool can open an object by its name; a strange suffix is left out rather than escaped."""
    assert object_path("/d/.penstock", "abcd", ".json") == "/d/.penstock/objects/ab/abcd.json"
    assert object_suffix("/", "weights/model.SafeTensors") == ".safetensors"
    assert object_suffix("/", "noise.a b") == ""
    assert object_suffix(".parquet", "") == ".parquet"


def test_observed_files_need_no_objects() -> None:
    """Only what is held by content is live; an etag names nothing that we keep."""
    held = FileEntry(path="a.bin", size=1, digest="a" * 64)
    observed = FileEntry(path="b.bin", size=1, digest="etag:123")
    assert list(object_keys(Manifest(suffix="/", files=(held, observed)))) == [("a" * 64, ".bin")]
