"""The rules of the source tree, read from its text with the standard library alone: no module of ours is imported.

Each rule is a function from a tree to its faults, each fault one line `file:line: what, and the rule`. Every rule is
tried twice: on this repository, where it finds nothing, and on a small tree that breaks it, where it must find that.
"""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("assets", "lineage", "storage", "testing", "ui")
FACES = ("testing",)  # packages whose `__init__.py` offers names, like that of the root
OTHERS = ("tests", "examples", "benchmarks")
MAX_LINES = 400

# The words, known to everyone.
VALUES = ("storage/types", "storage/errors", "storage/uri", "storage/manifest", "storage/rates")
MAY_IMPORT = {  # the longest folder that holds a file speaks for it
    "storage": ("storage",),
    "lineage": ("lineage", "storage"),
    "assets": ("assets", "lineage", "storage"),
    "assets/code": ("assets/code", "storage"),
    "assets/declare": (
        "assets/declare",
        "assets/code",
        "storage/files/formats/registry",
        "storage/files/formats/spelling",
        *VALUES,
    ),
    "assets/plan": ("assets/plan", "assets/declare", *VALUES),
    "assets/execute": ("assets/execute",),
    "testing": ("testing", "assets", "lineage", "storage"),
    "ui": ("ui", "assets", "lineage", "storage"),
    "ui/words": ("ui/words", "ui/read", "assets/plan", "lineage", "storage"),
}
NEVER = {
    "storage/files": ("storage/meta",),
    "storage/meta": ("storage/files",),
    "ui/api": ("assets/run",),
    "ui/app": ("assets/run", "ui/cli"),
    "ui/read": ("ui/app", "ui/cli", "ui/words"),
}
PURE = (
    "assets/declare",
    "assets/plan",
    *(f"lineage/{name}" for name in ("facts", "naming", "facets", "events")),
    *VALUES,
)
IMPURE_LIBRARIES = frozenset(
    "alembic asyncio concurrent fsspec glob http httpx io logging multiprocessing numpy pandas polars psycopg "
    "pyarrow random requests s3fs secrets shutil signal socket sqlalchemy sqlite3 sqlmodel subprocess tempfile "
    "threading time urllib.request urllib3 uuid".split()
)
IMPURE_CALLS = frozenset({"input", "open", "print"})
IMPURE_METHODS = frozenset(
    "exists getenv is_dir is_file iterdir mkdir monotonic now perf_counter read_bytes read_text rename rglob sleep "
    "stat today touch unlink utcnow uuid4 write_bytes write_text".split()
)
PURE_OF_OS = frozenset({"PathLike", "fspath"})  # what os has that touches no disk
BY_PATH = ("storage/migrations/env", "ui/app/main")  # loaded as scripts: they cannot import relatively
VAGUE = frozenset({"base", "common", "helper", "helpers", "manager", "managers", "misc", "util", "utils"})
# Spelled in pieces, so that this file does not name what it forbids.
THIS_MACHINE = re.compile(
    r"(?<![\w.])/" + r"(?:work|root|farm|tmp/p)/|py" + r"pi\.org|python" + r"hosted\.org|npm" + r"js\.org"
    r"|--(?:extra-)?index-" + r"url|--find-" + r"links",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """One imported module: of ours as `storage/meta/runs` (`""` is the face), of others as `sqlalchemy.orm`."""

    line: int
    module: str
    ours: bool
    relative: bool
    hidden: bool  # inside a function
    checking: bool  # under `if TYPE_CHECKING`


@cache
def parsed(path: Path) -> ast.Module:
    """The syntax tree of a file."""
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def python_files(tree: Path, *folders: str) -> Iterator[Path]:
    """The Python files of these folders (of all without any), without caches, hidden folders and made data."""
    if not folders:
        yield from sorted(tree.glob("*.py"))
    for folder in folders or (*ROOMS, *OTHERS):
        for path in sorted((tree / folder).rglob("*.py")):
            parts = path.relative_to(tree).parts
            if not any(part.startswith(".") or part in {"__pycache__", "data"} for part in parts):
                yield path


def named(tree: Path, path: Path) -> str:
    """`storage/meta/runs` for a module, `storage/meta` for its package, `""` for the face."""
    parts = path.relative_to(tree).with_suffix("").parts
    return "/".join(parts[:-1] if parts[-1] == "__init__" else parts)


def within(module: str, folder: str) -> bool:
    """Whether a module is that module or lies in that folder."""
    return module == folder or module.startswith(f"{folder}/")


def targets(tree: Path, folder: tuple[str, ...], node: ast.Import | ast.ImportFrom) -> Iterator[tuple[str, bool]]:
    """The modules that one statement imports, each with whether it is of ours."""
    if isinstance(node, ast.Import):
        for alias in node.names:
            head, _, rest = alias.name.partition(".")
            yield (rest.replace(".", "/"), True) if head == "penstock" else (alias.name, False)
        return
    parts = tuple(node.module.split(".")) if node.module else ()
    if node.level:
        parts = (*folder[: len(folder) - node.level + 1], *parts)
    elif parts[0] == "penstock":
        parts = parts[1:]
    else:
        yield ".".join(parts), False
        return
    for alias in node.names:  # `from .meta import runs` imports the module runs, `from .types import X` only types
        inner = tree.joinpath(*parts, alias.name)
        known = inner.with_suffix(".py").is_file() or (inner / "__init__.py").is_file()
        yield "/".join((*parts, alias.name) if known else parts), True


def imports_of(tree: Path, path: Path) -> Iterator[Import]:
    """Every import of a file, wherever it stands."""
    folder = path.relative_to(tree).parent.parts

    def visit(node: ast.AST, hidden: bool, checking: bool) -> Iterator[Import]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Import | ast.ImportFrom):
                relative = isinstance(child, ast.ImportFrom) and child.level > 0
                for module, ours in dict.fromkeys(targets(tree, folder, child)):
                    yield Import(
                        line=child.lineno, module=module, ours=ours, relative=relative, hidden=hidden, checking=checking
                    )
            inside = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            typing = isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test)
            yield from visit(child, hidden or inside, checking or typing)

    yield from visit(parsed(path), hidden=False, checking=False)


