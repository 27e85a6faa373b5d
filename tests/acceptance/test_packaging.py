"""What is shipped: wheel, sdist and editable install, each tried in an environment of its own, none from the checkout.

One environment is really empty, so that the declared dependencies are all there is. The others borrow the libraries
of the running one: what they prove is that our own files arrive.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path

import pytest

import penstock

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("assets", "lineage", "storage", "testing", "ui")
SHIPPED = {".json", ".md", ".py", ".toml", ".txt"}  # of the examples; of the rooms everything in the repository
LEFT_BEHIND = ("data/made.json", ".penstock/objects/ab/made.json")  # by running an example
NOT_COPIED = (".*", "__pycache__", "*.egg-info", "build", "dist", "data")

PROGRAM = """
from datetime import timedelta
from penstock import Cron, Dataset, asset

docs = Dataset("docs.json", watch="1m")

@asset("count.json", on=docs | Cron("0 3 * * *", tz="Europe/Berlin"))
def count(docs: list[str], *, least: int = 1) -> int:
    return max(len(docs), least)

assert count(["a", "b"]) == 2
assert docs.watch == timedelta(minutes=1)
"""


def run(*command: str | Path, cwd: Path) -> str:
    """What a command prints; its failure shows everything it said."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "PENSTOCK_"))}
    done = subprocess.run(
        [str(part) for part in command], check=False, cwd=cwd, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, f"{' '.join(map(str, command))}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def environment(folder: Path, *, borrowing: bool) -> Path:
    """The interpreter of a new virtual environment, empty or with the libraries of the running one behind its own."""
    run(sys.executable, "-m", "venv", folder, cwd=folder.parent)
    if borrowing:
        (site,) = folder.glob("lib/python*/site-packages")
        (site / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return folder / "bin" / "python"


def install(python: Path, *what: str | Path) -> None:
    """Install into an environment, quietly."""
    run(python, "-m", "pip", "install", "-qq", "--disable-pip-version-check", *what, cwd=python.parent)


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the checkout, so that building leaves nothing in it; its example has been run."""
    copy = tmp_path_factory.mktemp("copy") / "checkout"
    shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(*NOT_COPIED))
    shutil.copytree(ROOT / ".ci", copy / ".ci")
    for name in LEFT_BEHIND:
        made = copy / "examples" / "rag_docs" / name
        made.parent.mkdir(parents=True, exist_ok=True)
        made.write_text("{}")
    return copy


@pytest.fixture(scope="module")
def built(tree: Path) -> tuple[Path, Path]:
    """The wheel and the sdist; the wheel is built out of the sdist, as an index would."""
    run(sys.executable, "-m", "build", "--outdir", tree.parent / "dist", tree, cwd=tree.parent)
    (wheel,) = (tree.parent / "dist").glob("*.whl")
    (sdist,) = (tree.parent / "dist").glob("*.tar.gz")
    return wheel, sdist


def test_the_wheel_holds_the_packages_and_nothing_else(tree: Path, built: tuple[Path, Path]) -> None:
    """The face, the four rooms, the examples and `py.typed`; no test, no configuration of ours."""
    rooms = {path for room in ROOMS for path in (tree / room).rglob("*") if path.is_file()}
    examples = {path for path in (tree / "examples").rglob("*") if path.suffix in SHIPPED and path.name != "made.json"}
    expected = {str("penstock" / path.relative_to(tree)) for path in rooms | examples}
    with zipfile.ZipFile(built[0]) as wheel:
        names = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert names == expected | {"penstock/__init__.py", "penstock/py.typed"}


def test_the_wheel_carries_its_licence_and_its_command(built: tuple[Path, Path]) -> None:
    """The metadata says what may be done with it, and installs `penstock`."""
    with zipfile.ZipFile(built[0]) as wheel:
        meta = {name.partition(".dist-info/")[2]: name for name in wheel.namelist() if ".dist-info/" in name}
        metadata = wheel.read(meta["METADATA"]).decode()
        assert wheel.read(meta["licenses/LICENSE"]).decode() == (ROOT / "LICENSE").read_text()
        assert "penstock = penstock.ui.cli" in wheel.read(meta["entry_points.txt"]).decode()
    assert "License-Expression: Apache-2.0" in metadata
    assert f"Version: {penstock.__version__}" in metadata


def test_the_sdist_holds_what_the_checkout_holds(tree: Path, built: tuple[Path, Path]) -> None:
    """Tests, documents, benchmarks and the Makefile travel with the source: whoever has it can check it."""
    with tarfile.open(built[1]) as sdist:
        names = {name.partition("/")[2] for name in sdist.getnames()}
    folders = (*ROOMS, "benchmarks", "docs", "tests", ".ci")
    inside = {path for folder in folders for path in (tree / folder).rglob("*")}
    files = {path for path in {*inside, *tree.glob("*")} if path.is_file()}
    assert {str(path.relative_to(tree)) for path in files} <= names
    assert not any(name.endswith(LEFT_BEHIND) for name in names)


def test_the_wheel_works_in_an_empty_environment(built: tuple[Path, Path], tmp_path: Path) -> None:
    """Its declared dependencies are all it needs: the command answers, a program runs and type-checks."""
    python = environment(tmp_path / "empty", borrowing=False)
    install(python, "-c", ROOT / "constraints.txt", built[0])
    assert penstock.__version__ in run(python.parent / "penstock", "--version", cwd=tmp_path)
    assert "materialize" in run(python.parent / "penstock", "--help", cwd=tmp_path)
    (tmp_path / "program.py").write_text(
        PROGRAM + "".join(f"import penstock\npenstock.{n}\n" for n in penstock.__all__)
    )
    run(python, "-W", "error", "program.py", cwd=tmp_path)
    run(python, "-m", "pip", "check", cwd=tmp_path)
    (tmp_path / "program.py").write_text(PROGRAM)
    (tmp_path / "pyrightconfig.json").write_text('{"typeCheckingMode": "standard"}')
    run(sys.executable, "-m", "basedpyright", "--pythonpath", python, "program.py", cwd=tmp_path)


def test_the_sdist_installs(built: tuple[Path, Path], tmp_path: Path) -> None:
    """An installation from source gives the same package."""
    python = environment(tmp_path / "source", borrowing=True)
    install(python, "--no-deps", built[1])
    where = run(python, "-c", "import penstock.storage.types as t; print(t.__file__)", cwd=tmp_path)
    assert Path(where.strip()).is_relative_to(tmp_path / "source")
    assert penstock.__version__ in run(python.parent / "penstock", "--version", cwd=tmp_path)


def test_an_editable_install_follows_the_checkout(tree: Path, tmp_path: Path) -> None:
    """Edits and new files count at once, from any folder; the checkout may be called as one likes."""
    python = environment(tmp_path / "editable", borrowing=True)
    install(python, "--no-deps", "-e", tree)
    where = run(python, "-c", "import penstock.storage.types as t; print(t.__file__)", cwd=tmp_path)
    assert Path(where.strip()) == tree / "storage" / "types.py"
    (tree / "storage" / "later.py").write_text("answer = 42\n")
    try:
        assert run(python, "-c", "from penstock.storage import later; print(later.answer)", cwd=tree) == "42\n"
    finally:
        (tree / "storage" / "later.py").unlink()
    assert penstock.__version__ in run(python.parent / "penstock", "--version", cwd=tmp_path)
