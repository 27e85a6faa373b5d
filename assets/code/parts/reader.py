"""Reads the parts that a producer reaches, each once, and numbers them."""

from __future__ import annotations

import ast
import builtins
import sys
from dataclasses import dataclass, field
from types import FunctionType, ModuleType
from typing import Any, cast

from ....storage.manifest import canonical_json, digest_of
from ..ownership import Home
from ..text.dynamic import NOTHING, Accesses, is_suspect, is_suspect_import
from ..text.names import Chain, Names, names_in_module, names_of
from ..text.shapes import annotated, named, shape_of
from ..text.source import class_nodes, file_of
from ..text.trees import digest_of_syntax
from .classes import asks_for_subclasses, names_around, spelled_members, spelled_without_text
from .constants import Constant
from .follow import Follower, Target, content_of
from .places import places


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """Everything that one producer reaches.

    Attributes
    ----------
    parts: (name, digest), in the order met, the producer first.
    missing: what could not be covered, each a sentence.
    looks: what the code looks up outside itself in every execution, each a sentence.
    files: in which the parts are written, each once, as far as that is known.
    """

    digest: str
    parts: tuple[tuple[str, str], ...]
    missing: tuple[str, ...]
    looks: tuple[str, ...]
    files: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Part:
    digest: str
    edges: tuple[Target, ...]
    missing: tuple[str, ...]
    looks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Gaps:
    """What one part cannot cover, as it is found."""

    missing: list[str] = field(default_factory=list[str])
    looks: list[str] = field(default_factory=list[str])