def layers(tree: Path) -> Iterator[str]:
    """Imports go one way: ui, assets, lineage, storage; and narrower where a folder says so. `testing` is a face over
    them that none of them knows."""
    for path in python_files(tree, *ROOMS):
        module = named(tree, path)
        room = max((folder for folder in MAY_IMPORT if within(module, folder)), key=len)
        never = [other for folder, others in NEVER.items() if within(module, folder) for other in others]
        for item in imports_of(tree, path):
            where = f"{path.relative_to(tree)}:{item.line}"
            if item.ours and not any(within(item.module, folder) for folder in MAY_IMPORT[room]):
                yield f"{where}: {room} must not import {item.module or 'the face'}"
            if item.ours and any(within(item.module, folder) for folder in never):
                yield f"{where}: {module} and {item.module} must not know each other"


def impure_use(node: ast.AST) -> str:
    """What a pure file must not do and this node does, or nothing."""
    match node:
        case ast.Call(func=ast.Name(id=name)) if name in IMPURE_CALLS:
            return f"call {name}()"
        case ast.Call(func=ast.Attribute(attr=name)) if name in IMPURE_METHODS:
            return f"call {ast.unparse(node.func)}()"
        case ast.Attribute(value=ast.Name(id="os"), attr=name) if name not in PURE_OF_OS:
            return f"use os.{name}"
        case ast.ImportFrom(module="os", names=names) if {alias.name for alias in names} - PURE_OF_OS:
            return f"use os.{names[0].name}"
        case _:
            return ""


def purity(tree: Path) -> Iterator[str]:
    """Pure files take their facts and the time as arguments."""
    for path in python_files(tree, *ROOMS):
        if not any(within(named(tree, path), folder) for folder in PURE):
            continue
        where = path.relative_to(tree)
        for item in imports_of(tree, path):
            if not item.ours and (item.module in IMPURE_LIBRARIES or item.module.split(".")[0] in IMPURE_LIBRARIES):
                yield f"{where}:{item.line}: a pure file must not import {item.module}"
        for node in ast.walk(parsed(path)):
            if use := impure_use(node):
                yield f"{where}:{getattr(node, 'lineno', 1)}: a pure file must not {use}"


def cycles(tree: Path) -> Iterator[str]:
    """No module imports itself when it is loaded, however long the way; imports for types alone load nothing."""
    paths = {named(tree, path): path for path in python_files(tree, *ROOMS)}
    edges = {
        module: [
            (item.module, item.line)
            for item in imports_of(tree, path)
            if item.ours and item.module in paths and not item.checking
        ]
        for module, path in paths.items()
    }
    done: set[str] = set()

    def walk(module: str, trail: tuple[str, ...]) -> Iterator[str]:
        for target, line in edges[module]:
            if target in trail:
                way = " → ".join((*trail[trail.index(target) :], target))
                yield f"{paths[module].relative_to(tree)}:{line}: an import cycle: {way}"
            elif target not in done:
                yield from walk(target, (*trail, target))
        done.add(module)

    for module in paths:
        if module not in done:
            yield from walk(module, (module,))


