"""What is made again and what is not: exactly what a change reaches, once, and never more."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from penstock import Dataset, asset
from penstock.assets.run.progress import Looked, Outcome, Started
from penstock.storage.errors import SettingsFault

pytestmark = pytest.mark.databases("sqlite", "postgresql")

Lab = Any
"""The fixture is a class of `conftest.py`, which no test can import."""

# docs ──► words ──► count ──┐
#     └──► title ────────────┴──► report          labels ──► legend
docs, labels = Dataset("docs.txt"), Dataset("labels.txt")


@asset("words.json", on=docs)
def words(docs: str) -> list[str]:
    """The words of the text; white space and letters' case are nothing to it."""
    return docs.lower().split()


@asset("title.txt", on=docs)
def title(docs: str) -> str:
    """The first line."""
    return docs.splitlines()[0]


@asset("count.json", on=words)
def count(words: list[str]) -> int:
    """How many words there are."""
    return len(words)


@asset("report.txt", on=count & title)
def report(count: int, title: str) -> str:
    """What is read by people."""
    return f"{title}: {count}"


@asset("legend.txt", on=labels)
def legend(labels: str) -> str:
    """Of the other source."""
    return labels


ALL = (words, title, count, report, legend)
UNCHANGED = {
    "legend": "skipped: unchanged",
    "title": "skipped: unchanged",
    "words": "skipped: unchanged",
    "count": "skipped: unchanged",
    "report": "skipped: unchanged",
}


@pytest.fixture
def made(lab: Lab) -> Lab:
    """The project, made once."""
    lab.write("docs.txt", "Title\nOne two\n")
    lab.write("labels.txt", "a b")
    result = lab.make(*ALL)
    assert lab.story(result) == dict.fromkeys(UNCHANGED, "success: first build")
    assert lab.read("report.txt") == "Title: 3"
    return lab


def test_a_second_pass_runs_nothing(made: Lab) -> None:
    """Everything is skipped as unchanged, no event is published, and each skip is a recorded run with its reason."""
    before = made.rows("SELECT count(*) FROM events")
    result = made.make(*ALL)
    assert made.story(result) == UNCHANGED
    assert result.ok
    assert not result.executed
    assert made.rows("SELECT count(*) FROM events") == before
    skipped = made.rows("SELECT reason FROM runs WHERE materialization_id = ? AND state = 'skipped'", result.id)
    assert [json.loads(reason)["kind"] for (reason,) in skipped] == ["unchanged"] * 5


def test_a_touched_file_changes_nothing(made: Lab) -> None:
    """Another time, the same content: looked at, and left at that."""
    os.utime(made.data / "docs.txt", ns=(1, 1))
    result = made.make(*ALL)
    assert made.story(result) == UNCHANGED
    assert made.events("docs") == ["changed"]
    assert {one.name: one.news for one in result.looked} == {"docs": "unchanged", "labels": "unchanged"}


def test_an_edited_file_runs_exactly_what_it_reaches(made: Lab) -> None:
    """And each of them once, the one where two ways meet too."""
    made.write("docs.txt", "Title\nOne two three\n")
    assert made.story(made.make(*ALL)) == {
        "legend": "skipped: unchanged",
        "words": "success: input changed: docs",
        "title": "success: input changed: docs",
        "count": "success: input changed: words",
        "report": "success: input changed: count",
    }
    assert made.read("report.txt") == "Title: 4"
    assert made.story(made.make(*ALL)) == UNCHANGED


def test_where_two_ways_meet_both_are_named(made: Lab) -> None:
    """A diamond whose both sides changed is closed by one run, which says both."""
    made.write("docs.txt", "Other title\nOne two\n")
    result = made.make(*ALL)
    assert made.story(result)["report"] == "success: input changed: count, title"
    assert made.rows(
        "SELECT count(*) FROM runs r JOIN assets a ON a.id = r.asset_id WHERE a.name = 'report' AND r.state = 'success'"
    ) == [(2,)]


def test_a_rebuild_of_the_same_content_ends_the_wave(made: Lab) -> None:
    """Early cutoff: the same digest is published as confirmed, and what is downstream is skipped."""
    made.write("docs.txt", "Title\nONE   two\n")
    result = made.make(*ALL)
    assert made.story(result) == {
        "legend": "skipped: unchanged",
        "words": "success: input changed: docs",
        "title": "success: input changed: docs",
        "count": "skipped: unchanged",
        "report": "skipped: unchanged",
    }
    assert {made_.kind for made_ in result["words"].made} == {"confirmed"}
    assert made.events("words") == ["changed", "confirmed"]
    assert made.story(made.make(*ALL)) == UNCHANGED


