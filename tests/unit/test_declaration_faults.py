"""Declarations that are wrong in themselves: raised at once where somebody types them, told together where modules of
definitions are loaded."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from penstock import (
    Cron,
    Dataset,
    Deadline,
    Definitions,
    Every,
    RetryPolicy,
    Timeouts,
    all_of,
    any_of,
    asset,
    each,
    meta,
    n_of,
    source,
    stale,
)  # fmt: skip
from penstock.assets.declare.faults import collecting
from penstock.assets.declare.policies import Each
from penstock.storage.errors import DefinitionError

NAN = float("nan")
docs, labels = Dataset("docs.csv"), Dataset("labels.csv")


@asset(outputs={"train": "train.json", "test": "test.json"})
def pairs() -> dict[str, Any]:
    """Two outputs."""
    return {}


WRONG: dict[str, Callable[[], Any]] = {
    "watchh= is not a keyword of Dataset": lambda: Dataset("a.csv", watchh="1m"),  # type: ignore[arg-type]
    "dataset a.csv: watch: '1 minute' is not a duration": lambda: Dataset("a.csv", watch="1 minute"),
    "dataset a.csv: capture='all' is not known": lambda: Dataset("a.csv", capture="all"),
    "dataset a.csv: owners=3 is no list of texts": lambda: Dataset("a.csv", owners=3),  # type: ignore[arg-type]
    "dataset a.csv: columns=['id'] are no columns": lambda: Dataset("a.csv", columns=["id"]),  # type: ignore[list-item]
    "dataset a.csv: name=7 is no text": lambda: Dataset("a.csv", name=7),  # type: ignore[arg-type]
    "a URI is text, found int": lambda: Dataset(3),  # type: ignore[arg-type]
    "has a query": lambda: Dataset("https://host/a.csv?key=secret"),
    "RetryPolicy: max_attempts=0 is no number of at least 1": lambda: RetryPolicy(0),
    "RetryPolicy: max_attempts='five' is no number": lambda: RetryPolicy("five"),  # type: ignore[arg-type]
    "RetryPolicy: backoff=0.5 is no factor": lambda: RetryPolicy(backoff=0.5),
    "RetryPolicy: delay: 'soon' is not a duration": lambda: RetryPolicy(delay="soon"),
    "RetryPolicy: jitter=1.5 is no part of a pause": lambda: RetryPolicy(jitter=1.5),
    "RetryPolicy: on=3 is no class of errors": lambda: RetryPolicy(on=3),  # type: ignore[arg-type]
    "RetryPolicy: never_on='a b' is no class of errors": lambda: RetryPolicy(never_on=[KeyError, "a b"]),
    "RetryPolicy: on=<class 'int'> is no class of errors": lambda: RetryPolicy(on=int),  # type: ignore[arg-type]
    "RetryPolicy: max_lost=0 is no number of at least 1": lambda: RetryPolicy(max_lost=0),
    "Timeouts: queue: 'soon' is not a duration": lambda: Timeouts(queue="soon"),
    "idle= is not a keyword of Timeouts": lambda: Timeouts(idle="1h"),  # type: ignore[call-arg]
    "attempts= is not a keyword of RetryPolicy": lambda: RetryPolicy(attempts=3),  # type: ignore[call-arg]
    "Cron('0 25 * * *') is not a cron expression": lambda: Cron("0 25 * * *"),
    "Cron(5) is not a cron expression": lambda: Cron(5),  # type: ignore[arg-type]
    "Cron('@daily'): tz='Mars/Base': no such time zone": lambda: Cron("@daily", tz="Mars/Base"),
    "timezone= is not a keyword of Cron": lambda: Cron("@daily", timezone="UTC"),  # type: ignore[call-arg]
    "Every: interval: '6 hours' is not a duration": lambda: Every("6 hours"),
    "a condition was used as a truth value": lambda: docs and labels,
    "used as a truth value (`and`": lambda: docs or labels,
    "(`and`, `or`, `not`": lambda: not docs,
    "a condition needs a dataset": lambda: docs & "labels",
    "got str: 'labels'": lambda: any_of(docs, "labels"),
    "got int: 3": lambda: all_of(3, docs),
    "does not say how many are to hold": lambda: n_of(docs, labels),  # type: ignore[arg-type]
    "asset pairs has no output 'trian'": lambda: pairs["trian"],
    "asset pairs writes 2 datasets": lambda: docs | pairs,
    "writes 2 datasets: train, test": pairs.updated,
    "pairs writes 2 datasets": lambda: pairs.where(meta("rows") > 0),
    "asset pairs writes": lambda: pairs.fresh("1h"),
    "where() says nothing": docs.where,
    "where got 3, which is no predicate": lambda: docs.where(3),  # type: ignore[arg-type]
    "where got meta": lambda: docs.where(meta("final")),  # type: ignore[arg-type]
    "where got a function, and asks of metadata": lambda: docs.where(lambda rows: rows > 0),  # type: ignore[arg-type]
    "count(0) asks for no number of changes": lambda: docs.count(0),
    "count(2.5) asks for no number of changes": lambda: docs.count(2.5),  # type: ignore[arg-type]
    "since got '@daily', which is no timetable": lambda: docs.since("@daily"),  # type: ignore[arg-type]
    "since() is said twice": lambda: docs.since(Every("1h")).since(Every("2h")),  # type: ignore[union-attr]
    "removed() holds by any removal, and count() cannot": lambda: docs.removed().count(2),  # type: ignore[union-attr]
    "fresh: age: 'old' is not a duration": lambda: docs.fresh("old"),
    "fresh() asks how old the newest event": lambda: docs.count(2).fresh("1h"),  # type: ignore[union-attr]
    "stale: age: 0 is not a duration": lambda: stale(0),  # type: ignore[arg-type]
    "all_of: within: 'soon' is not a duration": lambda: all_of(docs, labels, within="soon"),
    "all_of: aligned='yes' is neither": lambda: all_of(docs, labels, aligned="yes"),  # type: ignore[arg-type]
    "settle: quiet: 'long' is not a duration": lambda: docs.settle("long"),
    "max_wait='5s' is shorter than the quiet time": lambda: docs.settle("30s", max_wait="5s"),
    "a predicate was used as a truth value": lambda: docs.where((meta("rows") > 0) and (meta("rows") < 9)),
    "`if` or a chained comparison": lambda: docs.where(0 < meta("rows") < 9),  # type: ignore[arg-type]
    "meta('final') was used as a truth value": lambda: docs.where(meta("final") and meta("rows") > 0),
    "meta('rows') is compared with None": lambda: docs.where(meta("rows") == None),  # noqa: E711
    "meta('rows') is compared with nan": lambda: docs.where(meta("rows") > NAN),
    "meta('rows') is compared with inf": lambda: docs.where(meta("rows") < float("inf")),
    "is compared with [1]": lambda: docs.where(meta("rows").one_of([1])),  # type: ignore[arg-type]
    "one_of() names nothing": lambda: docs.where(meta("rows").one_of()),
    "a predicate is combined with True": lambda: docs.where((meta("rows") > 0) & True),
    "meta: key='' is no name": lambda: docs.where(meta("").is_true()),
    "each() needs one dataset or pattern as it is, got 'docs'": lambda: each("docs"),  # type: ignore[arg-type]
    "got docs.csv 2 times": lambda: each(docs.count(2)),  # type: ignore[arg-type]
    "got raw/*.csv 2 times": lambda: each(Dataset.match("raw/*.csv").count(2)),  # type: ignore[arg-type]
    "each: on_error='go' is not known": lambda: each(docs, on_error="go"),
    "train, test": lambda: each(pairs),
    "Deadline got '@daily', which is no timetable": lambda: Deadline("@daily"),  # type: ignore[arg-type]
    "Deadline: then='cry' is not known": lambda: Deadline(Every("1d"), then="cry"),
    "by= is not a keyword of Deadline": lambda: Deadline(Every("1d"), by="6h"),  # type: ignore[call-arg]
}
POLICIES = Each | Deadline | RetryPolicy | Timeouts | bool


@pytest.mark.parametrize("message", WRONG)
def test_what_is_declared_wrongly_is_told_at_once(message: str) -> None:
    """Typed at a prompt or imported as any module, it raises, and says what was expected."""
    with pytest.raises(DefinitionError) as caught:
        WRONG[message]()
    assert message in str(caught.value)
    assert caught.value.hint


def test_what_comes_of_a_truth_value_is_no_further_fault() -> None:
    """`not docs` is told once, under `on=` and within a condition; a plain True is a fault of its own."""
    with collecting() as faults:
        one = asset("one.json", name="one", on=not docs)(lambda_named())  # type: ignore[arg-type]
        docs & (not labels)
        other = asset("other.json", name="other", on=True)(lambda_named())  # type: ignore[arg-type]
    assert ["truth value" in fault.message for fault in faults] == [True, True]
    assert one.faults == ()
    assert ["got bool: True" in fault.message for fault in other.faults] == [True]


@pytest.mark.parametrize("message", WRONG)
def test_while_faults_are_collected_something_usable_stands_in_its_place(message: str) -> None:
    """The same sentence with the line of the declaration, once; and whatever is done with it next goes on."""
    with collecting() as faults:
        thing = WRONG[message]()
        held = asset("after.json", name="after", on=thing if not isinstance(thing, POLICIES) else None)(lambda_named())
    assert [message in fault.message for fault in faults] == [True]
    (fault,) = faults
    assert fault.where is not None
    assert (fault.where.file, fault.hint != "") == (__file__, True)
    assert held.faults == ()
    assert [one.kind for one in Definitions(*faults, held).check()] == ["declaration"]


def test_collecting_ends_with_its_block() -> None:
    """Afterwards a wrong declaration raises again, whatever happened in the block."""
    with pytest.raises(ZeroDivisionError), collecting():
        _ = 1 / 0
    with pytest.raises(DefinitionError):
        Every("never")


def test_no_secret_of_a_uri_is_in_what_stands_for_it() -> None:
    """Name and suffix are kept, so that nothing else looks wrong because of it."""
    with collecting():
        one = Dataset("s3://me:secret@bucket/deep/docs.parquet?token=secret")
    assert (one.name, one.suffix, "secret" in one.uri) == ("docs", ".parquet", False)


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"tags": 5}, "tags=5 is no list of texts"),
        ({"name": 5}, "name=5 is no text"),
        ({"inputs": ["docs"]}, "inputs=['docs'] is no mapping"),
        ({"outputs": ["a.json"]}, "outputs=['a.json'] is no mapping"),
        ({"expects": {"docs": 3}}, "expects docs=3 are no columns"),
        ({"columns": 3}, "columns=3 are no columns"),
        ({"description": b"text"}, "description=b'text' is no text"),
        ({"on": "docs"}, "on=: a condition needs a dataset"),
        ({"probe": dict}, "probe= is not a keyword of @asset"),
        ({"max_active_runs": 0, "pure": "yes"}, "pure='yes' is neither True nor False"),
    ],
)
def test_the_decorator_raises_nothing(keywords: dict[str, Any], message: str) -> None:
    """Its faults are told with the others, under the asset's name, whether or not faults are collected."""
    one = asset(None if "outputs" in keywords else "a.json", **keywords)(pairs.function)
    messages = [fault.message for fault in Definitions(one).check() if fault.kind == "declaration"]
    assert [text for text in messages if message in text]
    assert all(text.startswith(f"asset {one.name}: ") for text in messages)


