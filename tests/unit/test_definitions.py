"""Definitions as a whole: what they bind, and every fault that they report together."""

from __future__ import annotations

import importlib
import sys
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypedDict

import polars as pl
import pytest

from penstock import Cron, Dataset, Definitions, Opaque, Output, all_of, any_of, asset, n_of, source
from penstock.assets.code.collect import ImportFault
from penstock.assets.declare.asset import AssetFunction
from penstock.assets.declare.binding import Binder
from penstock.assets.declare.faults import Fault, FaultyDefinitions
from penstock.storage.errors import DefinitionError
from penstock.storage.types import ValueKind


def kinds(*things: Any) -> list[str]:
    """The kinds of all faults."""
    return [fault.kind for fault in Definitions(*things).check()]


def only(*things: Any) -> Fault:
    """The one fault there is."""
    (fault,) = Definitions(*things).check()
    return fault


def made(name: str, uri: str = "", **keywords: Any) -> AssetFunction:
    """An asset without inputs."""

    def producer() -> dict[str, Any]:
        return {}

    return asset(uri or f"{name}.json", name=name, **keywords)(producer)


def reading(name: str, *inputs: str, uri: str = "", **keywords: Any) -> AssetFunction:
    """An asset whose parameters have these names."""
    namespace: dict[str, Any] = {}
    exec(f"def producer({', '.join(inputs)}): return {{}}", namespace)
    return asset(uri or f"{name}.json", name=name, **keywords)(namespace["producer"])


docs = Dataset("docs.parquet", columns={"id": "String", "size": "Int64"})


@asset("chunks.parquet", on=docs | Cron("0 3 * * *"), tags=["nightly"])
def chunks(docs: pl.LazyFrame, extra: pl.DataFrame | None, *, size: int = 800) -> pl.LazyFrame:
    """Passages."""
    return docs.head(size)


@asset("extra.parquet")
def extra() -> pl.DataFrame:
    """More."""
    return pl.DataFrame()


@asset(outputs={"train": "train.parquet", "validation": "validation.parquet"}, inputs={"frame": "chunks"})
def pairs(frame: pl.LazyFrame) -> dict[str, pl.LazyFrame]:
    """Two halves."""
    return {}


def test_what_is_declared_is_bound() -> None:
    """Parameters take the dataset of their name, conditions hold URIs, code is a reference and a digest."""
    catalogue = Definitions(chunks, extra, pairs).resolve()
    assert list(catalogue.assets) == ["chunks", "extra", "pairs"]
    assert list(catalogue.datasets) == [
        "chunks.parquet",
        "extra.parquet",
        "train.parquet",
        "validation.parquet",
        "docs.parquet",
    ]
    one = catalogue.assets["chunks"]
    assert [(i.parameter, i.uri, i.kind, i.optional) for i in one.inputs] == [
        ("docs", "docs.parquet", ValueKind.LAZY_FRAME, False),
        ("extra", "extra.parquet", ValueKind.FRAME, True),
    ]
    assert [(p.name, p.type, p.default) for p in one.parameters] == [("size", "int", 800)]
    assert one.producer == f"{__name__}:chunks"
    assert (one.returns.kind, len(one.code), one.location and one.location.file) == (ValueKind.LAZY_FRAME, 64, __file__)
    several = catalogue.assets["pairs"]
    assert (several.several, several.returns.kind, several.inputs[0].uri) == (
        True,
        ValueKind.LAZY_FRAME,
        "chunks.parquet",
    )


def test_modules_lists_and_other_definitions_are_taken_apart() -> None:
    """Every asset and dataset among a module's names, once, also those kept in lists and mappings."""
    module = types.ModuleType("definitions_sample")
    vars(module).update(
        one=made("one"),
        many=[made("two"), made("three")],
        named={"four": made("four")},
        inner=Definitions(made("five")),
        docs=docs,
        json=types,
    )
    module.again = module.one  # type: ignore[attr-defined]
    names = Definitions(module, Definitions(module), [made("six")]).functions
    assert list(names) == ["one", "two", "three", "four", "five", "six"]
    assert next(iter(names.values())) is module.one


