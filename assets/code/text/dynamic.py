"""What code does that no reading of it can follow: names made up at run time, files and variables of the environment.

Told only where it is sure, since a warning that is wrong teaches to overlook the next: `open` of a parameter is the
caller's business, `open` of a text that stands in the code is not. A name counts by the object it stands for, whatever
it is called here. Nothing is called or imported to find that out.
"""

from __future__ import annotations

import ast
import builtins
import importlib
import io
import os
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import PurePath
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any, cast

from .names import IMPORTERS, Chain, ImportedName, constant_key, imported_names

NOTHING = object()
"""What a name stands for that only running code could tell."""

_DICT = "keep what is chosen from in a dict of the module, {'name': function}, which is followed"
_FILE = "make it an input of the asset, or read it into a constant of the module, which counts by its value"
_VARIABLE = "read it into a constant of the module, which counts by its value, or make it a run parameter"
_EVALUATED = "write it as a function, which is followed"

_SUSPECT = frozenset({"open", "eval", "exec", "globals", "vars", "getattr", *IMPORTERS})
_MODULES = frozenset({"builtins", "importlib", "io", "os", "pathlib", "sys"})
_READERS = {  # of these libraries, what reads the file that its first argument names
    "bz2": "open",
    "codecs": "open",
    "gzip": "open",
    "lzma": "open",
    "joblib": "load",
    "numpy": "load|loadtxt|genfromtxt|fromfile|memmap",
    "pandas": "read_.*",
    "pkgutil": "get_data",
    "polars": "(read|scan)_.*",
    "pyarrow": "read_.*|open_csv",
    "sqlite3": "connect",
}
_PATH_READERS = frozenset({"open", "read_text", "read_bytes", "iterdir", "glob", "rglob"})
_CREDENTIAL = re.compile(r"(API|ACCESS|PRIVATE|SECRET)_?KEY|TOKEN$|SECRET|PASSW|CREDENTIAL", re.IGNORECASE)
_SHOWN = 60  # characters of the user's code in a sentence


@dataclass(frozen=True, slots=True)
class Access:
    """One thing that cannot be followed.

    Attributes
    ----------
    line: where it stands.
    what: a noun phrase, `"what open('words.txt') reads"`.
    instead: what to do about it.
    chooses: whether it chooses among the project's own code; else it looks outside, anew in every execution.
    """

    line: int
    what: str
    instead: str
    chooses: bool = False


def is_suspect(chain: Chain, value: object) -> bool:
    """Whether a name and what it stands for (`NOTHING` for a builtin) make the code worth a closer look."""
    if value is NOTHING:
        return chain[0] in _SUSPECT
    kind = value.__class__
    if kind is ModuleType:
        name = cast("ModuleType", value).__name__
        return name in _MODULES or chain[-1] == "__dict__" or _is_reader(name, chain[-1])
    if value is os.environ or value is sys.modules or isinstance(value, PurePath):
        return True
    return isinstance(value, FunctionType | BuiltinFunctionType | type) and _is_suspect_callable(value)


def is_suspect_import(source: ImportedName, chain: Chain) -> bool:
    """The same of an import inside the code."""
    return source.module.partition(".")[0] in _MODULES or _is_reader(source.module, (source.attribute, *chain)[-1])


def _is_suspect_callable(value: Any) -> bool:
    if isinstance(value, type):
        return issubclass(value, PurePath)
    name = getattr(value, "__name__", "")
    return name in _SUSPECT or name in {"getenv", "files"} or _is_reader(getattr(value, "__module__", None), name)


def _is_reader(module: object, name: object) -> bool:
    pattern = _READERS.get(module.partition(".")[0]) if isinstance(module, str) else None
    return pattern is not None and isinstance(name, str) and re.fullmatch(pattern, name) is not None