def test_a_decorator_without_parentheses_is_a_fault() -> None:
    """The function would be taken for a URI, and no asset would be there."""
    (fault,) = Definitions(asset(pairs.function)).check()  # type: ignore[arg-type]
    assert fault.message == "asset pairs: @asset stands above it without parentheses"


def test_a_source_without_a_probe_is_a_fault() -> None:
    """It is told with the others, and so is the misspelt keyword."""
    faults = Definitions(source("api.json", prob=lambda: 1)(lambda_named())).check()
    assert (faults[0].kind, faults[0].hint) == ("declaration", "Did you mean probe=?")
    assert "probe= is no function" in faults[-1].message


def lambda_named() -> Callable[[], list[int]]:
    """A producer."""

    def api() -> list[int]:
        return []

    return api


FIRST = """\
from penstock import Cron, Dataset, Every, asset
from second import tags

docs = Dataset("docs.json", watchh="1m")
labels = Dataset("labels.json", watch="soon")

@asset("a.json", on=docs and labels)
def a(docs: dict) -> dict:
    return docs

@asset("b.json", on=Cron("0 25 * * *") | a, tag="x")
def b(a: dict, nobody: dict) -> dict:
    return a

@asset("c.json", on=docs & tags)
def c(tags: dict) -> dict:
    return tags
"""
SECOND = """\
from penstock import Dataset, RetryPolicy, asset

tags = Dataset("tags.json?x=1")

def half(uri):
    return Dataset(uri, owner="me")

halves = [half(f"half_{n}.json") for n in range(2)]

@asset("d.json", retries=RetryPolicy(0))
def d() -> dict:
    return {}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A project of two modules with many faults; nothing of it stays imported."""
    (tmp_path / "first.py").write_text(FIRST)
    (tmp_path / "second.py").write_text(SECOND)
    path, modules = list(sys.path), set(sys.modules)
    yield tmp_path
    sys.path[:] = path
    for name in {"first", "second"} & (set(sys.modules) - modules):
        del sys.modules[name]


