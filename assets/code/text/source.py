"""From a function or class to its syntax tree, fast: each file is parsed once, definitions are found by their line.

`inspect.getsource` tokenises a block for every function; five thousand assets would take seconds. Here the cost is one
parse a file and one look-up a code object. Whatever `linecache` knows has a source: files, notebook cells, generated
code that was registered there.

Must never guess: when the text on disk is not what was loaded (edited since), there is no source.
"""

from __future__ import annotations

import ast
import gc
import linecache
import sys
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import CodeType, FunctionType
from typing import Any

from .names import ImportedName, imported_names

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
_BLOCKS = ("body", "orelse", "finalbody", "handlers", "cases")
_STARTED = time.time()  # a file that is older was loaded as it is


@dataclass(slots=True, eq=False)
class SourceFile:
    """One parsed file.

    Attributes
    ----------
    functions: first line (that of the first decorator, as code objects count) → definitions.
    classes: qualified name → definitions; several where an `if` chooses.
    """

    filename: str
    text: str
    tree: ast.Module
    changed: float | None
    functions: dict[int, list[ast.FunctionDef | ast.AsyncFunctionDef]] = field(default_factory=dict[int, Any])
    classes: dict[str, list[ast.ClassDef]] = field(default_factory=dict[str, Any])
    _compiled: dict[tuple[int, str], list[CodeType]] | None = None
    _imports: dict[str, ImportedName] | None = None

    def __post_init__(self) -> None:
        pending: list[tuple[ast.AST, str]] = [(self.tree, "")]
        while pending:
            node, prefix = pending.pop()
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                line = node.decorator_list[0].lineno if node.decorator_list else node.lineno
                self.functions.setdefault(line, []).append(node)
                prefix = f"{prefix}{node.name}.<locals>."
            elif isinstance(node, ast.ClassDef):
                self.classes.setdefault(prefix + node.name, []).append(node)
                prefix = f"{prefix}{node.name}."
            pending.extend((child, prefix) for child in _statements(node))

    @property
    def imports(self) -> dict[str, ImportedName]:
        """Name → what an import statement binds it to, also under `if TYPE_CHECKING` and inside functions; the imports
        of the module itself go before those inside."""
        if self._imports is None:
            self._imports = {}
            pending: list[ast.AST] = [self.tree]
            for node in pending:  # grows: outer statements before inner ones
                pending.extend(_statements(node))
                if isinstance(node, ast.Import | ast.ImportFrom):
                    for local, name in imported_names(node):
                        self._imports.setdefault(local, name)
        return self._imports

    def holds(self, code: CodeType) -> bool:
        """Whether the text is what `code` was compiled from; a file from before this process is believed."""
        if self.changed is None or self.changed < _STARTED - 1:
            return True
        if self._compiled is None:
            self._compiled = {}
            with uncollected():
                pending = [compile(self.text, self.filename, "exec", dont_inherit=True)]
            while pending:
                one = pending.pop()
                self._compiled.setdefault((one.co_firstlineno, one.co_name), []).append(one)
                pending.extend(constant for constant in one.co_consts if isinstance(constant, CodeType))
        return code in self._compiled.get((code.co_firstlineno, code.co_name), [])


_files: dict[str, tuple[tuple[int, float | None], SourceFile | None]] = {}
_functions: dict[int, tuple[CodeType, FunctionNode | None]] = {}  # by identity: equal code may have other annotations


def file_of(filename: str, namespace: dict[str, Any] | None = None) -> SourceFile | None:
    """The parsed file, or None where there is no readable Python text.

    `namespace` is the module's, whose loader may give the text of what lies in an archive.
    """
    linecache.checkcache(filename)
    lines = linecache.getlines(filename, namespace)
    if not lines:
        return None
    entry = linecache.cache.get(filename, (0, None))
    stamp = (int(entry[0] or 0), entry[1]) if len(entry) > 1 else (0, None)
    known = _files.get(filename)
    if known is not None and known[0] == stamp:
        return known[1]
    text = "".join(lines)
    try:
        parsed = SourceFile(filename=filename, text=text, tree=_parsed(text), changed=stamp[1])
    except (SyntaxError, ValueError):
        parsed = None
    _files[filename] = (stamp, parsed)
    return parsed