def hidden_imports(tree: Path) -> Iterator[str]:
    """What a module needs of ours is seen at its top."""
    for path in python_files(tree, *ROOMS):
        for item in imports_of(tree, path):
            if item.ours and item.hidden:
                yield f"{path.relative_to(tree)}:{item.line}: {item.module} is imported inside a function"


def import_style(tree: Path) -> Iterator[str]:
    """Relative inside the packages, absolute everywhere else: so that no module is ever loaded twice."""
    for path in python_files(tree):
        module = named(tree, path)
        inside = any(within(module, room) for room in ROOMS) and module not in BY_PATH
        package = module.startswith("examples/") and (path.parent / "__init__.py").is_file()  # an example's own
        for item in imports_of(tree, path):
            where = f"{path.relative_to(tree)}:{item.line}"
            if inside and item.ours and not item.relative:
                yield f"{where}: inside the packages imports are relative, not penstock.…"
            if not (inside or package) and item.relative and not item.checking:
                yield f"{where}: outside the packages imports are absolute: penstock.…"
            if not item.ours and item.module.split(".")[0] in ROOMS:
                yield f"{where}: `{item.module}` from the root would be a second copy of penstock.{item.module}"


def length(tree: Path) -> Iterator[str]:
    """A file can be read in one sitting."""
    for path in python_files(tree):
        lines = len(path.read_text(encoding="utf-8").splitlines())
        if lines > MAX_LINES:
            yield f"{path.relative_to(tree)}:{lines}: {lines} lines, {MAX_LINES} at most: split it by what it is for"


