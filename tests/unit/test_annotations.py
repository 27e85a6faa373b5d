"""What signatures mean: forms of inputs and outputs, run parameters, the context, and every fault as a sentence."""

from __future__ import annotations

import collections.abc
import datetime
import importlib.util
import sys
import textwrap
import typing
from collections.abc import Callable, Iterator
from enum import Enum
from functools import partial, wraps
from pathlib import Path
from typing import Annotated, Any, Literal, NewType, NotRequired, Optional, TypedDict

import polars as pl
import pyarrow as pa
import pytest

import penstock
from penstock.assets.code.annotations import Signature, signature
from penstock.assets.code.outputs import OutputForm
from penstock.storage.types import ValueKind


class Row(TypedDict):
    """A JSON object."""

    a: int


class Mode(Enum):
    """Choices of a run parameter."""

    FAST = "fast"


Frames = Iterator[pl.DataFrame]
THING = object()
Text = NewType("Text", str)

INPUTS: list[tuple[object, ValueKind | None]] = [
    (pl.LazyFrame, ValueKind.LAZY_FRAME),
    ("pl.LazyFrame", ValueKind.LAZY_FRAME),
    (pl.DataFrame, ValueKind.FRAME),
    ("pl.DataFrame", ValueKind.FRAME),
    (pa.Table, ValueKind.TABLE),
    ("pa.Table", ValueKind.TABLE),
    (collections.abc.Iterator[pl.DataFrame], ValueKind.FRAMES),
    ("Frames", ValueKind.FRAMES),
    ("typing.Iterable['pl.DataFrame']", ValueKind.FRAMES),
    ("collections.abc.Generator[pl.DataFrame, None, None]", ValueKind.FRAMES),
    (bytes, ValueKind.BYTES),
    (str, ValueKind.TEXT),
    ("Text", ValueKind.TEXT),
    (Literal["a", "b"], ValueKind.TEXT),
    (dict[str, Any], ValueKind.JSON),
    ("list[dict[str, Any]]", ValueKind.JSON),
    ("list[Row]", ValueKind.JSON),
    (Row, ValueKind.JSON),
    (typing.List[int], ValueKind.JSON),  # noqa: UP006  the old spelling is read too
    ("typing.Mapping[str, int]", ValueKind.JSON),
    (int, ValueKind.JSON),
    (float, ValueKind.JSON),
    (bool, ValueKind.JSON),
    (str | dict[str, int], ValueKind.JSON),
    (Path, ValueKind.PATH),
    ("Path", ValueKind.PATH),
    (penstock.Version, ValueKind.VERSION),
    (dict[str, penstock.Version], ValueKind.VERSION),
    ("collections.abc.Mapping[str, penstock.Version]", ValueKind.VERSION),
    (Annotated[pl.LazyFrame, "checked"], ValueKind.LAZY_FRAME),
    ("Annotated[pl.LazyFrame, 'checked']", ValueKind.LAZY_FRAME),
    (Any, None),
    ("Any", None),
]


def taking(annotation: object) -> Callable[..., Any]:
    """A function with one parameter of this annotation."""

    def producer(docs: Any) -> Any: ...

    producer.__annotations__ = {"docs": annotation}
    return producer


@pytest.mark.parametrize(("annotation", "kind"), INPUTS, ids=lambda value: str(value)[:40])
@pytest.mark.parametrize("optional", [False, True])
def test_an_annotation_decides_the_form_of_an_input(annotation: Any, kind: ValueKind | None, optional: bool) -> None:
    """Objects and text, aliases, unions with None: one table of names says what is handed in."""
    if optional:
        annotation = f"{annotation} | None" if isinstance(annotation, str) else Optional[annotation]  # noqa: UP045
    found = signature(taking(annotation))
    assert found.faults == ()
    assert (found.inputs[0].kind, found.inputs[0].optional) == (kind, optional)


JSON_TYPES: list[tuple[object, str]] = [
    (dict[str, Any], "dict"),
    (Row, "dict"),
    ("typing.Mapping[str, int]", "dict"),
    ("list[Row]", "list"),
    (collections.abc.Sequence[int], "list"),
    (int, "int"),
    (float, "float"),
    (bool, "bool"),
    (str, "str"),
    ("Text", "str"),
    (Literal["a", "b"], "str"),
    (Literal["a", 1, True], "str int bool"),
    (Literal[Mode.FAST], ""),
    ("int | dict[str, int] | list", "dict list int"),
    (str | dict[str, int], "dict str"),
    (Any, ""),
    (object, ""),
    (pl.DataFrame, ""),
    (bytes, ""),
]