class Accesses:
    """One definition, searched.

    Parameters
    ----------
    outer: what a name outside the definition stands for; `NOTHING` where it is not known.
    is_own: whether a module is the project's own.
    """

    def __init__(self, node: ast.AST, outer: Callable[[str], object], is_own: Callable[[ModuleType], bool]) -> None:
        self.outer = outer
        self.is_own = is_own
        self.nodes = list(ast.walk(node))
        self.imported: dict[str, ImportedName] = {}
        self.bound: dict[str, ast.expr | None] = {}  # local name → its one value; None where there are several
        for one in self.nodes:
            if isinstance(one, ast.Import | ast.ImportFrom):
                self.imported.update(imported_names(one))
            elif isinstance(one, ast.arg):
                self.bound[one.arg] = None
            elif isinstance(one, ast.Name) and not isinstance(one.ctx, ast.Load):
                self.bound[one.id] = None
        stores = [one.id for one in self.nodes if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store)]
        for one in self.nodes:
            match one:
                case ast.Assign(targets=[ast.Name(id=name)], value=value) if stores.count(name) == 1:
                    self.bound[name] = value
                case _:
                    continue

    def found(self) -> Iterator[Access]:
        """Everything that cannot be followed, in the order of the tree."""
        followed = {
            id(one.value)
            for one in self.nodes
            if isinstance(one, ast.Subscript) and (constant_key(one) or not isinstance(one.ctx, ast.Load))
        }  # `globals()["name"]` is read like `name`; what is assigned so is not read
        for one in self.nodes:
            access: Access | None = None
            if isinstance(one, ast.Call) and id(one) not in followed:
                access = self._call(one)
            elif isinstance(one, ast.Subscript) and isinstance(one.ctx, ast.Load):
                access = self._subscript(one)
            elif isinstance(one, ast.Attribute) and one.attr == "__dict__" and self._own_module(one.value):
                access = self._chosen(one)
            if access is not None:
                yield access

    # what stands for what

    def _value(self, node: ast.expr) -> Any:
        """The object that an expression of names and attributes stands for, found without running any code."""
        if isinstance(node, ast.Name):
            if node.id in self.imported:
                return self._import(self.imported[node.id])
            return NOTHING if node.id in self.bound else self.outer(node.id)
        if isinstance(node, ast.Attribute):
            base = self._value(node.value)
            return vars(base).get(node.attr, NOTHING) if isinstance(base, ModuleType) else NOTHING
        return NOTHING

    def _import(self, name: ImportedName) -> Any:
        if name.level:
            return NOTHING
        module = sys.modules.get(name.module, NOTHING)
        return vars(module).get(name.attribute, NOTHING) if name.attribute and module is not NOTHING else module

    def _own_module(self, node: ast.expr) -> bool:
        value = self._value(node)
        return isinstance(value, ModuleType) and self.is_own(value)

    def _is_constant(self, node: ast.expr | None, depth: int = 8) -> bool:
        """Whether an expression gives the same text or path at every call, by what stands in the code."""
        if node is None or depth == 0:
            return False
        match node:
            case ast.Constant():
                return True
            case ast.JoinedStr(values=parts):
                return all(
                    self._is_constant(getattr(part, "value", part), depth) for part in parts if not _is_text(part)
                )
            case ast.BinOp(left=left, right=right):
                return self._is_constant(left, depth) and self._is_constant(right, depth)
            case ast.Name(id=name) if name in self.bound:
                return self._is_constant(self.bound[name], depth - 1)
            case ast.Name():
                return isinstance(self._value(node), str | PurePath)
            case ast.Attribute(value=base):
                return isinstance(self._value(node), str | PurePath) or self._is_constant(base, depth)
            case ast.Subscript(value=base):
                return self._is_constant(base, depth)
            case ast.Call(func=called, args=arguments):
                known = self._makes_path(called) or (
                    isinstance(called, ast.Attribute) and self._is_constant(called.value, depth)
                )
                return known and all(self._is_constant(argument, depth) for argument in arguments)
            case _:
                return False

    def _makes_path(self, called: ast.expr) -> bool:
        if isinstance(called, ast.Attribute) and called.attr in {"cwd", "home"}:
            called = called.value
        value = self._value(called)
        if isinstance(value, type):
            return value is str or issubclass(value, PurePath)
        module, name = str(getattr(value, "__module__", "")), getattr(value, "__name__", "")
        return module in {"posixpath", "ntpath"} or (module.startswith("importlib.resources") and str(name) == "files")

    def _is_path(self, node: ast.expr, depth: int = 8) -> bool:
        """Whether a constant expression is a path: it begins with one."""
        at = node
        while isinstance(at, ast.BinOp | ast.Attribute | ast.Subscript | ast.Call):
            if isinstance(at, ast.Call) and self._makes_path(at.func):
                return True
            if isinstance(self._value(at), PurePath):
                return True
            at = at.left if isinstance(at, ast.BinOp) else at.func if isinstance(at, ast.Call) else at.value
        if isinstance(at, ast.Name) and at.id in self.bound:
            inner = self.bound[at.id]
            return depth > 0 and inner is not None and self._is_path(inner, depth - 1)
        return isinstance(self._value(at), PurePath)

    # what is told

    def _call(self, node: ast.Call) -> Access | None:
        value = self._value(node.func)
        if not isinstance(value, FunctionType | BuiltinFunctionType | type):
            return self._method(node)
        first = node.args[0] if node.args else next((one.value for one in node.keywords), None)
        if any(value is one for one in _CHOOSERS):
            return self._choice(value, node)
        if value is os.getenv:
            return self._variable(node, first)
        module, name = getattr(value, "__module__", None), getattr(value, "__name__", "")
        if (value is io.open or _is_reader(module, name)) and self._is_constant(first):
            return None if _writes(node, 1) else Access(node.lineno, f"what {_shown(node, first)} reads", _FILE)
        return None

    def _method(self, node: ast.Call) -> Access | None:
        """`PATH.read_text()`, `os.environ.get(…)`, `sys.modules.get(…)`."""
        if not isinstance(node.func, ast.Attribute):
            return None
        base = node.func.value
        owner = self._value(base)
        if owner is os.environ and node.func.attr == "get" and node.args:
            return self._variable(node, node.args[0])
        if (
            owner is sys.modules
            and node.func.attr == "get"
            and node.args
            and not isinstance(node.args[0], ast.Constant)
        ):
            return self._chosen(node)
        if node.func.attr not in _PATH_READERS or _writes(node, 0):
            return None
        if not (self._is_path(base) and self._is_constant(base)):
            return None
        return Access(node.lineno, f"what {_shown(node, None)} reads", _FILE)

    def _choice(self, value: object, node: ast.Call) -> Access | None:
        """A name made up at run time; one that stands there as a text is followed like any other."""
        if value is eval or value is exec:
            return Access(node.lineno, f"what {_shown(node, None)} runs", _EVALUATED, chooses=True)
        if value is importlib.import_module or value is builtins.__import__:
            given = node.args[0].value if node.args and isinstance(node.args[0], ast.Constant) else None
            if isinstance(given, str) and not given.startswith("."):
                return None
            return Access(node.lineno, f"the module that {_shown(node, None)} gives", f"import it by name, or {_DICT}")
        if value is getattr and len(node.args) > 1 and not isinstance(node.args[1], ast.Constant):
            return self._chosen(node) if self._own_module(node.args[0]) else None
        if value is vars and node.args:
            return self._chosen(node) if self._own_module(node.args[0]) else None
        return self._chosen(node) if value is globals else None

    def _subscript(self, node: ast.Subscript) -> Access | None:
        value = self._value(node.value)
        if value is os.environ:
            return self._variable(node, node.slice)
        return self._chosen(node) if value is sys.modules and not constant_key(node) else None

    def _chosen(self, node: ast.expr) -> Access:
        return Access(node.lineno, f"what is chosen by {_shown(node, None)}", _DICT, chooses=True)

    def _variable(self, node: ast.expr, key: ast.expr | None) -> Access | None:
        """A variable of the environment; which credential is used decides nothing about the result."""
        if key is None or not self._is_constant(key):
            return None
        name = key.value if isinstance(key, ast.Constant) else self._value(key)
        if _CREDENTIAL.search(str(name)):
            return None
        return Access(node.lineno, f"what {_shown(node, None)} gives", _VARIABLE)


_CHOOSERS = [eval, exec, importlib.import_module, builtins.__import__, getattr, vars, globals]


def _is_text(part: ast.expr) -> bool:
    return isinstance(part, ast.Constant)


def _writes(node: ast.Call, position: int) -> bool:
    """Whether a call opens a file only to write it."""
    given: list[ast.expr] = [one.value for one in node.keywords if one.arg == "mode"]
    given += node.args[position : position + 1]
    mode = given[0].value if given and isinstance(given[0], ast.Constant) else "r"
    return isinstance(mode, str) and set(mode) <= set("wxabt") and bool(set(mode) & set("wxa"))


def _shown(node: ast.expr, first: ast.expr | None) -> str:
    """The user's code in a sentence: short, and never with what may be a password in an address."""
    text = ast.unparse(node if first is None or not isinstance(node, ast.Call) else ast.Call(node.func, [first], []))
    if "@" in text or len(text) > _SHOWN:
        called = ast.unparse(node.func) if isinstance(node, ast.Call) else text
        text = f"{called[:_SHOWN]}(…)" if "@" not in called else "…"
    return text