EXPECTED = [
    ("second.py:3", "has a query"),
    ("second.py:6", "dataset half_0.json: owner= is not a keyword of Dataset"),
    ("second.py:6", "dataset half_1.json: owner= is not a keyword of Dataset"),
    ("second.py:10", "max_attempts=0"),
    ("first.py:4", "watchh= is not a keyword"),
    ("first.py:5", "'soon' is not a duration"),
    ("first.py:7", "used as a truth value"),
    ("first.py:11", "Cron('0 25 * * *')"),
    ("first.py:11", "asset b: tag= is not a keyword of @asset"),
    ("first.py:11", "there is no dataset for parameter 'nobody'"),
]


def test_the_faults_of_all_modules_are_told_together(folder: Path) -> None:
    """Those of declarations, each with its line, and those that only the whole shows; and none that follow from what
    stands in their place."""
    faults = Definitions.load("first.py", "second", folder=folder).check()
    found = [(str(fault.where).removeprefix(f"{folder}/"), fault.message) for fault in faults]
    assert [place for place, _ in found] == [place for place, _ in EXPECTED]
    for (_, message), (_, part) in zip(found, EXPECTED, strict=True):
        assert part in message


def test_a_second_load_finds_them_again_and_a_mended_module_is_read_anew(folder: Path) -> None:
    """A module with faults counts as not imported; what the project itself did not make stays imported."""
    for _ in range(2):
        assert len(Definitions.load("first.py", "second", folder=folder).check()) == len(EXPECTED)
    assert not {"first", "second"} & set(sys.modules)
    assert "penstock" in sys.modules
    (folder / "first.py").write_text("from penstock import asset\n@asset('a.json')\ndef a() -> dict:\n    return {}\n")
    definitions = Definitions.load("first.py", folder=folder)
    assert definitions.check() == ()
    assert "first" in sys.modules
    assert Definitions.load("first.py", folder=folder).functions["a"] is definitions.functions["a"]


