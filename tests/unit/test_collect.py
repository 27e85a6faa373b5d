"""Importing definitions: by name, by file, and every failure as a sentence with file and line."""

from __future__ import annotations

import pickle
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from penstock.assets.code.annotations import signature
from penstock.assets.code.collect import ImportFault, collect
from penstock.assets.code.references import reference, resolve
from penstock.storage.types import ValueKind


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Path]:
    """An empty project folder; what was imported from it is forgotten afterwards."""
    before, path = set(sys.modules), list(sys.path)
    yield tmp_path
    sys.path[:] = path
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", None) or "").startswith(str(tmp_path)):
            del sys.modules[name]


def write(project: Path, **files: str) -> None:
    """Write modules; `a__b` is `a/b.py`."""
    for name, text in files.items():
        path = project.joinpath(*name.split("__")).with_suffix(".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def modules(found: list[ModuleType | ImportFault]) -> list[ModuleType]:
    """The modules, and none else."""
    assert not [one for one in found if isinstance(one, ImportFault)]
    return [one for one in found if isinstance(one, ModuleType)]


def test_modules_and_files_are_imported_in_order(project: Path) -> None:
    """A file in the project is the module that its folders make of it, so it can be imported and pickled by others."""
    write(
        project,
        collect_one="X = 1",
        collect_flows__daily="from collect_one import X\nclass Row: pass\ndef f(): return X",
    )
    one, daily = modules(collect(["collect_one", "collect_flows/daily.py"], project))
    assert (one.__name__, daily.__name__) == ("collect_one", "collect_flows.daily")
    assert modules(collect(["collect_flows/daily.py"], project)) == [daily]
    assert resolve(str(reference(daily.f))) is daily.f
    assert isinstance(pickle.loads(pickle.dumps(daily.Row())), daily.Row)


def test_a_file_whose_name_no_module_can_have_gets_a_stable_one(project: Path) -> None:
    """Its name is made from its path in the project: the same in every process, and known to pickle."""
    source = "from __future__ import annotations\nimport typing\nif typing.TYPE_CHECKING:\n    import polars as pl\n"
    (project / "1-first flow.py").write_text(source + "class Row: pass\ndef f(x: pl.LazyFrame): ...")
    (module,) = modules(collect(["1-first flow.py"], project))
    assert module.__name__ == "_penstock_file_1_first_flow_" + module.__name__[-8:]
    assert isinstance(pickle.loads(pickle.dumps(module.Row())), module.Row)
    assert signature(module.f).inputs[0].kind is ValueKind.LAZY_FRAME
    assert modules(collect(["./1-first flow.py"], project)) == [module]


def test_a_file_named_like_a_library_is_itself(project: Path) -> None:
    """`json.py` of the project does not become the standard library's json, nor the other way round."""
    write(project, json="MINE = 1")
    (module,) = modules(collect(["json.py"], project))
    assert module.MINE == 1
    assert sys.modules["json"] is not module


BROKEN = {
    "raises": ("\nX = 1\nraise ValueError('no')", "ValueError: no", 3),
    "helper": ("import collect_broken_helper", "ZeroDivisionError", 2),
    "missing": ("X = 1\nimport no_such_library_here", "no module named 'no_such_library_here'", 2),
    "syntax": ("X = 1\ndef f(:\n", "SyntaxError", 2),
    "exits": ("import sys\nsys.exit(1)", "ends the program", 2),
    "library": ("import json\n\njson.loads('{')", "JSONDecodeError", 3),
    "fault": (
        "from penstock.assets.declare.dataset import Dataset\nDataset('s3://user:hunter2@b/x')",
        "carries credentials",
        2,
    ),
}


def test_every_broken_module_is_a_sentence_with_file_and_line(project: Path) -> None:
    """None hides the others, and the line is of the user's code, not of the library that raised."""
    write(project, collect_broken_helper="X = 1\nY = 1 / 0\n", collect_fine="X = 1")
    write(project, **{f"collect_{name}": text for name, (text, _, _) in BROKEN.items()})
    found = collect([*(f"collect_{name}" for name in BROKEN), "collect_fine"], project)
    assert isinstance(found[-1], ModuleType)
    for (name, (_, message, line)), fault in zip(BROKEN.items(), found, strict=False):
        assert isinstance(fault, ImportFault)
        assert message in fault.message, name
        assert fault.line == line, name
        assert Path(fault.file).parent == project, name
        assert fault.hint
        assert fault.error is not None
    assert "hunter2" not in repr(found)


@pytest.mark.parametrize(
    "raised", ["asyncio.CancelledError()", "GeneratorExit", "BaseExceptionGroup('a', [KeyError(1)])"]
)
@pytest.mark.parametrize("way", ["collect_{0}.py", "collect_{0}"])
def test_what_is_no_exception_is_a_fault_like_others(project: Path, raised: str, way: str) -> None:
    """Whatever a module raises; what says nothing is told by its type, without a colon."""
    name = "stops_" + "".join(letter for letter in raised if letter.isalpha())
    write(project, **{f"collect_{name}": f"import asyncio\nraise {raised}", "collect_good": "X = 1"})
    fault, good = collect([way.format(name), "collect_good"], project)
    assert isinstance(good, ModuleType)
    assert isinstance(fault, ImportFault)
    assert fault.line == 2
    assert fault.message.endswith(("imported: CancelledError", "imported: GeneratorExit", "sub-exception)"))


def test_ctrl_c_while_a_module_is_imported_stops_everything(project: Path) -> None:
    """It is no fault of the module."""
    write(project, collect_interrupted="raise KeyboardInterrupt")
    for way in ("collect_interrupted.py", "collect_interrupted"):
        with pytest.raises(KeyboardInterrupt):
            collect([way], project)


def test_one_broken_helper_is_told_once(project: Path) -> None:
    """Two modules that import it fail for one reason; it stands there twice only if it is said differently."""
    write(project, collect_bad="1 / 0", collect_a="import collect_bad", collect_b="import collect_bad")
    found = collect(["collect_bad", "collect_bad.py"], project)
    assert len(found) in {1, 2}
    assert all(isinstance(one, ImportFault) for one in found)


@pytest.mark.parametrize(
    ("definition", "message", "hint"),
    [
        ("collect_pipelin", "no module 'collect_pipelin'", "Did you mean 'collect_pipeline'?"),
        ("collect_pipelin.py", "is no file", "Did you mean 'collect_pipeline.py'?"),
        ("my project", "neither a module nor a Python file", "pipeline.py"),
        ("collect_pipeline.inner", "no module 'collect_pipeline.inner'", "Did you mean"),
    ],
)
def test_a_definition_that_is_not_there_says_what_is(project: Path, definition: str, message: str, hint: str) -> None:
    """With the nearest name that there is."""
    write(project, collect_pipeline="X = 1")
    (fault,) = collect([definition], project)
    assert isinstance(fault, ImportFault)
    assert message in fault.message
    assert hint in fault.hint
