"""The registry: what a suffix means, without loading anything."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from penstock.storage.errors import DefinitionError
from penstock.storage.files.formats.registry import (
    ANY_FILE,
    BUILT_IN,
    RAW,
    FormatInfo,
    format_for,
    known_suffixes,
    load,
)
from penstock.storage.types import ValueKind

PLUG_IN = """
from penstock.storage.files.formats.registry import ANY_FILE, FormatInfo
INFO = FormatInfo(name="upper", suffixes={suffixes}, reads=ANY_FILE, writes=ANY_FILE, target="plug:Upper")
WRONG = 3
class Upper: pass
"""


def installed(folder: Path, entry: str, suffixes: str = '(".upper",)') -> dict[str, str]:
    """The environment of a process in which a package with this entry point is installed."""
    (folder / "plug.py").write_text(PLUG_IN.format(suffixes=suffixes))
    info = folder / "plug-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: plug\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[penstock.formats]\nupper = {entry}\n")
    return {"PYTHONPATH": str(folder)}


def ask(code: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a line of code after importing the registry, in a process of its own."""
    program = f"from penstock.storage.files.formats.registry import *\n{code}"
    return subprocess.run([sys.executable, "-c", program], env=env, capture_output=True, text=True, check=False)


def test_asking_loads_no_library() -> None:
    """Declarations are checked against the registry without polars, pyarrow or fsspec."""
    code = "import sys; format_for('.csv'); format_for('.xyz'); print({'polars', 'pyarrow', 'fsspec'} & {*sys.modules})"
    assert ask(code, {}).stdout.strip() == "set()"


def test_an_unknown_suffix_is_bytes_or_a_path() -> None:
    """A file that no format knows can be taken whole or by its path, and in no other form."""
    assert format_for(".xyz") is None
    assert format_for("") is None
    assert RAW.reads == RAW.writes == ANY_FILE == {ValueKind.BYTES, ValueKind.PATH}


def test_every_file_format_gives_bytes_and_a_path() -> None:
    """Whatever else a format can do, its files are files; a directory is a path alone; no format is without files."""
    for info in BUILT_IN:
        assert info.reads == info.writes
        assert not info.reads & {ValueKind.VERSION, ValueKind.OPAQUE}
        assert info.reads >= ANY_FILE or info.suffixes == ("/",)


def test_every_format_loads_once() -> None:
    """What the registry names exists; two askers get the same instance."""
    assert all(load(info) is load(info) for info in BUILT_IN)
    assert {suffix for info in BUILT_IN for suffix in info.suffixes} <= set(known_suffixes())


def test_only_pickle_asks_for_permission() -> None:
    """Opt-in is for formats that run code when they are read."""
    assert [info.name for info in BUILT_IN if info.opt_in] == ["pickle"]


def test_a_plug_in_adds_a_suffix(tmp_path: Path) -> None:
    """An installed package with an entry point in `penstock.formats` adds a format."""
    env = installed(tmp_path, "plug:INFO")
    assert ask("i = format_for('.upper'); print(i.name, type(load(i)).__name__)", env).stdout.split() == [
        "upper",
        "Upper",
    ]


@pytest.mark.parametrize(
    ("entry", "suffixes", "complaint"),
    [
        ("plug:MISSING", '(".upper",)', "cannot be loaded"),
        ("plug:WRONG", '(".upper",)', "names a int, not a FormatInfo"),
        ("plug:INFO", '(".json",)', "claims '.json', which 'json' has already"),
    ],
)
def test_a_broken_plug_in_is_named(tmp_path: Path, entry: str, suffixes: str, complaint: str) -> None:
    """A plug-in that cannot be used is a fault that names it and what to do, not a silence."""
    done = ask("format_for('.upper')", installed(tmp_path, entry, suffixes))
    assert "DefinitionError: the format plug-in 'upper'" in done.stderr
    assert complaint in done.stderr


def test_a_format_that_is_not_there_is_named() -> None:
    """A target that names nothing is a fault with the name of the format."""
    ghost = FormatInfo(name="ghost", suffixes=(".g",), reads=ANY_FILE, writes=ANY_FILE, target="nowhere:Ghost")
    with pytest.raises(DefinitionError, match="'ghost' cannot be loaded from 'nowhere:Ghost'"):
        load(ghost)
