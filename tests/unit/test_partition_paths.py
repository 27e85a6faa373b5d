"""URI templates: which there are, where a key lies, and which key lies at a path."""

from __future__ import annotations

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from penstock import Cron, Daily, Dataset, Dynamic, Hourly, Static, Windows
from penstock.assets.declare.partitions.partition import Partitioning
from penstock.assets.declare.partitions.paths import key_of, name_of, path_of, placeholders, shares_place
from penstock.assets.declare.partitions.texts import wrong_with
from penstock.storage import uri as uris
from penstock.storage.errors import DefinitionError

DAYS, WHO = Daily(start="2026-01-01"), Dynamic(name="who")
HOURS = Hourly(start="2024-01-01", tz="America/New_York")
texts = st.text(min_size=1, max_size=12) | st.sampled_from(
    [".penstock", "a%2Fb", "{day}", "x y", "ünï", "\u0301x", "\u1161", "a-b", "~x", "a*b", "c:", "u@h", "?#", "+", "-"]
)


@given(
    texts,
    texts,
    st.integers(0, 8000),
    st.sampled_from(
        [
            "s3://logs/hour={hour}/who={who}/kind={kind}/part.parquet",
            "{who}/{kind}-{hour}.json",
            "file:///data/{kind}/{hour}-{who}/",
            "https://host/{kind}/{who}/{hour}.csv",
            "raw/{hour}-{who}-{kind}.csv",
        ]
    ),
)
@example(".penstock", "a.penstock", 7402, "{who}/{kind}-{hour}.json")
def test_a_path_is_of_one_key_and_leads_back_to_it(who: str, kind: str, number: int, uri: str) -> None:
    """Whatever letters a key has; and what comes out is an identity."""
    assume(not wrong_with(who) and not wrong_with(kind))
    partitioning = HOURS * WHO * Dynamic(name="kind")
    key = f"{HOURS.select().at(number)}|{who}|{kind}"
    path = path_of(uri, partitioning, key)
    assert key_of(uri, partitioning, path) == key
    assert uris.normalise(path) == path


def test_a_key_stands_as_it_is_written() -> None:
    """Letters of any script too, on disks and in buckets; a path that is none of the template's has no key."""
    uri = "s3://logs/{who}/{day}.csv"
    assert path_of(uri, DAYS * WHO, "2026-01-05|münchen 50%") == "s3://logs/münchen 50%25/2026-01-05.csv"
    assert key_of(uri, DAYS * WHO, "s3://logs/münchen 50%25/2026-01-05.csv") == "2026-01-05|münchen 50%"
    for other in ("s3://logs/x/2026-13-05.csv", "s3://logs/x/y/2026-01-05.csv", "s3://logs/%41/2026-01-05.csv", ""):
        assert key_of(uri, DAYS * WHO, other) is None


@pytest.mark.parametrize(
    ("uri", "name"),
    [
        ("daily/{day}.parquet", "daily"),
        ("logs/date={day}/", "logs"),
        ("s3://logs/date={day}/part.parquet", "part"),
        ("s3://logs/{day}.csv", "logs"),
        ("daily-{day}.parquet", "daily"),
        ("{day}.parquet", "dataset"),
        ("docs.parquet", "docs"),
        ("models/ranker.v2/", "ranker.v2"),
        ("models/ranker.v2/{day}.json", "ranker.v2"),
        ("python://packages", "packages"),
    ],
)
def test_a_dataset_is_called_after_what_is_no_placeholder(uri: str, name: str) -> None:
    """The last such part of its URI."""
    assert name_of(uri) == name


@pytest.mark.parametrize(
    ("uri", "partitioning", "message"),
    [
        ("daily/{day}.parquet", None, "it has {day} in its URI and no partitions"),
        ("daily.parquet", DAYS, "{day} is missing in its URI"),
        ("{day}/x.parquet", DAYS * WHO, "{who} is missing"),
        ("{date}/x.parquet", DAYS, "{date} is no dimension of it"),
        ("{day}/{day}.parquet", DAYS, "{day} stands in its URI twice"),
        ("{}/{day}.parquet", DAYS, "{} is no dimension"),
        ("{day}{who}.parquet", DAYS * WHO, "stand too close"),
        ("{day}x{who}.parquet", DAYS * WHO, "stand too close"),
        ("s3://{who}/{day}.parquet", DAYS * WHO, "where a bucket or host is named"),
    ],
)
def test_a_template_that_does_not_fit_is_told(uri: str, partitioning: Partitioning | None, message: str) -> None:
    """With what to write; a dataset of these cannot be declared."""
    with pytest.raises(DefinitionError) as caught:
        Dataset(uri, partitions=partitioning)
    assert message in caught.value.message
    assert caught.value.hint


def test_the_hint_is_a_template_that_fits() -> None:
    """Folders and files get the placeholder where people put it."""
    for uri, wanted in [("daily.parquet", "daily/{day}.parquet"), ("models/ranker/", "models/ranker/{day}/")]:
        with pytest.raises(DefinitionError) as caught:
            Dataset(uri, partitions=DAYS)
        assert f'"{wanted}"' in caught.value.hint
        assert Dataset(wanted, partitions=DAYS).uri == wanted


def test_the_template_is_the_identity() -> None:
    """As it is written, also of a web address, where braces are escaped otherwise."""
    assert Dataset("https://host/logs/{day}.csv", partitions=DAYS).uri == "https://host/logs/{day}.csv"
    assert Dataset("S3A://logs//{day}.csv", partitions=DAYS).uri == "s3://logs/{day}.csv"
    assert placeholders("a/{day}/{who}.csv") == ("day", "who")


@pytest.mark.parametrize(
    ("inner", "divided", "outer", "around", "expected"),
    [
        ("models/2026-01-05/card.json", None, "models/{day}/", DAYS, True),
        ("models/latest/card.json", None, "models/{day}/", DAYS, False),
        ("models/eu/card.json", None, "models/{who}/", WHO, True),
        ("models/latest/card.json", None, "models/{region}/", Static("eu", name="region"), False),
        ("logs/{day}/part.csv", DAYS, "logs/{who}/", WHO, True),
        ("logs/{hour}/part.csv", HOURS, "logs/{day}/", DAYS, False),
        ("logs/2026-01-05.csv", None, "logs/{day}.csv", DAYS, True),
        ("logs/{window}.csv", Windows(Cron("@daily"), start="2026-01-01"), "logs/{day}.csv", DAYS, False),
        ("logs", None, "logs/{day}/", DAYS, False),
        ("s3://b/2026-01-05/x", None, "s3://b/{day}", DAYS, False),
    ],
)
def test_places_that_could_be_one(
    inner: str, divided: Partitioning | None, outer: str, around: Partitioning | None, expected: bool
) -> None:
    """Only a key that there can be leads into another dataset."""
    assert shares_place(inner, divided, outer, around) == expected
