"""What the code fingerprint covers and what it ignores, one case each."""

from __future__ import annotations

import functools
import importlib
import linecache
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from penstock.assets.code.fingerprint import Fingerprint, fingerprint, fingerprints
from penstock.storage.manifest import digest_of

Write = Callable[..., ModuleType]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Write]:
    """`project(name=source, …)` writes modules of a fresh package and imports the first."""
    count = iter(range(100))
    made: list[str] = []

    def write(**sources: str) -> ModuleType:
        folder = tmp_path / f"v{next(count)}"
        for name, source in sources.items():
            path = folder.joinpath("sample_pkg", *name.split("__")).with_suffix(".py")
            path.parent.mkdir(parents=True, exist_ok=True)
            (path.parent / "__init__.py").touch()
            path.write_text(textwrap.dedent(source), encoding="utf-8")
        for name in [name for name in sys.modules if name.partition(".")[0] == "sample_pkg"]:
            del sys.modules[name]
        monkeypatch.syspath_prepend(str(folder))
        made.append("sample_pkg")
        return importlib.import_module(f"sample_pkg.{next(iter(sources))}")

    yield write
    for name in [name for name in sys.modules if name.partition(".")[0] in made]:
        del sys.modules[name]


def names(found: Fingerprint) -> list[str]:
    """The parts' names without the package."""
    return [name.removeprefix("sample_pkg.") for name, _ in found.parts]


PLAIN = """
    from . import helpers
    from .helpers import SIZE, cut
    import polars as pl

    LIMIT = {"rows": 3, "kinds": ["a", "b"]}

    def chunks(docs: pl.LazyFrame, *, size: int = 800) -> pl.LazyFrame:
        return helpers.clean(cut(docs, size), LIMIT)
"""
HELPERS = """
    SIZE = 4
    OTHER = 5

    def cut(frame, size):
        return frame.head(size * SIZE)

    def clean(frame, limit):
        return frame

    def unused():
        return OTHER
"""


def test_it_follows_own_functions_and_the_constants_they_read(project: Write) -> None:
    """Parts are the producer, what it calls through names and modules, and the constants; nothing else."""
    found = fingerprint(project(assets=PLAIN, helpers=HELPERS).chunks)
    assert names(found) == ["assets.chunks", "assets.LIMIT", "helpers.cut", "helpers.clean", "helpers.SIZE"]
    assert found.complete


REWRITES = {
    "comments": ("    def chunks", "    # why\n    def chunks"),
    "docstring": ("        return helpers", '        """What."""\n        return helpers'),
    "blank lines": ("        return helpers", "\n\n        return helpers"),
    "line breaks": ("cut(docs, size)", "cut(\n            docs,\n            size,\n        )"),
    "quotes": ('"rows"', "'rows'"),
    "own name": ("def chunks", "def passages"),
    "an unread name": ("LIMIT =", "UNREAD = 1\n    LIMIT ="),
    "order of definitions": ("    import polars as pl", "    import polars as pl\n    def later(): return 1"),
}


@pytest.mark.parametrize(("old", "new"), REWRITES.values(), ids=REWRITES)
def test_how_it_is_written_does_not_count(project: Write, old: str, new: str) -> None:
    """Formatting, comments, docstrings, the producer's own name and what it does not read change nothing."""
    before = fingerprint(project(assets=PLAIN, helpers=HELPERS).chunks)
    module = project(assets=PLAIN.replace(old, new), helpers=HELPERS)
    after = fingerprint(getattr(module, "chunks", None) or module.passages)
    assert after.digest == before.digest


CHANGES = {
    "body": ("assets", "return helpers", "return None, helpers", "assets.chunks"),
    "default": ("assets", "800", "801", "assets.chunks"),
    "annotation": ("assets", "docs: pl.LazyFrame", "docs: pl.DataFrame", "assets.chunks"),
    "constant": ("assets", '"b"', '"c"', "assets.LIMIT"),
    "helper": ("helpers", "return frame\n", "return frame.lazy()\n", "helpers.clean"),
    "helper's constant": ("helpers", "SIZE = 4", "SIZE = 4.0", "helpers.SIZE"),
}


@pytest.mark.parametrize(("file", "old", "new", "part"), CHANGES.values(), ids=CHANGES)
def test_what_it_says_counts_and_the_part_says_where(project: Write, file: str, old: str, new: str, part: str) -> None:
    """A change of body, default, annotation, constant or helper changes the digest, and of the parts that one alone."""
    before = fingerprint(project(assets=PLAIN, helpers=HELPERS).chunks)
    sources = {"assets": PLAIN, "helpers": HELPERS}
    assert old in sources[file]
    sources[file] = sources[file].replace(old, new)
    after = fingerprint(project(**sources).chunks)
    assert after.digest != before.digest
    assert [new[0] for old, new in zip(before.parts, after.parts, strict=True) if old != new] == [f"sample_pkg.{part}"]