def test_assets_made_in_loops_need_no_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that a module declares while it is loaded, also by a function of another; not those of the other, and not
    what a function declares when somebody calls it. A module that is loaded again has its assets once."""
    (tmp_path / "loops_factory.py").write_text(
        "from penstock import asset\n"
        "def make(name):\n    return asset(f'{name}.json', name=name)(lambda: 1)\n"
        "make('of_the_factory')\n"
    )
    (tmp_path / "loops.py").write_text(
        "from loops_factory import make\n"
        "for name in ('de', 'en', 'fr'):\n    make(name)\n"
        "kept = make('kept')\n"
        "def later():\n    return make('later')\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    found = Definitions.load("loops", folder=tmp_path)
    expected = ["kept", "de", "en", "fr"]
    assert list(found.functions) == expected
    assert found.check() == ()
    module = sys.modules["loops"]
    assert module.later().name == "later"
    assert list(Definitions(module).functions) == expected
    assert list(Definitions(importlib.reload(module)).functions) == expected
    assert Definitions(module).check() == ()
    for name in ("loops", "loops_factory"):
        del sys.modules[name]


def test_what_is_no_definition_is_refused() -> None:
    """With what it was."""
    with pytest.raises(DefinitionError, match="got a int"):
        Definitions(3)


def test_all_faults_are_told_at_once() -> None:
    """One error lists them all, numbered, each with file, line and the next step."""
    with pytest.raises(FaultyDefinitions) as caught:
        Definitions(reading("a", "nothing"), reading("b", "docs", on=all_of()), docs, made("c", tag="x")).resolve()
    assert [fault.kind for fault in caught.value.faults] == ["declaration", "unbound_parameter", "impossible_condition"]
    text = str(caught.value)
    assert text.startswith("the definitions have 3 faults:\n  1. ")
    assert text.count(f"{__file__}:") == 3
    assert "Did you mean tags=?" in text


def test_a_cycle_is_drawn_as_a_path() -> None:
    """Downstream, from the first name, through inputs and conditions; separate cycles are told separately."""
    a, b = reading("a", "c"), reading("b", "a")
    c = reading("c", on=b)
    x, y = reading("x", "y"), reading("y", "x")
    messages = [fault.message for fault in Definitions(b, c, a, x, y).check()]
    assert messages == ["a cycle: a → b → c → a", "a cycle: x → y → x"]
    assert only(reading("me", "me")).message == "a cycle: me → me: it reads what it writes"


def test_two_of_one_name_or_one_uri_are_told_with_both_places() -> None:
    """File and line of both."""
    first, second = made("a", "x.json"), made("b", "./x.json")
    fault = only(first, second)
    assert (fault.kind, str(first.location) in fault.message, fault.where) == ("two_writers", True, second.location)
    fault = only(made("a", "x.json"), made("a", "y.json"))
    assert (fault.kind, fault.message.count(__file__)) == ("same_name", 1)
    assert kinds(Dataset("a/docs.csv"), Dataset("b/docs.csv")) == ["same_name"]
    assert kinds(made("a", "other.json"), Dataset("a.csv")) == ["same_name"]
    assert kinds(made("a", "a.json"), Dataset("b.csv")) == []


def test_one_dataset_declared_twice_has_to_be_alike() -> None:
    """An equal declaration is the same dataset; what differs is named."""
    assert kinds(Dataset("docs.csv", watch="1m"), Dataset("./docs.csv", watch="60s")) == []
    fault = only(Dataset("docs.csv", watch="1m"), Dataset("docs.csv"))
    assert fault.kind == "differing_declarations"
    assert "different watch" in fault.message


@pytest.mark.parametrize(
    ("inner", "outer", "nested"),
    [
        ("m/r/card.json", "m/r/", True),
        ("m/r/deep/er/", "m/r/", True),
        ("m/r/", "m/r", True),
        ("m/r/x.json", "m/r", True),
        ("m/r2/x.json", "m/r/", False),
        ("s3://b/a/b", "s3://b/a", False),
        ("s3://b/a/b", "s3://b/a/", True),
    ],
)
def test_a_dataset_inside_anothers_folder_is_a_fault(inner: str, outer: str, nested: bool) -> None:
    """Whichever comes first, and whatever sorts between them."""
    things = [Dataset(inner, name="inner"), Dataset("m/r-2.csv", name="between"), Dataset(outer, name="outer")]
    for order in (things, things[::-1]):
        assert kinds(*order) == ["nested_dataset"] * nested


IMPOSSIBLE: dict[str, tuple[Callable[[], Any], str]] = {
    "more than there are": (lambda: n_of(3, docs, extra), "n_of(3, …) is given 2 of which to hold"),
    "none wanted": (lambda: n_of(0, docs, extra), "n_of(0, …)"),
    "nothing": (all_of, "all_of() has nothing in it"),
    "no alternative": (any_of, "any_of() has nothing in it"),
    "somewhere inside": (lambda: docs | (extra & n_of(2, docs)), "n_of(2, …) is given 1 of which to hold"),
}


@pytest.mark.parametrize(("condition", "why"), IMPOSSIBLE.values(), ids=IMPOSSIBLE)
def test_a_condition_that_can_never_hold_is_a_fault(condition: Callable[[], Any], why: str) -> None:
    """It says which part of it."""
    fault = only(made("a", on=condition()), extra)
    assert fault.kind == "impossible_condition"
    assert why in fault.message


@pytest.mark.parametrize("expression", ["0 0 30 2 *", "0 0 31 4,6 *"])
def test_a_cron_without_any_instant_is_refused(expression: str) -> None:
    """Together with the other faults, with the expression."""
    fault = only(made("a", on=Cron(expression)))
    assert fault.kind == "impossible_condition"
    assert expression in fault.message


def test_an_asset_that_waits_for_itself_is_a_fault() -> None:
    """Its own output in its condition."""
    fault = only(made("a", on=Dataset("a.json")))
    assert fault.kind == "impossible_condition"
    assert "which it writes itself" in fault.message


def test_parameters_and_inputs_that_nobody_knows() -> None:
    """With the nearest name that there is."""
    fault = only(reading("a", "doc"), docs)
    assert (fault.kind, "Did you mean 'docs'?" in fault.hint) == ("unbound_parameter", True)
    fault = only(reading("a", "x", inputs={"x": "dcos"}), docs)
    assert (fault.kind, "Did you mean 'docs'?" in fault.hint) == ("unknown_input", True)
    fault = only(reading("a", "docs", inputs={"dosc": docs}))
    assert (fault.kind, "Did you mean 'docs'?" in fault.hint) == ("unknown_parameter", True)
    fault = only(reading("a", "pairs"), pairs, chunks, extra)
    assert (fault.kind, "train, validation" in fault.hint) == ("unbound_parameter", True)
    assert kinds(reading("a", "x", inputs={"x": "./docs.parquet"}), docs) == []
    assert kinds(reading("a", "x", inputs={"x": pairs["train"]}), pairs, chunks, extra) == []


def test_an_annotation_that_its_format_cannot_give_names_all_three() -> None:
    """Annotation, URI and format, and the suffixes that would do."""

    def takes(docs: str) -> dict[str, Any]: ...
    def gives() -> pl.DataFrame: ...
    def opaque() -> Opaque: ...
    def halves() -> dict[str, bytes]: ...

    fault = only(asset("a.json", name="a")(takes), docs)
    assert fault.kind == "format_mismatch"
    for part in ("'docs' asks for str", "docs.parquet has format parquet", "polars.LazyFrame"):
        assert part in fault.message
    assert ".txt" in fault.hint
    assert kinds(asset("a.json", name="a")(gives)) == ["format_mismatch"]
    assert kinds(asset("a.xyz", name="a")(gives)) == ["format_mismatch"]
    assert kinds(asset("warehouse://db/table", name="a")(opaque)) == []
    assert kinds(asset(outputs={"x": "x.bin", "y": "y/"}, name="a")(halves)) == ["format_mismatch"]


def test_several_outputs_and_one_are_not_mixed_up() -> None:
    """What is declared and what is returned say the same."""

    def one() -> pl.DataFrame: ...
    def mapping() -> dict[str, pl.DataFrame]: ...
    def stream() -> Iterator[Output]: ...

    outputs = {"x": "x.parquet", "y": "y.parquet"}
    assert kinds(asset(outputs=outputs, name="a")(one)) == ["outputs_mismatch"]
    assert kinds(asset("a.parquet", name="a")(mapping)) == ["outputs_mismatch"]
    assert kinds(asset("a.parquet", name="a")(stream)) == ["outputs_mismatch"]
    assert kinds(asset(outputs=outputs, name="a")(mapping)) == kinds(asset(outputs=outputs, name="a")(stream)) == []


class Halves(TypedDict):
    """Two outputs and one too many."""

    x: pl.LazyFrame
    y: list[int]
    z: str


def test_each_output_has_the_form_that_a_typed_dict_says() -> None:
    """What its suffix cannot take, what may be None and what no output is are faults, each with its output."""

    def halves() -> Halves: ...
    def perhaps() -> dict[str, dict[str, int] | None]: ...

    found = Definitions(asset(outputs={"x": "x.parquet", "y": "y.parquet"}, name="a")(halves)).check()
    said = "\n".join(f"{fault.kind} {fault.message} {fault.hint}" for fault in found)
    assert "format_mismatch asset a: its producer returns a JSON value (dict, list, int, …), but y.parquet has" in said
    assert "has 'z', and it declares no such output It declares: x, y." in said
    assert len(found) == 2
    (fault,) = Definitions(asset(outputs={"x": "x.json", "y": "y.json"}, name="a")(perhaps)).check()
    assert "as dict[str, dict[str, int] | None], which may be None, and None publishes nothing" in fault.message
    assert kinds(asset("a.json", name="a")(perhaps)) == []


def test_columns_that_the_upstream_does_not_declare_are_a_fault() -> None:
    """Missing, or of another type; undeclared schemas contradict nothing."""
    wants = reading("a", "docs", expects={"docs": {"id": "String", "size": pl.String, "gone": "Date"}})
    messages = [fault.message for fault in Definitions(wants, docs).check()]
    assert len(messages) == 2
    assert "column 'size' of type String, but docs.parquet declares it Int64" in messages[0]
    assert "column 'gone'" in messages[1]
    assert "no such column" in messages[1]
    assert kinds(reading("a", "free", expects={"free": {"id": "String"}}), Dataset("free.csv")) == []


def test_what_the_decorator_and_the_signature_noticed_is_told_with_the_rest() -> None:
    """Unknown keywords, two ways to say where, names of lambdas, annotations that cannot be read."""

    def strange(docs: "Unknown.Frame", *, size: int) -> None: ...  # type: ignore[name-defined]  # noqa: UP037, F821

    found = Definitions(
        docs,
        asset("a.json", name="a")(strange),
        asset("b.json")(lambda: 1),
        asset(name="c")(lambda: 1),
        made("d", retry=3),
        made("e", previously="d"),
        source("f.json", probe=3, name="f")(lambda: 1),  # type: ignore[arg-type]
    ).check()
    told = [(fault.kind, fault.message.partition(":")[0]) for fault in found]
    assert told == [
        ("declaration", f"asset unnamed_{found[0].where and found[0].where.line}"),
        ("declaration", "asset c"),
        ("declaration", "asset d"),
        ("signature", "asset a"),
        ("signature", "asset a"),
        ("signature", "asset a"),
        ("previous_name_in_use", "asset e"),
        ("no_probe", "source f"),
    ]
    assert "Unknown.Frame" in found[3].message
    assert "Did you mean retries=?" in found[2].hint


def test_a_module_that_could_not_be_imported_is_told_and_hides_what_it_may_hold() -> None:
    """An input that nobody knows may be declared there; the other faults are told."""
    broken = ImportFault(
        definition="broken", message="broken cannot be imported: no", hint="Mend it.", file="b.py", line=3
    )
    found = Definitions(broken, reading("a", "unknown"), made("b", on=all_of())).check()
    assert [fault.kind for fault in found] == ["import", "impossible_condition"]
    assert str(found[0].where) == "b.py:3"


def test_gaps_of_fingerprints_can_be_asked_for() -> None:
    """Code without source is no fault, but its asset says so."""
    assert list(Definitions(reading("a"), made("b")).gaps) == ["a"]


def test_a_fault_is_a_sentence_with_its_place() -> None:
    """As it is printed."""
    fault = only(reading("a", "doc"), docs)
    place, _, rest = str(fault).partition(": ")
    assert Path(place.rpartition(":")[0]) == Path(__file__)
    assert rest.startswith("asset a: there is no dataset for parameter 'doc'\n    ")


def test_an_unknown_keyword_of_a_dataset_is_told_with_the_nearest() -> None:
    """As a sentence, at the line where it stands."""
    with pytest.raises(DefinitionError, match=r"watc= is not a keyword of Dataset") as caught:
        Dataset("in.csv", watc="1m")
    assert caught.value.hint == "Did you mean watch=?"


def test_what_names_data_is_gathered_once() -> None:
    """Each asset asks for it: to gather it for each would cost the square of their number."""
    binder = Binder([], [Dataset("a.csv"), Dataset("b.csv")])
    assert binder.names == {"a", "b"}
    assert binder.names is binder.names
