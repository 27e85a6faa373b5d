"""Traces and impacts, asked of a small story on each database: raw → doubled → evens → report, and a second `raw`."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from penstock import Dataset, asset, materialize
from penstock.assets.run.attempt.revision import Revisions
from penstock.storage.errors import UsageError
from penstock.storage.settings import read_settings
from penstock.ui.read.presence import absent
from penstock.ui.read.run import run as one_run
from penstock.ui.read.runs import runs
from penstock.ui.read.store import opened
from penstock.ui.read.tracing import Direction, Trace, around, impact, path, trace, ways

pytestmark = pytest.mark.databases("sqlite", "postgresql")
raw = Dataset("raw.json", licence="CC-BY-4.0")


@asset("doubled.json", on=raw)
def doubled(raw: list[int]) -> list[int]:
    """Twice each number."""
    return [2 * number for number in raw]


@asset("evens.json", on=doubled)
def evens(doubled: list[int], *, below: int = 5) -> list[int]:
    """Those that are still even when halved."""
    return [number for number in doubled if number % 4 == 0 and number < below]


@asset("report.json", on=evens)
def report(evens: list[int]) -> int:
    """How many there are."""
    return len(evens)


class Story:
    """Two materializations, and the moment between them."""

    def __init__(self, folder: Path, database: str) -> None:
        self.folder = folder
        self.places = {"project": "story", "home": str(folder / "home"), "data_root": str(folder), "database": database}
        self.before = datetime.now(UTC) - timedelta(days=1)
        self.first = self._make([1, 2])
        self.between = datetime.now(UTC)
        self.second = self._make([1, 2, 3])

    def _make(self, numbers: list[int]) -> Any:
        (self.folder / "raw.json").write_text(json.dumps(numbers))
        return materialize([doubled, evens, report], project_folder=self.folder, **self.places)

    def ask(self, question: Any, *texts: str, **asked: Any) -> Trace:
        """The answer to a question about versions."""
        with opened(read_settings(self.folder, **self.places)) as store:
            return question(store, *texts, **asked)

    def lost(self, found: Trace) -> list[str]:
        """The datasets of an answer whose bytes are not there."""
        settings = read_settings(self.folder, **self.places)
        with opened(settings) as store:
            gone = absent(store, settings, found.lines)
        return [one.version.dataset for one in found.lines if one.version.id in gone]


@pytest.fixture
def story(tmp_path: Path, databases: Any) -> Story:
    """The story, told."""
    return Story(tmp_path, databases.fresh())


def names(found: Trace) -> list[str]:
    """The datasets, by distance."""
    return [line.version.dataset for line in found.lines]


def test_a_trace_says_how_each_version_was_made(story: Story) -> None:
    """Digest, run and parameters of each, the licence of the source, which was observed and has no run."""
    found = story.ask(trace, "evens")
    assert names(found) == ["evens", "doubled", "raw"]
    of_evens, of_doubled, of_raw = found.lines
    assert of_evens.parameters == {"below": 5}
    assert (of_doubled.run, of_doubled.number) == (story.second["doubled"].run_id, 2)
    assert of_doubled.version.digest == story.second["doubled"].made[0].digest
    assert (of_raw.licence, of_raw.run, of_raw.version.held) == ("CC-BY-4.0", None, False)
    checkout, commit = Revisions([]).of(__file__), of_doubled.commit
    assert (commit and commit.removesuffix("-dirty")) == (None if checkout is None else checkout.commit)
    assert of_raw.commit is None


def test_an_impact_says_what_is_in_use(story: Story) -> None:
    """Of two versions of a dataset the newer one is in use, whichever of them it was made from."""
    found = story.ask(impact, "raw@1")
    assert {line.version.dataset: line.is_head for line in found.lines} == {
        "raw": False,
        "doubled": False,
        "evens": True,  # the second making gave the same bytes
        "report": True,
    }


def test_it_is_asked_as_of_a_time(story: Story) -> None:
    """What was made since is no part of it: the version of then, as it had been made then."""
    found = story.ask(trace, "evens", as_of=story.between)
    assert found.lines[0].run == story.first["evens"].run_id
    assert found.lines[1].version.digest == story.first["doubled"].made[0].digest
    assert names(story.ask(impact, "doubled@1", as_of=story.between)) == ["doubled", "evens", "report"]
    with pytest.raises(UsageError, match="there was no version evens yet"):
        story.ask(trace, "evens", as_of=story.before)
    with pytest.raises(UsageError, match="there was no version doubled@2 yet"):
        story.ask(trace, "doubled@2", as_of=story.between)


def test_who_names_a_number_is_answered_about_that_publication(story: Story) -> None:
    """The bytes of `evens` were made twice, from other inputs: each time is told as it was; the dataset alone and the
    digest mean the last time; and it is said how often that was."""
    first, second = story.first["evens"].run_id, story.second["evens"].run_id
    digest = story.first["evens"].made[0].digest
    for text, number, run in (("evens@1", 1, first), ("evens@2", 2, second), ("evens", 2, second), (digest, 2, second)):
        found = story.ask(trace, text)
        assert [(one.version.dataset, one.number) for one in found.lines] == [
            ("evens", number),
            ("doubled", number),
            ("raw", number),
        ]
        (root,) = found.roots
        assert (root.run, [(one.number, one.run_id) for one in root.made]) == (run, [(1, first), (2, second)])
        assert found.lines[2].published_at is not None
        assert (found.lines[2].published_at < story.between) is (number == 1)
    with pytest.raises(UsageError, match="there was no version evens@2 yet"):
        story.ask(trace, "evens@2", as_of=story.between)
    assert story.ask(trace, "evens@1", as_of=story.between).roots[0].made[1:] == ()


def test_what_came_of_a_version_is_told_under_each_number(story: Story) -> None:
    """And there is a way just to those: other makings of the same bytes came of something else."""
    for number in (1, 2):
        found = story.ask(impact, f"raw@{number}")
        (of_evens,) = (one for one in found.lines if one.version.dataset == "evens")
        assert ("report" in names(found)) is (number == 1)  # which was not made again from equal bytes
        run = (story.first if number == 1 else story.second)["evens"].run_id
        assert (of_evens.number, of_evens.run, of_evens.is_newest) == (number, run, number == 2)
        assert names(story.ask(path, f"raw@{number}", f"evens@{number}")) == ["evens", "doubled", "raw"]
        assert story.ask(path, f"raw@{number}", f"evens@{3 - number}").lines == ()


def test_what_only_tells_again_was_made_before(story: Story) -> None:
    """A run that was skipped published `report` once more: it was made by the one before."""
    again = story.ask(trace, "report@2")
    assert (again.roots[0].number, [one.number for one in again.roots[0].made]) == (2, [1])
    assert (again.roots[0].run, names(again)) == (story.first["report"].run_id, ["report", "evens", "doubled", "raw"])
    assert [one.number for one in again.others] == [1, 1, 1]
    assert story.ask(trace, "report").roots[0].number == 1


def test_datasets_of_one_name_are_told_apart(tmp_path: Path, databases: Any) -> None:
    """A source that moved is remembered where it was: by its URI, which means it; so does what several begin with."""
    places = {"project": "moved", "home": str(tmp_path / "home"), "data_root": str(tmp_path)}
    places["database"] = databases.fresh()
    for uri in ("old/texts.json", "texts.json"):
        (tmp_path / uri).parent.mkdir(exist_ok=True)
        (tmp_path / uri).write_text("[1]")
        texts = Dataset(uri, name="texts")

        @asset("counted.json", on=texts, inputs={"of": texts})
        def counted(of: list[int]) -> int:
            return len(of)

        materialize([counted], project_folder=tmp_path, force=True, **places)
    with opened(read_settings(tmp_path, **places)) as store:
        found = impact(store, "old/texts.json@1")
        assert [(one.name, one.version.dataset) for one in found.lines] == [
            ("old/texts.json", "texts"),
            ("counted", "counted"),
        ]
        assert [one.name for one in trace(store, "counted@2").lines] == ["counted", "texts.json"]
        digest = found.lines[0].version.digest[:12]
        assert trace(store, "texts").roots[0].version.digest[:12] == digest
        with pytest.raises(UsageError, match=f"2 versions begin with '{digest[:8]}'") as error:
            trace(store, digest[:8])
        assert error.value.hint == f"Name one of them: old/texts.json@1 ({digest}), texts.json@1 ({digest})."
        details = [one_run(store, one.id) for one in reversed(runs(store).items)]
        assert [(one.reference(one.pins[0]), one.reference(one.published[0])) for one in details] == [
            ("old/texts.json@1", "counted@1"),
            ("texts.json@1", "counted@2"),
        ]


def test_limits_hold_and_are_told(story: Story) -> None:
    """At most so many steps, and at most so many versions."""
    near = story.ask(impact, "raw@1", depth=1)
    assert [(line.version.dataset, line.node.cut) for line in near.lines] == [("raw", False), ("doubled", True)]
    few = story.ask(trace, "report", most=2)
    assert (names(few), few.graph.is_cut, few.lines[-1].node.cut) == (["report", "evens"], True, True)


def test_the_ways_between_two_are_kept_alone(story: Story) -> None:
    """Nothing where there is none, also the wrong way round."""
    assert names(story.ask(path, "doubled@1", "report")) == ["report", "evens", "doubled"]
    assert story.ask(path, "report", "doubled").lines == ()


def test_a_way_is_the_same_from_either_end(story: Story) -> None:
    """Upwards from where it ends, or downwards from where it begins; each as far from its root as it is; no further
    than was asked for."""
    down = story.ask(path, "doubled@1", "report", direction=Direction.DOWN)
    assert [(line.version.dataset, line.node.depth) for line in down.lines] == [
        ("doubled", 0),
        ("evens", 1),
        ("report", 2),
    ]
    assert [line.version.dataset for line in down.roots] == ["doubled"]
    assert set(down.graph.links) == set(story.ask(path, "doubled@1", "report").graph.links)
    assert story.ask(path, "report", "doubled", direction=Direction.DOWN).lines == ()
    with pytest.raises(UsageError, match="no way from raw@1 to report was found among the 2 versions"):
        story.ask(path, "raw@1", "report", depth=1)


def test_the_ways_between_two_are_found_whichever_is_named_first(story: Story) -> None:
    """Those that lead from one to the other, in one order or in the other; none where neither came of the other."""
    second = story.second["evens"].run_id
    assert second is not None
    for one in ("raw@1", "raw@2", "doubled@1", "evens@2", "report", second):
        for other in ("raw@2", "doubled@2", "evens@1", "report"):
            either = [names(story.ask(path, *both)) for both in ((one, other), (other, one))]
            assert names(story.ask(ways, one, other)) == (either[0] or either[1]), (one, other)
    assert story.ask(ways, "raw@1", "raw@2").lines == ()
    with pytest.raises(UsageError, match="nobody"):
        story.ask(ways, "report", "nobody")


def test_a_run_stands_for_what_it_made(story: Story) -> None:
    """Wherever a version is named; of one that made nothing what it read; and only once it had ended."""
    first, second = story.first["doubled"].run_id, story.second["doubled"].run_id
    assert first is not None
    assert second is not None
    assert names(story.ask(trace, second[-8:])) == ["doubled", "raw"]
    assert story.ask(impact, first).graph == story.ask(impact, "doubled@1").graph
    assert names(story.ask(path, first, "report")) == ["report", "evens", "doubled"]
    assert story.ask(path, second, "report").lines == ()  # whose equal bytes came of the first
    assert names(story.ask(path, second, "evens")) == ["evens", "doubled"]
    of_evens = story.first["evens"].run_id
    assert of_evens is not None
    assert names(story.ask(path, "raw@1", of_evens)) == ["evens", "doubled", "raw"]
    with pytest.raises(UsageError, match=f"run {second} had not ended at"):
        story.ask(impact, second, as_of=story.between)


def test_around_a_run_lies_what_it_read_and_what_came_of_it(story: Story) -> None:
    """As far up and down as was asked for, of a run as of the version that it made."""
    of_run = story.ask(around, run=story.first["evens"].run_id, above=1, below=1)
    assert sorted(names(of_run)) == ["doubled", "evens", "report"]
    assert [line.version.dataset for line in of_run.roots] == ["evens"]
    of_version = story.ask(around, "raw@1", above=1, below=1)
    assert (names(of_version), of_version.graph.is_cut) == (["raw", "doubled"], True)


def test_bytes_that_are_gone_are_told_and_lineage_is_still_there(story: Story) -> None:
    """Of what was only observed nothing is said: its bytes are not ours."""
    found = story.ask(trace, "report")
    assert story.lost(found) == []
    for kept in (story.folder / ".penstock" / "objects").rglob("*"):
        if kept.is_file():
            kept.unlink()
    again = story.ask(trace, "report")
    assert names(again) == names(found) == ["report", "evens", "doubled", "raw"]
    assert story.lost(again) == ["report", "evens", "doubled"]
