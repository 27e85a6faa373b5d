"""Edits of code in every form that Python and libraries give it, and of what it reaches by other ways than a name."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest

from penstock.assets.code.fingerprint import Fingerprint

Read = Callable[[dict[str, str]], Fingerprint]
Processes = Callable[[Iterable[dict[str, str]]], list[list[list[str]]]]

KINDS = {
    "assets": """
    import enum, functools, operator, string
    from typing import NamedTuple
    def times(x, n): return x * n
    class Meta(type):
        def __call__(cls, *a): return super().__call__(*a), 20
    class Made(metaclass=Meta): pass
    class Mode(enum.Enum):
        FAST = 21
        def speed(self): return self.value + 22
    class Point(NamedTuple):
        x: int = 23
    class Shape:
        @property
        def area(self): return 24
        @classmethod
        def of(cls): return 25
        @staticmethod
        def unit(): return 26
        @functools.cached_property
        def kept(self): return 27
        def scale(self, n): return n + 28
    TABLE = {"a": lambda x: x + 29, "b": functools.partial(times, n=30), "c": Shape().scale}
    TABLE["d"] = operator.itemgetter(31)
    TEXT = string.Template("$x 32")
    def wrapped(g):
        @functools.wraps(g)
        def inner(*a): return g(*a) + 33
        return inner
    @wrapped
    @functools.lru_cache(maxsize=None)
    def kept(x): return x + 34
    def nested(x):
        def inner(y):
            def innermost(z, d=35): return [w + 36 for w in z if w > 37]
            return innermost(y)
        return inner(x)
    try:
        import no_such_module as either
    except ImportError:
        def either(x): return x + 38
    def f(x, *, mode=Mode.FAST):
        return Made(), mode.speed(), Point(), Shape(), TABLE["a"](x), TEXT, kept(x), nested(x), either(x), f"{TABLE}39"
    """
}
REACHED = {
    "assets": """
    from . import late
    from .stars import *
    from .kinds import Docs
    Rows = list[int]
    ATTEMPTS = 40
    def handed(base, step):
        class Inner(base):
            size = step
            def go(self): return self.cut() + step
        return Inner
    class First:
        def cut(self): return 41
    Inner = handed(First, 42)
    class Plugin: pass
    class One(Plugin):
        def go(self): return 43
    def tail(rows): return [kind().go() for kind in Plugin.__subclasses__()]
    def again(times):
        import contextlib
        return contextlib.contextmanager
    @again(ATTEMPTS)
    def slow(): yield 44
    def f(docs: Docs, rows: "Rows" = None):
        import importlib
        other = importlib.import_module("sample_pkg.other")
        return late.cut(docs), starred(rows), Inner().go(), tail(rows), slow(), getattr(late, "named"), \\
            globals()["chosen"], other
    chosen = 45
    """,
    "late": "import json as _json\ndef cut(x): return 46\nnamed = 47\ncut.__kwdefaults__ = {'a': 48}",
    "stars": "__all__ = ['starred']\nLIMIT = 49\ndef starred(x): return LIMIT",
    "kinds": "Docs = dict[str, 'text50']",
    "other": "from .stars import LIMIT\nfrom .deep import below\ndef go(): return below()",
    "deep": "def below(): return 51",
}
MORE = {
    "assets": """
    import functools, operator
    from . import base as b, lazy
    from .base import Mixin
    class Left:
        def go(self): return 80
    class Right:
        def go(self): return 81
    class Both(Left, Right): pass
    class Deep(b.Root, Mixin):
        def __class_getitem__(cls, item): return item, 82
        @property
        def wide(self): return self._wide
        @wide.setter
        def wide(self, value): self._wide = value + 83
        half = functools.partialmethod(b.Root.cut, 84)
        step = lambda self: 85
    OBJECT = Deep()
    OBJECT.go = lambda: 86
    BOUND = b.Root(87).cut
    class Column:
        def __init__(self, n): self.n = n
        def __get__(self, one, owner): return self.n
    class Table:
        first = Column(88)
        class Inner:
            size = 89
    FLAG = True
    if FLAG:
        def chosen(x): return x + 90
    else:
        def chosen(x): return x + 91
    STEPS = [functools.reduce, operator.methodcaller("center", 92), (lambda x, y=93: x)]
    class Guard:
        def __enter__(self): return 94
        def __exit__(self, *a): pass
    def counting():
        global COUNT
        COUNT = COUNT + 1
    COUNT = 95
    class Text(str):
        def title(self): return "96"
    LABEL = Text("97")
    async def later(): return [y async for y in steps(98)]
    def steps(n): return n
    SETS = frozenset({("a", 99), ("b", "c")})
    SIZES = {"k": SETS, **dict(zip("ab", (100, 101)))}
    class Meta(type):
        def __getattr__(cls, name): return 102
    class Odd(metaclass=Meta): pass
    class Sub(Odd): pass
    def match(x):
        match x:
            case Guard(): return (z := 103)
            case {"k": _}: return f"{x!r:>{WIDTH}}"
    WIDTH = 104
    def f(x, *, n=105):
        class Local(Table):
            def go(self): return Sub.any
        with Guard(): pass
        return Both(), OBJECT, BOUND, Local(), chosen(x), STEPS, counting(), LABEL, later(), SIZES, match(x), lazy.made
    """,
    "base": "class Root:\n    def __init__(self, n=106): self.n = n\n    def cut(self, x): return x + 107\n"
    "class Mixin:\n    def mix(self): return 108",
    "lazy": "def __getattr__(name): return 109",
}
LIBRARIES = {
    "assets": """
    import abc, logging, threading, weakref
    from typing import Generic, Protocol, TypeVar
    import polars as pl
    import fsspec, pydantic, sqlalchemy.orm, sqlmodel
    log = logging.getLogger(__name__)
    T = TypeVar("T")
    class Model(pydantic.BaseModel):
        size: int = 110
        words: set[str] = {"a", "b", "c"}
    class Base(sqlmodel.SQLModel, registry=sqlalchemy.orm.registry()): pass
    class Row(Base, table=True):
        id: int | None = sqlmodel.Field(default=None, primary_key=True)
        size: int = 111
    class Able(Protocol):
        def go(self) -> int: ...
    class Store(abc.ABC, Generic[T]):
        _lock = threading.Lock()
        kept = weakref.WeakSet()
        @abc.abstractmethod
        def go(self) -> T: return 112
    class Files(fsspec.AbstractFileSystem):  # whose metaclass keeps the process id in it
        protocol = "115"
    Files.late = 116
    Store.kept.add(Model)
    Store.kept.add(Able)
    SCHEMA = pl.Schema({"n": pl.Int64})
    def f(docs: pl.LazyFrame, able: Able):
        log.info("113")
        return Model(), Row(), Store, Files, SCHEMA, docs.with_columns(pl.col("a") + 114)
    """
}
SAMPLES: dict[str, tuple[dict[str, str], list[str | tuple[str, str]]]] = {
    "kinds": (KINDS, [*map(str, range(20, 40))]),
    "reached": (REACHED, [*map(str, range(41, 50)), "text50", "51", "ATTEMPTS = 40", ("list[int]", "list[str]")]),
    "more": (
        MORE,
        [*map(str, [*range(80, 91), *range(92, 109)]), ("Both(Left, Right)", "Both(Right, Left)"), ("109", "name * 2")],
    ),
    "libraries": (LIBRARIES, [*map(str, range(110, 117)), ("Int64", "Int32")]),
}
CHANGES = [
    pytest.param(sources, *(edit if isinstance(edit, tuple) else (edit, f"{edit}9")), id=f"{name}: {edit}")
    for name, (sources, edits) in SAMPLES.items()
    for edit in edits
]
HARMLESS = [
    (KINDS, "return 24", "\n            return 24"),
    (REACHED, "Rows = list[int]", "Rows = list[ int ]"),
    (REACHED, "import json as _json", "import json as _json, re"),
]


def edited(sources: dict[str, str], old: str, new: str) -> dict[str, str]:
    """The sources with one text replaced, wherever it stands."""
    assert any(old in text for text in sources.values()), old
    return {name: text.replace(old, new) for name, text in sources.items()}


@pytest.mark.parametrize(("sources", "old", "new"), CHANGES)
def test_a_change_of_what_it_does_is_seen(found: Read, sources: dict[str, str], old: str, new: str) -> None:
    """Wherever Python keeps what decides: registered, set later, inherited, wrapped, handed in, chosen by a name."""
    before = found(sources)
    assert found(edited(sources, old, new)).digest != before.digest
    assert before.complete, before.missing


@pytest.mark.parametrize(("sources", "old", "new"), HARMLESS, ids=[old for _, old, _ in HARMLESS])
def test_a_change_of_how_it_is_written_is_not(found: Read, sources: dict[str, str], old: str, new: str) -> None:
    """Nor is what nobody reads."""
    assert found(edited(sources, old, new)).digest == found(sources).digest


def test_every_process_gives_every_sample_the_same_digest(in_processes: Processes) -> None:
    """Whatever the seed of hashes and the addresses of objects are."""
    first, *others = in_processes(sources for sources, _ in SAMPLES.values())
    assert all(one == again for one, again in first)
    assert others == [first, first]
