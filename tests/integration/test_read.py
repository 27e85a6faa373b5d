"""Questions to the metadata store, asked of a small story: two looks at the same source, a failure, an early cutoff.

    raw → doubled → evens → report
                  → pairs (small, large)
                  → broken → after

The second value of `raw` changes `doubled` and `pairs`, but not `evens`.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from penstock import Dataset, asset, materialize
from penstock.assets.run.progress import Result
from penstock.storage.errors import DatabaseFault, UsageError
from penstock.storage.meta.database.engine import Store
from penstock.storage.meta.database.migrate import Form
from penstock.storage.meta.past import history
from penstock.storage.settings import ProjectSettings, read_settings
from penstock.storage.types import AttemptOutcome, ConsumptionOutcome, EventKind, MaterializationState, RunState
from penstock.ui.read.assets import assets, outputs
from penstock.ui.read.page import cut
from penstock.ui.read.references import version_meant
from penstock.ui.read.run import run
from penstock.ui.read.runs import runs
from penstock.ui.read.status import status
from penstock.ui.read.store import opened, recorded
from penstock.ui.read.tracing import Trace, impact, trace
from penstock.ui.read.versions import versions

raw = Dataset("raw.json")


@asset("doubled.json", on=raw, group="numbers", tags=["fast"], owners=["team:kb"], kind="table")
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


@asset(outputs={"small": "small.json", "large": "large.json"}, on=doubled)
def pairs(doubled: list[int]) -> dict[str, object]:
    """The smallest and the largest."""
    return {"small": min(doubled), "large": max(doubled)}


@asset("broken.json", on=doubled)
def broken(doubled: list[int]) -> list[int]:
    """Fails."""
    raise ValueError(f"cannot use {doubled}")


@asset("after.json", on=broken)
def after(broken: list[int]) -> list[int]:
    """Never made."""
    return broken


THINGS = [doubled, evens, report, pairs, broken, after]


class Story:
    """The project, and the two materializations that happened in it."""

    def __init__(self, folder: Path) -> None:
        self.settings = read_settings(folder, project="story", home=str(folder / "home"), data_root=str(folder))
        self.first = self._make([1, 2])
        self.second = self._make([1, 2, 3])

    def _make(self, numbers: list[int]) -> Result:
        (self.settings.folder / "raw.json").write_text(json.dumps(numbers))
        places = {"project": "story", "home": str(self.settings.home), "data_root": self.settings.data_root}
        return materialize(THINGS, project_folder=self.settings.folder, **places)


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    """The story, told once."""
    return Story(tmp_path_factory.mktemp("story"))


@pytest.fixture
def store(story: Story) -> Iterator[Store]:
    """Its store, to be read."""
    with opened(story.settings) as store:
        yield store


def edges(found: Trace) -> list[tuple[str, str]]:
    """(dataset@beginning of the digest, the same of what is one step further from the root), as drawn."""
    names = {one.node.id: f"{one.version.dataset}@{one.version.digest[:4]}" for one in found.lines}
    return [(names[one], names[other]) for one, others in found.graph.next_to().items() for other in others]


def digest(story: Story, asset: str, *, second: bool = False) -> str:
    """The beginning of the digest that an asset of one output published."""
    return (story.second if second else story.first)[asset].made[0].digest[:4]


def test_assets_stand_where_their_last_runs_left_them(store: Store) -> None:
    """Each asset in the order of the graph: its declaration, the newest version of each output, its last run."""
    page = assets(store)
    lines = {line.name: line for line in page.items}
    assert list(lines) == ["doubled", "broken", "evens", "pairs", "after", "report"]
    assert not page.more
    one = lines["doubled"]
    assert (one.group, one.tags, one.owners, one.kind) == ("numbers", ("fast",), ("team:kb",), "table")
    assert one.description == "Twice each number."
    assert one.last_run is not None
    assert (one.last_run.state, one.last_run.reason.text) == (RunState.SUCCESS, "input changed: raw")
    (output,) = one.outputs
    assert (output.dataset, output.number, output.size) == ("doubled", 2, len("[2,4,6]\n"))
    assert [output.dataset for output in lines["pairs"].outputs] == ["small", "large"]
    last = lines["broken"].last_run
    assert last is not None
    assert last.error == "ValueError: cannot use [2, 4, 6]"
    assert lines["broken"].outputs[0].digest is None
    assert lines["after"].last_run is None
    assert lines["evens"].outputs[0].number == 2


def test_assets_come_in_pages(store: Store) -> None:
    """A page says whether others follow, and the next one goes on where it ended."""
    first = assets(store, limit=4)
    rest = assets(store, limit=4, after=first.items[-1].name)
    assert (len(first.items), first.more) == (4, True)
    assert ([one.name for one in rest.items], rest.more) == (["after", "report"], False)
    assert [one.name for one in assets(store, names={"evens"}).items] == ["evens"]


def test_outputs_are_those_of_the_heads(store: Store, story: Story) -> None:
    """The quick question gives the same versions, by asset."""
    found = outputs(store, {"pairs", "evens", "after"})
    assert {name: [one.dataset for one in lines] for name, lines in found.items()} == {
        "after": ["after"],
        "evens": ["evens"],
        "pairs": ["large", "small"],
    }
    assert found["evens"][0].digest == story.first["evens"].made[0].digest


def test_the_status_counts_and_says_what_was_left_undone(store: Store, story: Story) -> None:
    """Runs by state, nothing under way, nothing undelivered, and the last materialization with what it held and why."""
    whole = status(store)
    assert (whole.project, whole.form) == ("story", Form.CURRENT)
    assert whole.runs == {RunState.SUCCESS: 7, RunState.FAILED: 2, RunState.SKIPPED: 1}
    assert (whole.unfinished, whole.undelivered) == ((), ())
    assert whole.latest is not None
    assert (whole.latest.id, whole.latest.state) == (story.second.id, MaterializationState.FAILED)
    assert {name: reason.text for name, reason in whole.latest.held.items()} == {"after": "upstream failed: broken"}


def test_runs_are_listed_newest_first_and_filtered(store: Store) -> None:
    """By asset, by state, in pages."""
    everything = runs(store).items
    assert [one.created_at for one in everything] == sorted((one.created_at for one in everything), reverse=True)
    assert {one.asset for one in runs(store, state=RunState.FAILED).items} == {"broken"}
    of_evens = runs(store, asset="evens").items
    assert [one.reason.text for one in of_evens] == ["input changed: doubled", "first build"]
    assert all(one.took is not None and one.took.total_seconds() >= 0 for one in of_evens)
    page = runs(store, limit=3, offset=8)
    assert (len(page.items), page.more) == (2, False)
    assert runs(store, limit=3).more


def test_a_run_tells_everything(store: Store, story: Story) -> None:
    """What it read and consumed, its attempt, what it published, its parameters, and its lineage events."""
    run_id = story.second["evens"].run_id
    assert run_id is not None
    detail = run(store, run_id)
    assert [(pin.parameter, pin.name, pin.digest[:4]) for pin in detail.pins] == [
        ("doubled", "doubled", digest(story, "doubled", second=True))
    ]
    assert [(one.dataset, one.number, one.kind, one.outcome) for one in detail.consumed] == [
        ("doubled", 2, EventKind.CHANGED, ConsumptionOutcome.RUN)
    ]
    assert [(one.number, one.outcome) for one in detail.attempts] == [(1, AttemptOutcome.SUCCESS)]
    assert [(one.dataset, one.number, one.kind) for one in detail.published] == [("evens", 2, EventKind.CONFIRMED)]
    made_from = detail.made_from
    assert made_from is not None
    assert (detail.parameters, made_from.parameters) == ({"below": 5}, {"below": 5})
    assert (made_from.inputs["doubled"].digest[:4], made_from.inputs["doubled"].form) == (
        digest(story, "doubled", second=True),
        "json list",
    )
    assert (made_from.outputs["evens.json"].suffix, made_from.nonce) == (".json", None)
    assert [event.kind for event in detail.lineage] == ["START", "COMPLETE"]
    assert all(event.body["run"]["runId"] == run_id for event in detail.lineage)


def test_a_failed_run_keeps_its_error_and_returns_its_events(store: Store, story: Story) -> None:
    """The error with its trace stays with the run; the event that caused it is pending again."""
    run_id = story.second["broken"].run_id
    assert run_id is not None
    detail = run(store, run_id)
    assert detail.run.error is not None
    assert (detail.run.error.type, detail.run.error.message) == ("ValueError", "cannot use [2, 4, 6]")
    assert "in broken" in detail.run.error.trace
    assert {one.outcome for one in detail.consumed} == {ConsumptionOutcome.RETURNED}
    assert detail.published == ()
    assert [event.kind for event in detail.lineage] == ["START", "FAIL"]


def test_a_run_is_named_by_a_unique_part_of_its_id(store: Store, story: Story) -> None:
    """The end of an id is enough; what is not unique, or nobody's, is a wrong question."""
    run_id = story.first["doubled"].run_id
    assert run_id is not None
    assert run(store, run_id[-8:].upper()).run.id == run_id
    with pytest.raises(UsageError, match="have an id that begins or ends with") as several:
        run(store, run_id[:6])
    assert run_id[:6] in several.value.hint
    for nothing in ("zzzz", "", "%"):
        with pytest.raises(UsageError, match="there is no run"):
            run(store, nothing)


