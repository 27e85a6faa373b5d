"""Edits of what code holds at run time: registered, set later, put in the place of something else, kept in objects."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable

import pytest

from penstock.assets.code.fingerprint import Fingerprint, fingerprint

Read = Callable[[dict[str, str]], Fingerprint]
Processes = Callable[[Iterable[dict[str, str]]], list[list[list[str]]]]

DISPATCH = {
    "assets": "from functools import singledispatch\n@singledispatch\ndef told(x): return 0\n"
    "from . import others\ndef f(x): return told(x)",
    "others": "from .assets import told\nclass Odd: pass\n"
    "@told.register\ndef _(x: int): return cut(x)\n@told.register(Odd)\ndef _(x): return 2\ndef cut(x): return x + 1",
}
METHOD = {
    "assets": """
    from functools import singledispatchmethod
    class Teller:
        @singledispatchmethod
        def tell(self, x): return 0
        @tell.register
        def _(self, x: int): return 1
    @Teller.tell.register(str)
    def text(self, x): return 2
    TELLER = Teller()
    def f(x): return TELLER.tell(x)
    """
}
CLASS = {
    "assets": """
    class Base:
        known = {}
        limit = 1
        def __init_subclass__(cls): Base.known[cls.__name__] = cls
        def cut(self, x): return x
    class Other(Base):
        def cut(self, x): return x + 1
    def longer(self, x): return x + 2
    def marked(cls):
        cls.mark = MARK
        return cls
    MARK = 3
    @marked
    class Klass: pass
    Base.size = 5
    Base.late = longer
    Base.whole = property(lambda self: 6)
    def f(x): return Base().cut(x), Klass.mark
    """
}
ATTRIBUTES = {
    "assets": """
    import contextlib
    def helper(): return helper.limit
    helper.limit = 3
    helper.step = lambda x: x + 4
    @contextlib.contextmanager
    def opened(): yield opened.size
    opened.size = 5
    def f(x):
        with opened() as size: return helper(), size
    """
}
INSTANCES = {
    "assets": """
    from collections import Counter, defaultdict, deque
    from dataclasses import InitVar, dataclass, field
    @dataclass
    class Config:
        size: int = 1
        words: list = field(default_factory=list, compare=False)
        start: InitVar[int] = 0
        def __post_init__(self, start): self.table = [start, 10]
    class Words(set): pass
    class Row(list): pass
    class Named(str): pass
    class Number(int): pass
    class Tally(Counter): pass
    class Groups(defaultdict): pass
    def made(kind, given, **state):
        one = kind(*given)
        one.__dict__.update(state)
        return one
    CONFIG = Config(words=["a"], start=7)
    MADE = [
        made(Words, ["xy"], n=11), made(Row, [[1]], n=12), made(Named, ["b"], n=13), made(Number, [2], n=14),
        made(Tally, ["aab"], n=15), made(Groups, [list], n=16),
    ]
    def f(x): return CONFIG.table, MADE
    """
}
PATCHED = {
    "assets": """
    import textwrap
    from functools import lru_cache
    class Store:
        def read(self): return 60
        limit: int
    def quick(self): return 61
    Store.read = quick
    textwrap.shorter = lambda x: x + 62
    def kept(x): return x
    kept.__defaults__ = (63,)
    def words(): return {g for g in MEMBERS}
    def g(): return 64
    def h(): return 65
    def maker(n): return lambda: n
    MEMBERS = {g, h, maker(66), maker(67), (lambda: 68), (lambda: 69)}
    TREE = {"k": {"z": 70, "y": 71}}
    Made = type("Made", (Store,), {"go": quick, "n": 72})
    import enum
    Colour = enum.Enum("Colour", {"RED": 73})
    class Flag(enum.Flag):
        A = 1
        B = 2
    Flag.extra = 74
    Flag.__str__ = lambda self: 75
    BOTH = Flag.A | Flag.B
    def f(x): return Store().read(), textwrap.shorter(x), kept(), words(), TREE, Made, Colour, BOTH, Flag.extra
    """
}
SAMPLES: dict[str, tuple[dict[str, str], list[str | tuple[str, str]]]] = {
    "dispatch": (DISPATCH, ["return 2", "x + 1", ("return 0", "return 8"), ("x: int", "x: float")]),
    "method": (METHOD, [("return 0", "return 8"), "return 1", "return 2", ("register(str)", "register(bytes)")]),
    "class": (CLASS, ["limit = 1", "return x + 1", "x + 2", "MARK = 3", "size = 5", "self: 6"]),
    "attributes": (ATTRIBUTES, ["limit = 3", "x + 4", "size = 5"]),
    "instances": (
        INSTANCES,
        ["start=7", "n=11", "n=12", "n=13", "n=14", "n=15", "n=16", ('["a"]', '["c"]'), ("10]", "11]"), ("xy", "xyz")],
    ),
    "patched": (PATCHED, [*map(str, range(61, 76)), ("A | Flag.B", "A")]),
}
CHANGES = [
    pytest.param(sources, *(edit if isinstance(edit, tuple) else (edit, f"{edit}9")), id=f"{name}: {edit}")
    for name, (sources, edits) in SAMPLES.items()
    for edit in edits
]
HARMLESS = [
    (DISPATCH, "return 2", "# two\n    return 2"),
    (DISPATCH, "class Odd: pass", "class Odd:\n    '''Odd.'''"),
    (CLASS, "limit = 1", "limit  =  1  # one"),
    (CLASS, "    def longer(self", "    UNREAD = 1\n    def longer(self"),
    (ATTRIBUTES, "def helper(): return", "def helper():\n        '''Help.'''\n        return"),
    (INSTANCES, "size: int = 1", "size: int = (1)"),
    (PATCHED, "def g(): return 64", "def g():\n\n        return 64"),
    (PATCHED, "{g, h, maker(66)", "{h, maker(66), g"),
    (METHOD, "class Teller:", "class Teller:\n        '''Tells.'''"),
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


def test_calling_it_changes_nothing(found: Read) -> None:
    """What is kept between calls is no code: dispatch caches, cached properties, `lru_cache`."""
    source = """
    import functools
    class Shape:
        @functools.cached_property
        def area(self): return 1
    SHAPE = Shape()
    @functools.singledispatch
    def told(x): return 0
    @told.register
    def _(x: int): return 1
    @functools.lru_cache
    def kept(x): return x
    def f(x): return SHAPE.area, told(x), kept(x)
    """
    before = found({"assets": source})
    f = sys.modules["sample_pkg.assets"].f
    f(1)
    assert fingerprint(f) == before


def test_every_process_gives_every_sample_the_same_digest(in_processes: Processes) -> None:
    """Whatever the seed of hashes and the addresses of objects are."""
    first, *others = in_processes(sources for sources, _ in SAMPLES.values())
    assert all(one == again for one, again in first)
    assert others == [first, first]