@pytest.mark.parametrize(("annotation", "types"), JSON_TYPES, ids=lambda value: str(value)[:40])
def test_an_annotation_names_the_outermost_types_of_a_json_value(annotation: Any, types: str) -> None:
    """Taken, optionally taken, given, and as each of several outputs; `Any`, and what is no JSON, name none."""
    maybe = f"{annotation} | None" if isinstance(annotation, str) else Optional[annotation]  # noqa: UP045
    for one in (annotation, maybe):
        assert " ".join(signature(taking(one)).inputs[0].json) == types
    assert " ".join(giving(annotation).returns.whole.json) == types
    mapping = f"dict[str, {annotation}]" if isinstance(annotation, str) else dict[str, annotation]  # type: ignore[valid-type]
    assert " ".join(giving(mapping).returns.item.json) == types


def test_a_parameter_without_annotation_has_no_form() -> None:
    """The default of the format decides."""

    def producer(docs):  # type: ignore[no-untyped-def]
        return docs

    found = signature(producer)
    assert (found.inputs[0].kind, found.returns.whole, found.faults) == (None, OutputForm(), ())


WRONG_INPUTS = {
    "pl.Series": "polars.series.series.Series",
    "nowhere.Frame": "known neither to the module nor to its imports",
    "collections.abc.AsyncIterator[pl.DataFrame]": "asynchronous",
    "collections.abc.Iterator[str]": "no frames",
    "collections.abc.Iterator": "does not say of what",
    "collections.abc.Iterator[penstock.Output]": "what a producer gives",
    "penstock.Opaque": "what a producer gives",
    "dict[str, pl.DataFrame]": "no JSON value",
    "pl.DataFrame | pl.LazyFrame": "several forms",
    "tuple[int, int]": "builtins.tuple",
    "set[int]": "builtins.set",
    "3 + 4": "is no type",
    "list[": "no Python expression",
    "datetime.date": "datetime.date",
}


@pytest.mark.parametrize(("annotation", "why"), WRONG_INPUTS.items())
def test_what_cannot_be_handed_in_is_a_sentence_with_the_next_step(annotation: str, why: str) -> None:
    """It names function, file and line, parameter and annotation."""
    fault = signature(taking(annotation)).faults[0]
    assert why in fault.message
    for part in ("producer", f"{__file__}:", "docs", annotation):
        assert part in fault.message
    assert fault.hint.endswith((".", ")"))


def giving(annotation: object) -> Signature:
    """The signature of a function that returns this annotation."""

    def producer() -> Any: ...

    producer.__annotations__ = {"return": annotation}
    return signature(producer)


def test_what_a_producer_gives() -> None:
    """One form, or several outputs as a mapping or a stream; a mapping may also be one JSON value."""
    assert giving(pl.LazyFrame).returns.whole.kind is ValueKind.LAZY_FRAME
    assert giving("collections.abc.Iterator[pl.DataFrame]").returns.whole.kind is ValueKind.FRAMES
    for piece in ("pa.Table", "pa.RecordBatch"):
        assert giving(f"collections.abc.Iterator[{piece}]").returns.whole.kind is ValueKind.FRAMES
        assert "no frames" in signature(taking(f"collections.abc.Iterator[{piece}]")).faults[0].message
    assert giving(penstock.Opaque).returns.whole.kind is ValueKind.OPAQUE
    assert giving("collections.abc.Iterator[penstock.Output]").returns.outputs == "stream"
    frames = giving("dict[str, pl.DataFrame]").returns
    assert (frames.whole.kind, frames.outputs, frames.item.kind) == (None, "mapping", ValueKind.FRAME)
    plain = giving(dict[str, int]).returns
    assert (plain.whole.kind, plain.outputs, plain.item.kind) == (ValueKind.JSON, "mapping", ValueKind.JSON)
    assert giving(list[int]).returns.outputs == ""


