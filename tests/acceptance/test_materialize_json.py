"""JSON values in a whole project: the outermost type that an annotation names is held against the value, both ways."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Literal, NotRequired, TypedDict

import pytest

from penstock import Dataset, Opaque, Output, asset
from penstock.assets.code.kinds import shown
from penstock.assets.run.progress import Outcome
from penstock.storage.errors import DefinitionError

Lab = Any
"""The fixture is a class of `conftest.py`, which no test can import."""


class Score(TypedDict):
    """A JSON object."""

    recall: float


def failure(outcome: Outcome) -> str:
    """The message and the hint of a failed outcome."""
    assert outcome.error is not None, outcome
    return f"{outcome.error['message']}\n{outcome.error['hint']}"


VALUES: list[tuple[str, Any]] = [
    ("dict", {"a": 1}),
    ("list", [1]),
    ("str", "text"),
    ("int", 3),
    ("float", 2.5),
    ("bool", True),
]
ANNOTATIONS: list[tuple[Any, str]] = [
    (dict, "dict"),
    (dict[str, int], "dict"),
    (Score, "dict"),
    (list, "list"),
    (list[int], "list"),
    (int, "int"),
    (float, "float"),
    (bool, "bool"),
    (Literal[1, 2], "int"),
    (dict[str, int] | list[int], "dict | list"),
    (int | str, "str | int"),
]
FITS = {"int": {"int"}, "float": {"int", "float"}}
"""What fits beside the word itself: in JSON an integer is a number too."""


def fits(found: str, says: str) -> bool:
    """Whether a value fits an annotation."""
    return any(found in FITS.get(one, {one}) for one in says.split(" | "))


@pytest.mark.parametrize(("annotation", "says"), ANNOTATIONS, ids=str)
def test_what_a_producer_gives_is_of_the_type_that_it_says(lab: Lab, annotation: Any, says: str) -> None:
    """Else nothing is published, and the sentence names annotation, value and suffix."""
    assets: list[Any] = []
    for number, (found, _) in enumerate(VALUES):

        def producer(*, number: int = number) -> Any:
            return VALUES[number][1]

        producer.__annotations__["return"] = annotation
        assets.append(asset(f"{found}.json", name=found)(producer))
    result = lab.make(*assets)
    for found, value in VALUES:
        if fits(found, says):
            assert json.loads(lab.read(f"{found}.json")) == value
        else:
            said = failure(result[found])
            assert f"dataset '{found}': the value is a" in said
            assert f"(annotation {shown(annotation)}, suffix '.json', format json)" in said
            assert lab.events(found) == []
            assert not (lab.data / f"{found}.json").exists()


@pytest.mark.parametrize(("annotation", "says"), ANNOTATIONS, ids=str)
def test_what_a_consumer_takes_is_of_the_type_that_it_says(lab: Lab, annotation: Any, says: str) -> None:
    """Whoever wrote it: one of the project, or others. It is not called with anything else."""
    called: list[str] = []
    assets: list[Any] = []
    for number, (found, value) in enumerate(VALUES):
        lab.write(f"others/{found}.json", json.dumps(value))

        def producer(*, number: int = number) -> Any:
            return VALUES[number][1]

        made = asset(f"{found}.json", name=found)(producer)
        others = Dataset(f"others/{found}.json", name=f"o_{found}")
        assets.append(made)
        for name, source in ((f"of_{found}", made), (f"from_{found}", others)):

            def consumer(value: Any, *, name: str = name) -> dict[str, str]:
                called.append(name)
                return {"name": name}

            consumer.__annotations__["value"] = annotation
            assets.append(asset(f"{name}.json", name=name, on=source, inputs={"value": source})(consumer))
    result = lab.make(*assets)
    for found, _ in VALUES:
        for name, read in ((f"of_{found}", found), (f"from_{found}", f"o_{found}")):
            assert (name in called) is fits(found, says)
            if name not in called:
                said = failure(result[name])
                assert f"input {read} (version " in said
                assert "the value is a" in said
                assert f"(annotation value: {shown(annotation)}, suffix '.json')" in said


def test_a_text_is_a_json_value_like_any_other(lab: Lab) -> None:
    """`str`, `Any` and no annotation write the same file, and each takes what the others wrote."""

    @asset("said.json")
    def said() -> str:
        return 'an "answer"\n'

    @asset("free.json")
    def free():
        return 'an "answer"\n'

    @asset(outputs={"one": "one.json", "two": "two.json"})
    def several() -> dict[str, str]:
        return {"one": 'an "answer"\n', "two": ""}

    @asset("seen.json", on=said & free & several["one"])
    def seen(said: Any, free: str, one: str) -> list[Any]:
        return [said, free, one]

    assert lab.make(said, free, several, seen).ok
    assert {lab.read(f"{name}.json") for name in ("said", "free", "one")} == {'"an \\"answer\\"\\n"\n'}
    assert json.loads(lab.read("seen.json")) == ['an "answer"\n'] * 3


def test_json_that_is_text_already_is_given_and_taken_as_bytes(lab: Lab) -> None:
    """As it is, in `.json` and in lines; a text file and a CSV are what `str` says."""
    raw = b'{"b": 1,\n "a": 2}\n'

    @asset("raw.json")
    def raw_json() -> bytes:
        return raw

    @asset("lines.ndjson", name="raw_lines")
    def raw_lines() -> bytes:
        return raw.replace(b"\n", b"") + b"\n"

    @asset("table.csv", name="table")
    def csv() -> str:
        return "a,b\n1,x\n"

    @asset("copy.txt", on=raw_json & raw_lines & csv, inputs={"one": raw_json, "two": raw_lines, "three": csv})
    def copy(one: bytes, two: list[Any], three: str) -> str:
        return f"{one.decode()}{two[0]['a']} {three}"

    assert lab.make(raw_json, raw_lines, csv, copy).ok
    assert (lab.data / "raw.json").read_bytes() == raw
    assert lab.read("copy.txt") == f"{raw.decode()}2 a,b\n1,x\n"


def test_a_text_is_no_list_of_lines(lab: Lab) -> None:
    """`str` for `.ndjson` is refused before anything runs, and a text that nobody announced when it is written."""
    with pytest.raises(DefinitionError, match=r"returns str, but said.ndjson has format ndjson, which takes .* bytes"):
        lab.make(asset("said.ndjson")(_said))
    result = lab.make(asset("free.ndjson", name="free")(lambda: "a"))
    assert "the value is a str, not a list; each of its items becomes a line" in failure(result["free"])


def _said() -> str:
    return "a"


def test_nothing_is_asked_of_any(lab: Lab) -> None:
    """Without an annotation, and with `Any`, every JSON value goes and comes; a tuple is written as a list is."""

    @asset("free.json")
    def free():
        return "text"

    @asset("any.json", name="anything", on=free)
    def anything(free: Any) -> Any:
        return [free]

    @asset("pair.json", on=anything)
    def pair(anything) -> list[str]:
        return ("a", *anything)  # type: ignore[return-value]

    assert lab.make(free, anything, pair).ok
    assert json.loads(lab.read("pair.json")) == ["a", "text"]


def test_a_null_that_others_wrote_is_none_where_the_annotation_says_so(lab: Lab) -> None:
    """`dict | None` takes it, `dict` does not."""
    lab.write("nothing.json", "null")
    nothing = Dataset("nothing.json")

    @asset("a.json", on=nothing)
    def maybe(nothing: dict[str, int] | None) -> bool:
        return nothing is None

    @asset("b.json", on=nothing)
    def never(nothing: dict[str, int]) -> bool:
        return True

    result = lab.make(maybe, never)
    assert json.loads(lab.read("a.json")) is True
    assert "the value is None, not a dict (annotation nothing: dict[str, int], suffix '.json')" in failure(
        result["never"]
    )


def test_each_of_several_outputs_is_of_the_type_that_a_mapping_says(lab: Lab) -> None:
    """`dict[str, list]` names it for all of them; a stream of outputs names none."""

    @asset(outputs={"good": "good.json", "bad": "bad.json"})
    def both() -> dict[str, list[int]]:
        return {"good": [1], "bad": {"a": 1}}  # type: ignore[dict-item]

    @asset(outputs={"one": "one.json", "two": "two.json"})
    def stream() -> Iterator[Output]:
        yield Output("one", [1])
        yield Output("two", {"a": 1})

    result = lab.make(both, stream)
    said = failure(result["both"])
    assert "dataset 'bad': the value is a dict, not a list (annotation dict[str, list[int]], suffix '.json'" in said
    assert lab.events("good") == []
    assert result["stream"].made


class Halves(TypedDict):
    """Two outputs."""

    aa: list[int]
    ab: NotRequired[dict[str, int] | str]


def test_each_of_several_outputs_is_of_the_type_that_a_typed_dict_says(lab: Lab) -> None:
    """Its own annotation is held against its value, and told as it is written; what is left out is no fault."""

    @asset(outputs={"aa": "aa.json", "ab": "ab.json"})
    def wrong() -> Halves:
        return {"aa": [1], "ab": [1]}  # type: ignore[typeddict-item]

    @asset(outputs={"ba": "ba.json", "bb": "bb.json"})
    def right() -> Rights:
        return {"ba": "text"}

    result = lab.make(wrong, right)
    said = failure(result["wrong"])
    assert "dataset 'ab': the value is a list, not a dict or a str" in said
    assert "(annotation NotRequired[dict[str, int] | str], suffix '.json', format json)" in said
    assert lab.events("aa") == []
    assert [one.dataset for one in result["right"].made] == ["ba"]
    assert json.loads(lab.read("ba.json")) == "text"


def test_what_a_typed_dict_requires_is_not_left_out(lab: Lab) -> None:
    """Each field is held by its own word for that; nothing of the others is published either."""

    @asset(outputs={"aa": "aa.json", "ab": "ab.json"})
    def half() -> Halves:
        return {"ab": {"a": 1}}  # type: ignore[typeddict-item]

    result = lab.make(half)
    said = failure(result["half"])
    assert "asset half: its annotation says that it always gives aa, but its producer left it out" in said
    assert "NotRequired[…]" in said
    assert lab.events("ab") == []


class Rights(TypedDict, total=False):
    """Two outputs that may be left out."""

    ba: str
    bb: Opaque


def test_an_opaque_is_what_its_own_annotation_says(lab: Lab) -> None:
    """Of several outputs too: data where `Opaque` is annotated, and the reverse, are refused."""

    @asset(outputs={"ba": "ba.json", "bb": "warehouse://host/bb"})
    def data() -> Rights:
        return {"bb": {"a": 1}}  # type: ignore[typeddict-item]

    assert "the annotation says Opaque, but its producer returned a dict for" in failure(lab.make(data)["data"])


def test_a_literal_is_told_as_it_is_written(lab: Lab) -> None:
    """And a value with its article."""

    @asset("word.json")
    def word() -> Literal["a", "b"]:
        return 3  # type: ignore[return-value]

    said = failure(lab.make(word)["word"])
    assert "the value is an int, not a str (annotation Literal['a', 'b'], suffix '.json'" in said


def test_what_nobody_annotated_is_not_told_as_an_annotation(lab: Lab) -> None:
    """But as a value, with the annotation that there is, if there is one."""

    @asset("text.txt", name="bare")
    def bare():
        return {"a": 1}

    @asset(outputs={"stream": "stream.json", "other": "other.json"})
    def several() -> Mapping[str, Any]:
        return {"stream": (one for one in ())}

    result = lab.make(bare, several)
    said = failure(result["bare"])
    assert "the value is a dict, taken as a JSON value (dict, list, int, …) (no annotation), but 'text.txt' is" in said
    said = failure(result["several"])
    assert "the value is a generator, taken as Iterator[polars.DataFrame] (annotation Mapping[str, Any]), but" in said


def test_what_is_inside_is_not_looked_at(lab: Lab) -> None:
    """`list[int]` is a list, whatever is in it: a type checker says more."""

    @asset("words.json")
    def words() -> list[int]:
        return ["a"]  # type: ignore[list-item]

    assert lab.make(words).ok


def test_lines_and_pickles_are_held_against_the_annotation_too(lab: Lab) -> None:
    """An `.ndjson` is a list; a pickle whatever was pickled."""

    @asset("lines.ndjson")
    def lines() -> dict[str, int]:
        return [1]  # type: ignore[return-value]

    @asset("thing.pkl")
    def thing() -> list[int]:
        return {1}  # type: ignore[return-value]

    result = lab.make(lines, thing, allow_pickle=True)
    assert "a list, not a dict (annotation dict[str, int], suffix '.ndjson', format ndjson)" in failure(result["lines"])
    assert "a set, not a list (annotation list[int], suffix '.pkl', format pickle)" in failure(result["thing"])