def test_a_helper_may_move_to_another_module(project: Write) -> None:
    """Where own code lies is no part of what it says."""
    before = fingerprint(project(assets="from .a import cut\ndef f(x): return cut(x)", a="def cut(x): return x").f)
    after = fingerprint(project(assets="from .b import cut\ndef f(x): return cut(x)", b="def cut(x): return x").f)
    assert after.digest == before.digest


def test_keywords_of_the_decorator_are_no_code(project: Write) -> None:
    """`on=`, `tags=` and the like are the definition; the function below them is the code."""
    source = "from penstock.assets.declare.asset import asset\n@asset('x.json', tags=['{}'])\ndef f(): return 1"
    one = project(assets=source.format("a")).f
    other = project(assets=source.format("b")).f
    bare = project(assets="def f(): return 1").f
    assert fingerprint(one).digest == fingerprint(other.function).digest == fingerprint(bare).digest


def test_functions_made_in_a_loop_differ_by_what_they_close_over(project: Write) -> None:
    """One code object, many closures and defaults; a longer loop changes none of the earlier ones."""
    source = """
    def make(n):
        def f(x, *, m=n): return x * n
        return f
    def shared(n): return lambda x: x + n
    made = [make(n) for n in range({0})]
    for i in range({0}):
        def g(x, *, i=i): return x * i
        made.append(g)
    """
    short = project(assets=source.format(2)).made
    long = project(assets=source.format(3)).made
    digests = [found.digest for found in fingerprints(short)]
    assert len(set(digests)) == 4
    longer = [found.digest for found in fingerprints(long)]
    assert [*longer[:2], *longer[3:5]] == digests


def test_recursion_and_cycles_end(project: Write) -> None:
    """A function that reaches itself, alone or through others, is an edge back."""
    source = """
    def even(n): return n == 0 or odd(n - {})
    def odd(n): return n != 0 and even(n - 1)
    class Node:
        def grow(self): return Node(), even(2)
    def f(): return Node().grow(), f
    """
    one, other = project(assets=source.format(1)).f, project(assets=source.format(2)).f
    assert fingerprint(one).digest != fingerprint(other).digest
    assert names(fingerprint(one)) == ["assets.f", "assets.Node", "assets.even", "assets.odd"]


def test_classes_methods_dataclasses_and_enums_count(project: Write) -> None:
    """A class counts by its source, an instance by its class and its fields, a method by both."""
    source = """
    from dataclasses import dataclass, field
    from enum import Enum
    class Mode(Enum):
        FAST = 1
    class Base:
        def run(self): return {base}
    @dataclass(frozen=True)
    class Config(Base):
        size: int = 3
        mode: Mode = Mode.FAST
        seen: list = field(default_factory=list, compare=False)
        def run(self): return super().run()
    CONFIG = Config(size={size})
    def f(): return CONFIG.run()
    method = CONFIG.run
    """
    base = project(assets=source.format(base=1, size=3))
    assert names(fingerprint(base.f)) == ["assets.f", "assets.CONFIG", "assets.Config", "assets.Mode", "assets.Base"]
    for change in ({"base": 2, "size": 3}, {"base": 1, "size": 4}):
        other = project(assets=source.format(**change))
        assert fingerprint(other.f).digest != fingerprint(base.f).digest
        assert fingerprint(other.method).digest != fingerprint(base.method).digest


def test_wrappers_count_with_what_they_wrap(project: Write) -> None:
    """functools.wraps, partial, lru_cache and wrappers of libraries lead to the function below."""
    source = """
    import contextlib, functools
    def twice(f):
        @functools.wraps(f)
        def inner(*a): return f(*a) * {}
        return inner
    @twice
    def f(x): return x
    @functools.lru_cache(maxsize=3)
    def g(x): return f(x)
    @contextlib.contextmanager
    def h(): yield g(1)
    def main():
        with h() as value: return value
    part = functools.partial(f, 3)
    """
    one, other = project(assets=source.format(2)), project(assets=source.format(3))
    for name in ("f", "g", "h", "main", "part"):
        assert fingerprint(getattr(one, name)).digest != fingerprint(getattr(other, name)).digest, name
        assert fingerprint(getattr(one, name)).complete


def test_callable_objects_count_by_class_and_state(project: Write) -> None:
    """A producer may be an object with `__call__`."""
    source = "class Scale:\n    def __init__(self, by): self.by = by\n    def __call__(self, x): return x * self.by"
    module = project(assets=source)
    assert fingerprint(module.Scale(2)).digest == fingerprint(module.Scale(2)).digest
    assert fingerprint(module.Scale(2)).digest != fingerprint(module.Scale(3)).digest
    assert fingerprint(module.Scale(2)).parts[0][0] == "sample_pkg.assets.Scale"


