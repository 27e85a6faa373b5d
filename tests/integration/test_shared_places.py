"""One place is one dataset, however its URI is spelled; and what is written lies where something can be written."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from penstock import Dataset, Opaque, asset
from penstock.assets.declare.faults import FaultyDefinitions

TWO_WRITERS = """
from penstock import Dataset, asset

@asset("o.json")
def one() -> list[int]:
    return [1]

@asset(outputs={{"out": Dataset({absolute!r}, name="other")}})
def two() -> dict[str, list[int]]:
    return {{"other": [2]}}
"""


def refused(lab: Any, *things: Any, **options: Any) -> str:
    """What is said when the project is opened; nothing was made."""
    with pytest.raises(FaultyDefinitions) as caught:
        lab.make(*things, **options)
    assert not (lab.folder / "home" / "penstock.db").exists()
    assert not list(lab.data.iterdir())
    return str(caught.value)


def made(uri: str, name: str) -> Any:
    """An asset that writes there."""

    def produce() -> dict[str, list[int]]:
        return {f"{name} out": [1]}

    return asset(outputs={"out": Dataset(uri, name=f"{name} out")}, name=name)(produce)


@pytest.mark.parametrize("link", ["", "root", "above"])
def test_one_file_has_one_writer_however_it_is_spelled(lab: Any, link: str) -> None:
    """Relative and absolute, also through a link that leads to the data root; both places are named."""
    root = lab.data
    if link:
        root = lab.folder / "link"
        root.symlink_to(lab.data if link == "root" else lab.folder)
        root = root if link == "root" else root / "data"
    said = refused(lab, made("o.json", "one"), made(f"{root}/o.json", "two"))
    assert "assets one (" in said
    assert f"both write file://{lab.data}/o.json, as o.json and as file://{root}/o.json" in said
    assert said.count("test_shared_places.py") >= 2
    other = {"data_root": str(root)}
    assert "both write" in refused(lab, made("o.json", "one"), made(f"{lab.data}/o.json", "two"), **other)


def test_what_an_asset_writes_is_not_observed_under_another_name(lab: Any) -> None:
    """The dataset at the absolute path of an output is that output: the sentence says how to write it."""
    spelled = Dataset(f"{lab.data}/deep/o.json", name="spelled")

    def read(spelled: list[int]) -> list[int]:
        return spelled

    reader = asset("copy.json", name="reader", on=spelled)(read)
    said = refused(lab, made("deep/o.json", "one"), reader)
    assert "is the same place as dataset deep/o.json" in said
    assert "write 'deep/o.json' at both" in said


@pytest.mark.parametrize(("inner", "outer"), [("model/card.json", "{}/model/"), ("{}/model/deep/card.json", "model/")])
def test_a_dataset_in_the_folder_of_another_is_refused_in_any_spelling(lab: Any, inner: str, outer: str) -> None:
    """What lies in a directory dataset is part of its versions."""
    inner, outer = inner.format(lab.data), outer.format(lab.data)
    said = refused(lab, made(inner, "card"), asset(outer, name="model")(lambda: lab.data))
    assert "lies inside dataset" in said
    assert said.count("test_shared_places.py") >= 2


def test_places_in_a_bucket_are_compared_too(lab: Any) -> None:
    """The root of a bucket is applied like a folder."""
    said = refused(
        lab, made("o.json", "one"), made("memory://bucket/prefix/o.json", "two"), data_root="memory://bucket/prefix"
    )
    assert "both write memory://bucket/prefix/o.json" in said


def test_a_head_that_is_a_link_is_no_other_place(lab: Any) -> None:
    """A directory stands at its URI as a link: what lies beside it stays apart, in the second pass as in the first."""
    raw = lab.folder / "raw.json"
    raw.write_text("[1]")

    def model(raw: list[int]) -> Path:
        folder = lab.folder / "made"
        folder.mkdir(exist_ok=True)
        (folder / "weights").write_text(str(raw))
        return folder

    one = asset("model/", name="model", on=Dataset(str(raw)))(model)
    beside = made(f"{lab.data}/models/card.json", "card")
    assert lab.make(one, beside).ok
    assert lab.make(one, beside).ok


def test_penstock_check_tells_it(lab: Any) -> None:
    """As every other fault: with both places, and exit code 2."""
    (lab.folder / "pipeline.py").write_text(TWO_WRITERS.format(absolute=str(lab.data / "o.json")))
    (lab.folder / "penstock.toml").write_text('definitions = ["pipeline.py"]\ndata_root = "data"\n')
    command = [str(Path(sys.executable).parent / "penstock"), "check"]
    done = subprocess.run(command, cwd=lab.folder, capture_output=True, text=True, check=False)
    assert done.returncode == 2, done.stderr
    assert "both write" in " ".join(done.stderr.split())


@pytest.mark.parametrize("root", ["ftp://127.0.0.1/data", "https://127.0.0.1/data", "s4://bucket/data"])
def test_a_data_root_that_cannot_be_written_is_refused_by_name(lab: Any, root: str) -> None:
    """The setting, why, and the next step."""
    said = refused(lab, made("o.json", "one"), data_root=root)
    assert f"the setting `data_root` is {root}, and {root.partition(':')[0]}://" in said
    assert "Set `data_root` to" in said


@pytest.mark.parametrize("uri", ["ftp://127.0.0.1/o.json", "s4://bucket/o.json"])
def test_an_output_that_cannot_be_written_is_refused_by_name(lab: Any, uri: str) -> None:
    """Before anything is made; where nobody can know before, by its run alone."""
    assert f"asset one writes the dataset {uri}, and {uri.partition(':')[0]}://" in refused(lab, made(uri, "one"))
    unknown = asset(uri, name="unknown")(lambda: [1])
    result = lab.make(unknown, made("other.json", "other"))
    assert "dataset 'o': nothing can be written at" in lab.failure(result["unknown"])
    assert result["other"].made


def test_data_without_files_may_be_anywhere(lab: Any) -> None:
    """Nothing is written there by us."""

    @asset("warehouse://host/table")
    def table() -> Opaque:
        return Opaque(version="7")

    assert lab.make(table).ok