def test_confirmed_news_travels_on(made: Lab) -> None:
    """Nobody downstream waits for ever for the half that stayed the same: what is skipped is confirmed too."""
    made.write("docs.txt", "Title\nONE   two\n")
    made.make(*ALL)
    assert made.events("count") == ["changed", "confirmed"]
    assert made.events("report") == ["changed", "confirmed"]


def test_there_and_back_again(made: Lab) -> None:
    """A → B → A: the third pass runs what the way back reaches, and publishes the first versions once more."""
    first = made.read("docs.txt")
    made.write("docs.txt", "Title\nOne two three\n")
    made.make(*ALL)
    made.write("docs.txt", first)
    assert made.story(made.make(*ALL))["report"] == "success: input changed: count"
    assert made.read("report.txt") == "Title: 3"
    assert made.rows(
        "SELECT count(DISTINCT e.version_id), count(*) FROM events e JOIN datasets d ON d.id = e.dataset_id "
        "WHERE d.name = 'report'"
    ) == [(2, 3)]
    assert made.story(made.make(*ALL)) == UNCHANGED


def test_there_and_back_between_two_passes_is_nothing(made: Lab) -> None:
    """Nobody has seen B: nothing changed."""
    first = made.read("docs.txt")
    made.write("docs.txt", "something else")
    made.write("docs.txt", first)
    assert made.story(made.make(*ALL)) == UNCHANGED


def test_force_makes_everything_again_once(made: Lab) -> None:
    """The same content comes out, so everything is confirmed; and the next pass runs nothing."""
    assert made.story(made.make(*ALL, force=True)) == dict.fromkeys(UNCHANGED, "success: manual")
    assert made.events("report") == ["changed", "confirmed"]
    assert made.story(made.make(*ALL)) == UNCHANGED


def test_an_asset_without_inputs_is_made_whenever_it_is_asked_for(lab: Lab) -> None:
    """Nothing says that it would come out the same; what it feeds is skipped when it does."""

    @asset("now.json")
    def now() -> list[int]:
        return [1]

    @asset("after.json", on=now)
    def after(now: list[int]) -> list[int]:
        return now

    assert lab.make(now, after).ok
    assert lab.story(lab.make(now, after)) == {"now": "success: manual", "after": "skipped: unchanged"}


def test_a_file_that_is_gone_holds_its_consumers(made: Lab) -> None:
    """What others removed has no version: whoever needs it is held with that reason; put back, nothing has changed."""
    content = made.read("labels.txt")
    (made.data / "labels.txt").unlink()
    result = made.make(*ALL)
    assert made.story(result) == UNCHANGED | {"legend": "held: input has no version: labels"}
    assert made.read("legend.txt") == "a b"
    assert made.events("labels") == ["changed", "removed"]
    made.write("labels.txt", content)
    assert made.story(made.make(*ALL))["legend"] == "skipped: unchanged"
    made.write("labels.txt", "c")
    assert made.story(made.make(*ALL))["legend"] == "success: input changed: labels"


# --- bytes -----------------------------------------------------------------------------------------------------------


def objects(lab: Lab) -> dict[str, Path]:
    """The objects by what is in them."""
    return {path.read_text(): path for path in lab.data.glob(".penstock/objects/*/*")}


def test_bytes_that_are_gone_are_made_again(made: Lab) -> None:
    """The object of a head was deleted: that asset is missing, and healed; the rest stays as it is."""
    objects(made)["Title"].unlink()
    result = made.make(*ALL)
    assert made.story(result) == UNCHANGED | {"title": "success: missing: title"}
    assert "Title" in objects(made)
    assert made.events("title") == ["changed", "confirmed"]
    assert made.story(made.make(*ALL)) == UNCHANGED


def test_an_input_whose_bytes_are_gone_fails_with_its_path(made: Lab) -> None:
    """Asked for alone and forced, it cannot be read: the sentence says what is missing, and healing is one pass."""
    gone = objects(made)["Title"]
    gone.unlink()
    result = made.make(*ALL, select="report", force=True)
    assert not result.ok
    error = result["report"].error
    assert str(gone) in error["message"]
    assert "make the dataset again" in error["hint"]
    healed = made.make(*ALL)
    assert healed.ok
    assert made.story(healed)["title"] == "success: missing: title"


def test_readers_read_what_was_pinned_whatever_stands_at_the_uri(made: Lab) -> None:
    """A dataset's own URI was overwritten by hand: downstream never looks there."""
    made.write("title.txt", "forged")
    made.write("docs.txt", "Title\nOne two three\n")
    assert made.make(*ALL).ok
    assert made.read("report.txt") == "Title: 4"
    assert made.make(*ALL, select="report", force=True).ok
    assert made.read("report.txt") == "Title: 4"