def function_node(function: FunctionType) -> FunctionNode | None:
    """The definition that `function` was compiled from, or None where there is no source for it.

    Functions made in a loop share one code object, and so one look-up.
    """
    code = function.__code__
    known = _functions.get(id(code))
    if known is not None and known[0] is code:
        return known[1]
    file = file_of(code.co_filename, function.__globals__)
    if file is not None and not file.holds(code):
        _files.pop(code.co_filename, None)  # two writes within one tick of the disk's clock look alike
        linecache.cache.pop(code.co_filename, None)
        file = file_of(code.co_filename, function.__globals__)
    node = _found(file, code) if file is not None and file.holds(code) else None
    _functions[id(code)] = (code, node)
    return node


def class_nodes(cls: type) -> tuple[ast.ClassDef, ...]:
    """The definitions that may have made `cls`: one, or several where an `if` chooses; none without source."""
    methods = [
        item for item in vars(cls).values() if isinstance(item, FunctionType) and item.__module__ == cls.__module__
    ]
    own = [method for method in methods if method.__qualname__.startswith(f"{cls.__qualname__}.")]
    module = sys.modules.get(cls.__module__)
    filenames = [method.__code__.co_filename for method in own] + [getattr(module, "__file__", None) or ""]
    for filename in dict.fromkeys(filenames):
        file = file_of(filename, getattr(module, "__dict__", None)) if filename else None
        nodes = file.classes.get(cls.__qualname__, []) if file is not None else []
        if len(nodes) > 1:
            lines = {method.__code__.co_firstlineno for method in own}
            nodes = [n for n in nodes if any(n.lineno <= line <= (n.end_lineno or 0) for line in lines)] or nodes
        if nodes:
            return tuple(nodes)
    return ()


@contextmanager
def uncollected() -> Generator[None]:
    """Without garbage collection: a tree is a million objects and no garbage; collecting meanwhile doubles the time."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


def _parsed(text: str) -> ast.Module:
    with uncollected():
        return ast.parse(text)


def _statements(node: ast.AST) -> Iterator[ast.AST]:
    """The statements directly in a block; expressions hold no definitions but lambdas, which are found by line."""
    for name in _BLOCKS:
        block = getattr(node, name, None)
        if isinstance(block, list):
            yield from block  # pyright: ignore[reportUnknownVariableType]  what a block holds are nodes


def _found(file: SourceFile, code: CodeType) -> FunctionNode | None:
    if code.co_name != "<lambda>":
        named = [node for node in file.functions.get(code.co_firstlineno, []) if node.name == code.co_name]
        return named[0] if len(named) == 1 else None
    lambdas = list(_lambdas(file.tree, code.co_firstlineno))
    if len(lambdas) > 1:
        lambdas = _at_position(lambdas, code)
    return lambdas[0] if len(lambdas) == 1 else None


def _lambdas(tree: ast.Module, line: int) -> Iterator[ast.Lambda]:
    pending: list[ast.AST] = [node for node in tree.body if node.lineno <= line <= (node.end_lineno or line)]
    pending += [d for n in tree.body for d in getattr(n, "decorator_list", []) if d.lineno <= line <= d.end_lineno]
    for outer in list(dict.fromkeys(pending)):
        for node in ast.walk(outer):
            if isinstance(node, ast.Lambda) and node.lineno == line:
                yield node


def _at_position(lambdas: list[ast.Lambda], code: CodeType) -> list[ast.Lambda]:
    """Of several lambdas on one line, the one in whose body all instructions of `code` lie, the innermost."""
    spots = [
        ((line, column), (end_line, end_column))
        for line, end_line, column, end_column in code.co_positions()
        if line is not None and end_line is not None and column is not None and end_column
    ]

    def around(node: ast.Lambda) -> bool:
        start = (node.body.lineno, node.body.col_offset)
        end = (node.body.end_lineno or 0, node.body.end_col_offset or 0)
        return all(start <= first and last <= end for first, last in spots)

    fitting = [node for node in dict.fromkeys(lambdas) if around(node)] if spots else []
    innermost = max(fitting, key=lambda node: (node.lineno, node.col_offset), default=None)
    return [] if innermost is None else [innermost]
