"""What a fingerprint cannot follow is told, with its place and what to do instead; what is no concern of it is not."""

from __future__ import annotations

import importlib
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from penstock.assets.code.fingerprint import fingerprint

HEAD = """\
import builtins, gzip, importlib, importlib.resources, io, json, os, pathlib, sys
import polars as pl
from importlib import import_module
from os import environ, getenv
from pathlib import Path
from . import helpers
WORDS = "words.txt"
HERE = Path(__file__).parent
NAME = "MODEL"
TABLE = {"a": 1}

"""
Told = Callable[..., tuple[str, ...]]


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Told]:
    """What is told of a producer `f(docs, name, path: Path)` with this body."""

    def read(body: str, *, signature: str = "docs, name, path: Path", before: str = "") -> tuple[str, ...]:
        package = tmp_path / "gap_pkg"
        package.mkdir()
        (package / "__init__.py").touch()
        (package / "helpers.py").write_text("def cut(x): return x\n")
        text = f"{HEAD}{before}\ndef f({signature}):\n{textwrap.indent(textwrap.dedent(body), '    ')}\n"
        (package / "assets.py").write_text(text, encoding="utf-8")
        monkeypatch.syspath_prepend(str(tmp_path))
        return fingerprint(importlib.import_module("gap_pkg.assets").f).missing

    yield read
    for name in [name for name in sys.modules if name.partition(".")[0] == "gap_pkg"]:
        del sys.modules[name]


TOLD = {
    "return open('words.txt').read()": "what open('words.txt') reads",
    "with open(WORDS, encoding='utf-8') as file: return file.read()": "what open(WORDS) reads",
    "place = HERE / 'words.txt'\nwith open(place) as file: return file.read()": "what open(place) reads",
    "with io.open(os.path.join(os.path.dirname(__file__), 'a')) as file: return file": "what io.open(",
    "return gzip.open(WORDS)": "what gzip.open(WORDS) reads",
    "return Path('words.txt').read_text()": "what Path('words.txt').read_text() reads",
    "return (HERE / 'words.txt').read_bytes()": "what (HERE / 'words.txt').read_bytes() reads",
    "return HERE.joinpath(WORDS).open()": "what HERE.joinpath(WORDS).open() reads",
    "return list(HERE.glob('*.md'))": "what HERE.glob('*.md') reads",
    "return pathlib.Path.home().joinpath('a').read_text()": "what pathlib.Path.home()",
    "return importlib.resources.files('gap_pkg').joinpath('a').read_text()": "what importlib.resources.files(",
    "return pl.read_parquet('rows.parquet')": "what pl.read_parquet('rows.parquet') reads",
    "return pl.scan_csv(source=WORDS)": "what pl.scan_csv(WORDS) reads",
    "import polars\nreturn polars.read_csv(WORDS)": "what polars.read_csv(WORDS) reads",
    "from os import getenv as g\nreturn g('MODEL')": "what g('MODEL') gives",
    "return os.environ['MODEL']": "what os.environ['MODEL'] gives",
    "return environ.get('MODEL', '')": "what environ.get('MODEL', '') gives",
    "return getenv(NAME)": "what getenv(NAME) gives",
    "return importlib.import_module(name).run(docs)": "the module that importlib.import_module(name) gives",
    "return import_module(f'plugins.{name}')": "the module that import_module(f'plugins.{name}') gives",
    "return __import__(name)": "the module that __import__(name) gives",
    "return globals()[name](docs)": "what is chosen by globals()",
    "return vars(helpers)[name]": "what is chosen by vars(helpers)",
    "return helpers.__dict__[name]": "what is chosen by helpers.__dict__",
    "return getattr(helpers, name)(docs)": "what is chosen by getattr(helpers, name)",
    "return sys.modules[name]": "what is chosen by sys.modules[name]",
    "return getattr(sys.modules[__name__], name)": "what is chosen by sys.modules[__name__]",
    "return eval(name)": "what eval(name) runs",
    "exec(name)": "what exec(name) runs",
    "return [(lambda: builtins.eval(x))() for x in docs]": "what builtins.eval(x) runs",
}
NOT_TOLD = [
    "with open(path) as file: return file.read()",
    "return (path / 'settings.json').read_text()",
    "return [one.read_text() for one in path.rglob('*.md')]",
    "return pl.read_parquet(path), pl.scan_csv(name)",
    "with open('log.txt', 'w') as file: file.write(docs)",
    "with Path('log.txt').open(mode='a') as file: file.write(docs)",
    "return os.path.join(WORDS, name), HERE / WORDS, Path(WORDS).name",
    "return os.environ['OPENAI_API_KEY'], getenv('HF_TOKEN'), environ.get('DB_PASSWORD')",
    "return os.environ[name], getenv(name)",
    "os.environ['OMP_NUM_THREADS'] = '1'",
    "return dict(os.environ), environ.copy()",
    "import json\nreturn importlib.import_module('json'), __import__('json')",
    "return globals()['TABLE'], TABLE[name]",
    "return sys.modules['json'], sys.modules.get('mock')",
    "return getattr(docs, name), getattr(pl, name), getattr(helpers, 'cut')(docs)",
    "open = path.open\nreturn open()",
    "return docs.eval('a + b'), vars(docs), name in sys.modules",
    "return json.loads(name), pl.col(name), docs.open('x'), docs.read_text()",
]


@pytest.mark.parametrize(("body", "what"), TOLD.items(), ids=TOLD)
def test_what_cannot_be_followed_is_told_with_its_place(told: Told, body: str, what: str) -> None:
    """One sentence: what it is, file and line, and what to do instead."""
    (sentence,) = told(body)
    assert sentence.startswith(what)
    line = HEAD.count("\n") + 3
    places = [f"(gap_pkg/assets.py:{line + extra}, in gap_pkg.assets.f): " for extra in (0, 1)]
    assert any(place in sentence for place in places)
    assert sentence.partition("): ")[2]


@pytest.mark.parametrize("body", NOT_TOLD)
def test_what_can_be_followed_or_decides_nothing_is_not_told(told: Told, body: str) -> None:
    """Inputs and parameters, files that are written, credentials, names that stand there as texts."""
    assert told(body) == ()


def test_without_inputs_only_choices_among_own_code_are_told(told: Told) -> None:
    """Such a producer executes whenever it is asked for, and finds what is outside as it is then."""
    body = "return open('a'), os.environ['B'], importlib.import_module(ctx), globals()[size]"
    (sentence,) = told(body, signature="ctx, *, size: str = 'a'")
    assert sentence.startswith("what is chosen by globals()")


def test_helpers_and_methods_are_searched_too(told: Told) -> None:
    """A gap is told where it stands, not where it is reached from."""
    before = "class Reader:\n    def read(self): return open('a').read()\ndef load(): return Reader().read()\n"
    (sentence,) = told("return load()", before=before)
    assert "in gap_pkg.assets.Reader" in sentence


def test_an_address_with_a_password_is_not_repeated(told: Told) -> None:
    """What stands in the code may be a secret all the same."""
    (sentence,) = told("return pl.read_csv('ftp://me:hunter2@example.org/a.csv')")
    assert sentence.startswith("what pl.read_csv(…) reads")
