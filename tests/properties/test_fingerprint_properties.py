"""Rewriting code never changes its fingerprint; changing what it says always does."""

from __future__ import annotations

import ast
import copy
import itertools
import linecache
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from penstock.assets.code.fingerprint import fingerprint
from penstock.assets.code.parts.constants import Constant
from penstock.assets.code.text.trees import digest_of_syntax

_number = itertools.count()


def load(source: str) -> dict[str, Any]:
    """The names that a module of this source defines; linecache knows its text, as of a notebook cell."""
    filename = f"<generated {next(_number)}>"
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
    namespace: dict[str, Any] = {"__name__": "generated"}
    exec(compile(source, filename, "exec", dont_inherit=True), namespace)
    return namespace


literals = st.one_of(
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=5),
    st.booleans(),
    st.none(),
    st.binary(max_size=3),
)
plain = st.recursive(
    literals,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.tuples(inner, inner),
        st.frozensets(literals, max_size=4),
        st.dictionaries(st.text(max_size=3), inner, max_size=3),
    ),
    max_leaves=8,
)
names = st.sampled_from(["x", "y", "SIZE", "helper(x)", "helper(SIZE)"])
atoms = names | literals.map(repr)
expressions = st.recursive(
    atoms,
    lambda inner: st.one_of(
        st.builds("({} + {})".format, inner, inner),
        st.builds("[{}, {}]".format, inner, inner),
        st.builds("[z for z in {} if {}]".format, inner, inner),
        st.builds("(lambda q: {})".format, inner),
        st.builds("{}.attribute[{}:]".format, names, inner),
        st.builds("({} if {} else {})".format, inner, inner, inner),
        st.builds("f'a{{{}!r:>4}}b'".format, names),
    ),
    max_leaves=5,
)
statements = st.recursive(
    st.one_of(st.builds("y = {}".format, expressions), st.builds("return {}".format, expressions), st.just("pass")),
    lambda inner: st.one_of(
        st.builds(
            "if {}:\n    {}\nelse:\n    {}".format,
            expressions,
            inner.map(lambda s: s.replace("\n", "\n    ")),
            inner.map(lambda s: s.replace("\n", "\n    ")),
        ),
        st.builds("for x in {}:\n    {}".format, expressions, inner.map(lambda s: s.replace("\n", "\n    "))),
        st.builds("def inner(x={}):\n    {}".format, expressions, inner.map(lambda s: s.replace("\n", "\n    "))),
    ),
    max_leaves=3,
)


def module(body: list[str], *, size: object = 4, helper: object = 1, default: object = 2) -> str:
    """A module with a producer of this body, a constant and a helper."""
    block = "\n".join(body).replace("\n", "\n    ") or "pass"
    return (
        f"SIZE = {size!r}\n\n"
        f"def helper(v):\n    return [v, {helper!r}]\n\n"
        f"def f(x, y=None, *, d={default!r}):\n    {block}\n    return d\n"
    )


class _Noise(ast.NodeTransformer):
    """Docstrings and bare constants in every block."""

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        self.generic_visit(node)
        node.body = [ast.Expr(ast.Constant("What it does.")), *node.body, ast.Pass()]
        return node


def rewritten(source: str, spaces: list[int]) -> str:
    """The same code with docstrings, other line breaks, comments and blank lines."""
    tree = ast.fix_missing_locations(_Noise().visit(ast.parse(source)))
    lines = ast.unparse(tree).splitlines()
    out: list[str] = []
    for line, space in itertools.zip_longest(lines, spaces[: len(lines)], fillvalue=0):
        indent = " " * (len(str(line)) - len(str(line).lstrip()))
        out += ["", f"{indent}# note {space}", ""][:space]
        out.append(str(line))
    return "\n".join(out) + "\n"


@given(st.lists(statements, max_size=3), st.lists(st.integers(0, 3), max_size=20))
def test_rewriting_changes_nothing(body: list[str], spaces: list[int]) -> None:
    """Comments, docstrings, blank lines and a trip through `ast.unparse` leave the fingerprint as it was."""
    source = module(body)
    before, after = load(source)["f"], load(rewritten(source, spaces))["f"]
    assert fingerprint(after).digest == fingerprint(before).digest
    assert fingerprint(before).complete


@given(st.lists(statements, max_size=2), plain, plain)
def test_a_changed_constant_default_or_helper_is_always_seen(body: list[str], one: object, other: object) -> None:
    """Two different values never have one fingerprint, wherever they stand; equal ones always have."""
    same = repr(sorted_sets(one)) == repr(sorted_sets(other))
    body = [*body, "y = helper(SIZE)"]
    for place in ("size", "helper", "default"):
        a = fingerprint(load(module(body, **{place: one}))["f"])
        b = fingerprint(load(module(body, **{place: other}))["f"])
        assert (a.digest == b.digest) == same


def sorted_sets(value: Any) -> Any:
    """The value with its sets in one order, so that its text tells whether it is the same."""
    if isinstance(value, frozenset):
        return ("set", sorted(map(repr, value)))
    if isinstance(value, list | tuple):
        return type(value)(map(sorted_sets, value))
    return {key: sorted_sets(item) for key, item in value.items()} if isinstance(value, dict) else value


@given(plain, plain)
def test_a_changed_closure_value_is_always_seen(one: object, other: object) -> None:
    """What a function closes over counts by value: equal copies are equal, others are not."""

    def closing(value: object) -> Any:
        return lambda: value

    assert fingerprint(closing(one)).digest == fingerprint(closing(copy.deepcopy(one))).digest
    if repr(sorted_sets(one)) != repr(sorted_sets(other)):
        assert fingerprint(closing(one)).digest != fingerprint(closing(other)).digest


@given(plain, plain)
def test_values_are_spelled_alike_exactly_when_they_are_equal_with_their_types(one: object, other: object) -> None:
    """The text that a value is digested from is unambiguous."""

    def spelled(value: object) -> str:
        return Constant(lambda *_: None).spell(value)

    assert (spelled(one) == spelled(other)) == (repr(sorted_sets(one)) == repr(sorted_sets(other)))


@given(expressions, expressions)
def test_syntax_is_digested_alike_exactly_when_it_says_the_same(one: str, other: str) -> None:
    """Two expressions have one digest if and only if they unparse to one text."""
    first, second = ast.parse(f"x = {one}"), ast.parse(f"x = {other}")
    assert (digest_of_syntax(first) == digest_of_syntax(second)) == (ast.unparse(first) == ast.unparse(second))
