"""Inputs at places that cannot be opened at all: a protocol nobody knows, a library that is missing, a dead server."""

from __future__ import annotations

import json
from typing import Any

import pytest

from penstock import Dataset, Version, asset, plan, record_event
from penstock.storage.errors import StorageFault
from penstock.storage.files.layout import Place
from penstock.storage.files.observe import observe


@pytest.mark.parametrize(
    ("uri", "says"),
    [
        ("dropbox://folder/docs.txt", "dataset 'docs': dropbox:// needs a library that is not installed"),
        ("sftp://127.0.0.1:1/in/docs.txt", "dataset 'docs': "),
        ("ftp://127.0.0.1:1/in/docs.txt", "dataset 'docs': looking at ftp://127.0.0.1:1/in/docs.txt failed"),
    ],
)
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # fsspec's, when it cannot connect
def test_a_place_that_cannot_be_opened_holds_back_its_readers_alone(lab: Any, uri: str, says: str) -> None:
    """Each is told why, by the name of the dataset; the others are made, and a plan can be asked for."""
    docs = Dataset(uri, name="docs")

    @asset("copy.txt", on=docs)
    def copy(docs: str) -> str:
        return docs

    @asset("other.json")
    def other() -> list[int]:
        return [1]

    result = lab.make(copy, other)
    assert not result.ok
    assert says in result["copy"].reason.text
    assert result["copy"].state is None
    assert json.loads((lab.data / "other.json").read_text()) == [1]
    (one,) = result.looked
    assert (one.news, one.error != "", one.hint != "") == ("could not be looked at", True, True)
    places = {"home": str(lab.folder / "home"), "data_root": str(lab.data), "project": "lab"}
    assert plan([copy, other], **places).runs == ()


def test_what_no_library_knows_has_the_versions_that_somebody_tells_of(lab: Any) -> None:
    """Before the first it has none, which is no failure of anything upstream; what to do is said."""
    docs = Dataset("s4://bucket/docs.txt", name="docs")

    @asset("copy.txt", on=docs)
    def copy(docs: Version) -> str:
        return docs.digest

    result = lab.make(copy)
    assert result["copy"].reason.text == "input has no version: docs"
    (one,) = result.looked
    assert one.news == "not told of yet"
    assert "nobody has told of a version" in one.error
    assert "`penstock event docs` tells of one" in one.hint
    record_event("docs", version="1", home=str(lab.folder / "home"), data_root=str(lab.data), project="lab")
    assert lab.make(copy).ok


@pytest.mark.parametrize("path", ["docs.txt", "docs/"])
def test_a_store_that_does_not_answer_has_not_removed_anything(tmp_path: Any, path: str) -> None:
    """Neither a file nor a folder: the look fails, it does not find nothing."""
    pytest.importorskip("s3fs")
    options = {
        "key": "k",
        "secret": "s",
        "client_kwargs": {"endpoint_url": "http://127.0.0.1:9"},
        "config_kwargs": {"connect_timeout": 1, "retries": {"max_attempts": 0}},
    }
    place = Place(root="s3://bucket/in", path=path, storage_options=options, cache=str(tmp_path))
    with pytest.raises(StorageFault, match="looking at s3://bucket/in/docs"):
        observe(place, None, dataset="docs")
