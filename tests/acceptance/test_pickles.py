"""Pickles: any Python object, by opt-in, in whatever way it is annotated."""

from __future__ import annotations

from collections import Counter
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, TypedDict

import polars as pl
import pytest

from penstock import Definitions, asset
from penstock.assets.run.progress import Outcome

Lab = Any


def failure(outcome: Outcome) -> str:
    """The message of a failed outcome."""
    assert outcome.error is not None, outcome
    return str(outcome.error["message"])


class Model:
    """A class of the user's own, which is fitted and used."""

    def __init__(self) -> None:
        self.weights = [1]


class Other(Model):
    """A model, too."""


class Stranger:
    """No model."""


class Unpicklable(Model):
    """A model that says why it cannot be kept, by an exception of its own."""

    def __reduce__(self) -> Any:
        raise NotImplementedError("holds a connection")


class Halves(TypedDict):
    """Two outputs, each with its own annotation."""

    one: Model
    two: dict[str, Model]


VALUES: list[Any] = [
    Model(),
    {1, 2},
    Decimal("1.5"),
    date(2026, 1, 1),
    1j,
    (1, 2),
    [Model()],
    Counter("aab"),
    b"bytes",
    "text",
    pl.DataFrame({"a": [1]}),
    Model,
]


def producer_of(value: Any) -> Any:
    """A producer without an annotation."""
    return lambda: value


def reader_of(called: str, seen: dict[str, Any]) -> Any:
    """What notes the value that it takes."""

    def reader(thing: Any) -> int:
        seen[called] = thing
        return 1

    return reader


@pytest.mark.parametrize("annotation", [None, Any, object, "Any"], ids=str)
def test_whatever_is_returned_is_kept(lab: Lab, annotation: Any) -> None:
    """Under `Any`, `object` and no annotation, objects of every class; a reader without a class takes them too."""
    seen: dict[str, Any] = {}
    made = []
    for number, value in enumerate(VALUES):
        called = f"o{number}"
        producer, reader = producer_of(value), reader_of(called, seen)
        producer.__annotations__ = {} if annotation is None else {"return": annotation}
        one = asset(f"{called}.pkl", name=called)(producer)
        made += [one, asset(f"r{number}.json", name=f"r{number}", inputs={"thing": one})(reader)]
    result = lab.make(*made, allow_pickle=True)
    assert result.ok, [(one.asset, one.error) for one in result.outcomes]
    assert [type(seen[f"o{number}"]) for number in range(len(VALUES))] == [type(one) for one in VALUES]
    assert seen["o0"].weights == [1]


def test_a_class_of_ones_own_is_an_annotation(lab: Lab) -> None:
    """Given and taken, also a subclass, inside of a list and a mapping, or optional."""

    @asset("k.pkl")
    def k() -> Model:
        return Other()

    @asset("many.pkl")
    def many() -> list[Model]:
        return [Model()]

    @asset("named.pkl")
    def named() -> dict[str, Model]:
        return {"a": Model()}

    @asset("pair.pkl")
    def pair() -> tuple[int, ...]:
        return 1, 2

    @asset("frames.pkl")
    def frames() -> dict[str, pl.DataFrame]:
        return {"a": pl.DataFrame({"x": [1]})}

    @asset("used.json")
    def used(
        k: Model,
        many: list[Model],
        named: dict[str, Model] | None,
        pair: tuple[int, ...],
        frames: dict[str, pl.DataFrame],
    ) -> list[int]:
        assert named is not None
        return [*k.weights, *many[0].weights, *named["a"].weights, *pair, frames["a"].height]

    result = lab.make(k, many, named, pair, frames, used, allow_pickle=True)
    assert result.ok, [(one.asset, one.error) for one in result.outcomes]
    assert lab.read("used.json") == "[1,1,1,1,2,1]\n"


def test_several_outputs_are_pickled_each_by_its_annotation(lab: Lab) -> None:
    """By the fields of a TypedDict, and by `dict[str, …]`; of another class is refused by the name of the output."""

    @asset(outputs={"one": "one.pkl", "two": "two.pkl"})
    def halves() -> Halves:
        return {"one": Model(), "two": {"a": Model()}}

    @asset(outputs={"left": "left.pkl", "right": "right.pkl"})
    def sides() -> dict[str, Model]:
        return {"left": Model(), "right": Stranger()}  # type: ignore[dict-item]

    result = lab.make(halves, sides, allow_pickle=True)
    assert result["halves"].state == "success", failure(result["halves"])
    assert "dataset 'right': the value is a" in failure(result["sides"])
    assert "Stranger, not a" in failure(result["sides"])


def test_an_object_of_another_class_is_refused(lab: Lab) -> None:
    """When it is given and when it is taken; annotation, value and suffix are named."""

    @asset("k.pkl")
    def k() -> Model:
        return Stranger()  # type: ignore[return-value]

    @asset("many.pkl")
    def many() -> list[Model]:
        return (Model(), Model())[0]  # type: ignore[return-value]

    @asset("s.pkl")
    def s() -> Stranger:
        return Stranger()

    @asset("taken.json")
    def taken(s: Model) -> int:
        return 1

    result = lab.make(k, many, s, taken, allow_pickle=True)
    for part in ("Stranger, not a", ".Model (annotation Model, suffix '.pkl'"):
        assert part in failure(result["k"])
    assert "Model, not a list (annotation list[Model], suffix '.pkl'" in failure(result["many"])
    assert "Stranger, not a" in failure(result["taken"])
    assert "(annotation s: Model, suffix '.pkl')" in failure(result["taken"])


def test_what_cannot_be_pickled_is_named(lab: Lab) -> None:
    """Annotation, value and suffix, whatever the object raises; a lazy frame is none of its data."""

    @asset("function.pkl")
    def function() -> Any:
        return lambda: 1

    @asset("model.pkl")
    def model() -> Model:
        return Unpicklable()

    @asset("lazy.pkl")
    def lazy() -> Any:
        return pl.LazyFrame({"a": [1]})

    result = lab.make(function, model, lazy, allow_pickle=True)
    assert "the value is a function, which cannot be pickled" in failure(result["function"])
    assert "(annotation Any, suffix '.pkl', format pickle)" in failure(result["function"])
    assert "Unpicklable, which cannot be pickled: holds a connection (annotation Model" in failure(result["model"])
    assert "taken as polars.LazyFrame (annotation Any), but 'lazy.pkl' is pickle" in failure(result["lazy"])


def test_elsewhere_a_class_is_a_fault_that_names_any_and_pickles(tmp_path: Path) -> None:
    """At `.json`, and at a pickle what may be None, or is asynchronous; once each."""

    @asset("k.json")
    def k() -> Model:
        return Model()

    @asset(outputs={"a": "a.json", "b": "b.pkl"})
    def both() -> dict[str, Model]:
        return {}

    @asset("maybe.pkl")
    def maybe() -> Model | None:
        return None

    @asset("taken.json")
    def taken(k: Model) -> int:
        return 1

    faults = {fault.message.partition(":")[0]: fault for fault in Definitions(k, both, maybe, taken).check()}
    assert len(Definitions(k, both, maybe, taken).check()) == 4
    for name in ("asset k", "asset taken", "asset both"):
        assert "Model, a form that datasets are not read or written in" in faults[name].message
        assert "Any, " in faults[name].hint
        assert "`.pkl`" in faults[name].hint
    assert "may be None" in faults["asset maybe"].message