def test_own_modules_imported_inside_a_function_are_followed(project: Write) -> None:
    """A late import hides nothing; one of a library counts by its name."""
    source = """
    def f(x):
        from .late import cut as c
        from . import late
        import json
        return c(x), late.N, json
    """
    lates = ["N = 1\ndef cut(x): return 1", "N = 1\ndef cut(x): return 2", "N = 2\ndef cut(x): return 1"]
    assert len({fingerprint(project(assets=source, late=late).f).digest for late in lates}) == 3


def test_libraries_count_by_name(project: Write) -> None:
    """Another function of a library is another code; its source is not read."""
    source = (
        "import json\nfrom polars import col\nfrom math import {0} as op\ndef f(x): return json.dumps(op(x)), col(x)"
    )
    floor, ceil = project(assets=source.format("floor")).f, project(assets=source.format("ceil")).f
    assert fingerprint(floor).digest != fingerprint(ceil).digest
    assert fingerprint(floor).complete
    assert names(fingerprint(floor)) == ["assets.f"]


def test_paths_under_the_project_count_relative_to_it(project: Write) -> None:
    """A checkout elsewhere is the same code; another file below it is not."""
    source = """
    from pathlib import Path
    HERE = Path(__file__).parent / "{}"
    TEXT = str(HERE)
    def f(): return HERE, TEXT, __file__
    """
    one, other, same = (project(assets=source.format(name)).f for name in ("a", "b", "a"))
    assert one.__code__.co_filename != same.__code__.co_filename
    assert fingerprint(one).digest == fingerprint(same).digest != fingerprint(other).digest


def test_without_source_the_bytecode_stands_in_and_is_flagged() -> None:
    """Code from `exec` has a fingerprint that still follows its constants, and says that it is not complete."""

    def made(constant: int) -> Any:
        namespace: dict[str, Any] = {"__name__": "nowhere", "SIZE": constant}
        exec("def f(x): return [y * SIZE for y in x]", namespace)
        return namespace["f"]

    assert fingerprint(made(1)).digest == fingerprint(made(1)).digest != fingerprint(made(2)).digest
    assert "no source" in fingerprint(made(1)).missing[0]


def test_code_that_linecache_knows_has_a_source() -> None:
    """Notebook cells and generated code are read like files."""
    source = "def f(x):\n    return x + 1\n"
    linecache.cache["<cell 1>"] = (len(source), None, source.splitlines(keepends=True), "<cell 1>")
    namespace: dict[str, Any] = {"__name__": "__main__"}
    exec(compile(source, "<cell 1>", "exec"), namespace)
    assert fingerprint(namespace["f"]).complete


def test_lambdas_on_one_line_are_told_apart() -> None:
    """Positions in the bytecode say which lambda it is; formatting around them does not count."""
    one, two = (lambda x: x + 1), (lambda x: x + 2)
    outer = lambda: lambda x: x + 1  # noqa: E731
    assert fingerprint(one).digest != fingerprint(two).digest
    assert fingerprint(outer()).digest == fingerprint(one).digest
    assert fingerprint(one).complete


def test_a_file_edited_after_it_was_loaded_is_not_believed(project: Write) -> None:
    """What runs is the old code, so the new text must not stand for it."""
    module = project(assets="def f(): return 1\n")
    path = Path(str(module.__file__))
    path.write_text("def f(): return 2\n")
    assert "no source" in fingerprint(module.f).missing[0]
    path.write_text("def f(): return 1\n")


def test_borrowed_functions_have_a_fingerprint() -> None:
    """A builtin or a library's function counts by its name."""
    assert fingerprint(len).digest != fingerprint(max).digest
    assert fingerprint(textwrap.dedent).complete
    assert fingerprint(functools.partial(max, 1)).digest != fingerprint(functools.partial(max, 2)).digest


SCRIPT = """
import sys
sys.path.insert(0, sys.argv[1])
from sample_set import f
from penstock.assets.code.fingerprint import fingerprint
print(fingerprint(f).digest)
"""


def test_every_process_gives_the_same_digest(tmp_path: Path) -> None:
    """Sets, dicts, objects and frozen sets do not depend on the seed of hashes."""
    (tmp_path / "sample_set.py").write_text(
        "class Thing:\n    def __init__(self): self.tags = {'x', 'y', 'z', 'w'}\n"
        "KINDS = {'a', 'b', 'c', 'd', 'e'}\nTABLE = {'k': frozenset({'q', 'r', 's'}), 'j': Thing()}\n"
        "def g(): return 1\nDISPATCH = {g, len, max, Thing}\n"
        "def f(x, y=frozenset('pqrst')):\n    return x in {'u', 'v', 'w'}, KINDS, TABLE, DISPATCH, y\n"
    )
    seen = {
        subprocess.run(
            [sys.executable, "-c", SCRIPT, str(tmp_path)],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("0", "1", "2", "3")
    }
    assert len(seen) == 1


def test_the_digest_is_a_digest() -> None:
    """It has the form of every other digest."""
    assert len(fingerprint(len).digest) == len(digest_of(b""))
