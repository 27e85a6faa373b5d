"""Inputs at places that cannot be opened at all: a protocol nobody knows, a library that is missing, a dead server."""

from __future__ import annotations

import json
from typing import Any

import pytest

from penstock import Dataset, asset, plan
from penstock.storage.errors import StorageFault
from penstock.storage.files.layout import Place
from penstock.storage.files.observe import observe


@pytest.mark.parametrize(
    ("uri", "says"),
    [
        ("s4://bucket/docs.txt", "dataset 'docs': s4:// is a protocol that no installed library knows."),
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