def test_versions_of_a_dataset_newest_first(store: Store, story: Story) -> None:
    """One line for each publication; the second of `evens` confirms the first, what others write has no run."""
    found = versions(store, "evens")
    assert [(one.number, one.kind) for one in found.page.items] == [(2, EventKind.CONFIRMED), (1, EventKind.CHANGED)]
    assert len({one.digest for one in found.page.items}) == 1
    assert found.page.items[1].run_id == story.first["evens"].run_id
    observed = versions(store, "raw")
    assert observed.dataset.producer is None
    assert [(one.run_id, one.held) for one in observed.page.items] == [(None, False)] * 2
    page = versions(store, "evens", limit=1)
    assert (len(page.page.items), page.page.more) == (1, True)
    assert versions(store, "large.json").dataset.name == "large"
    assert versions(store, "after").page.items == ()


def test_lineage_leads_up_to_what_was_observed(store: Store, story: Story) -> None:
    """From a version through every version that it was made from, down to digests."""
    made, source = digest(story, "doubled", second=True), versions(store, "raw").page.items[0].digest
    assert source is not None
    found = trace(store, "evens")
    assert set(edges(found)) == {
        (f"evens@{digest(story, 'evens')}", f"doubled@{made}"),
        (f"doubled@{made}", f"raw@{source[:4]}"),
    }
    assert [one.run for one in found.lines] == [
        story.second["evens"].run_id,
        story.second["doubled"].run_id,
        None,
    ]