def package_list(tree: Path) -> Iterator[str]:
    """`packages` in pyproject.toml is the tree, sorted, and the root holds no module but the face."""
    listed = tomllib.loads((tree / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    folders = {path.relative_to(tree).parent for path in python_files(tree, *ROOMS)}
    present = sorted(["penstock", *(".".join(("penstock", *folder.parts)) for folder in folders)])
    if listed != present:
        difference = sorted({*listed} ^ {*present}) or "the order only"
        yield f"pyproject.toml:1: [tool.setuptools] packages differs from the tree, sorted: {difference}"
    for path in sorted(tree.glob("*.py")):
        if path.name != "__init__.py":
            yield f"{path.name}:1: a module in the root would be shipped as penstock.{path.stem}"
    for folder in sorted(folders):
        if not (tree / folder / "__init__.py").is_file():
            yield f"{folder}/__init__.py:1: a package without __init__.py is found by some tools only"


def empty_packages(tree: Path) -> Iterator[str]:
    """A package's `__init__.py` is its docstring: importing one module costs that module alone."""
    for path in python_files(tree, *ROOMS):
        if path.name == "__init__.py" and named(tree, path) not in FACES:
            for node in parsed(path).body[1:]:
                if not (isinstance(node, ast.ImportFrom) and node.module == "__future__"):
                    yield f"{path.relative_to(tree)}:{node.lineno}: a package's __init__.py holds a docstring only"


def vague_names(tree: Path) -> Iterator[str]:
    """A file or folder is named for what it holds."""
    for path in python_files(tree, *ROOMS):
        for part in path.relative_to(tree).with_suffix("").parts:
            if VAGUE & {*part.split("_")}:
                yield f"{path.relative_to(tree)}:1: `{part}` says nothing: name the noun of the glossary"


def docstrings(tree: Path) -> Iterator[str]:
    """Every file opens with what it is for."""
    for path in python_files(tree):
        if not ast.get_docstring(parsed(path)):
            yield f"{path.relative_to(tree)}:1: a file opens with a docstring: what it is for, what it must never do"


def this_machine(tree: Path) -> Iterator[str]:
    """Nothing names a path of the machine it was written on, or a registry's address."""
    listing = ("git", "-C", str(tree), "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    if (tree / ".git").exists() and shutil.which("git"):
        names = subprocess.run(listing, check=True, capture_output=True, text=True).stdout.split("\0")
        paths = sorted(tree / name for name in names if name and (tree / name).is_file())
    else:  # an unpacked sdist, or a tree without version control
        paths = sorted(path for path in tree.rglob("*") if path.is_file() and not {".venv", "build"} & {*path.parts})
    for path in paths:
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
            if found := THIS_MACHINE.search(line):
                yield f"{path.relative_to(tree)}:{number}: {found.group()} belongs to one machine"


BREAKERS: dict[Callable[[Path], Iterator[str]], tuple[dict[str, str], str]] = {
    layers: ({"storage/a.py": "from ..lineage import b", "lineage/b.py": ""}, "storage/a.py:1: storage must not"),
    purity: ({"assets/plan/a.py": "import math\nx = datetime.now()"}, "assets/plan/a.py:2: a pure file must not call"),
    cycles: (
        {"ui/a.py": "from . import b", "ui/b.py": "\nfrom .a import x"},
        "ui/b.py:2: an import cycle: ui/a → ui/b",
    ),
    hidden_imports: ({"ui/a.py": "def f():\n    from ..storage import types"}, "ui/a.py:2: storage is imported inside"),
    import_style: ({"ui/a.py": "from penstock.storage import types"}, "ui/a.py:1: inside the packages imports are"),
    length: ({"ui/a.py": "x = 1\n" * (MAX_LINES + 1)}, "ui/a.py:401: 401 lines"),
    package_list: (
        {"ui/a.py": "", "pyproject.toml": '[tool.setuptools]\npackages = ["penstock", "penstock.gone"]'},
        "pyproject.toml:1: [tool.setuptools] packages differs from the tree, sorted: ['penstock.gone', 'penstock.ui']",
    ),
    empty_packages: ({"ui/__init__.py": '"""Doc."""\nimport polars'}, "ui/__init__.py:2: a package's __init__.py"),
    vague_names: ({"ui/path_utils.py": ""}, "ui/path_utils.py:1: `path_utils` says nothing"),
    docstrings: ({"tests/test_a.py": "x = 1"}, "tests/test_a.py:1: a file opens with a docstring"),
    this_machine: ({"README.md": "\nsee /wo" + "rk/main"}, "README.md:2: /wo" + "rk/ belongs to one machine"),
}
MORE_BREAKERS = [
    (layers, {"storage/files/a.py": "from ..meta import b", "storage/meta/b.py": ""}, "must not know each other"),
    (layers, {"ui/app/a.py": "from ...assets.run import worker"}, "ui/app/a and assets/run must not know"),
    (layers, {"assets/plan/a.py": "from ..run import worker"}, "assets/plan must not import assets/run"),
    (layers, {"assets/execute/a.py": "from ...storage import types"}, "assets/execute must not import storage"),
    (layers, {"lineage/a.py": "if TYPE_CHECKING:\n    from ..assets import x"}, "a.py:2: lineage must not import"),
    (purity, {"assets/declare/a.py": "import polars as pl"}, "a pure file must not import polars"),
    (purity, {"lineage/events.py": "from urllib.request import urlopen"}, "must not import urllib.request"),
    (purity, {"assets/plan/a.py": "import os\nhome = os.environ"}, "assets/plan/a.py:2: a pure file must not use"),
    (purity, {"storage/uri.py": "text = open('x').read()"}, "storage/uri.py:1: a pure file must not call open()"),
    (import_style, {"examples/a/assets.py": "from . import b"}, "outside the packages imports are absolute"),
    (import_style, {"tests/test_a.py": "from storage import types"}, "second copy of penstock.storage"),
    (
        package_list,
        {"conftest.py": "", "pyproject.toml": '[tool.setuptools]\npackages = ["penstock"]'},
        "conftest.py:1",
    ),
    (this_machine, {"a.txt": "x @ https://py" + "pi.org/simple"}, "a.txt:1: py" + "pi.org belongs to one machine"),
]


@pytest.mark.parametrize("rule", BREAKERS, ids=lambda rule: rule.__name__)
def test_the_tree_keeps_the_rule(rule: Callable[[Path], Iterator[str]]) -> None:
    """This repository breaks no rule; what does is listed as file:line with the rule."""
    faults = list(rule(ROOT))
    assert not faults, "\n".join([rule.__doc__ or "", *faults])


@pytest.mark.parametrize(
    ("rule", "files", "expected"),
    [*((rule, *breaker) for rule, breaker in BREAKERS.items()), *MORE_BREAKERS],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_tree_that_breaks_the_rule_is_told_where(
    rule: Callable[[Path], Iterator[str]], files: dict[str, str], expected: str, tmp_path: Path
) -> None:
    """Each rule finds the fault that it is there to find, with the file and the line."""
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    faults = list(rule(tmp_path))
    assert any(expected in fault for fault in faults), faults


def test_a_tree_that_keeps_the_rules_has_no_faults(tmp_path: Path) -> None:
    """No rule fires on a small tree that does everything right."""
    packages = ["penstock", "penstock.storage", "penstock.ui"]
    files = {
        "pyproject.toml": f"[tool.setuptools]\npackages = {packages}".replace("'", '"'),
        "__init__.py": '"""The face."""\n',
        "storage/__init__.py": '"""Kept."""\n',
        "storage/types.py": '"""Words."""\nfrom enum import StrEnum\n',
        "ui/__init__.py": '"""Seen."""\n',
        "ui/list.py": '"""List."""\nimport polars\nfrom ..storage.types import X\n',
        "tests/test_a.py": '"""A test."""\nfrom penstock.storage import types\n',
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    assert [fault for rule in BREAKERS for fault in rule(tmp_path)] == []
