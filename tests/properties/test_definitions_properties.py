"""Definitions as data: nothing is lost on the way to JSON and back, whatever they hold."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock import Dataset, Definitions, asset
from penstock.assets.code.outputs import OutputForm
from penstock.assets.declare.catalogue import Asset, Catalogue, Input, Parameter
from penstock.assets.declare.conditions.leaves import DatasetLeaf, Fresh, Stale
from penstock.assets.declare.conditions.plain import condition_from_plain, condition_to_plain
from penstock.assets.declare.conditions.predicates import (
    Among,
    Both,
    Compared,
    Comparison,
    Either,
    Predicate,
    predicate_from_plain,
    predicate_to_plain,
)
from penstock.assets.declare.conditions.tree import AllOf, AnyOf, Condition, NOf, Settled, children_of, with_children
from penstock.assets.declare.dataset import Location
from penstock.assets.declare.plain import from_plain, to_plain
from penstock.assets.declare.policies import Deadline, Each, Policies
from penstock.assets.declare.retrying import RetryPolicy, Timeouts
from penstock.assets.declare.ticks.timetables import Cron, Every
from penstock.storage.errors import DatabaseFault
from penstock.storage.manifest import Column, canonical_json
from penstock.storage.types import (
    Capture,
    Catchup,
    Consume,
    Fold,
    Gap,
    JsonType,
    OnDeadline,
    OnError,
    OnRegister,
    OnResume,
    Publish,
    ValueKind,
)

words = st.text(st.characters(exclude_categories=["C", "Z"], exclude_characters="/\\?#:~@%."), min_size=1, max_size=8)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
uris = st.builds(
    "{}{}{}".format,
    st.sampled_from(["", "s3://bucket/", "file:///data/"]),
    words,
    st.sampled_from([".parquet", "/", ""]),
)
durations = st.timedeltas(timedelta(milliseconds=1), timedelta(days=4000)).map(
    lambda one: one - one % timedelta(milliseconds=1)
)
columns = st.none() | st.lists(st.builds(Column, name=texts, type=words), max_size=3).map(tuple)
locations = st.none() | st.builds(Location, file=texts, line=st.integers(1, 10**6))
plain_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=5,
)
jitters = st.none() | durations
catchups = st.sampled_from(Catchup) | st.integers(1, 99)
crons = st.builds(
    lambda expressions, **policies: Cron(*expressions, **policies),
    st.lists(st.sampled_from(["0 3 * * *", "@weekly", "*/5 * * * 1-5"]), min_size=1, max_size=3),
    tz=st.sampled_from(["UTC", "Europe/Berlin"]),
    gap=st.sampled_from(Gap),
    fold=st.sampled_from(Fold),
    calendar=st.lists(st.sampled_from(["sat", "12-25", "2026-04-03"]), max_size=3),
    jitter=jitters,
    catchup=catchups,
)
timetables = crons | st.builds(Every, durations, jitter=jitters, catchup=catchups)
compared = st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts | st.booleans()
predicates: st.SearchStrategy[Predicate] = st.recursive(
    st.builds(Compared, key=words, comparison=st.sampled_from(Comparison), value=compared)
    | st.builds(Among, key=words, values=st.lists(compared, min_size=1, max_size=3).map(tuple)),
    lambda inner: st.one_of(
        st.builds(Both, parts=st.lists(inner, min_size=2, max_size=3).map(tuple)),
        st.builds(Either, parts=st.lists(inner, min_size=2, max_size=3).map(tuple)),
    ),
    max_leaves=4,
)
leaves = st.one_of(
    st.builds(
        DatasetLeaf,
        uri=uris,
        confirmed=st.booleans(),
        removal=st.booleans(),
        least=st.integers(1, 9),
        predicate=st.none() | predicates,
        timetable=st.none() | timetables,
        match=st.booleans(),
    ),
    st.builds(Fresh, uri=uris, age=durations),
    st.builds(Stale, age=durations),
    timetables,
)
conditions: st.SearchStrategy[Condition] = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds(
            AllOf,
            children=st.lists(inner, max_size=3).map(tuple),
            within=st.none() | durations,
            aligned=st.booleans(),
        ),
        st.builds(AnyOf, children=st.lists(inner, max_size=3).map(tuple)),
        st.builds(NOf, n=st.integers(0, 4), children=st.lists(inner, max_size=3).map(tuple)),
        st.builds(Settled, child=inner, quiet=durations, longest=durations),
    ),
    max_leaves=6,
)
errors = st.lists(st.sampled_from([ValueError, "requests.Timeout", "Busy"]), max_size=2)
policies = st.builds(
    Policies,
    retries=st.none()
    | st.builds(
        RetryPolicy,
        st.integers(1, 9),
        delay=durations,
        backoff=st.floats(1, 100),
        max_delay=durations,
        jitter=st.floats(0, 1),
        on=errors,
        never_on=errors,
        max_lost=st.integers(1, 9),
    ),
    timeout=st.none()
    | st.builds(Timeouts, queue=st.none() | durations, run=st.none() | durations, total=st.none() | durations),
    max_active_runs=st.integers(1, 9),
    consume=st.sampled_from(Consume) | st.builds(Each, uri=uris, on_error=st.sampled_from(OnError)),
    pause_after=st.none() | st.integers(1, 9),
    on_resume=st.sampled_from(OnResume),
    on_register=st.sampled_from(OnRegister),
    deadline=st.none() | st.builds(Deadline, timetables, then=st.sampled_from(OnDeadline)),
    publish=st.sampled_from(Publish),
    pure=st.booleans(),
    group=st.none() | texts,
    tags=st.lists(texts, max_size=2).map(tuple),
    owners=st.lists(texts, max_size=2).map(tuple),
)
json_types = st.lists(st.sampled_from(JsonType), unique=True).map(tuple)
output_forms = st.builds(OutputForm, kind=st.none() | st.sampled_from(ValueKind), json=json_types, annotation=texts)
assets = st.builds(
    Asset,
    name=words,
    outputs=st.lists(uris, max_size=3).map(tuple),
    condition=st.none() | conditions,
    inputs=st.lists(
        st.builds(
            Input,
            parameter=words,
            uri=uris,
            kind=st.none() | st.sampled_from(ValueKind),
            json=json_types,
            annotation=texts,
            optional=st.booleans(),
            expects=columns,
        ),
        max_size=3,
    ).map(tuple),
    parameters=st.lists(st.builds(Parameter, name=words, type=texts, default=plain_values), max_size=2).map(tuple),
    returns=output_forms,
    fields=st.dictionaries(uris, output_forms, max_size=2),
    several=st.booleans(),
    context=st.none() | words,
    producer=st.none() | words,
    code=st.text("0123456789abcdef", min_size=64, max_size=64),
    source=st.booleans(),
    kind=st.none() | texts,
    description=texts,
    previously=st.none() | words,
    policies=policies,
    location=locations,
)
datasets = st.builds(
    Dataset,
    uris,
    name=words,
    aliases=st.lists(uris, max_size=2),
    watch=st.none() | durations,
    capture=st.sampled_from(Capture),
    licence=st.none() | texts,
    owners=st.lists(texts, max_size=2),
    tags=st.lists(texts, max_size=2),
    description=texts,
    columns=columns,
    location=locations,
)
catalogues = st.builds(
    lambda a, d: Catalogue(assets={one.name: one for one in a}, datasets={one.uri: one for one in d}),
    st.lists(assets, max_size=3),
    st.lists(datasets, max_size=3),
)


@given(catalogues)
def test_a_catalogue_survives_json(catalogue: Catalogue) -> None:
    """Through text and back it is equal, order and locations of datasets included."""
    text = canonical_json(to_plain(catalogue))
    again = from_plain(json.loads(text))
    assert again == catalogue
    assert (list(again.assets), list(again.datasets)) == (list(catalogue.assets), list(catalogue.datasets))
    assert canonical_json(to_plain(again)) == text


@given(conditions)
def test_a_condition_survives_json(condition: Condition) -> None:
    """Every leaf and node, however deep."""
    assert condition_from_plain(json.loads(json.dumps(condition_to_plain(condition)))) == condition


@given(predicates, st.dictionaries(words, compared, max_size=4))
def test_a_predicate_survives_json_and_answers_alike(predicate: Predicate, metadata: dict[str, Any]) -> None:
    """The same question to any metadata, and the same words for why they do not meet it."""
    again = predicate_from_plain(json.loads(json.dumps(predicate_to_plain(predicate))))
    assert (again, str(again), again.unmet(metadata)) == (predicate, str(predicate), predicate.unmet(metadata))


@given(conditions, st.data())
def test_a_word_that_is_not_known_is_refused(condition: Condition, data: st.DataObject) -> None:
    """One key more in any node, leaf, predicate or timetable of a stored condition: it says something that this
    penstock would not do, and to leave it out would run what nobody asked for."""
    plain = condition_to_plain(condition)
    objects: list[dict[str, Any]] = []
    stack: list[Any] = [plain]
    while stack:
        one = stack.pop()
        if isinstance(one, dict):
            objects.append(one)
        stack += one.values() if isinstance(one, dict) else one if isinstance(one, list) else ()
    data.draw(st.sampled_from(objects))["sometimes"] = True
    with pytest.raises(DatabaseFault, match="does not know"):
        condition_from_plain(plain)


@given(conditions)
def test_a_tree_is_made_of_its_children(condition: Condition) -> None:
    """With its own children a node is itself."""
    assert with_children(condition, children_of(condition)) == condition


@given(st.lists(st.tuples(words, uris, st.none() | conditions, st.lists(words, max_size=2)), max_size=4))
def test_whatever_is_declared_is_either_bound_or_told(declared: list[tuple[str, str, Any, list[str]]]) -> None:
    """Checking never raises: it gives a catalogue without faults, or faults with a sentence each."""

    def producer(**_: Any) -> None: ...

    things: list[Any] = []
    for name, uri, on, inputs in declared:
        things.append(asset(uri, name=name, on=on, inputs=dict.fromkeys(inputs, uri))(lambda docs: docs))
        things.append(Dataset(uri, name=inputs[0] if inputs else None))
    definitions = Definitions(things)
    faults = definitions.check()
    assert all(fault.message and fault.hint and fault.kind for fault in faults)
    if not faults:
        catalogue = definitions.resolve()
        assert from_plain(to_plain(catalogue)) == catalogue