def test_lineage_is_that_of_the_making_that_was_read(store: Store, story: Story) -> None:
    """`report` was made once, from `evens` as it was first made: that a later run gave the same bytes from other
    inputs does not change what the report came from."""
    found = trace(store, "report")
    assert (f"evens@{digest(story, 'evens')}", f"doubled@{digest(story, 'doubled')}") in edges(found)
    assert digest(story, "doubled") != digest(story, "doubled", second=True)


def test_lineage_leads_down_to_everything_made_from_it(store: Store, story: Story) -> None:
    """The first version of `raw` led to the first `doubled` and what came of that; not to the second."""
    names = sorted(one.version.dataset for one in impact(store, "raw@1").lines)
    assert names == ["doubled", "evens", "large", "raw", "report", "small"]
    both = impact(store, digest(story, "doubled", second=True))
    assert edges(both)[0][0] == f"doubled@{digest(story, 'doubled', second=True)}"
    # `report` read bytes of `evens` that came of the first, and was not made again from equal ones.
    assert {one.version.dataset for one in both.lines} == {"doubled", "evens", "large", "small"}


def test_lineage_stops_at_its_depth_and_says_so(store: Store) -> None:
    """At the depth that was asked for, a node that goes on is marked; one that ends there is not."""
    cut_off = {one.version.dataset: one.node.cut for one in trace(store, "report", depth=2).lines}
    assert cut_off == {"report": False, "evens": False, "doubled": True}
    whole = {one.version.dataset: one.node.cut for one in trace(store, "report", depth=3).lines}
    assert whole == {"report": False, "evens": False, "doubled": False, "raw": False}
    down = {one.version.dataset: one.node.cut for one in impact(store, "raw", depth=1).lines}
    assert down == {"raw": False, "doubled": True}