WRONG_OUTPUTS = {
    "None": "publishes nothing",
    "penstock.Version": "for inputs",
    "dict[str, int] | None": "may be None, and None publishes nothing",
    "Optional[pl.DataFrame]": "may be None, and None publishes nothing",
    "collections.abc.Iterator[penstock.Output] | None": "may be None, and None publishes nothing",
    "int | bytes": "names several forms",
}


@pytest.mark.parametrize(("annotation", "why"), WRONG_OUTPUTS.items())
def test_what_a_producer_cannot_give_is_a_fault(annotation: str, why: str) -> None:
    """Nothing, perhaps nothing, and the pinned version of an input; the annotation is quoted as it is written."""
    (fault,) = giving(annotation).faults
    assert f"gives {annotation}, which " in fault.message
    assert why in fault.message
    assert "`| None`" not in fault.hint


def test_an_object_is_quoted_as_it_is_written_or_nearly() -> None:
    """`Optional[dict]` is what Python makes of it; a class has the name by which messages know its form."""
    (fault,) = giving(Optional[dict]).faults  # noqa: UP045
    assert "gives Optional[dict], which may be None" in fault.message
    for one, said in ((pl.LazyFrame, "polars.LazyFrame"), (Path, "pathlib.Path"), (penstock.Opaque, "penstock.Opaque")):
        assert giving(one).returns.whole.annotation == said
    for inside, said in (
        (dict[str, pl.DataFrame], "dict[str, polars.DataFrame]"),
        (dict[str, penstock.Opaque], "dict[str, penstock.Opaque]"),
        (Any, "Any"),
    ):
        assert giving(inside).returns.whole.annotation == said


class Pieces(TypedDict):
    """Several outputs, each with an annotation of its own."""

    one: list[int]
    two: NotRequired[pl.DataFrame]
    three: Annotated[Any, "whatever"]
    four: Optional[dict[str, int]]  # noqa: UP045
    five: set[int]
    six: nowhere.Frame  # type: ignore[name-defined]  # noqa: F821


def test_a_typed_dict_says_the_form_of_each_output() -> None:
    """By name, as its own annotation; what cannot be given is told where it is several outputs, and quotes that."""
    for annotation in (Pieces, "Pieces"):
        found = giving(annotation)
        assert found.faults == ()
        fields = found.returns.fields
        assert fields is not None
        forms = {name: (one.kind, " ".join(one.json), one.annotation) for name, one in fields.items()}
        assert forms["one"] == (ValueKind.JSON, "list", "list[int]")
        assert forms["two"][:2] == (ValueKind.FRAME, "")
        assert forms["three"][:2] == (None, "")
        said = "\n".join(f"{fault.message} {fault.hint}" for fault in found.returns.unfit)
        assert "gives output 'four' as Optional[dict[str, int]], which may be None, and None publishes nothing" in said
        assert "left out of the mapping" in said
        assert "gives output 'five' as set[int], which is builtins.set" in said
        assert "gives output 'six' as nowhere.Frame, which cannot be read: the name nowhere.Frame is known" in said


def test_each_output_of_a_mapping_is_always_there() -> None:
    """`dict[str, int | None]` is a JSON value, and no several outputs."""
    found = giving("dict[str, int | None]")
    assert found.faults == ()
    assert found.returns.whole.kind is ValueKind.JSON
    assert "gives each output as dict[str, int | None], which may be None" in found.returns.unfit[0].message


def test_run_parameters_are_keyword_only_with_a_default() -> None:
    """Their types are objects that values can be turned into; without an annotation the default tells."""

    def producer(
        *,
        n: int = 3,
        rate: float = 1,
        text: str | None = None,
        mode: Mode = Mode.FAST,
        kind: Literal["a", 2] = 2,
        many: list[int] = [1],  # noqa: B006
        table: "dict[str, float]" = {},  # noqa: B006, UP037
        day: datetime.date = datetime.date(2026, 1, 1),
        wait: datetime.timedelta = datetime.timedelta(hours=1),
        plain=True,  # type: ignore[no-untyped-def]
        anything: Any = None,
    ) -> str: ...

    found = signature(producer)
    assert found.faults == ()
    types = {one.name: one.type for one in found.parameters}
    assert types == {
        "n": int,
        "rate": float,
        "text": Optional[str],  # noqa: UP045
        "mode": Mode,
        "kind": Literal["a", 2],
        "many": list[int],
        "table": dict[str, float],
        "day": datetime.date,
        "wait": datetime.timedelta,
        "plain": bool,
        "anything": Any,
    }
    defaults = {one.name: one.default for one in found.parameters}
    assert repr(defaults["rate"]) == "1.0"