def test_a_uri_whose_file_was_deleted_is_made_equal_to_the_head_again(made: Lab) -> None:
    """Nothing runs: the version is still there."""
    (made.data / "title.txt").unlink()
    assert made.story(made.make(*ALL)) == UNCHANGED
    assert made.read("title.txt") == "Title"


def test_foreign_content_at_a_uri_is_kept_aside_when_the_next_version_is_shown(made: Lab) -> None:
    """It was never ours to destroy."""
    made.write("title.txt", "forged")
    made.write("docs.txt", "Other\n")
    assert made.make(*ALL).ok
    assert made.read("title.txt") == "Other"
    assert [path.read_text() for path in made.data.glob(".penstock/aside/*/*")] == ["forged"]


def test_a_uri_that_cannot_be_written_is_a_warning_each_time_until_it_can(lab: Lab) -> None:
    """Somebody's folder stands in the way: the version is published, others are made, and every pass says so again."""
    blocked = asset("blocked.json", name="blocked")(lambda: [1])
    reader = asset("reader.json", name="reader", on=blocked, inputs={"numbers": blocked})(_listed)
    lab.write("blocked.json/precious.txt", "mine")
    for made in ("first build", "manual"):
        result = lab.make(blocked, reader)
        assert result.ok
        assert lab.story(result)["blocked"] == f"success: {made}"
        assert "precious" not in result["blocked"].warning
        assert str(lab.data / "blocked.json") in result["blocked"].warning
    again = lab.make(blocked, reader, select="reader")
    assert lab.story(again) == {"reader": "skipped: unchanged"}
    assert (lab.data / "blocked.json" / "precious.txt").read_text() == "mine"
    assert json.loads(lab.read("reader.json")) == [1]
    (lab.data / "blocked.json" / "precious.txt").unlink()
    assert lab.make(blocked, reader, select="reader").ok
    assert json.loads(lab.read("blocked.json")) == [1]


def _listed(numbers: list[int]) -> list[int]:
    return numbers


def test_a_dataset_that_is_not_published_has_versions_alone(lab: Lab) -> None:
    """`publish="none"`: nothing is written at the URI, and downstream reads all the same."""

    @asset("hidden.json", publish="none")
    def hidden() -> list[int]:
        return [1]

    @asset("shown.json", on=hidden)
    def shown(hidden: list[int]) -> list[int]:
        return hidden

    assert lab.make(hidden, shown).ok
    assert not (lab.data / "hidden.json").exists()
    assert json.loads(lab.read("shown.json")) == [1]


def test_what_stands_at_a_uri_shares_nothing_with_the_version(made: Lab) -> None:
    """Objects are read-only; a tool that writes into the published file changes no version."""
    (kept,) = [path for path in made.data.glob(".penstock/objects/*/*") if path.read_text() == "Title"]
    shown = made.data / "title.txt"
    assert not kept.stat().st_mode & 0o222
    assert not kept.samefile(shown)
    with shown.open("a") as file:
        file.write(" and more")
    assert kept.read_text() == "Title"


def test_a_listener_is_told_everything_as_it_happens(made: Lab) -> None:
    """What was looked at, each run that begins, and what became of each asset, in that order."""
    told: list[Any] = []
    made.write("docs.txt", "Other title\nOne two\n")
    result = made.make(*ALL, listener=told.append)
    assert [one for one in told if isinstance(one, Looked)] == list(result.looked)
    assert [one for one in told if isinstance(one, Outcome)] == list(result.outcomes)
    begun = {one.asset: place for place, one in enumerate(told) if isinstance(one, Started)}
    ended = {one.asset: place for place, one in enumerate(told) if isinstance(one, Outcome)}
    assert set(begun) == {one.asset for one in result.executed}
    assert all(begun[name] < ended[name] for name in begun)
    assert max(begun["words"], begun["title"]) < begun["count"] < begun["report"]


def test_what_settings_count_as_environment_is_part_of_the_key(made: Lab) -> None:
    """A distribution that results depend on: named for the first time, everything is made again, once."""
    assert made.story(made.make(*ALL, environment=["polars"])) == dict.fromkeys(UNCHANGED, "success: code changed")
    assert made.story(made.make(*ALL, environment=["polars"])) == UNCHANGED
    with pytest.raises(SettingsFault, match="no-such-distribution"):
        made.make(*ALL, environment=["no-such-distribution"])