@pytest.mark.parametrize("text", ["evens", "evens.json", "evens@2", "evens@1"])
def test_a_version_is_named_in_several_ways(store: Store, story: Story, text: str) -> None:
    """By dataset, URI, event number or the beginning of its digest."""
    whole = story.first["evens"].made[0].digest
    with store.read() as tx:
        meant = [version_meant(tx, "story", one) for one in (text, whole[:10].upper(), f"evens@{whole[:6]}")]
        (version,) = {one.version for one in meant}
        assert history.version_facts(tx, [version])[version].digest == whole
    assert [one.number for one in meant] == [int(text[-1]) if "@" in text else None, None, None]


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("evnes", "neither a dataset", "evens"),
        ("pairs", "writes 2 datasets", "large, small"),
        ("after", "no version yet", "penstock materialize"),
        ("evens@9", "no version '9'", "penstock versions evens"),
        ("evens@ffff", "no version 'ffff'", "penstock versions evens"),
        ("0000000000", "neither a dataset", "penstock list"),
        ("", "neither a dataset", "penstock list"),
    ],
)
def test_a_version_that_is_not_there_is_a_wrong_question(store: Store, text: str, message: str, hint: str) -> None:
    """The answer says what was not found and what is near."""
    with store.read() as tx, pytest.raises(UsageError, match=message) as error:
        version_meant(tx, "story", text)
    assert hint in error.value.hint


def test_another_project_in_the_same_database_is_not_seen(story: Story) -> None:
    """A project is part of every name."""
    other = read_settings(story.settings.folder, project="other", home=str(story.settings.home))
    with opened(other) as store:
        assert assets(store).items == ()
        assert runs(store).items == ()
        assert status(store).runs == {}
        with pytest.raises(UsageError, match="no dataset 'evens' in project other"):
            versions(store, "evens")


def settings_in(folder: Path) -> ProjectSettings:
    """A project in which nothing was made."""
    return read_settings(folder, project="new", home=str(folder / "home"))


def test_before_anything_is_recorded_every_answer_is_empty(tmp_path: Path) -> None:
    """Asking makes no database."""
    settings = settings_in(tmp_path)
    assert not recorded(settings)
    with opened(settings) as store:
        whole = status(store)
        assert (whole.form, whole.runs, whole.latest) == (Form.EMPTY, {}, None)
        assert whole.database.endswith("home/penstock.db")
        assert (assets(store).items, runs(store).items) == ((), ())
        with pytest.raises(UsageError, match="no dataset 'a'") as error:
            versions(store, "a")
    assert error.value.hint == "Nothing has been recorded yet."
    assert list(tmp_path.iterdir()) == []


def test_a_database_of_a_newer_penstock_is_refused(story: Story, tmp_path: Path) -> None:
    """It is not read: what it says may mean something else."""
    settings = settings_in(tmp_path)
    (tmp_path / "home").mkdir()
    with sqlite3.connect(tmp_path / "home" / "penstock.db") as connection:
        connection.execute("CREATE TABLE alembic_version (version_num TEXT)")
        connection.execute("INSERT INTO alembic_version VALUES ('9999')")
    connection.close()
    with pytest.raises(DatabaseFault, match="newer"), opened(settings):
        pass


def test_a_page_knows_whether_others_follow() -> None:
    """One more than the limit was asked for, and is not given."""
    assert cut([1, 2, 3], offset=4, limit=2).items == (1, 2)
    assert cut([1, 2, 3], offset=4, limit=2).more
    assert not cut([1, 2], offset=0, limit=2).more
