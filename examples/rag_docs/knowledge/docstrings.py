"""Docstrings out of Python source text, by syntax tree: nothing is imported, so nothing can have a side effect.

Never runs or imports the code it reads.
"""

from __future__ import annotations

import ast
import inspect
import warnings
from collections.abc import Iterator
from pathlib import Path

MIN_LENGTH = 20
"""Shorter docstrings ("Return repr(self).") say nothing that a question could ask for."""

_Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def read_docstrings(path: Path, module: str, *, functions: bool = True) -> Iterator[tuple[str, str]]:
    """Yield `(qualified name, signature and docstring)` for what is public in one source file, in order of the file.

    Classes, functions and methods, also those under a module-level `if` or `try`; names with a leading underscore and
    docstrings below 20 characters are left out. A file that is not there or does not parse yields nothing: a library
    may have moved it.

    >>> dict(read_docstrings(Path(textwrap.__file__), "textwrap"))["textwrap.dedent"][:12]
    'dedent(text)'
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an invalid escape in other people's code is not ours to report
            tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return
    if text := _text_of(tree):
        yield module, text
    if functions:
        yield from _walk(tree.body, module)


def _walk(body: list[ast.stmt], scope: str) -> Iterator[tuple[str, str]]:
    for node in body:
        if isinstance(node, _Definition):
            if node.name.startswith("_"):
                continue
            name = f"{scope}.{node.name}"
            if text := _text_of(node):
                yield name, f"{_signature(node)}\n\n{text}"
            if isinstance(node, ast.ClassDef):
                yield from _walk(node.body, name)
        elif isinstance(node, ast.If | ast.Try):
            for branch in (node.body, node.orelse):
                yield from _walk(branch, scope)


def _text_of(node: _Definition | ast.Module) -> str:
    text = ast.get_docstring(node) or ""
    return text if len(text) >= MIN_LENGTH else ""


def _signature(node: _Definition) -> str:
    if isinstance(node, ast.ClassDef):
        bases = ", ".join(map(ast.unparse, node.bases))
        return f"class {node.name}({bases})" if bases else f"class {node.name}"
    return f"{node.name}({ast.unparse(node.args)})"


def read_attributes(module: object, name: str) -> Iterator[tuple[str, str]]:
    """Yield the same pairs for a module written in C, from `__doc__` of its public classes, functions and methods.

    Only for modules of the running interpreter: there is no source to read, and importing them does nothing.
    """
    prefix = "" if name == "builtins" else f"{name}."
    for attribute, value in sorted(vars(module).items()):
        # a hook, or a name of another module, was put there by whoever started this process
        if attribute.startswith("_") or attribute.endswith("hook") or getattr(value, "__module__", None) != name:
            continue
        members = sorted(vars(value).items()) if isinstance(value, type) else []
        for label, thing in [(attribute, value), *((f"{attribute}.{key}", member) for key, member in members)]:
            text = inspect.cleandoc(getattr(thing, "__doc__", None) or "")
            if len(text) >= MIN_LENGTH and not label.rpartition(".")[2].startswith("_"):
                yield f"{prefix}{label}", f"{label}\n\n{text}"