def test_a_plain_import_of_a_faulty_module_raises(folder: Path) -> None:
    """Nothing is collected unless somebody loads definitions."""
    sys.path.insert(0, str(folder))
    with pytest.raises(DefinitionError, match="has a query"):
        __import__("second")


def test_values_that_are_right_are_read_as_ever() -> None:
    """Collecting changes nothing for them."""
    with collecting() as faults:
        one = Dataset("a.csv", watch="1m", tags="x", columns={"id": "String"})
        policy = RetryPolicy(2, delay="3s")
    assert (faults, one.watch, one.tags, policy.delay) == ([], timedelta(minutes=1), ("x",), timedelta(seconds=3))


def test_a_decorator_without_parentheses_is_that_and_nothing_else(tmp_path: Path) -> None:
    """Told at the user's own line, once; what reads such an asset is not told that it writes nothing."""
    (tmp_path / "bare.py").write_text(
        "from penstock import asset, source\n\n@asset\ndef x() -> int:\n    return 1\n\n"
        "@source\ndef s() -> int:\n    return 1\n\n@asset('y.json')\ndef y(x: int, s: int) -> int:\n    return x\n"
    )
    found = Definitions.load("bare.py", folder=tmp_path).check()
    assert [(one.where and one.where.line, one.message) for one in found] == [
        (3, "asset x: @asset stands above it without parentheses"),
        (7, "asset s: @source stands above it without parentheses"),
    ]
    assert 'Write @asset("x.parquet")' in found[0].hint


def test_what_stands_in_for_something_wrong_is_never_told() -> None:
    """A URI that cannot be is one fault, also where another dataset has its name."""

    @asset("../x.parquet")
    def outside() -> bytes:
        return b""

    @asset("x.json")
    def x() -> int:
        return 1

    (fault,) = Definitions(outside, x).check()
    assert "leaves its root" in fault.message


other_name = Dataset("folder/")


def test_a_parameter_called_like_a_variable_says_what_the_dataset_is_called() -> None:
    """A dataset is called after its URI: the variable is known, and both ways out are told."""

    @asset("a.json")
    def a(other_name: Path) -> int:
        return 1

    (fault,) = Definitions(a, other_name).check()
    assert "the dataset of the variable 'other_name' is called 'folder'" in fault.message
    assert 'name="other_name"' in fault.hint


def test_a_guess_is_only_made_where_it_is_near() -> None:
    """`retry=` probably means `retries=`; `colour=` means nothing that is known."""
    with pytest.raises(DefinitionError) as caught:
        Dataset("a.csv", colour="red")  # pyright: ignore[reportArgumentType]
    assert caught.value.hint.startswith("Known: ")
