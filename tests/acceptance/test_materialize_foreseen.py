"""A dry run writes nothing, and what it foresees is what then happens."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from penstock import Dataset, Every, asset, source
from penstock.storage.types import RunState

Lab = Any
"""The fixture is a class of `conftest.py`, which no test can import."""

docs, labels = Dataset("docs.txt"), Dataset("labels.txt")


@asset("words.json", on=docs)
def words(docs: str) -> list[str]:
    """Case is nothing to it."""
    return docs.lower().split()


@asset("tags.json", on=labels)
def tags(labels: str, *, most: int = 3) -> list[str]:
    """The other half."""
    return labels.lower().split()[:most]


@asset("either.json", on=words | tags)
def either(words: list[str], tags: list[str]) -> int:
    """Of one or the other."""
    return len(words) + len(tags)


@asset("both.json", on=words & tags)
def both(words: list[str], tags: list[str]) -> int:
    """Of both."""
    return len(words) * len(tags)


@asset("end.json", on=both)
def end(both: int) -> int:
    """At the end of the pair."""
    return both


@asset("aside.json")
def aside(words: list[str], nothing: str | None = None) -> int:
    """Made when it is asked for."""
    return len(words)


@asset("timed.json", on=Every("1h") & words)
def timed(words: list[str]) -> int:
    """No tick is due yet."""
    return len(words)


def sourced(folder: Path) -> tuple[Any, Any]:
    """A source that is probed at a file of this folder, and its reader."""
    answer = folder / "probe.json"
    if not answer.exists():
        answer.write_text("1")

    @source("api.json", probe=lambda: json.loads(answer.read_text()))
    def api() -> int:
        return len(answer.read_text())

    @asset("reader.json", on=api)
    def reader(api: int) -> int:
        return api

    return api, reader


def everything(lab: Lab) -> tuple[Any, ...]:
    """All assets, with a place for what nobody ever writes."""
    nothing = Dataset("nothing.txt")
    return (words, tags, either, both, end, aside, timed, nothing, *sourced(lab.folder))


ALL = ("words", "tags", "either", "both", "end", "aside", "timed", "api", "reader")


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """What is done, and what is asked for then; `before` is made between the two, by these."""

    edit: Callable[[Lab], object] = lambda lab: None
    before: dict[str, Any] = field(default_factory=dict[str, Any])
    then: Callable[[Lab], object] = lambda lab: None
    select: tuple[str, ...] = ALL
    options: dict[str, Any] = field(default_factory=dict[str, Any])


def docs_say(text: str) -> Callable[[Lab], object]:
    """An edit of one source."""
    return lambda lab: lab.write("docs.txt", text)


def labels_say(text: str) -> Callable[[Lab], object]:
    """An edit of the other."""
    return lambda lab: lab.write("labels.txt", text)


def both_say(text: str) -> Callable[[Lab], object]:
    """An edit of both."""
    return lambda lab: (lab.write("docs.txt", text), lab.write("labels.txt", text))


def probe_says(text: str | None) -> Callable[[Lab], object]:
    """What is probed says something else, or is gone."""
    return lambda lab: (lab.folder / "probe.json").write_text(text) if text else (lab.folder / "probe.json").unlink()


def remove(name: str) -> Callable[[Lab], object]:
    """A source is gone."""
    return lambda lab: (lab.data / name).unlink()


def block(name: str) -> Callable[[Lab], object]:
    """There is a folder where a source should be."""
    return lambda lab: ((lab.data / name).unlink(), (lab.data / name).mkdir())


def lose(content: str) -> Callable[[Lab], object]:
    """The object with this content is gone."""
    return lambda lab: [
        path.unlink() for path in lab.data.glob(".penstock/objects/*/*.json") if json.loads(path.read_text()) == content
    ]


SCENARIOS = {
    "nothing": Scenario(),
    "touched": Scenario(edit=lambda lab: os.utime(lab.data / "docs.txt", ns=(1, 1))),
    "one source": Scenario(edit=docs_say("a b c")),
    "one source, same words": Scenario(edit=docs_say("A B")),
    "both sources": Scenario(edit=both_say("x y z")),
    "one source, one half asked for": Scenario(edit=docs_say("a b c"), select=("words",)),
    "one source, the other half asked for": Scenario(edit=docs_say("a b c"), select=("tags",)),
    "one source, the end asked for": Scenario(edit=docs_say("a b c"), select=("end",)),
    "one source, a reader without a condition asked for": Scenario(edit=docs_say("a b c"), select=("aside",)),
    "both sources, halves asked for": Scenario(edit=both_say("x y z"), select=("words", "tags")),
    "both sources, same words, halves asked for": Scenario(edit=both_say("A B"), select=("words", "tags")),
    "only": Scenario(edit=docs_say("a b c"), select=("words",), options={"only": True}),
    "only the end": Scenario(edit=docs_say("a b c"), select=("end",), options={"only": True}),
    "forced": Scenario(options={"force": True}),
    "forced, one": Scenario(select=("both",), options={"force": True}),
    "forced, one source": Scenario(edit=docs_say("a b c"), select=("words",), options={"force": True}),
    "a parameter and its source": Scenario(edit=labels_say("x y z"), options={"parameters": {"tags.most": 1}}),
    "a parameter": Scenario(options={"parameters": {"tags.most": 1}}),
    "a parameter, as it is": Scenario(options={"parameters": {"tags.most": "3"}}),
    "a parameter, one asked for": Scenario(select=("tags",), options={"parameters": {"tags.most": "1"}}),
    "a source gone": Scenario(edit=remove("labels.txt")),
    "a source gone, its consumer asked for": Scenario(edit=remove("labels.txt"), select=("tags",)),
    "a source gone, another asked for": Scenario(edit=remove("labels.txt"), select=("words",)),
    "a source unreadable": Scenario(edit=block("labels.txt")),
    "a source unreadable, one below asked for": Scenario(edit=block("labels.txt"), select=("both",)),
    "the probe": Scenario(edit=probe_says("23")),
    "the probe, another answer, alone": Scenario(edit=probe_says("2"), select=("api",)),
    "the probe, the same answer": Scenario(edit=probe_says(" 1 ")),
    "the probe is gone": Scenario(edit=probe_says(None)),
    "the probe is gone, its reader asked for": Scenario(edit=probe_says(None), select=("reader",)),
    "bytes gone": Scenario(edit=lose(["a", "b"])),
    "bytes gone, below asked for": Scenario(edit=lose(["a", "b"]), select=("both",)),
    "pending, nothing new": Scenario(edit=docs_say("a b c"), before={"select": "words", "only": True}),
    "pending, the same half again": Scenario(
        edit=docs_say("a b c"), before={"select": "words", "only": True}, select=("words",)
    ),
    "pending, the other half": Scenario(
        edit=docs_say("a b c"),
        before={"select": "words", "only": True},
        then=labels_say("x y z"),
        select=("tags",),
    ),
    "pending, the other half says the same": Scenario(
        edit=docs_say("a b c"),
        before={"select": "words", "only": True},
        then=labels_say("X Y"),
        select=("tags",),
    ),
    "pending, the end asked for": Scenario(
        edit=docs_say("a b c"), before={"select": "words", "only": True}, select=("end",)
    ),
}
MEANS = {
    "run": {"executed"},
    "possible": {"executed", "skipped", "confirmed", "held", "untouched"},
    "skip": {"skipped", "confirmed"},
    "hold": {"held", "untouched"},
}


@pytest.mark.parametrize("name", SCENARIOS)
def test_what_is_foreseen_is_what_happens(lab: Lab, name: str) -> None:
    """`run` runs, for the reason that was given; `skip` does not; `hold` is held or left alone, for the reason that was
    given; only what depends on how a run comes out is `possible`. And nothing was written to find that out."""
    scenario = SCENARIOS[name]
    lab.write("docs.txt", "a b")
    lab.write("labels.txt", "x y")
    things = everything(lab)
    assert lab.make(*things).ok
    assert lab.make(*things, select=["aside"]).ok
    scenario.edit(lab)
    if scenario.before:
        lab.make(*things, **scenario.before)
    scenario.then(lab)
    before, objects = lab.dump(), sorted(lab.data.rglob("*"))
    foreseen = lab.foresee(*things, select=scenario.select, **scenario.options)
    assert lab.dump() == before
    assert sorted(lab.data.rglob("*")) == objects
    result = lab.make(*things, select=scenario.select, **scenario.options)
    happened = {one.asset: one for one in result.outcomes}
    assert set(happened) <= set(foreseen)
    for one in foreseen.values():
        outcome = happened.get(one.asset)
        assert became(outcome) in MEANS[one.outcome], f"{one.asset}: {one} / {outcome}"
        if outcome is not None and one.outcome in ("run", "hold"):
            assert {outcome.reason.kind, *outcome.reason.also} >= {one.reason.kind, *one.reason.also}, one.asset
            assert {*outcome.reason.names} >= {*one.reason.names}, one.asset
    certain = {one.asset for one in foreseen.values() if one.outcome != "possible"}
    assert {"words", "tags", "api"}.intersection(foreseen) <= certain
    assert not scenario.options.get("force") or set(scenario.select) <= certain


def became(outcome: Any) -> str:
    """What became of an asset, in the words of `MEANS`."""
    if outcome is None:
        return "untouched"
    if outcome.state is None:
        return "confirmed" if outcome.reason.kind == "confirmed" else "held"
    return "skipped" if outcome.state is RunState.SKIPPED else "executed"


def test_what_was_never_made_is_foreseen_whole(lab: Lab) -> None:
    """From nothing, every asset would run for the first time; nothing is written, the registration neither."""
    lab.write("docs.txt", "a b")
    lab.write("labels.txt", "x y")
    things = everything(lab)
    before = lab.dump()
    foreseen = lab.foresee(*things, select=ALL)
    assert {one.outcome for one in foreseen.values()} == {"run"}
    assert {one.reason.kind for one in foreseen.values()} == {"first_build"}
    assert lab.dump() == before
    assert not list(lab.data.glob(".penstock/*"))
    result = lab.make(*things)
    assert {one.asset for one in result.executed} == set(foreseen)


def test_changed_code_is_foreseen(lab: Lab) -> None:
    """It is planned by the new definition; the head is still of the old one, so the run would be made."""
    lab.write("docs.txt", "a b")
    assert lab.make(words).ok

    def shorter(docs: str) -> list[str]:
        return docs.split()[:1]

    changed = asset("words.json", name="words", on=docs)(shorter)
    for _ in range(2):
        foreseen = lab.foresee(changed, select=("words",))
        assert (foreseen["words"].outcome, foreseen["words"].reason.text) == ("run", "code changed")
    lab.write("docs.txt", "a b c")
    foreseen = lab.foresee(changed, select=("words",))
    assert (foreseen["words"].outcome, foreseen["words"].reason.text) == (
        "run",
        "input changed (docs) and code changed",
    )
    assert lab.story(lab.make(changed)) == {"words": "success: input changed (docs) and code changed"}
