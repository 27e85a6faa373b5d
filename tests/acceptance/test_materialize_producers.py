"""What may be a producer, and its run parameters: typed, from settings or for one run, part of what was asked for."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from enum import Enum
from typing import Any, Literal

import pytest

from penstock import Context, Dataset, DefinitionError, UsageError, asset
from penstock.assets.run.progress import Outcome
from penstock.storage.errors import SettingsFault

Lab = Any
"""The fixture is a class of `conftest.py`, which no test can import."""


def failure(outcome: Outcome) -> str:
    """The message and the hint of a failed outcome."""
    assert outcome.error is not None, outcome
    return f"{outcome.error['message']}\n{outcome.error['hint']}"


def test_an_async_producer_is_refused_before_anything_runs(lab: Lab) -> None:
    """With what to write instead."""

    async def later() -> list[int]:
        return [1]

    with pytest.raises(DefinitionError, match="async def") as caught:
        lab.make(asset("later.json")(later))
    assert "asyncio.run" in str(caught.value)


def test_a_producer_that_turns_out_to_be_async_fails_with_the_same_sentence(lab: Lab) -> None:
    """A lambda that returns a coroutine: nothing is left unawaited, and the run fails."""

    async def later() -> list[int]:
        return [1]

    disguised = asset("later.json", name="later")(lambda: later())  # noqa: PLW0108  it is no `async def` itself
    result = lab.make(disguised)
    assert "async def" in failure(result["later"])


def test_a_lambda_needs_a_name(lab: Lab) -> None:
    """With `name=` it is an asset like any other; without, a fault says so."""
    assert lab.make(asset("one.json", name="one")(lambda: [1])).ok
    assert json.loads(lab.read("one.json")) == [1]
    with pytest.raises(DefinitionError, match="no name"):
        lab.make(asset("two.json")(lambda: [2]))


def test_producers_made_in_a_loop_are_assets_of_their_own(lab: Lab) -> None:
    """Each with what it closes over; a change of one of them makes that one again."""
    numbers = Dataset("numbers.json")
    lab.write("numbers.json", "[1, 2]")
    assert lab.make(numbers, multiples({"double": 2, "triple": 3})).ok
    assert json.loads(lab.read("triple.json")) == [3, 6]
    assert lab.story(lab.make(numbers, multiples({"double": 2, "triple": 4}))) == {
        "double": "skipped: unchanged",
        "triple": "success: code changed",
    }


def multiples(factors: dict[str, int]) -> list[Any]:
    """An asset for each factor, by name."""
    return [asset(f"{name}.json", name=name)(closed(factor)) for name, factor in factors.items()]


def closed(factor: int) -> Any:
    """A producer that closes over the factor."""

    def times(numbers: list[int]) -> list[int]:
        return [factor * number for number in numbers]

    return times


# --- run parameters --------------------------------------------------------------------------------------------------


class Mode(Enum):
    """How to go."""

    FAST = "fast"
    EXACT = "exact"


@asset("params.json")
def params(
    ctx: Context,
    *,
    size: int = 800,
    rate: float = 0.5,
    loud: bool = False,
    kind: Literal["a", "b"] = "a",
    mode: Mode = Mode.FAST,
    names: list[str] = ["x"],  # noqa: B006  declared, never changed
    since: datetime = datetime(2026, 1, 1, tzinfo=UTC),
    note: str = "none",
) -> dict[str, Any]:
    """What it was called with, and what the context says of it."""
    given = {"size": size, "rate": rate, "loud": loud, "kind": kind, "mode": mode, "names": names, "since": since}
    given["note"] = note
    assert ctx.parameters == given
    return {name: [type(value).__name__, str(value)] for name, value in given.items()}


DEFAULTS = {
    "size": ["int", "800"],
    "rate": ["float", "0.5"],
    "loud": ["bool", "False"],
    "kind": ["str", "a"],
    "mode": ["Mode", "Mode.FAST"],
    "names": ["list", "['x']"],
    "since": ["datetime", "2026-01-01 00:00:00+00:00"],
    "note": ["str", "none"],
}
OTHERS = {
    "size": ["int", "5"],
    "rate": ["float", "1.0"],
    "loud": ["bool", "True"],
    "kind": ["str", "b"],
    "mode": ["Mode", "Mode.EXACT"],
    "names": ["list", "['y', 'z']"],
    "since": ["datetime", "2026-02-03 04:05:06+00:00"],
    "note": ["str", "5"],
}


def test_run_parameters_have_their_defaults_in_their_types(lab: Lab) -> None:
    """Also in ctx.parameters."""
    result = lab.make(params)
    assert result.ok, failure(result["params"])
    assert json.loads(lab.read("params.json")) == DEFAULTS


def test_run_parameters_are_read_from_text(lab: Lab) -> None:
    """As a command line hands them over; each arrives in the type that is annotated."""
    texts = {
        "size": "5",
        "rate": "1",
        "loud": "true",
        "kind": "b",
        "mode": "EXACT",
        "names": '["y", "z"]',
        "since": "2026-02-03T04:05:06Z",
        "note": "5",
    }
    result = lab.make(params, parameters={f"params.{name}": text for name, text in texts.items()})
    assert result.ok, failure(result["params"])
    assert json.loads(lab.read("params.json")) == OTHERS


SETTINGS = """
[parameters.params]
size = 5
rate = 1
loud = true
kind = "b"
mode = "exact"
names = ["y", "z"]
since = 2026-02-03T04:05:06Z
note = "5"
"""


def test_run_parameters_are_read_from_settings(lab: Lab) -> None:
    """A table of penstock.toml, its own times and numbers included."""
    (lab.folder / "penstock.toml").write_text(SETTINGS)
    result = lab.make(params)
    assert result.ok, failure(result["params"])
    assert json.loads(lab.read("params.json")) == OTHERS


@asset("sized.json", on=Dataset("docs.txt"))
def sized(docs: str, *, size: int = 3) -> list[int]:
    """As many as the parameter says."""
    return [size]


def test_the_same_value_is_the_same_however_it_is_written(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """5 in code, "5" on the command line, in the environment or in a file: one run key."""
    lab.write("docs.txt", "x")
    assert lab.make(sized, parameters={"sized.size": 5}).ok
    assert lab.story(lab.make(sized, parameters={"sized.size": "5"})) == {"sized": "skipped: unchanged"}
    (lab.folder / "penstock.toml").write_text("[parameters.sized]\nsize = 5\n")
    assert lab.story(lab.make(sized)) == {"sized": "skipped: unchanged"}
    (lab.folder / "penstock.toml").write_text('[parameters.sized]\nsize = "5"\n')
    assert lab.story(lab.make(sized)) == {"sized": "skipped: unchanged"}
    (lab.folder / "penstock.toml").unlink()
    monkeypatch.setenv("PENSTOCK_PARAMETERS__SIZED__SIZE", "5")
    assert lab.story(lab.make(sized)) == {"sized": "skipped: unchanged"}


def test_another_value_makes_the_asset_again(lab: Lab) -> None:
    """The reason names the parameter; for once means for once: without it, the default is asked for again."""
    lab.write("docs.txt", "x")
    assert lab.make(sized).ok
    changed = {"sized": "success: parameters changed: size"}
    assert lab.story(lab.make(sized, parameters={"sized.size": "4"})) == changed
    assert json.loads(lab.read("sized.json")) == [4]
    assert lab.story(lab.make(sized)) == changed
    assert json.loads(lab.read("sized.json")) == [3]
    assert lab.story(lab.make(sized, parameters={"sized.size": 3})) == {"sized": "skipped: unchanged"}


def test_what_is_given_for_one_run_wins_over_settings(lab: Lab) -> None:
    """Settings win over the default, the call over settings."""
    lab.write("docs.txt", "x")
    (lab.folder / "penstock.toml").write_text("[parameters.sized]\nsize = 4\n")
    assert lab.make(sized).ok
    assert json.loads(lab.read("sized.json")) == [4]
    assert lab.make(sized, parameters={"sized.size": "6"}).ok
    assert json.loads(lab.read("sized.json")) == [6]


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("sized.sise", "5", "size"),
        ("size.size", "5", "ASSET.PARAMETER"),
        ("size", "5", "ASSET.PARAMETER"),
        ("sized.size", "many", "int"),
        ("sized.size", True, "int"),
    ],
)
def test_a_parameter_that_is_none_or_no_such_value_is_wrong_use(lab: Lab, key: str, value: Any, says: str) -> None:
    """Nothing runs; the sentence says what there is."""
    lab.write("docs.txt", "x")
    with pytest.raises(UsageError) as caught:
        lab.make(sized, parameters={key: value})
    assert says in f"{caught.value.message} {caught.value.hint}"
    assert not (lab.data / "sized.json").exists()


@pytest.mark.parametrize(
    ("table", "says"),
    [("[parameters.sized]\nsise = 5\n", "sise"), ('[parameters.sized]\nsize = "many"\n', "many")],
)
def test_a_parameter_in_settings_that_is_wrong_is_said(lab: Lab, table: str, says: str) -> None:
    """A misspelt name or a value of another type is not passed over in silence."""
    lab.write("docs.txt", "x")
    (lab.folder / "penstock.toml").write_text(table)
    with pytest.raises(SettingsFault, match=says):
        lab.make(sized)


# --- names -----------------------------------------------------------------------------------------------------------


def test_a_renamed_asset_keeps_its_history(lab: Lab) -> None:
    """`previously=`: the new name has the runs of the old one, and nothing is made again."""
    lab.write("docs.txt", "x")
    docs = Dataset("docs.txt")
    assert lab.make(asset("out.txt", name="old", on=docs)(_copied)).ok
    renamed = asset("out.txt", name="new", on=docs, previously="old")(_copied)
    assert lab.story(lab.make(renamed)) == {"new": "skipped: unchanged"}
    assert lab.story(lab.make(renamed)) == {"new": "skipped: unchanged"}
    assert lab.rows("SELECT a.name, r.state FROM runs r JOIN assets a ON a.id = r.asset_id ORDER BY r.created_at") == [
        ("new", "success"),
        ("new", "skipped"),
        ("new", "skipped"),
    ]


def _copied(docs: str) -> str:
    return docs


TYPED = """
from __future__ import annotations

from typing import TYPE_CHECKING

from penstock import Dataset, asset

if TYPE_CHECKING:
    from pathlib import Path

    import polars as frames

    from penstock import Context

rows = Dataset("rows.csv")

@asset("height.json", on=rows)
def height(rows: frames.DataFrame, ctx: Context) -> dict[str, int]:
    return {"rows": rows.height}

@asset("copy.csv", on=rows)
def copy(rows: Path) -> Path:
    return rows
"""


def test_annotations_may_be_text_under_type_checking(lab: Lab) -> None:
    """Names that are imported for the type checker alone are understood, and never imported to be understood."""
    lab.write("rows.csv", "a\n1\n2\n")
    (lab.folder / "typed_pipeline.py").write_text(TYPED)
    (lab.folder / "penstock.toml").write_text('definitions = ["typed_pipeline.py"]\n')
    result = lab.make_project()
    assert result.ok, [one.error for one in result.outcomes]
    assert json.loads(lab.read("height.json")) == {"rows": 2}
    assert lab.read("copy.csv") == "a\n1\n2\n"
