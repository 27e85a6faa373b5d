"""Planners that hold other definitions than those that are registered: they decide for what both say alike, and what
is not their own stays for whoever holds the definitions that were registered last."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from penstock import Dataset, Partition, Static, asset, record_event, source
from penstock.storage.meta import agenda
from penstock.storage.meta.catalogue import registered_definitions, subscriptions
from penstock.storage.meta.events import events
from penstock.storage.meta.partitions import agenda as of_partitions
from penstock.storage.meta.pending import each as each_pending

pytestmark = pytest.mark.databases("sqlite", "postgresql")

Lab = Any
"""The fixture is a class of `conftest.py`, which no test can import."""
DOCS, LABELS, RULES = (Dataset(f"warehouse://db/{name}") for name in ("docs", "labels", "rules"))


def made(name: str, on: Any, **options: Any) -> Any:
    """An asset of which any number of runs may be active."""
    inputs = options.get("inputs", {})
    producer = (lambda docs, rules: f"{docs}{rules}") if inputs else lambda: 1
    return asset(f"{name}.json", name=name, on=on, max_active_runs=10_000, **options)(producer)


def test_news_of_a_changed_consumer_waits_for_who_knows_it(lab: Lab, world: Any) -> None:
    """A planner that is older than a condition makes what has stayed, leaves the rest, and comes to rest."""
    with world(lab, made("c", DOCS), made("d", LABELS)) as old:
        old.tell("labels", "1")
        assert old.runs() == [("d", "input_changed")]
        with world(lab, made("c", DOCS | LABELS), made("d", LABELS)) as new:
            new.tell("labels", "2")
            assert old.runs() == [("d", "input_changed")]
            assert new.runs() == [("c", "input_changed")]
            assert new.tick().planned == 0


def test_a_changed_condition_is_not_decided_by_its_former_one(lab: Lab, world: Any) -> None:
    """News that would have started the former condition, and not the new one, starts nothing, whoever plans."""
    with world(lab, made("c", DOCS)) as old, world(lab, made("c", DOCS & LABELS)) as new:
        new.tell("docs", "1")
        assert old.runs() == []
        assert new.runs() == []
        new.tell("labels", "1")
        assert old.runs() == []
        assert new.runs() == [("c", "input_changed")]
        assert lab.rows("SELECT count(*) FROM consumptions") == [(2,)]


def test_who_only_reads_is_known_to_the_newer_definitions_alone(lab: Lab, world: Any) -> None:
    """An asset that waits for the first version of what it reads is looked at when that comes, whoever took the news
    off the agenda."""
    with (
        world(lab, made("d", RULES)) as old,
        world(lab, made("d", RULES), made("c", DOCS, inputs={"docs": DOCS, "rules": RULES})) as new,
    ):
        new.tell("docs", "1")
        assert new.runs() == []
        new.tell("rules", "1")
        assert old.runs() == [("d", "input_changed")]
        assert new.runs() == [("c", "input_changed")]


def test_a_consumer_that_was_removed_and_comes_back_has_lost_nothing(lab: Lab, world: Any) -> None:
    """Nobody plans it in between, also not who knows it still; what came then is news when it is back."""
    with world(lab, made("c", DOCS), made("d", DOCS)) as old:
        with world(lab, made("d", DOCS)) as new:
            new.tell("docs", "1")
            assert old.runs() == [("d", "input_changed")]
            assert new.runs() == []
        with world(lab, made("c", DOCS), made("d", DOCS), looked_at=False) as back:
            assert back.runs() == [("c", "input_changed")]


def test_definitions_that_are_registered_within_a_pass_decide(lab: Lab, world: Any) -> None:
    """Between the snapshot of a pass and its record another condition is registered: nothing is taken by the former."""
    later = ExitStack()

    def probe() -> str:
        later.enter_context(world(lab, made("c", DOCS & LABELS), fetched, looked_at=False))
        return "1"

    @source("fetched.json", probe=probe, on=DOCS, name="fetched")
    def fetched() -> int:
        return 1

    with later, world(lab, made("c", DOCS), fetched) as old:
        old.tell("docs", "1")
        assert old.runs() == [("fetched", "input_changed")]
        assert lab.rows("SELECT name, at FROM agenda JOIN assets ON id = asset_id WHERE at IS NOT NULL")[0][0] == "c"


REGIONS = Static("eu", "us", name="region")
BY_DAY, MORE = (
    Dataset(f"warehouse://db/{name}/{{region}}", name=name, partitions=REGIONS) for name in ("parts", "more")
)


def divided(on: Any) -> Any:
    """An asset with these partitions."""

    @asset("made/{region}.json", partitions=REGIONS, on=on, name="made")
    def one(region: Partition) -> str:
        return region.key

    return one


def test_partitions_of_a_changed_consumer_wait_for_who_knows_it(lab: Lab, world: Any) -> None:
    """News that concerns keys by the new condition alone is heard by who holds that, and by nobody else."""
    with world(lab, divided(BY_DAY), MORE) as old, world(lab, divided(BY_DAY | MORE)) as new:
        new.tell("more", "1", partition="eu")
        assert old.runs() == []
        assert new.runs() == [("made", "input_changed")]
        new.tell("parts", "1", partition="us")
        assert old.runs() == []
        assert new.runs() == [("made", "input_changed")]
        assert lab.rows("SELECT partition FROM runs ORDER BY created_at, id") == [("eu",), ("us",)]


def test_keys_that_a_dataset_has_by_newer_definitions_are_heard_by_them(lab: Lab, world: Any) -> None:
    """A dataset that others write gets another key; its consumer, which says the same as before, is another one by
    that, and its former self hears nothing of it."""

    def reading(key: str) -> Any:
        parts = Dataset("warehouse://db/parts/{region}", name="parts", partitions=Static(key, name="region"))
        return divided(parts.mapped(_to_eu))

    with world(lab, reading("a")) as old, world(lab, reading("b")) as new:
        new.tell("parts", "1", partition="b")
        assert old.runs() == []
        assert new.runs() == [("made", "input_changed")]


def _to_eu(_key: str) -> list[str]:
    return ["eu"]


def test_ranges_that_were_read_before_a_definition_changed_stay(lab: Lab, world: Any) -> None:
    """A pass that looked at partitions by the former definition takes none of them off the agenda."""
    with world(lab, divided(BY_DAY), MORE) as old:
        number = old.project.ids.assets["made"]
        with old.project.store.write() as tx:
            of_partitions.enter(tx, number, [of_partitions.single("eu")])
        with old.project.store.read() as tx:
            seen = of_partitions.due_entries(tx, number, now=agenda.AT_ONCE, limit=9)
        with world(lab, divided(BY_DAY | MORE), looked_at=False):
            with old.project.store.write() as tx:
                of_partitions.leave(tx, number, seen)
            assert lab.rows("SELECT line FROM partition_agenda") == [("eu",)]


CONDITIONS = {
    "docs": lambda: {"on": DOCS},
    "labels": lambda: {"on": LABELS},
    "either": lambda: {"on": DOCS | LABELS},
    "branch": lambda: {"on": DOCS | LABELS, "consume": "branch"},
    "reads": lambda: {"on": DOCS, "inputs": {"docs": DOCS, "rules": RULES}},
}
FORMS = st.dictionaries(st.sampled_from(["c", "d"]), st.sampled_from([*CONDITIONS]), min_size=1)
STEPS = st.one_of(
    st.tuples(st.just("tell"), st.sampled_from(["docs", "labels", "rules"])),
    st.tuples(st.just("plan"), st.integers(0, 1)),
    st.tuples(st.just("define"), st.tuples(st.integers(0, 1), FORMS)),
)


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(story=st.tuples(FORMS, FORMS, st.lists(STEPS, max_size=10)))
def test_nothing_depends_on_who_planned(
    lab: Lab, tmp_path_factory: pytest.TempPathFactory, databases: Any, world: Any, story: Any
) -> None:
    """Two processes hold whatever definitions, and plan, register and are told of news in any order: in the end whoever
    registered last finds everything that may start one of the assets on the agenda, and leaves none of it."""
    first, second, steps = story
    folder = tmp_path_factory.mktemp("lab")
    here = type(lab)(folder, url=databases.fresh(file=folder / "home" / "penstock.db"))
    with ExitStack() as open_ones:

        def begin(form: dict[str, str]) -> Any:
            things = [made(name, **CONDITIONS[said]()) for name, said in form.items()]
            return open_ones.enter_context(world(here, *things, DOCS, LABELS, RULES, looked_at=False))

        planners, last = [begin(first), begin(second)], 1
        for count, (step, about) in enumerate(steps):
            if step == "tell":
                record_event(about, version=str(count), project_folder=here.folder, **here.places)
            elif step == "plan":
                planners[about].runs()
            else:
                last, form = about
                planners[last] = begin(form)
        planners[last].runs()
        assert unplanned(planners[last].project) == []


def unplanned(project: Any) -> list[tuple[str, str]]:
    """The assets that could be made, and the dataset of which each has an event that may start it."""
    ids, reads = project.ids, {name: asset.inputs for name, asset in project.catalogue.assets.items()}
    uris = {number: uri for uri, number in ids.datasets.items()}
    with project.store.read() as tx:
        registered = set(registered_definitions(tx, project.name))
        told = {uris[number] for (number,) in tx.execute(select(events.c.dataset_id).distinct())}
        awaited = tx.execute(
            select(subscriptions.c.asset_id, subscriptions.c.dataset_id).where(subscriptions.c.ended_at.is_(None))
        ).all()
        fresh = [one for one in each_pending(tx, [pair for pair in awaited if pair[0] in registered]) if one.fresh]
    found = [(project.names[one.asset_id], uris[one.dataset_id]) for one in fresh]
    return [(name, uri) for name, uri in found if all(used.uri in told for used in reads[name])]