class Reader:
    """Reads parts, each once, for the producers of one home."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.follower = Follower(home)
        self._parts: dict[tuple[object, ...], tuple[Target, _Part]] = {}  # holds the values, so that ids stay theirs

    def read(self, function: object) -> Reading:
        """The parts that a producer reaches, and the digest of all with how they refer to each other."""
        order = self._roots(function)
        number = {root.key: place for place, root in enumerate(order)}
        whole: list[list[object]] = []
        parts: list[tuple[str, str]] = []
        missing: list[str] = []
        looks: list[str] = []
        files: dict[str, None] = {}
        for target in order:  # grows
            part = self._part(target)
            for edge in part.edges:
                if edge.key not in number:
                    number[edge.key] = len(order)
                    order.append(edge)
            whole.append([part.digest, [number[edge.key] for edge in part.edges]])
            parts.append((target.label, part.digest))
            missing += part.missing
            looks += part.looks
            files |= dict.fromkeys(places(target, self.home))
        digest = digest_of(canonical_json(whole))
        return Reading(
            digest=digest, parts=tuple(parts), missing=tuple(missing), looks=tuple(looks), files=tuple(files)
        )

    def _roots(self, function: object) -> list[Target]:
        walk = self.follower.walk()
        if self.follower.refer(function, walk) != "own function":
            kind = function if hasattr(function, "__qualname__") else type(function)
            label = f"{kind.__module__}.{getattr(kind, '__qualname__', '')}"
            return [Target(("root", id(function)), label, function)]
        root = cast("Target", walk.edges[0])
        aliases = self._aliases(root.value)
        if not aliases:
            return [root]
        return [root, Target(("annotations", *root.key), f"{root.label} annotations", (root.value, aliases))]

    def _aliases(self, function: FunctionType) -> tuple[Chain, ...]:
        """The names in annotations that stand for something else: a class under its own name says it already."""
        namespace = function.__globals__
        found: list[Chain] = []
        for chain in annotated(function):
            value: Any = namespace.get(chain[0], NOTHING)
            if isinstance(value, ModuleType) and not self.follower.owns_module(value):
                continue
            for name in chain[1:]:
                value = vars(value).get(name, NOTHING) if isinstance(value, ModuleType) else NOTHING
            if value is not NOTHING and named(value) != chain[-1]:
                found.append(chain)
        if not found:
            return ()
        file = file_of(function.__code__.co_filename, namespace)
        imports = file.imports if file is not None else {}

        def renamed(chain: Chain) -> bool:  # `from polars import LazyFrame as LF`
            source = imports.get(chain[0]) if len(chain) == 1 else None
            return source is not None and source.attribute == named(namespace[chain[0]])

        return tuple(chain for chain in found if not renamed(chain))

    def _part(self, target: Target) -> _Part:
        known = self._parts.get(target.key)
        if known is None:
            known = self._parts[target.key] = (target, self._read(target))
        return known[1]

    def _read(self, target: Target) -> _Part:
        walk = self.follower.walk()
        gaps = _Gaps()
        kind = target.key[0]
        if kind == "function":
            texts = self._function(target, walk, gaps)
        elif kind == "class":
            texts = self._class(target, walk, gaps)
        elif kind == "module":
            texts = self._module(target, walk, gaps)
        elif kind == "annotations":
            function, aliases = target.value
            texts = [f"{one} {self.follower.read_globally(one, function.__globals__, walk)}" for one in aliases]
        else:
            texts = [walk.spell(target.value)]
        if walk.missing:
            gaps.missing.extend(f"{target.label} holds {what}: a change of it goes unnoticed" for what in walk.missing)
        return _Part(
            digest_of("\n".join(texts).encode()),
            tuple(cast("list[Target]", walk.edges)),
            tuple(gaps.missing),
            tuple(gaps.looks),
        )

    # what each kind of part says

    def _function(self, target: Target, walk: Constant, gaps: _Gaps) -> list[str]:
        function = cast("FunctionType", target.value)
        shape = shape_of(function, decorated=target.decorated)
        if shape.node is None:
            gaps.missing.append(
                f"{target.label} has no source: its bytecode counts, which other versions of Python change"
            )
        cells = {
            name: content_of(cell)
            for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
        }
        defaults, named_defaults = function.__defaults__, function.__kwdefaults__
        texts = [shape.text, f"defaults {walk.spell(defaults)} {walk.spell(_sorted(named_defaults))}"]
        if vars(function):
            said = sorted((name, value) for name, value in vars(function).items() if not name.startswith("__"))
            texts += [f"attribute {name} {walk.spell(value)}" for name, value in said]
        read = {chain[0] for chain in shape.names.outer}
        texts += [f"closure {name} {walk.spell(value)}" for name, value in cells.items() if name not in read]
        namespace = function.__globals__
        for chain in shape.names.outer:
            if chain[0] in cells:
                text = self.follower.through(cells[chain[0]], chain[1:], None, chain[0], walk)
                texts.append(f"closure {chain} {text}")
            else:
                texts.append(f"global {chain} {self.follower.read_globally(chain, namespace, walk)}")
        texts += self.follower.imports(shape.names, namespace, target.label, walk, gaps.missing)
        if shape.node is not None and (shape.names.outer or shape.names.imported):
            names = {**namespace, **cells} if cells else namespace
            self._look(shape.node, shape.names, names, target, gaps)
        return texts

    def _class(self, target: Target, walk: Constant, gaps: _Gaps) -> list[str]:
        cls = cast("type", target.value)
        nodes = class_nodes(cls)
        if not nodes:
            made = spelled_without_text(cls, walk, self.follower)
            if made is None:
                gaps.missing.append(f"{target.label} has no source: a change of it goes unnoticed")
            return made or [f"class {cls.__qualname__}"]
        namespace = names_around(cls)
        texts: list[str] = []
        for node in nodes:
            names = names_of(node)
            texts.append(f"class {digest_of_syntax(node)}")
            texts += [f"global {one} {self.follower.read_globally(one, namespace, walk)}" for one in names.outer]
            texts += self.follower.imports(names, namespace, target.label, walk, gaps.missing)
            self._look(node, names, namespace, target, gaps)
        texts += spelled_members(cls, nodes, walk, self.follower)
        if asks_for_subclasses(nodes):
            texts.append(self.follower.subclasses(cls, walk))
        return texts

    def _module(self, target: Target, walk: Constant, gaps: _Gaps) -> list[str]:
        module = cast("ModuleType", target.value)
        file = file_of(getattr(module, "__file__", None) or "", vars(module))
        if file is None:
            gaps.missing.append(f"{target.label} is used as a value and has no source: a change of it goes unnoticed")
            return [f"module {module.__name__}"]
        names = names_in_module(file.tree)
        texts = [f"module {digest_of_syntax(file.tree)}"]
        texts += [f"global {one} {self.follower.read_globally(one, vars(module), walk)}" for one in names.outer]
        return [*texts, *self.follower.imports(names, vars(module), target.label, walk, gaps.missing)]

    def _look(self, node: ast.AST, names: Names, namespace: dict[str, Any], target: Target, gaps: _Gaps) -> None:
        """Tell what the code of a part does that cannot be followed; searched only where a name makes it worth it."""
        get = namespace.get
        suspect = any(is_suspect(chain, get(chain[0], NOTHING)) for chain in names.outer)
        if not suspect and not any(is_suspect_import(source, chain) for source, chain in names.imported):
            return

        def outer(name: str) -> object:
            value = get(name, NOTHING)
            return getattr(builtins, name, NOTHING) if value is NOTHING else value

        for access in Accesses(node, outer, self.follower.owns_module).found():
            place = self._place(target, access.line)
            sentence = f"{access.what} ({place}): {access.instead}"
            (gaps.missing if access.chooses else gaps.looks).append(sentence)

    def _place(self, target: Target, line: int) -> str:
        """File and line, from the folder that the project is imported from."""
        value = target.value
        if isinstance(value, FunctionType):
            filename = value.__code__.co_filename
        else:
            filename = str(getattr(sys.modules.get(value.__module__), "__file__", None) or value.__module__)
        return f"{filename.removeprefix(f'{self.home.root}/')}:{line}, in {target.label}"


def _sorted(mapping: dict[str, Any] | None) -> dict[str, Any] | None:
    return None if mapping is None else dict(sorted(mapping.items()))
