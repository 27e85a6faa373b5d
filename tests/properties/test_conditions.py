"""Conditions: what they mean, against a truth table worked out without them; and what is kept of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.assets.code.outputs import OutputForm
from penstock.assets.declare.asset import Policies
from penstock.assets.declare.catalogue import Asset, Catalogue, Input, Parameter
from penstock.assets.declare.conditions.leaves import DatasetLeaf, bound, dataset_leaves
from penstock.assets.declare.conditions.plain import condition_from_plain, condition_to_plain
from penstock.assets.declare.conditions.tree import (
    AllOf,
    AnyOf,
    Condition,
    NOf,
    all_of,
    any_of,
    as_condition,
    children_of,
    leaves,
    n_of,
)
from penstock.assets.declare.dataset import Dataset, Location
from penstock.assets.declare.plain import (
    asset_from_plain,
    asset_to_plain,
    dataset_from_plain,
    dataset_to_plain,
    from_plain,
    to_plain,
)
from penstock.assets.declare.retrying import RetryPolicy
from penstock.assets.declare.ticks.timetables import Cron, Every
from penstock.assets.plan.evaluate import Now, evaluate
from penstock.assets.plan.state import AssetState, LeafState
from penstock.storage.errors import DefinitionError
from penstock.storage.manifest import Column
from penstock.storage.types import Capture, Publish, ValueKind

# --- trees -----------------------------------------------------------------------------------------------------------

REGISTERED = datetime(2026, 3, 2, tzinfo=UTC)  # a Monday
URIS = ("a.csv", "b.csv", "c.csv", "s3://bucket/d/")
TIMETABLES: Mapping[Cron | Every, Callable[[datetime], datetime]] = {  # each with its last tick, worked out by hand
    Cron("0 * * * *"): lambda at: at.replace(minute=0, second=0, microsecond=0),
    Cron("0 3 * * *"): lambda at: (at - timedelta(hours=3)).replace(hour=3, minute=0, second=0, microsecond=0),
    Every("1d"): lambda at: at.replace(hour=0, minute=0, second=0, microsecond=0),
    Every("90m"): lambda at: at - timedelta(seconds=at.timestamp() % 5400),
}
leaf = st.builds(DatasetLeaf, uri=st.sampled_from(URIS), confirmed=st.booleans()) | st.sampled_from(list(TIMETABLES))


def nodes(children: st.SearchStrategy[Condition]) -> st.SearchStrategy[Condition]:
    """A node over one to four of them."""
    several = st.lists(children, min_size=1, max_size=4).map(tuple)
    n_of_several = several.flatmap(lambda some: st.builds(NOf, n=st.integers(1, len(some)), children=st.just(some)))
    return st.builds(AllOf, children=several) | st.builds(AnyOf, children=several) | n_of_several


trees = st.recursive(leaf, nodes, max_leaves=12)


@dataclass(frozen=True, kw_only=True)
class Facts:
    """A moment, what is pending of each dataset, and which tick of each timetable was taken last."""

    now: datetime
    pending: Mapping[str, LeafState]
    ticks: Mapping[str, datetime]

    @property
    def state(self) -> AssetState:
        """The same for the planner."""
        return AssetState(registered_at=REGISTERED, leaves=self.pending, ticks=self.ticks)

    def tick(self, timetable: Cron | Every) -> datetime | None:
        """The tick that is due, by the rules once more."""
        last = TIMETABLES[timetable](self.now)
        return last if last > self.ticks.get(timetable.label, REGISTERED) else None

    def true(self, condition: Condition) -> bool:
        """The truth table."""
        match condition:
            case DatasetLeaf():
                return condition.uri in self.pending
            case Cron() | Every():
                return self.tick(condition) is not None
            case AllOf():
                return False not in [self.true(child) for child in condition.children]
            case AnyOf():
                return True in [self.true(child) for child in condition.children]
            case NOf():
                return [self.true(child) for child in condition.children].count(True) >= condition.n
            case _:
                raise AssertionError(condition)


@st.composite
def facts(draw: st.DrawFn) -> Facts:
    """Any subset of the datasets pending in any way, and any subset of the timetables with its last tick taken."""
    now = REGISTERED + timedelta(minutes=draw(st.integers(0, 5 * 24 * 60)))
    pending: dict[str, LeafState] = {}
    for uri in draw(st.sets(st.sampled_from(URIS))):
        causes, confirmed, old = draw(st.tuples(*[st.integers(0, 2)] * 3).filter(any))
        count = causes + confirmed + old
        pending[uri] = LeafState(count=count, newest=count + 7, causes=causes, confirmed=confirmed)
    taken = draw(st.sets(st.sampled_from(list(TIMETABLES))))
    ticks = {one.label: TIMETABLES[one](now) for one in taken if TIMETABLES[one](now) > REGISTERED}
    return Facts(now=now, pending=pending, ticks=ticks)


@given(condition=trees, facts=facts())
def test_a_condition_holds_exactly_when_the_truth_table_says_so(condition: Condition, facts: Facts) -> None:
    """At the root and at every node below it; the verdict has the shape of the condition."""
    stack = [(condition, evaluate(condition, facts.state, Now(at=facts.now)))]
    while stack:
        node, verdict = stack.pop()
        assert verdict.holds == facts.true(node)
        assert len(verdict.children) == len(children_of(node))
        stack += zip(children_of(node), verdict.children, strict=True)


@given(condition=trees, facts=facts())
def test_each_leaf_says_what_it_has(condition: Condition, facts: Facts) -> None:
    """A dataset: what is pending; a cause if something fresh changed, or was confirmed where that counts. A timetable:
    the due tick, always a cause. What is lacking are the leaves that do not hold, each once."""
    verdict = evaluate(condition, facts.state, Now(at=facts.now))
    shown = list(verdict.leaves())
    expected = list(leaves(condition))
    assert len(shown) == len(expected)
    for one, node in zip(shown, expected, strict=True):
        if isinstance(node, DatasetLeaf):
            pending = facts.pending.get(node.uri)
            assert (one.label, one.uri, one.leaf, one.tick) == (node.label, node.uri, pending, None)
            fresh = pending is not None and (pending.causes or (node.confirmed and pending.confirmed))
            assert one.cause == bool(fresh)
        else:
            assert isinstance(node, Cron | Every)
            assert (one.label, one.leaf, one.tick) == (node.label, None, facts.tick(node))
            assert one.cause == one.holds
    lacking = [one.label for one in shown if not one.holds]
    assert verdict.lacking() == sorted(set(lacking), key=lacking.index)


@given(condition=trees, facts=facts(), more=facts())
def test_more_news_never_makes_a_condition_fail(condition: Condition, facts: Facts, more: Facts) -> None:
    """There is no `not`: whatever holds still holds when more is pending."""
    if facts.true(condition):
        richer = AssetState(registered_at=REGISTERED, leaves={**more.pending, **facts.pending}, ticks=facts.state.ticks)
        assert evaluate(condition, richer, Now(at=facts.now)).holds


def written(condition: Condition) -> Condition:
    """The same condition as people write it: with `&` and `|` between the parts, from left to right."""
    children = [written(child) for child in children_of(condition)]
    if isinstance(condition, NOf):
        return n_of(condition.n, *children)
    if not children:
        return condition
    found: Any = children[0]
    for child in children[1:]:
        found = found & child if isinstance(condition, AllOf) else found | child
    return found


@given(condition=trees, facts=facts())
def test_writing_with_operators_keeps_the_meaning(condition: Condition, facts: Facts) -> None:
    """`&` and `|` flatten what is nested in itself; leaves keep their order, and no truth changes."""
    again = written(condition)
    assert list(leaves(again)) == list(leaves(condition))
    assert evaluate(again, facts.state, Now(at=facts.now)).holds == facts.true(condition)
    assert evaluate(all_of(condition, again), facts.state, Now(at=facts.now)).holds == facts.true(condition)
    assert evaluate(any_of(again, condition), facts.state, Now(at=facts.now)).holds == facts.true(condition)
    stack: list[Condition] = [again]
    while stack:
        node = stack.pop()
        stack += children_of(node)
        if isinstance(node, AllOf | AnyOf):
            assert not any(type(child) is type(node) for child in node.children)


@given(condition=trees)
def test_a_condition_has_no_truth_value(condition: Condition) -> None:
    """`and`, `or`, `not`, `if` would silently drop a part: they raise, and the hint says what to write."""
    for attempt in (
        lambda: bool(condition),
        lambda: condition and condition,
        lambda: condition or condition,
        lambda: not condition,
        lambda: 1 if condition else 2,
    ):
        with pytest.raises(DefinitionError, match="truth value") as caught:
            attempt()
        assert "&" in caught.value.hint


def test_datasets_stand_in_conditions() -> None:
    """A dataset is a leaf of its own; bound, the leaf is the URI alone, and equality never looked at more."""
    docs, labels = Dataset("docs.csv"), Dataset("labels.csv")
    both = docs & labels
    assert both == AllOf(children=(DatasetLeaf(uri="docs.csv"), DatasetLeaf(uri="labels.csv")))
    assert [one.dataset for one in dataset_leaves(both)] == [docs, labels]
    assert [one.dataset for one in dataset_leaves(bound(both))] == [None, None]
    assert bound(both) == both
    assert as_condition(docs.updated()) == DatasetLeaf(uri="docs.csv", confirmed=True)
    assert (docs | labels.updated() | Cron("@daily")) == any_of(docs, labels.updated(), Cron("@daily"))
    assert (docs & labels) & (docs & Every("1h")) == all_of(docs, labels, docs, Every("1h"))
    assert n_of(2, docs, labels & docs, Cron("@daily")).n == 2
    with pytest.raises(DefinitionError, match="truth value"):
        bool(docs)


@pytest.mark.parametrize("thing", ["docs.csv", 3, None, [Dataset("a.csv")]])
def test_what_cannot_stand_in_a_condition_is_named(thing: object) -> None:
    """Also from the left and the right of an operator."""
    for attempt in (
        lambda: as_condition(thing),
        lambda: Dataset("a.csv") & thing,
        lambda: thing | Dataset("a.csv"),
        lambda: n_of(1, thing),
    ):
        with pytest.raises(DefinitionError, match="a condition needs") as caught:
            attempt()
        assert repr(thing) in caught.value.message


@given(condition=trees)
def test_binding_changes_no_leaf(condition: Condition) -> None:
    """Plain data already: binding gives an equal tree."""
    assert bound(condition) == condition


# --- what is kept ----------------------------------------------------------------------------------------------------

texts = st.text(max_size=12)
names = st.text(min_size=1, max_size=12)
durations = st.timedeltas(min_value=timedelta(microseconds=1))
columns = st.none() | st.lists(st.builds(Column, name=names, type=names), max_size=3).map(tuple)
locations = st.builds(Location, file=names, line=st.integers(1, 10**6))
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=5,
)
uris = st.builds(
    lambda scheme, path, end: scheme + "/".join(path) + end,
    st.sampled_from(["", "s3://bucket/", "file:///data/"]),
    st.lists(st.text("abcé_-", min_size=1, max_size=6), min_size=1, max_size=3),
    st.sampled_from([".parquet", ".csv", "/", ""]),
)
datasets = st.builds(
    Dataset,
    uris,
    name=st.none() | names,
    watch=st.none() | durations,
    capture=st.sampled_from(Capture),
    licence=st.none() | texts,
    owners=st.lists(texts, max_size=2),
    tags=st.lists(texts, max_size=2),
    description=texts,
    columns=columns,
    location=locations,
)
retries = st.builds(RetryPolicy, st.integers(1, 99), delay=durations, backoff=st.floats(1, 1e6), max_delay=durations)
policies = st.builds(
    Policies,
    retries=st.none() | retries,
    max_active_runs=st.integers(1, 99),
    publish=st.sampled_from(Publish),
    pure=st.booleans(),
    group=st.none() | texts,
    tags=st.lists(texts, max_size=2).map(tuple),
    owners=st.lists(texts, max_size=2).map(tuple),
)
forms = st.none() | st.sampled_from(ValueKind)
intervals = st.builds(Every, durations)
assets = st.builds(
    Asset,
    name=names,
    outputs=st.lists(uris, min_size=1, max_size=3).map(tuple),
    condition=st.none() | st.recursive(leaf | intervals, nodes, max_leaves=6),
    inputs=st.lists(
        st.builds(Input, parameter=names, uri=uris, kind=forms, optional=st.booleans(), expects=columns), max_size=3
    ).map(tuple),
    parameters=st.lists(st.builds(Parameter, name=names, type=names, default=json_values), max_size=2).map(tuple),
    returns=st.builds(OutputForm, kind=forms),
    several=st.booleans(),
    context=st.none() | names,
    producer=st.none() | texts,
    code=texts,
    source=st.booleans(),
    kind=st.none() | texts,
    description=texts,
    previously=st.none() | names,
    policies=policies,
    location=st.none() | locations,
)
catalogues = st.builds(
    lambda assets, datasets: Catalogue(
        assets={asset.name: asset for asset in assets}, datasets={dataset.uri: dataset for dataset in datasets}
    ),
    st.lists(assets, max_size=3),
    st.lists(datasets, max_size=3),
)


def kept(plain: Any) -> Any:
    """As it comes back from the store."""
    return json.loads(json.dumps(plain, ensure_ascii=False, separators=(",", ":")))


@given(condition=st.recursive(leaf | intervals, nodes, max_leaves=12))
def test_a_condition_comes_back_from_the_store(condition: Condition) -> None:
    """The same tree, node by node."""
    assert condition_from_plain(kept(condition_to_plain(condition))) == condition


@given(dataset=datasets)
def test_a_dataset_comes_back_from_the_store(dataset: Dataset) -> None:
    """Every field, its location too."""
    found = dataset_from_plain(kept(dataset_to_plain(dataset)))
    assert found == dataset
    assert found.location == dataset.location


@given(asset=assets)
def test_an_asset_comes_back_from_the_store(asset: Asset) -> None:
    """Every field; writing it again gives the same plain data, so that its digest is stable."""
    plain = kept(asset_to_plain(asset))
    found = asset_from_plain(plain)
    assert found == asset
    assert asset_to_plain(found) == plain


@given(catalogue=catalogues)
def test_a_catalogue_comes_back_from_the_store(catalogue: Catalogue) -> None:
    """As a whole and in its order."""
    found = from_plain(kept(to_plain(catalogue)))
    assert found == catalogue
    assert list(found.assets) == list(catalogue.assets)
    assert list(found.datasets) == list(catalogue.datasets)
