"""What annotations mean is part of what was asked for: a change of it makes the asset again, and nothing else does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypedDict

import pytest
from sqlalchemy import select, update

from penstock import Dataset, asset
from penstock.storage.meta.database.engine import Store
from penstock.storage.meta.runs import runs
from penstock.storage.settings import read_settings

Lab = Any
"""The fixture is a class of `conftest.py`, which no test can import."""


def producer(takes: Any, gives: Any) -> Callable[..., Any]:
    """The same code, whatever it is annotated with: a library's alias may mean something else tomorrow."""

    def out(docs):
        return docs

    out.__annotations__ = {"docs": takes, "return": gives}
    return out


@pytest.mark.parametrize(
    ("suffix", "before", "after"),
    [
        (".json", (dict, dict), (dict, Any)),
        (".json", (dict, dict), (Any, dict)),
        (".json", (dict, dict), (dict | list, dict)),
        (".ndjson", (list, list), (bytes, bytes)),
    ],
    ids=str,
)
def test_a_change_of_an_annotation_alone_makes_the_asset_again(
    lab: Lab, suffix: str, before: tuple[Any, Any], after: tuple[Any, Any]
) -> None:
    """Of an input as of an output; what comes out equal is confirmed."""
    lab.write(f"docs{suffix}", '{"a":1}\n')
    docs = Dataset(f"docs{suffix}")

    def make(forms: tuple[Any, Any]) -> str:
        return lab.story(lab.make(asset(f"out{suffix}", name="out", on=docs)(producer(*forms))))["out"]

    make(before)
    assert make(before).startswith("skipped: unchanged")
    assert make(after) == "success: code changed"
    assert make(after).startswith("skipped: unchanged")


class Before(TypedDict):
    """Two outputs."""

    one: dict[str, int]
    two: list[int]


class After(TypedDict):
    """Two outputs, of which one has another form."""

    one: dict[str, int]
    two: list[int] | str


def test_a_change_of_the_field_of_a_typed_dict_makes_its_producer_again(lab: Lab) -> None:
    """The code says its name alone."""
    lab.write("docs.json", '{"one":{},"two":[]}')
    docs = Dataset("docs.json")

    def make(form: Any) -> str:
        several = asset(outputs={"one": "one.json", "two": "two.json"}, name="several", on=docs)
        return lab.story(lab.make(several(producer(dict, form))))["several"]

    make(Before)
    assert make(Before).startswith("skipped: unchanged")
    assert make(After) == "success: code changed"


def test_an_upgrade_makes_again_what_means_something_else_now(lab: Lab) -> None:
    """Runs of a version that kept no forms: `str` in `.json` was the whole text; everything else stays as it is."""
    lab.write("docs.json", '"a"')
    docs = Dataset("docs.json")
    texts = asset("texts.json", name="texts", on=docs)(producer(str, Any))
    plain = asset("plain.json", name="plain", on=docs)(producer(Any, list | str))
    note = asset("note.txt", name="note", on=docs)(producer(Any, str))
    lab.make(texts, plain, note)
    store = Store(read_settings(lab.folder, **lab.places).database_url, project="lab")
    with store.write() as tx:
        for number, parts in tx.execute(select(runs.c.id, runs.c.made_from)).all():
            kept = {name: part for name, part in parts.items() if name != "forms"}
            tx.execute(update(runs).where(runs.c.id == number).values(made_from=kept))
    store.close()
    story = lab.story(lab.make(texts, plain, note))
    assert story["texts"] == "success: code changed"
    assert story["plain"].startswith("skipped: unchanged")
    assert story["note"].startswith("skipped: unchanged")
    assert lab.story(lab.make(texts, plain, note))["texts"].startswith("skipped: unchanged")