def test_wrong_run_parameters_are_faults() -> None:
    """Without a default, of a strange type, or with a default of another type."""

    def producer(*, a: int, b: Path = Path(), c: int = "x", d: float = float("nan"), e: bool = 1, f=THING) -> str: ...  # type: ignore

    messages = [fault.message for fault in signature(producer).faults]
    assert len(messages) == 6
    assert "parameter a without a default" in messages[0]
    for name, message in zip("bcdef", messages[1:], strict=True):
        assert f"run parameter {name}" in message


def test_the_context_is_found_by_its_type_or_its_name() -> None:
    """Wherever it stands; a dataset may be called ctx if it is annotated as one."""

    def one(ctx, docs: bytes) -> str: ...  # type: ignore[no-untyped-def]
    def two(docs: bytes, *, about: "penstock.Context") -> str: ...  # noqa: UP037
    def three(ctx: bytes) -> str: ...

    assert (signature(one).context, signature(two).context, signature(three).context) == ("ctx", "about", None)
    assert [one.name for one in signature(three).inputs] == ["ctx"]


def test_parameters_that_nothing_binds_to_are_faults() -> None:
    """Positional-only, `*args`, `**kwargs`, `async def`."""

    def one(a: bytes, /) -> str: ...
    def two(*a: bytes, **b: bytes) -> str: ...
    async def three() -> str: ...

    assert [len(signature(f).faults) for f in (one, two, three)] == [1, 2, 1]


def test_wrappers_partials_and_objects_have_the_signature_of_what_they_wrap() -> None:
    """functools.wraps and partial, methods and callable objects."""

    def inner(docs: "pl.LazyFrame", other: bytes) -> str: ...  # noqa: UP037

    @wraps(inner)
    def outer(*args: Any, **kwargs: Any) -> Any:
        return inner(*args, **kwargs)

    class Scale:
        def __call__(self, docs: "pl.DataFrame") -> str: ...  # noqa: UP037

        def method(self, docs: "pl.DataFrame") -> str: ...  # noqa: UP037

    assert [one.kind for one in signature(outer).inputs] == [ValueKind.LAZY_FRAME, ValueKind.BYTES]
    assert [one.name for one in signature(partial(inner, other=b"")).inputs] == ["docs"]
    assert signature(Scale()).inputs[0].kind is signature(Scale().method).inputs[0].kind is ValueKind.FRAME


CHECKING = """
from __future__ import annotations
from typing import TYPE_CHECKING
if TYPE_CHECKING:
    import pyarrow as arrow
    from collections.abc import Iterator
    from polars import LazyFrame as LF
    import polars.dataframe.frame
    from penstock import Context, Output
    from .rows import Row
    Many = Iterator["polars.dataframe.frame.DataFrame"]
    Loop = Loop2
    Loop2 = Loop

def f(a: LF, b: arrow.Table | None, many: Many, *, about: Context) -> Iterator[Output]: ...
def g(a: Row) -> LF: ...
def h(a: Loop) -> LF: ...
"""


def test_names_imported_for_type_checkers_alone_are_read(tmp_path: Path) -> None:
    """Nothing is imported for an annotation: the import statements of the file say what a name means."""
    path = tmp_path / "checking_sample.py"
    path.write_text(textwrap.dedent(CHECKING))
    spec = importlib.util.spec_from_file_location("checking_sample", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    loaded = set(sys.modules)
    found = signature(module.f)
    assert [(one.kind, one.optional) for one in found.inputs] == [
        (ValueKind.LAZY_FRAME, False),
        (ValueKind.TABLE, True),
        (ValueKind.FRAMES, False),
    ]
    assert (found.context, found.returns.outputs, found.faults) == ("about", "stream", ())
    assert set(sys.modules) == loaded
    assert "Row" in signature(module.g).faults[0].message
    assert "alias of itself" in signature(module.h).faults[0].message
